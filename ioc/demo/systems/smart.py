"""The citizens' app "Tây Ninh Smart": what it tells its users, as a feed for each kind of notice; all of it invented.

`/smart/<number>.rss`: weather, cuts of power and water, and the province's own notices. What citizens report by it
comes by Open311 (`ioc.demo.citizens`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import format_datetime
from random import Random
from typing import ClassVar, NamedTuple
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ioc import clock
from ioc.demo.systems import System

CHANNELS = (
    ("Thời tiết", timedelta(minutes=90), ("Cảnh báo dông, lốc tại {place}", "Dự báo thời tiết {place}")),
    ("Điện, nước", timedelta(minutes=60), ("Cắt điện theo lịch tại {place}", "Tạm ngừng cấp nước tại {place}")),
    ("Thông báo của tỉnh", timedelta(minutes=45), ("Lịch tiếp công dân của {place}", "{place} lấy ý kiến người dân")),
)
"""Each channel, how often it tells something, and what."""
SHOWN = 40
FLOOD = 25
"""Warnings that come at once in a storm."""


class Notice(NamedTuple):
    id: str
    title: str
    at: datetime


class Smart(System):
    breaks: ClassVar = {
        "frozen": "No channel has told anything for two days.",
        "storm": f"{FLOOD} weather warnings come at once.",
        "login": "The channels answer with a login page.",
    }
    shows: ClassVar = {"frozen": "smart_quiet", "storm": "smart_urgent", "login": "source"}

    def routes(self) -> list[Route]:
        return [Route("/{number:int}.rss", self.feed)]

    def notices(self, number: int) -> Iterator[Notice]:
        """What a channel holds now, the newest first."""
        _, every, said = CHANNELS[number]
        now = self.world.now - (timedelta(days=2) if "frozen" in self.broken else timedelta())
        if "storm" in self.broken and number == 0:
            for one in range(FLOOD):
                place = _called(self.world.units[one % len(self.world.units)].name)
                yield Notice(f"storm-{one}", f"Cảnh báo dông, lốc tại {place}", now - timedelta(seconds=one))
        first = int(now.timestamp() // every.total_seconds())
        for one in range(first, first - SHOWN, -1):
            drawn = Random(f"{self.world.seed}/smart/{number}/{one}")
            title = drawn.choice(said).format(place=_called(drawn.choice(self.world.units).name))
            at = datetime.fromtimestamp(one * every.total_seconds(), clock.ZONE)
            yield Notice(f"{number}-{one}", title[:1].upper() + title[1:], at)

    async def feed(self, request: Request) -> Response:
        number = request.path_params["number"]
        if number >= len(CHANNELS):
            return Response(status_code=404)
        if "login" in self.broken:
            return Response("<!DOCTYPE html><html><title>Đăng nhập</title></html>", media_type="text/html")
        inside = "".join(
            f"<item><guid>{one.id}</guid><title>{escape(one.title)}</title><pubDate>{format_datetime(one.at)}</pubDate>"
            f"<link>https://smart.example.vn/{one.id}</link></item>"
            for one in self.notices(number)
        )
        title = f"<title>{escape(CHANNELS[number][0])} (dữ liệu mẫu)</title>"
        body = f'<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel>{title}{inside}</channel></rss>'
        return Response(body, media_type="application/rss+xml")


def _called(name: str) -> str:
    """A commune as people write it: "xã Tân Châu"."""
    return name[:1].lower() + name[1:]
