"""The demo's sources speak the real forms: each is asked by the adapter that the demo's settings name for it."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from click.testing import CliRunner

from ioc import catalog, clock, include
from ioc.adapter import Reading
from ioc.cli import main
from ioc.demo import run, sheets, sources
from ioc.demo.cameras import jpeg
from ioc.demo.communes import LIST
from ioc.demo.sources import Desk, Offices
from ioc.demo.systems.sector_software import SECTORS
from ioc.demo.tay_ninh import GATES
from ioc.demo.world import PLANS, PROVINCES, World
from ioc.errors import SourceDown
from ioc.geo.units import Units
from ioc.lint import lint
from ioc.ports import free
from ioc.settings import Settings, load

TEMPLATE = run.TEMPLATE


class Running:
    """The sources as they run, and the demo's settings as they then are."""

    def __init__(self, desk: Desk, folder: Path, base: str) -> None:
        self.desk, self.folder, self.base = desk, folder, base
        for path in include.gather(TEMPLATE).files:
            text = path.read_text(encoding="utf-8").replace(f"http://127.0.0.1:{sources.PORT}", base)
            there = folder / path.relative_to(TEMPLATE.parent)
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_text(text.replace(run.WRITTEN_FOLDER, folder.as_posix()), encoding="utf-8")
        (folder / LIST.relative_to(TEMPLATE.parent)).write_bytes(LIST.read_bytes())
        self.settings: Settings = load(folder / "ioc.toml")

    async def readings(self, name: str, aside: dict[str, int] | None = None) -> list[Reading]:
        """What one asking of the source gives, by its real adapter; `aside`: reasons of what is set aside."""
        adapter = catalog.open_adapter(self.settings.sources[name])
        try:
            results = [one async for answer in adapter.ask(None) for one in adapter.parse(answer)]
        finally:
            await adapter.close()
        assert Counter(result.reason for result in results if not isinstance(result, Reading)) == (aside or {})
        return [result for result in results if isinstance(result, Reading)]


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Running]:
    world = World(54, clock.now(), Units.load(PROVINCES["phu-yen"], folder))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        base = f"http://127.0.0.1:{port}"
        others = run.written_ports("phu-yen")[1:]
        desk = Desk(world, folder, {sources.PORT: port} | dict(zip(others, free(len(others)), strict=True)))
        server = uvicorn.Server(uvicorn.Config(desk.app(), log_level="warning", access_log=False))
        task = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:
            await asyncio.sleep(0.01)
            assert not task.done()
        try:
            yield Running(desk, folder, base)
        finally:
            server.should_exit = True
            await task


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    async with serving(tmp_path) as found:
        yield found


def test_the_settings_are_in_order() -> None:
    assert [str(found) for found in lint(TEMPLATE)] == []
    settings = load(TEMPLATE)
    assert settings.province.demo
    assert {source.contract.method for source in settings.sources.values()} == {"machine", "typed", "computed"}
    text = "".join(path.read_text(encoding="utf-8") for path in include.gather(TEMPLATE).files)
    assert f"http://127.0.0.1:{sources.PORT}/" in text
    assert run.WRITTEN_FOLDER in text


def test_the_settings_of_tay_ninh_are_in_order_and_told_where_its_sources_are(tmp_path: Path) -> None:
    written = run.PROVINCES["tay-ninh"]
    assert [str(found) for found in lint(written)] == []
    text = written.read_text(encoding="utf-8")
    first, *others = run.written_ports("tay-ninh")
    assert first == sources.PORT and others[: len(GATES)] == [*GATES]
    assert run.WRITTEN_FOLDER in text
    run.settings("tay-ninh", tmp_path, {8101: 1111, 8102: 2222, 8103: 3333} | {port: port for port in others[2:]})
    assert [str(found) for found in lint(tmp_path / "ioc.toml")] == []
    told = load(tmp_path / "ioc.toml")
    assert told.province.demo and told.province.name == PROVINCES["tay-ninh"].name
    assert told.sources["transport"].options["tally"]["url"].startswith("http://127.0.0.1:3333/")
    assert told.screens == tmp_path / "screens"
    own = {path.name for path in (run.HERE / "screens" / "tay-ninh").glob("*.toml")}
    assert {path.name for path in told.screens.glob("*.toml")} == own | {run.COMMON}
    assert {source.sector for source in told.sources.values()} - {None} == told.sectors.keys()


def test_every_demo_province_can_be_named_and_has_its_world() -> None:
    assert run.PROVINCES.keys() == PROVINCES.keys() == PLANS.keys()
    told = CliRunner().invoke(main, ["demo", "--help"]).output
    readme = (Path(run.__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
    assert all(name in told and f"`{name}`" in readme for name in PROVINCES)


async def test_each_source_of_the_demo_says_how_much_it_holds(running: Running) -> None:
    running.desk.world.cameras._due += timedelta(days=1)
    told = {}
    for name, source in running.settings.sources.items():
        if name == "labour":  # it was never connected
            continue
        adapter = catalog.open_adapter(source)
        if adapter.tallies:
            told[name] = await adapter.tally()
    newest = {name for name, tally in told.items() if tally is not None and tally.newest is not None}
    assert newest == told.keys() == {
        "cameras_city", "cameras_police", "reports_1022", "reports_app", "dossiers", "documents", "vaccinations",
        "one_stop", *(f"{sector}_software" for sector in SECTORS),
    }  # fmt: skip
    counts = {name: tally.count for name, tally in told.items() if tally is not None and tally.count is not None}
    assert {name: counts[name] for name in ("cameras_city", "cameras_police", "dossiers", "documents")} == {
        "cameras_city": 190, "cameras_police": 80, "dossiers": 34, "documents": 34,
    }  # fmt: skip


async def test_both_registries_give_268_cameras_in_their_communes(running: Running) -> None:
    """One keeps VN-2000 and the other WGS84; both lie in the same town, to the metre where the world put them."""
    running.desk.world.cameras._due += timedelta(days=1)  # nothing breaks while they are looked at
    broken = {camera.id for camera in running.desk.world.cameras.cameras if camera.state == "down"}
    city = await running.readings("cameras_city", {"no_place": 1, "swapped_place": 1})
    police = await running.readings("cameras_police")
    assert (len(city), len(police)) == (188, 80)
    spots = {camera.id: camera.lon_lat for camera in running.desk.world.cameras.cameras}
    for reading in city + police:
        assert reading.geometry is not None
        lon, lat = reading.geometry["coordinates"]
        assert (lon, lat) == pytest.approx(spots[reading.subject], abs=1e-5)
    assert len({reading.properties["place"] for reading in city + police}) == 105
    unseen = {reading.subject for reading in city + police if reading.properties["state"] != "live"}
    assert unseen == broken


async def test_a_registry_that_did_not_change_says_so(running: Running) -> None:
    async with httpx2.AsyncClient(base_url=running.base) as http:
        for path in ("/so-camera/camera.json", "/cong-an/camera.geojson"):
            tag = (await http.get(path)).headers["etag"]
            assert (await http.get(path, headers={"If-None-Match": tag})).status_code == 304
            assert (await http.get(path, headers={"If-None-Match": '"other"'})).status_code == 200


async def test_pictures_are_of_live_frozen_and_broken_cameras(running: Running) -> None:
    by_state = {camera.state: camera.id for camera in running.desk.world.cameras.cameras}
    async with httpx2.AsyncClient(base_url=running.base) as http:
        frozen = [(await http.get(f"/anh/{by_state['frozen']}.jpg")).content for _ in "ab"]
        assert frozen[0] == frozen[1]
        assert (await http.get(f"/anh/{by_state['live']}.jpg")).headers["content-type"] == "image/jpeg"
        assert (await http.get(f"/anh/{by_state['down']}.jpg")).status_code == 504


async def test_reports_come_in_both_forms_and_all_pages(running: Running) -> None:
    world = running.desk.world
    exchanged = {report.id: report.way for report in world.citizens.reports.values() if report.exchanged}
    aside = Counter(exchanged.values())
    # another may come while one asks
    told = set(world.citizens.reports) - set(exchanged)
    by_call = await running.readings("reports_1022", {"swapped_place": aside["1022"]})
    by_app = await running.readings("reports_app", {"swapped_place": aside["app"]})
    assert {reading.subject for reading in by_call + by_app} >= told
    assert len(by_call) > 200, "more than one page"
    assert {reading.properties["status"] for reading in by_app} == {"open", "closed"}
    assert all(reading.properties["expected"] and reading.geometry for reading in by_call + by_app)


async def test_georeport_gives_what_was_updated_and_refuses_what_it_cannot_do(running: Running) -> None:
    middle = datetime.now(UTC) - timedelta(minutes=30)
    async with httpx2.AsyncClient(base_url=f"{running.base}/1022/open311/v2") as http:
        params = {"updated_after": middle.strftime("%Y-%m-%dT%H:%M:%SZ"), "page_size": "500"}
        some = (await http.get("/requests.json", params=params)).json()
        assert some
        assert all(datetime.fromisoformat(row["updated_datetime"]) >= middle.replace(microsecond=0) for row in some)
        for wrong in ({"page": "0"}, {"page_size": "9999"}, {"updated_after": "soon"}, {"page": "x"}):
            answer = await http.get("/requests.json", params=wrong)
            assert answer.status_code == 400
            assert answer.json()[0]["code"] == 400
            assert b"<errors><error><code>400</code>" in (await http.get("/requests.xml", params=wrong)).content
        assert (await http.get("/requests.csv")).status_code == 404


async def test_dossiers_add_up_by_commune(running: Running) -> None:
    found = [reading.properties for reading in await running.readings("dossiers")]
    assert len(found) == 34
    assert (sum(row["have"] for row in found), sum(row["expect"] for row in found)) == (190, 241)
    parts = [sum(row[name] or 0 for row in found) for name in ("partly_online", "wholly_online", "denominator")]
    assert parts == [5_806, 9_056, 14_862]
    assert sum(row["numerator"] is None for row in found) == 2


async def test_documents_are_all_signed(running: Running) -> None:
    found = [reading.properties for reading in await running.readings("documents")]
    assert sum(row["have"] for row in found) == 252
    assert sum(row["numerator"] for row in found) == sum(row["denominator"] for row in found) > 0


async def test_vaccinations_have_a_day_and_a_commune(running: Running) -> None:
    found = await running.readings("vaccinations")
    assert len({reading.subject for reading in found}) == 31 * 34
    today = clock.now().astimezone(clock.ZONE).date().isoformat()
    over = [reading for reading in found if reading.properties["period"] < today]
    assert all(reading.time and reading.time.time().isoformat() == "23:59:59" for reading in over)


async def test_typed_tables_are_read(running: Running) -> None:
    beds = await running.readings("beds")
    assert sum(reading.properties["value"] for reading in beds) == 312
    assert len(beds) == len(sheets.HOSPITALS) - len(sheets.SILENT) == 7
    assert len(await running.readings("attendance")) == 31
    budget = {reading.properties["indicator"]: reading.properties for reading in await running.readings("budget")}
    assert budget["budget_revenue"]["value"] == 2_914_532.5
    assert budget["budget_revenue"]["target"] == 3_850_000


def test_the_budget_only_grows() -> None:
    began = datetime(2026, 3, 10, 7, 0, tzinfo=UTC)
    rows = [sheets.budget(turn, 54, began).decode().splitlines()[1:] for turn in range(6)]
    for row in (0, 1):
        done = [float(turn[row].split(";")[4].replace(".", "").replace(",", ".")) for turn in rows]
        assert done == sorted(set(done))


async def test_certificates_do_not_add_up_to_what_was_announced(running: Running) -> None:
    found = [reading.properties for reading in await running.readings("certificates")]
    counted = [row["value"] for row in found if not row["published"]]
    assert sorted(counted) == [487, 905]
    assert sum(counted) == 1_392
    assert [row["value"] for row in found if row["published"]] == [1_500]


async def test_labour_was_never_connected(running: Running) -> None:
    from ioc.errors import SourceDown

    with pytest.raises(SourceDown, match=r"labour\.db can't be opened"):
        await running.readings("labour")


@pytest.fixture
def kept(tmp_path: Path) -> Any:
    world = World(54, datetime(2026, 3, 10, 7, 0, tzinfo=UTC), Units.load(PROVINCES["phu-yen"], tmp_path))
    found = Offices(world, tmp_path)
    found.open()
    yield found
    found.close()


def _at(kept: Offices, seconds: float) -> None:
    kept.world.advance(kept.world.began + timedelta(seconds=seconds))
    kept.keep()


def _locked(kept: Offices) -> bool:
    try:
        with sqlite3.connect(kept.folder / "dossiers.db", timeout=0) as base:
            base.execute("SELECT COUNT(*) FROM ho_so")
    except sqlite3.OperationalError:
        return True
    finally:
        base.close()
    return False


def test_the_dossiers_are_locked_for_a_while_and_come_back(kept: Offices) -> None:
    _at(kept, 10)
    assert not _locked(kept)
    _at(kept, sources.BACKUP_EVERY_S - 1)
    assert _locked(kept)
    _at(kept, sources.BACKUP_EVERY_S + 1)
    assert not _locked(kept)
    assert not kept.world.dossiers.touched, "what moved during the backup is written after it"


def test_the_document_axis_falls_silent_for_good(kept: Offices) -> None:
    _at(kept, sources.DOCUMENTS_S - 1)
    assert (kept.folder / "documents.db").exists()
    _at(kept, sources.DOCUMENTS_S)
    assert not (kept.folder / "documents.db").exists()
    again = Offices(kept.world, kept.folder)
    again.open()
    assert not (kept.folder / "documents.db").exists()


def test_tables_are_dropped_once_a_day_and_the_hospitals_forget_one(kept: Offices) -> None:
    for day in range(5):
        for second in (1, 50):
            _at(kept, day * sources.DAY_S + second)
    dropped = {name: sorted(file.name for file in (kept.folder / name).iterdir()) for name in ("beds", "attendance")}
    assert dropped["beds"] == [f"giuong-{day:05d}.xlsx" for day in (0, 1, 2, 4)]
    assert dropped["attendance"] == ["truong-hoc.xlsx"]


def test_a_table_that_was_taken_is_not_dropped_again(kept: Offices) -> None:
    _at(kept, 1)
    taken = kept.folder / "beds" / "giuong-00000.xlsx"
    (kept.folder / "beds" / "done").mkdir()
    taken.rename(kept.folder / "beds" / "done" / taken.name)
    Offices(kept.world, kept.folder).keep()
    assert not taken.exists()


async def test_a_source_can_be_told_to_fall_silent_and_to_speak_again(running: Running) -> None:
    async with httpx2.AsyncClient(base_url=running.base) as http:
        assert (await http.post("/_mute/cong-an")).status_code == 204
        with pytest.raises(SourceDown):
            await running.readings("cameras_police")
        assert (await http.get("/so-camera/camera.json")).status_code == 200
        assert (await http.post("/_speak/cong-an")).status_code == 204
    assert await running.readings("cameras_police")


async def test_a_camera_can_be_told_to_freeze_and_to_thaw(running: Running) -> None:
    cameras = running.desk.world.cameras
    async with httpx2.AsyncClient(base_url=running.base) as http:
        assert (await http.post("/_freeze/TH-999")).status_code == 404
        assert (await http.post("/_freeze/TH-001")).status_code == 204
        cameras._by_id["TH-001"].since -= timedelta(days=1)
        pictures = {(await http.get("/anh/TH-001.jpg")).content for _ in range(3)}
        assert pictures == {jpeg("TH-001", int(cameras._by_id["TH-001"].since.timestamp()))}
        assert len((await http.get("/_freeze/TH-001")).json()["given"]) == 3
        assert (await http.post("/_thaw/TH-001")).status_code == 204
        assert (await http.get("/anh/TH-001.jpg")).content not in pictures
        assert (await http.post("/_thaw/TH-001")).status_code == 404
        assert (await http.get("/_freeze/TH-001")).status_code == 404
