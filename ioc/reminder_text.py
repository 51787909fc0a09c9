"""What a reminder says: short, polite, official; Vietnamese first, English below. Pure; no personal data in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from ioc.clock import ZONE
from ioc.contract import Contract
from ioc.period import period
from ioc.reminders import Missed, year_of

MOST_NAMES = 30
"""Those who are missing that are named; the rest is counted."""


class Letter(msgspec.Struct, frozen=True):
    """`subject` has one line; `text` is plain."""

    subject: str
    text: str


def letter(
    missed: Missed,
    contract: Contract,
    *,
    title: tuple[str, str],
    province: str,
    step: int,
    number: int,
    thresholds: tuple[int, int],
    called: Mapping[str, str],
    now: datetime,
) -> Letter:
    """The n-th reminder (`step`) of one duty, the `number`-th of its agency in the year; `called`: reporters' names."""
    year, due = year_of(now), missed.due.astimezone(ZONE)
    names = [called.get(who, who) or title[0] for who in missed.missing]
    vi, en = (_period if missed.period is not None else _outage)(missed, title, due)
    way = _way(contract)
    lines = [
        f"Kính gửi: {missed.agency}",
        "",
        f"Trung tâm điều hành thông minh {province} trân trọng nhắc "
        f"(lần {step} cho việc này, lần {number} trong năm {year}):",
        "",
        f"- {vi}",
        *([f"- Đơn vị chưa báo cáo ({len(names)}): {_listed(names, 'và {} đơn vị khác')}."] if missed.period else []),
        f"- Cách thực hiện: {way[0]}",
        f"- Nếu có lý do chính đáng, đề nghị báo trung tâm để ghi nhận. Mốc trong năm: {thresholds[0]} lần – xem xét "
        f"trách nhiệm người đứng đầu; {thresholds[1]} lần – xem xét kỷ luật.",
        "",
        "Trân trọng cảm ơn.",
        "",
        "---",
        "",
        f"To: {missed.agency}",
        f"The operations centre of {province} reminds you (no. {step} of this duty, no. {number} in {year}): {en}",
        *([f"Not reported yet ({len(names)}): {_listed(names, 'and {} more')}."] if missed.period else []),
        f"How to deliver: {way[1]}",
        "If there is a good reason, please tell the centre. "
        f"Thresholds in a year: {thresholds[0]} and {thresholds[1]}.",
        "",
    ]
    about = f"kỳ {_span(missed.period)}" if missed.period is not None else "mất dữ liệu"
    subject = f"[IOC {province}] Nhắc lần {number}/{year}: {title[0]}, {about}"
    return Letter(" ".join(subject.split())[:200], "\n".join(lines))


def _period(missed: Missed, title: tuple[str, str], due: datetime) -> tuple[str, str]:
    span = _span(missed.period)
    return (
        f"Số liệu “{title[0]}” kỳ {span}, hạn {due:%H:%M} ngày {due:%d/%m/%Y}, đến nay chưa đủ.",
        f"“{title[1]}” for {span}, due at {due:%H:%M} on {due:%d/%m/%Y}, is not complete yet.",
    )


def _outage(missed: Missed, title: tuple[str, str], due: datetime) -> tuple[str, str]:
    return (
        f"Nguồn dữ liệu “{title[0]}” không còn gửi dữ liệu từ {due:%H:%M} ngày {due:%d/%m/%Y}.",
        f"“{title[1]}” has sent no data since {due:%H:%M} on {due:%d/%m/%Y}.",
    )


def _span(text: str | None) -> str:
    """A period's days, as they are written in Vietnam."""
    if text is None:
        return ""
    of = period(text)
    if of.seconds:
        return f"{of.begins:%H:%M:%S} – {of.ends:%H:%M:%S}, {of.last:%d/%m/%Y}"
    return f"{of.last:%d/%m/%Y}" if of.first == of.last else f"{of.first:%d/%m/%Y} – {of.last:%d/%m/%Y}"


def _way(contract: Contract) -> tuple[str, str]:
    if contract.method == "typed":
        return (
            "nhập hoặc gửi tệp số liệu qua kênh đã thống nhất với trung tâm.",
            "enter the figures, or send the sheet, as agreed with the centre.",
        )
    return (
        "kiểm tra hệ thống và đường kết nối chia sẻ dữ liệu với trung tâm.",
        "check the system and its link to the centre.",
    )


def _listed(names: Sequence[str], rest: str) -> str:
    shown = "; ".join(" ".join(name.split()) for name in names[:MOST_NAMES])
    more = len(names) - MOST_NAMES
    return f"{shown}; {rest.format(more)}" if more > 0 else shown
