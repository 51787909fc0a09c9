"""A SensorThings server (OGC, 1.0 and 1.1): every datastream's newest observation, with its thing and its place.

    [sources.sensors]
    adapter = "sensorthings"
    event = "ioc.station.measured"
    url = "https://sensors.example.vn/v1.1"
    token = "$SENSORS_TOKEN"
    filter = "properties/province eq 'Quảng Nam'"
    silent_s = 3600
    properties = {name = "thing"}
    [sources.sensors.quantities]
    level = {code = "Water level", uom = "m", limits = [2, 3, 4]}

A quantity's `code` is the name of the observed property. Fields that settings may name: `station` (id of the thing, or
its name where there is none), `thing`, `stream`, `property`, `value`, `time` (of the phenomenon; of a span its end, and
`begins`), `resultTime`, `symbol`; what thing and stream say beside is in `thing_properties` and `stream_properties`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

from ioc import bodies, fields, measured
from ioc.adapter import Adapter, Answer, Reading, fetch, host
from ioc.bodies import Record
from ioc.errors import BadRecord, Untaken
from ioc.mapped_field import Field, Path
from ioc.measured import Measuring

EXPAND = "Thing($expand=Locations),ObservedProperty,Observations($orderby=phenomenonTime desc;$top=1)"


class Server(Measuring, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`url`: the service's root, with its version. `filter`: of datastreams ($filter). `token`: sent as Bearer.

    `size`, `max_pages`: of one asking. `max_bytes` counts all pages together.
    """

    url: str
    filter: str | None = None
    token: str | None = None
    size: int = 200
    max_pages: int = 100
    id: Path = "station"
    time: Path | None = Field("time", required=False)
    quantity: Path | None = "property"
    place: Literal["required", "optional"] = "optional"


class SensorThings(Adapter[Server]):
    """Asks for all datastreams; an answer is all pages of one asking."""

    Config = Server

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.config.token}"} if self.config.token is not None else {}

    async def ask(self, cursor: str | None) -> AsyncIterator[Answer]:
        config, pages, left = self.config, list[bytes](), self.config.max_bytes
        where, url = host(config.url), f"{config.url.rstrip('/')}/Datastreams"
        params: dict[str, str] | None = {"$expand": EXPAND, "$top": str(config.size)}
        if config.filter is not None and params is not None:
            params["$filter"] = config.filter
        for _ in range(config.max_pages):
            answer = await fetch(url, params=params, headers=self.headers(), max_bytes=left, timeout_s=config.timeout_s)
            pages.append(answer.body)
            left -= len(answer.body)
            loaded = bodies.load_json(answer.body, where)
            following = loaded.get("@iot.nextLink") if isinstance(loaded, dict) else None
            if not isinstance(following, str):
                yield Answer(b"[" + b",".join(pages) + b"]", name=where, about={"pages": len(pages)})
                return
            url, params = urljoin(url, following), None
            if urlsplit(url)[:2] != urlsplit(config.url)[:2]:
                say = f"{where} names a next page on another host; it is not followed, its owner must correct it."
                raise Untaken(say)
        raise Untaken(f"{where} has more than {config.max_pages} pages; nothing was taken. Raise max_pages or size.")

    def parse(self, answer: Answer) -> Iterable[Reading | BadRecord]:
        where = answer.name or self.name
        value = bodies.load_json(answer.body, where)
        pages = value if answer.about.get("pages") else [value]
        records = [record for page in pages for record in _records(page, where)]
        return measured.newest(measured.results(self.config, records))


def _records(page: Any, where: str) -> Iterator[Record]:
    """A record for each observation: of datastreams with their thing, or of things with their datastreams."""
    found = page.get("value") if isinstance(page, dict) and "value" in page else [page]
    if not isinstance(found, list):
        raise Untaken(f"{where} sent JSON that holds no datastreams; check the address.")
    for one in found:
        if not isinstance(one, dict):
            yield Record({}, None, one)
        elif isinstance(one.get("Datastreams"), list):
            for stream in one["Datastreams"]:
                yield from _observations(stream, one)
        elif "Observations" in one or "ObservedProperty" in one:
            thing = one.get("Thing")
            yield from _observations(one, thing if isinstance(thing, dict) else {})
        else:
            raise Untaken(f"{where} sent what is neither a thing nor a datastream; check the address.")


def _observations(stream: Any, thing: dict[str, Any]) -> Iterator[Record]:
    if not isinstance(stream, dict):
        yield Record({}, None, stream)
        return
    known = thing.get("@iot.id")
    about: dict[str, Any] = {
        "station": known if known is not None else thing.get("name"),
        "thing": thing.get("name"),
        "stream": stream.get("name"),
        "property": fields.step(stream, "ObservedProperty.name"),
        "symbol": fields.step(stream, "unitOfMeasurement.symbol"),
        "thing_properties": thing.get("properties") or {},
        "stream_properties": stream.get("properties") or {},
    }
    about = {name: said for name, said in about.items() if said is not fields.ABSENT}
    place = _place(thing)
    told = stream.get("Observations")
    if not isinstance(told, list) or not told:
        yield Record({**about, "value": None}, place, stream)
        return
    for one in told:
        if not isinstance(one, dict):
            yield Record({}, None, one)
            continue
        begins, ends = _span(one.get("phenomenonTime"))
        seen = {"value": one.get("result"), "time": ends, "begins": begins, "resultTime": one.get("resultTime")}
        yield Record(
            {**about, **seen}, place, {**one, "datastream": stream.get("@iot.id"), "station": about["station"]}
        )


def _span(told: Any) -> tuple[Any, Any]:
    """Begin and end of a time that may be a span."""
    if isinstance(told, str) and "/" in told:
        begins, _, ends = told.partition("/")
        return begins, ends
    return told, told


def _place(thing: dict[str, Any]) -> dict[str, Any] | None:
    """The thing's first location as a geometry; some servers say it as a feature."""
    locations = thing.get("Locations")
    first = locations[0] if isinstance(locations, list) and locations else None
    found = first.get("location") if isinstance(first, dict) else None
    if isinstance(found, dict) and found.get("type") == "Feature":
        found = found.get("geometry")
    return found if isinstance(found, dict) else None
