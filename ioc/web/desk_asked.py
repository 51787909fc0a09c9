"""What the desk's addresses may be asked: which reports, in which state, of whom."""

from __future__ import annotations

from typing import NoReturn, get_args

from starlette.requests import Request

from ioc.reports import life
from ioc.reports.desk import Asking
from ioc.reports.figures import By
from ioc.web import asked as ask


def _refuse(say: str) -> NoReturn:
    raise ValueError(say)


def _states(text: str) -> tuple[str, ...]:
    told = tuple(part.strip() for part in text.split(","))
    known = all(one in (*life.STATES, "all") for one in told)
    return told if known else _refuse(f"state is all, or some of {', '.join(life.STATES)}, parted by commas.")


def _by(text: str) -> str:
    return text if text in _PARTS else _refuse(f"by is one of {', '.join(_PARTS)}.")


def _flag(name: str) -> ask.Param:
    def read(text: str) -> bool:
        return text == "1" if text in ("0", "1") else _refuse(f"{name} is 1 or 0.")

    return ask.Param(name, FLAGS[name], {"type": "integer", "enum": [0, 1]}, read)


def _word(name: str, say: str, most: int = 100) -> ask.Param:
    def read(text: str) -> str:
        fits = "\x00" not in text and len(text) <= most
        return text if fits else _refuse(f"{name} is a text of at most {most} characters.")

    return ask.Param(name, say, {"type": "string", "maxLength": most}, read)


_PARTS = get_args(By)
BY = ask.Param("by", "by what reports are parted; agency when left out", {"type": "string", "enum": [*_PARTS]}, _by)
FLAGS = {
    "late": "1: overdue ones only", "mine": "1: those that one works on", "unassigned": "1: those without an agency",
    "returned": "1: those that an agency gave back",
}  # fmt: skip
PARAMS = (
    _word("q", "in number, words or address, with or without diacritics"),
    ask.Param("state", "states, parted by commas; all; open ones when left out", {"type": "string"}, _states),
    _word("agency", "code of an agency", 40),
    _word("category", "code of a category", 40),
    ask.UNIT,
    *map(_flag, FLAGS),
    ask.FROM,
    ask.TO,
    ask.LIMIT,
    _word("after", "where to go on: what next said on the page before", 80),
)


FIGURES = (BY, *(param for param in PARAMS if param.name in ("agency", "category", "unit", "from", "to")))
"""What the figures may be asked for."""


def asked_for(request: Request) -> Asking:
    """Which reports the address asks for. Raises Wrong that names every parameter that is wrong."""
    given = ask.asked(request, *PARAMS)
    return Asking(
        q=given["q"] or "", states=given["state"] or (), agency=given["agency"], category=given["category"],
        units=tuple(given["unit"] or ()), late=bool(given["late"]), mine=bool(given["mine"]),
        unassigned=bool(given["unassigned"]), returned=bool(given["returned"]), since=given["from"],
        until=given["to"], limit=given["limit"] or 100, after=given["after"],
    )  # fmt: skip
