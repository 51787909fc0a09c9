"""Los Angeles's reports as ours, with words; and known copies of them: shifted by stated metres, re-worded by rule.

The export has no words of citizens, so each report gets a sentence of its category and its place, in one of several
wordings that its number decides (as two neighbours would not write the same). A copy is what a second citizen would
send of the same thing: `SHIFTS` metres away in a direction that its number decides, up to three days later, and worded
by one of `REWORDED`.
"""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from ioc.db.reports import Report
from ioc.report_rules import Agency, Category, Desk, Reports
from ioc.reports import twins

FILES = (
    ("MyLA311_2017_subset_10000.csv", "%m/%d/%Y %I:%M:%S %p",
     ("SRNumber", "RequestType", "CreatedDate", "Latitude", "Longitude", "Address")),
    ("MyLA311_2020_requests_10000.csv", "%m/%d/%y %H:%M",
     ("srnumber", "requesttype", "createddate", "latitude", "longitude", "address")),
)  # fmt: skip
SAID: dict[str, tuple[str, ...]] = {
    "Bulky Items": ("Đồ cồng kềnh bỏ ngoài đường", "Ghế sofa cũ vứt trên vỉa hè", "Nệm và tủ hỏng chất trước cổng"),
    "Graffiti Removal": ("Tường bị vẽ bậy", "Sơn xịt bẩn trên hàng rào", "Chữ bôi bẩn trên tủ điện cạnh trường học"),
    "Illegal Dumping Pickup": ("Rác đổ trộm", "Xà bần đổ trộm ở lề đường", "Bao rác lớn vứt trong hẻm nhiều ngày"),
    "Metal/Household Appliances": ("Tủ lạnh hỏng cần thu gom", "Máy giặt cũ bỏ ngoài lề", "Sắt vụn và bếp ga cũ"),
    "Homeless Encampment": ("Lều trại trên vỉa hè", "Người vô gia cư dựng lều dưới gầm cầu", "Lán tạm chắn lối đi bộ"),
    "Electronic Waste": ("Ti vi hỏng cần thu gom", "Máy tính cũ bỏ ngoài đường", "Màn hình và máy in cũ"),
    "Dead Animal Removal": ("Chó chết trên đường", "Mèo chết cạnh lề", "Xác động vật bốc mùi"),
    "Single Streetlight Issue": ("Đèn đường không sáng", "Một bóng đèn đường bị cháy", "Cột đèn nhấp nháy suốt đêm"),
    "Multiple Streetlight Issue": ("Cả dãy đèn đường tắt", "Nhiều cột đèn không sáng", "Đường tối vì mất đèn"),
    "Report Water Waste": ("Nước chảy lãng phí", "Vòi tưới chảy tràn ra đường", "Rò nước ở đồng hồ"),
}  # fmt: skip
OTHER = ("Việc khác cần xem xét", "Hư hỏng công trình công cộng", "Góp ý về vệ sinh khu phố")
SWAPPED = {
    "hỏng": "hư", "bỏ": "để", "vứt": "bỏ lại", "ngoài": "ở ngoài", "đường": "lộ", "vỉa hè": "lề đường",
    "rác": "rác thải", "cũ": "không dùng nữa", "đổ trộm": "đổ lén", "lều": "chòi", "không sáng": "bị tắt",
    "tường": "bức tường", "thu gom": "dọn", "chết": "đã chết",
}  # fmt: skip
SHIFTS = (0, 10, 25, 50)


def _bare(words: str) -> str:
    return twins.plain(words)


def _swapped(words: str) -> str:
    for one, other in SWAPPED.items():
        words = words.replace(one, other)
    return words


def _shortened(words: str) -> str:
    kept = words.split()
    return " ".join(word for n, word in enumerate(kept) if n % 3 != 2)


def _politely(words: str) -> str:
    return f"Kính gửi cơ quan chức năng, đề nghị xử lý sớm giúp người dân: {words.lower()}. Xin cảm ơn."


def _turned(words: str) -> str:
    kept = words.split()
    return " ".join(kept[len(kept) // 2 :] + kept[: len(kept) // 2])


REWORDED: dict[str, Callable[[str], str]] = {
    "as it was": str, "without diacritics": _bare, "other words": _swapped, "every third word left out": _shortened,
    "wrapped in courtesy": _politely, "halves turned": _turned,
    "other words, without diacritics": lambda words: _bare(_swapped(words)),
}  # fmt: skip


def rules(likeness: float = 0.7, by_house: Collection[str] = ()) -> Reports:
    """Every category of the export, as ours stands by default: 60 m and 14 days. `by_house`: those that count so."""
    kinds = {_code(kind): Category((kind, kind), by_house=kind in by_house) for kind in (*SAID, "Other", "Feedback")}
    agencies = {"desk": Agency(("Trung tâm", "Centre"))}
    return Reports(jurisdiction="la", desk=Desk("desk"), categories=kinds, agencies=agencies, twin_likeness=likeness)


def _code(kind: str) -> str:
    return "".join(sign if sign.isalnum() else "_" for sign in kind.lower())


def _number(text: str, most: int) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % most


def reports(shared: Path, *, told: bool = False) -> list[Report]:
    """Every report of the two exports that has a place, once; its street stands in its words, its house does not.

    `told`: as the export tells it: no wording of ours, its kind stands for one, and its address as it is there.
    """
    found: dict[str, Report] = {}
    for file, form, names in FILES:
        with (shared / "field_reports" / file).open(encoding="utf-8-sig", newline="") as opened:
            for row in csv.DictReader(opened):
                number, kind, filed, lat, lon, address = (row[name] for name in names)
                if not lat or not lon:
                    continue
                said = SAID.get(kind, OTHER)
                street = " ".join(address.partition(",")[0].split()[1:]).title()
                wording = kind if told else said[_number(number, len(said)) if street else 0]
                words = f"{wording}, đường {street}" if street else wording
                at = datetime.strptime(filed, form).replace(tzinfo=UTC)
                found[number] = Report(
                    id=number, number=number, channel="open311", jurisdiction="la", category=_code(kind), words=words,
                    state="new", since=at, version=1, filed=at, updated=at, follow="", lon=float(lon), lat=float(lat),
                    address=address if told else None,
                )  # fmt: skip
    return list(found.values())


def copy(one: Report, metres: float, reworded: Callable[[str], str]) -> Report:
    """What a second citizen sends of the same thing."""
    assert one.lon is not None and one.lat is not None
    way = math.radians(_number(f"way {one.id}", 360))
    north, east = metres * math.cos(way) / 111_195, metres * math.sin(way) / 111_195
    later = timedelta(hours=_number(f"late {one.id}", 72))
    return msgspec.structs.replace(
        one, id=f"copy of {one.id}", lat=one.lat + north, lon=one.lon + east / math.cos(math.radians(one.lat)),
        words=reworded(one.words), filed=one.filed + later,
    )  # fmt: skip
