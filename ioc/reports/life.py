"""The life of a report: its states, the steps between them, and who may take which. Pure."""

from __future__ import annotations

from typing import NamedTuple

STATES = (
    "new", "verified", "assigned", "accepted", "in_progress", "more_info", "done", "closed", "refused", "reopened",
    "duplicate", "merged",
)  # fmt: skip
OPEN = frozenset({"new", "verified", "assigned", "accepted", "in_progress", "more_info", "reopened"})
"""Somebody still has to do something; one that is done waits for the citizen's word alone."""
WITH_AGENCY = frozenset({"assigned", "accepted", "in_progress"})
"""An agency has it."""
ROLES = ("citizen", "operator", "agency", "admin", "clock")
"""Who takes steps: who holds the follow secret, the desk, an agency (its own reports), who also hides, the system."""

_BEFORE = "before"
_ANY = frozenset(STATES)
_LIVING = _ANY - {"duplicate", "merged"}


class Rule(NamedTuple):
    """One step. `to` None: the state stays. `needs`: fields of the request that must not be empty."""

    from_states: frozenset[str]
    to: str | None
    who: frozenset[str]
    needs: tuple[str, ...] = ()


def _rule(from_states: str, to: str | None, who: str, needs: str = "") -> Rule:
    return Rule(frozenset(from_states.split()), to, frozenset(who.split()), tuple(needs.split()))


_RULES = {
    "verify": _rule("new reopened", "verified", "operator"),
    "assign": _rule("verified reopened assigned accepted in_progress", "assigned", "operator clock", "agency"),
    "accept": _rule("assigned", "accepted", "agency operator"),
    "reject": _rule("assigned accepted", "verified", "agency", "why"),
    "start": _rule("accepted", "in_progress", "agency"),
    "ask": _rule("new verified assigned accepted in_progress", "more_info", "operator agency", "text"),
    "tell": _rule("more_info", _BEFORE, "citizen operator", "text"),
    "finish": _rule("accepted in_progress", "done", "agency operator", "text"),
    "close": _rule("done", "closed", "citizen operator clock"),
    "refuse": _rule("new verified more_info", "refused", "operator", "why"),
    "reopen": _rule("done closed refused", "reopened", "citizen operator", "why"),
    "duplicate": _rule("new verified assigned", "duplicate", "operator", "of"),
    "merge": _rule("new verified assigned accepted in_progress", "merged", "operator", "of"),
    "split": Rule(OPEN, None, frozenset({"operator"}), ("words",)),
    "answer": Rule(_LIVING, None, frozenset({"operator", "agency"}), ("text",)),
    "hide": Rule(_ANY, None, frozenset({"admin"}), ("why",)),
    "unhide": Rule(_ANY, None, frozenset({"admin"}), ("why",)),
    "late": Rule(OPEN, None, frozenset({"clock"})),
}
STEPS = tuple(_RULES)


def allowed(state: str, step: str, who: str, before: str | None = None) -> str | None:
    """The state after `step` taken by `who` in `state`; None: it is not allowed.

    `before`: the state in which more information was asked for, to which `tell` goes back. What is not known is not
    allowed; whose report it is, and whether a report is hidden, is asked elsewhere.
    """
    rule = _RULES.get(step)
    if rule is None or state not in rule.from_states or not _may(rule, who):
        return None
    if rule.to == _BEFORE:
        return before if before in _RULES["ask"].from_states else None
    return rule.to or state


def may(state: str, who: str, before: str | None = None) -> list[str]:
    """All steps that `who` may take in `state`, in the order of STEPS."""
    return [step for step in STEPS if allowed(state, step, who, before) is not None]


def ever(who: str) -> list[str]:
    """All steps that `who` may take in any state."""
    return [step for step, rule in _RULES.items() if _may(rule, who)]


def needs(step: str) -> tuple[str, ...]:
    """Fields that must not be empty when the step is taken. Raises KeyError for no step."""
    return _RULES[step].needs


def _may(rule: Rule, who: str) -> bool:
    return who in rule.who or (who == "admin" and "operator" in rule.who)
