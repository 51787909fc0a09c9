"""The poller: wakes for each source when it is due, asks, and commits what the answer came to.

One poll serves all screens.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import logging
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from datetime import datetime
from typing import Any

import msgspec

from ioc import catalog, clock, intake, proof, retired
from ioc.adapter import Adapter, Answer, Reading
from ioc.errors import BadConfig, BadRecord, Fenced, Gap, IocError, SourceDown, SourceRefused, StoreAway, Untaken
from ioc.event import digest
from ioc.intake import Finder, Taken
from ioc.intake.asides import marks
from ioc.log import Known, Log
from ioc.retired import Retired
from ioc.settings import Settings, Source

JITTER = 0.1
BACK_OFF_MAX_S = 60.0
BACK_OFF_TIMES = 16
"""How many times its pace a failing source is left alone at most; never longer than BACK_OFF_MAX_S, or its pace."""
TALLY_S = 2.0
"""Seconds beyond its own time limit that an adapter's tally is waited for."""

Standing = Callable[[str, str], Awaitable[dict[str, datetime]]]
"""Which subjects of a source (and event type) stand in the archive, with their source time."""
Quarantined = Callable[[str], Awaitable[dict[str, str]]]
"""Which records of a source stand set aside in SQL: the reason of each, by its digest."""

Closed = Callable[[], Awaitable[Retired | None]]
"""Whether nothing of a source is taken now, because another has replaced it."""

logger = logging.getLogger("ioc.poller")


class Asking:
    """One source's askings, one after the other. `poll` is one of them; `run` goes on for ever."""

    def __init__(
        self,
        source: Source,
        adapter: Adapter[Any],
        log: Log,
        units: Finder | None = None,
        standing: Standing | None = None,
        quarantined: Quarantined | None = None,
        closed: Closed | None = None,
    ) -> None:
        self.closed = closed
        self.source, self.adapter, self.log, self.units, self.standing = source, adapter, log, units, standing
        self.quarantined = quarantined
        self.known: Known | None = None
        self.again = False
        self.archived: dict[str, datetime] = {}
        self.aside: dict[str, str] = {}

    async def poll(self) -> Known:
        """Ask once and commit. Whatever is wrong with the source is noted in its answer; StoreAway goes up."""
        while True:
            try:
                known = self.known if self.known is not None else await self._begin()
                self.known = await self._ask(known)
                return await self._prove(self.known)
            except Gap:
                # somebody else wrote for this source, or the store was emptied: what we believed to know is old
                self.known = None
            except BaseException:
                self.known = None
                raise

    async def _begin(self) -> Known:
        known = await self.log.known(self.source.name)
        # no answer was ever taken: the first poll of all, or the store was emptied and the archive may know more
        self.again = known.answered is None or known.answered.answered is None
        self.archived, self.aside = {}, {}
        if self.again and self.quarantined is not None:
            # what stands set aside is known to SQL alone: it is neither counted twice nor forgotten
            self.aside = marks(await self.quarantined(self.source.name))
        if self.again and self.standing is not None and self.adapter.config.complete:
            self.archived = await self.standing(self.source.name, self.adapter.config.event)
        return known

    async def _ask(self, known: Known) -> Known:
        asked, quiet, came = clock.now(), True, False
        known = await self._leave(known, asked)
        try:
            async with aclosing(self._askings(known.cursor)) as askings:
                async for answers in askings:
                    quiet, came = False, True
                    known, came = await self._take(answers, known, asked), False
        except (SourceRefused, SourceDown) as error:
            refused = isinstance(error, SourceRefused)
            met = came or (isinstance(error, SourceDown) and error.answered)
            lacking = error.lacking if isinstance(error, Untaken) else ()
            return await self._fail(error.say, known, asked, refused, untaken=came, lacking=lacking, met=met)
        except (StoreAway, Gap, Fenced):
            raise
        except Exception as error:
            # one adapter's fault must not stop the other sources
            logger.exception("%s: its adapter failed.", self.source.name)
            say = f"The adapter {self.source.adapter} failed ({type(error).__name__}); see the log, and mend it."
            return await self._fail(say, known, asked, untaken=came, met=came)
        if not quiet:
            return known
        # a folder without a new file, or a source that sends by itself: it was looked at, and owed nothing
        return await intake.looked(self.log, self.source.name, known, asked=asked, met=self.adapter.asks)

    async def _prove(self, known: Known) -> Known:
        """Once in a while, after an answer: the source's own count and newest change beside ours. It harms nothing."""
        answered, contract = known.answered, self.source.contract
        if answered is None or answered.error is not None or not self.adapter.tallies:
            return known
        if not answered.link.due(clock.now(), contract.prove_s):
            return known
        tally, why = None, None
        try:
            async with asyncio.timeout(self.adapter.config.timeout_s + TALLY_S):
                tally = await self.adapter.tally()
        except TimeoutError:
            why = f"{self.source.name} did not say within {self.adapter.config.timeout_s:g} s how much it holds."
        except IocError as error:
            why = error.say
        except Exception as error:
            logger.exception("%s: its adapter failed at the tally.", self.source.name)
            why = f"The adapter {self.source.adapter} failed at the tally ({type(error).__name__}); see the log."
        if why is not None and answered.link.why is None:
            logger.warning("%s: %s", self.source.name, why)
        self.known = None
        try:
            self.known = await intake.prove(self.log, self.source.name, known, tally, why, contract.patience)
        except Gap:
            # somebody else wrote meanwhile; the answer stands, and the next proof is made with what is known then
            return known
        return self.known

    async def _leave(self, known: Known, asked: datetime) -> Known:
        """What was typed of a period that the machine source tells too leaves the boards: it would count twice."""
        gone = await self.closed() if self.closed is not None else None
        if gone is None or gone.since is None:
            return known
        ends = list(intake.since(known, gone.since))
        if not ends:
            return known
        terms = intake.terms(self.source.contract, self.adapter.config, None)
        taken = intake.weigh(self.source.name, known, ends, received=clock.now(), **terms)
        received = (known.answered.answered if known.answered is not None else None) or asked
        name = self.source.name
        return await intake.commit(self.log, name, known, taken, asked=asked, received=received, cursor=known.cursor)

    async def _askings(self, cursor: str | None) -> AsyncGenerator[list[Answer]]:
        """The answers of one asking, grouped into wholes: pages belong together, files stand alone."""
        group: list[Answer] = []
        async with aclosing(self.adapter.ask(cursor)) as answers:  # type: ignore[type-var]
            async for answer in answers:
                group.append(answer)
                if answer.last:
                    yield group
                    group = []
        if group:
            raise SourceDown(f"{self.source.name} ended in the middle of its pages; nothing of them was taken.")

    async def _take(self, answers: list[Answer], known: Known, asked: datetime) -> Known:
        try:
            if self.closed is not None and (gone := await self.closed()) is not None:
                raise SourceDown(gone.say)
            taken = await asyncio.to_thread(self._weigh, answers, known)
            cursor = next((answer.cursor for answer in reversed(answers) if answer.cursor is not None), known.cursor)
            known = await intake.commit(
                self.log, self.source.name, known, taken, asked=asked, received=clock.now(), cursor=cursor
            )
        except (SourceDown, SourceRefused) as error:
            for answer in answers:
                await self.adapter.committed(answer, error.say)
            raise
        for answer in answers:
            await self.adapter.committed(answer, None)
        self.again, self.archived, self.aside = False, {}, {}
        return known

    def _weigh(self, answers: list[Answer], known: Known) -> Taken:
        """Runs in a thread: a large answer must not hold up the leases and beats of this process."""
        if all(answer.unchanged for answer in answers):
            before = known.answered
            counted = Taken([], {})
            if before is not None:
                counted.have = before.have
                counted.failed = list(before.checks.failed)
                counted.digest = before.digest
            return counted
        results: list[Reading | BadRecord] = []
        for answer in answers:
            results.extend(self.adapter.parse(answer))
        taken = intake.weigh(
            self.source.name,
            msgspec.structs.replace(known, seen={**self.aside, **known.seen}) if self.aside else known,
            results,
            received=clock.now(),
            again=self.again,
            archived=self.archived,
            **intake.terms(self.source.contract, self.adapter.config, self.units),
        )
        taken.seen = {**self.aside, **taken.seen}
        if self.source.contract.same is not None:
            taken.digest = digest([hashlib.blake2b(answer.body, digest_size=12).hexdigest() for answer in answers])
        return taken

    async def _fail(
        self,
        say: str,
        known: Known,
        asked: datetime,
        refused: bool = False,
        *,
        untaken: bool,
        met: bool,
        lacking: tuple[str, ...] = (),
    ) -> Known:
        before = known.answered
        link = before.link if before is not None else proof.Link()
        link = proof.met(link, asked) if met else proof.unmet(link, asked, refused=refused)
        if before is None or before.error is None:
            logger.warning("%s: %s", self.source.name, say)
        return await intake.fail(
            self.log, self.source.name, known, say, asked=asked, refused=refused, untaken=untaken, lacking=lacking,
            link=link,
        )  # fmt: skip

    def rest(self, known: Known) -> float | None:
        """Seconds until the next asking, with jitter; None when the source refused and must not be asked again."""
        answered, pace = known.answered, self.source.contract.pace
        if answered is not None and answered.refused:
            return None
        wait = pace
        if answered is not None and answered.failures > 1:
            longest = max(pace, min(BACK_OFF_MAX_S, BACK_OFF_TIMES * pace))
            wait = min(pace * 2 ** min(answered.failures - 1, 10), longest)
        return wait * random.uniform(1 - JITTER, 1 + JITTER)

    async def run(self) -> None:
        """Poll for ever; returns when the source refused. StoreAway goes up to the role, which begins again."""
        failing = False
        while True:
            known = await self.poll()
            bad = known.answered is not None and known.answered.error is not None
            if failing and not bad:
                logger.info("%s answers again.", self.source.name)
            failing = bad
            rest = self.rest(known)
            if rest is None:
                logger.error(
                    "%s is not asked again until a restart: %s",
                    self.source.name,
                    known.answered and known.answered.error,
                )
                return
            await asyncio.sleep(rest)


async def _closed(settings: Settings, log: Log, name: str) -> Retired | None:
    return retired.look(settings, name, await log.answers(), clock.now())


async def run(
    settings: Settings,
    log: Log,
    units: Finder | None,
    standing: Standing | None = None,
    quarantined: Quarantined | None = None,
) -> None:
    """Poll every source of the settings. A source whose settings are wrong is shown as refused; the rest goes on."""
    askings: list[Asking] = []
    for source in settings.sources.values():
        try:
            closed = (
                functools.partial(_closed, settings, log, source.name) if retired.by(settings, source.name) else None
            )
            adapter = catalog.open_adapter(source)
            askings.append(Asking(source, adapter, log, units, standing, quarantined=quarantined, closed=closed))
        except BadConfig as error:
            logger.error("%s: %s", source.name, error)
            known = await log.known(source.name)
            await intake.fail(log, source.name, known, error.say, asked=clock.now(), refused=True)
    try:
        async with asyncio.TaskGroup() as together:
            for asking in askings:
                together.create_task(asking.run(), name=f"source {asking.source.name}")
            # the role stays held, and its beat goes on, when every source has refused
            together.create_task(asyncio.Event().wait(), name="poller")
    finally:
        for asking in askings:
            await asking.adapter.close()
