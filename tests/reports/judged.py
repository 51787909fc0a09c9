"""Pairs of Los Angeles's reports that were read and judged: the same incident, not the same, or nobody can tell.

`judged_pairs.csv` keeps the two numbers and our judgement alone; what was read is read here from the shared export. One
of the authors read both records of each pair once (category, address, metres and time between, channel, status, day of
service) and wrote down what they take it for: nobody else read them, nobody was on the spot, and the likeness stood
beside the pair, so this is an opinion to compare with, not the truth. The export has no words of citizens: a report's
words are its kind and its street, so these pairs test place, time, address and kind; known copies test wordings.

The pairs were drawn by `drawn`, as many of each stratum as STRATA says: most are near misses or near the threshold, so
precision and recall on them are lower than on all pairs that a desk would see.
"""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from ioc.db.reports import Report
from ioc.report_rules import Category, Reports
from ioc.reports import twins
from tests.reports import copies

FILE = Path(__file__).with_name("judged_pairs.csv")
Verdict = Literal["same", "not", "unclear"]
BY_HOUSE = ("Bulky Items", "Metal/Household Appliances", "Electronic Waste", "Graffiti Removal")
"""Kinds of which each house is another thing: what is fetched there, or painted over there."""
FAR_M, DAYS = 150.0, 14
STRATA = {
    "other kind": 22, "other place": 22, "same street": 22, "far below": 14, "below": 32, "at": 40, "above": 28,
    "top": 20,
}  # fmt: skip
"""How many pairs were drawn of each kind: 200."""


class Judged(NamedTuple):
    """A judgement. `why` in a few words of ours; `by`: who read the pair; `on`: the day."""

    one: str
    other: str
    verdict: Verdict
    why: str
    by: str
    on: str


def judged() -> list[Judged]:
    """Every judgement that was made."""
    with FILE.open(encoding="utf-8", newline="") as opened:
        return [msgspec.convert(row, Judged) for row in list(csv.reader(opened))[1:]]


def reports(shared: Path) -> dict[str, Report]:
    """The export's reports by number: words are kind and street, the address stands as it was told."""
    return {one.id: one for one in copies.reports(shared, told=True)}


def pairs(found: dict[str, Report]) -> Iterator[tuple[Report, Report]]:
    """Pairs within FAR_M and DAYS of each other, each once."""
    cells: dict[tuple[int, int], list[Report]] = defaultdict(list)
    for one in found.values():
        assert one.lon is not None and one.lat is not None
        x, y = int(one.lon * 500), int(one.lat * 500)
        for east in (-1, 0, 1):
            for north in (-1, 0, 1):
                for other in cells.get((x + east, y + north), ()):
                    apart = twins.apart_m(one, other)
                    if apart is not None and apart <= FAR_M and abs((one.filed - other.filed).days) < DAYS:
                        yield (one, other) if one.id < other.id else (other, one)
        cells[x, y].append(one)


def stratum(one: Report, other: Report, likeness: float) -> str | None:
    """Which kind of pair it is; None: it was not drawn from."""
    apart = twins.apart_m(one, other)
    assert apart is not None
    if one.category != other.category:
        return "other kind" if apart <= 30 else None
    if apart > 60:
        return "other place" if street(one) == street(other) else None
    if street(one) == street(other) and one.address != other.address and one.filed.date() == other.filed.date():
        return "same street"
    edges = {"far below": 0.75, "below": 0.85, "at": 0.93, "above": 0.985, "top": 1.01}
    return next(name for name, edge in edges.items() if likeness < edge)


def street(one: Report) -> str:
    """The street of an address, without house and ZIP code."""
    return " ".join(str(one.address).partition(",")[0].split()[1:])


def drawn(found: dict[str, Report], kinds: Mapping[str, Category], most: Mapping[str, int]) -> list[tuple[str, str]]:
    """The pairs that were drawn: of each stratum, the categories in turn, in the order of a digest of the numbers."""
    by: dict[str, dict[str, list[tuple[bytes, str, str]]]] = defaultdict(lambda: defaultdict(list))
    for one, other in pairs(found):
        name = stratum(one, other, twins.likeness(one, other, kinds[one.category]))
        if name is not None:
            order = hashlib.sha256(f"{one.id} {other.id}".encode()).digest()
            by[name][one.category].append((order, one.id, other.id))
    chosen: list[tuple[str, str]] = []
    for name, count in most.items():
        chosen += _in_turn([sorted(by[name][kind]) for kind in sorted(by[name])], count)
    return chosen


class Score(NamedTuple):
    """How the proposal does on judged pairs; what nobody could tell counts nowhere."""

    right: int
    wrong: int
    missed: int
    unclear: int

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong)

    @property
    def recall(self) -> float:
        return self.right / (self.right + self.missed)

    def __str__(self) -> str:
        told = f"precision {self.precision:.3f}  recall {self.recall:.3f}"
        return f"{told}  ({self.right} right, {self.wrong} wrong, {self.missed} missed, {self.unclear} unclear)"


def score(pairs: Sequence[Judged], found: Mapping[str, Report], rules: Reports) -> Score:
    """Which of these pairs are proposed at the threshold of the rules, against what was judged."""
    counts = dict.fromkeys(("right", "wrong", "missed", "unclear"), 0)
    for pair in pairs:
        proposed = bool(twins.proposed(found[pair.one], [found[pair.other]], rules))
        if pair.verdict == "unclear":
            counts["unclear"] += 1
        elif pair.verdict == "same":
            counts["right" if proposed else "missed"] += 1
        elif proposed:
            counts["wrong"] += 1
    return Score(**counts)


def _in_turn(lists: Sequence[list[tuple[bytes, str, str]]], count: int) -> list[tuple[str, str]]:
    longest = max(map(len, lists), default=0)
    mixed = [many[n] for n in range(longest) for many in lists if n < len(many)]
    return [(one, other) for _, one, other in mixed[:count]]
