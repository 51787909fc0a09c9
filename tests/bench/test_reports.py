"""The load of reports, a short one: what was answered with 201 is everywhere, once. Times are the bench's affair."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import reports
from tests.bench._figures import How


@pytest.mark.parametrize("postgres", [False, pytest.param(True, marks=pytest.mark.services)])
def test_every_report_of_a_rush_is_in_sql_log_archive_board_and_on_the_screen(
    tmp_path: Path, postgres: bool, request: pytest.FixtureRequest
) -> None:
    if postgres:
        # says so where there is no server
        request.getfixturevalue("postgres_url")
    figures, lost = reports.once(How(tmp_path), rate=100, seconds=1.5, postgres=postgres)
    assert lost == dict.fromkeys(("sql", "log", "archive", "board", "screen"), 0)
    assert figures["refused"] == figures["lost"] == 0
    assert figures["filed"] == 150


def test_the_yardstick_loses_none_either(tmp_path: Path) -> None:
    figures = reports.bare(How(tmp_path), rate=100, seconds=0.5)
    assert (figures["filed"], figures["lost"], figures["refused"]) == (50, 0, 0)


def test_what_is_lost_stands_twice_or_was_filed_by_nobody_is_counted_by_place() -> None:
    found = {"sql": ["b", "a"], "log": ["a", "b", "a"], "board": ["a"], "screen": ["a", "b", "x"], "archive": []}
    assert reports.astray(["a", "b"], found) == {"sql": 0, "log": 1, "board": 1, "screen": 1, "archive": 2}
