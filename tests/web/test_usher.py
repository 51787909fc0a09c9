"""Rows of screens: what is made once, who falls behind, what goes first, and how many may come at once."""

from __future__ import annotations

import gc
import json
from typing import Any

import msgspec
import pytest

from ioc import names
from ioc.web import guide, hub
from ioc.web.frames import Frame
from ioc.web.thin import Thin

from .room import LAYER, OTHER, Folding, room

CHANNELS = (LAYER, OTHER, names.ALERTS)


WEST = {"bbox": [99, 10, 101, 15], "zoom": 8}


def item(value: Any, pad: int = 0, at: float | None = None) -> bytes:
    place = {"type": "Point", "coordinates": [at, 13.0]} if at is not None else None
    return json.dumps({"type": "Feature", "geometry": place, "properties": {"value": value, "pad": "x" * pad}}).encode()


def values(items: dict[str, Any]) -> dict[str, Any]:
    return {name: one["properties"]["value"] for name, one in items.items()}


async def test_all_in_a_row_get_the_same_object() -> None:
    async with room() as here:
        await here.board.reset(LAYER, {"a": item(1)})
        await here.hub.follower.load()
        wires = [here.come(LAYER)[1] for _ in range(3)]
        before = [len(wire.sent) for wire in wires]
        await here.board.apply(LAYER, {"a": item(2)})
        await here.settle()
        sent = [wire.sent[count:] for wire, count in zip(wires, before, strict=True)]
        assert [len(bundles) for bundles in sent] == [1, 1, 1]
        assert sent[0][0] is sent[1][0] is sent[2][0]
        assert sent[0][0].wire(False) is sent[1][0].wire(False)


async def test_what_several_channels_have_is_one_write() -> None:
    async with room() as here:
        for channel in CHANNELS:
            await here.board.reset(channel, {})
        await here.hub.follower.load()
        wires = [here.come(*CHANNELS)[1] for _ in range(2)]
        before = len(wires[0].sent)
        for channel in CHANNELS:
            await here.board.apply(channel, {"a": item(1)})
        await here.settle()
        assert len(wires[0].sent) == before + 1
        assert wires[0].sent[-1] is wires[1].sent[-1]
        told = [frame["channel"] for frame in wires[0].frames()[-3:]]
        assert told[0] == names.ALERTS, "alerts go first"
        assert sorted(told) == sorted(CHANNELS)


async def test_who_is_slow_keeps_its_place_and_gets_one_merged_step() -> None:
    async with room() as here:
        await here.board.reset(LAYER, {f"c{n}": item(0) for n in range(50)})
        await here.hub.follower.load()
        (_, quick), (_, slow) = here.come(LAYER), here.come(LAYER)
        slow.room = -1
        held = Folding(slow)
        await here.board.apply(LAYER, {"c0": item(1)})
        await here.settle()
        assert slow.full
        held.fold()
        heard = len(slow.frames())
        for value in range(2, 9):
            await here.board.apply(LAYER, {"c1": item(value)})
            await here.settle()
        assert len(slow.frames()) == heard, "nothing is sent to a wire that is full"
        assert values(Folding(quick).fold()[LAYER])["c1"] == 8
        slow.drain()
        late = slow.frames()[heard:]
        assert [(frame["type"], len(frame["put"])) for frame in late] == [("delta", 1)]
        assert late[0]["offset"] - late[0]["after"] == 7
        assert held.fold()[LAYER] == Folding(quick).fold()[LAYER]
        slow.room = float("inf")
        slow.drain()
        await here.board.apply(LAYER, {"c2": item(5)})
        await here.settle()
        assert slow.sent[-1] is quick.sent[-1], "who has caught up sits in the row again"


async def test_a_snapshot_when_that_is_smaller() -> None:
    async with room() as here:
        await here.board.reset(LAYER, {"a": item(0)})
        await here.hub.follower.load()
        _, slow = here.come(LAYER)
        slow.room = -1
        await here.board.apply(LAYER, {f"c{n}": item(n, pad=200) for n in range(200)})
        await here.settle()
        assert slow.full
        await here.board.apply(LAYER, {f"c{n}": None for n in range(200)})
        await here.settle()
        heard = len(slow.frames())
        slow.drain()
        assert [frame["type"] for frame in slow.frames()[heard:]] == ["snapshot"]


async def test_alerts_go_between_the_parts_of_a_picture() -> None:
    async with room() as here:
        await here.board.reset(LAYER, {f"c{n}": item(n, pad=9000) for n in range(60)})
        await here.board.reset(names.ALERTS, {})
        await here.hub.follower.load()
        screen, slow = here.come(LAYER, names.ALERTS, room=1000)
        assert slow.full
        part = slow.frames()[-1]
        assert (part["type"], part["part"]) == ("snapshot", 1)
        assert part["parts"] > 5
        await here.board.apply(names.ALERTS, {"fire": item("!")})
        await here.settle()
        heard = len(slow.frames())
        screen.problem("invalid", "This goes at once.")
        assert slow.frames()[heard]["type"] == "problem", "a problem does not wait for the picture"
        slow.drain()
        later = slow.frames()[heard + 1 :]
        assert later[0]["channel"] == names.ALERTS
        assert "fire" in {**later[0].get("put", {}), **later[0].get("items", {})}
        held = Folding(slow)
        slow.drain_all()
        assert len(held.fold()[LAYER]) == 60


async def test_what_a_slow_screen_waits_for_is_kept_as_names() -> None:
    async with room() as here:
        await here.board.reset(LAYER, {f"c{n}": item(0, pad=3000) for n in range(300)})
        await here.hub.follower.load()
        _, slow = here.come(LAYER, room=1000)
        held = Folding(slow)
        assert slow.full
        here.seconds += guide.THIN_S + 1
        here.hub.tick()
        here.hub.tick()
        gc.collect()
        thick = [one for one in gc.get_objects() if type(one) is Thin]
        assert len(thick) >= 10
        alive = sum(len(one.text) for one in gc.get_objects() if type(one) is Frame and one not in _own(slow))
        assert alive < 200_000, "the bytes of a picture that nobody takes are let go"
        await here.board.apply(LAYER, {f"c{n}": item(1, pad=3000) for n in range(0, 300, 2)} | {"c1": None})
        await here.board.apply(LAYER, {f"d{n}": item(2, pad=10) for n in range(5)} | {"c3": None})
        await here.settle()
        slow.drain_all()
        held.fold()
        found = await here.board.snapshot(LAYER)
        assert found is not None
        assert held.items[LAYER] == {name: json.loads(body) for name, body in found.items.items()}


def _own(wire: Any) -> list[Frame]:
    return [frame for bundle in wire.sent for frame in bundle.frames]


async def test_a_step_too_large_for_a_slow_wire_is_thin_too() -> None:
    async with room() as here:
        await here.board.reset(LAYER, {f"c{n}": item(0, pad=3000) for n in range(300)})
        await here.hub.follower.load()
        _, slow = here.come(LAYER)
        held = Folding(slow)
        held.fold()
        slow.room = 1000
        await here.board.apply(LAYER, {f"c{n}": item(1, pad=3000) for n in range(150)} | {"c299": None})
        await here.settle()
        assert slow.full
        here.seconds += guide.THIN_S + 1
        here.hub.tick()
        await here.board.apply(LAYER, {f"c{n}": item(2, pad=3000) for n in range(100, 160)} | {"c5": None})
        await here.settle()
        slow.drain_all()
        held.fold()
        found = await here.board.snapshot(LAYER)
        assert found is not None
        assert held.items[LAYER] == {name: json.loads(body) for name, body in found.items.items()}


async def test_too_many_at_once_are_told_when_to_come_back() -> None:
    async with room(max_joining=2) as here:
        await here.board.reset(LAYER, {f"c{n}": item(n, pad=9000) for n in range(60)})
        await here.hub.follower.load()
        (_, first), (_, second) = here.come(LAYER, room=1000), here.come(LAYER, room=1000)
        _, third = here.come(LAYER)
        assert first.full and second.full
        told = third.frames()[-1]
        assert (third.closed, told["type"], told["code"], told["reconnect"]) == (4003, "bye", 4003, True)
        assert 0.5 <= told["after"] <= 10.5
        first.drain_all()
        assert here.come(LAYER)[1].closed is None, "there is room again when one has its picture"


async def test_one_that_takes_long_to_its_picture_holds_up_no_other() -> None:
    async with room(max_joining=1) as here:
        await here.board.reset(LAYER, {f"c{n}": item(n, pad=9000) for n in range(60)})
        await here.hub.follower.load()
        here.come(LAYER, room=1000)
        assert here.come(LAYER)[1].closed == 4003
        here.seconds += hub.JOINING_S + 1
        here.hub.tick()
        assert here.come(LAYER)[1].closed is None


async def test_one_that_leaves_on_its_way_makes_room() -> None:
    async with room(max_joining=1) as here:
        await here.board.reset(LAYER, {f"c{n}": item(n, pad=9000) for n in range(60)})
        await here.hub.follower.load()
        assert here.come()[1].closed is None, "one that watches nothing is not on its way"
        screen, _ = here.come(LAYER, room=1000)
        assert here.come(LAYER)[1].closed == 4003
        here.hub.leave(screen)
        assert here.come(LAYER)[1].closed is None
        assert here.hub.strangers == 0


async def test_waits_are_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    async with room(max_joining=10) as here:
        await here.board.reset(LAYER, {f"c{n}": item(n, pad=9000) for n in range(60)})
        await here.hub.follower.load()
        for _ in range(10):
            here.come(LAYER, room=1000)
        waits = {here.hub.wait_s() for _ in range(50)}
        assert len(waits) > 20
        assert all(0.5 <= wait <= 10.5 for wait in waits)


async def test_rows_that_have_met_are_one_row() -> None:
    async with room() as here:
        await here.board.reset(LAYER, {"in": item(0, at=100.0), "out": item(0, at=110.0)})
        await here.hub.follower.load()
        wires = [here.come(LAYER, view=WEST)[1]]
        await here.board.apply(LAYER, {"out": item(1, at=110.0)})
        await here.settle()
        wires.append(here.come(LAYER, view=WEST)[1])
        await here.board.apply(LAYER, {"out": item(2, at=110.0)})
        await here.settle()
        assert len(here.hub.usher._rows[LAYER]) == 2, "both wait, at two places"
        await here.board.apply(LAYER, {"in": item(3, at=100.0)})
        await here.settle()
        here.hub.mirrors[LAYER].stamp += 1
        here.hub.tick()
        await here.board.apply(LAYER, {"in": item(4, at=100.0)})
        await here.settle()
        here.hub.tick()
        assert [values(Folding(wire).fold()[LAYER]) for wire in wires] == [{"in": 4}] * 2


async def test_a_view_that_is_on_its_way_outlives_a_new_beginning() -> None:
    async with room() as here:
        there = {f"w{n}": item(n, pad=3000, at=100.0) for n in range(60)} | {"east": item(1, at=110.0)}
        await here.board.reset(LAYER, there)
        await here.hub.follower.load()
        screen, slow = here.come(LAYER, view={"bbox": [109, 10, 111, 15], "zoom": 8})
        held = Folding(slow)
        slow.room = 1000
        screen.take(json.dumps({"type": "view", "channel": LAYER, **WEST}).encode())
        assert slow.full
        await here.board.reset(LAYER, {"west": item(2, at=100.0), "east": item(2, at=110.0)})
        await here.settle()
        slow.drain_all()
        assert values(held.fold()[LAYER]) == {"west": 2}


async def test_clusters_that_nobody_takes_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ioc.web.afar.FAR_SIZE", 10)
    async with room() as here:
        mirror = here.hub.mirrors[LAYER]
        mirror.channel = msgspec.structs.replace(mirror.channel, far="clusters")
        await here.board.reset(LAYER, {f"c{n}": item(n, at=-170 + n / 2) for n in range(600)})
        await here.hub.follower.load()
        screen, slow = here.come(LAYER)
        held = Folding(slow)
        slow.room = 1000
        screen.take(json.dumps({"type": "view", "channel": LAYER, "bbox": [-180, -90, 180, 90], "zoom": 9}).encode())
        assert slow.full
        here.seconds += guide.THIN_S + 1
        here.hub.tick()
        slow.drain_all()
        assert sum(one["properties"]["count"] for one in held.fold()[LAYER].values()) == 600


async def test_a_quality_that_finds_no_room_is_told_later() -> None:
    async with room() as here:
        for channel in (LAYER, OTHER):
            await here.board.reset(channel, {"a": item(0)})
        await here.hub.follower.load()
        _, slow = here.come(LAYER, OTHER)
        held = Folding(slow)
        slow.room = -1
        await here.board.apply(LAYER, {"a": item(1)})
        await here.settle()
        assert slow.full
        await here.board.apply(LAYER, {"a": item(2, pad=65_400)})
        await here.board.reset(OTHER, {}, whole=False)
        await here.settle()
        for _ in range(3):
            slow.drain()
        held.fold()
        assert "rebuilt" in held.quality[OTHER]["why"]


async def test_steps_that_were_fetched_for_one_who_is_slow_may_be_gone_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with room() as here:
        place = await here.board.reset(LAYER, {"a": item(0)})
        for value in range(1, 4):
            await here.board.apply(LAYER, {"a": item(value)})
        await here.hub.follower.load()
        screen, slow = here.come()
        where = {"channel": LAYER, "epoch": place.epoch, "offset": place.offset}
        screen.take(json.dumps({"type": "watch", "channels": [where]}).encode())
        slow.full = True
        await here.settle()
        assert here.hub.mirrors[LAYER].covers(place.offset)
        monkeypatch.setattr("ioc.web.picture.MAX_STEPS", 1)
        for value in range(4, 7):
            await here.board.apply(LAYER, {"a": item(value)})
        await here.settle()
        assert not here.hub.mirrors[LAYER].covers(place.offset)
        slow.drain()
        await here.settle()
        held = Folding(slow)
        held.items[LAYER], held.position[LAYER] = {"a": {}}, (place.epoch, place.offset)
        assert values(held.fold()[LAYER]) == {"a": 6}


async def test_a_picture_from_which_no_step_leads_on_is_not_given_again() -> None:
    async with room() as here:
        await here.board.reset(LAYER, {f"c{n}": item(n, pad=200) for n in range(200)})
        await here.hub.follower.load()
        wires = [here.come(LAYER)[1] for _ in range(2)]
        await here.board.apply(LAYER, {f"c{n}": None for n in range(199)})
        await here.settle()
        mirror = here.hub.mirrors[LAYER]
        for wire in wires:
            assert set(Folding(wire).fold()[LAYER]) == {"c199"}
            told = wire.frames()[-1]
            assert (told["type"], told["offset"]) == ("snapshot", mirror.offset)
