"""Cameras: a state is what was said or found, never what is hoped."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import strategies as st

from ioc import catalog, clock
from ioc.event import Event, Feature
from ioc.layer import Item
from layers.cameras import STATES, Cameras, cameras_down, cameras_frozen, cameras_live
from tests.layers.suite import NOON, LayerSuite

_moments = st.integers(-500, 5000).map(lambda minutes: clock.rfc3339(NOON + timedelta(minutes=minutes)))


class TestCameras(LayerSuite):
    layer = Cameras()
    tiles = catalog.tiles("cameras")
    properties = st.fixed_dictionaries(
        {},
        optional={
            "state": st.sampled_from([*STATES, "success", 1, None]),
            "due": _moments | st.sampled_from(["soon", 3]),
            "place": st.sampled_from(["P1", "P2"]),
        },
    )


def camera(number: int, **properties: Any) -> Item:
    told = Feature(properties, {"type": "Point", "coordinates": [109.3, 13.1]})
    return Cameras().item(Event("e", "cams", "ioc.camera.observed", f"cam/{number}", NOON, NOON, told))


def cameras(**counts: int) -> dict[str, Item]:
    states = [state for state, count in counts.items() for _ in range(count)]
    return {f"cam/{number}": camera(number, state=state, place=f"P{number % 5}") for number, state in enumerate(states)}


@pytest.mark.parametrize("said", [None, "success", "LIVE", 1])
def test_a_camera_of_which_nobody_said_that_it_lives_is_never(said: object) -> None:
    item = camera(1, state=said) if said is not None else camera(1)
    assert item.properties["state"] == "never"
    assert item.properties.get("said") == said


@pytest.mark.parametrize("state", STATES)
def test_the_six_states_are_kept(state: str) -> None:
    assert camera(1, state=state).properties["state"] == state
    assert "said" not in camera(1, state=state).properties


def test_a_live_camera_whose_due_has_passed_is_late() -> None:
    item = camera(1, state="live", due="2026-03-10T12:05:00+07:00")
    assert Cameras().wakes(item) == NOON + timedelta(minutes=5)
    late = Cameras().wake(item, NOON + timedelta(minutes=5))
    assert late is not None
    assert late.properties["state"] == "late"
    assert Cameras().wakes(camera(1, state="down", due="2026-03-10T12:05:00+07:00")) is None


def test_the_figures_of_the_picture() -> None:
    items = cameras(live=241, frozen=9, down=18)
    live = cameras_live(items, NOON)
    assert (live.value, live.of, live.target, live.level) == (241, 268, 255, None)
    assert (live.have, live.expect) == (5, 5)
    told = [(part["label"]["vi"], part["value"]) for part in live.parts or []]
    assert told == [("mất", 18), ("đứng hình", 9)]
    frozen, down = cameras_frozen(items, NOON), cameras_down(items, NOON)
    assert (frozen.value, frozen.of, frozen.level) == (9, 268, "warn")
    assert (down.value, down.of, down.level) == (18, 268, "warn")


@pytest.mark.parametrize(
    ("live", "level"), [(100, None), (85, None), (84, "warn"), (70, "warn"), (69, "bad"), (0, "bad")]
)
def test_few_living_cameras_raise_the_level(live: int, level: str | None) -> None:
    assert cameras_live(cameras(live=live, late=100 - live), NOON).level == level


@pytest.mark.parametrize(("down", "level"), [(0, None), (5, None), (6, "warn"), (15, "warn"), (16, "bad")])
def test_many_dead_cameras_raise_the_level(down: int, level: str | None) -> None:
    assert cameras_down(cameras(live=100 - down, down=down), NOON).level == level


@pytest.mark.parametrize(("frozen", "level"), [(0, None), (2, None), (3, "warn"), (10, "warn"), (11, "bad")])
def test_many_frozen_cameras_raise_the_level(frozen: int, level: str | None) -> None:
    assert cameras_frozen(cameras(live=100 - frozen, frozen=frozen), NOON).level == level


def test_places_are_covered_when_one_of_their_cameras_was_heard_of() -> None:
    items = {
        "1": camera(1, state="down", place="A"),
        "2": camera(2, state="never", place="A"),
        "3": camera(3, place="B"),
    }
    figure = cameras_live(items, NOON)
    assert (figure.value, figure.of, figure.have, figure.expect) == (0, 3, 1, 2)
    figure = cameras_live({**items, "4": camera(4, state="live")}, NOON)
    assert (figure.have, figure.expect) == (None, None)
