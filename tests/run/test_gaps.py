"""The gaps in what cameras see: whatever the cameras do, what is told is what stands there."""

from __future__ import annotations

import random
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ioc import catalog, clock, intake
from ioc.board.memory import MemoryBoard
from ioc.contract import Contract
from ioc.event import Event
from ioc.geo.units import Unit, Units
from ioc.intake import Taken
from ioc.layer import Item
from ioc.log.memory import MemoryLog
from ioc.run.gaps import Camera, Gaps, Near, apart_m
from ioc.settings import Source

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=clock.ZONE)
EVENT = "ioc.gap.found"
COMPUTED = Contract("Trung tâm điều hành", cadence=60, method="computed")
REGISTRY = Source(
    "cameras", "camera_registry", Contract("Công an", cadence=30, grace=60), {"event": "ioc.camera.observed"}
)
UNITS = Units({code: Unit(code, f"Xã {code}", code, lon, 15.5) for code, lon in (("20001", 108.4), ("20002", 108.6))})


def source(**options: Any) -> Source:
    return Source("gaps", "camera_gaps", COMPUTED, {"event": EVENT, **options})


async def standing(_source: str, _kind: str) -> dict[str, datetime]:
    return {}


class Stage:
    """One town: a registry that answers, its cameras on the board, and the gaps."""

    def __init__(self, folder: Path, rows: str = "", **options: Any) -> None:
        self.log, self.board, self.now, self.cameras = MemoryLog(), MemoryBoard(), NOON, dict[str, Item]()
        self.file = folder / "nut.csv"
        self.file.write_text(rows, encoding="utf-8")
        if rows:
            options["crossroads"] = {"file": str(self.file), "as_of": "2026-01-15"}
        told = source(**options)
        self.gaps = Gaps(
            self.board, self.log, told, catalog.open_adapter(told).config, UNITS,
            feeding={"cameras": REGISTRY}, standing=standing, now=lambda: self.now,
        )  # fmt: skip

    async def say(self, **states: str | None) -> None:
        """What the registry's cameras are now; each stands at a place of its own name (None: it is gone)."""
        for name, state in states.items():
            if state is None:
                del self.cameras[name]
            else:
                place, unit = SPOTS[name[0]]
                told = {"state": state, "place": name[0], "unit": unit}
                point = {"type": "Point", "coordinates": list(place)}
                self.cameras[name] = Item(name, self.now, self.now, told, point)
        await self.board.reset("layer/cameras", {name: item.encode() for name, item in self.cameras.items()})
        known = await self.log.known("cameras")
        await intake.commit(
            self.log, "cameras", known, Taken([], {}), asked=self.now, received=self.now, cursor=None
        )  # fmt: skip

    async def told(self) -> dict[str, dict[str, Any] | None]:
        """What the log was told last of each subject; None: that it ended."""
        found = {}
        async for entry in self.log.kept():
            found[entry.event.subject] = entry.event.data.properties if entry.event.data is not None else None
        return found

    async def events(self) -> list[Event]:
        return [entry.event async for entry in self.log.kept()]

    async def shown(self) -> None:
        """Put what was told onto its board, as the projector does."""
        layer, items = catalog.layer("camera_gaps"), dict[str, Item]()
        for event in await self.events():
            new = layer.fold(items.get(event.subject), event)
            if new is not None:
                items[event.subject] = new
        await self.board.reset("layer/camera_gaps", {name: item.encode() for name, item in items.items()})


SPOTS = {"a": ((108.4, 15.5), "20001"), "b": ((108.41, 15.5), "20001")}
LIST = """code;name;lon;lat;from;to
A;Ngã tư A;108,4005;15.5;;
B;Ngã ba B;108.4105;15.5;2026-01-01;
C;Cũ;108.4;15.5;;2026-03-09
D;Xa;108.5;15.5;;
"""


async def test_what_has_no_live_camera_is_told_with_since_when(tmp_path: Path) -> None:
    stage = Stage(tmp_path, LIST, places=True)
    await stage.say(a1="live", a2="down", b1="live")
    found = await stage.gaps.turn()
    assert sorted(found) == [
        "commune/20001", "commune/20002", "crossroad/A", "crossroad/B", "crossroad/D", "place/a", "place/b",
    ]  # fmt: skip
    told = await stage.told()
    assert told["crossroad/A"] == {"kind": "crossroad", "name": "Ngã tư A", "cameras": 2, "live": 1}
    assert told["crossroad/D"] == {"kind": "crossroad", "name": "Xa", "cameras": 0, "live": 0}, "never had one"
    assert told["commune/20002"] == {"kind": "commune", "name": "Xã 20002", "cameras": 0, "live": 0}
    assert {event.unit for event in await stage.events() if event.subject in ("crossroad/A", "place/b")} == {"20001"}
    await stage.shown()

    many = len(await stage.events())
    stage.now += timedelta(minutes=1)
    await stage.say(a1="live")
    await stage.gaps.turn()
    assert len(await stage.events()) == many, "nothing is another"

    stage.now += timedelta(minutes=1)
    lost = clock.rfc3339(stage.now)
    await stage.say(a1="frozen", b1="late")
    await stage.gaps.turn()
    told = await stage.told()
    for name in ("crossroad/A", "crossroad/B", "place/a", "place/b", "commune/20001"):
        told_of = told[name]
        assert told_of is not None and (told_of["live"], told_of["since"]) == (0, lost), name
    await stage.shown()

    # another fault of a camera that was lost already does not make the gap a younger one
    stage.now += timedelta(minutes=9)
    await stage.say(a1="down", b1="late")
    await stage.gaps.turn()
    assert ((await stage.told())["crossroad/A"] or {})["since"] == lost

    await stage.say(a2="live", b1=None)
    await stage.gaps.turn()
    told = await stage.told()
    assert told["crossroad/A"] == {"kind": "crossroad", "name": "Ngã tư A", "cameras": 2, "live": 1}
    assert told["place/b"] is None, "a place without cameras is none"
    assert (told["crossroad/B"] or {})["cameras"] == 0


async def test_while_nobody_knows_which_cameras_live_nothing_is_confirmed(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    assert await stage.gaps.turn() == {}
    answered = (await stage.log.known("gaps")).answered
    assert answered is not None and answered.answered is None and "cameras are never" in str(answered.error)

    await stage.say(a1="live")
    assert len(await stage.gaps.turn()) == 2
    confirmed = stage.now
    many = len(await stage.events())
    stage.now += timedelta(minutes=2)
    assert await stage.gaps.turn() == {}
    answered = (await stage.log.known("gaps")).answered
    assert answered is not None and "cameras are stale" in str(answered.error)
    assert answered.observed == confirmed and len(await stage.events()) == many, "the picture stays as it was"

    await stage.say(a1="live")
    assert len(await stage.gaps.turn()) == 2
    answered = (await stage.log.known("gaps")).answered
    assert answered is not None and answered.error is None


@pytest.mark.parametrize(
    ("rows", "say"),
    [
        ("code;name;kinh_do;lat\nA;Ngã tư;108.4;15.5\n", "no place for A"),
        ("code;name;lon;lat\nA;Ngã tư;x;15.5\n", "no number"),
        ("code;name;lon;lat\nA;Ngã tư;15.5;108.4\n", "exchanged|can't be"),
        ("ma;ten\nA;Ngã tư\n", "no columns code and name"),
    ],
)
async def test_a_list_that_cannot_be_read_is_said_and_read_again_once_it_can(
    tmp_path: Path, rows: str, say: str
) -> None:
    stage = Stage(tmp_path, rows)
    await stage.say(a1="live")
    assert await stage.gaps.turn() == {}
    answered = (await stage.log.known("gaps")).answered
    assert answered is not None and answered.error is not None
    assert re.search(say, answered.error), answered.error
    stage.file.write_text(LIST, encoding="utf-8")
    assert "crossroad/A" in await stage.gaps.turn()
    stage.file.unlink()
    assert await stage.gaps.turn() == {}
    answered = (await stage.log.known("gaps")).answered
    assert answered is not None and "nut.csv" in str(answered.error)


async def test_a_list_in_metres_of_a_zone_is_read_in_its_own(tmp_path: Path) -> None:
    from ioc.geo.crs import from_wgs84

    east, north = from_wgs84(5899)(108.4001, 15.5001)
    stage = Stage(tmp_path, f"code;name;lon;lat\nA;Ngã tư;{east:.1f};{north:.1f}\n", crs=5899, communes=False)
    await stage.say(a1="live")
    found = await stage.gaps.turn()
    assert found["crossroad/A"].feature.properties["live"] == 1


@settings(max_examples=60)
@given(seed=st.integers(0, 10_000), within=st.sampled_from([20.0, 150.0, 3_000.0]), lat=st.floats(8, 23.5))
def test_near_finds_what_looking_at_every_camera_finds(seed: int, within: float, lat: float) -> None:
    chance = random.Random(seed)
    spread = 4 * within / 111_000
    cameras = [
        Camera(True, NOON, (108.0 + chance.uniform(-spread, spread), lat + chance.uniform(-spread, spread)), None, None)
        for _ in range(40)
    ]
    near = Near([*cameras, Camera(True, NOON, None, None, None)], within)
    for _ in range(8):
        at = (108.0 + chance.uniform(-spread, spread), lat + chance.uniform(-spread, spread))
        wanted = [one for one in cameras if one.at is not None and apart_m(*at, *one.at) <= within]
        assert sorted(near.of(at)) == sorted(wanted)
