"""Reports that may be of the same thing: proposed by distance, time and words; a person decides. Pure.

A twin is of the same category, lies within the category's `near_m`, and was filed within its `near_days`. How alike two
are is a number from 0 to 1: words (half), place and time. Words are compared as sets of syllables, in NFC and without
regard to case; where one of two was written without diacritics, both are read without. What everybody writes ("ở",
"đề nghị", "the") counts for nothing. The measure of two sets is the mean of Dice's coefficient and of the overlap
(what they share, of the smaller one), so that a short report is like a long one that says the same and more. Where a
category counts by house, two house numbers are two things.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from ioc.db.reports import Report
from ioc.report_rules import Category, Reports

EARTH_M = 6_371_008.8
"""Mean radius of the Earth (IUGG)."""
WORDS, PLACE, TIME = 0.5, 0.35, 0.15
"""Weights of what likeness is worked out of; their sum is 1."""
_WORD = re.compile(r"\w+")
_HOUSE = re.compile(r"\s*(?:(?:số|so|nhà|nha|no\.?)\s+)*(\d+\w?(?:[/-]\d+\w?)*(?: \d/\d)?)\b", re.IGNORECASE)
_COMMON = frozenset(
    _WORD.findall(
        "ở tại bị có và là của thì mà đã đang rất quá cho xin đề nghị kính gửi mong được với này đó một các những cái "
        "chiếc gần trước sau đối diện khu vực đoạn đường phố số nhà em tôi chúng anh chị cơ quan xử lý khắc phục sớm "
        "giúp nhờ the a an at on in of is are to and near by please it this that there has been"
    )
)
"""What reports of all kinds say."""


class Twin(NamedTuple):
    """A report that may be the same. `distance_m`: None when one of the two has no place. `likeness`: 0 to 1."""

    report: Report
    likeness: float
    distance_m: float | None


class Words(NamedTuple):
    """The syllables of a text: as written, and without diacritics. `marked`: it was written with them."""

    written: frozenset[str]
    plain: frozenset[str]
    marked: bool


def plain(text: str) -> str:
    """`text` in small letters without diacritics: "Đường Lê Lợi" is "duong le loi"."""
    apart = unicodedata.normalize("NFD", text.casefold())
    return "".join(sign for sign in apart if not unicodedata.combining(sign)).replace("đ", "d")


_PLAIN_COMMON = frozenset(map(plain, _COMMON))


@lru_cache(maxsize=20_000)
def words(text: str) -> Words:
    """The syllables of a text that say something; all of them where none does."""
    written = frozenset(_WORD.findall(unicodedata.normalize("NFC", text).casefold()))
    marked = any(word != plain(word) for word in written)
    bare = frozenset(map(plain, written))
    common = _COMMON if marked else _PLAIN_COMMON
    telling = frozenset(word for word in written if word not in common)
    return Words(telling or written, frozenset(map(plain, telling)) or bare, marked)


def same_words(one: str, other: str) -> float:
    """How alike two texts are, 0 to 1; symmetric. Two without a word are not alike."""
    first, second = words(one), words(other)
    bare = _alike(first.plain, second.plain)
    if first.marked and second.marked:
        return (bare + _alike(first.written, second.written)) / 2
    # a text without diacritics was cleaned of other common words: compare what both have left
    return max(bare, _alike(first.plain - _PLAIN_COMMON, second.plain - _PLAIN_COMMON))


def distance_m(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    """Metres between two places (WGS84 degrees) on a sphere: the haversine formula."""
    east, north = math.radians(other_lon - lon) / 2, math.radians(other_lat - lat) / 2
    across = math.cos(math.radians(lat)) * math.cos(math.radians(other_lat))
    half = math.sin(north) ** 2 + across * math.sin(east) ** 2
    return 2 * EARTH_M * math.asin(min(1.0, math.sqrt(half)))


def apart_m(one: Report, other: Report) -> float | None:
    """Metres between two reports; None when one of them has no place."""
    if one.lon is None or one.lat is None or other.lon is None or other.lat is None:
        return None
    return distance_m(one.lon, one.lat, other.lon, other.lat)


def house(address: str | None) -> str | None:
    """The house number that an address begins with: "Số 12/3A Trần Phú" is "12/3a"; None: it begins with none."""
    found = _HOUSE.match(unicodedata.normalize("NFC", address or ""))
    return found[1].casefold() if found else None


def likeness(one: Report, other: Report, category: Category) -> float:
    """How alike two reports of a category are, 0 to 1; symmetric. 0: too far apart in space or time, or another house.

    Where one of them has no place, their addresses are compared instead, and two without one are no twins.
    """
    metres, days = apart_m(one, other), abs((one.filed - other.filed).total_seconds()) / 86_400
    if days > category.near_days or (metres is not None and metres > category.near_m):
        return 0.0
    if category.by_house and None not in (houses := (house(one.address), house(other.address))) and len({*houses}) > 1:
        return 0.0
    soon = 1.0 - 0.5 * days / category.near_days if category.near_days else 1.0
    addressed = one.address is not None and other.address is not None
    street = same_words(str(one.address), str(other.address)) if addressed else None
    if metres is None:
        if street is None or street < 0.5:
            return 0.0
        near = street
    else:
        near = 1.0 - (metres / category.near_m) ** 2 / 2 if category.near_m else 1.0
        if street is not None:
            near = (near + street) / 2
    return WORDS * same_words(one.words, other.words) + PLACE * near + TIME * soon


def proposed(one: Report, others: Iterable[Report], rules: Reports, most: int = 5) -> list[Twin]:
    """The reports among `others` that may be the same as `one`, the likeliest first; nothing is decided here.

    Those that are hidden, or part of another already, are left out, and so is what was split off `one`.
    """
    category = rules.categories.get(one.category)
    if category is None:
        return []
    found = []
    for other in others:
        if not _may_be(one, other):
            continue
        alike = likeness(one, other, category)
        if alike >= rules.twin_likeness and alike > 0:
            found.append(Twin(other, round(alike, 3), apart_m(one, other)))
    found.sort(key=lambda twin: (-twin.likeness, twin.report.filed, twin.report.id))
    return found[:most]


def _may_be(one: Report, other: Report) -> bool:
    if other.id == one.id or other.category != one.category or other.hidden is not None:
        return False
    return other.state not in ("duplicate", "merged") and other.parent != one.id and one.parent != other.id


def _alike(one: frozenset[str], other: frozenset[str]) -> float:
    shared = len(one & other)
    if not shared:
        return 0.0
    return shared / (len(one) + len(other)) + shared / (2 * min(len(one), len(other)))
