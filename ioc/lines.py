"""On which line of a TOML file a setting stands; the standard parser does not tell."""

from __future__ import annotations

import re

Where = tuple[str | int, ...]
"""The way to a value: names of tables and keys, and the numbers (from 0) of what stands in an array."""

_BLANK = re.compile(r"(?:[\s,]|#[^\n]*)*")
_PART = re.compile(r"""[ \t]*("(?:\\.|[^"\\])*"|'[^']*'|[\w-]+)[ \t]*""")
_TEXT = re.compile(r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'', re.DOTALL)
_BARE = re.compile(r"[^,\]}#\n]+")


class _Scan:
    """Walks through a document that is known to be TOML, and notes where each value begins."""

    def __init__(self, body: str) -> None:
        self.body, self.at = body, 0
        self.index: dict[Where, int] = {}
        self.counts: dict[Where, int] = {}
        self._line, self._upto = 1, 0

    def note(self, where: Where) -> None:
        self._line += self.body.count("\n", self._upto, self.at)
        self._upto = self.at
        self.index.setdefault(where, self._line)

    def blank(self) -> str:
        """Pass over what means nothing; the next sign, "" at the end."""
        found = _BLANK.match(self.body, self.at)
        self.at = found.end() if found else self.at
        return self.body[self.at : self.at + 1]

    def names(self) -> list[str]:
        """A dotted name."""
        names: list[str] = []
        while part := _PART.match(self.body, self.at):
            names.append(part[1].strip("\"'"))
            self.at = part.end()
            if self.body[self.at : self.at + 1] != ".":
                break
            self.at += 1
        return names

    def document(self) -> None:
        table: Where = ()
        while sign := self.blank():
            before = self.at
            if sign == "[":
                table = self.head()
            else:
                self.pair(table)
            if self.at == before:
                return

    def head(self) -> Where:
        many = self.body.startswith("[[", self.at)
        start = self.at
        self.at += 2 if many else 1
        names = self.names()
        end, self.at = self.at, start
        table: Where = ()
        for depth, name in enumerate(names, start=1):
            table = (*table, name)
            if many and depth == len(names):
                self.counts[table] = self.counts.get(table, -1) + 1
                self.note(table)
            if table in self.counts:
                table = (*table, self.counts[table])
            self.note(table)
        self.at = end + (2 if many else 1)
        return table

    def pair(self, table: Where) -> None:
        start = self.at
        names = self.names()
        end, self.at = self.at, start
        for depth in range(1, len(names) + 1):
            self.note((*table, *names[:depth]))
        self.at = end + 1
        self.value((*table, *names))

    def value(self, where: Where) -> None:
        sign = self.blank()
        if sign == "[":
            self.at += 1
            number = 0
            while self.blank() not in ("]", ""):
                self.note((*where, number))
                self.value((*where, number))
                number += 1
            self.at += 1
        elif sign == "{":
            self.at += 1
            while self.blank() not in ("}", ""):
                self.pair(where)
            self.at += 1
        elif found := _TEXT.match(self.body, self.at) or _BARE.match(self.body, self.at):
            self.at = found.end()
        else:
            self.at += 1


def index(body: str) -> dict[Where, int]:
    """Line (from 1) of each table, key and array item of a document that tomllib has read without an error."""
    scan = _Scan(body)
    scan.document()
    return scan.index


def line(known: dict[Where, int], where: Where) -> int | None:
    """The line of `where`, else of the nearest thing above it; None when nothing of it is written."""
    return next((known[where[:depth]] for depth in range(len(where), 0, -1) if where[:depth] in known), None)


def find(body: str, table: str, key: str | None = None, text: str | None = None) -> int | None:
    """Line (from 1) of `key` in [`table`], or of the line that holds `text`; else of the table's head or its key.

    `table` is a dotted path ("sources.cameras"); None when nothing of it stands in `body`.
    """
    known = index(body)
    path: Where = tuple(table.split("."))
    inside = {where: at for where, at in known.items() if where[: len(path)] == path}
    if not inside:
        return None
    head = known.get(path, min(inside.values()))
    if key is not None:
        named = [at for where, at in inside.items() if where[-1] == key and len(where) > len(path)]
        return min(named, default=head)
    if text is not None:
        lines = body.splitlines()
        return min((at for at in inside.values() if text in lines[at - 1]), default=head)
    return head
