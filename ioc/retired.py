"""A typed source that is retired by itself: while the machine source that replaces it is live, nothing is typed.

Which one replaces it stands in its settings (`retired_by`). Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time
from typing import Any, NamedTuple

from ioc.clock import ZONE
from ioc.contract import Answered, judge
from ioc.settings import Settings


class Retired(NamedTuple):
    """`by`: the machine source. `say`: a finished sentence. `since`: when the newest period begins that it tells of:
    typed figures from then on would count twice (aware; None: it has told of no time yet)."""

    by: str
    say: str
    since: datetime | None


def by(settings: Settings, name: str) -> str | None:
    """The source that replaces `name`, where the settings name one that is there."""
    source = settings.sources.get(name)
    other = source.options.get("retired_by") if source is not None else None
    return other if isinstance(other, str) and other in settings.sources and other != name else None


def look(settings: Settings, name: str, answers: Mapping[str, Answered], now: datetime) -> Retired | None:
    """Whether a source is retired at `now`, and by which."""
    other = by(settings, name)
    if other is None:
        return None
    machine, answered = settings.sources[other], answers.get(other)
    if answered is None or judge(machine.contract, answered, now, settings.calendar).state != "live":
        return None
    day = answered.reached or (answered.observed.astimezone(ZONE).date() if answered.observed is not None else None)
    if day is not None and machine.contract.due is not None:
        day = machine.contract.due.period(day).first
    since = datetime.combine(day, time(), ZONE) if day is not None else None
    told = f"“{machine.title[0] or other}” ({other}) đang gửi số liệu tự động"
    return Retired(other, f"Nguồn nhập tay này đã nghỉ: {told}, nên không nhận bảng nhập tay.", since)


def item(told: Mapping[str, Any], found: Retired) -> dict[str, Any]:
    """The source's item while it is retired: it owes nothing, so it is not late, and no score counts what it lacks."""
    gone = {"state": "live", "why": found.say, "frozen": False, "due": None, "expect": None, "retired_by": found.by}
    return {name: value for name, value in {**told, **gone}.items() if name != "unread"}


def ledger(told: Mapping[str, Any]) -> dict[str, Any]:
    """Its ledger while it is retired: who has not told of the newest period is excused."""
    *before, last = told["cells"]
    gone = {"missing": 0, "awaited": 0, "excused": told["excused"] + told["missing"] + told["awaited"]}
    return {**told, **gone, "cells": [*before, {**last, **gone}]}
