"""One value of a source's record, read as what the settings say that it is: text, number, flag or time.

Every function here raises BadRecord with a stable reason code, and nothing else.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ioc import clock
from ioc.errors import BadRecord

MAX_TEXT = 8_000
"""Characters of one text at most."""
MAX_DEPTH = 8
"""How deep a value that is carried as it came may nest."""
_UNSEEN = dict.fromkeys([0x200B, 0x2060, 0xFEFF, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
"""Zero-width marks and direction overrides: they can make one text look like another."""
_NUMBER = {
    "plain": re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?"),
    "en": re.compile(r"[+-]?(\d{1,3}(,\d{3})+|\d+)(\.\d*)?"),
    "vi": re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d*)?"),
}
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""How a text begins that a spreadsheet runs as a formula; the wide ones are read as the others in East Asia."""
_FLAGS = {
    **dict.fromkeys(("true", "1", "yes", "y", "on", "có", "đúng"), True),
    **dict.fromkeys(("false", "0", "no", "n", "off", "không", "sai"), False),
}


class Absent:
    """Stands for a field that a record does not have at all; an empty one is None or ""."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = Absent()


def step(record: Any, path: str) -> Any:
    """The value at `path`: a name of the record itself, else dots step into objects and lists; else ABSENT."""
    # nearly every record is a dict, and nearly every path a name of it
    if type(record) is dict:
        if path in record:
            return record[path]
        if "." not in path:
            return ABSENT
    found = record
    while True:
        if isinstance(found, Mapping) and path in found:
            return found[path]
        name, dot, rest = path.partition(".")
        if not dot:
            name = path
        if isinstance(found, Mapping) and name in found:
            found = found[name]
        elif isinstance(found, list | tuple) and re.fullmatch(r"\d{1,6}", name, re.ASCII) and int(name) < len(found):
            found = found[int(name)]
        else:
            return ABSENT
        if not dot:
            return found
        path = rest


def first(record: Any, paths: tuple[str, ...]) -> Any:
    """The first value of `paths` that is there and not empty; else None when one is empty; else ABSENT."""
    found: Any = ABSENT
    for path in paths:
        value = step(record, path)
        if value is ABSENT:
            continue
        if not empty(value):
            return value
        found = None
    return found


def empty(value: Any) -> bool:
    """Whether a value says nothing: None, or text of nothing but blanks."""
    return value is None or (isinstance(value, str) and not value.strip())


def shown(value: Any) -> str:
    """A value as an error message shows it: short, on one line."""
    try:
        said = clean(value) if isinstance(value, str) else repr(value)
    except (ValueError, RecursionError):
        said = type(value).__name__
    said = " ".join(said.split())
    return f'"{said[:40]}…"' if len(said) > 40 else f'"{said}"'


def clean(value: str) -> str:
    """Text as it may travel: NFC, stripped, without control characters (line breaks stay) and unseen marks."""
    # what is printable holds no control characters and none of the unseen marks
    if value.isprintable():
        return (value if value.isascii() else unicodedata.normalize("NFC", value)).strip()
    flat = value.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ").translate(_UNSEEN)
    kept = "".join(sign for sign in flat if sign == "\n" or unicodedata.category(sign) not in ("Cc", "Cs"))
    return unicodedata.normalize("NFC", kept).strip()


def defused(text: str) -> str:
    """`text` as a cell of a spreadsheet: an apostrophe goes before what would be run as a formula."""
    return f"'{text}" if text[:1] in ("\t", "\r", "\n") or text.lstrip().startswith(_FORMULA) else text


def text(value: Any, name: str) -> str:
    """A value as clean text: numbers as they are written, whole floats (as spreadsheets give them) without ".0"."""
    if isinstance(value, str):
        said = clean(value)
    elif isinstance(value, bool):
        said = "true" if value else "false"
    elif isinstance(value, int | float | Decimal):
        said = str(whole) if (whole := _whole(value)) is not None else str(number(value, name))
    elif isinstance(value, datetime):
        said = clock.aware(value).isoformat()
    elif isinstance(value, date | clock_time):
        said = value.isoformat()
    else:
        raise BadRecord(
            f"Field {name} holds {type(value).__name__}, not text; map a field inside it.", reason="bad_type"
        )
    if len(said) > MAX_TEXT:
        raise BadRecord(f"Field {name} is longer than {MAX_TEXT:,} characters; map a shorter one.", reason="too_large")
    return said


def _whole(value: int | float | Decimal) -> int | None:
    """`value` as an integer when it is one and fits 64 bits."""
    if isinstance(value, int):
        return value if abs(value) < 2**63 else None
    try:
        return int(value) if math.isfinite(value) and -(2**63) < value < 2**63 and value == int(value) else None
    except (ValueError, ArithmeticError):
        return None


def number(value: Any, name: str, form: str = "plain") -> float:
    """A finite number. `form`: plain 3359.80, en 3,359.80, vi 3.359,80. Reasons: bad_number, bad_type."""
    if isinstance(value, str):
        written = clean(value).replace("\u00a0", "").replace("\u202f", "").replace("\u2212", "-")
        if not written.isascii() or not _NUMBER[form].fullmatch(written):
            raise BadRecord(
                f"Field {name} holds {shown(value)}, which is no number in the form {form}; "
                "correct it at the source, or map another form.",
                reason="bad_number",
            )
        if form == "vi":
            written = written.replace(".", "").replace(",", ".")
        found = float(written.replace(",", "") if form == "en" else written)
    elif isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise BadRecord(
            f"Field {name} holds {type(value).__name__}, not a number; map another field.", reason="bad_type"
        )
    else:
        try:
            found = float(value)
        except (ArithmeticError, ValueError):
            found = math.inf
    if not math.isfinite(found):
        raise BadRecord(f"Field {name} holds no finite number; correct it at the source.", reason="bad_number")
    return found


def integer(value: Any, name: str, form: str = "plain") -> int:
    """A whole number that fits 64 bits; 12.0 counts as one. Reasons: bad_number, bad_type."""
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d{1,18}", written := clean(value), re.ASCII):
        return int(written)
    known = isinstance(value, int | Decimal) and not isinstance(value, bool)
    found = _whole(value if known else number(value, name, form))
    if found is None:
        say = f"Field {name} holds {shown(value)}, which is no whole number; correct it, or map it as a number."
        raise BadRecord(say, reason="bad_number")
    return found


def flag(value: Any, name: str) -> bool:
    """True or false, also where they are written as text ("True", "0", "có"). Reason: bad_type."""
    if isinstance(value, bool):
        return value
    written = str(_whole(value)) if isinstance(value, int | float) else ""
    if isinstance(value, str):
        written = clean(value).casefold()
    if written not in _FLAGS:
        say = f"Field {name} holds {shown(value)}, which is neither true nor false; correct it, or map it by values."
        raise BadRecord(say, reason="bad_type")
    return _FLAGS[written]


def moment(value: Any, name: str, form: str | None, zone: ZoneInfo) -> datetime:
    """An aware time; without an offset it is a clock in `zone`.

    `form`: None for ISO 8601, epoch_s, epoch_ms, or a strptime pattern. Reason: bad_time.
    """
    try:
        found = _moment(value, name, form, zone)
        if not 1 < found.year < 9999:
            found.astimezone(UTC), found.astimezone(clock.ZONE)
    except (ValueError, OverflowError, BadRecord):
        say = (
            f"Field {name} holds {shown(value)}, which is no time in the form {form or 'ISO 8601'}; "
            "correct it, or map another form."
        )
        raise BadRecord(say, reason="bad_time") from None
    return found


def _moment(value: Any, name: str, form: str | None, zone: ZoneInfo) -> datetime:
    if isinstance(value, datetime):
        return clock.aware(value, zone)
    if isinstance(value, date):
        return datetime.combine(value, clock_time(), zone)
    if form in ("epoch_s", "epoch_ms"):
        seconds = number(value, name) / (1000 if form == "epoch_ms" else 1)
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    if not isinstance(value, str):
        raise ValueError("not a time")
    written = clean(value)
    if form is None:
        return clock.parse(written, zone)
    return clock.strptime(written, form, zone)


def plain(value: Any, name: str, depth: int = 0) -> Any:
    """A value as it came, made fit to travel: text clean, numbers finite, times as RFC 3339, what is inside too."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return text(value, name)
    if isinstance(value, int | float | Decimal):
        whole = None if isinstance(value, float) else _whole(value)
        return number(value, name) if whole is None else whole
    if isinstance(value, datetime):
        return clock.rfc3339(moment(value, name, None, clock.ZONE))
    if isinstance(value, date | clock_time):
        return value.isoformat()
    if depth >= MAX_DEPTH:
        raise BadRecord(f"Field {name} nests deeper than {MAX_DEPTH}; map a field inside it.", reason="too_large")
    if isinstance(value, list | tuple):
        return [plain(inner, name, depth + 1) for inner in value]
    if isinstance(value, Mapping):
        return {text(key, name): plain(inner, name, depth + 1) for key, inner in value.items()}
    raise BadRecord(
        f"Field {name} holds {type(value).__name__}, which can't travel; map another field.", reason="bad_type"
    )
