"""What people say becomes events: an excuse fits a duty and has a reason, or nothing is written."""

from __future__ import annotations

import asyncio
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc import names
from ioc.contract import Contract
from ioc.duty import Due
from ioc.event import Event
from ioc.intake import said
from ioc.log.memory import MemoryLog
from ioc.settings import Source
from ioc.workdays import Calendar
from tests.reminded import BEDS, FRIDAY, at

NOW = at("2026-03-06 15:00")
SOURCE = Source("beds", "push", BEDS, {})
ALONE = Source("jobs", "push", Contract("Sở Lao động", due=Due("month", starts=15, after=2)), {})
UNITS = Source("shops", "push", Contract("Văn phòng", due=Due("month"), reporters="units"), {})
CAMS = Source("cams", "camera_registry", Contract("Sở Giao thông"), {})


async def excuse(source: Source, period: str, who: str, log: MemoryLog | None = None, **other: Any) -> Event:
    given = {"why": "Mất điện", "by": "Trực ban", "units": ("22240",), "calendar": Calendar(), "now": NOW, **other}
    return await said.excuse(log or MemoryLog(), source, period, who, **given)


async def written(log: MemoryLog) -> list[Event]:
    return [entry.event async for entry in log.kept()]


async def test_an_excuse_is_one_event_of_its_period() -> None:
    log = MemoryLog()
    await excuse(SOURCE, FRIDAY, "bv1", log)
    (event,) = await written(log)
    assert (event.type, event.subject, event.source, event.method) == (names.EXCUSED, f"beds/{FRIDAY}", "beds", "typed")
    assert event.data is not None
    assert event.data.properties == {
        "of": "beds", "first": FRIDAY, "last": FRIDAY,
        "excused": {"bv1": {"why": "Mất điện", "by": "Trực ban", "at": "2026-03-06T15:00:00+07:00"}},
    }  # fmt: skip
    assert (await log.known("beds")).answered is None, "an excuse is no answer of the source"


async def test_many_who_excuse_at_once_are_all_heard() -> None:
    log = MemoryLog()
    await asyncio.gather(*(excuse(SOURCE, FRIDAY, who, log) for who in ("bv1", "bv2") * 5))
    assert len(await written(log)) == 10


async def test_a_source_that_owes_by_itself_and_a_commune_can_be_excused() -> None:
    event = await excuse(ALONE, "2026-02-15/2026-03-14", "jobs")
    assert event.data is not None and list(event.data.properties["excused"]) == [""]
    assert (await excuse(UNITS, "2026-02", "22240")).subject == "shops/2026-02"


@pytest.mark.parametrize(
    ("source", "period", "who", "say"),
    [
        (CAMS, FRIDAY, "cams", "no periods"),
        (SOURCE, "thứ sáu", "bv1", "no period"),
        (SOURCE, "2026-03", "bv1", "2026-03-31"),
        (ALONE, "2026-03", "jobs", "2026-03-15/2026-04-14"),
        (SOURCE, "2026-03-07", "bv1", "a day off"),
        (SOURCE, "2020-03-06", "bv1", "too far away"),
        (SOURCE, FRIDAY, "bv9", "lists who does"),
        (ALONE, "2026-02-15/2026-03-14", "", "lists who does"),
        (UNITS, "2026-02", "99999", "lists who does"),
    ],
)
async def test_what_fits_no_duty_is_refused_with_a_sentence(source: Source, period: str, who: str, say: str) -> None:
    log = MemoryLog()
    with pytest.raises(said.Unfit, match=say):
        await excuse(source, period, who, log)
    assert await written(log) == []


@pytest.mark.parametrize("wrong", [{"why": ""}, {"why": " \n"}, {"by": ""}, {"why": "x" * 501}, {"by": "x" * 101}])
async def test_a_reason_and_a_name_are_needed_and_short(wrong: dict[str, str]) -> None:
    log = MemoryLog()
    with pytest.raises(said.Unfit):
        await excuse(SOURCE, FRIDAY, "bv1", log, **wrong)
    assert await written(log) == []


async def test_taking_back_needs_no_reason_and_says_none() -> None:
    event = await excuse(SOURCE, FRIDAY, "bv1", why="", take_back=True)
    assert event.data is not None and event.data.properties["excused"]["bv1"]["why"] == ""


@given(st.text(max_size=600))
def test_what_was_said_is_one_line_in_nfc_or_refused(text: str) -> None:
    try:
        told = said.plain(text, 500, "The reason")
    except said.Unfit:
        return
    assert 0 < len(told) <= 500 and len(told.splitlines()) == 1
    assert unicodedata.is_normalized("NFC", told)
