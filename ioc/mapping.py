"""From a source's own field names to a reading: one mapping, used by every adapter whose source has records.

Settings (TOML, within a source's table)::

    id = "id"                       # or a list of fields; joined with "/"
    prefix = "cam/"                 # put before the subject
    time = {path = "refreshed", form = "%d/%m/%Y %H:%M"}   # or time = "updated", or a list: the first that is there
    lon = "location.lng"            # dots step into objects
    lat = "location.lat"
    place = "optional"              # a record without a place is taken (default: required, where lon/lat are mapped)
    crs = 5899                      # EPSG code of lon/lat (x/y); 4326 when left out
    within = [108.0, 12.5, 110.0, 14.0]   # west, south, east, north: what lies outside is set aside
    geometry = "geom"               # a GeoJSON geometry instead of lon/lat
    unit = "ward_code"
    volatile = ["image"]            # properties that are carried but don't count as a change
    gone = {status = ["removed"]}   # the subject ended
    refuse_if = {status = "error"}  # records that the source itself calls bad, and the field that says why
    refuse_why = "error"
    [sources.x.properties]
    name = "label"
    ptz = {path = "ptz", kind = "flag"}
    state = {path = "verification_status", values = {success = "live", error = "down"}, default = "live"}

A mapped field that a record does not have sets the record aside (a source that lost a column must not look well);
`required = false` or `default` allows it. A field that is there and empty becomes null; `required = true` forbids it.
Fields that nothing maps are left alone; a new one is noticed. A value that reads in another form of its kind than the
one agreed (3.359,80 for 3359.80, a day written otherwise) is set aside as retyped: the column may have changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

import msgspec

from ioc import clock, fields
from ioc.adapter import AdapterConfig, Reading
from ioc.bodies import Record
from ioc.errors import BadConfig, BadRecord
from ioc.event import Geometry, Method
from ioc.geo import place
from ioc.mapped_field import Field, Path, Scalar, as_field, as_time, value, zone_named
from ioc.spares import Spares

MAX_READING = 32 * 1024
"""Bytes of one reading's properties at most, as JSON."""
MAX_SUBJECT = 200
"""Characters of a subject at most."""


class Mapped(AdapterConfig, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of an adapter whose source has records; the module's text shows each.

    `id`, `prefix`: the subject. `time`, `zone`: when it became true; times without an offset are clocks in `zone`.
    `ahead`: seconds that a time may lie in the future. `lon`, `lat`, `crs`, `geometry`, `place`, `within`: where it is.
    `unit`: code of the commune. `method`: how it was entered, where each record says so. `properties`, `volatile`:
    what is carried. `gone`: field and value(s) by which a subject ended. `refuse_if`: the same for a record that the
    source calls bad; `refuse_why`: the field with the reason. `sender_id`: the sender's own id of the record.
    `repeat`: records only repeat what another form tells in full.
    """

    id: Path
    prefix: str = ""
    time: Path | None = None
    zone: str = "Asia/Ho_Chi_Minh"
    ahead: float = 86_400.0
    lon: Path | None = None
    lat: Path | None = None
    crs: int = 4326
    geometry: str | None = None
    place: Literal["required", "optional"] = "required"
    within: tuple[float, float, float, float] | None = None
    unit: Path | None = None
    method: Path | None = None
    properties: dict[str, Path] = msgspec.field(default_factory=dict)
    volatile: tuple[str, ...] = ()
    gone: dict[str, Scalar | list[Scalar]] = msgspec.field(default_factory=dict)
    refuse_if: dict[str, Scalar | list[Scalar]] = msgspec.field(default_factory=dict)
    refuse_why: str | None = None
    sender_id: Path | None = None
    repeat: bool = False

    def __post_init__(self) -> None:
        if (self.lon is None) != (self.lat is None):
            raise ValueError("lon and lat go together; write both")
        if self.lon is not None and self.geometry is not None:
            raise ValueError("a place comes from lon and lat or from geometry; write one of them")
        if stray := [name for name in self.volatile if name not in self.carried]:
            raise ValueError(f"volatile names {', '.join(stray)}, which properties do not map")
        if self.within is not None and not (self.within[0] < self.within[2] and self.within[1] < self.within[3]):
            raise ValueError("within is [west, south, east, north], in degrees")
        try:
            place.change(self.crs)
        except BadConfig as error:
            raise ValueError(error.say.rstrip(".")) from None
        zone_named(self.zone)

    @property
    def carried(self) -> frozenset[str]:
        """Names of the properties that readings may have; an adapter that adds some names them here."""
        return frozenset(self.properties)


def read(
    config: Mapped,
    record: Mapping[str, Any],
    *,
    line: int | None = None,
    raw: object = None,
    geometry: Geometry | None = None,
    now: datetime | None = None,
) -> Reading:
    """The reading of one record. `geometry`: given by the form itself (GeoJSON, KML), still in the source's CRS.

    `now` (default: the present) is what `ahead` counts from. Raises BadRecord and nothing else, with the record as
    `raw`; reasons: no_id, no_place, bad_place, swapped_place, outside_place, bad_time, future_time, unknown_code,
    missing_field, bad_number, retyped, bad_type, too_large, refused_by_source.
    """
    subject: str | None = None
    try:
        subject = _subject(config, record)
        _refused(config, record)
        if config.gone and _matches(config.gone, record):
            at, sender_id = _time(config, record, now), _sender(config, record)
            return Reading(subject, {}, time=at, gone=True, sender_id=sender_id, line=line)
        return Reading(
            subject=subject,
            properties=_properties(config, record),
            time=_time(config, record, now),
            geometry=_geometry(config, record, geometry),
            unit=_unit(config, record),
            method=_method(config, record),
            volatile=frozenset(config.volatile),
            repeat=config.repeat,
            sender_id=_sender(config, record),
            line=line,
        )
    except BadRecord as error:
        raise error.of(record if raw is None else raw, subject) from None


def paths(config: Mapped) -> frozenset[str]:
    """Every path of a record that a mapping reads."""
    given: list[Path | None] = [*config.id] if isinstance(config.id, tuple) else [config.id]
    given += [config.time, config.lon, config.lat, config.geometry, config.unit, config.method, config.sender_id]
    given += [config.refuse_why, *config.properties.values(), *config.gone, *config.refuse_if]
    return frozenset(path for one in given if one is not None for path in as_field(one).paths)


def results(config: Mapped, records: Iterable[Record]) -> Iterator[Reading | BadRecord]:
    """The reading of each record of a body, or why it has none, in their order; `line` counts records from 1."""
    own_place, spares = config.lon is None and config.geometry is None, Spares(paths(config))
    for line, record in enumerate(records, start=1):
        try:
            if not isinstance(record.raw, dict):
                say = "The record is no object; its owner must send objects with fields."
                raise BadRecord(say, reason="bad_type", raw=record.raw)
            given = record.geometry if own_place else None
            reading = read(config, record.fields, line=line, raw=record.raw, geometry=given)
            yield spares.beside(reading, record.fields)
        except BadRecord as error:
            yield error


def _subject(config: Mapped, record: Mapping[str, Any]) -> str:
    given = config.id if isinstance(config.id, tuple) else (config.id,)
    parts = []
    for path in given:
        field = as_field(path, "text")
        found = fields.first(record, field.paths)
        if found is fields.ABSENT or found is None:
            say = f"The record has no {field.name}, which is its identity; the source must give one."
            raise BadRecord(say, reason="no_id", field=field.name, at="id")
        said = fields.text(value(field, record, at="id"), field.name)
        parts.append(said.replace("%", "%25").replace("/", "%2F") if len(given) > 1 else said)
    subject = " ".join((config.prefix + "/".join(parts)).split())
    if not all(parts) or len(subject) > MAX_SUBJECT:
        say = f"The identity is empty or longer than {MAX_SUBJECT} characters; map another field as id."
        raise BadRecord(say, reason="no_id")
    return subject


def _matches(wanted: Mapping[str, Scalar | list[Scalar]], record: Mapping[str, Any]) -> bool:
    """Whether every field named holds (one of) its value(s), compared as text."""
    for path, codes in wanted.items():
        found = fields.step(record, path)
        if found is fields.ABSENT or not isinstance(found, str | int | float | None):
            return False
        said = "" if found is None else fields.text(found, path)
        if said not in [fields.text(code, path) for code in (codes if isinstance(codes, list) else [codes])]:
            return False
    return True


def _refused(config: Mapped, record: Mapping[str, Any]) -> None:
    if not config.refuse_if or not _matches(config.refuse_if, record):
        return
    why = fields.step(record, config.refuse_why) if config.refuse_why else None
    told = fields.shown(why) if isinstance(why, str) and why.strip() else "without a reason"
    say = f"The source itself calls this record bad: {told}; its owner must correct it."
    raise BadRecord(say, reason="refused_by_source")


def _time(config: Mapped, record: Mapping[str, Any], now: datetime | None) -> datetime | None:
    if config.time is None:
        return None
    field = as_time(config.time)
    found = value(field, record, config.zone, "time")
    if found is None:
        return None
    if not isinstance(found, datetime):
        found = fields.moment(found, field.name, field.form, zone_named(field.zone or config.zone))
    if found > (now or clock.now()) + timedelta(seconds=config.ahead):
        say = f"Field {field.name} says {found.isoformat()}, which lies in the future; the source's clock must be set."
        raise BadRecord(say, reason="future_time", field=field.name, at="time")
    return found


def _properties(config: Mapped, record: Mapping[str, Any]) -> dict[str, Any]:
    mapped, zone = config.properties.items(), config.zone
    found = {name: value(as_field(path), record, zone, f"properties.{name}") for name, path in mapped}
    said = {name: clock.rfc3339(kept) if isinstance(kept, datetime) else kept for name, kept in found.items()}
    if len(msgspec.json.encode(said)) > MAX_READING:
        say = f"The record's properties exceed {MAX_READING:,} bytes; map fewer or shorter fields."
        raise BadRecord(say, reason="too_large")
    return said


def _geometry(config: Mapped, record: Mapping[str, Any], given: Geometry | None) -> Geometry | None:
    if config.lon is not None and config.lat is not None:
        both = [value(_coordinate(path), record, at=at) for at, path in (("lon", config.lon), ("lat", config.lat))]
        if both[0] is not None and both[1] is not None:
            return place.point(both[0], both[1], config.crs, config.within)
    else:
        if config.geometry is not None:
            given = fields.first(record, (config.geometry,))
            given = None if given is fields.ABSENT else given
        elif given is None:
            return None
        if given is not None:
            return place.shape(given, config.crs, config.within)
    if config.place == "required":
        say = 'The record has no place; the source must give one, or write place = "optional".'
        raise BadRecord(say, reason="no_place")
    return None


def _coordinate(path: Path) -> Field:
    """A coordinate is a number; that it is absent or empty is `place`'s affair."""
    return msgspec.structs.replace(as_field(path), kind="number", required=False)


def _unit(config: Mapped, record: Mapping[str, Any]) -> str | None:
    found = None if config.unit is None else value(as_field(config.unit, "text"), record, at="unit")
    return None if found is None else fields.text(found, "unit")


def _method(config: Mapped, record: Mapping[str, Any]) -> Method | None:
    if config.method is None:
        return None
    found = value(as_field(config.method, "text"), record, at="method")
    if found is not None and found not in get_args(Method):
        say = f"Field method holds {fields.shown(found)}; map its values to one of {', '.join(get_args(Method))}."
        raise BadRecord(say, reason="unknown_code")
    return found  # type: ignore[no-any-return]


def _sender(config: Mapped, record: Mapping[str, Any]) -> str | None:
    if config.sender_id is None:
        return None
    found = value(as_field(config.sender_id, "text"), record, at="sender_id")
    return None if found is None else fields.text(found, "sender_id")
