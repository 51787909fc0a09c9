"""A settings file in parts: what they hold is one, and what is wrong is told with the part's own file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from ioc import catalog, settings
from ioc.errors import BadConfig
from ioc.lint import lint, refused_screens

PROVINCE = '[province]\nname = "Phú Yên"\n[web]\nscreens = "screens"\n'
BOATS = """
[sources.boats]
adapter = "canary"
event = "ioc.camera.observed"
title = ["Tàu", "Boats"]
[sources.boats.contract]
owner = "Chi cục Thuỷ sản"
cadence = 30
[tiles.boats_lost]
over = "cameras"
label = ["Tàu mất tín hiệu", "Boats lost"]
where = {state = "down"}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "modules").mkdir()
    (tmp_path / "screens").mkdir()
    (tmp_path / "ioc.toml").write_text('include = ["modules/*.toml"]\n' + PROVINCE, encoding="utf-8")
    (tmp_path / "modules" / "boats.toml").write_text(BOATS, encoding="utf-8")
    return tmp_path


def refused(folder: Path) -> BadConfig:
    with pytest.raises(BadConfig) as told:
        settings.load(folder / "ioc.toml")
    return told.value


def test_a_module_is_a_file_more_and_nothing_else(folder: Path) -> None:
    assert lint(folder / "ioc.toml") == []
    found = settings.load(folder / "ioc.toml")
    assert found.sources["boats"].title == ("Tàu", "Boats")
    shown = {layer.name: [tile.name for tile in tiles] for layer, tiles in catalog.shown(found).items()}
    assert shown["cameras"][-1] == "boats_lost"
    assert found.folder == folder
    (folder / "modules" / "health.toml").write_text('[sectors.health]\ntitle = ["Y tế", "Health"]\n', encoding="utf-8")
    assert settings.load(folder / "ioc.toml").sectors.keys() == {"health"}


@pytest.mark.parametrize(
    ("more", "say", "line"),
    [
        ('[access]\npublic = ["*"]\n', "and no access; move it to ioc.toml", 1),
        ("[sources.boats]\n", "[sources.boats] stands in boats.toml too", 1),
        ("a = \n", "This is not TOML", 1),
        ("tiles = 3\n", "and no tiles; move it", 1),
    ],
)
def test_what_no_part_may_hold(folder: Path, more: str, say: str, line: int) -> None:
    part = folder / "modules" / "more.toml"
    part.write_text(more, encoding="utf-8")
    error = refused(folder)
    assert (say in error.say, error.file, error.line) == (True, str(part), line), error.say
    assert [(one.file, one.line, one.say) for one in lint(folder / "ioc.toml")] == [(str(part), line, error.say)]
    assert refused_screens(folder / "ioc.toml") == []


@pytest.mark.parametrize("include", ['["modules/none.toml"]', '["/etc/passwd"]', '"modules/*.toml"', "[3]"])
def test_what_can_t_be_included(folder: Path, include: str) -> None:
    (folder / "ioc.toml").write_text(f"include = {include}\n{PROVINCE}", encoding="utf-8")
    error = refused(folder)
    assert (error.say.startswith("include "), error.line) == (True, 1)


def test_what_is_wrong_in_a_part_is_told_with_the_part_s_line(folder: Path) -> None:
    part = folder / "modules" / "boats.toml"
    part.write_text(BOATS.replace("cadence = 30", "cadence = -1").replace('"canary"', '"canari"'), encoding="utf-8")
    found = lint(folder / "ioc.toml")
    assert [(one.file, one.line) for one in found] == [(str(part), 3), (str(part), 6)]
    error = refused(folder)
    assert (error.file, error.line) == (str(part), 6)
    assert refused_screens(folder / "ioc.toml") == []


def test_a_list_of_reporters_lies_beside_its_part(folder: Path) -> None:
    part = folder / "modules" / "boats.toml"
    listed = 'reporters = {file = "ports.csv", as_of = 2025-07-01, source = "Chi cục"}'
    owed = f'due = {{each = "day", by = "17:00"}}\n{listed}'
    part.write_text(BOATS.replace("cadence = 30", owed), encoding="utf-8")
    (folder / "modules" / "ports.csv").write_text("code;name;from;to\np1;Cảng 1;2020-01-01;\n", encoding="utf-8")
    assert lint(folder / "ioc.toml") == []
    assert settings.load(folder / "ioc.toml").sources["boats"].contract.reporters is not None
    (folder / "modules" / "ports.csv").write_text("code;name\n;Cảng 1\n", encoding="utf-8")
    assert [one.file for one in lint(folder / "ioc.toml")] == [str(folder / "modules" / "ports.csv")]


@pytest.mark.parametrize(
    ("written", "wrong", "line"),
    [
        ('over = "cameras"', 'over = "camera"', 10),
        ("where = {", "were = {", 12),
        ("where = {", 'how = "sum"\nwhere = {', 9),
        ("[tiles.boats_lost]", "[tiles.cameras_live]", 9),
        ('over = "cameras"\n', "", 9),
    ],
)
def test_a_declared_tile_that_is_wrong(folder: Path, written: str, wrong: str, line: int) -> None:
    part = folder / "modules" / "boats.toml"
    part.write_text(BOATS.replace(written, wrong), encoding="utf-8")
    found = lint(folder / "ioc.toml")
    assert [(one.file, one.line) for one in found] == [(str(part), line)], found
    with pytest.raises(BadConfig):
        catalog.shown(settings.load(folder / "ioc.toml"))


def test_a_screen_may_show_a_declared_tile(folder: Path) -> None:
    screen = folder / "screens" / "sea.toml"
    text = 'kind = "wall"\nviewing_m = 4\nheight_mm = 1200\ntitle = {vi = "Biển", en = "Sea"}\n'
    text += '[[tiles]]\ntile = "boats_lost"\n'
    screen.write_text(text, encoding="utf-8")
    assert lint(folder / "ioc.toml") == []
    screen.write_text(text.replace("boats_lost", "boats_found"), encoding="utf-8")
    assert [one.file for one in lint(folder / "ioc.toml")] == [str(screen)]
