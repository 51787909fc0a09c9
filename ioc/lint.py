"""Everything that is wrong with a settings file and its screens, each with its line and what to write instead.

Unlike `settings.load`, which stops at the first trouble, and needs no secret to be set.
"""

from __future__ import annotations

import difflib
import re
import types
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Union, get_args, get_origin

import msgspec

from ioc import catalog, include, lines, lint_checks, lint_secrets, lint_tiles, names, roll
from ioc.adapter import Adapter
from ioc.alert_rules import Rule
from ioc.check import Check
from ioc.contract import Contract
from ioc.errors import BadConfig, IocError
from ioc.include import Whole
from ioc.lines import Where
from ioc.lint_secrets import shown
from ioc.mailing import Reminders, written_out
from ioc.plain import plain, wanted
from ioc.report_rules import Reports
from ioc.screen import Finding
from ioc.screen import lint as lint_screen
from ioc.settings import TOP, Access, Province, Sector, Settings, Source, Streams, Tenant, Web, disowned, screens_folder
from ioc.workdays import Calendar

__all__ = ["Finding", "lint"]

Wrong = Iterator[tuple[Where, str]]

OF_A_SOURCE = ("adapter", "contract", "title", "sector")


def lint(file: Path) -> list[Finding]:
    """All that is wrong with `file` and the screens that it names, by file and line; empty: nothing is."""
    try:
        whole = include.gather(file)
    except BadConfig as error:
        return [Finding(error.file or str(file), error.line, error.say)]
    tree = whole.tree
    known = {home: lines.index(home.read_text(encoding="utf-8")) for home in whole.files}
    wrong = [
        *_settings(tree),
        *_sources(tree),
        *lint_secrets.written(tree, ()),
        *_systems(tree, ()),
        *_units(tree, file),
    ]
    # what a table says as a whole may repeat what was found on the very line
    wrong = [(where, say) for where, say in wrong if not any(_repeats(say, other) for _, other in wrong)]
    placed = [(whole.home(where), where, say) for where, say in wrong]
    found = {Finding(str(home), lines.line(known[home], where), say) for home, where, say in placed}
    others = [*_rolls(whole), *_screens(tree, file, known[file])]
    return sorted(found, key=lambda one: (one.file != str(file), one.file, one.line or 0, one.say)) + others


def refused_screens(file: Path) -> list[Finding]:
    """What is wrong with the screens of `file`, and the lists of reporters that it names, but not with `file` itself: a
    wall that can't be drawn must not be started."""
    try:
        whole = include.gather(file)
    except BadConfig:
        return []  # told by whoever loads it
    ours = {str(home) for home in whole.files}
    return [one for one in (*_rolls(whole), *_screens(whole.tree, file, {})) if one.file not in ours]


def _repeats(say: str, other: str) -> bool:
    return say != other and other.rstrip(".") in say


def _settings(tree: dict[str, Any]) -> Wrong:
    for name in tree.keys() - set(TOP):
        yield (name,), _unknown("setting", name, TOP)
    if "province" not in tree:
        yield (), 'There is no [province]; write [province] and name = "…".'
    for name, kind in (
        ("province", Province),
        ("access", Access),
        ("web", Web),
        ("log", Streams),
        ("calendar", Calendar),
        ("reminders", Reminders),
        ("reports", Reports),
    ):
        if name in tree:
            yield from check(tree[name], kind, (name,))
    for where, say in written_out(tree.get("reminders")):
        yield ("reminders", *where), say
    for name, table in _table(tree.get("sectors")).items():
        yield from check(table, Sector, ("sectors", name))
    for name, table in _table(tree.get("tenants")).items():
        yield from check(table, Tenant, ("tenants", name))
    yield from disowned(tree)
    if not isinstance(tree.get("checks", {}), dict):
        yield ("checks",), "Checks are tables; write [checks.NAME]."
    for name, table in _table(tree.get("checks")).items():
        yield from check(table, Check, ("checks", name))
    if not isinstance(tree.get("alerts", {}), dict):
        yield ("alerts",), "Alerts are tables; write [alerts.NAME]."
    for name, table in _table(tree.get("alerts")).items():
        yield from check(table, Rule, ("alerts", name))
    yield from lint_checks.unknown(tree)
    yield from lint_tiles.unread(tree, _layers(tree))
    for name, table in lint_tiles.declared(tree).items():
        if (read := lint_tiles.kind(table)) is not None:
            yield from check({**table, "name": name}, read, ("tiles", name))
    whole = {field.name: field.type for field in msgspec.structs.fields(Settings)}
    for name in ("layers", "retention_days"):
        if name in tree:
            yield from _value(tree[name], whole[name], (name,))
    there = catalog.names("layers")
    for number, name in enumerate(_list(tree.get("layers"))):
        if name not in there:
            yield ("layers", number), _unknown("layer", name, there)


def _sources(tree: dict[str, Any]) -> Wrong:
    sources = tree.get("sources", {})
    if not isinstance(sources, dict):
        yield ("sources",), "Sources are tables; write [sources.NAME]."
        return
    there, heard = catalog.names("adapters"), _heard(tree)
    all_heard = not _broken(_layers(tree))
    for name, table in sources.items():
        where: Where = ("sources", name)
        if not isinstance(table, dict):
            yield where, f"The source {name} is no table; write [sources.{name}]."
            continue
        if "contract" not in table:
            yield (
                where,
                (
                    f"The source {name} has no contract; write [sources.{name}.contract] with owner, cadence, grace, "
                    "expect and method."
                ),
            )
        else:
            yield from check(table["contract"], Contract, (*where, "contract"))
        if "sector" in table and table["sector"] not in _table(tree.get("sectors")):
            yield (*where, "sector"), _unknown("sector", str(table["sector"]), sorted(_table(tree.get("sectors"))))
        if "title" in table:
            yield from _value(table["title"], str | tuple[str, str], (*where, "title"))
        adapter = table.get("adapter")
        if adapter is None:
            yield where, f'The source {name} names no adapter; write adapter = "…", one of {", ".join(there)}.'
        elif adapter not in there:
            yield (*where, "adapter"), _unknown("adapter", adapter, there)
        else:
            yield from _options(table, adapter, where)
        other = table.get("retired_by")
        if isinstance(other, str) and (other not in sources or other == name):
            yield (*where, "retired_by"), _unknown("source", other, sorted(set(sources) - {name}))
        event = table.get("event")
        if isinstance(event, str) and event not in heard and all_heard:
            yield (*where, "event"), f"No layer listens to {event}; write one of {', '.join(sorted(heard))}."


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _heard(tree: dict[str, Any]) -> set[str]:
    """The event types that the layers of these settings listen to; a layer that can't be loaded is told elsewhere."""
    heard: set[str] = set()
    for name in _layers(tree):
        with suppress(Exception):
            heard |= catalog.layer(name).listens
    return heard


def _options(table: dict[str, Any], adapter: str, where: Where) -> Wrong:
    try:
        config = catalog.adapter(adapter).Config
    except IocError as error:
        yield (*where, "adapter"), error.say
        return
    except Exception as error:  # an author's file may fail in any way while it is loaded
        yield (*where, "adapter"), f"The adapter {adapter} can't be loaded ({error!r}); mend its file."
        return
    options = {key: value for key, value in table.items() if key not in OF_A_SOURCE}
    wrong = list(check(options, config, where, OF_A_SOURCE))
    yield from wrong
    if not wrong and catalog.adapter(adapter).owes is not Adapter.owes:
        yield from _owed(table, adapter, options, where)


def _owed(table: dict[str, Any], adapter: str, options: dict[str, Any], where: Where) -> Wrong:
    """What does not fit between an adapter's settings and its source's contract."""
    with suppress(msgspec.ValidationError):  # told already
        owes = msgspec.convert(table.get("contract"), Contract)
        try:
            catalog.open_adapter(Source(str(where[-1]), adapter, owes, options))
        except BadConfig as error:
            yield where, error.say


def check(table: Any, kind: type[msgspec.Struct], where: Where, beside: tuple[str, ...] = ()) -> Wrong:
    """What is wrong with a table that is to become a `kind`, field by field; `beside`: names that others read."""
    if not isinstance(table, dict):
        yield where, f"{shown(where)} is no table; write [{shown(where)}]."
        return
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    clean = True
    for name, value in table.items():
        if name not in fields:
            clean = False
            yield (*where, name), _unknown("field", name, [*fields, *beside])
            continue
        for found in _value(value, fields[name].type, (*where, name)):
            clean = False
            yield found
    for name, field in fields.items():
        if field.required and name not in table:
            clean = False
            yield where, f"{shown(where)} has no {name}; write {name} = …."
    if clean:  # what only the whole table shows, such as two fields that exclude each other
        yield from _converted(table, kind, where)


def _value(value: Any, kind: Any, where: Where) -> Wrong:
    """Go down to the tables in `value`, so that each of their fields is looked at; convert what is none."""
    part = _part(kind, value)
    if isinstance(part, type) and issubclass(part, msgspec.Struct) and isinstance(value, dict):
        yield from check(value, part, where)
    elif get_origin(part) is dict and isinstance(value, dict):
        for name, inner in value.items():
            yield from _value(inner, get_args(part)[1], (*where, name))
    elif get_origin(part) in (list, tuple) and isinstance(value, list) and _holds_tables(get_args(part)[0]):
        for number, inner in enumerate(value):
            yield from _value(inner, get_args(part)[0], (*where, number))
    else:
        yield from _converted(value, kind, where)


def _part(kind: Any, value: Any) -> Any:
    """The member of a union that a table or list in the file is meant to be; `kind` itself when it is no union."""
    if get_origin(kind) not in (Union, types.UnionType):
        return kind
    wanted = dict if isinstance(value, dict) else list
    for member in get_args(kind):
        struct = isinstance(member, type) and issubclass(member, msgspec.Struct)
        if wanted is dict and (struct or get_origin(member) is dict):
            return member
        if wanted is list and isinstance(value, list) and get_origin(member) in (list, tuple):
            return member
    return kind


def _holds_tables(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _converted(value: Any, kind: Any, where: Where) -> Wrong:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        what, _, at = plain(error).partition(" - at `$")
        deeper = tuple(int(number) if number else name for name, number in re.findall(r"\.([\w-]+)|\[(\d+)\]", at))
        begun = what[:1].lower() + what[1:] if what[1:2].islower() else what
        say = f"{begun.rstrip('.')}{wanted(what, kind, deeper)}"
        yield (*where, *deeper), f"{shown((*where, *deeper))} is wrong: {say}."


def _systems(tree: Any, where: Where) -> Wrong:
    """EPSG codes that can't be read, wherever a crs is written."""
    if isinstance(tree, list):
        for number, value in enumerate(tree):
            yield from _systems(value, (*where, number))
    elif isinstance(tree, dict):
        for name, value in tree.items():
            if name != "crs" and not name.endswith("_crs"):
                yield from _systems(value, (*where, name))
            elif isinstance(value, int) and not isinstance(value, bool):
                from ioc.geo import crs

                try:
                    crs.to_wgs84(value)
                except BadConfig as error:
                    yield (*where, name), error.say


def _units(tree: dict[str, Any], file: Path) -> Wrong:
    """Codes of provinces and communes that do not exist, and boundaries that can't serve."""
    there = {field.name for field in msgspec.structs.fields(Province)}
    given: Any = tree.get("province")
    try:
        province = msgspec.convert({name: given[name] for name in given if name in there}, Province)
    except (msgspec.ValidationError, TypeError, KeyError):
        return  # told already
    from ioc.geo.units import Units

    def trouble(part: Province) -> str | None:
        try:
            Units.load(part, file.resolve().parent)
        except BadConfig as error:
            return error.say
        return None

    bare = msgspec.structs.replace(province, codes=(), boundaries=None)
    if say := trouble(bare):
        yield ("province", "legacy_province" if "legacy_province" in say else "province"), say
        return
    if not trouble(province):
        return
    wrong = False
    for number, code in enumerate(province.codes):
        if say := trouble(msgspec.structs.replace(bare, codes=(code,))):
            wrong = True
            yield ("province", "codes", number), say
    if not wrong and (say := trouble(province)):
        yield ("province", "boundaries" if province.boundaries else "codes"), say


def _screens(tree: dict[str, Any], file: Path, known: dict[Where, int]) -> Iterator[Finding]:
    web = tree.get("web", {})
    given = web.get("screens") if isinstance(web, dict) else None
    folder = screens_folder(given if isinstance(given, str) else None, file.resolve().parent)
    if not folder.is_dir():
        say = f"There is no folder of screens {folder}; write its path, or leave screens out."
        yield Finding(str(file), lines.line(known, ("web", "screens")), say)
        return
    layers = _layers(tree)
    for say in _broken(layers).values():
        yield Finding(str(file), lines.line(known, ("layers",)), say)
    for path in sorted(folder.glob("*.toml")):
        yield from lint_screen(path, set(layers), lint_tiles.known(tree, layers))


def _rolls(whole: Whole) -> Iterator[Finding]:
    """What is wrong with the lists of reporters that contracts name, each in its own file."""
    named = set()
    for name, table in _table(whole.tree.get("sources")).items():
        given = _table(_table(_table(table).get("contract")).get("reporters")).get("file")
        if isinstance(given, str):
            named.add(whole.home(("sources", name)).resolve().parent / given)
    for path in sorted(named):
        yield from (Finding(str(path), line, say) for line, say in roll.lint(path))


def _layers(tree: dict[str, Any]) -> list[str]:
    """The layers of these settings that are here."""
    there = catalog.names("layers")
    named = [name for name in _list(tree.get("layers")) if name in there] or there
    with suppress(Exception):  # one that can't be loaded is told elsewhere
        return [*named, *catalog.owned(named, _told(tree))]
    return named


def _told(tree: dict[str, Any]) -> dict[str, frozenset[str]]:
    """The types of the events of each tenant's source."""
    events = {name: _table(table).get("event") for name, table in _table(tree.get("sources")).items()}
    return {
        name: frozenset({names.owned(event, owner)})
        for name, event in events.items()
        if (owner := names.tenant(name)) is not None and isinstance(event, str)
    }


def _broken(layers: list[str]) -> dict[str, str]:
    """The layers that can't be loaded, with their tiles, each with what is wrong in its file."""
    told = {}
    for name in layers:
        try:
            catalog.layer(name)
            catalog.tiles(name)
        except IocError as error:
            told[name] = error.say
        except Exception as error:  # as with adapters
            told[name] = f"The layer {name} can't be loaded ({error!r}); mend its file."
    return told


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _unknown(what: str, name: object, known: list[str] | tuple[str, ...]) -> str:
    near = difflib.get_close_matches(str(name), known, n=1)
    others = ", ".join(sorted({*known} - {*near}))
    if near:
        written = f"{near[0]}, or another of: {others}" if others else near[0]
    else:
        written = f"one of: {others or 'none yet'}"
    wrong = "There is no" if what in ("adapter", "layer", "sector", "source") else "Nothing reads the"
    return f"{wrong} {what} {name}; write {written}."
