"""One browser and one centre for all tests of the screens.

They end with the last of these: Playwright keeps an event loop in its thread, and no other may run beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT, absent
from tests.e2e import demo, glass
from tests.e2e.phone import Province

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, StorageState


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    pytest.importorskip("playwright")
    if glass.chromium() is None:
        absent("There is no Chromium on this machine")
    if not (ROOT / "ioc" / "web" / "static" / "wall.html").is_file():
        absent("The pages are not built (npm ci and npm run build in frontend/)")
    with glass.browser() as running:
        yield running


@pytest.fixture(scope="package")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[demo.Centre]:
    with demo.centre(tmp_path_factory.mktemp("demo")) as running:
        yield running


@pytest.fixture(scope="package")
def let_in(browser: Browser, centre: demo.Centre) -> StorageState:
    """What a browser keeps that was let in once: later ones need no code."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(centre.address("/wall/overview"))
    glass.wait_figures(page)
    kept = context.storage_state()
    context.close()
    return kept


@pytest.fixture
def page(browser: Browser, let_in: StorageState) -> Iterator[Page]:
    """A fresh page at a wall's size; an error that nobody caught in it fails the test."""
    context = browser.new_context(viewport={"width": 1920, "height": 1080}, bypass_csp=True, storage_state=let_in)
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert errors == []


@pytest.fixture
def wall(page: Page, centre: demo.Centre) -> Page:
    page.goto(centre.address("/wall/overview"))
    glass.wait_figures(page)
    return page


@pytest.fixture
def tablet(page: Page, centre: demo.Centre) -> Page:
    page.set_viewport_size({"width": 1024, "height": 768})
    page.goto(centre.address("/tablet"))
    glass.wait_figures(page)
    return page


@pytest.fixture
def phone(browser: Browser) -> Iterator[BrowserContext]:
    """A citizen's phone in Tuy Hòa that tells where it is."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844},
        geolocation={"longitude": 109.3209, "latitude": 13.0955, "accuracy": 12},
        permissions=["geolocation"],
        locale="vi-VN",
        reduced_motion="reduce",
        bypass_csp=True,
    )
    yield context
    context.close()


@pytest.fixture
def province(tmp_path: Path) -> Iterator[Province]:
    """The small server of citizens' HTTP, in a folder of its own."""
    if not (ROOT / "ioc" / "web" / "static" / "report.html").is_file():
        absent("The pages are not built (npm ci and npm run build in frontend/)")
    made = Province(tmp_path / "province")
    try:
        made.start()
        yield made
    finally:
        made.kill()
