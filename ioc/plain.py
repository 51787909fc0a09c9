"""What a check of types found in settings, in the words of those who write settings."""

from __future__ import annotations

import re

_KINDS = {
    "int": "a whole number", "float": "a number", "str": "a text", "bool": "true or false", "array": "a list",
    "object": "a table", "null": "nothing", "datetime": "a time", "date": "a day",
}  # fmt: skip
_NAMED = re.compile(r"(?<=Expected )`[^`]+`|(?<=got )`[^`]+`")


def plain(error: object) -> str:
    """`error` with "a text" where msgspec writes `str`; what has no plain word stays as it is."""
    return _NAMED.sub(_words, str(error))


def _words(found: re.Match[str]) -> str:
    kinds = [_KINDS.get(kind) for kind in found[0].strip("`").split(" | ")]
    return " or ".join(kind for kind in kinds if kind) if all(kinds) else found[0]
