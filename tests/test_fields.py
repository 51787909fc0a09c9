"""What is read fast is read as it was before: texts are cleaned, and times are understood, as the slow way has it."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ioc import clock, fields

UNSEEN = {chr(0x200B), chr(0x2060), chr(0xFEFF), *map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}
FORMS = ("%Y%m%d%H%M%S", "%d/%m/%Y", "%d/%m/%Y %H:%M", "%Y-%m-%dT%H:%M:%S", "%H:%M:%S %d-%m-%Y", "ngày %d/%m/%Y")
OTHERS = ("%d %b %Y", "%y%m%d", "%Y-%m", "100%% %d.%m.%Y", "%Y-%j", "%d/%m/%Y %M", "%Y-%m-%d %H:%M:%S.%f", "")


def slowly(text: str) -> str:
    """`fields.clean`, sign by sign."""
    flat = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    signs = [sign for sign in flat if sign not in UNSEEN]
    kept = [sign for sign in signs if sign == "\n" or unicodedata.category(sign) not in ("Cc", "Cs")]
    return unicodedata.normalize("NFC", "".join(kept)).strip()


@given(st.text() | st.text(st.sampled_from("aỦU\u031b\u0309\u200b\ufeff\xa0 \r\n")))
@example("  Ủy ban nhân dân  ")
@example("U\u0309y ban")
def test_a_text_is_cleaned_as_it_is_sign_by_sign(text: str) -> None:
    assert fields.clean(text) == slowly(text)


def asked(read: Callable[[str, str], datetime], text: str, form: str) -> datetime | str:
    try:
        return clock.aware(read(text, form))
    except ValueError as error:
        return str(error)


@given(st.sampled_from(FORMS + OTHERS), st.datetimes(), st.data())
def test_a_time_is_what_strptime_says(form: str, moment: datetime, data: st.DataObject) -> None:
    """Also with zeros left out, signs changed, lost or added, and months that are none."""
    text = moment.strftime(form)
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + data.draw(st.sampled_from(["", "0", "1", "6", "9", " ", "t", "٣"])) + text[at + 1 :]
    assert asked(clock.strptime, text, form) == asked(datetime.strptime, text, form)


@pytest.mark.parametrize("text", ["20261301000000", "20260230000000", "20260101240000", "20260101000061", "2026111"])
def test_numbers_that_are_no_date_are_refused_as_strptime_does(text: str) -> None:
    form = FORMS[0] if len(text) == 14 else "%Y%m%d"
    assert asked(clock.strptime, text, form) == asked(datetime.strptime, text, form)
