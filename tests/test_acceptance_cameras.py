"""Cameras from a registry's bytes to the board: three cities' real registries, and all that goes wrong with one."""

from __future__ import annotations

import copy
import json
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ioc import names
from ioc.adapter_suite import HTML, AnswerServer, Said
from tests.adapters.test_camera_registry import HCMC, LUXEMBOURG, POLLS, STATE, TFL
from tests.centre import Centre

MIB = 1024 * 1024


async def centre(options: dict[str, Any], url: str, **changed: Any) -> Centre:
    return await Centre("camera_registry", {**options, "url": url, **changed}, layer="cameras").open()


@pytest.mark.usefixtures("shared")
class TestHoChiMinhCity:
    async def test_701_stand_on_the_board_and_later_polls_move_nothing(self) -> None:
        with AnswerServer(*(file.read_bytes() for file in POLLS)) as server:
            wall = await centre(HCMC, server.url)
            first = await wall.poll()
            assert (first.records, first.events, first.set_aside, first.have) == (721, 701, 20, 701)
            items, position = await wall.items(), await wall.position()
            assert len(items) == 701
            refused = [event for event in wall.events if event.type == names.REFUSED]
            assert len(refused) == 20
            reasons = {
                (event.data.properties["reason"], event.data.properties["say"]) for event in refused if event.data
            }
            ((reason, say),) = reasons
            assert reason == "refused_by_source" and "Marker not found at coordinates" in say
            pairs = {
                frozenset({name, *item["properties"]["maybe_same_as"]})
                for name, item in items.items()
                if "maybe_same_as" in item["properties"]
            }
            assert pairs == {
                frozenset({"cam/17", "cam/233"}), frozenset({"cam/107", "cam/139"}),
                frozenset({"cam/329", "cam/563"}), frozenset({"cam/359", "cam/370"}),
            }  # fmt: skip
            before = first
            for number in (2, 3):
                then = await wall.poll()
                assert await wall.position() == position
                assert await wall.items() == items
                assert (then.records, then.events, then.unchanged) == (721 * number, 701, 701 * (number - 1))
                assert (then.set_aside, then.aside_now) == (20 * number, 20)
                state = await wall.state()
                assert (state["state"], state["refused"]) == ("live", 20)
                assert then.answered is not None and before.answered is not None
                assert then.answered > before.answered
                before = then
            assert len(wall.events) == 721

    async def test_with_the_verification_mapped_eight_change_and_come_back(self) -> None:
        options = {**HCMC, "properties": {**HCMC["properties"], "state": STATE}}
        with AnswerServer(*(file.read_bytes() for file in POLLS)) as server:
            wall = await centre(options, server.url)
            await wall.poll()
            tiles = [await wall.tile("cameras_live")]
            positions = [await wall.position()]
            moved = []
            for _ in (2, 3):
                await wall.poll()
                moved.append(await wall.moved(positions[-1]))
                positions.append(await wall.position())
                tiles.append(await wall.tile("cameras_live"))
        assert len(moved[0]) == 8
        assert moved[1] == moved[0]
        assert [tile["value"] for tile in tiles] == [701, 693, 701]
        assert [event.cause for event in wall.events[721:]] == [None] * 16

    async def test_without_volatile_the_same_polls_would_move_all(self) -> None:
        with AnswerServer(*(file.read_bytes() for file in POLLS[1:])) as server:
            wall = await centre(HCMC, server.url, volatile=[])
            await wall.poll()
            position = await wall.position()
            await wall.poll()
            assert len(await wall.moved(position)) == 701


async def test_london_900_of_which_739_are_live(shared: Path) -> None:
    with AnswerServer((shared / "cameras" / "tfl_jamcams.geojson").read_bytes()) as server:
        wall = await centre(TFL, server.url)
        answered = await wall.poll()
        assert (answered.records, answered.events, answered.set_aside) == (900, 900, 0)
        states = Counter(item["properties"]["state"] for item in (await wall.items()).values())
        assert states == {"live": 739, "down": 161}
        assert (await wall.tile("cameras_live"))["value"] == 739
        assert (await wall.tile("cameras_down"))["value"] == 161


async def test_luxembourg_78(shared: Path) -> None:
    with AnswerServer((shared / "cameras" / "luxembourg_cita_cameras.kml").read_bytes()) as server:
        wall = await centre(LUXEMBOURG, server.url)
        answered = await wall.poll()
        assert (answered.records, answered.events, answered.set_aside) == (78, 78, 0)
        assert len(await wall.items()) == 78


ROWS: list[dict[str, Any]] = [
    {"id": number, "x": 109.3 + number / 1000, "y": 13.1, "name": f"Ngã tư {number}", "state": "live"}
    for number in range(20)
]
OPTIONS: dict[str, Any] = {
    "event": "ioc.camera.observed", "complete": True, "id": "id", "prefix": "cam/", "lon": "x", "lat": "y",
    "within": [109.0, 12.5, 109.5, 13.7], "properties": {"name": "name", "state": "state"},
}  # fmt: skip
GOOD = json.dumps(ROWS).encode()


@pytest.mark.parametrize(
    ("said", "say", "state"),
    [
        (Said(b"[]"), "20 of 20 known records were missing at once", "late"),
        (Said(GOOD[: len(GOOD) // 2]), "half a body", "late"),
        (Said(HTML), 'an HTML page ("Sign in")', "late"),
        (Said(b"", 401), "refused the key", "down"),
        (Said(b"", 500), "HTTP 500", "late"),
        (Said(GOOD, stall=0), "no whole answer within 0.4 s", "late"),
        (Said(GOOD, stall=100), "no whole answer within 0.4 s", "late"),
        (Said(json.dumps(ROWS[:9]).encode()), "11 of 20 known records were missing at once", "late"),
        (Said(b'{"error": "database locked"}'), 'an object with "error"', "late"),
    ],
)
async def test_a_bad_answer_leaves_the_picture_and_the_source_says_what_is_wrong(
    said: Said, say: str, state: str
) -> None:
    with AnswerServer(GOOD, said) as server:
        wall = await centre(OPTIONS, server.url)
        await wall.poll()
        items, position = await wall.items(), await wall.position()
        if said.stall is not None:
            wall.ask(timeout_s=0.4)
        for _ in range(2):
            answered = await wall.poll()
            assert answered.error is not None and say in answered.error
        assert (await wall.items(), await wall.position()) == (items, position)
        told = await wall.state()
        assert told["state"] == state and say in told["last_error"]
        assert (wall.asking.rest(await wall.log.known("source")) is None) == (state == "down")
        assert answered.answered is not None and answered.failures == 2
        server.says(GOOD)
        wall.ask(timeout_s=20)
        healed = await wall.poll()
        assert healed.error is None and (await wall.state())["state"] == "live"
        assert await wall.position() == position


async def test_a_body_of_200_mb_is_left_and_memory_is_bounded() -> None:
    with AnswerServer(GOOD, Said(b"[" + b" " * (MIB - 1), times=200)) as server:
        wall = await centre(OPTIONS, server.url, timeout_s=60, max_bytes=16 * MIB)
        await wall.poll()
        items = await wall.items()
        tracemalloc.start()
        try:
            answered = await wall.poll()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert answered.error is not None and "more than 16,777,216 bytes" in answered.error
        assert await wall.items() == items
        assert peak < 48 * MIB


async def test_a_body_that_is_large_only_in_memory_is_left() -> None:
    with AnswerServer(GOOD, b"[" + b"[]," * (5 * MIB) + b"[]]") as server:
        wall = await centre(OPTIONS, server.url, timeout_s=60)
        await wall.poll()
        items = await wall.items()
        answered = await wall.poll()
        assert answered.error is not None and "values in one body" in answered.error
        assert await wall.items() == items


async def second(rows: list[dict[str, Any]]) -> tuple[Centre, dict[str, Any], dict[str, Any]]:
    """The centre after a good poll and one of `rows`; the items before and after."""
    body = json.dumps(rows).replace('"@nan"', "NaN").encode()
    with AnswerServer(GOOD, body) as server:
        wall = await centre(OPTIONS, server.url)
        await wall.poll()
        before = await wall.items()
        await wall.poll()
        return wall, before, await wall.items()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"x": "@nan"}, "bad_number"),
        ({"x": 13.1, "y": 109.3}, "swapped_place"),
        ({"x": 0, "y": 0}, "bad_place"),
        ({"x": 105.8, "y": 21.0}, "outside_place"),
    ],
)
async def test_a_record_with_a_wrong_place_is_set_aside_and_its_camera_stays(
    change: dict[str, Any], reason: str
) -> None:
    rows = copy.deepcopy(ROWS)
    rows[3].update(change)
    rows[4]["name"] = "Tên mới"
    wall, before, after = await second(rows)
    answered = (await wall.log.answers())["source"]
    assert (answered.aside_now, answered.error) == (1, None)
    (refused,) = [event for event in wall.events if event.type == names.REFUSED]
    assert refused.data is not None and refused.data.properties["reason"] == reason
    assert after["cam/3"] == before["cam/3"]
    assert after["cam/4"]["properties"]["name"] == "Tên mới"
    assert len(after) == 20


async def test_duplicate_ids_are_counted_and_conflicting_ones_set_aside() -> None:
    wall, before, after = await second([*ROWS, ROWS[3], {**ROWS[4], "name": "Tên khác"}])
    answered = (await wall.log.answers())["source"]
    assert after == before
    assert (answered.records, answered.duplicates, answered.set_aside) == (42, 1, 1)
    assert any("stood twice" in check for check in answered.checks.failed)


async def test_a_camera_that_left_the_registry_leaves_the_wall() -> None:
    wall, before, after = await second(ROWS[1:])
    assert before.keys() - after.keys() == {"cam/0"}
    assert (await wall.tile("cameras_live"))["value"] == 19
