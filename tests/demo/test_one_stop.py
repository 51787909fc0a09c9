"""The one-stop systems of Quảng Nam and Nghệ An: dossiers, services and offices, and what breaks of them is seen."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from ioc import checks
from ioc.errors import SourceRefused
from tests.demo.staged import TEN, Served, served


def summed(stage: Served, name: str) -> bool | None:
    """Whether the check holds, over what stands now."""
    kept = stage.settings.checks[name]
    tiles = {tile: {"all": stage.shown(tile)} for tile in ("dossiers_received", "dossiers_online") if tile in str(kept)}
    items = {"indicators": {id: item.properties for id, item in stage.items("indicators").items()}}
    ok: bool | None = checks.results({name: kept}, checks.Seen(tiles, items), {}, stage.now, {})[name]["ok"]
    return ok


async def test_quang_nam_at_its_published_size(tmp_path: Path) -> None:
    async with served("quang-nam", "one_stop", tmp_path, now=TEN, seed=54) as stage:
        taken = await stage.take("one_stop")
        print(f"one_stop: {taken.records} records = {taken.told} events + {taken.set_aside} set aside")
        assert (taken.told, taken.set_aside) == (14_862, 0)
        for source in ("services", "offices", "filed_online"):
            await stage.take(source)
        received = stage.figure("dossiers_received")
        assert [part["value"] for part in received.parts or []] == [9_056, 5_806]
        online = stage.figure("dossiers_online")
        assert (online.value, online.previous) == (14_862, 11_432) and round(100 * 14_862 / 11_432) == 130
        assert stage.figure("services_online").value == 792 == 539 + 253
        software = stage.figure("offices_on_software")
        assert (software.value, software.of, stage.figure("dossiers_offices").value) == (190, 241, 190)
        assert summed(stage, "services_sum") and summed(stage, "dossiers_told")
        in_time = stage.figure("dossiers_in_time")
        assert 85 < float(in_time.value or 0) < 95 and in_time.level == "warn"
        assert all(int(stage.figure(tile).value or 0) > 100 for tile in ("dossiers_overdue", "dossiers_paused"))
        told = msgspec.json.encode([event.data for event in stage.events])
        assert b"Nguy\xe1\xbb\x85n V\xc4\x83n" not in told and b"@example" not in told and b"0000" + b"0000" not in told


async def test_phu_yen_in_ten_states_and_broken(tmp_path: Path) -> None:
    async with served("phu-yen", "one_stop", tmp_path, now=TEN, seed=54) as stage:
        assert (await stage.take("one_stop")).told == 6_000
        states = {item.properties["state"] for item in stage.items("dossiers").values()}
        assert len(states) == 10
        overdue, paused = (int(stage.figure(name).value or 0) for name in ("dossiers_overdue", "dossiers_paused"))
        assert 0 < overdue < 6_000 and 0 < paused < 6_000
        assert (stage.figure("dossiers_received").value, stage.figure("dossiers_offices").value) == (6_000, 190)
        in_time = float(stage.figure("dossiers_in_time").value or 0)
        assert not {"services", "offices"} & stage.system.ways().keys(), "no catalogue and no list of offices is asked"
        assert stage.settings.sources["one_stop"].contract.still == 600, "dossiers that stand still are said"
        stage.system.broken = {"late"}
        stage.later(minutes=2)
        await stage.take("one_stop")
        assert int(stage.figure("dossiers_overdue").value or 0) > overdue + 500
        assert stage.figure("dossiers_in_time").level in ("warn", "bad") and in_time > 80
        stage.system.broken = {"token"}
        with pytest.raises(SourceRefused, match="refused the key"):
            await stage.take("one_stop")


async def test_nghe_an_broken_in_each_way(tmp_path: Path) -> None:
    async with served("nghe-an", "one_stop", tmp_path, now=TEN, seed=54) as stage:
        await stage.take("one_stop")
        await stage.take("services")
        assert stage.figure("services_online").value == 1_833 == 673 + 407 + 753
        assert summed(stage, "services_sum") is True
        overdue = int(stage.figure("dossiers_overdue").value or 0)
        stage.system.broken = {"late"}
        stage.later(minutes=2)
        assert (await stage.take("one_stop")).told > 500
        assert int(stage.figure("dossiers_overdue").value or 0) > overdue + 500
        stage.system.broken = {"frozen"}
        assert (await stage.take("one_stop")).records == 0
        stage.system.broken = {"services"}
        await stage.system.keep()
        await stage.take("services")
        assert stage.figure("services_online").value == 1_823 and summed(stage, "services_sum") is False
        stage.system.broken = {"token"}
        with pytest.raises(SourceRefused, match="refused the key"):
            await stage.take("one_stop")


@pytest.mark.parametrize(("way", "reasons"), [("state", {"unknown_code": 600}), ("schema", {"missing_field": 6_000})])
async def test_a_record_that_became_strange(way: str, reasons: dict[str, int], tmp_path: Path) -> None:
    async with served("nghe-an", "one_stop", tmp_path, now=TEN, seed=54) as stage:
        stage.system.broken = {way}
        taken = await stage.take("one_stop")
        assert taken.reasons == reasons and taken.told == 6_000 - sum(reasons.values())
