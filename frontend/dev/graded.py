"""Invented quality of data, as in the project's picture: links, ledger, failed checks, reminders, scores, walls."""

from __future__ import annotations

from typing import Any

from invented import at, quality

Item = dict[str, Any]
WEEKS = {
    "dung": (98, 98, 95, 95, 95, 95, 93),
    "du": (74, 74, 75, 77, 77, 78, 79),
    "sach": (97, 97, 98, 98, 97, 98, 98),
    "song": (91, 92, 90, 91, 91, 90, 85),
}
NONE = ("không", None, None)
# sector, minutes since it was tried, what is said of connected, shared, synced ("có": proved; None: not tried)
LINKS: list[tuple[str, float, str, str | None, str | None]] = [
    ("Công an", 2, *NONE),
    ("Lao động", 2, *NONE),
    ("Giáo dục", 2, *NONE),
    ("Giao thông", 2, *NONE),
    ("Khí tượng thuỷ văn", 0, "mất 40 phút", None, None),
    ("Bảo hiểm xã hội", 1, "có", "có", "đứng từ 02/03"),
    ("Kế hoạch", 1, "có", "có", "lệch 1.204"),
    ("Tư pháp", 1, "có", "có", "lệch 86"),
    ("Y tế", 1, "có", "có", "~trễ 26 giờ"),
    ("Một cửa điện tử", 0, "có", "có", "~trễ 42 phút"),
    *((name, 0.0, "có", "có", "có") for name in (
        "Tài chính", "Nông nghiệp", "Xây dựng", "Công thương", "Văn hoá", "Khoa học", "Thanh tra")),
]  # fmt: skip
# id, name, owner, method, each, expect, eight periods of (on time, late, missing, excused); None: never
LEDGER: list[tuple[str, str, str, str, str, int, list[tuple[int, int, int, int] | None]]] = [
    ("job", "Việc làm hằng tháng", "Ngành Lao động", "machine", "month", 34, [None] * 8),
    ("quarter", "Báo cáo quý an sinh", "UBND xã", "typed", "quarter", 34, [
        (27, 7, 0, 0), (29, 3, 2, 0), (27, 3, 4, 0), (26, 0, 8, 0),
        (24, 3, 7, 0), (20, 2, 12, 0), (17, 0, 17, 0), (12, 0, 22, 0)]),
    ("bed", "Giường bệnh hằng ngày", "Sở Y tế", "typed", "day", 9, [
        (9, 0, 0, 0), (9, 0, 0, 0), (8, 1, 0, 0), (8, 0, 1, 0), (0, 0, 0, 9), (0, 0, 0, 9),
        (7, 0, 2, 0), (7, 0, 2, 0)]),
    ("mc", "Một cửa điện tử, xã cũ", "Văn phòng UBND tỉnh", "computed", "day", 241,
        [(n, 0, 241 - n, 0) for n in (196, 192, 194, 195, 193, 193, 192, 190)]),
    ("vac", "Tiêm chủng hằng ngày", "Sở Y tế", "machine", "day", 34, [
        (34, 0, 0, 0), (34, 0, 0, 0), (32, 2, 0, 0), (34, 0, 0, 0),
        (34, 0, 0, 0), (33, 0, 1, 0), (32, 0, 2, 0), (31, 0, 3, 0)]),
    ("budget", "Thu chi ngân sách tháng", "Sở Tài chính", "machine", "month", 34, [
        (34, 0, 0, 0), (34, 0, 0, 0), (34, 0, 0, 0), (33, 1, 0, 0),
        (34, 0, 0, 0), (34, 0, 0, 0), (34, 0, 0, 0), (33, 0, 1, 0)]),
    ("q1", "Văn bản qua trục", "252 đơn vị", "machine", "day", 252, [(252, 0, 0, 0)] * 8),
    ("cam", "Camera Tuy Hoà", "Công an tỉnh", "machine", "minute", 105, [(105, 0, 0, 0)] * 8),
]  # fmt: skip
CHECKS = [
    ("Chứng thư số", ("487 + 905 =", 1392), ("công bố", "“hơn 1.500”"), "Sở KH&CN"),
    ("Văn bản ký số", ("tính lại", "99,4 %"), ("công bố", "100 %"), "Văn phòng"),
    ("Giường trống", ("Sở Y tế", 312), ("bệnh viện", 298), "Sở Y tế"),
]
REMINDERS: list[tuple[str, int, str | None, str, dict[str, int]]] = [
    ("Ngành Lao động", 6, "bad", "chạm mức kỷ luật", {"job": 6}),
    ("Xã Phú Mỡ", 4, "warn", "lãnh đạo bị xem xét", {"quarter": 4}),
    ("Sở Y tế", 3, "warn", "lãnh đạo bị xem xét", {"bed": 3, "vac": 1}),
    ("Văn phòng UBND tỉnh", 2, None, "", {"mc": 2}),
]


def song(turn: int) -> dict[str, Item]:
    """The canary's newest song."""
    properties = {"observed": at(0), "source": "canary", "method": "machine", "song": turn}
    return {"canary": {"type": "Feature", "id": "canary", "geometry": None, "properties": properties}}


def _proof(say: str | None) -> Item:
    if say is None:
        return {"ok": None, "say": {"vi": "chưa thử", "en": "not probed"}, "since": None, "level": None}
    ok, words = say == "có", say.lstrip("~")
    level = None if ok else "warn" if say.startswith("~") else "bad"
    english = {"có": "yes", "không": "no"}.get(words, words)
    since = at(86400) if words != "mất 40 phút" else at(2400)
    return {"ok": ok, "say": {"vi": words, "en": english}, "since": since, "level": level, "source": "bed"}


def _links() -> dict[str, Item]:
    made = {}
    for n, (name, minutes, *proofs) in enumerate(LINKS):
        connected, shared, synced = (_proof(say) for say in proofs)
        made[f"s{n}"] = {
            "id": f"s{n}", "name": name, "name_en": name, "sources": ["bed"], "tried": at(60 * minutes),
            "connected": connected, "shared": shared, "synced": synced,
        }  # fmt: skip
    return made


def _ledger() -> dict[str, Item]:
    made = {}
    for id_, name, owner, method, each, expect, periods in LEDGER:
        cells = []
        for n, counts in enumerate(periods):
            on_time, late, missing, excused = counts or (0, 0, expect, 0)
            period = at(86400 * (8 - n))[:10] if each == "day" else f"2025-{n + 4:02d}"
            cells.append({
                "period": period, "due": at(86400 * (7 - n)), "expect": expect, "on_time": on_time, "late": late,
                "missing": missing, "excused": excused, "awaited": 0, "never": counts is None,
            })  # fmt: skip
        newest = cells[-1]
        made[id_] = {
            "id": id_, "name": name, "name_en": name, "owner": owner, "method": method, "each": each,
            "have": newest["on_time"] + newest["late"], "cells": cells,
            **{key: newest[key] for key in ("period", "due", "expect", "late", "missing", "excused", "awaited")},
        }  # fmt: skip
    return made


def _checks() -> dict[str, Item]:
    made = {}
    for n in range(41):
        name, left, right, owner = CHECKS[n] if n < len(CHECKS) else (f"Phép {n}", ("a", 1), ("b", 1), "")
        made[f"c{n}"] = {
            "id": f"c{n}", "name": name, "name_en": name, "ok": n >= len(CHECKS), "owner": owner, "source": "bed",
            "left": {"label": left[0], "label_en": left[0], "value": left[1]},
            "right": {"label": right[0], "label_en": right[0], "value": right[1]},
            "say": None, "since": at(90000 - n),
        }  # fmt: skip
    return made


def _reminders() -> dict[str, Item]:
    return {
        agency: {"id": agency, "agency": agency, "year": 2026, "count": count, "thresholds": [3, 6], "level": level,
                 "last": at(90000), "say": {"vi": say, "en": say} if say else None, "sources": sources}
        for agency, count, level, say, sources in REMINDERS
    }  # fmt: skip


def _share(good: float, of: float, target: float) -> Item:
    value = round(100 * good / of, 1) if of else None
    level = None if value is None else "good" if value >= target else "warn" if value >= target - 10 else "bad"
    return {"value": value, "good": good, "of": of, "level": level}


def _scores() -> dict[str, Item]:
    made = {}
    for id_, _, _, _, _, expect, periods in LEDGER:
        have = sum(periods[-1][:2]) if periods[-1] else 0
        made[f"source/{id_}"] = {
            "sources": [id_], "dung": _share(2, 3 if id_ == "bed" else 2, 98), "du": _share(have, expect, 95),
            "sach": _share(have, have + 4, 97), "song": _share(int(id_ in ("cam", "q1")), 1, 95),
        }  # fmt: skip
    made["all"] = {"sources": [row[0] for row in LEDGER], "dung": _share(38, 41, 98), "du": _share(190, 241, 95),
                   "sach": _share(6350, 6477, 97), "song": _share(31, 38, 95)}  # fmt: skip
    made["sector/s8"] = {**made["source/bed"], "sources": ["bed", "vac"], "du": _share(38, 43, 95)}
    made["sector/s1"] = {**made["source/job"], "sources": ["job"]}
    return made


def _walls() -> dict[str, Item]:
    made = {}
    for n, (name, state, say) in enumerate([("overview", "live", None), ("far", "stale", "không vẽ gì mới từ 14:20")]):
        made[f"w{n}"] = {
            "id": f"w{n}", "screen": name, "name": name, "connected": True, "state": state, "lag_s": 1.4, "ms": 38,
            "say": {"vi": say, "en": say} if say else None, "seen": at(0), "since": at(9000), "song": at(30),
        }  # fmt: skip
    return made


def everything(communes: Item) -> dict[str, Item]:
    """The channels of data quality, each with its items and quality."""
    parts = {"links": _links(), "ledger": _ledger(), "checks": _checks(), "reminders": _reminders()}
    parts |= {"scores": _scores(), "walls": _walls(), "layer/canary": song(0)}
    return {
        name: {"items": items, "quality": quality("live", 1, 30, len(items), None, "machine", "health")}
        for name, items in parts.items()
    }


def week(name: str) -> list[Item]:
    """What a word was, once a day."""
    return [{"at": at(86400 * (7 - n)), "value": value} for n, value in enumerate(WEEKS[name])]


def reporters(channels: Item, communes: Item, source: str, period: str | None) -> Item | None:
    """Who told of a source's period, the missing first; None: it owes no periods."""
    item = channels["ledger"]["items"].get(source)
    if item is None or item["each"] == "minute":
        return None
    cell = next((one for one in item["cells"] if one["period"] == period), item["cells"][-1])
    names = [feature["properties"] for feature in communes["features"]]
    states = ["missing"] * cell["missing"] + ["late"] * cell["late"] + ["awaited"] * cell["awaited"]
    states += ["excused"] * cell["excused"] + ["reported"] * cell["on_time"]
    entries = []
    for n, state in enumerate(states):
        unit = names[n % len(names)]
        told = at(7200 + 60 * n) if state in ("late", "reported") else None
        why = "Mất điện toàn xã" if state == "excused" else None
        entries.append({
            "reporter": f"{unit['code']}-{n}", "name": unit["name"], "state": state, "reported": told, "why": why,
            "by": "Trực ban" if why else None,
        })  # fmt: skip
    counts = {state: states.count(state) for state in ("missing", "late", "awaited", "excused", "reported")}
    about = {"source": source, "owner": item["owner"], "period": cell["period"], "expect": len(entries)}
    return {**about, "due": cell["due"], **counts, "entries": entries}


def about(item: Item) -> Item:
    """A source as the API tells it."""
    contract = {"owner": item["owner"], "person": "Nguyễn Văn A", "contact": "1022", "due": None,
                "cadence": item["cadence_s"], "reporters": "units"}  # fmt: skip
    aside = [{"reason": "unknown-code", "say": "Mã đơn vị không có trong danh mục.", "subject": "x", "count": 4,
              "first": at(90000), "last": at(600)}]  # fmt: skip
    counts = {"records": 1200, "events": 300, "unchanged": 890, "duplicates": 6, "set_aside": 4, "lost": 0}
    return {**item, "title": {"vi": item["name"], "en": item["name"]}, "contract": contract, "counts": counts,
            "last_errors": [item["last_error"]] if item["last_error"] else [], "set_aside": aside}  # fmt: skip
