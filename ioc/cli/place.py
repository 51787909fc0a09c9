"""Where things are on this machine: the settings file, the data folder, the database, the checkout."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from ioc.errors import BadConfig

PACKAGE = Path(__file__).resolve().parent.parent
DATA = "ioc-data"
"""Name of the data folder, in the working folder, when neither --data nor IOC_DATA says another."""

F = TypeVar("F", bound=Callable[..., Any])


def config_option(command: F) -> F:
    """Adds `--config FILE`."""
    say = "Settings file; else IOC_CONFIG, else ./ioc.toml, else the demo's."
    return click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help=say)(command)


def data_option(command: F) -> F:
    """Adds `--data DIR`."""
    say = f"Folder for Redis, SQLite and photos; else IOC_DATA, else ./{DATA}."
    return click.option("--data", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help=say)(command)


def settings_file(given: Path | None, env: Mapping[str, str] = os.environ) -> Path:
    """The settings file: `given`, else IOC_CONFIG, else ./ioc.toml when it is there, else the demo's."""
    if given is not None:
        return given
    if env.get("IOC_CONFIG"):
        return Path(env["IOC_CONFIG"])
    own = Path("ioc.toml")
    return own if own.is_file() else PACKAGE / "demo" / "ioc.toml"


def data_folder(given: Path | None, env: Mapping[str, str] = os.environ) -> Path:
    """The data folder: `given`, else IOC_DATA, else ./ioc-data; made (for its owner only) when it is not there."""
    folder = (given or Path(env.get("IOC_DATA") or DATA)).resolve()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BadConfig(
            f"The data folder {folder} can't be made ({error.strerror}); name another with --data."
        ) from None
    return folder


def redis_url(env: Mapping[str, str] = os.environ) -> str | None:
    """REDIS_URL, or None: a server of ours in the data folder."""
    return env.get("REDIS_URL") or None


def database_url(data: Path, env: Mapping[str, str] = os.environ) -> str:
    """DATABASE_URL, else SQLite in the data folder."""
    return env.get("DATABASE_URL") or f"sqlite:///{data / 'ioc.db'}"


def port(given: int | None, default: int = 8000, env: Mapping[str, str] = os.environ) -> int:
    """The port to listen on: `given`, else PORT, else `default`."""
    if given is not None:
        return given
    written = env.get("PORT") or str(default)
    if not written.isdigit() or int(written) > 65535:
        raise BadConfig(f"PORT is {written}, which is no port; write a number from 0 to 65535.")
    return int(written)


def checkout() -> Path:
    """The checkout that this package lies in; raises BadConfig when it was installed without one."""
    root = PACKAGE.parent
    if not (root / "pyproject.toml").is_file() or not (root / "tests").is_dir():
        raise BadConfig("This command needs a checkout of the project; clone it, and call python3 -m ioc there.")
    return root
