"""From the bytes of a CSV or XLSX file to rows, whatever people put around them.

Handles title rows, stacked headers (a group header only over its first column), subtotal rows, cells left empty
because they repeat the cell above, byte order marks, UTF-8, UTF-16 and windows-1258, and any of the usual delimiters.
Bounded in rows, columns, cells and unpacked bytes. Whatever is wrong with a file as a whole raises SourceDown.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import msgspec

from ioc import fields, unpack
from ioc.errors import BadRecord, SourceDown
from ioc.tables import Row

Encoding = Literal["utf-8", "utf-16", "windows-1258", "windows-1252"]
DELIMITERS = ",;\t|"
SNIFFED = 64 * 1024
"""Characters that the delimiter is guessed from."""


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a table lies in its file.

    `sheet`: its name, or its number from 1. `header`: row (from 1) where the header starts; left out: the first row
    with two filled cells. `header_rows`: how many rows it has; names of stacked headers are joined with `joiner`, a
    column without any is called by its letter (A, B, …). `fill_down`: columns whose empty cells repeat those above.
    `subtotal`: a regular expression; rows with it in `subtotal_in` (default: `fill_down`, else the first column) are
    subtotals: left out, or told apart. `encoding`, `delimiter`: of a CSV; left out: found out. `max_rows`,
    `max_unpacked` (bytes): limits.
    """

    sheet: str | int = 1
    header: int | None = None
    header_rows: int = 1
    joiner: str = " / "
    fill_down: tuple[str, ...] = ()
    subtotal: str | None = None
    subtotal_in: tuple[str, ...] = ()
    encoding: Encoding | None = None
    delimiter: str | None = None
    max_rows: int = 200_000
    max_unpacked: int = 256 * 1024 * 1024

    def __post_init__(self) -> None:
        if not 1 <= self.header_rows <= 10:
            raise ValueError("header_rows is 1 to 10")
        if self.header is not None and self.header < 1:
            raise ValueError("header is a row's number, counted from 1")
        if self.delimiter is not None and len(self.delimiter) != 1:
            raise ValueError('delimiter is one character, like ";"')
        try:
            re.compile(self.subtotal or "")
        except re.error as error:
            raise ValueError(f"subtotal is no regular expression ({error})") from None


class Table(NamedTuple):
    """A table's columns in order, and its rows, read as they are asked for."""

    columns: list[str]
    rows: Iterator[Row | BadRecord]


Grid = Iterator[tuple[int, list[Any]]]
"""Lines (from 1) with their cells."""


class Book:
    """One file; `table` reads it in one shape or another. Raises SourceDown when it is no table at all."""

    def __init__(self, body: bytes, name: str) -> None:
        self.name = name or "The file"
        self._body = body
        self._texts: dict[str | None, str] = {}
        self._sheets: dict[tuple[str | int, int, int], list[list[Any]]] = {}
        if not body:
            raise SourceDown(f"{self.name} is empty; ask its sender for a whole one.")
        if body[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith((b"<!doctype", b"<html", b"<?xml")):
            raise SourceDown(f"{self.name} is an HTML or XML page and no table; save it as XLSX or CSV.")
        if body.startswith(b"\xd0\xcf\x11\xe0"):
            raise SourceDown(
                f"{self.name} is an old XLS or a locked workbook; save it as XLSX or CSV, without a password."
            )
        self.is_xlsx = body.startswith(b"PK\x03\x04")
        if name.lower().endswith((".xlsx", ".xlsm")) and not self.is_xlsx:
            raise SourceDown(f"{self.name} is no XLSX inside; save it again, or name it .csv if it is one.")

    def titles(self, shape: Shape) -> list[str]:
        """What stands above the table's header, one text a row."""
        above: list[str] = []
        for line, cells in self._grid(shape):
            filled = [cell for cell in cells if _filled(cell)]
            if len(filled) > 1 if shape.header is None else line >= shape.header:
                return above
            if filled:
                above.append(_joined(filled))
        return above

    def table(self, shape: Shape, *, totals: bool = False) -> Table:
        """The table in that shape: its header is read now, its rows as they are asked for; subtotals if `totals`."""
        grid = self._grid(shape)
        heads = self._heads(grid, shape)
        names = _names(heads, shape.joiner)
        strange = [name for name in (*shape.fill_down, *shape.subtotal_in) if name not in names]
        if strange:
            raise SourceDown(
                f"{self.name} has no column {', '.join(strange)}; correct fill_down or subtotal_in, or the file."
            )
        return Table(names, _rows(grid, names, shape, totals))

    def _grid(self, shape: Shape) -> Grid:
        return self._xlsx(shape) if self.is_xlsx else self._csv(shape)

    def _heads(self, grid: Grid, shape: Shape) -> list[list[Any]]:
        heads: list[list[Any]] = []
        for line, cells in grid:
            if heads or (sum(map(_filled, cells)) > 1 if shape.header is None else line >= shape.header):
                heads.append(cells)
            if len(heads) == shape.header_rows:
                return heads
        raise SourceDown(
            f"{self.name} has no header row of two columns or more; check that it is the right file and is whole."
        )

    def _csv(self, shape: Shape) -> Grid:
        if shape.encoding not in self._texts:
            self._texts[shape.encoding] = _decode(self._body, shape.encoding, self.name)
        text = self._texts[shape.encoding]
        delimiter = shape.delimiter or _delimiter(text[:SNIFFED])
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        line = 1
        for count in range(shape.max_rows + 1):
            try:
                cells = next(reader, None)
            except csv.Error as error:
                say = f"{self.name} breaks off or is wrongly quoted near line {line} ({error}); ask for a whole one."
                raise SourceDown(say) from None
            if cells is None:
                return
            if count == shape.max_rows:
                break
            yield line, cells
            line = reader.line_num + 1
        raise SourceDown(f"{self.name} has more than {shape.max_rows:,} rows; split it, or raise max_rows.")

    def _xlsx(self, shape: Shape) -> Grid:
        key = (shape.sheet, shape.max_rows, shape.max_unpacked)
        if key not in self._sheets:
            self._sheets[key] = self._sheet(shape)
        yield from enumerate(self._sheets[key], 1)

    def _sheet(self, shape: Shape) -> list[list[Any]]:
        unpack.check(self._body, self.name, shape.max_unpacked, shape.max_rows)
        import python_calamine

        try:
            book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(self._body))
            known = book.sheet_names
            found = shape.sheet in known if isinstance(shape.sheet, str) else 1 <= shape.sheet <= len(known)
            if not found:
                raise SourceDown(
                    f"{self.name} has no sheet {shape.sheet}, only {', '.join(known) or 'none'}; correct one of them."
                )
            sheet = book.get_sheet_by_name(known[shape.sheet - 1] if isinstance(shape.sheet, int) else shape.sheet)
            rows = sheet.to_python(skip_empty_area=False)
        except SourceDown:
            raise
        except BaseException as error:
            # a Rust reader that gives up raises PanicException, which is no Exception: it must not end the poller
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            say = f"{self.name} can't be read as XLSX ({type(error).__name__}); open it and save it again."
            raise SourceDown(say) from None
        if len(rows) > shape.max_rows:
            raise SourceDown(f"{self.name} has more than {shape.max_rows:,} rows; split it, or raise max_rows.")
        return rows


def _decode(body: bytes, encoding: Encoding | None, name: str) -> str:
    """The text of a CSV, without its byte order mark; raises SourceDown when no encoding fits it whole."""
    guess = encoding or _encoding(body, name)
    try:
        text = body.decode(guess if guess != "utf-8" else "utf-8-sig")
    except UnicodeDecodeError as error:
        say = f"{name} is not written in {guess} (byte {error.start + 1}); save it as UTF-8, or set its encoding."
        raise SourceDown(say) from None
    return text.removeprefix("\ufeff")


def _encoding(body: bytes, name: str) -> Encoding:
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if body[:4096].count(0):
        say = f"{name} is no text, or UTF-16 without its mark; save it as UTF-8, or set its encoding."
        raise SourceDown(say)
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        # Good UTF-8 letters before the bad byte: a cut or a mixed file, which another encoding would turn to nonsense.
        if not body[: error.start].isascii():
            say = f"{name} is UTF-8 up to byte {error.start} and then is not; ask its sender for a whole one."
            raise SourceDown(say) from None
        return "windows-1258"
    return "utf-8"


def _delimiter(head: str) -> str:
    """The delimiter that cuts most of the first lines into the same number (the largest) of cells."""
    lines = head.splitlines()
    lines = (lines[:-1] or lines)[:50]
    best = (0.0, ",")
    for sign in DELIMITERS:
        try:
            counts = Counter(len(cells) for cells in csv.reader(lines, delimiter=sign) if len(cells) > 1)
        except csv.Error:
            continue
        if counts:
            cells, times = counts.most_common(1)[0]
            score = times / len(lines) + cells / 10_000
            best = max(best, (score, sign), key=lambda scored: scored[0])
    return best[1]


def _filled(cell: Any) -> bool:
    return not fields.empty(cell)


def _names(heads: list[list[Any]], joiner: str) -> list[str]:
    """One name a column: stacked headers joined, a group header carried to the right as far as its group goes."""
    width = max(map(len, heads))
    grid = [[_title(cells[at]) if at < len(cells) else "" for at in range(width)] for cells in heads]
    carried = [list(row) for row in grid]
    for level in range(len(grid) - 1):
        for at in range(1, width):
            new_group = any(grid[above][at] for above in range(level))
            below = any(grid[under][at] for under in range(level + 1, len(grid)))
            if not grid[level][at] and below and not new_group:
                carried[level][at] = carried[level][at - 1]
    names: list[str] = []
    for at in range(width):
        name = joiner.join(row[at] for row in carried if row[at]) or _letter(at)
        times = sum(known == name or known.startswith(f"{name} (") for known in names)
        names.append(f"{name} ({times + 1})" if name in names else name)
    while names and len(names) > 1 and names[-1] == _letter(len(names) - 1):
        names.pop()
    return names


def _joined(cells: list[Any]) -> str:
    try:
        return " ".join(_title(cell) for cell in cells)
    except BadRecord:
        return ""


def _title(cell: Any) -> str:
    return "" if fields.empty(cell) else " ".join(fields.text(cell, "header").split())


def _letter(at: int) -> str:
    """A column's letter as spreadsheets write it; `at` counts from 0."""
    return _letter(at // 26 - 1) + chr(65 + at % 26) if at >= 26 else chr(65 + at)


def _rows(grid: Grid, names: list[str], shape: Shape, totals: bool) -> Iterator[Row | BadRecord]:
    pattern = re.compile(shape.subtotal) if shape.subtotal else None
    places = [names.index(name) for name in (shape.subtotal_in or shape.fill_down or names[:1])]
    filling = [names.index(name) for name in shape.fill_down]
    above: dict[int, Any] = {}
    for line, cells in grid:
        if not any(map(_filled, cells)):
            continue
        marked = [at for at in places if pattern and at < len(cells) and pattern.search(str(cells[at]))]
        filled = _fill(cells, filling, above, marked)
        if marked and not totals:
            continue
        read = _row(line, filled, names)
        yield read._replace(total=True) if marked and isinstance(read, Row) else read


def _fill(cells: list[Any], filling: list[int], above: dict[int, Any], marked: list[int]) -> list[Any]:
    """`cells` with what they repeat from above. A new value forgets what stood in the filled columns after it;
    a subtotal's own label is never repeated, but its row may be the only one that names the group before it."""
    filled = list(cells)
    for place, at in enumerate(filling):
        if at < len(cells) and _filled(cells[at]):
            for later in filling[place + 1 :] if above.get(at) != cells[at] else ():
                above.pop(later, None)
            above.pop(at, None) if at in marked else above.update({at: cells[at]})
        elif at < len(cells):
            filled[at] = above.get(at)
    return filled


def _row(line: int, cells: list[Any], names: list[str]) -> Row | BadRecord:
    if len(cells) < len(names) or any(map(_filled, cells[len(names) :])):
        say = f"Line {line} has {len(cells)} cells where the header has {len(names)}; ask its sender to correct it."
        return BadRecord(say, reason="bad_row", raw=cells)
    return Row(line, dict(zip(names, (_cell(cell) for cell in cells), strict=False)))


def _cell(cell: Any) -> Any:
    """Whole floats are integers: spreadsheets keep no others."""
    return int(cell) if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53 else cell
