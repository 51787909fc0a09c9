"""Real AIS from its lines to board and archive: every sentence counted; the Danish stream over TCP, clock shifted."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import reduce
from itertools import pairwise
from operator import xor
from pathlib import Path

import pytest

from adapters.nmea_ais import NmeaAis
from ioc import clock
from ioc.db.session import Database, migrate, open_db
from layers.vessels import FAST_KN, metres
from tests.archived import Archived

DANISH = "dma_stream_example_2010-06-11.txt"
SENTENCES = {
    DANISH: 4500, "dma_decode_encode_messages.txt": 646, "dma_replay_dump_2013-03-18.txt": 51,
    "dma_small_cb_example.txt": 16, "pyais_nmea_data_sample.txt": 898, "aduvenhage_test_ais_data_2017.log": 100,
}  # fmt: skip
"""With the 19 whose talker is no two letters (`!--VDM`), which the readme of the data leaves out."""
FASTER = 10


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path}/archive.db"
    await asyncio.to_thread(migrate, url)
    opened = open_db(url)
    yield opened
    await opened.close()


async def centre(db: Database, url: str) -> tuple[Archived, NmeaAis]:
    made = await Archived("nmea_ais", {"event": "ioc.vessel.observed", "url": url}, db, layer="vessels").open()
    assert isinstance(made.asking.adapter, NmeaAis)
    return made, made.asking.adapter


@pytest.mark.parametrize("file", SENTENCES)
async def test_every_sentence_of_a_recording_is_accounted_for(shared: Path, db: Database, file: str) -> None:
    wall, adapter = await centre(db, str(shared / "ais" / file))
    answered = await wall.poll()
    counts, sentences = adapter.counts, adapter.sentences
    told = f"{answered.events} events + {answered.unchanged} unchanged + {answered.duplicates} duplicates"
    parts = f"{counts['parts']} parts + {counts['joined']} joined + {answered.set_aside} set aside {answered.reasons}"
    print(f"{file}: {sentences} sentences = {told} + {parts}; {counts['late']} out of order")
    whole = answered.events + answered.unchanged + answered.duplicates + answered.set_aside
    assert answered.records == whole and answered.error is None
    assert sentences == SENTENCES[file] == whole + counts["parts"] + counts["joined"]
    told_events = [event for event in wall.events if not event.type.startswith("ioc.record.")]
    assert await wall.archived() == answered.events == len(told_events)
    if file == DANISH:
        assert (answered.events, counts["parts"], counts["late"]) == (3486, 449, 2)


def shifted(lines: list[str], by: timedelta) -> list[tuple[datetime, list[str]]]:
    """The stream cut where a `$PGHP` line gives a time, moved by so much: when each piece was heard, and its lines."""
    pieces: list[tuple[datetime, list[str]]] = []
    for line in lines:
        found = re.match(r"\$PGHP,1,(\d+(?:,\d+){6})(,[^*]*)", line)
        if found:
            year, month, day, hour, minute, second, ms = (int(part) for part in found[1].split(","))
            at = datetime(year, month, day, hour, minute, second, ms * 1000, UTC) + by
            stamp = f"{at.year},{at.month},{at.day},{at.hour},{at.minute},{at.second},{at.microsecond // 1000}"
            said = f"PGHP,1,{stamp}{found[2]}"
            line = f"${said}*{reduce(xor, said.encode(), 0):02X}"
            pieces.append((max(at, pieces[-1][0]) if pieces else at, []))
        if pieces:
            pieces[-1][1].append(line)
    return pieces


async def test_the_danish_stream_at_its_pace_over_tcp(shared: Path, db: Database) -> None:
    lines = (shared / "ais" / DANISH).read_text("latin-1").splitlines()
    first = datetime(2010, 6, 11, 11, 46, 11, tzinfo=UTC)
    pieces = shifted(lines, clock.now() - timedelta(minutes=10) - first)
    done = asyncio.Event()

    async def play(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.close()
        began, at = asyncio.get_running_loop().time(), pieces[0][0]
        for heard, piece in pieces:
            wait = (heard - at).total_seconds() / FASTER - (asyncio.get_running_loop().time() - began)
            if wait > 0:
                await asyncio.sleep(wait)
            writer.write("".join(line + "\r\n" for line in piece).encode("latin-1"))
            await writer.drain()
        done.set()
        writer.close()

    server = await asyncio.start_server(play, "127.0.0.1", 0)
    wall, adapter = await centre(db, f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    polls = 0
    async with asyncio.timeout(120):
        while not done.is_set() or adapter.heard.size:
            answered, polls = await wall.poll(), polls + 1
            await asyncio.sleep(0.05)
    span = (pieces[-1][0] - pieces[0][0]).total_seconds()
    whole = answered.events + answered.unchanged + answered.duplicates + answered.set_aside
    counts = adapter.counts
    print(f"{span:.0f} s in {polls} askings: {adapter.sentences} sentences, {answered.events} events, "
          f"{answered.unchanged} unchanged, {answered.duplicates} duplicates, {answered.set_aside} set aside "
          f"{answered.reasons}, {dict(counts)}, {adapter.waiting} waiting")  # fmt: skip
    assert polls > 5
    assert adapter.sentences == whole + counts["parts"] + counts["joined"] + adapter.waiting
    assert await wall.archived() == answered.events > 3000
    items = await wall.items()
    assert len(items) > 500
    for item in items.values():
        for line in item["properties"]["tracks"]:
            for before, point in pairwise(line):
                assert metres(before, point) <= FAST_KN * 0.5145 * (point[2] - before[2]) + 500
    await adapter.close()
