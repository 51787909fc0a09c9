"""No value of a database changes on its way through JSON."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ioc.cells import decode, encode, readable

plain = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary()
    | st.decimals(allow_nan=False)
    | st.dates()
    | st.times()
    | st.datetimes()
    | st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=7))]))
)
value = plain | st.recursive(
    plain, lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
)


@given(value)
def test_what_goes_in_comes_out(given: Any) -> None:
    back = decode(encode(given)) if not isinstance(given, list) else decode(encode({"x": given}))["x"]
    assert back == given and type(back) is type(given)
    if isinstance(given, Decimal):
        assert str(back) == str(given)
    if isinstance(given, datetime):
        assert back.utcoffset() == given.utcoffset()


def test_odd_values() -> None:
    assert math.isnan(decode(encode(math.nan)))
    assert decode(encode(timedelta(hours=25, seconds=3))) == timedelta(hours=25, seconds=3)
    assert decode(encode({"decimal": "1"})) == {"decimal": "1"}
    assert decode(encode(memoryview(b"ab"))) == b"ab"


def test_numbers_keep_their_digits() -> None:
    assert readable(Decimal("3359.80")) == Decimal("3359.80")
    assert readable(Decimal("12345678901234567.89")) == "12345678901234567.89"
    assert readable(Decimal("1E+2")) == Decimal(100)
    assert math.isnan(readable(Decimal("NaN")))
    assert readable(2**70) == str(2**70)
    assert readable(True) is True
