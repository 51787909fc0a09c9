"""AIS over TCP, over UDP and in a file: told once however many stations heard it, and what can't be is set aside."""

from __future__ import annotations

import asyncio
import json
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from adapters.nmea_ais import NmeaAis
from ioc import clock, intake
from ioc.adapter import Answer, Reading
from ioc.adapter_suite import AdapterSuite
from ioc.contract import Contract
from ioc.demo.fleet import Fix
from ioc.demo.systems.ais import named, placed, sentences
from ioc.errors import BadConfig, BadRecord, SourceDown, Untaken
from ioc.ports import free
from tests.centre import Centre

BOAT, OTHER = 574_900_001, 574_900_002
START = datetime(2026, 3, 10, 5, 0, tzinfo=UTC)
ZONES = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature", "id": name, "properties": {"name": name, "closed": closed},
            "geometry": {"type": "Polygon", "coordinates": [[[w, 15], [w + 0.1, 15], [w + 0.1, 16], [w, 16], [w, 15]]]},
        }
        for name, w, closed in (("cam-1", 109.1, True), ("luong-1", 109.3, False))
    ],
}  # fmt: skip


def said(at: datetime, lon: float = 109.0, lat: float = 15.5, mmsi: int = BOAT, speed: float = 9.5) -> list[str]:
    return sentences(placed(mmsi, Fix(lon, lat, 47.5, speed), at), int(at.timestamp()))


def name(at: datetime, mmsi: int = BOAT, text: str = "TAU MAU 01") -> list[str]:
    return sentences(named(mmsi, text, 30, 22), int(at.timestamp()))


def body(*lines: Iterable[str]) -> bytes:
    return "\n".join(line for some in lines for line in some).encode()


RECORDED = body(name(START), said(START), said(START, 109.2, 15.6, OTHER), name(START, 574_900_003))


class TestNmeaAis(AdapterSuite):
    adapter = "nmea_ais"
    options: ClassVar = {"event": "ioc.vessel.observed", "url": "tcp://127.0.0.1:1"}
    answers = (RECORDED,)
    within = (108.0, 15.0, 110.0, 16.5)
    trouble = "none"  # half a stream is a stream; what is no stream at all is tried below


def adapter(tmp_path: Path, given: bytes = b"", **options: Any) -> NmeaAis:
    (tmp_path / "ais.txt").write_bytes(given)
    opened = TestNmeaAis().opened(url=str(tmp_path / "ais.txt"), **options)
    assert isinstance(opened, NmeaAis)
    return opened


async def asked(opened: NmeaAis, *lines: Iterable[str], commit: bool = True) -> list[Reading | BadRecord]:
    """What one answer gives; the next goes on from there when it is committed."""
    answer = Answer(body(*lines))
    found = list(opened.parse(answer))
    if commit:
        await opened.committed(answer, None)
    return found


def readings(found: list[Reading | BadRecord]) -> list[Reading]:
    return [one for one in found if isinstance(one, Reading)]


def refused(found: list[Reading | BadRecord]) -> Counter[str]:
    assert all(one.say.endswith(".") for one in found if isinstance(one, BadRecord))
    return Counter(one.reason for one in found if isinstance(one, BadRecord))


async def test_name_and_place_are_joined_whichever_comes_first(tmp_path: Path) -> None:
    for lines in ((name(START), said(START)), (said(START), name(START))):
        opened = adapter(tmp_path)
        (one,) = readings(await asked(opened, *lines))
        assert one.subject == "mmsi/574900001" and one.time == START
        assert one.geometry == {"type": "Point", "coordinates": [109.0, 15.5]}
        wanted = {"name": "TAU MAU 01", "length": 22, "course": 47.5, "speed": 9.5, "kind": "vessel"}
        assert wanted.items() <= one.properties.items()
        assert opened.counts["joined"] == 1 and opened.counts["parts"] == 1


async def test_a_name_that_comes_later_does_not_make_the_place_fresher(tmp_path: Path) -> None:
    opened = adapter(tmp_path)
    await asked(opened, said(START))
    (one,) = readings(await asked(opened, name(START + timedelta(minutes=5))))
    assert one.time == START and one.properties["name"] == "TAU MAU 01"
    (then,) = readings(await asked(opened, said(START + timedelta(minutes=6), 109.01)))
    assert then.properties["name"] == "TAU MAU 01"


async def test_what_several_stations_heard_is_told_once(tmp_path: Path) -> None:
    opened = adapter(tmp_path)
    (once, again) = readings(await asked(opened, said(START), said(START)))
    assert not once.repeat and again.repeat
    (late,) = readings(await asked(opened, said(START)))
    assert late.repeat, "a station that is slow, in the next answer"
    (anew,) = readings(await asked(opened, said(START + timedelta(seconds=60))))
    assert not anew.repeat, "a boat that lies still says the same again, and lives"


async def test_what_was_not_committed_is_told_again(tmp_path: Path) -> None:
    opened = adapter(tmp_path)
    first = await asked(opened, said(START), name(START), commit=False)
    assert await asked(opened, said(START), name(START)) == first
    assert opened.counts["joined"] == 1


async def test_places_that_cant_be_are_set_aside(tmp_path: Path) -> None:
    opened = adapter(tmp_path, within=[105.0, 10.0, 115.0, 20.0])
    ahead = clock.now() + timedelta(minutes=20)
    lines = (
        said(START, 181, 91), said(START, 0, 0), said(START, 12.5, 55.7), said(START, 150.0, 95.0), said(ahead),
        said(clock.now() + timedelta(seconds=60), mmsi=OTHER),
    )  # fmt: skip
    found = await asked(opened, *lines)
    assert refused(found) == {"no_place": 1, "bad_place": 2, "outside_place": 1, "future_time": 1}
    assert [one.subject for one in readings(found)] == ["mmsi/574900002"], "a minute ahead is a clock, not a lie"


async def test_who_never_knows_its_place_is_one_record_that_stands_aside(tmp_path: Path) -> None:
    opened = adapter(tmp_path)
    found = await asked(opened, *(said(START + timedelta(seconds=n), 181, 91, speed=n) for n in range(5)))
    assert refused(found) == {"no_place": 5}
    assert len({str(one.raw) for one in found if isinstance(one, BadRecord)}) == 1


async def test_only_one_place_in_so_many_seconds(tmp_path: Path) -> None:
    opened = adapter(tmp_path, every_s=30)
    times = [START + timedelta(seconds=10 * n) for n in range(7)]
    found = readings(await asked(opened, *(said(at, 109 + n / 1000) for n, at in enumerate(times))))
    assert [one.time for one in found] == [times[0], times[3], times[6]]
    assert opened.counts["thinned"] == 4


async def test_a_place_that_comes_late_is_told_and_counted(tmp_path: Path) -> None:
    opened = adapter(tmp_path)
    await asked(opened, said(START + timedelta(seconds=20), 109.01))
    (one,) = readings(await asked(opened, said(START)))
    assert one.time == START and not one.repeat and opened.counts["late"] == 1


async def test_without_times_only_the_last_place_of_each_holds(tmp_path: Path) -> None:
    opened = adapter(tmp_path)
    bare = [line.partition("\\!")[2] for n in range(3) for line in said(START, 109 + n / 10)]
    found = await asked(opened, ["!" + line for line in bare], ["!" + bare[-1]])
    assert refused(found) == {"no_time": 2}
    assert [(one.time, one.repeat) for one in readings(found)] == [(None, False), (None, True)]


async def test_own_ship_says_so(tmp_path: Path) -> None:
    (line,) = said(START)
    own = line.partition("!")[2].partition("*")[0].replace("AIVDM", "AIVDO")
    checksum = 0
    for character in own.encode():
        checksum ^= character
    (one,) = readings(await asked(adapter(tmp_path), [f"!{own}*{checksum:02X}"]))
    assert one.properties["own"] is True


async def test_zones_are_told_with_each_place(tmp_path: Path) -> None:
    file = tmp_path / "zones.geojson"
    opened = adapter(tmp_path, zones=str(file))
    with pytest.raises(SourceDown, match=r"zones\.geojson can't be read .*polygons there"):
        await asked(opened, said(START))
    file.write_text(json.dumps(ZONES), encoding="utf-8")
    way = [109.05, 109.15, 109.45]
    found = readings(await asked(opened, *(said(START + timedelta(hours=n), lon) for n, lon in enumerate(way))))
    told = [(one.properties["zones"], one.properties["crossed"], one.properties["in_closed"]) for one in found]
    assert told == [([], [], False), (["cam-1"], ["cam-1"], True), ([], ["cam-1", "luong-1"], False)]
    moved = json.dumps(ZONES).replace("109.1,", "109.0,").replace("109.1,", "109.0,")
    file.write_text(moved + " ", encoding="utf-8")
    (one,) = readings(await asked(opened, said(START + timedelta(hours=9), 109.05)))
    assert one.properties["zones"] == ["cam-1"], "the file is read again when it changes"


@pytest.mark.parametrize(
    "given", [b"<!DOCTYPE html><html><title>Sign in</title></html>", b"\xff\xfe\x00garbage", b"{}"]
)
def test_what_is_no_nmea_is_not_taken(tmp_path: Path, given: bytes) -> None:
    with pytest.raises(Untaken, match="NMEA 0183"):
        list(adapter(tmp_path).parse(Answer(given, name="ais.txt")))


@pytest.mark.parametrize("url", ["tcp://127.0.0.1", "udp://:10110", "tcp://127.0.0.1:abc"])
def test_an_address_without_a_port_is_refused(url: str) -> None:
    with pytest.raises(BadConfig, match="names no host and port"):
        TestNmeaAis().opened(url=url)


async def test_a_file_is_read_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "ais.txt"
    options = {"event": "ioc.vessel.observed", "url": str(file)}
    centre = await Centre("nmea_ais", options, layer="vessels").open()
    assert "can't be read" in str((await centre.poll()).error)
    now = clock.now()
    file.write_bytes(body(said(now)))
    assert (await centre.poll()).events == 1
    assert (await centre.poll()).events == 1
    file.write_bytes(body(said(now), said(now + timedelta(seconds=30), 109.002)))
    answered = await centre.poll()
    assert (answered.records, answered.events, answered.duplicates + answered.unchanged) == (3, 2, 1)
    assert len(await centre.items()) == 1


class Shore:
    """A station's TCP port."""

    def __init__(self) -> None:
        self.writers: list[asyncio.StreamWriter] = []
        self.server: asyncio.Server | None = None

    async def open(self) -> int:
        self.server = await asyncio.start_server(lambda _, writer: self.writers.append(writer), "127.0.0.1", 0)
        return int(self.server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        assert self.server is not None
        self.server.close()
        for writer in self.writers:
            writer.close()


@pytest.fixture
async def shore() -> AsyncIterator[Shore]:
    made = Shore()
    yield made
    await made.close()


async def until(centre: Centre, boats: int) -> None:
    async with asyncio.timeout(20):
        while len(await centre.items()) < boats:
            await centre.poll()
            await asyncio.sleep(0.01)


async def said_by(centre: Centre, words: str) -> None:
    """Ask until the source's trouble is told in these words."""
    async with asyncio.timeout(20):
        while True:
            if words in str((await centre.poll()).error):
                return
            await asyncio.sleep(0.01)


async def test_over_tcp_what_came_is_on_the_board_and_a_broken_line_is_called_again(shore: Shore) -> None:
    url = f"tcp://127.0.0.1:{await shore.open()}"
    centre = await Centre("nmea_ais", {"event": "ioc.vessel.observed", "url": url}, layer="vessels").open()
    assert (await centre.poll()).error is None
    (writer,) = shore.writers
    lines = body(said(clock.now()), name(clock.now())) + b"\r\n"
    writer.write(lines[:90])
    await asyncio.sleep(0.05)
    writer.write(lines[90:])
    await until(centre, 1)
    shore.writers.clear()
    writer.close()
    async with asyncio.timeout(20):
        while not shore.writers:
            answered = await centre.poll()
            assert answered.error is None or "opened again" in answered.error or "broke off" in answered.error
    shore.writers[0].write(body(said(clock.now(), mmsi=OTHER)) + b"\n")
    await until(centre, 2)
    shore.writers[0].write(b"x" * 100_000)
    await said_by(centre, "no NMEA")
    await centre.asking.adapter.close()


async def test_over_udp_only_from_senders_that_we_know() -> None:
    [port] = free()
    options = {"event": "ioc.vessel.observed", "url": f"udp://127.0.0.1:{port}", "senders": ["127.0.0.1"]}
    centre = await Centre("nmea_ais", options, layer="vessels").open()
    await centre.poll()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger,
    ):
        stranger.bind(("127.0.0.9", 0))
        stranger.sendto(body(said(clock.now(), mmsi=574_900_009)), ("127.0.0.1", port))
        sender.bind(("127.0.0.1", 0))
        sender.sendto(body(said(clock.now()), name(clock.now()), said(clock.now(), mmsi=OTHER)), ("127.0.0.1", port))
        await until(centre, 2)
    assert sorted(await centre.items()) == ["mmsi/574900001", "mmsi/574900002"]
    await centre.asking.adapter.close()


async def test_a_station_that_is_away_is_down() -> None:
    url = f"tcp://127.0.0.1:{free()[0]}"
    centre = await Centre("nmea_ais", {"event": "ioc.vessel.observed", "url": url}, layer="vessels").open()
    assert "can't be reached" in str((await centre.poll()).error)


async def test_a_station_that_says_nothing_is_called_again(shore: Shore) -> None:
    url = f"tcp://127.0.0.1:{await shore.open()}"
    options = {"event": "ioc.vessel.observed", "url": url, "quiet_s": 0.2}
    centre = await Centre("nmea_ais", options, layer="vessels").open()
    await said_by(centre, "said nothing for 0.2 s")
    await centre.asking.adapter.close()


def test_no_commune_is_looked_for_at_sea() -> None:
    class Nowhere:
        def find_many(self, places: Sequence[tuple[float, float]], on: date) -> list[str | None]:
            return [None for _ in places]

    for at_sea, found in ((True, None), (False, Nowhere)):
        config = TestNmeaAis().opened(at_sea=at_sea).config
        units = intake.terms(Contract("Cảng vụ"), config, Nowhere())["units"]
        assert units is None if found is None else isinstance(units, found)
    assert TestNmeaAis().opened().config.at_sea
