"""Fields of records that no mapping names: a new one is noticed, and the rest goes on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from ioc.adapter import Reading


class Spares:
    """The fields of records that nothing maps: each is told once in an answer, beside the first reading that has it.

    `mapped`: paths that are mapped; `patterns`: of names that are carried. `form`: which of a source's forms it is; a
    field is told as "form/name", and "form/" with the first reading, so that a form is known by it.
    """

    def __init__(self, mapped: Iterable[str], patterns: Iterable[str] = (), form: str = "") -> None:
        self._known = {part for path in mapped for part in (path, path.partition(".")[0])}
        self._patterns, self._form, self._begun = tuple(patterns), form, False

    def beside(self, reading: Reading, record: Mapping[str, Any]) -> Reading:
        """`reading`, with the fields of its record that are mapped nowhere and were not told yet."""
        if self._begun and record.keys() <= self._known:
            return reading
        new = [name for name in record if name not in self._known]
        self._known.update(new)
        spare = {} if self._begun else {f"{self._form}/": None}
        self._begun = True
        told = [name for name in new if not any(fnmatchcase(name, one) for one in self._patterns)]
        return msgspec.structs.replace(reading, spare=spare | {f"{self._form}/{name}": record[name] for name in told})
