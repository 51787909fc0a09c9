"""A real server, real WebSocket clients: the picture, what changes, coming back, being slow, being wrong."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

import pytest
import websockets

from ioc.board.memory import MemoryBoard
from ioc.web.app import build

from .conftest import Client, Running, running, settings

CAMERAS = "layer/cameras"


def item(name: str, value: int = 0, lon: float | None = None, pad: int = 0) -> bytes:
    geometry = {"type": "Point", "coordinates": [lon, 13.0]} if lon is not None else None
    properties = {"value": value, "pad": "x" * pad}
    return json.dumps({"type": "Feature", "id": name, "geometry": geometry, "properties": properties}).encode()


def decoded(items: dict[str, bytes]) -> dict[str, Any]:
    return {name: json.loads(body) for name, body in items.items()}


async def whole(client: Client, board: MemoryBoard, channel: str = CAMERAS) -> None:
    """Wait until the client stands where the board does; what it holds is then what the board holds."""
    found = await board.snapshot(channel)
    assert found is not None
    await client.until(lambda _: client.position.get(channel) == found.position)
    assert client.items[channel] == decoded(found.items)


async def test_a_screen_gets_the_picture_and_then_what_changes(board: MemoryBoard, server: Running) -> None:
    await board.reset(CAMERAS, {"a": item("a", 1), "b": item("b", 1)})
    async with server.client() as client:
        await client.watch(CAMERAS)
        await whole(client, board)
        await board.apply(CAMERAS, {"a": item("a", 2), "b": None, "c": item("c", 1)})
        await whole(client, board)
        assert client.frames[-1]["type"] == "delta"


async def test_a_channel_that_nobody_wrote_yet_is_empty_and_comes_to_life(board: MemoryBoard, server: Running) -> None:
    async with server.client() as client:
        await client.watch(CAMERAS)
        first = await client.until(lambda frame: frame["type"] == "snapshot")
        assert (first["items"], first["quality"]["state"]) == ({}, "never")
        await board.reset(CAMERAS, {"a": item("a", 1)})
        await whole(client, board)


async def test_a_large_picture_comes_in_parts(board: MemoryBoard, server: Running) -> None:
    await board.reset(CAMERAS, {f"c{n}": item(f"c{n}", n, pad=900) for n in range(400)})
    async with server.client() as client:
        await client.watch(CAMERAS)
        await whole(client, board)
        parts = [frame for frame in client.frames if frame["type"] == "snapshot" and frame["items"]]
        assert len(parts) > 5


async def test_who_comes_back_gets_what_it_missed_and_no_snapshot(board: MemoryBoard, server: Running) -> None:
    place = await board.reset(CAMERAS, {"a": item("a", 1), "b": item("b", 1)})
    async with server.client() as client:
        await client.watch(CAMERAS)
        await whole(client, board)
    await board.apply(CAMERAS, {"a": item("a", 2)})
    await board.apply(CAMERAS, {"b": None})
    await board.apply(CAMERAS, {"a": item("a", 3)})
    async with server.client() as again:
        again.items, again.position = client.items, client.position
        await again.watch(CAMERAS, epoch=place.epoch, offset=place.offset)
        await whole(again, board)
        assert next(frame["type"] for frame in again.frames if frame.get("channel")) == "delta"
        assert "snapshot" not in {frame["type"] for frame in again.frames}
        assert again.quality[CAMERAS]["state"] == "never", "who comes back is told at once how good the picture is"


async def test_a_restart_of_the_process_costs_no_snapshot(board: MemoryBoard) -> None:
    place = await board.reset(CAMERAS, {"a": item("a", 1)})
    for value in range(5):
        await board.apply(CAMERAS, {"a": item("a", value + 2)})
    async with running(build(settings(), board=board)) as server, server.client() as client:
        client.items, client.position = {CAMERAS: decoded({"a": item("a", 1)})}, {CAMERAS: tuple(place)}  # type: ignore[dict-item]
        await client.watch(CAMERAS, epoch=place.epoch, offset=place.offset)
        await whole(client, board)
        assert "snapshot" not in {frame["type"] for frame in client.frames}


@pytest.mark.parametrize("place", [{"epoch": "other", "offset": 3}, {"epoch": None}, {"offset": 4}])
async def test_a_wrong_or_half_position_means_a_snapshot(
    board: MemoryBoard, server: Running, place: dict[str, Any]
) -> None:
    await board.reset(CAMERAS, {"a": item("a", 1)})
    async with server.client() as client:
        client.items, client.position = {CAMERAS: {}}, {CAMERAS: ("other", 3)}
        await client.watch(CAMERAS, **place)
        await whole(client, board)
        assert client.frames[-1]["type"] == "snapshot"


async def test_a_position_that_is_trimmed_means_a_snapshot() -> None:
    board = MemoryBoard(kept=3)
    place = await board.reset(CAMERAS, {"a": item("a", 0)})
    for value in range(1, 9):
        await board.apply(CAMERAS, {"a": item("a", value)})
    async with running(build(settings(), board=board)) as server, server.client() as client:
        await client.watch(CAMERAS, epoch=place.epoch, offset=place.offset)
        await whole(client, board)
        assert {frame["type"] for frame in client.frames} >= {"snapshot"}


async def test_who_is_ahead_is_held_until_the_mirror_is_there(board: MemoryBoard, server: Running) -> None:
    place = await board.reset(CAMERAS, {"a": item("a", 1)})
    async with server.client() as client:
        await client.watch(CAMERAS)
        await whole(client, board)
        # the client learned a step on another server, which this one hears of later
        await client.watch(CAMERAS, epoch=place.epoch, offset=place.offset + 1)
        client.position[CAMERAS] = (place.epoch, place.offset + 1)
        client.items[CAMERAS] = decoded({"a": item("a", 2)})
        await client.say(type="ask")
        assert (await client.until(lambda frame: frame["type"] == "problem"))["code"] == "unknown-type"
        await board.apply(CAMERAS, {"a": item("a", 2)})
        await board.apply(CAMERAS, {"a": item("a", 3)})
        heard = len(client.frames)
        await whole(client, board)
        assert "snapshot" not in {frame["type"] for frame in client.frames[heard:]}


async def test_who_stays_ahead_gets_a_snapshot(
    board: MemoryBoard, server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ioc.web.screens.AHEAD_S", 0.1)
    place = await board.reset(CAMERAS, {"a": item("a", 1)})
    async with server.client() as client:
        client.items, client.position = {CAMERAS: {}}, {CAMERAS: (place.epoch, place.offset + 7)}
        await client.watch(CAMERAS, epoch=place.epoch, offset=place.offset + 7)
        await whole(client, board)
        assert client.frames[-1]["type"] == "snapshot"


async def test_a_flush_keeps_the_picture_and_says_stale_until_it_is_rebuilt(
    board: MemoryBoard, server: Running
) -> None:
    await board.reset(CAMERAS, {"a": item("a", 1)})
    async with server.client() as client:
        await client.watch(CAMERAS)
        await whole(client, board)
        await board.reset(CAMERAS, {}, whole=False)
        told = await client.until(lambda frame: "rebuilt" in str(frame.get("quality")))
        assert (told["type"], told["put"], told["drop"], told["after"]) == ("delta", {}, [], told["offset"])
        await board.apply(CAMERAS, {"b": item("b", 1)})
        await board.apply(CAMERAS, {"c": item("c", 1)})
        assert client.items[CAMERAS] == decoded({"a": item("a", 1)})
        heard = len(client.frames)
        await board.reset(CAMERAS, {"b": item("b", 1), "c": item("c", 1)})
        await whole(client, board)
        later = [frame["type"] for frame in client.frames[heard:] if frame["type"] != "beat"]
        assert later[0] == "snapshot", "no delta goes out before the rebuilt picture"


async def test_a_view_shows_its_part_and_turns(board: MemoryBoard, server: Running) -> None:
    await board.reset(CAMERAS, {"west": item("west", 1, 100.0), "east": item("east", 1, 110.0)})
    async with server.client() as client:
        await client.watch(CAMERAS, view={"bbox": [99, 10, 101, 15], "zoom": 8})
        await client.until(lambda _: set(client.items.get(CAMERAS, {})) == {"west"})
        await client.say(type="view", channel=CAMERAS, bbox=[109, 10, 111, 15], zoom=8)
        turned = await client.until(lambda frame: frame["type"] == "delta" and frame["drop"] == ["west"])
        assert (list(turned["put"]), turned["after"]) == (["east"], turned["offset"])
        await board.apply(CAMERAS, {"west": item("west", 2, 100.0), "east": item("east", 2, 100.5)})
        await client.until(lambda _: client.items[CAMERAS] == {})
        assert all("west" not in frame["put"] for frame in client.frames if frame["type"] == "delta")
        # what moves outside the view moves the position all the same, at the latest when a beat is due
        place = await board.apply(CAMERAS, {"west": item("west", 3, 100.0)})
        await client.until_at(CAMERAS, place.offset)


async def test_a_resumed_view_goes_on_in_the_view(board: MemoryBoard, server: Running) -> None:
    place = await board.reset(CAMERAS, {"west": item("west", 1, 100.0), "east": item("east", 1, 110.0)})
    await board.apply(CAMERAS, {"east": item("east", 2, 100.2)})
    async with server.client() as client:
        client.items, client.position = {CAMERAS: decoded({"west": item("west", 1, 100.0)})}, {CAMERAS: tuple(place)}  # type: ignore[dict-item]
        view = {"bbox": [99, 10, 101, 15], "zoom": 8}
        await client.watch(CAMERAS, epoch=place.epoch, offset=place.offset, view=view)
        await client.until_at(CAMERAS, place.offset + 1)
        assert set(client.items[CAMERAS]) == {"west", "east"}
        assert "snapshot" not in {frame["type"] for frame in client.frames}


async def test_a_position_out_of_sight_moves_though_other_channels_are_busy(
    board: MemoryBoard, server: Running
) -> None:
    await board.reset(CAMERAS, {"west": item("west", 1, 100.0)})
    await board.reset("alerts", {})
    async with server.client() as client:
        await client.watch(CAMERAS, view={"bbox": [109, 10, 111, 15], "zoom": 8})
        await client.watch("alerts")
        await client.until(lambda _: CAMERAS in client.position and "alerts" in client.position)
        await client.until(lambda _: client.position["alerts"][0] != "none")
        place = await board.apply(CAMERAS, {"west": item("west", 2, 100.0)})
        busy = 0
        while client.position[CAMERAS][1] != place.offset:
            busy += 1
            await board.apply("alerts", {"a": item("a", busy)})
            await client.hear()
        assert all(
            not frame["put"] for frame in client.frames if frame["type"] == "delta" and frame["channel"] == CAMERAS
        )


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"type": "sing"}, "unknown-type"),
        ({"type": "watch", "channels": [{"channel": CAMERAS}], "at": "2026-01-01T00:00:00+07:00"}, "unsupported"),
        ({"type": "watch", "channels": [{"channel": CAMERAS, "known": 1}]}, "unsupported"),
        ({"type": "watch", "channels": [], "speed": 8}, "unsupported"),
        ({"type": "watch", "channels": [{"channel": "layer/nothing"}]}, "unknown"),
        ({"type": "watch", "channels": [{"channel": "nothing"}]}, "unknown"),
        ({"type": "watch", "channels": [{"channel": "sources", "view": {"bbox": [1, 2, 3, 4]}}]}, "unsupported"),
        ({"type": "watch", "channels": [{"channel": CAMERAS, "view": {"bbox": [1, 4, 3, 2]}}]}, "invalid"),
        ({"type": "view", "channel": CAMERAS, "bbox": [1, 2, 3, 4], "zoom": 1}, "not-watched"),
        ({"type": "hello"}, "hello-again"),
    ],
)
async def test_what_cannot_be_done_is_a_problem_and_changes_nothing(
    board: MemoryBoard, server: Running, frame: dict[str, Any], code: str
) -> None:
    await board.reset(CAMERAS, {})
    async with server.client() as client:
        await client.say(**frame)
        told = await client.until(lambda heard: heard["type"] != "beat")
        assert (told["type"], told["code"]) == ("problem", code)
        assert told["say"].endswith(".")
        assert not client.items
        await client.watch(CAMERAS)
        await whole(client, board)


async def test_hello_comes_first(server: Running) -> None:
    async with server.client(hello=False) as client:
        await client.watch(CAMERAS)
        assert (await client.hear())["code"] == "hello-first"


async def test_beats_come_when_nothing_else_does_and_unwatch_stops(board: MemoryBoard, server: Running) -> None:
    await board.reset(CAMERAS, {})
    async with server.client() as client:
        assert client.frames[0]["beat"] == 0.4
        await client.watch(CAMERAS)
        await whole(client, board)
        beat = await client.until(lambda frame: frame["type"] == "beat")
        assert beat["now"].endswith("+07:00")
        await client.say(type="unwatch", channels=[CAMERAS])
        await client.say(type="sing")
        await client.until(lambda frame: frame["type"] == "problem")
        await board.apply(CAMERAS, {"a": item("a", 1)})
        heard = len(client.frames)
        for _ in range(3):
            await client.until(lambda frame: frame["type"] == "beat")
        assert {frame["type"] for frame in client.frames[heard:]} == {"beat"}


async def test_receipts_are_kept_and_told_to_prometheus(board: MemoryBoard, server: Running) -> None:
    place = await board.reset(CAMERAS, {"a": item("a", 1)})
    async with server.client(hello=False) as client:
        await client.say(type="hello", screen="overview")
        await client.watch(CAMERAS)
        await whole(client, board)
        await client.say(type="shown", channel=CAMERAS, epoch=place.epoch, offset=place.offset, ms=12)
        await client.say(type="shown", channel="layer/other", epoch="e", offset=1)
        await client.say(type="sing")
        await client.until(lambda frame: frame["type"] == "problem")
        async with server.http() as http:
            told = (await http.get("/metrics")).text
        assert 'ioc_shown_behind{channel="layer/cameras",number=' in told
        assert 'screen="overview"} 0.0' in told
        assert "layer/other" not in told
    assert "ioc_screens 1.0" in told


async def test_a_slow_screen_gets_few_merged_frames_and_slows_nobody(board: MemoryBoard, server: Running) -> None:
    await board.reset(CAMERAS, {f"c{n}": item(f"c{n}", 0, pad=2000) for n in range(100)})
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.connect(("127.0.0.1", server.port))
        plain.setblocking(False)
        async with server.client(sock=plain, max_queue=1, compression=None) as slow, server.client() as quick:
            for client in (slow, quick):
                await client.watch(CAMERAS)
                await whole(client, board)
            for value in range(1, 301):
                changes: dict[str, bytes | None] = {f"c{n}": item(f"c{n}", value, pad=2000) for n in range(100)}
                await board.apply(CAMERAS, changes)
                await quick.until(lambda _: quick.items[CAMERAS]["c0"]["properties"]["value"] == value)  # noqa: B023
            heard = len(slow.frames)
            await whole(slow, board)
            merged = [frame for frame in slow.frames[heard:] if frame["type"] in ("delta", "snapshot")]
            assert merged[-1]["offset"] - merged[0].get("after", 0) >= 300
            # 60 MB of steps were made; a screen that took nothing was queued only what its socket's buffers hold
            assert len(merged) < 200


async def test_a_screen_that_takes_nothing_is_sent_away(
    board: MemoryBoard, server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ioc.web.hub.STUCK_S", 0.5)
    monkeypatch.setattr("ioc.web.wire.PATIENCE_S", 0.5)
    await board.reset(CAMERAS, {f"c{n}": item(f"c{n}", 0, pad=60_000) for n in range(300)})
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.connect(("127.0.0.1", server.port))
        plain.setblocking(False)
        async with server.client(sock=plain, max_queue=1, compression=None, close_timeout=0.1) as client:
            await client.watch(CAMERAS)
            async with asyncio.timeout(20):
                while server.hub.screens:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)


async def test_a_flood_is_sent_away_and_may_come_back_later(server: Running) -> None:
    async with server.client() as client:
        for _ in range(300):
            await client.say(type="sing")
        told = await client.until(lambda frame: frame["type"] == "bye")
        assert (told["code"], told["reconnect"], told["after"]) == (4004, True, 10.0)
        with pytest.raises(websockets.ConnectionClosed) as closed:
            while True:
                await client.socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4004


async def test_a_stopping_server_says_so_first(board: MemoryBoard) -> None:
    async with running(build(settings(), board=board)) as server, server.client() as client:
        stopping = asyncio.create_task(server.hub.stop())
        told = await client.until(lambda frame: frame["type"] == "bye")
        await stopping
    assert (told["code"], told["reconnect"]) == (4000, True)
    assert told["after"] > 0


async def test_another_protocol_is_told_not_to_come_back(server: Running) -> None:
    async with server.client(hello=False, subprotocols=["soap"]) as client:
        told = await client.hear()
        assert (told["type"], told["code"], told["reconnect"]) == ("bye", 4500, False)


async def test_pages_of_other_origins_stay_outside(server: Running) -> None:
    here = f"http://127.0.0.1:{server.port}"
    async with server.client(origin=here):
        pass
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with server.client(origin="https://elsewhere.example"):
            pass
    assert refused.value.response.status_code == 403
    body = json.loads(refused.value.response.body or b"{}")
    assert body["detail"].endswith(".")
