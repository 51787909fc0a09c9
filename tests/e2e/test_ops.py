"""The operators' console: by keys alone, others' claims, somebody quicker, a person masked until a key is held."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import ROOT, absent
from tests.e2e import demo

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

KEY = "khoa-cua-ban-truc-thu-nghiem-32-ky-tu"
SMALL_TEXT = """() => [...document.querySelectorAll('.o *')].filter((one) => one.children.length === 0
  && one.textContent.trim() !== '' && one.getClientRects().length > 0 && !one.closest('.maplibregl-map, .hear')
  && parseFloat(getComputedStyle(one).fontSize) < 13).map((one) => one.className + ': ' + one.textContent)"""

CUT = """() => [...document.querySelectorAll('.qr .number, .qr .left')]
  .filter((one) => one.scrollWidth > one.clientWidth).length"""


@pytest.fixture
def desk() -> Iterator[demo.Centre]:
    """A desk of its own for each test: they change it."""
    with demo.centre(fake=True, server="fake_desk.py") as running:
        yield running


@pytest.fixture
def console(browser: Browser, desk: demo.Centre) -> Iterator[Page]:
    """The console, entered with a typed key; an error that nobody caught in it fails the test."""
    context = browser.new_context(viewport={"width": 1920, "height": 1080}, bypass_csp=True)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{desk.base}/ops")
    page.locator("#key").fill(KEY)
    page.keyboard.press("Enter")
    page.locator("#case h2", has_text="Ống nước vỡ").wait_for()
    yield page
    context.close()
    assert errors == []


def said(desk: demo.Centre, path: str, method: str = "GET") -> Any:
    with urllib.request.urlopen(urllib.request.Request(f"{desk.base}{path}", method=method), timeout=10) as answer:
        return json.loads(answer.read() or b"null")


def number(page: Page) -> str:
    """The number of the report that is open."""
    return page.locator("#case p.m.f").first.inner_text().split(",")[0]


def test_a_wrong_key_is_told_and_the_right_one_is_kept_from_the_page(browser: Browser, desk: demo.Centre) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{desk.base}/ops")
    page.locator("#key").fill("x" * 40)
    page.keyboard.press("Enter")
    page.get_by_role("alert").filter(has_text="không mở được").wait_for()
    page.locator("#key").fill(KEY)
    page.keyboard.press("Enter")
    page.locator(".qr.sel").wait_for()
    assert KEY not in page.evaluate("() => document.cookie + JSON.stringify({...localStorage, ...sessionStorage})")
    page.reload()
    page.locator(".qr.sel").wait_for()
    context.close()


def test_a_shift_by_keys_alone(console: Page) -> None:
    """Claim, assign by typing, answer, finish: no mouse."""
    press = console.keyboard.press
    press("j")
    console.locator("#case h2", has_text="Nắp cống mất").wait_for()
    press("k")
    console.locator("#case h2", has_text="Ống nước vỡ").wait_for()
    press("c")
    console.locator(".held", has_text="Bạn đang giữ").wait_for()
    press("a")
    console.keyboard.type("thoat")
    assert console.locator("dialog [aria-selected=true]").inner_text().startswith("Thoát nước")
    press("Enter")
    console.locator(".meta", has_text="Thoát nước, chưa nhận").wait_for()
    assert console.locator("dialog").count() == 0
    press("u")
    console.locator(".evs li", has_text="đã nhận").wait_for()
    press("r")
    assert console.evaluate("() => document.activeElement.id") == "answer"
    console.keyboard.type("Đội đang tới.")
    press("Control+Enter")
    console.locator(".evs q", has_text="Đội đang tới.").wait_for()
    assert console.locator("#answer").input_value() == ""
    press("Escape")
    press("d")
    console.locator("dialog textarea").wait_for()
    console.keyboard.type("Đã thay ống.")
    press("Control+Enter")
    console.locator(".evs q", has_text="Đã thay ống.").wait_for()
    console.locator(".rep button", has_text="mở lại").wait_for()
    # the way back from done is to open it again
    press("z")
    console.locator("dialog", has_text="mở lại").wait_for()
    console.keyboard.type("Nước vẫn chảy.")
    press("Control+Enter")
    console.locator(".evs li", has_text="Nước vẫn chảy.").wait_for()
    press("z")
    console.get_by_role("alert").filter(has_text="không lùi được").wait_for()


def test_anothers_claim_greys_the_row_and_says_whose(console: Page) -> None:
    row = console.locator(".qr", has_text="Đèn tín hiệu tắt")
    assert "cl" in (row.get_attribute("class") or "").split()
    assert "Lan đang xem" in row.inner_text()
    assert row.locator("svg").count() >= 1
    calm = console.locator(".qr", has_text="Nước máy đục").locator(".matter")
    colour = "(one) => getComputedStyle(one).color"
    assert row.locator(".matter").evaluate(colour) != calm.evaluate(colour)
    row.click()
    console.locator(".held", has_text="Lan đang giữ").wait_for()
    console.keyboard.press("c")
    console.get_by_role("alert").filter(has_text="Lan đang giữ việc này").wait_for()


def test_somebody_quicker_is_named_and_what_was_typed_stays(console: Page, desk: demo.Centre) -> None:
    console.locator("#answer").fill("Chúng tôi đang tới.")
    said(desk, "/dev/desk/quicker", "POST")
    console.locator("#answer").press("Control+Enter")
    told = console.get_by_role("alert").filter(has_text="Có người nhanh hơn")
    told.wait_for()
    assert "Lan trả lời" in told.inner_text()
    assert console.locator("#answer").input_value() == "Chúng tôi đang tới."
    console.locator(".evs q", has_text="Đã báo đội trực.").wait_for()
    # it is sent on what was seen now
    console.locator("#answer").press("Control+Enter")
    console.locator(".evs q", has_text="Chúng tôi đang tới.").wait_for()
    console.locator("#answer").blur()
    console.keyboard.press("h")
    console.locator("dialog textarea").fill("Số nhà nào?")
    said(desk, "/dev/desk/quicker", "POST")
    console.keyboard.press("Control+Enter")
    console.locator("dialog [role=alert]", has_text="Có người nhanh hơn").wait_for()
    assert console.locator("dialog textarea").input_value() == "Số nhà nào?"


def test_a_person_is_seen_while_p_is_held_and_each_look_is_written_down(console: Page, desk: demo.Centre) -> None:
    assert "Nguyễn" not in console.locator("body").inner_text()
    console.keyboard.down("p")
    console.locator(".seen", has_text="Nguyễn Văn Bình, 0905 123 456").wait_for()
    console.keyboard.up("p")
    console.locator(".seen").wait_for(state="detached")
    assert "Nguyễn" not in console.locator("body").inner_text()
    assert [one["report"] for one in said(desk, "/dev/desk/looks")] == ["r417"]


def test_filters_search_and_what_is_kept_by_name(console: Page) -> None:
    console.get_by_role("button", name=re.compile("^Quá hạn")).click()
    console.wait_for_function("() => document.querySelectorAll('.qr:not(.h)').length === 7")
    console.keyboard.press("/")
    console.keyboard.type("ai:cong_vien")
    console.keyboard.press("Enter")
    console.wait_for_function("() => document.querySelectorAll('.qr:not(.h)').length === 1")
    console.get_by_role("button", name="giữ bộ lọc").click()
    console.keyboard.type("Cây đổ")
    console.keyboard.press("Enter")
    console.reload()
    console.get_by_role("button", name="Cây đổ", exact=True).click()
    console.wait_for_function("() => document.querySelectorAll('.qr:not(.h)').length === 1")


def test_a_call_is_filed_with_a_place_from_the_map(console: Page) -> None:
    console.wait_for_function("() => window.__ioc?.main?.map.areTilesLoaded()", timeout=90_000)
    console.keyboard.press("n")
    console.locator(".call select").first.select_option("waste")
    console.locator(".call textarea").fill("Rác chất đống sau chợ")
    box = console.locator(".omap canvas").bounding_box()
    assert box is not None
    console.mouse.click(box["x"] + 80, box["y"] + 100)
    console.locator(".call .f", has_text="109").wait_for()
    console.get_by_label("Tên người báo").fill("Lê Thị Hoa")
    console.get_by_role("button", name="ghi phản ánh").click()
    console.locator("#case h2", has_text="Rác chất đống sau chợ").wait_for()
    assert number(console).startswith("PY-2026-")
    assert "Lê Thị Hoa" not in console.locator("body").inner_text()


def test_a_call_answers_what_its_category_asks_and_waits_while_another_is_looked_at(console: Page) -> None:
    console.keyboard.press("n")
    console.locator(".call select").first.select_option("light")
    console.locator(".call textarea").first.fill("Cả dãy đèn tắt")
    console.get_by_label("Địa chỉ, chỗ").fill("12 Trần Phú")
    send = console.get_by_role("button", name="ghi phản ánh")
    for answer in (
        lambda: console.get_by_label("Đèn thế nào bắt buộc").select_option("blinks"),
        lambda: console.get_by_label("vỉa hè").check(),
        lambda: console.get_by_label("Mấy cột bắt buộc").fill("2"),
    ):
        send.click()
        assert console.locator(".call :invalid:not(fieldset)").count() > 0
        answer()
    console.get_by_label("Số ghi trên cột").fill("TH-12")
    # the first leaves the field, the second the form
    console.keyboard.press("Escape")
    console.keyboard.press("Escape")
    console.locator("#case h2", has_text="Ống nước vỡ").wait_for()
    console.locator(".qr", has_text="Nắp cống mất").click()
    console.locator("#case h2", has_text="Nắp cống mất").wait_for()
    console.keyboard.press("n")
    assert console.get_by_label("Số ghi trên cột").input_value() == "TH-12"
    send.click()
    console.locator("#case h2", has_text="Cả dãy đèn tắt").wait_for()
    told = dict(zip(*(console.locator(f".told {part}").all_inner_texts() for part in ("dt", "dd")), strict=True))
    assert told == {"Đèn thế nào": "chớp tắt", "Tối ở đâu": "vỉa hè", "Mấy cột": "2", "Số ghi trên cột": "TH-12"}
    console.keyboard.press("n")
    assert console.locator(".call textarea").first.input_value() == ""


def test_a_change_elsewhere_comes_by_itself(console: Page, desk: demo.Centre, browser: Browser) -> None:
    other = console.context.new_page()
    other.goto(f"{desk.base}/ops")
    other.locator("#case h2", has_text="Ống nước vỡ").wait_for()
    other.keyboard.press("u")
    other.locator(".evs li", has_text="đã nhận").wait_for()
    console.locator(".qr.sel", has_text="đã nhận").wait_for(timeout=15_000)
    console.locator(".evs li", has_text="đã nhận").wait_for()


def test_the_other_tabs_tell_what_is_wrong(console: Page) -> None:
    for key, told in (
        ("2", "Trạm mưa"),
        ("3", "overview"),
        ("4", "Mã đơn vị"),
        ("5", "nhắc"),
        ("6", "Mất cả 11 trạm mưa"),
    ):
        console.keyboard.press(key)
        console.locator(".tab", has_text=re.compile(told, re.IGNORECASE)).wait_for()
    console.keyboard.press("1")
    console.locator(".qr.sel").wait_for()


def test_the_synthesis_counts_by_what_is_chosen_and_goes_into_a_file(console: Page) -> None:
    console.keyboard.press("7")
    rows = console.locator(".syn tbody tr")
    rows.filter(has_text="Phường Tuy Hoà").wait_for()
    assert "nhận 7, đã xử lý 5 (tôi 2), đang chờ 21, quá hạn 7" in console.locator(".syn .turn").inner_text()
    whole = console.locator(".syn tfoot td").all_inner_texts()
    assert whole[0] == "Tất cả"
    # a share stands beside what it is of; of nothing there is none
    assert (whole[6], whole[9]) == ("62,5 % 5/8", "— 0/0")
    console.get_by_role("button", name="Theo loại").click()
    rows.filter(has_text="Cấp nước").wait_for()
    console.locator(".syn select").nth(3).select_option("water")
    console.wait_for_function("() => document.querySelectorAll('.syn tbody tr').length === 1")
    with console.expect_download() as waiting:
        console.get_by_role("button", name="CSV", exact=True).click()
    assert waiting.value.suggested_filename == "tong-hop.csv"


def test_a_silent_server_is_told_and_nothing_looks_alive(console: Page, desk: demo.Centre) -> None:
    said(desk, "/dev/still", "POST")
    console.locator(".o.blind .blind-block", has_text="Mất máy chủ").wait_for(timeout=30_000)
    assert console.locator(".side .walls use[href='#m-live']").count() == 0
    said(desk, "/dev/wake", "POST")
    console.locator(".blind-block").wait_for(state="detached", timeout=60_000)


@pytest.mark.parametrize("size", [(1920, 1080), (1440, 900), (1366, 768), (1280, 800), (960, 540)])
def test_every_size_reads_and_bars_nobody(console: Page, size: tuple[int, int]) -> None:
    """960 is a screen of 1920 at 200 %."""
    axe = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
    if not axe.is_file():
        absent("axe-core is not installed (npm ci in frontend/)")
    console.set_viewport_size({"width": size[0], "height": size[1]})
    assert console.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert console.evaluate(SMALL_TEXT) == []
    assert console.evaluate(CUT) == 0
    console.add_script_tag(content=axe.read_text(encoding="utf-8"))
    for key in ("", "a", "?", "n", "2", "7"):
        if key:
            console.keyboard.press(key)
            console.locator({"n": ".call", "2": ".tab", "7": ".syn table"}.get(key, "dialog[open]")).wait_for()
        found = console.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
        told = [(one["id"], [node["html"][:160] for node in one["nodes"][:3]]) for one in found["violations"]]
        assert told == [], key
        console.keyboard.press("Escape")
        # a key that comes before the browser has closed the question belongs to the question
        console.wait_for_function("() => document.querySelector('dialog[open]') === null")
