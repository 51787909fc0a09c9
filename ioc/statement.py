"""One SQL statement that only reads, with its one parameter `:cursor`: checked before a database sees it.

The database keeps it from writing (a read-only transaction); this keeps mistakes out of the settings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

Dialect = Literal["sqlite", "postgresql", "mariadb"]

_PIECES = re.compile(
    r"""(?P<comment>--[^\n]*|/\*.*?\*/)
      | (?P<text>[eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*" | `(?:[^`]|``)*`
                | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
      | (?P<cast>::)
      | (?P<parameter>:cursor\b)
      | (?P<open>['"`] | /\*)
      | (?P<code>.)""",
    re.VERBOSE | re.DOTALL,
)
_BACKSLASHED = re.compile(r"""'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*\"""", re.DOTALL)


def _pieces(text: str, dialect: Dialect) -> Iterator[tuple[str, str]]:
    """The statement's pieces with their kinds: comment, text, parameter, open or code."""
    at = 0
    while at < len(text):
        quoted = _BACKSLASHED.match(text, at) if dialect == "mariadb" else None
        found = quoted or _PIECES.match(text, at)
        assert found is not None
        at = found.end()
        yield ("text" if quoted else str(found.lastgroup)), found[0]


def check(text: str, dialect: Dialect, *, parameter: bool) -> None:
    """Raises ValueError, with what to write instead, when `text` is not one SELECT that only reads.

    `parameter`: whether it must have `:cursor`, or must not.
    """
    pieces = list(_pieces(text, dialect))
    if dialect == "mariadb" and any(kind == "code" and piece == "#" for kind, piece in pieces):
        raise ValueError("statement has a comment with #; write it with --")
    if any(kind == "open" for kind, _ in pieces):
        raise ValueError("statement has a quote or a comment that is not closed; close it")
    if any(kind == "comment" and re.match(r"/\*M?!", piece) for kind, piece in pieces):
        raise ValueError("statement has a comment that a server would run (/*! … */); leave it out")
    code = "".join(" " if kind in ("comment", "text", "tag") else piece for kind, piece in pieces).strip()
    code = code.removesuffix(";").rstrip()
    if not re.match(r"(SELECT|WITH)\b", code, re.IGNORECASE):
        raise ValueError("statement is no SELECT; write one that starts with SELECT or WITH")
    if ";" in code:
        raise ValueError("statement holds more than one statement; write a single SELECT")
    if found := re.search(r"\bINTO\b|\bFOR\s+(NO\s+KEY\s+)?(UPDATE|SHARE)\b|\bLOCK\s+IN\b", code, re.IGNORECASE):
        raise ValueError(f"statement has {found[0].upper()}, which writes or locks; leave it out")
    has = any(kind == "parameter" for kind, _ in pieces)
    if has and re.search(r">\s*:cursor\b", code):
        raise ValueError("statement has > :cursor, which loses rows with the same watermark; write >= :cursor")
    if has != parameter:
        raise ValueError(
            "statement must ask for what is new: write WHERE updated_at >= :cursor ORDER BY updated_at"
            if parameter
            else "statement has :cursor and no watermark; name the watermark column, or leave :cursor out"
        )


def bound(text: str, dialect: Dialect) -> str:
    """The statement as the dialect's driver wants its parameter."""
    pieces = list(_pieces(text.strip().removesuffix(";"), dialect))
    if dialect == "sqlite" or not any(kind == "parameter" for kind, _ in pieces):
        return "".join(piece for _, piece in pieces)
    return "".join("%(cursor)s" if kind == "parameter" else piece.replace("%", "%%") for kind, piece in pieces)
