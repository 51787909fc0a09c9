"""Probes against real sockets: TCP, RTSP and pictures; frozen, down, back; bounds; what a restart remembers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from ioc import catalog
from ioc.adapter import Adapter, Reading
from ioc.adapter_suite import AnswerServer, Said, poll
from ioc.contract import Contract
from ioc.probe import Probe, Prober
from ioc.settings import Source

JPEG = b"\xff\xd8\xff\xe0"
EVERY = 1e-9
"""Seconds: always due."""


def prober(kind: str, **settings: Any) -> Prober:
    return Prober(msgspec.convert({"kind": kind, "path": "a", "every": EVERY, "timeout_s": 20.0, **settings}, Probe))


@asynccontextmanager
async def device(
    says: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any],
) -> AsyncIterator[int]:
    async def door(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await says(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(door, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def test_tcp_is_live_and_down_after_two_failures() -> None:
    found = prober("tcp")
    async with device(silent) as port:
        await found.run({"a": f"127.0.0.1:{port}"})
        assert found.outcomes["a"].state == "live"
        since = found.outcomes["a"].since
    told = []
    for _ in range(2):
        await found.run({"a": f"127.0.0.1:{port}"})
        told.append((found.outcomes["a"].state, found.outcomes["a"].why))
    assert told == [("live", None), ("down", "ConnectionRefusedError")]
    assert since is not None and (found.outcomes["a"].since or since) > since


async def test_rtsp_is_asked_options_without_the_key() -> None:
    heard: list[bytes] = []

    async def camera(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\n\r\n")
        await writer.drain()

    found = prober("rtsp")
    async with device(camera) as port:
        await found.run({"a": f"rtsp://admin:geheim@127.0.0.1:{port}/kênh/1"})
    assert found.outcomes["a"].state == "live"
    assert heard[0].startswith(f"OPTIONS rtsp://127.0.0.1:{port}/k%C3%AAnh/1 RTSP/1.0\r\n".encode())
    assert b"geheim" not in heard[0]


async def test_something_else_on_the_port_is_no_rtsp() -> None:
    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-x\r\n")
        await writer.drain()

    found = prober("rtsp", down_after=1)
    async with device(other) as port:
        await found.run({"a": f"rtsp://127.0.0.1:{port}/"})
    assert (found.outcomes["a"].state, found.outcomes["a"].why) == ("down", "something answers, but not RTSP")


async def test_the_same_picture_three_times_running_is_frozen_and_a_new_one_thaws() -> None:
    found = prober("jpeg")
    pictures = [JPEG + b"1", JPEG + b"2", JPEG + b"2", JPEG + b"2", JPEG + b"2", JPEG + b"3"]
    states = []
    with AnswerServer(*pictures) as server:
        for _ in pictures:
            await found.run({"a": server.url})
            states.append(found.outcomes["a"].state)
    assert states == ["live", "live", "live", "frozen", "frozen", "live"]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (Said(b"<html>"), "no JPEG picture"),
        (Said(b"", 404), "HTTP 404 instead of a picture"),
        (Said(JPEG + b"x" * 65536, times=100), "a picture that is too large"),
        (Said(JPEG + b"x", status=302, headers={"Location": "http://127.0.0.1:1/"}), "HTTP 302 instead of a picture"),
        (Said(JPEG + b"xxxx", stall=2), "no answer in time"),
    ],
)
async def test_what_is_no_picture_is_down(said: Said, why: str) -> None:
    found = prober("jpeg", down_after=1, timeout_s=10 if said.stall is None else 0.3)
    with AnswerServer(said) as server:
        await found.run({"a": server.url})
    assert (found.outcomes["a"].state, found.outcomes["a"].why) == ("down", why)


@pytest.mark.parametrize("address", ["", "nonsense", "ftp://x/", "127.0.0.1:99999", "http://[::1", "rtsp:///x"])
async def test_an_address_that_cannot_be_read_is_down(address: str) -> None:
    found = prober("tcp", down_after=1)
    await found.run({"a": address})
    assert (found.outcomes["a"].state, found.outcomes["a"].why) == ("down", "its address can't be read")


async def test_only_the_hosts_allowed_are_asked() -> None:
    with AnswerServer(JPEG) as server:
        found = prober("jpeg", down_after=1, hosts=["10.*"])
        await found.run({"a": server.url})
        assert not server.asked
    assert found.outcomes["a"].state == "down"


async def test_not_more_than_parallel_at_once() -> None:
    now, most = 0, 0
    full = asyncio.Event()

    async def camera(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        if now == 3:
            full.set()
        await asyncio.wait_for(full.wait(), 10)
        writer.write(b"RTSP/1.0 200 OK\r\n\r\n")
        await writer.drain()
        now -= 1

    found = prober("rtsp", parallel=3, rate=1e6, timeout_s=20)
    async with device(camera) as port:
        await found.run({str(number): f"rtsp://127.0.0.1:{port}/" for number in range(9)})
    assert most == 3
    assert {outcome.state for outcome in found.outcomes.values()} == {"live"}


async def test_the_budget_ends_an_asking_and_the_rest_come_first_next_time() -> None:
    async def camera(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"RTSP/1.0 200 OK\r\n\r\n")
        await writer.drain()

    found = prober("rtsp", parallel=1, rate=1e6, budget_s=1e-9)
    async with device(camera) as port:
        addresses = dict.fromkeys("abc", f"rtsp://127.0.0.1:{port}/")
        for _ in range(20):
            if all(outcome.state == "live" for outcome in found.outcomes.values()) and found.outcomes:
                break
            found.pace = msgspec.structs.replace(found.probe, budget_s=found.pace.budget_s * 10)
            await found.run(addresses)
    assert [outcome.state for outcome in found.outcomes.values()] == ["live"] * 3


async def test_a_device_that_left_the_registry_is_forgotten_and_one_not_due_is_not_asked() -> None:
    with AnswerServer(JPEG) as server:
        found = prober("jpeg", every=3600)
        await found.run({"a": server.url, "b": server.url})
        await found.run({"a": server.url})
        assert len(server.asked) == 2
    assert list(found.outcomes) == ["a"]


def registry(url: str, **probe: Any) -> Adapter[Any]:
    options = {
        "event": "ioc.camera.observed", "url": url, "id": "id", "properties": {"name": "name"},
        "probe": {"kind": "jpeg", "path": "img", "every": EVERY, **probe},
    }  # fmt: skip
    return catalog.open_adapter(Source("cameras", "camera_registry", Contract("us"), options))


def states(results: list[Any]) -> dict[str, Any]:
    return {result.subject: result.properties.get("state") for result in results if isinstance(result, Reading)}


async def test_the_registry_carries_the_outcomes_and_remembers_them_over_a_restart() -> None:
    with AnswerServer(JPEG + b"1") as still, AnswerServer(*(JPEG + bytes([n]) for n in range(99))) as moving:
        rows = [
            {"id": 1, "name": "a", "img": still.url},
            {"id": 2, "name": "b", "img": moving.url},
            {"id": 3, "name": "c"},
        ]
        with AnswerServer(Said(json.dumps(rows).encode(), headers={"ETag": '"1"'})) as server:
            adapter, cursor = registry(server.url), None
            for expected in ("live", "live", "frozen"):
                results, cursor = await poll(adapter, cursor)
                assert states(results) == {"1": expected, "2": "live", "3": None}
            frozen_since = next(result.time for result in results if isinstance(result, Reading))
            again = registry(server.url, every=3600.0, budget_s=1e-9)
            assert cursor is not None
            results, _ = await poll(again, cursor)
            assert states(results) == {"1": "frozen", "2": "live", "3": None}
            assert next(result.time for result in results if isinstance(result, Reading)) == frozen_since
            assert "if-none-match" not in server.asked[-1].headers


async def test_an_unchanged_registry_is_probed_all_the_same() -> None:
    with AnswerServer(JPEG) as camera:
        rows = [{"id": 1, "name": "a", "img": camera.url}]
        said = [Said(json.dumps(rows).encode(), headers={"ETag": '"1"'}), Said(status=304)]
        with AnswerServer(*said) as server:
            adapter, cursor = registry(server.url), None
            for expected in ("live", "live", "frozen"):
                results, cursor = await poll(adapter, cursor)
                assert states(results) == {"1": expected}
            assert server.asked[-1].headers["if-none-match"] == '"1"'


async def test_what_the_registry_itself_calls_down_stays_down() -> None:
    with AnswerServer(JPEG) as camera, AnswerServer() as server:
        server.says(json.dumps([{"id": 1, "name": "a", "img": camera.url, "s": "down"}]).encode())
        options = {
            "event": "e", "url": server.url, "id": "id", "properties": {"state": "s"},
            "probe": {"kind": "jpeg", "path": "img"},
        }  # fmt: skip
        adapter = catalog.open_adapter(Source("cameras", "camera_registry", Contract("us"), options))
        results, _ = await poll(adapter)
        assert states(results) == {"1": "down"}
