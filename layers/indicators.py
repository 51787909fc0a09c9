"""Indicators: figures that departments count, each against its target and the period before.

An item is one row that somebody reported: one indicator, one unit or reporter, one period. `properties` (needed are
only `indicator`, and `value` or `numerator` + `denominator`):

- `indicator`: its id, the `name` in INDICATORS below; `value`: the number; of a share `numerator` and `denominator`;
- `period`: 2026-03-10, 2026-W10, 2026-03, 2026-Q1, 2026, or first/last day with a slash for anything else (the banks'
  2026-02-15/2026-03-14); without one the row is a stock that stands until it is told anew;
- `target`; `previous`: the value of the period before, where the source tells it;
- `reporter`: who told it (a hospital), where the row's unit does not say so; or `have` and `expect` of reporters;
- `part`: the name of the part that this row counts, when the indicator is the sum of parts; rows of one part are added;
- `reported`: when (RFC 3339); `officer`, `decision`: who, by which document; a tile shows those of its newest row;
- `why`: of a row that is told otherwise than before, the reason; one that a person typed and pushes needs it;
- `published`: true, or by whom: this row is a published total; it is compared with the sum, never added. `total_of`: of
  which group only; it is compared with `summed`, what its own table adds up to. `tolerance`: what rounding may make.

To add an indicator: a table in the settings, and a source whose rows carry that `indicator`::

    [tiles.beds_free]
    over = "indicators"
    label = ["Giường trống", "Beds free"]
    unit = ["giường", "beds"]

Its fields are those of `Indicator`; what many provinces count alike stands in INDICATORS. The tile is worked out of
the newest period. A period that ended is compared with the one before, when that is adjacent and of the same kind
(unlike periods never are), and for a sum only when the same reporters told both. Rows of a period leave 20 period
lengths after they were told, 120 days at least; stocks stay.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

import msgspec

from ioc import clock, names
from ioc.event import REVISED, Event, Method
from ioc.layer import Figure, Item, Layer, Level, Tile
from ioc.period import Period, period


class Indicator(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One tile. `name`: the `indicator` of the rows that it counts. `how`: rows are added, or numerators over
    denominators give a percentage.

    `target`, when rows state none; below it (`better` "down": above) the level is warn, past `bad` it is bad. `terms`:
    what numerator and denominator count. `source`: id of the source that owes it, named while nothing has come.
    `expect`: rows it is made of, where neither rows nor contract say so. `today`: it is a figure of this day; another
    day's is not shown for it.
    """

    name: str
    label: tuple[str, str]
    unit: str | tuple[str, str] = ""
    how: Literal["sum", "ratio"] = "sum"
    decimals: int = 0
    target: float | None = None
    bad: float | None = None
    better: Literal["up", "down"] = "up"
    terms: tuple[tuple[str, str], tuple[str, str]] = (("đạt", "reached"), ("tổng", "in all"))
    source: str | None = None
    expect: int | None = None
    today: bool = False
    by_unit: bool = True
    over: str = "indicators"


_ON_TIME = (("hồ sơ đúng hạn", "dossiers on time"), ("hồ sơ", "dossiers"))
_PRESENT = (("học sinh có mặt", "pupils present"), ("học sinh", "pupils"))
_SIGNED = (("văn bản ký số", "documents signed"), ("văn bản", "documents"))
_DOSES = ("mũi", "doses")
_MONEY = ("triệu đồng", "million đồng")
INDICATORS = (
    Indicator("dossiers_on_time", ("Hồ sơ đúng hạn", "Dossiers on time"), "%", "ratio", 1, 97, 90, terms=_ON_TIME),
    Indicator("beds_free", ("Giường trống", "Beds free"), ("giường", "beds")),
    Indicator("vaccinations_today", ("Tiêm hôm nay", "Vaccinations today"), _DOSES, today=True),
    Indicator("certificates", ("Chứng thư số", "Certificates"), expect=2, by_unit=False),
    Indicator("jobs_new", ("Việc làm mới", "New jobs"), source="labour", by_unit=False),
    Indicator("pupils_present", ("Học sinh có mặt", "Pupils present"), "%", "ratio", 1, 95, 90, terms=_PRESENT),
    Indicator("documents_signed", ("Văn bản ký số", "Documents signed"), "%", "ratio", 1, 100, 95, terms=_SIGNED),
    Indicator("budget_revenue", ("Thu ngân sách", "Budget revenue"), _MONEY, expect=1, by_unit=False),
    Indicator("budget_spending", ("Chi ngân sách", "Budget spending"), _MONEY, expect=1, by_unit=False),
)

_REVISED_FOR = timedelta(days=1)
_NUMBERS = ("value", "numerator", "denominator")
_TRUST: tuple[Method, ...] = ("machine", "computed", "estimated", "typed")
MOST_UNEVEN = 2  # groups that a tile names
_PERIODS_KEPT, _LEAST_KEPT = 20, timedelta(days=120)


class Indicators(Layer):
    name = "indicators"
    title = ("Chỉ tiêu", "Indicators")
    listens = frozenset({"ioc.indicator.measured", names.SEEN})
    views = False
    table = Indicator

    def declared(self, table: Indicator) -> Tile:
        return _declared(table)

    def fold(self, old: Item | None, event: Event) -> Item | None:
        """As by default; a revision keeps in `before` the newest row before it, in whatever order they come.

        That somebody has taken note of a row's revision is an item of its own (`seen`: the row's id), for a day.
        """
        new = super().fold(old, event)
        if old is None or event.data is None or new is None:
            return new
        if new is not old:
            return _with_before(new, old) if event.cause == REVISED else new
        late = (event.time, event.received)
        if old.properties.get("cause") != REVISED or late == (old.time, old.received):
            return old
        known = old.properties.get("before")
        if known and late <= (clock.parse(known["observed"]), clock.parse(known["received"])):
            return old
        return _with_before(old, self.item(event))

    def item(self, event: Event) -> Item:
        made = super().item(event)
        ours = {"before"} if event.type == names.SEEN else {"before", "seen"}
        told = {name: value for name, value in made.properties.items() if name not in ours}
        return msgspec.structs.replace(made, properties=told, geometry=None)

    def wakes(self, item: Item) -> datetime | None:
        """When a row of a long gone period leaves, or a note that nobody needs any more."""
        if "seen" in item.properties:
            return item.received + _REVISED_FOR
        try:
            told = _period(item)
        except ValueError:
            return item.received + _LEAST_KEPT
        return item.received + max(_LEAST_KEPT, _PERIODS_KEPT * told.length) if told is not None else None

    def wake(self, item: Item, now: datetime) -> Item | None:
        wakes = self.wakes(item)
        return None if wakes is not None and now >= wakes else item


def _with_before(item: Item, earlier: Item) -> Item:
    before = {name: earlier.properties[name] for name in _NUMBERS if name in earlier.properties}
    before |= {"observed": clock.rfc3339(earlier.time), "received": clock.rfc3339(earlier.received)}
    return msgspec.structs.replace(item, properties={**item.properties, "before": before})


class _Told(NamedTuple):
    """The rows of one indicator for one period, published totals apart."""

    rows: list[Item]
    published: list[Item]


def _figure(one: Indicator, items: Collection[Item], now: datetime) -> Figure:
    """The tile of one indicator at `now`."""
    by_period = _by_period(one.name, items)
    newest = max(by_period, key=lambda told: (told is None, told), default=None) if by_period else None
    told = by_period.get(newest, _Told([], []))
    if one.today and not (newest and newest.holds(now)):
        return _not_today(one, told, newest)
    value = _value(one, told.rows)
    if value is None:
        owed = _sources(told.rows) or ([one.source] if one.source else [])
        return Figure(None, have=0, expect=one.expect, method="machine", sources=owed)
    have, expect = _coverage(told.rows)
    target = _target(one, told.rows)
    other, uneven = _other(one, value, told.published), _uneven(told.published)
    level = _level(one, value, target)
    previous, trend = _before(one, value, told.rows, newest, by_period, now)
    return Figure(
        value,
        have=have,
        expect=expect if expect is not None else one.expect,
        target=target,
        level=level or "warn" if other or uneven else level,
        previous=previous,
        trend=trend,
        observed=max(row.time for row in told.rows),
        method=_method(one, told.rows),
        sources=_sources(told.rows),
        parts=_parts(one, told.rows) or None,
        other=other or None,
        revised=_revised(one, value, told.rows, items, now),
        **_provenance(told.rows),
        why=_mismatch(value, _parts(one, told.rows), other) if other else uneven,
    )


def _provenance(rows: list[Item]) -> dict[str, Any]:
    """Who told the newest row, when, and by which document, as far as it says so."""
    newest = max(rows, key=lambda row: (row.time, row.received, row.id)).properties
    told: dict[str, Any] = {name: str(newest[name]) for name in ("officer", "decision") if newest.get(name)}
    with suppress(ValueError):
        if newest.get("reported"):
            told["reported"] = clock.parse(str(newest["reported"]))
    return told


def _by_period(name: str, items: Iterable[Item]) -> dict[Period | None, _Told]:
    found: dict[Period | None, _Told] = {}
    for item in items:
        if item.properties.get("indicator") != name:
            continue
        try:
            told = found.setdefault(_period(item), _Told([], []))
        except ValueError:
            # a period that nobody can read is no stock: the row counts nowhere
            continue
        (told.published if item.properties.get("published") else told.rows).append(item)
    for told in found.values():
        told.rows.sort(key=lambda row: row.id)
        told.published.sort(key=lambda row: row.id)
    return found


def _period(item: Item) -> Period | None:
    """The row's period; None: a stock. Raises ValueError when it can't be read."""
    told = item.properties.get("period")
    return None if told is None else period(str(told))


def _not_today(one: Indicator, told: _Told, newest: Period | None) -> Figure:
    """Nothing of this day has come: no older day is shown for it."""
    last = _value(one, told.rows)
    why = None
    if newest is not None and last is not None:
        why = f"Chưa có số của hôm nay; số mới nhất là {_vi(last)}, ngày {newest.last:%d/%m/%Y}."
    return Figure(None, have=0, previous=last, method="machine", sources=_sources(told.rows), why=why)


def _number(told: Mapping[str, Any], name: str) -> float | int | None:
    value = told.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _value(one: Indicator, rows: Iterable[Item], *, before: frozenset[str] = frozenset()) -> float | int | None:
    """The value of these rows; those in `before` (ids) with the numbers that they had before they were revised."""
    numbers = [{**row.properties, **row.properties["before"]} if row.id in before else row.properties for row in rows]
    values = [value for told in numbers if (value := _number(told, "value")) is not None]
    if one.how == "sum":
        return _rounded(one, sum(values)) if values else None
    pairs = [(_number(told, "numerator"), _number(told, "denominator")) for told in numbers]
    over = sum(upper for upper, lower in pairs if upper is not None and lower is not None)
    under = sum(lower for upper, lower in pairs if upper is not None and lower is not None)
    if under:
        return _rounded(one, 100 * over / under)
    # one percentage stands for itself; of several without their weights there is no mean
    return _rounded(one, values[0]) if len(values) == 1 else None


def _rounded(one: Indicator, value: float) -> float | int:
    return round(value, one.decimals) if one.decimals else round(value)


def _reporters(rows: Iterable[Item]) -> set[str]:
    """Who told something: the reporter, else the unit, else the row itself."""
    counted = [row for row in rows if any(_number(row.properties, name) is not None for name in _NUMBERS)]
    return {str(row.properties.get("reporter") or row.properties.get("unit") or row.id) for row in counted}


def _coverage(rows: list[Item]) -> tuple[int, int | None]:
    have = [_number(row.properties, "have") for row in rows]
    expect = [_number(row.properties, "expect") for row in rows]
    known = [int(number) for number in have if number is not None]
    owed = [int(number) for number in expect if number is not None]
    return (
        sum(known) if len(known) == len(rows) else len(_reporters(rows)),
        sum(owed) if len(owed) == len(rows) else None,
    )


def _target(one: Indicator, rows: list[Item]) -> float | None:
    """What the rows say: their sum, or of shares the one that all name; else the table's."""
    stated = [target for row in rows if (target := _number(row.properties, "target")) is not None]
    if len(stated) == len(rows) and (one.how == "sum" or len(set(stated)) == 1):
        return sum(stated) if one.how == "sum" else stated[0]
    return one.target


def _level(one: Indicator, value: float, target: float | None) -> Level | None:
    sign = 1 if one.better == "up" else -1
    if one.bad is not None and sign * value < sign * one.bad:
        return "bad"
    return "warn" if one.bad is not None and target is not None and sign * value < sign * target else None


def _before(
    one: Indicator,
    value: float,
    rows: list[Item],
    newest: Period | None,
    by_period: Mapping[Period | None, _Told],
    now: datetime,
) -> tuple[float | int | None, dict[str, Any] | None]:
    """The value of the period before, and the trend since, where the two may be compared."""
    if newest is None:
        return None, None
    earlier = next((told for span, told in by_period.items() if span is not None and newest.follows(span)), None)
    if earlier is not None:
        past = _value(one, earlier.rows)
        alike = one.how == "ratio" or _reporters(rows) == _reporters(earlier.rows)
    else:
        stated = [number for row in rows if (number := _number(row.properties, "previous")) is not None]
        alike = len(stated) == len(rows) and (one.how == "sum" or len(rows) == 1)
        past = _rounded(one, sum(stated)) if alike else None
    if past is None or not alike or not newest.ended(now):
        return past, None
    return past, {"by": _rounded(one, value - past), "over": newest.iso}


def _other(one: Indicator, value: float, published: list[Item]) -> list[dict[str, Any]]:
    """Published totals of all that disagree with the sum."""
    said = []
    for row in published:
        number, by = _number(row.properties, "value"), row.properties["published"]
        if number is None or row.properties.get("total_of"):
            continue
        if abs(number - value) > (_number(row.properties, "tolerance") or 0) and _rounded(one, number) != value:
            said.append({"value": number, "source": by if isinstance(by, str) else str(row.properties.get("source"))})
    return said


def _uneven(published: list[Item]) -> str | None:
    """The published totals of groups that their own table does not add up to, each with both figures."""
    said = []
    for row in published:
        number, summed = (_number(row.properties, name) for name in ("value", "summed"))
        if not row.properties.get("total_of") or number is None or summed is None:
            continue
        if abs(number - summed) > (_number(row.properties, "tolerance") or 0):
            said.append(f"{row.properties['total_of']}: cộng {_vi(summed)}, công bố {_vi(number)}")
    more = f"; và {len(said) - MOST_UNEVEN} nhóm nữa" if len(said) > MOST_UNEVEN else ""
    return "; ".join(said[:MOST_UNEVEN]) + more + "." if said else None


def _parts(one: Indicator, rows: list[Item]) -> list[dict[str, Any]]:
    if one.how == "sum":
        counted: dict[str, list[float]] = {}
        for row in rows:
            if row.properties.get("part") and (number := _number(row.properties, "value")) is not None:
                counted.setdefault(str(row.properties["part"]), []).append(number)
        return [{"label": part, "value": sum(numbers)} for part, numbers in counted.items()]
    over = [number for row in rows if (number := _number(row.properties, "numerator")) is not None]
    under = [number for row in rows if (number := _number(row.properties, "denominator")) is not None]
    pairs = zip(one.terms, (over, under), strict=True)
    return [{"label": {"vi": name[0], "en": name[1]}, "value": sum(numbers)} for name, numbers in pairs if numbers]


def _mismatch(value: float, parts: list[dict[str, Any]], other: list[dict[str, Any]]) -> str:
    summed = " + ".join(_vi(part["value"]) for part in parts)
    told = f"{summed} = {_vi(value)}" if len(parts) > 1 else _vi(value)
    return f"{told}, công bố {', '.join(_vi(one['value']) for one in other)}."


def _vi(number: float) -> str:
    return f"{number:,}".translate(str.maketrans(",.", ".,"))


def _method(one: Indicator, rows: list[Item]) -> Method:
    """The one of its rows' that needs the most trust; computed at least, when several rows went into it."""
    told = {str(row.properties.get("method")) for row in rows}
    if one.how == "ratio" or len(rows) > 1:
        told.add("computed")
    return max((method for method in _TRUST if method in told), key=_TRUST.index, default="machine")


def _sources(rows: Iterable[Item]) -> list[str]:
    return sorted({str(row.properties["source"]) for row in rows if row.properties.get("source")})


def _revised(
    one: Indicator, value: float, rows: list[Item], items: Iterable[Item], now: datetime
) -> dict[str, Any] | None:
    """What the figure was before the revisions of the last day that nobody has taken note of, when that was another."""
    fresh = [row for row in rows if "before" in row.properties and now - row.received < _REVISED_FOR]
    if fresh:
        seen = {item.properties["seen"]: item.received for item in items if "seen" in item.properties}
        fresh = [row for row in fresh if row.id not in seen or seen[row.id] < row.received]
    if not fresh:
        return None
    old = _value(one, rows, before=frozenset(row.id for row in fresh))
    if old is None or old == value:
        return None
    latest = max(fresh, key=lambda row: row.received)
    return {"from": old, "at": clock.rfc3339(latest.received), "why": latest.properties.get("why") or REVISED}


def _declared(one: Indicator) -> Tile:
    unit = (one.unit, one.unit) if isinstance(one.unit, str) else one.unit

    def work_out(items: Mapping[str, Item], now: datetime) -> Figure:
        return _figure(one, items.values(), now)

    return Tile(one.name, one.over, one.label, unit, work_out, one.by_unit, timedelta(minutes=1))


TILES = tuple(_declared(one) for one in INDICATORS)
