"""Signatures of the bridge: inside the workbook as OOXML has them, beside it as CMS, and all that is not believed."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given, settings
from hypothesis import strategies as st

from ioc import clock
from ioc.bridge import sheet
from ioc.bridge.authority import Authorities, masked
from ioc.bridge.sheet import Sent
from ioc.errors import BadConfig, SourceDown

from .authority import Authority, Inside, Pair
from .sheets_of_agencies import FORM, filled

NO_RELATIONS = b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"/>'
SIGNATURE = "_xmlsignatures/sig1.xml"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("CA của bài thử")


@pytest.fixture(scope="module")
def officer(authority: Authority) -> Pair:
    return authority.person()


@pytest.fixture(scope="module")
def believed(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Authorities:
    return Authorities([authority.write(tmp_path_factory.mktemp("ca"))])


def take(body: bytes, believed: Authorities, beside: bytes | None = None) -> dict[str, Any]:
    found = sheet.taken(FORM, Sent(body, "viec-lam.xlsx", beside, clock.now()), believed)
    assert len(found) == 3
    return found[0].properties


def refused(body: bytes, believed: Authorities, beside: bytes | None = None) -> str:
    with pytest.raises(SourceDown) as found:
        take(body, believed, beside)
    assert found.value.say.endswith("."), found.value.say
    return found.value.say


@pytest.mark.parametrize("xades", [True, False])
@pytest.mark.parametrize("curve", [True, False])
def test_a_signature_inside_names_the_signer(
    authority: Authority, believed: Authorities, xades: bool, curve: bool
) -> None:
    body = authority.inside(filled(B5="Ai đó khác"), authority.person(curve=curve), xades=xades)
    told = take(body, believed)
    assert (told["officer"], told["agency"]) == ("Nguyễn Thị Hoa", "Sở Nội vụ")


def test_the_test_signer_signs_as_others_verify(authority: Authority, officer: Pair) -> None:
    from signxml.verifier import SignatureConfiguration, XMLVerifier

    judge = XMLVerifier()
    judge.excise_empty_xmlns_declarations = True
    body = Inside.of(authority.inside(filled(), officer)).parts[SIGNATURE]
    wanted = SignatureConfiguration(require_x509=True, expect_references=2)
    found = judge.verify(body, x509_cert=officer.cert, expect_config=wanted)
    assert isinstance(found, list) and len(found) == 2


@pytest.mark.parametrize("curve", [True, False])
def test_a_signature_beside_names_the_signer(authority: Authority, believed: Authorities, curve: bool) -> None:
    body, by = filled(), authority.person(curve=curve)
    der = authority.beside(body, by)
    told = take(body, believed, der)
    assert (told["officer"], told["agency"]) == ("Nguyễn Thị Hoa", "Sở Nội vụ")


def test_a_signature_of_openssl_is_believed(
    authority: Authority, officer: Pair, believed: Authorities, tmp_path: Path
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("There is no openssl on this machine.")
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (tmp_path / "sheet.xlsx").write_bytes(body := filled())
    (tmp_path / "cert.pem").write_bytes(officer.cert.public_bytes(pem))
    (tmp_path / "ca.pem").write_bytes(authority.issuing.cert.public_bytes(pem))
    (tmp_path / "key.pem").write_bytes(officer.key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    asked = "cms -sign -binary -md sha384 -in sheet.xlsx -signer cert.pem -inkey key.pem -certfile ca.pem -outform"
    for form in ("DER", "PEM"):
        command = ["openssl", *asked.split(), form, "-out", f"{form}.p7s"]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
        told = take(body, believed, (tmp_path / f"{form}.p7s").read_bytes())
        assert told["officer"] == "Nguyễn Thị Hoa"
    pss = ["-keyopt", "rsa_padding_mode:pss", "-out", "pss.p7s"]
    subprocess.run(["openssl", *asked.split(), "DER", *pss], cwd=tmp_path, check=True, capture_output=True)
    assert take(body, believed, (tmp_path / "pss.p7s").read_bytes())["officer"] == "Nguyễn Thị Hoa"


def test_an_unsigned_sheet_is_refused(believed: Authorities) -> None:
    assert "chưa có chữ ký số" in refused(filled(), believed)


def test_personal_numbers_are_never_told(authority: Authority, believed: Authorities) -> None:
    by = authority.person("Trần Văn Bình CCCD: 054012345678", "Sở Nội vụ, MST 4400123456-001")
    told = take(authority.inside(filled(), by), believed)
    assert (told["officer"], told["agency"]) == ("Trần Văn Bình …", "Sở Nội vụ, …")
    assert not re.search(r"\d{5}", masked("MST:0100109106 CMND 012 345 678, 054.012.345.678"))
    assert masked("Phòng 12, tầng 3") == "Phòng 12, tầng 3"


def _tampered(name: str, old: bytes, new: bytes) -> Callable[[Inside], None]:
    def work(package: Inside) -> None:
        assert old in package.parts[name]
        package.parts[name] = package.parts[name].replace(old, new, 1)

    return work


def _put(name: str, body: bytes) -> Callable[[Inside], None]:
    def work(package: Inside) -> None:
        package.parts[name] = body

    return work


def _relabelled(package: Inside) -> None:
    """Another part is called the workbook, by the list of types that nobody signs."""
    types = package.parts["[Content_Types].xml"].decode()
    main = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
    package.parts["[Content_Types].xml"] = types.replace(
        "application/vnd.openxmlformats-officedocument.custom-properties+xml", main
    ).encode()


def _wrapped(package: Inside) -> None:
    """The signed object stays, and another of the same id with other digests is put beside it."""
    text = package.parts[SIGNATURE].decode()
    found = re.search(r"<Object Id=\"idPackageObject\">.*?</Object>", text)
    assert found is not None
    package.parts[SIGNATURE] = text.replace("</Signature>", f"{found[0]}</Signature>").encode()


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (_tampered("xl/worksheets/sheet1.xml", b"<v>120</v>", b"<v>920</v>"), "đã bị sửa"),
        (_tampered("xl/workbook.xml", b"veryHidden", b"visible"), "đã bị sửa"),
        (_tampered("xl/_rels/workbook.xml.rels", b"sheet1.xml", b"sheet2.xml"), "đã bị sửa"),
        (_tampered(SIGNATURE, b"mdssi:Value>2", b"mdssi:Value>1"), "đã bị sửa"),
        (_tampered(SIGNATURE, b"<SignatureValue>", b"<SignatureValue>AAAA"), "đã bị sửa"),
        (_tampered(SIGNATURE, b"rsa-sha256", b"rsa-sha1"), "SHA-256"),
        (_tampered(SIGNATURE, b"<SignedInfo>", b"<SignedInfo><!-- x -->"), "không hỗ trợ"),
        (_tampered(SIGNATURE, b"#idPackageObject", b"#idOther"), "đã bị sửa"),
        (_put("xl/worksheets/sheet9.xml", b"<a/>"), "không bao trùm"),
        (_put("xl/worksheets/_rels/sheet1.xml.rels", NO_RELATIONS), "không bao trùm"),
        (_put(SIGNATURE, b"<a/>"), "không hỗ trợ"),
        (_put(SIGNATURE, b'<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/>'), "không hỗ trợ"),
        (_put("_xmlsignatures/_rels/origin.sigs.rels", NO_RELATIONS), "không hỗ trợ"),
        (_relabelled, "không phải bảng tính XLSX thường"),
        (_wrapped, "không hỗ trợ"),
    ],
)  # fmt: skip
def test_a_file_that_was_touched_after_it_was_signed_is_refused(
    authority: Authority, officer: Pair, believed: Authorities, work: Callable[[Inside], None], said: str
) -> None:
    package = Inside.of(authority.inside(filled(), officer))
    assert take(package.packed(), believed)
    work(package)
    assert said in refused(package.packed(), believed)


def test_the_certificate_that_the_signer_named_is_the_one_that_is_told(
    authority: Authority, officer: Pair, believed: Authorities, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests import authority as signing

    named = signing._xades
    other = authority.person()
    monkeypatch.setattr(signing, "_xades", lambda cert, when: named(other.cert, when))
    assert "đã bị sửa" in refused(authority.inside(filled(), officer), believed)


def test_a_part_that_is_called_something_else_than_was_signed_is_refused(
    authority: Authority, officer: Pair, believed: Authorities
) -> None:
    package = Inside.of(authority.inside(filled(), officer))
    _tampered("[Content_Types].xml", b"spreadsheetml.styles+xml", b"spreadsheetml.other+xml")(package)
    assert "đã bị sửa" in refused(package.packed(), believed)


def test_a_byte_that_is_changed_anywhere_never_changes_what_is_told(
    authority: Authority, officer: Pair, believed: Authorities
) -> None:
    body = filled()
    package = Inside.of(authority.inside(body, officer))
    told, inside, beside = take(package.packed(), believed), package.parts[SIGNATURE], authority.beside(body, officer)

    @given(st.booleans(), st.integers(0, 10**9), st.integers(0, 255), st.booleans())
    @settings(max_examples=150)
    def holds(within: bool, at: int, value: int, cut: bool) -> None:
        old = inside if within else beside
        at %= len(old)
        new = old[:at] if cut else old[:at] + bytes([value]) + old[at + 1 :]
        try:
            if within:
                package.parts[SIGNATURE] = new
                assert take(package.packed(), believed) == told
            else:
                assert take(body, believed, new) == told
        except SourceDown as error:
            assert error.say.endswith(".")

    holds()


def test_what_nobody_reads_may_change(authority: Authority, officer: Pair, believed: Authorities) -> None:
    package = Inside.of(authority.inside(filled(), officer))
    _tampered("docProps/core.xml", b"openpyxl", b"somebody")(package)
    assert take(package.packed(), believed)


@pytest.mark.parametrize("left", ["xl/styles.xml", "xl/worksheets/sheet1.xml", "xl/workbook.xml", "_rels/.rels"])
def test_a_signature_that_leaves_something_out_is_refused(
    authority: Authority, officer: Pair, believed: Authorities, left: str
) -> None:
    assert "không bao trùm" in refused(authority.inside(filled(), officer, leave=(left,)), believed)


def test_a_signature_of_another_file_is_refused(authority: Authority, officer: Pair, believed: Authorities) -> None:
    beside = authority.beside(filled(), officer)
    assert "không đúng với tệp" in refused(filled(C9=121), believed, beside)
    for other in (b"", b"garbage", b"-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----", beside[:-40], b"0" * 300_000):
        assert "không đọc được" in refused(filled(), believed, other)


@pytest.mark.parametrize("way", ["inside", "beside"])
class TestWhoIsBelieved:
    """What holds for both ways of signing."""

    def say(self, way: str, authority: Authority, by: Pair, believed: Authorities) -> str:
        body = filled()
        if way == "inside":
            return refused(authority.inside(body, by), believed)
        return refused(body, believed, authority.beside(body, by))

    def test_a_foreign_authority_is_not(self, way: str, authority: Authority, believed: Authorities) -> None:
        other = Authority("CA của bài thử")
        assert "tin cậy" in self.say(way, other, other.person(), believed)
        # its certificate beside a foreign signer's changes nothing
        assert "tin cậy" in self.say(way, authority, other.person(), believed)

    def test_an_expired_certificate_is_not(self, way: str, authority: Authority, believed: Authorities) -> None:
        assert "không còn hiệu lực" in self.say(way, authority, authority.person(days=(-300, -3)), believed)
        assert "không còn hiệu lực" in self.say(way, authority, authority.person(days=(3, 300)), believed)

    def test_an_expired_authority_is_not(self, way: str, tmp_path: Path) -> None:
        old = Authority("CA cũ", days=(-1000, -2))
        assert "hết hạn" in self.say(way, old, old.person(), Authorities([old.write(tmp_path)]))

    def test_a_certificate_for_something_else_is_not(
        self, way: str, authority: Authority, believed: Authorities
    ) -> None:
        assert "không dùng để ký" in self.say(way, authority, authority.person(signs=False), believed)

    def test_a_person_is_no_authority(
        self, way: str, authority: Authority, officer: Pair, believed: Authorities
    ) -> None:
        forged = Authority._issue("Kẻ khác", "Sở Nội vụ", officer, days=(-1, 9))
        other = Authority("x")
        other.issuing = officer
        assert "tin cậy" in self.say(way, other, forged, believed)

    def test_a_revoked_certificate_is_not(self, way: str, authority: Authority, tmp_path: Path) -> None:
        by, root = authority.person(), authority.write(tmp_path)
        assert "thu hồi" in self.say(way, authority, by, Authorities([root], [authority.revoke(tmp_path, by)]))
        old = Authorities([root], [authority.revoke(tmp_path, days=-2)])
        assert "đã hết hạn" in self.say(way, authority, by, old)

    def test_a_person_of_another_organisation_is_not(self, way: str, authority: Authority, tmp_path: Path) -> None:
        narrow = Authorities([authority.write(tmp_path)], organisations=["Sở Y tế"])
        assert "không thuộc cơ quan" in self.say(way, authority, authority.person(), narrow)


def test_who_is_not_revoked_and_of_the_organisation_is_believed(authority: Authority, tmp_path: Path) -> None:
    crl = authority.revoke(tmp_path, authority.person())
    narrow = Authorities([authority.write(tmp_path)], [crl], ["Sở Nội vụ"])
    assert take(authority.inside(filled(), authority.person()), narrow)


def test_the_time_of_signing_decides_and_may_not_lie_far_back_or_ahead(
    authority: Authority, believed: Authorities
) -> None:
    now = datetime.now(UTC)
    ended = authority.person(days=(-100, -2))
    assert take(authority.inside(filled(), ended, at=now - timedelta(days=5)), believed)
    assert "đã quá 30 ngày" in refused(authority.inside(filled(), ended, at=now - timedelta(days=40)), believed)
    assert "tương lai" in refused(authority.inside(filled(), authority.person(), at=now + timedelta(hours=2)), believed)


def test_files_of_authorities_that_can_not_be_used_stop_the_source(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("nothing", encoding="utf-8")
    for files in ([str(tmp_path / "none.pem")], [str(tmp_path / "x.pem")]):
        with pytest.raises(BadConfig, match="of signers"):
            Authorities(files)
