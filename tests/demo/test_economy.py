"""The socio-economic book of Quảng Nam and the digital economy of Nghệ An: read as it is dropped, then broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from ioc import catalog, clock
from ioc.adapter import Answer, Reading
from ioc.demo import SYSTEMS_KEY
from ioc.demo.run import PROVINCES
from ioc.demo.systems.economy import CUSTOMS, DOMESTIC, PLANNED_REVENUE, SILENT, Economy
from ioc.demo.world import PLANS, World
from ioc.demo.world import PROVINCES as WORLDS
from ioc.geo.units import Units
from ioc.settings import load
from tests.demo.held import refused
from tests.demo.staged import served

pytestmark = pytest.mark.usefixtures("still")


async def test_the_book_as_it_is_dropped(tmp_path: Path) -> None:
    async with served("quang-nam", "economy", tmp_path) as stage:
        taken = await stage.ask("economy")
        units = len(stage.world.units)
        totals = [one for one in taken if "published" in one.properties]
        assert stage.asides == [] and len(taken) == 6 + 2 * (units + 3) and len(totals) == 7
        revenue = stage.figure("state_revenue")
        assert (revenue.value, revenue.target) == (round(DOMESTIC + CUSTOMS, 1), PLANNED_REVENUE)
        assert [part["label"] for part in revenue.parts or []] == ["Thu nội địa", "Thu xuất nhập khẩu"]
        assert (revenue.level, revenue.other, revenue.why) == (None, None, None)
        growth = stage.figure("grdp_growth")
        assert (growth.value, growth.target, growth.level, growth.have, growth.expect) == (9.12, 9.5, "warn", 1, 1)
        assert stage.figure("industry_index").value == 109.7
        share, paid = stage.figure("disbursed_share"), stage.figure("disbursed")
        assert share.have == paid.have == units - SILENT and share.expect == units
        assert paid.other is None and paid.level is None and paid.target is not None
        # a commune's own figure: what it paid of what it planned; of one that told nothing there is none
        by_unit = {one.unit: one for one in taken if one.properties["indicator"] == "disbursed_share" and one.unit}
        assert len(by_unit) == units
        silent = [code for code, one in by_unit.items() if one.properties["numerator"] is None]
        assert len(silent) == SILENT
        told = stage.tile("disbursed_share")
        own = {
            name: item
            for name, item in stage.folds["indicators"].items.items()
            if item.properties.get("unit") == silent[0]
        }
        assert own and told.work_out(own, stage.now).value is None


async def test_what_breaks_is_seen(tmp_path: Path) -> None:
    async with served("quang-nam", "economy", tmp_path) as stage:
        await stage.ask("economy")
        before = {name: stage.figure(name) for name in ("disbursed", "state_revenue", "industry_index", "retail_sales")}
        units = len(stage.world.units)

        await stage.turn("half")
        await stage.ask("economy")
        paid = stage.figure("disbursed")
        assert (paid.have or 0) < 0.55 * units and float(paid.value or 0) < 0.7 * float(before["disbursed"].value or 0)

        await stage.turn("uneven")
        await stage.ask("economy")
        revenue, paid = stage.figure("state_revenue"), stage.figure("disbursed")
        assert revenue.level == paid.level == "warn" and revenue.value == before["state_revenue"].value
        assert [one["value"] for one in revenue.other or []] == [round(DOMESTIC + CUSTOMS + 250, 1)]
        assert revenue.why and "công bố" in revenue.why
        assert [round(one["value"] - float(paid.value or 0), 1) for one in paid.other or []] == [120]

        await stage.turn("unit")
        taken = await stage.ask("economy")
        assert len(taken) > units and {one.reason for one in stage.asides} == {"unknown_code"}
        assert len(stage.asides) == 3 and "triệu đồng" in stage.asides[0].say

        await stage.turn("slump")
        await stage.ask("economy")
        assert stage.figure("industry_index").level == "bad"
        assert float(stage.figure("retail_sales").value or 0) < float(before["retail_sales"].value or 0)

        await stage.turn()
        await stage.ask("economy")
        stage.later(minutes=5)
        await stage.system.keep()
        await stage.ask("economy")
        assert stage.figure("state_revenue").value == round(DOMESTIC + CUSTOMS + 3, 1)
        stage.later(minutes=5)
        await stage.turn("frozen")
        assert await stage.ask("economy") == []

        stage.later(minutes=5)
        await stage.turn("columns")
        await refused(stage, "economy", "Thực hiện")


async def test_the_digital_economy_of_nghe_an(tmp_path: Path) -> None:
    async with served("nghe-an", "digital_economy", tmp_path) as stage:
        taken = await stage.ask("digital_economy")
        share, place = stage.figure("digital_economy"), stage.figure("digital_economy_rank")
        assert stage.asides == [] and len(taken) == 2
        assert (share.value, share.target, share.level, place.value) == (7.38, 20, "warn", 32)
        assert share.observed is not None and share.observed.year == 2023

        await stage.turn("revised")
        await stage.ask("digital_economy")
        assert [stage.figure(name).value for name in ("digital_economy", "digital_economy_rank")] == [8.11, 29]
        await stage.turn("untold")
        await stage.ask("digital_economy")
        assert [stage.figure(name).value for name in ("digital_economy", "digital_economy_rank")] == [None, None]
        await stage.turn("nothing")
        await refused(stage, "digital_economy", "no row")
        await stage.turn("columns")
        await refused(stage, "digital_economy", "Tỷ trọng")
        await stage.turn("year")
        await refused(stage, "digital_economy", "names no period")
        await stage.turn()
        await stage.ask("digital_economy")
        assert stage.figure("digital_economy").value == 7.38


@pytest.mark.parametrize(
    ("now", "periods"),
    [
        ("2026-11-26T18:30:00Z", {"2026-01-01/2026-10-31"}),
        ("2026-10-31T16:59:00Z", {"2026-01-01/2026-09-30"}),
        ("2026-10-31T17:01:00Z", {"2026-01-01/2026-10-31"}),
        ("2026-12-31T17:01:00Z", {"2026"}),
        ("2027-02-01T03:00:00Z", {"2027-01"}),
    ],
)
def test_a_book_of_any_hour_is_of_the_month_that_ended_last(tmp_path: Path, now: str, periods: set[str]) -> None:
    """A day begins at 17:00 UTC here, and a month too; of a whole year the months so far are the year."""
    settings = load(PROVINCES["quang-nam"], {SYSTEMS_KEY: "khoa-cua-phep-thu"})
    at = clock.parse(now)
    world = World(7, at, Units.load(WORLDS["quang-nam"], tmp_path), PLANS["quang-nam"])
    book = Economy("economy", world, tmp_path, {}).book(3)
    found = list(catalog.open_adapter(settings.sources["economy"]).parse(Answer(book, name="bao-cao-thang-1.xlsx")))
    readings = [one for one in found if isinstance(one, Reading)]
    assert len(readings) == len(found) == 6 + 2 * (len(world.units) + 3)
    assert {one.properties["period"] for one in readings} == periods
