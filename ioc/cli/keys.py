"""`ioc key`: the keys of screens, people and sending sources."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ioc.cli import place
from ioc.errors import IocError

if TYPE_CHECKING:
    from ioc.db.session import Database
    from ioc.web.access import Key

T = TypeVar("T")


def _with_database(data: Path | None, work: Callable[[Database], Awaitable[T]]) -> T:
    """What `work` gives on the database of this machine, brought to its newest form first."""
    from ioc.db import session

    url = place.database_url(place.data_folder(data))
    session.migrate(url)

    async def opened() -> T:
        database = session.open_db(url)
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(opened())


@click.group()
def key() -> None:
    """Add, list and revoke keys. A key is shown once, when it is made; only its hash is kept."""


def _none(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...] | None:
    """None for an option that was left out, which is not the same as an empty one."""
    return given or None


def _rights(command: Callable[..., None]) -> Callable[..., None]:
    """NAME, and what a key or a code is allowed; where the database is."""
    for option in (
        place.data_option,
        click.option(
            "--agency",
            metavar="NAME",
            help="The agency that it is of: a code of [reports.agencies], or a source's owner.",
        ),
        click.option(
            "--tenant",
            metavar="NAME",
            help="The tenant whose it is: it opens what is that tenant's ([tenants.NAME]), and no other's.",
        ),
        click.option(
            "--role",
            default="screen",
            show_default=True,
            help="screen, leader, operator, agency, admin or push:SOURCE.",
        ),
        click.option(
            "--unit", "units", multiple=True, metavar="CODE", help="Communes it is held to; repeatable; none: all."
        ),
        click.option(
            "--channel",
            "channels",
            multiple=True,
            metavar="PATTERN",
            callback=_none,
            help="What it may watch (layer/*); repeatable; none: all, or what /ops shows for an operator or an agency.",
        ),
        click.argument("name"),
    ):
        command = option(command)
    return command


def _of_tenant(rights: dict[str, Any]) -> dict[str, Any]:
    """The rights with the tenant as their role; what its keys see is said by the settings, and by no other option."""
    tenant = rights.pop("tenant")
    if tenant is None:
        return rights
    if rights["channels"] or rights["units"] or rights["agency"] or rights["role"] != "screen":
        raise click.UsageError("What a tenant's key sees is said by [tenants] of the settings; give --tenant alone.")
    return {**rights, "role": f"tenant:{tenant}"}


@key.command()
@_rights
@click.option("--json", "as_json", is_flag=True, help="The key as a JSON object.")
def add(name: str, as_json: bool, data: Path | None, **rights: Any) -> None:
    """Make a key called NAME and print it, this once."""
    from ioc.web import access

    rights = _of_tenant(rights)
    secret = _with_database(data, lambda database: access.add_key(database, name=name, **rights))
    click.echo(json.dumps({"name": name, "key": secret}, ensure_ascii=False) if as_json else secret)


@key.command()
@_rights
@click.option("--address", default="http://127.0.0.1:8000/wall/overview", show_default=True, help="The page to open.")
@click.option("--minutes", type=click.FloatRange(min=1), default=24 * 60, show_default=True, help="How long it holds.")
@click.option("--json", "as_json", is_flag=True, help="The address as a JSON object.")
def code(name: str, address: str, minutes: float, as_json: bool, data: Path | None, **rights: Any) -> None:
    """Print an address that lets one screen in, once: opened there, its code becomes a key called NAME."""
    from ioc.web import access

    rights = _of_tenant(rights)
    made = _with_database(data, lambda database: access.make_code(database, name=name, minutes=minutes, **rights))
    whole = f"{address}#code={made}"
    click.echo(json.dumps({"name": name, "address": whole}, ensure_ascii=False) if as_json else whole)


def _row(known: Key) -> dict[str, Any]:
    import msgspec

    row: dict[str, Any] = msgspec.to_builtins(known)
    return row


@key.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="A JSON array.")
@place.data_option
def list_(as_json: bool, data: Path | None) -> None:
    """List the keys, revoked ones too: never the secrets."""
    from ioc.web import access

    rows = [_row(known) for known in _with_database(data, access.list_keys)]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        state = f"revoked {row['revoked']}" if row["revoked"] else "valid"
        scope = f"{','.join(row['channels'])} in {','.join(row['units']) or 'all units'}"
        click.echo(f"{row['id']}\t{row['name']}\t{row['role']}\t{scope}\t{state}")
    click.echo(f"{len(rows)} key(s).", err=True)


@key.command()
@click.argument("which", metavar="NAME|ID")
@place.data_option
def revoke(which: str, data: Path | None) -> None:
    """Revoke a key by its name, or by the number that `ioc key list` shows: within 5 s its screens are sent away."""
    from ioc.web import access

    async def work(database: Database) -> None:
        valid = [known for known in await access.list_keys(database) if known.revoked is None]
        meant = [known for known in valid if which in (known.name, str(known.id))]
        if len(meant) != 1:
            say = "no valid key" if not meant else f"{len(meant)} valid keys"
            raise IocError(f"There is {say} called {which}; give the number that `ioc key list` shows.")
        await access.revoke_key(database, meant[0].id)

    _with_database(data, work)
    click.echo(f"The key {which} is revoked.", err=True)
