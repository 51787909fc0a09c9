"""Repair notices: one for each kind of trouble that records of a source have, with what is to be done about it.

Pure. A notice leaves by itself when no record stands set aside for it any more; that of new columns after a week; that
of an answer which lacks mapped columns, and was refused whole, when a later one is taken.
"""

from __future__ import annotations

from typing import Any

from ioc import clock
from ioc.contract import Answered
from ioc.event import digest
from ioc.trouble import REST, Trouble

Notice = dict[str, Any]
"""An item of the channel `alerts`; its id is repair/<source>/<kind>."""
MOST_NAMED = 10
"""New columns that a notice names."""
NEW, LACKING = "new_column", "lacking_column"

_UNREAD = (
    "{field} có giá trị không đọc được: sửa ở nguồn, hoặc đổi kind hay form của {at}",
    "{field} holds what can't be read: correct it at the source, or map another kind or form in {at}",
)
_PLACE = (
    "vị trí sai hoặc nằm ngoài tỉnh: sửa ở nguồn, hoặc xem lại crs và within của {source}",
    "the place is wrong or outside the province: correct it at the source, or look at crs and within of {source}",
)
SAYS: dict[str, tuple[str, str]] = {
    "unknown_code": (
        "{field} có mã mới{code}: hỏi cơ quan chủ quản, rồi thêm vào values của {at}",
        "{field} has a new code{code}: ask its owner, then add it to values in {at}",
    ),
    "missing_field": (
        "{field} không còn hoặc để trống: hỏi cơ quan chủ quản, rồi ánh xạ tên mới, hoặc ghi required, default ở {at}",
        "{field} is gone or empty: ask its owner, then map its new name, or write required or default in {at}",
    ),
    "retyped": (
        "{field} đã đổi kiểu hoặc cách ghi: hỏi cơ quan chủ quản, rồi đổi kind và form của {at}",
        "{field} changed its type or form: ask its owner, then change kind and form in {at}",
    ),
    "bad_number": _UNREAD,
    "bad_time": _UNREAD,
    "bad_type": _UNREAD,
    "future_time": (
        "{field} ghi giờ ở tương lai: đặt lại đồng hồ của nguồn, hoặc xem lại zone của {source}",
        "{field} lies in the future: the source's clock must be set, or look at zone of {source}",
    ),
    "too_large": (
        "{field} quá dài: ánh xạ trường ngắn hơn ở {at}",
        "{field} is too long: map a shorter field in {at}",
    ),
    "no_id": (
        "bản ghi không có mã định danh: nguồn phải cấp mã, hoặc ánh xạ id khác ở {source}",
        "records have no identity: the source must give one, or map another id in {source}",
    ),
    "no_place": (
        'bản ghi không có vị trí: nguồn phải cấp, hoặc ghi place = "optional" ở {source}',
        'records have no place: the source must give one, or write place = "optional" in {source}',
    ),
    "bad_place": _PLACE,
    "swapped_place": (
        "kinh độ và vĩ độ bị đảo: đổi lon và lat của {source}",
        "longitude and latitude are swapped: change lon and lat of {source}",
    ),
    "outside_place": _PLACE,
    "conflict": (
        "một mã đứng hai lần với nội dung khác nhau: nguồn phải cấp mã riêng cho từng bản ghi",
        "an id stands twice with different content: the source must give each record its own",
    ),
    "refused_by_source": (
        "chính nguồn báo bản ghi lỗi: cơ quan chủ quản phải sửa",
        "the source itself calls records bad: its owner must correct them",
    ),
    REST: (
        "còn nhiều loại lỗi khác: xem /api/sources/{name}",
        "there are more kinds of trouble: see /api/sources/{name}",
    ),
}
_OTHER = (
    "bản ghi không đọc được ({reason}): xem /api/sources/{name}",
    "records can't be read ({reason}): see /api/sources/{name}",
)


def notices(
    name: str, title: tuple[str, str], owner: str, answered: Answered | None, *, forms: bool = False
) -> dict[str, Notice]:
    """The notices that stand for source `name`, by id. `title`: Vietnamese, English. `forms`: its mapping lies in them.

    `since` is None where the alert that stood before knows it.
    """
    if answered is None:
        return {}
    found = {}
    for trouble in answered.troubles:
        id_ = f"repair/{name}/{trouble.kind}"
        found[id_] = _notice(id_, name, owner, None, _say(name, title, trouble, forms))
    if answered.lacking:
        id_ = f"repair/{name}/{digest(LACKING)[:12]}"
        found[id_] = _notice(id_, name, owner, None, _lacking(name, title, answered.lacking, forms))
    if answered.fresh:
        id_ = f"repair/{name}/{digest(NEW)[:12]}"
        found[id_] = _notice(id_, name, owner, clock.rfc3339(min(answered.fresh.values())), _new(name, title, answered))
    return found


def _notice(id_: str, source: str, owner: str, since: str | None, say: tuple[str, str]) -> Notice:
    told = {"vi": say[0], "en": say[1]}
    return {"id": id_, "level": "warn", "say": told, "why": None, "since": since, "source": source, "owner": owner}


def _say(name: str, title: tuple[str, str], trouble: Trouble, forms: bool) -> tuple[str, str]:
    where = f"[[sources.{name}.forms]]" if forms else f"[sources.{name}]"
    at = f"{trouble.at} ({where})" if trouble.at else where
    if trouble.at and trouble.at.startswith("properties.") and not forms:
        at = f"[sources.{name}.{trouble.at}]"
    told = {
        "name": name, "source": where, "at": at, "reason": trouble.reason,
        "code": f" {trouble.code}" if trouble.code else "",
    }  # fmt: skip
    vi, en = SAYS.get(trouble.reason, _OTHER)
    field = (f"cột {trouble.field}", f"field {trouble.field}") if trouble.field else ("một cột", "a field")
    after = f"ioc replay --set-aside {name}"
    return (
        f"{title[0]}: {vi.format(**told, field=field[0])} ({trouble.count} bản ghi để riêng; sửa xong chạy {after}).",
        f"{title[1]}: {en.format(**told, field=field[1])} ({trouble.count} records set aside; afterwards run {after}).",
    )


def _lacking(name: str, title: tuple[str, str], columns: tuple[str, ...], forms: bool) -> tuple[str, str]:
    named = ", ".join(columns[:MOST_NAMED]) + (" …" if len(columns) > MOST_NAMED else "")
    where = f"[[sources.{name}.forms]]" if forms else f"[sources.{name}]"
    return (
        f"{title[0]}: bảng vừa gửi không có cột {named}, nên cả bảng để riêng: hỏi cơ quan chủ quản, rồi gửi lại bảng "
        f"đã sửa, hoặc ánh xạ tên mới ở {where} và thả lại tệp.",
        f"{title[1]}: the last table has no column {named}, so all of it is set aside: ask its owner, then send the "
        f"table again as it should be, or map the new name in {where} and drop the file again.",
    )


def _new(name: str, title: tuple[str, str], answered: Answered) -> tuple[str, str]:
    columns = sorted({column.partition("/")[2] for column in answered.fresh})
    named = ", ".join(columns[:MOST_NAMED]) + (" …" if len(columns) > MOST_NAMED else "")
    return (
        f"{title[0]}: có cột mới chưa ánh xạ: {named}. Phần còn lại vẫn đi; nếu cần thì thêm vào "
        f"[sources.{name}.properties].",
        f"{title[1]}: there are new columns that nothing maps: {named}. The rest goes on; if they are wanted, map them "
        f"in [sources.{name}.properties].",
    )
