"""Small servers that speak the forms of real sources, for tests."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any
from xml.sax.saxutils import escape

from ioc import clock
from ioc.adapter_suite import AnswerServer, Asked, Said

Row = Mapping[str, Any]


class GeoReportServer(AnswerServer):
    """A GeoReport v2 server over `rows`: requests.json and requests.xml, newest update first, in pages.

    `jurisdiction` and `api_key` are wanted when given; a page holds at most `cap` rows whatever is asked for.
    Each row has the field names of GeoReport v2, and an updated_datetime.
    """

    def __init__(
        self, rows: Sequence[Row], *, jurisdiction: str | None = None, api_key: str | None = None, cap: int = 1000
    ) -> None:
        super().__init__()
        self.rows = list(rows)
        self.jurisdiction, self.api_key, self.cap = jurisdiction, api_key, cap

    @property
    def url(self) -> str:
        return f"{super().url}/open311/v2"

    def answer(self, asked: Asked) -> Said:
        xml = asked.path.endswith(".xml")
        if asked.path.rpartition(".")[0] != "/open311/v2/requests":
            return _error(404, "No such path.", xml)
        if self.jurisdiction is not None and asked.query.get("jurisdiction_id") != self.jurisdiction:
            return _error(404, "jurisdiction_id provided was not found.", xml)
        if self.api_key is not None and asked.query.get("api_key") != self.api_key:
            return _error(403, f"Invalid api_key {asked.query.get('api_key')} received.", xml)
        page, size = int(asked.query.get("page", 1)), min(int(asked.query.get("page_size", 50)), self.cap)
        rows = self._after(asked.query.get("updated_after"))[(page - 1) * size : page * size]
        return Said(_xml(rows) if xml else json.dumps(rows, ensure_ascii=False).encode())

    def _after(self, since: str | None) -> list[Row]:
        begin = clock.parse(since) if since is not None else None
        dated = [(_updated(row), row) for row in self.rows]
        newest_first = sorted(
            (each for each in dated if begin is None or each[0] >= begin), key=itemgetter(0), reverse=True
        )
        return [row for _, row in newest_first]


def _updated(row: Row) -> datetime:
    return clock.parse(row["updated_datetime"])


def _error(status: int, description: str, xml: bool) -> Said:
    if not xml:
        return Said(json.dumps([{"code": status, "description": description}]).encode(), status)
    told = f"<error><code>{status}</code><description>{escape(description)}</description></error>"
    return Said(f'<?xml version="1.0" encoding="utf-8"?><errors>{told}</errors>'.encode(), status)


def _xml(rows: Sequence[Row]) -> bytes:
    told = "".join(
        "<request>"
        + "".join(f"<{name}>{escape('' if value is None else str(value))}</{name}>" for name, value in row.items())
        + "</request>"
        for row in rows
    )
    return f'<?xml version="1.0" encoding="utf-8"?><service_requests>{told}</service_requests>'.encode()
