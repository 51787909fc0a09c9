"""The rules that the tests of reports go by, and what is filed in them."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from ioc.clock import ZONE
from ioc.report_rules import Agency, Attribute, Category, Desk, Reports
from ioc.reports.book import Filing, Who

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=ZONE)
RULES = Reports(
    jurisdiction="phuyen.gov.vn",
    prefix="PY",
    desk=Desk("trung_tam"),
    categories={
        "water": Category(
            ("Cấp nước", "Water supply"),
            attributes=(Attribute("size", ("Cỡ", "Size"), "singlevaluelist", (("small", "nhỏ", "small"),)),),
        ),
        "noise": Category(("Tiếng ồn", "Noise"), coarse_m=200),
    },
    agencies={
        "trung_tam": Agency(("Trung tâm điều hành", "Operations centre")),
        "cap_nuoc": Agency(("Công ty Cấp nước", "Water company")),
        "do_thi": Agency(("Phòng Đô thị", "Urban office")),
    },
)
OPERATOR, ADMIN = Who("operator", "Lan"), Who("admin", "Huy")
WATER, URBAN = Who("agency", "Minh", "cap_nuoc"), Who("agency", "Hà", "do_thi")


def filing(**other: Any) -> Filing:
    """A broken pipe in Tuy Hòa."""
    given: dict[str, Any] = {
        "category": "water", "words": "Vỡ ống nước trước số 12 Trần Phú", "client": str(uuid.uuid4()), "lon": 109.32,
        "lat": 13.09, "accuracy": 8.0, "made": NOON,
    }  # fmt: skip
    return Filing(**{**given, **other})
