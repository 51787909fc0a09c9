"""The GeoReport v2 server: each answer by its schema, filters and pages, keys, errors, and nothing of who filed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
import sqlalchemy as sa

from ioc.db import reports as tables
from ioc.db.session import Database, migrate, open_db
from ioc.report_rules import Open311
from ioc.web import access, openapi
from tests.georeport import KEY, LIGHT, OTHER_KEY, OWN, PERSONAL, RULES, TEST, centre, fits, two

from .conftest import Running

V2 = "/open311/v2"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.services)])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/reports.db" if sqlite else str(request.getfixturevalue("postgres_url"))
    await asyncio.to_thread(migrate, url)
    opened = open_db(url)
    yield opened
    await opened.close()


@pytest.fixture
async def server(db: Database) -> AsyncIterator[Running]:
    async with centre(db) as found:
        yield found


@pytest.fixture
async def http(server: Running) -> AsyncIterator[httpx2.AsyncClient]:
    async with server.http() as client:
        yield client


async def filed(http: httpx2.AsyncClient, form: str = "json", **changed: str) -> str:
    answer = await http.post(f"{V2}/requests.{form}", data={**LIGHT, **changed})
    assert answer.status_code == 201, answer.text
    number: str = fits("filed", form, answer.content)[0]["service_request_id"]
    return number


async def told(http: httpx2.AsyncClient, **query: str) -> list[dict[str, Any]]:
    answer = await http.get(f"{V2}/requests.json", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = fits("service_requests", "json", answer.content)
    return found


async def refused(answer: httpx2.Response, status: int, *says: str) -> None:
    """The published form of errors, in the form that was asked for."""
    xml = answer.headers["content-type"].startswith("text/xml")
    assert answer.status_code == status, answer.text
    errors = fits("errors", "xml" if xml else "json", answer.content)
    assert str(errors[0]["code"]) == str(status)
    whole = " ".join(error["description"] for error in errors)
    for say in says:
        assert say in whole


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_services_and_what_is_asked_of_them(http: httpx2.AsyncClient, form: str) -> None:
    answer = await http.get(f"{V2}/services.{form}")
    assert answer.headers["content-type"] == {"json": "application/json", "xml": "text/xml"}[form] + "; charset=utf-8"
    services = fits("services", form, answer.content)
    assert [one["service_code"] for one in services] == ["light", "water", "home"]
    assert services[0]["service_name"] == "Đèn đường" and services[0]["group"] == "Hạ tầng"
    assert [str(one["metadata"]).lower() for one in services] == ["false", "true", "false"]
    assert services[1]["keywords"] == "vỡ ống, ống nước"
    told = fits("service_definition", form, (await http.get(f"{V2}/services/water.{form}")).content)
    (size,) = told["attributes"]
    assert (size["code"], size["datatype"], str(size["required"]).lower()) == ("size", "singlevaluelist", "true")
    assert size["values"] == [{"key": "small", "name": "nhỏ"}, {"key": "large", "name": "lớn"}]
    assert fits("service_definition", form, (await http.get(f"{V2}/services/light.{form}")).content)
    english = await http.get(f"{V2}/services.{form}", headers={"Accept-Language": "en-GB"})
    assert fits("services", form, english.content)[0]["service_name"] == "Street light"


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_a_report_is_filed_and_read_back_without_who_filed_it(
    http: httpx2.AsyncClient, db: Database, form: str
) -> None:
    number = await filed(http, form)
    assert number.startswith("PY-")
    for path in (f"requests/{number}.{form}", f"requests.{form}", f"requests.{form}?service_request_id={number}"):
        answer = await http.get(f"{V2}/{path}")
        (request,) = fits("service_requests", form, answer.content)
        assert (request["service_request_id"], request["service_code"]) == (number, "light")
        assert (request["status"], request["address"]) == ("open", "12 Trần Phú, Tuy Hòa")
        assert request["description"] == "Đèn hỏng <b>hai</b> đêm & tối"
        assert (float(request["lat"]), float(request["long"])) == (13.095512, 109.302834)
        assert not any(secret in answer.text for secret in PERSONAL)
    async with db.reading() as connection:
        row = (await connection.execute(sa.select(tables.reports))).mappings().one()
        outbox = (await connection.execute(sa.select(tables.outbox.c.body))).scalar_one()
    assert (row["channel"], row["jurisdiction"]) == ("open311", OWN)
    assert row["attributes"] == {"open311.media_url": "https://example.vn/a.jpg"}
    assert not any(secret in outbox for secret in PERSONAL)
    # without the key that people are sealed with nothing of them is kept; the device is a hash
    assert row["person"] is None and row["device"] != "may-1"


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_what_is_private_is_coarse_and_has_no_address(http: httpx2.AsyncClient, form: str) -> None:
    number = await filed(http, service_code="home")
    (request,) = fits("service_requests", form, (await http.get(f"{V2}/requests/{number}.{form}")).content)
    assert not request["address"]
    assert 0 < abs(float(request["lat"]) - 13.095512) < 0.01 and float(request["long"]) != 109.302834


async def test_a_hidden_report_is_nowhere(http: httpx2.AsyncClient, db: Database) -> None:
    number, other = await filed(http), await filed(http)
    async with db.writing() as connection:
        hide = sa.update(tables.reports).where(tables.reports.c.number == number).values(hidden="slander")
        await connection.execute(hide)
        token = (
            await connection.execute(sa.select(tables.reports.c.id).where(tables.reports.c.number == number))
        ).scalar_one()
    assert [one["service_request_id"] for one in await told(http)] == [other]
    await refused(await http.get(f"{V2}/requests/{number}.json"), 404, number)
    await refused(await http.get(f"{V2}/tokens/{token}.json"), 404)


@pytest.mark.parametrize(
    ("state", "status", "note"),
    [("new", "open", "chờ xác minh"), ("more_info", "open", "bổ sung"), ("in_progress", "open", "Đang xử lý"),
     ("reopened", "open", "mở lại"), ("done", "closed", "Đã xử lý xong. Đã thay bóng <i>"),
     ("closed", "closed", "Đã đóng"), ("refused", "closed", "không có cơ sở"), ("duplicate", "closed", "PY-")],
)  # fmt: skip
async def test_states_are_open_or_closed_with_a_note(
    http: httpx2.AsyncClient, db: Database, state: str, status: str, note: str
) -> None:
    number, stays = await filed(http), await filed(http)
    r = tables.reports.c
    async with db.writing() as connection:
        ids = {row.number: row.id for row in await connection.execute(sa.select(r.id, r.number))}
        changed = {"state": state, "parent": ids[stays] if state == "duplicate" else None}
        await connection.execute(sa.update(tables.reports).where(r.number == number).values(**changed))
        at = (await connection.execute(sa.select(r.updated).where(r.number == number))).scalar_one()
        said = {"done": ("finish", "Đã thay bóng <i>", None), "refused": ("refuse", None, "no_ground")}.get(state)
        if said is not None:
            step = tables.Step(
                report=ids[number],
                version=2,
                step=said[0],
                to_state=state,
                at=at,
                who="operator",
                text=said[1],
                why=said[2],
            )
            values = {name: value for name, value in msgspec.structs.asdict(step).items() if name != "seq"}
            await connection.execute(sa.insert(tables.steps).values(**values))
    (request,) = await told(http, service_request_id=number)
    assert request["status"] == status and note in request["status_notes"]
    assert number in {one["service_request_id"] for one in await told(http, status=status)}
    other = "open" if status == "closed" else "closed"
    assert number not in {one["service_request_id"] for one in await told(http, status=other)}


async def test_filters_and_pages(http: httpx2.AsyncClient) -> None:
    numbers = [await filed(http, service_code="home" if n % 2 else "light", description=f"số {n}") for n in range(7)]
    assert [one["service_request_id"] for one in await told(http)] == numbers[::-1]
    pages = [await told(http, page=str(page), page_size="3") for page in (1, 2, 3, 4)]
    assert [len(page) for page in pages] == [3, 3, 1, 0]
    assert [one["service_request_id"] for page in pages for one in page] == numbers[::-1]
    assert len(await told(http, service_code="light")) == 4
    assert len(await told(http, service_code="light,home")) == 7
    assert await told(http, service_code="light' OR '1'='1") == []
    two = await told(http, service_request_id=f"{numbers[0]},{numbers[3]}", status="closed", service_code="none")
    assert {one["service_request_id"] for one in two} == {numbers[0], numbers[3]}
    assert await told(http, start_date="2001-01-01T00:00:00Z") == []
    assert len(await told(http, start_date="2026-01-01", end_date="2026-01-31")) == 0
    newest = (await told(http))[0]["updated_datetime"]
    assert numbers[-1] in {one["service_request_id"] for one in await told(http, updated_after=newest)}
    assert await told(http, updated_after="2999-01-01T00:00:00Z") == []
    assert len(await told(http, updated_before="2999-01-01T00:00:00Z")) == 7


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize(
    ("path", "status", "say"),
    [
        ("services/none.{}", 404, "service_code"), ("requests/PY-1.{}", 404, "PY-1"), ("tokens/none.{}", 404, "token"),
        ("services.{}?jurisdiction_id=other.vn", 404, "jurisdiction_id"), ("requests.{}?status=eaten", 400, "status"),
        ("requests.{}?page=0&start_date=x", 400, "start_date"), ("requests/%3Cscript%3E.{}", 404, "<script>"),
        ("requests.{}?api_key=" + KEY, 400, "never stands in an address"), ("requests/,.{}", 404, ","),
        ("requests/%00%EF%BF%BE.{}", 404, "not found"),
        ("tokens/a%00b.{}", 404, "token"), ("requests.{}?service_code=%00&status=%00open,x", 400, "status"),
    ],
)  # fmt: skip
async def test_errors_come_in_the_published_form(
    http: httpx2.AsyncClient, path: str, status: int, say: str, form: str
) -> None:
    answer = await http.get(f"{V2}/{path.format(form)}")
    assert answer.headers["content-type"].startswith({"json": "application/json", "xml": "text/xml"}[form])
    await refused(answer, status, say)
    assert KEY not in answer.text


async def test_another_form_is_not_there(http: httpx2.AsyncClient) -> None:
    await refused(await http.get(f"{V2}/services.yaml"), 404, ".xml or .json")


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_what_can_not_be_filed(http: httpx2.AsyncClient, form: str, db: Database) -> None:
    async def sent(**changed: str) -> httpx2.Response:
        return await http.post(f"{V2}/requests.{form}", data={**LIGHT, **changed})

    await refused(await sent(api_key=""), 401, "api_key was not provided")
    await refused(await sent(api_key="x" * 40), 403, "not known")
    await refused(await sent(api_key=OTHER_KEY), 403, "does not file")
    await refused(await sent(service_code=""), 400, "service_code was not provided")
    await refused(await sent(service_code="none"), 404, "none")
    await refused(await sent(lat="", long="", address_string=""), 400, "A place was not provided")
    await refused(
        await sent(service_code="water", **{"attribute[size]": "huge", "lat": "north"}), 400, "size", "lat is"
    )
    await refused(await sent(phone="call me"), 400, "phone")
    await refused(await sent(jurisdiction_id="other.vn"), 404, "jurisdiction_id")
    await refused(await sent(description="a" * 300_000), 413, "larger")
    as_json = await http.post(f"{V2}/requests.{form}", json=LIGHT)
    await refused(as_json, 400, "application/x-www-form-urlencoded")
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    await refused(await http.post(f"{V2}/requests.{form}", content=b"description=%ff", headers=kind), 400, "UTF-8")
    await refused(await http.post(f"{V2}/requests.{form}", content=b"a=1&" * 600, headers=kind), 400, "fields")
    in_query = await http.post(f"{V2}/requests.{form}?api_key={KEY}", data=LIGHT)
    await refused(in_query, 400, "never stands in an address")
    async with db.reading() as connection:
        assert (await connection.execute(sa.select(sa.func.count()).select_from(tables.reports))).scalar_one() == 0


async def test_a_session_cookie_files_nothing_and_a_bearer_does(http: httpx2.AsyncClient) -> None:
    form = {name: value for name, value in LIGHT.items() if name != "api_key"}
    http.cookies.set("ioc_session", KEY)
    await refused(await http.post(f"{V2}/requests.json", data=form), 401)
    http.cookies.clear()
    bearer = {"Authorization": f"Bearer {KEY}"}
    assert (await http.post(f"{V2}/requests.json", data=form, headers=bearer)).status_code == 201


async def test_who_may_file(db: Database, http: httpx2.AsyncClient) -> None:
    for role, status in (("screen", 403), ("push:cameras", 403), ("leader", 403), ("operator", 201), ("admin", 201)):
        secret = await access.add_key(db, name=role, role=role)
        answer = await http.post(f"{V2}/requests.json", data={**LIGHT, "api_key": secret})
        assert answer.status_code == status, role


async def test_only_words_and_an_address(http: httpx2.AsyncClient) -> None:
    number = await filed(http, lat="", long="", description="")
    (request,) = await told(http, service_request_id=number)
    assert (request["lat"], request["long"], request["address"]) == (None, None, "12 Trần Phú, Tuy Hòa")
    assert request["description"] == "Đèn đường"


async def test_the_same_idempotency_key_is_one_report(http: httpx2.AsyncClient) -> None:
    once = {"Idempotency-Key": "message 7"}
    answers = [await http.post(f"{V2}/requests.json", data=LIGHT, headers=once) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].json() == answers[1].json()
    assert len(await told(http)) == 1


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_a_token_is_exchanged_for_the_number(db: Database, form: str) -> None:
    batch = msgspec.structs.replace(RULES, open311=Open311(batch=True))
    async with centre(db, batch) as server, server.http() as http:
        assert fits("services", form, (await http.get(f"{V2}/services.{form}")).content)[0]["type"] == "batch"
        answer = await http.post(f"{V2}/requests.{form}", data=LIGHT)
        token = fits("filed_token", form, answer.content)[0]["token"]
        (found,) = fits("token", form, (await http.get(f"{V2}/tokens/{token}.{form}")).content)
        assert found["token"] == token
        assert (await http.get(f"{V2}/requests/{found['service_request_id']}.{form}")).status_code == 200


async def test_jurisdictions_are_kept_apart(db: Database) -> None:
    async with centre(db, two(per_key="2/minute")) as server, server.http() as http:
        await refused(await http.get(f"{V2}/services.xml"), 400, "jurisdiction_id was not provided")
        await refused(await http.post(f"{V2}/requests.json", data=LIGHT), 400, "jurisdiction_id was not provided")
        own = await filed(http, jurisdiction_id=OWN)
        wrong = await http.post(f"{V2}/requests.json", data={**LIGHT, "jurisdiction_id": TEST})
        await refused(wrong, 403, "does not file")
        theirs = {**LIGHT, "jurisdiction_id": TEST, "api_key": OTHER_KEY}
        answers = [await http.post(f"{V2}/requests.json", data=theirs) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [201, 201, 429]
        await refused(answers[2], 429, "may for now")
        assert 0 < int(answers[2].headers["retry-after"]) <= 60
        test = {one["service_request_id"] for one in await told(http, jurisdiction_id=TEST)}
        assert [one["service_request_id"] for one in await told(http, jurisdiction_id=OWN)] == [own]
        assert len(test) == 2 and own not in test
        await refused(await http.get(f"{V2}/requests/{own}.json?jurisdiction_id={TEST}"), 404)


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_discovery(http: httpx2.AsyncClient, server: Running, form: str) -> None:
    for path in ("/open311/discovery", f"{V2}/discovery"):
        found = fits("discovery", form, (await http.get(f"{path}.{form}")).content)
        (endpoint,) = found["endpoints"]
        assert endpoint["url"] == f"http://127.0.0.1:{server.port}{V2}"
        assert endpoint["formats"] == ["text/xml", "application/json"]
        assert found["contact"] == "Trung tâm điều hành · 1022"


async def test_without_reports_nothing_is_here() -> None:
    async with centre(None, None) as server, server.http() as http:
        await refused(await http.get(f"{V2}/services.json"), 404, "[reports]")


async def test_a_database_that_is_away_is_said(db: Database, server: Running) -> None:
    async with server.http() as http:
        await filed(http)
        async with db.writing() as connection:
            await connection.execute(sa.text("ALTER TABLE reports RENAME TO gone"))
        await refused(await http.get(f"{V2}/requests.json"), 503, "Try again")
        await refused(await http.post(f"{V2}/requests.xml", data=LIGHT), 503, "nothing was stored")


def test_the_openapi_document_tells_of_it() -> None:
    paths = openapi.document()["paths"]
    requests = paths[f"{V2}/requests.{{form}}"]
    assert set(requests) == {"get", "post"} and requests["post"]["security"] == []
    assert {one["name"] for one in requests["get"]["parameters"]} >= {"form", "status", "page", "updated_after"}
    assert set(requests["post"]["responses"]) >= {"201", "400", "401", "403", "404", "413", "429"}
    assert set(requests["get"]["responses"]["400"]["content"]) == {"text/xml", "application/json"}
    json.dumps(requests)
