"""Alerts from the figures to the log and back: a flood makes one, a restart loses none, and people take them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from ioc import catalog, clock, names
from ioc.alert_rules import Rule
from ioc.board.memory import MemoryBoard
from ioc.contract import Answered, Contract
from ioc.event import Event, Feature
from ioc.intake import said
from ioc.log.memory import MemoryLog
from ioc.run.health import Health
from ioc.run.projector import Projector
from ioc.settings import Province, Settings, Source
from tests.centre import NoArchive

ALERT = "tile/cameras_down#many_down"
SETTINGS = Settings(
    Province("Thử"),
    {"cams": Source("cams", "camera_registry", Contract("Công an", cadence=1e6), {"event": "ioc.camera.observed"})},
    layers=("cameras", "alarms"),
    alerts={"many_down": Rule(tile="cameras_down", title=("Camera mất", "Cameras down"), above=100, clear=50, hold=5)},
)


class Centre:
    """A log, its projector and health over one board; health is told a time that the test lets go on."""

    def __init__(self) -> None:
        self.log, self.board, self.now = MemoryLog(), MemoryBoard(), clock.now()
        self.projector = Projector(catalog.shown(SETTINGS), self.board, self.log, NoArchive(), SETTINGS)
        self.health: Health

    async def start(self) -> None:
        """Health begins, as after a restart."""
        tiles = [tile.name for tiles in catalog.shown(SETTINGS).values() for tile in tiles]
        self.health = Health(SETTINGS, self.board, self.log, tiles=lambda: tiles)
        await self.health.open()

    async def observed(self, states: dict[str, str]) -> None:
        known = await self.log.known("cams")
        at = self.now
        events = [
            Event(f"{at}/{name}", "cams", "ioc.camera.observed", name, at, at, Feature({"state": state}))
            for name, state in states.items()
        ]
        answered = Answered("cams", self.now, self.now, observed=self.now, have=len(states))
        await self.log.append(events, source="cams", revision=known.revision, cursor=None, seen={}, answered=answered)

    async def look(self, seconds: float = 1) -> dict[str, Any]:
        """Time goes on, the log is read, and health looks; the alerts that stand."""
        self.now += timedelta(seconds=seconds)
        async for batch in self.log.read("projector"):
            await self.projector.work(batch)
            if batch is None:
                break
        await self.projector.tick(force=True)
        await self.health.look(self.now)
        found = await self.board.snapshot(names.ALERTS)
        assert found is not None
        return {name: json.loads(body) for name, body in found.items.items() if name == ALERT}

    def logged(self) -> list[tuple[str, str]]:
        """Type and subject of all that was logged of alerts."""
        return [
            (event.type, event.subject)
            for _, event in self.log._entries
            if event.type in (names.RAISED, names.CLEARED, names.CLAIMED) and event.subject.endswith(ALERT)
        ]


async def begun() -> Centre:
    centre = Centre()
    await centre.projector.open()
    await centre.start()
    return centre


async def test_a_flood_of_12_000_makes_one_alert() -> None:
    centre = await begun()
    for part in range(12):
        await centre.observed({f"c{number}": "down" for number in range(1000 * part, 1000 * part + 1000)})
    found = await centre.look()
    assert ALERT not in found, "it must hold for five seconds"
    await centre.look(3)
    found = await centre.look(3)
    assert found.keys() == {ALERT}
    assert found[ALERT]["say"]["vi"] == "Camera mất: 12.000 / 12.000"
    for part in range(12):
        await centre.observed({f"c{number}": "frozen" if number % 2 else "down" for number in range(part, 12_000, 12)})
        found = await centre.look()
        assert found.keys() == {ALERT}
    assert centre.logged() == [(names.RAISED, ALERT)]


async def test_it_outlives_a_restart_is_taken_and_ends_by_itself() -> None:
    centre = await begun()
    await centre.observed({f"c{number}": "down" for number in range(200)})
    await centre.look()
    since = (await centre.look(6))[ALERT]["since"]
    await centre.start()
    # between the limits, after a restart: it stands, and is the same
    await centre.observed({f"c{number}": "live" for number in range(120)})
    found = await centre.look()
    assert (found[ALERT]["since"], found[ALERT]["claimed"]) == (since, None)
    await said.claim(centre.log, ALERT, since, by="Lan", take_back=False, now=centre.now)
    assert (await centre.look())[ALERT]["claimed"] == "Lan"
    await centre.start()
    assert (await centre.look())[ALERT]["claimed"] == "Lan"
    await said.claim(centre.log, ALERT, since, by="Lan", take_back=True, now=centre.now + timedelta(seconds=1))
    assert (await centre.look(2))[ALERT]["claimed"] is None
    await said.claim(centre.log, ALERT, since, by="Lan", take_back=False, now=centre.now + timedelta(seconds=1))
    await centre.look(2)
    await centre.observed({f"c{number}": "live" for number in range(200)})
    assert await centre.look() == {}
    await centre.look()
    # raised again, it is another, and nobody has it
    await centre.observed({f"c{number}": "down" for number in range(200)})
    await centre.look()
    again = (await centre.look(6))[ALERT]
    assert again["since"] > since and again["claimed"] is None
    kinds = [kind for kind, _ in centre.logged() if kind != names.CLAIMED]
    assert kinds == [names.RAISED, names.CLEARED, names.RAISED]


async def test_a_board_that_was_emptied_does_not_make_an_old_alert_new() -> None:
    centre = await begun()
    await centre.observed({f"c{number}": "down" for number in range(200)})
    await centre.look()
    since = (await centre.look(6))[ALERT]["since"]
    await centre.look()
    await centre.board.reset(names.ALERTS, {})
    await centre.start()
    await centre.look()
    assert (await centre.look(6))[ALERT]["since"] == since
