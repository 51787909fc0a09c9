"""Masks what must not be kept of a record that was set aside: phone numbers, addresses of mail, names, keys.

A record that is a JSON object is masked value by value and stays one, so that the rest of it can be read once more
(`ioc/decisions/0012-what-is-masked-can-be-replayed.md`).

It rather masks too much: the record itself lies at its source, and its identity is kept beside it.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

MOST_BYTES = 8192
"""Bytes of a masked record that are kept."""
_READ_CHARS = 65_536

_KEYS = (
    r"pass(?:word|wd|code|phrase)?|pwd|secret|(?:[a-z_\-]{0,32}[_\-])?token|authorization|cookie|session(?:_?id)?|"
    r"(?:api|access|secret|private|auth|client)[_\-]?(?:key|secret)|signature"
)
_PERSONS = (
    r"(?:[a-z_\-]{0,32}[_\-])?(?:phone|mobile|telephone|email|mail)(?:[_\-]?(?:number|address))?|tel|sdt|"
    r"so_dien_thoai|dien_thoai|(?:first|last|full|owner|reporter|citizen|contact)[_\-]?name|ho_va_ten|ho_ten|"
    r"cccd|cmnd|so_cccd|citizen_id"
)
_DIALLED = r"(?<![\w.])(?:\+?84[ .\-]?|0)[1-9]"
_VALUE = r"\"(?:[^\"\\]|\\.){0,4096}\"?|'[^']{0,4096}'?|(?:bearer\s+|basic\s+)?[^\s\"'&,;}\])<]{1,4096}"


def _named(names: str) -> re.Pattern[str]:
    return re.compile(rf"(?i)(?<![a-z0-9])((?:{names})[\"']?\s{{0,4}}[:=]\s{{0,4}})(?:{_VALUE})")


_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (_named(_KEYS), r"\1‹key›"),
    (_named(_PERSONS), r"\1‹person›"),
    (re.compile(rf"(?i)<((?:{_KEYS}|{_PERSONS}))>[^<]{{0,4096}}"), r"<\1>‹masked›"),
    (re.compile(r"(?i)([?&](?:key|sig|code|auth)=)[^&\s\"'<]{1,4096}"), r"\1‹key›"),
    (re.compile(r"(://)[^\s/@\"']{1,256}@"), r"\1‹key›@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=\-]{8,4096}"), r"\1 ‹key›"),
    (re.compile(r"\beyJ[\w\-]{5,4096}\.[\w\-.]{5,8192}"), "‹key›"),
    (re.compile(r"[\w.+\-]{1,64}@[\w\-]{1,63}(?:\.[\w\-]{1,63}){1,6}"), "‹mail›"),
    (re.compile(rf"{_DIALLED}\d{{7,10}}(?!\w)"), "‹phone›"),
    (re.compile(rf"{_DIALLED}\d{{1,2}}(?:[ .\-]\d{{3,4}}[ .\-]?\d{{3,4}}|(?:[ .\-]\d{{2}}){{3}})(?!\w)"), "‹phone›"),
    (re.compile(r"(?<![\w.])0\d{11}(?!\w)"), "‹person›"),
    (re.compile(r"(?<![\w/])(?=[A-Za-z_]{0,4096}\d)(?=\d{0,4096}[A-Za-z])\w{40,4096}(?!\w)"), "‹key›"),
)  # fmt: skip


def mask_text(text: str) -> str:
    """`text` without what names or reaches a person, and without keys; marks such as ‹phone› stand in their place."""
    for pattern, mark in _RULES:
        text = pattern.sub(mark, text)
    return text.replace("\x00", "\ufffd")


def mask(raw: Any) -> str:
    """A record (text, or anything JSON-able) as masked text of at most 8 KiB of UTF-8."""
    text = raw if isinstance(raw, str) else "" if raw is None else msgspec.json.encode(raw).decode()
    masked = (_object(text) if text.startswith("{") else None) or mask_text(text[:_READ_CHARS])
    body = masked.encode(errors="replace")
    if len(body) <= MOST_BYTES:
        return body.decode()
    return body[: MOST_BYTES - 3].decode(errors="ignore") + "…"


def _object(text: str) -> str | None:
    """A JSON object, masked value by value; None when it is none, or too long."""
    if len(text) > _READ_CHARS:
        return None
    try:
        return msgspec.json.encode(_inside(msgspec.json.decode(text))).decode()
    except (msgspec.MsgspecError, RecursionError):
        return None


def _inside(value: Any) -> Any:
    if isinstance(value, dict):
        return {mask_text(name): _of_field(name, inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_inside(inner) for inner in value]
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return value
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    masked = mask_text(text)
    return value if masked == text else masked


def _of_field(name: str, value: Any) -> Any:
    """The value of a field; of one that names a person or holds a key the mark alone."""
    for pattern, mark in _FIELDS:
        if pattern.fullmatch(name) and value not in (None, ""):
            return mark
    return _inside(value)


_FIELDS = (
    (re.compile(rf"(?i)(?:.*[^a-z0-9])?(?:{_KEYS})"), "‹key›"),
    (re.compile(rf"(?i)(?:.*[^a-z0-9])?(?:{_PERSONS})"), "‹person›"),
)
"""As in the rules, where a name may stand behind anything but a letter or a number."""
