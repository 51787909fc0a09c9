"""The commands that run the centre: demo, run, lint, ask, replay, migrate."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import click

from ioc.cli import place
from ioc.errors import BadConfig

ROLES = ("web", "poller", "health", "projector", "archive")


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0: a free one.")
@click.option("--province", metavar="NAME", help="phu-yen (when left out), tay-ninh, quang-nam or nghe-an.")
@click.option("--key", metavar="KEY", help="Key that may watch, read and file everything (at least 32 characters).")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Else a temporary one.")
@click.option("--for", "seconds", type=click.FloatRange(min=0), metavar="SECONDS", help="Stop by itself after so long.")
@click.option("--browser/--no-browser", default=True, help="Open the wall in a browser.")
def demo(
    port: int, province: str | None, key: str | None, data: Path | None, seconds: float | None, browser: bool
) -> None:
    """Run the whole centre for an invented province, with its sources, on this machine only."""
    if key is not None and len(key) < 32:
        raise click.BadParameter(
            "a key needs at least 32 characters; leave it out to have one made", param_hint="--key"
        )
    from ioc.demo import run as play

    play.demo(port=port, province=province, key=key, data=data, seconds=seconds, browser=browser)


@click.command()
@click.argument("roles", nargs=-1, type=click.Choice(ROLES))
@place.config_option
@place.data_option
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the web role; else PORT, else 8000.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address that the web role listens on.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Web processes.")
def run(
    roles: tuple[str, ...], config: Path | None, data: Path | None, port: int | None, host: str, workers: int
) -> None:
    """Run these roles (all of them when none is named) until stopped.

    Redis is the one of REDIS_URL, else a server of ours in the data folder, which all roles there share.
    SQL is DATABASE_URL, else SQLite in the data folder.
    """
    from ioc import settings
    from ioc.run import roles as engine

    file = place.settings_file(config)
    loaded = settings.load(file)
    if loaded.web.screens is not None and (not roles or "web" in roles):
        _drawable(file)
    folder = place.data_folder(data)
    listen = place.port(port)
    try:
        engine.run(
            loaded,
            roles or ROLES,
            redis_url=place.redis_url(),
            database_url=place.database_url(folder),
            port=listen,
            host=host,
            workers=workers,
            data=folder,
        )
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES):
            raise
        say = f"{host}:{listen} can't be listened on ({os.strerror(error.errno)}); name another --port, PORT or --host."
        raise BadConfig(say) from None


def _drawable(file: Path) -> None:
    """Raises BadConfig when a screen of the team's own can't be drawn as it stands; the others are told too."""
    from ioc import lint as linter

    *others, last = linter.refused_screens(file) or (None,)
    for one in others:
        click.echo(str(one), err=True)
    if last is not None:
        raise BadConfig(last.say, file=last.file, line=last.line)


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Findings as a JSON array of {file, line, say}.")
def lint(file: Path | None, as_json: bool) -> None:
    """Say everything that is wrong with a settings file and its screens; status 1 when anything is.

    Each line is `file:line: what is wrong, and what to write`.
    """
    from ioc import lint as linter

    found = linter.lint(place.settings_file(file))
    if as_json:
        told = [{"file": one.file, "line": one.line, "say": one.say} for one in found]
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        for one in found:
            click.echo(str(one))
        click.echo(f"{len(found)} thing(s) to put right." if found else "Nothing is wrong.", err=True)
    raise click.exceptions.Exit(1 if found else 0)


@click.command()
@click.argument("source")
@place.config_option
def ask(source: str, config: Path | None) -> None:
    """Ask SOURCE once; print its readings, and what would be set aside, as JSON lines. Nothing is stored."""
    from ioc import settings
    from ioc.run import ask as asking

    loaded = settings.load(place.settings_file(config))
    for line in asking.ask(loaded, source, say=lambda text: click.echo(text, err=True)):
        click.echo(line)


@click.command()
@click.option("--set-aside", metavar="SOURCE", help="Instead, take what was set aside of SOURCE once more.")
@click.option("--forget", is_flag=True, help="With --set-aside: drop what still can't be read.")
@place.config_option
@place.data_option
def replay(set_aside: str | None, forget: bool, config: Path | None, data: Path | None) -> None:
    """Rebuild every board from the archive, under a new epoch."""
    from ioc import settings
    from ioc.run import replay as again

    if forget and set_aside is None:
        raise click.UsageError("--forget goes with --set-aside; name the source, or leave it out.")
    loaded = settings.load(place.settings_file(config))
    folder = place.data_folder(data)
    click.echo(
        again.replay(
            loaded,
            redis_url=place.redis_url(),
            database_url=place.database_url(folder),
            data=folder,
            set_aside=set_aside,
            forget=forget,
            say=lambda text: click.echo(text, err=True),
        )
    )


@click.command()
@place.data_option
def migrate(data: Path | None) -> None:
    """Bring the database to the form that this version needs (SQLite and PostgreSQL)."""
    from ioc.db import session

    url = place.database_url(place.data_folder(data))
    click.echo("Migrating the database …", err=True)
    session.migrate(url)
    click.echo("The database has the form that this version needs.", err=True)
