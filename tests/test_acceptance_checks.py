"""The provinces' published figures as files that departments drop: sums that hold pass, one that does not is shown.

Files go through the real adapter, poller, projector and health. 487 + 905 against "hơn 1.500" fails on day one.
"""

from __future__ import annotations

import asyncio
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from ioc import catalog, clock, names
from ioc.board import Position
from ioc.board.memory import MemoryBoard
from ioc.log.memory import MemoryLog
from ioc.run.health import Health
from ioc.run.poller import Asking
from ioc.run.projector import Projector
from ioc.settings import build

from .centre import NoArchive

SOURCE = """
[sources.{name}]
adapter = "table_file"
title = "{title}"
event = "ioc.indicator.measured"
folder = "{folder}/{name}"
settle_s = 0
[[sources.{name}.forms]]
shape = {{delimiter = ";"}}
id = "Loại"
prefix = "{name}/"
[sources.{name}.forms.properties]
indicator = {{default = "{name}"}}
part = "Loại"
{numbers}
published = {{path = "Loại", pattern = "^(Công bố|.)", values = {{"Công bố" = true, {letters}}}}}
[sources.{name}.contract]
owner = "{owner}"
method = "typed"
cadence = 86400
"""
VALUE = 'value = {path = "Số", pattern = "([0-9.]+)$", kind = "integer", form = "vi"}'
SHARE = (
    'numerator = {path = "Đạt", kind = "integer", form = "vi"}\n'
    'denominator = {path = "Tổng", kind = "integer", form = "vi"}'
)
LETTERS = ", ".join(f'"{letter}" = false' for letter in "TCMDLNHP")


def table(name: str, folder: Path, numbers: str, owner: str, title: str) -> str:
    return SOURCE.format(name=name, folder=folder, numbers=numbers, owner=owner, letters=LETTERS, title=title)


CHECKS = """
[checks.certificates]
kind = "sum_of_parts"
title = ["Chứng thư số Quảng Nam", "Certificates of Quảng Nam"]
left = [{source = "certificates", part = "Tổ chức"}, {source = "certificates", part = "Cá nhân"}]
right = {source = "certificates", published = true, label = ["hơn 1.500", "over 1,500"]}

[checks.services]
kind = "sum_of_parts"
left = {source = "services"}
right = {source = "services", published = true}

[checks.targets_reached]
kind = "sum_of_parts"
left = [
    {source = "targets", part = "Chính quyền số", field = "numerator"},
    {source = "targets", part = "Hạ tầng số", field = "numerator"},
    {source = "targets", part = "Doanh nghiệp số", field = "numerator"},
]
right = {source = "targets", published = true, field = "numerator"}

[checks.targets_set]
kind = "sum_of_parts"
left = {source = "targets", field = "denominator"}
right = {source = "targets", published = true, field = "denominator"}

[checks.targets]
kind = "part_of_whole"
left = {source = "targets", field = "numerator"}
right = {source = "targets", field = "denominator"}

[checks.cameras]
kind = "two_sources"
left = {source = "cameras"}
right = {value = 268, label = "Đề án camera Tuy Hòa"}
"""
FILES = {
    "certificates": "Loại;Số\nTổ chức;487\nCá nhân;905\nCông bố;hơn 1.500\n",
    "services": "Loại;Số\nMức 2;673\nMức 3;407\nMức 4;753\nCông bố;1.833\n",
    "targets": "Loại;Đạt;Tổng\nChính quyền số;8;11\nHạ tầng số;2;6\nDoanh nghiệp số;1;3\nCông bố;11;20\n",
    "cameras": "Loại;Số\nHạ tầng đô thị;188\nPhòng cảnh sát;80\n",
}
PASSING = {"services", "targets_reached", "targets_set", "targets", "cameras"}
TURNED = {
    "services": ("Mức 4;753", "Mức 4;735", {"services"}),
    "targets": ("Công bố;11;20", "Công bố;12;21", {"targets_reached", "targets_set"}),
    "cameras": ("Hạ tầng đô thị;188", "Hạ tầng đô thị;180", {"cameras"}),
}


class Province:
    """The four sources, polled from their folders, and whoever works on what comes; `look` brings all up to date."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log, self.board = folder, MemoryLog(), MemoryBoard()
        text = '[province]\nname = "Thử"\n' + CHECKS
        for name in FILES:
            (folder / name).mkdir()
            text += table(name, folder, SHARE if name == "targets" else VALUE, f"Sở {name}", f"Bảng {name}")
        self.settings = build(tomllib.loads(text), {})
        layers = {one: catalog.tiles(one.name) for one in catalog.layers(("indicators",))}
        self.projector = Projector(layers, self.board, self.log, NoArchive(), self.settings)
        sources = self.settings.sources.values()
        self.askings = [Asking(source, catalog.open_adapter(source), self.log) for source in sources]
        self.tiles = [tile.name for tiles in layers.values() for tile in tiles]
        self.health = self.watch()
        self.dropped = 0

    def watch(self) -> Health:
        return Health(self.settings, self.board, self.log, tiles=lambda: self.tiles)

    async def open(self) -> None:
        await self.projector.open()
        await self.health.open()

    def drop(self, name: str, body: str) -> None:
        self.dropped += 1
        (self.folder / name / f"{self.dropped}.csv").write_text(body, encoding="utf-8")

    async def look(self) -> dict[str, Any]:
        for asking in self.askings:
            known = await asking.poll()
            assert known.answered is not None and known.answered.error is None
        async for batch in self.log.read("projector"):
            await self.projector.work(batch)
            if batch is None:
                break
        await self.projector.tick(force=True)
        await self.health.look(clock.now())
        return await self.items(names.CHECKS)

    async def items(self, channel: str) -> dict[str, Any]:
        found = await self.board.snapshot(channel)
        assert found is not None
        return {name: json.loads(body) for name, body in found.items.items()}

    async def position(self) -> Position:
        found = await self.board.snapshot(names.CHECKS)
        assert found is not None
        return found.position


@pytest.fixture
async def province(tmp_path: Path) -> Province:
    made = Province(tmp_path)
    await made.open()
    for name, body in FILES.items():
        made.drop(name, body)
    return made


async def test_before_a_file_has_come_no_check_has_passed_or_failed(tmp_path: Path) -> None:
    made = Province(tmp_path)
    await made.open()
    found = await made.look()
    assert {one["ok"] for one in found.values()} == {None}
    assert "check/certificates" not in await made.items(names.ALERTS)


async def test_the_published_sums_pass_and_the_certificates_fail_with_both_figures(province: Province) -> None:
    found = await province.look()
    assert {name for name, one in found.items() if one["ok"]} == PASSING
    failed = found["certificates"]
    assert failed["ok"] is False
    assert (failed["left"]["value"], failed["right"]["value"]) == (1392, 1500)
    assert failed["say"] == {
        "vi": "487 + 905 = 1.392 ≠ 1.500 (hơn 1.500).", "en": "487 + 905 = 1,392 ≠ 1,500 (over 1,500)."
    }  # fmt: skip
    assert (failed["source"], failed["owner"]) == ("certificates", "Sở certificates")
    assert found["targets_reached"]["say"]["vi"] == "8 + 2 + 1 = 11 = 11."
    assert found["targets_set"]["left"]["value"] == 20
    assert found["cameras"]["left"]["value"] == 268


async def test_a_failed_check_lowers_the_word_of_its_source_and_of_the_province_once(province: Province) -> None:
    await province.look()
    scores, sources = await province.items(names.SCORES), await province.items(names.SOURCES)
    correct = scores["source/certificates"]["dung"]
    assert (correct["good"], correct["of"]) == (4, 5)
    assert sources["certificates"]["checks"]["failed"] == [
        "Certificates of Quảng Nam: 487 + 905 = 1,392 ≠ 1,500 (over 1,500)."
    ]
    assert (scores["source/targets"]["dung"]["good"], scores["source/services"]["dung"]["good"]) == (7, 5)
    tile = (await province.items("tile/certificates"))["all"]
    assert tile["other"] and tile["value"] == 1392
    # the tile's own dispute is that of the check: 21 + 1 failed, and no 22nd
    assert (scores["all"]["dung"]["good"], scores["all"]["dung"]["of"]) == (21, 22)
    alerts = await province.items(names.ALERTS)
    assert alerts["check/certificates"]["level"] == "warn" and "tile/certificates" not in alerts


@pytest.mark.parametrize("name", TURNED)
async def test_each_one_turned_wrong_fails_and_put_right_passes(province: Province, name: str) -> None:
    await province.look()
    right, wrong, failing = TURNED[name]
    province.drop(name, FILES[name].replace(right, wrong))
    found = await province.look()
    assert {check for check, one in found.items() if one["ok"] is False} == failing | {"certificates"}
    assert {alert for alert in await province.items(names.ALERTS) if alert.startswith("check/")} == {
        f"check/{check}" for check in failing | {"certificates"}
    }
    province.drop(name, FILES[name])
    found = await province.look()
    assert {check for check, one in found.items() if one["ok"]} == PASSING


async def test_the_certificates_put_right_pass(province: Province) -> None:
    await province.look()
    province.drop("certificates", FILES["certificates"].replace("hơn 1.500", "1.392"))
    assert (await province.look())["certificates"]["ok"] is True
    assert "check/certificates" not in await province.items(names.ALERTS)


async def test_since_when_it_fails_survives_a_restart_and_nothing_moves_while_no_board_does(province: Province) -> None:
    since = (await province.look())["certificates"]["since"]
    before = await province.position()
    await asyncio.sleep(0.01)
    province.health = province.watch()
    await province.health.open()
    assert (await province.look())["certificates"]["since"] == since
    assert await province.position() == before
