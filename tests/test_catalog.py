"""What the catalog says of a layer that is wrong."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from ioc import catalog
from ioc.errors import BadConfig
from ioc.layer import Layer


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
    return Odd


def test_a_layer_says_what_it_is_from_afar_in_one_of_three_words(odd: type[Any]) -> None:
    odd.far = "cluster"
    with pytest.raises(
        BadConfig, match=r"says far = 'cluster'; write one of clusters, units, tiles, or leave it out\."
    ):
        catalog.layer("odd")
    odd.far = "clusters"
    assert catalog.layer("odd").far == "clusters"
