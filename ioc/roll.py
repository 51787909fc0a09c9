"""Who owes something to a source, as a dated list of its own: from a CSV file beside the settings. Pure but for `read`.

The file has a header with `code` and `name`, and may have `from` and `to`: the first and the last day on which somebody
owes (2025-07-01 or 01/07/2025; left empty: always). UTF-8, with commas or semicolons::

    code;name;from;to
    X001;Xã cũ An Bình;;2025-06-30
    X002;Xã An Bình;2025-07-01;

Rows tell themselves by `code`: what a source's reading calls its reporter. A list of places has `lon` and `lat` too.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import msgspec

from ioc.errors import BadConfig
from ioc.period import Period

MOST, MOST_BYTES, MOST_TEXT = 20_000, 4_000_000, 200
"""Rows and bytes of a list, and characters of a name."""
_NEEDED, _MAY, _PLACE = ("code", "name"), ("from", "to"), ("lon", "lat")
_VIETNAMESE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")


class Listed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One who owes. `first`, `last`: the days between which they do, both included; None: from ever, for ever.

    `lon`, `lat`: where, as the list writes it."""

    code: str
    name: str
    first: date | None = None
    last: date | None = None
    lon: float | None = None
    lat: float | None = None

    def covers(self, of: Period) -> bool:
        """Whether they owe for the whole of a period."""
        return (self.first is None or self.first <= of.first) and (self.last is None or of.last <= self.last)


class Roll(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A dated list of reporters. `file`: CSV, seen from the settings' folder. `as_of`: the list's own date.

    `source`: who drew it up, or the document that it is from. `invented`: its names were made up for a demonstration.
    `listed`: its rows; read from `file` when the settings are loaded.
    """

    as_of: date
    file: str = ""
    source: str = ""
    invented: bool = False
    listed: tuple[Listed, ...] = ()

    def __post_init__(self) -> None:
        if not self.file and not self.listed:
            raise ValueError('the list of reporters names no file; write file = "….csv"')
        if say := next((say for _, say in twice(self.listed)), None):
            raise ValueError(say)

    def owing(self, of: Period | None = None) -> tuple[str, ...]:
        """Codes of those who owe for a period; None: of all that ever do."""
        return tuple(dict.fromkeys(one.code for one in self.listed if of is None or one.covers(of)))

    def called(self, of: Period | None = None) -> dict[str, str]:
        """Names by code, as they are in a period; of several, the last in the list."""
        return {one.code: one.name for one in self.listed if of is None or one.covers(of)}


def twice(listed: Sequence[Listed]) -> Iterator[tuple[int, str]]:
    """Rows (from 0) whose code owes on a day on which an earlier row has it owe already, and what is wrong."""
    before: dict[str, list[Listed]] = {}
    for number, one in enumerate(listed):
        for other in before.get(one.code, ()):
            if (one.first or date.min) <= (other.last or date.max) and (other.first or date.min) <= (
                one.last or date.max
            ):
                yield number, f"the code {one.code} stands twice for the same days; give each row days of its own"
                break
        before.setdefault(one.code, []).append(one)


def read(file: Path) -> tuple[Listed, ...]:
    """The rows of a list. Raises BadConfig, with the list's own file and line, on the first that can't be read."""
    found, wrong = parse(_body(file))
    for line, say in wrong:
        raise BadConfig(say, file=file, line=line)
    return found


def lint(file: Path) -> list[tuple[int | None, str]]:
    """All that is wrong with a list, each with its line."""
    try:
        return parse(_body(file))[1]
    except BadConfig as error:
        return [(error.line, error.say)]


def _body(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            body = opened.read(MOST_BYTES + 1)
    except OSError as error:
        say = f"The list of reporters can't be read ({error.strerror}); name a CSV file, seen from the settings."
        raise BadConfig(say, file=file) from None
    if len(body) > MOST_BYTES:
        raise BadConfig(f"The list of reporters has more than {MOST_BYTES:,} bytes; shorten it.", file=file)
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body[: error.start].count(b"\n") + 1
        raise BadConfig("The list of reporters is not UTF-8; save it as UTF-8.", file=file, line=line) from None


def parse(text: str) -> tuple[tuple[Listed, ...], list[tuple[int | None, str]]]:
    """The rows of a list, and what is wrong with it by line (from 1)."""
    head = text.partition("\n")[0]
    rows = csv.reader(
        io.StringIO(unicodedata.normalize("NFC", text), newline=""), delimiter=";" if ";" in head else ","
    )
    found: list[Listed] = []
    lines: list[int] = []
    wrong: list[tuple[int | None, str]] = []
    try:
        columns = [name.strip().casefold() for name in next(rows, [])]
        if any(name not in columns for name in _NEEDED):
            return (), [(1, "The list has no columns code and name; write them into its first line.")]
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            if len(found) == MOST:
                wrong.append((rows.line_num, f"The list has more than {MOST:,} rows; shorten it."))
                break
            try:
                found.append(_listed(dict(zip(columns, (cell.strip() for cell in row), strict=False))))
                lines.append(rows.line_num)
            except ValueError as error:
                wrong.append((rows.line_num, str(error)))
    except csv.Error as error:
        wrong.append((rows.line_num, f"This is no CSV ({error}); save the list as CSV."))
    wrong += [(lines[number], say[0].upper() + say[1:] + ".") for number, say in twice(found)]
    if not found and not wrong:
        wrong.append((1, "The list names nobody; write a row for each who owes."))
    return tuple(found), wrong


def _listed(row: dict[str, str]) -> Listed:
    for name in _NEEDED:
        if not row.get(name):
            raise ValueError(f"The row has no {name}; write one.")
        if len(row[name]) > MOST_TEXT or not row[name].isprintable():
            raise ValueError(f"The {name} is longer than {MOST_TEXT} characters, or holds some that are no text.")
    first, last = (_day(row.get(name, ""), name) for name in _MAY)
    if first is not None and last is not None and last < first:
        raise ValueError("The row ends before it begins; correct from or to.")
    return Listed(row["code"], row["name"], first, last, *(_number(row.get(name, ""), name) for name in _PLACE))


def _number(text: str, column: str) -> float | None:
    try:
        return float(text.replace(",", ".")) if text else None
    except ValueError:
        say = f"The column {column} holds {text[:40]}, which is no number; write one such as 108.4702."
        raise ValueError(say) from None


def _day(text: str, column: str) -> date | None:
    if not text:
        return None
    try:
        if (found := _VIETNAMESE.fullmatch(text)) is not None:
            return date(int(found[3]), int(found[2]), int(found[1]))
        return date.fromisoformat(text)
    except ValueError:
        say = f"The column {column} holds {text[:40]}, which is no day; write one such as 2025-07-01."
        raise ValueError(say) from None
