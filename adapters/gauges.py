"""Gauges: rain and river stations, and what else stands still and measures, from one JSON answer.

Rows (an array, what stands at `records`, or GeoJSON), each with one value or many, as `ioc.measured` shows::

    [sources.gauges]
    adapter = "gauges"
    event = "ioc.station.measured"
    url = "https://quantrac.example.vn/api/tram"
    token = "$QUANTRAC_TOKEN"
    records = "data"
    id = "ma_tram"
    time = {path = "thoi_gian", form = "%d/%m/%Y %H:%M:%S"}
    lon = "kinh_do"
    lat = "vi_do"
    quantity = "yeu_to"
    value = {path = "gia_tri", required = false}
    silent_s = 3600
    properties = {name = "ten"}
    quantities = {level = {code = "H", uom = "m", limits = ["bd1", "bd2", "bd3"]}, rain_1h = {code = "R1", uom = "mm"}}

or WaterML-JSON (`form = "waterml"`, as USGS and CUAHSI servers send it): series of values, whose newest is taken. There
`id`, `time`, `lon`, `lat` need not be written, `name` is there, a code is the variable's (00060) or that with its
statistic (00060:00003), and each series' own noDataValue is no data too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import msgspec

from ioc import bodies, fields, mapped_field, measured
from ioc.adapter import Adapter, Answer, Reading
from ioc.bodies import Record
from ioc.errors import BadRecord, Untaken
from ioc.mapped_field import Path
from ioc.measured import Measuring
from ioc.tally import TallyAt, Tallying


class Stations(Measuring, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`url`: its address. `form`: rows or waterml. `records`: where the array of rows stands in a JSON object.

    `token`: sent as Bearer. `tally`: where the network says how many rows it has (`ioc.tally`), asked with the same
    token.
    """

    url: str
    form: Literal["rows", "waterml"] = "rows"
    records: str = ""
    token: str | None = None
    tally: TallyAt | None = None
    id: Path = "station"
    time: Path | None = mapped_field.Field("time", required=False)
    lon: Path | None = mapped_field.Field("lon", required=False)
    lat: Path | None = mapped_field.Field("lat", required=False)
    place: Literal["required", "optional"] = "optional"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tally is not None:
            self.tally.check(self.url)

    @property
    def carried(self) -> frozenset[str]:
        return frozenset({*self.properties, "name"}) if self.form == "waterml" else frozenset(self.properties)


class Gauges(Tallying, Adapter[Stations]):
    """Asks one address; each answer holds every gauge's newest value, or a series of them."""

    Config = Stations

    def parse(self, answer: Answer) -> Iterable[Reading | BadRecord]:
        where = answer.name or self.name
        value = bodies.load_json(answer.body, where)
        if self.config.form == "waterml":
            return measured.newest(self._series(value, where))
        return measured.newest(measured.results(self.config, bodies.records(value, self.config.records, where)))

    def _series(self, value: Any, where: str) -> Iterator[Reading | BadRecord]:
        series = fields.step(value, "value.timeSeries")
        if not isinstance(series, list):
            say = f"{where} sent JSON without value.timeSeries, which is no WaterML; check the address."
            raise Untaken(say)
        for one in series:
            try:
                codes = _codes(one)
                name = self.config.called(*codes)
            except BadRecord as error:
                yield error.of(one, None)
                continue
            if name is not None:
                yield from measured.results(self._of(name, one), _rows(one))

    def _of(self, name: str, series: dict[str, Any]) -> Stations:
        """The settings for one series: all its rows are of that quantity, and its own number means no data too."""
        own = fields.step(series, "variable.noDataValue")
        numbers = self.config.no_data + ((float(own),) if isinstance(own, int | float) else ())
        quantity = msgspec.structs.replace(self.config.quantities[name], path=self.config.value)
        properties = {"name": mapped_field.Field("name", required=False), **self.config.properties}
        made: Stations = msgspec.structs.replace(
            self.config, quantity=None, quantities={name: quantity}, no_data=numbers, properties=properties
        )
        return made


def _codes(series: Any) -> tuple[str, ...]:
    """What a series is called: variable and statistic, then the variable alone."""
    variable = fields.step(series, "variable.variableCode.0.value")
    if not isinstance(variable, str) or not variable:
        raise BadRecord("The series names no variable; its owner must send variableCode.", reason="missing_field")
    statistic = fields.step(series, "variable.options.option.0.optionCode")
    return (f"{variable}:{statistic}", variable) if isinstance(statistic, str) else (variable,)


def _rows(series: dict[str, Any]) -> Iterator[Record]:
    """A row for each value, with its station beside it; one without a value for a series that holds none."""
    about = {
        "station": fields.step(series, "sourceInfo.siteCode.0.value"),
        "name": fields.step(series, "sourceInfo.siteName"),
        "lat": fields.step(series, "sourceInfo.geoLocation.geogLocation.latitude"),
        "lon": fields.step(series, "sourceInfo.geoLocation.geogLocation.longitude"),
    }
    about = {name: value for name, value in about.items() if value is not fields.ABSENT}
    zone = fields.step(series, "sourceInfo.timeZoneInfo.defaultTimeZone.zoneOffset")
    methods = series.get("values")
    told = [row for one in methods or () if isinstance(one, dict) for row in one.get("value") or ()]
    if not told:
        yield Record({**about, "value": None}, None, series)
    for row in told:
        if not isinstance(row, dict):
            yield Record({}, None, row)
            continue
        time = row.get("dateTime")
        if isinstance(time, str) and isinstance(zone, str) and "T" in time and not _offset(time):
            time += zone
        yield Record({**about, "value": row.get("value"), "time": time}, None, {**row, "station": about.get("station")})


def _offset(time: str) -> bool:
    """Whether a time carries its offset."""
    clock_part = time.partition("T")[2]
    return any(sign in clock_part for sign in "Z+-")
