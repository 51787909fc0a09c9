"""A whole centre: what is filed is on the board in no time, also what was filed while Redis was dead."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.stage import Stage

PATIENCE_S = 60.0
SETTINGS = """
layers = ["reports"]
[province]
name = "Thử"
[access]
public = ["*"]
[web]
beat = 0.5
[sources.reports_own]
adapter = "desk"
contract = {owner = "Đội thử", cadence = 5, method = "typed"}
event = "ioc.report.filed"
[reports]
jurisdiction = "thu.gov.vn"
desk = {agency = "a"}
[reports.limits]
address = "100000/minute"
[reports.agencies.a]
title = ["Đội", "Team"]
[reports.categories.water]
title = ["Cấp nước", "Water supply"]
"""


class Centre(Stage):
    """Redis, a web process and the engines."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.config.write_text(SETTINGS, encoding="utf-8")

    def command(self, name: str) -> list[str]:
        command = super().command(name)
        if name == "engines":
            at = command.index("engines")
            command[at : at + 1] = ["poller", "health", "projector", "archive"]
        return command

    def ask(self, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and JSON of a GET, or of a POST of `body`; (0, None) while nobody answers."""
        content = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"http://127.0.0.1:{self.ports['web']}{path}", content)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)
        except OSError:
            return 0, None

    def until(self, reached: Callable[[], Any]) -> Any:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if found := reached():
                return found
            time.sleep(0.02)
        raise AssertionError(f"It never came; see {self.folder / 'roles.log'}.")

    def file(self) -> str:
        body = {"client": str(uuid.uuid4()), "category": "water", "words": "Vỡ ống", "lon": 109.32, "lat": 13.09}
        status, told = self.ask("/api/reports", body)
        assert status == 201, told
        return str(told["id"])

    def shown(self) -> dict[str, Any]:
        """The reports on the board, by id."""
        status, told = self.ask("/api/layers/reports")
        return {one["id"]: one["properties"] for one in told["features"]} if status == 200 else {}


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    made = Centre(tmp_path)
    try:
        made.start("redis")
        made.start("web", "engines")
        made.until(lambda: made.ask("/readyz")[0] == 200)
        yield made
    finally:
        made.close()


@pytest.mark.chaos
def test_what_is_filed_is_on_the_board_and_what_was_filed_without_redis_too(centre: Centre) -> None:
    first = centre.file()
    found = centre.until(lambda: centre.shown().get(first))
    assert (found["status"], found["open"], found["overdue"], found["source"]) == ("new", True, False, "reports_own")
    quality = centre.until(lambda: centre.ask("/api/sources")[1])
    assert next(row for row in quality if row["name"] == "reports_own")["state"] == "live"
    centre.kill("redis")
    without = [centre.file() for _ in range(3)]
    centre.start("redis")
    centre.until(lambda: set(without) <= set(centre.shown()))
    centre.kill("engines")
    later = centre.file()
    centre.start("engines")
    centre.until(lambda: later in centre.shown())
    assert set(centre.shown()) == {first, *without, later}
