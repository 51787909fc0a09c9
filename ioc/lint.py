"""Everything that is wrong with a settings file and its screens, each with its line and what to write instead.

Unlike `settings.load`, which stops at the first trouble, and needs no secret to be set.
"""

from __future__ import annotations

import difflib
import re
import tomllib
import types
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Union, get_args, get_origin

import msgspec

from ioc import catalog, lines, lint_checks, roll, score
from ioc.adapter import Adapter
from ioc.check import Check
from ioc.contract import Contract
from ioc.errors import BadConfig, IocError
from ioc.lines import Where
from ioc.mailing import Reminders, written_out
from ioc.plain import plain
from ioc.report_rules import Reports
from ioc.screen import Finding
from ioc.screen import lint as lint_screen
from ioc.settings import SECRET, Access, Province, Sector, Settings, Source, Streams, Web, screens_folder
from ioc.workdays import Calendar

__all__ = ["Finding", "lint"]

Wrong = Iterator[tuple[Where, str]]

TOP = (
    "province", "sources", "access", "web", "log", "calendar", "sectors", "checks", "reminders", "layers",
    "reports", "retention_days",
)  # fmt: skip
OF_A_SOURCE = ("adapter", "contract", "title", "sector")
_SECRET_NAME = re.compile(
    r"(^|[_-])(token|pass(word|wd|phrase)?|pwd|secret|api[_-]?key|apikey|access[_-]?key|private[_-]?key|credentials?|"
    r"authorization|bearer)$",
    re.IGNORECASE,
)
_IN_ADDRESS = re.compile(r"^[a-z][a-z0-9+.-]*://[^/\s@:]*:[^/\s@]+@", re.IGNORECASE)
_IN_QUERY = re.compile(
    r"[?&](?P<name>[^=&]*(?:token|passw|secret|api_?key|apikey|access_?key|signature)[^=&]*)=[^&]", re.IGNORECASE
)


def lint(file: Path) -> list[Finding]:
    """All that is wrong with `file` and the screens that it names, by file and line; empty: nothing is."""
    try:
        body = file.read_text(encoding="utf-8")
        tree = tomllib.loads(body)
    except OSError as error:
        return [Finding(str(file), None, f"It can't be read ({error.strerror}); name a settings file.")]
    except UnicodeDecodeError:
        return [Finding(str(file), None, "It is not UTF-8; save it as UTF-8.")]
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"line (\d+)", str(error))
        return [Finding(str(file), int(at[1]) if at else None, f"This is not TOML: {error}.")]
    known = lines.index(body)
    wrong = [*_settings(tree), *_sources(tree), *_secrets(tree, ()), *_systems(tree, ()), *_units(tree, file)]
    # what a table says as a whole may repeat what was found on the very line
    wrong = [(where, say) for where, say in wrong if not any(_repeats(say, other) for _, other in wrong)]
    found = {Finding(str(file), lines.line(known, where), say) for where, say in wrong}
    others = [*_rolls(tree, file), *_screens(tree, file, known)]
    return sorted(found, key=lambda one: (one.line or 0, one.say)) + others


def refused_screens(file: Path) -> list[Finding]:
    """What is wrong with the screens of `file` alone; a wall that can't be drawn must not be started."""
    return [one for one in lint(file) if one.file != str(file)]


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
    if not isinstance(tree.get("checks", {}), dict):
        yield ("checks",), "Checks are tables; write [checks.NAME]."
    for name, table in _table(tree.get("checks")).items():
        yield from check(table, Check, ("checks", name))
    yield from lint_checks.unknown(tree)
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
        if isinstance(event, str) and event not in heard:
            yield (*where, "event"), f"No layer listens to {event}; write one of {', '.join(sorted(heard))}."


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _heard(tree: dict[str, Any]) -> set[str]:
    """The event types that the layers of these settings listen to; a layer that can't be loaded is told elsewhere."""
    there = catalog.names("layers")
    heard: set[str] = set()
    for name in [name for name in _list(tree.get("layers")) if name in there] or there:
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
        yield where, f"{_shown(where)} is no table; write [{_shown(where)}]."
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
            yield where, f"{_shown(where)} has no {name}; write {name} = …."
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
        yield (*where, *deeper), f"{_shown((*where, *deeper))} is wrong: {begun.rstrip('.')}."


def _secrets(tree: Any, where: Where) -> Wrong:
    """Secrets that stand in the file, found by their name or by their place in an address."""
    if isinstance(tree, dict):
        for name, value in tree.items():
            # properties map fields of the source to ours: what stands there are names
            if where[-1:] != ("properties",) and _SECRET_NAME.search(name) and _is_secret(value):
                named = re.sub(r"\W", "_", f"{where[-1] if where else 'IOC'}_{name}").upper()
                say = f'put it into the environment, and write {name} = "${named}"'
                yield (*where, name), f"{name} is a secret written in the file; {say}."
            else:
                yield from _secrets(value, (*where, name))
    elif isinstance(tree, list):
        for number, value in enumerate(tree):
            yield from _secrets(value, (*where, number))
    elif isinstance(tree, str) and _IN_ADDRESS.match(tree):
        yield where, f'{_shown(where)} holds a password; put the whole address into the environment, and write "$NAME".'
    elif isinstance(tree, str) and (found := _IN_QUERY.search(tree)):
        say = "take it out of the address, and give it by a setting of its own"
        yield where, f'{_shown(where)} holds a secret ({found["name"]}); {say}, written as "$NAME".'


def _is_secret(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value) and not SECRET.match(value)
    return isinstance(value, int) and not isinstance(value, bool)


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
    wanted = [name for name in _list(tree.get("layers")) if name in catalog.names("layers")]
    layers = wanted or catalog.names("layers")
    tiles = {word.name for word in score.WORDS}
    for name in layers:
        try:
            catalog.layer(name)
            tiles |= {tile.name for tile in catalog.tiles(name)}
        except Exception as error:  # as with adapters
            say = f"The layer {name} can't be loaded ({error!r}); mend its file."
            yield Finding(str(file), lines.line(known, ("layers",)), say)
    for path in sorted(folder.glob("*.toml")):
        yield from lint_screen(path, set(layers), tiles)


def _rolls(tree: dict[str, Any], file: Path) -> Iterator[Finding]:
    """What is wrong with the lists of reporters that contracts name, each in its own file."""
    sources = [_table(table) for table in _table(tree.get("sources")).values()]
    given = [_table(_table(table.get("contract")).get("reporters")) for table in sources]
    for name in sorted({one["file"] for one in given if isinstance(one.get("file"), str)}):
        path = file.resolve().parent / name
        yield from (Finding(str(path), line, say) for line, say in roll.lint(path))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _shown(where: Where) -> str:
    return ".".join(str(part) for part in where) or "the file"


def _unknown(what: str, name: object, known: list[str] | tuple[str, ...]) -> str:
    near = difflib.get_close_matches(str(name), known, n=1)
    there = ", ".join(sorted(known)) or "none yet"
    wrong = "There is no" if what in ("adapter", "layer", "sector", "source") else "Nothing reads the"
    return f"{wrong} {what} {name}; write {near[0] + ', or another' if near else 'one'} of: {there}."
