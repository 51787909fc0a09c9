"""Adapters that ask a small document how much their source holds: with the same key, on the same host, or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ioc import catalog, clock
from ioc.adapter import Adapter
from ioc.adapter_suite import AnswerServer
from ioc.contract import Contract
from ioc.errors import BadConfig, SourceDown
from ioc.proof import Tally
from ioc.settings import Source

ASKED: dict[str, dict[str, Any]] = {
    "probes": {"event": "ioc.site.probed", "id": "ma", "address": "dia_chi", "properties": {"name": "ten"}},
    "certificates": {
        "event": "ioc.certificate.listed", "serial": "so", "until": "den",
        "kind": {"path": "loai", "values": {"1": "x"}},
    },
    "gauges": {"event": "ioc.station.measured", "properties": {}, "quantities": {"level": {"path": "muc"}}},
}  # fmt: skip


def opened(adapter: str, base: str, tally: dict[str, Any] | None) -> Adapter[Any]:
    given = {**ASKED[adapter], "url": f"{base}/list", "token": "a-token-of-the-test"}
    return catalog.open_adapter(Source("s", adapter, Contract("Sở"), given | ({"tally": tally} if tally else {})))


@pytest.mark.parametrize("adapter", ASKED)
async def test_the_source_says_how_much_it_holds_to_who_has_the_key(adapter: str) -> None:
    with AnswerServer(b'{"tong": 58}') as server:
        one = opened(adapter, server.url, {"url": f"{server.url}/tong.json", "count": "tong"})
        assert one.tallies and await one.tally() == Tally(58, None)
    (asked,) = server.asked
    assert (asked.path, asked.headers["authorization"]) == ("/tong.json", "Bearer a-token-of-the-test")


@pytest.mark.parametrize("adapter", ASKED)
async def test_without_the_setting_nobody_is_asked_and_another_host_must_not_see_the_key(adapter: str) -> None:
    one = opened(adapter, "http://a.vn", None)
    assert not one.tallies and await one.tally() is None
    with pytest.raises(BadConfig, match="another host"):
        opened(adapter, "http://a.vn", {"url": "http://b.vn/tong.json", "count": "tong"})


async def test_a_dropped_list_has_its_control_file_beside_it(tmp_path: Path) -> None:
    form = {"id": "code", "properties": {"people": "people"}}
    given: dict[str, Any] = {"event": "ioc.indicator.measured", "folder": str(tmp_path), "settle_s": 0, "forms": [form]}
    given["tally"] = {"file": "tong/tong.json", "count": "tong"}
    one = catalog.open_adapter(Source("s", "table_file", Contract("Sở"), given))
    with pytest.raises(SourceDown, match="control file"):
        await one.tally()
    (tmp_path / "tong").mkdir()
    (tmp_path / "tong" / "tong.json").write_bytes(b'{"tong": 3806}')
    assert one.tallies and await one.tally() == Tally(3806, None)
    assert [answer async for answer in one.ask(None)] == [], "the control file is no list"
    del given["tally"]
    one = catalog.open_adapter(Source("s", "table_file", Contract("Sở"), given))
    assert not one.tallies and await one.tally() is None


NEWEST: dict[str, dict[str, Any]] = {
    "feeds": {"event": "ioc.press.posted", "url": "http://bao.example.vn/1.rss"},
    "security_events": {"event": "ioc.security.counted", "files": ["eve.json"]},
}


@pytest.mark.parametrize("adapter", NEWEST)
async def test_those_who_hold_more_than_they_send_say_their_newest_alone(adapter: str) -> None:
    with AnswerServer(b'{"moi_nhat": "2026-03-10T12:00:00+07:00", "tong": 3}') as server:
        tally = {"url": f"{server.url}/tong.json", "newest": "moi_nhat"}
        one = catalog.open_adapter(Source("s", adapter, Contract("Sở"), NEWEST[adapter] | {"tally": tally}))
        assert one.tallies and await one.tally() == Tally(None, clock.parse("2026-03-10T12:00:00+07:00"))
    with pytest.raises(BadConfig, match="leave count out"):
        catalog.open_adapter(
            Source("s", adapter, Contract("Sở"), NEWEST[adapter] | {"tally": tally | {"count": "tong"}})
        )
    bare = catalog.open_adapter(Source("s", adapter, Contract("Sở"), NEWEST[adapter]))
    assert not bare.tallies and await bare.tally() is None
