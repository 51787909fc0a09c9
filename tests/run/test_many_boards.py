"""A province has more tiles than a client of Redis has connections: they are written some at a time."""

from __future__ import annotations

import asyncio

import pytest

from ioc.run.projector import AT_ONCE, _all


async def test_of_very_many_boards_some_are_written_at_once_and_all_in_the_end() -> None:
    going, most, done = 0, 0, 0

    async def write() -> None:
        nonlocal going, most, done
        going += 1
        most = max(most, going)
        await asyncio.sleep(0.001)
        going -= 1
        done += 1

    await _all([write() for _ in range(10 * AT_ONCE)])
    assert (most, done) == (AT_ONCE, 10 * AT_ONCE)


async def test_the_first_error_is_raised_after_all_have_ended() -> None:
    done = []

    async def write(number: int) -> None:
        await asyncio.sleep(0)
        if number == 1:
            raise ValueError(number)
        done.append(number)

    with pytest.raises(ValueError, match="1"):
        await _all([write(number) for number in range(2 * AT_ONCE)])
    assert len(done) == 2 * AT_ONCE - 1
