"""A settings file and the parts that it includes: `include = ["modules/*.toml"]`, each with all of one system.

A part holds sources, sectors, tiles, checks, alerts and tenants, under names that no other file has; what there is one
of (the province, access, reports) stands in the settings file itself. Paths that a part's contracts name start from
the part's folder.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from ioc import lines
from ioc.errors import BadConfig
from ioc.lines import Where

SHARED = ("sources", "sectors", "checks", "tiles", "alerts", "tenants")
"""Tables that a part may hold, each by name."""


class Whole(NamedTuple):
    """A settings file with its parts as one tree; `homes`: which of `parts` ("sources", "ais") came from."""

    tree: dict[str, Any]
    file: Path
    homes: dict[tuple[str, str], Path]
    parts: tuple[Path, ...]

    @property
    def files(self) -> list[Path]:
        """The settings file and its parts, each once."""
        return list(dict.fromkeys((self.file, *self.parts)))

    def home(self, where: Where) -> Path:
        """The file that `where` stands in."""
        return self.homes.get((str(where[0]), str(where[1])), self.file) if len(where) > 1 else self.file


def gather(file: Path) -> Whole:
    """`file` and what it includes. Raises BadConfig when one can't be read, or has what is not its own."""
    tree = read(file)
    homes: dict[tuple[str, str], Path] = {}
    parts = _parts(tree.pop("include", []), file)
    for part in parts:
        for table, named in read(part).items():
            if table not in SHARED or not isinstance(named, dict):
                own = ", ".join(f"[{one}.NAME]" for one in SHARED)
                say = f"A part holds {own}, and no {table}; move it to {file.name}."
                raise BadConfig(say, file=part, line=_line(part, (table,)))
            ours = tree.setdefault(table, {})
            for name, value in named.items():
                if not isinstance(ours, dict) or name in ours:
                    first = homes.get((table, name), file)
                    say = f"[{table}.{name}] stands in {first.name} too; give one of them another name."
                    raise BadConfig(say, file=part, line=_line(part, (table, name)))
                ours[name] = value
                homes[(table, name)] = part
    return Whole(tree, file, homes, tuple(parts))


def read(file: Path) -> dict[str, Any]:
    """The TOML of `file`. Raises BadConfig, with the line."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadConfig(f"There is no file {file}; name one with --config or IOC_CONFIG.", file=file) from None
    except OSError as error:
        raise BadConfig(f"It can't be read ({error.strerror}); name a settings file.", file=file) from None
    except UnicodeDecodeError:
        raise BadConfig("It is not UTF-8; save it as UTF-8.", file=file) from None
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"line (\d+)", str(error))
        raise BadConfig(f"This is not TOML: {error}.", file=file, line=int(at[1]) if at else None) from None


def _parts(given: Any, file: Path) -> list[Path]:
    """The files that the patterns of `include` find, each once, in the order of patterns and names."""
    at = _line(file, ("include",))
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise BadConfig('include is a list of files; write include = ["modules/*.toml"].', file=file, line=at)
    found: dict[Path, None] = {}
    for pattern in given:
        try:
            there = sorted(file.resolve().parent.glob(pattern))
        except (NotImplementedError, ValueError):
            there = []
        if not there:
            say = (
                f"include names {pattern}, and there is no such file beside {file.name}; write a path seen from there."
            )
            raise BadConfig(say, file=file, line=at)
        found.update(dict.fromkeys(there))
    return list(found)


def _line(file: Path, where: Where) -> int | None:
    return lines.line(lines.index(file.read_text(encoding="utf-8")), where)
