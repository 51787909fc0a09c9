"""What the documents name exists, and what exists is documented."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path

import click
import msgspec
import pytest

import ioc
from ioc import catalog
from ioc.cli import main
from ioc.contract import Contract
from ioc.lint import OF_A_SOURCE, lint
from ioc.settings import TOP, Access, Province, Streams, Web, build

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DECISIONS = sorted((ROOT / "ioc" / "decisions").glob("*.md"))
DOCUMENTS = {
    path.name: path.read_text(encoding="utf-8") for path in (ROOT / "README.md", ROOT / "CHANGELOG.md", *DECISIONS)
}
NOT_OURS = {"PATH"}
MADE = {
    "ioc-data",
    ".venv",
    "ioc.toml",
    "bin/npm",
    "kv/",
    "kv/server.json",
    "kv/users",
    "server.json",
    "ioc/web/static/built-from.txt",
}
"""Paths that are made while ioc runs or is set up, or that belong to somebody else."""


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", text.replace("```", ""))


def variables(text: str) -> set[str]:
    return set(re.findall(r"\b(?:IOC_[A-Z_]+|REDIS_URL|DATABASE_URL|PORT)\b", text))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_that_are_named_exist(document: str) -> None:
    ending = re.compile(r"^\.?[\w./-]+(\.(py|toml|md|ts|txt|json)|/)$|^(\.ci/run|Procfile|LICENSE)$")
    named = {word for word in quoted(DOCUMENTS[document]) if ending.match(word)}
    missing = {word for word in named - MADE if not ((ROOT / word).exists() or (ROOT / "ioc" / word).exists())}
    assert missing == set()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_that_are_named_exist(document: str) -> None:
    text = DOCUMENTS[document]
    named = set(re.findall(r"(?:`|-m |^    )ioc ([a-z]+)", text, re.MULTILINE))
    assert named <= set(main.commands)
    for command, options in re.findall(r"`ioc ([a-z]+)([^`]*)`", text):
        known = {option for param in main.commands[command].params for option in param.opts}
        assert set(re.findall(r"--[a-z-]+", options)) <= known | {"--help"}


def test_every_command_is_in_the_readme() -> None:
    assert {name for name in main.commands if f"`ioc {name}" not in README} == set()
    key = main.commands["key"]
    assert isinstance(key, click.Group)
    assert f"ioc key {'|'.join(key.commands)}" in README


def test_every_variable_that_is_read_is_in_the_readme_and_the_other_way_round() -> None:
    files = [*(ROOT / "ioc").rglob("*.py"), *(ROOT / "tests").rglob("conftest.py")]
    read = {found for file in files for found in variables(file.read_text(encoding="utf-8"))}
    told = variables(README)
    assert read - told == set()
    assert told - read == set()


def test_variables_of_the_other_documents_exist() -> None:
    for name, text in DOCUMENTS.items():
        assert variables(text) <= variables(README), name


@pytest.mark.parametrize("kind", [Province, Access, Web, Streams, Contract])
def test_every_setting_is_in_the_readme(kind: type[msgspec.Struct]) -> None:
    section = README.partition("## Settings")[2]
    assert {name for name in kind.__struct_fields__ if f"`{name}`" not in section} == set()


def test_every_setting_of_the_file_is_in_the_readme() -> None:
    section = README.partition("## Settings")[2]
    for name in (*TOP, "include"):
        assert f"`{name}`" in section or f"`[{name}" in section, name
    for name in OF_A_SOURCE:
        assert f"`{name}`" in section or f".{name}]`" in section, name


@pytest.mark.parametrize("name", catalog.names("adapters"))
def test_every_setting_of_an_adapter_is_told_where_it_is_made(name: str) -> None:
    for kind in catalog.adapter(name).Config.__mro__:
        if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)) or kind is msgspec.Struct:
            continue
        own = set(kind.__struct_fields__) - set(getattr(kind.__mro__[1], "__struct_fields__", ()))
        assert {field for field in own if f"`{field}`" not in (kind.__doc__ or "")} == set(), kind


def test_the_example_of_a_source_is_right(tmp_path: Path) -> None:
    example = "\n".join(line.strip() for line in re.findall(r"^ {7}(.*)$", README, re.MULTILINE))
    (tmp_path / "screens").mkdir()
    file = tmp_path / "ioc.toml"
    text = '[province]\nname = "Phú Yên"\n[web]\nscreens = "screens"\n' + example
    file.write_text(text, encoding="utf-8")
    assert lint(file) == []
    source = build(tomllib.loads(text), {"VMS_TOKEN": "x"}).sources["cameras"]
    catalog.open_adapter(source)


def test_the_demo_settings_have_no_findings_and_a_copy_of_them_with_their_parts_has_none(tmp_path: Path) -> None:
    demo = ROOT / "ioc" / "demo"
    assert lint(demo / "ioc.toml") == []
    shutil.copytree(demo / "modules" / "phu-yen", tmp_path / "modules" / "phu-yen")
    shutil.copy(demo / "ioc.toml", tmp_path)
    assert lint(tmp_path / "ioc.toml") == []


def test_the_version_is_that_of_the_changelog_and_of_the_package() -> None:
    newest = re.search(r"^## (\S+)", DOCUMENTS["CHANGELOG.md"], re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert newest is not None
    assert newest[1] == ioc.__version__ == project["version"]


def test_the_changelog_names_what_is_there() -> None:
    text = DOCUMENTS["CHANGELOG.md"]
    assert {name for kind in ("adapters", "layers") for name in catalog.names(kind) if f"`{name}`" not in text} == set()


def test_decisions_are_numbered_dated_and_one_page() -> None:
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    for path in DECISIONS:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith(f"# {path.name[:4]} ")
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", lines[1]), path.name
        assert len(lines) <= 60, path.name
