"""The demo's own ledger on the glass: 190 of 241 communes, the missing by name, and the same names in the CSV."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ioc.demo import communes
from ioc.demo.sources import SEED
from tests.e2e.demo import Centre

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(os.environ.get("IOC_E2E") == "fake", reason="The pages' own small server has no communes."),
]

NAME = "Báo cáo ngày của xã"
NEVER = {one.code: one.name for one in communes.groups(SEED).never}
"""The communes without the software: of the newest day nobody of them has told anything."""
PATIENCE_MS = 240_000
"""A reporting day of the demo, until the late ones of the day before have come, and a start."""
OPEN = "() => window.__ioc?.live?.link === 'open' && document.querySelectorAll('.lg:not(.h)').length > 0"


def missing(centre: Centre, period: str) -> dict[str, str]:
    told: Any = centre.get(f"/api/ledger/communes?period={period}")
    return {entry["reporter"]: entry["name"] for entry in told["entries"] if entry["state"] == "missing"}


def test_the_wall_says_how_many_communes_told_and_never_a_bare_number(page: Page, centre: Centre) -> None:
    page.goto(centre.address("/wall/data-quality"))
    page.wait_for_function(OPEN)
    row = page.locator(".lg", has_text=NAME)
    row.locator(".hv", has_text="190/241").wait_for(timeout=PATIENCE_MS)
    assert "thiếu 51" in (row.locator(".pers .hear").text_content() or "")


def test_the_missing_stand_by_name_one_tap_away_and_the_csv_has_exactly_them(
    page: Page, centre: Centre, tmp_path: Path
) -> None:
    page.set_viewport_size({"width": 1024, "height": 768})
    page.goto(centre.address("/tablet"))
    page.get_by_role("button", name="Chất lượng", exact=True).click()
    page.wait_for_function(OPEN)
    row = page.locator(".lg", has_text=NAME)
    row.locator(".hv", has_text="190/241").wait_for(timeout=PATIENCE_MS)
    row.get_by_role("button", name=NAME).click()
    sheet = page.locator("dialog.sheet")
    sheet.get_by_text("danh sách ngày 01/07/2025 (Danh sách mẫu), tên đặt ra cho bản mẫu").wait_for()
    # the period is held fast: another may end while we look at it
    sheet.locator(".pick button").last.click()
    sheet.locator(".group.missing h3", has_text="thiếu 51").wait_for(timeout=PATIENCE_MS)
    sheet.get_by_role("button", name="xem cả 51").click()
    assert set(sheet.locator(".group.missing li:not(.bare)").all_inner_texts()) == set(NEVER.values())
    with page.expect_download() as coming:
        sheet.get_by_role("button", name="tải CSV").click()
    coming.value.save_as(tmp_path / "got.csv")
    with (tmp_path / "got.csv").open(encoding="utf-8", newline="") as got:
        rows = list(csv.DictReader(got))
    assert len(rows) == 241
    absent = {entry["reporter"]: entry["name"] for entry in rows if entry["state"] == "missing"}
    assert absent == NEVER == missing(centre, rows[0]["period"])
    assert {(entry["list_as_of"], entry["list_invented"]) for entry in rows} == {("2025-07-01", "true")}
