"""What may be filed: any text and any place is either taken clean, or refused with sentences; nothing else happens."""

from __future__ import annotations

import unicodedata
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc.reports import filing as rules_of
from ioc.reports.book import Filing
from ioc.reports.filing import Unfit, checked, clean
from tests.reports.desk import NOON, RULES, filing

VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text()))


@given(st.text())
def test_a_clean_text_is_nfc_without_hidden_marks_and_cleaning_twice_changes_nothing(text: str) -> None:
    once = clean(text)
    assert unicodedata.is_normalized("NFC", once)
    assert not any(mark in once for mark in "\x00\x1b\u202e\u2066\r")
    assert clean(once) == once


@given(
    words=st.text(max_size=6000),
    lon=st.one_of(st.none(), st.floats()),
    lat=st.one_of(st.none(), st.floats()),
    address=st.one_of(st.none(), st.text(max_size=400)),
    attributes=st.dictionaries(st.text(max_size=8), VALUES, max_size=3),
)
def test_whatever_is_filed_is_taken_or_refused_in_sentences(
    words: str, lon: float | None, lat: float | None, address: str | None, attributes: dict[str, object]
) -> None:
    given_ = filing(words=words, lon=lon, lat=lat, address=address, attributes=attributes)
    try:
        taken = checked(given_, RULES, NOON)
    except Unfit as error:
        assert error.errors
        assert all(one["say"].endswith(".") and one["vi"].endswith(".") for one in error.errors)
        return
    assert taken.words and len(taken.words) <= 4000
    assert (taken.lon is None) == (taken.lat is None)
    assert set(taken.attributes) <= {"size"}


@pytest.mark.parametrize("ahead", [timedelta(days=-3), timedelta(minutes=5), timedelta(days=400)])
def test_a_phones_clock_is_believed_within_reason(ahead: timedelta) -> None:
    made = checked(filing(made=NOON + ahead), RULES, NOON).made
    assert made == (None if ahead > rules_of.AHEAD else min(NOON, NOON + ahead))


def test_a_script_stays_text() -> None:
    words = "<script>alert(1)</script>'; DROP TABLE reports; --"
    assert checked(filing(words=words), RULES, NOON).words == words


def test_an_address_serves_where_there_is_no_place() -> None:
    assert checked(filing(lon=None, lat=None, address="12 Trần Phú"), RULES, NOON).address == "12 Trần Phú"
    with pytest.raises(Unfit):
        checked(Filing(category="water", words="Vỡ ống"), RULES, NOON)
