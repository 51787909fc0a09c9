"""Quality: joined from the sources, and lowered by the server itself, on its own clock, when nobody confirms it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from ioc.board.memory import MemoryBoard
from ioc.contract import Answered, Checks, Contract, source_item
from ioc.errors import StoreAway
from ioc.proof import Link
from ioc.web.access import Access
from ioc.web.channels import Channel
from ioc.web.hub import Hub
from ioc.web.quality import Signs

START = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
BEAT = 2.0
CHANNELS = {
    "layer/cameras": Channel("layer/cameras", "layer", True, ("vms", "police")),
    "tile/live": Channel("tile/live", "tile", False, ("vms",)),
    "tile/alive": Channel("tile/alive", "tile", False, ("vms", "police"), watched=True),
    "layer/alone": Channel("layer/alone", "layer"),
    "sources": Channel("sources", "sources", False, ("vms", "police"), watched=True),
    "alerts": Channel("alerts", "alerts"),
}


class Room:
    """A hub whose clock stands still until it is moved, and whose roles beat when they are told to."""

    def __init__(self) -> None:
        self.board = MemoryBoard()
        self.seconds = 1000.0
        self.beats: dict[str, float | None] = {"projector": START.timestamp(), "health": START.timestamp()}
        self.away = False
        signs = Signs(self.read, BEAT, self.monotonic, self.now)
        self.hub = Hub(
            self.board, Access(None, ("*",)), CHANNELS, beat=BEAT, signs=signs, clock=self.now, monotonic=self.monotonic
        )

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds - 1000.0)

    async def read(self) -> dict[str, float | None]:
        if self.away:
            raise StoreAway("Redis does not answer.")
        return dict(self.beats)

    async def open(self, *, beating: tuple[str, ...] = ("projector", "health"), **items: dict[str, Any]) -> None:
        for name in CHANNELS:
            await self.board.reset(name, {})
        await self.board.reset("sources", {name: msgspec.json.encode(item) for name, item in items.items()})
        await self.hub.follower.load()
        self.hub.touch("sources")
        self.hub._fan()
        await self.after(0, beating=beating)

    async def after(self, seconds: float, *, beating: tuple[str, ...] = ("projector", "health")) -> None:
        """Time goes by in steps of a quarter beat, in which these roles beat."""
        for _ in range(max(1, round(seconds / BEAT * 4))):
            self.seconds += BEAT / 4 if seconds else 0
            for role in beating:
                self.beats[role] = self.now().timestamp()
            await self.hub.signs.ask()
            self.hub.tick()

    def told(self, channel: str) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.json.decode(self.hub.mirrors[channel].quality)
        return found


def item(name: str, contract: Contract, ago: float = 0, **known: Any) -> dict[str, Any]:
    answered = Answered(source=name, asked=START, answered=START - timedelta(seconds=ago), **known)
    return source_item(name, contract, answered, START)


VMS = Contract("Sở Giao thông", cadence=30, grace=60, expect=268)
POLICE = Contract("Công an", cadence=30, grace=60, expect=10, method="typed")


@pytest.fixture
async def room() -> Room:
    return Room()


async def test_sums_worst_state_and_earliest_due(room: Room) -> None:
    vms = item("vms", VMS, have=260, aside_now=8, observed=START - timedelta(seconds=5), checks=Checks(4))
    police = item("police", POLICE, ago=40, have=9, aside_now=1, checks=Checks(3, ("One id stood twice.",)))
    await room.open(vms=vms, police=police)
    told = room.told("layer/cameras")
    assert told == {
        "state": "late",
        "why": "police: The answer that was due has not come.",
        "observed": "2026-03-10T08:59:55+07:00",
        "received": "2026-03-10T08:59:20+07:00",
        "due": "2026-03-10T08:59:50+07:00",
        "have": 269,
        "expect": 278,
        "refused": 9,
        "checks": {"passed": 7, "failed": ["One id stood twice."]},
        "method": "typed",
        "sources": {"vms": "live", "police": "late"},
        "age": "observed",
    }
    tile = room.told("tile/live")
    assert (tile["state"], tile["method"], tile["sources"]) == ("live", "computed", {"vms": "live"})
    # what the health watch writes is as alive as the watch, whatever it says of the sources
    assert (room.told("tile/alive")["state"], room.told("sources")["state"]) == ("live", "live")
    assert room.told("tile/alive")["sources"] == {"vms": "live", "police": "late"}
    assert (room.told("layer/alone")["state"], room.told("layer/alone")["sources"]) == ("never", {})


async def test_a_source_that_lags_behind_its_own_book_is_live_and_as_old_as_its_newest_change(room: Room) -> None:
    behind = Link(newest=START, observed=START - timedelta(hours=26))
    await room.open(vms=item("vms", VMS, have=268), police=item("police", POLICE, have=10))
    assert "age" not in room.told("tile/live")
    old = item("vms", VMS, have=268, observed=START - timedelta(hours=26), link=behind)
    await room.open(vms=old, police=item("police", POLICE, have=10))
    told = room.told("tile/live")
    assert (told["state"], told["age"], told["observed"]) == ("live", "observed", "2026-03-09T07:00:00+07:00")
    assert "age" not in room.told("tile/alive"), "what the health watch writes is as old as the watch"


async def test_a_source_that_was_never_asked_is_never_not_live(room: Room) -> None:
    await room.open(vms=item("vms", VMS, have=1))
    assert room.told("layer/cameras")["state"] == "never"
    assert room.told("layer/cameras")["sources"] == {"vms": "live", "police": "never"}


async def test_past_due_it_is_late_and_past_grace_stale_though_nobody_wrote_so(room: Room) -> None:
    await room.open(vms=item("vms", VMS, have=268), police=item("police", POLICE, have=10))
    assert room.told("tile/live")["state"] == "live"
    await room.after(30.5)
    assert (room.told("tile/live")["state"], room.told("layer/cameras")["state"]) == ("late", "late")
    await room.after(60)
    told = room.told("tile/live")
    assert told["state"] == "stale"
    assert told["why"] == "vms: The answer that was due has not come."


async def test_what_was_written_as_down_stays_down(room: Room) -> None:
    refused = item("vms", VMS, ago=500, refused=True, error="vms.example refused the key (HTTP 401).")
    await room.open(vms=refused, police=item("police", POLICE))
    assert room.told("layer/cameras")["state"] == "down"
    room.away = True
    await room.after(3 * BEAT, beating=())
    assert room.told("layer/cameras")["state"] == "down"
    assert "Redis" in room.told("layer/cameras")["why"]


@pytest.mark.parametrize(
    ("silent", "named"), [("projector", "The projector"), ("health", "The health watch"), ("Redis", "Redis")]
)
async def test_silence_makes_every_channel_stale_within_three_beats(room: Room, silent: str, named: str) -> None:
    await room.open(vms=item("vms", VMS), police=item("police", POLICE))
    beating = tuple(role for role in ("projector", "health") if role != silent)
    room.away = silent == "Redis"
    await room.after(2 * BEAT, beating=beating)
    assert {room.told(name)["state"] for name in CHANNELS} == {"live", "never"}, "one missed beat is none"
    await room.after(BEAT, beating=beating)
    for name in CHANNELS:
        told = room.told(name)
        assert told["state"] == "stale", name
        assert told["why"] == f"{named} gives no sign of life; what is shown may be old."
    room.away = False
    await room.after(BEAT / 2)
    assert {room.told(name)["state"] for name in CHANNELS} == {"live", "never"}


async def test_a_role_that_died_before_this_process_began_is_silent_at_once(room: Room) -> None:
    room.beats["projector"] = (START - timedelta(seconds=60)).timestamp()
    await room.open(beating=("health",), vms=item("vms", VMS), police=item("police", POLICE))
    assert room.told("tile/live")["why"] == "The projector gives no sign of life; what is shown may be old."


async def test_a_role_whose_clock_is_wrong_but_beats_is_alive(room: Room) -> None:
    await room.open(vms=item("vms", VMS), police=item("police", POLICE))
    for minute in range(20):
        room.beats["projector"] = 5.0 + minute
        await room.after(BEAT / 4, beating=("health",))
    assert room.told("tile/live")["state"] == "live"


async def test_times_alone_are_told_at_a_gentle_rate(room: Room) -> None:
    await room.open(vms=item("vms", VMS, have=3), police=item("police", POLICE))
    mirror = room.hub.mirrors["tile/live"]
    stamps = set()
    for second in range(11):
        moved = item("vms", VMS, ago=-second, have=3)
        await room.board.apply("sources", {"vms": msgspec.json.encode(moved)})
        found = await room.board.snapshot("sources")
        assert found is not None
        room.hub.mirrors["sources"].load(found)
        room.hub.touch("sources")
        room.hub._fan()
        stamps.add(mirror.stamp)
        await room.after(1)
    assert len(stamps) == 3, "the first, and one more after each five seconds"


async def test_an_item_that_cannot_be_read_is_not_live(room: Room) -> None:
    await room.open(vms=item("vms", VMS), police={"state": "wonderful"})
    told = room.told("layer/cameras")
    assert told["state"] == "never"
    assert "can't be read" in told["why"]
