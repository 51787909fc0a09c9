"""Documents in edXML: headers, the nine status codes, and signatures that are checked and never quoted."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from adapters.documents import STATUSES
from ioc import catalog, clock
from ioc.adapter import Adapter, Answer, Reading
from ioc.adapter_suite import AdapterSuite
from ioc.contract import Contract
from ioc.demo.systems import documents as axis
from ioc.errors import BadRecord, SourceDown
from ioc.settings import Source

BEGAN = clock.parse("2026-03-10T10:00:00+07:00")
AUTHORITY, SIGNER = axis._authority(54, BEGAN)
SENDER, RECEIVER = ("000.00.01.H45", "Sở Mẫu"), ("000.00.02.H45", "Xã Mẫu")
DOCUMENT = "000.00.01.H45,2026/03/09,12/CV-MAU"
PLAIN = axis._document(DOCUMENT, SENDER, RECEIVER, "2026/03/09", "2026/03/09 08:30:00", paper="0")
SIGNED = SIGNER.sign(PLAIN)
SAID = axis._status(DOCUMENT, SENDER[0], RECEIVER, "03", "2026/03/09 09:00:00")
OPTIONS: dict[str, Any] = {
    "event": "ioc.document.sent", "url": "replaced", "records": "data", "id": "id", "time": "time",
}  # fmt: skip


def page(*packages: str) -> bytes:
    rows = [{"id": str(n), "time": "2026-03-09T09:00:00+07:00", "edxml": text} for n, text in enumerate(packages)]
    return json.dumps({"data": rows}, ensure_ascii=False).encode()


class TestDocuments(AdapterSuite):
    adapter = "documents"
    options = OPTIONS
    answers = (page(SIGNED), page(SAID))


def opened(**changed: Any) -> Adapter[Any]:
    return catalog.open_adapter(Source("axis", "documents", Contract("us"), {**OPTIONS, "url": "http://x", **changed}))


def parsed(*packages: str, **changed: Any) -> list[Reading | BadRecord]:
    return list(opened(**changed).parse(Answer(page(*packages))))


def one(package: str, **changed: Any) -> Reading:
    (found,) = parsed(package, **changed)
    assert isinstance(found, Reading), found
    return found


def bad(package: str, **changed: Any) -> BadRecord:
    (found,) = parsed(package, **changed)
    assert isinstance(found, BadRecord), found
    return found


@pytest.fixture
def authority(tmp_path: Path) -> str:
    file = tmp_path / "ca.pem"
    file.write_bytes(AUTHORITY.certificate.public_bytes(Encoding.PEM))
    return str(file)


def test_a_document_for_its_receiver_without_its_subject_or_people() -> None:
    found = one(PLAIN)
    assert (found.subject, found.time) == (f"{DOCUMENT}/{RECEIVER[0]}", clock.parse("2026-03-09T08:30:00+07:00"))
    assert found.properties == {
        "document": DOCUMENT, "kind": "Công văn mẫu", "from": SENDER[0], "from_name": "Sở Mẫu", "to": RECEIVER[0],
        "issued": "2026-03-09", "due": None, "electronic": True, "signed": "none",
    }  # fmt: skip


def test_each_receiver_has_its_own() -> None:
    three = PLAIN.replace("</edXML:To>", "</edXML:To>" + 2 * axis._who("To", ("000.00.03.H45", "Sở khác")))
    found = [result.subject for result in parsed(three) if isinstance(result, Reading)]
    assert found == [f"{DOCUMENT}/{RECEIVER[0]}", f"{DOCUMENT}/000.00.03.H45"]


def test_a_document_without_a_documentid_is_known_by_sender_day_and_number() -> None:
    without = PLAIN.replace(f"<edXML:DocumentId>{DOCUMENT}</edXML:DocumentId>", "")
    assert one(without).subject == one(PLAIN).subject
    said = SAID.replace(f"<edXML:DocumentId>{DOCUMENT}</edXML:DocumentId>", "")
    assert one(said).subject == one(PLAIN).subject


@pytest.mark.parametrize("paper", ["1", ""])
def test_a_document_that_paper_follows_is_not_electronic(paper: str) -> None:
    assert not one(PLAIN.replace("<edXML:Paper>0<", f"<edXML:Paper>{paper}<")).properties["electronic"]


def test_a_document_that_names_no_file_is_not_electronic() -> None:
    begin, end = PLAIN.index("<edXML:Reference>"), PLAIN.index("</edXML:edXMLManifest>")
    assert not one(PLAIN[:begin] + PLAIN[end:]).properties["electronic"]


@pytest.mark.parametrize("code", STATUSES)
def test_the_nine_status_codes(code: str) -> None:
    found = one(SAID.replace(">03<", f">{code}<"))
    assert (found.type, found.subject) == ("ioc.document.status", f"{DOCUMENT}/{RECEIVER[0]}")
    assert found.properties["status"] == STATUSES[code] and found.time == clock.parse("2026-03-09T09:00:00+07:00")
    assert list(STATUSES) == ["01", "02", "03", "04", "05", "06", "13", "15", "16"]


@pytest.mark.parametrize("code", ["00", "07", "14", "3", ""])
def test_another_code_is_set_aside(code: str) -> None:
    found = bad(SAID.replace(">03<", f">{code}<"))
    assert (found.reason, found.field) == ("unknown_code", "StatusCode")
    assert found.code == (code or None)


def test_a_signature_is_worked_out(authority: str) -> None:
    assert one(SIGNED).properties["signed"] == "intact"
    assert one(SIGNED, signers=[authority]).properties["signed"] == "trusted"


def test_who_changed_a_word_broke_it(authority: str) -> None:
    forged = SIGNED.replace("Văn bản mẫu", "Văn bản giả")
    assert forged != SIGNED
    assert one(forged, signers=[authority]).properties["signed"] == "broken"


def test_a_signature_by_somebody_else_is_not_trusted(authority: str) -> None:
    stranger = axis._authority(55, BEGAN)[1].sign(PLAIN)
    assert one(stranger, signers=[authority]).properties["signed"] == "intact"
    late = axis._authority(54, BEGAN + timedelta(days=500))[1].sign(PLAIN)
    assert one(late, signers=[authority]).properties["signed"] == "intact"


def test_an_empty_place_for_a_signature_is_none() -> None:
    said = PLAIN.replace("</edXML:edXMLHeader>", "<edXML:DigitalSignature/></edXML:edXMLHeader>")
    assert one(said).properties["signed"] == "none"


def test_a_good_signature_carried_into_another_package_is_broken(authority: str) -> None:
    inner = SIGNED.replace("<edXML ", '<edXML Id="inner" ', 1)
    outer = PLAIN.replace("</edXML>", inner + "</edXML>")
    assert one(outer, signers=[authority]).properties["signed"] in ("none", "broken")
    header = PLAIN.replace("</edXML:edXMLHeader>", inner + "</edXML:edXMLHeader>")
    assert one(header, signers=[authority]).properties["signed"] == "broken"


@pytest.mark.parametrize(
    ("package", "reason"),
    [
        ("", "missing_field"),
        (PLAIN[: len(PLAIN) // 2], "bad_type"),
        ('<!DOCTYPE a [<!ENTITY x "y">]>' + PLAIN, "bad_type"),
        ("<html><body>Sign in</body></html>", "bad_type"),
        ("<edXML><edXMLEnvelope/></edXML>", "missing_field"),
        (PLAIN.replace("edXML:To>", "edXML:Cc>"), "missing_field"),
        (SAID.replace("000.00.02.H45", ""), "no_id"),
        (SAID.replace("2026/03/09 09:00:00", "hôm qua"), "bad_time"),
    ],
)
def test_what_is_no_package_is_set_aside_and_nothing_of_it_kept(package: str, reason: str) -> None:
    found = bad(package)
    assert found.reason == reason and found.say.endswith(".")
    assert msgspec.json.encode(found.raw) == b'{"id":"0"}'


def test_a_package_in_base64() -> None:
    assert one(base64.b64encode(PLAIN.encode()).decode(), encoding="base64") == one(PLAIN)
    assert bad("%%%", encoding="base64").reason == "bad_type"


def test_an_authority_that_cant_be_read_takes_nothing() -> None:
    with pytest.raises(SourceDown, match="can't be read"):
        parsed(PLAIN, signers=["/nowhere/ca.pem"])
