"""A centre in memory with its reminders in SQL, moved by hand: log, projector, health watch, reminders.

`python -m tests.reminded DATABASE PORT` owes one reminder and sends it to the mail server on PORT: to be killed.
"""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import datetime, timedelta
from typing import Any, Self
from unittest.mock import patch

import msgspec

from ioc import catalog, clock, names
from ioc.board.memory import MemoryBoard
from ioc.clock import ZONE
from ioc.contract import Answered, Contract
from ioc.db import reminders as book
from ioc.db.session import Database, open_db
from ioc.duty import Due
from ioc.event import Event, Feature, new_id
from ioc.intake import said
from ioc.log.memory import MemoryLog
from ioc.mailing import Made, Reminders, Smtp, Webhook
from ioc.run.health import Health
from ioc.run.projector import Projector
from ioc.run.remind import Reminding
from ioc.settings import Province, Settings, Source
from tests.centre import NoArchive

FRIDAY = "2026-03-06"
BEDS = Contract(
    "Sở Y tế", due=Due("day", by="17:00", working=True), reporters=("bv1", "bv2"), contact="mailto:vp@soyte.vn",
    method="typed",
)  # fmt: skip
CAMS = Contract("Sở Giao thông", cadence=30, grace=60)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


def by_mail(port: int, **other: Any) -> Reminders:
    smtp = Smtp("127.0.0.1", port, "none", timeout_s=other.pop("timeout_s", 20))
    return Reminders(sender="ioc@quangnam.gov.vn", smtp=smtp, after=(3600, 86_400), **other)


def by_hook(url: str, **other: Any) -> Reminders:
    return Reminders(webhook=Webhook(url), after=(3600, 86_400), **other)


class Office:
    """`now` is moved by hand; `look` lets everybody look once."""

    def __init__(self, db: Database, rules: Reminders, now: str = "2026-03-05 18:00", **contracts: Contract) -> None:
        owed = {"beds": BEDS, "cams": CAMS, **contracts}
        sources = {
            name: Source(name, "push" if name == "beds" else "camera_registry", one, {}, (f"Nguồn {name}", name))
            for name, one in owed.items()
        }
        self.db, self.now = db, at(now)
        self.log, self.board = MemoryLog(), MemoryBoard()
        self.settings = Settings(Province("Quảng Nam"), sources, reminders=rules)
        self.reminding = Reminding(self.settings, rules, db, clock=lambda: self.now)
        layers = {one: catalog.tiles(one.name) for one in catalog.layers(("ledger",))}
        self.projector = Projector(layers, self.board, self.log, NoArchive(), self.settings)
        self.health = Health(self.settings, self.board, self.log, tiles=list, reminding=self.reminding)

    async def open(self) -> Self:
        """Everybody is there, the cameras answer, and the ledger watches since now."""
        await self.projector.open()
        await self.health.open()
        await self.answers()
        await self.look()
        return self

    async def look(self, now: str | None = None) -> None:
        if now is not None:
            self.now = at(now)
        # the projector lets items go by the clock, and these are of another year
        with patch.object(clock, "now", lambda: self.now):
            async for batch in self.log.read("projector"):
                await self.projector.work(batch)
                if batch is None:
                    break
            await self.projector.tick(force=True)
        await self.health.look(self.now)
        await self.reminding.turn()
        await self.health.look(self.now)

    async def answers(self, **told: Any) -> None:
        """The cameras are asked now; they answer unless `told` says otherwise."""
        known = await self.log.known("cams")
        given = {"asked": self.now, "answered": self.now, "observed": self.now, "error": None, **told}
        answered = msgspec.structs.replace(known.answered or Answered("cams", self.now), **given)
        await self.log.append([], source="cams", revision=known.revision, cursor=None, seen={}, answered=answered)

    async def reports(self, *who: str, period: str = FRIDAY) -> None:
        told = dict.fromkeys(who, clock.rfc3339(self.now))
        feature = Feature({"of": "beds", "first": period, "last": period, "reported": told})
        event = Event(new_id(), "beds", names.REPORTED, f"beds/{period}", self.now, self.now, feature, method="typed")
        await said.tell(self.log, "beds", [event], self.now)

    async def excuse(self, who: str, *, take_back: bool = False) -> None:
        calendar, source = self.settings.calendar, self.settings.sources["beds"]
        await said.excuse(
            self.log, source, FRIDAY, who, why="Mất điện cả huyện", by="Trực ban", take_back=take_back,
            calendar=calendar, now=self.now,
        )  # fmt: skip

    async def items(self, channel: str = names.REMINDERS) -> dict[str, Any]:
        found = await self.board.snapshot(channel)
        assert found is not None
        return {name: json.loads(body) for name, body in found.items.items()}

    async def made(self) -> list[Made]:
        return await book.made(self.db, self.now - timedelta(days=400))

    async def states(self) -> list[tuple[str, int, str]]:
        return [(one.duty, one.step, one.state) for one in await self.made()]


async def owe(database: str, port: int) -> None:
    """Owe a reminder of Friday's figures, and send it."""
    office = await Office(open_db(database), by_mail(port)).open()
    await office.look(f"{FRIDAY} 18:00:01")


if __name__ == "__main__":
    asyncio.run(owe(sys.argv[1], int(sys.argv[2])))
