"""The command line: its words, its exit status, what goes to standard output and what to standard error."""

from __future__ import annotations

import asyncio
import http.server
import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from openpyxl import load_workbook

from ioc.cli import main, place
from ioc.db.session import open_db
from ioc.errors import BadConfig
from ioc.log.redis import RedisLog
from ioc.web import access

IOC = Path(sys.executable).with_name("ioc")
COMMANDS = ("demo", "run", "lint", "ask", "replay", "migrate", "excuse", "key", "bridge", "bench", "test", "shots")

SETTINGS = """\
[province]
name = "Phú Yên"
[web]
screens = "screens"
[sources.cameras]
adapter = "camera_registry"
event = "ioc.camera.observed"
url = "{url}"
id = "id"
lon = "x"
lat = "y"
[sources.cameras.properties]
name = "ten"
[sources.cameras.contract]
owner = "Công an tỉnh"
"""
ANSWER = [
    {"id": "a", "x": 109.3, "y": 13.1, "ten": "Ngã tư Sở"},
    {"id": "b", "x": "NaN", "y": 13.1, "ten": "Chợ"},
]


def call(*arguments: str, **env: str) -> Result:
    return CliRunner().invoke(main, list(arguments), env=env)


@pytest.fixture
def place_of_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("IOC_CONFIG", "IOC_DATA", "REDIS_URL", "DATABASE_URL", "PORT"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def registry() -> Iterator[str]:
    """The address of a registry that answers ANSWER."""

    class Registry(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(ANSWER).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/cameras"
        server.shutdown()


@pytest.fixture
def settings(place_of_work: Path, registry: str) -> Path:
    (place_of_work / "screens").mkdir()
    file = place_of_work / "ioc.toml"
    file.write_text(SETTINGS.format(url=registry), encoding="utf-8")
    return file


def every(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from every(inner, (*path, name))


@pytest.mark.parametrize("path", list(every(main)), ids=" ".join)
def test_every_command_has_help(path: tuple[str, ...]) -> None:
    told = call(*path, "--help")
    assert told.exit_code == 0
    assert len(told.stdout.splitlines()) >= 5


def test_the_commands_are_those_of_the_protocol() -> None:
    assert set(main.commands) == set(COMMANDS)
    assert {param.opts[0] for param in main.commands["demo"].params} == {
        "--port", "--province", "--key", "--data", "--for", "--browser",
    }  # fmt: skip
    assert {param.opts[0] for param in main.commands["run"].params} >= {"roles", "--config", "--port", "--workers"}


def test_help_loads_nothing_heavy() -> None:
    heavy = "redis sqlalchemy msgspec starlette uvicorn pyproj alembic httpx2 ioc.settings"
    asked = f"import sys; from ioc.cli import main; print([m for m in {heavy.split()!r} if m in sys.modules])"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "say"),
    [
        (["nothing"], "No such command 'nothing'"),
        (["run", "wall"], "'wall' is not one of 'web', 'poller', 'health', 'projector', 'archive'"),
        (["run", "--port", "70000"], "70000 is not in the range"),
        (["demo", "--key", "short"], "a key needs at least 32 characters"),
        (["run", "--config", "none.toml"], "There is no file none.toml; name one with --config or IOC_CONFIG."),
        (["ask", "x", "--config", "none.toml"], "There is no file none.toml; name one with --config or IOC_CONFIG."),
        (["bench", "nothing"], "There is no bench nothing; write one of "),
    ],
)
def test_wrong_use_is_status_2_and_one_sentence(place_of_work: Path, arguments: list[str], say: str) -> None:
    told = call(*arguments)
    assert told.exit_code == 2
    assert say in told.stderr
    assert told.stdout == ""
    assert "Traceback" not in told.stderr


def test_settings_that_are_wrong_are_named_with_file_and_line(settings: Path) -> None:
    settings.write_text(settings.read_text().replace('owner = "Công an tỉnh"', "owner = 3"), encoding="utf-8")
    told = call("ask", "cameras")
    assert told.exit_code == 2
    assert told.stderr.startswith("ioc.toml:15: [sources.cameras.contract] is wrong")
    assert len(told.stderr.splitlines()) == 1


def test_the_settings_file_is_the_one_that_was_named(place_of_work: Path) -> None:
    demo = place.PACKAGE / "demo" / "ioc.toml"
    assert place.settings_file(None, {}) == demo
    (place_of_work / "ioc.toml").touch()
    assert place.settings_file(None, {}) == Path("ioc.toml")
    assert place.settings_file(None, {"IOC_CONFIG": "/etc/ioc.toml"}) == Path("/etc/ioc.toml")
    assert place.settings_file(Path("x.toml"), {"IOC_CONFIG": "/etc/ioc.toml"}) == Path("x.toml")


def test_the_machine_decides_by_environment(place_of_work: Path) -> None:
    data = place.data_folder(None, {})
    assert data == place_of_work / "ioc-data" and data.is_dir()
    assert place.data_folder(None, {"IOC_DATA": "elsewhere"}) == place_of_work / "elsewhere"
    assert place.database_url(data, {}) == f"sqlite:///{data}/ioc.db"
    assert place.database_url(data, {"DATABASE_URL": "postgresql://x/y"}) == "postgresql://x/y"
    assert place.redis_url({}) is None and place.redis_url({"REDIS_URL": "redis://x"}) == "redis://x"
    assert (place.port(None, env={}), place.port(None, env={"PORT": "81"}), place.port(0, env={"PORT": "81"})) == (
        8000,
        81,
        0,
    )
    with pytest.raises(BadConfig, match="PORT is 8o, which is no port; write a number"):
        place.port(None, env={"PORT": "8o"})
    (place_of_work / "a file").touch()
    with pytest.raises(BadConfig, match=r"can't be made .+; name another with --data"):
        place.data_folder(place_of_work / "a file" / "x", {})


def test_a_port_that_is_taken_is_one_sentence(settings: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = call("run", "web", "--port", str(port))
    assert told.exit_code == 2, told.output
    wanted = f"127.0.0.1:{port} can't be listened on (Address already in use); name another --port, PORT or --host."
    assert told.stderr.splitlines()[-1] == wanted


def test_ask_prints_readings_and_what_would_be_set_aside_and_stores_nothing(settings: Path) -> None:
    told = call("ask", "cameras")
    assert told.exit_code == 0, told.stderr
    reading, aside = (json.loads(line) for line in told.stdout.splitlines())
    assert reading["reading"]["subject"] == "a"
    assert reading["reading"]["properties"] == {"name": "Ngã tư Sở"}
    assert reading["reading"]["geometry"]["coordinates"] == [109.3, 13.1]
    assert aside["set_aside"]["subject"] == "b"
    assert "1 readings; 1 would be set aside. Nothing was stored." in told.stderr
    assert sorted(file.name for file in settings.parent.iterdir()) == ["ioc.toml", "screens"]


def test_ask_says_which_sources_there_are_and_when_one_is_down(settings: Path) -> None:
    unknown = call("ask", "camera")
    assert (unknown.exit_code, unknown.stderr) == (2, "ioc.toml: There is no source camera; write one of cameras.\n")
    settings.write_text(SETTINGS.format(url="http://127.0.0.1:1/"), encoding="utf-8")
    down = call("ask", "cameras")
    assert down.exit_code == 1
    assert "127.0.0.1 could not be asked" in down.stderr.splitlines()[-1]


def test_lint_prints_file_and_line_and_its_status_tells(settings: Path) -> None:
    right = call("lint")
    assert (right.exit_code, right.stdout, right.stderr) == (0, "", "Nothing is wrong.\n")
    settings.write_text(settings.read_text().replace("[web]", "[web]\nbeats = 1"), encoding="utf-8")
    wrong = call("lint", "ioc.toml")
    assert wrong.exit_code == 1
    assert wrong.stdout.startswith("ioc.toml:4: Nothing reads the field beats; write beat")
    told = call("lint", "--json")
    assert told.exit_code == 1
    assert json.loads(told.stdout)[0]["line"] == 4


def test_keys_are_made_listed_and_revoked(place_of_work: Path) -> None:
    made = call("key", "add", "tường 1", "--channel", "layer/*", "--unit", "22015")
    assert made.exit_code == 0, made.stderr
    secret = made.stdout.strip()
    assert len(secret) >= 43
    listed = call("key", "list", "--json")
    (known,) = json.loads(listed.stdout)
    assert (known["name"], known["channels"], known["units"], known["revoked"]) == (
        "tường 1",
        ["layer/*"],
        ["22015"],
        None,
    )
    assert secret not in listed.stdout
    assert secret.encode() not in (place_of_work / "ioc-data" / "ioc.db").read_bytes()
    assert call("key", "revoke", "tường 1").exit_code == 0
    assert json.loads(call("key", "list", "--json").stdout)[0]["revoked"]
    again = call("key", "revoke", "tường 1")
    assert (again.exit_code, again.stderr) == (
        1, "There is no valid key called tường 1; give the number that `ioc key list` shows.\n",
    )  # fmt: skip
    assert call("key", "add", "x", "--role", "king").exit_code == 1


BRIDGE = """\
[sources.jobs]
adapter = "bridge"
title = ["Việc làm mới", "New jobs"]
event = "ioc.indicator.measured"
indicator = "jobs_new"
signature = "none"
columns = [{name = "value", head = "Việc làm mới", kind = "integer", required = true}]
[sources.jobs.contract]
owner = "Sở Nội vụ"
due = {each = "month", after = 5, working = true}
reporters = ["Phòng Việc làm", "Trung tâm"]
"""


def test_the_template_of_a_bridge_is_written_where_it_is_wanted(settings: Path) -> None:
    with settings.open("a", encoding="utf-8") as file:
        file.write(BRIDGE)
    told = call("bridge", "template", "jobs", "--config", str(settings), "--out", "viec-lam.xlsx")
    assert (told.exit_code, told.stdout) == (0, "viec-lam.xlsx\n")
    page = load_workbook("viec-lam.xlsx")["Số liệu"]
    assert (page["A1"].value, page["A2"].value) == ("Việc làm mới", "Phú Yên · Sở Nội vụ")
    assert [page[f"B{row}"].value for row in (9, 10)] == ["Phòng Việc làm", "Trung tâm"]
    told = call("bridge", "template", "jobs", "--config", str(settings))
    assert re.fullmatch(r"jobs-[0-9a-f]{12}\.xlsx\n", told.stdout) and Path(told.stdout.strip()).is_file()
    told = call("bridge", "template", "cameras", "--config", str(settings))
    assert told.exit_code == 2 and "write one of jobs" in told.stderr
    told = call("bridge", "template", "jobs", "--config", str(settings), "--out", "none/x.xlsx")
    assert told.exit_code == 1 and "can't be written" in told.stderr


def test_a_code_lets_one_screen_in_once(place_of_work: Path) -> None:
    address = call(
        "key", "code", "tường 2", "--channel", "layer/*", "--address", "https://ioc.vn/wall/far"
    ).stdout.strip()
    page, code = address.split("#code=")
    assert page == "https://ioc.vn/wall/far" and call("key", "list", "--json").stdout.strip() == "[]"

    async def twice() -> list[str]:
        database = open_db(f"sqlite:///{place_of_work / place.DATA / 'ioc.db'}")
        found = [await access.exchange(database, code)]
        with pytest.raises(access.Refused):
            await access.exchange(database, code)
        await database.close()
        return found

    assert len(asyncio.run(twice())[0]) >= 43
    listed = json.loads(call("key", "list", "--json").stdout)
    assert [(one["name"], one["channels"]) for one in listed] == [("tường 2", ["layer/*"])]


def test_migrate_may_be_called_again(place_of_work: Path) -> None:
    assert [call("migrate").exit_code for _ in range(2)] == [0, 0]
    assert (place_of_work / "ioc-data" / "ioc.db").is_file()
    wrong = call("migrate", DATABASE_URL="oracle://x/y")
    assert wrong.exit_code == 2 and "DATABASE_URL names oracle" in wrong.stderr


def test_the_installed_command_tells_its_version() -> None:
    from ioc import __version__

    told = subprocess.run([IOC, "--version"], capture_output=True, text=True, check=True)
    assert told.stdout == f"ioc, version {__version__}\n"


def test_an_excuse_is_written_into_the_log_of_this_machine(settings: Path, redis_url: str) -> None:
    from ioc import clock

    told = settings.read_text(encoding="utf-8")
    settings.write_text(told + 'due = {each = "day"}\nreporters = ["bv1"]\n', encoding="utf-8")
    today = clock.now().astimezone(clock.ZONE).date().isoformat()
    done = call("excuse", "cameras", today, "bv1", "--why", "Mất điện", "--by", "Trực ban", REDIS_URL=redis_url)
    assert (done.exit_code, done.stdout) == (0, f"bv1 is excused from cameras/{today}.\n")
    back = call("excuse", "cameras", today, "bv1", "--take-back", "--by", "Trực ban", REDIS_URL=redis_url)
    assert (back.exit_code, back.stdout) == (0, f"bv1 owes cameras/{today}.\n")

    async def written() -> list[dict[str, str]]:
        log = RedisLog(redis_url)
        found = [entry.event.data async for entry in log.kept()]
        await log.close()
        return [data.properties["excused"]["bv1"] for data in found if data is not None]

    assert [one["why"] for one in asyncio.run(written())] == ["Mất điện", ""]
    for arguments, say in (
        (("cameras", today, "bv9", "--why", "x", "--by", "y"), "bv9 owes nothing"),
        (("cameras", today, "bv1", "--by", "y"), "The reason (why) is missing"),
        (("nobody", today, "bv1", "--why", "x", "--by", "y"), "There is no source nobody"),
    ):
        wrong = call("excuse", *arguments, REDIS_URL=redis_url)
        assert wrong.exit_code in (1, 2) and say in wrong.stderr and "Traceback" not in wrong.stderr
