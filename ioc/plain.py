"""What a check of types found in settings, in the words of those who write settings."""

from __future__ import annotations

import re
import types
from typing import Any, Literal, Union, get_args, get_origin

import msgspec

from ioc.lines import Where

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


def wanted(what: str, kind: Any, where: Where) -> str:
    """What to write instead, to go behind `what` (a sentence of `plain`) about the value at `where` in a `kind`.

    Only where that can be named: one of a few words, or the fields of a table; else nothing.
    """
    if missing := re.search(r"missing required field `([^`]+)`", what):
        where = (*where, missing[1])
    kinds = _kinds(kind)
    for step in where:
        kinds = [inner for one in kinds for inner in _inner(one, step)]
    words = [repr(word) if not isinstance(word, str) else word for one in kinds for word in _words_of(one)]
    if ("enum value" in what or missing) and words:
        return f"; write one of: {', '.join(sorted(words))}"
    tables = [one for one in kinds if isinstance(one, type) and issubclass(one, msgspec.Struct)]
    if ("Expected a table" in what or missing) and tables:
        fields = msgspec.structs.fields(tables[0])
        named = [field.encode_name for field in fields if field.required] or [fields[0].encode_name]
        return f"; write {{{', '.join(f'{name} = …' for name in named)}}}"
    return ""


def _kinds(kind: Any) -> list[Any]:
    """The members of a union, or the one kind that it is."""
    return [*get_args(kind)] if get_origin(kind) in (Union, types.UnionType) else [kind]


def _inner(kind: Any, step: str | int) -> list[Any]:
    """What a value of that kind holds under a name or a number."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return [k for one in msgspec.structs.fields(kind) if one.encode_name == step for k in _kinds(one.type)]
    if get_origin(kind) in (list, tuple):
        return _kinds(get_args(kind)[0])
    return _kinds(get_args(kind)[1]) if get_origin(kind) is dict else []


def _words_of(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) is Literal else ()
