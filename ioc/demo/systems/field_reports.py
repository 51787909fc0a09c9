"""The citizens' app of a province: `/field_reports/open311/v2` (GeoReport v2), beside it `tong.json`.

It tells what the world's citizens filed by the app; 1022 and the web have servers of their own (`ioc.demo.sources`).
"""

from __future__ import annotations

from copy import copy
from functools import partial
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ioc.demo import georeport
from ioc.demo.citizens import Report
from ioc.demo.systems import System


class FieldReports(System):
    breaks: ClassVar = {
        "expired": "The app's server knows our key no more.",
        "frozen": "The server answers, and nothing is filed or closed any more.",
        "words": "Reports have a status that nobody agreed.",
        "cut": "Answers end in the middle.",
    }
    shows: ClassVar = {"expired": "source", "frozen": "source", "words": "aside", "cut": "source"}
    _stands: list[Report] | None = None

    def routes(self) -> list[Route]:
        return [
            Route("/open311/v2/requests.{form:str}", self.requests),
            Route("/open311/v2/tong.json", self.count),
        ]

    async def keep(self) -> None:
        """A server that froze tells what it told then."""
        if "frozen" not in self.broken:
            self._stands = None
        elif self._stands is None:
            self._stands = [copy(one) for one in self.world.citizens.of("app")]

    def reports(self) -> list[Report]:
        """What it tells, the last changed last."""
        return self._stands if self._stands is not None else self.world.citizens.of("app")

    async def count(self, _request: Request) -> Response:
        found = self.reports()
        return georeport.tally(len(found), found[-1].updated)

    async def requests(self, request: Request) -> Response:
        form = request.path_params["form"]
        if form not in ("json", "xml"):
            return Response(status_code=404)
        if "expired" in self.broken:
            return georeport.refused(403, "api_key is not valid", form)
        rows = [(one.updated, partial(self._told, one)) for one in self.reports()]
        told = georeport.requests(rows, request, form)
        if "cut" in self.broken:
            half = bytes(told.body)[: len(told.body) // 2]
            return Response(half, media_type=told.media_type)
        return told

    def _told(self, one: Report) -> dict[str, Any]:
        return one.as_georeport() | ({"status": "dang_xu_ly"} if "words" in self.broken else {})
