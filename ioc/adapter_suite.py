"""Tests that every adapter must pass; an author writes five lines, and a recorded answer::

    class TestCameras(AdapterSuite):
        adapter = "camera_registry"
        options: ClassVar = {"event": "ioc.camera.observed", "id": "id", "lon": "x", "lat": "y", "url": "replaced"}
        answers = Path(__file__).parent / "answers" / "cameras"
        within = (108.0, 12.5, 110.0, 14.0)

The answers come from a real HTTP server on a free port of this machine. What is your adapter's own you test beside it::

        def test_the_key_is_sent(self) -> None:
            with AnswerServer(self.recorded()[0][1]) as server:
                asyncio.run(poll(self.opened(url=server.url)))
            assert server.asked[0].headers["x-key"] == self.options["key"]

        def test_a_log_without_its_end_is_cut(self) -> None:
            assert "cut" in self.fails(Said(self.recorded()[0][1].rpartition(b"#END")[0]))
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Literal, NamedTuple, Self
from urllib.parse import parse_qs, urlsplit

import msgspec

from ioc import catalog
from ioc.adapter import Adapter, Answer, Reading
from ioc.errors import BadRecord, IocError, SourceDown, SourceRefused
from ioc.settings import Source

SECRET = re.compile(
    r"""://[^/\s:@"']+:[^/\s:@"']+@|bearer\s+[\w.~+/-]{8,}"""
    r"""|"?\b(password|passwd|secret|api_?key|access_?token|token)\b"?\s*[:=]\s*"?[^\s",}<]{6,}""",
    re.IGNORECASE,
)
"""What looks like a password, key or token in a recorded answer."""
HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>"


class Said(NamedTuple):
    """What the server says to one request. `stall`: after so many bytes it is silent until the server is closed."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = {}
    stall: int | None = None
    times: int = 1


class Asked(NamedTuple):
    """What the server was asked: path, query (last value of each name) and headers (lower case)."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]


class AnswerServer:
    """A real HTTP server on a free port: it says what `says` set, one after the other; the last again and again.

    An answer's `times` repeats its body without holding it (a large body). `asked` keeps the requests.
    """

    def __init__(self, *said: Said | bytes) -> None:
        self.asked: list[Asked] = []
        self._closed = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._door())
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), name="answers", daemon=True)
        self.says(*said)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def says(self, *said: Said | bytes) -> None:
        """What is said from now on."""
        self._said = [one if isinstance(one, Said) else Said(one) for one in said] or [Said(status=404)]

    def answer(self, asked: Asked) -> Said:
        """What is said to one request; a server that works its answers out replaces this."""
        return self._said.pop(0) if len(self._said) > 1 else self._said[0]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _door(outer) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - `self` is the request inside
        class Door(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
                asked = Asked(parts.path, query, {name.lower(): value for name, value in self.headers.items()})
                outer.asked.append(asked)
                try:
                    self._say(outer.answer(asked))
                except OSError:
                    self.close_connection = True

            def _say(self, said: Said) -> None:
                self.send_response(said.status)
                for name, value in said.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(said.body) * said.times))
                self.send_header("Connection", "close")
                self.end_headers()
                self.close_connection = True
                if said.stall is not None:
                    self.wfile.write(said.body[: said.stall])
                    outer._closed.wait(60)
                    return
                for _ in range(said.times):
                    self.wfile.write(said.body)

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        return Door


async def poll(adapter: Adapter[Any], cursor: str | None = None) -> tuple[list[Reading | BadRecord], str | None]:
    """Ask once and parse, as the poller does; the results, and the cursor to go on from."""
    results: list[Reading | BadRecord] = []
    async for answer in adapter.ask(cursor):
        cursor = answer.cursor or cursor
        if not answer.unchanged:
            results.extend(adapter.parse(answer))
    return results, cursor


class AdapterSuite:
    """Base of an adapter's tests.

    `answers`: a folder of recorded answers, or a list of files and of bytes. `trouble`: where a bad answer is tried:
    http (at a server, whose address replaces the option `url`), body (given to parse), none. `within`: west, south,
    east, north.
    """

    adapter: ClassVar[str]
    options: ClassVar[Mapping[str, Any]]
    answers: ClassVar[Path | Sequence[Path | bytes]]
    within: ClassVar[tuple[float, float, float, float] | None] = None
    trouble: ClassVar[Literal["http", "body", "none"]] = "http"

    def opened(self, **changed: Any) -> Adapter[Any]:
        """The adapter with its options, some of them changed."""
        from ioc.contract import Contract

        return catalog.open_adapter(Source("suite", self.adapter, Contract("suite"), {**self.options, **changed}))

    def recorded(self) -> list[tuple[str, bytes]]:
        """Name and bytes of each recorded answer; skips when their files are not on this machine."""
        given = (
            sorted(self.answers.iterdir()) if isinstance(self.answers, Path) and self.answers.is_dir() else self.answers
        )
        found = []
        for number, one in enumerate([given] if isinstance(given, Path) else given):
            if isinstance(one, Path) and not one.is_file():
                import pytest

                pytest.skip(f"{one} is not on this machine; name its folder with IOC_SHARED.")
            found.append((one.name, one.read_bytes()) if isinstance(one, Path) else (f"answer {number}", one))
        assert found, "there is no recorded answer"
        return found

    def answer(self, name: str, body: bytes) -> Answer:
        """A recorded answer as parse is given it; an adapter that needs more facts replaces this."""
        return Answer(body, name=name)

    def parsed(self, name: str, body: bytes) -> list[Reading | BadRecord]:
        return list(self.opened().parse(self.answer(name, body)))

    def readings(self, name: str, body: bytes) -> list[Reading]:
        return [result for result in self.parsed(name, body) if isinstance(result, Reading)]

    def test_every_recorded_answer_parses(self) -> None:
        for name, body in self.recorded():
            results = self.parsed(name, body)
            assert any(isinstance(result, Reading) for result in results), f"{name} gives no reading"
            for result in results:
                if isinstance(result, BadRecord):
                    assert result.reason and result.say.endswith("."), f"{name}: {result!r} gives no reason or sentence"

    def test_subjects_are_unique_and_stable(self) -> None:
        for name, body in self.recorded():
            first, second = self.readings(name, body), self.readings(name, body)
            subjects = [reading.subject for reading in first]
            assert len(set(subjects)) == len(subjects), f"{name} gives a subject twice"
            assert first == second, f"{name} gives other readings when it is parsed again"

    def test_readings_can_travel(self) -> None:
        for name, body in self.recorded():
            for reading in self.readings(name, body):
                assert msgspec.json.decode(msgspec.json.encode(reading.properties)) == reading.properties, name
                assert reading.volatile <= reading.properties.keys() or reading.gone, (
                    f"{name}: volatile names no property"
                )

    def test_times_are_aware(self) -> None:
        for name, body in self.recorded():
            for reading in self.readings(name, body):
                assert reading.time is None or reading.time.utcoffset() is not None, f"{name}: {reading.subject}"

    def test_places_lie_on_earth_and_within(self) -> None:
        west, south, east, north = self.within or (-180, -90, 180, 90)
        for name, body in self.recorded():
            for reading in self.readings(name, body):
                for lon, lat in _points(reading.geometry):
                    assert west <= lon <= east and south <= lat <= north, f"{name}: {reading.subject} at {lon}, {lat}"
                    assert (round(lon, 6), round(lat, 6)) == (lon, lat), (
                        f"{name}: {reading.subject} has too many decimals"
                    )

    def test_no_secret_is_recorded(self) -> None:
        for name, body in self.recorded():
            found = SECRET.search(body.decode("utf-8", "replace"))
            assert found is None, f"{name} holds what looks like a secret at character {found and found.start()}"

    def test_every_setting_is_documented(self) -> None:
        kind = catalog.adapter(self.adapter).Config
        told = " ".join(base.__doc__ or "" for base in kind.__mro__)
        missing = [field for field in kind.__struct_fields__ if f"`{field}`" not in told]
        # `event` and what every adapter has stand in the kit
        assert not missing, f"the text of {kind.__name__} says nothing of {', '.join(missing)}"

    def test_what_is_recorded_is_read_over_http(self) -> None:
        if self.trouble != "http":
            return
        for name, body in self.recorded():
            with AnswerServer(body) as server:
                results, _ = asyncio.run(poll(self.opened(url=server.url)))
            subjects = [result.subject for result in results if isinstance(result, Reading)]
            assert subjects == [reading.subject for reading in self.readings(name, body)]

    def test_a_cut_answer_is_not_taken(self) -> None:
        for _, body in self.recorded():
            self.fails(Said(body[: len(body) // 2]))

    def test_an_empty_answer_is_not_taken(self) -> None:
        self.fails(Said(b""))

    def test_an_html_page_is_not_taken(self) -> None:
        assert self.trouble == "none" or "HTML" in self.fails(Said(HTML))

    def test_bad_text_is_not_taken(self) -> None:
        self.fails(Said(b"\xff\xfe\x00garbage"))

    def test_a_refused_key_stops_the_asking(self) -> None:
        if self.trouble == "http":
            for status in (401, 403):
                assert "key" in self.fails(Said(b"no", status), SourceRefused)

    def test_a_failing_server_is_asked_again(self) -> None:
        if self.trouble == "http":
            for status in (404, 429, 500, 503):
                assert str(status) in self.fails(Said(b"no", status))

    def test_a_silent_server_is_left(self) -> None:
        if self.trouble == "http":
            for stall in (0, 10):
                assert "whole answer" in self.fails(Said(self.recorded()[0][1], stall=stall), timeout_s=0.3)

    def test_a_large_body_is_left(self) -> None:
        if self.trouble == "http":
            assert "bytes" in self.fails(Said(b" " * 65536, times=16), max_bytes=100_000)

    def test_nobody_there_is_said(self) -> None:
        if self.trouble == "http":
            with AnswerServer() as server:
                url = server.url
            self._fails(lambda: asyncio.run(poll(self.opened(url=url))), SourceDown)

    def fails(self, said: Said, kind: type[IocError] = SourceDown, **changed: Any) -> str:
        """The sentence with which such an answer is refused; fails when it is taken. No secret stands in it."""
        if self.trouble == "none":
            return ""
        if self.trouble == "body":
            return self._fails(lambda: self.parsed("answer", said.body), kind)
        with AnswerServer(said) as server:
            return self._fails(lambda: asyncio.run(poll(self.opened(url=server.url, **changed))), kind)

    def _fails(self, act: Any, kind: type[IocError]) -> str:
        try:
            taken = act()
        except kind as error:
            secrets = [value for name, value in self.options.items() if re.search("key|token|password", name)]
            assert not any(str(secret) in error.say for secret in secrets), "the sentence holds a secret"
            assert error.say.endswith("."), f"{error.say!r} is no finished sentence"
            return error.say
        raise AssertionError(f"{kind.__name__} was due, but the answer was taken: {str(taken)[:200]}")


def _points(geometry: dict[str, Any] | None) -> list[tuple[float, float]]:
    if geometry is None:
        return []
    found: list[tuple[float, float]] = []
    left: list[Any] = [geometry["coordinates"]]
    while left:
        part = left.pop()
        if part and isinstance(part[0], int | float):
            found.append((part[0], part[1]))
        else:
            left.extend(part)
    return found
