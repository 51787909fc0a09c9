"""A province's network: its lines, video-conference points, portals, mail and data centre, as lists and as real doors.

Below `/network/` stand the lists that the network's watch exports, `<kind>.json` and, of the conference points,
`<kind>.csv`; `<kind>/tong.json` counts them. The sites in them are real: lines and points are TCP doors on loopback
addresses of their own, bodies and portals are pages, mail and the main portal speak TLS. Who is down, and how much of
its line each uses, is worked out from the seed and the time, anew every SPELL_S.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import ClassVar, NamedTuple

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from ioc import clock
from ioc.demo.systems import System

LINES, SECURE = 8130, 8131
"""Ports that the settings write: of lines and points, and of what speaks TLS."""
SPELL_S = 120
"""A site stays up or down for so many seconds."""
DOWN = 0.03
"""The share of sites that are down."""
DISTRICTS = (
    "Tam Kỳ", "Hội An", "Điện Bàn", "Núi Thành", "Thăng Bình", "Duy Xuyên", "Đại Lộc", "Quế Sơn", "Nông Sơn",
    "Hiệp Đức", "Tiên Phước", "Phú Ninh", "Bắc Trà My", "Nam Trà My", "Phước Sơn", "Nam Giang", "Đông Giang",
    "Tây Giang",
)  # fmt: skip
"""The districts of Quảng Nam before 1 July 2025."""
DEPARTMENTS, POINTS = 40, {"quang-nam": 36, "nghe-an": 26}
BODIES, PORTALS = 823, {"quang-nam": 19, "nghe-an": 52}
"""Bodies on the dedicated network of Nghệ An; portals: the main one and its sub-portals."""
ROOM = ("Cổng dịch vụ", "Trục liên thông", "Kho dữ liệu", "Thư điện tử", "Tên miền", "Sao lưu", "Tường lửa", "Giám sát")
VALID = timedelta(days=200)
EXPIRED = timedelta(days=-2)
HEADS = ("ma", "ten", "loai", "dia_chi", "kinh_do", "vi_do", "bang_thong", "su_dung")


class Site(NamedTuple):
    """A site as the list tells it. `spot`: index of its commune."""

    code: str
    name: str
    kind: str
    address: str
    spot: int
    mbps: int | None = None


class Network(System):
    breaks: ClassVar = {
        "ring": "Half of the lines and of the conference points do not answer.",
        "list": "The network's watch refuses the lists.",
        "schema": "The lists call the addresses otherwise.",
        "posts": "The portals show no new posts.",
        "expired": "The certificates of mail and of the main portal have expired.",
    }
    shows: ClassVar = {
        "ring": "points_up", "list": "source", "schema": "aside", "posts": "portals_quiet", "expired": "tls_expiring",
    }  # fmt: skip

    def ways(self) -> Mapping[str, str]:
        kinds = self._kinds()
        gone = {"ring": not {"wan", "points"} & kinds.keys(), "posts": "portals" not in kinds}
        return {way: say for way, say in self.breaks.items() if not gone.get(way)}

    async def begin(self) -> None:
        self._doors: dict[str, asyncio.Server] = {}
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._valid = VALID
        self._certify(VALID)
        self._secure = await asyncio.start_server(self._page, "127.0.0.1", self.ports[SECURE], ssl=self._context)
        self.sites = {kind: tuple(made()) for kind, made in self._kinds().items()}
        await self.keep()

    async def keep(self) -> None:
        """Open and close the doors of lines and points; put up the certificate that is due."""
        for site in (*self.sites.get("wan", ()), *self.sites.get("points", ())):
            up = self.up(site)
            if up and site.code not in self._doors:
                host, _, port = site.address.rpartition(":")
                self._doors[site.code] = await asyncio.start_server(_close, host, int(port))
            elif not up and (door := self._doors.pop(site.code, None)) is not None:
                door.close()
        valid = EXPIRED if "expired" in self.broken else VALID
        if valid != self._valid:
            self._certify(valid)

    async def end(self) -> None:
        for door in (*self._doors.values(), self._secure):
            door.close()

    def routes(self) -> list[Route]:
        return [
            Route("/{kind}/tong.json", self.count),
            Route("/{kind}.json", self.listed),
            Route("/{kind}.csv", self.table),
            Route("/site/{code}", self.site),
        ]

    def up(self, site: Site) -> bool:
        """Whether the site answers now."""
        if "ring" in self.broken and site.kind in ("wan", "points") and int(site.code[-3:]) % 2:
            return False
        return self._chance(site).random() >= DOWN

    def used(self, site: Site) -> int | None:
        """Percent of its line that a site uses now; None: its line is not told."""
        return None if site.mbps is None else self._chance(site, "used").randrange(12, 96)

    def posted(self, site: Site) -> datetime:
        """When a portal posted last; one in eight is quiet for weeks."""
        if "posts" in self.broken:
            return self.world.began - timedelta(days=30)
        chance = Random(f"{self.world.seed}/{site.code}/posts")
        every = timedelta(minutes=chance.randrange(3, 40))
        if chance.random() < 0.125:
            return self.world.began - timedelta(days=chance.randrange(8, 60))
        first = self.world.began - timedelta(hours=chance.randrange(1, 48))
        return first + every * ((self.world.now - first) // every)

    async def listed(self, request: Request) -> Response:
        kind = request.path_params["kind"]
        if kind not in self.sites or "list" in self.broken:
            return JSONResponse({"say": "Không có danh sách này."}, 404 if kind not in self.sites else 503)
        return JSONResponse({"diem": [dict(zip(self._heads(), row, strict=True)) for row in self._rows(kind)]})

    async def count(self, request: Request) -> Response:
        """How many sites of a kind the watch counts."""
        kind = request.path_params["kind"]
        if kind not in self.sites or "list" in self.broken:
            return JSONResponse({"say": "Không có danh sách này."}, 404 if kind not in self.sites else 503)
        return JSONResponse({"tong": len(self.sites[kind])})

    async def table(self, request: Request) -> Response:
        kind = request.path_params["kind"]
        if kind not in self.sites or "list" in self.broken:
            return PlainTextResponse("", 404 if kind not in self.sites else 503)
        lines = [";".join("" if cell is None else str(cell) for cell in row) for row in self._rows(kind)]
        body = "\ufeff" + "\r\n".join([";".join(self._heads()), *lines]) + "\r\n"
        return Response(body, media_type="text/csv; charset=utf-8")

    async def site(self, request: Request) -> Response:
        """The page of a body or portal; a portal's posts stand in it as in its feed."""
        known = {site.code: site for kind in ("bodies", "portals", "centre") for site in self.sites.get(kind, ())}
        site = known.get(request.path_params["code"])
        if site is None or not self.up(site):
            return PlainTextResponse("Máy chủ đang bảo trì.", 503 if site is not None else 404)
        return Response(self._posts(site) if site.kind == "portals" else "<html>ok</html>", media_type="text/html")

    def _posts(self, site: Site) -> str:
        at = self.posted(site).astimezone(clock.ZONE)
        told = f"<item><title>Tin</title><pubDate>{at:%a, %d %b %Y %H:%M:%S +0700}</pubDate></item>"
        return f"<rss><channel>{told}</channel></rss>"

    async def _page(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One page over TLS: that of the main portal."""
        try:
            async with asyncio.timeout(10):
                asked = await reader.read(4096)
                main = self.sites["portals"][0] if self.sites.get("portals") else None
                if asked.startswith(b"GET ") and main is not None:
                    body = self._posts(main).encode()
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n" % len(body))
                    writer.write(b"Connection: close\r\n\r\n" + body)
                    await writer.drain()
        except (OSError, TimeoutError):
            pass
        finally:
            writer.close()

    def _heads(self) -> tuple[str, ...]:
        return tuple("host" if head == "dia_chi" and "schema" in self.broken else head for head in HEADS)

    def _rows(self, kind: str) -> Iterator[tuple[str | int | float | None, ...]]:
        units = self.world.units
        for site in self.sites[kind]:
            unit = units[site.spot % len(units)]
            near = Random(f"{self.world.seed}/{site.code}/place")
            lon, lat = (round(at + near.uniform(-0.004, 0.004), 6) for at in (unit.lon, unit.lat))
            yield site.code, site.name, site.kind, site.address, lon, lat, site.mbps, self.used(site)

    def _kinds(self) -> dict[str, Callable[[], Iterator[Site]]]:
        return {
            "quang-nam": {"wan": self._wan, "points": self._points, "portals": self._portals, "mail": self._mail},
            "nghe-an": {"bodies": self._bodies, "points": self._points, "portals": self._portals},
            "phu-yen": {"centre": self._centre},
        }.get(self.world.plan.province, {})

    def _wan(self) -> Iterator[Site]:
        names = [f"Sở, ban, ngành {number + 1:02d}" for number in range(DEPARTMENTS)] + [*DISTRICTS]
        for number, name in enumerate(names):
            yield Site(f"W{number:03d}", name, "wan", f"127.81.0.{number + 1}:{self.ports[LINES]}", number, 20)

    def _points(self) -> Iterator[Site]:
        for number in range(POINTS[self.world.plan.province]):
            address = f"127.82.0.{number + 1}:{self.ports[LINES]}"
            yield Site(f"H{number:03d}", f"Điểm cầu {number + 1:02d}", "points", address, 3 * number)

    def _bodies(self) -> Iterator[Site]:
        for number in range(BODIES):
            yield Site(f"B{number:03d}", f"Đơn vị {number + 1:03d}", "bodies", self._at(f"B{number:03d}"), number)

    def _portals(self) -> Iterator[Site]:
        main = f"https://127.0.0.1:{self.ports[SECURE]}/"
        yield Site("P000", "Cổng thông tin điện tử tỉnh", "portals", main, 0)
        for number in range(1, PORTALS[self.world.plan.province]):
            yield Site(
                f"P{number:03d}", f"Cổng thành phần {number:02d}", "portals", self._at(f"P{number:03d}"), 2 * number
            )

    def _mail(self) -> Iterator[Site]:
        yield Site("M000", "Thư điện tử công vụ", "mail", f"tls://127.0.0.1:{self.ports[SECURE]}", 0)

    def _centre(self) -> Iterator[Site]:
        for number, name in enumerate(ROOM):
            yield Site(f"C{number:03d}", name, "centre", self._at(f"C{number:03d}"), 0)
        yield Site(f"C{len(ROOM):03d}", "Cổng bảo mật", "centre", f"tls://127.0.0.1:{self.ports[SECURE]}", 0)

    def _at(self, code: str) -> str:
        return f"http://127.0.0.1:{self.ports[8101]}/{self.name}/site/{code}"

    def _chance(self, site: Site, what: str = "up") -> Random:
        spell = int(self.world.now.timestamp()) // SPELL_S
        return Random(f"{self.world.seed}/{site.code}/{what}/{spell}")

    def _certify(self, valid: timedelta) -> None:
        self._context.load_cert_chain(certificate(self.folder / "tls.pem", clock.now() + valid))
        self._valid = valid


async def _close(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A door that opens; nobody says anything behind it."""
    writer.close()


def certificate(file: Path, until: datetime) -> Path:
    """A certificate of our own for this machine, valid until then, with its key, as PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder(name, name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(until - timedelta(days=365))
        .not_valid_after(until)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file
