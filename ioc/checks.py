"""The checks of the settings, worked out: pure functions of the figures and items that stand on the boards.

Both figures are always told, and no mean is ever made of them: 487 + 905 = 1.392 stands beside 1.500. What can't be
worked out, because a figure has not come or the two are of unlike periods, has neither passed nor failed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from ioc import clock
from ioc.check import ALL, EQUAL, OVER_TIME, Check, Side, both
from ioc.event import digest
from ioc.period import Period, period

Figure = Mapping[str, Any]
Result = dict[str, Any]
"""An item of the channel `checks`: id, kind, name, name_en, ok (None: not known), left, right, say, source, owner,
since; `tiles`: names of the tiles whose figures it looks at."""
ANNOUNCED = ("công bố", "announced")
BEFORE = ("trước đó", "before")


class Seen(NamedTuple):
    """What stands on the boards: `tiles`: figures by tile and unit; `items`: properties by layer and id."""

    tiles: Mapping[str, Mapping[str, Figure]]
    items: Mapping[str, Mapping[str, Mapping[str, Any]]]


class Read(NamedTuple):
    """What one side says. `parts`: the numbers that were added up. `period`: of items that have one. `tiles`: it looks
    at figures of these. `named`: its label is the settings' own.
    """

    value: float | int | None
    label: tuple[str, str]
    parts: tuple[float | int, ...] = ()
    period: Period | None = None
    sources: tuple[str, ...] = ()
    tiles: tuple[str, ...] = ()
    named: bool = False


def fits(side: Side, told: Mapping[str, Any]) -> bool:
    """Whether a side looks at the item with these properties."""
    wanted = {"source": side.source, "indicator": side.indicator, "part": side.part}
    return (
        bool(told.get("published")) == side.published
        and all(told.get(name) == value for name, value in wanted.items() if value is not None)
        and all(told.get(name) == value for name, value in side.where.items())
    )


def results(
    checks: Mapping[str, Check], seen: Seen, before: Mapping[str, Result], now: datetime, owners: Mapping[str, str]
) -> dict[str, Result]:
    """Each check at `now`, by id. `before`: how they stood last. `owners`: the agency that answers for each source."""
    return {name: _result(name, check, seen, before.get(name, {}), now, owners) for name, check in checks.items()}


def _result(
    name: str, check: Check, seen: Seen, before: Mapping[str, Any], now: datetime, owners: Mapping[str, str]
) -> Result:
    left = _units(check.lefts[0], seen) if check.kind == "units_sum" else _added(check.lefts, seen)
    right = _added(check.rights, seen) if check.rights else Read(None, ("", ""))
    memory: dict[str, Any] = {}
    if check.kind in OVER_TIME:
        memory = _memory(check, left, before.get("memory") or {})
        right = Read(memory["before"], BEFORE)
    elif check.kind == "range":
        right = _bounds(check, left.value)
    ok, why = _judged(check, left, right)
    source = check.source or next(iter((*left.sources, *right.sources)), None)
    title = both(check.title, name)
    told: Result = {
        "id": name, "kind": check.kind, "name": title[0], "name_en": title[1], "ok": ok,
        "tiles": sorted({*left.tiles, *right.tiles}),
        "left": _side(left), "right": _side(right), "say": {"vi": why[0], "en": why[1]},
        "source": source, "owner": owners.get(source) if source is not None else None,
        "since": before["since"] if before.get("since") and before.get("ok") is ok else clock.rfc3339(now),
    }  # fmt: skip
    return told | ({"memory": memory} if memory else {})


def _side(read: Read) -> dict[str, Any]:
    told = {"label": read.label[0], "label_en": read.label[1], "value": read.value}
    return told | ({"parts": list(read.parts)} if len(read.parts) > 1 else {})


def _added(sides: Iterable[Side], seen: Seen) -> Read:
    """Several sides added up: unknown when one of them is, or when they are of unlike periods."""
    reads = [_read(side, seen) for side in sides]
    if len(reads) == 1:
        return reads[0]
    label = " + ".join(read.label[0] for read in reads), " + ".join(read.label[1] for read in reads)
    sources = tuple(dict.fromkeys(source for read in reads for source in read.sources))
    tiles = tuple(dict.fromkeys(tile for read in reads for tile in read.tiles))
    numbers = tuple(read.value for read in reads if read.value is not None)
    periods = {read.period for read in reads if read.period is not None}
    if len(numbers) < len(reads) or len(periods) > 1:
        return Read(None, label, sources=sources, tiles=tiles)
    return Read(_sum(numbers), label, numbers, next(iter(periods), None), sources, tiles)


def _read(side: Side, seen: Seen) -> Read:
    named = side.label is not None
    if side.value is not None:
        return Read(side.value, both(side.label, ANNOUNCED[0]) if named else ANNOUNCED, named=named)
    if side.tile is not None:
        return _of_tile(side, seen.tiles.get(side.tile, {}).get(side.unit), named)
    return _of_items(side, [told for told in seen.items.get(side.over, {}).values() if fits(side, told)], named)


def _of_items(side: Side, items: list[Mapping[str, Any]], named: bool) -> Read:
    """The items that fit, added up: those of the newest period, or those that stand until they are told anew."""
    by_period: dict[Period | None, list[float | int]] = {}
    for told in items:
        number = _number(told.get(side.field))
        try:
            at = period(str(told["period"])) if told.get("period") is not None else None
        except ValueError:
            # a period that nobody can read: the row counts nowhere, as on its tile
            continue
        if number is not None:
            by_period.setdefault(at, []).append(number)
    newest = max(by_period, key=lambda at: (at is None, at), default=None) if by_period else None
    numbers = by_period.get(newest)
    called = side.part or (ANNOUNCED[0] if side.published else side.indicator or side.source or side.over)
    sources = (side.source,) if side.source is not None else _all(items, "source")
    value = _sum(numbers) if numbers else None
    tiles = _all(items, "indicator")
    return Read(value, both(side.label, called), period=newest, sources=sources, tiles=tiles, named=named)


def _all(items: Iterable[Mapping[str, Any]], name: str) -> tuple[str, ...]:
    return tuple(sorted({str(told[name]) for told in items if told.get(name)}))


def _of_tile(side: Side, figure: Figure | None, named: bool) -> Read:
    assert side.tile is not None
    told = figure or {}
    label = str(told.get("label") or side.tile), str(told.get("label_en") or side.tile)
    value = told.get(side.field)
    if side.other:
        value = next((one.get("value") for one in told.get("other") or ()), None)
    elif side.part is not None:
        parts = told.get("parts") or ()
        value = next((one.get("value") for one in parts if side.part in _names(one.get("label"))), None)
        label = side.part, side.part
    label = both(side.label, label[0]) if named else label
    sources = tuple(told.get("sources") or ())
    return Read(_number(value), label, sources=sources, tiles=(side.tile,), named=named)


def _names(label: Any) -> tuple[Any, ...]:
    return tuple(label.values()) if isinstance(label, dict) else (label,)


def _units(side: Side, seen: Seen) -> Read:
    """The communes' figures of a tile, added up."""
    assert side.tile is not None
    figures = seen.tiles.get(side.tile, {})
    numbers = [_number(figure.get(side.field)) for unit, figure in figures.items() if unit != ALL]
    known = [number for number in numbers if number is not None]
    label = f"tổng {len(known)} đơn vị", f"sum of {len(known)} units"
    sources = tuple(figures.get(ALL, {}).get("sources") or ())
    return Read(_sum(known) if known else None, label, sources=sources, tiles=(side.tile,))


def _number(value: Any) -> float | int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


def _sum(numbers: Iterable[float | int]) -> float | int:
    given = list(numbers)
    # 0.1 + 0.2 is 0.3 for whoever reads it
    return sum(given) if all(isinstance(one, int) for one in given) else round(math.fsum(given), 9)


def _memory(check: Check, left: Read, old: Mapping[str, Any]) -> dict[str, Any]:
    """The newest figure and the one before it; what other settings remembered says nothing."""
    key = digest([repr(side) for side in check.lefts])
    known = old if old.get("key") == key else {}
    now, before = known.get("now"), known.get("before")
    if left.value is not None and left.value != now:
        now, before = left.value, now
    return {"key": key, "now": now, "before": before}


def _bounds(check: Check, value: float | int | None) -> Read:
    low, high = check.least, check.most
    bound = low if high is None or (low is not None and value is not None and value < low) else high
    if low is not None and high is not None:
        label = f"từ {vi(low)} đến {vi(high)}", f"from {en(low)} to {en(high)}"
    elif low is not None:
        label = f"ít nhất {vi(low)}", f"at least {en(low)}"
    else:
        label = f"nhiều nhất {vi(high)}", f"at most {en(high)}"
    return Read(bound, label)


def _judged(check: Check, left: Read, right: Read) -> tuple[bool | None, tuple[str, str]]:
    if left.value is None or right.value is None:
        if check.kind in OVER_TIME and left.value is not None:
            return None, ("Chưa có số trước để so.", "There is no figure before to compare it with.")
        missing = left if left.value is None else right
        return None, (f"Chưa có số: {missing.label[0]}.", f"There is no figure yet: {missing.label[1]}.")
    if left.period is not None and right.period is not None and left.period != right.period:
        spans = left.period.text, right.period.text
        say = f"Kỳ khác nhau, không so: {spans[0]} và {spans[1]}."
        return None, (say, f"Unlike periods are not compared: {spans[0]} and {spans[1]}.")
    ok, mark = _holds(check, left.value, right.value)
    return ok, (_says(left, right, mark, 0), _says(left, right, mark, 1))


def _holds(check: Check, left: float | int, right: float | int) -> tuple[bool, str]:
    """Whether it holds, and the sign that stands between both."""
    apart = left - right
    room = max(check.within, abs(right) * (check.percent or 0) / 100) + (
        0 if isinstance(apart, int) else 1e-12 * max(abs(left), abs(right))
    )
    match check.kind:
        case "part_of_whole":
            ok = apart <= room
            return ok, "≤" if ok else ">"
        case "range":
            ok = not (
                (check.least is not None and left < check.least) or (check.most is not None and left > check.most)
            )
            return ok, ("<" if left < right else ">") if not ok else "≤" if left <= right else "≥"
        case "step":
            ok = abs(apart) <= max(check.most or 0, room)
            return ok, "→"
        case "monotone":
            return apart >= 0, "→"
        case _:
            ok = abs(apart) <= room
            return ok, ("=" if left == right else "≈") if ok else "≠"


def _says(left: Read, right: Read, mark: str, language: int) -> str:
    """Both figures in one sentence: 487 + 905 = 1.392 ≠ 1.500 (hơn 1.500)."""
    sides = [_shown(left, language), _shown(right, language)]
    if mark == "→":
        sides.reverse()
    return f"{sides[0]} {mark} {sides[1]}."


def _shown(read: Read, language: int) -> str:
    write = (vi, en)[language]
    said = write(read.value)
    if read.parts:
        said = f"{' + '.join(write(part) for part in read.parts)} = {said}"
    return f"{said} ({read.label[language]})" if read.named else said


def en(number: float | int | None) -> str:
    """A number as the English write it: 1,392 and 7.38."""
    if number is None:
        return "–"
    whole = isinstance(number, float) and number.is_integer() and abs(number) < 1e15
    return f"{int(number) if whole else number:,}"


def vi(number: float | int | None) -> str:
    """A number as Vietnamese write it: 1.392 and 7,38."""
    return en(number).translate(_TURNED)


_TURNED = str.maketrans(",.", ".,")


def by_source(found: Mapping[str, Result]) -> dict[str, tuple[int, list[str]]]:
    """Of each source how many checks passed, and what those say that failed (finished sentences)."""
    told: dict[str, tuple[int, list[str]]] = {}
    for result in found.values():
        if result["ok"] is None or result["source"] is None:
            continue
        passed, failed = told.get(result["source"], (0, []))
        said = [] if result["ok"] else [f"{result['name_en']}: {result['say']['en']}"]
        told[result["source"]] = (passed + bool(result["ok"]), failed + said)
    return told


def covered(found: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Tiles of which a failed check says already that their figure is not right, so that nothing is counted twice."""
    failed = [one for one in found.values() if one["ok"] is False and one["kind"] in EQUAL and one["source"]]
    return {tile for one in failed for tile in one["tiles"]}
