"""A province's sharing platform: tokens by OAuth2 client credentials, a list of APIs in pages, and the APIs themselves.

Below `/sharing/`: `POST oauth2/token`; `apim/services?page=&limit=`, each API with its owner and today's calls;
`apim/count`; `api/<name>/ping`. Nghệ An's has the four that its plan names, Quảng Nam's SSO, data services and
the document axis. Calls follow the hour of the day, from the seed; the platform's own numbers grow by themselves.
"""

from __future__ import annotations

import base64
import secrets
from datetime import datetime, timedelta
from random import Random
from typing import Any, ClassVar, NamedTuple

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ioc.clock import ZONE
from ioc.demo.systems import System

CLIENT, SECRET = "ioc-demo", ""
"""No secret stands in a file of settings: the demo's platform has an empty one."""
LIFE_S = 120
HOURS = (2, 2, 2, 2, 2, 3, 5, 20, 60, 80, 75, 50, 20, 45, 75, 80, 60, 30, 10, 6, 4, 3, 2, 2)
"""Calls in each hour of a day, as parts of the busiest API's most."""


class Api(NamedTuple):
    """`most`: calls in a busy hour; `fails`: share of them that fail."""

    name: str
    title: str
    owner: str
    kind: str
    most: int
    fails: float


APIS = {
    "nghe-an": (
        Api("tu-phap", "Hộ tịch, lý lịch tư pháp", "Bộ Tư pháp", "NGSP", 900, 0.011),
        Api("dang-ky-kinh-doanh", "Đăng ký doanh nghiệp", "Bộ Kế hoạch và Đầu tư", "NGSP", 420, 0.006),
        Api("bao-hiem-xa-hoi", "Bảo hiểm xã hội", "Bảo hiểm xã hội Việt Nam", "NGSP", 1600, 0.014),
        Api("ma-ngan-sach", "Mã đơn vị quan hệ ngân sách", "Bộ Tài chính", "NGSP", 90, 0.004),
    ),
    "quang-nam": (
        Api("sso", "Đăng nhập một lần", "Sở Thông tin và Truyền thông", "SSO", 5200, 0.004),
        Api("truc-van-ban", "Trục liên thông văn bản", "Văn phòng UBND tỉnh", "Trục văn bản", 2600, 0.006),
        Api("dan-cu", "Cơ sở dữ liệu dân cư", "Công an tỉnh", "Dịch vụ dữ liệu", 1900, 0.017),
        Api("doanh-nghiep", "Đăng ký doanh nghiệp", "Sở Kế hoạch và Đầu tư", "Dịch vụ dữ liệu", 380, 0.008),
        Api("ho-tich", "Hộ tịch điện tử", "Sở Tư pháp", "Dịch vụ dữ liệu", 640, 0.009),
        Api("mot-cua", "Hồ sơ một cửa", "Văn phòng UBND tỉnh", "Dịch vụ dữ liệu", 2100, 0.005),
    ),
}


class Sharing(System):
    """The platform of the world's province."""

    breaks: ClassVar = {
        "token": "The client's secret was changed: no token is given, and the old ones end.",
        "expired": "Every token ends now; a new one is given.",
        "schema": "The list calls its numbers otherwise.",
        "frozen": "The counters stand still.",
        "one": "The first API does not answer (HTTP 503).",
        "page": "The second page of the list fails.",
    }
    shows: ClassVar = {
        "token": "source", "expired": "nothing", "schema": "aside", "frozen": "source", "one": "apis_alive",
        "page": "source",
    }  # fmt: skip

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.apis = APIS[self.world.plan.province]
        self.tokens: dict[str, datetime] = {}
        self.ended = False
        self.stands: datetime | None = None

    def routes(self) -> list[Route]:
        return [
            Route("/oauth2/token", self.token, methods=["POST"]),
            Route("/apim/services", self.services),
            Route("/apim/count", self.count),
            Route("/api/{name}/ping", self.ping),
        ]

    async def token(self, request: Request) -> Response:
        wanted = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if "token" in self.broken or request.headers.get("authorization") != wanted:
            return JSONResponse({"error": "invalid_client"}, 401)
        now = self.world.now
        self.tokens = {token: until for token, until in self.tokens.items() if until > now}
        made = secrets.token_urlsafe(24)
        self.tokens[made] = now + timedelta(seconds=LIFE_S)
        return JSONResponse({"access_token": made, "token_type": "Bearer", "expires_in": LIFE_S})

    def _let_in(self, request: Request) -> bool:
        if "token" in self.broken:
            return False
        if "expired" in self.broken and not self.ended:
            self.tokens.clear()
        self.ended = "expired" in self.broken
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        return self.tokens.get(token, self.world.began) > self.world.now

    async def services(self, request: Request) -> Response:
        if not self._let_in(request):
            return JSONResponse({"fault": "invalid_token"}, 401)
        page, size = int(request.query_params.get("page", 1)), int(request.query_params.get("limit", 3))
        if "page" in self.broken and page > 1:
            return JSONResponse({"fault": "internal"}, 500)
        rows = [self._row(api) for api in self.apis]
        return JSONResponse({"total": len(rows), "data": rows[(page - 1) * size : page * size]})

    def _row(self, api: Api) -> dict[str, Any]:
        calls, failed = self.calls(api)
        names = ("calls", "errors") if "schema" in self.broken else ("so_lan_goi", "so_lan_loi")
        day = self._now().astimezone(ZONE).date().isoformat()
        return {
            "ma": api.name, "ten": api.title, "co_quan": api.owner, "loai": api.kind, "ngay": day,
            "duong_dan": f"/api/{api.name}/ping", names[0]: calls, names[1]: failed,
        }  # fmt: skip

    def _now(self) -> datetime:
        if "frozen" not in self.broken:
            self.stands = None
            return self.world.now
        self.stands = self.stands or self.world.now
        return self.stands

    def calls(self, api: Api) -> tuple[int, int]:
        """Calls of an API since midnight, and how many of them failed."""
        here = self._now().astimezone(ZONE)
        chance = Random(f"{self.world.seed}/{api.name}/{here.date()}")
        each = [chance.uniform(0.8, 1.2) * api.most * part / max(HOURS) for part in HOURS]
        part = (60 * here.minute + here.second) / 3600
        calls = sum(each[: here.hour]) + part * each[here.hour]
        return round(calls), round(calls * api.fails)

    async def count(self, request: Request) -> Response:
        if not self._let_in(request):
            return JSONResponse({"fault": "invalid_token"}, 401)
        return JSONResponse({"tong": len(self.apis)})

    async def ping(self, request: Request) -> Response:
        if not self._let_in(request):
            return JSONResponse({"fault": "invalid_token"}, 401)
        name = request.path_params["name"]
        if name not in {api.name for api in self.apis}:
            return JSONResponse({"fault": "no such API"}, 404)
        if "one" in self.broken and name == self.apis[0].name:
            return JSONResponse({"fault": "backend"}, 503)
        return JSONResponse({"ok": True})
