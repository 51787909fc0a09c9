"""MQTT against a real Mosquitto: receipts after the commit, retained messages, last wills, keys and certificates."""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from adapters.mqtt import Mqtt
from ioc import catalog, clock
from ioc.adapter import Answer, Reading
from ioc.adapter_suite import AdapterSuite
from ioc.contract import Contract
from ioc.errors import BadConfig, BadRecord, SourceDown, SourceRefused
from ioc.ports import free
from ioc.settings import Source
from tests.centre import Centre
from tests.conftest import absent

HOST, PORT = "127.0.0.1", 1883
OPTIONS: dict[str, Any] = {
    "event": "ioc.station.measured", "host": HOST, "topics": ["stations/{station}/{quantity}"],
    "status": "stations/{station}/status", "silent_s": 900, "places": {"CL": [108.28, 15.86]}, "skip": ["pin"],
    "quantities": {"level": {"code": "level", "uom": "m", "limits": [2, 3, 4]}, "rain_1h": {"code": "rain"}},
}  # fmt: skip
HEARD = "2025-10-18T07:00:00+07:00"


def line(topic: str, said: Any, *, retained: bool = False) -> bytes:
    text = said if isinstance(said, str) else json.dumps(said)
    return json.dumps({"topic": topic, "said": text, "retained": retained, "heard": HEARD}).encode()


class TestMessages(AdapterSuite):
    adapter = "mqtt"
    options = OPTIONS
    answers = (
        line("stations/CL/level", 3.2)
        + b"\n"
        + line("stations/AN/rain", {"value": 4, "time": "2025-10-18T06:00:00Z"})
        + b"\n"
        + line("stations/CL/status", "offline"),
    )
    trouble = "body"
    within = (107.0, 14.9, 109.0, 16.3)


def opened(**changed: Any) -> Mqtt:
    made = catalog.open_adapter(Source("sensors", "mqtt", Contract("us"), {**OPTIONS, **changed}))
    assert isinstance(made, Mqtt)
    return made


def parsed(*lines: bytes, **changed: Any) -> list[Reading | BadRecord]:
    return list(opened(**changed).parse(Answer(b"\n".join(lines))))


def test_a_topic_names_station_and_quantity_and_a_number_is_a_value() -> None:
    (found,) = parsed(line("stations/CL/level", 3.2))
    assert isinstance(found, Reading)
    assert (found.subject, found.time) == ("CL/level", clock.parse(HEARD))
    assert found.geometry == {"type": "Point", "coordinates": [108.28, 15.86]}
    assert (found.properties["value"], found.properties["limits"]) == (3.2, [2, 3, 4])
    assert found.properties["due"] == "2025-10-18T07:15:00+07:00"


def test_a_status_is_the_gauge_of_the_link() -> None:
    off, on = parsed(line("stations/CL/status", "offline"), line("stations/AN/status", "online"))
    assert isinstance(off, Reading) and isinstance(on, Reading)
    assert (off.subject, off.properties["value"]) == ("CL/link", None)
    assert (on.subject, on.properties["value"]) == ("AN/link", 1)


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (line("stations/CL/level", 3.2, retained=True), "missing_field"),
        (line("stations/CL/wind", 3.2), "unknown_code"),
        (line("stations/CL/level/x", 3.2), "unknown_code"),
        (line("stations/CL/level", "cao"), "bad_type"),
        (line("stations/CL/level", [1]), "bad_type"),
        (line("stations/CL/level", {"value": "cao"}), "bad_number"),
        (line("stations/CL/level", {"depth": 3}), "missing_field"),
    ],
)
def test_what_can_not_be_read_is_set_aside(one: bytes, reason: str) -> None:
    (bad,) = parsed(one, value={"path": "value", "required": True})
    assert isinstance(bad, BadRecord) and bad.reason == reason


def test_a_retained_message_counts_at_its_own_time() -> None:
    told = {"value": 3, "time": "2025-10-17T06:00:00+07:00"}
    (found,) = parsed(line("stations/CL/level", told, retained=True))
    assert isinstance(found, Reading) and found.time == clock.parse("2025-10-17T06:00:00+07:00")


@pytest.mark.parametrize(
    ("changed", "say"),
    [
        ({"topics": []}, "topics names nothing"),
        ({"topics": ["stations/#"]}, "# or"),
        ({"topics": ["stations/level"]}, "no {name}"),
        ({"inflight": 0}, "inflight"),
        ({"quantities": {"link": {"code": "l"}}}, "status"),
    ],
)
def test_wrong_settings_are_said(changed: dict[str, Any], say: str) -> None:
    with pytest.raises(BadConfig, match=say):
        opened(**changed)


class Device:
    """A client that publishes below a root of the test's own."""

    def __init__(
        self, port: int = PORT, will: tuple[str, str] | None = None, keys: tuple[str, str] | None = None
    ) -> None:
        self.client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        if will is not None:
            self.client.will_set(*will, qos=1)
        if keys is not None:
            self.client.username_pw_set(*keys)
        self.client.connect(HOST, port)
        self.client.loop_start()

    def say(self, topic: str, payload: Any, *, retain: bool = False) -> None:
        told = payload if isinstance(payload, str) else json.dumps(payload)
        self.client.publish(topic, told, qos=1, retain=retain).wait_for_publish(10)

    def clear(self, topic: str) -> None:
        self.client.publish(topic, b"", qos=1, retain=True).wait_for_publish(10)

    def die(self) -> None:
        """The connection breaks, so that the broker tells the last will."""
        sock = self.client.socket()
        assert isinstance(sock, socket.socket)
        self.client._reconnect_on_failure = False
        sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def broker() -> None:
    with socket.socket() as tried:
        if tried.connect_ex((HOST, PORT)):
            absent("There is no Mosquitto at 127.0.0.1:1883")


@pytest.fixture
def root() -> str:
    return f"ioc-test-{secrets.token_hex(4)}"


def below(root: str, **changed: Any) -> dict[str, Any]:
    topics = {"topics": [root + "/{station}/{quantity}"], "status": root + "/{station}/status", "will": f"{root}/gone"}
    return {**OPTIONS, **topics, "client": root, **changed}


async def linked(adapter: Mqtt) -> None:
    async with asyncio.timeout(20):
        while not adapter.linked.is_set():
            await _ask(adapter)


async def _ask(adapter: Mqtt) -> list[Answer]:
    try:
        return [answer async for answer in adapter.ask(None)]
    except SourceRefused:
        raise
    except SourceDown:
        await asyncio.sleep(0.05)
        return []


async def until(adapter: Mqtt, count: int) -> Answer:
    """The answer that holds so many messages."""
    async with asyncio.timeout(20):
        while True:
            for answer in await _ask(adapter):
                if len(answer.body.splitlines()) >= count:
                    return answer
            await asyncio.sleep(0.02)


def forget(root: str) -> None:
    """Let the broker forget the session of the test."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=root, protocol=paho.MQTTv5)
    client.connect(HOST, PORT, clean_start=True)
    client.loop_start()
    time.sleep(0.05)
    client.disconnect()
    client.loop_stop()


async def test_what_was_not_committed_comes_again_to_another_process(broker: None, root: str) -> None:
    device, first, second = Device(), opened(**below(root)), opened(**below(root))
    try:
        await linked(first)
        device.say(f"{root}/CL/level", 1.5)
        await first.committed(await until(first, 1), None)
        device.say(f"{root}/CL/level", 2.5)
        await until(first, 1)  # taken, and never committed: the store was away, and the process died
        await first.close()
        device.say(f"{root}/CL/rain", 7)  # while nobody listens
        answer = await until(second, 2)
        told = {one.subject: one.properties["value"] for one in second.parse(answer) if isinstance(one, Reading)}
        assert told == {"CL/level": 2.5, "CL/rain_1h": 7}
        await second.committed(answer, None)
        await second.close()
        third = opened(**below(root))
        await linked(third)
        assert await _ask(third) == []
        await third.close()
    finally:
        device.close()
        forget(root)


async def test_a_flood_of_messages_is_taken_whole(broker: None, root: str) -> None:
    device, adapter = Device(), opened(**below(root, inflight=50))
    taken: list[str] = []
    try:
        await linked(adapter)
        for number in range(200):
            device.client.publish(f"{root}/S{number}/level", "1", qos=1)
        async with asyncio.timeout(30):
            while len(taken) < 200:
                for answer in await _ask(adapter):
                    taken += [one.subject for one in adapter.parse(answer) if isinstance(one, Reading)]
                    await adapter.committed(answer, None)
        assert sorted(taken) == sorted(f"S{number}/level" for number in range(200))
    finally:
        await adapter.close()
        device.close()
        forget(root)


async def test_the_board_hears_values_levels_and_a_device_that_died(broker: None, root: str) -> None:
    kept, dying = Device(), Device(will=(f"{root}/CL/status", "offline"))
    kept.say(f"{root}/AN/level", {"value": 3.5, "time": "2025-10-18T06:00:00+07:00"}, retain=True)
    centre = await Centre("mqtt", below(root), layer="stations").open()
    try:
        async with asyncio.timeout(20):
            while "AN/level" not in (items := await board(centre)):
                pass
        assert items["AN/level"]["properties"]["alarm"] == 2
        assert items["AN/level"]["properties"]["observed"] == "2025-10-18T06:00:00+07:00"
        dying.say(f"{root}/CL/level", 4.2)
        dying.say(f"{root}/CL/status", "online")
        async with asyncio.timeout(20):
            while "CL/link" not in (items := await board(centre)):
                pass
        assert (items["CL/level"]["properties"]["alarm"], items["CL/link"]["properties"]["silent"]) == (3, False)
        dying.die()
        async with asyncio.timeout(20):
            while not items["CL/link"]["properties"]["silent"]:
                items = await board(centre)
        assert items["CL/link"]["properties"]["state"] == "down"
    finally:
        await centre.asking.adapter.close()
        kept.clear(f"{root}/AN/level")
        for one in (kept, dying):
            one.close()
        forget(root)


async def board(centre: Centre) -> dict[str, Any]:
    await centre.asking.poll()
    async for batch in centre.log.read("projector"):
        await centre.projector.work(batch)
        if batch is None:
            break
    await centre.projector.tick(force=True)
    return await centre.items()


async def test_the_last_will_of_the_source_is_down_until_it_says_otherwise(broker: None, root: str) -> None:
    gateway, adapter = Device(will=(f"{root}/gone", "offline")), opened(**below(root))
    try:
        await linked(adapter)
        assert [answer async for answer in adapter.ask(None)] == []
        gateway.die()
        async with asyncio.timeout(20):
            with pytest.raises(
                SourceDown, match=r"says of itself that it is offline since .*; its owner must see to it"
            ):
                while True:
                    assert [answer async for answer in adapter.ask(None)] == []
        again = Device()
        again.say(f"{root}/gone", "online")
        again.close()
        async with asyncio.timeout(20):
            while adapter._gone is not None:
                await _ask(adapter)
        assert [answer async for answer in adapter.ask(None)] == []
    finally:
        await adapter.close()
        gateway.close()
        forget(root)


@contextmanager
def own_broker(folder: Path, *more: str) -> Iterator[int]:
    """A Mosquitto of the test's own, on a free port."""
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    if not Path(program).is_file():
        absent("There is no mosquitto program")
    [port] = free()
    config = folder / "mosquitto.conf"
    config.write_text("\n".join([f"listener {port} {HOST}", "user root", *more, ""]), encoding="utf-8")
    process = subprocess.Popen([program, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            with socket.socket() as tried:
                if tried.connect_ex((HOST, port)) == 0:
                    break
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(20)


async def test_a_wrong_password_is_refused_and_the_right_one_let_in(tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    if shutil.which("mosquitto_passwd") is None:
        absent("There is no mosquitto_passwd program")
    subprocess.run(
        ["mosquitto_passwd", "-b", "-c", str(passwords), "ioc", "right-one"], check=True, capture_output=True
    )
    with own_broker(tmp_path, "allow_anonymous false", f"password_file {passwords}") as port:
        wrong = opened(port=port, user="ioc", password="wrong-one")
        with pytest.raises(SourceRefused, match="refused the key") as said:
            await linked(wrong)
        assert "wrong-one" not in said.value.say
        await wrong.close()
        right = opened(port=port, user="ioc", password="right-one")
        await linked(right)
        await right.close()


async def test_a_certificate_that_nobody_trusts_is_not_taken(tmp_path: Path) -> None:
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    if shutil.which("openssl") is None:
        absent("There is no openssl program")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(cert)]
    command += ["-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(command, check=True, capture_output=True)
    with own_broker(tmp_path, "allow_anonymous true", f"certfile {cert}", f"keyfile {key}") as port:
        strange = opened(port=port, tls=True)
        with pytest.raises(SourceDown, match="certificate that we trust"):
            while True:
                [answer async for answer in strange.ask(None)]
                await asyncio.sleep(0.05)
        await strange.close()
        known = opened(port=port, tls=True, ca=str(cert))
        await linked(known)
        await known.close()


async def test_a_broker_that_went_away_is_asked_again(tmp_path: Path) -> None:
    with own_broker(tmp_path, "allow_anonymous true") as port:
        adapter = opened(port=port)
        await linked(adapter)
    with pytest.raises(SourceDown):
        while True:
            [answer async for answer in adapter.ask(None)]
            await asyncio.sleep(0.05)
    with pytest.raises(SourceDown, match="is not there"):
        while True:
            [answer async for answer in adapter.ask(None)]
            await asyncio.sleep(0.05)
    await adapter.close()
