"""Time: always aware. The province's zone is Asia/Ho_Chi_Minh, whatever the machine's is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
_FIRST_YEAR, _LAST_YEAR = 1900, 2200


def now() -> datetime:
    """The present, aware, in UTC."""
    return datetime.now(UTC)


def aware(moment: datetime, zone: ZoneInfo = ZONE) -> datetime:
    """`moment` with a zone: a time without one is read as a clock in `zone`."""
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


@lru_cache(maxsize=4096)
def rfc3339(moment: datetime) -> str:
    """`moment` as it stands on the wire: RFC 3339 in the province's zone, with its offset.

    The last ones are remembered: all records of one answer were received at one moment.

    Raises ValueError when `moment` has no zone.
    """
    if moment.tzinfo is None:
        raise ValueError("A time on the wire needs a zone; give an aware datetime.")
    return moment.astimezone(ZONE).isoformat(timespec="milliseconds" if moment.microsecond else "seconds")


def parse(text: str, zone: ZoneInfo = ZONE) -> datetime:
    """An aware datetime from ISO 8601 / RFC 3339 text; without an offset it is a clock in `zone`.

    Raises ValueError when the text is no such time.
    """
    return aware(datetime.fromisoformat(text.strip()), zone)


_PARTS = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2}
"""Parts of a strptime form that are numbers of a fixed width, in the order in which `datetime` takes them."""


def strptime(text: str, form: str, zone: ZoneInfo = ZONE) -> datetime:
    """What `datetime.strptime` gives, aware: without an offset it is a clock in `zone`. A form of numbers alone is read
    several times as fast.

    Raises ValueError when `text` is not in the form.
    """
    found = _numbers(form)
    if found is not None and (written := found[0].fullmatch(text)) is not None:
        try:
            return datetime(*map(int, written.group(*found[1])), tzinfo=zone)  # type: ignore[arg-type, misc]
        except ValueError:
            # strptime may read it otherwise, with a month of one digit, and says what is wrong if not
            pass
    return aware(datetime.strptime(text, form), zone)  # noqa: DTZ007 (aware at once)


@lru_cache(maxsize=256)
def _numbers(form: str) -> tuple[re.Pattern[str], list[str]] | None:
    """A pattern for times in `form` with all their zeros, and its groups, year first; None: it can't be read so."""
    literal, *parts = form.split("%")
    names = [part[:1] for part in parts]
    order = [name for name in _PARTS if name in names]
    if len(order) < 3 or len(order) != len(names) or order != list(_PARTS)[: len(order)]:
        return None
    pattern = "".join(rf"(?P<{part[0]}>\d{{{_PARTS[part[0]]}}}){re.escape(part[1:])}" for part in parts)
    return re.compile(re.escape(literal) + pattern, re.ASCII), order


def told(properties: Mapping[str, object], *names: str) -> datetime | None:
    """The first time among these properties that can be read, aware; None when there is none."""
    for name in names:
        value = properties.get(name)
        if isinstance(value, str) and value:
            try:
                moment = parse(value)
            except ValueError:
                continue
            # 9999-12-31 and the like stand for "none" in many databases
            if _FIRST_YEAR <= moment.year <= _LAST_YEAR:
                return moment
    return None
