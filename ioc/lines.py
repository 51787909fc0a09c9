"""On which line of a TOML file a setting stands; the standard parser does not tell."""

from __future__ import annotations

import re

_HEAD = re.compile(r"^\s*\[{1,2}\s*([^\]]+?)\s*\]{1,2}")


def _path(text: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in text.split("."))


def find(body: str, table: str, key: str | None = None, text: str | None = None) -> int | None:
    """Line (from 1) of `key` in [`table`], or of the line that holds `text`; else of the table's head, or its key above.

    `table` is a dotted path ("sources.cameras"); None when nothing of it stands in `body`.
    """
    inside, head, found = "", None, None
    for number, line in enumerate(body.splitlines(), start=1):
        if named := _HEAD.match(line):
            inside = _path(named[1])
            if inside == table or (head is None and inside.startswith(table + ".")):
                head = number
            continue
        written = re.match(r"""\s*("[^"]+"|'[^']+'|[\w.-]+)\s*=""", line)
        full = ".".join(part for part in (inside, _path(written[1])) if part) if written else ""
        if head is None and full == table:
            head = number
        within = inside == table or inside.startswith(table + ".") or full.startswith(table)
        if (
            found is None
            and within
            and key is not None
            and full.startswith(f"{table}.")
            and re.search(rf"\.{re.escape(key)}$", full)
        ):
            found = number
        if found is None and within and text is not None and text in line:
            found = number
    return found or head
