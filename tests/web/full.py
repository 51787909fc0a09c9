"""A whole centre behind a real server, with something in every answer: Redis, SQLite, and what the engines write."""

from __future__ import annotations

import asyncio
import hashlib
import io
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import httpx2
import msgspec
import pytest
from PIL import Image
from starlette.applications import Starlette

from ioc import catalog, clock, intake, names, reminders
from ioc import settings as settings_of
from ioc.adapter import Reading
from ioc.board.memory import MemoryBoard
from ioc.board.redis import RedisBoard
from ioc.contract import Contract
from ioc.db import archive
from ioc.db import reminders as book
from ioc.db.session import Database, migrate
from ioc.db.tables import ReminderRow
from ioc.errors import BadRecord
from ioc.log.redis import RedisLog
from ioc.mailing import Reminders
from ioc.report_rules import KEY, Limits, Open311
from ioc.reports import people
from ioc.run.archive import Noting
from ioc.run.health import Health
from ioc.run.projector import Projector
from ioc.settings import Settings, Source
from ioc.walls import Told, Wall
from ioc.web import access, wall
from ioc.web.app import over
from tests.house import Archive
from tests.sheets_of_agencies import DUE, OPTIONS, OWNER, REPORTERS, filled

from .apart import WAYS, Apart, apart

FREE = "1000000/minute"
DEMO = Path(settings_of.__file__).parent / "demo" / "ioc.toml"
PAGES = ("wall.html", "tablet.html", "report.html", "ops.html", "report-sw.js", "report.webmanifest")


class Full(NamedTuple):
    """`keys`: by who; None: nobody."""

    server: Apart
    keys: dict[str, str | None]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def headers(self, who: str) -> dict[str, str]:
        key = self.keys[who]
        return {"Authorization": f"Bearer {key}"} if key is not None else {}


def settings(folder: Path) -> Settings:
    """The demo's, closed to everybody, with no bounds on how often one may come, and a source for each way to send."""
    told = settings_of.load(DEMO)
    assert told.reports is not None
    reports = msgspec.structs.replace(
        told.reports, limits=Limits(FREE, FREE, FREE), photos=str(folder / "photos"), open311=Open311(per_key=FREE)
    )
    shut = msgspec.structs.replace(told.access, public=())
    rain = {"event": "ioc.indicator.measured", "id": "station", "sender_id": "message", "time": "at"}
    sources = {
        **told.sources,
        "rain": Source("rain", "push", Contract("Sở Nông nghiệp", cadence=600), rain),
        "jobs": Source("jobs", "bridge", Contract(OWNER, due=DUE, reporters=REPORTERS, method="typed"), OPTIONS),
    }
    # the map is not looked into: any bytes are one
    (folder / "map.pmtiles").write_bytes(bytes(100))
    web = msgspec.structs.replace(told.web, basemap="map.pmtiles")
    return msgspec.structs.replace(
        told, web=web, reports=reports, access=shut, sources=sources, file=str(folder / "ioc.toml")
    )


@contextmanager
def full(redis_url: str, folder: Path, *, built: bool = False, words: str = "Vỡ ống") -> Iterator[Full]:
    """Run it until the block ends. `built`: with the pages as they were built. `words`: of what others reported."""
    (folder / "ioc.toml").write_bytes(DEMO.read_bytes())
    told, url, pages = settings(folder), f"sqlite:///{folder / 'ioc.db'}", folder / "pages"
    migrate(url)
    pages.mkdir()
    for name in PAGES:
        (pages / name).write_text("<!doctype html>", encoding="utf-8")

    def app() -> Starlette:
        made = over(told, redis_url, url)
        if not built:
            made.state.assets = wall.Assets(pages)
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEY, people.new_key())
        with apart(WAYS["direct-uvloop"], MemoryBoard(), made=app) as server:
            made = Full(server, {"nobody": None})
            asyncio.run_coroutine_threadsafe(_seeded(made, told, redis_url, words), server.loop).result(60)
            yield made


async def _seeded(made: Full, told: Settings, redis_url: str, words: str) -> None:
    db: Database = made.server.app.state.door.db
    for who, role in (("operator", "operator"), ("admin", "admin"), ("app", "push:open311")):
        made.keys[who] = await access.add_key(db, name=who, role=role)
    # who guesses keys must wait, and here every address is tried with a wrong one
    made.server.hub.access.tries = access.Tries(limit=1_000_000)
    await _engines(told, redis_url, db, words)
    await made.server.hub.access.reread()
    await made.server.present(names.SOURCES, names.layer_channel("reports"), names.tile_channel("reports_open"))


async def _engines(told: Settings, redis_url: str, db: Database, words: str) -> None:
    """What poller, projector, archive, health and reminders would have written by now."""
    log, board, now = RedisLog(redis_url), RedisBoard(redis_url), clock.now()
    layers = {one: catalog.tiles(one.name) for one in catalog.layers(told.layers)}
    tiles = [tile.name for found in layers.values() for tile in found]
    try:
        await _told(log, told, words)
        projector = Projector(layers, board, log, Archive(), told, fence=1)
        await projector.open()
        for group in ("projector", "archive"):
            async for batch in log.read(group):
                if batch is None:
                    break
                await (projector.work(batch) if group == "projector" else archive.store(db, batch.entries))
        await projector.tick(force=True)
        row = _reminder()
        await book.make(db, [row])
        made = await book.made(db, now - timedelta(days=1))
        reminding: Any = SimpleNamespace(
            saw=lambda _seen: None, items=reminders.standing(made, [row.agency], Reminders(), now)
        )

        async def walls() -> list[Told]:
            return [Told(now, [Wall("w1", "overview", "Sảnh", now)])]

        health = Health(told, board, log, tiles=lambda: tiles, read_walls=walls, reminding=reminding, fence=1)
        await health.open()
        await health.look(now)
        await Noting(board, db, lambda: tiles).note(now)
    finally:
        await log.close()
        await board.close()


async def _told(log: RedisLog, told: Settings, words: str) -> None:
    """One report that was read, and one record that could not be."""
    now, source = clock.now(), told.sources["reports_1022"]
    about = {"status": "open", "service_code": "water", "service": words, "description": words, "address": words}
    readings: list[Reading | BadRecord] = [
        Reading("r1", about, now, geometry={"type": "Point", "coordinates": [109.3, 13.09]}, unit="22015"),
        BadRecord("The record tells no time; ask its owner.", reason="no time", raw={"a": 1}, subject="r2"),
    ]
    weighed = intake.terms(source.contract, catalog.open_adapter(source).config, None)
    await intake.take(log, source.name, readings, weighed=weighed)


def _reminder() -> ReminderRow:
    """One that failed, so that it may go out again."""
    return ReminderRow(
        id="rem1", duty="beds/2026-03-10", step=1, way="mail", agency="Sở Y tế", source="beds", period="2026-03-10",
        due=clock.now(), missing=["bv1"], recipients=["vp@soyte.vn"], subject="Nhắc", text="Nhắc", number=1,
        created=clock.now(), state="failed", error="The mail server did not answer.",
    )  # fmt: skip


class Desk:
    """Files what a test needs, as citizens and the desk do."""

    def __init__(self, centre: Full) -> None:
        self.centre = centre
        self.http = httpx2.Client(base_url=centre.url, timeout=30)
        self._made: dict[str, dict[str, Any]] = {}

    def once(self, name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What is made the first time that it is asked for."""
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    def file(self, **more: Any) -> dict[str, Any]:
        """A new report, as its citizen knows it."""
        return self._ok(self.http.post("/api/reports", json=reporting(**more)))

    def step(self, report: str, step: str, **more: Any) -> None:
        mine = self.centre.headers("admin")
        whole = self._ok(self.http.get(f"/api/desk/reports/{report}", headers=mine))
        told = {"step": step, "version": whole["version"], **more}
        self._ok(self.http.post(f"/api/desk/reports/{report}/steps", json=told, headers=mine))

    def done(self) -> dict[str, Any]:
        """A report that was seen to."""
        filed = self.file()
        for step, more in (("verify", {}), ("accept", {}), ("finish", {"text": "Đã thay ống."})):
            self.step(filed["id"], step, **more)
        return filed

    def photo(self, report: str) -> str:
        """The path of a photo that is kept."""
        answer = self.http.post(
            f"/api/desk/reports/{report}/photos", content=picture(), headers=self.centre.headers("admin")
        )
        return str(self._ok(answer)["url"])

    @staticmethod
    def _ok(answer: httpx2.Response) -> dict[str, Any]:
        assert answer.status_code in (200, 201), answer.text
        told: dict[str, Any] = answer.json()
        return told


def reporting(**more: Any) -> dict[str, Any]:
    """The body of POST /api/reports."""
    body = {"client": str(uuid.uuid4()), "category": "water", "words": "Vỡ ống nước", "lon": 109.3, "lat": 13.09}
    return {**body, **more}


def picture() -> bytes:
    told = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(told, "JPEG")
    return told.getvalue()


def sheet() -> bytes:
    """A sheet of the bridge that is filled in well."""
    return filled()


def planned() -> dict[str, Any]:
    """A photo that is said to follow."""
    body = picture()
    return {"hash": hashlib.sha256(body).hexdigest(), "kind": "photo", "bytes": len(body), "type": "image/jpeg"}
