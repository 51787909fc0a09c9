"""Every step of a report's life, by every role, in every state: as the table says, and nothing else."""

from __future__ import annotations

import itertools

import pytest

from ioc.reports import life

STATES = (
    "new", "verified", "assigned", "accepted", "in_progress", "more_info", "done", "closed", "refused", "reopened",
    "duplicate", "merged",
)  # fmt: skip
WHO = ("citizen", "operator", "agency", "admin", "clock", "leader", "screen", "")
TABLE = """
verify    | new reopened                                              | verified   | operator
assign    | verified reopened assigned accepted in_progress           | assigned   | operator clock
accept    | assigned                                                  | accepted   | agency operator
reject    | assigned accepted                                         | verified   | agency
start     | accepted                                                  | in_progress| agency
ask       | new verified assigned accepted in_progress                | more_info  | operator agency
tell      | more_info                                                 | BEFORE     | citizen operator
finish    | accepted in_progress                                      | done       | agency operator
close     | done                                                      | closed     | citizen operator clock
refuse    | new verified more_info                                    | refused    | operator
reopen    | done closed refused                                       | reopened   | citizen operator
duplicate | new verified assigned                                     | duplicate  | operator
merge     | new verified assigned accepted in_progress                | merged     | operator
split     | new verified assigned accepted in_progress more_info reopened | STAYS  | operator
answer    | new verified assigned accepted in_progress more_info done closed refused reopened | STAYS | operator agency
hide      | ANY | STAYS | ADMIN
unhide    | ANY | STAYS | ADMIN
late      | new verified assigned accepted in_progress more_info reopened | STAYS  | clock
"""


def expected() -> dict[tuple[str, str, str], str]:
    """(state, step, who) to the state after it: what is not in it is refused. An admin is an operator too."""
    found = {}
    for line in TABLE.strip().splitlines():
        step, froms, to, who = (cell.strip() for cell in line.split("|"))
        roles = {"admin"} if who == "ADMIN" else set(who.split()) | ({"admin"} if "operator" in who else set())
        for state, role in itertools.product(STATES if froms == "ANY" else froms.split(), roles):
            found[state, step, role] = state if to == "STAYS" else "assigned" if to == "BEFORE" else to
    return found


def test_all_combinations_of_state_step_and_role() -> None:
    table = expected()
    steps = [line.split("|")[0].strip() for line in TABLE.strip().splitlines()]
    assert tuple(steps) == life.STEPS and life.STATES == STATES
    tried = 0
    for state, step, who in itertools.product(STATES, [*steps, "file", "", "delete"], WHO):
        told = life.allowed(state, step, who, "assigned")
        assert told == table.get((state, step, who)), f"{who} {step} in {state}"
        tried += 1
    assert tried == 12 * 21 * 8 and len(table) == 159


@pytest.mark.parametrize("before", ["new", "verified", "assigned", "accepted", "in_progress"])
def test_who_was_asked_goes_back_to_where_it_was(before: str) -> None:
    assert life.allowed("more_info", "tell", "citizen", before) == before


@pytest.mark.parametrize("before", [None, "done", "more_info", "nonsense"])
def test_an_answer_leads_nowhere_that_nobody_asked_from(before: str | None) -> None:
    assert life.allowed("more_info", "tell", "citizen", before) is None


def test_what_one_may_do_is_what_is_allowed() -> None:
    for state, who in itertools.product(STATES, life.ROLES):
        assert life.may(state, who, "new") == [step for step in life.STEPS if life.allowed(state, step, who, "new")]
    assert life.may("assigned", "agency") == ["accept", "reject", "ask", "answer"]
    assert set(life.ever("agency")) == {"accept", "reject", "start", "ask", "finish", "answer"}
    assert "hide" in life.ever("admin") and "hide" not in life.ever("operator")


def test_no_state_is_a_trap_for_an_open_report() -> None:
    """From every open state, people lead it to an end."""
    for state in life.OPEN:
        reached, waiting = {state}, [state]
        while waiting:
            here = waiting.pop()
            for step, who in itertools.product(life.STEPS, ("operator", "agency")):
                to = life.allowed(here, step, who, "new")
                if to is not None and to not in reached:
                    reached.add(to)
                    waiting.append(to)
        assert {"done", "closed", "refused"} <= reached


def test_what_a_step_needs_is_named() -> None:
    needed = {step: life.needs(step) for step in life.STEPS if life.needs(step)}
    assert needed == {
        "assign": ("agency",), "reject": ("why",), "ask": ("text",), "tell": ("text",), "finish": ("text",),
        "refuse": ("why",), "reopen": ("why",), "duplicate": ("of",), "merge": ("of",), "split": ("words",),
        "answer": ("text",), "hide": ("why",), "unhide": ("why",),
    }  # fmt: skip
