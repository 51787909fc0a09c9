"""A broker's topics: what devices publish over MQTT 5 becomes readings of stations, by the topic's pattern.

    [sources.sensors]
    adapter = "mqtt"
    event = "ioc.station.measured"
    host = "broker.example.vn"
    port = 8883
    tls = true                          # by the machine's own authorities, or those of the file `ca`
    user = "ioc"
    password = "$MQTT_PASSWORD"
    topics = ["stations/{station}/{quantity}"]
    status = "stations/{station}/status"  # a device's own topic and last will
    will = "gateway/status"               # the last will of the whole source
    silent_s = 900
    places = {CAU-LAU = [108.282, 15.857]}
    quantities = {level = {code = "level", uom = "m", limits = [2.0, 3.0, 4.0]}}
    [sources.sensors.contract]
    owner = "Chi cục Thủy lợi"
    cadence = 300
    every = 5

A payload is a number, or a JSON object (`value`, `time`); what stands in `{…}` of the topic is a field beside its own
(`ioc.measured` maps them). Messages of QoS 1 are acknowledged after the commit and not before: the broker keeps what
it has not been told of, over a restart too (a session of `session_s` under the name `client`). A retained message needs
a time of its own: nobody knows how old it is. `offline` in `status` makes the station's gauge `link` silent; in
`will`, the source is down until it says otherwise.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, Literal, NamedTuple

import msgspec

from ioc import clock, fields, measured
from ioc.adapter import Answer, Reading
from ioc.bodies import Record, load_json
from ioc.errors import BadRecord, SourceDown, SourceRefused, Untaken
from ioc.listening import Listening
from ioc.mapped_field import Field, Path
from ioc.measured import Measuring, Quantity

LINK = "link"
"""Our name of the gauge that a station's `status` topic is of: 1, or no data."""
NAMED = re.compile(r"\{(\w+)\}")
CONNECT_S = 10.0
REFUSED = frozenset({"Not authorized", "Bad user name or password", "Banned", "Bad authentication method"})


class Topics(Measuring, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`host`, `port`: the broker. `tls`, `ca`: a safe connection, and a file of authorities. `user`, `password`.

    `topics`: patterns with `{name}` for one level each. `status`: pattern of a device's own state, `will`: topic
    of the source's; `offline`: what they say then. `client`: our name at the broker (ioc-SOURCE); no other client
    may have it. `session_s`: how long the broker keeps messages for us. `inflight`: how many we ask it to send at
    most before a commit. `most_bytes`: of one message. `places`: [longitude, latitude] of stations whose messages
    tell none.
    """

    host: str
    port: int = 1883
    tls: bool = False
    ca: str | None = None
    user: str | None = None
    password: str | None = None
    topics: tuple[str, ...]
    status: str | None = None
    will: str | None = None
    offline: tuple[str, ...] = ("offline", "0", "false")
    client: str | None = None
    session_s: int = 86_400
    inflight: int = 1_000
    most_bytes: int = 65_536
    places: dict[str, tuple[float, float]] = msgspec.field(default_factory=dict)
    id: Path = "station"
    quantity: Path | None = "quantity"
    time: Path | None = Field(("time", "heard"), "time")
    lon: Path | None = Field("lon", required=False)
    lat: Path | None = Field("lat", required=False)
    place: Literal["required", "optional"] = "optional"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.topics:
            raise ValueError('topics names nothing; write one like "stations/{station}/{quantity}"')
        for pattern in (*self.topics, *filter(None, [self.status])):
            if "#" in pattern or "+" in pattern or not NAMED.search(pattern):
                raise ValueError(f"the topic {pattern} has # or +, or no {{name}}; write {{name}} for one level")
        if not 0 < self.inflight <= 65_535:
            raise ValueError("inflight is a number of messages, from 1 to 65535")
        if LINK in self.quantities and self.status is not None:
            raise ValueError(f"the quantity {LINK} is what status tells; give another name")


class Receipt(NamedTuple):
    """What a message of QoS 1 waits for; `born`: the connection that it came by."""

    born: int
    mid: int
    qos: int


class Mqtt(Listening[Topics, Receipt]):
    """Keeps one connection to the broker."""

    Config = Topics

    def __init__(self, name: str, config: Topics) -> None:
        super().__init__(name, config)
        self._client: Any = None
        self._born = 0
        self._gone: str | None = None
        self._patterns = [_pattern(one) for one in config.topics]
        self._status = _pattern(config.status) if config.status is not None else None

    async def listen(self) -> None:
        from paho.mqtt.enums import MQTTErrorCode

        self._born += 1
        loop, ended = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()
        client = self._opened(loop, ended)
        try:
            code = await asyncio.to_thread(self._connect, client)
            if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
                raise SourceDown(f"{self.config.host} could not be asked; check that the broker runs and is reachable.")
            client.loop_start()
            self._client = client
            await ended
        finally:
            self._client = None
            await asyncio.to_thread(self._close, client)

    async def receipts(self, given: list[Receipt]) -> None:
        """Messages of an earlier connection come again by themselves, and are acknowledged then."""
        client = self._client
        for one in given:
            if client is not None and one.born == self._born:
                client.ack(one.mid, one.qos)

    async def ask(self, cursor: str | None) -> AsyncIterator[Answer]:
        """As by default; SourceDown while the source's own last will stands."""
        async for answer in super().ask(cursor):
            yield answer
        if self._gone is not None:
            say = f"{self.name} says of itself that it is offline since {self._gone}; its owner must see to it."
            raise SourceDown(say)

    def _opened(self, loop: asyncio.AbstractEventLoop, ended: asyncio.Future[None]) -> Any:
        from paho.mqtt import client as paho
        from paho.mqtt.enums import CallbackAPIVersion

        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self.config.client or f"ioc-{self.name}",
            protocol=paho.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = CONNECT_S
        if self.config.user is not None:
            client.username_pw_set(self.config.user, self.config.password)
        if self.config.tls:
            client.tls_set_context(_trusting(self.config.ca))

        def end(error: Exception) -> None:
            if not ended.done():
                ended.set_exception(error)

        def soon(act: Any, *given: Any) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(act, *given)

        def connected(_client: Any, _given: Any, _flags: Any, reason: Any, _properties: Any) -> None:
            if reason.is_failure:
                soon(end, self._refusal(str(reason)))
            else:
                client.subscribe(self._wanted())

        def subscribed(_client: Any, _given: Any, _mid: Any, reasons: Any, _properties: Any) -> None:
            bad = next((str(one) for one in reasons if one.is_failure), None)
            soon(end, self._refusal(bad)) if bad else soon(self.linked.set)

        def disconnected(_client: Any, _given: Any, _flags: Any, reason: Any, _properties: Any) -> None:
            soon(end, SourceDown(f"{self.config.host} ended the connection ({reason}); it is opened again."))

        def came(_client: Any, _given: Any, message: Any) -> None:
            soon(self._heard, message, end)

        client.on_connect, client.on_subscribe, client.on_disconnect = connected, subscribed, disconnected
        client.on_message = came
        return client

    def _connect(self, client: Any) -> Any:
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        wishes: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        wishes.SessionExpiryInterval = self.config.session_s
        wishes.ReceiveMaximum = self.config.inflight
        wishes.MaximumPacketSize = self.config.most_bytes + 1024
        try:
            return client.connect(self.config.host, self.config.port, 30, clean_start=False, properties=wishes)
        except (OSError, ValueError) as error:
            said = "did not show a certificate that we trust" if "certificate" in str(error).lower() else "is not there"
            raise SourceDown(
                f"{self.config.host} {said} ({type(error).__name__}); check that the broker runs and is reachable."
            ) from None

    @staticmethod
    def _close(client: Any) -> None:
        client.disconnect()
        client.loop_stop()

    def _wanted(self) -> list[Any]:
        from paho.mqtt.subscribeoptions import SubscribeOptions

        # what is retained comes with the first subscription of a session alone: later it would come again and again
        kept = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
        always = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE)
        found = [(NAMED.sub("+", one), kept) for one in self.config.topics]
        if self.config.status is not None:
            found.append((NAMED.sub("+", self.config.status), always))
        return [*found, *([(self.config.will, always)] if self.config.will is not None else [])]

    def _refusal(self, reason: str) -> Exception:
        if reason in REFUSED:
            return SourceRefused(f"{self.config.host} refused the key ({reason}); ask its owner for a valid one.")
        return SourceDown(f"{self.config.host} does not let us in ({reason}); it is asked again later.")

    def _heard(self, message: Any, end: Any) -> None:
        receipt = Receipt(self._born, message.mid, message.qos) if message.qos else None
        said = bytes(message.payload)
        text = said.decode("utf-8", "backslashreplace")
        if message.topic == self.config.will:
            self._gone = clock.rfc3339(clock.now()) if text.strip().casefold() in self.config.offline else None
            self._give(receipt)
            return
        told = {"topic": message.topic, "said": text, "retained": bool(message.retain)}
        line = msgspec.json.encode({**told, "heard": clock.rfc3339(clock.now())})
        if not self.heard.offer(line, receipt) and receipt is not None:
            # not acknowledged, so not lost: the broker sends it again once we have room
            self.heard.lost -= 1
            end(SourceDown(f"{self.name} sends more than we can keep; the connection is opened again."))

    def _give(self, receipt: Receipt | None) -> None:
        if receipt is not None and self._client is not None:
            self._client.ack(receipt.mid, receipt.qos)

    def parse(self, answer: Answer) -> Iterable[Reading | BadRecord]:
        """Of each gauge the newest of what came since the last commit."""
        found: list[Reading | BadRecord] = []
        for line in answer.body.splitlines():
            told = load_json(line, self.name)
            if not isinstance(told, dict) or "topic" not in told:
                raise Untaken(f"{self.name} gave what is no message of a broker; nothing was taken.")
            found.extend(self._message(told))
        if not answer.body.strip():
            raise Untaken(f"{self.name} gave an empty body; nothing was taken.")
        return measured.newest(found)

    def _message(self, told: dict[str, Any]) -> Iterator[Reading | BadRecord]:
        topic, said = str(told.get("topic")), str(told.get("said"))
        if self._status is not None and (matched := self._status.fullmatch(topic)):
            yield from measured.results(self._links(), [self._link(matched.groupdict(), said, told)])
            return
        matched = next((found for one in self._patterns if (found := one.fullmatch(topic))), None)
        if matched is None:
            say = f"Nothing in the settings wants the topic {fields.shown(topic)}; add it to topics."
            yield BadRecord(say, reason="unknown_code", raw=told, code=topic[:40], at="topics")
            return
        try:
            record = {**_payload(said), **matched.groupdict()}
        except BadRecord as error:
            yield error.of(told, None)
            return
        heard = {} if told.get("retained") else {"heard": told.get("heard")}
        yield from measured.results(self.config, [Record(self._placed({**record, **heard}), None, told)])

    def _links(self) -> Topics:
        return msgspec.structs.replace(
            self.config,
            status=None,
            quantity=None,
            quantities={LINK: Quantity(path="value")},
            silent_s=None,
            properties={},
        )

    def _link(self, named: dict[str, str], said: str, told: dict[str, Any]) -> Record:
        value = None if said.strip().casefold() in self.config.offline else 1
        return Record(self._placed({**named, "value": value, "heard": told.get("heard")}), None, told)

    def _placed(self, record: dict[str, Any]) -> dict[str, Any]:
        lon, lat = self.config.places.get(str(record.get("station")), (None, None))
        return record if lon is None else {"lon": lon, "lat": lat, **record}


def _trusting(ca: str | None) -> ssl.SSLContext:
    """What certificates are held against; a socket whose handshake failed is closed, which the library forgets."""

    class Closing(ssl.SSLSocket):
        def do_handshake(self, block: bool = False) -> None:
            try:
                super().do_handshake(block)
            except BaseException:
                self.close()
                raise

    made = ssl.create_default_context(cafile=ca)
    made.sslsocket_class = Closing
    return made


def _pattern(topic: str) -> re.Pattern[str]:
    parts = NAMED.split(topic)
    return re.compile("".join(f"(?P<{one}>[^/]+)" if n % 2 else re.escape(one) for n, one in enumerate(parts)))


def _payload(said: str) -> dict[str, Any]:
    """The fields of a payload. Raises BadRecord: bad_type."""
    try:
        value = load_json(said.encode(), "The device")
    except SourceDown as error:
        raise BadRecord(f"The payload is neither a number nor a JSON object: {error.say}", reason="bad_type") from None
    if isinstance(value, dict):
        return value
    if isinstance(value, list | str | bool) or value is None:
        say = "The payload is neither a number nor a JSON object; its owner must send one of them."
        raise BadRecord(say, reason="bad_type")
    return {"value": value}
