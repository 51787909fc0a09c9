"""Which communes a text names: their names are looked for as people write them, and common words are left alone.

A name counts with its kind before it ("xã Bình Minh"), and that kind must be its own. Without it, a name counts that
has two syllables or more, each with its capital letter, stands alone (a capital before or after it makes it a part of
another name: Nguyễn Duy Xuyên), does not follow a word that makes it a person or a street, and is not borne by many
communes of the country.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

from ioc.geo.units import Unit

MANY = 3
"""A name that so many communes of the country bear needs its kind before it."""
KINDS = ("Phường", "Xã", "Đặc khu", "Thị trấn")
_NOT_PLACES = frozenset({
    "ông", "bà", "anh", "chị", "em", "cháu", "cụ", "cô", "chú", "bác", "tên", "đường", "phố", "trường", "sông", "cầu",
    "chùa", "tỉnh", "hiệu", "quán", "hãng", "ty", "nhóm", "báo", "đội",
})  # fmt: skip
"""Words after which a name is a person's, a street's, a firm's or another province's."""
_AT = frozenset({
    "Tại", "Ở", "Từ", "Đến", "Về", "Qua", "Gần", "Và", "Ngoài", "Trong", "Huyện", "Thị", "Thành", "TP", "TX", "Người",
    "Dân", "Chợ",
})  # fmt: skip
"""Words that begin a sentence before a place."""
_OLD = {f"{first}{toned}": f"{marked}{plain}" for first, plain, pairs in (
    ("o", "a", zip("àáảãạ", "òóỏõọ", strict=True)), ("o", "e", zip("èéẻẽẹ", "òóỏõọ", strict=True)),
    ("u", "y", zip("ỳýỷỹỵ", "ùúủũụ", strict=True)),
) for toned, marked in pairs}  # fmt: skip
_WRITTEN = re.compile("|".join(_OLD))


class Names:
    """The communes of a province by name. `borne`: how many communes of the country bear each name."""

    def __init__(self, units: Iterable[Unit], borne: Mapping[str, int] | None = None) -> None:
        self._known: dict[str, list[tuple[str, str]]] = {}
        self._rare: set[str] = set()
        for unit in units:
            kind = next((kind for kind in KINDS if unit.name.startswith(kind + " ")), "")
            name = written(unit.name[len(kind) :])
            self._known.setdefault(name, []).append((kind.lower(), unit.code))
            if " " in name and (borne or {}).get(unit.name[len(kind) :].strip(), 1) < MANY:
                self._rare.add(name)
        names = "|".join(re.escape(name) for name in sorted(self._known, key=len, reverse=True))
        kinds = "|".join(KINDS)
        self._pattern = re.compile(rf"(?<!\w)(?:((?i:{kinds}))\s)?({names})(?!\w)") if names else None

    def find(self, text: str) -> list[str]:
        """Codes of the communes that `text` names, in their order, each once."""
        if self._pattern is None:
            return []
        plain = written(text)
        found: dict[str, None] = {}
        for hit in self._pattern.finditer(plain):
            kind, name = (hit[1] or "").lower(), hit[2]
            codes = [code for own, code in self._known[name] if not kind or own == kind]
            # of two communes with one name nobody knows which is meant
            if len(codes) == 1 and (kind or self._alone(plain, hit.start(), hit.end(), name)):
                found[codes[0]] = None
        return list(found)

    def _alone(self, text: str, begin: int, end: int, name: str) -> bool:
        if name not in self._rare:
            return False
        after = re.match(r"\s(\w)", text[end : end + 2])
        before = re.search(r"([\w/-]+)\s$", text[max(0, begin - 40) : begin])
        word = before[1] if before else ""
        capital = word[:1].isupper() and word not in _AT
        return not (after and after[1].isupper()) and not capital and word.lower() not in _NOT_PLACES


def written(text: str) -> str:
    """`text` in one spelling: composed letters, one space, tone marks where the older rule has them (hòa, not hoà)."""
    flat = unicodedata.normalize("NFC", " ".join(text.split()))
    return _WRITTEN.sub(lambda hit: _OLD[hit[0]], flat)
