"""Health judges the sources, keeps their strip, the four words and the alerts; it tells what moved and nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from ioc import clock, names
from ioc.board import Board, Position
from ioc.board.memory import MemoryBoard
from ioc.board.redis import RedisBoard
from ioc.contract import Answered, Checks, Contract
from ioc.duty import Due
from ioc.errors import Fenced, Gap
from ioc.layer import Item
from ioc.log.memory import MemoryLog
from ioc.proof import Link
from ioc.run import health
from ioc.run.health import OWN, Health
from ioc.settings import Province, Sector, Settings, Source

NOON = datetime(2026, 3, 10, 5, 0, tzinfo=UTC)


def source(name: str) -> Source:
    owed = Contract("Sở Giao thông", cadence=30, grace=60, expect=100)
    return Source(name, "camera_registry", owed, {}, ("Camera", "Cameras"))


class Watching:
    """Two sources, their log, and health over a board."""

    def __init__(self, board: Board) -> None:
        self.board, self.log, self.looked = board, MemoryLog(), asyncio.Event()
        self.settings = Settings(Province("Thử"), {name: source(name) for name in ("cams", "app")})

    def tiles(self) -> list[str]:
        self.looked.set()
        return ["cameras", "song"]

    async def health(self, fence: int = 1) -> Health:
        made = Health(self.settings, self.board, self.log, tiles=self.tiles, fence=fence)
        await made.open()
        return made

    async def says(self, name: str, **told: Any) -> None:
        known = await self.log.known(name)
        given = {"asked": NOON, "answered": NOON, "observed": NOON, "have": 100, "checks": Checks(4), **told}
        answered = msgspec.structs.replace(known.answered or Answered(name, NOON), **given)
        await self.log.append([], source=name, revision=known.revision, cursor=None, seen={}, answered=answered)

    async def items(self, channel: str) -> dict[str, Any]:
        found = await self.board.snapshot(channel)
        assert found is not None
        return {name: json.loads(body) for name, body in found.items.items()}

    async def positions(self) -> dict[str, Position]:
        found = {channel: await self.board.snapshot(channel) for channel in OWN}
        return {channel: snapshot.position for channel, snapshot in found.items() if snapshot is not None}


@pytest.fixture(params=["memory", "redis"])
async def watching(request: pytest.FixtureRequest) -> AsyncIterator[Watching]:
    if request.param == "memory":
        yield Watching(MemoryBoard())
        return
    board = RedisBoard(request.getfixturevalue("redis_url"))
    yield Watching(board)
    await board.close()


def later(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


async def test_before_anybody_answered_the_strip_says_never_and_the_words_have_no_value(watching: Watching) -> None:
    await (await watching.health()).look(NOON)
    strip = await watching.items(names.SOURCES)
    assert {name: item["state"] for name, item in strip.items()} == {"cams": "never", "app": "never"}
    assert (await watching.items("tile/dung"))["all"]["value"] is None
    assert (await watching.items("tile/song"))["all"]["value"] == 0.0


async def test_a_source_ages_by_the_clock_alone_and_the_words_and_alerts_follow(watching: Watching) -> None:
    looking = await watching.health()
    await watching.says("cams")
    await watching.says("app", answered=later(3600))
    seen = []
    for seconds in (0, 60, 120):
        await looking.look(later(seconds))
        cams = (await watching.items(names.SOURCES))["cams"]
        alive = (await watching.items("tile/song"))["all"]["value"]
        seen.append((cams["state"], alive, "source/cams" in await watching.items(names.ALERTS)))
    assert seen == [("live", 100.0, False), ("late", 50.0, False), ("stale", 50.0, True)]
    cams = (await watching.items(names.SOURCES))["cams"]
    assert cams["due"] == clock.rfc3339(later(30)) and cams["received"] == clock.rfc3339(NOON)
    await watching.says("cams", answered=later(121))
    await looking.look(later(121))
    assert "source/cams" not in await watching.items(names.ALERTS)


async def test_what_did_not_move_is_not_told_again(watching: Watching) -> None:
    looking = await watching.health()
    await watching.says("cams")
    await watching.says("app")
    await looking.look(NOON)
    before = await watching.positions()
    await looking.look(later(10))
    assert await watching.positions() == before


async def test_a_tile_that_is_bad_is_an_alert_until_it_is_good(watching: Watching) -> None:
    looking = await watching.health()
    figure = {"value": 12, "level": "bad", "label": "Camera mất", "label_en": "Cameras down", "sources": ["cams"]}
    await watching.board.reset("tile/cameras", {"all": msgspec.json.encode(figure)})
    await looking.look(NOON)
    alert = (await watching.items(names.ALERTS))["tile/cameras"]
    assert alert["say"] == {"vi": "Camera mất: 12", "en": "Cameras down: 12"} and alert["source"] == "cams"
    await watching.board.apply("tile/cameras", {"all": msgspec.json.encode({**figure, "level": "good"})})
    await looking.look(later(1))
    assert "tile/cameras" not in await watching.items(names.ALERTS)


async def test_an_alert_keeps_its_beginning_over_a_restart(watching: Watching) -> None:
    await watching.says("cams", refused=True, error="Wrong key.")
    await (await watching.health(1)).look(later(40))
    first = (await watching.items(names.ALERTS))["source/cams"]
    await watching.says("cams", answered=later(3600))
    await (await watching.health(2)).look(later(80))
    assert (await watching.items(names.ALERTS))["source/cams"]["since"] == first["since"]


async def test_a_source_that_left_the_settings_leaves_the_strip(watching: Watching) -> None:
    await (await watching.health(1)).look(NOON)
    watching.settings = Settings(Province("Thử"), {"cams": source("cams")})
    await (await watching.health(2)).look(NOON)
    assert (await watching.items(names.SOURCES)).keys() == {"cams"}


async def test_one_that_was_paused_writes_nothing_once_another_took_over(watching: Watching) -> None:
    paused = await watching.health(1)
    await watching.health(2)
    before = await watching.positions()
    with pytest.raises(Fenced):
        await paused.look(NOON)
    assert await watching.positions() == before


@pytest.mark.parametrize("lost", [names.SOURCES, "tile/dung"])
async def test_a_board_that_is_lost_is_begun_anew(
    watching: Watching, lost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "LOOK_S", 0.01)
    await watching.says("cams")
    looking = await watching.health()
    running = asyncio.create_task(looking.run())
    await watching.looked.wait()
    await watching.board.drop(lost)
    with pytest.raises(Gap):
        await asyncio.wait_for(running, 30)
    await (await watching.health(2)).look(NOON)
    assert (await watching.items(lost)).keys() >= ({"cams", "app"} if lost == names.SOURCES else {"all"})


async def test_nothing_is_written_on_top_of_steps_that_the_store_lost(watching: Watching) -> None:
    looking = await watching.health()
    await looking.look(NOON)
    stood = (await watching.positions())[names.SOURCES]
    looking.epochs.note(names.SOURCES, Position(stood.epoch, stood.offset + 1))
    await watching.says("cams")
    with pytest.raises(Gap):
        await looking.look(NOON)
    assert (await watching.positions())[names.SOURCES] == stood
    await looking.open()
    await looking.look(NOON)
    assert (await watching.positions())[names.SOURCES].epoch != stood.epoch


# what makes events, and what is owed


async def changes(watching: Watching) -> list[tuple[str, str | None, str]]:
    """Source, former and present state of each change that was told, in order."""
    told = [entry.event async for entry in watching.log.kept() if entry.event.type == names.CHANGED]
    assert all(event.data is not None for event in told)
    return [(e.subject, e.data.properties["from"], e.data.properties["to"]) for e in told if e.data is not None]


async def test_each_change_of_state_is_one_event_whoever_looks(watching: Watching) -> None:
    watch = await watching.health()
    await watch.look(NOON)
    assert await changes(watching) == []
    await watching.says("cams")
    for seconds in (0, 1, 30, 31, 32, 90, 91):
        await watch.look(later(seconds))
    watch = await watching.health(fence=2)
    await watch.look(later(92))
    await watching.says("cams", answered=later(93))
    await watch.look(later(93))
    assert await changes(watching) == [
        ("cams", None, "live"), ("cams", "live", "late"), ("cams", "late", "stale"), ("cams", "stale", "live"),
    ]  # fmt: skip


async def test_a_change_is_told_at_the_next_look_when_another_wrote_meanwhile(watching: Watching) -> None:
    watch = await watching.health()
    await watching.says("cams")
    await watch.look(NOON)
    await watching.says(names.WATCH)
    with pytest.raises(Gap):
        await watch.look(later(31))
    await watch.look(later(32))
    assert [state for _, _, state in await changes(watching)] == ["live", "late"]


async def test_every_source_is_in_the_ledger_and_a_restart_keeps_its_minutes(watching: Watching) -> None:
    watch = await watching.health()
    await watching.says("cams", have=90)
    await watch.look(NOON)
    await watch.look(later(61))
    before = (await watching.items(names.LEDGER))["cams"]
    assert [cell["on_time"] + cell["late"] for cell in before["cells"]][-2:] == [90, 90]
    watch = await watching.health(fence=2)
    await watch.look(later(125))
    after = (await watching.items(names.LEDGER))["cams"]
    assert [(cell["have"] if "have" in cell else cell["on_time"] + cell["late"]) for cell in after["cells"]][-3:] == [
        90, 90, 0,
    ]  # fmt: skip
    assert (after["missing"], after["expect"]) == (100, 100)


DAILY = Contract("Sở Y tế", due=Due("day", by="17:00"), grace=3600, reporters=("bv1", "bv2", "bv3"), method="typed")


async def test_who_told_of_the_newest_period_is_counted_and_the_rest_is_missing_when_it_was_due(
    watching: Watching,
) -> None:
    owing = Source("beds", "table_file", DAILY, {}, ("Giường", "Beds"), "y-te")
    watching.settings = msgspec.structs.replace(watching.settings, sources={"beds": owing})
    subject = "beds/2026-03-10"
    told = {"reported": {"bv1": clock.rfc3339(NOON), "bv2": clock.rfc3339(later(5 * 3600 + 1))}}
    entry = Item(subject, NOON, NOON, {"of": "beds", "first": "2026-03-10", "last": "2026-03-10", **told})
    await watching.board.reset(names.layer_channel(names.LEDGER), {subject: entry.encode()})
    await watching.says("beds", reached=date(2026, 3, 10), answered=NOON, have=3)
    watch = await watching.health()
    await watch.look(later(5 * 3600 + 2))
    item = (await watching.items(names.LEDGER))["beds"]
    assert (item["have"], item["expect"], item["late"], item["missing"]) == (2, 3, 1, 1)
    source = (await watching.items(names.SOURCES))["beds"]
    assert (source["have"], source["expect"], source["sector"], source["state"]) == (2, 3, "y-te", "live")
    scores = await watching.items(names.SCORES)
    assert set(scores) == {"all", "sector/y-te", "source/beds"}
    assert scores["sector/y-te"]["du"] == {"value": 66.7, "good": 2, "of": 3, "level": "bad"}
    # the third hospital is entered: the ledger's board moves, and so does what is missing
    told["reported"]["bv3"] = clock.rfc3339(later(5 * 3600 + 3))
    later_entry = msgspec.structs.replace(entry, properties={**entry.properties, **told})
    await watching.board.apply(names.layer_channel(names.LEDGER), {subject: later_entry.encode()})
    await watch.look(later(5 * 3600 + 4))
    assert (await watching.items(names.LEDGER))["beds"]["missing"] == 0


async def test_the_link_matrix_is_told_turns_and_keeps_its_since_over_a_restart(watching: Watching) -> None:
    sources = {name: msgspec.structs.replace(one, sector="giao") for name, one in watching.settings.sources.items()}
    sectors = {"giao": Sector(("Giao thông", "Transport")), "cong-an": Sector("Công an")}
    watching.settings = msgspec.structs.replace(watching.settings, sources=sources, sectors=sectors)
    good = Link(NOON, NOON, shared=NOON, proved=NOON, count=100, low=100, high=100, synced=NOON)
    await watching.says("cams", link=good)
    await watching.says("app", link=msgspec.structs.replace(good, count=186, sure=True))
    await (await watching.health()).look(NOON)
    rows = await watching.items(names.LINKS)
    assert rows.keys() == {"giao", "cong-an"}
    assert rows["giao"]["synced"] == {
        "ok": False, "say": {"vi": "lệch 86", "en": "off by 86"}, "since": clock.rfc3339(NOON), "level": "bad",
        "source": "app",
    }  # fmt: skip
    assert (rows["giao"]["sources"], rows["giao"]["tried"]) == (["app", "cams"], clock.rfc3339(NOON))
    assert rows["cong-an"]["connected"]["ok"] is False
    watch = await watching.health(fence=2)
    await watch.look(later(10))
    assert await watching.items(names.LINKS) == rows
    await watching.says("app", link=good)
    await watch.look(later(11))
    turned = (await watching.items(names.LINKS))["giao"]
    assert (turned["synced"]["ok"], turned["synced"]["since"]) == (True, clock.rfc3339(later(11)))
    assert turned["connected"] == rows["giao"]["connected"]
