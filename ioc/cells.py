"""A database's values as JSON bytes and back, none of them changed on the way.

JSON has no decimals, times, bytes or NaN: such a value travels as an object with one name (`{"decimal": "1.50"}`), and
objects and lists of the database itself as `{"json": …}`, so that the two can't be taken for each other.
"""

from __future__ import annotations

import base64
import json
import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

LARGEST = 2**63


def packed(value: Any) -> Any:
    """`value` as something that JSON holds exactly. A kind that we don't know travels as its text."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if abs(value) < LARGEST else {"int": str(value)}
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, bytes | bytearray | memoryview):
        return {"bytes": base64.b64encode(bytes(value)).decode()}
    if isinstance(value, list | tuple):
        return {"json": [packed(inner) for inner in value]}
    if isinstance(value, dict):
        return {"json": {str(name): packed(inner) for name, inner in value.items()}}
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    if isinstance(value, datetime | date | time):
        # a datetime is a date, too
        return {next(kind.__name__ for kind in (datetime, date, time) if isinstance(value, kind)): value.isoformat()}
    return {"span": value.total_seconds()} if isinstance(value, timedelta) else str(value)


def unpacked(value: Any) -> Any:
    """The inverse of `packed`."""
    if not isinstance(value, dict):
        return value
    ((kind, said),) = value.items()
    match kind:
        case "decimal":
            return Decimal(said)
        case "datetime":
            return datetime.fromisoformat(said)
        case "date":
            return date.fromisoformat(said)
        case "time":
            return time.fromisoformat(said)
        case "span":
            return timedelta(seconds=said)
        case "bytes":
            return base64.b64decode(said)
        case "int" | "float":
            return int(said) if kind == "int" else float(said)
        case _:
            if isinstance(said, list):
                return [unpacked(one) for one in said]
            return {name: unpacked(one) for name, one in said.items()}


def readable(value: Any) -> Any:
    """`value` as `ioc.fields` reads it: a number with more digits than a float holds stays text, with all of them."""
    if isinstance(value, Decimal):
        if not value.is_finite():
            return float("nan")
        return value if Decimal(repr(float(value))) == value else format(value, "f")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= LARGEST:
        return str(value)
    return value


def encode(value: Any) -> str:
    """One value, or one row, as JSON text."""
    return json.dumps([packed(one) for one in value] if isinstance(value, list | tuple) else packed(value))


def decode(text: str) -> Any:
    """One value from the text that `encode` made of it."""
    return unpacked(json.loads(text))
