"""The cameras of a town. Tuy Hòa: 268 at 105 places, in two registries, the city's in VN-2000, the police's in WGS84.

Tây Ninh: 120 at 48 places of the town and none elsewhere, in one registry.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any, Literal

import msgspec

from ioc.clock import ZONE
from ioc.demo.happening import Happening
from ioc.geo.crs import to_wgs84

CAMERAS, PLACES = 268, 105
EPSG = 9218
"""The zone of former Phú Yên, in which the city keeps its coordinates."""
DOWN, FROZEN = 18, 9
"""How many are broken or show a standing picture, at first and in the mean."""
EVERY_S = 5.0

Office = Literal["city", "police"]
State = Literal["live", "down", "frozen"]


class Town(msgspec.Struct, frozen=True):
    """Where the cameras stand: street crossings in rows and columns, each place with two or three of them.

    `epsg`: zone of the coordinates; `corner`: easting and northing where the streets begin; `northward`, `inland`: unit
    vectors along and across. `police`: of how many places with three, and with two, the police keep the cameras.
    `down`, `frozen`: how many are broken or show a standing picture, at first and in the mean.
    """

    prefix: str
    cameras: int
    places: int
    epsg: int
    corner: tuple[float, float]
    northward: tuple[float, float]
    inland: tuple[float, float]
    along: tuple[str, ...]
    across: tuple[str, ...]
    police: tuple[int, int]
    down: int
    frozen: int


TUY_HOA = Town(
    prefix="TH",
    cameras=CAMERAS,
    places=PLACES,
    epsg=EPSG,
    corner=(591_480.0, 1_443_480.0),
    northward=(-0.527, 0.850),
    inland=(-0.850, -0.527),
    along=("Hùng Vương", "Trần Hưng Đạo", "Nguyễn Huệ", "Lê Lợi", "Độc Lập", "Trường Chinh", "Nguyễn Tất Thành"),
    across=(
        "Lê Duẩn", "Điện Biên Phủ", "Trần Phú", "Nguyễn Trãi", "Lê Thánh Tôn", "Duy Tân", "Phan Đình Phùng", "Bà Triệu",
        "Nguyễn Công Trứ", "Mạc Thị Bưởi", "Trần Quý Cáp", "Hoàng Diệu", "Chu Văn An", "Tản Đà", "Lý Thường Kiệt",
    ),
    police=(20, 10),
    down=DOWN,
    frozen=FROZEN,
)  # fmt: skip
TAM_KY = Town(
    prefix="TK",
    cameras=90,
    places=36,
    epsg=5899,
    corner=(577_460.0, 1_721_690.0),
    northward=(-0.643, 0.766),
    inland=(-0.766, -0.643),
    along=("Phan Châu Trinh", "Phan Bội Châu", "Hùng Vương", "Nguyễn Hoàng", "Trần Cao Vân", "Tôn Đức Thắng"),
    across=("Trần Quý Cáp", "Huỳnh Thúc Kháng", "Lý Thường Kiệt", "Nguyễn Du", "Trần Dư", "Bạch Đằng"),
    police=(0, 0),
    down=5,
    frozen=2,
)
VINH = Town(
    prefix="VI",
    cameras=60,
    places=24,
    epsg=9208,
    corner=(597_070.0, 2_065_070.0),
    northward=(0.0, 1.0),
    inland=(1.0, 0.0),
    along=("Lê Lợi", "Quang Trung", "Trường Thi", "Nguyễn Thị Minh Khai"),
    across=("Lê Hồng Phong", "Lê Mao", "Hà Huy Tập", "Phan Đình Phùng", "Đặng Thái Thân", "Minh Khai"),
    police=(0, 0),
    down=3,
    frozen=1,
)
TAY_NINH = Town(
    prefix="TN",
    cameras=120,
    places=48,
    epsg=9209,
    corner=(563_996.0, 1_248_817.0),
    northward=(0.0, 1.0),
    inland=(1.0, 0.0),
    along=("Cách Mạng Tháng Tám", "30 Tháng 4", "Trưng Nữ Vương", "Hoàng Lê Kha", "Võ Thị Sáu", "Nguyễn Trãi"),
    across=(
        "Võ Văn Truyện", "Phạm Tung", "Nguyễn Chí Thanh", "Trần Hưng Đạo", "Nguyễn Thái Học", "Lê Lợi", "Điện Biên Phủ",
        "Bời Lời",
    ),
    police=(0, 0),
    down=8,
    frozen=4,
)  # fmt: skip


class Camera(msgspec.Struct):
    """One camera: id, name, place, who keeps it, where (metres in the zone `epsg`), and how it is since when."""

    id: str
    name: str
    place: str
    office: Office
    east: float
    north: float
    state: State
    since: datetime
    told: datetime
    """When the registry changed this entry."""
    epsg: int = EPSG
    listed: bool = False
    """Whether the registry itself says that it is broken; of the others only a look at the picture tells."""

    @property
    def lon_lat(self) -> tuple[float, float]:
        """Longitude and latitude in WGS84, six decimals."""
        lon, lat = to_wgs84(self.epsg)(self.east, self.north)
        return round(lon, 6), round(lat, 6)


class Cameras(Happening):
    """All cameras; they break, freeze, come back, and now and then the registry corrects where one stands."""

    def __init__(self, seed: int, began: datetime, town: Town = TUY_HOA) -> None:
        super().__init__(f"{seed}/cameras", began, EVERY_S)
        self.town = town
        self.cameras = _all(self.chance, began, town)
        self._by_id = {camera.id: camera for camera in self.cameras}
        self._moved: set[str] = set()
        self._held: set[str] = set()
        for camera in self.chance.sample(self.cameras, town.down):
            self._change(camera, "down", began - timedelta(minutes=self.chance.randrange(5, 900)))
        for camera in self._near_bridge()[: town.frozen]:
            self._change(camera, "frozen", began - timedelta(minutes=self.chance.randrange(5, 60)))

    def of(self, office: Office) -> list[Camera]:
        """The cameras that one office keeps."""
        return [camera for camera in self.cameras if camera.office == office]

    def newest(self, office: Office) -> datetime:
        """When an office's registry changed the last time."""
        return max(camera.told for camera in self.of(office))

    def picture(self, id: str, at: datetime) -> int | None:
        """Which picture the camera shows at `at`: a number that goes on by one a second; None: it shows none."""
        camera = self._by_id.get(id)
        if camera is None or camera.state == "down":
            return None
        return int((camera.since if camera.state == "frozen" else at).timestamp())

    def hold(self, id: str, at: datetime) -> None:
        """The camera shows the next picture, and then no other, until `let_go`. Raises KeyError when there is none."""
        self._change(self._by_id[id], "frozen", at + timedelta(seconds=1))
        self._held.add(id)

    def put_out(self, id: str, at: datetime) -> None:
        """The camera shows nothing until `let_go`, and the registry knows. Raises KeyError when there is none."""
        camera = self._by_id[id]
        camera.state, camera.since, camera.listed, camera.told = "down", at, True, at
        self._held.add(id)

    def let_go(self, id: str, at: datetime) -> None:
        """A camera that was held shows new pictures again. Raises KeyError when it was not held."""
        self._held.remove(id)
        self._change(self._by_id[id], "live", at)

    def happen(self, at: datetime) -> None:
        drawn = self.chance.random()
        if drawn < 0.05:
            self._move(at)
        elif drawn < 0.7:
            self._turn("down", self.town.down, self.cameras, at)
        else:
            self._turn("frozen", self.town.frozen, self._near_bridge(), at)

    def _turn(self, state: State, mean: int, of: list[Camera], at: datetime) -> None:
        """One more in that state, or one fewer: the rarer it is, the sooner it is one more."""
        now = [camera for camera in self.cameras if camera.state == state and camera.id not in self._held]
        worse = self.chance.random() < min(0.9, max(0.1, 0.5 + 0.05 * (mean - len(now))))
        well = [camera for camera in of if camera.state == "live"]
        if worse and well:
            self._change(self.chance.choice(well), state, at)
        elif now:
            self._change(self.chance.choice(now), "live", at)

    def _change(self, camera: Camera, state: State, at: datetime) -> None:
        camera.state, camera.since = state, at
        listed = state == "down" and self.chance.random() < 0.5
        if listed != camera.listed:
            camera.listed, camera.told = listed, at

    def _near_bridge(self) -> list[Camera]:
        """Live cameras at the south end of Hùng Vương street, by the bridge: they hang on one box."""
        return [camera for camera in self.cameras if camera.state == "live" and camera.place in _BRIDGE]

    def _move(self, at: datetime) -> None:
        """The registry corrects a place by 25 m, and later corrects it back."""
        camera = self.chance.choice(self.cameras)
        back = camera.id in self._moved
        camera.east += -25.0 if back else 25.0
        self._moved ^= {camera.id}
        camera.told = at


_BRIDGE = frozenset(f"D{number:03d}" for number in range(1, 13))


def _all(chance: Random, began: datetime, town: Town) -> list[Camera]:
    """The cameras place by place, three or two at each; the police keep those of some places of both kinds."""
    three = set(chance.sample(range(town.places), town.cameras - 2 * town.places))
    two = [place for place in range(town.places) if place not in three]
    police = {*chance.sample(sorted(three), town.police[0]), *chance.sample(two, town.police[1])}
    cameras: list[Camera] = []
    for place in range(town.places):
        row, column = divmod(place, len(town.along))
        north, inland = 480 * row + chance.uniform(-60, 60), 420 * column + chance.uniform(-60, 60)
        east = town.corner[0] + town.northward[0] * north + town.inland[0] * inland
        up = town.corner[1] + town.northward[1] * north + town.inland[1] * inland
        office: Office = "police" if place in police else "city"
        for number in range(1, 4 if place in three else 3):
            name = f"{town.along[column]} – {town.across[row]} {number}"
            kept = {"id": f"{town.prefix}-{len(cameras) + 1:03d}", "name": name, "place": f"D{place + 1:03d}"}
            spot = {"east": round(east + 6 * number, 2), "north": round(up - 4 * number, 2), "epsg": town.epsg}
            since = began - timedelta(hours=chance.randrange(2, 2000))
            cameras.append(Camera(**kept, **spot, office=office, state="live", since=since, told=since))  # type: ignore[arg-type]
    return cameras


BROKEN = (
    {"ma": "TH-901", "ten": "Chưa khảo sát 1", "diem": "D901", "x": None, "y": None},
    {"ma": "TH-902", "ten": "Nhập nhầm x và y", "diem": "D902", "x": 587_210.4, "y": 1_447_302.9},
)
"""Entries of the city's registry that can't be right: no coordinates, and easting and northing exchanged."""


def city_registry(cameras: Cameras, base: str) -> dict[str, Any]:
    """The city's registry as its office writes it: x is the northing, y the easting, in VN-2000."""
    broken = [
        {**entry, "tinh_trang": "hoat_dong", "doi_luc": "01/03/2026 08:00:00", "anh": f"{base}/anh/{entry['ma']}.jpg"}
        for entry in BROKEN
    ]
    return {
        "don_vi": "Phòng Quản lý đô thị Tuy Hòa (dữ liệu mẫu)",
        "he_toa_do": f"VN-2000, EPSG:{EPSG}",
        "camera": broken
        + [
            {
                "ma": camera.id, "ten": camera.name, "diem": camera.place, "x": camera.north, "y": camera.east,
                "tinh_trang": "mat_ket_noi" if camera.listed else "hoat_dong",
                "doi_luc": camera.told.astimezone(ZONE).strftime("%d/%m/%Y %H:%M:%S"),
                "anh": f"{base}/anh/{camera.id}.jpg",
            }
            for camera in cameras.of("city")
        ],
    }  # fmt: skip


def geojson_registry(cameras: Cameras, base: str, office: Office = "police") -> dict[str, Any]:
    """A registry as GeoJSON in WGS84: the police's, or all of Tây Ninh's."""
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "id": camera.id,
                "geometry": {"type": "Point", "coordinates": list(camera.lon_lat)},
                "properties": {
                    "id": camera.id, "name": camera.name, "site": camera.place, "online": not camera.listed,
                    "changed": camera.told.astimezone(ZONE).isoformat(timespec="seconds"),
                    "snapshot": f"{base}/anh/{camera.id}.jpg",
                },
            }
            for camera in cameras.of(office)
        ],
    }  # fmt: skip


_JPEG = bytes.fromhex(
    "ffd8ffdb004300080606070605080707070909080a0c140d0c0b0b0c1912130f141d1a1f1e1d1a1c1c20242e2720222c231c1c2837292c30"
    "313434341f27393d38323c2e333432ffc0000b080001000101011100ffc4001f0000010501010101010100000000000000000102030405060708"
    "090a0bffc400b5100002010303020403050504040000017d01020300041105122131410613516107227114328191a1082342b1c11552d1f02433"
    "627282090a161718191a25262728292a3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485"
    "868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8"
    "e9eaf1f2f3f4f5f6f7f8f9faffda0008010100003f00fbfeffd9"
)
"""A grey picture of one point."""


def jpeg(id: str, picture: int) -> bytes:
    """A small JPEG whose bytes differ for each camera and picture number (in its comment)."""
    said = f"{id} {picture} dữ liệu mẫu".encode()
    return _JPEG[:2] + b"\xff\xfe" + (len(said) + 2).to_bytes(2, "big") + said + _JPEG[2:]
