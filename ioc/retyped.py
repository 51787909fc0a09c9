"""Whether a value that can't be read tells that its column changed: numbers became text, days are written otherwise."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from zoneinfo import ZoneInfo

from ioc import fields
from ioc.errors import BadRecord

RETYPED = "retyped"
EPOCHS = ("epoch_s", "epoch_ms")
NUMBERS = ("plain", "en", "vi")
TIMES = (
    None, "%d/%m/%Y", "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%d-%m-%Y", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", *EPOCHS
)  # fmt: skip
"""Forms that departments write; `ioc.fields.moment` reads them."""
MAY_BE = frozenset({"bad_number", "bad_time", "bad_type", RETYPED})
"""Reasons that a whole column has at once when it was re-typed."""
LEAST = 3
"""Records of one answer that must have a column's trouble, and be more than half, before the column is to blame."""
_CODE = re.compile(r"(?!\d{9})\w[\w.\-]{0,31}")


def judge(bad: BadRecord, value: Any, kind: str, form: str | None, zone: ZoneInfo) -> None:
    """Change the reason of one value's trouble to RETYPED when it reads in another form of its `kind`."""
    if bad.reason == "bad_number" and isinstance(value, str):
        other = _number(value, kind, form or "plain")
    elif bad.reason == "bad_time" and value is not fields.ABSENT:
        other = _time(value, form, zone)
    else:
        return
    if other is not None:
        bad.reason = RETYPED
        bad.say = (
            f"Field {bad.field} holds {fields.shown(value)}, in the form {other} and not {form or 'that was agreed'}; "
            f'if the column changed, map it with form = "{other}".'
        )


def _number(value: str, kind: str, form: str) -> str | None:
    read = fields.integer if kind == "integer" else fields.number
    for other in NUMBERS:
        with suppress(BadRecord):
            if other != form and read(value, "", other) is not None:
                return other
    return None


def _time(value: Any, form: str | None, zone: ZoneInfo) -> str | None:
    for other in TIMES:
        first = 1990 if other in EPOCHS else 1900
        with suppress(BadRecord):
            if other != form and first <= fields.moment(value, "", other, zone).year < 2200:
                return other or "ISO 8601"
    return None


def judge_columns(results: Sequence[object]) -> None:
    """Change the reason of all troubles of a column that more than half of an answer's records have."""
    bad = [one for one in results if isinstance(one, BadRecord) and one.reason in MAY_BE and one.field is not None]
    counts: dict[str | None, int] = {}
    for one in bad:
        counts[one.field] = counts.get(one.field, 0) + 1
    for one in bad:
        if counts[one.field] >= LEAST and 2 * counts[one.field] > len(results):
            one.reason = RETYPED


def code(value: str) -> str | None:
    """A code as messages may show it; None when it looks like no code, and may be a name or a number of a person."""
    return value if _CODE.fullmatch(value) else None
