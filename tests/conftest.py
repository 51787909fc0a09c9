"""What many tests need: shared data, a Redis of their own, and fresh databases on the machine's real servers.

What is absent skips a test, with the reason; with IOC_REQUIRE_SERVICES=1 (in CI) it fails it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from tests.cluster.servers import Fleet

ROOT = Path(__file__).resolve().parent.parent

# how long an example takes tells how busy the machine is, and nothing of the code
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

ServersIn = Callable[[Path], list[int]]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come first: they take the longest, and when tests run side by side all of them stay on one side.

    A file's other tests stay together too, with what they share; those that name a group of their own, in that.
    """
    items.sort(key=lambda item: item.get_closest_marker("browser") is None)
    for item in items:
        if item.get_closest_marker("xdist_group") is not None:
            continue
        alone = "browser" if item.get_closest_marker("browser") is not None else item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group(alone))


def absent(what: str) -> NoReturn:
    """Skip the test because `what` is not there; fail it where everything must be there."""
    if os.environ.get("IOC_REQUIRE_SERVICES") == "1":
        pytest.fail(f"{what}, and IOC_REQUIRE_SERVICES=1 wants it.", pytrace=False)
    pytest.skip(f"{what}.")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared data: IOC_SHARED, else ../shared beside the checkout."""
    folder = Path(os.environ.get("IOC_SHARED") or ROOT.parent / "shared") / "data"
    if not folder.is_dir():
        absent(f"There is no shared data at {folder}")
    return folder


@pytest.fixture(scope="session")
def kv_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A private Redis for this test run, on a free port."""
    from ioc import kv
    from ioc.errors import BadConfig

    try:
        kv.choose()
    except BadConfig as error:
        absent(error.say.rstrip("."))
    with kv.use(None, tmp_path_factory.mktemp("kv")) as url:
        yield url


@pytest.fixture
def redis_url(kv_url: str) -> str:
    """The address of the private Redis, emptied for this test."""
    import redis

    with redis.Redis.from_url(kv_url, protocol=3) as client:
        client.flushall()
    return kv_url


@pytest.fixture(scope="session")
def whole_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Three Redis servers of this test run that share the slots."""
    from tests.cluster.servers import cluster

    with cluster(tmp_path_factory.mktemp("cluster")) as fleet:
        yield fleet


@pytest.fixture
def cluster_url(whole_cluster: Fleet) -> str:
    """The address of the cluster, emptied for this test."""
    whole_cluster.flush()
    return whole_cluster.url


@pytest.fixture(scope="session")
def s3_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a real server of S3 on loopback (`tests/buckets.py`)."""
    from tests.buckets import seaweed

    with seaweed(tmp_path_factory.mktemp("s3")) as port:
        yield port


@pytest.fixture
def servers_in() -> ServersIn:
    """Tells which Redis servers run in a folder (process ids)."""
    import psutil

    def found(folder: Path) -> list[int]:
        pids: list[int] = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.name().endswith("-server") and Path(process.cwd()) == folder:
                    pids.append(process.pid)
        return pids

    return found


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """A fresh PostgreSQL database (postgresql://…), dropped afterwards; the server is IOC_TEST_POSTGRES's."""
    import psycopg

    from tests.fresh import postgres

    with ExitStack() as held:
        try:
            url = held.enter_context(postgres())
        except psycopg.OperationalError as error:
            absent(f"PostgreSQL can't be reached ({str(error).splitlines()[0]})")
        yield url


@pytest.fixture
def mariadb() -> Iterator[dict[str, Any]]:
    """A fresh MariaDB database, dropped afterwards, as the arguments of pymysql.connect.

    The server is that of IOC_TEST_MARIADB_HOST, _PORT, _USER and _PASSWORD.
    """
    import pymysql

    where: dict[str, Any] = {
        "host": os.environ.get("IOC_TEST_MARIADB_HOST", "127.0.0.1"),
        "port": int(os.environ.get("IOC_TEST_MARIADB_PORT", "3306")),
        "user": os.environ.get("IOC_TEST_MARIADB_USER", "root"),
        "password": os.environ.get("IOC_TEST_MARIADB_PASSWORD", ""),
        "charset": "utf8mb4",
    }
    name = f"ioc_test_{secrets.token_hex(6)}"
    try:
        admin = pymysql.connect(**where, connect_timeout=5)
    except pymysql.OperationalError as error:
        absent(f"MariaDB can't be reached ({error.args[-1]})")
    with admin, admin.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
        try:
            yield {**where, "database": name}
        finally:
            cursor.execute(f"DROP DATABASE {name}")
