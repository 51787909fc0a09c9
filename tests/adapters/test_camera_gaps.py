"""The source that stands for the gaps in what cameras see: what its settings and its contract must say."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ioc import catalog
from ioc.adapter import Answer
from ioc.contract import Contract
from ioc.duty import Due
from ioc.errors import BadConfig
from ioc.settings import Source

COMPUTED = Contract("Trung tâm điều hành", cadence=60, method="computed")


def source(**options: Any) -> Source:
    return Source("gaps", "camera_gaps", COMPUTED, {"event": "ioc.gap.found", **options})


async def test_the_adapter_asks_nobody_and_reads_nothing() -> None:
    adapter = catalog.open_adapter(source())
    assert adapter.asks is False
    assert [answer async for answer in adapter.ask(None)] == []
    assert list(adapter.parse(Answer(b"x"))) == []


@pytest.mark.parametrize(
    "options", [{"event": "ioc.camera.observed"}, {"communes": False}, {"within_m": 0}, {"crs": 1}]
)
def test_settings_that_would_not_do_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(BadConfig):
        catalog.open_adapter(source(**options))


@pytest.mark.parametrize("contract", [Contract("x", cadence=9), Contract("x", due=Due("day"), method="computed")])
def test_a_contract_that_does_not_fit_is_refused(contract: Contract) -> None:
    with pytest.raises(BadConfig, match="worked out"):
        catalog.open_adapter(msgspec.structs.replace(source(), contract=contract))
