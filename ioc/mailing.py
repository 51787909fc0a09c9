"""How reminders go out: the table `[reminders]` of the settings, what is an address, and what was made of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, time
from typing import Any, Literal

import msgspec

from ioc.clock import ZONE

Tls = Literal["starttls", "tls", "none"]

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,8}")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_NAMED = re.compile(r"\$[A-Z][A-Z0-9_]*")
LEAST_YEARS = 2
_HERE = ("localhost", "127.0.0.1", "::1")
_YEAR_S = 366 * 86_400
MOST_STEPS = 10
LONGEST_WAIT_S = 120.0


State = Literal["waiting", "sending", "sent", "failed", "unknown", "no contact", "withdrawn"]
"""waiting: to go out, or again. sending: on its way. unknown: we died, or were cut off, while it was."""


class Made(msgspec.Struct, frozen=True):
    """A reminder that was made, as the database holds it; `way`: mail, webhook or none. Times are aware."""

    id: str
    duty: str
    step: int
    way: str
    agency: str
    source: str
    period: str | None
    missing: tuple[str, ...]
    created: datetime
    state: State
    attempts: int = 0
    next: datetime | None = None
    sent: datetime | None = None
    excused: datetime | None = None
    ended: datetime | None = None


class Smtp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The mail server. `tls`: "starttls", "tls" from the first byte, or "none". `timeout_s`: for one whole mail.

    `user` and `password` are named, never written: `password = "$SMTP_PASSWORD"`.
    """

    host: str
    port: int = 587
    tls: Tls = "starttls"
    user: str | None = None
    password: str | None = None
    timeout_s: float = 30.0

    def __post_init__(self) -> None:
        if not self.host or not 1 <= self.port <= 65_535:
            raise ValueError(f"host and port are {self.host}:{self.port}; write a server's name and its port")
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password belong together; write both, or neither")
        if self.tls == "none" and self.user is not None and self.host not in _HERE:
            raise ValueError('tls is "none", and the password would travel in the clear; write tls = "starttls"')
        _patient(self.timeout_s)


class Webhook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An address that each reminder is posted to as JSON. `secret`, named as "$NAME", goes in the header `header`."""

    url: str
    header: str = "Authorization"
    secret: str | None = None
    timeout_s: float = 15.0

    def __post_init__(self) -> None:
        if not re.match(r"https?://[^/\s@]+(/\S*)?$", self.url):
            raise ValueError("url is no address; write one that begins with https://, without a user in it")
        if self.secret is not None and self.url.startswith("http://") and not self._near():
            raise ValueError("url is not encrypted, and the secret would travel in the clear; write https://")
        if _HEADER.fullmatch(self.header) is None:
            raise ValueError(f"header is {self.header}; write a header's name such as Authorization")
        _patient(self.timeout_s)

    def _near(self) -> bool:
        return any(re.match(rf"http://\[?{re.escape(host)}\]?(:\d+)?(/|$)", self.url) for host in _HERE)


class Reminders(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a missed duty is reminded of, and how. Without the table nothing is; without a way, reminders are only kept.

    `from`: the address that mails come from; `smtp` and `webhook`: the ways. `after`: seconds past due at which the
    first, second, third reminder of one missed duty go out (of an outage there is one, by the first). `escalate_to`:
    the address of the superior, who gets a copy from the `escalate_from`-th reminder of one duty on, and whenever the
    agency has reached the first threshold. `thresholds`: reminders of one agency in a year at which the leader is
    reviewed, and at which discipline follows. `quiet`: from and until which clock time nothing is sent. `days_off`:
    whether it is sent on days off; a contract may say so for itself (`remind_on_days_off`). `keep_years`: for how many
    calendar years reminders are kept, this one and the last at least, for `thresholds` count within a year.
    """

    sender: str | None = msgspec.field(name="from", default=None)
    smtp: Smtp | None = None
    webhook: Webhook | None = None
    after: tuple[float, ...] = (3_600, 86_400, 259_200)
    escalate_to: str | None = None
    escalate_from: int = 3
    thresholds: tuple[int, int] = (3, 6)
    quiet: tuple[str, str] | None = ("19:00", "07:00")
    days_off: bool = False
    keep_years: int = 3

    def __post_init__(self) -> None:
        if self.smtp is not None and (self.sender is None or address(self.sender) is None):
            raise ValueError('smtp needs the address that mails come from; write from = "ioc@…"')
        if self.escalate_to is not None and address(self.escalate_to) is None:
            raise ValueError('escalate_to is no mail address; write one such as "mailto:vanphong@…"')
        rising = all(one < other for one, other in zip(self.after, self.after[1:], strict=False))
        if not (1 <= len(self.after) <= MOST_STEPS and rising and self.after[0] >= 0 and self.after[-1] <= _YEAR_S):
            raise ValueError(f"after holds 1 to {MOST_STEPS} rising numbers of seconds past due; write such as [3600]")
        if self.escalate_from < 1:
            raise ValueError(f"escalate_from is {self.escalate_from}; write 1 or more")
        if not 1 <= self.thresholds[0] < self.thresholds[1]:
            raise ValueError("thresholds are two rising counts; write such as [3, 6]")
        if self.keep_years < LEAST_YEARS:
            raise ValueError(f"keep_years is {self.keep_years}; write {LEAST_YEARS} or more: this year and the last")
        if self.quiet is not None and any(_CLOCK.fullmatch(one) is None for one in self.quiet):
            raise ValueError('quiet is two clock times; write such as ["19:00", "07:00"]')

    def silent(self, moment: datetime) -> bool:
        """Whether a moment lies in the quiet hours, by the province's clock."""
        if self.quiet is None:
            return False
        begins, ends = (time.fromisoformat(one) for one in self.quiet)
        here = moment.astimezone(ZONE).time().replace(tzinfo=None)
        return begins <= here < ends if begins <= ends else not ends <= here < begins


def _patient(seconds: float) -> None:
    if not 0 < seconds <= LONGEST_WAIT_S:
        raise ValueError(f"timeout_s is {seconds}; write seconds, more than 0 and at most {LONGEST_WAIT_S:g}")


def address(contact: str | None) -> str | None:
    """The mail address of a contact ("mailto:a@b", or "a@b"); None: it is none, such as a telephone number."""
    given = (contact or "").strip()
    given = given[7:] if given[:7].lower() == "mailto:" else given
    return given if _ADDRESS.fullmatch(given) else None


def written_out(table: Any) -> Iterator[tuple[tuple[str, str], str]]:
    """The places in a raw table `[reminders]` where a user or a secret stands in the file, with what to write."""
    for part, name in (("smtp", "user"), ("smtp", "password"), ("webhook", "secret")):
        inner = table.get(part) if isinstance(table, Mapping) else None
        value = inner.get(name) if isinstance(inner, Mapping) else None
        if isinstance(value, str) and value and not _NAMED.fullmatch(value):
            say = f'put it into the environment, and write {name} = "${part.upper()}_{name.upper()}"'
            yield (part, name), f"{name} is a secret written in the file; {say}."
