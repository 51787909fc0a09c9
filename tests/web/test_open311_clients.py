"""Clients of others (`georeport`, `civicbot`, from PyPI) and our own adapter, unchanged, at our GeoReport server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import georeport
import pytest
from civicbot.http import HttpError, HttpTransport, RateLimiter
from civicbot.open311 import CONFIRM_TOKEN, Open311Client, ValidationError
from civicbot.registry import Endpoint

from ioc import catalog
from ioc.adapter import Reading
from ioc.adapter_suite import poll
from ioc.contract import Contract
from ioc.db.session import Database, migrate, open_db
from ioc.settings import Source
from tests.georeport import KEY, OWN, centre

from .conftest import Running


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    url = f"sqlite:///{tmp_path}/reports.db"
    await asyncio.to_thread(migrate, url)
    db: Database = open_db(url)
    async with centre(db) as found:
        yield found
    await db.close()


def civic(server: Running) -> Any:
    where = Endpoint("test", "Test", f"http://127.0.0.1:{server.port}/open311/v2", write=True)
    quick = HttpTransport(rate_limiter=RateLimiter(0))
    return Open311Client(where, quick, jurisdiction_id=OWN)


def sent(client: Any, code: str, **form: Any) -> str:
    """File by civicbot as its users do: checked against our own services and definitions first."""
    done = client.create_request(
        code, dry_run=False, confirm=CONFIRM_TOKEN, api_key=KEY, validate_remote=True, **form
    )  # fmt: skip
    number: str = done.response[0]["service_request_id"]
    return number


async def test_civicbot_files_and_follows(server: Running) -> None:
    def use() -> None:
        client = civic(server)
        assert [one["service_code"] for one in client.list_services()] == ["light", "water", "home"]
        size = client.get_service_definition("water")["attributes"][0]
        with pytest.raises(ValidationError):
            sent(client, "water", lat=13.1, lng=109.3, description="Vỡ ống")
        key = size["values"][0]["key"]
        first = sent(client, "water", lat=13.1, lng=109.3, description="Vỡ ống nước", attributes={size["code"]: key})
        second = sent(client, "light", address_string="12 Trần Phú", description="Đèn hỏng", email="a@b.vn")
        got = client.get_request(first)
        assert (got["description"], got["lat"], got["long"], got["status"]) == ("Vỡ ống nước", 13.1, 109.3, "open")
        assert client.get_request(second)["address"] == "12 Trần Phú"
        listed = client.list_requests(status="open", page_size=10)
        assert [one["service_request_id"] for one in listed] == [second, first]
        assert len(client.list_requests(service_request_ids=[first, second])) == 2
        assert client.list_requests(service_code="home") == []
        for wrong, status in (({"api_key": "x" * 40}, 403), ({}, 401)):
            form = client.build_request("light", address_string="Ở đây", **wrong).form
            with pytest.raises(HttpError) as caught:
                client.http.post_form(client._url("requests"), form)
            assert caught.value.status == status

    await asyncio.to_thread(use)


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_georeport_reads(server: Running, form: str) -> None:
    def use() -> None:
        numbers = [sent(civic(server), "light", lat=13.1, lng=109.3, description=f"Đèn <{n}> & tối") for n in range(2)]
        client = georeport.GeoReport(f"http://127.0.0.1:{server.port}/open311/v2", OWN, output_format=form)
        assert [one["service_code"] for one in client.get_service_list()] == ["light", "water", "home"]
        assert client.get_service_definition("water")["service_code"] == "water"
        found = client.get_service_requests(status="open", service_code="light")
        assert [one["service_request_id"] for one in found] == numbers[::-1]
        one = client.get_service_request(numbers[0])
        assert (one["description"], float(one["lat"])) == ("Đèn <0> & tối", 13.1)

    await asyncio.to_thread(use)


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_our_own_adapter_reads_our_own_server(server: Running, form: str) -> None:
    def use() -> list[str]:
        client = civic(server)
        return [sent(client, "light", lat=13.1, lng=109.3, description=f"Đèn {n}") for n in range(5)]

    numbers = await asyncio.to_thread(use)
    options = {
        "event": "ioc.report.observed", "url": f"http://127.0.0.1:{server.port}/open311/v2", "form": form,
        "jurisdiction": OWN, "page_size": 2,
    }  # fmt: skip
    adapter = catalog.open_adapter(Source("reports", "open311", Contract("us"), options))
    results, cursor = await poll(adapter)
    readings = [one for one in results if isinstance(one, Reading)]
    assert len(readings) == len(results) and cursor is not None
    assert sorted(one.subject for one in readings) == sorted(numbers)
    assert readings[0].geometry == {"type": "Point", "coordinates": [109.3, 13.1]}
    assert readings[0].properties["service"] == "Đèn đường" and readings[0].properties["status"] == "open"
