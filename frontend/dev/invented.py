"""Invented data that resembles the project's pictures: every state, alerts, a typed figure, a revised one."""

from __future__ import annotations

import json
import math
import random
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

ZONE = timezone(timedelta(hours=7))
CENTRE = (109.305, 13.085)
Channels = dict[str, dict[str, Any]]


def at(seconds_ago: float) -> str:
    return (datetime.now(ZONE) - timedelta(seconds=seconds_ago)).isoformat(timespec="seconds")


def quality(state: str, age: float, cadence: float, have: int, expect: int | None, method: str, source: str) -> Any:
    why = None if state == "live" else "nguồn không trả lời" if state == "down" else "qua hạn"
    if state == "never":
        why = "chưa kết nối"
    seen = None if state == "never" else at(age)
    due = None if seen is None else at(age - cadence)
    base = {"state": state, "why": why, "observed": seen, "received": seen, "due": due, "have": have, "expect": expect}
    return {**base, "refused": 0, "checks": {"passed": 4, "failed": []}, "method": method, "sources": {source: state}}


# tile, label, value, unit, of, target, level, trend, (have, expect), method, source, state, age
TILES: list[tuple[Any, ...]] = [
    ("cameras_live", "Camera sống", 241, "", 268, 255, None, (-6, "P1D"), (105, 105), "machine", "cam", "live", 12),
    ("reports_overdue", "Phản ánh quá hạn", 37, "", 412, 16, "bad", (5, "P1D"), (34, 34), "machine", "1022", "live", 3),
    (
        "dossiers_on_time",
        "Hồ sơ đúng hạn",
        94.2,
        "%",
        None,
        97,
        "warn",
        (-0.6, "P1W"),
        (190, 241),
        "computed",
        "mc",
        "late",
        2520,
    ),
    ("beds_free", "Giường trống", 312, "", None, None, None, None, (7, 9), "typed", "bed", "stale", 259200),
    ("vaccinations_today", "Việc làm mới", None, "", None, None, None, None, (0, 34), "machine", "job", "never", 0),
    (
        "cameras_frozen",
        "Camera đứng hình",
        9,
        "",
        268,
        None,
        "warn",
        (2, "PT1H"),
        (105, 105),
        "machine",
        "cam",
        "live",
        12,
    ),
    ("cameras_down", "Camera mất", 18, "", 268, None, "bad", (4, "P1D"), (105, 105), "machine", "cam", "live", 12),
    (
        "reports_open",
        "Phản ánh đang mở",
        412,
        "",
        None,
        None,
        None,
        (31, "P1D"),
        (34, 34),
        "machine",
        "1022",
        "live",
        3,
    ),
    (
        "reports_closed_today",
        "Xong hôm nay",
        58,
        "",
        None,
        None,
        None,
        (-3, "P1D"),
        (34, 34),
        "machine",
        "1022",
        "live",
        3,
    ),
    (
        "reports_median_hours",
        "Giờ xử lý",
        26.4,
        "giờ",
        None,
        24,
        "warn",
        (1.2, "P1W"),
        (34, 34),
        "computed",
        "1022",
        "live",
        3,
    ),
]
WORDS = [
    ("dung", "Đúng", 93, 98, "warn", "3 trên 41 phép kiểm trượt"),
    ("du", "Đủ", 79, 95, "bad", "51 trên 241 xã thiếu số"),
    ("sach", "Sạch", 98, 97, "good", "127 bản ghi để riêng"),
    ("song", "Sống", 85, 95, "warn", "7 trên 38 nguồn lỡ hẹn"),
]
SOURCES = [
    ("rain", "Trạm mưa", "down", 2400, 600, "machine", "Đài KTTV", 0, 11),
    ("bed", "Giường bệnh", "stale", 259200, 86400, "typed", "Sở Y tế", 7, 9),
    ("vac", "Tiêm chủng", "stale", 93600, 86400, "typed", "Sở Y tế", 31, 34),
    ("mc", "Một cửa điện tử", "late", 2520, 1800, "machine", "Văn phòng UBND tỉnh", 190, 241),
    ("ais", "Tàu cá", "late", 540, 300, "machine", "Chi cục Thuỷ sản", 412, 430),
    ("q1", "Trục văn bản", "late", 290, 240, "machine", "Sở KH&CN", 252, 252),
    ("q2", "Qoffice", "late", 250, 240, "machine", "Văn phòng UBND tỉnh", 18, 18),
    ("job", "Ngành Lao động", "never", 0, 2592000, "machine", "Sở Nội vụ", 0, 34),
    ("cam", "Sổ camera Tuy Hoà", "live", 12, 30, "machine", "Công an tỉnh", 105, 105),
    ("1022", "Tổng đài 1022", "live", 3, 60, "machine", "Trung tâm 1022", 34, 34),
]
ALERTS = [
    ("bad", "Mất cả 11 trạm mưa lưu vực sông Ba", 2400, "Đài KTTV", None),
    ("bad", "Tàu PY-99999-TS im lặng 6 giờ 40, phải báo", 24000, "Thuỷ sản", None),
    ("bad", "37 phản ánh quá hạn, phường Tuy Hoà 14", 9000, "1022", "Lan"),
    ("warn", "Chứng thư: 487 + 905 = 1.392, công bố “hơn 1.500”", 90000, "Sở KH&CN", "Hùng"),
    ("warn", "9 camera đứng hình quanh cầu Hùng Vương", 1600, "Công an tỉnh", "Minh"),
]


def units(folder: Path) -> dict[str, Any]:
    """The communes of former Phú Yên; square cells when the official polygons are not at hand."""
    source = folder / "data" / "boundaries" / "post2025_wards_66_dak_lak.geojson"
    features = []
    if source.exists():
        for feature in json.loads(source.read_text(encoding="utf-8"))["features"]:
            given = feature["properties"]
            if not "22010" <= given["code"] <= "22330":
                continue
            ring = max((p[0] for p in feature["geometry"]["coordinates"]), key=len)
            lon, lat = (sum(p[i] for p in ring) / len(ring) for i in (0, 1))
            kept = {
                "code": given["code"],
                "name": given["fullName"],
                "name_en": given["fullNameEn"],
                "lon": lon,
                "lat": lat,
            }
            features.append(
                {"type": "Feature", "id": given["code"], "properties": kept, "geometry": feature["geometry"]}
            )
    else:
        for n in range(34):
            lon, lat = 108.75 + 0.11 * (n % 6), 12.85 + 0.13 * (n // 6)
            ring = [[lon, lat], [lon + 0.11, lat], [lon + 0.11, lat + 0.13], [lon, lat + 0.13], [lon, lat]]
            kept = {
                "code": str(22000 + n),
                "name": f"Xã Số {n + 1}",
                "name_en": f"Commune {n + 1}",
                "lon": lon + 0.05,
                "lat": lat + 0.06,
            }
            features.append(
                {
                    "type": "Feature",
                    "id": kept["code"],
                    "properties": kept,
                    "geometry": {"type": "Polygon", "coordinates": [ring]},
                }
            )
    return {
        "type": "FeatureCollection",
        "approximate": not source.exists(),
        "as_of": "2026-01-01",
        "features": features,
    }


def cameras() -> dict[str, Any]:
    chance = random.Random(7)
    items: dict[str, Any] = {}
    places = []
    for n in range(105):
        turn, far = n * 2.39996, 0.0042 * math.sqrt(n)
        places.append((CENTRE[0] - 0.012 + far * math.cos(turn) * 0.75, CENTRE[1] - 0.008 + far * math.sin(turn)))
    for n in range(268):
        lon, lat = places[n % 105]
        state = "frozen" if 60 <= n < 69 else "down" if chance.random() < 0.067 else "live"
        properties = {
            "name": f"Camera {n + 1}",
            "state": state,
            "observed": at(12),
            "source": "cam",
            "method": "machine",
        }
        geometry = {"type": "Point", "coordinates": [round(lon, 6), round(lat, 6)]}
        items[f"cam-{n + 1:03d}"] = {
            "type": "Feature",
            "id": f"cam-{n + 1:03d}",
            "geometry": geometry,
            "properties": properties,
        }
    return items


def reports(communes: dict[str, Any]) -> dict[str, Any]:
    chance = random.Random(11)
    items: dict[str, Any] = {}
    centres = [(f["properties"]["lon"], f["properties"]["lat"]) for f in communes["features"]]
    for n in range(112):
        overdue = n < 37
        lon, lat = centres[(0, 0, 0, 2, 2, 20, 27, 27)[n % 8]] if overdue else chance.choice(centres)
        place = [round(lon + chance.gauss(0, 0.012), 6), round(lat + chance.gauss(0, 0.012), 6)]
        properties = {
            "status": "open",
            "overdue": overdue,
            "observed": at(60 * n),
            "source": "1022",
            "method": "machine",
        }
        items[f"r{n}"] = {
            "type": "Feature",
            "id": f"r{n}",
            "geometry": {"type": "Point", "coordinates": place},
            "properties": properties,
        }
    return items


def everything(communes: dict[str, Any]) -> Channels:
    """Each channel's items and quality."""
    made: Channels = {
        "layer/cameras": {"items": cameras(), "quality": quality("live", 12, 30, 105, 105, "machine", "cam")},
        "layer/reports": {"items": reports(communes), "quality": quality("live", 3, 60, 34, 34, "machine", "1022")},
    }
    for name, label, value, unit, of, target, level, trend, (have, expect), method, source, state, age in TILES:
        cadence = next(row[4] for row in SOURCES if row[0] == source)
        item = {
            "value": value,
            "unit": unit,
            "label": {"vi": label, "en": name},
            "of": of,
            "target": target,
            "level": level,
        }
        item |= {"trend": None if trend is None else {"by": trend[0], "over": trend[1]}, "have": have, "expect": expect}
        item |= {"observed": None if state == "never" else at(age), "method": method, "sources": [source]}
        made[f"tile/{name}"] = {
            "items": {"all": item},
            "quality": quality(state, age, cadence, have, expect, method, source),
        }
    made["tile/beds_free"]["items"]["all"] |= {
        "reported": at(258000), "officer": "Trần Thị B", "decision": "12/BC-SYT",
        "revised": {"from": 298, "at": at(3600), "why": "cộng sót một viện"},
    }  # fmt: skip
    made["tile/reports_median_hours"]["items"]["all"] |= {
        "value": 1392, "parts": [{"label": "doanh nghiệp", "value": 487}, {"label": "cá nhân", "value": 905}],
        "other": [{"value": "hơn 1.500", "source": "Báo cáo công bố"}], "why": {"vi": "cộng hai nhóm", "en": "a sum"},
    }  # fmt: skip
    areas = made["tile/dossiers_on_time"]["items"]
    for feature in communes["features"]:
        code = feature["properties"]["code"]
        value, level = (
            (71.0, "bad") if code == "22096" else (None, None) if code in ("22192", "22225") else (97.0, "good")
        )
        areas[code] = {**areas["all"], "value": value, "level": level, "have": 0 if value is None else 1, "expect": 1}
    for name, label, value, target, level, cause in WORDS:
        item = {
            "value": value,
            "unit": "",
            "label": {"vi": label, "en": name},
            "target": target,
            "level": level,
            "why": cause,
        }
        item |= {"have": 38, "expect": 38, "observed": at(4), "method": "computed", "sources": []}
        made[f"tile/{name}"] = {"items": {"all": item}, "quality": quality("live", 4, 30, 38, 38, "computed", "all")}
    listed = {}
    for id_, name, state, age, cadence, method, owner, have, expect in SOURCES:
        listed[id_] = {
            "id": id_,
            "name": name,
            **quality(state, age, cadence, have, expect, method, id_),
            "owner": owner,
        }
        listed[id_] |= {
            "last_error": None if state == "live" else "Nguồn không trả lời trong 20 giây.",
            "cadence_s": cadence,
        }
    made["sources"] = {
        "items": listed,
        "quality": quality("live", 1, 30, len(SOURCES), len(SOURCES), "machine", "health"),
    }
    listed["vac"] |= {"frozen": True, "why": "It answers, but has said the same 5 times in a row."}
    said = {}
    for n, (level, say, age, owner, claimed) in enumerate(ALERTS):
        said[f"a{n}"] = {"id": f"a{n}", "level": level, "say": {"vi": say, "en": say}, "since": at(age), "source": None}
        said[f"a{n}"] |= {"owner": owner, "claimed": claimed}
    made["alerts"] = {"items": said, "quality": quality("live", 1, 30, len(said), None, "machine", "health")}
    return made
