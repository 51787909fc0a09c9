"""Invented reports for the small desk, in the order of the project's picture, and the life they have."""

from __future__ import annotations

from typing import Any


def _asked(code: str, kind: str, vi: str, en: str, required: bool, *values: tuple[str, str, str]) -> dict[str, Any]:
    told = [{"code": key, "title": {"vi": one, "en": other}} for key, one, other in values]
    return {"code": code, "kind": kind, "title": {"vi": vi, "en": en}, "required": required, "values": told}


LIGHT = [
    _asked("how", "singlevaluelist", "Đèn thế nào", "What is wrong with it", True,
           ("off", "tắt hẳn", "dark"), ("blinks", "chớp tắt", "it blinks")),
    _asked("where", "multivaluelist", "Tối ở đâu", "Where it is dark", True,
           ("road", "lòng đường", "the road"), ("walk", "vỉa hè", "the pavement")),
    _asked("many", "number", "Mấy cột", "How many poles", True),
    _asked("pole", "string", "Số ghi trên cột", "Number on the pole", False),
    _asked("since", "datetime", "Tối từ lúc nào", "Dark since", False),
]  # fmt: skip
"""What a report of a street light is asked beside the words: each kind of question."""
AGENCIES = {"cap_nuoc": "Cấp nước", "moi_truong": "Môi trường", "cong_vien": "Công viên", "giao_thong": "Giao thông",
            "thoat_nuoc": "Thoát nước", "p_tuy_hoa": "Phường Tuy Hoà", "p_phu_yen": "Phường Phú Yên"}  # fmt: skip
CATEGORIES = {"water": ("Cấp nước", "Water supply"), "waste": ("Rác thải", "Waste"), "road": ("Đường sá", "Roads"),
              "light": ("Chiếu sáng", "Street lights"), "other": ("Việc khác", "Other")}  # fmt: skip
REFUSALS = {"out_of_scope": ("Không thuộc thẩm quyền", "Out of scope"), "no_ground": ("Không có cơ sở", "No ground")}
ANSWERS = [{"code": "sorry", "title": "xin lỗi vì trễ",
            "text": "Phản ánh {number} đã giao {agency} và đang quá hạn. Trung tâm đã báo lên cấp trên."},
           {"code": "thanks", "title": "cảm ơn", "text": "Cảm ơn ông/bà đã báo."}]  # fmt: skip
# words, commune, minutes left, state, agency, category, who has it open
ROWS: list[tuple[str, str, int, str, str | None, str, str | None]] = [
    ("Ống nước vỡ, nước tràn ra đường", "Tuy Hoà", -190, "assigned", "cap_nuoc", "water", None),
    ("Nắp cống mất trước trường", "Phú Yên", -161, "assigned", "p_phu_yen", "road", None),
    ("Rác đổ ven sông Ba", "Hoà Hiệp", -125, "in_progress", "moi_truong", "waste", None),
    ("Cây ngã chắn lối đi", "Bình Kiến", -110, "assigned", "cong_vien", "other", None),
    ("Đèn tín hiệu tắt", "Tuy Hoà", -48, "new", None, "light", "Lan"),
    ("Loa công trường quá 22 giờ", "Tuy Hoà", -31, "verified", None, "other", None),
    ("Nước máy đục", "Phú Yên", -12, "new", None, "water", None),
    ("Ổ gà trên đường Hùng Vương", "Tuy Hoà", 18, "assigned", "p_tuy_hoa", "road", None),
    ("Biển báo gãy", "Đông Hoà", 36, "assigned", "giao_thong", "road", None),
    ("Rác chưa lấy hai ngày", "Sông Cầu", 52, "new", None, "waste", "Minh"),
    ("Đèn đường tắt cả dãy", "Sông Cầu", 65, "assigned", "p_tuy_hoa", "light", None),
    ("Vỉa hè bị chiếm", "Tuy Hoà", 140, "new", None, "road", None),
    ("Hỏi giờ làm của một cửa", "Tuy Hoà", 164, "new", None, "other", None),
    ("Cống tắc", "Bình Kiến", 180, "in_progress", "thoat_nuoc", "water", None),
    ("Chó thả rông", "Phú Yên", 195, "assigned", "p_phu_yen", "other", None),
    ("Ảnh không rõ chỗ", "Ô Loan", 210, "more_info", None, "other", None),
    ("Cây chạm dây điện", "Xuân Đài", 232, "new", None, "other", None),
    ("Mùi khét gần chợ", "Đồng Xuân", 240, "in_progress", "moi_truong", "waste", None),
    ("Đường ngập sau cơn mưa", "Tây Hoà", 250, "new", None, "road", None),
    ("Mất nắp hố ga", "Tuy Hoà", 265, "new", None, "road", None),
    ("Xe đỗ chắn cổng trường", "Sơn Hoà", 300, "assigned", "giao_thong", "road", None),
    ("Vòi công viên rò", "Tuy Hoà", 340, "new", None, "water", None),
    ("Đề nghị thêm thùng rác", "Sông Hinh", 360, "new", None, "waste", None),
    ("Điện yếu buổi tối", "Ea Ly", 420, "new", None, "light", None),
    ("Hàng quán lấn lòng đường", "Tuy Hoà", 480, "in_progress", "p_tuy_hoa", "road", None),
    ("Kè biển nứt", "Hoà Hiệp", 480, "done", "giao_thong", "road", None),
]
NUMBERS = [417, 398, 405, 371, 412, 388, 420, 422, 409, 424, 401, 426, 427, 410, 414, 428, 429, 402, 430, 431, 403, 432,
           433, 434, 419, 435]  # fmt: skip
_WITH_US = "new verified assigned accepted in_progress"
LIFE: dict[str, tuple[str, str | None, tuple[str, ...]]] = {
    "verify": ("new reopened", "verified", ()),
    "assign": ("verified reopened assigned accepted in_progress", "assigned", ("agency",)),
    "accept": ("assigned", "accepted", ()),
    "ask": (_WITH_US, "more_info", ("text",)),
    "tell": ("more_info", "verified", ("text",)),
    "finish": ("accepted in_progress", "done", ("text",)),
    "close": ("done", "closed", ()),
    "refuse": ("new verified more_info", "refused", ("why",)),
    "reopen": ("done closed refused", "reopened", ("why",)),
    "duplicate": ("new verified assigned", "duplicate", ("of",)),
    "merge": (_WITH_US, "merged", ("of",)),
    "split": (f"{_WITH_US} more_info reopened", None, ("words",)),
    "answer": (f"{_WITH_US} more_info done closed refused reopened", None, ("text",)),
}
"""Each step: from which states, to which (None: it stays), and what it needs."""
OPEN = ["new", "verified", "assigned", "accepted", "in_progress", "more_info", "reopened"]
