"""One source is asked again and again; whatever it does, its picture stays and what is wrong is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

import msgspec
import pytest

from ioc import catalog, intake
from ioc.adapter import Adapter, AdapterConfig, Answer, Reading
from ioc.adapter_suite import AnswerServer, Said
from ioc.contract import Answered, Contract
from ioc.errors import BadRecord, SourceDown, SourceRefused, StoreAway
from ioc.log import Known
from ioc.log.memory import MemoryLog
from ioc.run import poller
from ioc.run.poller import Asking
from ioc.settings import Province, Settings, Source
from tests.mortal import mortal

KIND = "ioc.camera.observed"
Part = Answer | Exception
Asked = tuple[str | None, list[str], str | None]


def answer(*names: str, cursor: str | None = None, last: bool = True, name: str = "") -> Answer:
    return Answer(json.dumps(names).encode(), cursor=cursor, last=last, name=name)


class Scripted(Adapter[AdapterConfig]):
    """Each asking yields (or raises) what its script holds next; the last one again and again."""

    def __init__(self, *askings: list[Part], complete: bool = True) -> None:
        super().__init__("s", AdapterConfig(event=KIND, complete=complete))
        self.askings = list(askings)
        self.cursors: list[str | None] = []
        self.ends: list[tuple[str, str | None]] = []
        self.closed = False

    async def ask(self, cursor: str | None) -> AsyncIterator[Answer]:
        self.cursors.append(cursor)
        for part in self.askings.pop(0) if len(self.askings) > 1 else self.askings[0]:
            if isinstance(part, Exception):
                raise part
            yield part

    def parse(self, answer: Answer) -> list[Reading | BadRecord]:
        if answer.body == b"broken":
            raise SourceDown("That is no list of names.")
        return [Reading(name, {}) for name in json.loads(answer.body)]

    async def committed(self, answer: Answer, trouble: str | None) -> None:
        self.ends.append((answer.name, trouble))

    async def close(self) -> None:
        self.closed = True


def source(name: str = "s", adapter: str = "scripted", **options: Any) -> Source:
    owed = Contract("Đội thử", cadence=30, grace=60)
    return Source(name, adapter, owed, {"event": KIND, **options})


def asking(adapter: Adapter[Any], log: MemoryLog | None = None) -> Asking:
    return Asking(source(), adapter, log or MemoryLog())


def answered(known: Known) -> Answered:
    assert known.answered is not None
    return known.answered


async def test_a_source_that_confirms_itself_keeps_its_counts_and_is_alive() -> None:
    body = json.dumps([{"id": "a", "x": 109.3, "y": 13.1}, {"id": "b", "x": 109.3, "y": 13.1}, {"id": "c"}]).encode()
    with AnswerServer(Said(body, headers={"ETag": '"v1"'}), Said(status=304)) as server:
        options: dict[str, Any] = {"url": server.url, "id": "id", "lon": "x", "lat": "y", "complete": True}
        registry = source(adapter="camera_registry", **options)
        polled = Asking(registry, catalog.open_adapter(registry), MemoryLog())
        first = await polled.poll()
        second = await polled.poll()
        third = await polled.poll()
    assert [one.headers.get("if-none-match") for one in server.asked] == [None, '"v1"', '"v1"']
    assert (answered(first).have, answered(first).aside_now) == (2, 1)
    for later in (second, third):
        times = {name: getattr(answered(first), name) for name in ("asked", "answered", "link")}
        assert msgspec.structs.replace(answered(later), **times) == answered(first)
    assert answered(third).answered > answered(first).answered  # type: ignore[operator]
    assert await polled.log.length() == 3


async def test_a_failing_source_keeps_its_picture_and_tells_why() -> None:
    adapter = Scripted(
        [answer("a", "b", cursor="c1")],
        [SourceDown("It answered HTTP 500.")],
        [SourceDown("It answered HTTP 500.")],
        [answer("a", "b")],
    )
    polled = asking(adapter)
    good = await polled.poll()
    for failures in (1, 2):
        bad = await polled.poll()
        assert (bad.seen, bad.cursor, answered(bad).have) == (good.seen, "c1", 2)
        assert (answered(bad).error, answered(bad).failures) == ("It answered HTTP 500.", failures)
    healed = await polled.poll()
    assert (answered(healed).error, answered(healed).failures) == (None, 0)
    assert adapter.cursors == [None, "c1", "c1", "c1"]
    assert await polled.log.length() == 2


async def test_an_answer_that_can_t_be_read_is_not_taken_and_its_adapter_hears_why() -> None:
    adapter = Scripted([answer("a", name="good")], [Answer(b"broken", name="bad", cursor="lost")])
    polled = asking(adapter)
    await polled.poll()
    known = await polled.poll()
    assert adapter.ends == [("good", None), ("bad", "That is no list of names.")]
    assert known.cursor is None and answered(known).untaken and answered(known).error == "That is no list of names."


async def test_a_look_without_an_answer_does_not_mend_a_bad_one() -> None:
    polled = asking(Scripted([Answer(b"broken", name="bad")], []))
    assert answered(await polled.poll()).failures == 1
    known = await polled.poll()
    assert (answered(known).error, answered(known).failures) == ("That is no list of names.", 0)


async def test_pages_belong_together_and_files_stand_alone() -> None:
    adapter = Scripted(
        [answer("a", "b", last=False, name="p1"), answer("c", cursor="end", name="p2")],
        [answer("a", "b", "c", name="f1"), answer("b", "c", name="f2")],
    )
    polled = asking(adapter)
    known = await polled.poll()
    assert known.seen.keys() == {"a", "b", "c"} and known.cursor == "end"
    known = await polled.poll()
    assert known.seen.keys() == {"b", "c"} and answered(known).records == 8
    assert adapter.ends == [("p1", None), ("p2", None), ("f1", None), ("f2", None)]


async def test_pages_that_break_off_end_nobody() -> None:
    first = answer("a", last=False, cursor="lost")
    adapter = Scripted([answer("a", "b", cursor="c1")], [first], [first, SourceDown("Cut.")])
    polled = asking(adapter)
    good = await polled.poll()
    for wanted in ("s ended in the middle of its pages; nothing of them was taken.", "Cut."):
        known = await polled.poll()
        assert (known.seen, known.cursor, answered(known).error) == (good.seen, "c1", wanted)
        assert not answered(known).untaken
    assert adapter.ends == [("", None)]


async def test_a_fault_of_the_adapter_is_told_as_the_source_s(caplog: pytest.LogCaptureFixture) -> None:
    polled = asking(Scripted([KeyError("secret")], [Answer(b"no json")], [answer("a")]))
    for kind in ("KeyError", "JSONDecodeError"):
        said = answered(await polled.poll()).error
        assert said is not None and kind in said and "secret" not in said
    assert answered(await polled.poll()).error is None
    assert "its adapter failed" in caplog.text


async def test_who_wrote_meanwhile_is_not_overwritten() -> None:
    adapter = Scripted([answer("a")], [answer("a", "b")], [answer("a", "b")])
    polled = asking(adapter)
    await polled.poll()
    pushed = await intake.take(polled.log, "s", [Reading("pushed", {})], weighed={"kind": KIND})
    assert pushed.told == 1
    known = await polled.poll()
    assert known.seen.keys() >= {"a", "b"} and len(adapter.cursors) == 3
    assert known == await polled.log.known("s")


async def test_a_failure_beside_another_writer_is_told_on_what_is_known_now() -> None:
    polled = asking(Scripted([answer("a")], [SourceDown("Gone.")]))
    await polled.poll()
    await intake.take(polled.log, "s", [Reading("pushed", {})], weighed={"kind": KIND})
    known = await polled.poll()
    assert known.seen.keys() == {"a", "pushed"} and answered(known).error == "Gone."


async def test_after_a_flush_the_source_is_asked_from_the_start_and_what_ended_meanwhile_ends() -> None:
    asked: list[tuple[str, str]] = []

    async def standing(name: str, kind: str) -> dict[str, datetime]:
        asked.append((name, kind))
        return dict.fromkeys("abc", datetime.fromisoformat("2026-03-10T12:00:00+07:00"))

    adapter = Scripted([answer("a", "b", "c", cursor="c1")], [answer("a", "b")], [answer("a", "b")])
    log = MemoryLog()
    polled = Asking(source(), adapter, log, standing=standing)
    await polled.poll()
    await log.forget()
    await polled.poll()
    # the first of these was weighed against what the flush took away
    assert adapter.cursors == [None, "c1", None]
    events = [entry.event async for entry in log.kept()]
    assert [(event.subject, event.data is None, event.cause) for event in events] == [
        ("a", False, "asked again"), ("b", False, "asked again"), ("c", True, None)
    ]  # fmt: skip
    assert asked == [("s", KIND), ("s", KIND)]
    await polled.poll()
    assert len(asked) == 2 and await log.length() == 3


async def test_a_store_that_is_away_goes_up_and_nothing_is_believed(tmp_path: Any) -> None:
    from ioc.log.redis import RedisLog

    adapter = Scripted([answer("a")])
    with mortal(tmp_path) as (url, process):
        log = RedisLog(url)
        polled = Asking(source(), adapter, log)
        await polled.poll()
        process.kill()
        process.wait()
        with pytest.raises(StoreAway):
            await polled.poll()
        assert polled.known is None
        await log.close()


def known_with(**told: Any) -> Known:
    return Known(1, None, {}, Answered("s", datetime.now().astimezone(), **told))


def test_it_rests_a_pace_and_longer_the_longer_a_source_fails() -> None:
    polled = asking(Scripted([]))
    pace = polled.source.contract.pace

    def rests(failures: int) -> list[float]:
        found = [polled.rest(known_with(failures=failures)) for _ in range(200)]
        return [rest for rest in found if rest is not None]

    for failures, wanted in ((0, pace), (1, pace), (2, 2 * pace), (50, poller.BACK_OFF_MAX_S)):
        found = rests(failures)
        assert len(found) == 200 and len(set(found)) > 100
        assert min(found) >= 0.9 * wanted and max(found) <= 1.1 * wanted
    slow = source()
    slow = msgspec.structs.replace(slow, contract=Contract("Đội thử", cadence=86400))
    rest = Asking(slow, Scripted([]), MemoryLog()).rest(known_with(failures=9))
    assert rest is not None and rest >= 0.9 * 0.8 * 86400


async def test_a_source_that_refuses_is_not_asked_again() -> None:
    adapter = Scripted([answer("a")], [SourceRefused("It refused the key.")])
    polled = asking(adapter)
    polled.rest = lambda known: None if answered(known).refused else 0.0  # type: ignore[method-assign]
    await asyncio.wait_for(polled.run(), 30)
    assert len(adapter.cursors) == 2
    known = await polled.log.known("s")
    assert answered(known).refused and answered(known).have == 1
    assert asking(adapter).rest(known) is None


async def test_trouble_is_logged_once_when_down_and_once_when_back(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    down: list[Part] = [SourceDown("Cut.")]
    polled = asking(Scripted([answer("a")], down, down, down, [answer("a")], [SourceRefused("No.")]))
    polled.rest = lambda known: None if answered(known).refused else 0.0  # type: ignore[method-assign]
    await asyncio.wait_for(polled.run(), 30)
    said = [record.getMessage() for record in caplog.records]
    assert said.count("s: Cut.") == 1 and said.count("s answers again.") == 1


class Watched(MemoryLog):
    """A log that says when every one of some sources has an answer."""

    def __init__(self, enough: Callable[[dict[str, Answered]], bool]) -> None:
        super().__init__()
        self.enough, self.reached = enough, asyncio.Event()

    async def append(self, events: Any, **given: Any) -> int:
        revision = await super().append(events, **given)
        if self.enough(await self.answers()):
            self.reached.set()
        return revision


async def test_a_source_with_wrong_settings_is_shown_and_the_others_are_asked() -> None:
    with AnswerServer(b'[{"id": "a"}]') as server:
        given = {"url": server.url, "id": "id", "place": "optional"}
        sources = {
            "good": source("good", "camera_registry", **given),
            "typo": source("typo", "camera_registry", **given, lan="x"),
            "odd": source("odd", "no_such_adapter"),
        }
        log = Watched(lambda answers: answers.keys() == sources.keys() and answers["good"].have == 1)
        running = asyncio.create_task(poller.run(Settings(Province("Thử"), sources), log, None))
        await asyncio.wait_for(log.reached.wait(), 30)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    answers = await log.answers()
    for name, wanted in (("typo", "lan"), ("odd", "no_such_adapter")):
        assert answers[name].refused and wanted in (answers[name].error or "")


async def test_the_role_stays_held_when_every_source_has_refused() -> None:
    with AnswerServer(Said(status=401)) as server:
        sources = {"s": source(adapter="camera_registry", url=server.url, id="id", place="optional")}
        log = Watched(lambda answers: any(one.refused for one in answers.values()))
        running = asyncio.create_task(poller.run(Settings(Province("Thử"), sources), log, None))
        await asyncio.wait_for(log.reached.wait(), 30)
        done, _ = await asyncio.wait([running], timeout=0.1)
        assert not done and len(server.asked) == 1
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
