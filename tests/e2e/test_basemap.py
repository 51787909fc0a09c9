"""A basemap by setting: a style's address, or a PMTiles file, under the communes."""

from __future__ import annotations

import json
import re
import struct
import zlib
from typing import TYPE_CHECKING

import pytest

from tests.e2e import glass
from tests.e2e.demo import Centre

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = pytest.mark.browser

STYLE = {
    "version": 8,
    "sources": {"ground": {"type": "geojson", "data": {"type": "FeatureCollection", "features": []}}},
    "layers": [
        {"id": "paper", "type": "background"},
        {"id": "ground", "type": "line", "source": "ground"},
    ],
}


def png() -> bytes:
    """One grey pixel."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\x00\x80")) + chunk(b"IEND", b"")
    )


def archive() -> bytes:
    """A PMTiles v3 file with one raster tile, nothing in it compressed."""
    tile, metadata = png(), b"{}"
    # entries, id, run, length (below 128: one byte each), offset + 1
    assert len(tile) < 128
    root = bytes([1, 0, 1, len(tile), 1])
    at = 127 + len(root)
    sections = [127, len(root), at, len(metadata), at + len(metadata), 0, at + len(metadata), len(tile), 1, 1, 1]
    head = b"PMTiles\x03" + struct.pack("<11Q", *sections) + bytes([1, 1, 1, 2, 0, 0])
    world = struct.pack("<4i", -1_800_000_000, -850_000_000, 1_800_000_000, 850_000_000)
    head += world + bytes([0]) + struct.pack("<2i", 0, 0)
    assert len(head) == 127
    return head + root + metadata + tile


def with_basemap(page: Page, centre: Centre, address: str) -> None:
    """Opens the wall with that basemap in its screen's description."""

    def describe(route: Route) -> None:
        told = route.fetch().json()
        told["map"]["basemap"] = address
        route.fulfill(json=told)

    page.route("**/api/screens/overview", describe)
    page.goto(centre.address("/wall/overview"))
    glass.wait_figures(page)
    glass.wait_cameras(page)


def test_a_style_lies_under_the_communes(page: Page, centre: Centre) -> None:
    page.route("**/ground.json", lambda route: route.fulfill(body=json.dumps(STYLE), content_type="application/json"))
    with_basemap(page, centre, f"{centre.base}/ground.json")
    order = page.evaluate("() => window.__ioc.main.map.getStyle().layers.map((layer) => layer.id)")
    assert order.index("sea") < order.index("ground") < order.index("land")
    assert "paper" not in order


def test_a_pmtiles_file_is_read_in_ranges(page: Page, centre: Centre) -> None:
    body = archive()
    asked: list[str] = []

    def give(route: Route) -> None:
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", route.request.headers["range"])
        assert wanted is not None
        first, last = int(wanted[1]), min(int(wanted[2]), len(body) - 1)
        asked.append(wanted[0])
        held = {"content-range": f"bytes {first}-{last}/{len(body)}", "etag": '"one"'}
        route.fulfill(status=206, body=body[first : last + 1], headers=held)

    page.route("**/basemap.pmtiles", give)
    with_basemap(page, centre, "/basemap.pmtiles")
    page.wait_for_function("() => window.__ioc?.main?.map.isSourceLoaded('basemap')")
    assert len(asked) >= 2
    assert page.evaluate("() => window.__ioc.main.map.getLayer('basemap').type") == "raster"
