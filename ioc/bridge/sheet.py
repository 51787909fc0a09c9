"""The way of a sheet, dropped or sent: package, template, signature, cells, readings. Each step refuses in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time
from typing import Any, NamedTuple, Protocol

from ioc import clock
from ioc.adapter import Reading
from ioc.bridge import answer, check, detached, sign
from ioc.bridge.authority import Authorities, Signer, masked
from ioc.bridge.check import Bad, Told
from ioc.bridge.form import Form
from ioc.bridge.package import open_package
from ioc.errors import SourceDown

_VOLATILE = ("why", "officer", "agency", "decision")
"""Properties that tell how a figure came, and are no change of it."""


class Turned(SourceDown):
    """The sheet has bad cells: it is refused whole. `errors` names each; `answer` is the workbook that goes back."""

    def __init__(self, say: str, errors: Sequence[Bad], answer: bytes) -> None:
        super().__init__(say)
        self.errors, self.answer = list(errors), answer


class Sent(NamedTuple):
    """A sheet as it came. `signature`: the .p7s beside it; `at`: when it came (aware)."""

    body: bytes
    name: str
    signature: bytes | None
    at: datetime


class Keeper(Protocol):
    """What the door needs of the adapter of a bridge."""

    form: Form

    def turned(self, sent: Sent, *, reason: bool = False) -> Turned | None: ...


def taken(form: Form, sent: Sent, authorities: Authorities | None) -> list[Reading]:
    """The readings of a sheet. `authorities` None: no signature is asked for, and none is looked at.

    Raises Turned (bad cells) and SourceDown (anything else), both in Vietnamese.
    """
    package = open_package(sent.body, sent.name, form.most_cells)
    book = check.opened(package, sent.name)
    check.of_form(book, form, sent.name)
    signer = None
    if authorities is not None:
        if sent.signature is not None:
            signer = detached.verify(sent.body, sent.signature, authorities, sent.at)
        elif sign.signed(package):
            signer = sign.verify(package, authorities, sent.at)
        else:
            say = "chưa có chữ ký số: ký trong Office, hoặc gửi kèm tệp .p7s"
            raise SourceDown(f"{sent.name} {say}, rồi gửi lại.")
    told, bad = check.read(book, form, sent.at)
    if told is None:
        raise _turned(sent.name, bad, answer.written(book, bad))
    return list(_readings(form, told, signer, sent.at))


def without_reason(sent: Sent) -> Turned:
    """The answer to a correction without a reason; the sheet itself was found right before."""
    bad = [check.missing_reason()]
    book = check.opened(open_package(sent.body, sent.name), sent.name)
    return _turned(sent.name, bad, answer.written(book, bad))


def _turned(name: str, bad: Sequence[Bad], body: bytes) -> Turned:
    # addresses alone: what was typed may be anything, and this sentence goes to screens and logs
    first = ", ".join(one.cell for one in bad[:10])
    more = f" và {len(bad) - 10} ô khác" if len(bad) > 10 else ""
    return Turned(f"{name} có {len(bad)} ô sai ({first}{more}); sửa rồi gửi lại.", bad, body)


def _readings(form: Form, told: Told, signer: Signer | None, at: datetime) -> list[Reading]:
    """One for each row. Their time is the period's last day, or its first while that is still to come."""
    today = at.astimezone(clock.ZONE).date()
    day = told.period.last if told.period.last <= today else told.period.first
    when = datetime.combine(day, time(), clock.ZONE)
    about: dict[str, Any] = {
        "indicator": form.indicator,
        "period": told.period.text,
        "why": told.reason,
        "officer": signer.name if signer is not None else told.officer and masked(told.officer),
        "agency": signer.organisation or form.owner if signer is not None else form.owner,
        "decision": told.decision,
    }
    said = {name: value for name, value in about.items() if value}
    found = []
    for row, values in told.rows:
        own = {"name": row.name} if row.code is not None else {} if form.alone else {"reporter": row.name}
        properties = {**said, **own, **values}
        found.append(
            Reading(
                f"{form.indicator}/{told.period.text}/{row.key}",
                properties,
                when,
                unit=row.code,
                method="typed",
                volatile=frozenset(_VOLATILE) & properties.keys(),
            )
        )
    return found
