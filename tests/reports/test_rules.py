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
    [
        ({"categories": {}}, "there is no category"),
        ({"photos": "https://bucket/photos"}, "a bucket such as s3://bucket/prefix"),
        ({"photos": "s3://bucket/../other"}, "a bucket such as s3://bucket/prefix"),
        ({"photos": "s3://KEY:SECRET@bucket"}, "a bucket such as s3://bucket/prefix"),
        ({"s3": {"region": "hn"}}, "photos names a folder"),
        ({"photos": "s3://bucket", "s3": {"endpoint": "http://s3.example.vn"}}, "http:// on loopback alone"),
        ({"photos": "s3://bucket", "s3": {"endpoint": "https://user:key@s3.example.vn"}}, "without a user"),
        ({"photos": "s3://bucket", "s3": {"secret": "x"}}, "unknown field `secret`"),
    ],
)
def test_what_is_wrong_is_refused_with_what_to_write(change: dict[str, Any], says: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=says):
        msgspec.convert({**GOOD, **change}, Reports)


@pytest.mark.parametrize("endpoint", ["https://s3.example.vn", "https://s3.example.vn:9000/", "http://127.0.0.1:8333"])
def test_a_bucket_and_its_server_are_taken(endpoint: str) -> None:
    change = {"photos": "s3://anh-phan-anh/tinh/2026", "s3": {"endpoint": endpoint}}
    assert msgspec.convert({**GOOD, **change}, Reports).s3 is not None
