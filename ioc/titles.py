"""What the title of a statistical table says of its figures: the period that they are of, and their unit.

Offices write "tháng 9/2026", "9 tháng đầu năm 2026", "quý III năm 2026", "năm 2025", and often two at once ("tháng 9 và
9 tháng năm 2026"). A period that no calendar has is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple, get_args

from ioc import fields
from ioc.period import Period, period

Kind = Literal["day", "week", "month", "quarter", "so_far", "rest", "year", "span"]
"""`so_far`: the first months of a year; `rest`: its last ones; `span`: from a day to a day."""
KINDS: frozenset[str] = frozenset(get_args(Kind))
MAX_TITLE = 2_000
"""Characters of one title that are read at most."""
_YEAR = r"(?P<y>\d{4})(?!\d)"
_OF_YEAR = rf"(?:\s+(?:đầu\s+)?năm\s+|\s*[/-]\s*|\s+){_YEAR}"
_LATER = r"(?=\s*(?:,|và)\s*(?:\d{1,2}\s+)?tháng\b.*?(?:năm\s+|[/-]\s*|\d\s+)(?P<z>\d{4})(?!\d))"
_DAY = r"(?P<{0}d>\d{{1,2}})/(?P<{0}m>\d{{1,2}})/(?P<{0}y>\d{{4}})(?!\d)"
_ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4}
_FORMS: tuple[tuple[Kind, str], ...] = (
    ("span", _DAY.format("a") + r"\s*(?:đến(?:\s+hết)?(?:\s+ngày)?|tới|-|–)\s*" + _DAY.format("")),
    ("day", _DAY.format("")),
    ("day", rf"ngày\s+(?P<d>\d{{1,2}})\s+tháng\s+(?P<m>\d{{1,2}})\s+năm\s+{_YEAR}"),
    ("quarter", rf"quý\s+(?P<q>iv|i{{1,3}}|[1-4])(?!\w)(?:{_OF_YEAR}|{_LATER})"),
    ("month", rf"(?<!\d\s)tháng\s+(?P<m>\d{{1,2}})(?!\d)(?:{_OF_YEAR}|{_LATER})"),
    ("rest", rf"(?<!\w)(?P<m>\d{{1,2}})\s+tháng\s+cuối(?:\s+năm)?\s+{_YEAR}"),
    ("so_far", rf"(?<!\w)(?P<m>\d{{1,2}})\s+tháng(?:\s+đầu)?{_OF_YEAR}"),
    ("week", rf"tuần\s+(?P<w>\d{{1,2}})(?!\d){_OF_YEAR}"),
    ("year", rf"năm\s+{_YEAR}"),
)
_PATTERNS = tuple((kind, re.compile(form)) for kind, form in _FORMS)
_BARE_YEAR = re.compile(r"(?<!\d)(?<!\d[/.-])(?P<y>(?:19|20)\d{2})(?!\d)")
_UNIT = re.compile(r"(?:đvt|đơn vị(?: tính)?)\s*[:：]\s*(?P<unit>[^()\n;]+)", re.IGNORECASE)


class Said(NamedTuple):
    """A period that a text names, and how it names it."""

    kind: Kind
    period: Period


def periods(text: str, *, bare: bool = False) -> list[Said]:
    """Every period that `text` names, in the order of its words. `bare`: a year may stand alone, without "năm"."""
    left = " ".join(fields.clean(text[:MAX_TITLE]).casefold().split())
    found: list[tuple[int, Said]] = []
    for kind, pattern in _PATTERNS:
        read = [(match.start(), _period(kind, match)) for match in pattern.finditer(left)]
        found += [(at, Said(kind, one)) for at, one in read if one is not None]
        # what is read is not read again: in "9 tháng năm 2026" stands no year
        left = pattern.sub(lambda match: "\0" * len(match[0]), left)
    if bare:
        found += [(match.start(), Said("year", period(match["y"]))) for match in _BARE_YEAR.finditer(left)]
    return [said for _, said in sorted(found, key=lambda one: one[0])]


def chosen(texts: Iterable[str], kind: str | None = None, *, bare: bool = False) -> Period | None:
    """The period of the first text that names one of `kind` (of any but a day, which dates a paper, if it can).

    None: no text does. Raises ValueError, with a finished sentence, where a text names several.
    """
    for text in texts:
        said = periods(text, bare=bare or kind == "year")
        wanted = [one for one in said if (one.kind == kind if kind else one.kind != "day")] or ([] if kind else said)
        different = list(dict.fromkeys(one.period for one in wanted))
        if len(different) > 1:
            names = ", ".join(one.text for one in different)
            say = f"{fields.shown(text)} names several periods ({names}); write which in period"
            raise ValueError(f'{say}: a kind, such as "month" or "so_far", or the period itself.')
        if different:
            return different[0]
    return None


def units(text: str) -> Iterator[str]:
    """The units that a text states ("Đơn vị tính: tỷ đồng", "(ĐVT: Người)"), as they are written."""
    for match in _UNIT.finditer(fields.clean(text[:MAX_TITLE])):
        if said := match["unit"].strip(" .,"):
            yield said


def alike(one: str, other: str) -> bool:
    """Whether two units are the same, however they are written (Tỷ đồng, tỉ đồng)."""
    plain = [" ".join(fields.clean(text).casefold().split()).replace("tỉ", "tỷ") for text in (one, other)]
    return plain[0] == plain[1]


def _period(kind: Kind, match: re.Match[str]) -> Period | None:
    said: dict[str, str] = match.groupdict()
    year = int(said["y"] or said["z"])
    try:
        match kind:
            case "day" | "span":
                last = f"{year:04}-{int(said['m']):02}-{int(said['d']):02}"
                first = f"{said['ay']}-{int(said['am']):02}-{int(said['ad']):02}/" if kind == "span" else ""
                return period(first + last)
            case "quarter":
                return period(f"{year}-Q{_ROMAN.get(said['q']) or said['q']}")
            case "week":
                return period(f"{year}-W{int(said['w']):02}")
            case "year":
                return period(f"{year:04}")
        month = int(said["m"])
        if not 1 <= month <= 12:
            return None
        if kind == "month":
            return period(f"{year}-{month:02}")
        begins, ends = (1, month) if kind == "so_far" else (13 - month, 12)
        return Period(period(f"{year}-{ends:02}").last, period(f"{year}-{begins:02}").first)
    except ValueError:
        return None
