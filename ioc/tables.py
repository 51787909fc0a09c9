"""From the rows of a table to readings: what `sql_query` and `table_file` share.

Settings, beside those of `ioc.mapping` (TOML, within a source's table or a form's)::

    carry = {columns = ["doses*"], kind = "integer"}     # a wide row: each of these columns becomes a property
    melt = {columns = ["0 - 04", "05 - 09"], name = "age", value = "people"}   # or one reading a cell

Melting makes of one row as many records as it has such cells, each with the row's other columns, the melted
column's name and its value; `id`, `properties` and the rest then name `age` and `people` as if they were columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from ioc import clock, fields, mapped_field, mapping
from ioc.adapter import Reading
from ioc.errors import BadRecord
from ioc.spares import Spares


class Carry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Columns that become properties under their own names.

    `columns`: names or patterns (`*`, `?`); a name must be there.
    `kind`, `form`, `default`: how each is read, as in a mapped field; an empty cell becomes null, or `default`.
    """

    columns: tuple[str, ...]
    kind: mapped_field.Kind = "plain"
    form: str | None = None
    default: mapped_field.Scalar | None = None


class Melt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Columns whose cells become records of their own. `columns`: names or patterns; a name must be there.

    `name`, `value`: what the column's name and the cell are called in the mapping. `empty`: an empty cell is
    skipped, or kept as an empty value.
    """

    columns: tuple[str, ...]
    name: str = "column"
    value: str = "value"
    empty: Literal["skip", "keep"] = "skip"


class Rows(mapping.Mapped, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of a source of rows. `carry`: columns that become properties; `melt`: cells that become records."""

    carry: Carry | None = None
    melt: Melt | None = None


class Row(NamedTuple):
    """One row: where it stood (from 1), its cells by column, and whether it is a subtotal of others."""

    line: int
    cells: Mapping[str, Any]
    total: bool = False


def wanted(config: Rows) -> list[mapped_field.Field]:
    """Every field that a table must have a column for: all that is mapped and not `required = false`."""
    given: list[mapped_field.Path | None] = [*config.id] if isinstance(config.id, tuple) else [config.id]
    given += [
        config.time,
        config.lon,
        config.lat,
        config.geometry,
        config.unit,
        config.method,
        config.sender_id,
        config.refuse_why,
    ]
    given += [*config.properties.values(), *config.gone, *config.refuse_if]
    for more in (config.carry, config.melt):
        given += [name for name in more.columns if not _pattern(name)] if more else []
    made = {config.melt.name, config.melt.value} if config.melt else set()
    found = [mapped_field.as_field(path) for path in given if path is not None]
    return [
        field for field in found if field.paths and field.required is not False and not made.intersection(field.paths)
    ]


def missing(config: Rows, columns: Iterable[str]) -> list[str]:
    """Names of mapped fields that a table with these columns lacks. A default doesn't excuse a lost column."""
    there = dict.fromkeys(columns)
    lacking = [field for field in wanted(config) if all(_column(path, there) is None for path in field.paths)]
    return list(dict.fromkeys(field.name for field in lacking))


def _column(path: str, there: Mapping[str, Any]) -> str | None:
    """The column that `path` starts from: itself, or the part before a dot (a JSON column)."""
    if path in there:
        return path
    cut = path.find(".")
    while cut > 0:
        if path[:cut] in there:
            return path[:cut]
        cut = path.find(".", cut + 1)
    return None


def readings(
    config: Rows, rows: Iterable[Row | BadRecord], *, event: str | None = None, form: str = ""
) -> Iterator[Reading | BadRecord]:
    """The readings of rows, and a BadRecord for each that can't be read. `event`: their type, if not the source's.

    `form`: a name of the form of table, where a source has several.
    """
    zone = ZoneInfo(config.zone)
    lacking: list[str] | None = None
    spares = Spares(_mapped(config), config.carry.columns if config.carry else (), form)
    for row in rows:
        if isinstance(row, BadRecord):
            yield row
            continue
        if lacking is None:
            lacking = missing(config, row.cells)
        for record in _melted(config.melt, {name: _aware(cell, zone) for name, cell in row.cells.items()}):
            read = _reading(config, record, row.line, lacking, event)
            yield read if isinstance(read, BadRecord) else spares.beside(read, record)


def once_more(config: Rows, record: dict[str, Any], *, event: str | None = None) -> Reading | BadRecord:
    """The reading of a record that was set aside, with its row melted already; or why it has none still."""
    return _reading(config, record, 0, missing(config, record), event)


def _mapped(config: Rows) -> frozenset[str]:
    made = (config.melt.name, config.melt.value, *config.melt.columns) if config.melt else ()
    return mapping.paths(config) | frozenset(made)


def _reading(
    config: Rows, record: dict[str, Any], line: int, lacking: list[str], event: str | None
) -> Reading | BadRecord:
    try:
        read = mapping.read(config, record, line=line)
        if lacking:
            names = ", ".join(lacking)
            say = f"The table has no column {names} any more; ask its owner, then map the column by its new name."
            raise BadRecord(say, reason="missing_field", raw=record, subject=read.subject, field=names)
        if config.carry and not read.gone:
            read = msgspec.structs.replace(
                read, properties={**_carried(config, record, read.subject), **read.properties}
            )
    except BadRecord as bad:
        return bad
    return msgspec.structs.replace(read, type=event) if event else read


def _carried(config: Rows, record: dict[str, Any], subject: str) -> dict[str, Any]:
    carry = config.carry
    assert carry is not None
    found: dict[str, Any] = {}
    for name in record:
        if any(fnmatchcase(name, pattern) for pattern in carry.columns):
            field = mapped_field.Field(path=(name,), kind=carry.kind, form=carry.form, default=carry.default)
            try:
                value = mapped_field.value(field, record, config.zone, "carry")
            except BadRecord as bad:
                raise bad.of(record, subject) from None
            found[name] = clock.rfc3339(value) if isinstance(value, datetime) else value
    if len(msgspec.json.encode(found)) > mapping.MAX_READING:
        say = f"The carried columns exceed {mapping.MAX_READING:,} bytes; carry fewer of them."
        raise BadRecord(say, reason="too_large", raw=record, subject=subject)
    return found


def _melted(melt: Melt | None, cells: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if melt is None:
        yield cells
        return
    chosen = [name for name in cells if any(fnmatchcase(name, pattern) for pattern in melt.columns)]
    rest = {name: cell for name, cell in cells.items() if name not in chosen}
    for name in chosen:
        if melt.empty == "keep" or not fields.empty(cells[name]):
            yield {**rest, melt.name: name, melt.value: cells[name]}


def _aware(cell: Any, zone: ZoneInfo) -> Any:
    """Times of a table are clocks in the source's zone; a span of time is told as text."""
    if isinstance(cell, datetime):
        return clock.aware(cell, zone)
    return str(cell) if isinstance(cell, timedelta) else cell


def _pattern(name: str) -> bool:
    return any(sign in name for sign in "*?[")
