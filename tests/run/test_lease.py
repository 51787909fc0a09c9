"""A role is held by one process at a time, and each holder's number is higher than the last one's."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ioc import names
from ioc.errors import Fenced, StoreAway
from ioc.redis_link import connect
from ioc.run import lease
from ioc.run.lease import dead, hold, token
from tests.mortal import mortal


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Any]:
    made = connect(redis_url)
    yield made
    await made.aclose()


async def number(redis: Any, role: str = "projector") -> int:
    async with hold(redis, role) as fence:
        return fence


async def test_each_holder_has_a_higher_number_also_after_the_store_was_emptied(redis: Any) -> None:
    first, second = await number(redis), await number(redis)
    await redis.flushall()
    third = await number(redis)
    assert first < second < third
    assert await redis.get(names.lease_key("projector")) is None


async def test_a_second_one_waits_until_the_first_lets_go(redis: Any) -> None:
    let_go, held = asyncio.Event(), asyncio.Event()
    order: list[str] = []

    async def first() -> None:
        async with hold(redis, "projector", ttl_s=0.6):
            held.set()
            await let_go.wait()
            order.append("first")

    async def second() -> None:
        await held.wait()
        async with hold(redis, "projector", ttl_s=0.6):
            order.append("second")

    both = asyncio.gather(first(), second())
    await held.wait()
    # longer than a lease lasts without renewing
    await asyncio.sleep(1.5)
    assert order == []
    let_go.set()
    await both
    assert order == ["first", "second"]


async def test_another_role_is_another_lease(redis: Any) -> None:
    async with hold(redis, "projector"), hold(redis, "archive"):
        assert await redis.exists(names.lease_key("projector"), names.lease_key("archive")) == 2


async def test_the_lease_of_a_dead_process_of_this_host_is_taken_over_at_once(redis: Any) -> None:
    code = "from ioc.run.lease import token; print(token(), flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        holder = child.stdout.readline().decode().strip()
        assert not dead(holder)
        # for a thousand seconds nobody else may have it
        await redis.set(names.lease_key("projector"), holder, ex=1000)
        taking = asyncio.create_task(number(redis))
        done, _ = await asyncio.wait([taking], timeout=0.2)
        assert not done
        child.kill()
        child.wait()
    assert dead(holder)
    assert await asyncio.wait_for(taking, 30) > 0


def test_who_can_t_be_judged_from_here_is_not_dead() -> None:
    where, pid, began, mark = token().split("|")
    assert not dead(f"another host|{pid}|{began}|{mark}")
    for strange in ("", "a|b", f"{where}|x|{began}|{mark}", f"{where}|{pid}"):
        assert not dead(strange)


def test_a_process_id_that_is_used_again_is_another_process() -> None:
    where, pid, began, mark = token().split("|")
    assert int(pid) == os.getpid()
    assert dead(f"{where}|{pid}|{began}0|{mark}")
    assert dead(f"{where}|{pid}|{began}|{mark}"), "a lease that this process no longer holds"


async def test_a_lease_of_ours_that_could_not_be_given_back_is_taken_again_at_once(redis: Any) -> None:
    async with hold(redis, "projector"):
        left = await redis.get(names.lease_key("projector"))
    await redis.set(names.lease_key("projector"), left, ex=1000)
    assert await asyncio.wait_for(number(redis), 30) > 0


async def test_a_lost_lease_cancels_the_work_and_says_fenced(redis: Any) -> None:
    ended: list[str] = []
    with pytest.raises(Fenced):
        async with hold(redis, "projector", ttl_s=0.15):
            await redis.set(names.lease_key("projector"), "somebody else")
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("cancelled")
    assert ended == ["cancelled"]
    assert await redis.get(names.lease_key("projector")) == b"somebody else"
    task = asyncio.current_task()
    assert task is not None and task.cancelling() == 0


async def test_a_lost_lease_wins_over_what_the_work_says_while_it_ends(redis: Any) -> None:
    with pytest.raises(Fenced):
        async with hold(redis, "projector", ttl_s=0.15), asyncio.TaskGroup() as together:
            await redis.set(names.lease_key("projector"), "somebody else")

            async def stubborn() -> None:
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    raise RuntimeError("I was not done.") from None

            together.create_task(stubborn())
    task = asyncio.current_task()
    assert task is not None and task.cancelling() == 0


async def test_a_lost_lease_is_said_also_after_a_group_of_tasks_failed_in_the_same_task(redis: Any) -> None:
    async def fails() -> None:
        await asyncio.sleep(0)
        raise RuntimeError("The work failed.")

    with pytest.raises(ExceptionGroup):
        async with hold(redis, "projector"), asyncio.TaskGroup() as together:
            together.create_task(fails())
    with pytest.raises(Fenced):
        async with hold(redis, "projector", ttl_s=0.15):
            await redis.set(names.lease_key("projector"), "somebody else")
            await asyncio.Event().wait()


async def test_a_cancellation_from_outside_stays_one_and_gives_the_lease_back(redis: Any) -> None:
    held = asyncio.Event()

    async def work() -> None:
        async with hold(redis, "projector"):
            held.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await held.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await redis.get(names.lease_key("projector")) is None
    assert not lease._holding


async def test_a_store_that_is_away_is_said(unused_tcp_port: int) -> None:
    redis = connect(f"redis://127.0.0.1:{unused_tcp_port}/0")
    with pytest.raises(StoreAway):
        await number(redis)
    await redis.aclose()


async def test_a_store_that_goes_away_ends_the_work(tmp_path: Path) -> None:
    with mortal(tmp_path) as (url, process):
        redis = connect(url)
        with pytest.raises(StoreAway):
            async with hold(redis, "projector", ttl_s=0.15):
                process.kill()
                await asyncio.Event().wait()
        await redis.aclose()
