"""A source that says how much it holds: asked after an answer, borne out by the next, and harmless when it fails."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from ioc import intake
from ioc.adapter import Adapter, AdapterConfig, Answer, Reading
from ioc.contract import Contract
from ioc.errors import SourceDown, SourceRefused, Untaken
from ioc.log.memory import MemoryLog
from ioc.proof import Link, Tally
from ioc.run import poller
from ioc.run.poller import Asking
from tests.run.test_poller import KIND, Part, Scripted, answer, answered, asking, source


class Telling(Scripted):
    """Says of itself what `told` holds next (or raises it); the last again and again."""

    def __init__(self, *told: Tally | Exception | None, askings: list[list[Part]] | None = None) -> None:
        super().__init__(*(askings or [[answer("a", "b")]]))
        self.told, self.tallied = list(told), 0

    async def tally(self) -> Tally | None:
        self.tallied += 1
        told = self.told.pop(0) if len(self.told) > 1 else self.told[0]
        if isinstance(told, Exception):
            raise told
        return told


def proving(adapter: Adapter[Any], every: float = 1e-6, log: MemoryLog | None = None) -> Asking:
    owed = Contract("Đội thử", cadence=30, grace=60, prove_s=every)
    return Asking(msgspec.structs.replace(source(), contract=owed), adapter, log or MemoryLog())


async def test_a_source_that_says_as_much_as_we_hold_is_synced_and_a_restart_knows_it() -> None:
    polled = proving(Telling(Tally(2)))
    link = answered(await polled.poll()).link
    assert link.synced == link.proved is not None and link.connected and link.shared
    assert answered(await polled.log.known("s")).link == link


async def test_a_count_that_stays_apart_is_borne_out_by_the_next_answer_and_one_that_only_grew_is_not() -> None:
    polled = proving(Telling(Tally(5)))
    assert not answered(await polled.poll()).link.sure
    link = answered(await polled.poll()).link
    assert (link.sure, link.differ, link.synced) == (True, 3, None)
    grew = proving(Telling(Tally(3)), every=300)
    grew.adapter.askings = [[answer("a", "b")], [answer("a", "b", "c")]]  # type: ignore[attr-defined]
    assert answered(await grew.poll()).link.synced is None
    assert answered(await grew.poll()).link.synced is not None


async def test_it_is_asked_at_most_once_in_prove_s_and_only_after_an_answer() -> None:
    adapter = Telling(Tally(2), askings=[[SourceDown("Cut.")], [answer("a", "b")]])
    polled = proving(adapter, every=300)
    await polled.poll()
    assert adapter.tallied == 0
    for _ in range(3):
        await polled.poll()
    assert adapter.tallied == 1
    often = Telling(Tally(2))
    polled = proving(often)
    for _ in range(3):
        await polled.poll()
    assert often.tallied == 3


@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        (SourceDown("It answered HTTP 500."), "It answered HTTP 500."),
        (SourceRefused("It refused the key."), "It refused the key."),
        (KeyError("secret"), "failed at the tally (KeyError)"),
        (TimeoutError(), "did not say within 20 s"),
    ],
)
async def test_a_tally_that_fails_harms_no_answer_and_is_told(error: Exception, wanted: str) -> None:
    adapter = Telling(error, Tally(2), askings=[[answer("a", "b", cursor="c1")]])
    polled = proving(adapter)
    known = await polled.poll()
    told = answered(known)
    assert (told.error, told.refused, told.failures, told.have, known.cursor) == (None, False, 0, 2, "c1")
    assert told.link.why is not None and wanted in told.link.why and "secret" not in told.link.why
    assert polled.rest(known) is not None
    healed = answered(await polled.poll()).link
    assert healed.why is None and healed.synced is not None


async def test_a_tally_that_never_comes_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(Telling):
        async def tally(self) -> Tally | None:
            await asyncio.Event().wait()
            return None

    adapter = Silent(None)
    adapter.config = AdapterConfig(event=KIND, complete=True, timeout_s=0.05)
    monkeypatch.setattr(poller, "TALLY_S", 0.05)
    told = answered(await asyncio.wait_for(proving(adapter).poll(), 30))
    assert told.have == 2 and told.link.why == "s did not say within 0.05 s how much it holds."


async def test_who_writes_while_the_tally_is_asked_is_not_overwritten() -> None:
    log = MemoryLog()

    class Pushed(Telling):
        async def tally(self) -> Tally | None:
            await intake.take(log, "s", [Reading("pushed", {})], weighed={"kind": KIND})
            return Tally(2)

    adapter = Pushed(None)
    polled = proving(adapter, log=log)
    known = await polled.poll()
    assert len(adapter.cursors) == 1 and known.seen.keys() == {"a", "b"}
    assert (await log.known("s")).seen.keys() == {"a", "b", "pushed"}


async def test_an_adapter_that_can_t_say_it_is_never_asked_and_writes_nothing_more() -> None:
    polled = proving(Scripted([answer("a")]))
    known = await polled.poll()
    assert known.revision == 1 and answered(known).link.proved is None


async def test_the_link_tells_who_answered_from_who_did_not() -> None:
    class Posted(Scripted):
        asks = False

    async def after(*parts: Part) -> Link:
        return answered(await asking(Scripted(list(parts))).poll()).link

    assert (await after(SourceDown("No route."))).connected is None
    assert (await after(SourceDown("No route."))).lost is not None
    assert (await after(SourceRefused("Wrong key."))).refused
    for parts in ([Untaken("HTTP 500.")], [Answer(b"broken")], [answer()]):
        link = await after(*parts)
        assert link.connected is not None and link.lost is None and link.shared is None
    assert (await after(answer("a"))).shared is not None
    # a folder that was looked at is there; who sends by himself was not even asked
    assert (await after()).connected is not None
    assert answered(await asking(Posted([])).poll()).link == Link()
