"""The sharing platform: a token of a grant, renewed before it ends and once when it is refused; pages; each API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs

import pytest

from ioc import catalog
from ioc.adapter import Adapter, Reading
from ioc.adapter_suite import AdapterSuite, AnswerServer, Asked, Said, poll
from ioc.contract import Contract
from ioc.errors import BadConfig, BadRecord, SourceDown, SourceRefused
from ioc.proof import Tally
from ioc.settings import Source

ROWS = [
    {"ma": f"api-{number}", "ten": "Hộ tịch", "co_quan": "Bộ Tư pháp", "goi": 100 + number, "loi": number,
     "duong_dan": f"/api/{number}"} for number in range(5)
]  # fmt: skip
PROPERTIES = {
    "name": "ten",
    "owner": "co_quan",
    "calls": {"path": "goi", "kind": "integer"},
    "failed": {"path": "loi", "kind": "integer"},
}
OPTIONS: dict[str, Any] = {
    "event": "ioc.api.observed", "url": "replaced", "path": "/list", "records": "data", "id": "ma",
    "properties": PROPERTIES, "token": "a-fixed-token-of-the-test",
}  # fmt: skip
GRANT = {"address": "/token", "client_id": "us", "client_secret": "the secret of the test"}


LOOKED: dict[str, Any] = {**OPTIONS, "look": {"path": "duong_dan"}}


class TestSharingPlatform(AdapterSuite):
    adapter = "sharing_platform"
    options = LOOKED
    answers = (json.dumps({"data": ROWS}, ensure_ascii=False).encode(),)


class Platform(AnswerServer):
    """A platform that gives tokens and wants them. `good`: tokens that are let in; `gives`: what the next will be."""

    def __init__(self, life: Any = 3600) -> None:
        super().__init__()
        self.rows, self.life, self.size = list(ROWS), life, 2
        self.forms: list[dict[str, str]] = []
        self.good, self.made, self.gives, self.said = {""}, 0, True, dict[str, int]()

    def _door(self) -> Any:
        outer, base = self, super()._door()

        class Door(base):  # type: ignore[misc,valid-type]
            def do_POST(self) -> None:  # noqa: N802 - the name that the library asks for
                form = self.rfile.read(int(self.headers["Content-Length"])).decode()
                outer.forms.append({name: values[0] for name, values in parse_qs(form).items()})
                outer.forms[-1]["auth"] = self.headers.get("Authorization", "")
                self._say(outer.token())

        return Door

    def token(self) -> Said:
        if not self.gives:
            return Said(b'{"error": "invalid_client"}', 401)
        self.made += 1
        self.good = {f"token-{self.made}"}
        return Said(json.dumps({"access_token": f"token-{self.made}", "expires_in": self.life}).encode())

    def answer(self, asked: Asked) -> Said:
        if asked.headers.get("authorization", "").removeprefix("Bearer ") not in self.good:
            return Said(b"no", 401)
        if asked.path == "/count":
            return Said(json.dumps({"tong": len(self.rows)}).encode())
        if asked.path != "/list":
            return Said(b"{}", self.said.get(asked.path, 200))
        page = int(asked.query.get("page", 1)) - 1
        return Said(json.dumps({"data": self.rows[page * self.size : (page + 1) * self.size]}).encode())


@contextmanager
def platform(life: Any = 3600) -> Iterator[Platform]:
    with Platform(life) as server:
        yield server


def opened(url: str, **changed: Any) -> Adapter[Any]:
    options = {**OPTIONS, "url": url, "grant": GRANT, "token": None, "pages": {"size": 2}, **changed}
    return catalog.open_adapter(Source("lgsp", "sharing_platform", Contract("us"), options))


def readings(results: list[Reading | BadRecord]) -> list[Reading]:
    return [result for result in results if isinstance(result, Reading)]


async def test_one_token_serves_many_askings_and_all_pages() -> None:
    with platform() as server:
        adapter = opened(server.url)
        for _ in range(3):
            results, cursor = await poll(adapter)
            assert [one.subject for one in readings(results)] == [row["ma"] for row in ROWS] and cursor is None
        assert server.made == 1 and len(server.asked) == 9
        assert server.forms[0]["grant_type"] == "client_credentials" and server.forms[0]["auth"].startswith("Basic ")
        assert [asked.query["page"] for asked in server.asked[:3]] == ["1", "2", "3"]


@pytest.mark.parametrize(("life", "renew", "made"), [(3600, 0, 1), (3600, 3600, 1), (0, 60, 9), ("0.0", 60, 9)])
async def test_a_token_is_renewed_before_it_ends(life: Any, renew: float, made: int) -> None:
    with platform(life) as server:
        adapter = opened(server.url, grant={**GRANT, "renew_s": renew})
        for _ in range(3):
            await poll(adapter)
        assert server.made == made


async def test_credentials_in_the_body_where_the_platform_wants_them_there() -> None:
    with platform() as server:
        await poll(opened(server.url, grant={**GRANT, "basic": False, "scope": "ioc"}))
        assert server.forms == [
            {"grant_type": "client_credentials", "scope": "ioc", "client_id": "us", "auth": "",
             "client_secret": "the secret of the test"}
        ]  # fmt: skip


async def test_a_refused_token_is_renewed_once() -> None:
    with platform() as server:
        adapter = opened(server.url)
        await poll(adapter)
        server.good = {"nobody"}
        assert len(readings((await poll(adapter))[0])) == 5
        assert server.made == 2


async def test_refused_again_the_asking_ends_and_no_secret_is_told() -> None:
    with platform() as server:
        adapter = opened(server.url)
        await poll(adapter)
        asked = len(server.asked)
        server.token = lambda: Said(b'{"access_token": "worthless", "expires_in": 60}')  # type: ignore[method-assign]
        server.good = {"nobody"}
        with pytest.raises(SourceRefused, match="refused the key") as caught:
            await poll(adapter)
        assert len(server.asked) == asked + 2
        assert "secret" not in caught.value.say and "worthless" not in caught.value.say


async def test_a_client_that_is_given_no_token_is_refused() -> None:
    with platform() as server:
        server.gives = False
        with pytest.raises(SourceRefused, match="HTTP 401 at the asking for a token"):
            await poll(opened(server.url))
        assert server.asked == []


@pytest.mark.parametrize(
    ("said", "match"),
    [
        (Said(b"<html><body>Please sign in</body></html>"), "HTML"),
        (Said(b"[]"), "no access_token"),
        (Said(b'{"access_token": "a\\nb"}'), "no access_token"),
        (Said(b" " * 65_537), "bytes as a token"),
        (Said(b"no", 503), "HTTP 503"),
    ],
)
async def test_what_is_no_token_is_said(said: Said, match: str) -> None:
    with platform() as server, pytest.raises(SourceDown, match=match):
        server.token = lambda: said  # type: ignore[method-assign]
        await poll(opened(server.url))


async def test_a_silent_place_of_tokens_is_left() -> None:
    with platform() as server, pytest.raises(SourceDown, match="asking for a token within"):
        server.token = lambda: Said(b"{}", stall=1)  # type: ignore[method-assign]
        await poll(opened(server.url, timeout_s=0.3))


async def test_each_api_is_looked_at_and_the_list_stays_when_one_is_dead() -> None:
    with platform() as server:
        server.said = {"/api/1": 503, "/api/3": 403}
        results, _ = await poll(opened(server.url, look={"path": "duong_dan"}))
    states = {one.subject: one.properties["state"] for one in readings(results)}
    assert states == {"api-0": "live", "api-1": "down", "api-2": "live", "api-3": "refused", "api-4": "live"}
    assert "HTTP 503" in readings(results)[1].properties["why"]


@pytest.mark.parametrize("path", ["http://elsewhere.example/x", "//elsewhere.example/x", "/../etc", "/a\\b"])
async def test_a_list_cant_send_the_token_elsewhere(path: str) -> None:
    with platform() as server:
        server.rows = [{**ROWS[0], "duong_dan": path}, ROWS[1]]
        results, _ = await poll(opened(server.url, look={"path": "duong_dan"}))
        looked = [asked.path for asked in server.asked if asked.path != "/list"]
    bad = [result for result in results if isinstance(result, BadRecord)]
    assert [one.reason for one in bad] == ["bad_type"] and bad[0].subject == "api-0"
    assert looked == ["/api/1"]


async def test_more_apis_than_may_be_looked_at_are_refused() -> None:
    with platform() as server, pytest.raises(SourceDown, match="more than 3 APIs"):
        await poll(opened(server.url, look={"path": "duong_dan", "most": 3}))


async def test_pages_without_end_are_refused() -> None:
    with platform() as server, pytest.raises(SourceDown, match="more than 2 pages"):
        await poll(opened(server.url, pages={"size": 2, "most": 2}))


async def test_a_server_that_knows_no_pages_is_read_once() -> None:
    with AnswerServer(json.dumps({"data": ROWS}).encode()) as server:
        results, _ = await poll(opened(server.url, grant=None))
    assert len(results) == 5 and len(server.asked) == 2


async def test_the_platform_says_how_much_it_holds_to_who_has_a_token() -> None:
    with platform() as server:
        adapter = opened(server.url, tally={"url": f"{server.url}/count", "count": "tong"})
        assert adapter.tallies and await adapter.tally() == Tally(5, None)


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"token": "x"}, "write one of them"),
        ({"since": {"param": "tu"}, "complete": True}, "leave complete out"),
        ({"look": {"path": "a", "most": 0}}, "1 or more"),
        ({"tally": {"url": "http://elsewhere.example/", "count": "n"}}, "another host"),
    ],
)
def test_settings_that_do_not_fit(wrong: dict[str, Any], match: str) -> None:
    with pytest.raises(BadConfig, match=match):
        opened("http://127.0.0.1:1", **wrong)
