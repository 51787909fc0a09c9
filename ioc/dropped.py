"""What adapters of files that are dropped in a folder share: each is taken once it is complete, and moved out of it.

Which files count as complete is told in `ioc.folder`. A file goes to `done/` once its events are safe; what can't be
read at all to `set-aside/`, with a `.txt` beside it that says why.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from ioc import fields
from ioc.adapter import Adapter, AdapterConfig, Answer
from ioc.errors import SourceDown, Untaken
from ioc.folder import ASIDE, DONE, Folder, Mark
from ioc.proof import Tally
from ioc.tally import TallyIn


class Dropped(AdapterConfig, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`folder`: where files are dropped. `settle_s`: seconds that a file must stand still.

    `markers`: take only files with a `.done` marker. `max_files`: at most so many in one asking. `tally`: the control
    file (`ioc.tally.TallyIn`). `zone`: of its time.
    """

    folder: str
    settle_s: float = 2.0
    markers: bool = False
    max_files: int = 100
    tally: TallyIn | None = None
    zone: str = "Asia/Ho_Chi_Minh"


class Bad(NamedTuple):
    """A file that can't be read, why, and the time of its last change on disk (ns).

    `lacking`: the columns that it has not, if that is why.
    """

    name: str
    why: str
    changed: int | None
    lacking: tuple[str, ...] = ()


D = TypeVar("D", bound=Dropped)


class FromFolder(Adapter[D], ABC):
    """Takes the files that lie complete in one folder, oldest first. The cursor keeps the marks of files that are
    committed and may not be moved yet, so that a crash between the two makes nothing twice.

    An author writes `look` and `parse`, which begins with `refuse`.
    """

    def __init__(self, name: str, config: D) -> None:
        super().__init__(name, config)
        self.dropped = Folder(
            Path(config.folder), settle_s=config.settle_s, markers=config.markers, max_bytes=config.max_bytes
        )

    @abstractmethod
    def look(self, body: bytes, file: str) -> object:
        """Whether parse will take the file, told before it is handed on. Raises SourceDown when it will not."""

    def refuse(self, answer: Answer) -> None:
        """Raises SourceDown for the answer that stands for the files that can't be read."""
        if "bad" in answer.about:
            bad: list[Bad] = answer.about["bad"]
            lacking = dict.fromkeys(column for one in bad for column in one.lacking)
            raise Untaken(" ".join(one.why for one in bad), lacking=tuple(lacking))

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
                    await asyncio.to_thread(self.look, body, name)
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

    @property
    def tallies(self) -> bool:
        return self.config.tally is not None

    async def tally(self) -> Tally | None:
        if self.config.tally is None:
            return None
        return await asyncio.to_thread(self.config.tally.read, self.dropped.path, self.config.zone)

    async def committed(self, answer: Answer, trouble: str | None) -> None:
        """Moves the file to `done/`, or to `set-aside/` with what is wrong; one that changed meanwhile stays.

        A file that can't be moved stays too: the next asking tries again, and says so."""
        mark: Mark | None = answer.about.get("mark")
        left = [Bad(mark.name, trouble or "", mark.changed)] if mark else answer.about.get("bad", [])
        for name, why, changed, _ in left:
            if self.dropped.changed(name) == changed:
                await asyncio.to_thread(self.dropped.move, name, ASIDE if trouble else DONE, why if trouble else None)
