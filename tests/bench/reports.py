"""The load of citizens' reports: 200 a second through the HTTP door of a whole centre, from the request to a wall.

The centre is `ioc run` with all its roles, its own Redis (append-only file) and SQLite, or PostgreSQL; the limits of an
address are lifted by its settings alone. Afterwards every report that was answered with 201 is looked for in SQL, in
the log (a group of the bench's own keeps it from being trimmed), in the archive, on the board and on the screen. The
yardstick is a bare server in the same minutes: one INSERT and one commit a report, told to the screen at once.
"""

from __future__ import annotations

import asyncio
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psutil
import sqlalchemy as sa

from ioc import kv, names
from ioc.board.redis import RedisBoard
from ioc.db import archive
from ioc.db import reports as tables
from ioc.db.session import open_db
from ioc.log.redis import RedisLog
from ioc.ports import free
from ioc.redis_link import connect
from ioc.reports import people
from tests import fresh
from tests.bench import _machine
from tests.bench._citizens import CATEGORIES, CHANNEL
from tests.bench._figures import Figures, Goal, How, Load
from tests.bench._place import percentile

RATE, SPAN_S = 200.0, 60.0
QUICK_S = 3.0
SETTLE_S = 60.0
BARE = "one commit a report, told at once"
FILED = "ioc.report.filed"
SETTINGS = """
layers = ["reports"]
[province]
name = "Thử"
province = "66"
legacy_province = "54"
[access]
public = ["layer/reports"]
[sources.reports_own]
adapter = "desk"
contract = {owner = "Đội thử", cadence = 10, method = "typed"}
event = "ioc.report.filed"
[reports]
jurisdiction = "thu.gov.vn"
desk = {agency = "a"}
[reports.limits]
address = "1000000/minute"
[reports.agencies.a]
title = ["Đội", "Team"]
"""
GOALS = (
    Goal("p99_ms", 1000, "p99 from the request to the wall, ms"),
    Goal("lost", 0, "Reports that were answered and are not in SQL, log, archive, board and screen, each once"),
    Goal("refused", 0, "Reports that were not answered with 201"),
)


def settings() -> str:
    """The centre's settings: the demo's province, a few categories, no limit that the bench could reach."""
    kinds = (f'[reports.categories.{name}]\ntitle = ["Loại {name}", "Kind {name}"]\n' for name in CATEGORIES)
    return SETTINGS + "".join(kinds)


@contextmanager
def database(folder: Path, postgres: bool) -> Iterator[str]:
    """Address of a fresh database."""
    with fresh.postgres() if postgres else nullcontext(f"sqlite:///{folder / 'ioc.db'}") as url:
        yield url


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.HTTPError, OSError):
        return False


def _until(reached: Callable[[], bool], what: str) -> None:
    end = monotonic() + SETTLE_S
    while not reached():
        assert monotonic() < end, what
        sleep(0.1)


def _file(port: int, rate: float, seconds: float, folder: Path) -> dict[str, Any]:
    told = folder / "told.json"
    words = [sys.executable, "-m", "tests.bench._citizens", str(port), str(rate), str(seconds), str(told)]
    done = _machine.run(words, None, seconds + 3 * SETTLE_S)
    assert done.returncode == 0, f"The citizens failed: {done.stderr[-600:]}"
    found: dict[str, Any] = json.loads(told.read_bytes())
    return found


async def found_in(redis_url: str, database_url: str, filed: int) -> dict[str, list[str]]:
    """The ids of the reports in each place, as often as each stands there; waits a while for the slowest."""
    db, log, board = open_db(database_url), RedisLog(redis_url), RedisBoard(redis_url)
    try:
        async with db.reading() as connection:
            kept = list((await connection.execute(sa.select(tables.reports.c.id))).scalars())
        end = monotonic() + SETTLE_S
        while True:
            told = [entry.event.subject async for entry in log.kept() if entry.event.type == FILED]
            archived = [event.subject async for event in archive.latest(db, {FILED})]
            shown = await board.snapshot(CHANNEL)
            found = {"sql": kept, "log": told, "archive": archived, "board": list(shown.items) if shown else []}
            if all(len(there) >= filed for there in found.values()) or monotonic() > end:
                return found
            await asyncio.sleep(0.2)
    finally:
        await board.close()
        await log.close()
        await db.close()


async def _keep_log(redis_url: str) -> None:
    """A group that never reads: nothing is trimmed that it was not handed."""
    redis = connect(redis_url)
    async with redis.on(names.EVENTS_LOG) as server:
        await server.xgroup_create(names.EVENTS_LOG, "bench", id="0", mkstream=True)
    await redis.aclose()


def astray(filed: Sequence[str], found: dict[str, list[str]]) -> dict[str, int]:
    """By place: how many of `filed` are not there exactly once, and how many are there that nobody filed."""
    wanted = set(filed)
    return {
        place: len(wanted ^ set(there)) + len(there) - len(set(there)) for place, there in found.items()
    }  # fmt: skip


def _figures(told: dict[str, Any], spent_s: float) -> Figures:
    if told["refused"]:
        print(f"  not answered with 201: {told['refused']}", file=sys.stderr, flush=True)
    assert told["wall_ms"], f"Nothing reached the wall; not answered with 201: {told['refused']}."
    return {
        "p50_ms": percentile(told["wall_ms"], 0.5), "p99_ms": percentile(told["wall_ms"], 0.99),
        "worst_ms": max(told["wall_ms"]), "answer_p50_ms": percentile(told["answer_ms"], 0.5),
        "answer_p99_ms": percentile(told["answer_ms"], 0.99), "per_s": len(told["filed"]) / told["seconds"],
        "filed": len(told["filed"]), "cpu_ms": spent_s * 1000 / max(1, len(told["filed"])),
        "refused": sum(told["refused"].values()),
    }  # fmt: skip


def once(how: How, rate: float, seconds: float, *, postgres: bool = False) -> tuple[Figures, dict[str, int]]:
    """One run of the whole centre: its figures, and by place how many reports are not there, or not once."""
    port = free()[0]
    folder = how.folder / f"centre-{port}"
    folder.mkdir()
    (folder / "ioc.toml").write_text(settings(), encoding="utf-8")
    with ExitStack() as held:
        redis = held.enter_context(kv.use(None, folder))
        sql = held.enter_context(database(folder, postgres))
        asyncio.run(_keep_log(redis))
        env = {
            "REDIS_URL": redis, "DATABASE_URL": sql, "IOC_DATA": str(folder), "IOC_NO_VENV": "1",
            "IOC_REPORTS_KEY": people.new_key(),
        }  # fmt: skip
        command = [sys.executable, "-m", "ioc", "run", "--config", str(folder / "ioc.toml"), "--port", str(port)]
        centre = held.enter_context(_machine.running(command, None, folder / "centre.log", (port,), env))
        _until(lambda: _ready(port), f"The centre was not ready; see {folder / 'centre.log'}.")
        before = _machine.spent_s(centre)
        told = _file(port, rate, seconds, folder)
        spent = _machine.spent_s(centre) - before
        found = asyncio.run(found_in(redis, sql, len(told["filed"])))
    lost = astray(told["filed"], {**found, "screen": told["seen"]})
    return {**_figures(told, spent), "lost": sum(lost.values())}, lost


def bare(how: How, rate: float, seconds: float, *, postgres: bool = False) -> Figures:
    """One run of the yardstick."""
    port = free()[0]
    folder = how.folder / f"bare-{port}"
    folder.mkdir()
    with database(folder, postgres) as sql:
        command = [sys.executable, "-m", "tests.bench._bare", str(port), sql]
        with _machine.running(command, None, folder / "bare.log", (port,)) as server:
            before = _machine.spent_s(server)
            told = _file(port, rate, seconds, folder)
            spent = _machine.spent_s(server) - before
    return {**_figures(told, spent), "lost": len(told["filed"]) - len(told["seen"])}


def _foreign(before: float, began: float) -> float:
    """Percent of all cores that were busy meanwhile."""
    return 100 * (_machine.busy_s() - before) / max(0.001, (monotonic() - began) * (psutil.cpu_count() or 1))


def measure(wanted: Sequence[str], how: How) -> list[Load]:
    """Each run beside the yardstick's; the best of several tells what the code can, the others what the machine did."""
    (name,) = wanted
    postgres = name.endswith("postgresql")
    seconds = QUICK_S if how.quick else SPAN_S
    runs: dict[str, list[Figures]] = {"ioc": [], BARE: []}
    noise, busy, words = [], [], []
    for rep in range(how.reps):
        noise.append(_machine.noise_ms(None))
        before, began = _machine.busy_s(), monotonic()
        own, lost = once(how, RATE, seconds, postgres=postgres)
        busy.append(_foreign(before, began))
        runs["ioc"].append(own)
        runs[BARE].append(bare(how, RATE, seconds, postgres=postgres))
        say = f"p99 {own['p99_ms']:.0f} ms, the yardstick's {runs[BARE][-1]['p99_ms']:.0f}; cores busy {busy[-1]:.0f} %"
        print(f"  {name} {rep + 1}/{how.reps} {say}", file=sys.stderr, flush=True)
        words += [f"Run {rep + 1}: astray {lost}." for _ in range(any(lost.values()))]
    pairs = list(zip(runs["ioc"], runs[BARE], strict=True))
    best = min(run["p99_ms"] for run in runs["ioc"])
    words.append(f"The best run's p99 is {best:.0f} ms. All cores were busy {min(busy):.0f} to {max(busy):.0f} %.")
    columns = {
        "p50_ms": "p50 ms", "p99_ms": "p99 ms", "worst_ms": "worst ms", "answer_p50_ms": "201 p50 ms",
        "answer_p99_ms": "201 p99 ms", "per_s": "reports/s", "cpu_ms": "CPU ms/report", "lost": "lost",
    }  # fmt: skip
    return [
        Load(
            name=name, say=f"{RATE:g} reports/s for {seconds:g} s over HTTP, from the request to a wall",
            yardstick=BARE, goals=GOALS, columns=columns, quick=how.quick, runs=runs, noise_ms=noise, words=words,
            ratios={
                "p99_ratio": [own["p99_ms"] / plain["p99_ms"] for own, plain in pairs],
                "cpu_ratio": [own["cpu_ms"] / plain["cpu_ms"] for own, plain in pairs],
            },
            told={"best_p99_ms": round(best, 1), "database": "postgresql" if postgres else "sqlite"},
        )
    ]  # fmt: skip
