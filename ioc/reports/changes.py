"""What a step makes of a report: pure. Who may take it is told by the life of a report; what it needs, here."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from ioc.db.reports import Report, Step
from ioc.errors import IocError
from ioc.report_rules import WORDS, Reports
from ioc.reports import life
from ioc.reports.filing import Unfit, clean

WHY = 1000
ENDS = ("done", "closed", "refused", "duplicate", "merged")
RATED = ("done", "closed")
"""States in which the citizen is asked whether they are content."""


class Who(msgspec.Struct, frozen=True):
    """Who takes a step. `role`: citizen, operator, agency, admin or clock; `name`: of the key; `agency`: its code."""

    role: str
    name: str | None = None
    agency: str | None = None


class Asked(msgspec.Struct, frozen=True):
    """A step that is asked for. `version`: what the report was seen at. `text` is public, `why` is for the desk (a
    refusal's is a code of the settings). `of`: id of the report that stays. `words`, `category`: a split's new one's.
    """

    step: str
    version: int | None = None
    why: str | None = None
    text: str | None = None
    agency: str | None = None
    of: str | None = None
    category: str | None = None
    words: str | None = None
    data: dict[str, Any] = {}


class Unknown(IocError):
    """There is no such report, or it is not for this one to know of."""

    def __init__(self) -> None:
        super().__init__("There is no such report; look at its number again.")


class NotAllowed(IocError):
    """Not this one may take the step."""


class Quicker(IocError):
    """Somebody was quicker: `who` took the step `what`, and the report stands at `version` now."""

    def __init__(self, who: str, what: str, version: int) -> None:
        super().__init__(f"{who} was quicker ({what}); look at the report as it is now, and decide again.")
        self.who, self.what, self.version = who, what, version


def seen_by(report: Report | None, who: Who) -> Report:
    """The report, if it is there for this one. Raises Unknown."""
    if report is None or (who.role == "agency" and (who.agency is None or report.agency != who.agency)):
        raise Unknown()
    return report


def permitted(report: Report, asked: Asked, who: Who, rules: Reports, at: datetime) -> str:
    """The state that the step leads to. Raises NotAllowed, Unfit."""
    if asked.step == "satisfied":
        score = asked.data.get("score")
        if report.state not in RATED or who.role != "citizen":
            raise Unfit(
                "This report is not done; you are asked once it is.", "Phản ánh chưa xong nên chưa đánh giá được."
            )
        if not isinstance(score, int) or not 1 <= score <= 5:
            raise Unfit("score is a whole number from 1 to 5.", "Hãy chọn từ 1 đến 5.")
        return report.state
    to = life.allowed(report.state, asked.step, who.role, report.before_info)
    if to is None:
        if any(life.allowed(report.state, asked.step, role, report.before_info) for role in life.ROLES):
            raise NotAllowed(f"The step {asked.step} is not for the role {who.role}; ask one who may take it.")
        say = f"A report that is {report.state} does not take the step {asked.step}; look at what it may."
        raise Unfit(say, "Bước này không còn dùng được cho phản ánh ở trạng thái hiện tại.")
    _reopening(report, asked, who, rules, at)
    _complete(report, asked, rules)
    return to


def _reopening(report: Report, asked: Asked, who: Who, rules: Reports, at: datetime) -> None:
    over = report.ended is not None and at - report.ended > timedelta(days=rules.reopen_days)
    if asked.step == "reopen" and who.role == "citizen" and over:
        say = f"It ended over {rules.reopen_days:g} days ago; file a new report."
        raise Unfit(say, f"Phản ánh đã kết thúc quá {rules.reopen_days:g} ngày, hãy gửi phản ánh mới.")


def _complete(report: Report, asked: Asked, rules: Reports) -> None:
    missing = [name for name in life.needs(asked.step) if not clean(getattr(asked, name))]
    if missing:
        raise Unfit(f"The step {asked.step} needs {' and '.join(missing)}; send it too.", "Còn thiếu nội dung.")
    for name, most in (("why", WHY), ("text", WORDS), ("words", WORDS)):
        if len(getattr(asked, name) or "") > most:
            raise Unfit(f"{name} has more than {most} characters; shorten it.", f"Dài quá {most} ký tự, hãy viết ngắn.")
    if asked.agency is not None and asked.agency not in rules.agencies:
        raise Unfit(f"There is no such agency; send one of {', '.join(rules.agencies)}.")
    if asked.category is not None and asked.category not in rules.categories:
        raise Unfit(f"There is no such category; send one of {', '.join(rules.categories)}.")
    if asked.step == "refuse" and asked.why not in rules.reasons:
        raise Unfit(f"A refusal needs a legal reason; send as why one of {', '.join(rules.reasons)}.")
    if (asked.step == "hide" and report.hidden is not None) or (asked.step == "unhide" and report.hidden is None):
        raise Unfit("The report is so already; nothing was changed.")


def target(into: Report | None, gone: Report) -> Report:
    """The report that `gone` becomes part of. Raises Unfit."""
    if into is None or into.id == gone.id or into.state in ("duplicate", "merged") or into.parent == gone.id:
        raise Unfit("of is no report that can stay for this one; send the id of one that stands for itself.")
    return into


def changed(report: Report, asked: Asked, who: Who, to: str, at: datetime) -> tuple[Report, Step]:
    """The report after the step (its due times are another's to say), and the step."""
    change: dict[str, Any] = {"state": to, "version": report.version + 1, "updated": at}
    data = dict(asked.data)
    if to != report.state or asked.step == "assign":
        # a transfer begins the agency's time anew, as another state does
        change["since"], change["warned"] = at, None
    if to in ENDS:
        # an end that was reached stays when it is confirmed: done, then closed
        change["ended"] = report.ended or at
    elif report.state in ENDS:
        change["ended"] = None
    match asked.step:
        case "verify" if asked.category not in (None, report.category):
            change["category"] = asked.category
            data["category"] = [report.category, asked.category]
        case "assign":
            change["agency"] = asked.agency
            data |= {"to": asked.agency, "from": report.agency}
        case "reject":
            change["agency"] = None
            data["from"] = report.agency
        case "ask":
            change["before_info"] = report.state
        case "tell":
            change["before_info"] = None
        case "reopen":
            change |= {"reopened": report.reopened + 1, "satisfied": None, "agency": None}
            data["from"] = report.agency
        case "duplicate" | "merge":
            change["parent"] = asked.of
            data["of"] = asked.of
        case "hide":
            change["hidden"] = clean(asked.why)
        case "unhide":
            change["hidden"] = None
        case "satisfied":
            change["satisfied"] = data["score"]
        case "late":
            change["warned"] = data.get("warned", report.warned)
    if report.state == "more_info" and asked.step != "ask" and to != "more_info":
        change["before_info"] = None
    step = Step(
        report=report.id, version=report.version + 1, step=asked.step, from_state=report.state, to_state=to, at=at,
        who=who.role, name=who.name, agency=who.agency, why=clean(asked.why) or None, text=clean(asked.text) or None,
        data=data,
    )  # fmt: skip
    return msgspec.structs.replace(report, **change), step
