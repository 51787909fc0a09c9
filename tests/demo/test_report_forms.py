"""Nghệ An's quarterly report: 823 bodies, who sent it, late, corrected or not at all; then broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from ioc.errors import SourceRefused
from tests.demo.held import held
from tests.demo.staged import TEN, served


async def test_the_quarter_of_823_bodies_and_how_it_breaks(tmp_path: Path) -> None:
    async with served("nghe-an", "report_forms", tmp_path, now=TEN, seed=54) as stage:
        taken = await stage.take("quarterly")
        print(f"forms: {taken.records} records = {taken.told} events + {taken.unchanged} unchanged")
        assert taken.set_aside == 0 and taken.told > 1_500
        sent, missing = stage.figure("forms_submitted"), stage.figure("forms_missing")
        assert sent.of == missing.of == 823 and int(sent.value or 0) + int(missing.value or 0) == 823
        late = (sent.parts or [])[1]["value"]
        assert 0 < late < 60 and 0 < int(missing.value or 0) < 60 and missing.level in ("warn", "bad")
        assert missing.why == "Kỳ 2025-Q4." and int(stage.figure("forms_corrected").value or 0) > 3
        ledger = [event for event in stage.events if event.type == "ioc.duty.reported"]
        periods = {event.subject: len(event.data.properties["reported"]) for event in ledger if event.data}
        assert periods["quarterly/2025-Q4"] == sent.value

        stage.later(minutes=5)
        assert 0 < (await stage.take("quarterly")).told < 20
        assert int(stage.figure("forms_missing").value or 0) < int(missing.value or 0)
        stage.system.broken = {"token"}
        with pytest.raises(SourceRefused, match="refused the key"):
            await stage.take("quarterly")


async def test_half_of_the_bodies_silent(tmp_path: Path) -> None:
    async with served("nghe-an", "report_forms", tmp_path, now=TEN, seed=54) as stage:
        stage.system.broken = {"half"}
        await stage.take("quarterly")
        missing = stage.figure("forms_missing")
        assert 411 <= int(missing.value or 0) < 470 and missing.level == "bad"


async def test_reports_that_the_source_lost_are_missed_though_the_figure_stands(tmp_path: Path) -> None:
    async with served("nghe-an", "report_forms", tmp_path, now=TEN, seed=54) as stage:
        for source in ("quarterly", "quarterly_held"):
            await stage.ask(source)
        before, both = stage.figure("forms_submitted").value, held(stage, "forms_held")
        assert both["ok"] is True and both["left"]["value"] == both["right"]["value"] == before
        stage.later(minutes=1)
        await stage.turn("half")
        for source in ("quarterly", "quarterly_held"):
            await stage.ask(source)
        assert int(stage.figure("forms_submitted").value or 0) >= int(before or 0), "who was told knows it still"
        both = held(stage, "forms_held")
        assert both["ok"] is False and int(both["right"]["value"]) < 420


@pytest.mark.parametrize(("way", "reason", "least"), [("schema", "missing_field", 1), ("stranger", "unknown_code", 10)])
async def test_what_became_strange_is_set_aside(way: str, reason: str, least: int, tmp_path: Path) -> None:
    """Also by who was told all before, and asks for what is new."""
    async with served("nghe-an", "report_forms", tmp_path, now=TEN, seed=54) as stage:
        assert (await stage.take("quarterly")).set_aside == 0
        stage.later(minutes=1)
        await stage.turn(way)
        taken = await stage.take("quarterly")
        assert set(taken.reasons) == {reason} and taken.set_aside >= least
