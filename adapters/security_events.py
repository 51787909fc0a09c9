"""Security events as counts: alerts of Suricata (EVE JSON) and lines of syslog, over UDP and TCP and from files.

Settings (TOML)::

    [sources.soc]
    adapter = "security_events"
    event = "ioc.security.counted"
    udp = "10.20.0.5:5514"                    # where to listen; tcp the same
    peers = ["10.20.0.0/16"]                  # who may send; needed where not only this machine can
    files = ["/var/log/suricata/eve.json"]    # JSON lines that grow and are rotated, syslog, or one JSON array
    [[sources.soc.bodies]]
    name = "Sở Tài chính"
    networks = ["10.20.4.0/24"]               # of what is attacked, else of who attacks
    hosts = ["stc-*"]                         # names of sensors and of senders of syslog
    [[sources.soc.rules]]
    pattern = "Failed password"               # in the text of syslog
    severity = "medium"

A reading counts one hour, body and severity: high, medium, low, info. Suricata's 1 to 4 are these; syslog's 0 to 2 are
high, 3 medium, 4 low, 5 to 7 info, unless a rule says otherwise (the first that fits). Other events than alerts are
left out. What belongs to no body counts for `others`.

Raw logs stay outside: nothing of an event but its hour, body and severity leaves this file, also where it is set aside.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from ioc import clock, syslog
from ioc.adapter import AdapterConfig, Answer, Reading
from ioc.bodies import load_json
from ioc.errors import BadRecord, SourceDown, Untaken
from ioc.listening import Listening
from ioc.proof import Tally
from ioc.tally import TallyAt

Severity = Literal["high", "medium", "low", "info"]
EVE: dict[int, Severity] = {1: "high", 2: "medium", 3: "low", 4: "info"}
SYSLOG: tuple[Severity, ...] = ("high", "high", "high", "medium", "low", "info", "info", "info")
MOST_COUNTS = 2_000
"""Counts that the cursor keeps; what comes for an hour before them is set aside, as it can't be added any more."""
MOST_SENDERS, IDLE_S = 64, 600.0
"""TCP connections at the same time, and for how many seconds one may be silent."""
AHEAD = timedelta(minutes=10)


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A body by its `networks` and the names of its `hosts` (patterns)."""

    name: str
    networks: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `severity` of a line of syslog in whose text the regular expression `pattern` is found."""

    pattern: str
    severity: Severity


class Count(msgspec.Struct, array_like=True):
    """How many, and when the newest of them was (aware)."""

    number: int
    newest: datetime


class Kept(msgspec.Struct):
    """What the cursor holds. `counts`: by hour/severity/body. `before`: hours that are no longer counted lie before it.
    `files`: inode and bytes read of each."""

    counts: dict[str, Count] = {}
    before: str = ""
    files: dict[str, tuple[int, int]] = {}


class Told(NamedTuple):
    """One event: what is counted of it."""

    time: datetime
    severity: Severity
    body: str


class SecurityEvents(Listening["SecurityEvents.Config", None]):
    """Counts what is sent and what files hold. The cursor keeps the counts, so that each event counts once."""

    class Config(AdapterConfig, frozen=True, forbid_unknown_fields=True, kw_only=True):
        """`udp`, `tcp`: host:port to listen at. `peers`: networks that may send. `files`: paths. `bodies`, `others`:
        whose events they are. `rules`: severities of syslog by its text. `zone`: of times without an offset. `tally`:
        where the centre says when its newest alert was (`ioc.tally`); what is counted here are no alerts, so that its
        count is not compared."""

        udp: str | None = None
        tcp: str | None = None
        peers: tuple[str, ...] = ()
        files: tuple[str, ...] = ()
        bodies: tuple[Body, ...] = ()
        others: str = "Khác"
        rules: tuple[Rule, ...] = ()
        tally: TallyAt | None = None
        zone: str = "Asia/Ho_Chi_Minh"

        def __post_init__(self) -> None:
            if self.tally is not None and self.tally.count is not None:
                raise ValueError("tally of alerts says newest alone; leave count out")
            if not (self.udp or self.tcp or self.files):
                raise ValueError("nothing is listened to or read; write udp, tcp or files")
            for network in (*self.peers, *(network for body in self.bodies for network in body.networks)):
                ip_network(network)
            for at in filter(None, (self.udp, self.tcp)):
                host, _, port = at.rpartition(":")
                if not host or not port.isdigit():
                    raise ValueError(f"{at} is no place to listen at; write host:port")
                if not self.peers and host not in ("127.0.0.1", "::1", "localhost"):
                    raise ValueError("peers is empty, and others than this machine can send; name their networks")
            for rule in self.rules:
                try:
                    re.compile(rule.pattern)
                except re.error as error:
                    raise ValueError(f"pattern {rule.pattern} is no regular expression ({error})") from None

    def __init__(self, name: str, config: Config) -> None:
        super().__init__(name, config)
        self._peers = tuple(ip_network(network) for network in config.peers or ("127.0.0.0/8", "::1/128"))
        self._networks = [(ip_network(net), body.name) for body in config.bodies for net in body.networks]
        self._hosts = [(pattern.lower(), body.name) for body in config.bodies for pattern in body.hosts]
        self._rules = [(re.compile(rule.pattern), rule.severity) for rule in config.rules]
        self._zone = ZoneInfo(config.zone)
        self._senders: set[asyncio.Task[None]] = set()

    async def listen(self) -> None:
        """Open the doors, and keep them open. Raises SourceDown when one can't be opened."""
        loop, config = asyncio.get_running_loop(), self.config
        doors: list[asyncio.BaseTransport | asyncio.Server] = []
        try:
            if config.udp:
                host, _, port = config.udp.rpartition(":")
                door, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), (host, int(port)))
                doors.append(door)
            if config.tcp:
                host, _, port = config.tcp.rpartition(":")
                doors.append(await asyncio.start_server(self._connected, host, int(port), limit=syslog.MAX_LINE))
            self.linked.set()
            await asyncio.Event().wait()
        except OSError as error:
            say = f"{self.name} can't listen ({error.strerror}); free the port, or correct udp and tcp."
            raise SourceDown(say) from None
        finally:
            for one in doors:
                one.close()
            for sender in self._senders:
                sender.cancel()
            await asyncio.gather(*self._senders)

    def may_send(self, address: str) -> bool:
        """Whether what comes from there is counted."""
        return any(ip_address(address) in network for network in self._peers)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        peer = writer.get_extra_info("peername")
        if peer is not None and self.may_send(peer[0]) and len(self._senders) < MOST_SENDERS:
            self._senders.add(task)
            try:
                async for message in syslog.framed(reader, IDLE_S):
                    if line := flat(message):
                        await self.heard.put(line)
            except asyncio.CancelledError:
                # Python 3.11 takes a cancelled connection for one that broke
                pass
            finally:
                self._senders.discard(task)
        writer.close()

    async def ask(self, cursor: str | None) -> AsyncIterator[Answer]:
        """What the files hold since the last asking, then what was sent. Raises SourceDown when a file is not there."""
        kept = msgspec.json.decode(cursor, type=Kept) if cursor else Kept()
        lacking: list[str] = []
        for path in self.config.files:
            try:
                body, mark = await asyncio.to_thread(self._grown, Path(path), kept.files.get(path))
            except OSError as error:
                lacking.append(f"{Path(path).name} can't be read ({type(error).__name__}); check it and its rights.")
                continue
            if body:
                kept = msgspec.structs.replace(kept, files={**kept.files, path: mark})
                answer, kept = await asyncio.to_thread(self._counted, Answer(body, name=Path(path).name), kept)
                yield answer
        if self.config.udp or self.config.tcp:
            async for answer in super().ask(None):
                counted, kept = await asyncio.to_thread(self._counted, answer, kept)
                yield counted
        if lacking:
            raise SourceDown(" ".join(lacking))

    def _grown(self, file: Path, mark: tuple[int, int] | None) -> tuple[bytes, tuple[int, int]]:
        """The whole lines that a file has beyond its mark; a file that was rotated is read from its beginning."""
        with file.open("rb") as opened:
            about = file.stat()
            known = mark[1] if mark is not None and mark[0] == about.st_ino and mark[1] <= about.st_size else 0
            opened.seek(known)
            body = opened.read(self.config.max_bytes)
        if known == 0 and body.lstrip()[:1] == b"[":
            return body, (about.st_ino, len(body))
        whole = body[: body.rfind(b"\n") + 1]
        return whole, (about.st_ino, known + len(whole))

    def _counted(self, answer: Answer, kept: Kept) -> tuple[Answer, Kept]:
        """The answer without a raw line in it: what it comes to, and the counts from then on."""
        results, after = self._add(answer.body, answer.name, kept)
        told = msgspec.json.encode(after).decode()
        about = {**answer.about, "results": results}
        return msgspec.structs.replace(answer, body=b"", cursor=told, about=about), after

    def parse(self, answer: Answer) -> Iterable[Reading | BadRecord]:
        """A reading for each count that moved. Raises SourceDown when a JSON array can't be read."""
        if "results" in answer.about:
            return list(answer.about["results"])
        return self._add(answer.body, answer.name, Kept())[0]

    @property
    def tallies(self) -> bool:
        return self.config.tally is not None

    async def tally(self) -> Tally | None:
        config = self.config
        return None if config.tally is None else await config.tally.ask(timeout_s=config.timeout_s, zone=config.zone)

    def _add(self, body: bytes, where: str, kept: Kept) -> tuple[list[Reading | BadRecord], Kept]:
        now = clock.now()
        counts, moved = dict(kept.counts), dict[str, None]()
        results: list[Reading | BadRecord] = []
        for number, given in enumerate(_records(body, where), start=1):
            try:
                told = self._told(given, now)
                if told is None:
                    continue
                hour = told.time.astimezone(clock.ZONE).replace(minute=0, second=0, microsecond=0).isoformat()
                if hour < kept.before:
                    raise BadRecord("An event came too late to be counted; its hour is closed.", reason="too_late")
            except BadRecord as bad:
                results.append(BadRecord(bad.say, reason=bad.reason, raw={"record": number, "bytes": len(str(given))}))
                continue
            key = f"{hour}/{told.severity}/{told.body}"
            old = counts.get(key, Count(0, told.time))
            counts[key] = Count(old.number + 1, max(old.newest, told.time))
            moved[key] = None
        results += [_reading(key, counts[key]) for key in moved]
        return results, _shortened(msgspec.structs.replace(kept, counts=counts))

    def _told(self, given: bytes | dict[str, Any], now: datetime) -> Told | None:
        """What is counted of an event; None: it is no alert. Raises BadRecord, without the event in it."""
        if isinstance(given, dict):
            told = self._alert(given, "")
        else:
            text = given.decode("utf-8", "replace")
            if text.startswith("{"):
                told = self._alert(_object(text), "")
            else:
                line = syslog.read(text, now, self._zone)
                at = line.text.find("{")
                # Suricata may send its alerts by syslog
                if 0 <= at <= 64 and '"event_type"' in line.text:
                    told = self._alert(_object(line.text[at:]), line.host)
                else:
                    rule = next((how for pattern, how in self._rules if pattern.search(line.text)), None)
                    told = Told(line.time or now, rule or SYSLOG[line.severity], self._body((), line.host))
        if told is not None and told.time > now + AHEAD:
            raise BadRecord("An event lies in the future; its sender's clock must be set.", reason="future_time")
        return told

    def _alert(self, event: dict[str, Any], host: str) -> Told | None:
        if event.get("event_type") != "alert":
            return None
        alert, said = event.get("alert"), event.get("timestamp")
        grade = alert.get("severity") if isinstance(alert, dict) else None
        if not isinstance(grade, int) or grade not in EVE:
            raise BadRecord("An alert has no severity from 1 to 4; look at the sensor's rules.", reason="unknown_code")
        try:
            time = clock.aware(datetime.fromisoformat(str(said)), self._zone)
        except ValueError:
            raise BadRecord("An alert has no time that can be read; look at the sensor.", reason="bad_time") from None
        sensor = event.get("host")
        body = self._body((event.get("dest_ip"), event.get("src_ip")), sensor if isinstance(sensor, str) else host)
        return Told(time, EVE[grade], body)

    def _body(self, addresses: tuple[Any, ...], host: str) -> str:
        for given in (*addresses, host):
            with suppress(ValueError):
                address = ip_address(str(given))
                found = next((name for network, name in self._networks if address in network), None)
                if found is not None:
                    return found
        named = host.lower()
        return next((name for pattern, name in self._hosts if fnmatchcase(named, pattern)), self.config.others)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, adapter: SecurityEvents) -> None:
        self._adapter = adapter

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        if self._adapter.may_send(addr[0]) and (line := flat(data)):
            self._adapter.heard.offer(line)


def flat(message: bytes) -> bytes:
    """A message as one line."""
    return b" ".join(message.strip(b"\x00 \t\r\n").splitlines())[: syslog.MAX_LINE]


def _records(body: bytes, where: str) -> Iterator[bytes | dict[str, Any]]:
    """Events of a JSON array, or lines. Raises SourceDown when it is neither."""
    begins = body.lstrip(b"\xef\xbb\xbf \t\r\n")
    if begins[:1] == b"[":
        yield from (one if isinstance(one, dict) else b"" for one in load_json(body, where))
        return
    if not begins or (begins[:1] == b"<" and not begins[1:2].isdigit()):
        load_json(body, where)
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Untaken(f"{where} is UTF-16 and no log; let its writer use UTF-8.")
    for line in body.splitlines():
        if line.strip():
            yield line.strip()[: syslog.MAX_LINE]


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BadRecord("A line of the log is no whole JSON object; look at its sender.", reason="bad_line")
    return found


def _reading(key: str, count: Count) -> Reading:
    hour, severity, body = key.split("/", 2)
    newest = clock.rfc3339(count.newest)
    said = {"hour": hour, "severity": severity, "body": body, "count": count.number, "newest": newest}
    return Reading(key, said, count.newest)


def _shortened(kept: Kept) -> Kept:
    """At most MOST_COUNTS counts, those of the newest hours; hours are kept whole."""
    if len(kept.counts) <= MOST_COUNTS:
        return kept
    hours = sorted(key.partition("/")[0] for key in kept.counts)
    before = max(kept.before, hours[-MOST_COUNTS])
    counts = {key: count for key, count in kept.counts.items() if key.partition("/")[0] >= before}
    return msgspec.structs.replace(kept, counts=counts, before=before)
