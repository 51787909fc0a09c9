"""The command line: `ioc <command>`. Exit status 0: done; 1: it failed; 2: wrong use or wrong settings.

The environment is read here (REDIS_URL, DATABASE_URL, PORT, IOC_CONFIG, IOC_DATA) and handed down as arguments.
Everything heavy is imported inside the command that needs it, so that `ioc --help` answers at once.
"""

from __future__ import annotations

from typing import Any

import click

from ioc import __version__
from ioc.errors import BadConfig, IocError


class Commands(click.Group):
    """A group whose errors of ours end as one sentence on standard error, never as a stack trace."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; BadConfig ends with status 2, any other IocError with 1."""
        try:
            return super().invoke(ctx)
        except IocError as error:
            click.echo(str(error), err=True)
            raise click.exceptions.Exit(2 if isinstance(error, BadConfig) else 1) from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="ioc")
def main() -> None:
    """An Intelligent Operations Center whose every value says how good it is."""


def _add() -> None:
    from ioc.cli import bridge, checkout, duties, keys, work

    for command in (
        work.demo, work.run, work.lint, work.ask, work.replay, work.migrate, duties.excuse, keys.key, bridge.bridge,
        checkout.bench, checkout.test, checkout.shots,
    ):  # fmt: skip
        main.add_command(command)


_add()
