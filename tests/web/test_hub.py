from __future__ import annotations

import json

from ioc.board.memory import MemoryBoard

from .conftest import Running


def item(name: str, value: int) -> bytes:
    return json.dumps({"type": "Feature", "id": name, "geometry": None, "properties": {"value": value}}).encode()


async def test_a_screen_gets_the_picture_and_then_what_changes(board: MemoryBoard, server: Running) -> None:
    await board.reset("layer/cameras", {"a": item("a", 1), "b": item("b", 1)})
    async with server.client() as client:
        await client.watch("layer/cameras")
        await client.until(lambda frame: frame["type"] == "snapshot" and bool(frame["items"]))
        place = await board.apply("layer/cameras", {"a": item("a", 2), "b": None, "c": item("c", 1)})
        await client.until_at("layer/cameras", place.offset)
        assert client.items["layer/cameras"] == {"a": json.loads(item("a", 2)), "c": json.loads(item("c", 1))}
