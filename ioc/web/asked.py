"""Query parameters: read, checked, and described for OpenAPI in one place. Everything wrong is named at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from starlette.requests import Request

from ioc import clock
from ioc.period import Period, period
from ioc.web.problems import Wrong
from ioc.web.protocol import View

MOST = 100_000
_NEVER = re.compile(r"q=0(\.0*)?")
LOST_PLUS = re.compile(r" (\d\d:?\d\d)$")


class Param(NamedTuple):
    """One parameter of a query, or a header. `read` makes its value of the text; raises ValueError with a finished
    sentence. `needed`: without it nothing is answered."""

    name: str
    say: str
    schema: dict[str, Any]
    read: Callable[[str], Any]
    needed: bool = False


def _bbox(text: str) -> tuple[float, float, float, float]:
    try:
        west, south, east, north = (float(part) for part in text.split(","))
        wrong = View((west, south, east, north)).sentence()
    except ValueError:
        wrong = "bbox is four numbers, west,south,east,north, in degrees."
    if wrong is not None:
        raise ValueError(wrong.replace("A view's bbox", "bbox"))
    return west, south, east, north


def _units(text: str) -> frozenset[str]:
    codes = frozenset(part.strip() for part in text.split(","))
    if not all(re.fullmatch(r"[0-9A-Za-z_-]{1,20}", code) for code in codes):
        raise ValueError("unit is the code of a commune, such as 22015; several are parted by commas.")
    return codes


def _limit(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text) or not 1 <= int(text) <= MOST:
        raise ValueError(f"limit is a whole number from 1 to {MOST}.")
    return int(text)


def _period(text: str) -> Period:
    try:
        return period(text)
    except ValueError:
        raise ValueError("period is one such as 2026-03-10, 2026-W10, 2026-03, 2026-Q1 or 2026.") from None


def _time(name: str) -> Callable[[str], datetime]:
    def read(text: str) -> datetime:
        try:
            # a + that was not written as %2B arrives as a space
            found = clock.parse(LOST_PLUS.sub(r"+\1", text.strip()))
        except ValueError:
            raise ValueError(f"{name} is a time such as 2026-03-10T09:00:00+07:00.") from None
        if not 1900 <= found.year <= 9000:
            raise ValueError(f"{name} lies outside the years that are kept.")
        return found

    return read


_moment = {"type": "string", "format": "date-time"}
BBOX = Param("bbox", "west,south,east,north in degrees: only items that meet it", {"type": "string"}, _bbox)
UNIT = Param("unit", "code of a commune (several parted by commas)", {"type": "string"}, _units)
LIMIT = Param("limit", "at most so many items", {"type": "integer", "minimum": 1, "maximum": MOST}, _limit)
PERIOD = Param("period", "a day, week, month, quarter or year, such as 2026-03", {"type": "string"}, _period)
AT = Param("at", "as it was at this time, with what is known today", _moment, _time("at"))
KNOWN = Param("known", "with what was known at this time", _moment, _time("known"))
FROM = Param("from", "history from this time on", _moment, _time("from"))
TO = Param("to", "history up to this time", _moment, _time("to"))


def wants_csv(request: Request) -> bool:
    """Whether the caller would rather have CSV."""
    for part in request.headers.get("accept", "").casefold().split(","):
        kind, *terms = (term.replace(" ", "") for term in part.split(";"))
        if kind == "text/csv":
            return not any(_NEVER.fullmatch(term) for term in terms)
    return False


def asked(request: Request, *params: Param) -> dict[str, Any]:
    """The parameters that the request gives, by name; None for one that it leaves out. Unknown ones are ignored.

    Raises Wrong that names every parameter that is wrong.
    """
    found: dict[str, Any] = {}
    errors = []
    for param in params:
        given = request.query_params.getlist(param.name)
        found[param.name] = None
        if not given:
            continue
        try:
            if len(given) > 1:
                raise ValueError(f"{param.name} stands {len(given)} times in the address; write it once.")
            found[param.name] = param.read(given[0])
        except ValueError as error:
            errors.append({"where": param.name, "say": str(error)})
    past = [name for name in ("at", "known") if found.get(name) is not None and found[name] > clock.now()]
    errors += [{"where": name, "say": f"{name} lies in the future; give a time that has been."} for name in past]
    if found.get("from") is not None and found.get("to") is not None and found["from"] > found["to"]:
        errors.append({"where": "from", "say": "from lies after to; swap them."})
    if errors:
        raise Wrong(" ".join(error["say"] for error in errors), errors=errors)
    return found
