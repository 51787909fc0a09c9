"""Gives every mirror its quality: joined from the sources, lowered when the board or the roles are silent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ioc import names
from ioc.contract import Quality
from ioc.web import quality
from ioc.web.channels import Channel
from ioc.web.mirror import NOWHERE, Mirror
from ioc.web.quality import SourceItem

if TYPE_CHECKING:
    from ioc.web.hub import Hub

REBUILT = "This channel is being rebuilt; what is shown is the last picture before."
AWAITED = "Nothing was written here yet; the first picture is awaited."
ALL = "all"
"""The item of a tile that stands for the whole province."""


class _Fed(msgspec.Struct):
    """What is read of a tile's item: the sources that its figure is worked out of."""

    sources: list[str] | None = None


_fed = msgspec.json.Decoder(_Fed)


class Grader:
    """Keeps the sources' items as they were last read, and what each channel was last told."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._sources: dict[str, SourceItem] = {}
        self._told: dict[str, tuple[Quality, float]] = {}
        self._fed: dict[str, tuple[bytes, Channel]] = {}

    def read(self) -> None:
        """The channel `sources` moved: read its items again; every channel may be of another quality now."""
        mirror = self._hub.mirrors[names.SOURCES]
        self._sources = {name: quality.read_source(name, body) for name, body in mirror.items.items()}

    @property
    def sources(self) -> dict[str, SourceItem]:
        return self._sources

    def now(self, mirror: Mirror) -> Quality:
        """The quality of a channel at this moment."""
        now, channel = self._hub.clock(), self._feeding(mirror)
        silent = self._hub.signs.silent()
        if channel.watched:
            seen = max((item.received for item in self._sources.values() if item.received), default=None)
            found = quality.of_watch(channel, self._sources, now if not silent and mirror.present else seen, now)
        else:
            found = quality.join(channel, self._sources, now, len(mirror.items))
        empty = mirror.epoch == NOWHERE
        # what nobody wrote yet and nobody answered for is simply not there yet; an old picture is not
        if not mirror.present and channel.kind not in ("alerts", "screen") and not (empty and found.state == "never"):
            found = quality.lowered(found, AWAITED if empty and not mirror.rebuilding else REBUILT)
        return quality.lowered(found, quality.silence(silent)) if silent else found

    def _feeding(self, mirror: Mirror) -> Channel:
        """The mirror's channel, a tile with the sources that its figure names: one of many departments may be down."""
        channel, told = mirror.channel, mirror.items.get(ALL)
        if channel.kind != "tile" or channel.watched or told is None:
            return channel
        known = self._fed.get(channel.name)
        if known is None or known[0] is not told:
            named = tuple(name for name in _fed.decode(told).sources or () if name in channel.sources)
            known = (told, msgspec.structs.replace(channel, sources=named) if named else channel)
            self._fed[channel.name] = known
        return known[1]

    def grade(self, mirror: Mirror) -> bool:
        """Give the mirror its quality of now; True: its screens must hear of it.

        When only times moved, they hear of it at a gentle rate: they count ages by themselves.
        """
        name, moment = mirror.channel.name, self._hub.monotonic()
        found = self.now(mirror)
        before = self._told.get(name)
        if before is not None and not quality.differs(before[0], found):
            due = quality.moved(before[0], found) and moment - before[1] >= quality.GENTLE_S
            if not due:
                return False
        self._told[name] = (found, moment)
        mirror.quality = msgspec.json.encode(quality.on_wire(found))
        mirror.stamp += 1
        return True

    def told(self, channel: str) -> Quality | None:
        """What was last told of a channel."""
        known = self._told.get(channel)
        return known[0] if known is not None else None
