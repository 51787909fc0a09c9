"""Each screen of the provinces' own, with its data, as a control room and one of four times the points see it.

A browser reads the main figure of each and holds it against the API; nothing is spilled, in either size.
"""

from __future__ import annotations

import os
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from ioc.demo import run
from tests.e2e import demo, glass
from tests.e2e.test_wall import SPILLED

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [
    pytest.mark.browser,
    # each starts demos of its own, beside the one that the other browser tests share
    pytest.mark.xdist_group("own-demos"),
    pytest.mark.skipif(os.environ.get("IOC_E2E") == "fake", reason="The pages' own small server is of no province."),
]

SHOTS = os.environ.get("IOC_SHOTS")
SIZES = ((1920, 1080), (3840, 2160))
PATIENCE_S = 120
"""Longer than the slowest source takes to be asked twice, on a machine that is busy."""
# A new alert brings another scene; the figure is looked for on the one that has it.
VALUE = """(label) => {
  const tile = [...document.querySelectorAll('.tile')]
    .find((one) => one.querySelector('.l .el')?.textContent.trim() === label);
  if (tile === undefined) window.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight'}));
  return tile?.querySelector('.v b')?.textContent.trim() ?? null;
}"""
DRAWN = """() => document.fonts.ready.then(() => new Promise((done) => requestAnimationFrame(() =>
  requestAnimationFrame(() => done(true)))))"""


class Wall(NamedTuple):
    """`main`: the tile that stands first on it."""

    name: str
    main: str
    label: str | None
    decimals: int


def walls(province: str) -> list[Wall]:
    """The walls that are this province's own."""
    found = []
    for path in sorted((run.HERE / "screens" / province).glob("*.toml")):
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        if told["kind"] != "wall":
            continue
        first = next((scene["tiles"] for scene in told.get("scenes", ()) if scene.get("tiles")), None)
        name = first[0] if first else told["tiles"][0]["tile"]
        panel = next(one for one in told["tiles"] if one["tile"] == name)
        found.append(Wall(path.stem, name, panel.get("label", {}).get("vi"), panel.get("decimals", 0)))
    return found


NOT_CONNECTED = frozenset({"incidents"})
"""Main figures that have no value in the demo: nobody delivers them, and the wall says so."""


SILENT = {
    "phu-yen": {"jobs_new", "reports_reopened", "reports_satisfaction"},
    "tay-ninh": {
        "incidents", "jobs_new", "pupils_at_school", "vehicles_counted", "reports_reopened", "reports_satisfaction",
    },
    "quang-nam": set(),
    "nghe-an": set(),
}  # fmt: skip
"""Figures on screens that nobody delivers in the demo: of sectors that are not connected, and what no citizen said."""


def without_value(centre: demo.Centre, province: str) -> set[str]:
    """Figures on the screens of this demo that have no value, once all that come have come, or PATIENCE_S are over."""
    assert centre.data is not None
    read = [tomllib.loads(path.read_text(encoding="utf-8")) for path in (centre.data / "screens").glob("*.toml")]
    named = {panel["tile"] for told in read for panel in told.get("tiles", ())}
    until = time.monotonic() + PATIENCE_S
    while True:
        told = {one["name"]: one["items"].get("all", {}).get("value") for one in centre.get("/api/tiles")}
        empty = {name for name in named if told[name] is None}
        if empty <= SILENT[province] or time.monotonic() > until:
            return empty
        time.sleep(0.5)


def written(value: Any, decimals: int) -> str:
    """A figure as a Vietnamese wall writes it; "—" where there is none."""
    if not isinstance(value, int | float):
        return "—" if value is None else str(value)
    told = f"{value:,.{decimals}f}"
    told = told.rstrip("0").removesuffix(".") if "." in told else told
    return told.translate(str.maketrans(",.", ".,"))


def in_turn(centre: demo.Centre, left: list[Wall]) -> Iterator[Wall]:
    """The walls, those whose main figure there is first: some systems of a province are asked seldom."""
    while left:
        told = {one["name"]: one["items"].get("all", {}).get("value") for one in centre.get("/api/tiles")}
        wall = next((one for one in left if told.get(one.main) is not None), left[0])
        left.remove(wall)
        yield wall


def main_figure(page: Page, centre: demo.Centre, wall: Wall) -> str:
    """The wall's main figure, which is the API's of the same moment. Raises AssertionError when it stays another."""
    until = time.monotonic() + PATIENCE_S
    while True:
        told = centre.get(f"/api/tiles/{wall.main}")["items"].get("all", {})
        shown = page.evaluate(VALUE, wall.label or told.get("label"))
        if shown == written(told.get("value"), wall.decimals) and (shown == "—") == (wall.main in NOT_CONNECTED):
            return str(shown)
        assert time.monotonic() < until, f"{wall.name}: {wall.main} is {told.get('value')}, and the wall says {shown}"
        page.wait_for_timeout(100)


@pytest.mark.parametrize(
    ("size", "province"),
    [
        pytest.param(size, province, id=f"{province}-{size[0]}", marks=[pytest.mark.long] if size != SIZES[0] else [])
        for size in SIZES
        for province in run.PROVINCES
    ],
)
def test_the_main_figure_of_every_screen_is_the_one_of_the_api(
    browser: Browser, size: tuple[int, int], province: str, tmp_path: Path
) -> None:
    read, spilled = {}, {}
    with demo.centre(tmp_path / "demo", fake=False, province=province) as stage:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, bypass_csp=True, reduced_motion="reduce"
        )
        page = context.new_page()
        for wall in in_turn(stage, walls(province)):
            page.goto(stage.address(f"/wall/{wall.name}"))
            glass.wait_figures(page)
            read[wall.name] = f"{wall.main} {main_figure(page, stage, wall)}"
            page.evaluate(DRAWN)
            spilled[wall.name] = page.evaluate(SPILLED)
            if SHOTS:
                page.wait_for_timeout(8000)
                page.screenshot(path=f"{SHOTS}/{province}-{wall.name}-{size[0]}.png")
        context.close()
        empty = without_value(stage, province)
    print(f"{province} at {size[0]}: {read}")
    assert {name: words for name, words in spilled.items() if words} == {}
    assert empty == SILENT[province]
