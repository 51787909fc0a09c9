"""Every bench by name: the letters of the goals, and words for older figures and for groups."""

from __future__ import annotations

import importlib
import subprocess
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tests.bench import _load, _sides
from tests.bench._figures import How, Load

PEERS = frozenset(_sides.PEERS)

LETTERS = {
    **dict.fromkeys("ABCD", "fan_out"),
    "E": "whole_way",
    "F": "log_to_board",
    "G": "slow_screens",
    "H": "storm",
    "I": "views",
}
"""Which module measures which load."""
WORDS = ("answer_to_screen",)
"""Older figures: their modules' `main` gives a dict."""
NAMED = {
    "quality": "quality_cost",
    "demo": "demo_hour",
    "demo-phu-yen": "demo_hour",
    "demo-tay-ninh": "demo_hour",
    "demo-quang-nam": "demo_hour",
    "demo-nghe-an": "demo_hour",
    "reports": "reports",
    "reports-postgresql": "reports",
}
"""Loads that are measured when they are asked for by name: what a part costs, beside the same without it; the
provinces' demos; reports."""


NEED_C = ("G", "H", "I")
"""Loads that the client in Python can't make: slow readers, ten thousand who come back, a view for each."""


def known() -> list[str]:
    """All names that may be asked for: letters, the groups that they belong to, words."""
    return [*LETTERS, *dict.fromkeys(LETTERS.values()), *NAMED, *WORDS]


def chosen(names: Sequence[str]) -> list[str]:
    """Letters and words, each once, in order; nothing named: all letters. A group stands for its letters."""
    found: dict[str, None] = {}
    for name in names or LETTERS:
        group = [letter for letter, module in LETTERS.items() if module == name]
        found.update(dict.fromkeys(group or [name]))
    return list(found)


def measure(names: Sequence[str], how: How) -> Iterator[Load | dict[str, Any]]:
    """Each of the chosen, as it is done; one that can't be measured gives its `error`, and the others follow."""
    for name in chosen(names):
        if name in NEED_C and _load.compiler() is None:
            print(f"{name} is left out: its load client is C; install gcc or clang.", file=sys.stderr, flush=True)
            continue
        try:
            yield from _measure(name, how)
        except (AssertionError, subprocess.SubprocessError, OSError, ValueError) as error:
            traceback.print_exc()
            yield {"name": name, "error": str(error)}


def _measure(name: str, how: How) -> Iterable[Load | dict[str, Any]]:
    modules = LETTERS | NAMED
    if name not in modules:
        return [{"name": name, **importlib.import_module(f"tests.bench.{name}").main()}]
    found: list[Load | dict[str, Any]] = importlib.import_module(f"tests.bench.{modules[name]}").measure([name], how)
    return found
