"""Forms and queries of GeoReport v2 as they are read: what is taken, and everything that is wrong at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc import clock
from ioc.report_rules import Agency, Attribute, Category, Desk, Reports
from ioc.reports.georeport_form import MOST, MOST_IDS, SPAN, Faulty, posted, wanted

NOW = datetime(2026, 11, 26, 4, tzinfo=UTC)
SIZE = Attribute(
    "size", ("Mức độ", "Size"), "singlevaluelist", (("small", "nhỏ", "small"), ("large", "lớn", "large")), required=True
)
SEEN = Attribute(
    "seen", ("Thấy gì", "What was seen"), "multivaluelist", (("water", "nước", "water"), ("mud", "bùn", "mud"))
)
RULES = Reports(
    jurisdiction="phuyen.gov.vn",
    desk=Desk("trung_tam"),
    categories={
        "water": Category(
            ("Cấp nước", "Water supply"),
            attributes=(
                SIZE, SEEN, Attribute("depth", ("Sâu", "Depth"), "number"),
                Attribute("when", ("Lúc", "When"), "datetime"), Attribute("meter", ("Số đồng hồ", "Meter"), "string"),
            ),
        ),
        "light": Category(("Đèn đường", "Street light")),
    },
    agencies={"trung_tam": Agency(("Trung tâm", "Centre"))},
)  # fmt: skip
LIGHT = {"service_code": "light", "lat": "13.0955", "long": "109.3028"}
WATER = {"service_code": "water", "address_string": "Trần Phú, Tuy Hòa", "attribute[size]": "small"}


def faults(form: dict[str, str] | list[tuple[str, str]]) -> list[tuple[int, str]]:
    with pytest.raises(Faulty) as caught:
        posted(list(form.items()) if isinstance(form, dict) else form, RULES)
    for _, say in caught.value.faults:
        assert say.endswith(".")
    return list(caught.value.faults)


def test_a_whole_form() -> None:
    form = {
        **LIGHT, "description": "Đe\u0300n hỏng\r\nhai đêm", "first_name": "An", "last_name": "Trần",
        "phone": "0905 000 000", "email": "an@example.vn", "device_id": "d-1", "account_id": "7", "media_url": "https://example.vn/a.jpg",
        "address_string": "12 Trần Phú", "api_key": "k", "jurisdiction_id": "phuyen.gov.vn",
    }  # fmt: skip
    told = posted(list(form.items()), RULES)
    assert (told.category, told.lon, told.lat, told.address) == ("light", 109.3028, 13.0955, "12 Trần Phú")
    assert told.words == "Đèn hỏng\nhai đêm"
    assert (told.name, told.phone, told.email) == ("Trần An", "0905 000 000", "an@example.vn")
    assert (told.device, told.account) == ("d-1", "7")
    assert told.beside == {"open311.media_url": "https://example.vn/a.jpg"}


def test_answers_to_the_questions_of_a_category() -> None:
    pairs = [
        *WATER.items(), ("attribute[seen][]", "water"), ("attribute[seen][]", "mud"), ("attribute[depth]", "0.4"),
        ("attribute[when]", "2026-11-26T09:00:00+07:00"), ("attribute[meter]", "A-1"),
    ]  # fmt: skip
    assert posted(pairs, RULES).attributes == {
        "size": "small", "seen": ["water", "mud"], "depth": "0.4", "when": "2026-11-26T09:00:00+07:00", "meter": "A-1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "status", "say"),
    [
        ({"service_code": ""}, 400, "service_code was not provided"),
        ({"service_code": "nothing"}, 404, '"nothing" was not found'),
        ({"lat": ""}, 400, "go together"),
        ({"lat": "", "long": ""}, 400, "A place was not provided"),
        ({"lat": "north"}, 400, "lat is"),
        ({"lat": "nan"}, 400, "lat is"),
        ({"lat": "1e1"}, 400, "lat is"),
        ({"long": "181"}, 400, "long is"),
        ({"lat": "1.2.3"}, 400, "lat is"),
        ({"description": "a" * 4001}, 400, "4,000"),
        ({"phone": "0" * 41}, 400, "phone is longer"),
        ({"attribute[other]": "1"}, 400, "is not asked"),
    ],
)
def test_what_is_wrong_with_a_form(changed: dict[str, str], status: int, say: str) -> None:
    ((code, told),) = faults({**LIGHT, **changed})
    assert code == status and say in told


@pytest.mark.parametrize(
    ("code", "value", "say"),
    [
        ("size", "huge", "send of small, large"),
        ("size", "", "was not provided"),
        ("depth", "deep", "is no number"),
        ("depth", "inf", "is no number"),
        ("when", "yesterday", "is no time"),
        ("meter", "a\nb", "line breaks"),
        ("seen", "fire", "not in its list"),
    ],
)
def test_what_is_wrong_with_an_answer(code: str, value: str, say: str) -> None:
    ((status, told),) = faults({**WATER, f"attribute[{code}]": value})
    assert status == 400 and say in told and code in told


def test_everything_wrong_is_told_at_once() -> None:
    told = faults(
        [("service_code", "nothing"), ("lat", "x"), ("long", "y"), ("email", "e" * 300), ("phone", "1"), ("phone", "2")]
    )
    assert [status for status, _ in told] == [400, 404, 400, 400, 400]


@given(
    st.lists(
        st.tuples(st.sampled_from([*LIGHT, *WATER, "description", "attribute[seen][]", "attribute[x][9]"]), st.text())
    )
)
def test_any_form_is_read_or_refused(pairs: list[tuple[str, str]]) -> None:
    try:
        told = posted(pairs, RULES)
    except Faulty as error:
        assert error.faults and all(status in (400, 404) for status, _ in error.faults)
    else:
        assert told.category in RULES.categories
        assert (told.lat is None) == (told.lon is None)
        assert told.lat is not None or told.address


def asked(**given: str) -> Any:
    return wanted(list(given.items()), NOW)


def test_without_a_word_the_last_ninety_days() -> None:
    found = asked()
    assert (found.begin, found.end, found.closed, found.page, found.size) == (NOW - SPAN, None, None, 1, MOST)


def test_bounds_in_time() -> None:
    found = asked(start_date="2026-01-01", end_date="2026-01-31")
    assert found.begin == datetime(2026, 1, 1, tzinfo=clock.ZONE)
    assert found.end == datetime(2026, 1, 31, 23, 59, 59, 999999, tzinfo=clock.ZONE)
    assert asked(start_date="2026-01-01T00:00:00Z").end == datetime(2026, 1, 1, tzinfo=UTC) + SPAN
    assert asked(end_date="2026-05-01T00:00:00 07:00").begin == datetime(2026, 5, 1, tzinfo=clock.ZONE) - SPAN
    found = asked(updated_after="2020-01-01T00:00:00Z")
    assert (found.begin, found.after) == (None, datetime(2020, 1, 1, tzinfo=UTC))


def test_lists_with_commas_and_the_same_name_twice() -> None:
    pairs = [("service_code", "water,light"), ("service_code", "light"), ("status", "open,CLOSED"), ("other", "1")]
    found = wanted(pairs, NOW)
    assert (found.codes, found.closed) == (("water", "light"), None)
    assert asked(status="closed").closed is True and asked(status="open").closed is False


def test_ids_override_everything_else() -> None:
    found = asked(service_request_id="PY-1, PY-2", status="none", start_date="never")
    assert found.numbers == ("PY-1", "PY-2") and found.begin is None


def test_a_page_is_never_larger_than_the_specification_says() -> None:
    assert asked(page_size="5000").size == MOST
    assert (asked(page="3", page_size="50").page, asked(page="3", page_size="50").size) == (3, 50)


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "done"}, {"page": "0"}, {"page": "-1"}, {"page_size": "many"}, {"start_date": "soon"},
        {"start_date": "2026-01-02", "end_date": "2026-01-01"}, {"start_date": "2026-01-01", "end_date": "2026-06-01"},
        {"updated_after": "0001-01-01T00:00:00+14:00"},
        {"service_request_id": ",".join(str(n) for n in range(MOST_IDS + 1))},
        {"page": "٣"}, {"status": "open'; DROP TABLE reports; --"},
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_query(wrong: dict[str, str]) -> None:
    with pytest.raises(Faulty) as caught:
        asked(**wrong)
    ((status, say),) = caught.value.faults
    assert status == 400 and say.endswith(".")


@given(
    st.dictionaries(
        st.sampled_from(["status", "page", "page_size", "start_date", "end_date", "updated_after"]), st.text()
    )
)
def test_any_query_is_read_or_refused(query: dict[str, str]) -> None:
    try:
        found = wanted(list(query.items()), NOW)
    except Faulty:
        return
    assert 1 <= found.size <= MOST and found.page >= 1
    if found.begin is not None and found.end is not None:
        assert timedelta(0) <= found.end - found.begin <= SPAN + timedelta(days=1)
