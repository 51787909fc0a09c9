"""`ioc demo`, whole: its own Redis, sources and roles; ready, watched, hurt, healed and gone without a trace."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
import tomllib
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from ioc.demo import run
from ioc.errors import BadConfig

ROOT = Path(__file__).resolve().parents[2]
IOC_V1 = Subprotocol("ioc.v1")
KEY = "key-of-the-demo-test-0123456789-abcdef"
PATIENCE_S = run.READY_S + 30


class Demo:
    """A demo that runs in processes of its own."""

    def __init__(self, process: Process, addresses: list[str], folder: Path) -> None:
        self.process, self.addresses, self.folder = process, addresses, folder
        self.base = addresses[0].partition("/wall")[0]

    def parts(self) -> dict[str, psutil.Process]:
        """The processes beside it, by what they do."""
        children = psutil.Process(self.process.pid).children()
        found = {}
        for child in children:
            with suppress(psutil.Error):  # it ended meanwhile
                found[" ".join(child.cmdline()[2:5])] = child
        return found

    async def ask(self, path: str, key: str | None = KEY) -> Any:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        async with httpx2.AsyncClient(base_url=self.base, headers=headers, timeout=20) as http:
            return await http.get(path)

    async def until(self, path: str, test: Callable[[Any], bool]) -> Any:
        """The answer to `path` once it passes."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    answer = await self.ask(path)
                    if answer.status_code == 200 and test(answer.json()):
                        return answer.json()
                except httpx2.HTTPError:
                    pass
                await asyncio.sleep(0.2)


@pytest.fixture
async def demo(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Demo]:
    """The demo of the province that the test names (as a parameter), or the first."""
    command = [
        sys.executable,
        "-m",
        "ioc",
        "demo",
        "--port",
        "0",
        "--no-browser",
        "--key",
        KEY,
        "--data",
        str(tmp_path),
        *(["--province", request.param] if hasattr(request, "param") else []),
    ]
    # stores of this machine are none of the demo's business
    env = {**os.environ, "IOC_NO_VENV": "1", "REDIS_URL": "redis://127.0.0.1:1", "DATABASE_URL": "sqlite:////nowhere/x"}
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=env, stdout=PIPE, stderr=PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    addresses: list[str] = []
    try:
        async with asyncio.timeout(PATIENCE_S):
            while (line := (await process.stdout.readline()).decode()).startswith("http"):
                addresses.append(line.strip())
        assert line.startswith("Stop with"), (line + (await process.stderr.read()).decode())[-2000:]
        yield Demo(process, addresses, tmp_path)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def test_the_whole_demo(demo: Demo) -> None:
    assert demo.addresses[0].partition("#code=")[0] == f"{demo.base}/wall/overview"
    assert demo.base.startswith("http://127.0.0.1:")
    assert demo.addresses[-2:] == [f"{demo.base}/report", f"{demo.base}/ops"]
    sources = await demo.until("/api/sources", lambda rows: sum(row["state"] == "live" for row in rows) >= 9)
    assert {row["name"]: row["state"] for row in sources}["labour"] == "never"
    assert (await demo.ask("/api/sources", key=None)).status_code in (200, 401, 403)
    # a place counts once its pictures were looked at
    await demo.until(
        "/api/tiles/cameras_live", lambda tile: [tile["items"]["all"][word] for word in ("of", "have")] == [268, 105]
    )
    dossiers = await demo.until("/api/tiles/dossiers_on_time", lambda tile: tile["items"]["all"]["value"] is not None)
    assert dossiers["quality"]["sources"].keys() == {"dossiers"}
    assert (dossiers["items"]["all"]["have"], dossiers["items"]["all"]["expect"]) == (190, 241)
    certificates = await demo.until("/api/tiles/certificates", lambda tile: tile["items"]["all"]["value"] == 1_392)
    assert certificates["items"]["all"]["other"][0]["value"] == 1_500
    await _listens_on_loopback_only(demo)
    await _comes_back(demo, "sources", "poller")
    await _leaves_nothing(demo)


@pytest.mark.parametrize("demo", ["tay-ninh"], indirect=True)
async def test_the_demo_of_tay_ninh_shows_which_sectors_are_linked_and_one_that_opens(demo: Demo) -> None:
    assert demo.addresses[0].partition("#code=")[0] == f"{demo.base}/wall/overview"
    assert (demo.addresses[-1], f"{demo.base}/report" in demo.addresses) == (f"{demo.base}/ops", False)
    wanted = {
        "police": "không",
        "planning": "lệch 1.204",
        "justice": "lệch 86",
        "health": "trễ 26 giờ",
        "onestop": "có",
    }

    def come(rows: list[dict[str, Any]]) -> bool:
        found = {row["id"]: row for row in rows}
        said = {name: found[name]["connected" if name == "police" else "synced"]["say"]["vi"] for name in wanted}
        return said == wanted

    rows = await demo.until("/api/links", come)
    assert len(rows) == 13
    cameras = await demo.until("/api/tiles/cameras_live", lambda tile: (tile["items"]["all"]["of"] or 0) == 120)
    assert cameras["items"]["all"]["have"] == 48
    for tile in ("dossiers_on_time", "documents_signed", "vaccinations_today", "reports_overdue"):
        await demo.until(f"/api/tiles/{tile}", lambda told: told["items"]["all"]["value"] is not None)
    overview = (await demo.ask("/api/screens/overview")).text
    assert "Tây Ninh: 120 camera" in overview and "Tuy Ho" not in overview
    assert "vaccinations_today" in (await demo.ask("/api/screens/tablet")).text
    assert {"monitor", "direct", "synthesise"} <= {
        address.partition("#")[0].rpartition("/")[2] for address in demo.addresses
    }
    await _tells_nothing_of_what_is_not_connected(demo)
    settings = tomllib.loads((demo.folder / "ioc.toml").read_text(encoding="utf-8"))
    base = settings["sources"]["reports_1022"]["url"].partition("/1022")[0]
    async with httpx2.AsyncClient(base_url=base) as http:
        assert (await http.post("/_sectors/police/open")).json()["police"] is True
        assert (await http.post("/_sectors/nobody/open")).status_code == 404
        assert (await demo.until("/api/tiles/smart_reports", _live))["items"]["all"]["value"] > 0
        assert (await http.post("/_mute/app")).status_code == 204
    opened = await demo.until(
        "/api/tiles/incidents",
        lambda tile: tile["items"]["all"]["value"] is not None and tile["quality"]["sources"] == {"police": "live"},
    )
    assert opened["items"]["all"]["have"] == 36
    await demo.until("/api/tiles/smart_reports", lambda tile: not _live(tile))
    await demo.until("/api/links", lambda rows: all(row["synced"]["ok"] for row in rows if row["id"] == "police"))


def _live(tile: Any) -> bool:
    return bool(tile["quality"]["sources"] == {"reports_app": "live"})


async def _tells_nothing_of_what_is_not_connected(demo: Demo) -> None:
    """On the wire: null, 0 of so many, and why, for the sectors that nobody answers for; less than all for others."""
    closed = {
        "incidents": ("police", 36), "jobs_new": ("labour", 36), "pupils_at_school": ("education", 36),
        "vehicles_counted": ("transport", 24),
    }  # fmt: skip
    told = await _snapshots(demo, *closed, "projects", "mediation", "insured")
    for name, (source, owed) in closed.items():
        figure, quality = told[name]["items"]["all"], told[name]["quality"]
        assert (figure["value"], figure["have"], figure["expect"], figure["sources"]) == (None, 0, owed, [source]), name
        assert (quality["state"], quality["sources"]) == ("never", {source: "never"}), name
        assert quality["why"].startswith(f"{source}: ") and quality["why"].endswith("."), name
        assert {one["value"] for one in told[name]["items"].values()} == {None}, "no commune has a figure"
    for name, counts in {"projects": (320, 1_524), "mediation": (98, 184), "insured": (36, 36)}.items():
        figure = told[name]["items"]["all"]
        assert figure["value"] > 0 and (figure["have"], figure["expect"]) == counts, name


async def _snapshots(demo: Demo, *tiles: str) -> dict[str, Any]:
    """The snapshot of each tile's channel, as a screen is sent it; of one part."""
    told: dict[str, Any] = {}
    async with (
        asyncio.timeout(PATIENCE_S),
        connect(f"{demo.base}/ws".replace("http", "ws", 1), subprotocols=[IOC_V1]) as wire,
    ):
        await wire.send(json.dumps({"type": "hello", "key": KEY}))
        await wire.send(json.dumps({"type": "watch", "channels": [{"channel": f"tile/{name}"} for name in tiles]}))
        while told.keys() != set(tiles):
            frame = json.loads(await wire.recv())
            if frame["type"] == "snapshot":
                assert frame["parts"] == 1
                told[frame["channel"].partition("/")[2]] = frame
    return told


async def _listens_on_loopback_only(demo: Demo) -> None:
    for process in psutil.Process(demo.process.pid).children(recursive=True):
        for connection in process.net_connections(kind="tcp"):
            assert connection.laddr.ip in ("127.0.0.1", "::1"), process.cmdline()


@pytest.mark.chaos
@pytest.mark.parametrize("rounds", [1, pytest.param(20, marks=pytest.mark.long)])
async def test_the_sources_are_killed_and_nothing_is_lost(demo: Demo, rounds: int) -> None:
    """`kill -9` of the simulated sources while they move: what was committed is archived, and no event twice."""
    await demo.until("/api/sources", lambda rows: sum(row["state"] == "live" for row in rows) >= 9)
    for _ in range(rounds):
        await _comes_back(demo, "sources")
    committed = {row["name"]: row["counts"]["events"] for row in (await demo.ask("/api/sources")).json()}
    await _wait(lambda: all(_archived(demo, name)[0] >= count for name, count in committed.items()))
    for name in committed:
        rows, distinct = _archived(demo, name)
        assert rows == distinct, name
    print(f"{rounds} times killed: {sum(committed.values())} events committed, all archived, none twice.")


def _archived(demo: Demo, source: str) -> tuple[int, int]:
    """Events of a source in the archive, and how many of them differ."""
    select = "SELECT count(*), count(DISTINCT subject || '|' || received || '|' || coalesce(data, '')) FROM events"
    with closing(sqlite3.connect(demo.folder / "ioc.db")) as db:
        rows, distinct = db.execute(f"{select} WHERE source = ?", (source,)).fetchone()
    return rows, distinct


async def _comes_back(demo: Demo, *named: str) -> None:
    """These parts are killed; the demo starts them again, and the poll goes on."""
    before = demo.parts()
    assert len(before) == 4
    hurt = [name for name in before if any(part in name for part in named)]
    asked = _calls(await demo.until("/api/sources", bool))["counts"]["records"]
    for name in hurt:
        before[name].kill()

    def back() -> bool:
        after = demo.parts()
        return all(name in after and after[name].pid != before[name].pid for name in hurt)

    await _wait(back)
    await demo.until(
        "/api/sources", lambda rows: _calls(rows)["counts"]["records"] > asked and _calls(rows)["state"] == "live"
    )


def _calls(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return next(row for row in rows if row["name"] == "reports_1022")


async def _leaves_nothing(demo: Demo) -> None:
    demo.process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(PATIENCE_S):
        assert await demo.process.wait() == 0
    named = str(demo.folder)
    await _wait(
        lambda: not any(named in " ".join(one.info["cmdline"] or []) for one in psutil.process_iter(["cmdline"]))
    )


async def _wait(test: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if test():
                return
            await asyncio.sleep(0.1)


def test_another_province_is_named_with_those_that_exist(tmp_path: Path) -> None:
    with pytest.raises(
        BadConfig, match=r"There is no demo province atlantis; write one of phu-yen, tay-ninh, quang-nam, nghe-an\."
    ):
        run.demo(port=0, province="atlantis", data=tmp_path)


def test_a_port_in_use_is_said(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(BadConfig, match="another with --port"):
        run.demo(port=taken.getsockname()[1], data=tmp_path)
