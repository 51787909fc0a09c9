"""What somebody files: its form, and everything that is wrong with it, at once."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from ioc import clock, report_rules
from ioc.errors import IocError
from ioc.report_rules import Attribute, Channel, Reports

ADDRESS = 300
NAME = 120
PHONE = 30
ANSWER = 500
"""Characters of an address, a name, a phone number and the answer to one attribute at most."""
AHEAD = timedelta(minutes=10)
"""How far a phone's clock may go ahead; what it says beyond that is not believed."""
CLIENT = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
HASH = re.compile(r"[0-9a-f]{64}")
_PHONE = re.compile(r"\+?[0-9][0-9 .()-]{5,28}")
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class Unfit(IocError):
    """What was said can't be taken: nothing was stored. `vi`: the same in Vietnamese. `errors`: each thing wrong."""

    def __init__(self, say: str, vi: str | None = None, errors: list[dict[str, str]] | None = None) -> None:
        super().__init__(say)
        self.vi = vi or say
        self.errors = errors or []


class Planned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A photo that follows: SHA-256 (hex) of the bytes that the phone holds, how many, and of what media type."""

    hash: str
    kind: str = "photo"
    bytes: int = 0
    type: str = ""


class Filing(msgspec.Struct, frozen=True, kw_only=True):
    """A report before it is taken. Lon and lat in WGS84, `accuracy` in metres; times aware; texts NFC after `clean`.

    `client`: an id (UUID) that its phone made up: the same one is taken once. `made`: when it was written there.
    `name`, `phone`, `email`: kept encrypted, or not at all. `unit`: commune, where no place is told. `jurisdiction`:
    one beside the province's own. `beside`: what a channel tells beyond the category's questions, by a dotted name.
    """

    category: str
    words: str
    client: str | None = None
    channel: Channel = "app"
    lon: float | None = None
    lat: float | None = None
    accuracy: float | None = None
    address: str | None = None
    unit: str | None = None
    made: datetime | None = None
    lang: str = "vi"
    name: str | None = None
    phone: str | None = None
    email: str | None = None
    device: str | None = None
    jurisdiction: str | None = None
    attributes: dict[str, Any] = {}
    beside: dict[str, str] = {}
    photos: tuple[Planned, ...] = ()


def clean(text: str | None) -> str:
    """`text` in NFC, without control characters and marks that turn the direction; line ends are \\n."""
    plain = unicodedata.normalize("NFC", (text or "").replace("\r\n", "\n").replace("\r", "\n"))
    return _UNSEEN.sub("", plain).strip()


def checked(filing: Filing, rules: Reports, now: datetime) -> Filing:
    """The filing with clean texts. Raises Unfit that names everything that is wrong."""
    cleaned = msgspec.structs.replace(
        filing,
        words=clean(filing.words),
        address=clean(filing.address) or None,
        name=clean(filing.name) or None,
        phone=clean(filing.phone) or None,
        lang="en" if filing.lang == "en" else "vi",
        made=_believed(filing.made, now),
        device=filing.device or None,
    )
    errors = [{"where": where, "say": say, "vi": vi} for where, say, vi in _wrong(cleaned, rules)]
    if errors:
        raise Unfit(" ".join(one["say"] for one in errors), " ".join(one["vi"] for one in errors), errors)
    return cleaned


def _believed(made: datetime | None, now: datetime) -> datetime | None:
    """When it was written, unless the phone's clock is wrong."""
    if made is None or made.year < 2000 or made > now + AHEAD:
        return None
    return min(clock.aware(made), now)


_Wrong = tuple[str, str, str]


def _wrong(filing: Filing, rules: Reports) -> Iterator[_Wrong]:
    category = rules.categories.get(filing.category)
    if category is None:
        listed = ", ".join(rules.categories)
        yield "category", f"There is no such category; send one of {listed}.", "Loại này không có, hãy chọn loại khác."
    if filing.client is not None and not CLIENT.fullmatch(filing.client):
        yield "client", "client is a UUID in small letters; make one up and send it.", "Mã gửi không đúng dạng UUID."
    yield from _texts(filing)
    yield from _place(filing)
    yield from _photos(filing.photos)
    if category is not None:
        yield from _answers(filing.attributes, {one.code: one for one in category.attributes})


def _texts(filing: Filing) -> Iterator[_Wrong]:
    if not filing.words:
        yield "words", "words is empty; say what is wrong there.", "Hãy viết vài chữ mô tả sự việc."
    most = {"words": report_rules.WORDS, "address": ADDRESS, "name": NAME, "phone": PHONE, "device": 200}
    for name, limit in most.items():
        if len(getattr(filing, name) or "") > limit:
            yield (
                name,
                f"{name} has more than {limit} characters; shorten it.",
                f"Dài quá {limit} ký tự, hãy viết ngắn.",
            )
    if filing.phone is not None and not _PHONE.fullmatch(filing.phone):
        yield "phone", "phone is no phone number; correct it or leave it out.", "Số điện thoại chưa đúng, hãy sửa lại."


def _place(filing: Filing) -> Iterator[_Wrong]:
    lon, lat = filing.lon, filing.lat
    if (lon is None) != (lat is None):
        yield "lon", "lon and lat belong together; send both or neither.", "Vị trí thiếu kinh độ hoặc vĩ độ."
    elif lon is not None and lat is not None:
        if not (math.isfinite(lon) and math.isfinite(lat) and abs(lon) <= 180 and abs(lat) <= 90):
            yield "lon", "lon and lat are degrees in WGS84; send numbers within them.", "Vị trí không đúng."
    elif not filing.address and not filing.unit:
        yield "lon", "Nothing says where it is; send lon and lat, or address.", "Hãy cho biết nơi xảy ra."
    if filing.accuracy is not None and not 0 <= filing.accuracy <= 1e6:
        yield "accuracy_m", "accuracy_m is metres, 0 or more.", "Độ chính xác không đúng."


def _photos(photos: tuple[Planned, ...]) -> Iterator[_Wrong]:
    videos = sum(one.kind == "video" for one in photos)
    if len(photos) > report_rules.PHOTOS or videos > 1 or (videos and len(photos) > 1):
        say = f"A report has at most {report_rules.PHOTOS} photos, or one video; leave the others out."
        yield "photos", say, f"Tối đa {report_rules.PHOTOS} ảnh, hoặc một video."
    if len({one.hash for one in photos}) < len(photos):
        yield "photos", "A photo stands twice; send each once.", "Một ảnh bị gửi hai lần."
    for one in photos:
        limit = report_rules.VIDEO_BYTES if one.kind == "video" else report_rules.PHOTO_BYTES
        if not HASH.fullmatch(one.hash) or one.kind not in ("photo", "video"):
            yield "photos", "A photo needs hash (SHA-256, hex) and kind photo or video.", "Ảnh thiếu mã kiểm tra."
        elif not 0 < one.bytes <= limit:
            say = f"A {one.kind} has 1 to {limit:,} bytes; make it smaller."
            yield "photos", say, f"Ảnh hoặc video lớn quá {limit // 1_000_000} MB, hãy thu nhỏ."


def _answers(given: Mapping[str, Any], asked: Mapping[str, Attribute]) -> Iterator[_Wrong]:
    for code in given.keys() - asked.keys():
        yield f"attributes.{code[:40]}", "This category asks no such attribute; leave it out.", "Câu hỏi không có."
    for code, one in asked.items():
        answer = given.get(code)
        if answer in (None, "", []):
            if one.required:
                yield f"attributes.{code}", f"{code} must be answered.", f"Hãy trả lời: {one.title[0]}."
        elif (say := unanswered(one, answer)) is not None:
            yield f"attributes.{code}", say, f"Câu trả lời chưa đúng: {one.title[0]}."


def unanswered(asked: Attribute, answer: Any) -> str | None:
    """Why `answer` is none to this attribute; None: it is one."""
    if asked.kind == "multivaluelist":
        listed = answer if isinstance(answer, list) else [answer]
        known = {value[0] for value in asked.values}
        fits = all(isinstance(one, str) and one in known for one in listed)
        return None if fits else f"{asked.code} takes of {', '.join(sorted(known))}."
    if not isinstance(answer, str | int | float) or isinstance(answer, bool) or len(str(answer)) > ANSWER:
        return f"{asked.code} is a text of at most {ANSWER} characters."
    if asked.kind == "singlevaluelist" and str(answer) not in {value[0] for value in asked.values}:
        return f"{asked.code} is one of {', '.join(value[0] for value in asked.values)}."
    if asked.kind == "number":
        try:
            return None if math.isfinite(float(answer)) else f"{asked.code} is a number."
        except ValueError:
            return f"{asked.code} is a number."
    if asked.kind == "datetime":
        try:
            clock.parse(str(answer))
        except ValueError:
            return f"{asked.code} is a time such as 2026-03-10T09:00:00+07:00."
    return None
