"""A request for each address that is answered well, for `tests.web.full`."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from .full import Desk, Full, picture, planned, reporting, sheet

Good = dict[str, Any]
"""What is sent: `path`, `query`, `headers`, `body` and its `kind`; `who` sends it (an admin, when left out)."""
Ways = dict[str, Callable[[], Good]]
"""By method and path; each makes what it needs when it is called."""
V2 = "/open311/v2"
PAGES = (
    "", "tablet", "report", "report/sw.js", "report/manifest.webmanifest", "ops", "healthz", "metrics",
    "openapi.json", "asyncapi.json", "api/layers", "api/tiles", "api/sources", "api/ledger", "api/links",
    "api/scores", "api/walls", "api/checks", "api/alerts", "api/reminders", "api/desk/figures", "api/reports/units",
    "api/reports/form",
    "api/reports/map", "api/desk/me", "api/desk/queue", "api/desk/templates", "api/units", "readyz",
)  # fmt: skip
"""What is read without another word."""


def good(centre: Full, desk: Desk) -> Ways:
    """A request for each address."""
    return {**_read(), **_sent(centre, desk), **_of_citizens(desk), **_of_the_desk(desk), **_of_georeport(centre, desk)}


def _read() -> Ways:
    return {
        **{f"GET /{path}": dict for path in PAGES},
        "GET /api/alerts.cap": dict,
        "GET /wall/{screen}": lambda: {"path": {"screen": "overview"}},
        "GET /api/layers/{name}": lambda: {"path": {"name": "reports"}},
        "GET /tiles/{layer}/{z}/{x}/{y}.mvt": lambda: {"path": {"layer": "reports", "z": 10, "x": 822, "y": 474}},
        "GET /api/tiles/{name}": lambda: {"path": {"name": "reports_open"}},
        "GET /api/sources/{id}": lambda: {"path": {"id": "reports_1022"}},
        "GET /api/ledger/{source}": lambda: {"path": {"source": "jobs"}},
        "GET /api/bridge/{source}": lambda: {"path": {"source": "jobs"}},
        "GET /api/screens/{name}": lambda: {"path": {"name": "overview"}},
        "GET /static/{path}": lambda: {"path": {"path": "wall.html"}},
        "GET /basemap.pmtiles": lambda: {"headers": {"Range": "bytes=0-9"}},
    }


def _sent(centre: Full, desk: Desk) -> Ways:
    def excused() -> Good:
        ledger = desk.http.get("/api/ledger/jobs", headers=centre.headers("admin")).json()
        body = {"period": ledger["period"], "reporter": ledger["entries"][0]["reporter"], "why": "Mất điện"}
        return {"path": {"source": "jobs"}, "body": body}

    def claimed() -> Good:
        alerts = desk.http.get("/api/alerts", headers=centre.headers("admin")).json()
        return {"body": {"id": alerts[0]["id"]}}

    def pushed() -> Good:
        at = "2026-03-10T09:00:00+07:00"
        return {"path": {"source": "rain"}, "body": [{"station": "A1", "message": "m1", "at": at}, {"message": "m2"}]}

    return {
        "POST /api/ledger/{source}/excuse": excused,
        "POST /api/tiles/{name}/seen": lambda: {"path": {"name": "reports_open"}},
        "POST /api/alerts/claims": claimed,
        "POST /api/reminders/{id}/again": lambda: {"path": {"id": "rem1"}},
        "POST /api/push/{source}": pushed,
        "POST /api/bridge/{source}": lambda: {
            "path": {"source": "jobs"}, "body": {"sheet": sheet()}, "kind": "multipart/form-data",
        },
        "POST /api/session": lambda: {"body": {"key": centre.keys["admin"]}, "who": "nobody"},
    }  # fmt: skip


def _of_citizens(desk: Desk) -> Ways:
    def uploading(**more: Any) -> Good:
        filed, photo = desk.file(photos=[planned()]), planned()
        path = {"id": filed["id"], "hash": photo["hash"]}
        return {"path": path, **more, "headers": {"Follow": filed["follow"], **more.get("headers", {})}}

    def done(**body: Any) -> Good:
        return {"headers": {"Follow": desk.done()["follow"]}, "body": body}

    def followed() -> Good:
        filed = desk.file()
        desk.step(filed["id"], "answer", text="Đã xem")
        desk.photo(filed["id"])
        return {"headers": {"Follow": filed["follow"]}}

    def nearby() -> Good:
        desk.file()
        return {"query": {"lon": 109.3, "lat": 13.09, "category": "water"}}

    return {
        "POST /api/reports": lambda: {"body": reporting(photos=[planned()]), "who": "nobody"},
        "GET /api/reports/nearby": nearby,
        "GET /api/reports/followed": followed,
        "POST /api/reports/followed/steps": lambda: done(step="reopen", text="Lại vỡ"),
        "POST /api/reports/followed/satisfied": lambda: done(score=5),
        "GET /api/reports/photos/{stored}": lambda: {"path": {"stored": desk.photo(desk.file()["id"])[-64:]}},
        "POST /api/reports/{id}/support": lambda: {
            "path": {"id": desk.file()["id"]}, "body": {"client": str(uuid.uuid4())},
        },
        "HEAD /api/reports/{id}/photos/{hash}": uploading,
        "PATCH /api/reports/{id}/photos/{hash}": lambda: uploading(
            body=picture(), kind="application/offset+octet-stream", headers={"Upload-Offset": "0"}
        ),
    }  # fmt: skip


def _of_the_desk(desk: Desk) -> Ways:
    def report(**more: Any) -> Good:
        return {"path": {"id": desk.file(name="Trần An", phone="0905123456")["id"]}, **more}

    def asked() -> Good:
        name = desk.file()["id"]
        desk.step(name, "verify")
        desk.step(name, "ask", text="Ở đâu?")
        desk.photo(name)
        return {"path": {"id": name}}

    return {
        "GET /api/desk/export": lambda: {"headers": {"Accept": "application/geo+json"}},
        "POST /api/desk/reports": lambda: {"body": {**reporting(), "channel": "phone"}},
        "GET /api/desk/reports/{id}": asked,
        "POST /api/desk/reports/{id}/steps": lambda: report(body={"step": "verify", "version": 1}),
        "POST /api/desk/reports/{id}/claim": report,
        "DELETE /api/desk/reports/{id}/claim": report,
        "GET /api/desk/reports/{id}/person": report,
        "POST /api/desk/reports/{id}/photos": lambda: report(body=picture(), kind="image/*"),
    }


def _of_georeport(centre: Full, desk: Desk) -> Ways:
    def formed(**more: Any) -> Good:
        return {"path": {"form": "json", **more}}

    def posted() -> Good:
        body = {"service_code": "light", "lat": "13.09", "long": "109.3", "description": "Đèn hỏng"}
        kind = "application/x-www-form-urlencoded"
        return {**formed(), "body": {**body, "api_key": centre.keys["app"]}, "kind": kind, "who": "nobody"}

    return {
        **{f"GET {V2}/{name}.{{form}}": formed for name in ("services", "requests", "discovery")},
        "GET /open311/discovery.{form}": formed,
        f"GET {V2}/services/{{code}}.{{form}}": lambda: formed(code="water"),
        f"GET {V2}/requests/{{id}}.{{form}}": lambda: formed(id=desk.file()["number"]),
        f"GET {V2}/tokens/{{id}}.{{form}}": lambda: formed(id=desk.file()["id"]),
        f"POST {V2}/requests.{{form}}": posted,
    }
