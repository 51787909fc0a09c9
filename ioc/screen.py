"""A screen: its panels, described by a TOML file in `frontend/screens/`; its name is the file's.

The least of a wall (any other field: `Screen` below)::

    kind = "wall"
    title = {vi = "Mưa", en = "Rain"}
    viewing_m = 6
    height_mm = 1200

    [map]
    layers = ["rain"]

    [[tiles]]
    tile = "rain_most"
    decimals = 1 # left out, 12.4 is shown as 12

Lengths are canvas pixels (1080 of them are a wall's height) or millimetres; times are seconds; texts are in
Vietnamese and English, Vietnamese first.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any, Literal

import msgspec

from ioc import lines
from ioc.errors import BadConfig
from ioc.lines import Where
from ioc.plain import plain, wanted
from ioc.screen_faults import ROWS_ON_A_WALL, faults

MOST_BYTES = 256 * 1024

Box = tuple[float, float, float, float]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of what a screen is made of: a field that nobody reads is an error."""


class Text(Part, frozen=True):
    """One text in both languages."""

    vi: str
    en: str


class Words(Part, frozen=True):
    """The four words, always first and always in the same places: four tiles with values from 0 to 100.

    `form`: one below the other, or, on a wall of data quality alone, as a band with what each was.
    """

    title: Text
    tiles: list[str]
    form: Literal["rows", "band"] = "rows"


class Inset(Part, frozen=True):
    """A dense town, drawn larger beside the province. `bbox`: west, south, east, north in WGS84 degrees."""

    title: Text
    bbox: Box
    layers: list[str]


class Shade(Part, frozen=True):
    """The map's communes, filled by their own figure of the tile `tile`, in five classes.

    `limits`: four, ascending, in the tile's unit; a figure at a limit is in the class above it. What has no figure is
    hatched and never in the lowest class. `label`: in the legend, where it is not the tile's own.
    """

    tile: str
    limits: list[float]
    decimals: int = 0
    label: Text | None = None


class Map(Part, frozen=True):
    """The map. `bbox`: what it shows (the whole province when left out). `areas`: the tile whose figures by commune
    hatch the communes that have none; or `shade`: the tile whose figures fill the communes. `basemap`: address of a
    style or a PMTiles file; none is needed."""

    layers: list[str]
    bbox: Box | None = None
    areas: str | None = None
    shade: Shade | None = None
    inset: Inset | None = None
    basemap: str | None = None


class TilePanel(Part, frozen=True):
    """One tile. `of`: a fixed whole that the value is a part of. `coverage`: what coverage counts (`xã`).
    `source`: a shorter name than the source's own. Left out texts come from the tile itself."""

    tile: str
    label: Text | None = None
    decimals: int = 0
    of: float | None = None
    unit: Text | None = None
    coverage: Text | None = None
    source: Text | None = None


class Alerts(Part, frozen=True):
    """Open alerts, at most so many; then `và 7 nữa`."""

    title: Text = Text("Cần xử lý", "To be handled")
    most: int = 5


class Sources(Part, frozen=True):
    """The source strip: at most so many late sources by name."""

    most: int = 6


class Links(Part, frozen=True):
    """The link matrix: each sector connected, shared, synced; the worst first, all good ones in one row, or with
    `whole` in rows of their own as long as there is room."""

    title: Text = Text("Liên thông", "Links")
    most: int = ROWS_ON_A_WALL["links"]
    whole: bool = False


class Ledger(Part, frozen=True):
    """The completeness ledger: each source's have of expect, and its last periods; the worst first."""

    title: Text = Text("Sổ nộp số liệu", "Completeness ledger")
    most: int = ROWS_ON_A_WALL["ledger"]


class Checks(Part, frozen=True):
    """The checks that failed, each with both figures."""

    title: Text = Text("Phép kiểm trượt", "Failed checks")
    most: int = ROWS_ON_A_WALL["checks"]


class Reminders(Part, frozen=True):
    """How often each agency was reminded this year, against the thresholds; the most often first."""

    title: Text = Text("Nhắc nộp số", "Reminders")
    most: int = ROWS_ON_A_WALL["reminders"]


class Scene(Part, frozen=True):
    """One step of the rotation, at least 20 s. `tiles`: which of the screen's tiles (the first ones when left out).
    `show`: what stands in the middle; or, with `quality`, the four words as a band and the panels of data quality
    instead of all else. `sources`: a new bad alert of one of these brings this scene."""

    title: Text
    seconds: int = 40
    tiles: list[str] = []
    show: Literal["map", "sources", "quality"] = "map"
    bbox: Box | None = None
    sources: list[str] = []


class Night(Part, frozen=True):
    """From hour to hour (province's clock, 0 to 24) the wall is dimmed to `brightness` (0 to 1)."""

    from_: float = msgspec.field(name="from")
    to: float
    brightness: float = 0.7


class Seams(Part, frozen=True):
    """Panels beside and above each other that make one wall: no figure is drawn across their bezels."""

    columns: int = 1
    rows: int = 1


class Screen(Part, frozen=True):
    """A wall or a tablet. `viewing_m`: how far away its figures must be read; `height_mm`: how high the glass is;
    `blank_after_s`: blind for so long, figures become `—`.
    """

    kind: Literal["wall", "tablet"]
    title: Text
    name: str = ""
    language: Literal["vi", "en"] = "vi"
    density: Literal["normal", "far"] = "normal"
    viewing_m: float | None = None
    height_mm: float | None = None
    seams: Seams | None = None
    blank_after_s: int = 1800
    night: Night | None = None
    words: Words | None = None
    map: Map | None = None
    tiles: list[TilePanel] = []
    alerts: Alerts | None = None
    sources: Sources | None = None
    links: Links | None = None
    ledger: Ledger | None = None
    checks: Checks | None = None
    reminders: Reminders | None = None
    scenes: list[Scene] = []

    def quality(self) -> list[str]:
        """Which panels of data quality it has; each is drawn from the channel of that name."""
        return [name for name in ROWS_ON_A_WALL if getattr(self, name) is not None]

    def channels(self) -> list[str]:
        """Names of the channels that this screen watches, each once."""
        tiles = [panel.tile for panel in self.tiles] + (self.words.tiles if self.words else [])
        tiles += [self.map.areas] if self.map and self.map.areas is not None else []
        tiles += [self.map.shade.tile] if self.map and self.map.shade is not None else []
        layers = list(self.map.layers) if self.map else []
        layers += self.map.inset.layers if self.map and self.map.inset else []
        named = [f"tile/{name}" for name in tiles] + ["sources", "alerts"] + [f"layer/{name}" for name in layers]
        return list(dict.fromkeys(named + self.quality()))


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong in a file, on a line (from 1), as a sentence with what to write instead."""

    file: str
    line: int | None
    say: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.say}" if self.line else f"{self.file}: {self.say}"


def load(path: Path) -> Screen:
    """The screen in the file. Raises BadConfig, with file and line, for the first thing that is wrong."""
    body = _read(path)
    return _load(path, body, _parse(path, body))


def screens(folder: Path) -> dict[str, Screen]:
    """Every screen of a folder by its name. Raises BadConfig for the first that is wrong."""
    return {path.stem: load(path) for path in sorted(folder.glob("*.toml"))}


def lint(path: Path, layers: Set[str], tiles: Set[str]) -> list[Finding]:
    """Everything that is wrong with the screen in the file, in the order of its lines; empty: it is fine.

    `layers` and `tiles`: the names that the catalog knows.
    """
    try:
        body = _read(path)
        tree = _parse(path, body)
    except BadConfig as error:
        return [Finding(str(path), error.line, error.say)]
    known = lines.index(body)
    unknown = list(_unknown_fields(tree, Screen, ()))
    found = [Finding(str(path), lines.line(known, where), say) for where, say in unknown]
    for where, _ in unknown:
        _take_out(tree, where)
    try:
        screen = _load(path, body, tree)
    except BadConfig as error:
        found.append(Finding(str(path), error.line, error.say))
    else:
        found += [Finding(str(path), lines.line(known, where), say) for where, say in faults(screen, layers, tiles)]
    return sorted(found, key=lambda finding: finding.line or 0)


def _read(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadConfig(f"The screen can't be read ({error.strerror}); put its TOML file there.", file=path) from error
    if len(raw) > MOST_BYTES:
        raise BadConfig(f"The screen's file has more than {MOST_BYTES} bytes; a screen needs a few hundred.", file=path)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise BadConfig("The screen's file is not UTF-8; save it as UTF-8.", file=path, line=line) from error


def _parse(path: Path, body: str) -> dict[str, Any]:
    try:
        return tomllib.loads(body)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"at line (\d+)", str(error))
        raise BadConfig(f"This is not TOML: {error}.", file=path, line=int(at[1]) if at else None) from error


def _load(path: Path, body: str, tree: dict[str, Any]) -> Screen:
    if "name" in tree:
        line = lines.line(lines.index(body), ("name",))
        raise BadConfig("A screen's name is its file's name; take `name` out.", file=path, line=line)
    try:
        return msgspec.structs.replace(msgspec.convert(tree, Screen), name=path.stem)
    except msgspec.ValidationError as error:
        what, _, at = plain(error).partition(" - at `$")
        where = _where(at.rstrip("`"))
        say = f"{what}{' at ' + at.strip('.`') if at else ''}{wanted(what, Screen, where)}."
        raise BadConfig(say, file=path, line=lines.line(lines.index(body), where)) from error


def _where(path: str) -> Where:
    return tuple(int(index) if index else name for name, index in re.findall(r"\.?([A-Za-z_][\w-]*)|\[(\d+)\]", path))


def _struct_in(kind: Any) -> type[msgspec.Struct] | None:
    """The struct that a field's type holds: itself, in a list, or beside None."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind
    for inner in getattr(kind, "__args__", ()):
        if found := _struct_in(inner):
            return found
    return None


def _unknown_fields(tree: Any, kind: type[msgspec.Struct], where: Where) -> Iterator[tuple[Where, str]]:
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
    for key, value in tree.items():
        here = (*where, key)
        if key not in fields:
            known = ", ".join(sorted(fields))
            yield here, f"Nothing reads the field `{key}` here; write one of: {known}."
            continue
        inner = _struct_in(fields[key])
        if inner is None:
            continue
        for index, item in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(item, dict):
                yield from _unknown_fields(item, inner, here if index is None else (*here, index))


def _take_out(tree: Any, where: Where) -> None:
    for step in where[:-1]:
        tree = tree[step]
    del tree[where[-1]]
