"""A source's states by a simulated clock, from health to the glass: at their second, once, on every channel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from ioc import names
from ioc.board.memory import MemoryBoard
from ioc.clock import ZONE
from ioc.contract import Answered, Contract
from ioc.duty import Due
from ioc.log.memory import MemoryLog
from ioc.run.health import Health
from ioc.settings import Province, Settings, Source
from ioc.web.access import Access
from ioc.web.channels import Channel
from ioc.web.hub import Hub
from ioc.workdays import Calendar

from .room import Folding, Taking

CALENDAR = Calendar(off=(date(2026, 3, 9),), on=(date(2026, 3, 14),))
DEPENDING = ("layer/x", "tile/x")
DAILY = Contract("Sở Y tế", due=Due("day", by="17:00", working=True), grace=3600, method="typed")
MONTHLY = Contract("Sở Tài chính", due=Due("month", by="17:00", after=5, working=True), grace=3600)
BANKS = Contract("Ngân hàng", due=Due("month", by="17:00", after=2, starts=15), grace=3600)
TOKYO = Contract("Đối tác", due=Due("day", by="17:00", zone="Asia/Tokyo"), grace=3600)
EACH_30_S = Contract("Công an tỉnh", cadence=30, grace=60)
FROZEN = Contract("Công an tỉnh", cadence=3600, still=600)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


class Glass:
    """Health, hub and one screen around a memory board; `now` is the clock of all of them."""

    def __init__(self, contract: Contract) -> None:
        self.now = at("2026-01-01")
        self.board, self.log = MemoryBoard(), MemoryLog()
        source = Source("s", "push", contract, {})
        self.settings = Settings(Province("Thử"), {"s": source}, calendar=CALENDAR)
        self.health = Health(self.settings, self.board, self.log, tiles=list)
        channels = {name: Channel(name, name.partition("/")[0], False, ("s",)) for name in DEPENDING}  # type: ignore[arg-type]
        channels[names.SOURCES] = Channel(names.SOURCES, "sources", False, ("s",), watched=True)
        self.seconds = 1000.0
        self.hub = Hub(
            self.board, Access(None, ("*",)), channels, monotonic=lambda: self.seconds, clock=lambda: self.now
        )
        self.wire = Taking()

    async def says(self, when: datetime, reached: str | None, **told: Any) -> None:
        """The source answered at `when`."""
        known = await self.log.known("s")
        day = date.fromisoformat(reached) if reached else None
        answered = Answered("s", when, when, **{"observed": when, "reached": day, **told})
        await self.log.append([], source="s", revision=known.revision, cursor=None, seen={}, answered=answered)

    async def look(self, now: datetime) -> None:
        """It is `now`: health looks, the hub hears of it, and ticks once; what was due to the screen was sent."""
        self.now = now
        # however the wall's clock jumps, this one goes on
        self.seconds += 10
        await self.health.look(now)
        found = await self.board.snapshot(names.SOURCES)
        assert found is not None
        async with asyncio.timeout(20):
            while self.hub.mirrors[names.SOURCES].position != found.position:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        self.hub.tick()
        self.seconds += 1
        async with asyncio.timeout(20):
            while self.hub._soon is not None or self.hub._touched:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        self.wire.drain()

    async def changes(self) -> list[str]:
        found = [entry.event async for entry in self.log.kept() if entry.event.type == names.CHANGED]
        return [event.data.properties["to"] for event in found if event.data is not None]


@asynccontextmanager
async def glass(contract: Contract) -> AsyncIterator[tuple[Glass, Folding]]:
    made = Glass(contract)
    for name in DEPENDING:
        await made.board.reset(name, {"all": b'{"value":7,"sources":["s"]}'})
    await made.health.open()
    await made.hub.follower.load()
    following = asyncio.create_task(made.hub.follower.run())
    screen = made.wire.screen = made.hub.connect(made.wire, "127.0.0.1", None)
    screen.take(b'{"type":"hello"}')
    watched = ",".join(f'{{"channel":"{name}"}}' for name in (*DEPENDING, names.SOURCES))
    screen.take(f'{{"type":"watch","channels":[{watched}]}}'.encode())
    try:
        yield made, Folding(made.wire)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


WALKS = [
    pytest.param(
        DAILY, "2026-03-06 08:00", "2026-03-05",
        [
            ("2026-03-06 17:00:00", "live"), ("2026-03-06 17:00:01", "late"), ("2026-03-06 18:00:00", "late"),
            ("2026-03-06 18:00:01", "stale"), ("2026-03-07 12:00:00", "stale"),
        ],
        id="friday",
    ),
    pytest.param(
        DAILY, "2026-03-06 16:00", "2026-03-06",
        [
            ("2026-03-07 17:00:01", "live"), ("2026-03-09 17:00:01", "live"), ("2026-03-10 17:00:00", "live"),
            ("2026-03-10 17:00:01", "late"), ("2026-03-10 18:00:01", "stale"),
        ],
        id="weekend and a day off",
    ),
    pytest.param(
        DAILY, "2026-02-13 16:00", "2026-02-13",
        [("2026-02-22 23:59:59", "live"), ("2026-02-23 17:00:00", "live"), ("2026-02-23 17:00:01", "late")],
        id="Tết",
    ),
    pytest.param(
        DAILY, "2026-03-13 16:00", "2026-03-13",
        [("2026-03-14 17:00:00", "live"), ("2026-03-14 17:00:01", "late")],
        id="make-up day",
    ),
    pytest.param(
        MONTHLY, "2026-02-06 10:00", "2026-01-31",
        [("2026-02-28 23:59:59", "live"), ("2026-03-06 17:00:00", "live"), ("2026-03-06 17:00:01", "late")],
        id="a month of 28 days",
    ),
    pytest.param(
        BANKS, "2026-02-16 10:00", "2026-02-14",
        [("2026-03-16 17:00:00", "live"), ("2026-03-16 17:00:01", "late"), ("2026-03-16 18:00:01", "stale")],
        id="from the 15th to the 14th",
    ),
    pytest.param(
        TOKYO, "2026-03-10 10:00", "2026-03-10",
        [("2026-03-11 15:00:00", "live"), ("2026-03-11 15:00:01", "late"), ("2026-03-11 16:00:01", "stale")],
        id="a clock in another zone",
    ),
    pytest.param(
        EACH_30_S, "2026-03-10 12:00:00", None,
        [
            ("2026-03-10 12:00:30", "live"), ("2026-03-10 12:00:31", "late"), ("2026-03-10 12:01:30", "late"),
            ("2026-03-10 12:01:31", "stale"),
        ],
        id="every 30 seconds",
    ),
    pytest.param(
        EACH_30_S, "2026-03-10 12:00:00", None,
        [
            ("2026-03-10 12:00:10", "live"), ("2030-01-01 00:00:00", "stale"), ("2026-03-10 12:00:20", "live"),
            ("2020-01-01 00:00:00", "live"), ("2026-03-10 12:00:31", "late"),
        ],
        id="a clock that jumps",
    ),
    pytest.param(
        FROZEN, "2026-03-10 12:00:00", None,
        [("2026-03-10 12:10:00", "live"), ("2026-03-10 12:10:01", "stale")],
        id="its own clock stands still",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("contract", "answered", "reached", "walk"), WALKS)
async def test_every_channel_carries_each_state_at_its_second_and_each_change_is_one_event(
    contract: Contract, answered: str, reached: str | None, walk: list[tuple[str, str]]
) -> None:
    async with glass(contract) as (made, screen):
        await made.says(at(answered), reached)
        await made.look(at(answered))
        changes = ["live"]
        for moment, state in walk:
            await made.look(at(moment))
            changes += [state] if state != changes[-1] else []
            screen.fold()
            told = {name: screen.quality[name] for name in DEPENDING}
            assert {name: quality["state"] for name, quality in told.items()} == dict.fromkeys(DEPENDING, state), moment
            assert all(quality["sources"] == {"s": state} for quality in told.values())
            assert all((quality["why"] is None) == (state == "live") for quality in told.values())
            assert screen.items[names.SOURCES]["s"]["state"] == state
            assert await made.changes() == changes
        # no item changed: what moved is the quality alone
        moved = [
            frame for frame in made.wire.frames() if frame.get("channel") in DEPENDING and frame["type"] == "delta"
        ]
        assert moved
        assert all(not frame["put"] and not frame["drop"] and frame["after"] == frame["offset"] for frame in moved)


async def test_the_figure_that_was_missing_brings_everything_back() -> None:
    async with glass(DAILY) as (made, screen):
        await made.says(at("2026-03-05 16:00"), "2026-03-05")
        await made.look(at("2026-03-06 19:00"))
        assert await made.changes() == ["stale"]
        await made.says(at("2026-03-06 19:30"), "2026-03-06")
        await made.look(at("2026-03-06 19:30") + timedelta(seconds=1))
        screen.fold()
        assert {screen.quality[name]["state"] for name in DEPENDING} == {"live"}
        assert screen.quality["tile/x"]["due"] == "2026-03-10T17:00:00+07:00"
        assert await made.changes() == ["stale", "live"]
