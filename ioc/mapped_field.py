"""One field of a source's record, as a mapping says how it is read; `ioc.mapping` makes whole readings of them."""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from ioc import clock, fields, retyped
from ioc.errors import BadRecord

Scalar = str | int | float | bool
Kind = Literal["plain", "text", "number", "integer", "flag", "time"]


class Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """How one field is read.

    `path`: its name, or several: the first that is there and not empty; none: `default` is a constant.
    `kind`: plain (as it came, cleaned), text, number, integer, flag or time (written as RFC 3339).
    `form`: of a number: plain, en (3,359.80), vi (3.359,80); of a time: ISO 8601 when left out, epoch_s,
    epoch_ms, or a strptime pattern. `zone`: of a time without an offset.
    `values`: the source's codes and ours; another code sets the record aside. `pattern`: a regular expression;
    its first group is taken. `width`: zeros are put before a text up to so many characters.
    `default`, `required`: see `ioc.mapping`.
    """

    path: str | tuple[str, ...] = ()
    kind: Kind = "plain"
    form: str | None = None
    zone: str | None = None
    values: dict[str, Scalar] | None = None
    pattern: str | None = None
    width: int | None = None
    default: Scalar | None = None
    required: bool | None = None

    def __post_init__(self) -> None:
        if self.kind in ("number", "integer") and self.form not in (None, "plain", "en", "vi"):
            raise ValueError(f"form {self.form} is none of a number; write plain, en or vi")
        if self.pattern is not None:
            try:
                groups = re.compile(self.pattern).groups
            except re.error as error:
                raise ValueError(f"pattern {self.pattern} is no regular expression ({error})") from None
            if groups < 1:
                raise ValueError(f"pattern {self.pattern} has no group; put what is to be taken in ( )")
        zone_named(self.zone)

    @cached_property
    def paths(self) -> tuple[str, ...]:
        return (self.path,) if isinstance(self.path, str) else self.path

    @cached_property
    def name(self) -> str:
        """The field's name for messages."""
        return " or ".join(self.paths) or "constant"


Path = str | tuple[str, ...] | Field


@lru_cache(maxsize=64)
def zone_named(name: str | None) -> ZoneInfo:
    """The zone of that name; None: the province's. Raises ValueError when there is none."""
    try:
        return clock.ZONE if name is None else ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f'there is no time zone {name}; write one like "Asia/Ho_Chi_Minh"') from None


def as_field(path: Path, kind: Kind = "plain") -> Field:
    """The full form of a path that settings may give in short; a short one is read as `kind`."""
    return path if isinstance(path, Field) else _short(path, kind)


@lru_cache(maxsize=4096)
def _short(path: str | tuple[str, ...], kind: Kind) -> Field:
    return Field(path=path, kind=kind)


def as_time(path: Path) -> Field:
    """The full form of a path that tells a time, whatever kind settings give it."""
    field = as_field(path, "time")
    return field if field.kind == "time" else msgspec.structs.replace(field, kind="time")


def value(field: Field, record: Any, zone: str = "Asia/Ho_Chi_Minh", at: str | None = None) -> Any:
    """What `field` says in `record`; times aware; None when it is empty, and may be. `at`: the setting that maps it.

    Raises BadRecord, with the field: missing_field, unknown_code, bad_number, bad_time, retyped, bad_type, too_large.
    """
    try:
        return _value(field, record, zone)
    except BadRecord as bad:
        bad.field, bad.at = field.name, at
        retyped.judge(bad, fields.first(record, field.paths), field.kind, field.form, zone_named(field.zone or zone))
        raise


def _value(field: Field, record: Any, zone: str) -> Any:
    found = fields.first(record, field.paths) if field.paths else None
    if found is fields.ABSENT and field.default is None and field.required is not False:
        say = f"The record has no field {field.name}; if it may be left out, map it with required = false or a default."
        raise BadRecord(say, reason="missing_field")
    if found is fields.ABSENT or found is None:
        if field.default is None and field.required:
            raise BadRecord(f"Field {field.name} is empty; the source must fill it.", reason="missing_field")
        return field.default
    if field.pattern is not None:
        matched = re.search(field.pattern, fields.text(found, field.name))
        if matched is None or matched[1] is None:
            say = f"Field {field.name} holds {fields.shown(found)}, which does not fit its pattern; correct one."
            raise BadRecord(say, reason="bad_type")
        found = matched[1]
    if field.values is not None:
        return _code(field, found)
    return _typed(field, found, zone_named(field.zone or zone))


def _code(field: Field, found: Any) -> Scalar:
    assert field.values is not None
    code = fields.text(found, field.name)
    if code not in field.values:
        say = f"Field {field.name} holds the unknown code {fields.shown(code)}; ask its owner, then add it to values."
        raise BadRecord(say, reason="unknown_code", code=retyped.code(code))
    return field.values[code]


def _typed(field: Field, found: Any, zone: ZoneInfo) -> Any:
    if field.width:
        return fields.text(found, field.name).zfill(field.width)
    match field.kind:
        case "text":
            return fields.text(found, field.name)
        case "number":
            return fields.number(found, field.name, field.form or "plain")
        case "integer":
            return fields.integer(found, field.name, field.form or "plain")
        case "flag":
            return fields.flag(found, field.name)
        case "time":
            return fields.moment(found, field.name, field.form, zone)
        case _:
            return fields.plain(found, field.name)
