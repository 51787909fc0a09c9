"""Screens: read from TOML, every mistake named with its line, figures that can be read from where people stand."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from ioc import screen
from ioc.errors import BadConfig

SCREENS = Path(__file__).resolve().parent.parent / "frontend" / "screens"
LAYERS = {"cameras", "reports"}
TILES = {"cameras_live", "reports_open", "dung", "du", "sach", "song"}

GOOD = """\
kind = "wall"
title = { vi = "Toàn cảnh", en = "Overview" }
viewing_m = 6
height_mm = 681

[words]
title = { vi = "Dữ liệu", en = "Data" }
tiles = ["dung", "du", "sach", "song"]

[map]
layers = ["reports"]

[map.inset]
title = { vi = "Phố", en = "Town" }
bbox = [109.2, 13.0, 109.4, 13.2]
layers = ["cameras"]

[[tiles]]
tile = "cameras_live"

[[tiles]]
tile = "reports_open"

[[scenes]]
title = { vi = "Một", en = "One" }
tiles = ["cameras_live"]
"""


def write(folder: Path, body: str, name: str = "overview") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(body, encoding="utf-8")
    return path


def found(folder: Path, body: str) -> list[tuple[int | None, str]]:
    return [(one.line, one.say) for one in screen.lint(write(folder, body), LAYERS, TILES)]


def test_a_screen_is_named_by_its_file_and_knows_its_channels(tmp_path: Path) -> None:
    loaded = screen.load(write(tmp_path, GOOD, "phong-hop"))
    assert (loaded.name, loaded.kind, loaded.title.vi) == ("phong-hop", "wall", "Toàn cảnh")
    assert loaded.channels() == [
        "tile/cameras_live", "tile/reports_open", "tile/dung", "tile/du", "tile/sach", "tile/song",
        "sources", "alerts", "layer/reports", "layer/cameras",
    ]  # fmt: skip
    assert found(tmp_path, GOOD) == []


def test_every_screen_of_ours_loads_and_travels_as_json() -> None:
    ours = screen.screens(SCREENS)
    assert {"overview", "far", "tablet", "data-quality"} <= set(ours)
    for one in ours.values():
        assert msgspec.convert(msgspec.to_builtins(one), screen.Screen) == one


@pytest.mark.parametrize("name", ["overview", "far", "tablet", "data-quality"])
def test_our_screens_are_legible_and_name_real_layers_and_tiles(name: str) -> None:
    from ioc import catalog

    tiles = {
        tile.name
        for layer in catalog.layers(("cameras", "reports", "indicators"))
        for tile in catalog.tiles(layer.name)
    }
    assert screen.lint(SCREENS / f"{name}.toml", LAYERS, tiles | {"dung", "du", "sach", "song"}) == []


SHADED = 'layers = ["reports"]\nshade = {{tile = "reports_open", limits = {}}}'


def test_a_map_may_be_filled_by_a_tile_which_the_screen_then_watches(tmp_path: Path) -> None:
    body = GOOD.replace('[[tiles]]\ntile = "reports_open"\n', "")
    assert "tile/reports_open" not in screen.load(write(tmp_path, body)).channels()
    body = body.replace('layers = ["reports"]', SHADED.format("[1, 2, 3.5, 4]"))
    assert found(tmp_path, body) == []
    assert "tile/reports_open" in screen.load(write(tmp_path, body)).channels()


@pytest.mark.parametrize(
    ("change", "line", "says"),
    [
        (('tile = "reports_open"', 'tile = "reports_opne"'), 22, "There is no tile `reports_opne`"),
        (('layers = ["cameras"]', 'layers = ["camera"]'), 16, "There is no layer `camera`"),
        (('layers = ["reports"]', 'layers = ["reports"]\nareas = "nothing"'), 12, "There is no tile `nothing`"),
        (
            ('layers = ["reports"]', 'layers = ["reports"]\nshade = {tile = "nothing", limits = [1, 2, 3, 4]}'),
            12,
            "no tile `nothing`",
        ),
        (('layers = ["reports"]', SHADED.format("[1, 2, 4, 4]")), 12, "write 4 limits, ascending"),
        (('layers = ["reports"]', SHADED.format("[1, 2, 3]")), 12, "write 4 limits, ascending"),
        (('layers = ["reports"]', SHADED.format("[1, 2, 3, 4]") + '\nareas = "reports_open"'), 13, "take areas out"),
        (('tile = "cameras_live"', 'tile = "cameras_live"\ncolour = "red"'), 20, "Nothing reads the field `colour`"),
        (("viewing_m = 6", "viewing_m = 6\nsize = 3"), 4, "Nothing reads the field `size`"),
        (('"sach", "song"]', '"sach"]'), 8, "The four words are 4 tiles, not 3"),
        (("viewing_m = 6\n", ""), 1, "A wall states `viewing_m`"),
        (("viewing_m = 6", "viewing_m = 10"), 3, "31 mm high on this glass, 50 mm are needed at 10 m"),
        (("[109.2, 13.0, 109.4, 13.2]", "[13.0, 109.2, 13.2, 109.4]"), 15, "west before east"),
        (('tiles = ["cameras_live"]', 'tiles = ["dung"]'), 26, "which this screen does not have"),
        (('tiles = ["cameras_live"]', "seconds = 5"), 26, "at least 20 s, not 5"),
        (
            ('tile = "cameras_live"', 'tile = "cameras_live"\ndecimals = "one"'),
            20,
            "a whole number, got a text",
        ),
        (('en = "One" }', 'en = "One" }\nshow = "quality"'), 26, "needs [words] and one of: links, ledger, checks"),
        (("[[scenes]]", "[ledger]\n\n[[scenes]]"), 24, "No scene of this wall shows its ledger"),
        (('"song"]', '"song"]\nform = "band"'), 9, "without map and tiles"),
        (('kind = "wall"', 'kind = "poster"'), 1, "Invalid enum value 'poster' at kind; write one of: tablet, wall."),
        (
            ('en = "One" }', 'en = "One" }\nshow = "maps"'),
            26,
            "at scenes[0].show; write one of: map, quality, sources.",
        ),
        (('title = { vi = "Một", en = "One" }', 'title = ["Một", "One"]'), 25, "write {vi = …, en = …}."),
        (('kind = "wall"', 'kind = "wall"\nname = "x"'), 2, "A screen's name is its file's name"),
        (('kind = "wall"', 'kind = "wall'), 1, "This is not TOML"),
    ],
)
def test_lint_names_the_line_and_what_to_write(tmp_path: Path, change: tuple[str, str], line: int, says: str) -> None:
    assert change[0] in GOOD
    findings = found(tmp_path, GOOD.replace(*change, 1))
    assert [one[0] for one in findings] == [line]
    assert says in findings[0][1]


def test_a_field_that_must_be_there_is_told_with_what_it_may_be(tmp_path: Path) -> None:
    assert found(tmp_path, GOOD.replace('kind = "wall"\n', ""))[0][1].endswith("`kind`; write one of: tablet, wall.")


QUALITY = """\
kind = "wall"
title = { vi = "Chất lượng", en = "Quality" }
viewing_m = 6
height_mm = 681

[words]
title = { vi = "Dữ liệu", en = "Data" }
tiles = ["dung", "du", "sach", "song"]
form = "band"

[links]

[checks]
most = 2
"""


def test_a_wall_of_data_quality_watches_the_channels_of_its_panels(tmp_path: Path) -> None:
    assert found(tmp_path, QUALITY) == []
    loaded = screen.load(write(tmp_path, QUALITY))
    assert loaded.quality() == ["links", "checks"]
    assert loaded.channels()[-2:] == ["links", "checks"]


def test_more_rows_than_fit_a_wall_are_refused(tmp_path: Path) -> None:
    (line, say), = found(tmp_path, QUALITY.replace("most = 2", "most = 9"))  # fmt: skip
    assert (line, say) == (14, "From 1 to 3 rows fit this panel; the rest is folded into the last.")
    tablet = QUALITY.replace('kind = "wall"', 'kind = "tablet"').replace('form = "band"\n', "")
    assert found(tmp_path, tablet.replace("most = 2", "most = 9")) == []


def test_lint_finds_everything_at_once(tmp_path: Path) -> None:
    body = GOOD.replace('layers = ["reports"]', 'layers = ["report"]').replace(
        'tile = "reports_open"', 'tile = "x"\nz = 1'
    )
    assert [line for line, _ in found(tmp_path, body)] == [11, 22, 23]


def test_far_density_is_read_from_ten_metres_on_one_panel(tmp_path: Path) -> None:
    body = GOOD.replace("viewing_m = 6", 'viewing_m = 10\ndensity = "far"')
    assert found(tmp_path, body) == []


def test_load_stops_with_file_and_line(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace('tile = "cameras_live"', "tile = 7"))
    with pytest.raises(BadConfig) as stopped:
        screen.load(path)
    assert (stopped.value.file, stopped.value.line) == (str(path), 19)
    with pytest.raises(BadConfig, match="unknown field `nonsense`"):
        screen.load(write(tmp_path, GOOD + "\n[nonsense]\n"))


def test_a_file_that_is_not_there_or_not_text_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="can't be read"):
        screen.load(tmp_path / "none.toml")
    (tmp_path / "odd.toml").write_bytes(b'kind = "wall"\ntitle = "\xff"\n')
    with pytest.raises(BadConfig, match="not UTF-8") as stopped:
        screen.load(tmp_path / "odd.toml")
    assert stopped.value.line == 2
    (tmp_path / "large.toml").write_bytes(b"#" * (screen.MOST_BYTES + 1))
    with pytest.raises(BadConfig, match="a few hundred"):
        screen.load(tmp_path / "large.toml")
