"""The engines as they run in earnest: processes that hold roles, take them over, and stop cleanly."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ioc import names, settings
from ioc.board.redis import RedisBoard
from ioc.contract import Contract
from ioc.db.session import migrate, open_db
from ioc.errors import BadConfig
from ioc.log.redis import RedisLog
from ioc.redis_link import connect
from ioc.run import ending, roles
from ioc.run.epochs import Epochs
from ioc.run.roles import Stage as Playing
from tests.chaos.stage import Stage

ENGINES = ("poller", "health", "projector", "archive")
LAYER = "layer/cameras"


async def until(reached: Callable[[], Awaitable[Any]]) -> Any:
    async with asyncio.timeout(90):
        while not (found := await reached()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        return found


class Running(Stage):
    """The stage, with several processes that play all engines."""

    def __init__(self, folder: Path, url: str) -> None:
        super().__init__(folder, things=40)
        self.redis = url
        self.redis_client = connect(url)
        self.board = RedisBoard(url)

    def command(self, name: str) -> list[str]:
        if not name.startswith("engines"):
            return super().command(name)
        whole = super().command("poller")
        at = whole.index("poller")
        return [*whole[:at], *ENGINES, *whole[at + 1 :]]

    async def holders(self) -> dict[str, int]:
        """Process id of each role's holder."""
        found = {role: await self.redis_client.get(names.lease_key(role)) for role in ENGINES}
        return {role: int(holder.split(b"|")[1]) for role, holder in found.items() if holder is not None}

    async def fences(self) -> dict[str, int]:
        return {role: int(await self.redis_client.get(names.fence_key(role))) for role in ENGINES}

    async def held_by(self, pid: int) -> bool:
        return await self.holders() == dict.fromkeys(ENGINES, pid)

    async def counts(self) -> dict[str, int]:
        """The counter of each thing on the board."""
        found = await self.board.snapshot(LAYER)
        items = found.items if found is not None else {}
        return {name: json.loads(body)["properties"]["count"] for name, body in items.items()}

    async def moved_from(self, before: dict[str, int]) -> bool:
        now = await self.counts()
        return len(now) == self.things and now != before

    async def live(self) -> bool:
        found = await self.board.snapshot(names.SOURCES)
        return found is not None and json.loads(found.items["things"])["state"] == "live"

    async def leave(self) -> None:
        self.close()
        await self.board.close()
        await self.redis_client.aclose()


@pytest.fixture
async def running(tmp_path: Path, redis_url: str) -> AsyncIterator[Running]:
    made = Running(tmp_path, redis_url)
    yield made
    await made.leave()


async def test_a_spare_takes_over_from_one_that_was_killed_and_stops_cleanly(running: Running) -> None:
    running.start("source", "engines one")
    first = running.running["engines one"].pid
    await until(lambda: running.held_by(first))
    await until(lambda: running.moved_from({}))
    running.start("engines spare")
    spare = running.running["engines spare"]
    before = await running.counts()
    await until(lambda: running.moved_from(before))
    assert await running.held_by(first)

    epoch = await running.board.snapshot(LAYER)
    fences = await running.fences()
    running.kill("engines one")
    await until(lambda: running.held_by(spare.pid))
    assert all(after > fences[role] for role, after in (await running.fences()).items())
    before = await running.counts()
    await until(lambda: running.moved_from(before))
    after = await running.board.snapshot(LAYER)
    assert epoch is not None and after is not None
    assert after.position.epoch == epoch.position.epoch, "screens go on where they were"
    # at a cadence of 0.2 s a loaded machine is late now and then
    await until(running.live)
    beats = [await running.redis_client.get(names.beat_key(role)) for role in ENGINES]
    assert all(beats)

    spare.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(spare.wait, 60) == 0
    assert await running.holders() == {}


async def test_boards_come_back_by_themselves_after_a_flush(running: Running) -> None:
    running.start("source", "engines one")
    await until(lambda: running.moved_from({}))
    before = await running.board.snapshot(LAYER)
    await running.redis_client.flushall()

    async def whole() -> bool:
        found = await running.board.snapshot(LAYER)
        assert before is not None
        return found is not None and found.whole and found.position.epoch != before.position.epoch

    await until(whole)
    counts = await running.counts()
    await until(lambda: running.moved_from(counts))
    pid = running.running["engines one"].pid
    await until(lambda: running.held_by(pid))


def test_settings_that_are_wrong_end_the_process_with_a_sentence(tmp_path: Path, redis_url: str) -> None:
    stage = Stage(tmp_path)
    stage.config.write_text('[province]\nname = "Thử"\nprovinse = "54"\n', encoding="utf-8")
    environment = {**stage.environment, "REDIS_URL": redis_url}
    done = subprocess.run(
        stage.command("poller"), cwd=Path(__file__).parents[2], env=environment, capture_output=True, timeout=60
    )
    stage.close()
    said = done.stderr.decode()
    assert done.returncode != 0 and "provinse" in said and "Traceback" not in said


@pytest.fixture
async def playing(tmp_path: Path, redis_url: str) -> AsyncIterator[Playing]:
    url = f"sqlite:///{tmp_path}/ioc.db"
    await asyncio.to_thread(migrate, url)
    redis, board, log, db = connect(redis_url), RedisBoard(redis_url), RedisLog(redis_url), open_db(url)
    quick = settings.Settings(settings.Province("Thử"), web=settings.Web(beat=0.1))
    yield Playing(quick, redis_url, redis, board, log, db, Epochs())
    for part in (board, log, db):
        await part.close()
    await redis.aclose()


async def test_a_role_begins_again_after_an_error_that_nobody_thought_of(
    playing: Playing, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fences: list[int] = []
    third = asyncio.Event()

    async def engine(stage: Playing, fence: int) -> None:
        fences.append(fence)
        if len(fences) == 3:
            third.set()
            await asyncio.Event().wait()
        raise KeyError("nobody thought of this")

    monkeypatch.setitem(roles.ENGINES, "health", engine)
    monkeypatch.setattr(roles, "BACK_OFF_S", 0.01)
    task = asyncio.create_task(roles.play(playing, "health"))
    await asyncio.wait_for(third.wait(), 60)
    assert fences == sorted(set(fences))
    assert "nobody thought of this" in caplog.text
    await until(lambda: playing.redis.get(names.beat_key("health")))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_who_does_not_hear_that_it_is_to_end_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "AGAIN_S", 0.05)
    heard = 0

    async def deaf() -> None:
        nonlocal heard
        while heard < 3:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                heard += 1

    async def role() -> None:
        async with asyncio.TaskGroup() as together:
            together.create_task(deaf())

    playing = asyncio.create_task(role())
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await ending.end([playing])
    assert heard == 3 and playing.done()


async def test_settings_that_no_engine_can_play_end_the_role(playing: Playing, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = msgspec.structs.replace(playing, settings=msgspec.structs.replace(playing.settings, layers=("no_such",)))
    with pytest.raises(BadConfig, match="no_such"):
        await asyncio.wait_for(roles.play(wrong, "projector"), 60)
    assert await playing.redis.get(names.lease_key("projector")) is None


async def test_a_source_that_never_answered_is_asked_and_shown(playing: Playing, unused_tcp_port: int) -> None:
    owed = Contract("Đội thử", cadence=30)
    options = {"event": "ioc.camera.observed", "url": f"http://127.0.0.1:{unused_tcp_port}/", "id": "id"}
    sources = {"cams": settings.Source("cams", "camera_registry", owed, {**options, "place": "optional"})}
    both = msgspec.structs.replace(playing, settings=msgspec.structs.replace(playing.settings, sources=sources))
    tasks = [asyncio.create_task(roles.play(both, role)) for role in ("poller", "health")]

    async def said() -> Any:
        found = await playing.board.snapshot(names.SOURCES)
        item = json.loads(found.items["cams"]) if found is not None and "cams" in found.items else {}
        return item.get("last_error") and item

    item = await until(said)
    assert item["state"] == "never" and "127.0.0.1" in item["last_error"]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_gaps_in_what_cameras_see_are_worked_out_beside_the_polling(playing: Playing) -> None:
    owed = Contract("Đội thử", cadence=30, every=0.1, method="computed")
    options = {"event": "ioc.gap.found", "communes": False, "places": True}
    sources = {"gaps": settings.Source("gaps", "camera_gaps", owed, options)}
    whole = msgspec.structs.replace(playing, settings=msgspec.structs.replace(playing.settings, sources=sources))
    told = {"state": "down", "place": "D1", "observed": "2026-03-10T12:00:00+07:00", "received": "2026-03-10T12:00:01Z"}
    camera = json.dumps({"type": "Feature", "id": "c", "geometry": None, "properties": told}).encode()
    await playing.board.reset(LAYER, {"c": camera})
    task = asyncio.create_task(roles.play(whole, "poller"))

    async def found() -> Any:
        return [one async for one in playing.log.kept() if one.event.type == "ioc.gap.found"]

    (entry,) = await until(found)
    assert entry.event.subject == "place/D1" and entry.event.data is not None
    assert entry.event.data.properties == {
        "kind": "place", "name": "D1", "cameras": 1, "live": 0, "since": "2026-03-10T12:00:00+07:00",
    }  # fmt: skip
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
