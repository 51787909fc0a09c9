"""CSV and XLSX files dropped in a folder: each is taken once it is complete, and moved to `done/` or `set-aside/`.

Settings (TOML)::

    [sources.population]
    adapter = "table_file"
    event = "ioc.indicator.measured"
    folder = "/srv/ioc/drop/population"

    [[sources.population.forms]]
    files = ["*Ward*.xlsx"]                    # which files have this form: by name,
    headers = ["Tổng số", "1. Thành thị"]      # and by columns that they have
    shape = {fill_down = ["A", "B"], subtotal = "Tổng số"}
    id = ["A", "B", "C"]
    properties = {people = {path = "Tổng số", kind = "integer", form = "vi", default = 0}}

A form has all that `ioc.mapping` and `ioc.tables` map, and the shape that `ioc.sheets` reads. One source may have
several forms; the first that fits a file is its form. `repeat = true`: it only repeats what another form tells in full.

A file counts as complete when its size and time stand still for `settle_s`, when it was renamed into place from a name
that is ignored (`.part`, `.tmp`, `~$…`, a leading dot) and stands still, or at once when `<name>.done` lies beside it.
What can't be read at all goes to `set-aside/` with a `.txt` beside it that says why. Nothing but plain files is opened.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
import time
from collections.abc import AsyncIterator, Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import msgspec

from ioc import fields
from ioc.adapter import Adapter, AdapterConfig, Answer, Reading
from ioc.errors import BadRecord, SourceDown, Untaken
from ioc.sheets import Book, Shape, Table
from ioc.tables import Rows, missing, readings

DONE, ASIDE, MARKER = "done", "set-aside", ".done"
UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".crdownload", ".filepart", ".swp", MARKER)


class Form(Rows, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One form of table. `files`: patterns of file names (case doesn't matter); `headers`: columns that identify it.

    `shape`: how the table lies in the file. `event`: type of its readings, where it is not the source's. The mapping
    is that of `ioc.mapping` and `ioc.tables`.
    """

    event: str = ""
    files: tuple[str, ...] = ("*",)
    headers: tuple[str, ...] = ()
    shape: Shape = Shape()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.complete:
            raise ValueError("complete belongs to the source, not to a form; write it above the forms")


class Mark(msgspec.Struct, frozen=True):
    """A file as it was when it was taken: name, SHA-256 of its bytes, and the time of its last change on disk (ns)."""

    name: str
    sha256: str
    changed: int


class Bad(NamedTuple):
    """A file that can't be read, why, and the time of its last change on disk (ns)."""

    name: str
    why: str
    changed: int | None


class TableFile(Adapter["TableFile.Config"]):
    """Takes the files that lie complete in one folder, oldest first. The cursor keeps the marks of files that are
    committed and may not be moved yet, so that a crash between the two makes nothing twice."""

    class Config(AdapterConfig, frozen=True, forbid_unknown_fields=True, kw_only=True):
        """`folder`: where files are dropped. `forms`: at least one. `settle_s`: seconds that a file must stand still.

        `markers`: take only files with a `.done` marker. `max_files`: at most so many in one asking.
        `complete`: each file holds everything there is, so a subject that is absent from it is gone.
        """

        folder: str
        forms: tuple[Form, ...]
        settle_s: float = 2.0
        markers: bool = False
        max_files: int = 100

        def __post_init__(self) -> None:
            if not self.forms:
                raise ValueError("there is no form; write [[sources.NAME.forms]] with id and properties")

    def __init__(self, name: str, config: Config) -> None:
        super().__init__(name, config)
        self.folder = Path(config.folder)
        self._seen: dict[str, tuple[tuple[int, int], float]] = {}

    async def ask(self, cursor: str | None) -> AsyncIterator[Answer]:
        """Yields each complete file, its name as the answer's name; what can't be read comes last, as one answer that
        parse refuses: a bad file must not keep the good ones waiting, and only `committed` sets it aside.

        Raises SourceDown when the folder can't be used."""
        marks = msgspec.json.decode(cursor, type=list[Mark]) if cursor else []
        bad: list[Bad] = []
        stuck: list[str] = []
        taken = 0
        for name in await self._complete():
            changed = self._changed(name)
            try:
                body, mark = await asyncio.to_thread(self._read, name)
                if mark not in marks:
                    await asyncio.to_thread(self._form, body, name)
            except FileNotFoundError:
                continue
            except SourceDown as error:
                bad.append(Bad(name, error.say, changed))
                continue
            if mark in marks:
                stuck += await asyncio.to_thread(self._move, name, DONE, None)
                continue
            if taken == self.config.max_files:
                break
            taken += 1
            marks = [kept for kept in marks if self._changed(kept.name) == kept.changed] + [mark]
            yield Answer(body, cursor=msgspec.json.encode(marks).decode(), name=name, about={"mark": mark})
        if bad:
            yield Answer(b"", name=", ".join(fields.shown(one.name) for one in bad), about={"bad": bad})
        if stuck:
            raise Untaken(" ".join(stuck))

    async def _complete(self) -> list[str]:
        """Names of the files that are complete, oldest first; waits `settle_s` when some are new here."""
        found = await asyncio.to_thread(self._look)
        if not self.config.markers and any(still < self.config.settle_s for _, still in found.values()):
            await asyncio.sleep(self.config.settle_s + 0.02)
            found = await asyncio.to_thread(self._look)
        wanted = float("inf") if self.config.markers else self.config.settle_s
        ready = {name: changed for name, (changed, still) in found.items() if still >= wanted}
        return sorted(ready, key=lambda name: (ready[name], name))

    def _look(self) -> dict[str, tuple[int, float]]:
        """What lies in the folder: each file's time of change, and for how many seconds it has stood still (for ever,
        when it has a marker)."""
        found: dict[str, tuple[int, float]] = {}
        try:
            entries = {entry.name: entry.stat(follow_symlinks=False) for entry in os.scandir(self.folder)}
        except FileNotFoundError:
            raise SourceDown(f"There is no folder {self.folder}; make it, or correct folder.") from None
        except OSError as error:
            raise SourceDown(f"The folder {self.folder} can't be read ({error.strerror}); check its rights.") from None
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

    def _read(self, name: str) -> tuple[bytes, Mark]:
        """The bytes of a plain file of this folder and its mark; raises SourceDown when it is none, or too large."""
        path, limit = self.folder / name, self.config.max_bytes
        if not name.isprintable():
            raise Untaken(f"A file has the name {name!a}, which is not plain UTF-8; name it otherwise.")
        try:
            handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
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

    def _changed(self, name: str) -> int | None:
        try:
            return os.lstat(self.folder / name).st_ctime_ns
        except OSError:
            return None

    def _move(self, name: str, to: str, why: str | None) -> list[str]:
        """Move a file out of the folder, never over another; `why` is written beside it. Returns what went wrong."""
        home = self.folder / to
        try:
            home.mkdir(exist_ok=True)
            if home.is_symlink():
                return [f"{home} is a link; put a real folder there."]
            goal = home / name
            number = 2
            while os.path.lexists(goal):
                goal = home / f"{Path(name).stem} ({number}){Path(name).suffix}"
                number += 1
            (self.folder / name).rename(goal)
            if why is not None:
                goal.with_name(goal.name + ".txt").write_text(why + "\n", encoding="utf-8")
            (self.folder / (name + MARKER)).unlink(missing_ok=True)
        except OSError as error:
            told = f"{fields.shown(name)} can't be moved to {to}/ ({error.strerror})"
            return [f"{told}; give the poller the right to write in {self.folder}."]
        return []

    def parse(self, answer: Answer) -> Iterable[Reading | BadRecord]:
        """Readings of one file. Raises SourceDown when it has none of the forms, or can't be read at all."""
        if "bad" in answer.about:
            raise Untaken(" ".join(one.why for one in answer.about["bad"]))
        form, table = self._form(answer.body, answer.name)
        number = str(self.config.forms.index(form))
        return readings(form, table.rows, event=form.event or None, form=number)

    def _form(self, body: bytes, file: str) -> tuple[Form, Table]:
        """The first form that fits, with its table."""
        book = Book(body, file)
        why: list[str] = []
        for form in self.config.forms:
            name = fields.clean(file).casefold()
            if not any(fnmatchcase(name, fields.clean(pattern).casefold()) for pattern in form.files):
                continue
            try:
                table = book.table(form.shape)
            except SourceDown as error:
                why.append(error.say)
                continue
            lacking = [name for name in form.headers if name not in table.columns] or missing(form, table.columns)
            if not lacking:
                return form, table
            why.append(f"It has no column {', '.join(lacking[:5])}.")
        reason = " ".join(dict.fromkeys(why)) or "No form takes files of that name."
        raise Untaken(f"{file} has none of the forms of this source. {reason} Correct the file, or add a form.")

    async def committed(self, answer: Answer, trouble: str | None) -> None:
        """Moves the file to `done/`, or to `set-aside/` with what is wrong; one that changed meanwhile stays.

        A file that can't be moved stays too: the next asking tries again, and says so."""
        mark: Mark | None = answer.about.get("mark")
        left = [Bad(mark.name, trouble or "", mark.changed)] if mark else answer.about.get("bad", [])
        for name, why, changed in left:
            if self._changed(name) == changed:
                await asyncio.to_thread(self._move, name, ASIDE if trouble else DONE, why if trouble else None)
