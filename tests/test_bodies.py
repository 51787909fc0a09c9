"""What came instead of an answer is said in a sentence; bodies are bounded."""

from __future__ import annotations

import pytest

from ioc import bodies
from ioc.errors import SourceDown


@pytest.mark.parametrize(
    ("body", "say"),
    [
        (b"", "an empty body instead of JSON"),
        (b" \n", "an empty body instead of JSON"),
        (
            b"<!DOCTYPE html><title>\xc4\x90\xc4\x83ng nh\xe1\xba\xadp</title>",
            'an HTML page ("Đăng nhập") instead of JSON',
        ),
        (b"<!-- x --><html>", "an HTML page instead of JSON"),
        (b"<kml/>", "XML instead of JSON"),
        (b'[{"a": 1}, {"a"', "half a body"),
        (b'[{"a": "ng\xc3\xa3', "half a body"),
        (b'{"a" 1}', "line 1, column 6"),
        (b"\xff\xfe", "not UTF-8 (byte 0)"),
        (b"[" * 100_000, "nests too deep"),
        (b'{"a":' * 100_000, "nests too deep"),
        (b"[" + b"[]," * 5_000_000, "4,000,000 values"),
    ],
)
def test_what_came_instead_of_json(body: bytes, say: str) -> None:
    with pytest.raises(SourceDown) as caught:
        bodies.load_json(body, "vms.example.vn")
    assert say in caught.value.say
    assert caught.value.say.startswith("vms.example.vn sent ")


def test_a_mark_of_byte_order_and_huge_numbers_are_taken() -> None:
    assert bodies.load_json(b"\xef\xbb\xbf[1]", "x") == [1]
    assert bodies.load_json(b"[" + b"9" * 6000 + b"]", "x") == [float("inf")]


@pytest.mark.parametrize(
    ("body", "say"),
    [
        (b"", "an empty body instead of KML"),
        (b"<html><body>", "an HTML page instead of KML"),
        (b"not xml", "no XML instead of KML"),
        (b"<kml><Document><Placemark>", "half a body"),
        (b"<kml><Document></kml>", "not well formed"),
        (b"<rss/>", 'the root "rss" instead of KML'),
        (b'<!DOCTYPE kml [<!ENTITY a "aaaa">]><kml>&a;</kml>', "entities, which are refused"),
        (b'<!DOCTYPE kml SYSTEM "file:///etc/passwd"><kml/>', "entities, which are refused"),
        (b"<a>" * 200 + b"</a>" * 200, "nests too deep"),
    ],
)
def test_what_came_instead_of_kml(body: bytes, say: str) -> None:
    with pytest.raises(SourceDown) as caught:
        list(bodies.kml_records(body, "vms.example.vn"))
    assert say in caught.value.say


KML = """<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Folder><name>Tuy Hòa</name>
<Placemark id="c1"><name>Ngã năm</name><description><![CDATA[<b>Camera</b> số&nbsp;1<br/><img src="http://h/1.jpg"/>
<script>alert(1)</script>]]></description>
<ExtendedData><Data name="ip"><value>10.0.0.1</value></Data></ExtendedData>
<Point><coordinates>109.3,13.1,0</coordinates></Point></Placemark>
<Placemark><name>Line</name><LineString><coordinates>109,13 109.1,13.1</coordinates></LineString></Placemark>
<Placemark><name>Bad</name><Point><coordinates>109.3;13.1</coordinates></Point></Placemark>
<Placemark><name>None</name></Placemark>
</Folder></Document></kml>"""


def test_placemarks() -> None:
    first, line, bad, none = bodies.kml_records(KML.encode(), "x")
    assert first.fields == {
        "id": "c1", "folder": "Tuy Hòa", "name": "Ngã năm", "description": "Camera số 1", "image": "http://h/1.jpg",
        "data": {"ip": "10.0.0.1"},
    }  # fmt: skip
    assert first.geometry == {"type": "Point", "coordinates": [109.3, 13.1, 0.0]}
    assert line.geometry == {"type": "LineString", "coordinates": [[109.0, 13.0], [109.1, 13.1]]}
    assert bad.geometry == {"type": "Point", "coordinates": ["109.3;13.1"]}
    assert none.geometry is None


def test_a_features_own_id_serves_where_its_properties_have_none() -> None:
    features = [
        {"type": "Feature", "id": 7, "geometry": None, "properties": {"a": 1}},
        {"type": "Feature", "id": 7, "geometry": None, "properties": {"id": "own"}},
        {"type": "Feature", "geometry": None, "properties": None},
    ]
    found = bodies.records({"type": "FeatureCollection", "features": features}, "", "x")
    assert [record.fields for record in found] == [{"id": 7, "a": 1}, {"id": "own"}, {}]


def test_records_at_a_path_and_what_stood_there_instead() -> None:
    assert [record.fields for record in bodies.records({"data": {"items": [{"a": 1}]}}, "data.items", "x")] == [
        {"a": 1}
    ]
    with pytest.raises(SourceDown, match='an object with "error" where records were due'):
        list(bodies.records({"error": "no"}, "", "x"))
