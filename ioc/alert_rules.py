"""Thresholds that raise alerts: [alerts.NAME] over a tile, with hysteresis and hold times.

    [alerts.river_high]
    tile = "stations_over_2"
    title = ["Trạm vượt báo động II", "Stations over alarm level II"]
    above = 0
    clear = 0
    hold = 120
    level = "bad"
    owner = "Đài Khí tượng Thuỷ văn"

Level-triggered: what counts is how the figure stands, not how many events made it so, so there is one alert for one
cause. It is raised when the figure has stood past `above` (or below `below`) for `hold` seconds, and clears by itself
when it has stood at `clear` or better for `clear_hold` seconds. Between the two limits it stays as it was. A figure
that nobody delivers changes nothing: a dead source does not clear an alarm. A rule looks at the figure alone: `below` a
count of which not all is known yet (`known` of a declared tile), `hold` must outlast the first round of askings.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`tile`: whose total is looked at. `above` or `below`: past it the alert is raised; `clear`: where it ends (the
    same limit, when left out). `hold`, `clear_hold`: seconds that it must stand so. `level`: warn or bad. `owner`: who
    answers.

    `title`: (Vietnamese, English) of what is wrong; the figure stands behind it.
    """

    tile: str
    title: tuple[str, str]
    above: float | None = None
    below: float | None = None
    clear: float | None = None
    hold: float = 0.0
    clear_hold: float = 0.0
    level: Literal["warn", "bad"] = "warn"
    owner: str | None = None

    def __post_init__(self) -> None:
        if (self.above is None) == (self.below is None):
            raise ValueError("a rule says above or below, one of them")
        if self.clear is not None and not self._past_or_at(self.clear):
            raise ValueError("clear lies on the good side of the limit, or on it")
        if self.hold < 0 or self.clear_hold < 0:
            raise ValueError("hold and clear_hold are seconds, 0 or more")

    def _past_or_at(self, clear: float) -> bool:
        return clear <= self.above if self.above is not None else self.below is not None and clear >= self.below

    def wrong(self, value: float) -> bool:
        """Whether the figure is past the limit."""
        return value > self.above if self.above is not None else self.below is not None and value < self.below

    def good(self, value: float) -> bool:
        """Whether the figure is where the alert ends."""
        if self.clear is None:
            return not self.wrong(value)
        return value <= self.clear if self.above is not None else value >= self.clear


class Standing(msgspec.Struct, frozen=True):
    """How a rule stands: raised or not, and since when the figure asks for the other (None: it does not)."""

    raised: bool = False
    turning: datetime | None = None


def step(rule: Rule, value: object, stood: Standing, now: datetime) -> Standing:
    """How the rule stands at `now`, with that figure. A clock that was set back begins the hold anew."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return stood
    turns = rule.good(value) if stood.raised else rule.wrong(value)
    if not turns:
        return Standing(stood.raised)
    since = min(stood.turning or now, now)
    hold = rule.clear_hold if stood.raised else rule.hold
    if now - since >= timedelta(seconds=hold):
        return Standing(not stood.raised)
    return Standing(stood.raised, since)
