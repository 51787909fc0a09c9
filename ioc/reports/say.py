"""What a citizen is told of a report, in plain words: each step that was taken, and what comes next."""

from __future__ import annotations

from typing import Any

from ioc import clock
from ioc.db.reports import Report, Step
from ioc.report_rules import Both, Reports

STATES: dict[str, Both] = {
    "new": ("Mới gửi", "New"),
    "verified": ("Đã xác minh", "Verified"),
    "assigned": ("Đã chuyển cơ quan xử lý", "Assigned"),
    "accepted": ("Cơ quan đã nhận việc", "Accepted"),
    "in_progress": ("Đang xử lý", "In progress"),
    "more_info": ("Chờ bạn cho biết thêm", "Waiting for your answer"),
    "done": ("Đã xử lý xong", "Done"),
    "closed": ("Đã kết thúc", "Closed"),
    "refused": ("Không tiếp nhận", "Refused"),
    "reopened": ("Mở lại", "Reopened"),
    "duplicate": ("Trùng với phản ánh khác", "Duplicate"),
    "merged": ("Đã gộp vào phản ánh khác", "Merged"),
}
"""How each state is called."""

STEPS: dict[str, Both] = {
    "file": ("Tỉnh đã nhận phản ánh", "The province has received it"),
    "verify": ("Đã xác minh", "It was verified"),
    "assign": ("Đã chuyển cho {agency}", "It was passed to {agency}"),
    "accept": ("{agency} đã nhận việc", "{agency} has taken it on"),
    "reject": ("Chuyển lại để phân công", "It goes back to be passed on anew"),
    "start": ("{agency} đang xử lý", "{agency} is working on it"),
    "ask": ("Hỏi thêm bạn", "You are asked for more"),
    "tell": ("Bạn đã trả lời", "You have answered"),
    "finish": ("Đã xử lý xong", "It is done"),
    "close": ("Đã kết thúc", "It is closed"),
    "refuse": ("Không tiếp nhận: {reason}", "Refused: {reason}"),
    "reopen": ("Đã mở lại", "It was reopened"),
    "duplicate": ("Trùng với phản ánh khác, hai phản ánh được xử lý chung", "Another report tells the same"),
    "merge": ("Đã gộp vào phản ánh khác", "It was merged into another report"),
    "answer": ("Cơ quan trả lời bạn", "You have an answer"),
    "satisfied": ("Bạn đã đánh giá", "You said how content you are"),
}
"""The steps that a citizen is told of; the others are the desk's own."""

NEXT: dict[str, Both] = {
    "new": ("Tổng đài xác minh", "The desk verifies it"),
    "reopened": ("Tổng đài xem lại", "The desk looks at it again"),
    "verified": ("Chuyển cơ quan xử lý", "It is passed to an agency"),
    "assigned": ("Cơ quan nhận việc", "The agency takes it on"),
    "accepted": ("Cơ quan xử lý xong", "The agency is done"),
    "in_progress": ("Cơ quan xử lý xong", "The agency is done"),
    "more_info": ("Bạn trả lời", "You answer"),
    "done": ("Bạn cho biết có hài lòng không", "You say whether you are content"),
}
_END: Both = ("Xử lý xong", "It is done")


def both(pair: Both) -> dict[str, str]:
    return {"vi": pair[0], "en": pair[1]}


def agency(rules: Reports, code: str | None) -> Both:
    """An agency's name; of one that the settings no longer name, a plain word."""
    found = rules.agencies.get(code or "")
    return found.title if found is not None else ("cơ quan xử lý", "the agency")


def step(one: Step, rules: Reports) -> dict[str, Any] | None:
    """A step as a citizen is told of it; None: it is the desk's own."""
    words = STEPS.get(one.step)
    if words is None:
        return None
    code = one.data.get("to") or one.agency
    called = agency(rules, code)
    reason = rules.reasons.get(one.why or "", ("lý do khác", "another reason"))
    say = {
        tongue: text.format(agency=called[n], reason=reason[n])
        for n, (tongue, text) in enumerate(zip(("vi", "en"), words, strict=True))
    }
    told: dict[str, Any] = {"at": clock.rfc3339(one.at), "step": one.step, "to": one.to_state, "say": say}
    if code is not None:
        told["agency"] = called[0]
    if one.text is not None:
        told["text"] = one.text
    return told


def coming(report: Report) -> list[dict[str, Any]]:
    """What comes next, with when it is due."""
    words = NEXT.get(report.state)
    if words is None:
        return []
    due = clock.rfc3339(report.step_due) if report.step_due is not None and report.state != "more_info" else None
    told: list[dict[str, Any]] = [{"say": both(words), **({"due": due} if due else {})}]
    end = clock.rfc3339(report.due) if report.due is not None else None
    if report.state not in ("accepted", "in_progress", "done", "more_info") and end is not None:
        told.append({"say": both(_END), "due": end})
    return told
