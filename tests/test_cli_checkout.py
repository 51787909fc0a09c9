"""Commands that need a checkout: bench, test and shots."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ioc.cli import place
from tests.test_cli import call


@pytest.mark.parametrize("command", ["bench", "test", "shots"])
def test_without_a_checkout_one_sentence(command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(place, "PACKAGE", tmp_path / "site-packages" / "ioc")
    told = call(command)
    assert told.exit_code == 2
    assert told.stderr == "This command needs a checkout of the project; clone it, and call python3 -m ioc there.\n"


@pytest.fixture
def small_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A checkout with three tests."""
    root = tmp_path / "checkout"
    (root / "tests").mkdir(parents=True)
    (root / "tests" / "__init__.py").touch()
    (root / "pyproject.toml").write_text('[tool.pytest.ini_options]\nmarkers = ["long: x"]\n')
    (root / "tests" / "test_a.py").write_text(
        "import pytest\ndef test_a(): pass\n@pytest.mark.long\ndef test_b(): pass\n"
        "def test_c(): pytest.skip('no database here')\n"
    )
    monkeypatch.setattr(place, "PACKAGE", root / "ioc")
    monkeypatch.setattr(sys, "path", [*sys.path])
    ours = {name: sys.modules.pop(name) for name in list(sys.modules) if _is_tests(name)}
    yield root
    for name in list(sys.modules):
        if _is_tests(name):
            del sys.modules[name]
    sys.modules.update(ours)


def _is_tests(module: str) -> bool:
    return module == "tests" or module.startswith("tests.bench")


def test_bench_prints_json_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def main() -> dict[str, int]:
        print("on its way")
        return {"idle_p50_ms": 1}

    monkeypatch.setattr("tests.bench.answer_to_screen.main", main)
    told = call("bench", "answer_to_screen", "--json")
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout) == [{"name": "answer_to_screen", "idle_p50_ms": 1}]
    assert "on its way" in told.stderr
    assert call("bench", "answer_to_screen").stdout == "answer_to_screen: idle_p50_ms 1\n\n"


def test_a_bench_that_fails_leaves_the_others_and_ends_with_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def main() -> dict[str, int]:
        raise AssertionError("No screen came.")

    monkeypatch.setattr("tests.bench.answer_to_screen.main", main)
    monkeypatch.setattr("tests.bench.demo_hour.measure", lambda _names, _how: [{"name": "demo", "mb": 1}])
    told = call("bench", "answer_to_screen", "demo", "--json")
    assert told.exit_code == 1
    assert json.loads(told.stdout) == [
        {"name": "answer_to_screen", "error": "No screen came."},
        {"name": "demo", "mb": 1},
    ]


def test_a_bench_with_a_peer_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    told = call("bench", "A", "--peers", "nats,kafka")
    assert told.exit_code == 2
    assert told.stderr == "No peer is called kafka; write one of mosquitto, nats, picows, websockets, or none.\n"


@pytest.mark.parametrize(
    ("arguments", "summary"), [([], " 1 passed, 1 skipped in"), (["--long"], " 2 passed, 1 skipped in")]
)
def test_test_ends_with_the_summary_and_tells_why_it_skipped(
    small_checkout: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], summary: str
) -> None:
    assert call("test", *arguments).exit_code == 0
    told = capfd.readouterr().out.splitlines()
    assert summary in told[-1]
    assert any("SKIPPED" in line and "no database here" in line for line in told)


def test_a_failing_test_is_status_1(small_checkout: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (small_checkout / "tests" / "test_d.py").write_text("def test_d(): assert 0\n")
    assert call("test").exit_code == 1
    assert "1 failed" in capfd.readouterr().out.splitlines()[-1]


def test_shots_without_its_module_is_one_sentence(small_checkout: Path) -> None:
    told = call("shots")
    assert (told.exit_code, told.stderr) == (
        1, "This checkout has no tests/e2e/shots.py, so no pictures can be taken.\n",
    )  # fmt: skip
