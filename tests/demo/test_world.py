"""The invented province: the same for the same seed, of the sizes that it says, and in motion."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ioc.demo import cameras, citizens, offices
from ioc.demo.cameras import Cameras
from ioc.demo.citizens import Citizens
from ioc.demo.offices import Vaccinations
from ioc.demo.world import OLDEST, PLANS, PROVINCES, World, open_world
from ioc.geo.units import Unit, Units

BEGAN = datetime(2026, 3, 10, 7, 0, tzinfo=UTC)
_SEEN = {"cameras", "reports", "doses", "changes"}


@cache
def _units() -> Units:
    return Units.load(PROVINCES["phu-yen"], Path())


@pytest.fixture
def world() -> World:
    return World(54, BEGAN, _units())


def _later(world: World, seconds: float) -> World:
    world.advance(BEGAN + timedelta(seconds=seconds))
    return world


def _picture(world: World) -> Any:
    """Everything that can be seen of a world."""
    return msgspec.to_builtins(
        [
            world.cameras.cameras,
            sorted(world.citizens.reports.values(), key=lambda report: report.id),
            world.dossiers.dossiers,
            [[day, code, *told] for (day, code), told in world.vaccinations.doses.items()],
        ]
    )


def test_268_cameras_stand_at_105_places(world: World) -> None:
    all_ = world.cameras.cameras
    assert len(all_) == len({camera.id for camera in all_}) == 268
    assert len({camera.place for camera in all_}) == 105
    assert len(world.cameras.of("city")) + len(world.cameras.of("police")) == 268
    assert Counter(camera.state for camera in all_) == {"live": 241, "down": 18, "frozen": 9}


def test_every_camera_stands_in_a_commune_around_tuy_hoa(world: World) -> None:
    places = [camera.lon_lat for camera in world.cameras.cameras]
    found = _units().find_many(places, BEGAN.date())
    assert None not in found
    assert found.count("22015") > 80


def test_dossiers_add_up_as_published(world: World) -> None:
    dossiers = world.dossiers.dossiers
    assert Counter(one.whole for one in dossiers) == {True: 9_056, False: 5_806}
    assert len(dossiers) == 14_862
    on_time = sum(one.on_time for one in dossiers)
    assert round(100 * on_time / len(dossiers), 1) == 94.2
    assert sum(uses for _, uses in world.dossiers.offices) == 190
    assert len(world.dossiers.offices) == 241


def test_two_communes_use_no_software_and_the_others_do(world: World) -> None:
    using = {code for code, uses in world.dossiers.offices if uses}
    assert {unit.code for unit in world.units} - using == set(offices.UNCONNECTED)


def test_reports_come_from_every_commune_and_some_are_overdue(world: World) -> None:
    reports = list(world.citizens.reports.values())
    waiting = [report for report in reports if report.open]
    assert {report.unit for report in waiting} == {unit.code for unit in world.units}
    assert 380 <= len(waiting) <= citizens.OPEN
    overdue = sum(report.due < BEGAN for report in waiting)
    assert 0.05 < overdue / len(waiting) < 0.13
    assert len(reports) - len(waiting) >= citizens.CLOSED
    assert all(report.updated <= BEGAN and report.filed <= BEGAN for report in reports)


def test_a_report_lies_in_the_commune_that_it_names(world: World) -> None:
    reports = list(world.citizens.reports.values())
    found = _units().find_many([(report.lon, report.lat) for report in reports], BEGAN.date())
    assert [report.unit for report in reports] == found


def test_everything_is_said_to_be_invented(world: World) -> None:
    assert all("dữ liệu mẫu" in report.text for report in world.citizens.reports.values())
    assert all("mẫu" in name for _, name, _, _ in _hospitals())


def _hospitals() -> Any:
    from ioc.demo.sheets import HOSPITALS

    return HOSPITALS


@settings(max_examples=15)
@given(st.lists(st.floats(1, 3_000), max_size=6))
def test_how_often_one_looks_changes_nothing(steps: list[float]) -> None:
    """Advanced in any steps, or at once: the same cameras, reports and doses."""
    people = [Unit("22015", "Phường Tuy Hòa", "Tuy Hoa Ward", 109.289, 13.0799, 33.77)]

    def made() -> list[Any]:
        return [Cameras(1, BEGAN), Citizens(1, BEGAN, people, lambda *_: "22015"), Vaccinations(1, BEGAN, people)]

    once, often = made(), made()
    end = BEGAN + timedelta(seconds=3_000)
    for step in sorted(steps):
        for happening in often:
            happening.advance(BEGAN + timedelta(seconds=step))
    for happening in once + often:
        happening.advance(end)
    for one, other in zip(once, often, strict=True):
        seen = [{name: vars(each)[name] for name in vars(each) if name in _SEEN} for each in (one, other)]
        assert seen[0] == seen[1]


def test_the_same_seed_gives_the_same_world_and_another_one_another() -> None:
    first, second, other = (_later(World(seed, BEGAN, _units()), 600) for seed in (54, 54, 55))
    assert _picture(first) == _picture(second)
    assert _picture(first) != _picture(other)


def test_it_moves_breaks_freezes_and_comes_back() -> None:
    found = Cameras(54, BEGAN)
    states = {camera.id: {camera.state} for camera in found.cameras}
    first = {camera.id: (camera.state, camera.east) for camera in found.cameras}
    came_back, moved = set(), set()
    for minute in range(60):
        found.advance(BEGAN + timedelta(minutes=minute))
        for camera in found.cameras:
            states[camera.id].add(camera.state)
            if first[camera.id][0] != "live" and camera.state == "live":
                came_back.add(camera.id)
            if camera.east != first[camera.id][1]:
                moved.add(camera.id)
    assert came_back
    assert moved
    assert {"live", "down"} in states.values()
    assert any("frozen" in known and "live" in known for known in states.values())


def test_the_number_of_broken_cameras_stays_about_the_same() -> None:
    """Over a day it neither runs away nor dries up."""
    found = Cameras(54, BEGAN)
    for hour in range(1, 25):
        found.advance(BEGAN + timedelta(hours=hour))
        counted = Counter(camera.state for camera in found.cameras)
        assert 3 <= counted["down"] <= 45
        assert 1 <= counted["frozen"] <= 30


def test_reports_stay_about_as_many_and_old_ones_are_forgotten() -> None:
    people = [Unit("22015", "Phường Tuy Hòa", "Tuy Hoa Ward", 109.289, 13.0799, 33.77)]
    found = Citizens(54, BEGAN, people, lambda *_: "22015")
    for hour in range(1, 25):
        now = BEGAN + timedelta(hours=hour)
        found.advance(now)
        waiting = sum(report.open for report in found.reports.values())
        assert 250 <= waiting <= 650
        assert all(report.open or report.updated >= now - citizens.KEEP for report in found.reports.values())
        assert all(report.open == (report.ends > now) for report in found.reports.values())


def test_a_frozen_camera_shows_one_picture_and_a_broken_one_none(world: World) -> None:
    by_state = {camera.state: camera.id for camera in world.cameras.cameras}
    one, later = BEGAN, BEGAN + timedelta(seconds=30)
    pictures = {state: [world.cameras.picture(id, at) for at in (one, later)] for state, id in by_state.items()}
    assert pictures["down"] == [None, None]
    assert pictures["frozen"][0] == pictures["frozen"][1] is not None
    assert pictures["live"][0] != pictures["live"][1]
    assert world.cameras.picture("TH-999", one) is None
    assert cameras.jpeg("TH-001", 1) != cameras.jpeg("TH-001", 2)
    assert cameras.jpeg("TH-001", 1)[:2] == b"\xff\xd8"


def test_a_camera_that_is_held_stays_frozen_whatever_happens(world: World) -> None:
    world.cameras.hold("TH-200", BEGAN)
    held = world.cameras.picture("TH-200", BEGAN)
    later = BEGAN + timedelta(days=1)
    world.advance(later)
    assert world.cameras.picture("TH-200", later) == held is not None
    world.cameras.let_go("TH-200", later)
    assert world.cameras.picture("TH-200", later) == int(later.timestamp())
    with pytest.raises(KeyError):
        world.cameras.let_go("TH-200", later)


def test_the_databases_hold_what_the_world_holds(world: World, tmp_path: Path) -> None:
    files = {"dossiers": tmp_path / "dossiers.db", "vaccinations": tmp_path / "health.db"}
    world.dossiers.write(files["dossiers"])
    world.vaccinations.write(files["vaccinations"])
    before = _asked(files["vaccinations"], "SELECT ngay, xa, mui FROM tiem_chung ORDER BY ngay, xa")
    _later(world, 900)
    world.dossiers.flush(files["dossiers"])
    world.vaccinations.flush(files["vaccinations"])
    late = sum(not one.on_time for one in world.dossiers.dossiers)
    assert _asked(files["dossiers"], "SELECT COUNT(*), SUM(1 - dung_han) FROM ho_so") == [(14_862, late)]
    after = _asked(files["vaccinations"], "SELECT ngay, xa, mui FROM tiem_chung ORDER BY ngay, xa")
    days = {(day.isoformat(), code): doses for (day, code), (doses, _) in world.vaccinations.doses.items()}
    assert {(day, code): doses for day, code, doses in after} == days
    today = "2026-03-10"
    assert {row[:2] for row in set(after) - set(before) if row[0] < today}, "no day that is over was revised"
    assert {row[:2] for row in set(after) - set(before) if row[0] == today}, "today did not grow"


def _asked(file: Path, statement: str) -> list[Any]:
    with closing(sqlite3.connect(file)) as base:
        return base.execute(statement).fetchall()


def test_the_documents_are_of_252_bodies(tmp_path: Path) -> None:
    offices.write_documents(tmp_path / "documents.db", 54, BEGAN, _units().all())
    assert _asked(tmp_path / "documents.db", "SELECT COUNT(*), SUM(gui = ky_so AND gui = dien_tu) FROM don_vi") == [
        (252, 252)
    ]


def test_a_world_that_was_killed_goes_on_where_it_would_be(tmp_path: Path) -> None:
    first = open_world(tmp_path, 54, BEGAN)
    _later(first, 400)
    again = open_world(tmp_path, 54, BEGAN + timedelta(seconds=400))
    assert again.began == BEGAN
    assert _picture(again) == _picture(first)


@pytest.mark.parametrize("change", ["seed", "age", "torn"])
def test_an_old_or_another_world_is_not_taken_up(tmp_path: Path, change: str) -> None:
    open_world(tmp_path, 54, BEGAN)
    if change == "torn":
        (tmp_path / "world.json").write_text("{")
    now = BEGAN + (OLDEST if change == "age" else timedelta(seconds=5))
    assert open_world(tmp_path, 55 if change == "seed" else 54, now).began == now


def test_tay_ninh_has_its_own_cameras_ways_and_shops() -> None:
    units = Units.load(PROVINCES["tay-ninh"], Path())
    assert len(units.all()) == 36
    world = World(72, BEGAN, units, PLANS["tay-ninh"])
    day = BEGAN.date()
    assert (len(world.cameras.of("city")), len(world.cameras.of("police"))) == (120, 0)
    assert len({camera.place for camera in world.cameras.cameras}) == 48
    # one town and no other commune has cameras
    homes = {units.find(*camera.lon_lat, day) for camera in world.cameras.cameras}
    assert None not in homes and len(homes) <= 2
    _later(world, 600)
    assert {way: bool(world.citizens.of(way)) for way in ("1022", "app", "web")} == dict.fromkeys(
        ("1022", "app", "web"), True
    )
    assert all(report.id.startswith("TN-") for report in world.citizens.reports.values())
    assert (len(world.dossiers.offices), sum(uses for _, uses in world.dossiers.offices)) == (94, 71)


def test_the_table_that_others_read_lags_behind_the_office_s_own_book(tmp_path: Path) -> None:
    units = Units.load(PROVINCES["tay-ninh"], Path())
    made = Vaccinations(72, BEGAN, units.all(), timedelta(hours=26))
    made.write(tmp_path / "health.db")
    made.advance(BEGAN + timedelta(minutes=5))
    made.flush(tmp_path / "health.db")
    with closing(sqlite3.connect(tmp_path / "health.db")) as base:
        (table,) = base.execute("SELECT max(cap_nhat) FROM tiem_chung").fetchone()
        (book,) = base.execute("SELECT cap_nhat FROM so_goc").fetchone()
    assert datetime.fromisoformat(book) - datetime.fromisoformat(table) == timedelta(hours=26)
