"""A centre whose screens can't be drawn as they stand does not start: a wall that is half there is found too late."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from ioc.cli import main

SETTINGS = (
    """
screens = "screens"
[province]
name = "Thử"
[sources.cameras]
adapter = "camera_registry"
event = "ioc.camera.observed"
url = "http://127.0.0.1:1/"
id = "id"
contract = {owner = "Đội thử", cadence = 30, grace = 60}
""".replace('screens = "screens"\n', "")
    + '[web]\nscreens = "screens"\n'
)


@pytest.mark.parametrize("roles", [(), ("web",), ("archive", "web")])
def test_a_screen_that_lint_refuses_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, roles: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "screens").mkdir()
    (tmp_path / "ioc.toml").write_text(SETTINGS, encoding="utf-8")
    (tmp_path / "screens" / "hall.toml").write_text('kind = "poster"\n', encoding="utf-8")
    (tmp_path / "screens" / "yard.toml").write_text("colour = 1\n", encoding="utf-8")
    told = CliRunner().invoke(main, ["run", *roles, "--config", "ioc.toml", "--data", "data"])
    assert told.exit_code == 2
    assert "hall.toml:1: " in told.stderr and "yard.toml:1: " in told.stderr
    assert not (tmp_path / "data").exists(), "nothing was begun"
