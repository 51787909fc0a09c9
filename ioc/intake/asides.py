"""What one asking sets aside: marks, events and kinds of trouble; and what stood set aside and does no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from ioc import names
from ioc.errors import BadRecord
from ioc.event import Event, Feature, Method, digest, new_id
from ioc.log import Known
from ioc.trouble import MOST, REST, Trouble

if TYPE_CHECKING:
    from ioc.intake.weighing import Taken

ASIDE = names.ASIDE
"""First character of the marks, among what was seen, of records that are set aside; no subject has it.

Beside a mark stand the reason, the kind of trouble, and a digest of the subject, with | between."""
HOLDING = "?"
"""First character of what stands beside such a mark: the record has no name, and came when a subject went missing."""
MOST_ASIDES = 5000
"""Marks of set-aside records that are remembered of a source whose answers are not complete."""
RAW_LIMIT = 8192


class Asides:
    """The records that one asking sets aside; `held`: subjects that are here, though they could not be read."""

    def __init__(self, source: str, known: Known, received: datetime, method: Method, taken: Taken) -> None:
        self._source, self._known, self._received, self._method = source, known, received, method
        self._taken = taken
        self._here: set[str] = set()
        self._nameless: dict[str, str] = {}
        before = known.answered.troubles if known.answered is not None else ()
        self._kinds = {trouble.kind: trouble for trouble in before}
        self.held: set[str] = set()

    def add(self, bad: BadRecord) -> None:
        """Count a record; one that was not known makes an event."""
        taken = self._taken
        taken.set_aside += 1
        taken.reasons[bad.reason] = taken.reasons.get(bad.reason, 0) + 1
        raw, subject = as_text(bad.raw), plain(bad.subject) if bad.subject is not None else None
        mark = ASIDE + digest(bad.reason, subject, raw)
        beside = f"{bad.reason}|{self._kind(bad)}|{who(subject) if subject is not None else ''}"
        if bad.subject is not None:
            self.held.add(bad.subject)
        else:
            self._nameless[mark] = beside
        if mark in self._here:
            return
        self._here.add(mark)
        if mark in self._known.seen:
            if self._known.seen[mark].removeprefix(HOLDING) != beside:
                taken.seen[mark] = beside
            return
        taken.seen[mark] = beside
        told = {"reason": bad.reason, "say": plain(bad.say), "raw": raw[:RAW_LIMIT], "digest": mark[1:]}
        taken.events.append(self._event(names.REFUSED, mark, Feature({**told, "record": subject})))

    def _kind(self, bad: BadRecord) -> str:
        """The record's kind of trouble; beyond MOST all are of one kind."""
        trouble = Trouble(bad.reason, bad.field, bad.code, bad.at)
        if trouble.kind not in self._kinds and len(self._kinds) >= MOST:
            trouble = Trouble(REST)
        self._kinds.setdefault(trouble.kind, trouble)
        self._taken.troubles[trouble.kind] = trouble
        return trouble.kind

    def _event(self, kind: str, mark: str, data: Feature | None) -> Event:
        return Event(new_id(), self._source, kind, mark[1:], self._received, self._received, data, method=self._method)

    def may_hold(self, missing: int) -> bool:
        """Whether records that could not even be named may be the missing ones: then nothing is dropped.

        Only those count that came with the gap, and are still there; who stood nameless before hides nobody.
        """
        seen = self._known.seen
        may = [mark for mark in self._nameless if seen.get(mark, HOLDING).startswith(HOLDING)]
        for mark in may:
            self._taken.seen[mark] = (HOLDING if missing else "") + self._nameless[mark]
        return 0 < missing <= len(may)

    def close(self, complete: bool, told: AbstractSet[str]) -> None:
        """End what stands set aside no more: it is absent from a complete answer, or its subject was `told` anew."""
        old = {mark for mark in self._known.seen if mark.startswith(ASIDE)} - self._here
        if not old:
            return
        if complete:
            ended = sorted(old)
        else:
            anew = {who(subject) for subject in told}
            ended = sorted(mark for mark in old if self._known.seen[mark].rpartition("|")[2] in anew)
            if len(old) - len(ended) > MOST_ASIDES:
                self._taken.seen.update(dict.fromkeys(old))
        self._taken.seen.update(dict.fromkeys(ended))
        self._taken.events += [self._event(names.MENDED, mark, None) for mark in ended]


class Standing(NamedTuple):
    """What stands set aside of one source: how many records, by reason, and by kind of trouble."""

    records: int
    reasons: dict[str, int]
    troubles: tuple[Trouble, ...]


def standing(seen: Mapping[str, str], kinds: Iterable[Trouble]) -> Standing:
    """Counted from the marks among what was seen. `kinds`: the kinds of trouble that are known."""
    marks = [mark.removeprefix(HOLDING).split("|") for name, mark in seen.items() if name.startswith(ASIDE)]
    reasons = Counter(mark[0] for mark in marks)
    counts = Counter(mark[1] for mark in marks if len(mark) > 1)
    known = {trouble.kind: trouble for trouble in kinds}
    troubles = (msgspec.structs.replace(one, count=counts[kind]) for kind, one in known.items() if counts[kind])
    return Standing(len(marks), dict(sorted(reasons.items())), tuple(troubles))


def marks(quarantined: Mapping[str, str]) -> dict[str, str]:
    """The marks of records that stand set aside, by their digests and with their reasons."""
    return {ASIDE + digest_: f"{reason}||" for digest_, reason in quarantined.items()}


def who(subject: str) -> str:
    """A short digest of a subject, beside the mark of its record."""
    return digest(subject)[:12]


def plain(text: str) -> str:
    """Text without lone surrogates, which no store takes."""
    return text.encode("utf-8", "replace").decode()


def as_text(raw: object) -> str:
    """A record as it came, as text."""
    if isinstance(raw, str):
        return plain(raw)
    try:
        return msgspec.json.encode(raw, enc_hook=str).decode()
    except (TypeError, ValueError, RecursionError):
        return plain(repr(raw))
