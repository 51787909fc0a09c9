"""How good each channel is, joined from its sources; lowered by this process itself when nobody confirms it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from datetime import datetime

import msgspec

from ioc import clock, names
from ioc.contract import ORDER, Age, Checks, Quality, State, worst
from ioc.errors import StoreAway
from ioc.event import Method
from ioc.web.channels import Channel

ROLES = ("projector", "health")
SILENT_BEATS = 2.5
"""Beats without a sign of life after which a role counts as silent; with the tick it is told within 3."""
GENTLE_S = 5.0
"""Seconds between two refreshes of the times alone: the client counts ages by itself."""
METHODS: tuple[Method, ...] = ("machine", "computed", "estimated", "typed")

ReadBeats = Callable[[], Awaitable[Mapping[str, float | None]]]


class Signs:
    """Signs of life of Redis and of the roles; a role's clock may differ, so what counts is that its beat moves.

    `read` gives each role's last beat (unix seconds; None: none) and raises StoreAway or OSError when Redis is away.
    """

    def __init__(
        self,
        read: ReadBeats | None,
        beat: float,
        now: Callable[[], float],
        wall: Callable[[], datetime],
        roles: tuple[str, ...] = ROLES,
    ) -> None:
        self._read = read
        self._beat = beat
        self._now = now
        self._wall = wall
        self._roles = roles if read is not None else ()
        self._value: dict[str, float | None] = {}
        self._moved: dict[str, float] = dict.fromkeys(self._roles, now())
        self._reached = now()

    async def ask(self) -> None:
        """Read the beats once; waits a beat at most."""
        if self._read is None:
            return
        try:
            async with asyncio.timeout(self._beat):
                found = await self._read()
        except (StoreAway, OSError, TimeoutError):
            return
        self._reached = self._now()
        for role in self._roles:
            value = found.get(role)
            if role not in self._value and value is not None:
                self._moved[role] = self._now() - max(0.0, self._wall().timestamp() - value)
            elif value != self._value.get(role) and value is not None:
                self._moved[role] = self._now()
            if value is not None or role in self._value:
                self._value[role] = value

    def silent(self) -> list[str]:
        """Who gave no sign of life, for people: "Redis", "the projector", "the health watch"."""
        limit = self._now() - SILENT_BEATS * self._beat
        if self._read is not None and self._reached < limit:
            return ["Redis"]
        return [_CALLED.get(role, role) for role in self._roles if self._moved[role] < limit]


_CALLED = {"projector": "the projector", "health": "the health watch"}


class Counts(msgspec.Struct, frozen=True):
    passed: int = 0
    failed: list[str] = []


class SourceItem(msgspec.Struct, frozen=True):
    """What is read of an item of the channel `sources` (see `ioc.contract.source_item`)."""

    id: str = ""
    state: State = "never"
    why: str | None = None
    due: datetime | None = None
    observed: datetime | None = None
    received: datetime | None = None
    have: int = 0
    expect: int | None = None
    refused: int = 0
    method: Method = "machine"
    grace_s: float = 60.0
    checks: Counts = Counts()
    age: Age = "received"


_item = msgspec.json.Decoder(SourceItem)


def read_source(name: str, body: bytes) -> SourceItem:
    """The item of one source; one that can't be read counts as never answered."""
    try:
        return msgspec.structs.replace(_item.decode(body), id=name)
    except msgspec.DecodeError:
        return SourceItem(id=name, why="What the health watch wrote of this source can't be read.")


def state_of(item: SourceItem, now: datetime) -> tuple[State, str | None]:
    """State and why of a source at `now`: past due it is late, past due + grace stale, whatever was written of it."""
    if item.due is None or item.state == "never":
        return item.state, item.why
    past = (now - item.due).total_seconds()
    if past > item.grace_s and ORDER.index(item.state) < ORDER.index("stale"):
        return "stale", item.why or "The answer that was due has not come."
    if past > 0 and item.state == "live":
        return "late", "The answer that was due has not come."
    return item.state, item.why


def join(channel: Channel, sources: Mapping[str, SourceItem], now: datetime, count: int) -> Quality:
    """The quality of a channel from its sources' items; `count`: its own items, for channels without sources."""
    if channel.kind in ("alerts", "screen"):
        method: Method = "typed" if channel.kind == "screen" else "computed"
        return Quality("live", None, now, now, None, count, None, 0, Checks(), method, {})
    found = [sources.get(name) or SourceItem(id=name, why="The source was not asked yet.") for name in channel.sources]
    told = {item.id: state_of(item, now) for item in found}
    states: dict[str, State] = {name: state for name, (state, _) in told.items()}
    low = worst(list(states.values()))
    open_to_all = channel.watched or not names.restricted(channel.name)
    why = next(
        (
            # what is wrong with a restricted source is told beside the source alone
            name if open_to_all and names.restricted(name) else f"{name}: {why}"
            for name, (state, why) in told.items()
            if state == low and why
        ),
        None,
    )
    if not found:
        why = "No source in the settings feeds this channel."
    expects = [item.expect for item in found]
    age: Age = "observed" if any(item.age == "observed" for item in found) else "received"
    methods: list[Method] = [item.method for item in found] + (["computed"] if channel.kind == "tile" else [])
    return Quality(
        state=low,
        why=None if low == "live" else why,
        observed=max((item.observed for item in found if item.observed), default=None),
        received=min((item.received for item in found if item.received), default=None),
        due=min((item.due for item in found if item.due), default=None),
        have=sum(item.have for item in found),
        expect=None if not expects or None in expects else sum(expect for expect in expects if expect is not None),
        refused=sum(item.refused for item in found),
        checks=Checks(sum(i.checks.passed for i in found), tuple(_failed(found, open_to_all))),
        method=max(methods, key=METHODS.index, default="machine"),
        sources=states,
        age=age,
    )


def _failed(found: Iterable[SourceItem], open_to_all: bool) -> Iterator[str]:
    """Failed checks, without what those of restricted sources say where all may read it."""
    return (say for one in found for say in one.checks.failed if not (open_to_all and names.restricted(one.id)))


def of_watch(channel: Channel, sources: Mapping[str, SourceItem], seen: datetime | None, now: datetime) -> Quality:
    """The quality of what the health watch itself writes: as alive as the watch is (`seen`: when it last was)."""
    joined = join(channel, sources, now, len(sources))
    state: State = "live" if sources or not channel.sources else "never"
    why = None if state == "live" else "No source was asked yet."
    have, expect = len(sources), len(channel.sources)
    return msgspec.structs.replace(
        joined, state=state, why=why, observed=seen, received=seen, due=None, have=have, expect=expect, refused=0,
        checks=Checks(), method="computed" if channel.kind == "tile" else "machine", age="received",
    )  # fmt: skip


def lowered(quality: Quality, why: str) -> Quality:
    """At best stale, for this reason: what we know may be old, and nobody is there to say so."""
    state: State = quality.state if ORDER.index(quality.state) > ORDER.index("stale") else "stale"
    return msgspec.structs.replace(quality, state=state, why=why)


def silence(who: Iterable[str]) -> str:
    """The sentence for a wall: who is silent."""
    names = list(who)
    listed = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    verb = "give" if len(names) > 1 else "gives"
    return f"{listed[0].upper()}{listed[1:]} {verb} no sign of life; what is shown may be old."


def body(quality: Quality) -> bytes:
    """The quality as it stands on the wire; times in the province's zone."""
    return msgspec.json.encode(on_wire(quality))


def on_wire(quality: Quality) -> dict[str, object]:
    """The quality as JSON-able values with protocol.md's names; `age` where it is not the usual one."""
    told = msgspec.structs.asdict(quality)
    if quality.age == "received":
        del told["age"]
    for name in ("observed", "received", "due"):
        told[name] = clock.rfc3339(told[name]) if told[name] is not None else None
    told["checks"] = {"passed": quality.checks.passed, "failed": list(quality.checks.failed)}
    return told


def differs(old: Quality | None, new: Quality) -> bool:
    """Whether more than the times changed."""
    if old is None:
        return True
    level = msgspec.structs.replace
    return level(old, observed=None, received=None, due=None) != level(new, observed=None, received=None, due=None)


def moved(old: Quality, new: Quality) -> bool:
    """Whether a time changed."""
    return (old.observed, old.received, old.due) != (new.observed, new.received, new.due)
