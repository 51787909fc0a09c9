"""The certification authority's export: `/certificates/chung-thu.xlsx`, and the same as `.csv`; `tong.json`.

Names in it are invented; so is everything else but the sizes. Certificates are valid for three years.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import ClassVar, NamedTuple

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from ioc import clock
from ioc.demo.systems import System

SIZES = {"quang-nam": (487, 905), "nghe-an": (1_388, 2_714)}
"""Certificates of organisations and of persons."""
HEADS = ("STT", "Số hiệu", "Loại", "Chủ thể", "Đơn vị", "Hiệu lực từ", "Hết hạn", "Trạng thái")
FAMILY, GIVEN = ("Nguyễn", "Trần", "Lê", "Phạm", "Võ"), ("An", "Bình", "Châu", "Dũng", "Giang", "Hà")
VALID_DAYS = 3 * 365
BATCH, SLIPPED = 200, 40
"""Certificates of a batch that ends at once; rows that slip by one column."""


class Certificate(NamedTuple):
    serial: str
    kind: str
    holder: str
    agency: str
    until: date
    state: int


class Certificates(System):
    breaks: ClassVar = {
        "batch": f"{BATCH} certificates turn out to end within a week.",
        "columns": "The export calls the end of a certificate otherwise.",
        "slipped": f"{SLIPPED} rows slip by one column.",
        "closed": "The authority refuses the export.",
    }
    shows: ClassVar = {"batch": "ca_expiring_30", "columns": "source", "slipped": "aside", "closed": "source"}

    def routes(self) -> list[Route]:
        return [Route("/chung-thu.{form}", self.exported), Route("/tong.json", self.count)]

    def all(self) -> Iterator[Certificate]:
        """The certificates that there are now."""
        today = self.world.began.astimezone(clock.ZONE).date()
        organisations, persons = SIZES[self.world.plan.province]
        for number in range(organisations + persons):
            chance = Random(f"{self.world.seed}/certificate/{number}")
            until = today + timedelta(days=chance.randrange(-5, VALID_DAYS))
            if "batch" in self.broken and number < BATCH:
                until = today + timedelta(days=7)
            organisation = number < organisations
            agency = f"Đơn vị {chance.randrange(1, 59):02d}"
            holder = agency if organisation else f"{chance.choice(FAMILY)} Văn {chance.choice(GIVEN)}"
            state = 1 if chance.random() < 0.98 else chance.choice((2, 3))
            yield Certificate(f"54{number:08X}", "TC" if organisation else "CN", holder, agency, until, state)

    def rows(self) -> Iterator[tuple[str | int, ...]]:
        for number, one in enumerate(self.all(), start=1):
            since = one.until - timedelta(days=VALID_DAYS)
            row: tuple[str | int, ...] = (
                number, one.serial, one.kind, one.holder, one.agency, f"{since:%d/%m/%Y}", f"{one.until:%d/%m/%Y}",
                one.state,
            )  # fmt: skip
            yield (*row[:2], *row[3:], "") if "slipped" in self.broken and number <= SLIPPED else row

    async def count(self, _request: Request) -> Response:
        if "closed" in self.broken:
            return PlainTextResponse("403", 403)
        return JSONResponse({"tong": sum(SIZES[self.world.plan.province])})

    async def exported(self, request: Request) -> Response:
        if "closed" in self.broken:
            return PlainTextResponse("403", 403)
        heads = [*HEADS]
        if "columns" in self.broken:
            heads[HEADS.index("Hết hạn")] = "Ngày kết thúc"
        if request.path_params["form"] == "csv":
            lines = [";".join(heads), *(";".join(map(str, row)) for row in self.rows())]
            return Response("\ufeff" + "\r\n".join(lines) + "\r\n", media_type="text/csv; charset=utf-8")
        return Response(self._workbook(heads), media_type="application/vnd.openxmlformats")

    def _workbook(self, heads: list[str]) -> bytes:
        from openpyxl import Workbook

        book = Workbook(write_only=True)
        sheet = book.create_sheet("Chứng thư")
        sheet.append(["BAN CƠ YẾU (DỮ LIỆU MẪU)"])
        sheet.append(["Danh sách chứng thư số còn hiệu lực"])
        sheet.append(heads)
        for row in self.rows():
            sheet.append(list(row))
        out = io.BytesIO()
        book.save(out)
        return out.getvalue()
