"""Data quality on the glass: the wall as in its picture, who is missing one tap away, receipts of what was drawn."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import ROOT, absent
from tests.e2e import demo, glass
from tests.e2e.test_tablet import SMALL_TARGETS, SMALL_TEXT
from tests.e2e.test_wall import SPILLED

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, StorageState

pytestmark = pytest.mark.browser

PARTS = ".wd, .lk, .lg, .ck, .rm, .ptitle, header"
BEYOND = """() => [...document.querySelectorAll('.lg > *, .lk > *, .ck > *, .rm > *, .per i')].filter((one) => {
  const box = one.getBoundingClientRect(), home = one.closest('.panel').getBoundingClientRect();
  return box.width > 0 && (box.right > home.right + 1 || box.left < home.left - 1);
}).map((one) => one.className)"""
OPEN = "() => window.__ioc?.live?.link === 'open' && document.querySelectorAll('.lg:not(.h)').length > 0"
# Left, top, width, height in the picture's pixels, from the corner of the words' band.
PICTURE = {".band": (0, 0, 1872, 150), ".lks": (0, 166, 896, 586), ".lgs": (912, 166, 960, 586),
           ".cks": (0, 768, 896, 184), ".rms": (912, 768, 960, 184)}  # fmt: skip


@pytest.fixture(scope="module")
def stage() -> Iterator[demo.Centre]:
    with demo.centre(fake=True) as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1920, "height": 1080}, bypass_csp=True)
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert errors == []


@pytest.fixture
def wall(page: Page, stage: demo.Centre) -> Page:
    page.goto(f"{stage.base}/wall/data-quality")
    page.wait_for_function(OPEN)
    page.locator(".wd polyline").nth(3).wait_for(state="attached")
    return page


@pytest.fixture
def tablet(page: Page, stage: demo.Centre) -> Page:
    page.set_viewport_size({"width": 1024, "height": 768})
    page.goto(f"{stage.base}/tablet")
    page.get_by_role("button", name="Chất lượng", exact=True).click()
    page.wait_for_function(OPEN)
    return page


def test_panels_stand_where_the_picture_has_them(wall: Page) -> None:
    corner = wall.locator(".band").bounding_box()
    assert corner is not None
    for part, (left, top, width, height) in PICTURE.items():
        box = wall.locator(part).bounding_box()
        assert box is not None
        found = (box["x"] - corner["x"], box["y"] - corner["y"], box["width"], box["height"])
        assert found == pytest.approx((left, top, width, height), abs=1), part


def test_links_are_worst_first_and_the_good_ones_are_one_row(wall: Page) -> None:
    rows = [row.inner_text().split("\n") for row in wall.locator(".lk:not(.h)").all()]
    assert [row[0] for row in rows[:5]] == ["Công an", "Giáo dục", "Giao thông", "Lao động", "Khí tượng thuỷ văn"]
    assert [cell.strip() for cell in rows[0][1:4]] == ["không", "chưa thử", "chưa thử"]
    assert rows[-1][0] == "7 ngành còn lại"
    assert len(rows) == 11
    assert wall.locator(".lks .r").inner_text().strip() == "kết nối 12, chia sẻ 12, đồng bộ 9"


def test_ledger_says_have_of_expect_and_the_last_periods(wall: Page) -> None:
    rows = wall.locator(".lg:not(.h)")
    assert [row.inner_text().replace("\n", "") for row in rows.locator(".hv").all()][:4] == [
        "0/34", "12/34", "7/9", "190/241",
    ]  # fmt: skip
    assert rows.first.locator(".per i.nv").count() == 8
    assert rows.nth(2).locator(".per i.ex").count() == 2
    assert rows.nth(1).locator(".per i.x").count() == 7
    assert [row.inner_text() for row in rows.locator(".t").all()] == ["6", "4", "3", "2", "1", "0", "0", "0"]
    assert "đúng hạn 12, thiếu 22" in (rows.nth(1).locator(".pers .hear").text_content() or "")


def test_a_failed_check_shows_both_figures_and_reminders_their_lines(wall: Page) -> None:
    first = " ".join(wall.locator(".ck").first.inner_text().split())
    assert "487 + 905 = 1.392" in first and "công bố “hơn 1.500”" in first
    heading = " ".join(wall.locator(".cks h2").inner_text().split())
    assert heading == "Phép kiểm trượt 3 trên 41, giữ cả hai con số"
    assert wall.locator(".rm").first.locator(".dots i.b").count() == 6
    assert wall.locator(".rm").nth(1).locator(".dots i.w").count() == 4
    assert "3 xem xét, 6 kỷ luật" in wall.locator(".rms h2").inner_text()


def test_normal_is_quiet_on_the_wall_of_quality(wall: Page) -> None:
    good = wall.locator(".lg:not(.h)").last
    assert good.locator(".bad, .warn, i.x").count() == 0
    assert wall.locator(".lk.q .down, .lk.q .late").count() == 0
    assert wall.locator(".wd.q .warn, .wd.q .bad").count() == 0


@pytest.mark.parametrize("lang", ["vi", "en"])
@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (3840, 2160), (2880, 1080), (1280, 720)])
def test_no_word_spills_out_of_its_row(page: Page, stage: demo.Centre, lang: str, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"{stage.base}/wall/data-quality?lang={lang}")
    page.wait_for_function(OPEN)
    page.evaluate("() => document.fonts.ready.then(() => true)")
    assert page.evaluate(SPILLED.replace(".tile, .srow, .al, .strip, .map, header", PARTS)) == []
    assert page.evaluate("() => document.documentElement.scrollHeight <= innerHeight + 1")


def test_no_row_lies_across_a_bezel(page: Page, stage: demo.Centre) -> None:
    """Three panels beside each other, two above each other: bezels at each third, and at half the height."""
    page.set_viewport_size({"width": 2880, "height": 1080})
    page.goto(f"{stage.base}/wall/data-quality")
    page.wait_for_function(OPEN)
    page.evaluate("() => document.querySelector('.wall').style.transform = ''")
    crossed = page.evaluate(
        """() => [...document.querySelectorAll('.wd, .lk, .lg, .ck, .rm')].map((row) => row.getBoundingClientRect())
          .filter((box) => (box.top < 539 && box.bottom > 541)
            || [960, 1920].some((x) => box.left < x - 1 && box.right > x + 1)).length"""
    )
    assert crossed == 0


def test_it_is_a_scene_of_the_overview_and_the_map_stays(page: Page, stage: demo.Centre) -> None:
    page.goto(f"{stage.base}/wall/overview")
    glass.wait_cameras(page)
    page.evaluate("() => { window.__map = document.querySelector('.map canvas'); }")
    page.keyboard.press("ArrowLeft")
    page.locator(".quality .lks").wait_for()
    assert page.locator("header .scene").inner_text().startswith("Chất lượng dữ liệu")
    assert not page.locator(".main").is_visible()
    page.keyboard.press("ArrowRight")
    page.locator(".quality").wait_for(state="detached")
    assert page.locator(".main").is_visible()
    assert page.evaluate("() => window.__map === document.querySelector('.map canvas')")


def test_panels_without_data_say_so(wall: Page) -> None:
    # read at the next frame: the server knows nothing of it, and its next change brings a channel back
    told = wall.evaluate(
        """() => {
          ['links', 'ledger', 'checks', 'reminders'].forEach((channel) => window.__ioc.live.line.take(
            {type: 'problem', code: 'forbidden', say: 'x', temporary: false, channel}));
          return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(
            ['lks', 'lgs', 'cks', 'rms'].map((panel) => document.querySelector(`.${panel} .none`)?.textContent)))));
        }"""
    )
    assert told == ["chưa thử", "chưa có", "Chưa có phép kiểm nào chạy", "chưa có"]


def test_blind_it_shows_rings_and_the_time_of_the_picture(wall: Page, stage: demo.Centre) -> None:
    web = stage.freeze()
    try:
        wall.locator(".blind-block").wait_for(timeout=60_000)
        used = wall.evaluate("() => [...document.querySelectorAll('.lk use')].map((one) => one.getAttribute('href'))")
        assert set(used) == {"#m-stale"}
        assert all("của " in text for text in wall.locator(".wd p").all_inner_texts())
        assert "grayscale" in wall.evaluate("() => getComputedStyle(document.querySelector('.quality')).filter")
    finally:
        web.resume()
    wall.locator(".blind-block").wait_for(state="detached", timeout=60_000)


def test_the_missing_are_one_tap_away_and_go_into_a_spreadsheet(tablet: Page, tmp_path: Path) -> None:
    tablet.get_by_role("button", name="Báo cáo quý an sinh").click()
    sheet = tablet.locator("dialog.sheet")
    sheet.locator(".group.missing h3").wait_for()
    assert sheet.locator(".group h3").all_inner_texts() == ["thiếu 22", "đúng hạn 12"]
    sheet.get_by_role("button", name="xem cả 22").click()
    assert sheet.locator(".group.missing li:not(.bare)").count() == 22
    sheet.locator(".pick button").nth(1).click()
    sheet.locator(".group.late h3").wait_for()
    assert sheet.locator(".group h3").all_inner_texts() == ["thiếu 2", "trễ 3", "đúng hạn 29"]
    with tablet.expect_download() as coming:
        sheet.get_by_role("button", name="tải CSV").click()
    coming.value.save_as(tmp_path / "got.csv")
    rows = (tmp_path / "got.csv").read_text(encoding="utf-8").splitlines()
    assert rows[0] == "reporter,name,state"
    assert sum(",missing" in row for row in rows) == 2
    tablet.keyboard.press("Escape")
    sheet.wait_for(state="detached")


def test_a_sector_leads_to_the_source_that_it_breaks_at(tablet: Page) -> None:
    tablet.locator(".lk").get_by_role("button", name="Kế hoạch").click()
    assert tablet.locator("dialog.sheet h2").inner_text() == "Giường bệnh"


def test_a_source_that_owes_no_periods_says_so(tablet: Page) -> None:
    tablet.get_by_role("button", name="Camera Tuy Hoà", exact=True).click()
    tablet.locator("dialog.sheet").get_by_text("không nộp theo kỳ").wait_for()


def test_a_word_opens_its_scores_and_they_the_source(tablet: Page) -> None:
    tablet.locator(".sc .c1").nth(1).click()
    sheet = tablet.locator("dialog.sheet")
    sheet.get_by_text("100 × 190 ÷ 241 = 78,8").wait_for()
    by_source = sheet.locator(".scos").last
    assert by_source.locator(".sco").first.inner_text().split("\n")[0] == "Ngành Lao động"
    sheet.locator(".scos").first.locator(".sco", has_text="Y tế").click()
    assert by_source.locator(".sco").all_inner_texts()[0].startswith("Giường bệnh")
    by_source.locator(".sco", has_text="Giường bệnh").click()
    sheet.get_by_text("Người phụ trách").wait_for()
    assert sheet.locator("h2").inner_text() == "Giường bệnh"
    assert "4 Mã đơn vị không có trong danh mục." in sheet.inner_text()
    sheet.get_by_role("button", name="Sổ nộp 7/9").click()
    sheet.locator(".group.missing").wait_for()
    for _ in range(2):
        sheet.get_by_role("button", name="Quay lại").click()
    assert sheet.locator("h2").inner_text() == "Đủ"


def test_a_tile_says_whence_it_comes_and_typed_figures_look_typed(tablet: Page) -> None:
    line = "(one) => getComputedStyle(one).textDecorationStyle"
    assert tablet.locator(".lg.typed .hv > span").first.evaluate(line) == "dotted"
    assert tablet.locator(".lg.typed use").first.get_attribute("href") == "#m-typed"
    tablet.get_by_role("button", name="Hôm nay", exact=True).click()
    tile = tablet.locator(".tile", has_text="Giường trống")
    assert tile.locator(".v > b").evaluate(line) == "dotted"
    tile.click()
    sheet = tablet.locator("dialog.sheet")
    sheet.get_by_text("cơ quan báo").wait_for()
    told = sheet.inner_text()
    assert "Trần Thị B" in told and "12/BC-SYT" in told and "trước 298: cộng sót một viện" in told
    assert sheet.locator(".big > b").evaluate(line) == "dotted"
    sheet.get_by_role("button", name="đã xem").click()
    sheet.get_by_text("cộng sót một viện").wait_for(state="detached")
    tablet.keyboard.press("Escape")
    assert tile.locator(".l").inner_text().split() == ["Giường", "trống", "nhập", "tay"]
    tablet.locator(".tile", has_text="Giờ xử lý").click()
    sheet.get_by_text("cá nhân 905").wait_for()
    assert "hơn 1.500 · Báo cáo công bố" in sheet.inner_text()


def test_a_frozen_source_is_named_so_on_wall_and_tablet(tablet: Page, stage: demo.Centre) -> None:
    row = tablet.locator(".sr", has_text="Tiêm chủng")
    assert "đứng hình" in row.inner_text()
    assert row.locator("use[href='#m-frozen']").count() == 1
    tablet.goto(f"{stage.base}/wall/overview")
    tablet.set_viewport_size({"width": 1920, "height": 1080})
    tablet.locator(".strip .cnt", has_text="đứng hình").wait_for()
    tablet.evaluate("() => document.fonts.ready.then(() => true)")
    over = """() => [...document.querySelectorAll('.strip .cell')].filter((cell) =>
      cell.querySelector('.st .f').getBoundingClientRect().right > cell.getBoundingClientRect().right).length"""
    assert tablet.evaluate(over) == 0


@pytest.mark.parametrize("width", [360, 390, 560, 768, 900, 1024, 1280])
def test_the_page_of_quality_reads_at_every_width(tablet: Page, width: int) -> None:
    tablet.set_viewport_size({"width": width, "height": 844})
    assert tablet.evaluate(BEYOND) == [], "A panel cuts off what it does not scroll."
    for opened in (None, "Báo cáo quý an sinh", "Trạm mưa"):
        if opened is not None:
            tablet.get_by_role("button", name=opened, exact=True).click()
            tablet.locator("dialog .group, dialog .kv").first.wait_for()
        assert tablet.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        assert tablet.evaluate(
            "() => [...document.querySelectorAll('dialog')].every((one) => one.scrollWidth <= innerWidth)"
        )
        assert tablet.evaluate(SMALL_TEXT.replace(".tb *", ".tb *, dialog *")) == []
        assert tablet.evaluate(SMALL_TARGETS) == 0
        tablet.keyboard.press("Escape")


@pytest.mark.parametrize("where", ["wall", "tablet", "ledger", "word", "source"])
def test_nothing_bars_those_who_listen_or_use_keys(page: Page, stage: demo.Centre, where: str) -> None:
    axe = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
    if not axe.is_file():
        absent("axe-core is not installed (npm ci in frontend/)")
    page.goto(f"{stage.base}{'/wall/data-quality' if where == 'wall' else '/tablet'}")
    if where != "wall":
        page.get_by_role("button", name="Chất lượng", exact=True).press("Enter")
    page.wait_for_function(OPEN)
    if where == "ledger":
        page.get_by_role("button", name="Giường bệnh hằng ngày").press("Enter")
        page.locator("dialog .group").first.wait_for()
    elif where == "word":
        page.locator(".sc .c1").first.press("Enter")
        page.locator("dialog .sco").first.wait_for()
    elif where == "source":
        page.get_by_role("button", name="Trạm mưa", exact=True).press("Enter")
        page.locator("dialog .kv").wait_for()
    page.add_script_tag(content=axe.read_text(encoding="utf-8"))
    found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    assert [(one["id"], [node["html"][:160] for node in one["nodes"][:3]]) for one in found["violations"]] == []


def test_a_wall_sends_receipts_of_what_it_drew_and_a_tablet_none(page: Page, stage: demo.Centre) -> None:
    sent: list[dict[str, Any]] = []
    got: set[tuple[str, str, int]] = set()

    def hear(body: str | bytes) -> None:
        frame = json.loads(body)
        if frame["type"] in ("snapshot", "delta"):
            got.add((frame["channel"], frame["epoch"], frame["offset"]))

    def follow(socket: Any) -> None:
        socket.on("framesent", lambda body: sent.append(json.loads(body)))
        socket.on("framereceived", hear)

    page.on("websocket", follow)
    page.goto(f"{stage.base}/wall/data-quality")
    page.wait_for_function("() => (window.__ioc?.live?.line.boards.get('layer/canary')?.offset ?? 0) > 1")
    first = page.evaluate("() => window.__ioc.live.line.boards.get('layer/canary').offset")
    page.wait_for_function("(first) => window.__ioc.live.line.boards.get('layer/canary').offset > first + 1", arg=first)
    page.wait_for_timeout(500)
    shown = [frame for frame in sent if frame["type"] == "shown"]
    assert all((one["channel"], one["epoch"], one["offset"]) in got and one["ms"] >= 0 for one in shown)
    places = [(one["channel"], one["epoch"], one["offset"]) for one in shown]
    assert len(places) == len(set(places))
    songs = [one["offset"] for one in shown if one["channel"] == "layer/canary"]
    assert songs == sorted(songs) and songs[-1] > first
    assert {"links", "ledger", "checks", "reminders"} <= {one["channel"] for one in shown}
    sent.clear()
    page.goto(f"{stage.base}/tablet")
    glass.wait_figures(page)
    page.wait_for_timeout(500)
    assert [frame for frame in sent if frame["type"] == "shown"] == []


def test_the_demo_itself_opens_all_the_way_down(browser: Browser, let_in: StorageState, centre: demo.Centre) -> None:
    """Not the small server: the words, the ledger, a source and the walls, as the real API tells them."""
    context = browser.new_context(viewport={"width": 1920, "height": 1080}, storage_state=let_in)
    wall, tablet = context.new_page(), context.new_page()
    wall.goto(f"{centre.base}/wall/data-quality")
    wall.wait_for_function(OPEN)
    assert wall.locator(".wd .n").count() == 4
    tablet.goto(f"{centre.base}/tablet")
    tablet.get_by_role("button", name="Chất lượng", exact=True).click()
    tablet.wait_for_function(OPEN)
    # a wall goes by its title, as people call it
    until = time.monotonic() + 30
    while not (found := [one["name"] for one in centre.get("/api/walls") if one["screen"] == "data-quality"]):
        assert time.monotonic() < until, "Nobody was told of the wall."
        time.sleep(0.5)
    tablet.locator(".wl", has_text=found[0]).first.wait_for(timeout=30_000)
    sheet = tablet.locator("dialog.sheet")
    tablet.locator(".lg button.nm").first.click()
    sheet.locator(".group, .plain").first.wait_for()
    tablet.keyboard.press("Escape")
    tablet.locator(".sc .c1").last.click()
    sheet.get_by_text("100 ×").wait_for()
    sheet.locator(".scos").last.locator(".sco").first.click()
    sheet.get_by_text("Giao ước").wait_for()
    context.close()
