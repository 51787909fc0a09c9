"""A folder that files are dropped in: which lie complete, their bytes, and where they go when they are done with.

A file counts as complete when its size and time stand still for a while, when it was renamed into place from a name
that is ignored (`.part`, `.tmp`, `~$…`, a leading dot) and stands still, or at once when `<name>.done` lies beside it.
Nothing but plain files is opened.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
import time
from pathlib import Path

import msgspec

from ioc import fields
from ioc.errors import SourceDown, Untaken

DONE, ASIDE, MARKER = "done", "set-aside", ".done"
UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".crdownload", ".filepart", ".swp", MARKER)


class Mark(msgspec.Struct, frozen=True):
    """A file as it was when it was taken: name, SHA-256 of its bytes, and the time of its last change on disk (ns)."""

    name: str
    sha256: str
    changed: int


class Folder:
    """One folder. `settle_s`: seconds that a file must stand still; `markers`: only files with a marker are complete.

    `max_bytes`: of one file.
    """

    def __init__(self, path: Path, *, settle_s: float, markers: bool, max_bytes: int) -> None:
        self.path = path
        self._settle_s, self._markers, self._max_bytes = settle_s, markers, max_bytes
        self._seen: dict[str, tuple[tuple[int, int], float]] = {}

    async def complete(self) -> list[str]:
        """Names of the files that are complete, oldest first; waits `settle_s` when some are new here.

        Raises SourceDown when the folder can't be used."""
        found = await asyncio.to_thread(self._look)
        if not self._markers and any(still < self._settle_s for _, still in found.values()):
            await asyncio.sleep(self._settle_s + 0.02)
            found = await asyncio.to_thread(self._look)
        wanted = float("inf") if self._markers else self._settle_s
        ready = {name: changed for name, (changed, still) in found.items() if still >= wanted}
        return sorted(ready, key=lambda name: (ready[name], name))

    def _look(self) -> dict[str, tuple[int, float]]:
        """What lies in the folder: each file's time of change, and for how many seconds it has stood still (for ever,
        when it has a marker)."""
        found: dict[str, tuple[int, float]] = {}
        try:
            entries = {entry.name: entry.stat(follow_symlinks=False) for entry in os.scandir(self.path)}
        except FileNotFoundError:
            raise SourceDown(f"There is no folder {self.path}; make it, or correct folder.") from None
        except OSError as error:
            raise SourceDown(f"The folder {self.path} can't be read ({error.strerror}); check its rights.") from None
        now = time.monotonic()
        for name, about in entries.items():
            hidden = name.startswith((".", "~$")) or name.lower().endswith(UNFINISHED) or name in (DONE, ASIDE)
            if hidden or stat.S_ISDIR(about.st_mode):
                continue
            as_is = (about.st_size, about.st_mtime_ns)
            before, since = self._seen.get(name, (None, now))
            since = since if before == as_is else now
            self._seen[name] = (as_is, since)
            found[name] = (about.st_mtime_ns, float("inf") if name + MARKER in entries else now - since)
        self._seen = {name: self._seen[name] for name in found}
        return found

    def read(self, name: str) -> tuple[bytes, Mark]:
        """The bytes of a plain file of this folder and its mark; raises SourceDown when it is none, or too large, and
        FileNotFoundError when it is gone."""
        limit = self._max_bytes
        if not name.isprintable():
            raise Untaken(f"A file has the name {name!a}, which is not plain UTF-8; name it otherwise.")
        try:
            flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
            handle = os.open(self.path / name, flags)
        except FileNotFoundError:
            raise
        except OSError:
            raise Untaken(f"{name} is a link or may not be read; drop a plain file that we may read.") from None
        with os.fdopen(handle, "rb") as file:
            about = os.fstat(handle)
            if not stat.S_ISREG(about.st_mode):
                raise Untaken(f"{name} is no plain file; drop a CSV or an XLSX.")
            body = file.read(limit + 1) if about.st_size <= limit else b""
        if about.st_size > limit or len(body) > limit:
            raise Untaken(f"{name} is larger than {limit:,} bytes; split it, or raise max_bytes of this source.")
        return body, Mark(name, hashlib.sha256(body).hexdigest(), about.st_ctime_ns)

    def changed(self, name: str) -> int | None:
        """When a file changed on disk (ns); None: it is gone."""
        try:
            return os.lstat(self.path / name).st_ctime_ns
        except OSError:
            return None

    def size(self, name: str) -> int:
        """Bytes of a file; 0: it is gone."""
        try:
            return os.lstat(self.path / name).st_size
        except OSError:
            return 0

    def move(self, name: str, to: str, why: str | None, beside: dict[str, bytes] | None = None) -> list[str]:
        """Move a file out of the folder, never over another; `why` is written beside it, and so is each of `beside`
        (by the ending that its name gets). Returns what went wrong."""
        home = self.path / to
        try:
            home.mkdir(exist_ok=True)
            if home.is_symlink():
                return [f"{home} is a link; put a real folder there."]
            goal = home / name
            number = 2
            while os.path.lexists(goal):
                goal = home / f"{Path(name).stem} ({number}){Path(name).suffix}"
                number += 1
            (self.path / name).rename(goal)
            if why is not None:
                goal.with_name(goal.name + ".txt").write_text(why + "\n", encoding="utf-8")
            for ending, body in (beside or {}).items():
                goal.with_name(goal.name + ending).write_bytes(body)
            (self.path / (name + MARKER)).unlink(missing_ok=True)
        except OSError as error:
            told = f"{fields.shown(name)} can't be moved to {to}/ ({error.strerror})"
            return [f"{told}; give the poller the right to write in {self.path}."]
        return []
