"""Online newspapers and portals of a province: RSS and Atom, with a post every few minutes; all of it invented.

Posts name communes, and people too, as real ones do. `/press/<number>.rss` and `.atom`; `/press/tong.json`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import format_datetime
from random import Random
from typing import ClassVar, NamedTuple
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ioc import clock
from ioc.demo.systems import System

FEEDS = 5
EVERY = timedelta(minutes=6)
"""Between two posts of one feed."""
SHOWN = 60
"""Posts that a feed holds."""
BURST = 40
"""Posts of a rumour: all about one commune."""
STORIES = (
    ("Mưa lớn gây ngập tại {place}", True), ("Sạt lở chia cắt đường vào {place}", True),
    ("Tai nạn giao thông ở {place}, ông {person} bị thương", True), ("{place} khánh thành trường học mới", False),
    ("Nông dân {person} ở {place} được mùa", False), ("Đoàn công tác thăm {place}", False),
)  # fmt: skip
"""Titles, and whether they tell of something to see to."""


class Post(NamedTuple):
    id: str
    title: str
    at: datetime
    alert: bool
    unit: str


class Press(System):
    breaks: ClassVar = {
        "frozen": "No feed has anything new.",
        "login": "The feeds answer with a login page.",
        "rumour": f"{BURST} posts about one commune come at once.",
        "entities": "The feeds come with a document type and entities.",
    }
    shows: ClassVar = {"frozen": "source", "login": "source", "rumour": "press_alerts", "entities": "source"}

    def routes(self) -> list[Route]:
        return [Route("/tong.json", self.newest), Route("/{number:int}.{form}", self.feed)]

    def posts(self, number: int) -> Iterator[Post]:
        """What a feed holds now, the newest first."""
        now = self.world.began if "frozen" in self.broken else self.world.now
        # the feeds take turns, so that the newest post of all is never old by chance
        after = number * EVERY.total_seconds() / FEEDS
        first = int((now.timestamp() - after) // EVERY.total_seconds())
        if "rumour" in self.broken and number == 0:
            unit = self.world.units[0]
            for one in range(BURST):
                title = f"Tin đồn ngập lụt lan nhanh tại {_called(unit.name)}"
                yield Post(f"rumour-{one}", title, now - timedelta(seconds=one), True, unit.code)
        for one in range(first, first - SHOWN, -1):
            drawn = Random(f"{self.world.seed}/press/{number}/{one}")
            story, alert = drawn.choice(STORIES)
            unit = drawn.choice(self.world.units)
            person = f"Nguyễn Văn {drawn.choice(('An', 'Bình', 'Châu'))}"
            at = datetime.fromtimestamp(one * EVERY.total_seconds() + after, clock.ZONE)
            title = story.format(place=_called(unit.name), person=person)
            yield Post(f"{number}-{one}", title[:1].upper() + title[1:], at, alert, unit.code)

    async def newest(self, _request: Request) -> Response:
        """When the newest post of all feeds is of, as the vendor who gathers them knows it."""
        at = max(next(self.posts(number)).at for number in range(FEEDS))
        return JSONResponse({"moi_nhat": at.isoformat()})

    async def feed(self, request: Request) -> Response:
        number, form = request.path_params["number"], request.path_params["form"]
        if "login" in self.broken:
            return Response("<!DOCTYPE html><html><title>Đăng nhập</title></html>", media_type="text/html")
        if number >= FEEDS or form not in ("rss", "atom"):
            return Response(status_code=404)
        head = '<?xml version="1.0" encoding="utf-8"?>'
        if "entities" in self.broken:
            head += '<!DOCTYPE x [<!ENTITY a "a"><!ENTITY b "&a;&a;">]>'
        write = _rss if form == "rss" else _atom
        return Response(head + write(list(self.posts(number))), media_type=f"application/{form}+xml")


def _called(name: str) -> str:
    """A commune as a newspaper writes it: "xã Duy Xuyên"."""
    return name[:1].lower() + name[1:]


def _rss(posts: list[Post]) -> str:
    inside = "".join(
        f"<item><guid>{post.id}</guid><title>{escape(post.title)}</title><link>https://bao.example.vn/{post.id}</link>"
        f"<description>{escape('<p>' + post.title + '.</p>')}</description>"
        f"<pubDate>{format_datetime(post.at)}</pubDate></item>"
        for post in posts
    )
    return f'<rss version="2.0"><channel><title>Báo mẫu</title>{inside}</channel></rss>'


def _atom(posts: list[Post]) -> str:
    inside = "".join(
        f"<entry><id>{post.id}</id><title>{escape(post.title)}</title><author><name>Lê Thị Hà</name></author>"
        f"<updated>{post.at.isoformat()}</updated></entry>"
        for post in posts
    )
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><title>Cổng mẫu</title>{inside}</feed>'
