"""`ioc bridge`: the spreadsheets of sectors that are not connected."""

from __future__ import annotations

from pathlib import Path

import click

from ioc.cli import place


@click.group()
def bridge() -> None:
    """Spreadsheets for sectors that are not connected: made here, filled in there, checked when they come back.

    What comes back is dropped into the source's folder, or sent to /api/bridge/SOURCE.
    """


@bridge.command()
@click.argument("source")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Else ./SOURCE-VERSION.xlsx.")
@place.config_option
def template(source: str, out: Path | None, config: Path | None) -> None:
    """Make the workbook of SOURCE from its settings; print where it was written."""
    from ioc import catalog, settings
    from ioc.bridge import template as making
    from ioc.errors import BadConfig, IocError

    loaded = settings.load(place.settings_file(config))
    named = sorted(name for name, one in loaded.sources.items() if one.adapter == "bridge")
    if source not in named:
        there = f"write one of {', '.join(named)}" if named else 'none has adapter = "bridge" yet'
        raise BadConfig(f"There is no source {source} that is typed into sheets; {there}.")
    found = loaded.sources[source]
    form = catalog.open_adapter(found).form  # type: ignore[attr-defined]
    file = out or Path(f"{source}-{form.version}.xlsx")
    body = making.make(form, title=found.title[0] or source, province=loaded.province.name)
    try:
        file.write_bytes(body)
    except OSError as error:
        raise IocError(f"{file} can't be written ({error.strerror}); name another with --out.") from None
    click.echo(str(file))
