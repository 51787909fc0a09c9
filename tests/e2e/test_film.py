"""A film, whole: from a phone's page through the demo to the follow page and the desk, where it plays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.e2e import demo
from tests.reports.test_videos import FILMS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, FilePayload, Page

pytestmark = pytest.mark.browser

PLAYS = """(of) => {
  const film = document.querySelector(of);
  return film !== null && film.readyState >= 2 && film.videoWidth === 64 && film.videoHeight === 48;
}"""


@pytest.fixture
def phone(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, locale="vi-VN", permissions=["geolocation"],
        geolocation={"longitude": 109.3209, "latitude": 13.0955, "accuracy": 12},
    )  # fmt: skip
    yield context
    context.close()


def plays(page: Page, of: str) -> None:
    """The film's first picture is there, and its last: a browser leaps by asking for a part of the file."""
    page.locator(of).wait_for()
    page.evaluate("(of) => { const film = document.querySelector(of); film.preload = 'auto'; film.load(); }", of)
    page.wait_for_function(PLAYS, arg=of, timeout=60_000)
    page.evaluate("(of) => { document.querySelector(of).currentTime = 0.9; }", of)
    page.wait_for_function("(of) => document.querySelector(of).currentTime > 0.8", arg=of, timeout=60_000)


@pytest.mark.parametrize("kind", ["mp4", "webm"])
def test_a_film_goes_from_the_phone_to_the_follow_page_and_the_desk(
    phone: BrowserContext, browser: Browser, centre: demo.Centre, kind: str
) -> None:
    words = f"Nước chảy thành dòng giữa đường, xem phim {kind}."
    page = phone.new_page()
    page.goto(f"{centre.base}/report")
    page.get_by_role("radio").first.check()
    page.get_by_label("Kể ngắn gọn").fill(words)
    film: FilePayload = {"name": f"film.{kind}", "mimeType": f"video/{kind}", "buffer": FILMS[kind]}
    page.set_input_files(".add input", [film])
    page.get_by_role("button", name="Bỏ ảnh 1").wait_for()
    assert page.locator(".add").count() == 0, "beside a film there is no photo"
    page.get_by_role("button", name="Tiếp: ở đâu?").click()
    page.get_by_text("Định vị lúc").wait_for()
    page.get_by_role("button", name="Gửi", exact=True).click()
    page.get_by_text("2 trên 2 phần").wait_for(timeout=60_000)
    link = page.get_by_label("Đường dẫn theo dõi").input_value()
    page.goto("about:blank")
    page.goto(link)
    plays(page, ".phs video")

    context = browser.new_context(viewport={"width": 1920, "height": 1080})
    desk = context.new_page()
    desk.goto(f"{centre.base}/ops")
    desk.locator("#key").fill(centre.key)
    desk.keyboard.press("Enter")
    desk.locator(".qr", has_text=kind).first.click()
    desk.locator("#case", has_text=words).wait_for()
    desk.locator(".ph video").click()
    plays(desk, ".glass video")
    context.close()
