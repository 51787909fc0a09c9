"""APIs of a sharing platform: which are alive, what they are used for today, how often they fail."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import strategies as st

from ioc import catalog
from ioc.errors import BadConfig
from ioc.layer import Figure, Item
from layers.apis import Apis
from tests.layers.suite import NOON, LayerSuite

TILES = {tile.name: tile for tile in catalog.tiles("apis")}


class TestApis(LayerSuite):
    layer = Apis()
    tiles = catalog.tiles("apis")
    properties = st.fixed_dictionaries(
        {},
        optional={
            "state": st.sampled_from(["live", "down", "refused", "unknown", None]),
            "name": st.sampled_from(["Hộ tịch", "Bảo hiểm"]),
            "calls": st.integers(0, 1000) | st.none(),
            "failed": st.integers(0, 50) | st.none(),
            "of": st.sampled_from(["2026-03-10", "2026-03-09", None]),
        },
    )


def told(tile: str, *given: dict[str, Any]) -> Figure:
    items = {str(n): Item(str(n), NOON, NOON, {"name": f"API {n}", **one}) for n, one in enumerate(given)}
    return TILES[tile].work_out(items, NOON)


LIVE = {"state": "live", "calls": 100, "failed": 1, "of": "2026-03-10"}


def test_those_that_do_not_answer_are_named_with_owner_and_reason() -> None:
    figure = told("apis_alive", LIVE, {"state": "down", "owner": "Bộ Tư pháp", "why": "HTTP 503."}, LIVE)
    assert (figure.value, figure.of, figure.have, figure.expect, figure.level) == (2, 3, 3, 3, "warn")
    assert figure.parts == [{"label": "API 1 (Bộ Tư pháp)", "value": 0}]
    assert figure.why == "API 1: HTTP 503."
    assert told("apis_alive", {"state": "down"}, {"state": "refused"}, LIVE).level == "bad"


def test_an_api_that_nobody_looked_at_is_neither_alive_nor_dead() -> None:
    figure = told("apis_alive", LIVE, {"state": "unknown"})
    assert (figure.value, figure.of, figure.have, figure.expect, figure.level) == (1, 1, 1, 2, None)
    assert told("apis_alive", {"state": "unknown"}).value is None


def test_calls_of_yesterday_are_none_of_today() -> None:
    assert told("apis_calls_today", LIVE, {**LIVE, "of": "2026-03-09"}).value == 100
    assert told("apis_calls_today", {**LIVE, "of": "2026-03-09"}).value is None
    stated_by_time = {name: value for name, value in LIVE.items() if name != "of"}
    items = {"a": Item("a", NOON, NOON, stated_by_time)}
    tile = TILES["apis_calls_today"]
    assert tile.work_out(items, NOON).value == 100
    assert tile.work_out(items, NOON + timedelta(days=1)).value is None


@pytest.mark.parametrize(("failed", "level"), [(1, None), (2, None), (3, "warn"), (6, "bad")])
def test_the_share_of_failed_calls(failed: int, level: str | None) -> None:
    figure = told("apis_failed", {**LIVE, "failed": failed}, {**LIVE, "failed": failed})
    assert (figure.value, figure.level) == (failed, level)
    assert told("apis_failed", {**LIVE, "calls": 0}).value is None


def named(item: dict[str, Any] | None, **table: Any) -> Figure:
    items = {} if item is None else {"lgsp/a": Item("lgsp/a", NOON, NOON, {"name": "Hộ tịch", **item})}
    items["lgsp/b"] = Item("lgsp/b", NOON, NOON, LIVE)
    return catalog.declared("one", {"over": "apis", "label": ["Một", "One"], **table}).work_out(items, NOON)


def test_one_api_by_its_name_tells_its_own_calls_and_whether_it_answers() -> None:
    one = named({**LIVE, "calls": 7}, api="lgsp/a", sources=["lgsp"])
    assert (one.value, one.have, one.expect, one.level, one.sources) == (7, 1, 1, None, ["lgsp"])
    dead = named({**LIVE, "state": "down", "owner": "Bộ Tư pháp", "why": "HTTP 503."}, api="lgsp/a")
    assert (dead.have, dead.level, dead.why) == (0, "bad", "Hộ tịch (Bộ Tư pháp): HTTP 503.")
    assert named({**LIVE, "of": "2026-03-09"}, api="lgsp/a").value is None, "yesterday's calls are none of today"
    gone = named(None, api="lgsp/a")
    assert (gone.value, gone.have, gone.expect) == (None, 0, 1)


def test_a_table_without_an_api_counts_as_everywhere() -> None:
    assert named({"state": "down"}, where={"state": "down"}).value == 1
    with pytest.raises(BadConfig, match="leave where"):
        named(LIVE, api="lgsp/a", where={"state": "down"})
