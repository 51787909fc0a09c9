"""A screen in Python: holds what protocol.md says, resumes where it stood, and checks the law as it goes."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, WebSocketException


class Screen:
    """Watches channels for ever; `pictures` holds items by channel, `quality` the last quality of each.

    `broken` collects sentences about frames that break the law (a hole, a change twice, parts that differ).
    """

    def __init__(self, url: str, key: str, channels: Sequence[str]) -> None:
        self.url, self.key, self.channels = url, key, channels
        self.pictures: dict[str, dict[str, Any]] = {}
        self.quality: dict[str, dict[str, Any]] = {}
        self.places: dict[str, tuple[str, int]] = {}
        self.broken: list[str] = []
        self.connects = self.snapshots = self.deltas = self.problems = 0
        self.last_frame = 0.0
        self._parts: dict[str, dict[str, Any]] = {}
        self._moved = asyncio.Condition()

    async def run(self) -> None:
        """Connect, watch, and come back after every loss; ends when cancelled."""
        while True:
            with suppress(OSError, WebSocketException, InvalidHandshake, EOFError, TimeoutError):
                async with connect(self.url, subprotocols=["ioc.v1"], max_size=None, open_timeout=5) as socket:  # type: ignore[list-item]
                    self.connects += 1
                    await socket.send(json.dumps({"type": "hello", "key": self.key, "name": "chaos"}))
                    await socket.send(json.dumps({"type": "watch", "channels": [self._wish(c) for c in self.channels]}))
                    async for frame in socket:
                        self._frame(json.loads(frame))
                        async with self._moved:
                            self._moved.notify_all()
            self._parts.clear()
            await asyncio.sleep(0.1)

    def _wish(self, channel: str) -> dict[str, Any]:
        if channel not in self.places:
            return {"channel": channel}
        epoch, offset = self.places[channel]
        return {"channel": channel, "epoch": epoch, "offset": offset}

    def _frame(self, frame: dict[str, Any]) -> None:
        self.last_frame = time.monotonic()
        match frame["type"]:
            case "snapshot":
                self._snapshot(frame)
            case "delta":
                self._delta(frame)
            case "problem":
                self.problems += 1

    def _snapshot(self, frame: dict[str, Any]) -> None:
        channel = frame["channel"]
        if frame["part"] == 1:
            self._parts[channel] = {}
        self._parts[channel].update(frame["items"])
        if frame["part"] == frame["parts"]:
            self.snapshots += 1
            self.pictures[channel] = self._parts.pop(channel)
            self.places[channel] = (frame["epoch"], frame["offset"])
            self.quality[channel] = frame["quality"]

    def _delta(self, frame: dict[str, Any]) -> None:
        channel = frame["channel"]
        if channel in self._parts:
            self.broken.append(f"{channel}: a delta between the parts of a snapshot")
            return
        if self.places.get(channel) != (frame["epoch"], frame["after"]):
            self.broken.append(
                f"{channel}: stands at {self.places.get(channel)}, was told {frame['epoch']}, {frame['after']}"
            )
            return
        self.deltas += 1
        for name in frame["drop"]:
            self.pictures[channel].pop(name, None)
        self.pictures[channel].update(frame["put"])
        if not frame.get("more"):
            self.places[channel] = (frame["epoch"], frame["offset"])
        if frame.get("quality"):
            self.quality[channel] = frame["quality"]

    async def until(self, holds: Callable[[], bool], what: str, limit_s: float = 30.0) -> float:
        """Wait for frames until `holds()`; returns the seconds. Raises AssertionError that says `what` did not come."""
        began = time.monotonic()
        while not holds():
            left = limit_s - (time.monotonic() - began)
            assert left > 0, f"Within {limit_s} s there was no sign of: {what}. Qualities: {self.states()}"
            with suppress(TimeoutError):
                async with self._moved:
                    await asyncio.wait_for(self._moved.wait(), min(left, 0.25))
        return time.monotonic() - began

    def states(self) -> dict[str, str]:
        """State of each channel as last told."""
        return {channel: quality["state"] for channel, quality in self.quality.items()}
