"""Reminds agencies of what they owe: beside the looks of the health watch, so that a slow mail server holds up none.

Every reminder is a row in SQL before it goes out, and is marked as on its way in a commit of its own before a byte
leaves. One that was on its way when this process died is "unknown", and a person decides
(`ioc/decisions/0013-a-reminder-goes-out-once.md`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from ioc import clock, ledger, reminders
from ioc.contract import Answered
from ioc.db import reminders as book
from ioc.db.session import Database
from ioc.db.tables import ReminderRow
from ioc.event import digest
from ioc.ledger import Told
from ioc.mailing import Made, Reminders
from ioc.reminder_text import letter
from ioc.reminders import Missed
from ioc.run.outgoing import send
from ioc.settings import Settings, Source

EVERY_S = 2.0
AWAY_S = 5.0
"""Between two tries while the database is away."""
KEPT = timedelta(days=400)
"""How far back reminders are looked at: this year's, and what of the last one is still open."""
AT_ONCE = 4
"""Reminders on their way at once."""
MOST_ATTEMPTS = 8
AGAIN_S, AGAIN_MOST_S = 60.0, 3600.0
NO_CONTACT = "The contract names no mail address, and no webhook is set; write contact, or [reminders.webhook]."
NO_WAY = "No way to send is set, so the screens alone tell it; write [reminders.smtp] or [reminders.webhook]."

logger = logging.getLogger("ioc.reminders")
_on_their_way: set[asyncio.Task[None]] = set()
"""Kept here, as the loop itself holds a task only loosely."""
_AWAY = (sa.exc.DBAPIError, sa.exc.TimeoutError, OSError)


class Seen(NamedTuple):
    """What the health watch saw at its last look. `told`: the ledger's entries of a source, by period."""

    now: datetime
    items: Mapping[str, Mapping[str, Any]]
    answers: Mapping[str, Answered]
    told: Callable[[str], Told]


class Reminding:
    """`items`: the channel `reminders`, as it stands now. `called`: names of communes by their code.

    `clock`: the present; tests move it by hand.
    """

    def __init__(
        self,
        settings: Settings,
        rules: Reminders,
        db: Database,
        *,
        called: Mapping[str, str] | None = None,
        clock: Callable[[], datetime] = clock.now,
    ) -> None:
        self.settings, self.rules, self.db, self._clock = settings, rules, db, clock
        self._called = called or {}
        canary = settings.canary
        self._sources = {name: one for name, one in settings.sources.items() if canary is None or name != canary.name}
        self._agencies = {source.contract.owner for source in self._sources.values()}
        self._seen: Seen | None = None
        self._trouble: dict[str, datetime] = {}
        self._since: dict[str, datetime] = {}
        self._opened = False
        self._purged: int | None = None
        self.items: dict[str, Any] = {}

    def saw(self, seen: Seen) -> None:
        """Take what the health watch has just seen; does no input or output."""
        self._seen = seen
        for name, item in seen.items.items():
            if item["state"] in ("live", "late"):
                self._trouble.pop(name, None)
            elif item["state"] in ("stale", "down"):
                self._trouble.setdefault(name, seen.now)

    async def run(self) -> None:
        """Remind for ever; whatever goes wrong here is told once, and stops nobody."""
        down = False
        while True:
            try:
                await self.turn()
                if down:
                    logger.info("Reminders go on.")
                down = False
            except _AWAY as error:
                if not down:
                    logger.warning("The database does not answer (%s); reminders wait.", type(error).__name__)
                down = True
            except Exception:
                if not down:
                    logger.exception("Reminders can't go on; tried again every %g s, and said once.", AWAY_S)
                down = True
            await asyncio.sleep(AWAY_S if down else EVERY_S)

    async def turn(self) -> None:
        """Look once: what is owed is written down, what waits is sent. Raises what the database raises."""
        if not self._opened:
            await self._open()
        seen, now = self._seen, self._clock()
        await self._purge(reminders.year_of(now))
        if seen is None:
            self._stand(await book.made(self.db, now - KEPT), now)
            return
        made = await book.made(self.db, now - KEPT)
        missed = self._missed(seen, made, now)
        await self._tidy(seen, made, missed, now)
        await book.make(self.db, self._new(made, missed, now))
        made = await book.made(self.db, now - KEPT)
        self._stand(made, now)
        await self._go(made, missed, now)
        self._stand(await book.made(self.db, now - KEPT), self._clock())

    async def _open(self) -> None:
        lost = await book.cut_off(self.db)
        if lost:
            logger.warning("%d reminders were on their way when the process ended; look whether they arrived.", lost)
        self._since = await book.since(self.db, self._sources, self._clock())
        self._opened = True

    async def _purge(self, year: int) -> None:
        """Drop what is older than the years that are kept: once a year, and at each start."""
        if self._purged == year:
            return
        first = year - self.rules.keep_years + 1
        gone = await book.purge(self.db, datetime(first, 1, 1, tzinfo=clock.ZONE))
        if gone:
            logger.info(
                "%d reminders from before %d were purged (kept for %d years).", gone, first, self.rules.keep_years
            )
        self._purged = year

    def _stand(self, made: Sequence[Made], now: datetime) -> None:
        self.items = reminders.standing(made, self._agencies, self.rules, now)

    def _missed(self, seen: Seen, made: Sequence[Made], now: datetime) -> dict[str, Missed]:
        """All duties that are missed now, by their key."""
        found: list[Missed] = []
        for name, source in self._sources.items():
            owed = source.contract
            if not owed.remind or seen.items.get(name, {}).get("retired_by"):
                # another tells it: nobody need type it any more
                continue
            if owed.due is not None:
                found += reminders.periods(
                    name, owed, tuple(self._called), seen.told(name), now, self.settings.calendar,
                    since=self._since[name], rules=self.rules,
                )  # fmt: skip
            elif name in seen.items:
                began = self._trouble.get(name, now)
                outage = reminders.outage(name, owed, seen.items[name]["state"], began)
                if outage is not None:
                    # after a restart of ours it is the same outage still
                    key = reminders.open_outage(name, made) or outage.duty
                    found.append(Missed(key, name, owed.owner, began, on_days_off=outage.on_days_off))
        return {one.duty: one for one in found}

    async def _tidy(self, seen: Seen, made: Sequence[Made], missed: Mapping[str, Missed], now: datetime) -> None:
        """What is no longer owed is not sent; outages end; what was excused counts no longer."""
        over = [one.duty for one in made if one.period is None and one.ended is None and self._over(seen, one)]
        await book.end(self.db, over, now)
        await book.withdraw(
            self.db, [one.id for one in made if one.state == "waiting" and self._met(one, missed, seen)]
        )
        excused: list[str] = []
        owed_again: list[str] = []
        for one in made:
            told = seen.told(one.source).get(one.period) if one.period is not None else None
            if told is not None and reminders.excused(one.missing, told) != (one.excused is not None):
                (owed_again if one.excused is not None else excused).append(one.id)
        await book.excuse(self.db, excused, now)
        await book.excuse(self.db, owed_again, None)

    def _over(self, seen: Seen, one: Made) -> bool:
        item = seen.items.get(one.source)
        return item is None or item["state"] in ("live", "late")

    def _met(self, one: Made, missed: Mapping[str, Missed], seen: Seen) -> bool:
        """Whether a duty that waits to be reminded of was met meanwhile, excused, or is nobody's any more."""
        if one.period is None:
            return self._over(seen, one)
        owed = missed.get(one.duty)
        return owed is None or not set(one.missing) & set(owed.missing)

    def _looked_for(self, source: Source, now: datetime) -> bool:
        answered = self._seen.answers.get(source.name) if self._seen is not None else None
        return reminders.looked_for(source.contract, answered, source.sends, now)

    def _may_go(self, missed: Missed, now: datetime) -> bool:
        source = self._sources[missed.source]
        return self._looked_for(source, now) and reminders.may_go(missed, self.rules, self.settings.calendar, now)

    def _new(self, made: Sequence[Made], missed: Mapping[str, Missed], now: datetime) -> list[ReminderRow]:
        """Rows of the reminders that are owed now and may go out."""
        rows: list[ReminderRow] = []
        year = reminders.year_of(now)
        count = {agency: len(found) for agency, found in reminders.counted(made, year).items()}
        under_way = {(one.agency, one.duty, one.step) for one in made if one.state in ("waiting", "sending")}
        for one in sorted(missed.values(), key=lambda one: (one.due, one.duty)):
            step = reminders.step(one, made, self.rules, now)
            if step is None or not self._may_go(one, now):
                continue
            before = count.get(one.agency, 0) + sum(agency == one.agency for agency, _, _ in under_way)
            under_way.add((one.agency, one.duty, step))
            rows += self._rows(one, step, before, now)
        return rows

    def _rows(self, missed: Missed, step: int, before: int, now: datetime) -> list[ReminderRow]:
        """One row for each way that a reminder goes; `before`: how many its agency has had this year."""
        source = self._sources[missed.source]
        to = reminders.recipients(source.contract, self.rules, step, before)
        ways = ["mail"] * bool(self.rules.smtp and to) + ["webhook"] * (self.rules.webhook is not None)
        told = letter(
            missed, source.contract, title=source.title, province=self.settings.province.name, step=step,
            number=before + 1, thresholds=self.rules.thresholds, called=ledger.called(source.contract, self._called),
            now=now,
        )  # fmt: skip
        return [
            ReminderRow(
                id=digest(missed.duty, step, way), duty=missed.duty, step=step, way=way, agency=missed.agency,
                source=missed.source, period=missed.period, due=missed.due, missing=list(missed.missing),
                recipients=list(to), subject=told.subject, text=told.text, number=before + 1, created=now,
                state="no contact" if way == "none" else "waiting", next=None if way == "none" else now,
                error=None if ways else NO_CONTACT if self.rules.smtp else NO_WAY,
            )
            for way in ways or ["none"]
        ]  # fmt: skip

    async def _go(self, made: Sequence[Made], missed: Mapping[str, Missed], now: datetime) -> None:
        """Send what waits and may go now, a few at once."""
        ready = [
            one.id
            for one in made
            if one.state == "waiting" and (one.next is None or one.next <= now)
            and one.duty in missed and self._may_go(missed[one.duty], now)
        ]  # fmt: skip
        for start in range(0, len(ready), AT_ONCE):
            await asyncio.gather(*(self._send(name) for name in ready[start : start + AT_ONCE]))

    async def _send(self, name: str) -> None:
        """Send one; when the watch begins again meanwhile, it is brought to its end all the same."""
        sending = asyncio.create_task(self._deliver(name), name=f"reminder {name}")
        _on_their_way.add(sending)
        sending.add_done_callback(_on_their_way.discard)
        await asyncio.shield(sending)

    async def _deliver(self, name: str) -> None:
        row = await book.claim(self.db, name, self._clock())
        if row is None:
            return
        outcome = await send(row, self.rules, self._clock())
        now = self._clock()
        told: dict[str, Any]
        if outcome.state == "sent":
            state, told = "sent", {"sent": now, "receipt": outcome.say, "error": None, "next": None}
        elif outcome.state == "again" and row.attempts < MOST_ATTEMPTS:
            wait = min(AGAIN_S * 2 ** (row.attempts - 1), AGAIN_MOST_S)
            state, told = "waiting", {"error": outcome.say, "next": now + timedelta(seconds=wait)}
        else:
            state = "failed" if outcome.state == "again" else outcome.state
            told = {"error": outcome.say, "next": None}
        await self._settle(name, state, told)
        if state in ("failed", "unknown"):
            logger.warning("The reminder %s to %s is %s: see /api/reminders.", name, row.agency, state)

    async def _settle(self, name: str, state: str, told: Mapping[str, Any]) -> None:
        """Write down what became of it, however long that takes: nobody else knows."""
        while True:
            try:
                await book.settle(self.db, name, state, **told)
                return
            except _AWAY:
                await asyncio.sleep(AWAY_S)
