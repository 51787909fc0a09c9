"""Open alerts: which sources and figures ask that somebody acts.

A pure function, so that an alert cannot drift from its cause.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from ioc import clock
from ioc.checks import covered

Alert = dict[str, Any]


def _source(name: str, item: Mapping[str, Any]) -> Alert | None:
    state = item["state"]
    if state not in ("stale", "down"):
        return None
    title, english = item["name"], item["name_en"]
    since = item["due"] or item["received"]
    say = (
        (f"{title} mất, không trả lời", f"{english} is down")
        if state == "down"
        else (f"{title} đã cũ", f"{english} is stale")
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


def _tile(name: str, figure: Mapping[str, Any]) -> Alert | None:
    if figure.get("level") not in ("warn", "bad") or figure.get("value") is None:
        return None
    amount, english = _amount(figure, "unit", _number), _amount(figure, "unit_en", _number_en)
    return {
        "id": f"tile/{name}",
        "level": figure["level"],
        "say": {"vi": f"{figure['label']}: {amount}", "en": f"{figure['label_en']}: {english}"},
        "why": figure.get("why"),
        "since": figure.get("observed"),
        "source": (figure.get("sources") or [None])[0],
        "owner": None,
    }


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
) -> dict[str, Alert]:
    """The alerts that stand at `now`, by id. `since` and `claimed` of one that stood `before` are kept.

    `figures`: the total of each tile, by tile name. `walls`, `checks`: items of those channels, by id. A tile whose
    only trouble is that another figure disagrees says nothing where a failed check says it. `repairs`: the repair
    notices, by id.
    """
    found = [_source(name, item) for name, item in sources.items()]
    found += [_wall(name, item) for name, item in (walls or {}).items()]
    found += [_check(name, result) for name, result in (checks or {}).items()]
    found += [dict(notice) for notice in (repairs or {}).values()]
    told = covered(checks or {})
    found += [_tile(name, figure) for name, figure in figures.items() if not (name in told and _disputed_only(figure))]
    alerts = {}
    for alert in found:
        if alert is None:
            continue
        old = before.get(alert["id"], {})
        alert["since"] = old.get("since") or alert["since"] or clock.rfc3339(now)
        alert["claimed"] = old.get("claimed")
        alerts[alert["id"]] = alert
    return alerts
