"""Citizens' reports of Los Angeles over a GeoReport v2 server: every record is accounted for, exactly."""

from __future__ import annotations

from pathlib import Path

import pytest

from ioc.contract import Answered
from tests.adapters.test_open311 import OPTIONS, STATUSES, la_rows
from tests.centre import Centre
from tests.servers import GeoReportServer


def exact(answered: Answered) -> bool:
    told = answered.events + answered.unchanged + answered.duplicates + answered.set_aside
    return answered.records == told


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_records_are_events_unchanged_duplicates_and_set_aside_exactly(form: str, shared: Path) -> None:
    rows = la_rows(shared)
    with GeoReportServer(rows, cap=1000) as server:
        options = {**OPTIONS, "url": server.url, "form": form, "page_size": 1000, "statuses": STATUSES}
        wall = await Centre("open311", options, layer="reports").open()
        first = await wall.poll()
        assert (first.records, first.events, first.set_aside) == (10_000, 10_000, 0)
        assert len(wall.events) == first.events
        second = await wall.poll()
        assert second.events == first.events and second.unchanged > 0
        assert exact(first) and exact(second)
        newest = max(server.rows, key=lambda row: row["updated_datetime"])
        server.rows.append({**newest, "service_request_id": "new", "status": "Open"})
        server.rows.append({**newest, "service_request_id": "odd", "status": "Melted"})
        third = await wall.poll()
        assert (third.events - second.events, third.aside_now) == (1, 1)
        assert exact(third)
        assert "new" in await wall.items()
