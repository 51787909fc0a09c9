"""A citizen's words for everybody: without phone numbers, mail, papers, accounts and number plates in them.

All that is here are patterns, in the ways in which Vietnamese write them: with spaces and dots, behind "zalo" or
"stk". Rather too much is masked: the desk sees all that was said.

What has no pattern stays: a name ("ông Nguyễn Văn A"), a house, a number in words ("không chín một hai") or one that
words cut in two, and whatever a photo shows. An admin hides a report that tells such a thing (step `hide`).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ioc.mask import mask_text

PHONE, MAIL, PAPER = "‹số điện thoại›", "‹email›", "‹giấy tờ›"
ACCOUNT, PLATE, PAGE = "‹số tài khoản›", "‹biển số›", "‹trang cá nhân›"
_MARKS = {"‹phone›": PHONE, "‹mail›": MAIL, "‹person›": "‹thông tin cá nhân›", "‹key›": "‹mã›"}
_MARK = re.compile("‹[^‹›\n]{1,30}›")
_GAP = r"(?:,|[ \u00a0\u2009\u202f.\-\u2010-\u2014_()·•*]{0,3})"
"""What may stand between two digits of one number."""
_DAY = r"(?:19|20)\d\d([-./])\d{1,2}\1\d{1,2}|\d{1,2}([-./])\d{1,2}\2(?:19|20)\d\d"
_KEPT = re.compile(
    rf"(?<![\w.])(?:{_DAY})(?![\d])(?:[ T,]{{1,2}}\d{{1,2}}(?:[:hg]\d{{1,2}}){{1,2}})?"  # a day, and its clock
    r"|(?<![\w.])[A-Z]{1,8}-\d{4}-\d{4}-\d{4,8}(?!\w)"  # the number of a report of ours
    r"|(?<![\w.,])-?\d{1,3}\.\d{3,12} ?[,;] ?-?\d{1,3}\.\d{3,12}(?![\w.])"  # a place in degrees
)
"""What looks like a number of somebody, and is none."""
_AMOUNT = re.compile(r"(?<![\w.,])[1-9]\d{0,2}(?:\.\d{3}){1,5}(?![\w.]|,\d{3})")
"""In thousands, as money is written."""
_RUN = re.compile(rf"(?:\+{_GAP}|\({_GAP})?\d(?:{_GAP}\d){{7,24}}")
_MOBILE = re.compile(r"(?:0|84|0084)(?:[35789]\d{8}|1(?:2\d|6[2-9]|86|88|99)\d{7}|2\d{9})")
_DIALLED = re.compile(r"(?:0[1-9]|84[1-9]|0084[1-9])\d{7,9}")
_CITIZEN = re.compile(r"0\d{11}")
_NAMED = re.compile(
    r"(?i)\b(?:(stk|số tk|tài khoản|tai khoan|tk|bank|account|acc|số thẻ|thẻ)"
    r"|(cccd|cmnd|cmt|cmtnd|căn cước|can cuoc|chứng minh(?: nhân dân| thư)?|hộ chiếu|passport|bhyt|bhxh|mã số thuế))"
    r"(?:[^\d\n]{0,40}?)((?<!\d)[A-Z]{0,3}\d(?:[ \u00a0.\-]{0,2}\d){5,24}(?!\d))"
)
_ADDRESS = re.compile(
    r"(?i)[\w.+\-]{1,64}\s{0,2}(?:@|\(at\)|\[at\]|\ba còng\b)\s{0,2}"
    r"[\w\-]{1,63}(?:\s{0,2}(?:\.|\(dot\)|\[dot\])\s{0,2}[\w\-]{2,63}){1,4}"
)
_PAGE = re.compile(
    r"(?i)\b(?:www\.|m\.)?(?:facebook|fb|zalo|tiktok|instagram|messenger|t)\.(?:com|me)/[^\s<>\"']{1,300}"
)
_PLATE = re.compile(
    r"(?<![\w.,\-])[1-9]\d(?:[ \-.]?(?:[A-ZĐ]{1,2}\d?)[ \-.]{0,2}(?:\d{3}[ .\-]?\d{2}|\d{2}[.\-]\d{2})(?![\w]|[.,]\d)"
    r"|[a-zđ]{1,2}\d?[ ]?[\-.][ ]?\d{3}[ .\-]?\d{1,2}(?![\w]|[.,]\d)|[a-zđ]\d?\d{5}(?![\w]|[.,]\d)"
    r"|-[A-ZĐ]{2}-\d{3}-\d{2}(?!\w))"
)


def words(text: str) -> str:
    """`text` with a mark in the place of each number, address and page that leads to a person."""
    return _but(_MARK, text, _said)


def _said(text: str) -> str:
    text = _ADDRESS.sub(MAIL, _PAGE.sub(PAGE, text))
    text = _but(_KEPT, _NAMED.sub(_behind, text), _numbers)
    return _but(_MARK, text, _rest)


def _rest(text: str) -> str:
    """What is masked of any text: keys, fields that name a person."""
    text = mask_text(text)
    for mark, told in _MARKS.items():
        text = text.replace(mark, told)
    return text


def _but(kept: re.Pattern[str], text: str, change: Callable[[str], str]) -> str:
    """`text`, changed everywhere but where `kept` is found."""
    parts, at = [], 0
    for found in kept.finditer(text):
        parts += [change(text[at : found.start()]), found[0]]
        at = found.end()
    return "".join([*parts, change(text[at:])])


def _behind(found: re.Match[str]) -> str:
    """A number that its own name stands before: an account, or the number of a paper."""
    mark = ACCOUNT if found[1] else PAPER
    return found[0].removesuffix(found[3]) + mark


def _numbers(text: str) -> str:
    text = _RUN.sub(_sure, _PLATE.sub(PLATE, text))
    return _but(_AMOUNT, text, lambda part: _RUN.sub(_run, part))


def _sure(found: re.Match[str]) -> str:
    """A run of digits that is a mobile number or a citizen's number, whatever it looks like in part."""
    digits = _digits(found[0])
    if _MOBILE.fullmatch(digits):
        return PHONE
    return PAPER if _CITIZEN.fullmatch(digits) and not _glued(found) else found[0]


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _glued(found: re.Match[str]) -> bool:
    """Whether it is the end of a code, such as that of an electricity meter."""
    before = found.string[: found.start()][-1:]
    return before.isalnum() or before == "_"


def _run(found: re.Match[str]) -> str:
    """Another run of digits, as everybody may read it."""
    digits = _digits(found[0])
    if _glued(found):
        return found[0]
    if _DIALLED.fullmatch(digits) or found[0].startswith("+"):
        return PHONE
    if len(digits) == 12:
        return PAPER
    if len(digits) >= 13 or (digits.startswith("0") and len(digits) >= 9):
        return ACCOUNT
    return found[0]
