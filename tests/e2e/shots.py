"""Pictures of the screens, by `ioc shots`: wall and tablet at the sizes they are built for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urldefrag

from tests.e2e import demo, glass

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page


class Picture(NamedTuple):
    """`detail`: the first tile's detail is opened before the picture is taken; `quality`: the page of data quality."""

    name: str
    path: str
    width: int
    height: int
    ratio: float = 1
    detail: bool = False
    quality: bool = False


PICTURES = (
    Picture("wall-overview-1920x1080", "/wall/overview", 1920, 1080),
    Picture("wall-overview-3840x2160", "/wall/overview", 3840, 2160),
    Picture("wall-overview-2880x1080", "/wall/overview", 2880, 1080),
    Picture("wall-data-quality-1920x1080", "/wall/data-quality", 1920, 1080),
    Picture("wall-data-quality-3840x2160", "/wall/data-quality", 3840, 2160),
    Picture("wall-data-quality-2880x1080", "/wall/data-quality", 2880, 1080),
    Picture("wall-reports-1920x1080", "/wall/reports", 1920, 1080),
    Picture("wall-reports-3840x2160", "/wall/reports", 3840, 2160),
    Picture("wall-far-1920x1080", "/wall/far", 1920, 1080),
    Picture("tablet-1024x768", "/tablet", 1024, 768),
    Picture("tablet-detail-1024x768", "/tablet", 1024, 768, detail=True),
    Picture("tablet-390x844", "/tablet", 390, 844),
    Picture("tablet-quality-1024x768", "/tablet", 1024, 768, quality=True),
    Picture("tablet-quality-390x844", "/tablet", 390, 844, quality=True),
)


def take(out: Path, url: str | None = None) -> Iterator[Path]:
    """Takes every picture into the folder `out` and yields each file; of the centre at `url`, else of a demo.

    `url` may carry a one-time code, as the demo prints it (`http://…/wall/overview#code=…`).
    """
    if url is not None:
        address, fragment = urldefrag(url)
        base = "/".join(address.split("/")[:3])
        code = fragment.removeprefix("code=") if fragment.startswith("code=") else None
        yield from main(base, out, code)
        return
    with demo.centre() as running:
        yield from main(running.base, out, running.codes.get("/wall/overview"))


def main(base_url: str, out_dir: Path, code: str | None) -> Iterator[Path]:
    """Takes every picture of the centre at `base_url` into `out_dir`, let in by the one-time `code`."""
    out_dir.mkdir(parents=True, exist_ok=True)
    with glass.browser() as browser:
        kept = None
        for picture in PICTURES:
            context = browser.new_context(
                viewport={"width": picture.width, "height": picture.height},
                device_scale_factor=picture.ratio,
                storage_state=kept,
            )
            yield _picture(context, base_url, out_dir, picture, code if kept is None else None)
            kept = context.storage_state()
            context.close()


def _picture(context: BrowserContext, base: str, out: Path, picture: Picture, code: str | None) -> Path:
    page = context.new_page()
    page.goto(f"{base}{picture.path}" + (f"#code={code}" if code else ""))
    glass.wait_figures(page)
    _wait_drawn(page, picture)
    file = out / f"{picture.name}.png"
    page.screenshot(path=file)
    return file


def _wait_drawn(page: Page, picture: Picture) -> None:
    if picture.detail:
        page.locator(".tile").first.click()
        page.locator("dialog .history").wait_for()
        page.wait_for_function("() => !document.querySelector('.history').textContent.includes('Đang lấy')")
    elif picture.quality:
        page.get_by_role("button", name="Chất lượng", exact=True).click()
        page.locator(".lg:not(.h)").first.wait_for()
    elif picture.path.endswith("/data-quality"):
        page.locator(".lg:not(.h)").first.wait_for()
    elif picture.path.endswith("/reports"):
        page.wait_for_function("() => window.__ioc?.main?.map.areTilesLoaded()", timeout=90_000)
    elif picture.path.endswith("/overview"):
        glass.wait_cameras(page)
    elif picture.width >= 900 and picture.path == "/tablet":
        page.wait_for_function("() => window.__ioc?.main?.map.areTilesLoaded()", timeout=90_000)
    page.evaluate("() => document.fonts.ready.then(() => true)")
