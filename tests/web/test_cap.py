"""Open alerts in CAP 1.2: in the schema's order, readable by our own adapter, and only for who may see them."""

from __future__ import annotations

from datetime import timedelta
from xml.etree import ElementTree

import msgspec
import pytest

from ioc import catalog, clock, names
from ioc.adapter import Answer, Reading
from ioc.board.memory import MemoryBoard
from ioc.contract import Contract
from ioc.settings import Access, Province, Source
from ioc.web.app import build
from ioc.web.cap import feed

from .conftest import running, settings

ALERT = {
    "id": "tile/stations_over_2#river_over_2", "level": "bad", "why": "Câu Lâu: 4,4",
    "since": "2026-03-10T07:00:00+07:00",
    "say": {"vi": "Nước sông < báo động & II: 3 / 91\x07", "en": "Rivers over alarm level II: 3 / 91"},
    "source": "gauges", "owner": "Ban Chỉ huy", "claimed": None,
}  # fmt: skip
OTHER = {**ALERT, "id": "source/cams", "level": "warn", "why": None, "owner": None}
CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"
ALERT_ORDER = (
    "identifier", "sender", "sent", "status", "msgType", "source", "scope", "restriction", "addresses", "code", "note",
    "references", "incidents", "info",
)  # fmt: skip
INFO_ORDER = (
    "language", "category", "event", "responseType", "urgency", "severity", "certainty", "audience", "eventCode",
    "effective", "onset", "expires", "senderName", "headline", "description", "instruction", "web", "contact",
    "parameter", "resource", "area",
)  # fmt: skip


def names_of(element: ElementTree.Element, order: tuple[str, ...]) -> list[str]:
    """Names of the children; fails when they do not stand in the schema's order."""
    found = [one.tag.removeprefix(CAP) for one in element]
    places = [order.index(name) for name in found]
    assert places == sorted(places), found
    return found


def read(body: bytes, status: str) -> list[Reading]:
    """What our own adapter makes of it."""
    options = {"event": "ioc.warning.told", "url": "http://x/", "statuses": [status]}
    found = catalog.open_adapter(Source("cap", "cap", Contract("us"), options)).parse(Answer(body))
    readings = [one for one in found if isinstance(one, Reading)]
    assert len(readings) == len(list(found))
    return readings


@pytest.mark.parametrize(("demo", "status"), [(True, "Exercise"), (False, "Actual")])
def test_an_alert_is_as_the_schema_wants_it_and_invented_ones_are_exercises(demo: bool, status: str) -> None:
    now = clock.now()
    body = feed([ALERT, OTHER], Province("Quảng Nam", demo=demo), "ioc@example.vn", now)
    alerts = list(ElementTree.fromstring(body).iter(f"{CAP}alert"))
    assert len(alerts) == 2
    for alert in alerts:
        told = names_of(alert, ALERT_ORDER)
        assert {"identifier", "sender", "sent", "status", "msgType", "scope", "restriction"} <= set(told)
        assert not set(alert.findtext(f"{CAP}identifier") or " ") & set(" ,<&")
        for info in alert.iter(f"{CAP}info"):
            told = names_of(info, INFO_ORDER)
            assert {"category", "event", "urgency", "severity", "certainty", "area"} <= set(told)
    first, second = read(body, status)
    assert (first.properties["severity"], second.properties["severity"]) == ("Severe", "Moderate")
    assert first.properties["headline"] == "Nước sông < báo động & II: 3 / 91"
    assert first.time == clock.parse(ALERT["since"])  # type: ignore[arg-type]
    assert clock.parse(first.properties["expires"]) > now + timedelta(minutes=50)
    assert read(feed([ALERT], Province("x", demo=demo), "ioc@example.vn", now), status)[0].subject == first.subject


@pytest.mark.parametrize(("public", "seen"), [(("*",), 2), (("alerts", "tile/*"), 1)])
async def test_the_feed_holds_what_stands_and_the_asker_may_see(
    board: MemoryBoard, public: tuple[str, ...], seen: int
) -> None:
    await board.reset(names.ALERTS, {str(one["id"]): msgspec.json.encode(one) for one in (ALERT, OTHER)})
    async with running(build(settings(access=Access(public=public)), board=board)) as server, server.http() as http:
        answer = await http.get("/api/alerts.cap")
    assert answer.headers["content-type"].startswith("application/atom+xml")
    assert len(read(answer.content, "Actual")) == seen


async def test_without_a_key_there_is_no_feed(board: MemoryBoard) -> None:
    async with running(build(settings(access=Access()), board=board)) as server, server.http() as http:
        assert (await http.get("/api/alerts.cap")).status_code == 401
