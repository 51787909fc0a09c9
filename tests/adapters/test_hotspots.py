"""The source that stands for the hot spots: what its settings and its contract must say."""

from __future__ import annotations

from typing import Any

import pytest

from ioc import catalog
from ioc.adapter import Answer
from ioc.contract import Contract
from ioc.duty import Due
from ioc.errors import BadConfig
from ioc.settings import Source

EVENT = "ioc.hotspot.found"
COMPUTED = Contract("Trung tâm điều hành", cadence=900, method="computed")


def opened(contract: Contract = COMPUTED, **options: Any) -> Any:
    return catalog.open_adapter(Source("hotspots", "hotspots", contract, {"crs": 9218, "event": EVENT, **options}))


async def test_it_asks_nobody_and_reads_nothing() -> None:
    adapter = opened()
    assert adapter.asks is False
    assert [answer async for answer in adapter.ask(None)] == []
    assert adapter.parse(Answer(b"x")) == []
    assert (adapter.config.cell_m, adapter.config.hours, adapter.config.least) == (1000, 168, 5)


@pytest.mark.parametrize(
    "options", [{"crs": 4326}, {"crs": 1}, {"event": "ioc.report.filed"}, {"least": 2}, {"rate": 0.5}, {"cell_m": 50}]
)
def test_what_would_not_do_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(BadConfig):
        opened(**options)


@pytest.mark.parametrize("contract", [Contract("x", cadence=9), Contract("x", due=Due("day"), method="computed")])
def test_a_contract_that_does_not_fit_is_refused(contract: Contract) -> None:
    with pytest.raises(BadConfig, match="worked out"):
        opened(contract)
