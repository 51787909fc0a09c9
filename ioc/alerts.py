"""Open alerts: which sources and figures ask that somebody acts.

A pure function, so that an alert cannot drift from its cause.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

from ioc import clock, names
from ioc.alert_rules import Rule, Standing, step
from ioc.checks import covered

Alert = dict[str, Any]
_LOGGED = ("since", "level", "say", "about")
MOST_PARTS = 4
"""Parts of a figure that its alert names."""


def _source(name: str, item: Mapping[str, Any]) -> Alert | None:
    state = item["state"]
    if state not in ("stale", "down"):
        return None
    title, english = item["name"], item["name_en"]
    since = item["due"] or item["received"]
    say = (f"{title} đã cũ", f"{english} is stale")
    if state == "down":
        say = (f"{title} mất, không trả lời", f"{english} is down")
    elif item.get("unread") is not None:
        since, many = item["unread"], item["refused"]
        say = (
            f"{title}: không đọc được bản ghi nào, để riêng cả {_number(many)}",
            f"{english}: not one record can be read, all {_number_en(many)} are set aside",
        )
    return {
        "id": f"source/{name}",
        "level": "bad" if state == "down" else "warn",
        "say": {"vi": say[0], "en": say[1]},
        "why": item["why"],
        "since": clock.rfc3339(since) if since is not None else None,
        "source": name,
        "owner": item["owner"],
    }


def _tile(name: str, figure: Mapping[str, Any], sources: Mapping[str, Mapping[str, Any]]) -> Alert | None:
    """A figure past its own limits. It is the matter of who answers for its sources, where that is one alone."""
    if figure.get("level") not in ("warn", "bad") or figure.get("value") is None:
        return None
    amount, english = _amount(figure, "unit", _number), _amount(figure, "unit_en", _number_en)
    return {
        "id": f"tile/{name}",
        "level": figure["level"],
        "say": {"vi": f"{figure['label']}: {amount}", "en": f"{figure['label_en']}: {english}"},
        "why": figure.get("why"),
        "since": None,
        "source": (figure.get("sources") or [None])[0],
        "owner": _owner(figure, sources),
    }


def _owner(figure: Mapping[str, Any], sources: Mapping[str, Mapping[str, Any]]) -> str | None:
    owners = {sources.get(name, {}).get("owner") for name in figure.get("sources") or ()}
    return owners.pop() if len(owners) == 1 else None


def _disputed_only(figure: Mapping[str, Any]) -> bool:
    return bool(figure.get("other")) and figure.get("level") == "warn" and figure.get("target") is None


def _wall(name: str, item: Mapping[str, Any]) -> Alert | None:
    """A wall that shows an old picture, or none, while nobody stands before it."""
    if item["state"] not in ("stale", "down"):
        return None
    title, say = item["name"], item["say"]
    return {
        "id": f"wall/{name}",
        "level": "bad",
        "say": {"vi": f"Màn hình {title} {say['vi']}", "en": f"The wall {title} {say['en']}"},
        "why": None,
        "since": item["song"] or item["seen"],
        "source": None,
        "owner": None,
    }


def _check(name: str, result: Mapping[str, Any]) -> Alert | None:
    """A check of the settings that fails: both figures, and none between."""
    if result["ok"] is not False:
        return None
    say = result["say"]
    return {
        "id": f"check/{name}",
        "level": "warn",
        "say": {"vi": f"{result['name']}: {say['vi']}", "en": f"{result['name_en']}: {say['en']}"},
        "why": None,
        "since": result["since"],
        "source": result["source"],
        "owner": result["owner"],
    }


def _rule(name: str, rule: Rule, figure: Mapping[str, Any]) -> Alert:
    """A threshold that a tile's figure is past. It is of that tile: who may not see the one does not see the other."""
    has = figure.get("value") is not None
    amount = (_amount(figure, "unit", _number), _amount(figure, "unit_en", _number_en)) if has else ("—", "—")
    return {
        "id": f"tile/{rule.tile}#{name}",
        "level": rule.level,
        "say": {"vi": f"{rule.title[0]}: {amount[0]}", "en": f"{rule.title[1]}: {amount[1]}"},
        "why": figure.get("why") or _worst(figure),
        "since": None,
        "source": (figure.get("sources") or [None])[0],
        "owner": rule.owner,
    }


def _worst(figure: Mapping[str, Any]) -> str | None:
    """The largest parts of a figure by name: what is behind one alert of many."""
    parts = [part for part in figure.get("parts") or () if isinstance(part.get("label"), str) and part.get("value")]
    named = [f"{part['label']}: {_number(part['value'])}" for part in parts[:MOST_PARTS]]
    more = len(parts) - len(named)
    return ", ".join(named) + (f" … (+{more})" if more > 0 else "") if named else None


def rules_at(
    rules: Mapping[str, Rule],
    figures: Mapping[str, Mapping[str, Any]],
    stood: Mapping[str, Standing],
    before: Mapping[str, Alert],
    told: Mapping[str, Mapping[str, Any]],
    now: datetime,
) -> dict[str, Standing]:
    """How each rule stands now. `stood`: how it did at the last look. After a restart `before` (the alerts on the
    board) and `told` (what was logged of them) say which were raised, and a hold that ran begins anew.
    """
    found = {}
    for name, rule in rules.items():
        id = f"tile/{rule.tile}#{name}"
        last = stood.get(name) or Standing(id in before or bool(told.get(id, {}).get("open")))
        found[name] = step(rule, figures.get(rule.tile, {}).get("value"), last, now)
    return found


def turned(standing: Mapping[str, Alert], told: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What is not in the log yet: alerts that were raised (`open`) or ended, by id, as the log is told of them."""
    found = {}
    for name, alert in standing.items():
        known = told.get(name, {})
        if not known.get("open") or known.get("since") != alert["since"]:
            found[name] = {"since": alert["since"], "level": alert["level"], "say": alert["say"], "open": True}
            found[name]["about"] = alert["source"]
    for name, known in told.items():
        if known.get("open") and name not in standing:
            found[name] = {**{key: known.get(key) for key in _LOGGED}, "open": False}
    return found


def _amount(figure: Mapping[str, Any], unit: str, written: Callable[[Any], str]) -> str:
    value, of = written(figure["value"]), figure.get("of")
    amount = f"{value} / {written(of)}" if of is not None else f"{value} {figure.get(unit) or ''}".strip()
    return amount + "".join(f" ≠ {written(one['value'])}" for one in figure.get("other") or [])


def _number(value: Any) -> str:
    """A number as Vietnamese write it: 1.392 and 94,2."""
    return _number_en(value).translate(_TURNED) if isinstance(value, int | float) else str(value)


def _number_en(value: Any) -> str:
    """A number as the English write it: 1,392 and 94.2."""
    if isinstance(value, float):
        return f"{value:,.1f}".removesuffix(".0")
    return f"{value:,}" if isinstance(value, int) else str(value)


_TURNED = str.maketrans(",.", ".,")


def standing(
    sources: Mapping[str, Mapping[str, Any]],
    figures: Mapping[str, Mapping[str, Any]],
    before: Mapping[str, Alert],
    now: datetime,
    *,
    walls: Mapping[str, Mapping[str, Any]] | None = None,
    checks: Mapping[str, Mapping[str, Any]] | None = None,
    repairs: Mapping[str, Alert] | None = None,
    raised: Mapping[str, Rule] | None = None,
    ruled: Collection[str] = (),
    told: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Alert]:
    """The alerts that stand at `now`, by id. `since` of one that stood `before` is kept, or of one that `told` (what
    was logged of alerts and claims, by id: `layers/alarms.py`) says is open.

    `raised`: the rules whose limits are passed. `ruled`: tiles that rules look after; their own levels say nothing
    here. `figures`: the total of each tile, by tile name. `walls`, `checks`: items of those channels, by id. A tile
    whose only trouble is that another figure disagrees says nothing where a failed check says it. `repairs`: the repair
    notices, by id."""
    found = [_source(name, item) for name, item in sources.items()]
    found += [_wall(name, item) for name, item in (walls or {}).items()]
    found += [_check(name, result) for name, result in (checks or {}).items()]
    found += [dict(notice) for notice in (repairs or {}).values()]
    disputed = covered(checks or {})
    found += [
        _tile(name, figure, sources)
        for name, figure in figures.items()
        if name not in ruled and not (name in disputed and _disputed_only(figure))
    ]
    found += [_rule(name, rule, figures.get(rule.tile, {})) for name, rule in (raised or {}).items()]
    alerts = {}
    for alert in found:
        if alert is None:
            continue
        logged = (told or {}).get(alert["id"], {})
        known = before.get(alert["id"], {}).get("since") or (logged.get("since") if logged.get("open") else None)
        alert["since"] = known or alert["since"] or clock.rfc3339(now)
        claim = (told or {}).get(names.claim_of(alert["id"]), {})
        alert["claimed"] = (claim.get("by") or None) if claim.get("of") == alert["since"] else None
        alerts[alert["id"]] = alert
    return alerts
