"""AIS as shore stations send it: NMEA 0183 over TCP or UDP, or recorded in a file.

    [sources.ais]
    adapter = "nmea_ais"
    event = "ioc.vessel.observed"
    url = "tcp://10.20.0.5:4001"    # udp://0.0.0.0:10110 listens; a path is read when it changes
    within = [105.0, 10.0, 115.0, 20.0]
    every_s = 30
    zones = "zones.geojson"

Each report of a place becomes a reading, with what its sender said of itself (name, call sign, type, size) beside it;
the subject is `mmsi/<nine digits>`. What stations and sea marks say has the type `ioc.aid.observed`. A message that
several stations heard is told once. What can't be is set aside: places off the earth, outside `within` or at (0, 0),
times in the future, sentences that are damaged or incomplete. That a place can't be reached from the one before is
for the layer to see: it knows the whole track.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ioc import clock
from ioc.adapter import AdapterConfig, Answer, Reading
from ioc.ais_watch import Known, Rules, Work
from ioc.errors import BadRecord, SourceDown, Untaken
from ioc.listening import Listening
from ioc.zones import ZoneFile

MOST_LINE = 4096


class Ais(AdapterConfig, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`url`: tcp://host:port, udp://address:port (where we listen), or a file's path.

    `ahead`: seconds that a time may lie in the future. `within`: west, south, east, north; what lies outside is set
    aside. `every_s`: of one sender's places only one in so many seconds is told. `zones`: a file of zones
    (`ioc/zones.py`); readings then say in which they lie. `senders`: addresses that UDP is taken from (all, when left
    out). `quiet_s`: a TCP connection that says nothing for so long is opened anew.
    """

    url: str
    at_sea: bool = True
    ahead: float = 300.0
    within: tuple[float, float, float, float] | None = None
    every_s: float = 0.0
    zones: str | None = None
    senders: tuple[str, ...] = ()
    quiet_s: float = 300.0

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme in ("tcp", "udp"):
            try:
                known = bool(parts.hostname) and parts.port is not None
            except ValueError:
                known = False
            if not known:
                raise ValueError(f"url {self.url} names no host and port; write it like tcp://10.20.0.5:4001")


class NmeaAis(Listening[Ais, None]):
    """`counts`: see `ioc.ais_watch.Known`."""

    Config = Ais

    def __init__(self, name: str, config: Ais) -> None:
        super().__init__(name, config)
        self.file = urlsplit(config.url).scheme not in ("tcp", "udp")
        self.zones = ZoneFile(Path(config.zones)) if config.zones is not None else None
        self.counts: Counter[str] = Counter()
        self._known = Known()
        self._next: Work | None = None
        self._stamped = 0

    @property
    def sentences(self) -> int:
        """AIS sentences that came, of what is committed."""
        return self._known.reader.sentences

    @property
    def waiting(self) -> int:
        """Of those, parts whose others have not come yet."""
        return self._known.reader.waiting

    def ask(self, cursor: str | None) -> AsyncIterator[Answer]:
        return self._file(cursor) if self.file else super().ask(cursor)

    async def _file(self, cursor: str | None) -> AsyncIterator[Answer]:
        path = Path(self.config.url)
        try:
            told = await asyncio.to_thread(path.stat)
            mark = f"{told.st_mtime_ns}-{told.st_size}"
            if mark == cursor:
                yield Answer(b"", cursor=cursor, unchanged=True)
                return
            if told.st_size > self.config.max_bytes:
                say = f"{path.name} is larger than {self.config.max_bytes:,} bytes; raise max_bytes of this source."
                raise Untaken(say)
            body = await asyncio.to_thread(path.read_bytes)
        except OSError as error:
            say = f"{path.name} can't be read ({type(error).__name__}); check the file and its rights."
            raise SourceDown(say) from None
        yield Answer(body, cursor=mark, name=path.name)

    async def listen(self) -> None:
        parts = urlsplit(self.config.url)
        assert parts.hostname is not None and parts.port is not None
        if parts.scheme == "udp":
            await self._receive(parts.hostname, parts.port)
        else:
            await self._connect(parts.hostname, parts.port)

    async def _connect(self, host: str, port: int) -> None:
        try:
            async with asyncio.timeout(self.config.timeout_s):
                reader, writer = await asyncio.open_connection(host, port, limit=MOST_LINE)
        except (OSError, TimeoutError) as error:
            say = f"The AIS station at {host}:{port} can't be reached ({type(error).__name__}); check that it runs."
            raise SourceDown(say) from None
        try:
            self.linked.set()
            while True:
                async with asyncio.timeout(self.config.quiet_s):
                    line = await reader.readline()
                if not line:
                    return
                if record := self._stamp(line):
                    await self.heard.put(record)
        except TimeoutError:
            say = f"The AIS station at {host}:{port} said nothing for {self.config.quiet_s:g} s; it is called again."
            raise SourceDown(say) from None
        except ValueError:
            say = f"The AIS station at {host}:{port} sent a line of more than {MOST_LINE:,} bytes; it sends no NMEA."
            raise Untaken(say) from None
        except OSError as error:
            say = f"The AIS station at {host}:{port} broke off ({type(error).__name__}); it is called again."
            raise SourceDown(say) from None
        finally:
            writer.close()

    async def _receive(self, host: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        try:
            transport, _ = await loop.create_datagram_endpoint(lambda: _Door(self), local_addr=(host, port))
        except OSError as error:
            say = f"UDP can't be received on {host}:{port} ({error.strerror}); name a free port of this machine."
            raise SourceDown(say) from None
        try:
            self.linked.set()
            await asyncio.Event().wait()
        finally:
            transport.close()

    def received(self, datagram: bytes, sender: str) -> None:
        """Keep the lines of a datagram from a sender that we know."""
        if not self.config.senders or sender in self.config.senders:
            for line in datagram.splitlines():
                if len(line) <= MOST_LINE and (record := self._stamp(line)):
                    self.heard.offer(record)

    def _stamp(self, line: bytes) -> bytes:
        """The line with the time of its receipt, no two the same: so their order stays."""
        if not (line := line.strip().replace(b"\n", b"")):
            return b""
        self._stamped = max(self._stamped + 1, int(clock.now().timestamp() * 1000))
        return b"@%d %s" % (self._stamped, line)

    def parse(self, answer: Answer) -> Iterable[Reading | BadRecord]:
        rules = Rules(self.config.ahead, self.config.within, self.config.every_s)
        work = Work(rules, self._known, self.zones.read() if self.zones is not None else None)
        text = answer.body.decode("latin-1")
        for line in text.splitlines():
            work.line(line)
        if self.file:
            work.results += work.known.reader.flush()
        if not work.known.reader.sentences - self._known.reader.sentences and len(work.results) >= work.lines > 0:
            where = answer.name or self.name
            if "<html" in text[:1000].lower():
                raise Untaken(f"{where} sends an HTML page; name the address where the station sends NMEA 0183.")
            raise Untaken(f"{where} sends no sentence of NMEA 0183; name the port where the station sends them.")
        self._next = work
        return work.finished()

    async def committed(self, answer: Answer, trouble: str | None) -> None:
        if trouble is None and self._next is not None:
            self._known, self._next = self._next.known, None
            self.counts = self._known.counts
        if not self.file:
            await super().committed(answer, trouble)


class _Door(asyncio.DatagramProtocol):
    def __init__(self, adapter: NmeaAis) -> None:
        self._adapter = adapter

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self._adapter.received(data, str(addr[0]))
