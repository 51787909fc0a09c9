"""GTFS-realtime: positions of vehicles, trips as they run, and service alerts, as protobuf over HTTP.

    [sources.buses]
    adapter = "gtfs_realtime"
    event = "ioc.vehicle.observed"
    also = {trips = "ioc.trip.observed", alerts = "ioc.service.alerted"}
    url = "https://bus.example.vn/gtfs-rt/all.pb"
    token = "$BUS_TOKEN"
    stops = "stops.txt"
    within = [107.2, 14.9, 108.8, 16.1]

The form is that of https://gtfs.org/documentation/realtime/reference/ (version 2, whole datasets). A vehicle that gives
no position stands at the stop that it names, when `stops` (the stops.txt of the timetable) knows it, and says so
(`at_stop`); else it has no place. A code that the form does not know is left out, never taken for another.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from ioc import bodies, clock, fields
from ioc.adapter import Adapter, AdapterConfig, Answer, Reading
from ioc.errors import BadConfig, BadRecord, Untaken
from ioc.geo import place

MOST_ENTITIES = 200_000
MOST_STOPS = 200_000
AHEAD = timedelta(minutes=1)
"""How long after its feed a vehicle may have been seen: clocks differ; some give planned departures."""
_UNPLACED = (0.0, 0.0)
"""What a receiver without a fix sends; no province of ours lies there."""


class Feed(AdapterConfig, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`url`: address of the feed. `token`: sent as Bearer in `token_header`, or as it is in any other header.

    `also`: types of the events that `trips` and `alerts` become; what is left out is not read. `event` is that of
    vehicles. `stops`: path of a stops.txt. `within`: west, south, east, north; a vehicle outside is set aside.
    `complete`: a feed holds all that runs, so that a vehicle which is absent is gone (true, when left out).
    """

    url: str
    token: str | None = None
    token_header: str = "Authorization"  # noqa: S105 - the name of a header
    stops: str | None = None
    within: tuple[float, float, float, float] | None = None
    complete: bool = True

    def __post_init__(self) -> None:
        if stray := self.also.keys() - {"trips", "alerts"}:
            raise ValueError(f"also names {', '.join(sorted(stray))}; a feed tells trips and alerts beside vehicles")


class Stop(msgspec.Struct, frozen=True):
    """One line of stops.txt."""

    name: str
    lon: float
    lat: float


class GtfsRealtime(Adapter[Feed]):
    """Asks one feed."""

    Config = Feed

    def __init__(self, name: str, config: Feed) -> None:
        super().__init__(name, config)
        self.stops = _stops(Path(config.stops)) if config.stops else {}

    def headers(self) -> dict[str, str]:
        if self.config.token is None:
            return {}
        bearer = self.config.token_header.lower() == "authorization"
        return {self.config.token_header: f"Bearer {self.config.token}" if bearer else self.config.token}

    def parse(self, answer: Answer) -> Iterable[Reading | BadRecord]:
        """Readings of one feed. Raises SourceDown when the body is none, or tells changes alone."""
        feed = _feed(answer.body, answer.name or self.name)
        try:
            told = _time(feed.header.timestamp) if feed.header.HasField("timestamp") else None
        except BadRecord as bad:
            raise Untaken(f"The header of the feed can't be read. {bad.say}") from None
        known: set[str] = set()
        for entity in feed.entity:
            for result in self._entity(entity, told):
                subject = result.subject
                if isinstance(result, Reading) and subject in known:
                    say = f"The feed tells {subject} twice; its owner must give each an id of its own."
                    yield BadRecord(say, reason="conflict", raw=_raw(entity), subject=subject)
                    continue
                known.add(subject or "")
                yield result

    def _entity(self, entity: Any, told: datetime | None) -> Iterator[Reading | BadRecord]:
        kinds = (
            ("vehicle", self.config.event, self._vehicle),
            ("trip_update", self.config.also.get("trips"), self._trip),
            ("alert", self.config.also.get("alerts"), self._alert),
        )
        for field, kind, read in kinds:
            if kind is None or not entity.HasField(field) or entity.is_deleted:
                continue
            try:
                yield msgspec.structs.replace(read(entity.id, getattr(entity, field), told), type=kind)
            except BadRecord as bad:
                yield bad.of(_raw(entity), bad.subject)

    def _vehicle(self, id: str, told: Any, at: datetime | None) -> Reading:
        subject = _subject("vehicle", told.vehicle.id if told.vehicle.HasField("id") else _trip_of(told.trip), id)
        properties = _run(told.trip) | _codes(told, ("current_status", "occupancy_status", "congestion_level"))
        if told.vehicle.HasField("label"):
            properties["name"] = fields.clean(told.vehicle.label)
        geometry = None
        stop = self.stops.get(told.stop_id)
        if stop is not None:
            properties["stop"] = stop.name
        elif told.HasField("stop_id"):
            properties["stop"] = fields.clean(told.stop_id)
        if told.HasField("position") and (told.position.longitude, told.position.latitude) != _UNPLACED:
            geometry = self._point(told.position.longitude, told.position.latitude, subject)
            if told.position.HasField("bearing"):
                properties["course"] = round(told.position.bearing) % 360
            if told.position.HasField("speed"):
                properties["speed_kmh"] = round(3.6 * told.position.speed, 1)
        elif stop is not None:
            geometry = self._point(stop.lon, stop.lat, subject)
            properties["at_stop"] = True
        time = _time(told.timestamp) if told.HasField("timestamp") else at
        if time is not None and at is not None and time - at > AHEAD:
            say = f"{subject} was seen at {clock.rfc3339(time)}, after its feed; planned times are no positions."
            raise BadRecord(say, reason="future_time", subject=subject, field="vehicle.timestamp")
        return Reading(subject, properties, time=time, geometry=geometry)

    def _point(self, lon: float, lat: float, subject: str) -> dict[str, Any]:
        try:
            # protobuf gives 32-bit floats: six decimals are more than they hold
            return place.point(round(lon, 6), round(lat, 6), within=self.config.within)
        except BadRecord as bad:
            bad.subject = subject
            raise

    def _trip(self, id: str, told: Any, at: datetime | None) -> Reading:
        properties = _run(told.trip)
        moment = _time(told.timestamp) if told.HasField("timestamp") else at
        coming = [one for one in told.stop_time_update if _due(one) is None or moment is None or _due(one) >= moment]
        properties["stops_left"] = len(coming)
        delays = [told.delay] if told.HasField("delay") else [_delay(one) for one in coming]
        delay = next((one for one in delays if one is not None), None)
        if delay is not None:
            properties["delay_s"] = int(delay)
        if coming and coming[0].HasField("stop_id"):
            stop = self.stops.get(coming[0].stop_id)
            properties["next_stop"] = stop.name if stop is not None else fields.clean(coming[0].stop_id)
        return Reading(_subject("trip", _trip_of(told.trip), id), properties, time=moment)

    def _alert(self, id: str, told: Any, at: datetime | None) -> Reading:
        properties = _codes(told, ("cause", "effect", "severity_level"))
        for name, texts in (("name", told.header_text), ("text", told.description_text)):
            found = {one.language or "": fields.clean(one.text) for one in texts.translation}
            if words := found.get("vi") or found.get("") or next(iter(found.values()), None):
                properties[name] = words
            if english := found.get("en"):
                properties[f"{name}_en"] = english
        if routes := sorted({one.route_id for one in told.informed_entity if one.HasField("route_id")}):
            properties["routes"] = routes
        if told.active_period:
            properties["from"], properties["to"] = _period(told.active_period)
        return Reading(_subject("alert", id, id), properties, time=at)


def _feed(body: bytes, where: str) -> Any:
    from google.protobuf.message import DecodeError
    from google.transit.gtfs_realtime_pb2 import FeedHeader, FeedMessage

    bodies.refuse_others(body, where, "GTFS-realtime")
    feed = FeedMessage()
    try:
        feed.ParseFromString(body)
    except DecodeError:
        raise Untaken(f"{where} sent no whole GTFS-realtime feed; check the address, or tell its owner.") from None
    if not feed.IsInitialized():
        raise Untaken(f"{where} sent a feed without its header; its owner must see to it.")
    if feed.header.incrementality == FeedHeader.DIFFERENTIAL:
        raise Untaken(f"{where} sends changes alone (DIFFERENTIAL); ask its owner for whole feeds (FULL_DATASET).")
    if len(feed.entity) > MOST_ENTITIES:
        raise Untaken(f"{where} sent more than {MOST_ENTITIES:,} entities; ask its owner for a feed of one area.")
    return feed


def _stops(file: Path) -> dict[str, Stop]:
    """The stops of a stops.txt by id. Raises BadConfig when it is none."""
    found: dict[str, Stop] = {}
    try:
        rows = csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig")))
        for row in rows:
            with suppress(ValueError):
                found[row["stop_id"]] = Stop(row["stop_name"], float(row["stop_lon"]), float(row["stop_lat"]))
            if len(found) > MOST_STOPS:
                raise BadConfig(f"{file} has more than {MOST_STOPS:,} stops; give those of the province.")
    except (OSError, UnicodeDecodeError, KeyError, csv.Error) as error:
        wanted = "stop_id, stop_name, stop_lat and stop_lon"
        say = f"stops names {file}, which is no stops.txt ({error!r}); write a file with {wanted}."
        raise BadConfig(say) from None
    return found


def _time(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise BadRecord(f"The time {seconds} is none; the feed must give POSIX seconds.", reason="bad_time") from None


def _trip_of(trip: Any) -> str:
    return "/".join(part for part in (trip.route_id, trip.trip_id, trip.start_date, trip.start_time) if part)


def _subject(kind: str, own: str, id: str) -> str:
    name = fields.clean(own or id)
    if not name:
        raise BadRecord(f"A {kind} of the feed has no id; its owner must give one.", reason="no_id")
    return f"{kind}/{name}"


def _run(trip: Any) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if trip.HasField("route_id"):
        told["route"] = fields.clean(trip.route_id)
    if trip.HasField("schedule_relationship"):
        told["run"] = _word(trip, "schedule_relationship")
    return told


def _codes(message: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: _word(message, name) for name in names if message.HasField(name)}


def _word(message: Any, name: str) -> str:
    """The name of a code; an unknown one is not there at all, as protobuf 2 wants it."""
    kind = message.DESCRIPTOR.fields_by_name[name].enum_type
    return str(kind.values_by_number[getattr(message, name)].name).lower()


def _due(update: Any) -> Any:
    for name in ("departure", "arrival"):
        if update.HasField(name) and getattr(update, name).HasField("time"):
            return _time(getattr(update, name).time)
    return None


def _delay(update: Any) -> int | None:
    for name in ("departure", "arrival"):
        if update.HasField(name) and getattr(update, name).HasField("delay"):
            return int(getattr(update, name).delay)
    return None


def _period(periods: Any) -> tuple[str | None, str | None]:
    starts = [one.start for one in periods if one.HasField("start")]
    ends = [one.end for one in periods if one.HasField("end")]
    open_ended = len(ends) < len(periods)
    first = clock.rfc3339(_time(min(starts))) if starts else None
    return first, None if open_ended or not ends else clock.rfc3339(_time(max(ends)))


def _raw(entity: Any) -> dict[str, Any]:
    from google.protobuf.json_format import MessageToDict

    found: dict[str, Any] = MessageToDict(entity, preserving_proto_field_name=True)
    return found
