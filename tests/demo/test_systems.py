"""The demo's simulated systems: a province runs those that its plan names, and each can be broken and mended."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from ioc import catalog, clock, include
from ioc.demo import SYSTEMS_KEY, run, systems
from ioc.demo.sources import desk_of
from ioc.demo.systems import System
from ioc.demo.world import PLANS, PROVINCES, World
from ioc.geo.units import Units
from ioc.lint import lint
from ioc.ports import free
from ioc.settings import load


class Bell(System):
    """A system of a test: it says how often it was kept."""

    breaks: ClassVar = {"cracked": "It sounds wrong."}
    kept = 0

    def routes(self) -> list[Route]:
        return [Route("/sound", self.sound)]

    async def begin(self) -> None:
        (self.folder / "bell.txt").write_text(str(self.ports[8104]), encoding="utf-8")

    async def keep(self) -> None:
        self.kept += 1

    async def sound(self, _request: Request) -> Response:
        return PlainTextResponse("clack" if "cracked" in self.broken else f"ding {self.kept}")


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    module = ModuleType("ioc.demo.systems.bell")
    Bell.__module__ = module.__name__
    module.__dict__["Bell"] = Bell
    monkeypatch.setitem(sys.modules, module.__name__, module)
    plan = msgspec.structs.replace(PLANS["nghe-an"], systems=("bell",))
    world = World(1, clock.now(), Units.load(PROVINCES["nghe-an"], tmp_path), plan)
    with TestClient(desk_of("nghe-an", world, tmp_path, {8101: 8101, 8104: 4444}).app()) as made:
        yield made


def test_a_system_is_served_below_its_name_kept_and_broken_in_its_ways(client: TestClient, tmp_path: Path) -> None:
    assert (tmp_path / "bell" / "bell.txt").read_text(encoding="utf-8") == "4444"
    assert client.get("/bell/sound").text.startswith("ding ")
    assert int(client.get("/bell/sound").text.split()[1]) > 0
    told: Any = {"bell": {"breaks": {"cracked": "It sounds wrong."}, "shows": {}, "broken": []}}
    assert client.get("/_systems").json() == told
    told["bell"]["broken"] = ["cracked"]
    assert client.post("/_systems/bell/cracked").json() == told
    assert client.get("/bell/sound").text == "clack"
    client.post("/_systems/bell/mend")
    assert client.get("/bell/sound").text.startswith("ding ")
    for wrong in ("/_systems/bell/stolen", "/_systems/drum/mend"):
        answer = client.post(wrong)
        assert (answer.status_code, answer.json()["say"]) == (404, "Write one of /_systems/…: bell/cracked, bell/mend.")


@pytest.mark.parametrize("province", run.PROVINCES)
def test_a_province_runs_the_systems_whose_parts_it_includes(province: str) -> None:
    parts = {path.stem for path in include.gather(run.PROVINCES[province]).parts}
    there = {path.stem for path in Path(systems.__file__).parent.glob("*.py")} - {"__init__"}
    assert set(PLANS[province].systems) == parts & there
    assert PLANS[province].province == province


@pytest.mark.parametrize("province", run.PROVINCES)
def test_the_settings_of_each_province_are_in_order_as_written_and_as_they_run(province: str, tmp_path: Path) -> None:
    assert [str(found) for found in lint(run.PROVINCES[province])] == []
    [port] = free()
    ports = {written: port + n for n, written in enumerate(run.written_ports(province))}
    run.settings(province, tmp_path, ports)
    assert [str(found) for found in lint(tmp_path / "ioc.toml")] == []
    told = load(tmp_path / "ioc.toml", {SYSTEMS_KEY: "as-the-demo-sets-it"})
    assert told.province.name == PROVINCES[province].name and told.province.demo
    for path in include.gather(tmp_path / "ioc.toml").files:
        text = path.read_text(encoding="utf-8")
        assert not run.WRITTEN_PORT.findall(text.replace(str(port), "")) and run.WRITTEN_FOLDER not in text


@pytest.mark.parametrize("province", run.PROVINCES)
def test_how_a_break_shows_is_a_word_of_shown_or_a_tile_of_the_province(province: str) -> None:
    told = load(run.PROVINCES[province], {SYSTEMS_KEY: "as-the-demo-sets-it"})
    tiles = {tile.name for found in catalog.shown(told).values() for tile in found}
    for name in PLANS[province].systems:
        kind = systems.system(name)
        assert kind.shows.keys() <= kind.breaks.keys(), name
        there = {kind.shows[way] for way in _ways(kind, province) if way in kind.shows}
        assert there <= {*systems.SHOWN, *tiles}, name


@pytest.mark.parametrize("province", run.PROVINCES)
def test_a_source_that_is_said_to_stand_still_owes_changes(province: str) -> None:
    told = load(run.PROVINCES[province], {SYSTEMS_KEY: "as-the-demo-sets-it"})
    for name in PLANS[province].systems:
        kind = systems.system(name)
        if kind.shows.get("frozen") == "source" and "frozen" in _ways(kind, province):
            part = tomllib.loads((run.HERE / "modules" / province / f"{name}.toml").read_text(encoding="utf-8"))
            owes = [told.sources[source].contract for source in part["sources"]]
            assert any(one.still or one.same for one in owes), f"nobody would say that {name} is frozen"


def _ways(kind: type[System], province: str) -> set[str]:
    world = World(1, clock.now(), Units.load(PROVINCES[province], Path()), PLANS[province])
    ports = dict.fromkeys(run.written_ports(province), 1)
    return set(kind(kind.__module__.rpartition(".")[2], world, Path(), ports).ways())
