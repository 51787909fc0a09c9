"""AIS messages of one answer after the other, each beside what is known of its sender: what is news, and what is not.

For adapters of AIS (`adapters/nmea_ais.py`); pure, but for the clock that times in the future are held against.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import msgspec

from ioc import ais, clock
from ioc.adapter import Reading
from ioc.ais import Message
from ioc.errors import BadRecord
from ioc.geo import place
from ioc.nmea import Reader, Whole
from ioc.zones import Zones

AID = "ioc.aid.observed"
"""Type of what a station, a sea mark or an unknown sender says of itself."""
AGAIN_S = 30.0
"""The same message within so many seconds is one that another station heard."""
MOST_SHIPS = 50_000
REST_S = timedelta(hours=24)
"""Who was not heard for so long is forgotten when there are more than MOST_SHIPS."""


class Rules(msgspec.Struct, frozen=True):
    """`ahead`, `within`, `every_s`: as an adapter's settings tell them (`adapters/nmea_ais.py`)."""

    ahead: float = 300.0
    within: tuple[float, float, float, float] | None = None
    every_s: float = 0.0


class Ship(msgspec.Struct, frozen=True):
    """What is known of one sender: its last place and time, how it moved, what it said of itself."""

    heard: datetime | None = None
    time: datetime | None = None
    where: tuple[float, float] | None = None
    moved: dict[str, Any] = {}
    told: dict[str, Any] = {}


class Known:
    """What one asking leaves to the next. It is copied before it is changed: an asking may not be committed.

    `counts`: sentences that are no record of their own, by what became of them: `parts` of a message in several,
    `joined` to what is known of their sender, `thinned` by `every_s`; and `late`, places that came after a newer one.
    """

    def __init__(self) -> None:
        self.reader = Reader()
        self.ships: dict[str, Ship] = {}
        self.recent: dict[str, datetime | None] = {}
        self.counts: Counter[str] = Counter()

    def copy(self) -> Known:
        made = Known()
        made.reader, made.counts = self.reader.copy(), self.counts.copy()
        made.ships, made.recent = dict(self.ships), dict(self.recent)
        return made


class Work:
    """One answer being read."""

    def __init__(self, rules: Rules, known: Known, zones: Zones | None) -> None:
        self.rules, self.known, self.zones = rules, known.copy(), zones
        self.now = clock.now()
        self.results: list[Reading | BadRecord] = []
        self.lines = 0
        self._told: dict[str, tuple[Whole, Message]] = {}

    def line(self, text: str) -> None:
        if not text.strip():
            return
        self.lines += 1
        for found in self.known.reader.feed(text):
            if isinstance(found, BadRecord):
                self.results.append(found)
                continue
            self.known.counts["parts"] += found.parts - 1
            subject = None
            try:
                said = ais.message(found.payload, found.fill)
                subject = f"mmsi/{said.mmsi:09d}"
                self._message(subject, found, said)
            except BadRecord as bad:
                # the other parts stand in what is set aside with it
                self.results.append(bad.of(found.raw if bad.raw is None else bad.raw, subject))

    def _message(self, subject: str, whole: Whole, said: Message) -> None:
        ship = self.known.ships.get(subject)
        if whole.time is not None and whole.time > self.now + timedelta(seconds=self.rules.ahead):
            at = clock.rfc3339(whole.time)
            say = f"The message says {at}, which is still to come; the station's clock must be set."
            raise BadRecord(say, reason="future_time", field="time")
        where = self._where(said) if said.placed else None
        first, again = self._again(whole)
        if where is not None:
            self._placed(subject, whole, said, where, first, again)
            return
        if said.told and not again:
            self.known.ships[subject] = _known(ship, told=said.told, heard=whole.time)
            if subject not in self._told:
                self._told[subject] = (whole, said)
                return
        elif ship is None:
            self.known.ships[subject] = Ship(heard=whole.time)
            self.results.append(Reading(subject, _properties(said, {}, {}, whole.own), time=whole.time, type=AID))
            return
        self.known.counts["joined"] += 1

    def _where(self, said: Message) -> tuple[float, float]:
        """Raises BadRecord; what is set aside is said alike each time, so that it is one record that stands so."""
        raw = f"MMSI {said.mmsi}: {said.lon}, {said.lat}"
        if said.lon is None or said.lat is None:
            say = "The sender does not know where it is (longitude 181 or latitude 91); see to its GPS."
            raise BadRecord(say, reason="no_place", raw=raw)
        try:
            lon, lat = place.point(said.lon, said.lat, 4326, self.rules.within)["coordinates"]
        except BadRecord as bad:
            raise bad.of(raw, None) from None
        return lon, lat

    def _again(self, whole: Whole) -> tuple[datetime | None, bool]:
        """When the message was first heard, and whether this is that message again."""
        recent, mark = self.known.recent, whole.payload
        if mark in recent:
            before = recent[mark]
            if before is None or whole.time is None or abs((whole.time - before).total_seconds()) <= AGAIN_S:
                return before, True
        recent[mark] = whole.time
        return whole.time, False

    def _placed(
        self, subject: str, whole: Whole, said: Message, where: tuple[float, float], time: datetime | None, again: bool
    ) -> None:
        ship = self.known.ships.get(subject, Ship())
        late = not again and time is not None and ship.time is not None and time < ship.time
        self.known.counts["late"] += late
        if not (again or late) and self._soon(ship, time):
            self.known.counts["thinned"] += 1
            return
        moved = _moved(said) | self._zones(None if late or again else ship.where, where)
        if not (again or late):
            told = {**ship.told, **said.told}
            ship = self.known.ships[subject] = Ship(whole.time, time, where, moved, told)
        self.results.append(
            Reading(
                subject,
                _properties(said, moved, ship.told, whole.own),
                time=time,
                geometry={"type": "Point", "coordinates": list(where)},
                type=AID if said.kind in ("base", "aid") else None,
                repeat=again,
            )
        )

    def _soon(self, ship: Ship, time: datetime | None) -> bool:
        if time is None or ship.time is None:
            return False
        return (time - ship.time).total_seconds() < self.rules.every_s

    def _zones(self, before: tuple[float, float] | None, where: tuple[float, float]) -> dict[str, Any]:
        if self.zones is None:
            return {}
        inside = self.zones.at(where)
        crossed = self.zones.crossed(before, where) if before is not None else []
        return {"zones": inside, "crossed": crossed, "in_closed": not self.zones.closed.isdisjoint(inside)}

    def finished(self) -> list[Reading | BadRecord]:
        """The results, each with the newest that its sender said of itself; senders that told only that, too."""
        placed = {one.subject for one in self.results if isinstance(one, Reading) and one.geometry is not None}
        self.results = [self._joined(one) for one in self.results]
        for subject, (whole, said) in self._told.items():
            if subject in placed:
                self.known.counts["joined"] += 1
                continue
            ship = self.known.ships[subject]
            geometry = {"type": "Point", "coordinates": list(ship.where)} if ship.where is not None else None
            properties = _properties(said, ship.moved, ship.told, whole.own)
            kind = None if said.kind == "vessel" else AID
            # with a place, it is of the time of that place: a name does not make it fresher
            time = ship.time if geometry is not None else whole.time
            self.results.append(Reading(subject, properties, time=time, geometry=geometry, type=kind))
        self._untimed()
        self._forget()
        return self.results

    def _joined(self, one: Reading | BadRecord) -> Reading | BadRecord:
        if isinstance(one, BadRecord) or one.subject not in self._told:
            return one
        return msgspec.structs.replace(one, properties={**one.properties, **self.known.ships[one.subject].told})

    def _untimed(self) -> None:
        """Of several places of one sender without a time only the last can be said to hold now."""
        untimed = [one for one in self.results if isinstance(one, Reading) and one.time is None]
        last: dict[str, Reading | None] = {one.subject: one for one in untimed if not one.repeat}
        last |= {one.subject: None for one in self.results if isinstance(one, Reading) and one.time is not None}
        for number, one in enumerate(self.results):
            if not isinstance(one, Reading) or one.time is not None:
                continue
            if msgspec.structs.replace(one, repeat=False) != last.get(one.subject, one):
                say = "The place has no time, and another of the same sender follows it; let the station send times."
                raw = {**one.properties, "geometry": one.geometry}
                self.results[number] = BadRecord(say, reason="no_time", raw=raw, subject=one.subject)

    def _forget(self) -> None:
        known, now = self.known, self.now
        times = {mark: at for mark, at in known.recent.items() if at is not None}
        oldest = max(times.values(), default=now) - 2 * timedelta(seconds=AGAIN_S)
        known.recent = {mark: at for mark, at in times.items() if at >= oldest}
        if len(known.ships) > MOST_SHIPS:
            known.ships = {
                name: ship for name, ship in known.ships.items() if ship.heard is not None and now - ship.heard < REST_S
            }


def _known(ship: Ship | None, *, told: dict[str, Any], heard: datetime | None) -> Ship:
    ship = ship or Ship()
    return msgspec.structs.replace(ship, told={**ship.told, **told}, heard=heard or ship.heard)


def _moved(said: Message) -> dict[str, Any]:
    given = {"course": said.course, "speed": said.speed, "heading": said.heading, "status": said.status}
    return {name: value for name, value in given.items() if value is not None}


def _properties(said: Message, moved: dict[str, Any], told: dict[str, Any], own: bool) -> dict[str, Any]:
    return {"mmsi": said.mmsi, "kind": said.kind, **moved, **told, **({"own": True} if own else {})}
