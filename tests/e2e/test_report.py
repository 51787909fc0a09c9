"""The citizens' page: a report from a phone without signal, sent once; by keyboard, by ear, at 360 pixels."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT, absent
from tests.e2e.phone import SLOW, WORDS, Province, fill, opened, picture, to_the_end

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.browser

SIDEWAYS = """() => [document.documentElement, ...document.querySelectorAll('.frame, .bd')]
  .filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.className || one.tagName)"""
SMALL = """() => [...document.querySelectorAll('.app button, .app a, .app input, .app select, .app textarea, summary')]
  .filter((one) => !one.closest('.trap, .maplibregl-map') && one.getClientRects().length > 0)
  .map((one) => [one.outerHTML.slice(0, 90), one.getBoundingClientRect()])
  .filter(([, box]) => box.height < 47.5 || box.width < 47.5).map(([html]) => html)"""


def test_without_signal_a_report_waits_through_a_closed_tab_and_arrives_once(
    phone: BrowserContext, province: Province
) -> None:
    page = opened(phone, province)
    page.close()
    phone.set_offline(True)
    page = phone.new_page()
    page.goto(f"{province.base}/report")
    page.get_by_text("chưa có sóng").wait_for()
    fill(page, [picture(1), picture(2)])
    page.wait_for_timeout(400)
    page.close()

    page = phone.new_page()
    page.goto(f"{province.base}/report")
    page.get_by_text("Còn một việc đang viết dở").wait_for()
    assert page.get_by_label("Kể ngắn gọn").input_value() == WORDS
    assert page.locator(".drop").count() == 2
    to_the_end(page)
    page.get_by_role("heading", name="Đã giữ trên máy này").wait_for()
    page.get_by_text("0 trên 3 phần").wait_for()
    page.close()
    assert province.reports() == []

    phone.set_offline(False)
    page = phone.new_page()
    page.goto(f"{province.base}/report#cua-toi")
    page.get_by_text("tỉnh đã nhận").wait_for()
    (report,) = province.reports()
    assert report["words"] == WORDS and [one["state"] for one in report["photos"]] == ["taken", "taken"]
    assert (report["lon"], report["lat"]) == (109.3209, 13.0955)
    page.reload()
    page.get_by_text("tỉnh đã nhận").wait_for()
    assert len(province.reports()) == 1


def test_a_server_killed_between_the_photos_goes_on_where_it_stopped(phone: BrowserContext, province: Province) -> None:
    page = opened(phone, province)
    fill(page, [picture(1), picture(2, 1400)])
    session = phone.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", SLOW)
    to_the_end(page)
    page.get_by_text("2 trên 3 phần").wait_for(timeout=60_000)
    page.wait_for_function("() => /đã đi [1-9]/.test(document.body.textContent)", timeout=60_000)
    province.kill()
    page.get_by_text("Chờ gửi lại").wait_for(timeout=60_000)
    assert page.get_by_role("heading", name="Tỉnh đã nhận").is_visible()
    before = sum(one.stat().st_size for one in province.data.glob("*.part"))
    assert before > 0
    session.send("Network.emulateNetworkConditions", {**SLOW, "uploadThroughput": -1, "downloadThroughput": -1})
    province.start()
    page.get_by_role("button", name="Thử gửi ngay").click()
    page.get_by_text("3 trên 3 phần").wait_for(timeout=60_000)
    (report,) = province.reports()
    assert [one["state"] for one in report["photos"]] == ["taken", "taken"]
    assert sum(one.stat().st_size for one in province.data.glob("*.part")) == sum(
        one["bytes"] for one in report["photos"]
    )


def test_photos_leave_the_phone_small_and_without_what_the_camera_wrote(
    phone: BrowserContext, province: Province
) -> None:
    page = opened(phone, province)
    fill(page, [picture(3, 2600)])
    to_the_end(page)
    page.get_by_text("2 trên 2 phần").wait_for(timeout=60_000)
    (part,) = province.data.glob("*.part")
    body = part.read_bytes()
    assert body[:3] == b"\xff\xd8\xff" and b"Exif" not in body[:200]
    at = body.index(b"\xff\xc0")
    assert max(struct.unpack(">HH", body[at + 5 : at + 9])) == 2048


def test_all_of_a_report_by_keyboard(phone: BrowserContext, province: Province) -> None:
    page = opened(phone, province)
    page.keyboard.press("Tab")
    focused = "() => document.activeElement?.closest('label, button, a, summary, h1')?.innerText ?? ''"

    def until(text: str) -> None:
        for _ in range(40):
            if text in page.evaluate(focused):
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"No key leads to “{text}”.")

    until("Cấp nước")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    assert page.get_by_role("radio", name="Đường hỏng").is_checked()
    until("Kể ngắn gọn")
    page.keyboard.type("Ổ gà lớn")
    until("Tiếp: ở đâu?")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.activeElement?.tagName === 'H1' && document.title === 'Ở đâu?'")
    until("Chọn xã")
    page.keyboard.press("Enter")
    until("Vĩ độ")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("13,0871")
    page.keyboard.press("Tab")
    page.get_by_text("Toạ độ gõ lúc").wait_for()
    until("Gửi")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Tỉnh đã nhận").first.wait_for()
    (report,) = province.reports()
    assert (report["category"], report["words"], report["lat"]) == ("road", "Ổ gà lớn", 13.0871)


def test_what_is_missing_is_said_where_it_is_missing(phone: BrowserContext, province: Province) -> None:
    page = opened(phone, province)
    page.get_by_role("button", name="Tiếp: ở đâu?").click()
    page.get_by_text("Chọn một loại việc.").wait_for()
    assert page.evaluate("() => document.activeElement.name") == "category"
    page.get_by_role("radio", name="Cấp nước").check()
    page.get_by_role("button", name="Tiếp: ở đâu?").click()
    assert page.evaluate("() => document.activeElement.tagName") == "TEXTAREA"
    assert "#o-dau" not in page.url


def test_what_a_category_asks_is_asked_by_name_marked_and_kept(phone: BrowserContext, province: Province) -> None:
    page = opened(phone, province)
    page.get_by_role("radio", name="Đèn đường").check()
    page.get_by_label("Kể ngắn gọn").fill("Cả dãy đèn tắt")
    page.get_by_role("button", name="Tiếp: ở đâu?").click()
    how, where = (
        page.get_by_role("radiogroup", name="Đèn thế nào bắt buộc"),
        page.get_by_role("group", name="Tối ở đâu"),
    )
    many = page.get_by_label("Mấy cột bắt buộc")
    for one in (how, where, many):
        assert one.evaluate("(one) => document.getElementById(one.getAttribute('aria-describedby')).textContent") == (
            "Cần trả lời câu này."
        )
    assert (how.get_attribute("aria-required"), page.evaluate("() => document.activeElement.name")) == (
        "true",
        "asked-how",
    )
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.type("hai")
    page.get_by_label("Số ghi trên cột không bắt buộc").fill("TH-12")
    page.get_by_role("button", name="Tiếp: ở đâu?").click()
    page.get_by_text("Gõ một số").wait_for()
    assert many.evaluate("(one) => one === document.activeElement")
    many.fill("1,5")
    page.wait_for_timeout(400)
    page.close()

    page = phone.new_page()
    page.goto(f"{province.base}/report")
    page.get_by_text("Còn một việc đang viết dở").wait_for()
    assert page.get_by_label("Mấy cột").input_value() == "1,5"
    assert page.get_by_role("radio", name="chớp tắt").is_checked()
    assert page.get_by_role("checkbox", name="vỉa hè").is_checked()
    to_the_end(page)
    page.get_by_role("heading", name="Tỉnh đã nhận").first.wait_for()
    (report,) = province.reports()
    assert report["attributes"] == {"how": "blinks", "where": ["road", "walk"], "many": "1.5", "pole": "TH-12"}


def test_by_plain_http_it_is_told_why_no_photo_goes_along_and_the_words_do(
    phone: BrowserContext, province: Province
) -> None:
    plain = "http://tinh.example"
    phone.route(
        f"{plain}/**", lambda one: one.fulfill(response=one.fetch(url=one.request.url.replace(plain, province.base)))
    )
    page = phone.new_page()
    page.goto(f"{plain}/report")
    page.get_by_role("note").filter(has_text="https://").wait_for()
    assert page.locator(".add").count() == 0
    fill(page, [])
    page.get_by_role("button", name="Tiếp: ở đâu?").click()
    page.get_by_text("Trang đang mở bằng http thường, nên trình duyệt không cho biết chỗ đứng").wait_for()
    page.get_by_text("Chọn xã, gõ địa chỉ").click()
    page.get_by_label("Số nhà, đường").fill("12 Trần Phú")
    page.get_by_role("button", name="Gửi", exact=True).click()
    page.get_by_role("heading", name="Tỉnh đã nhận").first.wait_for()
    (report,) = province.reports()
    assert report["address"] == "12 Trần Phú"


def test_anothers_report_nearby_gets_a_voice_and_no_twin(phone: BrowserContext, province: Province) -> None:
    seed = {"client": "seed", "category": "water", "words": "Ống nước vỡ", "lon": 109.3209, "lat": 13.0957}
    province.send("/api/reports", **seed, photos=[])
    page = opened(phone, province)
    fill(page, [])
    page.get_by_role("button", name="Tiếp: ở đâu?").click()
    page.get_by_text("Ống nước vỡ, cách 20 m").wait_for()
    page.get_by_role("button", name="Đúng việc này").click()
    page.get_by_role("heading", name="Đã góp thêm một tiếng nói").wait_for()
    (report,) = province.reports()
    assert len(report["supports"]) == 1


def test_the_secret_link_shows_each_step_and_asks_at_the_end(phone: BrowserContext, province: Province) -> None:
    page = opened(phone, province)
    fill(page, [])
    to_the_end(page)
    link = page.get_by_label("Đường dẫn theo dõi").input_value()
    (report,) = province.reports()
    province.send(f"/dev/step/{report['id']}", step="ask", to="more_info", text="Nước chảy từ mấy giờ?")
    page.goto("about:blank")
    page.goto(link)
    page.get_by_label("Trả lời của bạn").fill("Từ 6 giờ sáng.")
    page.get_by_role("button", name="Gửi trả lời").click()
    page.get_by_text("“Từ 6 giờ sáng.”").wait_for()
    province.send(f"/dev/step/{report['id']}", step="finish", to="done", text="Đã thay 2 m ống.")
    page.reload()
    page.get_by_role("radio", name="4").check()
    page.get_by_role("button", name="Gửi đánh giá").click()
    page.get_by_text("Bạn chấm 4 trên 5").wait_for()
    page.get_by_role("button", name="Chưa xong").click()
    page.get_by_label("Còn chưa xong chỗ nào?").fill("Vẫn rỉ nước.")
    page.get_by_role("button", name="Mở lại việc này").click()
    page.get_by_role("heading", name="Mở lại", exact=True).wait_for()
    (report,) = province.reports()
    assert (report["state"], report["satisfied"]) == ("reopened", 4)


def steps(page: Page, province: Province) -> Iterator[str]:
    """Each face of the page in turn, ready to be looked at."""
    fill(page, [picture(1), picture(2)])
    yield "what"
    page.get_by_role("button", name="Tiếp: ở đâu?").click()
    page.locator(".pin").wait_for(timeout=60_000)
    page.get_by_text("Chọn xã, gõ địa chỉ").click()
    page.get_by_text("Tên, số điện thoại").click()
    yield "where"
    page.get_by_role("button", name="Gửi", exact=True).click()
    page.get_by_label("Đường dẫn theo dõi").wait_for()
    page.get_by_text("3 trên 3 phần").wait_for()
    yield "kept"
    (report,) = province.reports()
    province.send(f"/dev/step/{report['id']}", step="finish", to="done", text="Đã thay 2 m ống.")
    page.get_by_role("link", name="Theo dõi việc này").click()
    page.get_by_role("button", name="Chưa xong").click()
    yield "follow"
    page.goto(f"{province.base}/report#cua-toi")
    page.get_by_role("button", name="Bỏ khỏi máy").click()
    yield "mine"
    page.goto(f"{province.base}/report#ban-do")
    page.get_by_text("1 phản ánh").wait_for(timeout=60_000)
    yield "map"


def test_nothing_bars_those_who_listen_and_every_control_fits_a_thumb(
    phone: BrowserContext, province: Province
) -> None:
    axe = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
    if not axe.is_file():
        absent("axe-core is not installed (npm ci in frontend/)")
    page = opened(phone, province)
    page.add_script_tag(content=axe.read_text(encoding="utf-8"))
    for step in steps(page, province):
        found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
        told = [(one["id"], [node["html"][:160] for node in one["nodes"][:3]]) for one in found["violations"]]
        assert (step, told) == (step, [])
        assert (step, page.evaluate(SMALL)) == (step, [])


def test_at_360_pixels_and_twice_the_text_nothing_scrolls_sideways(phone: BrowserContext, province: Province) -> None:
    phone.add_init_script(
        "addEventListener('DOMContentLoaded', () => { document.documentElement.style.fontSize = '200%'; })"
    )
    page = opened(phone, province)
    page.set_viewport_size({"width": 360, "height": 640})
    for step in steps(page, province):
        assert (step, page.evaluate(SIDEWAYS)) == (step, [])


def test_english_is_one_tap_away_and_stays(phone: BrowserContext, province: Province) -> None:
    page = opened(phone, province)
    page.get_by_role("button", name="English").click()
    page.get_by_role("heading", name="Report a problem").wait_for()
    page.reload()
    page.get_by_role("radio", name="Water supply").wait_for()
    assert page.evaluate("() => document.documentElement.lang") == "en"
