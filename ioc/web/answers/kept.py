"""Answers about what sources owe and keep: their state, the ledger, links, scores, walls, checks, reminders, posts."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ioc.contract import Age, Contract, State
from ioc.event import Method
from ioc.layer import Level
from ioc.ledger import State as Duty
from ioc.mailing import State as Sending
from ioc.web.answers.base import Amount, Answer, Both, Count, Sentence, When


class Checked(Answer, frozen=True, kw_only=True):
    """How many checks passed, and what those say that failed."""

    passed: Count
    failed: list[str]


class Counts(Answer, frozen=True, kw_only=True):
    """Sums since a source was asked first."""

    records: Count
    events: Count
    unchanged: Count
    duplicates: Count
    set_aside: Count
    lost: Count


class SourceTold(Answer, frozen=True, kw_only=True):
    """A source: what it owes (`contract`), and how it keeps it."""

    id: str
    name: str
    name_en: str
    title: Both
    sector: str | None
    state: State
    why: str | None
    due: When | None
    owner: str
    frozen: bool
    age: Age
    period: str | None
    observed: When | None
    received: When | None
    last_error: str | None
    have: Count
    expect: Count | None
    refused: Count
    reasons: dict[str, int]
    method: Method
    fresh: list[str]
    cadence_s: float | None
    grace_s: float
    checks: Checked
    counts: Counts
    contract: Contract | None
    retired_by: str | UnsetType = UNSET
    unread: When | UnsetType = UNSET


class Aside(Answer, frozen=True, kw_only=True):
    """A record that stands set aside; `raw`, masked, for operators."""

    reason: str
    say: str
    subject: str | None
    first: When
    last: When
    count: Count
    raw: str | UnsetType = UNSET


class SourceDetail(SourceTold, frozen=True, kw_only=True):
    """A source with what went wrong last, and what stands set aside, by reason."""

    last_errors: list[str]
    set_aside: list[Aside]
    aside_reasons: dict[str, int]


class Listing(Answer, frozen=True, kw_only=True):
    """The dated list that reporters come from."""

    as_of: date
    invented: bool
    source: str


class LedgerCell(Answer, frozen=True, kw_only=True):
    """One period, counted."""

    period: str
    due: When
    expect: Count
    on_time: Count
    late: Count
    missing: Count
    excused: Count
    awaited: Count
    never: bool


class LedgerRow(Answer, frozen=True, kw_only=True):
    """The ledger of a source: its newest period, and the last ones."""

    id: str
    name: str
    name_en: str
    owner: str
    method: Method
    each: str
    list_: Listing | None = msgspec.field(name="list")
    period: str
    due: When
    have: Count
    expect: Count
    late: Count
    missing: Count
    excused: Count
    awaited: Count
    cells: list[LedgerCell]


class LedgerEntry(Answer, frozen=True, kw_only=True):
    """One reporter in one period."""

    reporter: str
    name: str
    state: Duty
    reported: When | None
    why: str | None
    by: str | None


class LedgerDetail(Answer, frozen=True, kw_only=True):
    """Every reporter of a source in one period, those who are missing first."""

    source: str
    owner: str
    period: str
    expect: Count
    list_: Listing | None = msgspec.field(name="list")
    due: When
    missing: Count
    late: Count
    awaited: Count
    excused: Count
    reported: Count
    entries: list[LedgerEntry]


class LinkCell(Answer, frozen=True, kw_only=True):
    """One proof of a sector's link. `ok` null: not known."""

    ok: bool | None
    say: Both
    since: When | None
    level: Level | None
    source: str | None


class LinkRow(Answer, frozen=True, kw_only=True):
    """A sector: connected, shared, synced."""

    id: str
    name: str
    name_en: str
    sources: list[str]
    tried: When | None
    connected: LinkCell
    shared: LinkCell
    synced: LinkCell


class Score(Answer, frozen=True, kw_only=True):
    """One of the four words, 0 to 100: `good` of `of`."""

    value: Amount
    good: int | float
    of: int | float
    level: Level | None


class ScoreRow(Answer, frozen=True, kw_only=True):
    """The four words of a source, a sector, or of all."""

    id: str
    sources: list[str]
    dung: Score
    du: Score
    sach: Score
    song: Score


class WallRow(Answer, frozen=True, kw_only=True):
    """A wall, and the last song of the canary on its glass."""

    id: str
    screen: str
    name: str
    connected: bool
    state: State
    say: Both | None
    seen: When
    since: When
    song: When | None
    lag_s: float | None
    ms: float | None


class CheckSide(Answer, frozen=True, kw_only=True):
    """One side of a check, and what it is added up of."""

    label: str
    label_en: str
    value: Amount
    parts: list[int | float] | UnsetType = UNSET


class CheckRow(Answer, frozen=True, kw_only=True):
    """A check of the settings. `ok` null: not known yet. `memory`: the figures of a check over time."""

    id: str
    kind: str
    name: str
    name_en: str
    ok: bool | None
    tiles: list[str]
    left: CheckSide
    right: CheckSide
    say: Both
    source: str | None
    owner: str | None
    since: When
    memory: dict[str, Any] | UnsetType = UNSET


class ReminderCount(Answer, frozen=True, kw_only=True):
    """How often an agency was reminded this year."""

    id: str
    agency: str
    year: int
    count: Count
    thresholds: list[int]
    level: Level | None
    last: When | None
    say: Both | None
    sources: dict[str, int]


class Reminder(Answer, frozen=True, kw_only=True):
    """One reminder by one way."""

    id: str
    duty: str
    step: int
    way: str
    agency: str
    source: str
    period: str | None
    due: When
    missing: list[str]
    recipients: list[str]
    subject: str
    number: int
    created: When
    state: Sending
    attempts: Count
    next: When | None
    sent: When | None
    receipt: str | None
    error: str | None
    excused: When | None
    ended: When | None


class Reminded(Answer, frozen=True, kw_only=True):
    """The reminder ledger; `reminders`: each one, for operators."""

    agencies: list[ReminderCount]
    reminders: list[Reminder] | UnsetType = UNSET


class Again(Answer, frozen=True, kw_only=True):
    """A reminder that goes out again."""

    id: str
    state: Sending


class Excused(Answer, frozen=True, kw_only=True):
    """Who was excused from telling of a period."""

    source: str
    period: str
    reporter: str


class AlertRow(Answer, frozen=True, kw_only=True):
    """An open alert. `since`: when it was raised; `claimed`: who has it."""

    id: str
    level: Level
    say: Both
    why: str | None
    since: When | None
    source: str | None
    owner: str | None
    claimed: str | None


class AlertClaimed(Answer, frozen=True, kw_only=True):
    """Who has the alert now; null: nobody."""

    id: str
    claimed: str | None


class SeenTold(Answer, frozen=True, kw_only=True):
    """How many revised rows of a tile were taken note of."""

    name: str
    rows: Count


class AsideRecord(Answer, frozen=True, kw_only=True):
    """A record of a post that was set aside, by its place in it."""

    record: Annotated[int, Meta(ge=1)]
    subject: str | None
    reason: str
    say: Sentence


class Pushed(Answer, frozen=True, kw_only=True):
    """What became of the records of a post."""

    records: Count
    events: Count
    unchanged: Count
    duplicates: Count
    set_aside: Count
    reasons: dict[str, int]
    aside: list[AsideRecord]


class SheetTaken(Answer, frozen=True, kw_only=True):
    """What became of a sheet's rows, and who signed it."""

    records: Count
    events: Count
    unchanged: Count
    period: str | None
    officer: str | None
    agency: str | None
