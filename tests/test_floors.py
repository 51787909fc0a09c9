"""Every module stands on a floor, so that import-linter looks at it; and the floors hold."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_every_module_stands_on_one_floor() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {one["id"]: one for one in project["tool"]["importlinter"]["contracts"]}
    named = [name for floor in contracts["floors"]["layers"] for name in re.split(r"\s*[:|]\s*", floor)]
    assert len(named) == len(set(named))
    there = {f"ioc.{path.stem}" for path in (ROOT / "ioc").glob("*.py") if path.stem != "__init__"}
    there |= {f"ioc.{path.parent.name}" for path in (ROOT / "ioc").glob("*/__init__.py")}
    there |= {f"ioc.run.{path.stem}" for path in (ROOT / "ioc" / "run").glob("*.py") if path.stem != "__init__"}
    assert set(named) == there - {"ioc.run"}


def test_the_floors_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
