"""A context broker (NGSI-LD): entities of one type, asked in pages; stations by quantity, or any thing by a mapping.

    [sources.air]
    adapter = "ngsi_ld"
    event = "ioc.station.measured"
    url = "https://broker.example.vn/ngsi-ld/v1"
    type = "AirQualityObserved"
    context = "https://smart-data-models.github.io/dataModel.Environment/context.jsonld"
    token = "$BROKER_TOKEN"
    id = {path = "refDevice", pattern = "([^:]+)$"}
    silent_s = 7200
    quantities = {pm25 = {path = "pm25", uom = "µg/m³", limits = [50, 100, 150]}}

Each attribute is a field by its short name, in whatever form it came: normalized, simplified, with a full IRI or a
prefix. Beside it stand `NAME.observedAt` and `NAME.unitCode`; `location` is the place; a relationship is the id that it
names. A quantity's time is its own observedAt, else `time` (`observedAt` or `dateObserved`). Without `quantities` every
entity is one reading (`ioc.mapping`), as cameras want it. A file of entities is read too.

With `pushed = true` nobody is asked: a subscription at the broker notifies `https://…/api/push/air` of what changed,
with the source's key in its receiverInfo (`Authorization: Bearer KEY`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, ClassVar, Literal

import msgspec

from ioc import bodies, mapped_field, mapping, measured
from ioc.adapter import Adapter, Answer, Reading, fetch, host
from ioc.bodies import Record
from ioc.errors import BadRecord, Untaken
from ioc.mapped_field import Field, Path
from ioc.measured import Measuring

VALUES = ("value", "object", "languageMap", "vocab", "@value", "json")
LINK = '<{}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'


class Broker(Measuring, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`url`: the broker's API with its version, or (without `type`) any address of entities. `type`: of the entities.

    `context`: address of the @context that names are short by. `query`: the broker's own filter (q). `token`:
    sent as Bearer; `tenant`: as NGSILD-Tenant. `pushed`: it notifies us. `size`, `max_pages`: of one asking.
    `max_bytes` counts all pages together.
    """

    least: ClassVar[int] = 0

    url: str
    type: str | None = None
    context: str | None = None
    query: str | None = None
    token: str | None = None
    tenant: str | None = None
    pushed: bool = False
    size: int = 500
    max_pages: int = 100
    id: Path = "id"
    time: Path | None = Field(("observedAt", "dateObserved"), "time", required=False)
    geometry: str | None = "location"
    place: Literal["required", "optional"] = "optional"


class NgsiLd(Adapter[Broker]):
    """Asks for all entities of the type; an answer is all pages of one asking."""

    Config = Broker

    def __init__(self, name: str, config: Broker) -> None:
        super().__init__(name, config)
        self.asks = not config.pushed

    def headers(self) -> dict[str, str]:
        found = {"Accept": "application/json"}
        if self.config.token is not None:
            found["Authorization"] = f"Bearer {self.config.token}"
        if self.config.tenant is not None:
            found["NGSILD-Tenant"] = self.config.tenant
        if self.config.context is not None:
            found["Link"] = LINK.format(self.config.context)
        return found

    async def ask(self, cursor: str | None) -> AsyncIterator[Answer]:
        config, pages, left = self.config, list[bytes](), self.config.max_bytes
        if config.pushed:
            return
        if config.type is None:
            async for answer in super().ask(cursor):
                yield answer
            return
        where = host(config.url)
        for number in range(config.max_pages):
            params = {"type": config.type, "limit": str(config.size), "offset": str(number * config.size)}
            params |= {"q": config.query} if config.query is not None else {}
            answer = await fetch(
                f"{config.url.rstrip('/')}/entities",
                params=params,
                headers=self.headers(),
                max_bytes=left,
                timeout_s=config.timeout_s,
            )
            entities = _entities(bodies.load_json(answer.body, where), where)
            if pages and answer.body == pages[-1] and entities:
                raise Untaken(f"{where} sends the same page again and again; it must know offset and limit.")
            pages.append(answer.body)
            left -= len(answer.body)
            if len(entities) < config.size:
                yield Answer(b"[" + b",".join(pages) + b"]", name=where, about={"pages": len(pages)})
                return
        raise Untaken(f"{where} has more than {config.max_pages} pages; nothing was taken. Raise max_pages or size.")

    def parse(self, answer: Answer) -> Iterable[Reading | BadRecord]:
        where = answer.name or self.name
        value = bodies.load_json(answer.body, where)
        pages = value if answer.about.get("pages") else [value]
        records = [_record(one) for page in pages for one in _entities(page, where)]
        if self.config.type is not None:
            records = [one for one in records if _short(str(one.fields.get("type"))) == _short(self.config.type)]
        if not self.config.quantities:
            return mapping.results(self.config, records)
        return measured.newest(self._measured(records))

    def _measured(self, records: list[Record]) -> Iterator[Reading | BadRecord]:
        """Each quantity of each entity, at its own time."""
        for name, quantity in self.config.quantities.items():
            path = mapped_field.as_field(quantity.path if quantity.path is not None else name)
            own = msgspec.structs.replace(quantity, path=msgspec.structs.replace(path, required=False))
            one = msgspec.structs.replace(self.config, quantities={name: own}, quantity=None)
            told = [
                record._replace(fields={**record.fields, **_observed(record.fields, path)})
                for record in records
                if any(part in record.fields for part in path.paths) or not isinstance(record.raw, dict)
            ]
            yield from measured.results(one, told)


def _entities(value: Any, where: str) -> list[Any]:
    """The entities of a body: an array, a notification, or a single one."""
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        value = value["data"]
    elif isinstance(value, dict) and "id" in value and "type" in value:
        value = [value]
    if not isinstance(value, list):
        raise Untaken(f"{where} sent JSON that holds no entities; check the address.")
    return value


def _observed(fields: dict[str, Any], path: Field) -> dict[str, Any]:
    at = next((fields[f"{one}.observedAt"] for one in path.paths if f"{one}.observedAt" in fields), None)
    return {"observedAt": at} if at is not None else {}


def _record(entity: Any) -> Record:
    """An entity as flat fields by short names."""
    if not isinstance(entity, dict):
        return Record({}, None, entity)
    found: dict[str, Any] = {}
    for name, told in entity.items():
        short = _short(name)
        if name in ("@context",):
            continue
        if isinstance(told, list) and told and all(isinstance(one, dict) and "type" in one for one in told):
            # several sources tell of one attribute: the one without a name of its own, else the newest
            told = max(told, key=lambda one: ("datasetId" not in one, str(one.get("observedAt", ""))))
        found[short] = _value(told)
        if isinstance(told, dict):
            beside = {one: told[one] for one in ("observedAt", "unitCode") if isinstance(told.get(one), str)}
            found |= {f"{short}.{one}": said for one, said in beside.items()}
    return Record(found, None, entity)


def _value(told: Any) -> Any:
    """What an attribute says, in whichever form."""
    for name in VALUES:
        if isinstance(told, dict) and name in told:
            return _value(told[name]) if isinstance(told[name], dict) and "@value" in told[name] else told[name]
    return told


def _short(name: str) -> str:
    """A name without the IRI or prefix before it: that of `https://…/pm25`, `…#pm25` and `env:pm25` is pm25."""
    if name.startswith("@"):
        return name[1:]
    return name.rpartition("#")[2].rpartition("/")[2].rpartition(":")[2]
