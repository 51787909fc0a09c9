"""The communes before and after 1 July 2025, out of the package `vietnamadminunits`, which is read and not imported."""

from __future__ import annotations

import importlib.util
import json
import sqlite3
from contextlib import closing
from importlib import metadata
from pathlib import Path
from typing import Any

from ioc.errors import BadConfig
from ioc.geo.units import Unit, english, nfc
from ioc.settings import Province

PACKAGE = "vietnamadminunits"
_KINDS = ("Phường", "Xã", "Đặc khu")

_NEW = (
    "SELECT wardCode, ward, wardLon, wardLat, wardAreaKm2, wardKey, provinceKey FROM admin_units WHERE provinceCode = ?"
)
_OLD = """SELECT wardCode, ward, wardLon, wardLat, provinceCode, provinceKey, districtKey, wardKey
FROM admin_units_legacy WHERE provinceKey = ? AND wardCode IS NOT NULL"""


def version() -> str:
    """The version of the package that is installed."""
    return metadata.version(PACKAGE)


def read(province: Province) -> tuple[dict[str, Unit], dict[str, Unit]]:
    """Communes of today and of before 1 July 2025 that belong to `province`, by code, each with its `parts` across.

    With `legacy_province`, today's are those that lie for the most part in it. Raises BadConfig on an unknown code.
    """
    with closing(_open()) as lists:
        home = [province.province] if province.province else sorted({_home(lists, code) for code in province.codes})
        new: dict[str, Unit] = {}
        old: dict[str, Unit] = {}
        for code in home:
            here, before = _province(lists, code, province.legacy_province)
            new |= here
            old |= before
    if province.codes:
        if strange := [code for code in province.codes if code not in new]:
            say = f"There is no commune {', '.join(strange[:5])} in province {', '.join(home)}"
            raise BadConfig(f"{say}; correct codes, or province.")
        new = {code: new[code] for code in province.codes}
    parts = {part for unit in new.values() for part in unit.parts}
    return new, {code: unit for code, unit in old.items() if code in parts}


def _open() -> sqlite3.Connection:
    file = _folder() / "dataset.db"
    return sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)


def _folder() -> Path:
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise BadConfig(
            f"The package {PACKAGE} is not installed; install it with pip, or take province out of [province]."
        )
    return Path(found.submodule_search_locations[0]) / "data"


def _home(lists: sqlite3.Connection, code: str) -> str:
    row = lists.execute("SELECT provinceCode FROM admin_units WHERE wardCode = ?", (code,)).fetchone()
    if row is None:
        raise BadConfig(f"There is no commune {code} in the list of today; correct codes in [province].")
    return str(row[0])


def _province(lists: sqlite3.Connection, code: str, legacy: str | None) -> tuple[dict[str, Unit], dict[str, Unit]]:
    rows = lists.execute(_NEW, (code,)).fetchall()
    if not rows:
        raise BadConfig(f"There is no province {code}; write one of the 34 two-digit codes, such as 66 (Đắk Lắk).")
    crosswalk = _crosswalk(rows[0][6])
    before: dict[str, tuple[str, Any]] = {}
    for key in crosswalk["provinces"]:
        for row in lists.execute(_OLD, (key,)):
            before[f"{row[5]}_{row[6]}_{row[7]}"] = (str(row[0]), row)
    if legacy is not None and legacy not in {row[4] for _, row in before.values()}:
        there = ", ".join(sorted({row[4] for _, row in before.values()}))
        raise BadConfig(f"Province {code} was not made of {legacy}; write one of {there} as legacy_province.")
    across: dict[str, list[str]] = {}
    new: dict[str, Unit] = {}
    for ward, name, lon, lat, km2, key, _ in rows:
        old = [before[part] for part in crosswalk["communes"].get(key, ()) if part in before]
        inside = sum(1 for _, row in old if row[4] == legacy)
        if legacy is not None and 2 * inside < max(1, len(old)):
            continue
        for part, _ in old:
            across.setdefault(part, []).append(str(ward))
        said = nfc(name)
        new[str(ward)] = Unit(str(ward), said, english(said), lon, lat, km2 or 0.0, tuple(part for part, _ in old))
    return new, {part: _old(row, across[part]) for part, row in before.values() if part in across}


def _old(row: Any, parts: list[str]) -> Unit:
    name = nfc(row[1])
    return Unit(str(row[0]), name, english(name), row[2], row[3], 0.0, tuple(sorted(parts)))


def _crosswalk(province_key: str) -> dict[str, Any]:
    """Old provinces of a new one, and the old communes of each new one, by the package's keys."""
    data = json.loads((_folder() / "converter_2025.json").read_bytes())
    communes = {key: list(parts) for key, parts in data["DICT_PROVINCE_WARD_NO_DIVIDED"].get(province_key, {}).items()}
    for part, pieces in data["DICT_PROVINCE_WARD_DIVIDED"].get(province_key, {}).items():
        for piece in pieces:
            communes.setdefault(piece["newWardKey"], []).append(part)
    return {"provinces": data["DICT_PROVINCE"][province_key], "communes": communes}


def borne() -> dict[str, int]:
    """How many communes of today bear each name, without its kind, in the whole country."""
    found: dict[str, int] = {}
    with closing(_open()) as lists:
        for (name,) in lists.execute("SELECT ward FROM admin_units WHERE ward IS NOT NULL"):
            said = nfc(name)
            bare = next((said[len(kind) + 1 :] for kind in _KINDS if said.startswith(kind + " ")), said)
            found[bare] = found.get(bare, 0) + 1
    return found
