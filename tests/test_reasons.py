"""What a source can be said to lack or to have done stands in Vietnamese on the screens: every sentence has its words.

The server says why a channel is not live in English, as its log does; `frontend/src/lib/reasons.ts` has the words. Each
sentence is read out of the code that raises it, so that one who adds a sentence is told to add its words.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
RAISED = {"SourceDown", "SourceRefused", "Untaken", "StoreAway"}
ELSEWHERE = frozenset({"ioc/bridge", "ioc/demo", "ioc/cli", "ioc/web", "ioc/reports", "ioc/adapter_suite.py"})
"""What is said there is Vietnamese already (the bridge, the demo), or goes to others than screens."""
RULE = re.compile(r"^  \[/(?P<said>.+)/, '(?P<meant>.*)'\],$", re.MULTILINE)


def rules() -> list[tuple[re.Pattern[str], str]]:
    told = (ROOT / "frontend/src/lib/reasons.ts").read_text(encoding="utf-8")
    return [(re.compile(one["said"]), one["meant"]) for one in RULE.finditer(told)]


def written(node: ast.expr) -> str | None:
    """A sentence of the code with "7" for what it fills in; None: it is put together elsewhere."""
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.JoinedStr(values=values):
            if ast.unparse(values[0]).startswith("{say"):
                return None
            return "".join(str(one.value) if isinstance(one, ast.Constant) else "7" for one in values)
    return None


def sentences() -> Iterator[tuple[str, str]]:
    for path in sorted([*(ROOT / "ioc").rglob("*.py"), *(ROOT / "adapters").glob("*.py")]):
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(tuple(ELSEWHERE)):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and getattr(node.func, "id", None) in RAISED:
                said = written(node.args[0])
                if said is not None and said[-1:] in ".!" and "; ghi" not in said:
                    yield name, said


@pytest.mark.parametrize(("name", "said"), sorted(set(sentences())))
def test_every_reason_has_its_words(name: str, said: str) -> None:
    for one in re.split(r"(?<=\.) (?=\S)", said):
        assert any(rule.search(one) for rule, _ in rules()), f"{name} says {one!r}; write its words in reasons.ts."


def test_the_words_are_vietnamese_and_the_rules_are_read() -> None:
    found = rules()
    assert len(found) > 60
    assert all(meant == "" or re.search(r"[à-ỹđ]", meant) for _, meant in found)
    assert len(set(sentences())) > 60
