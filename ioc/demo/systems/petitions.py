"""Petitions and the answers that bodies owe: `/petitions/open311/v2` (GeoReport v2), beside it `tong.json`; invented.

A petition is filed every EVERY_S seconds and due DUE_S later: a day of the demo is short. What was filed within KEPT_S
is told. All of it depends on seed and time alone.
"""

from __future__ import annotations

import math
from datetime import datetime
from functools import lru_cache, partial
from random import Random
from typing import Any, ClassVar, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ioc import clock
from ioc.demo import georeport
from ioc.demo.systems import System
from ioc.geo.units import Unit

EVERY_S, DUE_S, KEPT_S = 60, 3 * 3600, 12 * 3600
MEDIAN_S, SPREAD = 1.8 * 3600, 0.7
"""Median time to answer, and how far it spreads."""
OFFICES = (
    "UBND xã, phường", "Sở Nông nghiệp và Môi trường", "Sở Xây dựng", "Sở Nội vụ", "Sở Tài chính", "Sở Y tế",
    "Sở Giáo dục và Đào tạo", "Công an tỉnh", "Sở Công Thương", "Thanh tra tỉnh",
)  # fmt: skip
SLOW = "Sở Xây dựng"
"""The office that is late when it is."""
KINDS = (("KN", "Kiến nghị"), ("KNCT", "Kiến nghị cử tri"), ("DDN", "Đơn đề nghị"))


class Petition(NamedTuple):
    number: int
    filed: float
    ends: float
    office: str
    kind: tuple[str, str]
    unit: Unit


class Petitions(System):
    breaks: ClassVar = {
        "expired": "The server knows our key no more.",
        "frozen": "Nothing is filed or answered any more.",
        "unanswered": f"{SLOW} answers nothing any more, from now on.",
        "offices": "The column agency_responsible is called co_quan.",
    }
    shows: ClassVar = {
        "expired": "source", "frozen": "source",
        # An answer that is not owed yet is not late; the wall counts it, of this office by itself, once its hours are
        # over.
        "unanswered": "nothing",
        "offices": "aside",
    }  # fmt: skip
    _stands: float | None = None
    _slow_from: float | None = None

    def routes(self) -> list[Route]:
        return [
            Route("/open311/v2/requests.{form:str}", self.requests),
            Route("/open311/v2/tong.json", self.count),
        ]

    async def keep(self) -> None:
        now = self.world.now.timestamp()
        self._stands = (self._stands or now) if "frozen" in self.broken else None
        self._slow_from = (self._slow_from or now) if "unanswered" in self.broken else None

    @property
    def now(self) -> float:
        return self._stands or self.world.now.timestamp()

    def petitions(self) -> list[tuple[float, Petition]]:
        """What was filed of late, with the time of its last change, the last changed last."""
        last = int(self.now // EVERY_S)
        found = [self._petition(number) for number in range(last - KEPT_S // EVERY_S, last + 1)]
        changed = [(one.ends if self.closed(one) else one.filed, one) for one in found]
        return sorted(changed, key=lambda pair: (pair[0], pair[1].number))

    def closed(self, one: Petition) -> bool:
        """Whether it is answered by now."""
        never = self._slow_from is not None and one.office == SLOW and one.ends > self._slow_from
        return one.ends <= self.now and not never

    def _petition(self, number: int) -> Petition:
        return _made(self.world.seed, number, tuple(self.world.units))

    async def count(self, _request: Request) -> Response:
        found = self.petitions()
        return georeport.tally(len(found), datetime.fromtimestamp(found[-1][0], clock.ZONE))

    async def requests(self, request: Request) -> Response:
        form = request.path_params["form"]
        if form not in ("json", "xml"):
            return Response(status_code=404)
        if "expired" in self.broken:
            return georeport.refused(403, "api_key is not valid", form)
        rows = [(datetime.fromtimestamp(at, clock.ZONE), partial(self._told, at, one)) for at, one in self.petitions()]
        return georeport.requests(rows, request, form)

    def _told(self, changed: float, one: Petition) -> dict[str, Any]:
        code, name = one.kind
        office = "co_quan" if "offices" in self.broken else "agency_responsible"
        return {
            "service_request_id": f"KN-{one.number}", "status": "closed" if self.closed(one) else "open",
            "service_code": code, "service_name": name, "description": "Nội dung đơn (dữ liệu mẫu).",
            office: one.office, "requested_datetime": _time(one.filed), "updated_datetime": _time(changed),
            "expected_datetime": _time(one.filed + DUE_S), "address_id": one.unit.code,
        }  # fmt: skip


@lru_cache(4096)
def _made(seed: int, number: int, units: tuple[Unit, ...]) -> Petition:
    chance = Random(f"{seed}/petition/{number}")
    filed = number * EVERY_S
    takes = MEDIAN_S * math.exp(chance.gauss(0, SPREAD))
    weights = [6] + [1] * (len(OFFICES) - 1)
    office, kind, unit = chance.choices(OFFICES, weights)[0], chance.choice(KINDS), chance.choice(units)
    return Petition(number, filed, filed + takes, office, kind, unit)


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, clock.ZONE).isoformat(timespec="seconds")
