"""What breaks in one row, channel or quality holds up no other."""

from __future__ import annotations

import pytest

from ioc.board import Delta
from ioc.web.mirror import Mirror

from .room import LAYER, OTHER, Folding, room
from .test_usher import item, values


def broken(*_: object) -> None:
    raise RuntimeError("A test breaks this.")


@pytest.mark.parametrize("breaks", [LAYER, OTHER])
@pytest.mark.parametrize("sits", ["row", "alone"])
async def test_a_channel_that_breaks_holds_up_no_other(breaks: str, sits: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with room() as here:
        channels = (LAYER, OTHER)
        for channel in channels:
            await here.board.reset(channel, {"a": item(0)})
        await here.hub.follower.load()
        screen, wire = here.come(*channels)
        if sits == "alone":
            for seat in screen.seats.values():
                here.hub.usher.part(seat)
        for mirror in map(here.hub.mirrors.__getitem__, channels):
            mirror.step(Delta(mirror.epoch, mirror.offset, mirror.offset + 1, {"a": item(1)}, ()))
        with monkeypatch.context() as patched:
            patched.setattr(here.hub.mirrors[breaks], "frames", broken)
            with pytest.raises(RuntimeError):
                here.hub.usher.serve(channels)
        held = Folding(wire)
        whole = LAYER if breaks == OTHER else OTHER
        if sits == "row" or breaks == OTHER:
            assert values(held.fold()[whole]) == {"a": 1}
        here.hub.usher.serve(channels)
        assert [values(held.fold()[channel]) for channel in channels] == [{"a": 1}] * 2


async def test_a_screen_that_breaks_takes_no_beat_from_another(monkeypatch: pytest.MonkeyPatch) -> None:
    async with room() as here:
        await here.board.reset(LAYER, {"a": item(0)})
        await here.hub.follower.load()
        wires = [here.come(LAYER)[1] for _ in range(3)]
        here.hub.tick()
        for one in wires:
            here.seconds += here.hub.beat
            heard = [len(wire.sent) for wire in wires if wire is not one]
            with monkeypatch.context() as patched:
                patched.setattr(one, "send", broken)
                with pytest.raises(RuntimeError):
                    here.hub.tick()
            assert [len(wire.sent) for wire in wires if wire is not one] == [count + 1 for count in heard]


async def test_a_quality_that_breaks_takes_no_beat_and_no_other_quality(monkeypatch: pytest.MonkeyPatch) -> None:
    async with room() as here:
        for channel in (LAYER, OTHER):
            await here.board.reset(channel, {"a": item(0)})
        await here.hub.follower.load()
        here.hub.tick()
        _, wire = here.come(LAYER, OTHER)
        here.seconds += here.hub.beat
        heard, grader = len(wire.sent), here.hub._grader
        graded: list[str] = []

        def grade(mirror: Mirror) -> bool:
            if mirror is here.hub.mirrors[LAYER]:
                broken()
            graded.append(mirror.channel.name)
            return False

        with monkeypatch.context() as patched:
            patched.setattr(grader, "grade", grade)
            with pytest.raises(RuntimeError):
                here.hub.tick()
        assert len(wire.sent) > heard
        assert graded == [name for name in here.hub.mirrors if name != LAYER]
