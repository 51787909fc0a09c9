"""Simulated systems that drop a table into a folder when it says something new, and a control file with its count."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path

from ioc.demo import sheets
from ioc.demo.systems import System


class Dropping(System, ABC):
    """Drops each of `tables` (folder and name before the ending, to rows) as CSV whenever its rows are others."""

    async def begin(self) -> None:
        self._dropped: dict[str, str] = {}
        self._number = 0
        await self.keep()

    async def keep(self) -> None:
        for path, rows in self.tables().items():
            told = list(rows)
            body = csv(told)
            mark = blake2b(body, digest_size=8).hexdigest()
            folder, _, name = path.rpartition("/")
            if self._dropped.get(path) != mark:
                self._number += 1
                control(self.folder / folder, len(told) - 1)
                sheets.drop(self.folder / folder, f"{name}-{int(self.world.now.timestamp())}-{self._number}.csv", body)
            self._dropped[path] = mark

    @abstractmethod
    def tables(self) -> Mapping[str, Iterable[Sequence[object]]]:
        """What is there now, the heads first."""


def control(folder: Path, rows: int) -> None:
    """`tong/tong.json` below the folder of a list: how many rows its owner counts."""
    sheets.drop(folder / "tong", "tong.json", json.dumps({"tong": rows}).encode())


def csv(rows: Iterable[Sequence[object]]) -> bytes:
    """Rows as spreadsheets save them here: byte order mark, semicolons."""
    return ("\ufeff" + "\r\n".join(";".join(map(str, row)) for row in rows) + "\r\n").encode()
