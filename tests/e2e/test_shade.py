"""A map that is filled by a figure: the fill of a commune is the class of its own value; one without is hatched."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import demo, glass
from tests.e2e.test_wall import SPILLED

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.long,
    pytest.mark.skipif(os.environ.get("IOC_E2E") == "fake", reason="The pages' own small server shades no map."),
]
LIMITS = [30, 45, 60, 75]
TILE = "tile/disbursed_share"
READY = f"""() => {{ const map = window.__ioc?.main?.map;
  return map && window.__ioc.live.line.boards.get('{TILE}')?.items.size > 70 && map.areTilesLoaded()
    && map.queryRenderedFeatures({{layers: ['shade']}}).length > 40; }}"""
# What each commune is told to be, and how the map draws the place where its name stands.
DRAWN = f"""() => {{ const {{main, units, live}} = window.__ioc;
  const css = getComputedStyle(document.documentElement);
  const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  const ramp = [0, 1, 2, 3, 4].map((at) => rgb(css.getPropertyValue(`--shade${{at}}`).trim()).join());
  const items = live.line.boards.get('{TILE}').items;
  return units.features.map((unit) => {{
    const {{code, lon, lat}} = unit.properties;
    const [found] = main.map.queryRenderedFeatures(main.map.project([lon, lat]), {{layers: ['shade', 'shade-none']}});
    const fill = found?.layer.paint['fill-color'];
    const seen = fill && [fill.r, fill.g, fill.b].map((part) => Math.round(part * 255)).join();
    return {{code, value: items.get(code)?.value ?? null, layer: found?.layer.id ?? null, shade: ramp.indexOf(seen)}};
  }}); }}"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[demo.Centre]:
    with demo.centre(tmp_path_factory.mktemp("shade"), fake=False, province="quang-nam") as running:
        yield running


def test_a_commune_is_filled_by_its_own_figure_and_hatched_without_one(browser: Browser, stage: demo.Centre) -> None:
    context = browser.new_context(viewport={"width": 1920, "height": 1080}, bypass_csp=True)
    page = context.new_page()
    page.goto(stage.address("/wall/socio-economic"))
    glass.wait_figures(page)
    page.wait_for_function(READY, timeout=120_000)
    drawn: list[dict[str, Any]] = page.evaluate(DRAWN)
    told = [one for one in drawn if one["value"] is not None]
    silent = [one for one in drawn if one["value"] is None]
    assert len(told) > 60 and len(silent) == 5
    assert {one["layer"] for one in told} == {"shade"} and {one["layer"] for one in silent} == {"shade-none"}
    for one in told:
        assert one["shade"] == sum(one["value"] >= limit for limit in LIMITS), one
    assert len({one["shade"] for one in told}) >= 4, "one colour for all would tell nothing"

    legend = page.locator(".shades").inner_text().replace("\xa0", " ")
    assert all(word in legend for word in ("Tỷ lệ giải ngân, %", "< 30", "45–60", "≥ 75", "không có số (5)", "73/78"))
    assert "ngày" in legend, "how old the figures are"
    assert page.evaluate(SPILLED) == []
    context.close()
