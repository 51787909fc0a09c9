"""A signature beside a file: CMS SignedData (RFC 5652), DER or PEM, usually `<name>.p7s`.

`cryptography` makes such signatures and does not verify them; asn1crypto reads them, and `cryptography` does the rest.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ioc.bridge.authority import Authorities, Signer, verified
from ioc.errors import SourceDown

if TYPE_CHECKING:
    from cryptography import x509

MAX_BYTES = 256 * 1024
_PEM = re.compile(rb"-----BEGIN (?:PKCS7|CMS)-----([A-Za-z0-9+/=\s]+)-----END (?:PKCS7|CMS)-----")
_WRONG = "Chữ ký số đi kèm không đúng với tệp: tệp đã bị sửa, hoặc là chữ ký của tệp khác. Ký lại rồi gửi cả hai."
_STRANGE = "Tệp chữ ký (.p7s) không đọc được"
_SCHEMES = {"rsassa_pkcs1v15": "rsa", "rsassa_pss": "pss", "ecdsa": "ecdsa"}
_DIGESTS = ("sha256", "sha384", "sha512")


def verify(body: bytes, signature: bytes, authorities: Authorities, now: datetime) -> Signer:
    """Who signed `body`; every signature must hold. Raises SourceDown, in Vietnamese."""
    from asn1crypto import cms

    if len(signature) > MAX_BYTES:
        raise SourceDown(f"{_STRANGE}: lớn hơn {MAX_BYTES // 1024} kB. Ký lại tệp rồi gửi.")
    try:
        content = cms.ContentInfo.load(_der(signature), strict=True)
        if content["content_type"].native != "signed_data":
            raise ValueError("It is no signature.")
        signed = content["content"]
        if signed["encap_content_info"]["content"].native is not None:
            raise ValueError("It holds a content of its own.")
        certificates = _certificates(signed)
        infos = list(signed["signer_infos"])
        if not 1 <= len(infos) <= 4:
            raise ValueError("It has no signer.")
        signers = [_one(body, info, certificates, authorities, now) for info in infos]
        return signers[0]
    except SourceDown:
        raise
    except Exception as error:
        # somebody else's bytes: whatever is wrong with them, they are refused
        raise SourceDown(f"{_STRANGE} ({type(error).__name__}). Ký lại tệp rồi gửi cả hai.") from None


def _der(signature: bytes) -> bytes:
    found = _PEM.search(signature)
    if found is None:
        return signature
    try:
        return base64.b64decode(b"".join(found[1].split()), validate=True)
    except binascii.Error:
        raise ValueError("It is no PEM.") from None


def _certificates(signed: Any) -> list[x509.Certificate]:
    from cryptography import x509

    told = [one for one in signed["certificates"] if one.name == "certificate"]
    return [x509.load_der_x509_certificate(one.chosen.dump()) for one in told[:10]]


def _one(
    body: bytes, info: Any, certificates: list[x509.Certificate], authorities: Authorities, now: datetime
) -> Signer:
    leaf = _leaf(info["sid"], certificates)
    kind = info["digest_algorithm"]["algorithm"].native
    method = info["signature_algorithm"]
    if kind not in _DIGESTS or method.signature_algo not in _SCHEMES:
        raise ValueError("It is signed with a method that is too weak, or not known.")
    told = {one["type"].native: one["values"] for one in info["signed_attrs"]}
    if told["content_type"].native != ["data"] or told["message_digest"].native != [hashlib.new(kind, body).digest()]:
        raise SourceDown(_WRONG)
    # the attributes are signed as a SET, and stand in the message under a tag of their own
    attributes = info["signed_attrs"].untag().dump()
    digest = kind if method["algorithm"].native in ("rsassa_pkcs1v15", "ecdsa") else method.hash_algo
    if digest not in _DIGESTS:
        raise ValueError("It is signed with a method that is too weak.")
    scheme = _SCHEMES[method.signature_algo]
    if not verified(leaf.public_key(), info["signature"].native, attributes, scheme, digest):
        raise SourceDown(_WRONG)
    others = [one for one in certificates if one is not leaf]
    (at,) = told["signing_time"].native
    return authorities.trust(leaf, others, at, now)


def _leaf(sid: Any, certificates: list[x509.Certificate]) -> x509.Certificate:
    from cryptography import x509

    for one in certificates:
        if sid.name == "issuer_and_serial_number":
            issuer = one.issuer.public_bytes()
            if one.serial_number == sid.chosen["serial_number"].native and issuer == sid.chosen["issuer"].dump():
                return one
        else:
            try:
                found = one.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
            except x509.ExtensionNotFound:
                continue
            if found.digest == sid.chosen.native:
                return one
    raise ValueError("The signer's certificate is not in it.")
