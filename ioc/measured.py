"""From a station's record to readings of what it measures: one for each station and quantity, `STATION/QUANTITY`.

Settings (TOML, within a source's table, beside those of `ioc.mapping`; `id` is the station)::

    quantity = "yeu_to"             # rows of one value each: the field that says what it is, and the one with the value
    value = "gia_tri"
    no_data = [-999999, -9999, 9999.9]
    silent_s = 3600                 # a gauge that told nothing newer for so long is silent
    skip = ["PIN"]                  # codes that are known, and not wanted
    [sources.x.quantities]
    level = {code = "H", uom = "m", limits = ["bd1", "bd2", "bd3"], least = -5, most = 60}
    rain_1h = {code = ["R1", "X"], uom = "mm"}
    air = {path = "aqi", limits = [100, 150, 200]}   # rows of many values: where this one stands
    [sources.x.limits]              # by station, or station/quantity; before those of the record and the quantity
    CAU-LAU = [2.0, 3.0, 4.0]

A value that is left empty, or is one of `no_data`, is no value: the gauge is told with none, and the figure counts it
as no data. A code that nobody maps, and a value that can't be true, set the record aside.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import msgspec

from ioc import clock, fields, mapped_field, mapping
from ioc.adapter import Reading
from ioc.bodies import Record
from ioc.errors import BadRecord
from ioc.mapped_field import Field, Path
from ioc.mapping import Mapped
from ioc.spares import Spares

Limits = tuple[float, float, float]
"""Alarm levels I, II and III, in the quantity's own unit."""
NOW = datetime.max.replace(tzinfo=UTC)
"""Of what tells no time: it is of the moment of receipt, and so the newest."""
NO_DATA = (-999999.0, -99999.0, -9999.0, -999.0)
OWN = frozenset({"station", "quantity", "value", "uom", "limits", "due", "no_data"})


class Quantity(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`code`: what rows of one value call it; `path`: where a row of many has it. `uom`: its unit, as it is shown.

    `factor`: what a value is multiplied by. `limits`: alarm levels I, II, III, or the record's fields that hold them.
    `least`, `most`: what lies outside can't be true.
    """

    code: str | tuple[str, ...] = ()
    path: Path | None = None
    uom: str = ""
    factor: float = 1.0
    limits: tuple[float | str, float | str, float | str] | None = None
    least: float | None = None
    most: float | None = None

    @property
    def codes(self) -> tuple[str, ...]:
        """All that it is called."""
        return (self.code,) if isinstance(self.code, str) else self.code


class Measuring(Mapped, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of an adapter whose source measures; the module's text shows each.

    `quantities`: what is measured, by our names. `quantity`, `value`: of rows of one value each. `no_data`: numbers
    that say that there is none. `limits`: alarm levels of stations. `silent_s`: seconds. `skip`: codes that are
    not wanted.
    """

    least: ClassVar[int] = 1

    quantities: dict[str, Quantity] = msgspec.field(default_factory=dict)
    quantity: Path | None = None
    value: Path = Field("value", required=False)
    no_data: tuple[float, ...] = NO_DATA
    limits: dict[str, Limits] = msgspec.field(default_factory=dict)
    silent_s: float | None = None
    skip: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.quantities) < self.least:
            raise ValueError('quantities names nothing; write one like quantities.level = {code = "H"}')
        for name, one in self.quantities.items():
            if "/" in name:
                raise ValueError(f"the quantity {name} has a slash in its name; write it without")
            if self.least and self.quantity is None and one.path is None and not one.codes:
                raise ValueError(f"the quantity {name} has neither code nor path; write one of them")
        if taken := OWN & set(self.properties):
            raise ValueError(f"properties names {', '.join(sorted(taken))}, which every gauge has; give another name")

    def called(self, *codes: str) -> str | None:
        """Our name of what the source calls by one of `codes`, the first that is known; None: not wanted.

        Raises BadRecord on codes that nobody maps."""
        for code in codes:
            for name, one in self.quantities.items():
                if code in one.codes:
                    return name
        if any(code in self.skip for code in codes):
            return None
        say = f"The quantity {fields.shown(codes[0])} is not known; ask its owner, then add it to quantities or skip."
        raise BadRecord(say, reason="unknown_code", code=codes[0][:40], at="quantities")


def results(config: Measuring, records: Iterable[Record]) -> Iterator[Reading | BadRecord]:
    """The readings of each record of a body, or why there is none, in their order; `line` counts records from 1."""
    spares = Spares(paths(config))
    own_place = config.lon is None and config.geometry is None
    for line, record in enumerate(records, start=1):
        try:
            if not isinstance(record.raw, dict):
                say = "The record is no object; its owner must send objects with fields."
                raise BadRecord(say, reason="bad_type", raw=record.raw)
            given = record.geometry if own_place else None
            base = mapping.read(config, record.fields, line=line, raw=record.raw, geometry=given)
        except BadRecord as error:
            yield error
            continue
        for found in _each(config, base, record):
            yield spares.beside(found, record.fields) if isinstance(found, Reading) else found


def newest(found: Iterable[Reading | BadRecord]) -> Iterator[Reading | BadRecord]:
    """Of each gauge its newest reading alone, for answers that hold a series; those of one time all stay, because
    that one gauge says two things at once is for others to judge."""
    last: dict[str, list[Reading]] = {}
    for one in found:
        if isinstance(one, BadRecord):
            yield one
            continue
        known = last.get(one.subject)
        if known is None or _when(known[0]) < _when(one):
            last[one.subject] = [one]
        elif _when(known[0]) == _when(one):
            known.append(one)
    for same in last.values():
        yield from same


def paths(config: Measuring) -> frozenset[str]:
    """Every path of a record that the settings read."""
    given: list[Path | None] = [config.quantity, config.value, *(one.path for one in config.quantities.values())]
    found = {path for one in given if one is not None for path in mapped_field.as_field(one).paths}
    levels = [one.limits for one in config.quantities.values() if one.limits is not None]
    return mapping.paths(config) | found | {path for three in levels for path in three if isinstance(path, str)}


def _when(reading: Reading) -> datetime:
    return reading.time or NOW


def _each(config: Measuring, base: Reading, record: Record) -> Iterator[Reading | BadRecord]:
    if base.gone:
        for name in config.quantities:
            yield msgspec.structs.replace(base, subject=f"{base.subject}/{name}")
        return
    if config.quantity is None:
        wanted = [(name, one.path if one.path is not None else name) for name, one in config.quantities.items()]
    else:
        try:
            code = mapped_field.value(mapped_field.as_field(config.quantity, "text"), record.fields, at="quantity")
            called = config.called(code if isinstance(code, str) else "")
        except BadRecord as error:
            yield error.of(record.raw, base.subject)
            return
        wanted = [] if called is None else [(called, config.value)]
    for name, path in wanted:
        try:
            yield measured(config, base, name, _number(path, record.fields), record.fields)
        except BadRecord as error:
            yield error.of(record.raw, f"{base.subject}/{name}")


def measured(config: Measuring, base: Reading, name: str, value: float | None, record: Mapping[str, Any]) -> Reading:
    """The reading of one gauge: `base` is its station's, `value` as the source told it. Raises BadRecord."""
    quantity = config.quantities[name]
    told: dict[str, Any] = {"station": base.subject, "quantity": name, "value": value, "uom": quantity.uom}
    if value is not None and value in config.no_data:
        told |= {"value": None, "no_data": f"{value:g}" if abs(value) < 1e6 else str(value)}
    elif value is not None:
        told["value"] = _true(quantity, name, value)
    limits = _limits(config, quantity, base.subject, name, record)
    if limits is not None:
        told["limits"] = list(limits)
    if config.silent_s is not None and base.time is not None:
        told["due"] = clock.rfc3339(base.time + timedelta(seconds=config.silent_s))
    subject = f"{base.subject}/{name}"
    return msgspec.structs.replace(base, subject=subject, properties={**base.properties, **told})


def _number(path: Path, record: Mapping[str, Any]) -> float | None:
    field = mapped_field.as_field(path, "number")
    found = mapped_field.value(msgspec.structs.replace(field, kind="number"), record)
    return None if found is None else float(found)


def _true(quantity: Quantity, name: str, value: float) -> float:
    found = round(value * quantity.factor, 6)
    if (quantity.least is not None and found < quantity.least) or (quantity.most is not None and found > quantity.most):
        say = (
            f"{name} is {found:g} {quantity.uom}, which can't be true; see to the gauge, or add the number to no_data."
        )
        raise BadRecord(say, reason="bad_number", field=name, at=f"quantities.{name}")
    return found


def _limits(config: Measuring, quantity: Quantity, station: str, name: str, record: Mapping[str, Any]) -> Limits | None:
    """Levels I, II, III, rising. Raises BadRecord when the record's own do not rise."""
    own = config.limits.get(f"{station}/{name}") or config.limits.get(station)
    if own is not None:
        return own
    if quantity.limits is None:
        return None
    told = [
        one if isinstance(one, int | float) else _number(Field(one, required=False), record) for one in quantity.limits
    ]
    if any(one is None for one in told):
        return None
    first, second, third = (float(one) for one in told if one is not None)
    if not first <= second <= third:
        say = f"The alarm levels {first:g}, {second:g}, {third:g} do not rise; correct them at the source."
        raise BadRecord(say, reason="bad_number", field=name, at=f"quantities.{name}.limits")
    return first, second, third
