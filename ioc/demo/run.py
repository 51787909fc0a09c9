"""`ioc demo`: the invented province's sources and the whole centre beside them, on this machine only.

This process only keeps the others: it starts them, starts again what dies, and stops them all. It loads little, and
each role is the command that a real centre runs.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from ioc import include
from ioc.demo import SYSTEMS_KEY
from ioc.errors import BadConfig, IocError
from ioc.ports import free, is_free
from ioc.report_rules import KEY as REPORTS_KEY
from ioc.run.children import die_with

ROLES = (("web",), ("poller", "health"), ("projector", "archive"))
READY_S = 300.0
STOP_S = 15.0
LOOK_S = 0.2
BACK_OFF_S, BACK_OFF_MAX_S = 0.25, 10.0
SETTLED_S = 10.0
"""A process that lived so long is started again at once."""
HERE = Path(__file__).parent
TEMPLATE = HERE / "ioc.toml"
PROVINCES = {
    "phu-yen": TEMPLATE,
    "tay-ninh": HERE / "tay-ninh.toml",
    "quang-nam": HERE / "quang-nam.toml",
    "nghe-an": HERE / "nghe-an.toml",
}
"""Settings of each demo, by the province's name on the command line."""
COMMON = "data-quality.toml"
"""The screen that each province shows beside those of its own; the others that come with the project are Phú Yên's."""
WRITTEN_FOLDER, WRITTEN_PHOTOS = "ioc-data/sources", "ioc-data/photos"
WRITTEN_AUTHORITY = "ioc/demo/authority.pem"
WRITTEN_PORT = re.compile(r"(?<=127\.0\.0\.1:)81\d\d\b")
"""Where the demo's settings say that the sources are; here they are told where they really are."""
SCREENS_SET = re.compile(r"^screens *=", re.MULTILINE)
SOURCES = 8101
"""The written port of the sources that are served over HTTP; the others are a system's own."""


def say(text: str) -> None:
    """A progress line on standard error."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


class Kept:
    """One process beside this one: its name, its command, and when it may be started again."""

    def __init__(self, name: str, command: Sequence[str], log: Path) -> None:
        self.name, self.command, self.log = name, list(command), log
        self.process: subprocess.Popen[bytes] | None = None
        self.wait, self.due, self.began = 0.0, 0.0, 0.0

    def look(self) -> None:
        """Start it when it is due; note it when it died."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.due:
                self._start(now)
            return
        status = self.process.poll()
        if status is not None:
            lived = now - self.began
            self.wait = BACK_OFF_S if lived > SETTLED_S else min(max(2 * self.wait, BACK_OFF_S), BACK_OFF_MAX_S)
            self.process, self.due = None, now + self.wait
            say(f"{self.name} ended with status {status}; started again in {self.wait:g} s (see {self.log}).")

    def _start(self, now: float) -> None:
        parent = os.getpid()
        preexec: Callable[[], None] | None = (lambda: die_with(parent)) if sys.platform == "linux" else None
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_environment(), preexec_fn=preexec
            )
        self.began = now


def demo(
    *,
    port: int,
    province: str | None = None,
    key: str | None = None,
    data: Path | None = None,
    seconds: float | None = None,
    browser: bool = False,
) -> None:
    """Run the demo until Ctrl-C, SIGTERM, or `seconds` after it was ready; blocks.

    `port` 0: a free one. `province`: one of PROVINCES. `key`: may watch, read and file everything (None: one is made
    and printed). `data`: holds Redis, SQLite and photos (None: a temporary folder). Raises BadConfig on a wrong wish,
    IocError when the centre does not become ready.
    """
    if province is not None and province not in PROVINCES:
        raise BadConfig(f"There is no demo province {province}; write one of {', '.join(PROVINCES)}.")
    began = time.monotonic()
    with _folder(data) as folder, _stopped() as stop:
        os.environ.setdefault(REPORTS_KEY, _reports_key(folder / "reports.key"))
        os.environ.setdefault(SYSTEMS_KEY, secrets.token_urlsafe(24))
        province = province or "phu-yen"
        written = written_ports(province)
        port, *found = _ports(port, 1 + len(written))
        ports = dict(zip(written, found, strict=True))
        settings(province, folder, ports)
        kept = _all(folder, port, province, ports)
        try:
            say("[1/4] The sources of the invented province (dữ liệu mẫu) …")
            kept[0].look()
            say(f"[2/4] The database and the keys, in {folder} …")
            told = _prepare(folder, key)
            say("[3/4] The roles: web, poller, health, projector, archive, and their Redis …")
            _until_ready(kept, port, stop, folder)
            if not stop():
                say(f"[4/4] Ready after {time.monotonic() - began:.1f} s.")
                _tell(port, told, key)
                if browser:
                    _open(f"http://127.0.0.1:{port}{told['screens'][0]}")
                _keep(kept, stop, seconds)
        finally:
            _stop(kept)


def _reports_key(file: Path) -> str:
    """The key that names and phones of reports are sealed with: made once for a data folder, for its owner's eyes."""
    with suppress(FileExistsError), os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as fresh:
        fresh.write(base64.urlsafe_b64encode(os.urandom(32)).decode())
    return file.read_text(encoding="ascii").strip()


@contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    if data is None:
        with tempfile.TemporaryDirectory(prefix="ioc-demo-", ignore_cleanup_errors=True) as made:
            yield Path(made)
        return
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BadConfig(f"The folder {data} can't be made ({error.strerror}); name another with --data.") from None
    yield data.resolve()


@contextmanager
def _stopped() -> Iterator[Callable[[], bool]]:
    """Whether somebody asked us to stop, by Ctrl-C or SIGTERM."""
    asked: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        asked.append(number)

    former = {sign: signal.signal(sign, note) for sign in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for sign, before in former.items():
            signal.signal(sign, before)


def _ports(port: int, count: int) -> list[int]:
    """`count` ports, all different: the first is `port` itself when it is free (0: any), the others are free ones.

    Raises BadConfig."""
    found = free(count)
    if port:
        if not is_free(port):
            raise BadConfig(f"Port {port} is taken, or closed to you; name another with --port, or 0 for a free one.")
        found = [port, *[other for other in found if other != port]][:count]
    return found


def _written(province: str) -> dict[str, str]:
    """The settings of a province and the parts that they include, by their path as seen from the settings."""
    file = PROVINCES[province]
    names = {path: path.relative_to(HERE).as_posix() for path in include.gather(file).files} | {file: "ioc.toml"}
    return {name: path.read_text(encoding="utf-8") for path, name in names.items()}


def written_ports(province: str) -> list[int]:
    """The ports that the settings of a province write, that of the sources first."""
    found = {int(port) for text in _written(province).values() for port in WRITTEN_PORT.findall(text)}
    return [SOURCES, *sorted(found - {SOURCES})]


def free_ports(province: str) -> dict[int, int]:
    """A free port for each that the settings of a province write."""
    written = written_ports(province)
    return dict(zip(written, _ports(0, len(written)), strict=True))


def settings(province: str, folder: Path, ports: Mapping[int, int]) -> None:
    """The demo's settings, with its sources where they are this time, and its screens: its own, and that of data
    quality; beside Phú Yên's stand all that come with the project.

    `ports`: the real port of each that the settings write.
    """
    (folder / "sources").mkdir(exist_ok=True)
    (folder / "log").mkdir(exist_ok=True)
    texts = {}
    for name, text in _written(province).items():
        text = WRITTEN_PORT.sub(lambda port: str(ports[int(port[0])]), text)
        text = text.replace(WRITTEN_FOLDER, (folder / "sources").as_posix())
        text = text.replace(WRITTEN_AUTHORITY, (HERE / "authority.pem").as_posix())
        texts[name] = text.replace(WRITTEN_PHOTOS, (folder / "photos").as_posix())
    own = HERE / "screens" / province
    if own.is_dir():
        from ioc.settings import screens_folder

        shutil.rmtree(folder / "screens", ignore_errors=True)
        ours = screens_folder(None, folder)
        if province == "phu-yen":
            shutil.copytree(ours, folder / "screens")
        else:
            (folder / "screens").mkdir()
            shutil.copy(ours / COMMON, folder / "screens")
        shutil.copytree(own, folder / "screens", dirs_exist_ok=True)
        texts["ioc.toml"] = texts["ioc.toml"].replace(f'"screens/{province}"', '"screens"')
        if not SCREENS_SET.search(texts["ioc.toml"]):
            texts["ioc.toml"] += '\n[web]\nscreens = "screens"\n'
    # the lists that contracts name, seen from the parts
    for listed in sorted((HERE / "modules" / province).glob("*.csv")):
        there = folder / listed.relative_to(HERE)
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(listed, there)
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def _environment() -> dict[str, str]:
    """This process's environment, without the stores of a real centre: the demo has its own."""
    own = {name: value for name, value in os.environ.items() if name not in ("REDIS_URL", "DATABASE_URL", "PORT")}
    package = str(Path(__file__).resolve().parents[2])
    paths = [package, *filter(None, [own.get("PYTHONPATH")])]
    return {**own, "IOC_NO_VENV": "1", "PYTHONPATH": os.pathsep.join(paths)}


def _prepare(folder: Path, key: str | None) -> dict[str, list[str]]:
    command = [sys.executable, "-m", "ioc.demo.prepare", str(folder)]
    done = subprocess.run(
        command, input=key or "", capture_output=True, text=True, env=_environment(), timeout=READY_S, check=False
    )
    if done.returncode:
        raise IocError(done.stderr.strip() or "The demo's database could not be made.")
    told: dict[str, list[str]] = json.loads(done.stdout)
    return told


def _all(folder: Path, port: int, province: str, ports: Mapping[int, int]) -> list[Kept]:
    """The processes of a demo: the sources, and the centre's roles as a real centre runs them."""
    python, log = [sys.executable, "-m"], folder / "log"
    command = [*python, "ioc.demo.sources", "--data", str(folder / "sources"), "--province", province]
    command += ["--ports", ",".join(f"{written}={real}" for written, real in ports.items())]
    kept = [Kept("sources", command, log / "sources.txt")]
    for roles in ROLES:
        command = [*python, "ioc", "run", *roles, "--config", str(folder / "ioc.toml"), "--data", str(folder)]
        if "web" in roles:
            command += ["--port", str(port), "--host", "127.0.0.1"]
        kept.append(Kept(" ".join(roles), command, log / f"{'-'.join(roles)}.txt"))
    return kept


def _until_ready(kept: Sequence[Kept], port: int, stop: Callable[[], bool], folder: Path) -> None:
    until = time.monotonic() + READY_S
    reasons: list[str] = []
    while not stop():
        for one in kept:
            one.look()
        found = _reasons(port)
        if found == []:
            return
        reasons = reasons if found is None else found
        if time.monotonic() > until:
            why = " ".join(reasons[:3]) or "The web server does not answer."
            raise IocError(
                f"The demo is not ready after {READY_S:g} s: {why} What its parts say lies in {folder / 'log'}."
            )
        time.sleep(LOOK_S)


def _reasons(port: int) -> list[str] | None:
    """What /readyz waits for; [] when it is ready, None when it does not answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
            return []
    except urllib.error.HTTPError as error:
        with suppress(ValueError, KeyError), error:
            return [str(reason) for reason in json.load(error)["reasons"]] or None
    except OSError:
        pass
    return None


def _tell(port: int, told: dict[str, list[str]], key: str | None) -> None:
    """The addresses of the screens and pages on standard output; each code serves once."""
    for path in told["screens"] + told["pages"]:
        print(f"http://127.0.0.1:{port}{path}")
    if key is None:
        print(f"Key for everything: {told['key']}")
    print("Stop with Ctrl-C.", flush=True)


def _open(address: str) -> None:
    import webbrowser

    shown = sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if shown:
        webbrowser.open(address)


def _keep(kept: Sequence[Kept], stop: Callable[[], bool], seconds: float | None) -> None:
    until = time.monotonic() + seconds if seconds is not None else None
    while not stop() and (until is None or time.monotonic() < until):
        for one in kept:
            one.look()
        time.sleep(LOOK_S)


def _stop(kept: Sequence[Kept]) -> None:
    """Stop all; the sources last, so that nothing is noted as down that only ended with us."""
    for group in (kept[1:], kept[:1]):
        _end([one.process for one in group if one.process is not None])


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
    until = time.monotonic() + STOP_S
    for process in processes:
        try:
            process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
