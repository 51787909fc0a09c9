"""The link matrices of Quảng Nam and Nghệ An: each sector proved by probes; a broken system turns its row.

Real: the simulated system, its adapter, the poller and health; sources are asked and proved often, so that it is soon.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ioc import clock, names
from ioc.board.memory import MemoryBoard
from ioc.demo import SYSTEMS_KEY, run
from ioc.log.memory import MemoryLog
from ioc.run import poller
from ioc.run.health import Health
from ioc.settings import Settings, load
from tests.demo.staged import Served, served

PATIENCE_S = 40
Row = dict[str, Any]
COLUMNS = ("connected", "shared", "synced")


@asynccontextmanager
async def watched(province: str, system: str, source: str, folder: Path) -> AsyncIterator[tuple[Served, Matrix]]:
    async with served(province, system, folder) as stage:
        told = stage.settings.sources[source]
        contract = msgspec.structs.replace(told.contract, every=0.2, prove_s=0.2, cadence=5, grace=30, still=None)
        options = {**told.options, "timeout_s": 3}
        if told.adapter == "table_file":
            options["settle_s"] = 0
        own = msgspec.structs.replace(told, contract=contract, options=options)
        settings = msgspec.structs.replace(stage.settings, sources={source: own})
        matrix = Matrix(settings, str(told.sector))
        await matrix.health.open()
        polling = asyncio.create_task(poller.run(settings, matrix.log, None))
        try:
            yield stage, matrix
        finally:
            polling.cancel()
            await asyncio.gather(polling, return_exceptions=True)


class Matrix:
    """Health over one source; `sector`: whose row is looked at."""

    def __init__(self, settings: Settings, sector: str) -> None:
        self.sector, self.board, self.log = sector, MemoryBoard(), MemoryLog()
        self.health = Health(settings, self.board, self.log, tiles=list)

    async def until(self, test: Callable[[Row], bool]) -> Row:
        row: Row = {}
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not row or not test(row):
                    await asyncio.sleep(0.1)
                    await self.health.look(clock.now())
                    found = await self.board.snapshot(names.LINKS)
                    assert found is not None
                    row = msgspec.json.decode(found.items[self.sector])
        except TimeoutError:
            pytest.fail(f"The row stayed at {[row[column]['say']['vi'] for column in COLUMNS]}.")
        return row


def good(row: Row) -> bool:
    return all(row[column]["ok"] is True for column in COLUMNS)


REFUSED = "từ chối khoá"
"""A source that refused our key is not asked again until a restart, so that this row stays."""
BROKEN = [
    ("nghe-an", "ioffice", "ioffice", "withheld", "synced", "lệch 302"),
    ("nghe-an", "catalogue", "catalogue", "withheld", "synced", "lệch 40"),
    ("nghe-an", "catalogue", "catalogue", "token", "connected", REFUSED),
    ("nghe-an", "coverage", "villages", "columns", "shared", "vừa mất"),
    ("nghe-an", "people", "staff", "columns", "shared", "vừa mất"),
    ("nghe-an", "targets", "plan_586", "schema", "shared", "vừa mất"),
    ("nghe-an", "report_forms", "quarterly", "token", "connected", REFUSED),
    ("nghe-an", "network", "conference", "list", "shared", "vừa mất"),
    ("nghe-an", "certificates", "ca", "closed", "connected", REFUSED),
    ("quang-nam", "network", "portals", "list", "shared", "vừa mất"),
    ("quang-nam", "certificates", "ca", "closed", "connected", REFUSED),
    ("quang-nam", "press", "press", "login", "shared", "vừa mất"),
    ("quang-nam", "public_order", "restricted_incidents", "token", "connected", REFUSED),
]


@pytest.mark.parametrize(("province", "system", "source", "way", "column", "say"), BROKEN)
async def test_a_broken_system_turns_its_row_and_says_which_and_since_when(
    province: str, system: str, source: str, way: str, column: str, say: str, tmp_path: Path
) -> None:
    async with watched(province, system, source, tmp_path) as (stage, matrix):
        before = await matrix.until(good)
        assert source in before["sources"] and before["name"] and before["name_en"]
        broken = clock.now()
        await stage.turn(way)
        row = await matrix.until(lambda row: row[column]["ok"] is False)
        cell = row[column]
        assert cell["say"]["vi"] == say and cell["source"] == source
        assert clock.parse(cell["since"]) >= broken.replace(microsecond=0), "since when it is so"
        assert stage.settings.sources[source].contract.owner, "and whose it is"
        if say != REFUSED:
            await stage.turn()
            assert good(await matrix.until(good))


@pytest.mark.parametrize(
    ("province", "system", "source"),
    [("quang-nam", "gauges", "gauges"), ("quang-nam", "services", "mailboxes"), ("quang-nam", "qoffice", "qoffice"),
     ("quang-nam", "one_stop", "offices"), ("quang-nam", "one_stop", "services"), ("nghe-an", "one_stop", "services")],
)  # fmt: skip
async def test_a_count_of_its_own_proves_the_third_cell(
    province: str, system: str, source: str, tmp_path: Path
) -> None:
    async with watched(province, system, source, tmp_path) as (stage, matrix):
        row = await matrix.until(good)
        assert row["synced"]["say"]["vi"] == "có"
        tally = await stage.adapter(source).tally()
        assert tally is not None and tally.count


@pytest.mark.parametrize("province", ["quang-nam", "nghe-an"])
def test_every_source_belongs_to_a_sector_that_has_a_title(province: str) -> None:
    settings = load(run.PROVINCES[province], {SYSTEMS_KEY: "khoa-cua-phep-thu"})
    alone = {name for name, source in settings.sources.items() if source.sector is None}
    # what the centre works out by itself is of no sector
    assert {name for name in alone if settings.sources[name].contract.method != "computed"} == {"canary"}
    used = {source.sector for source in settings.sources.values()} - {None}
    assert used == set(settings.sectors)
    assert all(not isinstance(one.title, str) and all(one.title) for one in settings.sectors.values())
    assert not [name for name in used if not re.fullmatch(r"[a-z_]+", str(name))]
