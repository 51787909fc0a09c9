"""What a wall says of a simulated system that is broken: its rows, its alerts and its figures, read off the glass."""

from __future__ import annotations

import re
import time
import tomllib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ioc import catalog
from ioc.contract import ORDER
from ioc.demo import SYSTEMS_KEY, run
from ioc.demo.systems import SHOWN
from ioc.settings import load
from tests.e2e import demo, glass

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from ioc.settings import Settings

STILL_S = 25
"""For so long nothing is said of what is borne."""
GLASS = """() => {
  if (!document.querySelector('.srctable')) {
    window.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight'}));
    return null;
  }
  const text = (one, part) => one.querySelector(part)?.textContent.replace(/\\s+/g, ' ').trim() ?? '';
  const rows = [...document.querySelectorAll('.srctable .sr:not(.h):not(.fold)')].map((one) => ({
    name: text(one, '.name b'), owner: text(one, '.name small'), since: text(one, '.st'), why: text(one, '.why'),
    live: one.querySelector('.st').classList.contains('live')}));
  const alerts = [...document.querySelectorAll('.alerts .al:not(.more)')].map((one) => ({
    say: text(one, 'h3'),
    whose: [...one.querySelectorAll('p:not(.why)')].map((line) => line.textContent.replace(/\\s+/g, ' ')).join(' ')}));
  const open = [...window.__ioc.live.board('alerts').items.values()].map((one) => one.say.vi);
  return {rows, alerts, open};
}"""
TILE = """(label) => {
  const tile = [...document.querySelectorAll('.tile')]
    .find((one) => one.querySelector('.l .el')?.textContent.trim() === label);
  if (tile === undefined) {
    window.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight'}));
    return null;
  }
  const text = (part) => tile.querySelector(part)?.textContent.replace(/\\s+/g, ' ').trim() ?? '';
  return {value: text('.v > b'), level: tile.querySelector('.v > b').className.trim(), cover: text('.cov'),
    source: text('.o'), age: text('.s .st'),
    seen: [...tile.children].filter((one) => !one.classList.contains('hear'))
      .map((one) => one.textContent.replace(/\\s+/g, ' ')).join(' ')};
}"""
THOUSANDS = 1000
SINCE = re.compile(r"từ .*\d")
AGE = re.compile(r"\d")
NUMBER = re.compile(r"[\d.,]+")


class Part(NamedTuple):
    """What the settings say of a system: `sources`: title to owner; `said`: words that an alert of it begins with.

    `hidden`: none of its sources stands in the wall's table, so that a figure's lateness is all that is said of them.
    """

    sources: dict[str, str]
    said: dict[str, str]
    tiles: dict[str, str]
    hidden: bool


class Told(NamedTuple):
    """How a break is seen (a name of SHOWN), and the words on the glass."""

    how: str
    words: str


def part_of(province: str, name: str) -> Part:
    told = tomllib.loads((run.HERE / "modules" / province / f"{name}.toml").read_text(encoding="utf-8"))
    sources = {one["title"][0]: one["contract"]["owner"] for one in told["sources"].values()}
    settings = load(run.PROVINCES[province], {SYSTEMS_KEY: "as-the-demo-sets-it"})
    tiles = {tile: one["label"][0] for tile, one in told.get("tiles", {}).items()} | _of_layers(settings, told)
    first = next(iter(sources.values()))
    said = {**dict.fromkeys(tiles.values(), first), **sources}
    # an alert of a figure may stand in another part than its tile
    rules = [one for one in settings.alerts.values() if one.tile in tiles]
    said |= {one.title[0]: one.owner or first for one in rules}
    said |= {one["title"][0]: first for one in told.get("checks", {}).values()}
    return Part(sources, said, tiles, all(name.startswith("restricted_") for name in told["sources"]))


def _of_layers(settings: Settings, part: Mapping[str, Any]) -> dict[str, str]:
    """The tiles that the layers themselves have of what the part's sources tell, by their labels."""
    events = {event for name in part["sources"] for event in settings.sources[name].events}
    mine = [tiles for layer, tiles in catalog.shown(settings).items() if layer.listens & events]
    return {tile.name: tile.label[0] for tiles in mine for tile in tiles if tile.name not in settings.tiles}


class Broken(NamedTuple):
    """A system that is broken now. `stood`: what was said of it before; `figures`: how its figures were."""

    name: str
    way: str
    shows: str | None
    stood: set[str]
    figures: list[dict[str, dict[str, Any]]]
    began: float

    @property
    def meant(self) -> set[str]:
        """Words of SHOWN."""
        if self.shows is None:
            return {*SHOWN} - {"nothing"}
        return {self.shows if self.shows in SHOWN else "tile"}

    @property
    def tile(self) -> str | None:
        """The tile that is meant, where one is."""
        return self.shows if self.shows is not None and self.shows not in SHOWN else None


class Stage:
    """A province's demo in a hurry, and two pages of its wall: one shows its sources and alerts, one a tile."""

    def __init__(self, centre: demo.Centre, province: str, browser: Browser) -> None:
        self.centre, self.province = centre, province
        self.context = browser.new_context(viewport={"width": 1920, "height": 1080}, bypass_csp=True)
        self.page = self._wall("overview")
        self._other: tuple[str, Page] | None = None
        self.systems: Mapping[str, Any] = centre.sources_say("_systems")
        self.parts = {name: part_of(province, name) for name in self.systems}

    def _wall(self, screen: str) -> Page:
        page = self.context.new_page()
        page.goto(self.centre.address(f"/wall/{screen}"))
        glass.wait_figures(page)
        page.keyboard.press("p")
        return page

    def glass(self) -> dict[str, Any]:
        """What stands in the wall's table of sources and in its alerts."""
        found: dict[str, Any] | None = None
        while found is None:
            found = self.page.evaluate(GLASS)
            self.page.wait_for_timeout(50)
        return found

    def tile(self, tile: str) -> dict[str, str] | None:
        """What stands on the tile, on the first wall that has it."""
        screen = next((name for name, tiles in _walls(self.province).items() if tile in tiles), None)
        if screen is None:
            return None
        if self._other is None or self._other[0] != screen:
            if self._other is not None:
                self._other[1].close()
            self._other = (screen, self._wall(screen))
        label = _walls(self.province)[screen][tile] or self.figures()[tile]["label"]
        handle = self._other[1].wait_for_function(TILE, arg=label, timeout=20_000, polling=100)
        found: dict[str, str] = handle.json_value()
        return found

    def figures(self) -> dict[str, dict[str, Any]]:
        told = self.centre.get("/api/tiles")
        return {one["name"]: {**one["items"].get("all", {}), "state": one["quality"]["state"]} for one in told}

    def _of(self, name: str, glass: Mapping[str, Any]) -> dict[str, Told]:
        """What the glass says of a system: by row or alert."""
        part, found = self.parts[name], {}
        for row in glass["rows"]:
            owner = part.sources.get(row["name"])
            if owner is not None and not row["live"]:
                ok = row["owner"].startswith(owner) and AGE.search(row["since"]) and row["why"]
                found[f"row {row['name']}"] = Told("source" if ok else "source, not whole", str(row))
        for alert in glass["alerts"]:
            for said, owner in part.said.items():
                if alert["say"].startswith(f"{said}:") or alert["say"].startswith(f"{said} "):
                    ok = owner in alert["whose"] and SINCE.search(alert["whose"])
                    how = "aside" if "để riêng" in alert["say"] or "replay" in alert["say"] else "alert"
                    found[NUMBER.sub("#", alert["say"])] = Told(how if ok else f"{how}, not whole", str(alert))
        return found

    def begin(self, name: str, way: str) -> Broken:
        """Break the system, once it is known how it stands."""
        now = self.glass()
        stood = {NUMBER.sub("#", say) for say in now["open"]}
        figures = [self.figures()]
        self.page.wait_for_timeout(1000)
        figures.append(self.figures())
        self.centre.turn(name, way)
        shows = self.systems[name]["shows"].get(way)
        return Broken(name, way, shows, {*self._of(name, now), *stood}, figures, time.monotonic())

    def look(self, one: Broken, glass: Mapping[str, Any]) -> Told | None:
        """What the wall says of it by now; None: nothing that is meant."""
        news = [told for key, told in self._of(one.name, glass).items() if key not in one.stood]
        if one.shows == "nothing":
            if news:
                return Told("said though borne", str(news))
            return Told("nothing", "") if time.monotonic() > one.began + STILL_S else None
        fit = [told for told in news if told.how in one.meant]
        if fit or "tile" not in one.meant:
            return fit[0] if fit else None
        part = self.parts[one.name]
        # a figure that is only late on a busy machine tells nothing of a break that makes it another
        late = one.tile is None or part.hidden
        return self._moved([one.tile] if one.tile is not None else [*part.tiles], one.figures, late=late)

    def mend(self, one: Broken, told: Told | None) -> None:
        self.centre.turn(one.name, "mend")
        refused = told is not None and told.how == "source" and "từ chối" in told.words
        if self.parts[one.name].hidden and one.tile is not None:
            # why is not for everybody either
            refused = self.figures()[one.tile]["state"] == "down"
        if refused:
            # one that refused us is asked again when its settings are read anew
            self.centre.role("poller").terminate()

    def whole(self, one: Broken, glass: Mapping[str, Any]) -> bool:
        """Whether the wall says of none of its sources that it is not alive; of hidden ones the tile alone says it."""
        if any(key.startswith("row ") for key in self._of(one.name, glass)):
            return False
        if one.tile is None or not self.parts[one.name].hidden:
            return True
        worst = max(ORDER.index(before[one.tile]["state"]) for before in one.figures)
        return ORDER.index(self.figures()[one.tile]["state"]) <= worst

    def settled(self, one: Broken) -> bool:
        """Whether the figure that it was to be seen by stands as it did before."""
        return one.tile is None or not _differs([told[one.tile] for told in one.figures], self.figures()[one.tile])

    def _moved(self, tiles: list[str], before: list[dict[str, dict[str, Any]]], *, late: bool) -> Told | None:
        """A figure that is another than it was, as its wall has it."""
        now = self.figures()
        for tile in tiles:
            was = [one.get(tile, {}) for one in before]
            if not _differs(was, now.get(tile, {}), late=late):
                continue
            if (shown := self.tile(tile)) is not None and _is_of(shown, now[tile], was):
                whole = shown["source"] and AGE.search(shown["age"])
                return Told("tile" if whole else "tile, not whole", f"{tile} {was[0].get('value')}: {shown}")
        return None


def _differs(before: list[dict[str, Any]], now: dict[str, Any], *, late: bool = True) -> bool:
    """Whether a figure is none of those that it was, by more than it moves by itself. `late`: one that is worse off
    counts too."""
    if "state" not in now or not all("state" in one for one in before):
        return False
    if any(now.get(name) not in [None, *(one.get(name) for one in before)] for name in ("level", "why")):
        return True
    if now.get("have") is not None and all(now["have"] < (one.get("have") or 0) for one in before):
        return True
    if late and ORDER.index(now["state"]) > max(ORDER.index(one["state"]) for one in before):
        return True
    if now.get("value") is None:
        return any(one.get("value") is not None for one in before)
    values = [one["value"] for one in before if isinstance(one.get("value"), int | float)]
    if not values or not isinstance(now["value"], int | float):
        return now["value"] not in [one.get("value") for one in before]
    low, high = min(values), max(values)
    # a count of thousands moves by one or two by itself, also where it stood for the second that it was looked at
    room = max(3 * (high - low), 0.002 * abs(high) if low != high or abs(high) > THOUSANDS else 0)
    return not low - room <= now["value"] <= high + room


def _is_of(shown: Mapping[str, str], now: Mapping[str, Any], before: list[dict[str, Any]]) -> bool:
    """Whether the wall has the figure by now; where the value stayed, of how many it is."""
    value, text = now.get("value"), shown["value"]
    if isinstance(value, int | float) and text != "—":
        near = 0.51 * 10.0 ** -len(text.partition(",")[2])
        seen = float(text.replace(".", "").replace(",", "."))
        was = [one["value"] for one in before if isinstance(one.get("value"), int | float) and one["value"] != value]
        # 100 may be a rounded 99.8, and may be what stood before
        if abs(seen - value) > near or any(abs(seen - one) < abs(seen - value) for one in was):
            return False
    elif text != ("—" if value is None else str(value)):
        return False
    fewer = now.get("have") not in [one.get("have") for one in before]
    if not any(now.get(name) not in [one.get(name) for one in before] for name in ("value", "have", "level", "state")):
        # what is said of a figure that stands must be read on it
        return str(now.get("why") or "") in shown["seen"]
    return not fewer or value not in [one.get("value") for one in before] or str(now["have"]) in shown["cover"]


def _walls(province: str) -> dict[str, dict[str, str | None]]:
    """The tiles of each wall of the province, with the label that it has there."""
    found = {}
    for path in sorted((run.HERE / "screens" / province).glob("*.toml")):
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        if told["kind"] == "wall":
            found[path.stem] = {one["tile"]: one.get("label", {}).get("vi") for one in told.get("tiles", ())}
    return found
