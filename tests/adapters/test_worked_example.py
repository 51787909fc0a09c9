"""The worked examples that `ioc.adapter`, `ioc.layer` and `ioc.screen` begin with do what they say."""

from __future__ import annotations

import asyncio
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest

import ioc.adapter
import ioc.layer
from ioc import catalog, clock, screen
from ioc.adapter_suite import AdapterSuite, AnswerServer, Said, poll
from ioc.errors import BadRecord
from ioc.layer import Item

LOG = """\
G1;Trà My;108.231;15.342;2026-03-10 14:10;12,4
G2;Trà Leng;108.102;15.318;2026-03-10 14:10;-
#END 2
"""


def example(text: str | None) -> str:
    """The indented block behind the first `::` of a module's text."""
    found = re.search(r"::\n\n((?: {4}.*\n|\n)+)", text or "")
    assert found is not None
    return textwrap.dedent(found[1])


@pytest.fixture(autouse=True)
def files(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The examples, as if each stood in its file."""
    for name, text in (("adapters.rain_log", ioc.adapter.__doc__), ("layers.rain", ioc.layer.__doc__)):
        module = ModuleType(name)
        exec(compile(example(text), name, "exec"), module.__dict__)
        monkeypatch.setitem(sys.modules, name, module)
    yield
    for cached in (catalog.adapter, catalog.layer, catalog.tiles):
        cached.cache_clear()


class TestRainLog(AdapterSuite):
    adapter = "rain_log"
    options: ClassVar[dict[str, Any]] = {
        "event": "ioc.rain.measured",
        "url": "replaced",
        "key": "a key of tests",
        "id": "code",
        "lon": "x",
        "lat": "y",
        "time": "at",
        "properties": {"name": "name", "mm": {"path": "mm", "kind": "number", "form": "vi"}},
    }
    answers = (LOG.encode(),)
    within = (108.0, 15.0, 109.0, 16.0)

    def test_what_stands_in_it(self) -> None:
        first, second = self.readings("log", LOG.encode())
        assert (first.properties, first.geometry) == (
            {"name": "Trà My", "mm": 12.4},
            {"type": "Point", "coordinates": [108.231, 15.342]},
        )
        assert second.properties["mm"] is None

    def test_a_short_line_is_set_aside_alone(self) -> None:
        _, short = self.parsed("log", LOG.replace(";-", "").encode())
        assert isinstance(short, BadRecord) and short.reason == "missing_field"

    def test_the_key_is_sent(self) -> None:
        with AnswerServer(self.recorded()[0][1]) as server:
            asyncio.run(poll(self.opened(url=server.url)))
        assert server.asked[0].headers["x-key"] == self.options["key"]

    def test_a_log_without_its_end_is_cut(self) -> None:
        assert "cut" in self.fails(Said(self.recorded()[0][1].rpartition(b"#END")[0]))


def test_the_layer_and_its_tile() -> None:
    now = clock.now()
    rain, (most,) = catalog.layer("rain"), catalog.tiles("rain")
    items = {name: Item(name, now, now, {"mm": mm}) for name, mm in (("G1", 12.4), ("G2", None), ("G3", 120))}
    assert rain.listens == {"ioc.rain.measured"}
    assert (most.name, most.work_out(items, now).value, most.work_out(items, now).level) == ("rain_most", 120, "bad")
    assert most.work_out({}, now).value is None


def test_the_screen(tmp_path: Path) -> None:
    file = tmp_path / "rain.toml"
    file.write_text(example(screen.__doc__), encoding="utf-8")
    assert screen.lint(file, {"rain"}, {"rain_most"}) == []
