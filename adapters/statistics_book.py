"""Workbooks as statistical offices publish them, by month or by year, dropped in a folder: figures by place or by row.

Settings (TOML)::

    [sources.book]
    adapter = "statistics_book"
    event = "ioc.indicator.measured"
    folder = "/srv/ioc/drop/statistics"

    [[sources.book.tables]]                    # a table of places: each row one, its figures side by side
    files = ["*thang*.xlsx"]                   # which books have this table
    shape = {sheet = "GIAI NGAN", header_rows = 2, fill_down = ["Huyện"], subtotal = "Tổng số|Tổng cộng"}
    rows = ["Huyện", "Đơn vị"]                 # the columns that name a row: from the group down to the row itself
    unit = {path = "Mã", kind = "text", width = 5}
    period = "month"                           # of the periods that the title names, the one of this kind

    [[sources.book.tables.measures]]
    indicator = "disbursement"
    uom = "tỷ đồng"
    columns = {numerator = "Thực hiện*", denominator = "Kế hoạch*"}

    [[sources.book.tables]]                    # a table of indicators: each row one
    shape = {sheet = "CHI TIEU"}
    rows = ["Chỉ tiêu"]
    uom_in = "Đơn vị tính"

    [[sources.book.tables.measures]]
    indicator = "retail"
    row = "Tổng mức bán lẻ*"                   # which row it is; without it, every row
    uom = "tỷ đồng"
    columns = {value = "Ước tháng*", target = "Kế hoạch*"}

All tables whose `files` fit a book must be in it, with each row that is named, else the book is set aside. The period
comes from the title, the name of the sheet or of the file, or (`period = "header"`, for years side by side) from each
column's name. Numbers may be text (1.392,5); "-" is zero, as offices write it, "…" or nothing is no figure (`empty =
"zero"`: nothing is zero). A unit other than `uom` sets the row aside. Subtotals become published totals, which never
add to a sum: beside each stands what its rows sum to. A record is one cell, or pair of cells, that a measure takes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Literal, NamedTuple

import msgspec

from ioc import clock, fields, mapped_field, mapping, titles
from ioc.adapter import Answer, Reading
from ioc.contract import Contract
from ioc.dropped import Dropped, FromFolder
from ioc.errors import BadRecord, Untaken
from ioc.mapped_field import Field, Path
from ioc.period import Period, period
from ioc.sheets import Book, Shape
from ioc.tables import Row

Told = Literal["value", "numerator", "denominator", "target", "previous"]
HEADER = "header"
NUMBERED = re.compile(r"\(?([A-Z]|\d{1,2})(\s*=.*)?\)?")
"""A cell of the row under the heads in which offices number their columns: A, B, (1), (2), 3=2/1."""
BEFORE = re.compile(r"^([-+*•]|\(?([IVX]{1,4}|\d{1,2}(\.\d{1,2})*|[a-zđA-ZĐ])[.)])\s+")
"""What stands before a row's name: a dash, I., 1.2., a)."""
NONE, UNKNOWN = frozenset({"-", "–", "—"}), frozenset({"…", "...", "..", "x", "(x)"})
"""How offices write that nothing occurred, and that there is no figure."""
PLACES = 6
"""Decimals that sums are compared to: below that lies the noise of adding."""


class Measure(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One figure of each row. `indicator`: its id. `columns`: value, or numerator and denominator, and where there are
    such, target and previous: names of columns or patterns (`*`) that fit one column each.

    `row`: only rows of this name (or pattern). `part`: the name of the part that it is of the indicator. `published`:
    it is a published total of other measures. `uom`: the unit that it must be in; `factor`: what it is multiplied by.
    `period`: as a table's. `tolerance`: by how much a subtotal may differ from its sum (rounding).
    """

    indicator: str
    columns: dict[Told, str]
    row: str | None = None
    part: str | None = None
    published: bool = False
    uom: str = ""
    factor: float = 1.0
    period: str | None = None
    tolerance: float = 0.0

    def __post_init__(self) -> None:
        if not ({"value"} <= self.columns.keys() or {"numerator", "denominator"} <= self.columns.keys()):
            raise ValueError("columns of a measure names value, or numerator and denominator")
        _check_period(self.period)


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One table of a book. `files`: patterns of file names (case doesn't matter). `shape`: how it lies on its sheet.

    `rows`: columns that name a row, the widest group first. `unit`: code of the commune. `uom_in`: the column with the
    unit. `period`: a kind (month, so_far, quarter, year, day, week, rest, span), "header", or the period itself; left
    out: the only one that the title names. `form`: of numbers that are text. `empty`: what an empty cell says.
    """

    rows: tuple[str, ...]
    measures: tuple[Measure, ...]
    files: tuple[str, ...] = ("*",)
    shape: Shape = Shape()
    unit: Path | None = None
    uom_in: str | None = None
    period: str | None = None
    form: Literal["vi", "en", "plain"] = "vi"
    empty: Literal["absent", "zero"] = "absent"

    def __post_init__(self) -> None:
        if not self.rows or not self.measures:
            raise ValueError("a table names its rows, and at least one measure")
        _check_period(self.period)


class Found(NamedTuple):
    """A measure in a book: the column of each number, and the period that it is of."""

    measure: Measure
    columns: dict[Told, str]
    period: Period


class Sheet(NamedTuple):
    """A table of a book, with what its settings found there; `uoms`: units that its title states."""

    table: Table
    title: str
    uoms: tuple[str, ...]
    found: tuple[Found, ...]
    rows: list[Row | BadRecord]


class StatisticsBook(FromFolder["StatisticsBook.Config"]):
    """Takes the books that lie complete in one folder, each with all its tables."""

    class Config(Dropped, frozen=True, forbid_unknown_fields=True, kw_only=True):
        """`tables`: what the books hold, at least one. `prefix`: put before the subjects."""

        tables: tuple[Table, ...]
        prefix: str = ""

        def __post_init__(self) -> None:
            if not self.tables:
                raise ValueError("there is no table; write [[sources.NAME.tables]] with rows and measures")

    publisher: str | bool = True

    def owes(self, contract: Contract) -> None:
        self.publisher = contract.owner or True

    def look(self, body: bytes, file: str) -> object:
        return [_sheet(table, Book(body, file), file) for table in self._tables(file)]

    def parse(self, answer: Answer) -> Iterable[Reading | BadRecord]:
        """Readings of one book. Raises SourceDown when a table is not in it as the settings say."""
        self.refuse(answer)
        book = Book(answer.body, answer.name)
        for sheet in [_sheet(table, book, answer.name) for table in self._tables(answer.name)]:
            yield from _summed(list(self._readings(sheet)))

    def _tables(self, file: str) -> list[Table]:
        name = fields.clean(file).casefold()
        fit = [one for one in self.config.tables if any(fnmatchcase(name, mask.casefold()) for mask in one.files)]
        if not fit:
            raise Untaken(f"{file} is no book of this source: no table takes files of that name; correct files.")
        return fit

    def _readings(self, sheet: Sheet) -> Iterator[Reading | BadRecord]:
        for row in sheet.rows:
            if isinstance(row, BadRecord):
                yield row
                continue
            names = _names(sheet.table, row)
            for found in sheet.found:
                if found.measure.row is not None and not _fits(names[-1] if names else "", found.measure.row):
                    continue
                try:
                    yield self._reading(sheet, found, row, names)
                except BadRecord as error:
                    yield error.of({**row.cells}, error.subject)

    def _reading(self, sheet: Sheet, found: Found, row: Row, names: list[str]) -> Reading:
        table, measure = sheet.table, found.measure
        key = "/".join(name.replace("%", "%25").replace("/", "%2F") for name in names)
        total = "total/" if row.total else ""
        part = f"{measure.part}/" if measure.part else ""
        subject = f"{self.config.prefix}{measure.indicator}/{found.period.text}/{part}{total}{key}"
        if len(subject) > mapping.MAX_SUBJECT:
            say = f"The row's name is longer than {mapping.MAX_SUBJECT} characters; name fewer columns in rows."
            raise BadRecord(say, reason="no_id", subject=subject[: mapping.MAX_SUBJECT])
        try:
            uom = _uom(sheet, measure, row)
            told: dict[str, Any] = {to: _number(table, row, column, measure) for to, column in found.columns.items()}
            unit = (
                None if table.unit is None else mapped_field.value(mapped_field.as_field(table.unit, "text"), row.cells)
            )
        except BadRecord as error:
            raise error.of(error.raw, subject) from None
        about: dict[str, Any] = {"indicator": measure.indicator, "period": found.period.text, **told}
        about |= {"uom": uom, "row": names[-1] if names else "", "table": sheet.title, "tolerance": measure.tolerance}
        if measure.part:
            about["part"] = measure.part
        if row.total:
            about |= {"published": self.publisher, "total_of": " / ".join(names)}
        elif measure.published:
            about["published"] = self.publisher
        else:
            given = told.get("value", told.get("numerator"))
            about |= {"group": " / ".join(names[:-1]), "have": int(given is not None), "expect": 1}
        ended = found.period.ends
        # an estimate of a month that has not ended is of the moment when it comes
        at = ended if ended <= clock.now() else None
        return Reading(subject, about, time=at, unit=unit, line=row.line)


def _check_period(text: str | None) -> None:
    if text is None or text == HEADER or text in titles.KINDS:
        return
    try:
        period(text)
    except ValueError:
        kinds = ", ".join(sorted(titles.KINDS))
        raise ValueError(f"period {text} is none; write one of {kinds}, {HEADER}, or one like 2026-09") from None


def _sheet(table: Table, book: Book, file: str) -> Sheet:
    """The table in the book. Raises SourceDown when columns, sheet or period are not there."""
    said = book.titles(table.shape)
    columns, rows = book.table(table.shape, totals=True)
    wanted = [*table.rows, *([table.uom_in] if table.uom_in else [])]
    if table.unit is not None:
        field = mapped_field.as_field(table.unit)
        wanted += field.paths if field.required is not False else ()
    lacking = [name for name in wanted if name not in columns]
    pairs: list[tuple[Measure, dict[Told, list[str]]]] = []
    for measure in table.measures:
        fit = {name: _fitting(pattern, columns) for name, pattern in measure.columns.items()}
        lacking += [measure.columns[name] for name, found in fit.items() if not found]
        pairs.append((measure, fit))
    if lacking:
        names = ", ".join(dict.fromkeys(lacking))
        raise Untaken(f"{file} has no column {names}; correct the table, or the book.", lacking=tuple(lacking))
    where = [*said, table.shape.sheet if isinstance(table.shape.sheet, str) else "", file.rpartition(".")[0]]
    found: list[Found] = []
    for measure, fit in pairs:
        found += _periods(measure, fit, measure.period or table.period, where, file)
    uoms = tuple(uom for text in said for uom in titles.units(text))
    body = [row for row in rows if isinstance(row, BadRecord) or _holds(row)]
    if body and isinstance(body[0], Row) and _numbers_columns(body[0]):
        del body[0]
    called = [each[-1] for row in body if isinstance(row, Row) and (each := _names(table, row))]
    for measure in table.measures:
        if measure.row is not None and not any(_fits(name, measure.row) for name in called):
            raise Untaken(f"{file} has no row {measure.row}; correct the measure's row, or the book.")
    return Sheet(table, " ".join(said)[:200], uoms, tuple(found), body)


def _fitting(pattern: str, columns: list[str]) -> list[str]:
    return [pattern] if pattern in columns else [name for name in columns if fnmatchcase(name, pattern)]


def _periods(
    measure: Measure, fit: Mapping[Told, list[str]], asked: str | None, where: list[str], file: str
) -> Iterator[Found]:
    try:
        if asked == HEADER:
            for column in fit.get("value", ()):
                at = titles.chosen([column], bare=True)
                if at is not None:
                    yield Found(measure, {"value": column}, at)
            return
        if several := [names for names in fit.values() if len(names) > 1]:
            raise ValueError(f"columns {', '.join(several[0][:4])} all fit one pattern; write which.")
        kind = asked if asked in titles.KINDS else None
        at = period(asked) if asked is not None and kind is None else titles.chosen(where, kind)
    except ValueError as error:
        raise Untaken(f"{file}: {str(error)[:1].lower()}{str(error)[1:]}") from None
    if at is None:
        what = f"of the kind {kind} " if kind else ""
        raise Untaken(f'{file} names no period {what}in title, sheet or name; write period = "2026-09", say.')
    yield Found(measure, {name: names[0] for name, names in fit.items()}, at)


def _holds(row: Row) -> bool:
    """Whether a row holds figures: notes and headings have one cell."""
    return sum(not fields.empty(cell) for cell in row.cells.values()) > 1


def _numbers_columns(row: Row) -> bool:
    found = [NUMBERED.fullmatch(str(cell).strip()) for cell in row.cells.values() if not fields.empty(cell)]
    names = [match[1] for match in found if match is not None]
    letters = [name for name in names if name.isalpha()]
    counted = [chr(65 + at) for at in range(len(letters))] + [str(at + 1) for at in range(len(names) - len(letters))]
    return len(names) == len(found) > 1 and names == counted


def _names(table: Table, row: Row) -> list[str]:
    """What the row is called, from its widest group down; of a subtotal what it is the total of."""
    pattern = re.compile(rf"[(\s]*(?:{table.shape.subtotal})[)\s]*") if table.shape.subtotal else None
    found = []
    for column in table.rows:
        cell = row.cells.get(column)
        name = "" if fields.empty(cell) else " ".join(fields.text(cell, column).split())
        if row.total and pattern is not None:
            name = pattern.sub(" ", name).strip(" :-")
        name = BEFORE.sub("", name)
        if name:
            found.append(name)
    return found


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name.casefold(), " ".join(fields.clean(pattern).casefold().split()))


def _uom(sheet: Sheet, measure: Measure, row: Row) -> str:
    """The unit that the row, or else the title, states; else that of the settings. Raises BadRecord for another."""
    column = sheet.table.uom_in
    cell = row.cells.get(column) if column else None
    said = (fields.text(cell, column or ""),) if not fields.empty(cell) else sheet.uoms
    if not measure.uom:
        return said[0] if said else ""
    if said and not any(titles.alike(one, measure.uom) for one in said):
        say = f"The unit is {fields.shown(said[0])} and not {measure.uom}; ask its owner, then correct uom and factor."
        raise BadRecord(say, reason="unknown_code", field=column or "title", code=said[0][:40], at="uom")
    return measure.uom


def _number(table: Table, row: Row, column: str, measure: Measure) -> float | int | None:
    cell = row.cells.get(column)
    if isinstance(cell, str):
        written = fields.clean(cell)
        if written in NONE:
            return 0
        cell = None if written.casefold() in UNKNOWN else written.removesuffix("%").rstrip()
    if fields.empty(cell):
        return 0 if table.empty == "zero" else None
    told = mapped_field.value(Field(path=column, kind="number", form=table.form), {column: cell}, at="columns")
    told = round(told * measure.factor, PLACES)
    return int(told) if told.is_integer() else told


def _summed(results: list[Reading | BadRecord]) -> Iterator[Reading | BadRecord]:
    """The results of one table, each subtotal with what the rows of its group sum to (`summed`)."""
    sums: dict[tuple[str, str, str], float] = {}
    for one in results:
        if isinstance(one, BadRecord) or "group" not in one.properties:
            continue
        value = one.properties.get("value")
        path = one.properties["group"].split(" / ") if one.properties["group"] else []
        if value is None:
            continue
        for depth in range(len(path) + 1):
            at = (one.properties["indicator"], one.properties["period"], " / ".join(path[:depth]))
            sums[at] = sums.get(at, 0) + value
    for one in results:
        if isinstance(one, Reading) and "total_of" in one.properties and "value" in one.properties:
            told = one.properties
            summed = sums.get((told["indicator"], told["period"], told["total_of"]))
            summed = None if summed is None else round(summed, PLACES)
            whole = int(summed) if isinstance(summed, float) and summed.is_integer() else summed
            one = msgspec.structs.replace(one, properties={**told, "summed": whole})
        yield one
