"""What a bench tells people and machines."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.bench import _figures, _index, _mover, slow_screens, views
from tests.bench._figures import Goal, How, Load


def _load(**other: object) -> Load:
    made = {
        "name": "A", "say": "256 B to all", "yardstick": "C loop",
        "goals": (Goal("cpu_ratio", 1.4, "CPU"), Goal("events_per_s", 30_000, "Events a second", least=True)),
        "columns": {"cpu_us": "CPU µs", "lost": "lost"},
        "runs": {"ioc": [{"cpu_us": 1.5, "lost": 0, "events_per_s": 29_000},
                         {"cpu_us": 2.5, "lost": 3, "events_per_s": 29_900}],
                 "C loop": [{"cpu_us": 1.0, "lost": 0}, {"cpu_us": 2.0, "lost": 0}]},
        "ratios": {"cpu_ratio": [1.5, 1.25]}, "noise_ms": [50.0, 70.0],
    }  # fmt: skip
    return Load(**{**made, **other})  # type: ignore[arg-type]


def test_the_table_has_a_row_for_each_server_and_says_what_is_met() -> None:
    lines = _figures.table(_load()).splitlines()
    assert lines[0] == "A. 256 B to all"
    assert lines[2].split() == ["ioc", "2.00", "(1.50–2.50)", "1.50", "(0–3.00)"]
    assert lines[4].strip() == "CPU: 1.38 (1.25–1.50); the goal is ≤ 1.40; the goal is met."
    assert lines[5].strip() == "Events a second: 29,450 (29,000–29,900); the goal is ≥ 30,000; THE GOAL IS MISSED."
    assert "60.0 (50.0–70.0) ms" in lines[6]


def test_a_quick_run_says_that_it_tells_nothing() -> None:
    assert "QUICK" in _figures.table(_load(quick=True)).splitlines()[0]
    assert _figures.told(_load(quick=True))["quick"] is True


def test_a_goal_without_a_figure_is_missed() -> None:
    load = _load(ratios={"cpu_ratio": []}, goals=(Goal("cpu_ratio", 1.4, "CPU"),))
    assert "CPU: –; the goal is ≤ 1.40; THE GOAL IS MISSED." in _figures.table(load)
    told = _figures.told(load)
    assert told["met"] is False and told["goals"][0]["value"] is None


def test_machines_are_told_the_shared_names_and_the_spread() -> None:
    told = json.loads(json.dumps(_figures.told(_load(told={"samples_equal": 100})), allow_nan=False))
    assert (told["name"], told["cpu_ratio"], told["events_per_s"], told["lost"]) == ("A", 1.375, 29_450, 3)
    assert told["cpu_ratio_spread"] == [1.25, 1.5] and told["samples_equal"] == 100
    assert [goal["met"] for goal in told["goals"]] == [True, False] and told["met"] is False
    assert told["servers"]["C loop"]["cpu_us"] == 1.5


def test_nothing_named_is_every_letter_and_a_group_is_its_letters() -> None:
    assert _index.chosen(()) == list("ABCDEFGHI")
    assert _index.chosen(["fan_out", "A", "answer_to_screen"]) == ["A", "B", "C", "D", "answer_to_screen"]


def test_without_a_compiler_what_needs_one_is_left_out_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("tests.bench._load.compiler", lambda: None)
    assert list(_index.measure(["G"], How(tmp_path))) == []
    assert capsys.readouterr().err == "G is left out: its load client is C; install gcc or clang.\n"


def test_what_the_kernel_holds_for_a_slow_screen_is_counted_at_both_ends() -> None:
    head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    rows = [
        "   0: 0100007F:1F90 FA00017F:A001 01 00000400:00000000 00:00000000 00000000     0        0 1 1 0",
        "   1: FA00017F:A001 0100007F:1F90 01 00000000:00000200 00:00000000 00000000     0        0 2 1 0",
        "   2: 0100007F:1F90 0200017F:A002 01 00009000:00000000 00:00000000 00000000     0        0 3 1 0",
        "   3: 0100007F:1F91 FA00017F:A003 01 00007000:00000000 00:00000000 00000000     0        0 4 1 0",
    ]
    assert slow_screens.held(head + "\n".join(rows), 0x1F90) == 0x600


def test_views_have_the_share_that_they_are_said_to_have_and_lie_inside() -> None:
    chance = random.Random(5)
    for _ in range(50):
        west, south, east, north = views.view(0.01, chance)
        assert (east - west) * (north - south) == pytest.approx(0.01, rel=1e-4)
        assert west >= _mover.WEST and east <= _mover.WEST + _mover.SIDE + 1e-6
        assert south >= _mover.SOUTH and north <= _mover.SOUTH + _mover.SIDE + 1e-6


def test_what_moves_moves_and_stays_in_the_province() -> None:
    chance, place = random.Random(5), (_mover.WEST, _mover.SOUTH)
    for _ in range(500):
        before, place = place, _mover.moved(place, chance)
        assert place != before
        assert 0 <= place[0] - _mover.WEST <= _mover.SIDE and 0 <= place[1] - _mover.SOUTH <= _mover.SIDE
    told = json.loads(_mover.body(7, *place, 1_700_000_000_000_000_000))
    assert told["id"] == "v7" and told["properties"]["t"] == 1_700_000_000_000_000_000
