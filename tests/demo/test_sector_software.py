"""The nine departments' rows of Phú Yên's link matrix, each proved by what its simulated software does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from ioc import clock
from ioc.demo.systems.sector_software import SECTORS, STANDS, TILES, SectorSoftware
from ioc.run import poller
from ioc.settings import Settings
from tests.demo.staged import served
from tests.demo.test_sources import Running, serving
from tests.test_acceptance_links import Centre, _good, _short

NINE = {*SECTORS, "labour", "police"}


def quick(settings: Settings) -> Settings:
    """The sources of the nine sectors alone, asked and proved often."""
    sources = {
        name: msgspec.structs.replace(source, contract=msgspec.structs.replace(source.contract, every=0.5, prove_s=1.0))
        for name, source in settings.sources.items()
        if source.sector in NINE and source.adapter != "table_file"
    }
    sectors = {name: sector for name, sector in settings.sectors.items() if name in NINE}
    return msgspec.structs.replace(settings, sources=sources, sectors=sectors)


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[tuple[Centre, Running]]:
    async with serving(tmp_path) as running:
        made = Centre(running.desk, running.base, quick(running.settings))  # type: ignore[arg-type]
        await made.health.open()
        polling = asyncio.create_task(poller.run(made.settings, made.log, None))
        try:
            yield made, running
        finally:
            polling.cancel()
            await asyncio.gather(polling, return_exceptions=True)


async def test_each_of_nine_rows_turns_by_what_its_software_does(centre: tuple[Centre, Running]) -> None:
    made, running = centre
    closed = ["không", "chưa thử", "chưa thử"]

    def others(rows: dict[str, Any], *but: str) -> bool:
        return all(_good(rows[name]) for name in NINE - set(but))

    rows = await made.until(lambda rows: others(rows, "labour") and _short(rows)["labour"] == closed)
    assert rows.keys() == NINE and rows["labour"]["connected"]["source"] == "labour"

    async with httpx2.AsyncClient(base_url=running.base) as http:

        async def say(*paths: str) -> None:
            for path in paths:
                assert (await http.post(path)).is_success, path

        broken = {
            "transport": "down", "justice": "refused", "agriculture": "withheld", "culture": "still",
            "education": "down", "construction": "still", "finance": "withheld",
        }  # fmt: skip
        assert broken.keys() == SECTORS.keys()
        before = clock.now() - timedelta(seconds=1)
        await say(*(f"/_systems/sector_software/{sector}-{way}" for sector, way in broken.items()))
        await say("/_mute/cong-an", "/_systems/sector_software/labour-open")
        day = (running.desk.world.began - STANDS).astimezone(clock.ZONE)
        wanted = {
            "transport": ["vừa mất", "chưa thử", "chưa thử"],
            "education": ["vừa mất", "chưa thử", "chưa thử"],
            "justice": ["từ chối khoá", "chưa thử", "chưa thử"],
            "agriculture": ["có", "có", "lệch 17"],
            "finance": ["có", "có", "lệch 17"],
            "culture": ["có", "có", f"đứng từ {day:%d/%m}"],
            "construction": ["có", "có", f"đứng từ {day:%d/%m}"],
            "labour": ["có", "có", "có"],
        }
        rows = await made.until(
            lambda rows: _short(rows) == wanted | {"police": _short(rows)["police"]} and not _good(rows["police"])
        )
        # it answers 503: that is an answer, and nothing is shared
        assert (rows["police"]["shared"]["ok"], rows["police"]["shared"]["source"]) == (False, "cameras_police")
        for sector, (_, owner) in SECTORS.items():
            cell = next(
                rows[sector][column] for column in ("connected", "synced") if rows[sector][column]["ok"] is False
            )
            assert cell["source"] == f"{sector}_software" and before <= clock.parse(cell["since"]) <= clock.now()
            assert made.settings.sources[cell["source"]].contract.owner == owner
        await say("/_systems/sector_software/mend", "/_speak/cong-an")
        # who refused the key is asked again after a restart, and not before
        await made.until(lambda rows: others(rows, "labour", "justice") and rows["labour"]["connected"]["ok"] is False)


async def test_each_sector_s_figure_moves_and_is_lost(tmp_path: Path) -> None:
    async with served("phu-yen", "sector_software", tmp_path) as stage:
        assert isinstance(stage.system, SectorSoftware)
        tiles = {name: tile for tile in stage.settings.tiles if (name := _source(stage.settings, tile)) is not None}
        assert tiles.keys() == {f"{sector}_software" for sector in SECTORS}
        first = {}
        for source, tile in tiles.items():
            assert stage.figure(tile).value is None and stage.figure(tile).have == 0
            await stage.ask(source)
            figure = stage.figure(tile)
            assert (figure.have, stage.figure(tile).expect) == (34, 34)
            first[tile] = int(figure.value or 0)
        assert len(set(first.values())) == len(SECTORS)
        stage.later(minutes=5)
        for source, tile in tiles.items():
            await stage.ask(source)
            assert int(stage.figure(tile).value or 0) == first[tile] + 34, "one more in each commune"
        for sector in SECTORS:
            await stage.turn(f"{sector}-withheld")
            await stage.ask(f"{sector}_software")
            figure = stage.figure(tiles[f"{sector}_software"])
            assert figure.have == 17 and int(figure.value or 0) < first[tiles[f"{sector}_software"]]
            stage.later(minutes=1)
            await stage.turn()
            await stage.ask(f"{sector}_software")
            assert stage.figure(tiles[f"{sector}_software"]).have == 34
        assert TILES.items() == {source.removesuffix("_software"): tile for source, tile in tiles.items()}.items()


def _source(settings: Settings, tile: str) -> str | None:
    source = settings.tiles[tile].get("source")
    return source if isinstance(source, str) and source.endswith("_software") else None
