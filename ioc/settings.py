"""Settings: `ioc.toml` says what a team decides, the environment what a machine decides, and secrets.

Handed down as arguments; no module reads them at import. A secret is named, never stored: `token = "$VMS_TOKEN"`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec

from ioc import include, names, roll
from ioc.alert_rules import Rule
from ioc.check import Check
from ioc.contract import Contract
from ioc.errors import BadConfig
from ioc.mailing import Reminders, written_out
from ioc.plain import plain
from ioc.report_rules import Reports
from ioc.workdays import Calendar

TOP = (
    "province", "sources", "access", "web", "log", "calendar", "sectors", "checks", "reminders", "layers",
    "reports", "retention_days", "tiles", "alerts", "tenants",
)  # fmt: skip
"""What stands at the top of a settings file, beside `include`."""
SECRET = re.compile(r"^\$([A-Z][A-Z0-9_]*)$")


class Province(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The place: `name` on screens, `where` beside it. `codes`: communes that belong to it (empty: all of `province`).

    `province`: two-digit code. `legacy_province`: code before 1 July 2025, when the centre serves a former province.
    `boundaries`: GeoJSON or GPKG of official polygons, with `code_field`; without it areas are cells around
    the commune centres, and said to be approximate. `demo`: figures are invented, and each screen says so.
    """

    name: str
    where: str = ""
    province: str | None = None
    legacy_province: str | None = None
    codes: tuple[str, ...] = ()
    boundaries: str | None = None
    code_field: str = "code"
    demo: bool = False


class Access(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Closed unless opened: `public` lists channel patterns (`layer/*`) that need no key; the API follows them.

    `origins`: extra values of Origin that `/ws` takes. `proxies`: addresses whose forwarded headers are believed.
    """

    public: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()


class Web(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`beat`: seconds between beats. `basemap`: PMTiles file or style address. `screens`: folder of TOML screens."""

    beat: float = 2.0
    basemap: str | None = None
    screens: str | None = None
    max_screens: int = 20_000
    max_joining: int = 2_000


class Streams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`streams`: how many streams the log is kept in, by subject (1 to 64); more than one spread over a cluster."""

    streams: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1


class Sector(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sector of the administration (health, police …), of which a row of the link matrix tells."""

    title: tuple[str, str] | str = ""


class Tenant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A town (or whoever else) in the province's centre. What is named `NAME__…` is its own (sources, tiles, checks,
    alerts): its keys see that and no other tenant's, and the province sees all.

    `title`: (Vietnamese, English). `screens`: names of its screens. `shows`: channels of the province, in full, that
    its keys see too, held to `units`: codes of its communes.
    """

    title: tuple[str, str]
    units: tuple[str, ...]
    screens: tuple[str, ...] = ()
    shows: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.units:
            raise ValueError("units names no commune; a tenant lies somewhere")
        for channel in self.shows:
            if not re.fullmatch(r"(layer|tile)/\w+", channel) or names.restricted(channel) or names.tenant(channel):
                raise ValueError(f"shows names {channel}; write layer/NAME or tile/NAME in full, of the province's own")

    def channels(self, name: str) -> tuple[str, ...]:
        """What a key of the tenant `name` opens: its own, what the province shows it, the lists, its screens."""
        mine = (names.layer_channel(f"{name}{names.OWNED}*"), names.tile_channel(f"{name}{names.OWNED}*"))
        lists = (names.SOURCES, names.ALERTS, names.CANARY)
        return (*mine, *self.shows, *lists, *map(names.screen_channel, self.screens))


TENANT = re.compile(r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$")
"""What a tenant may be called."""
PUSH = "push"
"""The adapter of sources that send."""


class Source(msgspec.Struct, frozen=True):
    """One source: which adapter asks it, what it owes, and the adapter's own settings (secrets resolved)."""

    name: str
    adapter: str
    contract: Contract
    options: dict[str, Any]
    title: tuple[str, str] = ("", "")
    sector: str | None = None

    @property
    def events(self) -> frozenset[str]:
        """Types of the events that its readings become: `event`, and those in `also`."""
        also = self.options.get("also")
        told = [self.options.get("event"), *(also.values() if isinstance(also, dict) else ())]
        return frozenset(str(one) for one in told if one)

    @property
    def sends(self) -> bool:
        """Whether it sends by itself, so that nobody asks it: by its adapter, or because its settings say `pushed`."""
        return self.adapter == PUSH or self.options.get("pushed") is True


class Settings(msgspec.Struct, frozen=True):
    """All of one `ioc.toml`. `file` None: made in memory. `layers` empty: all that the catalog finds.

    `tiles`: figures declared over a layer, read by `ioc.catalog.declared`.
    """

    province: Province
    sources: dict[str, Source] = {}
    access: Access = Access()
    web: Web = Web()
    log: Streams = Streams()
    calendar: Calendar = Calendar()
    sectors: dict[str, Sector] = {}
    checks: dict[str, Check] = {}
    tiles: dict[str, dict[str, Any]] = {}
    alerts: dict[str, Rule] = {}
    tenants: dict[str, Tenant] = {}
    reminders: Reminders | None = None
    reports: Reports | None = None
    layers: tuple[str, ...] = ()
    retention_days: int = 1100
    file: str | None = None

    @property
    def canary(self) -> Source | None:
        """The source that walls prove with that they draw (`adapters/canary.py`); None: there is none."""
        return next((source for source in self.sources.values() if source.adapter == "canary"), None)

    @property
    def folder(self) -> Path:
        """The folder that relative paths of the settings start from."""
        return Path(self.file).resolve().parent if self.file else Path.cwd()

    @property
    def screens(self) -> Path:
        """The folder of the TOML screens."""
        return screens_folder(self.web.screens, self.folder)


def screens_folder(given: str | None, folder: Path) -> Path:
    """Where the TOML screens lie: `given`, seen from `folder`; else those installed with ioc, or in the checkout."""
    if given is not None:
        return folder / given
    package = Path(__file__).resolve().parent
    installed = package / "screens"
    return installed if installed.is_dir() else package.parent / "frontend" / "screens"


def load(file: str | Path, env: Mapping[str, str] = os.environ) -> Settings:
    """The settings of `file`; secrets come from `env`.

    Raises BadConfig (file, line, what to write) when it can't be read or a part of it is wrong.
    """
    whole = include.gather(Path(file))
    return build(whole.tree, env, whole.file, whole.homes)


def build(
    raw: dict[str, Any],
    env: Mapping[str, str] = os.environ,
    file: Path | None = None,
    homes: Mapping[tuple[str, str], Path] | None = None,
) -> Settings:
    """Settings of an already read TOML table, parts and all (`homes`: see `ioc.include`); raises BadConfig."""
    for name in raw.keys() - set(TOP):
        raise BadConfig(
            f"Unknown setting {name}; write one of {', '.join(sorted(TOP))}.", file=file, line=_line(file, name)
        )

    def named(table: str) -> Iterator[tuple[str, Any, str, Path | None]]:
        """What stands in [table.NAME]: name, value, the table's whole name, and its file."""
        for name, value in raw.get(table, {}).items():
            yield name, value, f"{table}.{name}", (homes or {}).get((table, name), file)

    for name in ("checks", "alerts", "sectors", "sources", "tenants"):
        if not isinstance(raw.get(name, {}), dict):
            say = f"{name.capitalize()} are tables; write [{name}.NAME]."
            raise BadConfig(say, file=file, line=_line(file, name))
    if "province" not in raw:
        raise BadConfig('There is no [province]; write [province] and name = "…".', file=file)
    found = Settings(
        province=_part(raw["province"], Province, "province", file),
        access=_part(raw.get("access", {}), Access, "access", file),
        web=_part(raw.get("web", {}), Web, "web", file),
        log=_part(raw.get("log", {}), Streams, "log", file),
        calendar=_part(raw.get("calendar", {}), Calendar, "calendar", file),
        sectors={name: _part(value, Sector, whole, home) for name, value, whole, home in named("sectors")},
        checks={name: _part(value, Check, whole, home) for name, value, whole, home in named("checks")},
        alerts={name: _part(value, Rule, whole, home) for name, value, whole, home in named("alerts")},
        tenants={name: _part(value, Tenant, whole, home) for name, value, whole, home in named("tenants")},
        tiles=_tables(raw.get("tiles", {}), file),
        reminders=_reminders(raw.get("reminders"), env, file),
        reports=_part(raw["reports"], Reports, "reports", file) if "reports" in raw else None,
        sources={name: _source(name, value, env, home) for name, value, _, home in named("sources")},
        layers=tuple(raw.get("layers", ())),
        retention_days=raw.get("retention_days", 1100),
        file=str(file) if file else None,
    )
    for where, say in disowned(raw):
        raise BadConfig(
            say, file=(homes or {}).get(where, file), line=_line((homes or {}).get(where, file), ".".join(where))
        )
    if found.reports is not None:
        _desk(found, file)
    return found


def disowned(raw: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], str]]:
    """Names of tenants that can't be, names that belong to none of them, and screens of two: where, and a sentence."""
    tenants = raw.get("tenants")
    tenants = tenants if isinstance(tenants, dict) else {}
    for name in tenants:
        if not TENANT.match(name):
            yield ("tenants", name), f"A tenant is called by small letters, digits and single _, not {name}."
    for table in ("sources", "tiles", "checks", "alerts"):
        told = raw.get(table)
        for name in told if isinstance(told, dict) else ():
            owner = names.tenant(str(name))
            if owner is not None and owner not in tenants:
                say = f"{name} is of the tenant {owner or '(none)'}, whom the settings do not know; write"
                yield (table, name), f"{say} [tenants.{owner or 'NAME'}], or take the {names.OWNED} out of the name."
    seen: dict[str, str] = {}
    for name, tenant in tenants.items():
        for screen in (tenant.get("screens") or ()) if isinstance(tenant, dict) else ():
            if (first := seen.setdefault(str(screen), name)) != name:
                yield ("tenants", name), f"The screen {screen} is {first}'s already; a screen has one tenant."


def _desk(found: Settings, file: Path | None) -> None:
    """Reports go into the log under the name of a source. Raises BadConfig when that is none."""
    assert found.reports is not None
    name = found.reports.source
    source = found.sources.get(name)
    if source is None or source.adapter != "desk":
        say = f'[reports] needs a source of its own; write [sources.{name}] with adapter = "desk" and a contract.'
        raise BadConfig(say, file=file, line=_line(file, "reports", "source") or _line(file, "reports"))


def _tables(given: Any, file: Path | None) -> dict[str, dict[str, Any]]:
    if not isinstance(given, dict) or not all(isinstance(table, dict) for table in given.values()):
        raise BadConfig("Tiles are tables; write [tiles.NAME].", file=file, line=_line(file, "tiles"))
    return given


def _part(table: Any, kind: Any, where: str, file: Path | None) -> Any:
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        field = re.search(r"`\$\.([^`.\[]+)|unknown field `(\w+)`", str(error))
        name = next((found for found in field.groups() if found), None) if field else None
        raise BadConfig(f"[{where}] is wrong: {plain(error)}.", file=file, line=_line(file, where, name)) from None


def _reminders(table: Any, env: Mapping[str, str], file: Path | None) -> Reminders | None:
    if table is None:
        return None
    for (part, name), say in written_out(table):
        where = f"reminders.{part}"
        raise BadConfig(f"In [{where}] {say}", file=file, line=_line(file, where, name))
    found: Reminders = _part(_secrets(table, env, "reminders", file), Reminders, "reminders", file)
    return found


def _source(name: str, table: Any, env: Mapping[str, str], file: Path | None) -> Source:
    where = f"sources.{name}"
    if not isinstance(table, dict) or not isinstance(table.get("adapter"), str):
        raise BadConfig(f'Source {name} names no adapter; write adapter = "…".', file=file, line=_line(file, where))
    if "contract" not in table:
        wanted = "owner, cadence, grace, expect and method"
        say = f"Source {name} has no contract; write [sources.{name}.contract] with {wanted}."
        raise BadConfig(say, file=file, line=_line(file, where))
    if (owner := names.tenant(name)) is not None:
        table = {**table, **_owned(table, owner)}
    contract = _listed(_part(table["contract"], Contract, f"{where}.contract", file), file)
    options = {key: value for key, value in table.items() if key not in ("adapter", "contract", "title", "sector")}
    title = table.get("title", name)
    both = (title, title) if isinstance(title, str) else (title[0], title[-1])
    return Source(name, table["adapter"], contract, _secrets(options, env, where, file), both, table.get("sector"))


def _owned(table: dict[str, Any], owner: str) -> dict[str, Any]:
    """The event types of a tenant's source: its own, so that they come into its own layers alone."""
    also, event = table.get("also"), table.get("event")
    found: dict[str, Any] = {"event": names.owned(event, owner)} if isinstance(event, str) else {}
    if isinstance(also, dict):
        found["also"] = {name: names.owned(str(kind), owner) for name, kind in also.items()}
    return found


def _listed(contract: Contract, file: Path | None) -> Contract:
    """The contract with the rows of its list of reporters, where it names a file."""
    given = contract.reporters
    if not isinstance(given, roll.Roll) or not given.file:
        return contract
    rows = roll.read((file.resolve().parent if file is not None else Path.cwd()) / given.file)
    return msgspec.structs.replace(contract, reporters=msgspec.structs.replace(given, listed=rows))


def _secrets(value: Any, env: Mapping[str, str], where: str, file: Path | None) -> Any:
    if isinstance(value, dict):
        return {key: _secrets(inner, env, where, file) for key, inner in value.items()}
    if isinstance(value, list):
        return [_secrets(inner, env, where, file) for inner in value]
    named = SECRET.match(value) if isinstance(value, str) else None
    if named is None:
        return value
    if named[1] not in env:
        say = f"{where} needs the environment variable {named[1]}; set it before the start."
        raise BadConfig(say, file=file, line=_line(file, where, None, value))
    return env[named[1]]


def _line(file: Path | None, table: str, key: str | None = None, text: str | None = None) -> int | None:
    """Line (from 1) of `key` (or of `text`) in [table], or of the table's head; None when it can't be told."""
    if file is None or not file.is_file():
        return None
    from ioc.lines import find

    return find(file.read_text(encoding="utf-8"), table, key, text)
