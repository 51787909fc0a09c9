"""The register of incidents of Quảng Nam: counted for those who may see it, and one count for all others."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from ioc import intake, names
from ioc.contract import judge
from ioc.errors import SourceRefused
from ioc.log.memory import MemoryLog
from ioc.web.app import channels_of
from tests.demo.staged import Served, served


def open_now(stage: Served, *, grave: bool = False) -> int:
    held = stage.system.incidents()  # type: ignore[attr-defined]
    return sum(one["tinh_trang"] == "open" and (one["nghiem_trong"] or not grave) for one in held)


async def test_kinds_that_nobody_agreed_leave_nothing_to_read(tmp_path: Path) -> None:
    async with served("quang-nam", "public_order", tmp_path) as stage:
        contract = stage.settings.sources["restricted_incidents"].contract
        log = MemoryLog()
        assert (await stage.take("restricted_incidents")).set_aside == 0
        await stage.turn("kinds")
        taken = await stage.take("restricted_incidents")
        at, known = stage.world.now, await log.known("x")
        answered = (await intake.commit(log, "x", known, taken, asked=at, received=at, cursor=None)).answered
        assert answered is not None and taken.gone == 0, "the last picture stays, and is said to be old"
        for seconds, state in ((0, "late"), (contract.patience + 1, "stale")):
            now = at + timedelta(seconds=seconds)
            again = msgspec.structs.replace(answered, answered=now)
            assert judge(contract, again, now).state == state


async def test_quang_nam(tmp_path: Path) -> None:
    async with served("quang-nam", "public_order", tmp_path) as stage:
        readings = await stage.ask("restricted_incidents")
        assert len(readings) == len(stage.system.incidents()) and stage.asides == []  # type: ignore[attr-defined]
        assert stage.figure("restricted_order_open").value == open_now(stage) > 50
        assert stage.figure("restricted_order_grave").value == open_now(stage, grave=True)
        count = stage.figure("incidents_open")
        assert (count.value, count.parts) == (open_now(stage), None)
        placed = [item for item in stage.folds["restricted_order"].items.values() if item.geometry]
        assert len(placed) == open_now(stage), "what is closed leaves the map"
        channels = channels_of(stage.settings)
        assert {name for name in channels if names.restricted(name)} == {
            "layer/restricted_order", "tile/restricted_order_open", "tile/restricted_order_grave",
        }  # fmt: skip

        stage.later(minutes=30)
        before = stage.figure("incidents_open").observed
        await stage.ask("restricted_incidents")
        assert stage.figure("incidents_open").observed != before
        await stage.turn("frozen")
        stage.later(minutes=30)
        await stage.ask("restricted_incidents")
        assert stage.figure("incidents_open").value == open_now(stage)
        await stage.turn("kinds")
        await stage.ask("restricted_incidents")
        assert {one.reason for one in stage.asides} == {"unknown_code"}
        assert stage.figure("incidents_open").value is None
        await stage.turn("token")
        with pytest.raises(SourceRefused):
            await stage.ask("restricted_incidents")
