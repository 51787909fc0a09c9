"""What the benches share: a private Redis, events of the size of a camera's, and percentiles."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ioc import kv
from ioc.event import Event, Feature
from ioc.layer import Layer

START = datetime(2026, 1, 1, tzinfo=UTC)
KIND = "ioc.bench.observed"


class Things(Layer):
    """A layer whose fold is the default one."""

    name = "things"
    title = ("Vật", "Things")
    listens = frozenset({KIND})


@contextmanager
def redis_url() -> Iterator[str]:
    """A Redis of our own, on another core than this process where there are two."""
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {1})
        with tempfile.TemporaryDirectory() as folder, kv.use(None, Path(folder)) as url:
            os.sched_setaffinity(0, {0})
            yield url
            os.sched_setaffinity(0, set(range(os.cpu_count() or 1)))
        return
    with tempfile.TemporaryDirectory() as folder, kv.use(None, Path(folder)) as url:
        yield url


def events(count: int, subjects: int, source: str = "bench") -> list[Event]:
    """`count` events on `subjects` subjects, each with a place and five properties (about 350 B in the log)."""
    made = []
    for number in range(count):
        subject = number % subjects
        when = START + timedelta(milliseconds=number)
        properties = {
            "name": f"Camera {subject}", "state": "live" if number % 7 else "frozen", "speed": number % 90,
            "road": "Hùng Vương", "node": subject // 10,
        }  # fmt: skip
        place = {"type": "Point", "coordinates": [109.3 + subject % 100 / 1e3, 13.1 + subject // 100 / 1e3]}
        unit = f"{22000 + subject % 34}"
        made.append(
            Event(f"{source}-{number}", source, KIND, f"c{subject}", when, when, Feature(properties, place), unit)
        )
    return made


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of them lie; nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


class Watch:
    """Wall and processor seconds of a block."""

    def __enter__(self) -> Watch:
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall = time.perf_counter() - self._wall
        self.cpu = time.process_time() - self._cpu
