"""Who a certificate belongs to, and whether an authority of the settings stands behind it. No network is asked.

A chain is built by the verifier of `cryptography` at the time of signing; what that leaves open (it was made for web
servers) is checked here: key usage, validity of every certificate in the chain, and revocation by the lists given.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ioc import clock, fields
from ioc.errors import BadConfig, SourceDown

if TYPE_CHECKING:
    from cryptography import x509

AHEAD = timedelta(minutes=5)
MOST_CERTIFICATES = 10
_CHAIN_DEPTH = 4
_SIGNING = {
    "1.3.6.1.5.5.7.3.4": "emailProtection", "1.3.6.1.5.5.7.3.2": "clientAuth", "2.5.29.37.0": "any",
    "1.3.6.1.5.5.7.3.36": "documentSigning", "1.3.6.1.4.1.311.10.3.12": "Microsoft documentSigning",
}  # fmt: skip
_PERSONAL = re.compile(r"\b(MST|CCCD|CMND|CMT|HC|MNS|BHXH)?\s*[:.-]?\s*\d(?:[\s.-]?\d){5,}", re.IGNORECASE)


class Signer(NamedTuple):
    """Who signed, without personal numbers, and when by the signer's own word (aware)."""

    name: str
    organisation: str
    at: datetime


def masked(text: str) -> str:
    """Text without numbers that identify a person or a taxpayer (MST, CCCD, CMND …)."""
    return " ".join(_PERSONAL.sub("…", fields.clean(text)).split())[:200]


class Authorities:
    """The authorities that are believed. `signers`, `crls`: PEM files; `organisations`: whose people may sign (empty:
    anybody's); `days`: how old a signature may be. Raises BadConfig when a file can't be used."""

    def __init__(
        self, signers: Sequence[str], crls: Sequence[str] = (), organisations: Sequence[str] = (), days: int = 30
    ) -> None:
        from cryptography import x509

        self._roots: list[x509.Certificate] = []
        self._lists: list[x509.CertificateRevocationList] = []
        self._organisations = {fields.clean(one).casefold() for one in organisations}
        self._days = days
        for file in signers:
            self._roots += _loaded(file, x509.load_pem_x509_certificates, "signers")
        for file in crls:
            self._lists.append(_loaded(file, x509.load_pem_x509_crl, "crls"))

    def trust(self, leaf: x509.Certificate, others: Sequence[x509.Certificate], at: datetime, now: datetime) -> Signer:
        """The signer, when a certificate was good at the time of signing `at`. Raises SourceDown."""
        if not self._roots:
            raise SourceDown("Nguồn này chưa khai báo tổ chức chứng thực nào (signers), nên không nhận tệp có chữ ký.")
        if at > now + AHEAD:
            raise SourceDown(f"Chữ ký ghi thời điểm {_when(at)}, còn ở tương lai; kiểm tra đồng hồ máy rồi ký lại.")
        if now - at > timedelta(days=self._days):
            raise SourceDown(f"Chữ ký đã quá {self._days} ngày ({_when(at)}); hãy ký lại tệp rồi gửi.")
        signer = Signer(_named(leaf, "2.5.4.3"), _named(leaf, "2.5.4.10"), at)
        _may_sign(leaf)
        _valid(leaf, at, "Chứng thư của người ký")
        chain = self._chain(leaf, others[:MOST_CERTIFICATES], at)
        for one in chain[1:]:
            _valid(one, at, "Chứng thư của tổ chức chứng thực")
        self._not_revoked(chain, now)
        if self._organisations and signer.organisation.casefold() not in self._organisations:
            raise SourceDown(f"Người ký ({signer.organisation}) không thuộc cơ quan được ký cho nguồn này.")
        return signer

    def _chain(
        self, leaf: x509.Certificate, others: Sequence[x509.Certificate], at: datetime
    ) -> list[x509.Certificate]:
        from cryptography import x509
        from cryptography.x509 import verification

        usual = verification.ExtensionPolicy.permit_all()
        agnostic = verification.Criticality.AGNOSTIC
        authority = usual.require_present(x509.BasicConstraints, agnostic, _is_authority)
        authority = authority.may_be_present(x509.KeyUsage, agnostic, _signs_certificates)
        policy = verification.PolicyBuilder().store(verification.Store(self._roots)).time(at)
        policy = policy.max_chain_depth(_CHAIN_DEPTH).extension_policies(ca_policy=authority, ee_policy=usual)
        try:
            return list(policy.build_client_verifier().verify(leaf, list(others)).chain)
        except verification.VerificationError:
            say = "Chứng thư của người ký không do tổ chức chứng thực được tin cậy nào cấp"
            raise SourceDown(f"{say}, hoặc đã hết hạn; ký bằng chứng thư hợp lệ rồi gửi lại.") from None

    def _not_revoked(self, chain: Sequence[x509.Certificate], now: datetime) -> None:
        """Fails closed: of an issuer with a list, an old list tells nothing."""
        for one, issuer in itertools.pairwise(chain):
            for listed in (listed for listed in self._lists if listed.issuer == one.issuer):
                if not listed.is_signature_valid(issuer.public_key()):  # type: ignore[arg-type]
                    raise SourceDown("Danh sách thu hồi (crls) không do tổ chức chứng thực ký; quản trị viên cần thay.")
                if listed.next_update_utc is not None and listed.next_update_utc < now:
                    raise SourceDown("Danh sách thu hồi (crls) đã hết hạn; quản trị viên cần tải danh sách mới.")
                if listed.get_revoked_certificate_by_serial_number(one.serial_number) is not None:
                    raise SourceDown("Chứng thư của người ký đã bị thu hồi; ký bằng chứng thư khác rồi gửi lại.")


def _loaded(file: str, load: Any, setting: str) -> Any:
    try:
        return load(Path(file).read_bytes())
    except OSError as error:
        raise BadConfig(f"The file {file} of {setting} can't be read ({error.strerror}); correct its path.") from None
    except ValueError:
        raise BadConfig(f"The file {file} of {setting} is no PEM of that kind; convert it with openssl.") from None


def _is_authority(_policy: Any, _cert: x509.Certificate, constraints: x509.BasicConstraints) -> None:
    if not constraints.ca:
        raise ValueError("It is no authority.")


def _signs_certificates(_policy: Any, _cert: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("It may not sign certificates.")


def _may_sign(leaf: x509.Certificate) -> None:
    """Key usage (RFC 5280): digital signature or content commitment; an extended usage, where there is one, fits."""
    from cryptography import x509

    wrong = "Chứng thư này không dùng để ký văn bản; ký bằng chứng thư ký số của cơ quan hoặc cán bộ."
    try:
        usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
        if not (usage.digital_signature or usage.content_commitment):
            raise SourceDown(wrong)
        extended = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound as error:
        if error.oid == x509.KeyUsage.oid:
            raise SourceDown(wrong) from None
        return
    except ValueError:
        raise SourceDown("Chứng thư của người ký không đọc được; ký bằng chứng thư khác rồi gửi lại.") from None
    if not {one.dotted_string for one in extended} & _SIGNING.keys():
        raise SourceDown(wrong)


def _valid(one: x509.Certificate, at: datetime, what: str) -> None:
    if not one.not_valid_before_utc <= at <= one.not_valid_after_utc:
        until = one.not_valid_after_utc.astimezone(clock.ZONE)
        raise SourceDown(f"{what} không còn hiệu lực lúc ký (hết hạn {until:%d/%m/%Y}); ký lại bằng chứng thư còn hạn.")


def _named(leaf: x509.Certificate, oid: str) -> str:
    found = [one.value for one in leaf.subject if one.oid.dotted_string == oid]
    return masked(str(found[0])) if found else ""


def _when(at: datetime) -> str:
    return f"{at.astimezone(clock.ZONE):%H:%M %d/%m/%Y}"


def verified(key: Any, signature: bytes, body: bytes, scheme: str, digest: str) -> bool:
    """Whether a public key made `signature` over `body`. `scheme`: rsa (PKCS #1 v1.5), pss or ecdsa (DER); `digest`:
    sha256, sha384 or sha512."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

    kinds: dict[str, Any] = {"sha256": hashes.SHA256, "sha384": hashes.SHA384, "sha512": hashes.SHA512}
    kind = kinds[digest]()
    try:
        if isinstance(key, rsa.RSAPublicKey) and scheme in ("rsa", "pss") and key.key_size >= 2048:
            pss = padding.PSS(padding.MGF1(kind), padding.PSS.AUTO)
            key.verify(signature, body, padding.PKCS1v15() if scheme == "rsa" else pss, kind)
        elif isinstance(key, ec.EllipticCurvePublicKey) and scheme == "ecdsa":
            key.verify(signature, body, ec.ECDSA(kind))
        else:
            return False
    except InvalidSignature:
        return False
    return True
