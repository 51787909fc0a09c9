"""Tenants of a centre: a town's key sees what is its own, and over the wire not one byte of another's."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from ioc import catalog, names
from ioc.board.memory import MemoryBoard
from ioc.cli import main
from ioc.contract import Contract
from ioc.db.session import Database
from ioc.errors import BadConfig
from ioc.settings import Access as AccessSettings
from ioc.settings import Settings, Source, Tenant
from ioc.settings import build as built
from ioc.web import access
from ioc.web.access import Grant
from ioc.web.app import build, channels_of

from .conftest import Running, running, settings

TOWNS = ("tam_ky", "hoi_an", "dien_ban", "nui_thanh")
UNITS = {"tam_ky": "20335", "hoi_an": "20401", "dien_ban": "20551", "nui_thanh": "20965"}
TITLES = ("Thị xã", "Town")
PUBLIC = ("*", "layer/*", "tile/*__*")


def secret(town: str) -> str:
    """Stands in everything that is that town's."""
    return f"SECRET-OF-{town}".upper()


def source(name: str, event: str) -> Source:
    return Source(name, "gauges", Contract("UBND", cadence=60), {"event": event})


def centre_settings(tmp_path: Path) -> Settings:
    """Four towns with a source, a layer, a tile, a check and an alert each, and one source of the province."""
    screens = tmp_path / "screens"
    screens.mkdir()
    for name in (*TOWNS, "overview"):
        (screens / f"{name}.toml").write_text(f'kind = "tablet"\ntitle = {{vi = "{name}", en = "{name}"}}\n', "utf-8")
    sources = {"gauges": source("gauges", "ioc.station.measured")}
    sources |= {f"{t}__x": source(f"{t}__x", names.owned("ioc.station.measured", t)) for t in TOWNS}
    return settings(
        access=AccessSettings(public=()),
        layers=("stations", "alarms"),
        sources=sources,
        tiles={f"{t}__high": {"over": f"{t}__stations", "label": ["Cao", "High"]} for t in TOWNS}
        | {"high": {"over": "stations", "label": ["Cao", "High"]}},
        tenants={t: Tenant(TITLES, (UNITS[t],), (t,), ("layer/stations", "tile/high")) for t in TOWNS},
        web=msgspec.structs.replace(settings().web, screens="screens"),
        file=str(tmp_path / "ioc.toml"),
    )


async def fill(board: MemoryBoard) -> None:
    """Everything that tells of a town, wherever the centre keeps it; and one gauge of the province in each town."""
    lists: dict[str, bytes] = {}
    alerts: dict[str, bytes] = {}
    gauges: dict[str, bytes] = {}
    for town in TOWNS:
        place = {"type": "Point", "coordinates": [108.5, 15.5]}
        mine = {"type": "Feature", "id": "s/1", "geometry": place, "properties": {"name": secret(town)}}
        await board.reset(f"layer/{town}__stations", {"s/1": json.dumps(mine).encode()})
        figure = {"value": 7, "parts": [{"label": secret(town), "value": 7}]}
        await board.reset(f"tile/{town}__high", {"all": json.dumps(figure).encode()})
        told = json.dumps({"id": f"{town}__x", "state": "late", "why": secret(town), "owner": "x"}).encode()
        lists |= {f"{town}__x": told, f"source/{town}__x": told, f"check/{town}__c": told}
        alerts |= dict.fromkeys((f"tile/{town}__high/all", f"tile/{town}__high#{town}__a", f"source/{town}__x"), told)
        near = {
            "type": "Feature",
            "id": town,
            "geometry": place,
            "properties": {"unit": UNITS[town], "name": f"G-{town}"},
        }
        gauges[f"g/{UNITS[town]}"] = json.dumps(near).encode()
    await board.reset("layer/stations", gauges)
    await board.reset("tile/high", {"all": b'{"value": 4}', **{UNITS[t]: b'{"value": 1}' for t in TOWNS}})
    gauge = {"gauges": b'{"id": "gauges", "state": "live"}'}
    await board.reset(names.SOURCES, gauge | {name: body for name, body in lists.items() if "/" not in name})
    for channel in (names.LEDGER, names.SCORES, names.LINKS, names.CHECKS, names.REMINDERS, names.WALLS):
        await board.reset(channel, lists)
    await board.reset(names.ALERTS, alerts)
    await board.reset(f"layer/{names.ALARM_HISTORY}", alerts | {f"claim/{one}": body for one, body in alerts.items()})


@pytest.fixture(params=[(), PUBLIC], ids=["closed", "public"])
async def centre(
    request: pytest.FixtureRequest, board: MemoryBoard, db: Database, tmp_path: Path
) -> AsyncIterator[Running]:
    told = centre_settings(tmp_path)
    told = msgspec.structs.replace(told, access=AccessSettings(public=request.param))
    async with running(build(told, board=board, db=db)) as found:
        found.app.state.told = told
        await fill(board)
        await found.present(names.SOURCES, names.ALERTS, *(f"layer/{town}__stations" for town in TOWNS))
        yield found


async def heard(centre: Running, key: str | None) -> dict[str, str]:
    """All that the socket says of every channel that there is, as text, until each was answered."""
    found: dict[str, str] = {}
    async with centre.client(key=key) as client:
        for channel in channels_of(centre.app.state.told):
            await client.watch(channel)
            await client.hear()
            while client.frames[-1].get("channel") != channel and client.frames[-1]["type"] != "error":
                await client.hear()
            found[channel] = json.dumps([one for one in client.frames if one["type"] != "problem"], ensure_ascii=False)
            client.frames.clear()
    return found


def paths() -> list[str]:
    named = ["stations", "alarms", *(f"{town}__stations" for town in TOWNS)]
    found = ["layers", "tiles", "sources", "ledger", "links", "checks", "reminders", "scores", "alerts", "alerts.cap"]
    found += [f"layers/{name}" for name in named] + [f"layers/{name}?bbox=108,15,109,16" for name in named]
    found += [f"sources/{town}__x" for town in TOWNS] + [f"ledger/{town}__x" for town in TOWNS]
    found += [f"tiles/{name}" for name in ("high", *(f"{town}__high" for town in TOWNS))]
    found += [f"screens/{name}" for name in (*TOWNS, "overview")]
    tiles = [f"/tiles/{name}/{z}.mvt" for name in named for z in ("9/410/233", "0/0/0")]
    return [f"/api/{name}" for name in found] + tiles + ["/openapi.json", "/asyncapi.json"]


async def read(centre: Running, key: str | None) -> dict[str, bytes]:
    async with centre.http(key) as http:
        return {path: (await http.get(path)).content for path in paths()}


@pytest.mark.parametrize("town", TOWNS)
async def test_a_towns_key_sees_its_own_and_not_one_byte_of_anothers(centre: Running, db: Database, town: str) -> None:
    key = await access.add_key(db, name=town, role=f"tenant:{town}")
    said = await heard(centre, key)
    for channel, text in said.items():
        for other in TOWNS:
            if other != town:
                assert secret(other) not in text and f"{other}__x" not in text, (channel, other)
    mine = {channel for channel, text in said.items() if secret(town) in text}
    always = {f"layer/{town}__stations", f"tile/{town}__high", names.SOURCES, names.ALERTS}
    assert always <= mine, "what is its own is told, in total too"
    for path, body in (await read(centre, key)).items():
        for other in TOWNS:
            if other != town:
                assert secret(other).encode() not in body, (path, other)
                if other not in path:
                    assert f"{other}__".encode() not in body, (path, other)


@pytest.mark.parametrize("town", TOWNS)
async def test_of_the_province_a_town_sees_what_it_is_shown_in_its_communes(
    centre: Running, db: Database, town: str
) -> None:
    key = await access.add_key(db, name=town, role=f"tenant:{town}")
    async with centre.http(key) as http:
        gauges = (await http.get("/api/layers/stations")).json()["features"]
        assert [one["properties"]["unit"] for one in gauges] == [UNITS[town]]
        assert list((await http.get("/api/tiles/high")).json()["items"]) == [UNITS[town]]
        assert (await http.get(f"/api/tiles/{town}__high")).json()["value"] == 7
        assert (await http.get(f"/api/screens/{town}")).status_code == 200
        for other in (*TOWNS, "overview"):
            if other != town:
                assert (await http.get(f"/api/screens/{other}")).status_code == 403
        sources = [one["id"] for one in (await http.get("/api/sources")).json()]
        assert sources == [f"{town}__x"]


async def test_the_province_sees_all_and_nobody_without_a_key_anything_of_a_town(centre: Running, db: Database) -> None:
    key = await access.add_key(db, name="wall")
    said = await heard(centre, key)
    for town in TOWNS:
        for channel in (f"layer/{town}__stations", f"tile/{town}__high", names.SOURCES, names.ALERTS, names.CHECKS):
            assert secret(town) in said[channel], channel
    for text in [
        *(await heard(centre, None)).values(),
        *(body.decode("latin-1") for body in (await read(centre, None)).values()),
    ]:
        assert all(secret(town) not in text for town in TOWNS)


async def test_what_changes_is_told_to_whose_it_is(centre: Running, board: MemoryBoard, db: Database) -> None:
    key = await access.add_key(db, name="tam_ky", role="tenant:tam_ky")
    async with centre.client(key=key) as client:
        await client.watch(names.SOURCES)
        await client.until(lambda frame: frame["type"] == "snapshot")
        await board.apply(names.SOURCES, {"hoi_an__x": None, "hoi_an__y": b"{}", "gauges": b"{}"})
        place = await board.apply(names.SOURCES, {"tam_ky__x": b'{"id": "tam_ky__x"}'})
        await client.until_at(names.SOURCES, place.offset)
        told = [frame for frame in client.frames if frame["type"] == "delta"]
        assert {name for frame in told for name in (*frame["put"], *frame["drop"])} == {"tam_ky__x"}


async def test_a_tenant_that_the_settings_do_not_know_opens_nothing(centre: Running, db: Database) -> None:
    key = await access.add_key(db, name="lost", role="tenant:thang_binh")
    async with centre.http(key) as http:
        assert (await http.get("/api/tiles/high")).status_code == 403
        assert (await http.get("/api/screens/overview")).status_code == 403


@given(
    st.sampled_from(TOWNS), st.sampled_from(TOWNS), st.lists(st.sampled_from([*PUBLIC, "tile/*", "*__*"]), max_size=3)
)
def test_no_pattern_opens_a_tenants_to_another_or_to_nobody(town: str, other: str, patterns: list[str]) -> None:
    tenant = Tenant(TITLES, (UNITS[town],), (town,))
    grant = Grant((*tenant.channels(town), *patterns), frozenset(tenant.units), key=1, tenant=town)
    assert grant.may(f"tile/{other}__x") == (other == town)
    assert not Grant(tuple(patterns)).may(f"layer/{other}__stations")
    assert Grant((f"tile/{other}__x",)).may(f"tile/{other}__x"), "what is named in full is public"


SOURCE: dict[str, Any] = {
    "adapter": "gauges",
    "event": "ioc.station.measured",
    "url": "http://127.0.0.1:1/",
    "quantity": "q",
    "value": "v",
    "quantities": {"level": {"code": "H"}},
    "contract": {"owner": "x"},
}
TENANT = {"title": ["Tam Kỳ", "Tam Kỳ"], "units": ["20335"]}


def test_what_a_towns_source_tells_comes_into_its_own_layer_alone() -> None:
    told = built(
        {"province": {"name": "x"}, "sources": {"tam_ky__x": SOURCE, "y": SOURCE}, "tenants": {"tam_ky": TENANT}}
    )
    assert told.sources["tam_ky__x"].events == {"ioc.tam_ky__station.measured"}
    heard = {one.name: one.listens for one in catalog.asked(told)}
    assert heard["tam_ky__stations"] == told.sources["tam_ky__x"].events
    assert [name for name in heard if names.OWNED in name] == ["tam_ky__stations"]
    assert catalog.open_adapter(told.sources["tam_ky__x"]).config.event == "ioc.tam_ky__station.measured"


@pytest.mark.parametrize(
    ("more", "say"),
    [
        ({"sources": {"hoi_an__x": SOURCE}}, r"whom the settings do not know; write \[tenants.hoi_an\]"),
        ({"tenants": {"Tam Ky": TENANT}}, "small letters"),
        ({"tenants": {"tam__ky": TENANT}}, "small letters"),
        ({"tenants": {"tam_ky": TENANT | {"units": []}}}, "no commune"),
        ({"tenants": {"tam_ky": TENANT | {"shows": ["layer/*"]}}}, "in full"),
        ({"tenants": {"tam_ky": TENANT | {"shows": ["layer/restricted_order"]}}}, "in full"),
        ({"tenants": {"tam_ky": TENANT | {"shows": ["tile/hoi_an__x"]}}}, "in full"),
        ({"tenants": {t: TENANT | {"screens": ["hall"]} for t in ("tam_ky", "hoi_an")}}, "has one tenant"),
    ],
)
def test_settings_that_would_mix_tenants_are_refused(more: dict[str, Any], say: str) -> None:
    with pytest.raises(BadConfig, match=say):
        built({"province": {"name": "x"}, **more})


def test_a_towns_tile_is_over_its_own_or_the_provinces_and_nothing_restricted_is_a_towns() -> None:
    with pytest.raises(BadConfig, match="is hoi_an's"):
        catalog.declared("tam_ky__high", {"over": "hoi_an__stations", "label": ["x", "x"]})
    catalog.declared("tam_ky__high", {"over": "stations", "label": ["x", "x"]})
    with pytest.raises(BadConfig, match="the province's alone"):
        catalog.layer("tam_ky__restricted_order")


def test_ioc_key_makes_a_tenants_key_and_takes_nothing_beside_it(tmp_path: Path) -> None:
    def key(*more: str) -> Any:
        return CliRunner().invoke(main, ["key", *more, "--data", str(tmp_path)])

    assert key("add", "trực", "--tenant", "tam_ky").exit_code == 0
    assert "#code=" in key("code", "tường", "--tenant", "hoi_an", "--address", "http://x/wall/hoi-an").output
    assert key("add", "trực", "--tenant", "tam_ky", "--role", "admin").exit_code == 2
    assert key("add", "trực", "--tenant", "tam_ky", "--channel", "*").exit_code == 2
    assert "tenant:tam_ky" in key("list").output
