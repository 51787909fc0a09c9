"""One camera sends the same picture again and again: frozen within the settings' frames, and never counted as down."""

from __future__ import annotations

import os
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from ioc.demo import SYSTEMS_KEY
from ioc.settings import load
from tests.e2e import glass
from tests.e2e.demo import Centre

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(os.environ.get("IOC_E2E") == "fake", reason="The pages' own small server has no cameras."),
]

PATIENCE_MS = 240_000
# Of the same moment: what the layer holds of the camera and of all, and what stands in both tiles and the legend.
WALL = """([id, state]) => {
  const items = window.__ioc.live.board('layer/cameras').items;
  if (items.get(id)?.properties.state !== state) return false;
  const number = (text) => Number(/\\d[\\d.]*/.exec(text ?? '')?.[0].replaceAll('.', '') ?? NaN);
  const tiles = [...document.querySelectorAll('.tile')];
  // a new alert brings the scene of its own
  if (!tiles.some((one) => one.textContent.includes('Camera đứng hình')))
    window.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight'}));
  return ['frozen', 'down'].every((which) => {
    const all = [...items.values()].filter((item) => item.properties.state === which).length;
    const label = {frozen: 'Camera đứng hình', down: 'Camera mất'}[which];
    const tile = tiles.find((one) => one.querySelector('.l .el')?.textContent === label);
    const legend = document.querySelector(`.legend .sub .${{frozen: 'stale', down: 'down'}[which]}`)?.textContent;
    return all === number(tile?.querySelector('.v > b')?.textContent) && all === number(legend)
      && legend.includes({frozen: 'đứng hình', down: 'mất'}[which]);
  });
}"""
# The tablet has one figure of the cameras; its detail says how many of the others are how.
TABLET = """([frozen, down]) => [...document.querySelectorAll('dialog.sheet .kv dd')].some((one) =>
  one.textContent.includes(`đứng hình ${frozen}`) && one.textContent.includes(`mất ${down}`))"""
COUNTS = """() => { const items = [...window.__ioc.live.board('layer/cameras').items.values()];
  return ['frozen', 'down'].map((which) => items.filter((one) => one.properties.state === which).length); }"""


@pytest.fixture
def told(centre: Centre) -> Iterator[Callable[[str], None]]:
    """Tells a camera to freeze; it thaws at the end, whatever became of the test."""
    froze: list[str] = []

    def freeze(id: str) -> None:
        froze.append(id)
        centre.sources(f"_freeze/{id}")

    yield freeze
    for id in froze:
        with suppress(urllib.error.HTTPError):
            centre.sources(f"_thaw/{id}")


def of(centre: Centre, id: str) -> dict[str, Any]:
    """The camera on the layer, as the API gives it."""
    features = centre.get("/api/layers/cameras")["features"]
    found: dict[str, Any] = next(one for one in features if one["id"] == id)
    return found["properties"]  # type: ignore[no-any-return]


def frames(centre: Centre, source: str) -> int:
    """After how many frames alike the settings call a camera of this source frozen."""
    assert centre.data is not None
    told = load(centre.data / "ioc.toml", {**os.environ, SYSTEMS_KEY: "of-no-matter-here"})
    return int(told.sources[source].options["probe"]["frozen_after"])


def test_a_camera_that_freezes_is_counted_apart_from_those_that_are_down(
    wall: Page, centre: Centre, told: Callable[[str], None]
) -> None:
    glass.wait_cameras(wall)
    wall.keyboard.press("ArrowRight")
    wall.keyboard.press("p")
    wall.locator(".tile", has_text="Camera đứng hình").wait_for()
    live = [one for one in centre.get("/api/layers/cameras")["features"] if one["properties"]["state"] == "live"]
    id, source = live[-1]["id"], live[-1]["properties"]["source"]
    wall.wait_for_function(WALL, arg=[id, "live"], timeout=PATIENCE_MS)

    told(id)
    wall.wait_for_function(WALL, arg=[id, "frozen"], timeout=PATIENCE_MS)
    found = of(centre, id)
    since = datetime.fromisoformat(found["observed"])
    assert found["state"] == "frozen"
    given = [datetime.fromisoformat(at) for at in centre.sources_say(f"_freeze/{id}")["given"]]
    # the picture before it froze may have been the one that it froze at
    assert frames(centre, source) - 1 <= sum(at <= since for at in given) <= frames(centre, source)

    tablet = wall.context.new_page()
    tablet.set_viewport_size({"width": 1024, "height": 768})
    tablet.goto(centre.address("/tablet"))
    glass.wait_figures(tablet)
    tablet.locator(".tile", has_text="Camera sống").click()
    both_say(wall, tablet)

    centre.sources(f"_thaw/{id}")
    wall.wait_for_function(WALL, arg=[id, "live"], timeout=PATIENCE_MS)
    both_say(wall, tablet)
    tablet.close()


def both_say(wall: Page, tablet: Page) -> None:
    """The tablet's detail says the counts of the wall; again where one moved while the other was read."""
    for _ in range(20):
        counts = wall.evaluate(COUNTS)
        with suppress(Exception):
            tablet.wait_for_function(TABLET, arg=counts, timeout=5_000)
            return
    raise AssertionError(f"The tablet does not say {counts} frozen and down: {tablet.locator('.kv').inner_text()}")
