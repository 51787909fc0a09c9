"""Nghệ An's report system: the quarterly report of the 823 bodies, in versions.

Below `/report_forms/`: `submissions?form=&updatedFrom=&page=&limit=`, oldest first; `count`; `newest`, how many bodies
it holds a report of for the newest quarter. Of each
quarter most bodies send in time, some late, some never, and a few correct theirs, with a reason or without; those that
are late with the newest one send it one after the other while the demo runs.
"""

from __future__ import annotations

import csv
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, ClassVar, NamedTuple

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ioc import clock
from ioc.contract import CALENDAR
from ioc.demo.systems import System
from ioc.duty import Due
from ioc.period import Period

LIST = Path(__file__).parent.parent / "modules" / "nghe-an" / "co-quan.csv"
DUE = Due(each="quarter", after=15)
PARTS = ("I", "II", "III", "IV")
ON_TIME, LATE, STRAGGLER, FIXED = 0.94, 0.03, 0.012, 0.02
"""Shares of bodies that send in time and late, that send while the demo runs, and that correct what they sent."""
EVERY_S = 60


class Sent(NamedTuple):
    """One version that one body sent."""

    at: datetime
    body: str
    period: Period
    version: int
    why: str


class Reports(System):
    """The system. What was sent depends on the seed and the time alone."""

    breaks: ClassVar = {
        "half": "The newest quarter of every second body is lost; who was told of it before knows it still.",
        "schema": "It calls the time of sending otherwise.",
        "stranger": "Ten bodies that are on no list send the report of the newest quarter.",
        "token": "It refuses the key.",
    }
    shows: ClassVar = {"half": "alert", "schema": "aside", "stranger": "aside", "token": "source"}

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        with LIST.open(encoding="utf-8", newline="") as file:
            self.codes = [row["code"] for row in csv.DictReader(file, delimiter=";")]
        newest = DUE.newest(self.world.began, CALENDAR)
        self.periods = (DUE.before(newest, CALENDAR), newest)
        self._strange: datetime | None = None

    async def keep(self) -> None:
        """Since when there are strangers."""
        self._strange = (self._strange or self.world.now) if "stranger" in self.broken else None

    def routes(self) -> list[Route]:
        told = {"/submissions": self.submissions, "/count": self.count, "/newest": self.newest}
        return [Route(path, answer) for path, answer in told.items()]

    def sent(self) -> list[Sent]:
        """Every version until now, oldest first."""
        found = []
        for period in self.periods:
            due = DUE.at(period, CALENDAR)
            for number, body in enumerate(self.codes):
                if "half" in self.broken and number % 2 and period == self.periods[-1]:
                    continue
                found += self._of(body, number, period, due)
        return sorted(one for one in found if one.at <= self.world.now)

    def _of(self, body: str, number: int, period: Period, due: datetime) -> list[Sent]:
        chance = Random(f"{self.world.seed}/{body}/{period.text}")
        kind = chance.random()
        if kind < ON_TIME:
            at = due - timedelta(hours=chance.uniform(1, 330))
        elif kind < ON_TIME + LATE:
            at = due + timedelta(hours=chance.uniform(1, 200))
        elif kind < ON_TIME + LATE + STRAGGLER and period == self.periods[-1]:
            at = self.world.began + timedelta(seconds=EVERY_S * (1 + number % 10))
        else:
            return []
        first = Sent(at, body, period, 1, "")
        if chance.random() >= FIXED:
            return [first]
        why = "Nhập nhầm số liệu" if chance.random() < 0.7 else ""
        return [first, Sent(at + timedelta(hours=chance.uniform(1, 48)), body, period, 2, why)]

    async def submissions(self, request: Request) -> Response:
        if "token" in self.broken:
            return JSONResponse({"error": "unauthorized"}, 401)
        begin = request.query_params.get("updatedFrom")
        since = clock.parse(begin) if begin else None
        page, size = int(request.query_params.get("page", 1)), min(int(request.query_params.get("limit", 200)), 1000)
        found = [one for one in (*self.sent(), *self._strangers()) if since is None or one.at >= since]
        rows = [self._row(one) for one in found[(page - 1) * size : page * size]]
        return JSONResponse({"items": rows})

    def _strangers(self) -> list[Sent]:
        """What they sent: the newest there is, so that whoever asks for what is new since the last time gets it."""
        if self._strange is None:
            return []
        return [Sent(self._strange, f"LA-{body}", self.periods[-1], 1, "") for body in self.codes[:10]]

    async def count(self, _request: Request) -> Response:
        """How many reports there are, whatever their version, and when the newest was sent."""
        if "token" in self.broken:
            return JSONResponse({"error": "unauthorized"}, 401)
        told = self.sent()
        newest = told[-1].at.isoformat(timespec="seconds") if told else None
        return JSONResponse({"tong": len({(one.body, one.period.text) for one in told}), "moi_nhat": newest})

    async def newest(self, _request: Request) -> Response:
        """How many bodies it holds a report of, for the newest quarter."""
        if "token" in self.broken:
            return JSONResponse({"error": "unauthorized"}, 401)
        newest = self.periods[-1]
        bodies = {one.body for one in self.sent() if one.period == newest}
        return JSONResponse({"items": [{"bieuMau": "CDS-01", "daNop": len(bodies)}]})

    def _row(self, one: Sent) -> dict[str, Any]:
        return {
            "bieuMau": "CDS-01", "maDonVi": one.body, "nam": one.period.first.year,
            "ky": PARTS[(one.period.first.month - 1) // 3], "phienBan": one.version, "lyDo": one.why,
            "guiLuc" if "schema" in self.broken else "ngayGui": one.at.isoformat(timespec="seconds"),
        }  # fmt: skip
