"""The certificate authority of the demo, whose people sign spreadsheets: invented, and believed by the demo alone.

Its key follows from public words, so that nothing secret lies here; whoever trusts it trusts everybody. The settings of
the demo name its certificate, `authority.pem` beside this file.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

FILE = Path(__file__).with_name("authority.pem")
WORDS = "Tổ chức chứng thực mẫu: dữ liệu mẫu, không có giá trị"
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the curve P-256: a key lies below it."""


class Signer(NamedTuple):
    """A certificate and its key."""

    cert: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def root() -> Signer:
    """The authority itself, made anew: its certificate differs from the file's in its signature alone."""
    from cryptography.hazmat.primitives.asymmetric import ec

    drawn = int.from_bytes(hashlib.sha256(WORDS.encode()).digest(), "big") % (ORDER - 1) + 1
    key = ec.derive_private_key(drawn, ec.SECP256R1())
    begins = datetime(2020, 1, 1, tzinfo=UTC)
    return Signer(_issued("CA mẫu", WORDS[:60], key, None, (begins, begins + timedelta(days=36_500))), key)


def officer(name: str, organisation: str) -> Signer:
    """A person whom the authority certifies, for a year."""
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    span = (now - timedelta(days=1), now + timedelta(days=365))
    return Signer(_issued(name, organisation, key, root(), span), key)


def beside(body: bytes, by: Signer) -> bytes:
    """A detached CMS signature of `body` (DER), as it lies in a `.p7s`."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.serialization import pkcs7

    made = pkcs7.PKCS7SignatureBuilder().set_data(body).add_signer(by.cert, by.key, hashes.SHA256())
    return made.sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary])


def _issued(
    name: str,
    organisation: str,
    key: ec.EllipticCurvePrivateKey,
    by: Signer | None,
    span: tuple[datetime, datetime],
) -> x509.Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import NameOID

    told = [(NameOID.COMMON_NAME, name), (NameOID.ORGANIZATION_NAME, organisation), (NameOID.COUNTRY_NAME, "VN")]
    subject = x509.Name([x509.NameAttribute(oid, value) for oid, value in told])
    above = by.key if by is not None else key
    unused = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"), False
    )
    usage = x509.KeyUsage(
        digital_signature=by is not None,
        decipher_only=False,
        key_cert_sign=by is None,
        crl_sign=by is None,
        **unused,
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.cert.subject if by is not None else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(span[0])
        .not_valid_after(span[1])
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(above.public_key()), critical=False)
    )
    return made.sign(above, hashes.SHA256())
