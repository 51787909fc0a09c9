"""`python3 -m ioc <command>` on a machine with Python and nothing else.

Makes `.venv` in the checkout, installs the project with its front end into it, and becomes `ioc <command>` there;
later starts find the stamp and go straight on. Standard library only, and the lines above the version check
parse on every Python 3. IOC_NO_VENV=1 runs with the Python that is there.
"""

import os
import sys

OLDEST = (3, 11)
if sys.version_info < OLDEST:  # said before anything that an old Python can't read
    sys.stderr.write(
        "ioc needs Python 3.11 or newer, and this is {}.{}; install a newer one and call it by name, "
        "for example python3.12 -m ioc.\n".format(*sys.version_info[:2])
    )
    sys.exit(2)

import contextlib
import hashlib
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NEEDS_DEV = ("test", "bench", "shots")
"""Commands that need the packages of developers too."""


class SetUpFailed(Exception):
    """The set-up can't go on; the message is a finished sentence that says what to do."""


def say(text: str) -> None:
    """A progress line on standard error."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def inside(venv: Path, name: str) -> Path:
    """The program `name` of a virtual environment."""
    return venv / ("Scripts" if os.name == "nt" else "bin") / (name + (".exe" if os.name == "nt" else ""))


def fingerprint(root: Path) -> str:
    """A digest of all that an installation depends on: Python, pyproject.toml, the hook, the front end's sources."""
    from ioc.hatch_build import sources_digest

    skipped = os.environ.get("IOC_SKIP_FRONTEND", "")
    digest = hashlib.sha256(f"{sys.version}\0{root}\0{skipped}\0{sources_digest(root)}".encode())
    for file in (root / "pyproject.toml", root / "ioc" / "hatch_build.py"):
        digest.update(file.read_bytes())
    return digest.hexdigest()


@contextlib.contextmanager
def alone(root: Path) -> Iterator[None]:
    """Only one set-up of a checkout at a time: a lock on its folder, which the kernel lets go when we die."""
    try:
        import fcntl
    except ModuleNotFoundError:
        yield
        return
    folder = os.open(root, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another start is setting up this checkout; waiting for it …")
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def stamped(venv: Path) -> dict[str, str]:
    """What the stamp says was installed: kind (runtime, dev) to fingerprint; empty when it is missing or torn."""
    try:
        known = json.loads((venv / "ioc-stamp.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def ready(root: Path, kind: str, wanted: str) -> bool:
    """True when .venv holds this installation whole (that of `dev` includes the other), and the pages are there."""
    from ioc.hatch_build import stale

    venv = root / ".venv"
    version = "{}.{}".format(*sys.version_info[:2])
    packages = venv / ("Lib" if os.name == "nt" else f"lib/python{version}") / "site-packages"
    parts = (inside(venv, "ioc"), inside(venv, "python"), packages / "_ioc.pth")
    known = stamped(venv)
    return all(part.exists() for part in parts) and wanted in (known.get("dev"), known.get(kind)) and not stale(root)


def works(venv: Path) -> bool:
    """True when `venv` has this very Python, and pip: a set-up that was cut short leaves one that has not."""
    check = "import sys, pip; print(sys.version)"
    try:
        done = subprocess.run(
            [inside(venv, "python"), "-I", "-c", check], capture_output=True, text=True, check=False, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.strip() == sys.version.strip()


def make(venv: Path) -> None:
    """Make `venv`, in place of a half-made one; raises SetUpFailed when this Python can't."""
    try:
        import ensurepip  # noqa: F401  (Debian ships venv without it)
        import venv as builder
    except ModuleNotFoundError:
        raise SetUpFailed(
            "This Python can't make a virtual environment (venv or ensurepip is missing); install it, on Debian and "
            f"Ubuntu with apt install python3-venv (python{sys.version_info[0]}.{sys.version_info[1]}-venv), "
            "or set IOC_NO_VENV=1 in an environment of your own."
        ) from None
    if venv.is_symlink() or (venv.exists() and not venv.is_dir()):
        raise SetUpFailed(f"{venv} is no folder of ours; move it away, and start again.")
    try:
        shutil.rmtree(venv, ignore_errors=True)
        builder.EnvBuilder(with_pip=True, symlinks=os.name != "nt").create(venv)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetUpFailed(f"{venv} can't be made ({error}); make room or permission for it, and start again.") from None


def pip(venv: Path, *arguments: str) -> None:
    """Run pip in `venv`; what it says is shown only when it fails (SetUpFailed)."""
    command = [str(inside(venv, "python")), "-I", "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT, check=False)
    if done.returncode:
        sys.stderr.write(done.stdout.decode("utf-8", "replace")[-6000:])
        raise SetUpFailed(
            "The installation failed; pip's words stand above. Check the network and the room on the disk, and start "
            "again: it goes on where it stopped."
        )


def compile_tree(venv: Path, root: Path) -> None:
    """Compile the tree, as pip compiles what it installs: where Python may not write bytecode by itself (as in most
    containers), each role would compile all of it at each start. What changes later is compiled by Python itself, where
    it may write. A tree that can't be written to is left as it is."""
    command = [str(inside(venv, "python")), "-I", "-m", "compileall", "-q", "ioc", "adapters", "layers"]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=root, check=False)


@contextlib.contextmanager
def step(number: int, of: int, what: str) -> Iterator[None]:
    """A progress line before a step of the set-up, and its time after it."""
    say(f"[{number}/{of}] {what} …")
    began = time.monotonic()
    yield
    say(f"[{number}/{of}] done in {time.monotonic() - began:.1f} s")


def set_up(root: Path, kind: str) -> Path:
    """The virtual environment of `root` with `kind` (runtime or dev) installed; made or repaired when it must be."""
    venv = root / ".venv"
    wanted = fingerprint(root)
    if ready(root, kind, wanted):
        return venv
    with alone(root):
        if ready(root, kind, wanted):
            return venv
        say("Setting up, once; later starts go straight on.")
        with step(1, 3, "Making .venv"):
            if not works(venv):
                make(venv)
        extra = "[dev]" if kind == "dev" else ""
        with step(2, 3, "Installing the packages that ioc needs" + (", and those of its tests" if extra else "")):
            wants = requirements(root, kind)
            if wants:
                pip(venv, "install", "--quiet", *wants)
        with step(3, 3, "Building the pages of the screens, and installing ioc"):
            pip(venv, "install", "--quiet", "--no-deps", "--editable", str(root))
            compile_tree(venv, root)
        known = {name: mark for name, mark in stamped(venv).items() if mark == wanted}
        stamp = venv / "ioc-stamp.json"
        fresh = stamp.with_suffix(".new")
        fresh.write_text(json.dumps({**known, kind: wanted}), encoding="utf-8")
        fresh.replace(stamp)
    return venv


def requirements(root: Path, kind: str) -> list[str]:
    """The packages that pyproject.toml names for `kind`."""
    import tomllib

    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [*project["dependencies"], *(project["optional-dependencies"]["dev"] if kind == "dev" else [])]


def installed_here(root: Path) -> bool:
    """True when this very Python has ioc installed (from this checkout, or without any): there is nothing to make."""
    if not (root / "pyproject.toml").is_file():
        return True
    from importlib import metadata

    try:
        told = metadata.distribution("ioc").read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        return False
    return bool(told) and root.as_uri() in str(told)


def here() -> None:
    """Run the command with this Python."""
    try:
        from ioc.cli import main
    except ModuleNotFoundError as error:
        say(f"The package {error.name} is missing in this Python; run pip install -e .[dev], or leave IOC_NO_VENV out.")
        sys.exit(2)
    main(prog_name="ioc")


def start() -> None:
    """Set up when that is needed, then become `ioc <command>` in the virtual environment."""
    venv = ROOT / ".venv"
    inside_it = Path(sys.prefix).resolve() == venv.resolve()
    if os.environ.get("IOC_NO_VENV") == "1" or inside_it or installed_here(ROOT):
        here()
        return
    command = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    try:
        program = inside(set_up(ROOT, "dev" if command in NEEDS_DEV else "runtime"), "ioc")
    except SetUpFailed as error:
        say(str(error))
        sys.exit(2)
    except KeyboardInterrupt:
        say("The set-up was stopped; start again, and it is repaired.")
        sys.exit(1)
    if os.name == "nt":
        sys.exit(subprocess.run([program, *sys.argv[1:]], check=False).returncode)
    os.execv(program, [str(program), *sys.argv[1:]])


if __name__ == "__main__":
    start()
