"""`ioc key`: the keys of screens, people and sending sources."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ioc.cli import place


@click.group()
def key() -> None:
    """Add, list and revoke keys. A key is shown once, when it is made; only its hash is kept."""


@key.command()
@click.argument("name")
@click.option("--channel", "channels", multiple=True, metavar="PATTERN", help="What it may watch (layer/*); repeatable.")
@click.option("--unit", "units", multiple=True, metavar="CODE", help="Communes it is held to; repeatable; none: all.")
@click.option("--role", default="screen", show_default=True, help="What it may do: screen, operator, push …")
@click.option("--agency", metavar="NAME", help="The agency that answers for it.")
@click.option("--json", "as_json", is_flag=True, help="The key as a JSON object.")
@place.data_option
def add(
    name: str,
    channels: tuple[str, ...],
    units: tuple[str, ...],
    role: str,
    agency: str | None,
    as_json: bool,
    data: Path | None,
) -> None:
    """Make a key called NAME and print it, this once."""
    from ioc.web import access

    url = place.database_url(place.data_folder(data))
    secret = access.add_key(url, name, channels or ("*",), units, role, agency)
    click.echo(json.dumps({"name": name, "key": secret}, ensure_ascii=False) if as_json else secret)


@key.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="A JSON array.")
@place.data_option
def list_(as_json: bool, data: Path | None) -> None:
    """List the keys: never the secrets."""
    from ioc.web import access

    known = access.list_keys(place.database_url(place.data_folder(data)))
    if as_json:
        click.echo(json.dumps(known, ensure_ascii=False, default=str))
        return
    for one in known:
        click.echo("\t".join(str(value) for value in one.values()))
    click.echo(f"{len(known)} key(s).", err=True)


@key.command()
@click.argument("name")
@place.data_option
def revoke(name: str, data: Path | None) -> None:
    """Revoke the key called NAME: within 5 s its screens are sent away and its requests refused."""
    from ioc.web import access

    access.revoke_key(place.database_url(place.data_folder(data)), name)
    click.echo(f"The key {name} is revoked.", err=True)
