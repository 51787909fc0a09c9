"""A small province for work on the citizens' page alone: `/report` and the HTTP of citizens, kept in a folder.

    .venv/bin/python frontend/dev/fake_reports.py --port 8766 --data /tmp/province

It may be killed at any time: what it has answered stands in the folder. `POST /dev/step/{id}` with
{"step", "to", "text"?} moves a report on; `GET /dev/all` tells everything it holds.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import math
import os
import sys
import tempfile
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import invented  # noqa: E402
from invented_desk import LIGHT  # noqa: E402
from serve import serve  # noqa: E402

SHARED = Path(os.environ.get("IOC_SHARED", ROOT.parent / "shared"))
STATIC = ROOT / "ioc" / "web" / "static"
HERE = timezone(timedelta(hours=7))
SECRET = b"a small province"
SIZE = {
    "code": "size",
    "kind": "singlevaluelist",
    "title": {"vi": "Cỡ chỗ hỏng", "en": "How large"},
    "values": [
        {"key": "small", "title": {"vi": "nhỏ", "en": "small"}},
        {"key": "large", "title": {"vi": "lớn", "en": "large"}},
    ],
    "required": False,
}
KINDS = (
    ("water", "Cấp nước", "Water supply", 24, []),
    ("road", "Đường hỏng", "Damaged road", 72, [SIZE]),
    ("waste", "Rác thải", "Waste", 24, []),
    ("light", "Đèn đường", "Street light", 48, LIGHT),
    ("flood", "Ngập nước", "Flooding", 8, []),
    ("other", "Việc khác", "Something else", 40, []),
)
SAYS = {
    "new": ("Tỉnh đã nhận", "The province has it"),
    "verified": ("Đã xem xét", "Verified"),
    "assigned": ("Đã giao cơ quan xử lý", "Given to an agency"),
    "in_progress": ("Đang xử lý", "In progress"),
    "more_info": ("Tỉnh hỏi thêm", "The province asks"),
    "done": ("Đã xử lý xong", "Done"),
    "closed": ("Đã xong", "Closed"),
    "reopened": ("Mở lại", "Opened again"),
}
MAY = {"more_info": ["tell"], "done": ["close", "reopen", "satisfied"], "closed": ["reopen", "satisfied"]}


def now() -> str:
    return datetime.now(HERE).isoformat(timespec="seconds")


def wrong(status: int, say: str) -> HTTPException:
    return HTTPException(status, say)


async def problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    body = {"type": "about:blank", "title": "", "status": error.status_code, "detail": error.detail}
    return JSONResponse(body, error.status_code, media_type="application/problem+json")


class Province:
    """Reports by id in one JSON file, photos beside it; written before anything is answered."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "reports.json"
        folder.mkdir(parents=True, exist_ok=True)
        self.reports: dict[str, dict[str, Any]] = json.loads(self.file.read_text()) if self.file.exists() else {}
        self.units = invented.units(SHARED)

    def keep(self) -> None:
        fresh = self.file.with_suffix(".new")
        fresh.write_text(json.dumps(self.reports, ensure_ascii=False))
        fresh.replace(self.file)

    def follow(self, report: dict[str, Any]) -> str:
        told = f"{report['id']} {report['client']}".encode()
        return hmac.new(SECRET, told, hashlib.sha256).hexdigest()

    def by_secret(self, request: Request) -> dict[str, Any]:
        secret = request.headers.get("follow", "")
        for report in self.reports.values():
            if hmac.compare_digest(self.follow(report), secret):
                return report
        raise wrong(404, "Nothing goes by this link; see whether all of it was copied.")

    def part(self, photo: dict[str, Any]) -> Path:
        return self.folder / f"{photo['hash']}.part"


def province(request: Request) -> Province:
    kept: Province = request.app.state.province
    return kept


async def form(_request: Request) -> Response:
    kinds = [
        {
            "code": code,
            "title": {"vi": vi, "en": en},
            "hours": {"accept": 2, "done": hours},
            "near_m": 60,
            "attributes": asked,
        }
        for code, vi, en, hours, asked in KINDS
    ]
    limits = {"photos": 5, "photo_bytes": 12_000_000, "video_bytes": 40_000_000, "words": 4000}
    where = {"province": {"vi": "Phú Yên", "en": "Phú Yên"}, "jurisdiction": "phuyen.gov.vn"}
    return JSONResponse({**where, "categories": kinds, "limits": limits, "person": True, "demo": True})


async def units(request: Request) -> Response:
    return JSONResponse(province(request).units)


def told(here: Province, report: dict[str, Any]) -> dict[str, Any]:
    photos = [{"hash": one["hash"], "offset": one["offset"], "state": one["state"]} for one in report["photos"]]
    known = {"id": report["id"], "number": report["number"], "follow": here.follow(report)}
    return {**known, "state": report["state"], "photos": photos}


async def filed(request: Request) -> Response:
    here, body = province(request), await request.json()
    for report in here.reports.values():
        if report["client"] == body["client"]:
            return JSONResponse(told(here, report))
    if body.get("website") or body["category"] not in {code for code, *_ in KINDS} or not body["words"]:
        raise wrong(422, "A category of the list and some words are needed; nothing was taken.")
    number = f"PY-{datetime.now(HERE):%Y-%m%d}-{len(here.reports) + 1:04d}"
    photos = [{**one, "offset": 0, "state": "planned"} for one in body.pop("photos", [])]
    step = {"at": now(), "step": "file", "to": "new"}
    made = {**body, "id": hashlib.sha256(body["client"].encode()).hexdigest()[:22], "number": number, "filed": now()}
    made |= {"state": "new", "photos": photos, "steps": [step], "supports": [], "satisfied": None}
    here.reports[made["id"]] = made
    here.keep()
    return JSONResponse(told(here, made), 201)


async def photo(request: Request) -> Response:
    here = province(request)
    report = here.by_secret(request)
    one = next((p for p in report["photos"] if p["hash"] == request.path_params["hash"]), None)
    if one is None or report["id"] != request.path_params["id"]:
        raise wrong(404, "This report has no such photo.")
    part = here.part(one)
    size = part.stat().st_size if part.exists() else 0
    headers = {"Upload-Offset": str(size), "Cache-Control": "no-store"}
    if request.method == "HEAD":
        state = one["state"] if one["state"] != "planned" else ""
        return Response(headers={**headers, **({"Upload-State": state} if state else {})})
    if request.headers.get("upload-offset") != str(size):
        return Response(status_code=409, headers=headers)
    with part.open("ab") as file:
        async for piece in request.stream():
            file.write(piece)
    size = part.stat().st_size
    one["offset"] = size
    whole = size >= one["bytes"]
    if whole:
        good = hashlib.sha256(part.read_bytes()).hexdigest() == one["hash"]
        one["state"] = "taken" if good else "refused"
    here.keep()
    if one["state"] == "refused":
        raise wrong(422, "This file is no photo; the report is kept.")
    if whole:
        return JSONResponse({"state": "taken"}, 201, headers={"Upload-Offset": str(size)})
    return Response(status_code=204, headers={"Upload-Offset": str(size)})


def metres(report: dict[str, Any], lon: float, lat: float) -> float:
    x = (report["lon"] - lon) * math.cos(math.radians(lat))
    return math.hypot(x, report["lat"] - lat) * 111_195


async def nearby(request: Request) -> Response:
    asked = request.query_params
    lon, lat = float(asked["lon"]), float(asked["lat"])
    items = [
        {
            "id": one["id"],
            "number": one["number"],
            "category": one["category"],
            "words": one["words"][:80],
            "distance_m": round(metres(one, lon, lat)),
            "filed": one["filed"],
            "state": one["state"],
            "agency": None,
            "photo": next((f"/api/reports/photos/{p['hash']}" for p in one["photos"] if p["state"] == "taken"), None),
        }
        for one in province(request).reports.values()
        if one["category"] == asked["category"] and "lon" in one and metres(one, lon, lat) <= 60
    ]
    return JSONResponse({"items": sorted(items, key=lambda one: one["distance_m"])})


async def support(request: Request) -> Response:
    here = province(request)
    report = here.reports.get(request.path_params["id"])
    if report is None:
        raise wrong(404, "There is no such report.")
    client = (await request.json())["client"]
    if client not in report["supports"]:
        report["supports"].append(client)
        here.keep()
    return JSONResponse({"supports": len(report["supports"])}, 201)


def said(state: str) -> dict[str, str]:
    vi, en = SAYS.get(state, (state, state))
    return {"vi": vi, "en": en}


async def followed(request: Request) -> Response:
    report = province(request).by_secret(request)
    due = (datetime.now(UTC) + timedelta(hours=20)).astimezone(HERE).isoformat(timespec="seconds")
    over = report["state"] in ("done", "closed")
    steps = [{**one, "say": said(one["to"])} for one in report["steps"]]
    photos = [
        {
            "url": f"/api/reports/photos/{one['hash']}" if one["state"] == "taken" else None,
            "kind": one["kind"],
            "state": one["state"],
        }
        for one in report["photos"]
    ]
    asks = {"text": report["steps"][-1].get("text", "")} if report["state"] == "more_info" else None
    kept = {name: report[name] for name in ("id", "number", "category", "state", "words", "filed", "satisfied")}
    place = {"unit": None, "name": report.get("address")}
    coming = [] if over else [{"say": said("done"), "due": due}]
    may = [one for one in MAY.get(report["state"], []) if one != "satisfied" or report["satisfied"] is None]
    more = {"place": place, "steps": steps, "next": coming, "photos": photos, "asks": asks, "may": may}
    return JSONResponse({**kept, **more}, headers={"Cache-Control": "no-store"})


async def step(request: Request) -> Response:
    here, body = province(request), await request.json()
    report = here.by_secret(request)
    if body["step"] not in MAY.get(report["state"], []):
        raise wrong(409, "The report stands elsewhere by now; look at it again.")
    to = {"tell": "verified", "close": "closed", "reopen": "reopened"}[body["step"]]
    report["steps"].append({"at": now(), "step": body["step"], "to": to, "text": body.get("text")})
    report["state"] = to
    here.keep()
    return JSONResponse({"state": to})


async def satisfied(request: Request) -> Response:
    here = province(request)
    here.by_secret(request)["satisfied"] = (await request.json())["score"]
    here.keep()
    return JSONResponse({})


async def on_map(request: Request) -> Response:
    west, south, east, north = (float(one) for one in request.query_params["bbox"].split(","))
    features = []
    for one in province(request).reports.values():
        if "lon" not in one or not (west <= one["lon"] <= east and south <= one["lat"] <= north):
            continue
        told = {name: one[name] for name in ("number", "category", "state", "filed", "words")}
        point = {"type": "Point", "coordinates": [one["lon"], one["lat"]]}
        features.append({"type": "Feature", "id": one["id"], "geometry": point, "properties": told})
    return JSONResponse({"type": "FeatureCollection", "features": features})


async def picture(request: Request) -> Response:
    name = request.path_params["stored"]
    known = {one["hash"] for report in province(request).reports.values() for one in report["photos"]}
    if name not in known:
        raise wrong(404, "There is no such photo.")
    return FileResponse(province(request).folder / f"{name}.part", media_type="image/jpeg")


async def dev_step(request: Request) -> Response:
    here, body = province(request), await request.json()
    report = here.reports[request.path_params["id"]]
    report["steps"].append({"at": now(), **body})
    report["state"] = body["to"]
    here.keep()
    return JSONResponse({})


async def dev_all(request: Request) -> Response:
    return JSONResponse(list(province(request).reports.values()))


def file_of(name: str, kind: str, **headers: str) -> Any:
    async def give(_request: Request) -> Response:
        return FileResponse(STATIC / name, media_type=kind, headers={"Cache-Control": "no-cache", **headers})

    return give


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8766)
    parser.add_argument("--data", type=Path, default=None)
    given = parser.parse_args()
    script = file_of("report-sw.js", "text/javascript", **{"Service-Worker-Allowed": "/report"})
    app = Starlette(
        exception_handlers={HTTPException: problem},
        routes=[
            Route("/report", file_of("report.html", "text/html")),
            Route("/report/sw.js", script),
            Route("/report/manifest.webmanifest", file_of("report.webmanifest", "application/manifest+json")),
            Route("/api/reports", filed, methods=["POST"]),
            Route("/api/reports/form", form),
            Route("/api/reports/units", units),
            Route("/api/reports/nearby", nearby),
            Route("/api/reports/map", on_map),
            Route("/api/reports/followed", followed),
            Route("/api/reports/followed/steps", step, methods=["POST"]),
            Route("/api/reports/followed/satisfied", satisfied, methods=["POST"]),
            Route("/api/reports/photos/{stored}", picture),
            Route("/api/reports/{id}/photos/{hash}", photo, methods=["HEAD", "PATCH"]),
            Route("/api/reports/{id}/support", support, methods=["POST"]),
            Route("/dev/step/{id}", dev_step, methods=["POST"]),
            Route("/dev/all", dev_all),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
    )
    app.state.province = Province(given.data or Path(tempfile.mkdtemp(prefix="province-")))
    serve(app, given.port)


if __name__ == "__main__":
    main()
