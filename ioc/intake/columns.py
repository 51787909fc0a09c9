"""Columns that nothing maps: which are new since the source was first read. The rest of the record goes on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ioc import names
from ioc.contract import Answered
from ioc.event import Event, Feature, new_id
from ioc.intake.asides import RAW_LIMIT, as_text, plain
from ioc.log import Known

if TYPE_CHECKING:
    from ioc.intake.weighing import Taken

MOST_COLUMNS = 200
"""Columns of a source that are remembered; past that a new one is noticed no more."""
MOST_CHARS = 100
NEW_FOR = timedelta(days=7)
"""How long a column counts as new; whoever does not want it need do nothing."""


def tell(source: str, known: Known, taken: Taken, received: datetime) -> None:
    """An event of the health watch, with the value that it came with, for each column that was not there before."""
    before = known.answered.columns if known.answered is not None else ()
    for name in _new(before, taken.spare):
        column = name.partition("/")[2]
        told = Feature({"of": source, "column": column, "raw": as_text({column: taken.spare[name]})[:RAW_LIMIT]})
        subject = f"{source}/{column}"
        taken.events.append(Event(new_id(), names.WATCH, names.APPEARED, subject, received, received, told))


def note(spare: dict[str, Any], into: dict[str, Any]) -> None:
    """Gather the columns of one reading, under names that can be told."""
    for name, value in spare.items():
        into.setdefault(plain(" ".join(name.split()))[:MOST_CHARS], value)


def known_then(before: Answered, taken: Taken, received: datetime) -> tuple[tuple[str, ...], dict[str, datetime]]:
    """The columns that are known after an answer, and those that are new, each with since when."""
    fresh = {name: since for name, since in before.fresh.items() if received - since < NEW_FOR}
    if taken.complete:
        fresh = {name: since for name, since in fresh.items() if name in taken.spare or _form(name) not in taken.spare}
    new = _new(before.columns, taken.spare)
    first = [name for name in taken.spare if name not in before.columns and name not in new]
    columns = (*before.columns, *first, *new)[:MOST_COLUMNS]
    return columns, fresh | dict.fromkeys((name for name in new if name in columns), received)


def _form(name: str) -> str:
    return name.partition("/")[0] + "/"


def _new(before: tuple[str, ...], spare: Mapping[str, Any]) -> list[str]:
    """What a form has that it had not when it was read before; of a form that is read for the first time nothing."""
    if len(before) >= MOST_COLUMNS:
        return []
    return [name for name in spare if name not in before and _form(name) in before]
