"""Checks follow the boards that they look at, and are worked out anew only when one of them has moved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from ioc import checks, clock
from ioc.board import Board
from ioc.board.memory import MemoryBoard
from ioc.board.redis import RedisBoard
from ioc.check import Check
from ioc.contract import Contract
from ioc.run.checking import Checking
from ioc.settings import Province, Settings, Source

NOON = datetime(2026, 3, 10, 5, 0, tzinfo=UTC)
TILE, LAYER = "tile/t", "layer/indicators"
CHECKS = {
    "over": {"kind": "range", "left": {"tile": "t"}, "most": 5},
    "sum": {"kind": "sum_of_parts", "left": {"source": "s"}, "right": {"tile": "t"}},
}


@pytest.fixture(params=["memory", "redis"])
async def board(request: pytest.FixtureRequest) -> AsyncIterator[Board]:
    if request.param == "memory":
        yield MemoryBoard()
        return
    made = RedisBoard(request.getfixturevalue("redis_url"))
    yield made
    await made.close()


def settings() -> Settings:
    made = {name: msgspec.convert(told, Check) for name, told in CHECKS.items()}
    return Settings(Province("Thử"), {"s": Source("s", "x", Contract("Sở Y tế"), {})}, checks=made)


def tile(value: int) -> dict[str, bytes]:
    return {"all": msgspec.json.encode({"value": value, "label": "T", "label_en": "T", "sources": ["s"]})}


def row(value: int, source: str = "s") -> bytes:
    return msgspec.json.encode({"properties": {"source": source, "value": value}})


async def look(checking: Checking) -> dict[str, Any]:
    return {name: one["ok"] for name, one in (await checking.look({}, NOON)).items()}


async def test_checks_follow_what_is_put_and_dropped_and_a_board_that_begins_anew(board: Board) -> None:
    checking = Checking(settings(), board)
    assert await look(checking) == {"over": None, "sum": None}
    await board.reset(TILE, tile(5))
    await board.reset(LAYER, {"a": row(2), "b": row(3), "c": row(99, "other")})
    assert await look(checking) == {"over": True, "sum": True}
    await board.apply(TILE, tile(6))
    assert await look(checking) == {"over": False, "sum": False}
    await board.apply(LAYER, {"d": row(1)})
    assert await look(checking) == {"over": False, "sum": True}
    await board.apply(LAYER, {"d": None})
    assert await look(checking) == {"over": False, "sum": False}
    await board.apply(LAYER, {"b": row(3, "other"), "a": row(6)})
    assert await look(checking) == {"over": False, "sum": True}
    await board.reset(LAYER, {"a": row(4)})
    await board.apply(TILE, tile(4))
    assert await look(checking) == {"over": True, "sum": True}


async def test_what_was_known_stays_while_a_board_is_rebuilt(board: Board) -> None:
    checking = Checking(settings(), board)
    await board.reset(TILE, tile(5))
    await board.reset(LAYER, {"a": row(5)})
    assert (await look(checking))["sum"] is True
    await board.reset(LAYER, {}, whole=False)
    assert (await look(checking))["sum"] is True
    await board.reset(LAYER, {"a": row(4)})
    assert (await look(checking))["sum"] is False


async def test_after_a_restart_amid_a_rebuild_what_failed_still_fails_since_when_it_did(board: Board) -> None:
    await board.reset(TILE, tile(6))
    await board.reset(LAYER, {"a": row(6)})
    before = await Checking(settings(), board).look({}, NOON)
    await board.reset(TILE, {}, whole=False)
    again, later = Checking(settings(), board), NOON + timedelta(hours=1)
    assert await again.look(before, later) == before
    await board.reset(TILE, tile(7))
    found = await again.look({}, later)
    assert (found["over"]["since"], found["sum"]["since"]) == (clock.rfc3339(NOON), clock.rfc3339(later))


async def test_nothing_is_worked_out_while_no_board_moves(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    worked, results = [], checks.results

    def counting(*given: Any) -> dict[str, checks.Result]:
        worked.append(given)
        return results(*given)

    monkeypatch.setattr(checks, "results", counting)
    checking = Checking(settings(), board)
    await board.reset(TILE, tile(5))
    for _ in range(3):
        await look(checking)
    assert len(worked) == 1
    await board.apply(TILE, tile(6))
    await look(checking)
    assert len(worked) == 2
