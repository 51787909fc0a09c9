"""Secrets that stand in a settings file, where the name of a variable should."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ioc.lines import Where
from ioc.settings import SECRET

Wrong = Iterator[tuple[Where, str]]

_SECRET_NAME = re.compile(
    r"(^|[_-])(token|pass(word|wd|phrase)?|pwd|secret|api[_-]?key|apikey|access[_-]?key|private[_-]?key|credentials?|"
    r"authorization|bearer)$",
    re.IGNORECASE,
)
_IN_ADDRESS = re.compile(r"^[a-z][a-z0-9+.-]*://[^/\s@:]*:[^/\s@]+@", re.IGNORECASE)
_IN_QUERY = re.compile(
    r"[?&](?P<name>[^=&]*(?:token|passw|secret|api_?key|apikey|access_?key|signature)[^=&]*)=[^&]", re.IGNORECASE
)


def shown(where: Where) -> str:
    """A place in the settings as people write it."""
    return ".".join(str(part) for part in where) or "the file"


def written(tree: Any, where: Where) -> Wrong:
    """Secrets that stand in the file, found by their name or by their place in an address."""
    if isinstance(tree, dict):
        for name, value in tree.items():
            # properties map fields of the source to ours: what stands there are names
            if where[-1:] != ("properties",) and _SECRET_NAME.search(name) and _is_secret(value):
                named = re.sub(r"\W", "_", f"{where[-1] if where else 'IOC'}_{name}").upper()
                say = f'put it into the environment, and write {name} = "${named}"'
                yield (*where, name), f"{name} is a secret written in the file; {say}."
            else:
                yield from written(value, (*where, name))
    elif isinstance(tree, list):
        for number, value in enumerate(tree):
            yield from written(value, (*where, number))
    elif isinstance(tree, str) and _IN_ADDRESS.match(tree):
        yield where, f'{shown(where)} holds a password; put the whole address into the environment, and write "$NAME".'
    elif isinstance(tree, str) and (found := _IN_QUERY.search(tree)):
        say = "take it out of the address, and give it by a setting of its own"
        yield where, f'{shown(where)} holds a secret ({found["name"]}); {say}, written as "$NAME".'


def _is_secret(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value) and not SECRET.match(value)
    return isinstance(value, int) and not isinstance(value, bool)
