"""What the walls of this process say that they drew, told to the health watch each beat."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from ioc import clock, names
from ioc.walls import Told, Wall

if TYPE_CHECKING:
    from ioc.web.hub import Hub
    from ioc.web.screens import Screen

MOST_SONGS = 20


class _Song(msgspec.Struct):
    properties: _Sung


class _Sung(msgspec.Struct):
    observed: datetime


_song = msgspec.json.Decoder(_Song)


class Receipts:
    """Remembers which song stood at which position of the canary's channel, and reads the screens' receipts of them."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._songs: dict[tuple[str, int], datetime] = {}

    def listen(self) -> None:
        """Note the song that is on the board now."""
        mirror = self._hub.mirrors.get(names.CANARY)
        if mirror is None or not mirror.items:
            return
        place = (mirror.epoch, mirror.offset)
        if place not in self._songs:
            (body,) = list(mirror.items.values())[:1]
            self._songs[place] = _song.decode(body).properties.observed
            while len(self._songs) > MOST_SONGS:
                del self._songs[next(iter(self._songs))]

    def told(self) -> bytes | None:
        """What is to be told now, as JSON; None: there is no wall here."""
        self.listen()
        walls: dict[str, Wall] = {}
        for screen in self._hub.screens:
            if screen.screen is not None and screen.shown is not None:
                wall = self._wall(screen)
                name = wall.id if wall.id not in walls else f"{wall.id}#{screen.number}"
                walls[name] = msgspec.structs.replace(wall, id=name)
        return msgspec.json.encode(Told(self._hub.clock(), list(walls.values()))) if walls else None

    def _wall(self, screen: Screen) -> Wall:
        now, moment = self._hub.clock(), self._hub.monotonic()
        key = screen.grant.key if screen.grant is not None else None
        who = str(key) if key is not None else "open"
        since = now - timedelta(seconds=moment - screen.opened)
        seat = screen.seats.get(names.CANARY)
        name = screen.screen or ""
        about = Wall(f"{name}/{who}", name, screen.name or name, since, seat is not None)
        receipt = (screen.shown or {}).get(names.CANARY)
        if receipt is None or seat is None:
            return about
        place = (seat.mirror.epoch, receipt.offset)
        song = self._songs.get(place) if receipt.epoch == seat.sight.epoch(seat.mirror.epoch) else None
        if song is None:
            return about
        drawn = now - timedelta(seconds=moment - receipt.at)
        lag = round(max(0.0, (drawn - song).total_seconds()), 3)
        return msgspec.structs.replace(about, song=song.astimezone(clock.ZONE), lag_s=lag, ms=receipt.ms)
