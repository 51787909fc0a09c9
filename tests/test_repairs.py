"""Kinds of trouble, their notices, columns that change, and what is mended."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from ioc import bodies, mapped_field, mapping, names, tables
from ioc.adapter import Reading
from ioc.alerts import standing
from ioc.contract import Answered
from ioc.errors import BadRecord
from ioc.intake.columns import NEW_FOR
from ioc.mapping import Mapped
from ioc.repairs import SAYS, notices
from ioc.run.again import once_more
from ioc.tables import Row, Rows
from ioc.trouble import MOST, Trouble
from tests.asked import NOON, Source, at, bad, mended, reading, refused


def trouble(field: str, code: str | None = None, reason: str = "unknown_code", subject: str | None = None) -> BadRecord:
    raw = {"field": field, "code": code, "subject": subject}
    return BadRecord("No.", reason=reason, raw=raw, subject=subject, field=field, code=code, at=f"properties.{field}")


def answered(source: Source) -> Answered:
    assert source.known.answered is not None
    return source.known.answered


def kinds(source: Source) -> dict[tuple[str, str | None, str | None], int]:
    return {(one.reason, one.field, one.code): one.count for one in answered(source).troubles}


async def test_records_of_one_reason_field_and_code_are_one_kind() -> None:
    source = Source(complete=True)
    given = [trouble("a", "x", subject="1"), trouble("a", "x", subject="2"), trouble("a", "y", subject="3")]
    await source.ask(*given, trouble("b", "x", subject="4"), bad("z"))
    assert kinds(source) == {
        ("unknown_code", "a", "x"): 2, ("unknown_code", "a", "y"): 1, ("unknown_code", "b", "x"): 1,
        ("no_place", None, None): 1,
    }  # fmt: skip
    assert answered(source).reasons == {"no_place": 1, "unknown_code": 4}


async def test_a_complete_answer_without_them_mends_them_and_the_same_again_tells_nothing() -> None:
    source = Source(complete=True)
    await source.ask(trouble("a", "x", subject="1"), trouble("a", "x", subject="2"), reading("3"))
    again = await source.ask(trouble("a", "x", subject="1"), trouble("a", "x", subject="2"), reading("3"))
    assert again.events == []
    gone = [
        event.subject for event in mended(await source.ask(reading("1"), trouble("a", "x", subject="2"), reading("3")))
    ]
    assert len(gone) == 1 and kinds(source) == {("unknown_code", "a", "x"): 1}
    await source.ask(reading("1"), reading("2"), reading("3"))
    assert (answered(source).aside_now, answered(source).reasons, answered(source).troubles) == (0, {}, ())


async def test_a_source_that_tells_only_what_is_new_keeps_them_until_the_subject_is_told_anew() -> None:
    source = Source()
    first = refused(await source.ask(trouble("a", "x", subject="1"), trouble("a", "x", subject="2")))
    await source.ask(reading("3"))
    assert answered(source).aside_now == 2
    assert [event.subject for event in mended(await source.ask(reading("2")))] == [first[1].subject]
    assert (answered(source).aside_now, kinds(source)) == (1, {("unknown_code", "a", "x"): 1})


async def test_past_twenty_kinds_all_are_one_more_and_none_is_lost_from_the_count() -> None:
    source = Source(complete=True)
    many = [trouble("a", f"c{number}", subject=str(number)) for number in range(MOST + 30)]
    await source.ask(*many)
    assert len(kinds(source)) == MOST + 1 and sum(kinds(source).values()) == MOST + 30
    assert kinds(source)["more", None, None] == 30
    await source.ask(*many[MOST - 1 :], *(reading(str(number)) for number in range(MOST - 1)))
    assert sum(kinds(source).values()) == 31
    told = notices("s", ("Nguồn", "Source"), "Sở", answered(source))
    assert len(told) == len(kinds(source))


async def test_a_column_that_most_records_can_not_be_read_in_was_retyped() -> None:
    source = Source(complete=True)
    numbers = [trouble("n", reason="bad_number", subject=str(number)) for number in range(3)]
    await source.ask(*numbers, reading("x"), reading("y"))
    assert answered(source).reasons == {"retyped": 3}
    few = [trouble("n", reason="bad_number", subject=str(number)) for number in range(3)]
    await source.ask(*few, *(reading(name) for name in "xyz"))
    assert answered(source).reasons == {"bad_number": 3}


MAPPED = msgspec.convert({"event": "ioc.thing.seen", "id": "id", "properties": {"name": "ten.vi"}}, Mapped)


def read(*records: dict[str, Any]) -> list[Reading | BadRecord]:
    return list(mapping.results(MAPPED, bodies.records(list(records), "", "x")))


async def test_a_new_column_is_noticed_once_kept_with_a_value_and_the_rest_goes_on() -> None:
    source = Source(complete=True)
    old = {"id": "1", "ten": {"vi": "A"}, "cu": 1}
    assert [event.type for event in (await source.ask(*read(old))).events] == ["ioc.thing.seen"]
    new = old | {"moi": "0905123456"}
    taken = await source.ask(*read(new, new | {"id": "2"}))
    (appeared,) = [event for event in taken.events if event.type == names.APPEARED]
    assert appeared.data is not None
    assert appeared.data.properties == {"of": "s", "column": "moi", "raw": '{"moi":"0905123456"}'}
    assert (taken.set_aside, taken.told, taken.unchanged) == (0, 1, 1)
    assert answered(source).fresh == {"/moi": at(2)}
    again = await source.ask(*read(new, new | {"id": "2"}))
    assert again.events == []
    (notice,) = notices("s", ("Nguồn", "Source"), "Sở", answered(source)).values()
    assert "moi" in notice["say"]["vi"] and "0905" not in str(notice)
    await source.ask(*read(old, old | {"id": "2"}))
    assert answered(source).fresh == {}
    assert (await source.ask(*read(new, new | {"id": "2"}))).events == []


async def test_a_new_column_is_no_news_after_a_week() -> None:
    source = Source()
    await source.ask(*read({"id": "1", "ten": {"vi": "A"}}))
    await source.ask(*read({"id": "2", "ten": {"vi": "A"}, "moi": 1}))
    assert list(answered(source).fresh) == ["/moi"]
    source.minute += int(NEW_FOR / timedelta(minutes=1))
    await source.ask(*read({"id": "3", "ten": {"vi": "A"}, "moi": 1}))
    assert answered(source).fresh == {}


def test_columns_of_another_form_are_not_new() -> None:
    rows = msgspec.convert({"event": "e", "id": "id", "carry": {"columns": ["n*"]}, "properties": {}}, Rows)
    found = tables.readings(rows, [Row(1, {"id": 1, "n1": 2, "x": 3}), Row(2, {"id": 2, "n1": 2, "x": 3})], form="1")
    assert [one.spare for one in found if isinstance(one, Reading)] == [{"1/": None, "1/x": 3}, None]


@pytest.mark.parametrize("reason", [*SAYS, "bad_row"])
def test_every_reason_says_what_to_do_in_both_languages(reason: str) -> None:
    one = Trouble(reason, "tinh_trang", "bao_tri", "properties.state", 12)
    for forms in (False, True):
        told = notices("s", ("Nguồn", "Source"), "Sở Y tế", Answered("s", NOON, troubles=(one,)), forms=forms)
        ((name, notice),) = told.items()
        assert name == f"repair/s/{one.kind}" and notice["owner"] == "Sở Y tế"
        for said in notice["say"].values():
            assert said.endswith("ioc replay --set-aside s).") and "{" not in said and "12" in said


def test_a_notice_keeps_since_when_it_stands_and_leaves_with_its_trouble() -> None:
    one = Answered("s", NOON, troubles=(Trouble("no_id", count=1),))
    told = notices("s", ("N", "S"), "Sở", one)
    first = standing({}, {}, {}, NOON, repairs=told)
    later = standing({}, {}, first, at(60), repairs=told)
    assert first == later and len(first) == 1
    assert standing({}, {}, later, at(61), repairs=notices("s", ("N", "S"), "Sở", Answered("s", NOON))) == {}
    assert notices("s", ("N", "S"), "Sở", None) == {}


def test_a_code_that_may_be_a_person_is_not_told() -> None:
    field = {"path": "x", "values": {"a": "b"}}
    for written, shown in (("bao_tri", "bao_tri"), ("Nguyễn Văn A", None), ("0905123456", None), ("a@b.vn", None)):
        with pytest.raises(BadRecord) as raised:
            mapped_field.value(msgspec.convert(field, mapped_field.Field), {"x": written}, at="properties.state")
        assert (raised.value.field, raised.value.code, raised.value.at) == ("x", shown, "properties.state")


def test_a_masked_record_is_read_once_more_when_no_mapped_field_was_masked() -> None:
    config = msgspec.convert(
        {"event": "e", "id": "id", "lon": "a", "lat": "b", "place": "optional", "properties": {"name": "ten"}}, Mapped
    )
    taken = once_more(config, {"id": "1", "ten": "A", "phone": "‹person›"})
    assert taken.properties == {"name": "A"}
    with pytest.raises(BadRecord, match="Its field ten is kept masked"):
        once_more(config, {"id": "1", "ten": "gọi ‹phone›"})
    feature = {"type": "Feature", "id": "7", "properties": {"ten": "B", "mail": "‹mail›"}, "geometry": None}
    assert once_more(config, feature).subject == "7"


def test_a_record_of_a_form_is_read_once_more_by_the_form_that_fits() -> None:
    from adapters.table_file import TableFile

    forms = [
        {"id": "ma", "properties": {"a": "A"}},
        {"id": "so", "event": "e.two", "properties": {"b": "B"}, "carry": {"columns": ["n*"], "kind": "integer"}},
    ]
    config = msgspec.convert({"event": "e", "folder": "x", "forms": forms}, TableFile.Config)
    taken = once_more(config, {"so": "9", "B": "x", "n1": "4", "sdt": "‹person›"})
    assert (taken.subject, taken.type, taken.properties) == ("9", "e.two", {"n1": 4, "b": "x"})
    with pytest.raises(BadRecord, match="none of the forms"):
        once_more(config, {"khac": 1})
    with pytest.raises(BadRecord, match="Its field n1 is kept masked"):
        once_more(config, {"so": "9", "B": "x", "n1": "‹phone›"})
