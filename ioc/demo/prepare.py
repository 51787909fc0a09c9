"""Prepares a demo's data folder, in a process of its own that ends: the database, a key for everything, one-time codes.

`python -m ioc.demo.prepare DIR` reads the key from standard input (empty: one is made) and prints JSON: `key`;
`screens`, the path of each screen with its code; and `pages`, the paths of what people open without one.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from ioc import screen
from ioc.db.session import migrate, open_db
from ioc.errors import IocError
from ioc.settings import Settings, load, screens_folder
from ioc.web.access import add_key, make_code


def addresses(settings: Settings) -> list[str]:
    """Paths of the screens that these settings show: walls by name, and the tablet; each is opened by a code."""
    found = screen.screens(screens_folder(settings.web.screens, settings.folder))
    walls = sorted(
        (name for name, one in found.items() if one.kind == "wall"), key=lambda name: (name != "overview", name)
    )
    tablets = any(one.kind == "tablet" for one in found.values())
    return [f"/wall/{name}" for name in walls] + ["/tablet"] * tablets


async def prepare(database_url: str, key: str | None, screens: list[str]) -> tuple[str, list[str]]:
    """A key that may do everything, and each screen's path with a one-time code behind `#`."""
    db = open_db(database_url)
    try:
        secret = await add_key(db, name="demo", role="admin", secret=key)
        coded = [f"{path}#code={await make_code(db, name=f'demo {path}')}" for path in screens]
    finally:
        await db.close()
    return secret, coded


def main() -> None:
    """Prepare the folder that is named on the command line."""
    folder = Path(sys.argv[1])
    url = f"sqlite:///{folder / 'ioc.db'}"
    try:
        settings = load(folder / "ioc.toml")
        migrate(url)
        key, screens = asyncio.run(prepare(url, sys.stdin.read().strip() or None, addresses(settings)))
    except IocError as error:
        sys.exit(str(error))
    pages = ["/report"] * (settings.reports is not None) + ["/ops"]
    sys.stdout.write(json.dumps({"key": key, "screens": screens, "pages": pages}))


if __name__ == "__main__":
    main()
