"""The board's law, for memory and Redis alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ioc import names
from ioc.board import Board, Delta, Position, Snapshot
from ioc.board.memory import MemoryBoard
from ioc.board.redis import RedisBoard
from ioc.errors import Fenced, Gap
from ioc.run.epochs import Epochs

CHANNEL = "layer/things"


@pytest.fixture(params=["memory", "redis_url", "cluster_url"])
async def board(request: pytest.FixtureRequest) -> AsyncIterator[Board]:
    if request.param == "memory":
        yield MemoryBoard()
        return
    made = RedisBoard(request.getfixturevalue(request.param))
    yield made
    await made.close()


def step(items: dict[str, bytes], delta: Delta) -> dict[str, bytes]:
    """What a screen does with a delta."""
    kept = {name: body for name, body in items.items() if name not in delta.drop}
    return {**kept, **delta.put}


async def taken(board: Board, channel: str = CHANNEL) -> Snapshot:
    found = await board.snapshot(channel)
    assert found is not None
    return found


async def test_a_board_that_was_never_begun_takes_nothing(board: Board) -> None:
    assert await board.snapshot(CHANNEL) is None
    with pytest.raises(Gap):
        await board.apply(CHANNEL, {"a": b"1"})
    assert await board.snapshot(CHANNEL) is None
    assert await board.channels() == []


async def test_values_that_are_there_already_move_nothing(board: Board) -> None:
    begun = await board.reset(CHANNEL, {"a": b"1", "b": b"2"})
    same = await board.apply(CHANNEL, {"a": b"1", "b": b"2", "unknown": None})
    assert same == begun
    moved = await board.apply(CHANNEL, {"a": b"1", "b": b"3"}, after=begun)
    assert moved == Position(begun.epoch, begun.offset + 1)
    assert await board.history(CHANNEL, begun) == [Delta(begun.epoch, begun.offset, moved.offset, {"b": b"3"}, ())]


async def test_one_item_of_many_channels_is_read_at_once(board: Board) -> None:
    await board.reset("tile/a", {"all": b"1", "79": b"2"})
    await board.reset("tile/b", {"79": b"3"})
    await board.reset("tile/c", {"all": b"4"})
    assert await board.each([], "all") == {}
    assert await board.each(["tile/a", "tile/b", "tile/c", "tile/none"], "all") == {"tile/a": b"1", "tile/c": b"4"}


async def test_a_writer_with_a_lower_number_writes_nothing(board: Board) -> None:
    await board.reset(CHANNEL, {"a": b"1"}, fence=2)
    await board.apply(CHANNEL, {"a": b"2"}, fence=3)
    with pytest.raises(Fenced):
        await board.apply(CHANNEL, {"a": b"old"}, fence=2)
    with pytest.raises(Fenced):
        await board.reset(CHANNEL, {"a": b"old"}, fence=2)
    assert (await taken(board)).items == {"a": b"2"}


async def test_a_writer_who_stands_elsewhere_is_told(board: Board) -> None:
    begun = await board.reset(CHANNEL, {"a": b"1"})
    await board.apply(CHANNEL, {"a": b"2"})
    with pytest.raises(Gap):
        await board.apply(CHANNEL, {"a": b"3"}, after=begun)
    assert (await taken(board)).items == {"a": b"2"}


async def test_a_tombstone_stays_until_the_item_is_back(board: Board) -> None:
    await board.reset(CHANNEL, {"a": b"1", "b": b"2"}, version=7)
    await board.apply(CHANNEL, {"a": None}, gone={"a": "2026-01-01|2026-01-02"})
    found = await taken(board)
    assert (found.items, found.gone, found.version) == ({"b": b"2"}, {"a": "2026-01-01|2026-01-02"}, 7)
    await board.apply(CHANNEL, {"a": b"3"})
    assert (await taken(board)).gone == {}


async def test_a_reset_begins_a_new_epoch_at_a_higher_offset(board: Board) -> None:
    first = await board.reset(CHANNEL, {"a": b"1"})
    second = await board.reset(CHANNEL, {"b": b"2"}, gone={"a": "x|y"})
    assert second.epoch != first.epoch and second.offset > first.offset
    assert await taken(board) == Snapshot(second, {"b": b"2"}, True, {"a": "x|y"}, 1, await board.life(CHANNEL))
    with pytest.raises(Gap):
        await board.history(CHANNEL, first)


async def test_a_board_that_is_not_whole_says_so_and_changes_epoch_when_it_is(board: Board) -> None:
    half = await board.reset(CHANNEL, {}, whole=False)
    assert (await taken(board)).whole is False
    full = await board.reset(CHANNEL, {"a": b"1"})
    assert full.epoch != half.epoch and (await taken(board)).whole is True


async def test_a_step_larger_than_a_script_takes_is_cut(board: Board) -> None:
    begun = await board.reset(CHANNEL, {})
    many = {f"i{n}": b"%d" % n for n in range(2500)}
    await board.apply(CHANNEL, dict(many), after=begun)
    assert (await taken(board)).items == many
    await board.apply(CHANNEL, dict.fromkeys(many), gone=dict.fromkeys(many, "t|r"))
    found = await taken(board)
    assert found.items == {} and len(found.gone) == 2500


async def test_a_watch_tells_steps_and_then_a_gap(board: Board) -> None:
    at = {name: await board.reset(name, {"a": b"0"}) for name in ("layer/one", "layer/two")}
    watching = board.watch(at)
    await board.apply("layer/one", {"a": b"1"})
    name, delta = await asyncio.wait_for(anext(watching), 10)
    assert name == "layer/one" and delta is not None and delta.put == {"a": b"1"}
    await board.reset("layer/one", {"a": b"9"})
    assert await asyncio.wait_for(anext(watching), 10) == ("layer/one", None)
    await board.apply("layer/two", {"a": None})
    name, delta = await asyncio.wait_for(anext(watching), 10)
    assert name == "layer/two" and delta is not None and delta.drop == ("a",)
    await watching.aclose()  # type: ignore[attr-defined]


changes = st.dictionaries(
    st.sampled_from("abcdef"), st.one_of(st.none(), st.binary(min_size=1, max_size=3)), max_size=4
)


@pytest.mark.parametrize("kind", ["memory", "redis_url", "cluster_url"])
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(changes, max_size=12), begin=st.integers(0, 12), flush=st.one_of(st.none(), st.integers(0, 12)))
def test_old_snapshot_and_every_delta_are_the_new_snapshot(
    request: pytest.FixtureRequest, kind: str, steps: list[dict[str, bytes | None]], begin: int, flush: int | None
) -> None:
    url = request.getfixturevalue(kind) if kind != "memory" else ""

    async def play() -> None:
        board: Board = RedisBoard(url) if url else MemoryBoard()
        await board.reset(CHANNEL, {"a": b"start"})
        before = await taken(board)
        for number, change in enumerate(steps):
            if number == flush:
                await board.reset(CHANNEL, {"b": b"rebuilt"})
            if number == begin:
                before = await taken(board)
            await board.apply(CHANNEL, change)
        after = await taken(board)
        if before.position.epoch != after.position.epoch:
            with pytest.raises(Gap):
                await board.history(CHANNEL, before.position)
        else:
            items, at = before.items, before.position.offset
            for delta in await board.history(CHANNEL, before.position):
                assert delta.after == at
                items, at = step(items, delta), delta.offset
            assert (items, at) == (after.items, after.position.offset)
        if isinstance(board, RedisBoard):
            await board.close()

    asyncio.run(play())


async def test_an_offset_that_went_back_begins_a_new_epoch(board: Board) -> None:
    epochs = Epochs()
    begun = await board.reset(CHANNEL, {"a": b"1"})
    assert await epochs.take_over(board, CHANNEL, fence=0) == await taken(board)
    epochs.note(CHANNEL, await board.apply(CHANNEL, {"a": b"2"}))
    assert (await taken(board)).position.epoch == begun.epoch
    # the store forgot our last step, and is where it was before
    epochs.note(CHANNEL, Position(begun.epoch, begun.offset + 2))
    found = await epochs.take_over(board, CHANNEL, fence=0)
    assert found is not None and found.position.epoch != begun.epoch
    assert found == await taken(board) and found.items == {"a": b"2"}


async def test_a_store_that_restarted_while_no_writer_remembers_begins_a_new_epoch(redis_url: str) -> None:
    board = RedisBoard(redis_url)
    begun = await board.reset(CHANNEL, {"a": b"1"})
    writer = Epochs()
    await writer.take_over(board, CHANNEL, fence=0)

    async def other_life(channel: str) -> str:
        return "another run"

    board.life = other_life  # type: ignore[method-assign]
    kept = await writer.take_over(board, CHANNEL, fence=0)
    assert kept is not None and kept.position == begun
    again = await Epochs().take_over(board, CHANNEL, fence=0)
    assert again is not None and again.position == begun, "the writer that remembers adopted the board"

    async def third_life(channel: str) -> str:
        return "a third run"

    board.life = third_life  # type: ignore[method-assign]
    unsure = await Epochs().take_over(board, CHANNEL, fence=0)
    assert unsure is not None and unsure.position.epoch != begun.epoch and unsure.items == {"a": b"1"}
    await board.close()


@pytest.mark.parametrize("boards", [1, 8])
async def test_the_steps_of_all_boards_together_are_bounded(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, boards: int
) -> None:
    most, body = 2 * 1024 * 1024, 4_000
    monkeypatch.setattr("ioc.board.redis.HISTORY_BYTES", most)
    store = RedisBoard(redis_url)
    channels = [f"layer/b{number}" for number in range(boards)]
    begun = [await store.reset(channel, {"a": b"0"}) for channel in channels]
    for value in range(600):
        for channel in channels:
            await store.apply(channel, {"a": f"{value:{body}}".encode()})
    kept = []
    for channel, place in zip(channels, begun, strict=True):
        with pytest.raises(Gap):
            await store.history(channel, place)
        last = Position(place.epoch, place.offset + 540)
        assert len(await store.history(channel, last)) == 60
        async with store._redis.on(names.board_key(channel, "changes")) as server:
            kept.append(await server.xlen(names.board_key(channel, "changes")))
    await store.close()
    assert sum(kept) * body <= most
