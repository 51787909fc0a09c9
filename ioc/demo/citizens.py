"""What citizens report: about 400 open reports in all communes, some overdue, new ones every few seconds."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from ioc.clock import ZONE
from ioc.demo.happening import Happening
from ioc.geo.units import Unit

OPEN = 412
"""Reports that are open at first; as many stay open in the mean."""
CLOSED = 230
"""Reports of the day before that were closed already at the beginning."""
EVERY_S = 9.0
MEDIAN_S = OPEN * EVERY_S * 0.55
"""Median time to close: with the spread below, the mean keeps about OPEN reports open."""
SPREAD = 1.1
LATE = 0.22
"""Share of the reports that are answered late."""
EXCHANGED = 40
"""One report in so many has latitude and longitude exchanged, as some telephones send them."""
BURST, BURST_M = 8, 1_100.0
"""One report in so many tells of waste around one place of the first town, so many metres away at most: a hot spot."""
WASTE = 1
"""Place of that service below."""
KEEP = timedelta(hours=6)
"""How long closed reports stay in the list."""

Way = Literal["1022", "app", "web"]
PHU_YEN: dict[Way, float] = {"1022": 0.7, "app": 0.3}
TAY_NINH: dict[Way, float] = {"1022": 0.5, "app": 0.3, "web": 0.2}
QUANG_NAM: dict[Way, float] = {"app": 1.0}
"""By which ways reports come, and how many of all."""

SERVICES: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("GT", "Hạ tầng giao thông", "Sở Xây dựng", ("Ổ gà giữa đường", "Nắp cống vỡ", "Biển báo đổ")),
    (
        "MT",
        "Vệ sinh môi trường",
        "Công ty Môi trường đô thị",
        ("Rác chưa thu gom", "Đổ rác bừa bãi", "Mùi hôi từ cống"),
    ),
    ("CS", "Chiếu sáng công cộng", "Công ty Điện chiếu sáng", ("Đèn đường không sáng", "Đèn nhấp nháy")),
    ("DT", "Trật tự đô thị", "UBND xã, phường", ("Lấn chiếm vỉa hè", "Để xe chắn lối đi")),
    ("CN", "Cấp nước", "Công ty Cấp thoát nước", ("Nước yếu", "Vỡ ống nước", "Nước đục")),
    ("AN", "An ninh trật tự", "Công an xã, phường", ("Gây ồn sau 22 giờ", "Đua xe")),
    ("DV", "Dịch vụ công", "Bộ phận một cửa", ("Hồ sơ quá ngày hẹn", "Không nộp được hồ sơ trực tuyến")),
)


class Report(msgspec.Struct):
    """One citizen's report: what, where (WGS84), by which way, when it came, is due, and was or will be closed."""

    id: str
    way: Way
    service: int
    text: str
    unit: str
    place: str
    lon: float
    lat: float
    filed: datetime
    due: datetime
    ends: datetime
    updated: datetime
    open: bool = True
    exchanged: bool = False

    def as_georeport(self) -> dict[str, Any]:
        """The report by the field names of GeoReport v2."""
        code, name, agency, _ = SERVICES[self.service]
        lat, lon = (self.lon, self.lat) if self.exchanged else (self.lat, self.lon)
        return {
            "service_request_id": self.id, "status": "open" if self.open else "closed",
            "status_notes": "" if self.open else "Đã xử lý xong (dữ liệu mẫu).",
            "service_name": name, "service_code": code, "description": self.text, "agency_responsible": agency,
            "service_notice": "", "requested_datetime": _time(self.filed), "updated_datetime": _time(self.updated),
            "expected_datetime": _time(self.due), "address": self.place, "address_id": self.unit, "zipcode": "",
            "lat": lat, "long": lon, "media_url": "",
        }  # fmt: skip


def _time(moment: datetime) -> str:
    return moment.astimezone(ZONE).isoformat(timespec="seconds")


class Citizens(Happening):
    """All reports, and who closes them. `find`: which commune a place lies in (None: outside). `ways`: see PHU_YEN;
    `prefix`: begins each report's id."""

    def __init__(
        self,
        seed: int,
        began: datetime,
        units: Sequence[Unit],
        find: Callable[[float, float], str | None],
        ways: Mapping[Way, float] = PHU_YEN,
        prefix: str = "PY",
    ) -> None:
        super().__init__(f"{seed}/citizens", began, EVERY_S)
        self.ways, self.prefix = ways, prefix
        self.units, self.find = list(units), find
        self.reports: dict[str, Report] = {}
        self._number = 0
        self._ends: list[tuple[datetime, str]] = []
        self._forget: list[tuple[datetime, str]] = []
        self._town = next((unit for unit in self.units if unit.name.startswith("Phường")), self.units[0])
        self._weights = [1 + 12 * unit.name.startswith("Phường") for unit in self.units]
        for n in range(CLOSED):
            ended = began - timedelta(seconds=self.chance.uniform(0, KEEP.total_seconds()))
            self._file(ended, units[n % len(units)], closed=True)
        for n in range(OPEN):
            # as many communes as there are have at least one
            self._file(began, units[n] if n < len(units) else None, running=True)
        self._close(began)

    def of(self, way: Way) -> list[Report]:
        """The reports of one way, the last touched last."""
        return sorted((one for one in self.reports.values() if one.way == way), key=lambda one: (one.updated, one.id))

    def advance(self, to: datetime) -> None:
        super().advance(to)
        self._close(to)

    def happen(self, at: datetime) -> None:
        self._file(at)
        self._close(at)

    def _file(self, at: datetime, unit: Unit | None = None, *, running: bool = False, closed: bool = False) -> None:
        """A new report at `at`; `running`: it came before, and is not closed yet; `closed`: it was closed at `at`."""
        takes = timedelta(seconds=MEDIAN_S * self.chance.lognormvariate(0, SPREAD))
        late = self.chance.random() < LATE
        if running:
            # the longer it takes, the likelier it is that one meets it open
            takes = max((takes, *(timedelta(seconds=MEDIAN_S * self.chance.lognormvariate(0, SPREAD)) for _ in "ab")))
        filed = at - takes * self.chance.random() if running else at - takes if closed else at
        self._number += 1
        burst = unit is None and self._number % BURST == 0
        unit = unit or self.chance.choices(self.units, self._weights)[0]
        service = self.chance.randrange(len(SERVICES))
        if burst:
            unit, service = self._town, WASTE
        lon, lat = self._spot(unit, burst)
        report = Report(
            id=f"{self.prefix}-{self.began:%y%m%d%H%M}-{self._number:05d}",
            way=self._way(),
            service=service,
            text=f"{self.chance.choice(SERVICES[service][3])} (dữ liệu mẫu).",
            unit=unit.code,
            place=unit.name,
            lon=lon,
            lat=lat,
            filed=filed,
            due=filed + takes * (self.chance.uniform(0.4, 0.8) if late else self.chance.uniform(1.2, 3.0)),
            ends=filed + takes,
            updated=filed,
            exchanged=self._number % EXCHANGED == 0,
        )
        self.reports[report.id] = report
        heapq.heappush(self._ends, (report.ends, report.id))

    def _way(self) -> Way:
        drawn, passed = self.chance.random(), 0.0
        for way, share in self.ways.items():
            passed += share
            if drawn < passed:
                return way
        return way

    def _spot(self, unit: Unit, burst: bool) -> tuple[float, float]:
        """A place inside the commune, near its centre (or its hot spot); the centre when none is found."""
        far = 0.45 * math.sqrt(unit.km2 / math.pi) / 111.2
        near = BURST_M / 111_200
        for _ in range(8):
            if burst:
                lon, lat = (at + self.chance.uniform(-near, near) for at in (unit.lon, unit.lat))
            else:
                lon, lat = self.chance.gauss(unit.lon, far), self.chance.gauss(unit.lat, far)
            if self.find(lon, lat) == unit.code:
                return round(lon, 6), round(lat, 6)
        return unit.lon, unit.lat

    def _close(self, now: datetime) -> None:
        """Close what is done by `now`, and forget what was closed long ago."""
        while self._ends and self._ends[0][0] <= now:
            ended, id = heapq.heappop(self._ends)
            report = self.reports[id]
            report.open, report.updated = False, ended
            heapq.heappush(self._forget, (ended + KEEP, id))
        while self._forget and self._forget[0][0] <= now:
            del self.reports[heapq.heappop(self._forget)[1]]
