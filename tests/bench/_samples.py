"""Screens that keep what they are told while a load runs, and what came of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench import _machine
from tests.bench._figures import Goal, How

SAMPLES = 100
WATCH = '{"type":"watch","channels":[{"channel":"layer/bench"}]}'
GOALS = (
    Goal("equal", 1, "Share of the sampled screens that equal a fresh snapshot", least=True),
    Goal("breaks", 0, "Breaks in the chain of positions of any screen"),
)


@contextmanager
def sampling(how: How, port: int, wanted: bool, watches: Path | None = None) -> Iterator[dict[str, Any]]:
    """A hundred screens beside the load, half of them compressed; after the block the dict holds what they tell.

    Whatever moves the boards must have come to rest when the block is left. `watches`: a frame for each, a line each.
    Not `wanted`: nobody, and the dict stays empty.
    """
    told: dict[str, Any] = {}
    if not wanted:
        yield told
        return
    if watches is None:
        watches = how.folder / "watch"
        watches.write_text(WATCH)
    count = SAMPLES // 10 if how.quick else SAMPLES
    command = [sys.executable, "-m", "tests.bench._sampler", str(port), str(count), str(watches)]
    process = _machine.piped(command, _machine.cores()[1])
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "whole\n", "The sampled screens did not get their picture."
        yield told
        process.terminate()
        told.update(json.loads(process.communicate(timeout=120)[0].splitlines()[-1]))
    finally:
        process.kill()
        process.wait()


def share(told: Mapping[str, Any]) -> float:
    """The share of the sampled screens that hold what a fresh snapshot holds."""
    return float(told["samples_equal"]) / float(told["samples"])


def word(told: Mapping[str, Any]) -> str:
    """What came of them, as a sentence."""
    first = f" First break: {told['broken'][0]}." if told["broken"] else ""
    return (
        f"Of {told['samples']} sampled screens ({told['compressed']} compressed) {told['samples_equal']} hold what "
        f"a fresh snapshot holds.{first}"
    )


def fields(told: Mapping[str, Any]) -> dict[str, Any]:
    """What machines are told of them."""
    names = ("samples", "samples_equal", "compressed", "reconnects")
    return {**{name: told[name] for name in names}, "sample_breaks": told["breaks"]}
