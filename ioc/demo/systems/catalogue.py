"""Nghệ An's catalogue of shared databases, as a CKAN portal tells it; all of it invented (dữ liệu mẫu).

Below `/catalogue/`: `api/3/action/package_search?rows=`, the data sets with their owner (`organization`), the step that
each is on (`trang_thai`: thu_thap, tham_dinh, chia_se) and since when (`tu_ngay`). Times of CKAN (`metadata_modified`)
are UTC without saying so. Every MOVE_S seconds one data set goes a step on: it is appraised, or shared, or collected
anew for its next edition; those without an owner, and some that nobody looks after, stand.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, ClassVar

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ioc.clock import ZONE
from ioc.demo.systems import System

OWNERS = (
    "Sở Y tế", "Sở Giáo dục và Đào tạo", "Sở Nội vụ", "Sở Tài chính", "Sở Tư pháp", "Sở Xây dựng", "Sở Công Thương",
    "Sở Nông nghiệp và Môi trường", "Sở Khoa học và Công nghệ", "Sở Văn hóa, Thể thao và Du lịch", "Sở Ngoại vụ",
    "Sở Dân tộc và Tôn giáo", "Thanh tra tỉnh", "Văn phòng UBND tỉnh", "Công an tỉnh", "Bảo hiểm xã hội tỉnh",
)  # fmt: skip
COLLECTED, APPRAISED, SHARED = "thu_thap", "tham_dinh", "chia_se"
AT_FIRST = {SHARED: 128, APPRAISED: 31, COLLECTED: 55}
"""Data sets on each step; together 214."""
DAYS = {SHARED: (1, 400), APPRAISED: (1, 25), COLLECTED: (1, 25)}
"""Since how many days each is on its step."""
UNOWNED, STUCK = 6, 9
"""Of those that are collected: so many have no owner, and so many more have stood for months."""
MOVE_S = 90.0
STOOD = timedelta(days=60)
"""For how long appraisal has stood still when it does."""
WITHHELD = 40


class Dataset(msgspec.Struct):
    """`stands`: it goes no further by itself."""

    number: int
    owner: str | None
    step: str
    since: datetime
    changed: datetime
    stands: bool


class Catalogue(System):
    """The portal."""

    breaks: ClassVar = {
        "withdrawn": "The owner of most data sets withdraws: they have no owner, and begin anew.",
        "stands": "Appraisal has stood still for two months.",
        "columns": "The portal calls the step of a data set otherwise.",
        "codes": "Every tenth data set is on a step that nobody knows.",
        "withheld": f"{WITHHELD} data sets are counted, and not told.",
        "token": "The portal lets nobody in.",
    }
    shows: ClassVar = {
        "withdrawn": "datasets_unowned", "stands": "datasets_stuck", "columns": "aside", "codes": "aside",
        "withheld": "datasets_waiting", "token": "source",
    }  # fmt: skip

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.sets = list(self._made())
        self.moves = 0

    def _made(self) -> list[Dataset]:
        found: list[Dataset] = []
        for step, count in AT_FIRST.items():
            for number in range(count):
                chance = Random(f"{self.world.seed}/catalogue/{step}/{number}")
                owner = None if step == COLLECTED and number < UNOWNED else chance.choice(OWNERS)
                stands = step == COLLECTED and number < UNOWNED + STUCK
                days = chance.uniform(35, 120) if stands else chance.uniform(*DAYS[step])
                since = self.world.began - timedelta(days=days)
                found.append(Dataset(len(found) + 1, owner, step, since, since, stands))
        return found

    def routes(self) -> list[Route]:
        return [Route("/api/3/action/package_search", self.search)]

    async def keep(self) -> None:
        """Move on what is due; what stands still is not made up for."""
        due = int(self.world.age // MOVE_S)
        while self.moves < due:
            self.moves += 1
            if "stands" not in self.broken:
                self._move(self.world.began + timedelta(seconds=MOVE_S * self.moves))

    def _move(self, at: datetime) -> None:
        """One step of the data set that waited longest for it."""
        before, after = ((SHARED, COLLECTED), (COLLECTED, APPRAISED), (APPRAISED, SHARED))[self.moves % 3]
        waiting = [one for one in self.sets if one.step == before and not one.stands]
        if waiting:
            first = min(waiting, key=lambda one: one.since)
            first.step, first.since, first.changed = after, at, at

    def first_owner(self) -> str:
        """Whose most data sets are."""
        return max(OWNERS, key=lambda owner: sum(one.owner == owner for one in self.sets))

    async def search(self, request: Request) -> Response:
        if "token" in self.broken:
            return JSONResponse({"success": False, "error": {"message": "Access denied"}}, 403)
        rows = int(request.query_params.get("rows", 10))
        told = self.sets[: -WITHHELD if "withheld" in self.broken else None]
        results = [self._package(one) for one in told[:rows]]
        return JSONResponse({"success": True, "result": {"count": len(self.sets), "results": results}})

    def _package(self, one: Dataset) -> dict[str, Any]:
        owner, step, since = one.owner, one.step, one.since
        if "withdrawn" in self.broken and owner == self.first_owner():
            owner, step = None, COLLECTED
        if "stands" in self.broken and step == COLLECTED:
            since = min(since, self.world.now - STOOD)
        if "codes" in self.broken and one.number % 10 == 0:
            step = "luu_tru"
        return {
            "name": f"csdl-{one.number:03d}",
            "title": f"Cơ sở dữ liệu mẫu {one.number:03d}",
            "organization": {"title": owner} if owner is not None else None,
            "state_of_work" if "columns" in self.broken else "trang_thai": step,
            "tu_ngay": since.astimezone(ZONE).isoformat(timespec="seconds"),
            "metadata_modified": one.changed.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds"),
        }
