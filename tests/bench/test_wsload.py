"""The load client in C: it sees what is wrong with a chain of positions, and comes back as it is asked to."""

from __future__ import annotations

import json
import socket
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.bench import _load, _peer, _sides, fan_out
from tests.bench._figures import How

pytestmark = pytest.mark.skipif(_load.compiler() is None, reason="The load client is C, and there is no compiler here.")

GOOD = dict.fromkeys(_load.BREAKS, 0)
CLOSE = b"\x88\x02\x0f\xa0"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0.1\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the client is compiled, once."""
    made = tmp_path_factory.mktemp("c")
    _load.compiled("wsload", made)
    return made


def snapshot(part: int = 1, parts: int = 1, epoch: str = "e", offset: int = 5, channel: str = "layer/bench") -> bytes:
    quality = {"why": 'say "part":9,"parts":9'}
    frame = {"type": "snapshot", "channel": channel, "epoch": epoch, "offset": offset, "quality": quality}
    return json.dumps({**frame, "part": part, "parts": parts, "items": {}}, separators=(",", ":")).encode()


def delta(after: int, offset: int, epoch: str = "e", channel: str = "layer/bench", **other: Any) -> bytes:
    frame = {
        "type": "delta",
        "channel": channel,
        "epoch": epoch,
        "after": after,
        "offset": offset,
        "put": {},
        "drop": [],
    }
    return json.dumps({**frame, **other}, separators=(",", ":")).encode()


def deflated(body: bytes) -> bytes:
    """A compressed frame, as one deflated for all screens is: nothing before it is needed to read it."""
    squeeze = zlib.compressobj(6, zlib.DEFLATED, -15)
    packed = (squeeze.compress(body) + squeeze.flush(zlib.Z_SYNC_FLUSH))[:-4]
    made = _peer.frame(packed)
    return bytes([made[0] | 0x40]) + made[1:]


@contextmanager
def saying(answers: Sequence[Callable[[socket.socket, bytes], None]]) -> Iterator[int]:
    """A server that answers one connection after another, each in its way; where it listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(20)
        held: list[socket.socket] = []

        def serve() -> None:
            for answer in answers:
                there, _ = listening.accept()
                held.append(there)
                request = b""
                while b"\r\n\r\n" not in request:
                    request += there.recv(4096)
                answer(there, request)

        serving = threading.Thread(target=serve)
        serving.start()
        yield listening.getsockname()[1]
        serving.join(20)
        for one in held:
            one.close()


def stream(frames: Sequence[bytes]) -> Callable[[socket.socket, bytes], None]:
    """Accept, and send these frames, cut anywhere."""

    def answer(there: socket.socket, request: bytes) -> None:
        told = _peer.accepted(request) + b"".join(frames)
        for start in range(0, len(told), 37):
            there.sendall(told[start : start + 37])

    return answer


def checked(folder: Path, frames: Sequence[bytes]) -> dict[str, Any]:
    with saying([stream([*frames, CLOSE])]) as port:
        # it ends when its last connection has
        told = _load.load(folder, port, ["--n", 1, "--check", "--settle", 0, "--duration", 20], limit_s=60)
    assert told["err"].startswith("close frame 4000"), told
    found: dict[str, Any] = told["chain"]
    return found


def counted(folder: Path, bodies: Sequence[bytes], make: Callable[[bytes], bytes] = _peer.frame) -> dict[str, int]:
    chain = checked(folder, [make(body) for body in bodies])
    return {name: chain[name] for name in _load.BREAKS}


WHOLE = [
    b'{"type":"welcome","now":"2026-03-10T12:00:00+07:00","beat":2.0,"server":"x"}', snapshot(1, 2), snapshot(2, 2),
    delta(5, 6), delta(6, 7, more=True), delta(6, 7), delta(7, 7, quality=None), snapshot(channel="tile/x", offset=2),
    delta(2, 3, channel="tile/x"), delta(7, 9), snapshot(epoch="f", offset=1), delta(1, 2, epoch="f"),
    b'{"type":"beat","now":"2026-03-10T12:00:02+07:00"}',
]  # fmt: skip


@pytest.mark.parametrize("make", [_peer.frame, deflated])
def test_a_whole_chain_has_no_breaks(folder: Path, make: Callable[[bytes], bytes]) -> None:
    chain = checked(folder, [make(body) for body in WHOLE])
    assert {name: chain[name] for name in _load.BREAKS} == GOOD
    assert (chain["deltas"], chain["snapshots"], chain["parts"]) == (7, 3, 4)
    assert chain["compressed"] == (len(WHOLE) if make is deflated else 0)


@pytest.mark.parametrize(
    ("bodies", "breaks"),
    [
        ([snapshot(), delta(6, 7)], {"holes": 1}),
        ([snapshot(), delta(5, 6), delta(8, 9), delta(9, 10)], {"holes": 1}),
        ([snapshot(), delta(5, 6), delta(5, 6)], {"twice": 1}),
        ([snapshot(), delta(5, 6, more=True), delta(6, 7)], {"holes": 1}),
        ([snapshot(), delta(5, 6, epoch="f")], {"epochs": 1}),
        ([delta(5, 6)], {"orphans": 1}),
        ([snapshot(), delta(5, 6, channel="layer/other")], {"orphans": 1}),
        ([snapshot(1, 2), delta(5, 6)], {"torn": 1}),
        ([snapshot(2, 2)], {"torn": 1}),
        ([snapshot(1, 2), snapshot(2, 2, offset=6)], {"torn": 1}),
        ([b'{"channel":"layer/bench","type":"delta"}'], {"unread": 1}),
        ([b'{"type":"delta","epoch":"e","channel":"layer/bench"}'], {"unread": 1}),
    ],
)
@pytest.mark.parametrize("make", [_peer.frame, deflated])
def test_every_break_of_the_chain_is_counted(
    folder: Path, bodies: list[bytes], breaks: dict[str, int], make: Callable[[bytes], bytes]
) -> None:
    assert counted(folder, bodies, make) == {**GOOD, **breaks}


def test_a_long_compressed_delta_is_read_to_its_end(folder: Path) -> None:
    put = {f"i{number}": {"value": number * 7919 % 1000} for number in range(3000)}
    bodies = [snapshot(), delta(5, 6, put=put, more=True), delta(5, 6, put=put)]
    assert counted(folder, bodies, deflated) == GOOD


def test_who_is_turned_away_comes_back_until_it_has_its_picture(folder: Path) -> None:
    bye = b'{"type":"bye","code":4003,"say":"Come back later.","reconnect":true,"after":0.1}'

    def sent_away(there: socket.socket, request: bytes) -> None:
        there.sendall(_peer.accepted(request) + _peer.frame(bye) + CLOSE)

    def busy(there: socket.socket, request: bytes) -> None:
        there.sendall(BUSY)

    with saying([busy, sent_away, stream([_peer.frame(snapshot(1, 2)), _peer.frame(snapshot(2, 2))])]) as port:
        words = ["--n", 1, "--check", "--whole", 1, "--retry", "--settle", 0, "--duration", 0.1]
        told = _load.load(folder, port, words, limit_s=60)
    assert (told["ok"], told["retries"], told["refused"], told["chain"]["byes"]) == (1, 2, 1, 1)


def test_a_picture_without_its_last_part_is_not_whole(folder: Path) -> None:
    with saying([stream([_peer.frame(snapshot(1, 2)), CLOSE])]) as port:
        told = _load.load(
            folder, port, ["--n", 1, "--check", "--whole", 1, "--settle", 0, "--duration", 0.1], limit_s=60
        )
    assert told["ok"] == 0 and told["picture_ms"]["n"] == 0


def test_our_server_under_a_small_load_loses_nothing_and_keeps_the_law(folder: Path) -> None:
    shape = fan_out.SHAPES["D"]._replace(
        screens=5, short=("--messages", 200, "--pub-rate", 20, "--pub-batch", 20), batch=20
    )
    run = fan_out.once(How(folder, quick=True), _sides.OURS, shape, sampled=True)
    assert run.figures["screens"] == 5 and run.figures["lost"] == 0 and run.figures["broken"] == 0
    assert run.samples["samples_equal"] == run.samples["samples"] == 10
    assert run.samples["compressed"] == 5 and run.samples["breaks"] == 0 and run.samples["deltas"] >= 10


@pytest.mark.parametrize("compiler", [True, False])
def test_the_yardstick_and_the_client_in_python_measure_the_same_load(
    folder: Path, compiler: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not compiler:
        monkeypatch.setattr(_load, "compiler", lambda: None)
    merged, _ = _sides.yardsticks()
    shape = fan_out.SHAPES["A"]._replace(screens=5, short=("--messages", 50, "--warmup", 5))
    run = fan_out.once(How(folder, quick=True), merged, shape)
    assert merged.name == ("C loop, merged" if compiler else "Python loop, merged")
    assert run.figures["screens"] == 5 and run.figures["lost"] == 0 and run.figures["p99_ms"] > 0
