"""What stands set aside is taken once more after its mapping was put right, or forgotten; the counts follow at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import redis

from ioc import bodies, catalog
from ioc.adapter import Adapter, AdapterConfig, Answer, Reading
from ioc.contract import Answered, Contract
from ioc.db import archive
from ioc.db.asides import reasons
from ioc.db.session import migrate, open_db
from ioc.errors import BadConfig, BadRecord
from ioc.intake import take, terms
from ioc.log.redis import RedisLog
from ioc.mapping import Mapped, results
from ioc.run.again import again
from ioc.run.archive import SqlArchive
from ioc.run.poller import Asking
from ioc.settings import Province, Settings, Source

POSTED: list[dict[str, Any]] = [
    {"id": "1", "tinh_trang": "bao_tri", "phone": "0905123456"},
    {"id": "2", "tinh_trang": "tot", "so": "năm", "phone": "0905123457"},
    {"tinh_trang": "tot"},
    {"id": "4", "tinh_trang": "tot", "so": 1},
]


def source(**codes: str) -> Source:
    state = {"path": "tinh_trang", "values": {"tot": "live", **codes}}
    count = {"path": "so", "kind": "integer", "required": False}
    options = {
        "event": "ioc.thing.seen",
        "id": "id",
        "properties": {"state": state, "count": count},
        "url": "http://127.0.0.1:9/",
    }
    return Source("app", "camera_registry", Contract("Đội thử"), options)


class Kept:
    """A source that posted, and where what it posted is kept."""

    def __init__(self, redis_url: str, database_url: str) -> None:
        self.redis_url, self.database_url = redis_url, database_url
        self.log, self.db = RedisLog(redis_url), open_db(database_url)

    async def post(self, sender: Source, *records: dict[str, Any]) -> None:
        config = catalog.open_adapter(sender).config
        assert isinstance(config, Mapped)
        read = list(results(config, bodies.records(list(records), "", "app")))
        await take(self.log, "app", read, weighed=terms(sender.contract, config, None))
        await self.store()

    async def store(self) -> None:
        async for batch in self.log.read("archive"):
            if batch is None:
                break
            await archive.store(self.db, batch.entries)
            await batch.ack()

    async def again(self, sender: Source, **told: Any) -> str:
        settings = Settings(Province("Thử", province="66"), {"app": sender})
        said = await again(settings, self.redis_url, self.database_url, "app", lambda text: None, **told)
        await self.store()
        return said

    async def answered(self) -> Answered:
        return (await self.log.answers())["app"]


@pytest.fixture
async def kept(redis_url: str, tmp_path: Path) -> AsyncIterator[Kept]:
    url = f"sqlite:///{tmp_path}/archive.db"
    await asyncio.to_thread(migrate, url)
    made = Kept(redis_url, url)
    await made.post(source(), *POSTED)
    yield made
    await made.log.close()
    await made.db.close()


async def test_the_mended_go_through_masked_as_they_are_and_the_rest_stays_or_is_forgotten(kept: Kept) -> None:
    before = {"bad_number": 1, "no_id": 1, "unknown_code": 1}
    assert (await kept.answered()).reasons == await reasons(kept.db, "app") == before
    assert await kept.again(source(bao_tri="down")) == "1 records of app were taken, 2 stay set aside."
    answered = await kept.answered()
    assert (answered.have, answered.aside_now, len(answered.troubles)) == (2, 2, 2)
    assert answered.reasons == await reasons(kept.db, "app") == {"bad_number": 1, "no_id": 1}
    assert await kept.again(source(), forget=True) == "0 records of app were taken, 2 are forgotten."
    answered = await kept.answered()
    assert (answered.have, answered.aside_now, answered.troubles) == (2, 0, ())
    assert await reasons(kept.db, "app") == {}


async def test_a_sender_that_sends_it_right_mends_it_too(kept: Kept) -> None:
    await kept.post(source(), {"id": "2", "tinh_trang": "tot", "so": 5})
    after = {"no_id": 1, "unknown_code": 1}
    assert (await kept.answered()).reasons == await reasons(kept.db, "app") == after


async def test_a_source_without_single_records_says_that_it_is_asked_again(kept: Kept) -> None:
    canary = Source("app", "canary", Contract("Đội thử"), {"event": "ioc.canary.sung"})
    with pytest.raises(BadConfig, match="has no mapping"):
        await kept.again(canary)


class Posting(Adapter[AdapterConfig]):
    """Answers with what was posted, but for the first record."""

    async def ask(self, cursor: str | None) -> AsyncIterator[Answer]:
        yield Answer(b"")

    def parse(self, answer: Answer) -> list[Reading | BadRecord]:
        config = catalog.open_adapter(source()).config
        assert isinstance(config, Mapped)
        return list(results(config, bodies.records(POSTED[1:], "", "app")))


@pytest.mark.parametrize("complete", [True, False])
async def test_after_the_store_was_emptied_what_stands_set_aside_is_neither_forgotten_nor_counted_twice(
    kept: Kept, complete: bool
) -> None:
    with redis.Redis.from_url(kept.redis_url, protocol=3) as client:
        client.flushall()
    adapter = Posting("app", AdapterConfig(event="ioc.thing.seen", complete=complete))
    polled = Asking(source(), adapter, kept.log, None, None, SqlArchive(kept.db).quarantined)
    await polled.poll()
    await kept.store()
    wanted = {"bad_number": 1, "no_id": 1} | ({} if complete else {"unknown_code": 1})
    assert (await kept.answered()).reasons == await reasons(kept.db, "app") == wanted
    assert {row.count for row in await archive.asides(kept.db, "app")} == {1}
    assert polled.known == await kept.log.known("app")
