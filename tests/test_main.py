"""`python3 -m ioc` on a machine with Python alone: set up once, repaired after anything, one sentence when it can't be.

The project that is set up here is a tiny one, with the real `ioc/__main__.py` and a build back end of a few lines, so
that a start costs seconds and no network; the whole project is set up in the test marked `long`.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PYTHON = str(Path(sys.base_prefix) / "bin" / "python3")
SOURCE = ROOT / "ioc" / "__main__.py"

PYPROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "ioc"
version = "1"
dependencies = []
[project.optional-dependencies]
dev = []
"""
BACKEND = """
import os, zipfile
def build_editable(folder, config_settings=None, metadata_directory=None):
    with open("built.log", "a") as log:
        log.write("built\\n")
    if os.environ.get("DIE"):
        os.kill(os.getppid(), 9)
    name, info = "ioc-1-py3-none-any.whl", "ioc-1.dist-info/"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.writestr("_ioc.pth", os.getcwd())
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: ioc\\nVersion: 1\\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "entry_points.txt", "[console_scripts]\\nioc = ioc.cli:main\\n")
        wheel.writestr(info + "RECORD", "")
    return name
build_wheel = build_editable
"""
CLI = """
import sys
def main(prog_name=None):
    print("ran", sys.argv[1:], "in", sys.prefix)
    sys.exit(7)
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A tiny project with the real start."""
    root = tmp_path / "thư mục"
    (root / "ioc").mkdir(parents=True)
    (root / "frontend" / "src").mkdir(parents=True)
    shutil.copy(SOURCE, root / "ioc")
    shutil.copy(SOURCE.with_name("hatch_build.py"), root / "ioc")
    for name, text in {
        "ioc/__init__.py": "",
        "ioc/cli.py": CLI,
        "pyproject.toml": PYPROJECT,
        "backend.py": BACKEND,
        "frontend/src/wall.ts": "1",
    }.items():
        (root / name).write_text(text, encoding="utf-8")
    return root


def start(checkout: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PYTHON, "-m", "ioc", *arguments],
        cwd=checkout,
        env=environment(env),
        capture_output=True,
        text=True,
        check=False,
    )


def environment(more: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("IOC_", "PYTHON", "VIRTUAL_ENV"))}
    return {**kept, **more}


def ran(done: subprocess.CompletedProcess[str], checkout: Path, *arguments: str) -> bool:
    """The command ran in the checkout's .venv with its arguments, and its exit status came through."""
    told = f"ran {list(arguments)} in {checkout / '.venv'}"
    return done.returncode == 7 and done.stdout.strip() == told


def built(checkout: Path) -> int:
    return len((checkout / "built.log").read_text().splitlines())


def test_the_first_start_tells_each_step_and_the_next_go_straight_on(checkout: Path) -> None:
    first = start(checkout, "demo", "--port", "0", PYTHONDONTWRITEBYTECODE="1")
    assert ran(first, checkout, "demo", "--port", "0"), first
    steps = [line for line in first.stderr.splitlines() if line.endswith(" …")]
    assert [step[:5] for step in steps] == ["[1/3]", "[2/3]", "[3/3]"]
    assert list((checkout / "ioc" / "__pycache__").glob("cli.*.pyc")), "compiled, whatever the environment says"
    second = start(checkout, "demo")
    assert ran(second, checkout, "demo")
    assert second.stderr == ""
    assert built(checkout) == 1

    # what the installation is not made from leaves it as it is
    (checkout / "frontend" / "node_modules").mkdir()
    (checkout / "frontend" / "node_modules" / "x.js").write_text("1")
    (checkout / "ioc" / "other.py").write_text("")
    assert start(checkout, "demo").stderr == ""

    # what it is made from makes it anew
    for number, file in enumerate(
        ("pyproject.toml", "frontend/src/wall.ts", "frontend/new.ts", "ioc/hatch_build.py"), start=2
    ):
        with (checkout / file).open("a") as out:
            out.write("\n# changed\n")
        assert "Setting up" in start(checkout, "demo").stderr, file
        assert built(checkout) == number

    # whoever calls the environment's own Python means it as it is
    (checkout / "frontend" / "new.ts").write_text("again")
    own = [str(checkout / ".venv" / "bin" / "python"), "-m", "ioc", "run"]
    done = subprocess.run(own, cwd=checkout, env=environment({}), capture_output=True, text=True, check=False)
    assert ran(done, checkout, "run")
    assert done.stderr == ""

    # the tests need more, and what they bring serves the rest
    assert "and those of its tests" in start(checkout, "test").stderr
    assert start(checkout, "demo").stderr == ""


def test_a_half_made_environment_is_repaired(checkout: Path) -> None:
    start(checkout, "demo")
    for torn in ("bin/ioc", "ioc-stamp.json", "bin/python", "lib"):
        victim = checkout / ".venv" / torn
        if victim.is_dir():
            shutil.rmtree(victim)
        else:
            victim.unlink()
        again = start(checkout, "demo")
        assert ran(again, checkout, "demo"), (torn, again)
    (checkout / ".venv" / "ioc-stamp.json").write_text('{"runtime": "12')
    assert "Setting up" in start(checkout, "demo").stderr


def test_a_set_up_that_was_killed_is_finished_by_the_next_start(checkout: Path) -> None:
    killed = start(checkout, "demo", DIE="1")
    assert killed.returncode != 7
    assert ran(start(checkout, "demo"), checkout, "demo")


def test_two_starts_at_once_set_up_once(checkout: Path) -> None:
    command = [PYTHON, "-m", "ioc", "demo"]
    both = [
        subprocess.Popen(command, cwd=checkout, env=environment({}), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    told = [one.communicate() for one in both]
    assert [one.returncode for one in both] == [7, 7], told
    assert built(checkout) == 1
    assert sum(b"waiting for it" in err for _, err in told) == 1


def test_a_failed_installation_says_what_to_do_and_the_next_start_goes_on(checkout: Path) -> None:
    project = checkout / "pyproject.toml"
    project.write_text(PYPROJECT.replace("dependencies = []", 'dependencies = ["x @ file:///nowhere/x"]', 1))
    failed = start(checkout, "demo")
    assert failed.returncode == 2
    assert failed.stderr.splitlines()[-1].startswith("The installation failed; pip's words stand above.")
    project.write_text(PYPROJECT)
    assert ran(start(checkout, "demo"), checkout, "demo")


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_python_without_venv_is_one_sentence(checkout: Path, tmp_path: Path, module: str) -> None:
    (tmp_path / f"{module}.py").write_text(f"raise ModuleNotFoundError('none', name={module!r})")
    told = start(checkout, "demo", PYTHONPATH=str(tmp_path))
    assert told.returncode == 2
    assert "apt install python3-venv" in told.stderr.splitlines()[-1]
    assert not (checkout / ".venv").exists()


def test_an_environment_that_is_not_ours_is_left_alone(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (checkout / ".venv").symlink_to(tmp_path / "elsewhere")
    told = start(checkout, "demo")
    assert told.returncode == 2 and "move it away" in told.stderr
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_no_venv_runs_with_the_python_that_is_there(checkout: Path) -> None:
    done = start(checkout, "demo", IOC_NO_VENV="1")
    assert done.stdout == f"ran ['demo'] in {sys.base_prefix}\n"
    assert not (checkout / ".venv").exists()


def test_no_venv_without_the_packages_says_what_to_install(checkout: Path) -> None:
    (checkout / "ioc" / "cli.py").write_text("import click_that_is_not_there")
    done = start(checkout, "demo", IOC_NO_VENV="1")
    assert done.returncode == 2
    assert done.stderr.strip() == (
        "The package click_that_is_not_there is missing in this Python; run pip install -e .[dev], or leave "
        "IOC_NO_VENV out."
    )


def test_where_pip_installed_it_nothing_is_made(checkout: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    subprocess.run([PYTHON, "-m", "venv", own], check=True)
    python = str(own / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--editable", str(checkout)]
    subprocess.run(pip, check=True, env=environment({}))
    done = subprocess.run(
        [own / "bin" / "python", "-m", "ioc", "demo"], cwd=checkout, capture_output=True, text=True, check=False
    )
    assert done.stdout == f"ran ['demo'] in {own}\n"
    assert not (checkout / ".venv").exists()


def test_an_old_python_is_one_sentence() -> None:
    source = SOURCE.read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 6))
    pretend = f"import sys, runpy; sys.version_info = (3, 9, 2); runpy.run_path({str(SOURCE)!r}, run_name='__main__')"
    done = subprocess.run([PYTHON, "-c", pretend], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "ioc needs Python 3.11 or newer, and this is 3.9; install a newer one and call it by name, "
        "for example python3.12 -m ioc."
    ]


@pytest.mark.long
def test_the_whole_project_on_a_machine_without_node(tmp_path: Path) -> None:
    """A copy of the tree, an environment with Python and a shell alone."""
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, tracked.split("\0")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "env"):
        (tools / name).symlink_to(str(shutil.which(name)))
    done = start(tmp_path, "lint", "--json", PATH=str(tools))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
    assert (tmp_path / "ioc" / "web" / "static" / "wall.html").is_file()

    # and the wheel that pip would install elsewhere holds all that runs
    pip = [str(tmp_path / ".venv" / "bin" / "pip"), "wheel", "--quiet", "--no-deps", "--wheel-dir", "dist", "."]
    subprocess.run(pip, cwd=tmp_path, check=True, env=environment({"PATH": str(tools)}))
    (wheel,) = (tmp_path / "dist").glob("ioc-*.whl")
    with zipfile.ZipFile(wheel) as opened:
        inside = set(opened.namelist())
    wanted = {
        "ioc/cli/__init__.py", "ioc/kv_guard.py", "ioc/board/apply.lua", "ioc/web/static/wall.html",
        "ioc/screens/overview.toml", "ioc/decisions/0001-which-redis.md", "adapters/push.py", "layers/cameras.py",
    }  # fmt: skip
    assert wanted - inside == set()
    assert not [name for name in inside if name.startswith(("tests/", "frontend/"))]
