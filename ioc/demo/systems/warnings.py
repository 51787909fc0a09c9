"""The hydrometeorological station's warnings: an Atom feed that names CAP 1.2 alerts, each at an address of its own.

`/warnings/feed.atom`, `/warnings/<number>.cap`. Every ten minutes each warning is updated, which ends the one before.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import ClassVar, NamedTuple
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ioc import clock
from ioc.demo.systems import System

EVERY = timedelta(minutes=10)
LASTS = timedelta(hours=6)
SENDER = "canhbao@kttv-quangnam.example.vn"
LOWLAND = ("20500", "20587", "20599")
"""Đại Lộc, Gò Nổi, Nam Phước."""
COAST = ((16.05, 108.25), (15.90, 108.45), (15.60, 108.62), (15.35, 108.80), (15.70, 109.10), (16.20, 108.70))


class Kind(NamedTuple):
    """A warning that stands: `area` is what CAP writes inside an area, latitude first."""

    number: int
    event: str
    severity: str
    headline: str
    name: str
    area: str


def _polygon(*corners: tuple[float, float]) -> str:
    return f"<polygon>{' '.join(f'{lat},{lon}' for lat, lon in (*corners, corners[0]))}</polygon>"


RAIN = Kind(
    1, "Mưa lớn", "Moderate", "Mưa lớn ở vùng núi phía tây", "Các xã miền núi phía tây",
    _polygon((15.95, 107.40), (15.95, 107.95), (15.30, 108.15), (15.05, 107.95), (15.45, 107.55)),
)  # fmt: skip
FLOOD = Kind(
    2, "Lũ", "Moderate", "Lũ trên sông Vu Gia – Thu Bồn", "Hạ lưu Vu Gia – Thu Bồn",
    "".join(f"<geocode><valueName>VN.COMMUNE</valueName><value>{code}</value></geocode>" for code in LOWLAND),
)  # fmt: skip
SEA = Kind(3, "Gió mạnh trên biển", "Minor", "Gió mạnh trên biển", "Vùng biển ven bờ", _polygon(*COAST))
SLIDE = Kind(4, "Sạt lở đất", "Minor", "Nguy cơ sạt lở quanh Trà Leng", "Trà Leng", "<circle>15.24,108.01 12</circle>")
TYPHOON = Kind(9, "Bão", "Extreme", "Bão đổ bộ trong 12 giờ tới", "Toàn tỉnh", "<circle>15.65,108.25 75</circle>")
KINDS = (RAIN, FLOOD, SEA, SLIDE)


class Warnings(System):
    """What stands depends on the time alone."""

    breaks: ClassVar = {
        "typhoon": "A warning of a typhoon stands too.",
        "swapped": "Polygons are written longitude first.",
        "cut": "The feed breaks off in the middle.",
        "cancelled": "All warnings are cancelled, until the next update.",
    }
    shows: ClassVar = {
        "typhoon": "warnings_open", "swapped": "warnings_open", "cut": "source", "cancelled": "warnings_open",
    }  # fmt: skip

    def routes(self) -> list[Route]:
        return [Route("/feed.atom", self.feed), Route("/{number:int}-{turn:int}.cap", self.alert)]

    def standing(self) -> Iterator[Kind]:
        yield from KINDS
        if "typhoon" in self.broken:
            yield TYPHOON

    @property
    def turn(self) -> int:
        """Which update it is now."""
        return int(self.world.now.timestamp() // EVERY.total_seconds())

    def _sent(self, turn: int) -> datetime:
        return datetime.fromtimestamp(turn * EVERY.total_seconds(), clock.ZONE)

    async def feed(self, request: Request) -> Response:
        sent = clock.rfc3339(self._sent(self.turn))
        # what is told otherwise is fetched anew
        changed = clock.rfc3339(self.world.now) if self.broken & {"cancelled", "swapped"} else sent
        entries = "".join(
            f"<entry><id>urn:kttv:{one.number}-{self.turn}</id><title>{escape(one.headline)}</title>"
            f"<updated>{changed}</updated>"
            f'<link type="application/cap+xml" href="{one.number}-{self.turn}.cap"/></entry>'
            for one in self.standing()
        )
        told = f"<id>urn:kttv</id><title>Cảnh báo (dữ liệu mẫu)</title><updated>{sent}</updated>{entries}"
        body = f'<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom">{told}</feed>'.encode()
        return Response(body[: len(body) // 2] if "cut" in self.broken else body, media_type="application/atom+xml")

    async def alert(self, request: Request) -> Response:
        number, turn = request.path_params["number"], request.path_params["turn"]
        kind = next((one for one in (*KINDS, TYPHOON) if one.number == number), None)
        if kind is None:
            return Response(status_code=404)
        return Response(self._cap(kind, turn), media_type="application/cap+xml")

    def _cap(self, kind: Kind, turn: int) -> str:
        sent = self._sent(turn)
        cancelled = "cancelled" in self.broken
        before = f"{SENDER},{kind.number}-{turn - 1},{clock.rfc3339(self._sent(turn - 1))}"
        itself = f"{SENDER},{kind.number}-{turn},{clock.rfc3339(sent)}"
        ends = f"{before} {itself}" if cancelled else before
        number = f"{kind.number}-{turn}" + ("-cancel" if cancelled else "")
        when = clock.rfc3339(self.world.now if cancelled else sent)
        area = kind.area
        if "swapped" in self.broken and "<polygon>" in area:
            corners = area.removeprefix("<polygon>").removesuffix("</polygon>").split()
            area = f"<polygon>{' '.join(','.join(reversed(one.split(','))) for one in corners)}</polygon>"
        info = (
            f"<info><language>vi</language><category>Met</category><event>{kind.event}</event>"
            f"<urgency>Expected</urgency><severity>{kind.severity}</severity><certainty>Likely</certainty>"
            f"<effective>{when}</effective><expires>{clock.rfc3339(sent + LASTS)}</expires>"
            f"<senderName>Đài KTTV tỉnh (dữ liệu mẫu)</senderName><headline>{escape(kind.headline)}</headline>"
            f"<area><areaDesc>{escape(kind.name)}</areaDesc>{area}</area></info>"
        )
        return (
            '<?xml version="1.0" encoding="UTF-8"?><alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">'
            f"<identifier>{number}</identifier><sender>{SENDER}</sender><sent>{when}</sent><status>Actual</status>"
            f"<msgType>{'Cancel' if cancelled else 'Update'}</msgType><scope>Public</scope>"
            f"<references>{ends}</references>{'' if cancelled else info}</alert>"
        )
