"""What [reports] refuses, in a sentence that says what to write."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ioc.report_rules import Reports

GOOD: dict[str, Any] = {
    "jurisdiction": "phuyen.gov.vn",
    "prefix": "PY",
    "desk": {"agency": "trung_tam"},
    "agencies": {"trung_tam": {"title": ["Trung tâm", "Centre"]}},
    "categories": {"water": {"title": ["Cấp nước", "Water"]}},
}


def test_the_least_is_taken() -> None:
    assert msgspec.convert(GOOD, Reports).photos == "photos"


@pytest.mark.parametrize(
    ("change", "says"),
    [({"categories": {}}, "there is no category"), ({"photos": "s3://bucket/photos"}, "name a folder")],
)
def test_what_is_wrong_is_refused_with_what_to_write(change: dict[str, Any], says: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=says):
        msgspec.convert({**GOOD, **change}, Reports)
