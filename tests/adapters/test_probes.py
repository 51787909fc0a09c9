"""Sites that are asked themselves: real doors, what may not be asked, and what a list from outside can't do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ioc import catalog, clock
from ioc.adapter import Adapter, Reading
from ioc.adapter_suite import AdapterSuite, AnswerServer, Said, poll
from ioc.contract import Contract
from ioc.demo.systems.network import certificate
from ioc.errors import BadConfig, BadRecord
from ioc.ports import free
from ioc.reach import Sites, allowed, moment
from ioc.settings import Source

HERE = {"networks": ["127.0.0.0/8"], "timeout_s": 2, "every": 0.01, "down_after": 1}
MAPPED: dict[str, Any] = {"id": "ma", "address": "dia_chi", "properties": {"name": "ten"}}
LIST = [
    {"ma": "a", "ten": "Sở Y tế", "dia_chi": "127.0.0.1:1", "kinh_do": 108.2, "vi_do": 15.6},
    {"ma": "b", "ten": "Hội An", "dia_chi": "tcp://127.0.0.1:1"},
]
TABLE = "\ufeffma;ten;dia_chi\r\na;Sở Y tế;127.0.0.1:1\r\nb;Hội An;127.0.0.1:1\r\n"


class TestProbes(AdapterSuite):
    adapter = "probes"
    options: ClassVar = {"event": "ioc.site.probed", "url": "", **MAPPED, "place": "optional", "reach": HERE}
    answers: ClassVar = [json.dumps(LIST).encode()]
    within = (107.2, 14.9, 108.8, 16.1)


def opened(*sites: str, reach: dict[str, Any] | None = None, **options: Any) -> Adapter[Any]:
    given: dict[str, Any] = {"event": "ioc.site.probed", **MAPPED, "reach": HERE | (reach or {})}
    if sites:
        given["sites"] = [{"ma": str(number), "ten": "x", "dia_chi": site} for number, site in enumerate(sites)]
    return catalog.open_adapter(Source("sites", "probes", Contract("Sở"), given | options))


async def asked(*sites: str, **reach: Any) -> list[Reading | BadRecord]:
    return (await poll(opened(*sites, reach=reach)))[0]


def told(results: list[Reading | BadRecord], name: str) -> list[Any]:
    return [one.properties.get(name) if isinstance(one, Reading) else one.reason for one in results]


@asynccontextmanager
async def door(secure: Any = None, wait: float = 0.0) -> AsyncIterator[int]:
    """A TCP or TLS door that opens, at a free port."""
    (port,) = free(1)

    async def met(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(met, "127.0.0.1", port, ssl=secure)
    try:
        yield port
    finally:
        server.close()


async def test_a_door_that_opens_is_up_and_a_closed_one_is_down() -> None:
    async with door() as port:
        results = await asked(f"127.0.0.1:{port}", f"tcp://localhost:{port}", "127.0.0.1:1")
    assert told(results, "result") == ["up", "up", "down"]
    assert told(results, "why")[2] == "ConnectionRefusedError" and told(results, "ms")[2] is None


async def test_one_failure_is_no_news() -> None:
    adapter = opened("127.0.0.1:1", reach={"down_after": 2})
    assert told((await poll(adapter))[0], "result") == ["never"]
    await asyncio.sleep(0.05)
    assert told((await poll(adapter))[0], "result") == ["down"]


async def test_what_was_found_goes_on_after_a_restart() -> None:
    async with door() as port:
        first = opened(f"127.0.0.1:{port}", reach={"down_after": 2})
        _, cursor = await poll(first)
    again = opened(f"127.0.0.1:{port}", reach={"down_after": 2})
    assert told((await poll(again, cursor))[0], "result") == ["up"], "one failure after the restart is no news either"


@pytest.mark.parametrize(
    ("status", "result"), [(200, "up"), (302, "up"), (401, "up"), (403, "up"), (404, "down"), (500, "down")]
)
async def test_a_page_is_up_by_its_status_and_redirects_lead_nowhere(status: int, result: str) -> None:
    headers = {"Location": "http://169.254.169.254/latest/meta-data"} if status == 302 else {}
    with AnswerServer(Said(b"ok", status, headers)) as server:
        assert told(await asked(server.url), "result") == [result]
        assert len(server.asked) == 1


async def test_the_newest_post_of_a_page() -> None:
    page = b"<pubDate>Tue, 10 Mar 2026 08:00:00 +0700</pubDate><pubDate>Wed, 11 Mar 2026 09:30:00 +0700</pubDate>"
    page += b"<pubDate>Wed, 11 Mar 2126 09:30:00 +0700</pubDate><pubDate>soon</pubDate>"
    with AnswerServer(Said(page)) as server:
        results = await asked(server.url, newest="<pubDate>([^<]+)</pubDate>")
        assert told(results, "newest") == ["2026-03-11T09:30:00+07:00"], "what lies in the future is no post"
        cut = await asked(server.url, newest="<pubDate>([^<]+)</pubDate>", max_bytes=60)
        assert told(cut, "newest") == ["2026-03-10T08:00:00+07:00"]


async def test_until_when_a_certificate_is_valid(tmp_path: Path) -> None:
    import ssl

    until = (clock.now() + timedelta(days=20)).replace(microsecond=0)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path / "tls.pem", until))
    async with door(context) as port:
        results = await asked(f"tls://127.0.0.1:{port}")
    assert told(results, "result") == ["up"] and told(results, "until") == [clock.rfc3339(until)]


async def test_a_slow_page_is_slow_and_one_that_says_nothing_is_down() -> None:
    with AnswerServer(Said(b"x" * 100)) as server:
        assert told(await asked(server.url, slow_ms=0.001), "result") == ["slow"]
    (port,) = free(1)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    quiet = await asyncio.start_server(silent, "127.0.0.1", port)
    results = await asked(f"http://127.0.0.1:{port}/", timeout_s=0.3)
    quiet.close()
    assert told(results, "result") == ["down"] and told(results, "why") == ["no answer in time"]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1:22", "http://localhost/", "http://[::1]/", "http://10.1.2.3/", "169.254.169.254:80",
        "192.168.0.1:443", "http://[::ffff:127.0.0.1]/", "http://0.0.0.0/", "ftp://127.0.0.1/",
        "http://user:word@127.0.0.1/", "http://", "x", "tls://100.64.0.1", "[fe80::1]:80", "http://2130706433/", "file:///etc/passwd",
    ],
)  # fmt: skip
async def test_a_list_from_outside_can_not_look_around_in_our_network(address: str) -> None:
    (result,) = await asked(address, networks=[])
    assert isinstance(result, BadRecord) and result.reason == "forbidden_address", result
    assert "setting" in result.say and address not in result.say


async def test_only_hosts_that_settings_name_are_asked() -> None:
    async with door() as port:
        results = await asked(f"127.0.0.1:{port}", f"localhost:{port}", hosts=["local*"])
    assert told(results, "result") == ["forbidden_address", "up"]


def test_what_an_address_wraps_counts() -> None:
    for text in ("::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "2001:0:0:0:0:0:f5ff:fffe", "224.0.0.1"):
        assert not allowed(ip_address(text)), text
    assert allowed(ip_address("8.8.8.8")) and allowed(ip_address("2606:4700::1111"))
    assert allowed(ip_address("10.0.0.1"), (ip_network("10.0.0.0/8"),))


async def test_many_sites_are_asked_within_bounds() -> None:
    most = here = 0

    async def met(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal most, here
        here += 1
        most = max(most, here)
        await asyncio.sleep(0.02)
        here -= 1
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        writer.close()

    (port,) = free(1)
    server = await asyncio.start_server(met, "127.0.0.1", port)
    sites = [f"http://127.0.0.1:{port}/{number}" for number in range(40)]
    results = await asked(*sites, parallel=4, rate=1000)
    assert told(results, "result") == ["up"] * 40 and most == 4
    few = await asked(*sites, parallel=1, rate=20, budget_s=0.2)
    server.close()
    states = told(few, "result")
    assert 1 <= states.count("up") < 20 and states.count("never") == 40 - states.count("up")


def test_a_table_is_a_list_too(tmp_path: Path) -> None:
    file = tmp_path / "sites.csv"
    file.write_text(TABLE, encoding="utf-8")
    results, _ = asyncio.run(poll(opened(url=str(file))))
    assert [(one.subject, one.properties["name"]) for one in results if isinstance(one, Reading)] == [
        ("a", "Sở Y tế"), ("b", "Hội An"),
    ]  # fmt: skip


def test_a_site_without_an_address_is_set_aside() -> None:
    adapter = opened(sites=[{"ma": "a", "ten": "x"}, {"ma": "b", "ten": "x", "dia_chi": ""}])
    results, _ = asyncio.run(poll(adapter))
    assert told(results, "result") == ["missing_field", "missing_field"]


@pytest.mark.parametrize(
    ("options", "say"),
    [
        ({}, "write one of them"),
        ({"url": "x", "sites": [{"ma": "a"}]}, "write one of them"),
        ({"url": "x", "reach": {"networks": ["10.0.0.0/99"]}}, "write one like"),
        ({"url": "x", "reach": {"newest": "("}}, "regular expression"),
        ({"url": "x", "reach": {"newest": "x"}}, "group"),
        ({"url": "x", "reach": {"every": 0}}, "above zero"),
    ],
)
def test_settings_that_are_wrong_are_said(options: dict[str, Any], say: str) -> None:
    with pytest.raises(BadConfig, match=say):
        opened(**options)


def test_a_site_is_asked_again_a_little_earlier_or_later() -> None:
    sites = Sites(opened("127.0.0.1:1", reach={"every": 100}).config.reach)
    asyncio.run(sites.run({str(number): "127.0.0.1:1" for number in range(30)}))
    spans = [at - min(sites._next.values()) for at in sites._next.values()]
    assert 5 < max(spans) <= 21


@pytest.mark.parametrize("text", ["", "soon", "99", "Tue, 99 Mar 2026"])
def test_what_is_no_time_is_none(text: str) -> None:
    assert moment(text) is None
