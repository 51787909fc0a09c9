"""The pages of the screens, what they are built of, and what they ask first: their screen, the communes, a session."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import html
import mimetypes
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from ioc import names
from ioc import screen as screens
from ioc.errors import BadConfig
from ioc.settings import Settings
from ioc.web import caller
from ioc.web.access import Refused
from ioc.web.asked import Param
from ioc.web.door import Door, desk, door, grant_of, known, watching
from ioc.web.problems import Wrong

STATIC = Path(__file__).parent / "static"
SESSION_S = 400 * 24 * 3600
"""How long a browser keeps a screen's cookie: the longest that browsers allow; each visit begins it anew."""
MAX_SESSION_BODY = 4096
BASEMAP = "/basemap.pmtiles"
PMTILES = "application/vnd.pmtiles"
RANGE = Param(
    "Range", "the part that is asked for", {"type": "string", "pattern": "^bytes=[0-9]{1,15}-[0-9]{0,15}$"}, str
)
RESCAN_S = 1.0
MONTH = "public, max-age=31536000, immutable"

mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("text/javascript", ".mjs")
mimetypes.add_type("font/woff2", ".woff2")


class Asset(NamedTuple):
    body: bytes
    packed: bytes | None
    etag: str
    kind: str


class Assets:
    """The built pages, read once and compressed once; a name that is not in the folder does not exist."""

    def __init__(self, folder: Path = STATIC) -> None:
        self._folder = folder
        self._held: dict[str, tuple[float, Asset]] = {}
        self._names: dict[str, Path] = {}
        self._scanned = float("-inf")

    def get(self, name: str) -> Asset | None:
        """The file of that name, with "/" between folders; None when there is none."""
        if name not in self._names and time.monotonic() - self._scanned > RESCAN_S:
            self._scanned = time.monotonic()
            paths = (path for path in self._folder.rglob("*") if path.is_file())
            self._names = {path.relative_to(self._folder).as_posix(): path for path in paths}
        path = self._names.get(name)
        try:
            changed = path.stat().st_mtime if path is not None else 0.0
        except OSError:
            path = None
        if path is None:
            self._names.pop(name, None)
            return None
        held = self._held.get(name)
        if held is None or held[0] != changed:
            held = self._held[name] = (changed, self._read(path))
        return held[1]

    def _read(self, path: Path) -> Asset:
        body = path.read_bytes()
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        textual = kind.startswith("text/") or kind in ("application/json", "image/svg+xml", "application/manifest+json")
        packed = gzip.compress(body, 6, mtime=0) if textual and len(body) > 1000 else None
        return Asset(body, packed, f'"{hashlib.sha256(body).hexdigest()[:20]}"', kind)


def answer(request: Request, asset: Asset, cache: str) -> Response:
    """The asset as an answer: compressed when the caller takes that, 304 when it has it."""
    headers = {"ETag": asset.etag, "Cache-Control": cache, "Vary": "Accept-Encoding"}
    if asset.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    kind = f"{asset.kind}; charset=utf-8" if asset.kind.startswith("text/") else asset.kind
    if asset.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=kind)
    return Response(asset.body, headers=headers, media_type=kind)


async def static(request: Request) -> Response:
    """A file that the pages are built of."""
    name = request.path_params["path"]
    asset = request.app.state.assets.get(name)
    if asset is None:
        raise Wrong("There is no such file; the page that named it is of another version, load it again.", 404)
    return answer(request, asset, MONTH if name.startswith("assets/") else "no-cache")


def _folder(settings: Settings) -> Path:
    if settings.web.screens is not None:
        return settings.folder / settings.web.screens
    package = Path(__file__).parent.parent
    installed = package / "screens"
    return installed if installed.is_dir() else package.parent / "frontend" / "screens"


def all_screens(settings: Settings) -> dict[str, screens.Screen]:
    """The screens of the settings' folder, by name; one that is wrong is left out (`ioc lint` says why)."""
    found = {}
    for path in sorted(_folder(settings).glob("*.toml")):
        try:
            found[path.stem] = screens.load(path)
        except BadConfig:
            continue
    return found


def _one(here: Door, name: str) -> screens.Screen:
    path = _folder(here.settings) / f"{name}.toml"
    if "/" in name or name.startswith(".") or not path.is_file():
        raise Wrong("There is no screen of that name; GET / lists them.", 404)
    try:
        return screens.load(path)
    except BadConfig as error:
        raise Wrong(f"The file of this screen is wrong: {error.say} Run ioc lint.", 503) from None


async def _page(request: Request, file: str) -> Response:
    asset = request.app.state.assets.get(file)
    if asset is None:
        raise Wrong(
            "The pages are not built here; run npm ci and npx vite build in frontend/, or install the wheel.", 503
        )
    shown = answer(request, asset, "no-cache")
    secret = caller.secret(request.scope)
    if secret is not None and caller.by_cookie(request.scope):
        try:
            await grant_of(request)
        except Refused:
            return shown
        _remember(request, shown, secret)
    return shown


async def wall(request: Request) -> Response:
    """A wall's page."""
    _one(door(request), request.path_params["screen"])
    return await _page(request, "wall.html")


async def tablet(request: Request) -> Response:
    """The tablet's page."""
    return await _page(request, "tablet.html")


async def report(request: Request) -> Response:
    """The citizens' page."""
    desk(door(request))
    return await _page(request, "report.html")


async def report_worker(request: Request) -> Response:
    """The service worker of the citizens' page."""
    shown = _report_file(request, "report-sw.js", "text/javascript")
    # a script under /report/ may rule /report itself only when its server says so
    shown.headers["Service-Worker-Allowed"] = "/report"
    return shown


async def report_manifest(request: Request) -> Response:
    """What a phone needs to put the citizens' page on its home screen."""
    return _report_file(request, "report.webmanifest", "application/manifest+json")


def _report_file(request: Request, name: str, kind: str) -> Response:
    desk(door(request))
    asset = request.app.state.assets.get(name)
    if asset is None:
        raise Wrong("The pages are not built here; run npm ci and npm run build in frontend/.", 503)
    return answer(request, asset._replace(kind=kind), "no-cache")


async def report_units(request: Request) -> Response:
    """The communes, for citizens: published borders, open where reports are taken."""
    desk(door(request))
    return await _units(request)


async def ops(request: Request) -> Response:
    """The operators' console."""
    return await _page(request, "ops.html")


async def screen(request: Request) -> Response:
    """What a page needs to draw its screen."""
    grant = await watching(request)
    here, name = door(request), request.path_params["name"]
    if not grant.shows(name):
        raise Refused("Your key does not open this screen; ask the operator for one that does.", 403)
    settings = here.settings
    told: dict[str, Any] = msgspec.to_builtins(_one(here, name))
    if told.get("map") is not None and told["map"].get("basemap") is None:
        told["map"]["basemap"] = BASEMAP if basemap_file(here) is not None else settings.web.basemap
    where = settings.province.where or None
    told |= {"name": name, "province": {"name": settings.province.name, "where": where}}
    told |= {"demo": settings.province.demo, "beat": settings.web.beat}
    told["canary"] = names.CANARY if settings.canary is not None else None
    return as_json(request, told)


def as_json(
    request: Request, told: Any, headers: Mapping[str, str] | None = None, kind: str = "application/json"
) -> Response:
    """JSON with an ETag over its bytes; 304 when the caller has it."""
    body = told if isinstance(told, bytes) else msgspec.json.encode(told)
    kept = {
        "Cache-Control": "private, no-cache",
        "ETag": f'"{hashlib.sha256(body).hexdigest()[:20]}"',
        **(headers or {}),
    }
    if kept["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=kept)
    return Response(body, headers=kept, media_type=kind)


async def units(request: Request) -> Response:
    """The communes: names, centres, areas; `approximate` when areas are cells around the centres."""
    await watching(request)
    return await _units(request)


async def _units(request: Request) -> Response:
    here = door(request)
    state = request.app.state
    if not hasattr(state, "units_body"):
        found = await here.units()
        state.units_body = msgspec.json.encode(await asyncio.to_thread(found.feature_collection))
    return as_json(request, state.units_body, kind="application/geo+json")


def basemap_file(here: Door) -> Path | None:
    """The PMTiles file of the settings; None when there is none, or an address stands there."""
    told = here.settings.web.basemap
    if told is None or urlsplit(told).scheme in ("http", "https", "pmtiles") or not told.endswith(".pmtiles"):
        return None
    path = here.settings.folder / told
    return path if path.is_file() else None


async def basemap(request: Request) -> Response:
    """The basemap's file, in ranges."""
    await known(request)
    path = basemap_file(door(request))
    if path is None:
        raise Wrong("No basemap file is set here; name one as basemap in [web].", 404)
    return FileResponse(path, media_type=PMTILES)


def _remember(request: Request, response: Response, secret: str) -> None:
    safe = caller.secure(request.scope, door(request).settings.access)
    response.set_cookie(caller.COOKIE, secret, SESSION_S, path="/", secure=safe, httponly=True, samesite="strict")


class Entry(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /api/session: a one-time code that a page was opened with, or a key that somebody typed in."""

    code: str | None = None
    key: str | None = None


_ENTRY = 'The body is JSON of the form {"code": "…"} or {"key": "…"}.'


async def session(request: Request) -> Response:
    """Exchange a one-time code, or a key that was typed in, for a session cookie that no page can read."""
    here = door(request)
    if not caller.origin_fits(request.scope, here.settings.access):
        raise Wrong("Pages of this origin may not do that; name it in [access] origins.", 403)
    body = await limited(request, MAX_SESSION_BODY)
    try:
        given = msgspec.json.decode(body, type=Entry)
    except msgspec.DecodeError:
        raise Wrong(f"{_ENTRY} Send the code that the operator printed, or your key.") from None
    address = caller.address(request.scope, here.settings.access)
    if given.code is not None and given.key is None:
        secret = await here.access.exchange(given.code, address)
    elif given.key and given.code is None:
        secret = given.key
        await here.access.of(secret, address)
    else:
        raise Wrong(f"{_ENTRY} One of the two, and not empty.")
    done = Response(status_code=204, headers={"Cache-Control": "no-store"})
    _remember(request, done, secret)
    return done


async def limited(request: Request, most: int) -> bytes:
    """The request's body. Raises Wrong (413) when it is larger than `most` bytes; no more than that is read."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            raise Wrong(f"The body is larger than {most:,} bytes; send it in smaller pieces. Nothing was taken.", 413)
    return bytes(body)


_HOME = """<!doctype html><html lang="vi"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>{title}</title>
<style>body{{font:18px/1.5 "Be Vietnam Pro",system-ui,sans-serif;max-width:44em;margin:3em auto;padding:0 1em;
background:#F3F5F7;color:#13202B}}a{{color:#1570C4}}li{{margin:.4em 0}}small{{color:#475663}}</style></head>
<body><h1>{title}</h1>{demo}<h2>Màn hình <small>Screens</small></h2><ul>{screens}</ul>
<h2>Giao diện lập trình <small>API</small></h2><ul>{paths}</ul></body></html>"""

_REPORT = screens.Text("Gửi phản ánh", "Report a problem")
_OPS = screens.Text("Bàn trực", "Operators' console")
_PATHS = (
    ("/api/layers", "lớp bản đồ · map layers"), ("/api/tiles", "chỉ số · tiles"), ("/api/sources", "nguồn · sources"),
    ("/api/units", "xã phường · communes"), ("/openapi.json", "HTTP"), ("/asyncapi.json", "WebSocket /ws"),
    ("/healthz", "còn sống · liveness"), ("/readyz", "sẵn sàng · readiness"), ("/metrics", "Prometheus"),
)  # fmt: skip


async def home(request: Request) -> Response:
    """What is here, with links to every screen."""
    here = door(request)
    links = [
        ("/tablet" if name == "tablet" else f"/wall/{name}", found.title)
        for name, found in all_screens(here.settings).items()
        if name == "tablet" or found.kind == "wall"
    ]
    links += [("/report", _REPORT)] if here.settings.reports is not None else []
    links.append(("/ops", _OPS))
    if "application/json" in request.headers.get("accept", ""):
        told = {"screens": [{"path": path, "title": {"vi": title.vi, "en": title.en}} for path, title in links]}
        return as_json(request, told | {"api": [path for path, _ in _PATHS]})
    link = '<li><a href="{0}">{0}</a> {1}</li>'
    shown = "".join(link.format(html.escape(p), html.escape(f"{t.vi} · {t.en}")) for p, t in links)
    listed = "".join(link.format(path, html.escape(say)) for path, say in _PATHS)
    demo = "<p><strong>Dữ liệu mẫu</strong> · demo data</p>" if here.settings.province.demo else ""
    name = html.escape(here.settings.province.name)
    return Response(
        _HOME.format(title=name, demo=demo, screens=shown, paths=listed), media_type="text/html; charset=utf-8"
    )


def policy(basemap: str | None) -> str:
    """The Content-Security-Policy of all answers; a basemap's host may be asked for tiles."""
    host = urlsplit(basemap or "")
    extra = f" {host.scheme}://{host.netloc}" if host.scheme in ("http", "https") and host.netloc else ""
    return (
        "default-src 'none'; script-src 'self'; worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; "
        f"img-src 'self' data: blob:{extra}; media-src 'self' blob:; "
        f"font-src 'self'{extra}; connect-src 'self'{extra}; manifest-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
