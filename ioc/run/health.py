"""Health: how old the picture is. Measures each source against its contract.

Keeps the channels of OWN: the sources and what they owe, the link matrix, checks, walls, alerts, and the four words.
The hub joins what stands here to the quality of every channel. A source whose state is another now makes one event, so
that its history can be read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from ioc import alerts, checks, clock, contract, ledger, links, names, repairs, retired, score, walls
from ioc.alert_rules import Standing
from ioc.board import Board
from ioc.contract import Answered
from ioc.errors import Gap, StoreAway
from ioc.event import Event, Feature, new_id
from ioc.intake import said
from ioc.log import Known, Log
from ioc.run.books import Books, Owed
from ioc.run.checking import Checking
from ioc.run.epochs import Epochs
from ioc.run.figures import ALL, wire
from ioc.run.following import Following, properties
from ioc.run.remind import Reminding, Seen
from ioc.score import WORDS
from ioc.settings import Settings

WORD_TILES = tuple(names.tile_channel(word.name) for word in WORDS)
OWN = (
    names.SOURCES, names.LEDGER, names.SCORES, names.LINKS, names.CHECKS, names.REMINDERS, names.WALLS, names.ALERTS,
    *WORD_TILES,
)  # fmt: skip
"""The channels that health writes."""
LOOK_S = 1.0
"""How often the sources are judged."""

Items = dict[str, dict[str, Any]]
ReadWalls = Callable[[], Awaitable[list[walls.Told]]]
"""What the web processes tell of their walls; raises StoreAway."""


def _on_wire(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item whose times stand as text in the province's zone."""
    return {name: clock.rfc3339(value) if isinstance(value, datetime) else value for name, value in item.items()}


class Health:
    """Owns the boards in OWN. `fence`: the number of its lease. `units`: codes of the communes of today."""

    def __init__(
        self,
        settings: Settings,
        board: Board,
        log: Log,
        *,
        tiles: Callable[[], list[str]],
        units: Sequence[str] = (),
        read_walls: ReadWalls | None = None,
        reminding: Reminding | None = None,
        fence: int = 0,
        epochs: Epochs | None = None,
    ) -> None:
        self.settings, self.board, self.log, self.tiles, self.fence = settings, board, log, tiles, fence
        self.epochs = epochs or Epochs()
        self.books = Books(board)
        self.checking = Checking(settings, board)
        self._read_walls, self._reminding = read_walls, reminding
        self._alarms, self._logged = Following(board, names.ALARM_HISTORY, properties), dict[str, tuple[str, bool]]()
        self._rules: dict[str, Standing] = {}
        self._owed = Owed(settings.sources, self.books, settings.calendar, units)
        self._stood: dict[str, Items] = {channel: {} for channel in OWN}
        self._said: dict[str, Any] = {}
        self._known: Known | None = None

    async def open(self) -> None:
        """Begin the boards that are missing; drop what the settings no longer name."""
        for channel in OWN:
            found = await self.epochs.take_over(self.board, channel, fence=self.fence)
            if found is None:
                self.epochs.note(channel, await self.board.reset(channel, {}, fence=self.fence))
            stood = found.items if found is not None else {}
            self._stood[channel] = {name: msgspec.json.decode(body) for name, body in stood.items()}

    async def look(self, now: datetime) -> None:
        """Judge every source once, and tell what moved. Raises Gap when the boards were emptied."""
        owed = await self._owed.look(now)
        answers = await self.log.answers()
        checked = await self.checking.look(self._stood[names.CHECKS], now)
        items = _with_checks(self._sources(answers, owed, now), checked)
        glasses = await self._walls(now)
        await self._changed(items, now)
        await self._tell(names.SOURCES, items)
        await self._tell(names.CHECKS, checked)
        await self._tell(names.LEDGER, self._ledger(owed, items, now))
        await self._tell(names.LINKS, self._links(answers, items, now))
        await self._remind(answers, items, now)
        await self._tell(names.WALLS, glasses)
        figures = await self._figures()
        await self._score(items, figures, checked, now)
        await self._alert(items, figures, now, walls=glasses, checks=checked, repairs=self._repairs(answers))

    async def _alert(self, items: Items, figures: Items, now: datetime, **others: Items) -> None:
        """What asks that somebody acts; that an alert was raised, and that it ended, is logged once each."""
        await self._alarms.read()
        before, rules, told = self._stood[names.ALERTS], self.settings.alerts, self._alarms.items
        self._rules = alerts.rules_at(rules, figures, self._rules, before, told, now)
        raised = {name: rule for name, rule in rules.items() if self._rules[name].raised}
        ruled = {rule.tile for rule in rules.values()}
        standing = alerts.standing(items, figures, before, now, raised=raised, ruled=ruled, told=told, **others)
        await self._tell(names.ALERTS, standing)
        await self._log(alerts.turned(standing, told), now)

    async def _log(self, turned: Items, now: datetime) -> None:
        """Log what became of alerts; what is not in the log yet is seen again at the next look."""
        events = []
        for name, alert in turned.items():
            if self._logged.get(name) != (alert["since"], alert["open"]):
                kind = names.RAISED if alert["open"] else names.CLEARED
                events.append(Event(new_id(), names.ALARMS, kind, name, now, now, Feature(alert), method="computed"))
        if events:
            await said.tell(self.log, names.ALARMS, events, now)
        self._logged = {name: (alert["since"], alert["open"]) for name, alert in turned.items()}

    async def _score(self, items: Items, figures: Items, checked: Items, now: datetime) -> None:
        """The four words, in total and of each source and sector. What a check covers is not counted twice."""
        own = {word.name for word in WORDS} | checks.covered(checked)
        others = {name: figure for name, figure in figures.items() if name not in own}
        for word in WORDS:
            figure = msgspec.structs.replace(word.work_out(items, others), observed=now, sources=sorted(items))
            await self._word(names.tile_channel(word.name), wire(figure, word.label, ("điểm", "points")))
        await self._tell(names.SCORES, score.scores(items, others))

    def _sources(self, answers: Mapping[str, Answered], owed: Items, now: datetime) -> Items:
        """Each source as it is now; how much one has that owes periods is how many told of the newest."""
        items = {}
        for source in self.settings.sources.values():
            answered = answers.get(source.name)
            item = contract.source_item(source.name, source.contract, answered, now, self.settings.calendar)
            if (told := owed.get(source.name)) is not None:
                item |= _coverage(source.contract, item, told)
            if (gone := retired.look(self.settings, source.name, answers, now)) is not None:
                item = retired.item(item, gone)
            items[source.name] = {**item, **_named(source.title, source.name), "sector": source.sector}
        return items

    async def _changed(self, items: Items, now: datetime) -> None:
        """One event for each source whose state is another than the last that was told, whoever told it."""
        known = self._known or await self.log.known(names.WATCH)
        events, seen = [], {}
        for name, item in items.items():
            before, state = known.seen.get(name), item["state"]
            if before == state or (before is None and state == "never"):
                continue
            told = {"from": before, "to": state, "why": item["why"], "owner": item["owner"], "method": "computed"}
            if item["due"] is not None:
                told["due"] = clock.rfc3339(item["due"])
            feature = Feature(told)
            events.append(Event(new_id(), names.WATCH, names.CHANGED, name, now, now, feature, method="computed"))
            seen[name] = state
        if events:
            self._known = None
            answered = Answered(names.WATCH, now, now)
            revision = await self.log.append(
                events, source=names.WATCH, revision=known.revision, cursor=None, seen=seen, answered=answered
            )
            known = Known(revision, None, {**known.seen, **seen}, answered)
        self._known = known

    def _ledger(self, owed: Items, items: Items, now: datetime) -> Items:
        """The ledger of all sources: of periods owed, or of what each had as time went by."""
        found, before = {}, self._stood[names.LEDGER]
        for name, source in self.settings.sources.items():
            told = owed.get(name) or ledger.rolling(source.contract, items[name], before.get(name), now)
            if items[name].get("retired_by"):
                told = retired.ledger(told)
            found[name] = {"id": name, **_named(source.title, name), **told}
        return found

    def _links(self, answers: Mapping[str, Answered], items: Items, now: datetime) -> Items:
        """The link matrix."""
        due = {name: item["due"] for name, item in items.items()}
        told, stood = self.settings, self._stood[names.LINKS]
        # what was typed until a machine told it proves nothing of the link
        sources = {name: source for name, source in told.sources.items() if not items[name].get("retired_by")}
        return links.matrix(told.sectors, sources, answers, now, stood, due=due, calendar=told.calendar)

    async def _remind(self, answers: Mapping[str, Answered], items: Items, now: datetime) -> None:
        """Tell the reminders what was seen, and the screens what they have come to; nothing is waited for."""
        if self._reminding is not None:
            self._reminding.saw(Seen(now, items, answers, self.books.told))
        await self._tell(names.REMINDERS, self._reminding.items if self._reminding is not None else {})

    async def _walls(self, now: datetime) -> Items:
        """What each wall has on the glass; what was known stays while nobody can tell."""
        canary = self.settings.canary
        try:
            told = await self._read_walls() if self._read_walls is not None else []
        except StoreAway:
            return self._stood[names.WALLS]
        return walls.standing(told, self._stood[names.WALLS], now, canary.contract.cadence if canary else None)

    async def _word(self, channel: str, told: Mapping[str, Any]) -> None:
        """A word that says the same moves nothing: how old it is stands in the channel's quality."""
        said = {name: value for name, value in told.items() if name != "observed"}
        if self._said.get(channel) != said:
            self._said[channel] = said
            await self._tell(channel, {ALL: told})

    def _repairs(self, answers: Mapping[str, Answered]) -> Items:
        """The repair notices of all sources, by id."""
        found: Items = {}
        for name, source in self.settings.sources.items():
            title, forms = _named(source.title, name), "forms" in source.options
            both = title["name"], title["name_en"]
            found |= repairs.notices(name, both, source.contract.owner, answers.get(name), forms=forms)
        return found

    async def _figures(self) -> dict[str, Any]:
        channels = {names.tile_channel(name): name for name in self.tiles()}
        found = await self.board.each(list(channels), ALL)
        return {channels[channel]: msgspec.json.decode(body) for channel, body in found.items()}

    async def _tell(self, channel: str, items: Mapping[str, Any]) -> None:
        told = {name: _on_wire(item) for name, item in items.items()}
        changes: dict[str, bytes | None] = {name: msgspec.json.encode(item) for name, item in told.items()}
        changes.update(dict.fromkeys(self._stood[channel].keys() - changes.keys()))
        stood = self.epochs.stood(channel)
        self.epochs.note(channel, await self.board.apply(channel, changes, after=stood, fence=self.fence))
        self._stood[channel] = told

    async def run(self) -> None:
        """Look for ever. StoreAway, Gap and Fenced go up to the role."""
        await self.open()
        while True:
            await self.look(clock.now())
            if not set(OWN) <= set(await self.board.channels()):
                raise Gap("A board of the sources is not there any more; it is made anew.")
            await asyncio.sleep(LOOK_S)


def _with_checks(items: Items, checked: Items) -> Items:
    """The sources with the checks of the settings counted beside those of their last answers."""
    for name, (passed, failed) in checks.by_source(checked).items():
        if name in items:
            own = items[name]["checks"]
            items[name]["checks"] = {"passed": own["passed"] + passed, "failed": [*own["failed"], *failed]}
    return items


def _coverage(owes: contract.Contract, item: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """How much a source has of what it owes for the newest period: reporters, else its records, or none of them."""
    if owes.reporters:
        return {"have": told["have"], "expect": told["expect"] - told["excused"]}
    return {"have": 0} if told["missing"] else {}


def _named(title: tuple[str, str], name: str) -> dict[str, str]:
    return {"name": title[0] or name, "name_en": title[1] or name}
