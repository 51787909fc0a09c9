"""The sectors of Tây Ninh's demo, and which of them are open.

Police, Labour, Education and Transport are not connected; Planning, Social insurance and Justice are linked but not
synced, as the province said of its centre. Each is as it should be while a file of its name lies in the folder `open`,
which `POST /_sectors/<id>/open` puts there and `POST /_sectors/<id>/shut` takes away; everything follows within a
second. Figures are invented (dữ liệu mẫu).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from ioc import clock
from ioc.clock import ZONE
from ioc.demo import offices
from ioc.demo.gate import Gate
from ioc.demo.world import World

GATED = ("police", "transport")
"""Sectors with a server, each at a port of its own, in this order."""
ABSENT = ("labour", "education")
"""Sectors with a database that is not there until it is opened."""
UNSYNCED = ("planning", "insurance", "justice")
SECTORS = (*GATED, *ABSENT, *UNSYNCED)
PLANNING, JUSTICE = (1_524, 1_204), (184, 86)
"""Records that the department counts itself, and those of them that it does not hand over."""
STANDS = timedelta(days=8)
"""Since when the social insurance's table stands still."""


class Sectors:
    """The departments' databases and gates. `ports`: of the gates (0: a free one); `behind`: the port that serves."""

    def __init__(self, world: World, folder: Path, behind: int, ports: Sequence[int] = (0, 0)) -> None:
        self.world, self.folder = world, folder
        self.gates = {name: Gate(port, behind) for name, port in zip(GATED, ports, strict=True)}
        self._stood: dict[str, bool] = {}

    def opened(self, name: str) -> bool:
        return (self.folder / "open" / name).exists()

    def turn(self, name: str, wanted: bool) -> None:
        """Put the file of an open sector into its folder, or take it away."""
        file = self.folder / "open" / name
        if wanted:
            file.touch()
        else:
            file.unlink(missing_ok=True)

    def open(self) -> None:
        """Write every database anew, as it is now."""
        world = self.world
        (self.folder / "open").mkdir(exist_ok=True)
        world.dossiers.write(self.folder / "dossiers.db")
        offices.write_documents(self.folder / "documents.db", world.seed, world.began, world.units)

    def keep(self) -> None:
        """Bring the files up to the world's time, and to which sectors are open."""
        self.world.dossiers.flush(self.folder / "dossiers.db")
        for name in (*ABSENT, *UNSYNCED):
            here = self.opened(name)
            if self._stood.get(name) is not here:
                self._write(name, here)
                self._stood[name] = here

    async def turn_gates(self) -> None:
        """Open and close the gates."""
        for name, gate in self.gates.items():
            await gate.set(await asyncio.to_thread(self.opened, name))

    async def close(self) -> None:
        for gate in self.gates.values():
            await gate.close()

    def _write(self, name: str, here: bool) -> None:
        file, began = self.folder / f"{name}.db", self.world.began
        if name in ABSENT and not here:
            file.unlink(missing_ok=True)
            return
        now = clock.now() if here else began
        match name:
            case "labour":
                rows = self._by_unit(name, now, lambda chance: (chance.randrange(5, 90),))
                _table(file, "viec_lam", "xa TEXT, viec_lam INTEGER", rows)
            case "education":
                rows = self._by_unit(name, now, _pupils)
                _table(file, "hoc_sinh", "xa TEXT, hoc_sinh INTEGER, co_mat INTEGER", rows)
            case "insurance":
                at = now if here else began - STANDS
                rows = self._by_unit(name, at, lambda chance: (chance.randrange(3_000, 30_000),))
                _table(file, "tham_gia", "xa TEXT, so_nguoi INTEGER", rows)
            case "planning":
                _table(file, "du_an", "ma INTEGER, von INTEGER, chia_se INTEGER", self._shared(name, *PLANNING, here))
            case "justice":
                _table(
                    file, "to_hoa_giai", "ma INTEGER, vu INTEGER, chia_se INTEGER", self._shared(name, *JUSTICE, here)
                )

    def _by_unit(self, name: str, at: datetime, drawn: Callable[[Random], tuple[int, ...]]) -> list[tuple[Any, ...]]:
        chance = Random(f"{self.world.seed}/{name}")
        return [(unit.code, *drawn(chance), offices.text(at)) for unit in self.world.units]

    def _shared(self, name: str, count: int, withheld: int, here: bool) -> list[tuple[Any, ...]]:
        """Records of which the last ones are handed over only when the sector is open; the newest always is."""
        chance, began = Random(f"{self.world.seed}/{name}"), offices.text(self.world.began)
        shared = [here or number < count - withheld for number in range(count)]
        return [(number + 1, chance.randrange(1, 400), shown, began) for number, shown in enumerate(shared)]


def _pupils(chance: Random) -> tuple[int, int]:
    pupils = chance.randrange(800, 6_000)
    return pupils, round(pupils * chance.uniform(0.94, 0.995))


def _table(file: Path, name: str, columns: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """A database of one table, with the time of each row's last change; whole or not at all."""
    with closing(offices.new(file)) as base, base:
        base.execute(f"CREATE TABLE {name} ({columns}, cap_nhat TEXT)")
        base.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(rows[0]))})", rows)  # noqa: S608 - our names
    offices.place(file)


def incidents(world: World, at: datetime) -> dict[str, Any]:
    """What the police's server tells: incidents of public order by commune."""
    chance = Random(f"{world.seed}/police")
    rows = [{"xa": unit.code, "vu_viec": chance.randrange(0, 9), "luc": _day(at)} for unit in world.units]
    return {"don_vi": "Công an tỉnh (dữ liệu mẫu)", "vu_viec": rows}


def traffic(world: World, at: datetime) -> dict[str, Any]:
    """What the transport department's server tells: vehicles counted at 24 stations."""
    chance = Random(f"{world.seed}/transport")
    rows = [
        {"tram": f"TD-{number:02d}", "luot_xe": chance.randrange(800, 9_000), "luc": _day(at)} for number in range(24)
    ]
    return {"don_vi": "Ngành Giao thông (dữ liệu mẫu)", "tram": rows}


def _day(at: datetime) -> str:
    """The beginning of an hour: what is told for it stands until the next."""
    return at.astimezone(ZONE).replace(minute=0, second=0, microsecond=0).isoformat()
