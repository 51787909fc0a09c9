"""What the catalog says of a layer that is wrong."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from ioc import catalog
from ioc.errors import BadConfig
from ioc.layer import Figure, Layer, Tile


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch) -> type[Layer]:
    """A layer `odd`, as if its file were there."""

    class Odd(Layer):
        name = "odd"
        title = ("Lạ", "Odd")
        listens = frozenset({"ioc.odd.observed"})

    module = ModuleType("layers.odd")
    Odd.__module__ = module.__name__
    module.__dict__["Odd"] = Odd
    monkeypatch.setitem(sys.modules, module.__name__, module)
    catalog.layer.cache_clear()
    catalog.tiles.cache_clear()
    return Odd


def test_a_layer_says_what_it_is_from_afar_in_one_of_three_words(odd: type[Any]) -> None:
    odd.far = "cluster"
    with pytest.raises(
        BadConfig, match=r"says far = 'cluster'; write one of clusters, units, tiles, or leave it out\."
    ):
        catalog.layer("odd")
    odd.far = "clusters"
    assert catalog.layer("odd").far == "clusters"


@pytest.mark.parametrize(
    ("field", "value", "say"),
    [
        ("name", "odds", 'is called as its file is; write name = "odd"'),
        ("name", None, 'is called as its file is; write name = "odd"'),
        ("title", "Odd", "no title in both languages"),
        ("title", ("Lạ", "Odd", "Odder"), "no title in both languages"),
        ("listens", "ioc.odd.observed", "listens to nothing; write listens = frozenset"),
    ],
)
def test_a_layer_says_its_name_its_title_and_what_it_listens_to(
    odd: type[Any], field: str, value: object, say: str
) -> None:
    setattr(odd, field, value)
    with pytest.raises(BadConfig, match=say):
        catalog.layer("odd")


@pytest.mark.parametrize(
    ("changed", "say"),
    [
        ({}, None),
        ({"over": "add"}, 'stands beside the layer odd; write over = "odd"'),
        ({"label": "Odd"}, "no label in both languages"),
        ({"unit": "g/l"}, "no unit in both languages"),
        ({"work_out": None}, "is worked out by nothing"),
    ],
)
def test_a_tile_of_a_file_is_looked_at(
    odd: type[Any], monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], say: str | None
) -> None:
    told = {"name": "odd_ones", "over": "odd", "label": ("Lạ", "Odd"), "unit": ("", ""), "work_out": Figure}
    monkeypatch.setattr(sys.modules["layers.odd"], "TILES", (Tile(**{**told, **changed}),), raising=False)
    if say is None:
        assert [tile.name for tile in catalog.tiles("odd")] == ["odd_ones"]
        return
    with pytest.raises(BadConfig, match=say):
        catalog.tiles("odd")


def test_what_is_no_tile_is_said(odd: type[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["layers.odd"], "TILES", ("odd_ones",), raising=False)
    with pytest.raises(BadConfig, match=r"holds 'odd_ones', which is no Tile"):
        catalog.tiles("odd")
