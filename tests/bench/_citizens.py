"""Citizens who file at an even rate over HTTP, and one screen: when each had its answer, and when the screen had it.

`python -m tests.bench._citizens PORT RATE SECONDS FILE` writes one JSON object. Each report is sent at its own moment,
whether those before it were answered or not; its times (ms) count from that moment.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
import uuid
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import uvloop

CHANNEL = "layer/reports"
CATEGORIES = ("road", "water", "light", "waste", "tree", "noise")
PLACES = ("Hùng Vương", "Trần Phú", "Lê Lợi", "Nguyễn Huệ", "Trường Chinh", "Bạch Đằng", "Duy Tân")
SAYS = (
    "Ổ gà lớn giữa đường, trời mưa nước ngập không thấy, đã có người ngã xe tối qua",
    "Ống nước vỡ chảy tràn ra đường từ sáng sớm, áp lực nước trong khu phố yếu hẳn",
    "Cả dãy đèn đường tắt ba đêm liền, đoạn gần trường học rất tối",
    "Rác để đầu hẻm nhiều ngày chưa ai thu gom, bốc mùi, đề nghị xử lý sớm",
)
PATIENCE_S = 60.0


def report(chance: random.Random) -> dict[str, Any]:
    """A report as the page for phones sends it; half of them with a name, half with an address."""
    place = chance.choice(PLACES)
    made: dict[str, Any] = {
        "client": str(uuid.UUID(int=chance.getrandbits(128), version=4)), "category": chance.choice(CATEGORIES),
        "words": f"{chance.choice(SAYS)}, đường {place}", "lon": round(chance.uniform(109.25, 109.33), 6),
        "lat": round(chance.uniform(13.05, 13.12), 6), "accuracy_m": chance.randint(4, 40),
    }  # fmt: skip
    if chance.random() < 0.5:
        made |= {"name": "Nguyễn Thị Mẫu", "phone": "0900 000 000"}
    if chance.random() < 0.5:
        made["address"] = f"{chance.randint(1, 300)} {place}"
    return made


class Citizens:
    """What was sent, answered and seen, each with its moment (s, of one clock)."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session
        self.sent: list[float] = []
        self.answered: dict[str, tuple[float, float]] = {}
        self.seen: dict[str, float] = {}
        self.refused: Counter[str] = Counter()
        self.watching, self.moved = asyncio.Event(), asyncio.Event()

    async def file(self, body: dict[str, Any], moment: float) -> None:
        """Send one; `moment`: when it was its turn."""
        self.sent.append(moment)
        try:
            async with self.session.post("/api/reports", json=body) as answer:
                told = await answer.json(content_type=None)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            self.refused[type(error).__name__] += 1
            return
        if answer.status != 201:
            self.refused[str(answer.status)] += 1
            return
        self.answered[told["id"]] = moment, time.monotonic()

    async def watch(self) -> None:
        """The screen: note when each report came."""
        watch = {"type": "watch", "channels": [{"channel": CHANNEL}]}
        async with self.session.ws_connect("/ws", protocols=("ioc.v1",), max_msg_size=0) as screen:
            await screen.send_str(json.dumps({"type": "hello"}))
            await screen.send_str(json.dumps(watch))
            async for frame in screen:
                now, told = time.monotonic(), json.loads(frame.data)
                if told["type"] == "snapshot":
                    self.watching.set()
                for name in told.get("put") or told.get("items") or ():
                    self.seen.setdefault(name, now)
                self.moved.set()

    async def all_seen(self) -> None:
        """Wait until the screen has all that was answered, as long as is fair."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                while not self.seen.keys() >= self.answered.keys():
                    self.moved.clear()
                    await self.moved.wait()

    def told(self) -> dict[str, Any]:
        mine = {name: moments for name, moments in self.answered.items() if name in self.seen}
        return {
            "sent": len(self.sent), "refused": dict(self.refused), "filed": list(self.answered),
            "seen": [name for name in self.seen if name in self.answered],
            "strangers": len(self.seen.keys() - self.answered.keys()),
            "answer_ms": [round((end - began) * 1000, 3) for began, end in self.answered.values()],
            "wall_ms": [round((self.seen[name] - began) * 1000, 3) for name, (began, _) in mine.items()],
        }  # fmt: skip


async def run(port: int, rate: float, seconds: float) -> dict[str, Any]:
    """File for so long, at `rate` a second."""
    chance = random.Random(1022)
    # let go before the server does (5 s), lest a report is sent into a connection that is being closed
    limits = aiohttp.TCPConnector(limit=0, keepalive_timeout=2)
    timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", connector=limits, timeout=timeout) as session:
        citizens = Citizens(session)
        screen = asyncio.create_task(citizens.watch())
        await asyncio.wait_for(citizens.watching.wait(), PATIENCE_S)
        began, filing = time.monotonic() + 0.1, []
        for number in range(round(rate * seconds)):
            moment = began + number / rate
            body = report(chance)
            if (rest := moment - time.monotonic()) > 0:
                await asyncio.sleep(rest)
            filing.append(asyncio.create_task(citizens.file(body, moment)))
        await asyncio.gather(*filing)
        took = time.monotonic() - began
        await citizens.all_seen()
        if screen.done():
            screen.result()
            raise AssertionError("The server closed the screen before the end.")
        screen.cancel()
        return {**citizens.told(), "seconds": took}


if __name__ == "__main__":
    told = uvloop.run(run(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])))
    Path(sys.argv[4]).write_text(json.dumps(told), encoding="utf-8")
