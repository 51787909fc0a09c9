"""The index: each set of indicators by itself, the tree of pillars, and the real ranking of 2022."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from ioc import catalog
from ioc.adapter import Answer, Reading
from ioc.contract import Contract
from ioc.layer import Figure, Item
from ioc.settings import Source
from layers.dti import DtiLayer
from tests.layers.suite import NOON, LayerSuite

SHARED = Path(os.environ.get("IOC_SHARED") or Path(__file__).parents[3] / "shared") / "data" / "vietnamese"
TABLE: dict[str, Any] = {"over": "dti", "label": ["DTI", "DTI"], "set": "1726", "place": "TN", "against": "VN"}


GROWTH = catalog.declared("dti_growing", {**TABLE, "how": "growth"})


class TestDti(LayerSuite):
    layer = DtiLayer()
    tiles = (catalog.declared("dti_any", TABLE), catalog.declared("dti_how", {**TABLE, "how": "rank"}), GROWTH)
    properties = st.fixed_dictionaries(
        {
            "set": st.just("1726"),
            "place": st.just("TN"),
            "year": st.sampled_from([2020, 2021, "x", None]),
            "code": st.sampled_from(["", "1"]),
        },
        optional={"score": st.floats(0, 1, width=32) | st.none(), "rank": st.integers(1, 63) | st.none()},
    )


def row(year: int, score: float | None, rank: int | None = None, **told: Any) -> dict[str, Any]:
    return {"set": "1726", "year": year, "place": "TN", "code": "", "score": score, "rank": rank, "ranks": 63, **told}


def told(*given: dict[str, Any], **table: Any) -> Figure:
    items = {str(n): Item(str(n), NOON, NOON, dict(one)) for n, one in enumerate(given)}
    return catalog.declared("dti_one", {**TABLE, **table}).work_out(items, NOON)


def test_the_newest_year_against_the_country_and_the_year_before() -> None:
    figure = told(row(2021, 0.3426, 44), row(2020, 0.2686, 46), row(2021, 0.4595, place="VN"))
    assert (figure.value, figure.previous, figure.target, figure.level) == (0.3426, 0.2686, 0.4595, "warn")
    assert told(row(2021, 0.5), row(2021, 0.4595, place="VN")).level is None


def test_a_year_that_is_not_adjacent_is_not_compared() -> None:
    figure = told(row(2021, 0.3426), row(2019, 0.2))
    assert (figure.previous, figure.trend) == (None, None)
    assert told(row(2021, 0.3426), row(2019, 0.2), how="growth").value is None


def test_how_much_it_grew_in_a_year_and_the_country_with_it() -> None:
    country = [row(2021, 0.4595, place="VN"), row(2020, 0.3463, place="VN")]
    figure = told(row(2021, 0.3426, 44), row(2020, 0.2686, 46), *country, how="growth", decimals=2)
    assert (figure.value, figure.target, figure.level) == (27.55, 32.69, "warn")
    rank = told(row(2021, 0.3426, 44), row(2020, 0.2686, 46), how="rank")
    assert (rank.value, rank.previous, rank.trend, rank.of) == (44, 46, {"by": -2, "over": "P1Y"}, 63)


def test_a_break_between_sets_is_said_and_never_crossed() -> None:
    rows = [row(2021, 0.3426, 44), row(2022, 0.55, 40, set="922"), row(2023, 0.6, 30, set="922")]
    old, new = told(*rows, how="rank"), told(*rows, how="rank", set="922")
    assert (old.value, old.why) == (44, "Từ năm 2022 tính theo bộ chỉ số 922, không so được với bộ 1726.")
    assert (new.value, new.previous, new.why) == (30, 40, None)
    assert told(row(2022, 0.55, set="922"), row(2021, 0.3426), set="922").previous is None


def test_the_tree_shows_what_lies_just_below() -> None:
    rows = [row(2021, 0.3), *(row(2021, 0.1 * n, code=code, name=code) for n, code in enumerate(["2", "1", "1.1"]))]
    assert [part["label"] for part in told(*rows).parts or []] == ["1", "2"]
    assert [part["label"] for part in told(*rows, code="1").parts or []] == ["1.1"]


def parsed(name: str, form: dict[str, Any], folder: Path) -> dict[str, Item]:
    """The items of one of the real tables, as `table_file` reads it."""
    options = {"event": "ioc.dti.published", "folder": str(folder), "forms": [form]}
    adapter = catalog.open_adapter(Source("dti", "table_file", Contract("us"), options))
    results = list(adapter.parse(Answer((SHARED / name).read_bytes(), name=name)))
    readings = [one for one in results if isinstance(one, Reading)]
    print(f"{name}: {len(results)} records = {len(readings)} events + {len(results) - len(readings)} set aside")
    assert len(readings) == len(results)
    return {one.subject: Item(one.subject, NOON, NOON, one.properties) for one in readings}


def test_the_published_ranking_of_2022(shared: Path, tmp_path: Path) -> None:
    whole = {"set": {"default": "922"}, "year": {"default": 2022}, "place": "province", "code": {"default": ""}}
    rank = {"rank": {"path": "rank", "kind": "integer"}, "ranks": {"default": 63}}
    items = parsed("dti_2022_ranking.csv", {"id": "province", "properties": {**whole, **rank}}, tmp_path)
    assert len(items) == 63
    tile = catalog.declared("dti_2022", {**TABLE, "set": "922", "place": "Tây Ninh", "how": "rank"})
    figure = tile.work_out(items, NOON)
    assert (figure.value, figure.of, figure.previous) == (40, 63, None)


def test_the_published_pillars_of_the_first_five(shared: Path, tmp_path: Path) -> None:
    form = {
        "id": ["province", "pillar"],
        "melt": {"columns": ["*_so", "an_toan*", "pdti"], "name": "pillar", "value": "score"},
        "properties": {
            "set": {"default": "922"}, "year": {"default": 2022}, "place": "province", "name": "pillar",
            "code": {"path": "pillar", "pattern": "^(?:pdti)?(.*)$"},
            "score": {"path": "score", "kind": "number"},
        },
    }  # fmt: skip
    items = parsed("dti_2022_detail_top5.csv", form, tmp_path)
    assert len(items) == 5 * 9
    tile = catalog.declared("dti_2022", {**TABLE, "set": "922", "place": "TP. Đà Nẵng"})
    figure = tile.work_out(items, NOON)
    assert figure.value == 0.8002 and len(figure.parts or []) == 8
