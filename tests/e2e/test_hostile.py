"""Scripts in what people and sources say: text on every screen, and nothing of it runs. The policy that would stop it
is switched off here, so that nothing else does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT
from tests.web.full import Desk, Full, full

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

EVIL = "<script>window.ran=1</script><img src='/evil.png' onerror='window.ran=1'>"


@pytest.fixture(scope="module")
def centre(redis_url_of_module: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Full]:
    with full(redis_url_of_module, tmp_path_factory.mktemp("hostile"), built=True, words=EVIL) as made:
        yield made


@pytest.fixture(scope="module")
def redis_url_of_module(kv_url: str) -> str:
    import redis

    with redis.Redis.from_url(kv_url, protocol=3) as client:
        client.flushall()
    return kv_url


def test_a_script_is_text_on_every_screen_and_runs_on_none(browser: Browser, centre: Full) -> None:
    desk = Desk(centre)
    with desk.http:
        filed = desk.file(words=EVIL, address=EVIL, name=EVIL)
        desk.step(filed["id"], "verify")
        desk.step(filed["id"], "answer", text=EVIL)
    context = browser.new_context(viewport={"width": 1600, "height": 1000}, bypass_csp=True, service_workers="block")
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: asked.append(f"dialog {dialog.message} evil"))
    page.goto(f"{centre.url}/report#theo-doi={filed['follow']}")
    page.get_by_text(EVIL).first.wait_for()
    _calm(page)
    page.goto("about:blank")
    page.goto(f"{centre.url}/ops")
    page.locator("#key").fill(str(centre.keys["admin"]))
    page.keyboard.press("Enter")
    page.locator("#case").get_by_text(EVIL).first.wait_for()
    _calm(page)
    for path in ("/wall/overview", "/tablet"):
        page.goto(f"{centre.url}{path}")
        page.wait_for_function("() => window.__ioc?.live?.link === 'open'")
        _calm(page)
    context.close()
    assert not [one for one in asked if "evil" in one]


def _calm(page: Page) -> None:
    page.wait_for_timeout(300)
    assert page.evaluate("() => [window.ran, document.querySelectorAll('[src*=evil]').length]") == [None, 0]


def test_no_page_writes_markup_out_of_words() -> None:
    ways = ("{@html", "innerHTML", "outerHTML", "insertAdjacentHTML", "setHTML", "document.write", "srcdoc")
    files = [one for one in (ROOT / "frontend" / "src").rglob("*") if one.suffix in (".ts", ".svelte")]
    assert files
    found = [f"{one.name}: {way}" for one in files for way in ways if way in one.read_text(encoding="utf-8")]
    assert found == []
