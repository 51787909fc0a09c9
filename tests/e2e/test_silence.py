"""One simulated source of the demo falls silent: every figure that uses it says so, and all comes back by itself."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import glass
from tests.e2e.demo import Centre

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(os.environ.get("IOC_E2E") == "fake", reason="The pages' own small server has no sources."),
]

APP = "reports_app"
TILES = ("Phản ánh quá hạn",)
WORDS = {"live": "sống", "late": "trễ", "stale": "cũ", "down": "mất"}
STATE = """([label, state, word]) => [...document.querySelectorAll('.tile')].some((tile) =>
  tile.querySelector('.l')?.textContent.includes(label) && tile.dataset.state === state
  && tile.querySelector('.s .w')?.textContent === word)"""
LEGEND = """([name, state]) => [...document.querySelectorAll('.legend li')].some((row) =>
  row.textContent.toLowerCase().includes(name) && row.querySelector(`.st.${state}`))"""
GRACE_MS = 240_000
"""Longer than cadence and two graces together, on a machine that is busy."""


@pytest.fixture
def silent(centre: Centre) -> Iterator[Callable[[], None]]:
    """Lets the citizens' app fall silent; it speaks again at the end, whatever became of the test."""
    yield lambda: centre.sources("_mute/app")
    centre.sources("_speak/app")


def until(what: Callable[[], bool], why: str) -> None:
    end = time.monotonic() + GRACE_MS / 1000
    while not what():
        assert time.monotonic() < end, why
        time.sleep(0.5)


def of(centre: Centre, path: str, id: str) -> dict[str, Any]:
    return next((one for one in centre.get(path) if one["id"] == id), {})


def says(page: Page, state: str) -> None:
    """Every tile that uses the source says its state in a word, and so does the map's legend, where there is one."""
    for label in TILES:
        page.wait_for_function(STATE, arg=[label, state, WORDS[state]], timeout=GRACE_MS)


def test_a_source_that_stops_is_said_late_then_old_then_lost_and_comes_back(
    wall: Page, centre: Centre, silent: Callable[[], None]
) -> None:
    tablet = wall.context.new_page()
    tablet.set_viewport_size({"width": 1024, "height": 768})
    tablet.goto(centre.address("/tablet"))
    glass.wait_figures(tablet)
    for page in (wall, tablet):
        says(page, "live")
    until(lambda: any(one["song"] for one in centre.get("/api/walls")), "No wall says which song is on its glass.")
    before = of(centre, "/api/sources", APP)
    assert (before["state"], centre.get(f"/api/sources/{APP}")["contract"]["owner"]) == ("live", before["owner"])
    song = centre.get("/api/scores")
    whole = {one["id"]: one["song"]["good"] for one in song}
    assert whole[f"source/{APP}"] == 1

    silent()
    for page in (wall, tablet):
        says(page, "late")
    wall.wait_for_function(LEGEND, arg=["phản ánh", "late"], timeout=GRACE_MS)
    for worse in ("stale", "down"):
        for page in (wall, tablet):
            says(page, worse)
        wall.wait_for_function(LEGEND, arg=["phản ánh", worse], timeout=GRACE_MS)
    scored = {one["id"]: one["song"] for one in centre.get("/api/scores")}
    assert (scored[f"source/{APP}"]["good"], scored[f"source/{APP}"]["value"]) == (0, 0.0)
    sector = [one for one in centre.get("/api/sources") if one["sector"] == "reports"]
    assert len(sector) > 1 and scored["sector/reports"]["value"] == pytest.approx(100 - 100 / len(sector), abs=0.1)
    until(lambda: of(centre, "/api/ledger", APP)["missing"] > 0, "The ledger does not say that it is missing.")
    owner = before["owner"]
    until(
        lambda: any(one["agency"] == owner and one["sources"].get(APP) for one in reminders(centre)),
        "Nobody was reminded of it.",
    )

    centre.sources("_speak/app")
    for page in (wall, tablet):
        says(page, "live")
    wall.wait_for_function(LEGEND, arg=["phản ánh", "live"], timeout=GRACE_MS)
    until(lambda: of(centre, "/api/scores", f"source/{APP}")["song"]["good"] == 1, "The score did not come back.")
    until(lambda: of(centre, "/api/ledger", APP)["missing"] == 0, "The ledger did not come back.")
    tablet.close()


def reminders(centre: Centre) -> list[dict[str, Any]]:
    """What the channel `reminders` tells, agency by agency."""
    found = centre.get("/api/reminders")
    agencies: list[dict[str, Any]] = found["agencies"] if isinstance(found, dict) else found
    return agencies
