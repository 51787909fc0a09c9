"""Field reports of three provinces and the petitions of Quảng Nam: what breaks at the source is seen on the tiles."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware

from ioc.demo import mute
from ioc.demo.sources import desk_of
from ioc.demo.systems import petitions as office
from ioc.errors import SourceDown, SourceRefused, Untaken
from tests.demo.staged import Served, served


def parts(stage: Served, tile: str) -> dict[str, int]:
    return {one["label"]: one["value"] for one in stage.figure(tile).parts or []}


def filed(stage: Served) -> list[Any]:
    return stage.world.citizens.of("app")


async def test_field_reports_of_quang_nam(tmp_path: Path) -> None:
    async with served("quang-nam", "field_reports", tmp_path) as stage:
        await stage.ask("reports_app")
        assert {one.reason for one in stage.asides} == {"swapped_place"}, "as some telephones send them"
        held = [one for one in filed(stage) if not one.exchanged]
        standing = [one for one in held if one.open]
        overdue = [one for one in standing if one.due <= stage.now]
        assert stage.figure("reports_open").value == len(standing) > 300
        assert stage.figure("reports_overdue").value == len(overdue) > 10
        assert parts(stage, "reports_by_state") == {"open": len(standing), "closed": len(held) - len(standing)}
        assert sum(parts(stage, "reports_overdue_by_agency").values()) == len(overdue)
        hours = stage.figure("reports_median_hours").value

        stage.later(minutes=30)
        await stage.ask("reports_app")
        now_open = sum(one.open and not one.exchanged for one in filed(stage))
        assert stage.figure("reports_open").value == now_open
        assert stage.figure("reports_median_hours").value != hours

        await stage.turn("frozen")
        stage.later(minutes=30)
        await stage.system.keep()
        await stage.ask("reports_app")
        assert stage.figure("reports_open").value == now_open
        assert sum(one.open and not one.exchanged for one in filed(stage)) != now_open
        late = int(stage.figure("reports_overdue").value or 0)
        stage.later(hours=2)
        assert int(stage.figure("reports_overdue").value or 0) > late, "clocks go on, whatever the source says"

        await stage.turn("words")
        assert await stage.ask("reports_app") == []
        assert "unknown_code" in {one.reason for one in stage.asides}
        await stage.turn("cut")
        with pytest.raises(Untaken):
            await stage.ask("reports_app")
        await stage.turn("expired")
        with pytest.raises(SourceRefused):
            await stage.ask("reports_app")


async def test_petitions_of_quang_nam(tmp_path: Path) -> None:
    async with served("quang-nam", "petitions", tmp_path) as stage:
        assert isinstance(stage.system, office.Petitions)
        await stage.ask("petitions")
        assert stage.asides == []
        held = [one for _, one in stage.system.petitions()]
        standing = [one for one in held if not stage.system.closed(one)]
        answered = [one for one in held if stage.system.closed(one)]
        assert len(held) == office.KEPT_S // office.EVERY_S + 1
        assert stage.figure("petitions_open").value == len(standing)
        assert stage.figure("petitions_answered").value == len(answered)
        late = [one for one in answered if one.ends - one.filed > office.DUE_S]
        assert stage.figure("petitions_late").value == round(100 * len(late) / len(answered), 1)
        assert sum(parts(stage, "petitions_late").values()) == len(late)
        overdue = [one for one in standing if one.filed + office.DUE_S <= stage.now.timestamp()]
        assert stage.figure("petitions_overdue").value == len(overdue)
        assert set(parts(stage, "petitions_kinds")) == {name for _, name in office.KINDS}
        items = stage.folds["petitions"].items.values()
        assert all(item.properties["unit"] and "description" not in item.properties for item in items)

        await stage.turn("unanswered")
        before = parts(stage, "petitions_overdue")
        stage.later(hours=6)
        await stage.ask("petitions")
        after = parts(stage, "petitions_overdue")
        assert stage.figure("petitions_overdue_building").value == after[office.SLOW]
        assert stage.figure("petitions_overdue_building").level == "bad"
        assert stage.figure("petitions_overdue_communes").value == after["UBND xã, phường"]
        grown = {name: count - before.get(name, 0) for name, count in after.items()}
        assert grown[office.SLOW] > 10
        # which office has most at an hour of the day is another matter
        assert max(grown, key=lambda name: grown[name]) == office.SLOW

        await stage.turn("frozen")
        await stage.ask("petitions")
        stands = stage.figure("petitions_open").value
        stage.later(hours=1)
        await stage.system.keep()
        await stage.ask("petitions")
        assert stage.figure("petitions_open").value == stands
        await stage.turn("offices")
        assert await stage.ask("petitions") == []
        assert {one.reason for one in stage.asides} == {"missing_field"}
        await stage.turn("expired")
        with pytest.raises(SourceRefused):
            await stage.ask("petitions")


@asynccontextmanager
async def desked(province: str, name: str, folder: Path) -> AsyncIterator[tuple[Served, set[str]]]:
    """The province's own servers of reports, asked as its settings say; and the set of those that are silent.

    `name`: any of its systems.
    """
    made = Served(province, name, folder)
    silent: set[str] = set()
    desk = desk_of(province, made.world, folder / "sources", made.ports)
    app = Starlette(routes=desk.common(), middleware=[Middleware(mute.Mute, silent=silent)])
    config = uvicorn.Config(app, host="127.0.0.1", log_level="warning", access_log=False, lifespan="off")
    with closing(socket.socket()) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(("127.0.0.1", made.ports[8101]))
        door.listen(128)
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        going = asyncio.create_task(server.serve([door]))
        try:
            yield made, silent
        finally:
            await made.close()
            server.should_exit = True
            await going
            await desk.end()


@pytest.mark.parametrize(
    ("province", "name", "ways"),
    [("phu-yen", "people", ("1022", "app")), ("tay-ninh", "dti", ("1022", "app", "web"))],
)
async def test_field_reports_of_phu_yen_and_tay_ninh(
    province: str, name: str, ways: tuple[Any, ...], tmp_path: Path
) -> None:
    async with desked(province, name, tmp_path) as (stage, silent):
        citizens = stage.world.citizens

        def standing(*some: Any) -> int:
            return sum(one.open and not one.exchanged for way in some for one in citizens.of(way))

        for number, way in enumerate(ways, start=1):
            await stage.ask(f"reports_{way}")
            assert {one.reason for one in stage.asides} <= {"swapped_place"}
            assert stage.figure("reports_open").value == standing(*ways[:number]), f"{way} brings its own"
        received = stage.figure("reports_received_today").value

        silent.add(str(ways[-1]))
        known = standing(ways[-1])
        stage.later(minutes=40)
        for way in ways[:-1]:
            await stage.ask(f"reports_{way}")
        with pytest.raises(SourceDown):
            await stage.ask(f"reports_{ways[-1]}")
        assert standing(ways[-1]) != known, "it went on without us"
        assert stage.figure("reports_open").value == standing(*ways[:-1]) + known
        silent.clear()
        await stage.ask(f"reports_{ways[-1]}")
        assert stage.figure("reports_open").value == standing(*ways)
        assert stage.figure("reports_received_today").value != received
