"""How near an end is, in bands that change at known moments: certificates that expire, posts that grow old."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from ioc import clock

EXPIRED, FAR = "expired", "later"
BANDS: tuple[tuple[str, timedelta], ...] = tuple((str(days), timedelta(days=days)) for days in (30, 60, 90))
"""Bands by the days that are left at most, nearest first; before them EXPIRED, after them FAR."""


def band(until: datetime, now: datetime) -> str:
    """expired, 30, 60, 90 (as many days are left at most) or later."""
    left = until - now
    if left <= timedelta():
        return EXPIRED
    return next((name for name, most in BANDS if left <= most), FAR)


def changes(until: datetime, known: str) -> datetime | None:
    """When what is in the band `known` goes over to the next one; None: it has expired."""
    if known == EXPIRED:
        return None
    order = [EXPIRED, *(name for name, _ in BANDS), FAR]
    nearer = order[order.index(known) - 1] if known in order else FAR
    return until - next((most for name, most in BANDS if name == nearer), timedelta())


def told(properties: dict[str, Any], name: str) -> datetime | None:
    """The time that a property tells; None where there is none, or none that can be read."""
    try:
        return clock.parse(properties[name])
    except (KeyError, ValueError, TypeError, AttributeError):
        return None
