"""The signed sheet of teachers who are missing: what is not signed as it must be changes no figure."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from ioc.demo import authority
from ioc.demo.systems.teachers import Teachers
from ioc.errors import SourceDown
from tests.demo.held import held
from tests.demo.staged import Served, served

pytestmark = pytest.mark.usefixtures("still")


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Served]:
    async with served("quang-nam", "teachers", tmp_path) as made:
        await made.ask("teachers")
        yield made


def lacking(stage: Served) -> list[int]:
    assert isinstance(stage.system, Teachers)
    return stage.system.missing()


async def test_the_signed_sheet_is_the_figure(stage: Served) -> None:
    figure = stage.figure("teachers_signed")
    assert figure.value == sum(lacking(stage)) > 200
    assert (figure.have, figure.method, figure.expect) == (18, "typed", 18)
    told = [item.properties for item in stage.folds["indicators"].items.values()]
    assert {one["agency"] for one in told} == {"Sở Giáo dục và Đào tạo"} and {one["period"] for one in told}
    contract = stage.settings.sources["teachers"].contract
    assert {one["reporter"] for one in told} == set(contract.reporters)  # type: ignore[arg-type]


async def test_a_correction_says_why(stage: Served) -> None:
    before = lacking(stage)
    stage.later(minutes=6)
    await stage.system.keep()
    await stage.ask("teachers")
    assert sum(one != was for one, was in zip(lacking(stage), before, strict=True)) == 1
    assert stage.figure("teachers_signed").value == sum(lacking(stage)) != sum(before)
    whys = {item.properties.get("why") for item in stage.folds["indicators"].items.values()}
    assert whys == {"Rà soát lại định mức giáo viên"}


@pytest.mark.parametrize(
    ("way", "say"),
    [
        ("unsigned", "chưa có chữ ký số"),
        ("stranger", "không thuộc cơ quan được ký"),
        ("tampered", "không đúng với tệp"),
        ("words", "C10"),
    ],
)
async def test_what_may_not_be_believed_is_put_aside(stage: Served, way: str, say: str) -> None:
    before = stage.figure("teachers_signed").value
    await stage.turn(way)
    adapter: Any = stage.adapter("teachers")
    asked = 0
    async for answer in adapter.ask(None):
        with pytest.raises(SourceDown, match=say) as refused:
            list(adapter.parse(answer))
        await adapter.committed(answer, refused.value.say)
        asked += 1
    assert asked == 1 and stage.figure("teachers_signed").value == before
    aside = [path.name for path in (stage.system.folder / "set-aside").iterdir()]
    assert any(name.endswith(".xlsx") for name in aside) and any(name.endswith(".txt") for name in aside)

    await stage.turn()
    stage.later(minutes=6)
    await stage.system.keep()
    await stage.ask("teachers")
    assert stage.figure("teachers_signed").value == sum(lacking(stage)) != before


def test_the_authority_of_the_demo_is_the_one_in_its_file() -> None:
    filed = x509.load_pem_x509_certificate(authority.FILE.read_bytes())
    made = authority.root().cert
    assert filed.public_key() == made.public_key() and filed.subject == made.subject
    assert "không có giá trị" in filed.subject.rfc4514_string()


async def test_the_check_holds_the_signed_figure_against_the_schools(stage: Served) -> None:
    told = held(stage, "teachers_signed")
    assert told["ok"] is None and told["left"]["value"] == sum(lacking(stage))
