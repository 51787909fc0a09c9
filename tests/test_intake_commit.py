"""The commit of what was weighed: all or none, whoever else writes for the same source."""

from __future__ import annotations

from typing import Any

import pytest

from ioc.contract import Answered
from ioc.errors import Gap
from ioc.intake import commit, fail, looked, take, weigh
from ioc.log.memory import MemoryLog
from ioc.proof import Link
from tests.asked import KIND, NOTHING, Source, at, bad, reading, told


async def test_a_failure_keeps_the_picture_and_says_why_until_an_answer_is_taken() -> None:
    source = Source()
    await source.ask(reading("a"))
    known = await fail(source.log, "s", source.known, "Nobody answers.", asked=at(5))
    known = await fail(source.log, "s", known, "Nobody answers.", asked=at(6))
    assert known.seen == source.known.seen and await source.log.length() == 1
    assert known.answered is not None
    assert (known.answered.error, known.answered.failures, known.answered.answered) == ("Nobody answers.", 2, at(1))
    source.known = known
    await source.ask(reading("a"))
    assert source.known.answered is not None
    assert (source.known.answered.error, source.known.answered.failures) == (None, 0)


async def test_a_look_that_finds_nothing_heals_a_folder_and_no_bad_file() -> None:
    log = MemoryLog()
    known = await fail(log, "s", NOTHING, "There is no folder.", asked=at(1), refused=True)
    known = await looked(log, "s", known, asked=at(2))
    assert known.answered == Answered("s", at(2), link=Link(tried=at(2), connected=at(2)))
    known = await fail(log, "s", known, "tháng 3.xlsx has no header.", asked=at(3), untaken=True)
    known = await looked(log, "s", known, asked=at(4))
    assert known.answered is not None
    assert (known.answered.error, known.answered.failures) == ("tháng 3.xlsx has no header.", 0)


async def test_the_newest_change_goes_back_with_a_source_that_tells_all_and_with_no_other() -> None:
    for complete, newest in ((True, at(-60)), (False, at(0))):
        source = Source(complete=complete)
        await source.ask(reading("a", 1, 0), reading("b", 1, -30))
        await source.ask(reading("a", 1, -60), reading("b", 1, -60))
        assert source.known.answered is not None and source.known.answered.observed == newest
        await source.ask(reading("a", 1), reading("b", 1))
        assert source.known.answered.observed == newest, "an answer without times says nothing of it"


async def test_a_whole_answer_of_which_nothing_can_be_read_is_known_by_its_beginning() -> None:
    for complete in (True, False):
        source = Source(complete=complete)
        await source.ask(reading("a"), reading("b"))
        await source.ask(reading("a"), bad("b", "b"))
        assert source.known.answered is not None and source.known.answered.unread is None, "one can be read"
        await source.ask(bad("a", "a"), bad("b", "b"))
        since = source.known.answered.unread
        assert since == (source.known.answered.answered if complete else None), "what tells only news has others yet"
        await source.ask(bad("a", "a"), bad("b", "b"))
        assert source.known.answered.unread == since and source.known.answered.have == 2
        await source.ask(reading("a", 1), bad("b", "b"))
        assert source.known.answered.unread is None


async def test_two_who_push_at_once_lose_nothing() -> None:
    class Racing(MemoryLog):
        raced = False

        async def append(self, events: Any, **given: Any) -> int:
            if not self.raced:
                self.raced = True
                await take(self, "s", [reading("b", 1, sender_id="m2")], weighed={"kind": KIND})
            return await super().append(events, **given)

    log = Racing()
    taken = await take(log, "s", [reading("a", 1, sender_id="m1")], weighed={"kind": KIND}, cursor="c")
    assert told(taken) == [("a", 1)]
    known = await log.known("s")
    assert known.seen.keys() == {"a", "b"} and known.cursor == "c"
    assert [entry.event.subject async for entry in log.kept()] == ["b", "a"]
    again = await take(log, "s", [reading("a", 1, sender_id="m1")], weighed={"kind": KIND})
    assert again.events == [] and again.duplicates == 1 and (await log.known("s")).cursor == "c"


async def test_a_commit_on_old_knowledge_is_refused_whole() -> None:
    source = Source()
    await source.ask(reading("a"))
    taken = weigh("s", NOTHING, [reading("b")], kind=KIND, received=at(9))
    with pytest.raises(Gap):
        await commit(source.log, "s", NOTHING, taken, asked=at(9), received=at(9), cursor="x")
    assert await source.log.known("s") == source.known
