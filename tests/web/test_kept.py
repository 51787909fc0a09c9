"""The steps that a process keeps are bounded over all its channels, and who is told from one is told the truth."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ioc.board import Delta, Position, Snapshot
from ioc.web import kept
from ioc.web.channels import Channel
from ioc.web.kept import Kept, weight
from ioc.web.mirror import Mirror
from ioc.web.sight import ALL

KINDS: dict[str, Any] = {"layer/a": "layer", "tile/b": "tile", "sources": "sources"}


def body(value: int, pad: int) -> bytes:
    return json.dumps({"properties": {"unit": "22001", "x": value, "pad": "x" * pad}}).encode()


def begun(names: list[str]) -> tuple[Kept, dict[str, Mirror]]:
    together = Kept()
    mirrors = {name: Mirror(Channel(name, KINDS[name], views=name == "layer/a"), together) for name in names}
    for mirror in mirrors.values():
        mirror.load(Snapshot(Position("e", 0), {}, True, {}, 1, "life", 0))
    return together, mirrors


moves = st.lists(
    st.tuples(st.sampled_from(sorted(KINDS)), st.dictionaries(st.sampled_from("xyz"), st.integers(0, 400), min_size=1)),
    max_size=60,
)


@given(moves, st.integers(1, 20_000))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_all_channels_together_stay_within_the_bound(
    monkeypatch: pytest.MonkeyPatch, moves: list[tuple[str, dict[str, int]]], most: int
) -> None:
    monkeypatch.setattr(kept, "MOST_BYTES", most)
    together, mirrors = begun(sorted(KINDS))
    past = {name: [dict[str, bytes]()] for name in mirrors}
    for at, (name, change) in enumerate(moves):
        mirror = mirrors[name]
        put = {key: body(at, pad) for key, pad in change.items()}
        assert mirror.step(Delta("e", mirror.offset, mirror.offset + 1, put, ()))
        past[name].append({**past[name][-1], **put})
        held = [step for one in mirrors.values() for step in one.steps]
        assert together.size == sum(map(weight, held)), "a step is counted that nobody has, or the other way round"
        assert together.size <= most or len(held) == 1
        assert mirror.covers(mirror.offset - 1), "the newest step was given up"
    for name, mirror in mirrors.items():
        for after, before in enumerate(past[name]):
            told = mirror.changes(after, ALL)
            if told is not None:
                assert {**before, **told[0]} == past[name][-1] and not told[1]


def test_a_channel_that_begins_anew_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST_BYTES", 5_000_000)
    together, mirrors = begun(["layer/a", "sources"])
    for at in range(200):
        mirrors["layer/a"].step(Delta("e", at, at + 1, {"x": body(at, 50_000)}, ()))
    held = together.size
    mirrors["layer/a"].load(Snapshot(Position("f", 0), {}, True, {}, 1, "life", 0))
    for at in range(2_000):
        mirrors["sources"].step(Delta("e", at, at + 1, {"x": body(at, 20_000)}, ()))
    assert 4_000_000 < held <= 5_000_000 and together.size <= 5_000_000
    assert together.size == sum(map(weight, mirrors["sources"].steps))


def test_steps_of_before_the_start_are_given_up_first(monkeypatch: pytest.MonkeyPatch) -> None:
    together, mirrors = begun(["layer/a"])
    mirror = mirrors["layer/a"]
    mirror.load(Snapshot(Position("f", 5), {"x": body(5, 0)}, True, {}, 1, "life", 0))
    mirror.extend([Delta("f", at, at + 1, {"x": body(at, 0)}, ()) for at in range(5)])
    assert mirror.covers(0) and together.size == sum(map(weight, mirror.steps))
    monkeypatch.setattr(kept, "MOST_BYTES", together.size)
    assert mirror.step(Delta("f", 5, 6, {"x": body(6, 0)}, ()))
    assert not mirror.covers(0) and mirror.covers(2) and mirror.covers(5)
