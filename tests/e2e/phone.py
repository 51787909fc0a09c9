"""A citizen's phone in front of `/report`: what it does, and the small server of citizens' HTTP that can be killed."""

from __future__ import annotations

import json
import os
import random
import struct
import subprocess
import sys
import urllib.request
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ioc.ports import free
from tests.conftest import ROOT
from tests.e2e import demo

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, FilePayload, Page

WORDS = "Ống nước vỡ trước số nhà 12, nước chảy tràn ra mặt đường."
SLOW = {"offline": False, "latency": 20, "downloadThroughput": 400_000, "uploadThroughput": 400_000}


class Province:
    """The small server of citizens' HTTP, which can be killed and started again on its port and folder."""

    def __init__(self, data: Path) -> None:
        self.data = data
        [self.port] = free()
        self.base = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [sys.executable, str(ROOT / "frontend" / "dev" / "fake_reports.py")]
        command += ["--port", str(self.port), "--data", str(self.data)]
        environment = {**os.environ, "IOC_NO_VENV": "1", "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment)
        assert self.process.stdout is not None
        assert any("ready" in line for line in self.process.stdout)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def reports(self) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{self.base}/dev/all", timeout=10) as answer:
            return list(json.load(answer))

    def send(self, path: str, **body: Any) -> None:
        headers = {"content-type": "application/json"}
        asked = urllib.request.Request(f"{self.base}{path}", json.dumps(body).encode(), headers, method="POST")
        urllib.request.urlopen(asked, timeout=10).close()


def picture(seed: int, side: int = 64) -> FilePayload:
    """A PNG of noise, which stays large as a JPEG too."""
    noise = random.Random(seed)
    rows = b"".join(b"\0" + noise.randbytes(3 * side) for _ in range(side))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    body = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return {"name": f"{seed}.png", "mimeType": "image/png", "buffer": body}


def opened(context: BrowserContext, province: Province | demo.Centre) -> Page:
    """The page once visited: its worker keeps page and map."""
    page = context.new_page()
    page.goto(f"{province.base}/report")
    page.get_by_role("radio", name="Cấp nước").wait_for()
    page.evaluate("() => navigator.serviceWorker.ready.then((one) => one.active.postMessage('later'))")
    page.wait_for_function(
        """async () => {
          const names = await caches.keys();
          const kept = await Promise.all(names.map(async (name) => (await (await caches.open(name)).keys()).length));
          const map = names.length > 0 && (await (await caches.open(names[0])).keys())
            .some((one) => one.url.includes('maplibre-gl-worker'));
          return map && kept[0] > 12;
        }""",
        timeout=60_000,
    )
    return page


def fill(page: Page, photos: list[FilePayload], words: str = WORDS, kind: str = "Cấp nước") -> None:
    page.get_by_role("radio", name=kind).check()
    page.get_by_label("Kể ngắn gọn").fill(words)
    if photos:
        page.set_input_files(".add input", photos)
        page.get_by_role("button", name=f"Bỏ ảnh {len(photos)}").wait_for()


def to_the_end(page: Page) -> None:
    page.get_by_role("button", name="Tiếp: ở đâu?").click()
    page.get_by_text("Định vị lúc").wait_for()
    page.get_by_role("button", name="Gửi", exact=True).click()
