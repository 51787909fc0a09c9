"""Security events as counts: real alerts and real syslog, doors that listen, files that grow; no raw line gets out."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import msgspec
import pytest

from ioc import catalog, clock, syslog
from ioc.adapter import Adapter, Answer, Reading
from ioc.adapter_suite import AdapterSuite
from ioc.contract import Contract
from ioc.errors import BadConfig, BadRecord, SourceDown
from ioc.ports import free
from ioc.settings import Source
from tests.conftest import absent

REAL = Path(os.environ.get("IOC_SHARED") or Path(__file__).parents[3] / "shared") / "data" / "security"
EVE = [REAL / "suricata_first-org-conf-2015.json", REAL / "suricata_wrccdc-2018.json"]
SYSLOG = REAL / "syslog_secure-rhel7_head.log"
OPTIONS: dict[str, Any] = {
    "event": "ioc.security.counted",
    "files": ["eve.json"],
    "bodies": [
        {"name": "Sở Tài chính", "networks": ["10.47.0.0/16"]},
        {"name": "Sở Y tế", "networks": ["192.168.0.0/16"], "hosts": ["slave*"]},
    ],
    "rules": [{"pattern": "Failed password", "severity": "medium"}],
}


class TestSecurityEvents(AdapterSuite):
    adapter = "security_events"
    options: ClassVar = OPTIONS
    answers: ClassVar = EVE
    trouble = "body"

    @pytest.mark.parametrize("file", EVE, ids=lambda file: file.stem)
    def test_every_alert_is_counted_once(self, file: Path) -> None:
        """records = those joined in counts + set aside; an independent count of the file says the same."""
        if not file.is_file():
            absent(f"{file} is not on this machine; name its folder with IOC_SHARED")
        alerts = json.loads(file.read_bytes())
        results = self.parsed(file.name, file.read_bytes())
        readings = [one for one in results if isinstance(one, Reading)]
        joined = sum(one.properties["count"] for one in readings)
        aside = len(results) - len(readings)
        print(f"{file.name}: {len(alerts)} records = {joined} joined into {len(readings)} counts + {aside} set aside")
        assert len(alerts) == joined + aside and aside == 0
        own = Counter({1: "high", 2: "medium", 3: "low"}[alert["alert"]["severity"]] for alert in alerts)
        told: Counter[str] = Counter()
        for one in readings:
            told[one.properties["severity"]] += one.properties["count"]
        assert told == own
        newest = max(datetime.fromisoformat(alert["timestamp"]) for alert in alerts)
        assert max(one.time for one in readings if one.time) == newest


def opened(**changed: Any) -> Adapter[Any]:
    return catalog.open_adapter(Source("soc", "security_events", Contract("SOC"), {**OPTIONS, **changed}))


def read(body: bytes, **changed: Any) -> list[Reading | BadRecord]:
    return list(opened(**changed).parse(Answer(body, name="log")))


def counts(results: list[Reading | BadRecord]) -> dict[tuple[str, str], int]:
    found: Counter[tuple[str, str]] = Counter()
    for one in results:
        if isinstance(one, Reading):
            found[one.properties["body"], one.properties["severity"]] += one.properties["count"]
    return dict(found)


def alert(severity: Any = 1, at: str = "2026-03-10T12:00:00+0700", to: str = "10.47.1.1", **more: Any) -> bytes:
    told = {"event_type": "alert", "timestamp": at, "dest_ip": to, "alert": {"severity": severity}, **more}
    return json.dumps(told).encode()


def test_real_syslog_without_a_year() -> None:
    if not SYSLOG.is_file():
        absent(f"{SYSLOG} is not on this machine; name its folder with IOC_SHARED")
    lines = SYSLOG.read_bytes().splitlines()
    results = read(SYSLOG.read_bytes())
    joined = sum(counts(results).values())
    print(f"{SYSLOG.name}: {len(lines)} records = {joined} joined into {len(results)} counts")
    failed = sum(b"Failed password" in line for line in lines)
    assert joined == len(lines)
    assert counts(results) == {("Sở Y tế", "medium"): failed, ("Sở Y tế", "info"): len(lines) - failed}
    for one in results:
        assert isinstance(one, Reading) and one.time is not None
        assert one.time <= clock.now() + timedelta(days=1) and one.time > clock.now() - timedelta(days=400)


NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
HANOI = ZoneInfo("Asia/Ho_Chi_Minh")


@pytest.mark.parametrize(
    ("line", "severity", "time"),
    [
        ("<34>Oct 11 22:14:15 mymachine su: 'su root' failed", 2, "2025-10-11T22:14:15+07:00"),
        ("<13>Feb  5 17:32:18 10.0.0.99 Use the BFG!", 5, "2026-02-05T17:32:18+07:00"),
        ("Mar 11 10:00:00 host app: ahead by less than a day", 5, "2026-03-11T10:00:00+07:00"),
        ("Feb 29 10:00:00 host app: of a leap year", 5, "2024-02-29T10:00:00+07:00"),
        ("<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 proc 8710 - - text", 5, "2003-08-24T05:14:15.000003-07:00"),
        ("<11>1 - host - - - -", 3, None),
    ],
)
def test_the_two_forms_of_syslog(line: str, severity: int, time: str | None) -> None:
    told = syslog.read(line, NOW, HANOI)
    assert (told.severity, told.time) == (severity, datetime.fromisoformat(time) if time else None)


@pytest.mark.parametrize(
    "line", ["", "hello", "<999>Oct 11 22:14:15 m x", "<34>Oct 99 22:14:15 m x", "<34>1 soon h a p m s"]
)
def test_a_line_that_can_not_be_read_is_told_without_it(line: str) -> None:
    with pytest.raises(BadRecord) as bad:
        syslog.read(line, NOW, HANOI)
    assert bad.value.raw is None and (not line or line not in bad.value.say)


def test_nothing_of_an_event_gets_out_with_what_is_set_aside() -> None:
    secret = "user=admin password=hunter2 10.9.8.7"
    body = b"\n".join(
        [alert(9, note=secret), alert(1, at="soon", note=secret), secret.encode(), b'{"event_type": "alert']
    )
    results = read(body)
    assert [one.reason for one in results if isinstance(one, BadRecord)] == [
        "unknown_code", "bad_time", "bad_line", "bad_line",
    ]  # fmt: skip
    for one in results:
        assert isinstance(one, BadRecord) and one.code is None
        kept = f"{one.say} {msgspec.json.encode(one.raw).decode()}"
        assert "hunter2" not in kept and "admin" not in kept and "10.9" not in kept


def test_other_events_are_left_out_and_alerts_may_come_by_syslog() -> None:
    flow = json.dumps({"event_type": "flow", "timestamp": "2026-03-10T12:00:00+0700"}).encode()
    wrapped = b"<13>Mar 10 12:00:00 sensor suricata: " + alert(2)
    assert counts(read(b"\n".join([flow, wrapped]))) == {("Sở Tài chính", "medium"): 1}


def test_whose_an_event_is() -> None:
    assert counts(read(alert(1, to="8.8.8.8"))) == {("Khác", "high"): 1}
    assert counts(read(alert(1, to="8.8.8.8", src_ip="10.47.9.9"))) == {("Sở Tài chính", "high"): 1}
    assert counts(read(alert(1, to="8.8.8.8", host="slave-1"))) == {("Sở Y tế", "high"): 1}


def test_an_event_of_the_future_is_set_aside() -> None:
    later = clock.rfc3339(clock.now() + timedelta(hours=1))
    (bad,) = read(alert(1, at=later))
    assert isinstance(bad, BadRecord) and bad.reason == "future_time"


async def ask(adapter: Adapter[Any], cursor: str | None) -> tuple[list[Reading | BadRecord], str | None]:
    results: list[Reading | BadRecord] = []
    async for answer in adapter.ask(cursor):
        assert answer.body == b"", "no raw line travels on"
        results += adapter.parse(answer)
        cursor = answer.cursor or cursor
        await adapter.committed(answer, None)
    return results, cursor


async def test_a_file_that_grows_and_is_rotated_is_counted_once(tmp_path: Path) -> None:
    file = tmp_path / "eve.json"
    adapter = opened(files=[str(file)])
    with pytest.raises(SourceDown, match=r"eve\.json can't be read"):
        await ask(adapter, None)
    file.write_bytes(alert(1) + b"\n" + alert(1) + b"\n" + alert(1)[:20])
    results, cursor = await ask(adapter, None)
    assert counts(results) == {("Sở Tài chính", "high"): 2}
    assert (await ask(adapter, cursor))[0] == []
    with file.open("ab") as grown:
        grown.write(alert(1)[20:] + b"\n" + alert(3) + b"\n")
    uncommitted = await ask(adapter, cursor)
    again, cursor = await ask(opened(files=[str(file)]), cursor)
    assert uncommitted[0] == again, "what was not committed is counted again from where the cursor stands"
    assert counts(again) == {("Sở Tài chính", "high"): 3, ("Sở Tài chính", "low"): 1}
    file.rename(tmp_path / "eve.1")
    file.write_bytes(alert(1) + b"\n")
    results, cursor = await ask(adapter, cursor)
    assert counts(results) == {("Sở Tài chính", "high"): 4}


async def test_hours_that_are_closed_take_nothing_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.security_events.MOST_COUNTS", 2)
    file = tmp_path / "eve.json"
    hours = [alert(1, at=f"2026-03-10T{hour:02d}:00:00+0700") for hour in (8, 9, 10)]
    file.write_bytes(b"\n".join(hours) + b"\n")
    adapter = opened(files=[str(file)])
    results, cursor = await ask(adapter, None)
    assert len(results) == 3
    with file.open("ab") as grown:
        grown.write(hours[0] + b"\n" + hours[1] + b"\n")
    results, _ = await ask(adapter, cursor)
    assert [one.reason if isinstance(one, BadRecord) else one.properties["count"] for one in results] == ["too_late", 2]


async def until(
    adapter: Adapter[Any], cursor: str | None, number: int
) -> tuple[dict[tuple[str, str], int], str | None]:
    """Ask until so many events are counted in all."""
    newest: dict[str, Reading] = {}
    async with asyncio.timeout(20):
        while sum(one.properties["count"] for one in newest.values()) < number:
            results, cursor = await ask(adapter, cursor)
            newest |= {one.subject: one for one in results if isinstance(one, Reading)}
    return counts(list(newest.values())), cursor


async def test_datagrams_and_connections_are_heard() -> None:
    udp, tcp = free(2)
    adapter = opened(files=[], udp=f"127.0.0.1:{udp}", tcp=f"127.0.0.1:{tcp}")
    try:
        assert await ask(adapter, None) == ([], None)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(alert(1) + b"\n", ("127.0.0.1", udp))
            sender.sendto(b"<11>1 - slave7 app - - - two\nlines", ("127.0.0.1", udp))
        told, cursor = await until(adapter, None, 2)
        assert told == {("Sở Tài chính", "high"): 1, ("Sở Y tế", "medium"): 1}
        _, writer = await asyncio.open_connection("127.0.0.1", tcp)
        counted = b"<12>1 - slave7 app - - - of\nsome length"
        writer.write(alert(1) + b"\n" + str(len(counted)).encode() + b" " + counted + alert(1) + b"\n")
        await writer.drain()
        told, _ = await until(adapter, cursor, 4)
        assert told == {("Sở Tài chính", "high"): 3, ("Sở Y tế", "low"): 1}
        writer.close()
    finally:
        await adapter.close()


async def test_who_is_not_among_the_peers_is_not_heard() -> None:
    udp, tcp = free(2)
    adapter = opened(files=[], udp=f"127.0.0.1:{udp}", tcp=f"127.0.0.1:{tcp}", peers=["10.0.0.0/8"])
    try:
        await ask(adapter, None)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(alert(1), ("127.0.0.1", udp))
        reader, writer = await asyncio.open_connection("127.0.0.1", tcp)
        assert await reader.read() == b"", "the connection is closed at once"
        writer.close()
        assert (await ask(adapter, None))[0] == []
    finally:
        await adapter.close()


async def test_a_door_that_is_taken_is_said() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        adapter = opened(files=[], udp=f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(SourceDown, match="can't listen"):
            await ask(adapter, None)
        await adapter.close()


@pytest.mark.parametrize(
    ("options", "say"),
    [
        ({"files": []}, "nothing is listened to"),
        ({"udp": "0.0.0.0:5514"}, "peers is empty"),
        ({"tcp": "5514"}, "host:port"),
        ({"rules": [{"pattern": "(", "severity": "low"}]}, "regular expression"),
        ({"peers": ["10.0.0.0/99"]}, "99"),
    ],
)
def test_settings_that_are_wrong_are_said(options: dict[str, Any], say: str) -> None:
    with pytest.raises(BadConfig, match=say):
        opened(**options)
