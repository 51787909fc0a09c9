"""The link matrix: what each proof makes of a sector's row, in which words, and which source stands for a sector."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc import clock, links
from ioc.contract import Answered, Contract
from ioc.duty import Due
from ioc.links import matrix
from ioc.proof import Link
from ioc.settings import Sector, Source

NOON = datetime(2026, 3, 10, 5, 0, tzinfo=UTC)
SECTORS = {"y-te": Sector(("Y tế", "Health"))}
Says = tuple[str, str, str]


def ago(**span: float) -> datetime:
    return NOON - timedelta(**span)


def source(name: str = "beds", sector: str = "y-te", **owes: Any) -> Source:
    return Source(name, "sql_query", Contract("Sở Y tế", **{"cadence": 20, "grace": 60, **owes}), {}, sector=sector)


def answered(link: Link, **told: Any) -> Answered:
    return Answered("beds", link.tried or NOON, link=link, **told)


def row(link: Link | None, owes: dict[str, Any] | None = None, due: datetime | None = None, **told: Any) -> Any:
    answers = {} if link is None else {"beds": answered(link, **told)}
    return matrix(SECTORS, {"beds": source(**owes or {})}, answers, NOON, due={"beds": due})["y-te"]


def says(told: dict[str, Any], language: str = "vi") -> Says:
    first, second, third = (told[column]["say"][language] for column in links.COLUMNS)
    return first, second, third


def oks(told: dict[str, Any]) -> list[bool | None]:
    return [told[column]["ok"] for column in links.COLUMNS]


MET = Link(tried=NOON, connected=NOON)
READ = Link(tried=NOON, connected=NOON, shared=NOON)
GOOD = Link(NOON, NOON, shared=NOON, proved=NOON, count=9, newest=NOON, low=9, high=9, observed=NOON, synced=NOON)


def but(**told: Any) -> Link:
    return msgspec.structs.replace(GOOD, **told)


@pytest.mark.parametrize(
    ("link", "told", "wanted", "english"),
    [
        (None, {}, "chưa thử|chưa thử|chưa thử", "not probed|not probed|not probed"),
        (Link(tried=NOON, lost=NOON), {"error": "x."}, "không|chưa thử|chưa thử", "no|not probed|not probed"),
        (
            Link(tried=NOON, connected=ago(minutes=40), lost=ago(minutes=39), shared=ago(minutes=40)), {"error": "x."},
            "mất 40 phút|chưa thử|chưa thử", "lost for 40 min|not probed|not probed",
        ),
        (but(connected=ago(seconds=59), lost=NOON), {}, "vừa mất|chưa thử|chưa thử", "just lost|not probed|not probed"),
        (
            Link(tried=NOON, lost=NOON, refused=True), {"refused": True, "error": "x."},
            "từ chối khoá|chưa thử|chưa thử", "key refused|not probed|not probed",
        ),
        (Link(), {"refused": True, "error": "Typo."}, "không|chưa thử|chưa thử", "no|not probed|not probed"),
        (MET, {"error": "No JSON."}, "có|không|chưa thử", "yes|no|not probed"),
        (MET, {}, "có|không|chưa thử", "yes|no|not probed"),
        (but(shared=ago(hours=50)), {"error": "x."}, "có|mất 2 ngày|chưa thử", "yes|lost for 2 d|not probed"),
        (READ, {}, "có|có|chưa thử", "yes|yes|not probed"),
        (but(why="HTTP 500.", count=None, newest=None), {}, "có|có|chưa thử", "yes|yes|not probed"),
        (GOOD, {}, "có|có|có", "yes|yes|yes"),
        (but(count=1213, sure=True), {}, "có|có|lệch 1.204", "yes|yes|off by 1,204"),
        (but(count=95, sure=True), {}, "có|có|lệch 86", "yes|yes|off by 86"),
        (but(count=1213, sure=False), {}, "có|có|có", "yes|yes|yes"),
        (but(count=1213, sure=False, synced=None), {}, "có|có|chưa thử", "yes|yes|not probed"),
        (but(observed=ago(hours=26)), {}, "có|có|trễ 26 giờ", "yes|yes|late by 26 h"),
        (but(observed=ago(minutes=42)), {}, "có|có|trễ 42 phút", "yes|yes|late by 42 min"),
        (but(observed=ago(seconds=60)), {}, "có|có|có", "yes|yes|yes"),
    ],
)  # fmt: skip
def test_each_proof_says_a_few_words(link: Link | None, told: dict[str, Any], wanted: str, english: str) -> None:
    found = row(link, **told)
    assert "|".join(says(found)) == wanted
    assert "|".join(says(found, "en")) == english


def test_late_is_amber_and_the_rest_that_is_wrong_is_red() -> None:
    assert row(but(observed=ago(hours=26)))["synced"]["level"] == "warn"
    assert row(but(count=95, sure=True))["synced"]["level"] == "bad"
    assert row(Link(tried=NOON, lost=NOON))["connected"]["level"] == "bad"
    assert row(GOOD)["synced"]["level"] is None


DAILY = {"due": Due("day", by="17:00"), "cadence": 30.0, "grace": 3600.0}


@pytest.mark.parametrize(
    ("owes", "newest", "wanted"),
    [
        ({"still": 3 * 86_400.0}, ago(days=8), "đứng từ 02/03"),
        ({"still": 3 * 86_400.0}, ago(days=3), "có"),
        ({}, ago(days=800), "có"),
        (DAILY, ago(days=8), "đứng từ 02/03"),
        (DAILY, ago(days=1), "có"),
    ],
)
def test_a_newest_change_that_should_have_moved_stands_since_its_day(
    owes: dict[str, Any], newest: datetime, wanted: str
) -> None:
    assert says(row(but(newest=newest, observed=newest), owes))[2] == wanted


def test_the_day_is_one_of_the_province_s_clock() -> None:
    late = datetime(2026, 3, 1, 18, 0, tzinfo=UTC)
    assert says(row(but(newest=late, observed=late), {"still": 60.0}))[2] == "đứng từ 02/03"


def test_a_source_past_due_is_late_even_where_it_can_t_say_what_it_holds() -> None:
    assert says(row(READ, due=ago(hours=5)))[2] == "trễ 5 giờ"
    assert says(row(READ, due=NOON + timedelta(hours=5)))[2] == "chưa thử"


def test_who_was_not_heard_of_since_it_was_due_is_lost_once_its_grace_has_passed() -> None:
    heard = but(tried=ago(minutes=40), connected=ago(minutes=40))
    assert says(row(heard, due=ago(minutes=39)))[0] == "mất 40 phút"
    # within the grace it is only late; and one that was asked since then is there, though it has nothing new
    assert says(row(heard, due=ago(seconds=60))) == ("có", "có", "trễ 1 phút")
    assert says(row(but(tried=NOON), due=ago(minutes=39))) == ("có", "có", "trễ 39 phút")


def test_a_sector_without_a_source_is_not_connected() -> None:
    told = matrix(SECTORS, {"x": source("x", "other")}, {}, NOON)["y-te"]
    assert (says(told), told["sources"], told["tried"]) == (("không", "chưa thử", "chưa thử"), [], None)
    assert (told["name"], told["name_en"]) == ("Y tế", "Health")


def two(first: Link, second: Link) -> dict[str, Any]:
    answers = {"a": answered(first), "b": answered(second)}
    return matrix(SECTORS, {name: source(name) for name in "ab"}, answers, NOON)["y-te"]


@pytest.mark.parametrize(
    ("first", "second", "wanted", "by"),
    [
        (GOOD, Link(tried=NOON, lost=NOON), "không|chưa thử|chưa thử", "b"),
        (GOOD, but(count=95, sure=True), "có|có|lệch 86", "b"),
        (but(observed=ago(hours=26)), but(count=95, sure=True), "có|có|lệch 86", "b"),
        (but(why="x."), GOOD, "có|có|chưa thử", "a"),
        (READ, GOOD, "có|có|có", "b"),
        (READ, READ, "có|có|chưa thử", "a"),
    ],
)
def test_the_worst_source_stands_for_its_sector_and_one_that_can_t_be_probed_hides_nothing(
    first: Link, second: Link, wanted: str, by: str
) -> None:
    told = two(first, second)
    assert "|".join(says(told)) == wanted
    assert told["sources"] == ["a", "b"]
    column = next((name for name in links.COLUMNS if told[name]["ok"] is not True), "synced")
    assert told[column]["source"] == by


def test_the_row_was_probed_when_its_longest_unprobed_source_was() -> None:
    told = two(but(tried=ago(minutes=3)), GOOD)
    assert told["tried"] == "2026-03-10T11:57:00+07:00"
    one = matrix(SECTORS, {name: source(name) for name in "ab"}, {"a": answered(GOOD)}, NOON)["y-te"]
    assert one["tried"] is None


def test_a_cell_tells_since_when_it_says_so() -> None:
    sources, second = {"beds": source()}, NOON + timedelta(seconds=30)
    wrong, right = {"beds": answered(but(count=95, sure=True))}, {"beds": answered(GOOD)}
    first = matrix(SECTORS, sources, wrong, NOON)
    assert first["y-te"]["synced"]["since"] == clock.rfc3339(NOON)
    again = matrix(SECTORS, sources, wrong, second, first)
    assert again == first
    turned = matrix(SECTORS, sources, right, second, again)["y-te"]
    assert (turned["synced"]["ok"], turned["synced"]["since"]) == (True, clock.rfc3339(second))
    assert turned["connected"]["since"] == clock.rfc3339(NOON)
    assert matrix(SECTORS, sources, {}, second, again)["y-te"]["synced"]["since"] is None


moments = st.none() | st.datetimes(datetime(1900, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
numbers = st.integers(0, 10**7)
any_link = st.builds(
    Link,
    tried=moments, connected=moments, lost=moments, refused=st.booleans(), shared=moments, proved=moments,
    count=st.none() | numbers, newest=moments, why=st.none() | st.just("x."), low=numbers, high=numbers,
    observed=moments, sure=st.booleans(), synced=moments,
)  # fmt: skip
any_answer = st.builds(
    Answered, st.just("s"), st.just(NOON), error=st.none() | st.just("x."), refused=st.booleans(), link=any_link
)
owed = st.sampled_from([{}, {"still": 60.0}, DAILY, {"due": Due("month", working=True, after=5)}])


@given(st.lists(st.tuples(any_answer, owed, moments), max_size=4))
def test_whatever_is_proved_the_columns_stand_in_their_order_and_travel(told: list[Any]) -> None:
    sources = {str(number): source(str(number), **owes) for number, (_, owes, _) in enumerate(told)}
    answers = {str(number): answer for number, (answer, _, _) in enumerate(told)}
    due = {str(number): moment for number, (_, _, moment) in enumerate(told)}
    found = matrix(SECTORS, sources, answers, NOON, due=due)["y-te"]
    connected, shared, synced = oks(found)
    assert not (connected is not True and shared is True)
    assert not (shared is not True and synced is True)
    assert msgspec.json.decode(msgspec.json.encode(found)) == found
    assert all(len(text) <= 24 for column in links.COLUMNS for text in found[column]["say"].values())
    assert date.fromisoformat(found["tried"][:10]) if found["tried"] else True
