"""Tiles that settings declare: counts, shares, sums and means of a layer's items."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from ioc import catalog
from ioc.errors import BadConfig
from ioc.layer import Figure, Item

AT = datetime(2026, 3, 10, 5, tzinfo=UTC)
BOATS = (
    {"state": "live", "length": 12, "port": "A", "source": "ais"},
    {"state": "silent", "length": 18.5, "port": "B", "source": "ais"},
    {"state": "lost", "port": "B", "source": "register"},
    {"state": "lost", "length": True, "port": "A", "source": "register"},
)


def items(*given: dict[str, Any]) -> dict[str, Item]:
    return {str(n): Item(str(n), AT, AT, dict(one)) for n, one in enumerate(given)}


def told(table: dict[str, Any], *given: dict[str, Any]) -> Figure:
    tile = catalog.declared("boats", {"over": "cameras", "label": ["Tàu", "Boats"], "unit": "tàu", **table})
    assert (tile.name, tile.over, tile.label, tile.unit) == ("boats", "cameras", ("Tàu", "Boats"), ("tàu", "tàu"))
    return tile.work_out(items(*given), AT)


@pytest.mark.parametrize(
    ("table", "value"),
    [
        ({}, 4),
        ({"where": {"state": "lost"}}, 2),
        ({"where": {"state": ["lost", "silent"], "port": "B"}}, 2),
        ({"where": {"state": "sunk"}}, 0),
        ({"how": "share", "where": {"state": "lost"}}, 50),
        ({"how": "share", "where": {"state": "lost"}, "among": {"state": ["lost", "silent"]}, "decimals": 1}, 66.7),
        ({"how": "share", "where": {"state": "lost"}, "among": {"state": "sunk"}}, None),
        ({"among": {"state": ["lost", "silent"]}, "where": {"state": "lost"}}, 2),
        ({"how": "sum", "field": "length", "decimals": 1}, 30.5),
        ({"how": "mean", "field": "length", "decimals": 2}, 15.25),
        ({"how": "sum", "field": "length", "where": {"state": "lost"}}, None),
        ({"sources": ["register"]}, 2),
    ],
)
def test_what_is_counted(table: dict[str, Any], value: float | None) -> None:
    assert told(table, *BOATS).value == value


def test_what_is_not_known_yet_is_not_held_against_a_count() -> None:
    table = {"where": {"state": "live"}, "known": {"state": ["live", "lost"]}, "warn": 4, "bad": 2, "better": "up"}
    asked = [*[{"state": "live"}] * 2, *[{"state": "never"}] * 3]
    early = told(table, *asked)
    assert (early.value, early.of, early.have, early.level) == (2, 5, 2, None), "it may still become 5"
    assert told(table, *asked, {"state": "lost"}, {"state": "lost"}).level is None
    late = told(table, *asked[:2], *[{"state": "lost"}] * 3)
    assert (late.value, late.of, late.have, late.level) == (2, 5, 5, "warn")
    down = {"where": {"state": "lost"}, "known": table["known"], "warn": 0}
    assert told(down, {"state": "lost"}, {"state": "never"}).level == "warn", "what is too much already stays too much"
    each = {**table, "each": "port", "warn": 2, "bad": 1}
    early = told(each, {"port": "A", "state": "lost"}, {"port": "A", "state": "never"}, {"port": "B", "state": "live"})
    assert (early.value, early.of, early.level) == (1, 2, None), "A may still be so by its other gauge"
    nobody = told({**table, "expect": 9}, {"state": "never"})
    assert (nobody.value, nobody.have, nobody.expect, nobody.level) == (None, 0, 9, None)


def test_of_nothing_there_is_no_figure() -> None:
    figure = told({"where": {"state": "lost"}, "sources": ["ais"]})
    assert (figure.value, figure.have, figure.sources) == (None, 0, ["ais"])
    assert told({"sources": ["vms"]}, *BOATS).value is None


def test_a_count_says_of_how_many_and_of_what_parts() -> None:
    figure = told({"where": {"state": ["lost", "silent"]}, "parts": "port", "target": 0}, *BOATS)
    assert (figure.of, figure.target, figure.method, figure.observed) == (4, 0, None, AT)
    among = told({"where": {"state": "lost"}, "among": {"state": ["lost", "silent"]}}, *BOATS)
    assert (among.value, among.of) == (2, 3)
    assert figure.parts == [{"label": "B", "value": 2}, {"label": "A", "value": 1}]


def test_what_must_be_there_is_the_coverage() -> None:
    figure = told({"where": {"state": "lost"}, "expect": 9}, *BOATS)
    assert (figure.value, figure.have, figure.expect) == (2, 4, 9)
    assert told({"how": "share", "where": {"state": "lost"}}, *BOATS).method == "computed"


@pytest.mark.parametrize(
    ("limits", "level"),
    [
        ({"warn": 1, "bad": 3}, "warn"),
        ({"warn": 1, "bad": 1}, "bad"),
        ({"warn": 2}, None),
        ({"warn": 3, "better": "up"}, "warn"),
        ({"warn": 3, "bad": 2.5, "better": "up"}, "bad"),
    ],
)
def test_limits(limits: dict[str, Any], level: str | None) -> None:
    assert told({"where": {"state": "lost"}, **limits}, *BOATS).level == level


def test_what_is_counted_may_be_the_different_values_of_a_property() -> None:
    found = told({"each": "port", "where": {"state": ["silent", "lost"]}}, *BOATS)
    assert (found.value, found.of) == (2, 2)
    assert told({"how": "share", "each": "port", "where": {"state": "live"}}, *BOATS).value == 50


def test_the_most_of_a_field_names_who_has_it() -> None:
    found = told({"how": "max", "field": "length", "decimals": 1, "parts": "port"}, *BOATS)
    assert (found.value, found.parts) == (18.5, [{"label": "B", "value": 18.5}, {"label": "A", "value": 12}])
    many = [{"length": n, "port": str(n)} for n in range(9)]
    assert [part["label"] for part in told({"how": "max", "field": "length", "parts": "port"}, *many).parts or []] == [
        "8", "7", "6",
    ]  # fmt: skip


def test_a_layer_with_a_table_that_it_cannot_read_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Own(msgspec.Struct):
        name: str
        over: str

    monkeypatch.setattr(catalog, "table_of", lambda _: Own)
    with pytest.raises(BadConfig, match="cameras makes no tile of its own kind of table; write its method"):
        catalog.declared("boats", {"over": "cameras"})
