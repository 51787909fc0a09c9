"""What a centre decides of citizens' reports: the table `[reports]` of the settings.

Categories stand in the order of the file, which is their order on the phone. Everything of people's words has a
Vietnamese and an English form: ``title = ["Cấp nước", "Water supply"]``.
"""

from __future__ import annotations

import re
from datetime import date, time
from itertools import pairwise
from typing import Annotated, Literal

import msgspec

Both = tuple[str, str]
"""A text in Vietnamese and in English."""
Kind = Literal["string", "number", "datetime", "text", "singlevaluelist", "multivaluelist"]
"""Data types of an attribute, as GeoReport v2 names them."""
Channel = Literal["app", "web", "phone", "sms", "mail", "open311"]

DONE = frozenset({"closed", "done", "resolved", "completed", "đã đóng", "đã xử lý", "hoàn thành"})
"""Words for a state, in lower case: ended, because it was seen to."""
DROPPED = frozenset(
    {
        "cancelled", "canceled", "rejected", "refused", "referred out", "duplicate", "merged", "withdrawn", "từ chối",
        "đã hủy",
    }
)  # fmt: skip
"""Ended in another way; does not count as closed."""
WAITS = frozenset({"more_info", "more info", "more information wanted", "chờ bổ sung", "yêu cầu bổ sung"})
"""Open, and the citizen is asked: the clock stands."""
KEY = "IOC_REPORTS_KEY"
"""Environment variable with the key (32 bytes, base64url) that names and phones are encrypted with."""
WORDS = 4000
"""Characters of a description at most."""
PHOTOS = 5
PHOTO_BYTES = 12_000_000
VIDEO_BYTES = 40_000_000

_CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_PREFIX = re.compile(r"[A-Z0-9]{1,8}")
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_ENDPOINT = re.compile(r"https://[A-Za-z0-9.-]+(:\d+)?/?|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?/?")
_YEARS_H = 24 * 366

REFUSALS: dict[str, Both] = {
    "out_of_scope": ("Không thuộc thẩm quyền giải quyết của tỉnh", "Outside the province's competence"),
    "no_ground": ("Nội dung không có cơ sở", "The content has no ground"),
    "settled": ("Đã được giải quyết đúng pháp luật, không có tình tiết mới", "Settled by law, with nothing new"),
    "in_court": ("Đang được toà án hoặc cơ quan khác thụ lý", "Before a court or another authority"),
    "unclear": ("Không đủ thông tin và không liên lạc được", "Too little is told, and nobody can be reached"),
    "abuse": ("Nội dung xúc phạm hoặc quảng cáo", "Insult or advertisement"),
}
"""Reasons for which a report may be refused, where the settings name none."""

Hour = Annotated[float, msgspec.Meta(gt=0, le=_YEARS_H)]


class Hours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Working hours that each step of a report may take, from its beginning; `done`: until it is seen to, in all."""

    verify: Hour = 4
    accept: Hour = 8
    done: Hour = 72


class Attribute(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One more question of a category. `values`: (key, Vietnamese, English) of a list."""

    code: str
    title: Both
    kind: Kind = "string"
    values: tuple[tuple[str, str, str], ...] = ()
    required: bool = False

    def __post_init__(self) -> None:
        if not _CODE.fullmatch(self.code):
            raise ValueError(f"{self.code} is no code; write small letters, digits and _")
        listed = self.kind in ("singlevaluelist", "multivaluelist")
        if listed != bool(self.values):
            raise ValueError(f"attribute {self.code}: values belong to a list, and a list has some")
        if len({value[0] for value in self.values}) < len(self.values):
            raise ValueError(f"attribute {self.code}: a value's key stands twice")


class Category(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of report. `near_m`, `near_days`: how near and how many days apart a twin may lie. `by_house`: what is
    told at another house number is another thing (rubbish to be fetched, a meter), however near.

    `coarse_m`: public positions are moved to a grid of so many metres. `always`: its hours run day and night.
    """

    title: Both
    hours: Hours = Hours()
    near_m: Annotated[float, msgspec.Meta(ge=0, le=5000)] = 60
    near_days: Annotated[float, msgspec.Meta(ge=0, le=366)] = 14
    by_house: bool = False
    coarse_m: Annotated[float, msgspec.Meta(ge=0, le=5000)] = 0
    keywords: tuple[str, ...] = ()
    group: str = ""
    always: bool = False
    attributes: tuple[Attribute, ...] = ()

    def __post_init__(self) -> None:
        if len({one.code for one in self.attributes}) < len(self.attributes):
            raise ValueError("an attribute's code stands twice; name each once")


class Agency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who sees to reports; keys of the role agency name it by its code (`ioc key add --agency CODE`)."""

    title: Both
    contact: str = ""


class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which agency a report goes to; the first that fits counts, and what is left out fits all.

    `from` and `to`: the days on which it holds, both included. `hours`: from and until which clock time of the day.
    """

    agency: str
    category: str | None = None
    units: tuple[str, ...] = ()
    since: date | None = msgspec.field(name="from", default=None)
    until: date | None = msgspec.field(name="to", default=None)
    hours: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        if self.hours is not None and not all(_CLOCK.fullmatch(one) for one in self.hours):
            raise ValueError('hours is two clock times; write such as ["07:00", "19:00"]')
        if self.since is not None and self.until is not None and self.since > self.until:
            raise ValueError("from lies after to; swap them")


class Desk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where nothing fits, and who is told of what is overdue. `escalate_h`: rising hours past due of each escalation.

    `warn_share`: part of a step's time that is left when it is warned of. `shifts`: when operators take turns, rising.
    """

    agency: str
    escalate_h: tuple[float, ...] = (4, 24)
    warn_share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.25
    shifts: tuple[str, ...] = ("06:00", "14:00", "22:00")

    def __post_init__(self) -> None:
        rising = all(one < other for one, other in pairwise(self.shifts))
        if not self.shifts or not rising or not all(_CLOCK.fullmatch(one) for one in self.shifts):
            raise ValueError('shifts are rising clock times; write such as ["06:00", "14:00", "22:00"]')


class WorkDay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The spans of a working day in which offices are open, in order, none over another (the province's clock)."""

    work: tuple[tuple[str, str], ...] = (("07:30", "11:30"), ("13:30", "17:00"))

    def __post_init__(self) -> None:
        clocks = [one for span in self.work for one in span]
        rising = all(one < other for one, other in pairwise(clocks))
        if not clocks or not rising or not all(_CLOCK.fullmatch(one) for one in clocks):
            raise ValueError('work is spans of rising clock times; write such as [["07:30", "11:30"]]')

    @property
    def spans(self) -> tuple[tuple[time, time], ...]:
        return tuple((time.fromisoformat(begin), time.fromisoformat(end)) for begin, end in self.work)


class Template(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An answer that was agreed on: what it is called, and its text (`{number}` and `{agency}` are filled in)."""

    title: str
    text: str


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many reports one address, and one device, may file: the words of the library `limits`, several with `;`."""

    address: str = "20/minute;200/hour"
    device: str = "6/minute;60/day"
    reads: str = "600/minute"


class Jurisdiction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A jurisdiction of the GeoReport server beside the own one; a key of the role `push:open311/ID` files there.

    `per_key`: how many reports one key may file (the words of the library `limits`). `batch`: a posted report is
    answered with a token, which tells its number later.
    """

    per_key: str = "600/minute"
    batch: bool = False


class Open311(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The GeoReport v2 server. `per_key`, `batch`: as of a jurisdiction, for the province's own."""

    per_key: str = "600/minute"
    batch: bool = False
    jurisdictions: dict[str, Jurisdiction] = {}


class S3(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the bucket of photos is. `endpoint`: its server (Amazon's own, when left out); `timeout_s`: of one request.

    The keys stand in the environment alone (`ioc/reports/s3.py`).
    """

    endpoint: str = ""
    region: str = "us-east-1"
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=300)] = 30

    def __post_init__(self) -> None:
        if self.endpoint and not _ENDPOINT.fullmatch(self.endpoint):
            say = "write https://host or https://host:port, without a user or a path (http:// on loopback alone)"
            raise ValueError(f"endpoint is no address of a server of S3; {say}")


class Reports(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of `[reports]`. Raises ValueError when a route, the desk or a code names what is not there.

    `source`: the name in `[sources]` (adapter "desk") under which reports go into the log. `photos`: a folder, seen
    from the data folder, or s3://bucket/prefix. So long after its end a report keeps name and phone
    (`keep_person_days`), photos and videos (`keep_photo_days`; for ever, when left out). `asked_days`: a done report
    closes by itself after so many days. `reopen_days`: a citizen may reopen so long.
    """

    jurisdiction: str
    desk: Desk
    categories: dict[str, Category]
    agencies: dict[str, Agency]
    prefix: str = "PA"
    source: str = "reports_own"
    photos: str = "photos"
    s3: S3 | None = None
    keep_person_days: Annotated[float, msgspec.Meta(ge=0, le=3660)] = 365
    keep_photo_days: Annotated[float, msgspec.Meta(ge=0, le=36_600)] | None = None
    asked_days: Annotated[float, msgspec.Meta(gt=0, le=366)] = 7
    reopen_days: Annotated[float, msgspec.Meta(ge=0, le=366)] = 30
    twin_likeness: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.7
    routes: tuple[Route, ...] = ()
    hours: WorkDay = WorkDay()
    refusals: dict[str, Both] = {}
    answers: dict[str, Template] = {}
    limits: Limits = Limits()
    open311: Open311 = Open311()

    def __post_init__(self) -> None:
        if not self.categories:
            raise ValueError("there is no category; write [reports.categories.NAME]")
        self._check_photos()
        for name in (*self.categories, *self.agencies, *self.refusals):
            if not _CODE.fullmatch(name):
                raise ValueError(f"{name} is no code; write small letters, digits and _")
        if not _PREFIX.fullmatch(self.prefix):
            raise ValueError(f"prefix is {self.prefix}; write 1 to 8 capital letters or digits")
        for where, agency in (("desk", self.desk.agency), *(("routes", route.agency) for route in self.routes)):
            if agency not in self.agencies:
                raise ValueError(f"{where} names the agency {agency}; write [reports.agencies.{agency}]")
        for route in self.routes:
            if route.category is not None and route.category not in self.categories:
                raise ValueError(f"a route names the category {route.category}, which is not there")

    def _check_photos(self) -> None:
        if "://" in self.photos and not _BUCKET.fullmatch(self.photos):
            raise ValueError(f"photos is {self.photos}; write a folder, or a bucket such as s3://bucket/prefix")
        if self.s3 is not None and "://" not in self.photos:
            raise ValueError('s3 has settings, and photos names a folder; write photos = "s3://bucket/prefix"')

    @property
    def reasons(self) -> dict[str, Both]:
        """Why a report may be refused, by code."""
        return self.refusals or REFUSALS
