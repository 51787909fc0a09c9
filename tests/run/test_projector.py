"""From the log to the boards: a crash repeats and moves nothing, an emptied store heals from the archive."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from datetime import datetime, timedelta

import msgspec
import pytest

from ioc import clock
from ioc.board import Position
from ioc.board.memory import MemoryBoard
from ioc.board.redis import RedisBoard
from ioc.contract import Answered
from ioc.errors import Fenced, Gap
from ioc.event import Event, Feature
from ioc.layer import Figure, Item
from ioc.log import Batch
from ioc.log.memory import MemoryLog
from ioc.log.redis import RedisLog
from ioc.run.projector import Projector
from tests.house import COUNT, KIND, LAYER, NOON, TILES, House, Newer, Things


@pytest.fixture(params=["memory", "redis"])
async def house(request: pytest.FixtureRequest) -> AsyncIterator[House]:
    if request.param == "memory":
        yield House(MemoryLog(), MemoryBoard(), "")
        return
    url = request.getfixturevalue("redis_url")
    log, board = RedisLog(url), RedisBoard(url)
    yield House(log, board, url)
    await log.close()
    await board.close()


async def test_what_a_source_says_stands_on_board_and_tiles(house: House) -> None:
    house.listed(("a", 1, "22015"), ("b", 2, "22015"), ("c", 3, "22022"))
    projector = await house.projector()
    assert (await house.figures())["all"]["value"] is None
    await house.asking.poll()
    await house.work(projector)
    assert await house.values() == {"a": 1, "b": 2, "c": 3}
    figures = await house.figures()
    assert {unit: figure["value"] for unit, figure in figures.items()} == {"all": 3, "22015": 2, "22022": 1}
    whole = figures["all"]
    assert (whole["have"], whole["expect"], whole["sources"], whole["method"]) == (3, 3, ["s"], "machine")
    assert whole["observed"] == clock.rfc3339(NOON) and whole["trend"] == {"by": 1.0, "over": "P1D"}


async def test_the_same_answer_again_moves_no_board(house: House) -> None:
    projector = await house.projector()
    await house.asking.poll()
    await house.work(projector)
    before = await house.positions()
    known = await house.asking.poll()
    await house.work(projector)
    assert await house.positions() == before
    assert known.answered is not None and known.answered.unchanged == 3


async def test_who_is_gone_is_gone_from_board_and_tiles(house: House) -> None:
    house.listed(("a", 1, "22015"), ("b", 2, "22022"), ("c", 3))
    projector = await house.projector()
    await house.asking.poll()
    await house.work(projector)
    house.listed(("b", 2, "22022"), ("c", 3))
    await house.asking.poll()
    await house.work(projector)
    assert await house.values() == {"b": 2, "c": 3}
    assert {unit: figure["value"] for unit, figure in (await house.figures()).items()} == {"all": 2, "22022": 1}
    assert (await house.taken()).gone.keys() == {"a"}


async def test_a_crash_before_the_acknowledgement_repeats_the_batch_and_moves_nothing(house: House) -> None:
    house.listed("a", "b", ("c", 1))
    projector = await house.projector()
    await house.asking.poll()
    reading: AsyncGenerator[Batch | None] = house.log.read("projector")
    async with aclosing(reading) as batches:
        batch = await anext(batches)
        assert batch is not None

        async def crash() -> None:
            raise ConnectionError("The process ended here.")

        with pytest.raises(ConnectionError):
            await projector.work(batch._replace(ack=crash))
    before = await house.taken()
    assert await house.values() == {"a": 0, "b": 0, "c": 1}
    again = await house.projector(fence=2)
    await house.work(again)
    after = await house.taken()
    assert (after.position, after.items) == (before.position, before.items)
    house.listed("a", "b", ("c", 2))
    await house.asking.poll()
    await house.work(again)
    assert await house.values() == {"a": 0, "b": 0, "c": 2}


async def test_after_a_flush_the_boards_are_rebuilt_under_new_epochs_and_sources_are_asked_again(house: House) -> None:
    projector = await house.projector()
    await house.asking.poll()
    await house.work(projector, archive=True)
    before = await house.taken()
    await house.flush()
    with pytest.raises(Gap):
        await projector.tick(force=True)
    projector = await house.projector(fence=2)
    after = await house.taken()
    assert after.items == before.items and after.whole
    assert after.position.epoch != before.position.epoch
    assert (await house.figures())["all"]["value"] == 3
    house.listed("a", "b", "c", "d")
    known = await house.asking.poll()
    assert known.answered is not None and known.answered.events == 4
    await house.work(projector)
    assert await house.values() == dict.fromkeys("abcd", 0)
    assert all("cause" not in json.loads(body)["properties"] for body in (await house.taken()).items.values())


async def test_a_rebuild_takes_from_the_log_what_the_archive_has_not_yet(house: House) -> None:
    projector = await house.projector()
    await house.asking.poll()
    await house.work(projector, archive=True)
    house.listed("a", ("b", 5), "d")
    await house.asking.poll()
    await house.work(projector)
    await house.board.drop(LAYER)
    await house.projector(fence=2)
    assert await house.values() == {"a": 0, "b": 5, "d": 0}
    assert (await house.taken()).gone.keys() == {"c"}


async def test_a_rebuild_misses_nothing_that_was_archived_and_trimmed_behind_its_reading(house: House) -> None:
    projector = await house.projector()
    await house.asking.poll()
    await house.work(projector)
    await house.board.drop(LAYER)

    async def archive_and_trim() -> None:
        reading: AsyncGenerator[Batch | None] = house.log.read("archive")
        async with aclosing(reading) as batches:
            batch = await anext(batches)
        assert batch is not None
        house.archive.kept += [entry.event for entry in batch.entries]
        await batch.ack()
        assert await house.log.trim() == 3

    house.archive.while_read = archive_and_trim
    await house.projector(fence=2)
    assert await house.values() == dict.fromkeys("abc", 0)


async def test_another_version_of_the_fold_rebuilds(house: House) -> None:
    projector = await house.projector()
    await house.asking.poll()
    await house.work(projector)
    before = await house.taken()
    same = await house.projector(fence=2)
    assert (await house.taken()).position == before.position and same.folds[0].items.keys() == set("abc")
    await house.projector(Newer(), fence=3)
    after = await house.taken()
    assert after.version == 2 and after.items == before.items and after.position.epoch != before.position.epoch


async def test_a_board_that_was_left_half_rebuilt_is_rebuilt(house: House) -> None:
    projector = await house.projector()
    await house.asking.poll()
    await house.work(projector)
    await house.board.reset(LAYER, {"a": b"{}"}, fence=1, whole=False)
    await house.projector(fence=2)
    found = await house.taken()
    assert found.whole and found.items.keys() == set("abc")


async def test_a_projector_that_was_paused_writes_nothing_once_another_took_over(house: House) -> None:
    """Also when the new one had nothing to write yet."""
    paused = await house.projector(fence=1)
    await house.asking.poll()
    reading: AsyncGenerator[Batch | None] = house.log.read("projector")
    async with aclosing(reading) as batches:
        batch = await anext(batches)
    assert batch is not None
    await house.projector(fence=2)
    before = await house.positions()
    with pytest.raises(Fenced):
        await paused.work(batch)
    with pytest.raises(Fenced):
        await paused.rebuild(Things())
    assert await house.positions() == before and (await house.taken()).items == {}


async def test_a_board_that_somebody_else_moved_is_read_again(house: House) -> None:
    projector = await house.projector()
    await house.board.apply(LAYER, {"x": b"{}"}, fence=1)
    await house.asking.poll()
    with pytest.raises(Gap):
        await house.work(projector)


async def test_an_event_that_a_layer_can_t_fold_is_left_out(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.listed("a", ("b", "poison"), "c")
    projector = await house.projector()
    await house.asking.poll()
    await house.work(projector)
    assert (await house.values()).keys() == {"a", "c"}
    assert "can't fold" in caplog.text


async def test_a_tile_that_can_t_be_worked_out_says_so_and_the_others_go_on(house: House) -> None:
    projector = await house.projector()
    failed = (await house.figures("tile/broken"))["all"]
    assert failed["value"] is None and "ZeroDivisionError" in failed["why"]
    assert (await house.figures())["all"]["value"] is None
    house.listed("a")
    await house.asking.poll()
    await house.work(projector)
    assert (await house.figures("tile/broken"))["all"]["value"] == 1


async def test_a_unit_that_emptied_while_nobody_looked_leaves_its_tile(house: House) -> None:
    house.listed(("a", 1, "22015"), ("b", 1, "22022"))
    projector = await house.projector()
    await house.asking.poll()
    await house.work(projector)
    house.listed(("a", 1, "22022"), ("b", 1, "22022"))
    await house.asking.poll()
    reading: AsyncGenerator[Batch | None] = house.log.read("projector")
    async with aclosing(reading) as batches:
        batch = await anext(batches)
    assert batch is not None
    for entry in batch.entries:
        projector.folds[0].event(entry.event)
    # the board moved, and the process ended before its tiles did
    await projector._apply(clock.now())
    await batch.ack()
    await house.projector(fence=2)
    assert (await house.figures()).keys() == {"all", "22022"}


async def test_an_archive_that_hangs_holds_up_no_board(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ioc.run.projector.PATIENCE_S", 0.05)
    house.archive.hangs = True
    projector = await house.projector()
    await house.asking.poll()
    await house.work(projector)
    figure = (await house.figures())["all"]
    assert figure["value"] == 3 and "trend" not in figure


class Moment(Things):
    """Its items live for one minute of our clock."""

    lives = timedelta(minutes=1)


async def test_an_event_that_came_too_late_to_live_is_never_seen(house: House) -> None:
    projector = await house.projector(Moment())
    old = Event("e", "s", KIND, "a", NOON - timedelta(days=1), NOON, Feature({"value": 1}))
    before = (await house.taken()).position
    await house.log.append([old], source="s", revision=0, cursor=None, seen={}, answered=Answered("s", NOON))
    await house.work(projector)
    assert (await house.taken()).position == before and (await house.taken()).items == {}


async def test_run_goes_on_for_ever_and_acknowledges(house: House) -> None:
    projector = await house.projector()
    running = asyncio.create_task(projector.run())
    await house.asking.poll()
    positions = {LAYER: (await house.taken()).position}
    watching = house.board.watch(positions)
    _, delta = await asyncio.wait_for(anext(watching), 30)
    assert delta is not None and delta.put.keys() == set("abc")
    await watching.aclose()  # type: ignore[attr-defined]
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_change_after_quiet_is_on_its_tile_at_once_and_the_next_one_waits(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ioc.run.projector.TICK_S", 1000.0)
    projector = await house.projector()
    for things in ("abc", "abcd"):
        house.listed(*things)
        await house.asking.poll()
        reading: AsyncGenerator[Batch | None] = house.log.read("projector")
        async with aclosing(reading) as batches:
            batch = await anext(batches)
            await projector.work(batch)
        await projector.looked()
        assert (await house.values()).keys() == set(things)
        assert (await house.figures())["all"]["value"] == 3


async def test_events_do_not_wait_while_tiles_are_worked_out(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over many items a tile takes longer than an event may: it is worked out of what was there when it was begun."""
    begun, go_on = threading.Event(), threading.Event()

    def slow(items: Mapping[str, Item], now: datetime) -> Figure:
        if items:
            begun.set()
            assert go_on.wait(60), "The loop waits for the tile."
        return Figure(len(items))

    monkeypatch.setattr("ioc.run.projector.TICK_S", 0.0)
    projector = await house.projector()
    projector.figures[0].tiles = [msgspec.structs.replace(TILES[0], work_out=slow, by_unit=False)]
    for things in ("abc", "abcd"):
        house.listed(*things)
        await house.asking.poll()
        reading: AsyncGenerator[Batch | None] = house.log.read("projector")
        async with aclosing(reading) as batches:
            await projector.work(await anext(batches))
        assert await asyncio.to_thread(begun.wait, 60)
        assert (await house.values()).keys() == set(things)
        assert (await house.figures())["all"]["value"] is None
    go_on.set()
    await projector.looked()
    assert (await house.figures())["all"]["value"] == 3
    await projector.tick(force=True)
    assert (await house.figures())["all"]["value"] == 4


async def test_no_tile_is_written_on_top_of_steps_that_the_store_lost(house: House) -> None:
    """A replica took over that lacks our last step: its offset must not be given out twice in one epoch."""
    projector = await house.projector()
    await house.asking.poll()
    await house.work(projector)
    stood = (await house.taken(COUNT)).position
    projector.epochs.note(COUNT, Position(stood.epoch, stood.offset + 1))
    house.listed("a", "b", "c", "d")
    await house.asking.poll()
    with pytest.raises(Gap):
        await house.work(projector)
    assert (await house.taken(COUNT)).position == stood
    again = Projector({Things(): TILES}, house.board, house.log, house.archive, house.settings, epochs=projector.epochs)
    again.fence = 2
    await again.open()
    await house.work(again)
    found = await house.taken(COUNT)
    assert found.position.epoch != stood.epoch and (await house.figures())["all"]["value"] == 4
