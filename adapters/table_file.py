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

Which files count as complete is told in `ioc.folder`. What can't be read at all goes to `set-aside/` with a `.txt`
beside it that says why.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import msgspec

from ioc import fields
from ioc.adapter import Adapter, AdapterConfig, Answer, Reading
from ioc.errors import BadRecord, SourceDown, Untaken
from ioc.folder import ASIDE, DONE, Folder, Mark
from ioc.sheets import Book, Shape, Table
from ioc.tables import Rows, missing, readings


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


class Bad(NamedTuple):
    """A file that can't be read, why, and the time of its last change on disk (ns).

    `lacking`: the columns that it has not, if that is why.
    """

    name: str
    why: str
    changed: int | None
    lacking: tuple[str, ...] = ()


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
        self.dropped = Folder(
            Path(config.folder), settle_s=config.settle_s, markers=config.markers, max_bytes=config.max_bytes
        )

    async def ask(self, cursor: str | None) -> AsyncIterator[Answer]:
        """Yields each complete file, its name as the answer's name; what can't be read comes last, as one answer that
        parse refuses: a bad file must not keep the good ones waiting, and only `committed` sets it aside.

        Raises SourceDown when the folder can't be used."""
        marks = msgspec.json.decode(cursor, type=list[Mark]) if cursor else []
        bad: list[Bad] = []
        stuck: list[str] = []
        taken = 0
        for name in await self.dropped.complete():
            changed = self.dropped.changed(name)
            try:
                body, mark = await asyncio.to_thread(self.dropped.read, name)
                if mark not in marks:
                    await asyncio.to_thread(self._form, body, name)
            except FileNotFoundError:
                continue
            except SourceDown as error:
                bad.append(Bad(name, error.say, changed, error.lacking if isinstance(error, Untaken) else ()))
                continue
            if mark in marks:
                stuck += await asyncio.to_thread(self.dropped.move, name, DONE, None)
                continue
            if taken == self.config.max_files:
                break
            taken += 1
            marks = [kept for kept in marks if self.dropped.changed(kept.name) == kept.changed] + [mark]
            yield Answer(body, cursor=msgspec.json.encode(marks).decode(), name=name, about={"mark": mark})
        if bad:
            yield Answer(b"", name=", ".join(fields.shown(one.name) for one in bad), about={"bad": bad})
        if stuck:
            raise Untaken(" ".join(stuck))

    def parse(self, answer: Answer) -> Iterable[Reading | BadRecord]:
        """Readings of one file. Raises SourceDown when it has none of the forms, or can't be read at all."""
        if "bad" in answer.about:
            bad: list[Bad] = answer.about["bad"]
            lacking = dict.fromkeys(column for one in bad for column in one.lacking)
            raise Untaken(" ".join(one.why for one in bad), lacking=tuple(lacking))
        form, table = self._form(answer.body, answer.name)
        number = str(self.config.forms.index(form))
        return readings(form, table.rows, event=form.event or None, form=number)

    def _form(self, body: bytes, file: str) -> tuple[Form, Table]:
        """The first form that fits, with its table."""
        book = Book(body, file)
        why: list[str] = []
        without: dict[str, None] = {}
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
            without |= dict.fromkeys(lacking)
        reason = " ".join(dict.fromkeys(why)) or "No form takes files of that name."
        say = f"{file} has none of the forms of this source. {reason} Correct the file, or add a form."
        raise Untaken(say, lacking=tuple(without))

    async def committed(self, answer: Answer, trouble: str | None) -> None:
        """Moves the file to `done/`, or to `set-aside/` with what is wrong; one that changed meanwhile stays.

        A file that can't be moved stays too: the next asking tries again, and says so."""
        mark: Mark | None = answer.about.get("mark")
        left = [Bad(mark.name, trouble or "", mark.changed)] if mark else answer.about.get("bad", [])
        for name, why, changed, _ in left:
            if self.dropped.changed(name) == changed:
                await asyncio.to_thread(self.dropped.move, name, ASIDE if trouble else DONE, why if trouble else None)
