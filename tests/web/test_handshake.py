"""Opening handshakes: the usual ones of every client, and each wrong one with its status and a sentence."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc.board.memory import MemoryBoard
from ioc.web import handshake

from .apart import OURS, WAYS, Apart, apart
from .raw import ACCEPT, CLOSE, KEY, asks, masked, plain, raw, says

CHROMIUM = "permessage-deflate; client_max_window_bits"
FIREFOX = "permessage-deflate"
WEBSOCKETS = "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12"
AGREED = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12"


@pytest.fixture(scope="module", params=WAYS)
def server(request: pytest.FixtureRequest) -> Iterator[Apart]:
    with apart(WAYS[request.param], MemoryBoard()) as running:
        yield running


@pytest.fixture(scope="module", params=OURS)
def ours(request: pytest.FixtureRequest) -> Iterator[Apart]:
    """A server on our own protocol class: what is promised of it alone."""
    with apart(WAYS[request.param], MemoryBoard()) as running:
        yield running


USUAL = {
    "as in the RFC": asks(),
    "other cases": asks(Upgrade="WebSocket", Connection="keep-alive, UPGRADE"),
    "Connection twice": asks(Connection="keep-alive", more="Connection: Upgrade\r\n"),
    "of our own page": asks(Origin="http://ioc.example", Host="IOC.example"),
    "with a query": asks(line="GET /ws?screen=overview HTTP/1.1"),
    "with what others send": asks(Pragma="no-cache", Cookie="a=b; =; c", User_Agent="Tường hình é"),
}


@pytest.mark.parametrize("form", USUAL)
async def test_a_handshake_opens(server: Apart, form: str) -> None:
    async with plain(server) as client:
        await client.send(USUAL[form])
        status, fields, body = await client.answer()
        assert (status, fields["sec-websocket-accept"], body) == (101, ACCEPT, b"")
        assert (fields["upgrade"].lower(), fields["connection"].lower()) == ("websocket", "upgrade")
        assert "sec-websocket-extensions" not in fields
        assert "sec-websocket-protocol" not in fields
        await client.send(says(type="hello"))
        await client.hear("welcome")
    await server.empty()


WRONG: dict[str, tuple[bytes, int, str]] = {
    "another method": (asks(line="POST /ws HTTP/1.1"), 405, "POST"),
    "another version": (asks(Sec_WebSocket_Version="8"), 426, "13"),
    "two versions": (asks(more="Sec-WebSocket-Version: 13\r\n"), 426, "once"),
    "no version": (asks(without="Sec-WebSocket-Version"), 400, "Sec-WebSocket-Version"),
    "no key": (asks(without="Sec-WebSocket-Key"), 400, "Sec-WebSocket-Key"),
    "two keys": (asks(more=f"Sec-WebSocket-Key: {KEY}\r\n"), 400, "Sec-WebSocket-Key"),
    "a key that is no base64": (asks(Sec_WebSocket_Key="ngã tư"), 400, "Sec-WebSocket-Key"),
    "a key of 15 bytes": (asks(Sec_WebSocket_Key="AAAAAAAAAAAAAAAAAAAA"), 400, "Sec-WebSocket-Key"),
    "an empty key": (asks(Sec_WebSocket_Key=""), 400, "Sec-WebSocket-Key"),
    "no host": (asks(without="Host"), 400, "Host"),
    "an empty host": (asks(Host=""), 400, "Host"),
    "two hosts": (asks(more="Host: other.example\r\n"), 400, "Host"),
    "no upgrade": (asks(without="Upgrade"), 426, "WebSocket"),
    "another upgrade": (asks(Upgrade="h2c"), 426, "WebSocket"),
    "a choice of upgrades": (asks(Upgrade="websocket, h2c"), 426, "WebSocket"),
    "two upgrades": (asks(more="Upgrade: websocket\r\n"), 426, "Upgrade"),
    "no connection": (asks(without="Connection"), 426, "WebSocket"),
    "another connection": (asks(Connection="keep-alive"), 426, "WebSocket"),
    "another path": (asks(line="GET /wss HTTP/1.1"), 404, "/ws"),
    "a key in the query": (asks(line="GET /ws?a=b&Token=secret HTTP/1.1"), 400, "Token"),
    "a foreign page": (asks(Origin="https://elsewhere.example"), 403, "origin"),
    "a page without an address": (asks(Origin="null"), 403, "origin"),
    "a page whose address is none": (asks(Origin="http://["), 403, "origin"),
}


@pytest.mark.parametrize("form", WRONG)
async def test_a_wrong_handshake_is_refused_with_a_sentence(ours: Apart, form: str) -> None:
    head, status, named = WRONG[form]
    async with plain(ours) as client:
        await client.send(head)
        told, fields, body = await client.answer()
        problem = json.loads(body)
        assert (told, problem["status"], fields["content-type"]) == (status, status, "application/problem+json")
        assert problem["detail"].endswith(".")
        assert named in problem["detail"]
        assert "secret" not in problem["detail"]
        assert status != 405 or fields["allow"] == "GET"
        assert status != 426 or fields["upgrade"] == "websocket"
        assert "other version" not in form or fields["sec-websocket-version"] == "13"
    await ours.empty()


async def test_a_refused_handshake_ends_its_connection(ours: Apart) -> None:
    async with plain(ours) as client:
        await client.send(WRONG["no key"][0])
        await client.answer()
        assert await client.end() is None
    await ours.empty()


@pytest.mark.parametrize("form", ["a key in the query", "a foreign page", "a page whose address is none"])
async def test_plain_asgi_lets_in_no_more(server: Apart, form: str) -> None:
    head, status, _ = WRONG[form]
    async with plain(server) as client:
        await client.send(head)
        assert (await client.answer())[0] == status
    await server.empty()


async def test_too_many_who_say_nothing_close_the_door_for_a_moment(
    server: Apart, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ioc.web.hub.MAX_STRANGERS", 1)
    async with raw(server, hello=False), plain(server) as late:
        await late.send(asks())
        status, fields, body = await late.answer()
        assert (status, json.loads(body)["status"]) == (503, 503)
        assert int(fields["retry-after"]) >= 1
    await server.empty()
    async with raw(server):
        pass
    await server.empty()


async def test_a_handshake_comes_in_pieces(server: Apart) -> None:
    async with plain(server) as client:
        await client.send(*[bytes((byte,)) for byte in asks()])
        assert (await client.answer())[0] == 101


@pytest.mark.parametrize(
    ("offered", "chosen", "stays"),
    [("ioc.v1", "ioc.v1", True), ("soap, ioc.v1", "ioc.v1", True), ("soap", None, False), ("ioc.v2,v1", None, False)],
)
async def test_a_subprotocol_is_ours_or_none(server: Apart, offered: str, chosen: str | None, stays: bool) -> None:
    async with plain(server) as client:
        await client.send(asks(Sec_WebSocket_Protocol=offered))
        status, fields, _ = await client.answer()
        assert (status, fields.get("sec-websocket-protocol")) == (101, chosen)
        await client.send(says(type="hello"))
        if stays:
            await client.hear("welcome")
        else:
            assert ((bye := await client.hear("bye"))["code"], bye["reconnect"]) == (4500, False)
            await client.send(masked(CLOSE, struct.pack("!H", 4500)))
            assert await client.end() == 4500


async def test_subprotocols_may_stand_in_several_fields(server: Apart) -> None:
    async with plain(server) as client:
        await client.send(asks(Sec_WebSocket_Protocol="soap", more="Sec-WebSocket-Protocol: ioc.v1\r\n"))
        assert (await client.answer())[1]["sec-websocket-protocol"] == "ioc.v1"


OFFERS: list[tuple[str, str | None]] = [
    (CHROMIUM, AGREED),
    (FIREFOX, AGREED),
    (WEBSOCKETS, AGREED + "; client_max_window_bits=12"),
    ("x-webkit-deflate-frame, permessage-deflate", AGREED),
    ("permessage-deflate; server_max_window_bits=15; server_no_context_takeover", AGREED),
    # what suits it less well comes second, and suits us
    ("permessage-deflate; server_max_window_bits=9, permessage-deflate", AGREED),
    ("permessage-deflate; server_max_window_bits=11", None),
    ("permessage-deflate; server_max_window_bits=8", None),
    ("permessage-deflate; server_max_window_bits=99", None),
    ("permessage-deflate; server_max_window_bits", None),
    ("permessage-deflate; server_max_window_bits=12; server_max_window_bits=12", None),
    ("permessage-deflate; unheard_of", None),
    ("permessage-deflate; client_max_window_bits=x", None),
    ("x-webkit-deflate-frame", None),
    ("permessage-deflate;", None),
    (";;,=", None),
    (FIREFOX + "; a" * 2000, None),
]


@pytest.mark.parametrize(("offer", "answer"), OFFERS)
async def test_an_offer_of_compression_is_taken_when_one_form_fits_all(
    ours: Apart, offer: str, answer: str | None
) -> None:
    async with plain(ours) as client:
        await client.send(asks(Sec_WebSocket_Extensions=offer))
        status, fields, _ = await client.answer()
        told = fields.get("sec-websocket-extensions")
        assert (status, told and sorted(told.split("; "))) == (101, answer and sorted(answer.split("; ")))
        await client.send(says(type="hello"))
        await client.hear("welcome")


@given(st.text(max_size=60).map("permessage-deflate; ".__add__) | st.text(max_size=60))
def test_no_offer_is_too_strange(offer: str) -> None:
    answer = handshake.agree(offer)
    assert answer is None or AGREED.split("; ", 1)[1] in answer


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda more: asks() + more))
def test_no_head_is_too_strange(head: bytes) -> None:
    asked = handshake.read(head, None, False)
    try:
        opened, _ = handshake.accept(asked, asked.offered)
    except handshake.Refusal as refusal:
        told = handshake.refused(refusal.status, refusal.say)
        assert told.startswith((b"HTTP/1.1 4", b"HTTP/1.1 505"))
    else:
        assert opened.startswith(b"HTTP/1.1 101 ")


@pytest.mark.parametrize("line", ["GET /ws HTTP/1.0", "GET /ws HTTP/2", "GET /ws", "GET"])
def test_another_version_of_http_is_refused(line: str) -> None:
    with pytest.raises(handshake.Refusal) as refused:
        handshake.accept(handshake.read(asks(line=line), None, False), [])
    assert refused.value.status == 505
    assert refused.value.say.endswith(".")
