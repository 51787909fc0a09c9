"""Administrative units, dated: which commune a place lies in, on a day.

On 1 July 2025 the country went over from 10,035 communes to 3,321, and most of the new codes re-use an old one for
another territory: a code means nothing without its date. Names, codes, centres and the crosswalk come from the package
`vietnamadminunits`, read from its files (its import costs time and memory). Polygons come from a file that the settings
name, else they are cells around the commune centres, and `approximate` says so.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ioc import clock
from ioc.errors import BadConfig
from ioc.event import Geometry
from ioc.settings import Province

if TYPE_CHECKING:
    from shapely import STRtree

NEW = date(2025, 7, 1)
"""The day from which the communes of today stand."""
AS_OF = date(2025, 8, 5)
"""The day of the newest list that vietnamadminunits 1.0.4 was made from (new codes with their decrees)."""
_KINDS = {"Phường": "Ward", "Xã": "Commune", "Đặc khu": "Special Zone", "Thị trấn": "Township"}


class Unit(msgspec.Struct, frozen=True):
    """A commune: five-digit code, name with its kind in Vietnamese and English, centre in WGS84, area (0: unknown).

    `parts`: a new commune's old ones, and an old commune's new ones (several where it was divided), by code.
    """

    code: str
    name: str
    name_en: str
    lon: float
    lat: float
    km2: float = 0.0
    parts: tuple[str, ...] = ()


class Units:
    """The communes of one province, of today and of the time before 1 July 2025.

    `approximate`: areas are cells around the centres. `as_of`: date of the list. `source`: of names and areas.
    """

    def __init__(
        self,
        new: Mapping[str, Unit],
        old: Mapping[str, Unit] | None = None,
        areas: Mapping[str, Any] | None = None,
        source: str = "",
    ) -> None:
        self._new = dict(new)
        self._old = dict(old or {})
        self._areas = dict(areas) if areas is not None else None
        self._tree: STRtree | None = None
        self._order: list[str] = []
        self.approximate = areas is None
        self.as_of = AS_OF
        self.source = source

    @classmethod
    def load(cls, province: Province, folder: Path) -> Units:
        """The communes that `province` names; none when it names no province and no codes. `folder`: of the settings.

        Raises BadConfig on a province or code that does not exist, and when the boundary file can't serve.
        """
        from ioc.geo import unit_list

        if province.province is None and not province.codes:
            return cls({})
        new, old = unit_list.read(province)
        source = f"vietnamadminunits {unit_list.version()}, {AS_OF:%d/%m/%Y}"
        if province.boundaries is None:
            return cls(new, old, None, source)
        file = Path(folder, province.boundaries)
        new, areas = _official(province, file, new)
        return cls(new, old, areas, f"{source}; {file.name}")

    def all(self, on: date | None = None) -> list[Unit]:
        """The communes of the day `on` (None: today), by code."""
        return sorted(self._list(on).values(), key=lambda unit: unit.code)

    def get(self, code: str, on: date | None = None) -> Unit | None:
        """The commune that had `code` on the day `on` (None: today)."""
        return self._list(on).get(code)

    def name(self, code: str, on: date | None = None) -> str:
        """The name of `code` on the day `on` (None: today); the code itself when it is not of this province."""
        unit = self.get(code, on)
        return unit.name if unit is not None else code

    def find(self, lon: float, lat: float, on: date) -> str | None:
        """Code of the commune around a place in WGS84 on the day `on`; None outside the province."""
        return self.find_many([(lon, lat)], on)[0]

    def find_many(self, places: Sequence[tuple[float, float]], on: date) -> list[str | None]:
        """Codes for many places (lon, lat) at once; a place on a border belongs to one side, always the same.

        Before 1 July 2025 there are centres only: it is the nearest old commune of those that the new one was made of.
        """
        found: list[str | None] = [None] * len(places)
        if not places or not self._new:
            return found
        import shapely

        tree = self._index()
        points, hits = tree.query(shapely.points(places), predicate="intersects")
        for point, hit in sorted(zip(points.tolist(), hits.tolist(), strict=True), reverse=True):
            found[point] = self._order[hit]
        return found if on >= NEW else [self._before(spot, code) for spot, code in zip(places, found, strict=True)]

    def outline(self) -> Geometry | None:
        """The province's outline, not simplified; None without communes."""
        import shapely

        from ioc.geo import shapes

        if not self._new:
            return None
        return shapes.geometry(shapely.union_all(list(self._polygons().values())))

    def feature_collection(self) -> dict[str, Any]:
        """GeoJSON for `/api/units`: a feature for each commune of today (id = code) and what the map must say of it."""
        from ioc.geo import shapes

        drawn = shapes.small(self._polygons()) if self._new else {}
        return {
            "type": "FeatureCollection",
            "approximate": self.approximate,
            "as_of": self.as_of.isoformat(),
            "source": self.source,
            "features": [
                {
                    "type": "Feature",
                    "id": unit.code,
                    "geometry": drawn.get(unit.code),
                    "properties": {
                        "code": unit.code, "name": unit.name, "name_en": unit.name_en, "lon": unit.lon, "lat": unit.lat,
                    },
                }
                for unit in self.all()
            ],
        }  # fmt: skip

    def _list(self, on: date | None) -> dict[str, Unit]:
        day = on if on is not None else clock.now().astimezone(clock.ZONE).date()
        return self._new if day >= NEW else self._old

    def _polygons(self) -> dict[str, Any]:
        from ioc.geo import shapes

        if self._areas is None:
            centres = {unit.code: (unit.lon, unit.lat) for unit in self.all()}
            self._areas = shapes.cells(centres, {unit.code: unit.km2 for unit in self.all()})
        return self._areas

    def _index(self) -> STRtree:
        import shapely

        if self._tree is None:
            polygons = self._polygons()
            self._order = sorted(polygons)
            self._tree = shapely.STRtree([polygons[code] for code in self._order])
        return self._tree

    def _before(self, spot: tuple[float, float], code: str | None) -> str | None:
        parts = [self._old[part] for part in (self._new[code].parts if code else ()) if part in self._old]
        middle = math.cos(math.radians(spot[1]))
        near = min(parts, key=lambda unit: math.hypot((unit.lon - spot[0]) * middle, unit.lat - spot[1]), default=None)
        return near.code if near is not None else None


def _official(province: Province, file: Path, new: Mapping[str, Unit]) -> tuple[dict[str, Unit], dict[str, Any]]:
    """Communes and polygons of a boundary file. A whole province is what the file holds; a choice must be all in it."""
    from ioc.geo import shapes

    chosen = province.legacy_province is not None or bool(province.codes)
    areas = shapes.read(file, province.code_field, frozenset(new) if chosen else frozenset())
    if lacking := sorted(set(new) - set(areas)) if chosen else []:
        say = f"{file.name} has no polygon for {', '.join(lacking[:5])} ({len(lacking)} in all)"
        raise BadConfig(f"{say}; add them, or leave boundaries out.")
    if not areas:
        raise BadConfig(f"{file.name} holds no areas; write a file with the province's communes as boundaries.")
    units = {code: new[code] if code in new else _unlisted(area) for code, area in areas.items()}
    return units, {code: area.shape for code, area in areas.items()}


def _unlisted(area: Any) -> Unit:
    """A commune that the package does not list yet: named by the file, centred inside its polygon."""
    given = (area.properties.get(field) for field in ("fullName", "full_name", "name"))
    said = next((text for text in given if isinstance(text, str)), area.code)
    centre = area.shape.representative_point()
    return Unit(area.code, said, english(said), round(centre.x, 6), round(centre.y, 6))


def english(name: str) -> str:
    """A commune's name in English: without marks, its kind behind it ("Phường Tuy Hòa": "Tuy Hoa Ward")."""
    for kind, word in _KINDS.items():
        if name.startswith(kind + " "):
            short = _plain(name[len(kind) + 1 :])
            return f"{word} {short}" if short.isdigit() else f"{short} {word}"
    return _plain(name)


def _plain(text: str) -> str:
    apart = unicodedata.normalize("NFD", text.replace("Đ", "D").replace("đ", "d"))
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


def nfc(text: str) -> str:
    """`text` in the one form that names are compared and sent in, without stray spaces and line breaks."""
    return unicodedata.normalize("NFC", " ".join(text.split()))
