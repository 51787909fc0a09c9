"""Lint names everything that is wrong in one run, each with file, line, and what to write."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc import catalog, lines
from ioc.lint import lint

CONTRACT = """\
[sources.cameras.contract]
owner = "Công an tỉnh"
cadence = 30
"""
GOOD = (
    """\
[province]
name = "Phú Yên"
province = "66"
legacy_province = "54"

[web]
screens = "screens"

[sources.cameras]
adapter = "camera_registry"
event = "ioc.camera.observed"
title = ["Camera", "Cameras"]
url = "https://vms.example.vn/api/cameras"
token = "$VMS_TOKEN"
id = "id"
lon = "x"
lat = "y"
crs = 9218
[sources.cameras.properties]
name = "label"
state = {path = "status", values = {ok = "live", error = "down"}}
"""
    + CONTRACT
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "screens").mkdir()
    return tmp_path


def findings(folder: Path, text: str) -> list[tuple[int | None, str]]:
    file = folder / "ioc.toml"
    file.write_text(text, encoding="utf-8")
    return [(one.line, one.say) for one in lint(file) if one.file == str(file)]


def at(text: str, written: str) -> int:
    """The line of `text` that holds `written`."""
    return next(number for number, line in enumerate(text.splitlines(), start=1) if written in line)


def test_a_right_file_has_no_findings_and_needs_no_secret(folder: Path) -> None:
    assert findings(folder, GOOD) == []


@pytest.mark.parametrize(
    ("right", "wrong", "line", "say"),
    [
        ('adapter = "camera_registry"', 'adapter = "camera_registy"', "registy", "There is no adapter camera_regis"),
        ("ioc.camera.observed", "ioc.camera.seen", "seen", "No layer listens to ioc.camera.seen; write one of ioc."),
        ("[province]", 'layers = ["camras"]\n[province]', "camras", "There is no layer camras"),
        ('id = "id"', 'id = "id"\nidd = 3', "idd", "Nothing reads the field idd; write id, or another of: "),
        ("[web]", "[web]\nbeats = 2", "beats", "Nothing reads the field beats; write beat, or another of: "),
        ("[web]", "[wall]\n[web]", "[wall]", "Nothing reads the setting wall"),
        ("cadence = 30", "cadence = 30\ngrace_s = 1", "grace_s", "Nothing reads the field grace_s; write grace"),
        ('name = "label"', 'name = {pat = "l"}', "pat =", "Nothing reads the field pat; write path"),
        ('token = "$VMS_TOKEN"', 'token = "s3cr3t"', "s3cr3t", 'token is a secret written in the file; put'),
        ("https://vms", "https://u:pass@vms", "u:pass@", "holds a password; put the whole address into"),
        ("/api/cameras", "/api?api_key=12", "api_key=12", "holds a secret (api_key); take it out of the address"),
        (CONTRACT, "", "[sources.cameras]", "has no contract"),
        ('owner = "Công an tỉnh"\n', "", "[sources.cameras.contract]", "sources.cameras.contract has no owner"),
        ("crs = 9218", "crs = 99999", "crs", "EPSG:99999 is no coordinate system"),
        ("crs = 9218", "crs = 5773", "crs", "EPSG:5773 is no coordinate system"),
        ("crs = 9218", 'crs = "9218"', "crs", "sources.cameras.crs is wrong: expected a whole number, got a text."),
        ("cadence = 30", 'cadence = "30"', "cadence", "sources.cameras.contract.cadence is wrong: expected a number"),
        ('lat = "y"\n', "", "[sources.cameras]", "lon and lat go together"),
        ('province = "66"', 'province = "67"', 'province = "67"', "There is no province 67"),
        ('legacy_province = "54"', 'codes = [\n"22015",\n"99999"]', '"99999"', "There is no commune 99999"),
        ('legacy_province = "54"', 'boundaries = "x.geojson"', "boundaries", "x.geojson"),
        ('name = "Phú Yên"\n', "", "[province]", "province has no name; write name = …."),
        ('screens = "screens"', 'screens = "sceens"', "sceens", "There is no folder of screens"),
        ("[web]", "[log]\nstreams = 0\n[web]", "streams", "log.streams is wrong: expected a whole number >= 1"),
        ("[web]", "[web", "[web", "This is not TOML"),
    ],
)  # fmt: skip
def test_each_trouble_stands_with_its_line(folder: Path, right: str, wrong: str, line: str, say: str) -> None:
    text = GOOD.replace(right, wrong)
    assert text != GOOD
    found = findings(folder, text)
    assert [one for one in found if say in one[1]] == found, found
    assert [one[0] for one in found] == [at(text, line)]


def test_all_troubles_are_told_in_one_run_in_the_order_of_their_lines(folder: Path) -> None:
    text = GOOD.replace('"camera_registry"', '"camera"').replace("[web]", "[web]\nbeat = []") + "[reports]\n"
    text += '[sources.other]\nadapter = "sql_query"\npassword = "x"\ncrs = 1\n'
    found = findings(folder, text)
    places = [one[0] for one in found]
    assert places == sorted(places, key=lambda line: line or 0)
    wanted = ("beat = []", 'adapter = "camera"', "[reports]", "[sources.other]", "password", "crs = 1")
    assert set(places) == {at(text, written) for written in wanted}
    assert {say.split(" is a secret")[0] for _, say in found if "secret" in say} == {"password"}


def test_screens_are_read_too(folder: Path) -> None:
    screen = folder / "screens" / "wall.toml"
    screen.write_text(
        'kind = "wall"\ntitle = {vi = "Tường", en = "Wall"}\ncolour = 1\n[map]\nlayers = ["cameas"]\n'
        '[[tiles]]\ntile = "no_such"\n',
        encoding="utf-8",
    )
    file = folder / "ioc.toml"
    file.write_text(GOOD, encoding="utf-8")
    told = {str(one).split(":")[1]: one.say for one in lint(file)}
    assert "colour" in told["3"] and "cameas" in told["5"] and "no_such" in told["7"]


def test_what_can_not_be_read_is_one_finding(tmp_path: Path) -> None:
    assert [(one.line, one.say) for one in lint(tmp_path / "none.toml")] == [
        (None, f"There is no file {tmp_path / 'none.toml'}; name one with --config or IOC_CONFIG.")
    ]
    (tmp_path / "latin.toml").write_bytes("[province]\nname = 'Phú'".encode("latin-1"))
    assert [one.say for one in lint(tmp_path / "latin.toml")] == ["It is not UTF-8; save it as UTF-8."]


def test_an_adapter_that_can_not_be_loaded_is_a_finding(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise SyntaxError("invalid syntax")

    monkeypatch.setattr(catalog, "adapter", broken)
    found = findings(folder, GOOD)
    assert found == [
        (10, "The adapter camera_registry can't be loaded (SyntaxError('invalid syntax')); mend its file.")
    ]


def test_a_layer_that_can_not_be_loaded_is_a_finding_and_hides_what_it_listens_to(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = catalog.layer, catalog.tiles

    def broken(number: int) -> Callable[[str], Any]:
        def load(name: str) -> Any:
            if name == "cameras":
                raise ModuleNotFoundError("No module named 'nix'")
            return kept[number](name)

        return load

    monkeypatch.setattr(catalog, "layer", broken(0))
    monkeypatch.setattr(catalog, "tiles", broken(1))
    tiles = '[tiles.blind]\nover = "cameras"\nlabel = ["Mù", "Blind"]\n'
    assert [say for _, say in findings(folder, GOOD + tiles)] == [
        "The layer cameras can't be loaded (ModuleNotFoundError(\"No module named 'nix'\")); mend its file."
    ]


NAME = st.from_regex(r"[a-z][a-z0-9_-]{0,5}", fullmatch=True)
SCALAR = st.one_of(
    st.integers(-9, 9).map(str), st.sampled_from(['"a # [x]\\" = 1"', "'b = {'", '"""c\nd = 1\n"""', "true"])
)
ARRAY = st.lists(SCALAR, max_size=3).map(lambda items: "[ # begun\n" + ",\n".join(items) + "\n]")
INLINE = st.dictionaries(NAME, SCALAR.filter(lambda value: "\n" not in value), max_size=3).map(
    lambda table: "{" + ", ".join(f"{name} = {value}" for name, value in table.items()) + "}"
)
TABLE = st.dictionaries(NAME, st.one_of(SCALAR, ARRAY, INLINE), max_size=4)


@given(st.dictionaries(NAME, TABLE, max_size=4), st.lists(TABLE, max_size=3))
def test_every_key_is_found_on_its_line(tables: dict[str, dict[str, str]], many: list[dict[str, str]]) -> None:
    heads = [(f"# {name}\n[{name}]\n", table) for name, table in tables.items()]
    heads += [("[['many times']]\n", table) for table in many]
    text = "".join(head + "".join(f"{key} = {value}\n" for key, value in table.items()) for head, table in heads)
    known = lines.index(text)
    written = text.splitlines()

    def walk(value: object, where: lines.Where) -> None:
        if where and isinstance(where[-1], str) and where != ("many times",):
            assert where[-1] in written[known[where] - 1], (where, text)
        if isinstance(value, dict):
            for name, inner in value.items():
                walk(inner, (*where, name))
        elif isinstance(value, list):
            assert {(*where, number) for number in range(len(value))} <= known.keys()
            for number, inner in enumerate(value):
                walk(inner, (*where, number))

    walk(tomllib.loads(text), ())


def test_a_line_is_found_by_name_and_by_text() -> None:
    assert lines.find(GOOD, "sources.cameras", "crs") == at(GOOD, "crs")
    assert lines.find(GOOD, "sources.cameras", None, "$VMS_TOKEN") == at(GOOD, "$VMS_TOKEN")
    assert lines.find(GOOD, "sources.cameras", "nothing") == at(GOOD, "[sources.cameras]")
    assert lines.find(GOOD, "sources.other") is None
