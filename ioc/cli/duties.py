"""`ioc excuse`: who need not tell of a period, and why."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ioc.cli import place
from ioc.errors import BadConfig

if TYPE_CHECKING:
    from ioc.settings import Settings


@click.command()
@click.argument("source")
@click.argument("period")
@click.argument("reporter")
@click.option("--why", default="", metavar="TEXT", help="The reason; needed unless it is taken back.")
@click.option("--by", required=True, metavar="NAME", help="Who says so.")
@click.option("--take-back", is_flag=True, help="The excuse holds no longer.")
@place.config_option
@place.data_option
def excuse(
    source: str, period: str, reporter: str, why: str, by: str, take_back: bool, config: Path | None, data: Path | None
) -> None:
    """Excuse REPORTER from telling of a PERIOD (such as 2026-03-10 or 2026-03) of SOURCE, with a reason.

    A source that owes its periods by itself is its own reporter. The ledger shows it as excused, and reminders of it
    count no longer.
    """
    from ioc import kv, settings

    loaded = settings.load(place.settings_file(config))
    if source not in loaded.sources:
        raise BadConfig(f"There is no source {source}; write one of {', '.join(sorted(loaded.sources))}.")
    with kv.use(place.redis_url(), place.data_folder(data)) as url:
        subject = asyncio.run(_excuse(loaded, url, source, period, reporter, why, by, take_back))
    click.echo(f"{reporter} {'owes' if take_back else 'is excused from'} {subject}.")


async def _excuse(
    loaded: Settings, url: str, name: str, period: str, reporter: str, why: str, by: str, take_back: bool
) -> str:
    from ioc import clock
    from ioc.geo.units import Units
    from ioc.intake import said
    from ioc.log.redis import RedisLog

    source, units, log = loaded.sources[name], list[str](), RedisLog(url, streams=loaded.log.streams)
    try:
        if source.contract.reporters == "units":
            there = await asyncio.to_thread(Units.load, loaded.province, loaded.folder)
            units = [unit.code for unit in there.all()]
        event = await said.excuse(
            log, source, period, reporter, why=why, by=by, take_back=take_back, units=units, calendar=loaded.calendar,
            now=clock.now(),
        )  # fmt: skip
        return event.subject
    finally:
        await log.close()
