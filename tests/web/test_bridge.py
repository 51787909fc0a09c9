"""The bridge's door: who may send, the template, a sheet with bad cells, the signature, and what is refused unread."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from ioc.board.memory import MemoryBoard
from ioc.bridge.form import ERRORS, HIDDEN
from ioc.bridge.package import MAX_BYTES
from ioc.bridge.template import XLSX
from ioc.contract import Answered, Contract
from ioc.db.session import Database, migrate, open_db
from ioc.log.memory import MemoryLog
from ioc.settings import Access as AccessSettings
from ioc.settings import Province, Source
from ioc.web import access
from ioc.web.app import build
from ioc.web.parts import files
from ioc.web.problems import Wrong
from tests.authority import Authority
from tests.sheets_of_agencies import DUE, OPTIONS, OWNER, REPORTERS, filled

from .conftest import Running, running, settings

OWES = Contract(OWNER, due=DUE, reporters=REPORTERS, method="typed")


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    migrate(f"sqlite:///{tmp_path}/keys.db")
    opened = open_db(f"sqlite:///{tmp_path}/keys.db")
    yield opened
    await opened.close()


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
def authority() -> Authority:
    return Authority("CA của cửa")


@pytest.fixture
async def server(
    board: MemoryBoard, db: Database, log: MemoryLog, authority: Authority, tmp_path: Path
) -> AsyncIterator[Running]:
    signed = {**OPTIONS, "signature": "required", "signers": [authority.write(tmp_path)], "organisations": ["*"]}
    sources = {
        "jobs": Source("jobs", "bridge", OWES, OPTIONS, ("Việc làm mới", "New jobs")),
        "signed": Source("signed", "bridge", OWES, signed),
        "typed": Source("typed", "bridge", OWES, {**OPTIONS, "retired_by": "machine"}),
        "machine": Source("machine", "push", Contract(OWNER), {"event": "ioc.x", "sender_id": "a", "id": "b"}),
        "broken": Source("broken", "bridge", OWES, {**OPTIONS, "nonsense": 1}),
    }
    shut = settings(
        access=AccessSettings(),
        sources=sources,
        province=Province("Phú Yên", legacy_province="54"),
        layers=("indicators",),
    )
    async with running(build(shut, board=board, db=db, log=log)) as found:
        yield found


@pytest.fixture
async def key(db: Database) -> str:
    return await access.add_key(db, name="cán bộ", role="screen", channels=(), agency=OWNER)


async def post(server: Running, key: str | None, body: bytes, source: str = "jobs", **headers: str) -> Any:
    async with server.http(key) as http:
        return await http.post(f"/api/bridge/{source}", content=body, headers={"Content-Type": XLSX, **headers})


def form(**fields: tuple[str, bytes]) -> tuple[bytes, str]:
    """A form as curl and browsers post it."""
    body = b"".join(
        b'--xYz\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\nContent-Type: application/octet-stream'
        b"\r\n\r\n%s\r\n" % (name.encode(), file.encode(), content)
        for name, (file, content) in fields.items()
    )
    return body + b"--xYz--\r\n", "multipart/form-data; boundary=xYz"


async def test_a_good_sheet_is_in_the_log_when_the_answer_says_so(server: Running, key: str, log: MemoryLog) -> None:
    answer = await post(server, key, filled(B5="Lê Văn An"))
    assert answer.status_code == 202
    assert answer.json() == {
        "records": 3, "events": 3, "unchanged": 0, "period": "2026-03", "officer": "Lê Văn An", "agency": OWNER,
    }  # fmt: skip
    known = await log.known("jobs")
    assert known.answered is not None and known.answered.have == 3
    assert (await post(server, key, filled())).json()["unchanged"] == 3


async def test_who_may_send_is_the_owner_and_the_operator(server: Running, db: Database) -> None:
    roles = {
        "operator": 202, "admin": 202, "push:jobs": 202, "push:signed": 403, "leader": 403, "screen": 403,
    }  # fmt: skip
    for role, status in roles.items():
        other = await access.add_key(db, name=role, role=role, agency="Sở Y tế")
        assert (await post(server, other, filled())).status_code == status, role
        async with server.http(other) as http:
            assert (await http.get("/api/bridge/jobs")).status_code == (200 if status == 202 else 403), role
    assert (await post(server, None, filled())).status_code == 401
    leader = await access.add_key(db, name="lãnh đạo", role="leader", agency=OWNER)
    assert (await post(server, leader, filled())).status_code == 202


async def test_sources_that_take_no_sheets_are_told(server: Running, db: Database) -> None:
    admin = await access.add_key(db, name="admin", role="admin")
    assert (await post(server, admin, filled(), "machine")).status_code == 404
    assert (await post(server, admin, filled(), "none")).status_code == 404
    assert (await post(server, admin, filled(), "broken")).status_code == 503
    assert (await post(server, admin, filled(), Origin="http://elsewhere")).status_code == 403


async def test_the_template_that_is_taken_here_is_the_one_that_comes_back(server: Running, key: str) -> None:
    async with server.http(key) as http:
        answer = await http.get("/api/bridge/jobs")
    assert answer.headers["content-type"] == XLSX and ".xlsx" in answer.headers["content-disposition"]
    book = load_workbook(io.BytesIO(answer.content))
    assert book[HIDDEN]["B1"].value == "ioc.bridge/jobs"
    assert (await post(server, key, filled(body=answer.content))).status_code == 202


async def test_bad_cells_are_named_and_the_answer_goes_through_when_corrected(
    server: Running, key: str, log: MemoryLog
) -> None:
    body = filled(C9="x", D10=-4, F11="y")
    answer = await post(server, key, body)
    assert answer.status_code == 422 and answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert [one["cell"] for one in told["errors"]] == ["C9", "D10", "F11"]
    assert all(one["say"].endswith(".") for one in told["errors"]) and told["detail"].endswith(".")
    assert (await log.known("jobs")).answered is None
    sheet = await post(server, key, body, Accept=XLSX)
    assert sheet.status_code == 422 and sheet.headers["content-type"] == XLSX
    lines = [row[0].value for row in load_workbook(io.BytesIO(sheet.content))[ERRORS].iter_rows()]
    assert lines == ["Ô", "C9", "D10", "F11"]
    right = filled(body=sheet.content, D10=None, F11=None)
    assert (await post(server, key, right)).status_code == 202


async def test_a_correction_needs_a_reason(server: Running, key: str) -> None:
    await post(server, key, filled())
    answer = await post(server, key, filled(C9=130))
    assert answer.status_code == 422 and [one["cell"] for one in answer.json()["errors"]] == ["B4"]
    assert (await post(server, key, filled(C9=130, B4="Đếm sót"))).json()["events"] == 1


async def test_a_signed_sheet_is_taken_with_its_signature_beside_it_or_inside(
    server: Running, key: str, authority: Authority
) -> None:
    body, by = filled(body=await _template(server, key)), authority.person()
    answer = await post(server, key, body, "signed")
    assert answer.status_code == 422 and "chữ ký số" in answer.json()["detail"]
    sent, kind = form(sheet=("việc làm.xlsx", body), signature=("x.p7s", authority.beside(body, by)))
    answer = await post(server, key, sent, "signed", **{"Content-Type": kind})
    assert answer.status_code == 202 and answer.json()["officer"] == "Nguyễn Thị Hoa"
    assert (await post(server, key, authority.inside(body, by), "signed")).json()["unchanged"] == 3
    wrong, kind = form(sheet=("x.xlsx", body), signature=("x.p7s", authority.beside(b"other", by)))
    answer = await post(server, key, wrong, "signed", **{"Content-Type": kind})
    assert answer.status_code == 422 and "không đúng với tệp" in answer.json()["detail"]


async def _template(server: Running, key: str) -> bytes:
    async with server.http(key) as http:
        return (await http.get("/api/bridge/signed")).content


async def test_a_large_body_is_refused_while_it_is_read(
    server: Running, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = await post(server, key, b"PK\x03\x04" + b"0" * (12 * 1024 * 1024))
    assert answer.status_code == 413 and "10 MB" in answer.json()["detail"]
    pieces = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal pieces
        while pieces < 50:
            pieces += 1
            yield b"0" * 1024 * 1024

    async with server.http(key) as http:
        answer = await http.post("/api/bridge/jobs", content=endless(), headers={"Content-Type": XLSX})
    assert answer.status_code == 413
    # one that lies between the two limits is refused before it is opened
    answer = await post(server, key, b"PK\x03\x04" + b"0" * MAX_BYTES)
    assert answer.status_code == 422 and "10 MB" in answer.json()["detail"]


async def test_while_the_machine_source_is_live_nothing_is_taken(server: Running, key: str, log: MemoryLog) -> None:
    body = filled(body=await _typed(server, key))
    now = datetime.now(UTC)
    known = await log.known("machine")
    live = Answered("machine", now, now, now)
    await log.append([], source="machine", revision=known.revision, cursor=None, seen={}, answered=live)
    answer = await post(server, key, body, "typed")
    assert answer.status_code == 409 and "đã nghỉ" in answer.json()["detail"] and "machine" in answer.json()["detail"]
    assert (await log.known("typed")).answered is None
    known = await log.known("machine")
    down = Answered("machine", now, None, None, error="x", refused=True)
    await log.append([], source="machine", revision=known.revision, cursor=None, seen={}, answered=down)
    assert (await post(server, key, body, "typed")).status_code == 202


async def _typed(server: Running, key: str) -> bytes:
    async with server.http(key) as http:
        return (await http.get("/api/bridge/typed")).content


async def test_a_server_is_ready_though_nobody_has_typed_anything_yet(server: Running) -> None:
    async with server.http() as http:
        reasons = (await http.get("/readyz")).json()["reasons"]
    assert not any(reason.startswith(("The source jobs ", "The source typed ")) for reason in reasons)


@given(st.dictionaries(st.from_regex("[a-z]{1,8}", fullmatch=True), st.binary(max_size=300), min_size=1, max_size=8))
def test_whatever_a_form_holds_comes_out_as_it_was(fields: dict[str, bytes]) -> None:
    body, kind = form(**{name: ("x", content) for name, content in fields.items()})
    assert {name: content for name, (_, content) in files(body, kind).items()} == fields


def test_forms_are_cut_at_their_boundary_and_nowhere_else() -> None:
    odd = b"\r\n--xY\r\n\r\n--\n\r" + bytes(range(256))
    body, kind = form(sheet=("a b.xlsx", odd), signature=("", b""))
    assert files(body, kind) == {"sheet": ("a b.xlsx", odd), "signature": ("", b"")}
    for wrong in (body[:-10], b"", b"--xYz\r\n\r\nx\r\n--xYz--", body.replace(b'name="signature"', b'name="sheet"')):
        with pytest.raises(Wrong):
            files(wrong, kind)
    with pytest.raises(Wrong):
        files(body, "multipart/form-data")
