"""Which of the eighteen districts before 1 July 2025 a commune of Quảng Nam lies in, by its code."""

from __future__ import annotations

from bisect import bisect_right

_FIRST = {
    "20335": "Tam Kỳ", "20364": "Phú Ninh", "20401": "Hội An", "20443": "Tây Giang", "20467": "Đông Giang",
    "20500": "Đại Lộc", "20551": "Điện Bàn", "20599": "Duy Xuyên", "20641": "Quế Sơn", "20656": "Nông Sơn",
    "20662": "Quế Sơn", "20669": "Nông Sơn", "20695": "Nam Giang", "20722": "Phước Sơn", "20767": "Hiệp Đức",
    "20791": "Thăng Bình", "20854": "Tiên Phước", "20900": "Bắc Trà My", "20938": "Nam Trà My", "20965": "Núi Thành",
}  # fmt: skip
"""The lowest code of each run of communes: codes were given district by district, but for some that moved."""
_CODES = sorted(_FIRST)


def district(code: str) -> str:
    """The district of a commune. Raises ValueError for a code before all of theirs."""
    at = bisect_right(_CODES, code)
    if not at:
        raise ValueError(f"{code} is no code of a commune of Quảng Nam.")
    return _FIRST[_CODES[at - 1]]
