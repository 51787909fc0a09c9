"""A certificate authority of the tests, and the two ways to sign a workbook: inside it (OOXML), and beside it (CMS)."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, Self
from xml.sax.saxutils import escape

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
RELS = "http://schemas.openxmlformats.org/package/2006/relationships"
TRANSFORM = "http://schemas.openxmlformats.org/package/2006/RelationshipTransform"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
MDSSI = "http://schemas.openxmlformats.org/package/2006/digital-signature"
DS = "http://www.w3.org/2000/09/xmldsig#"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"


class Pair(NamedTuple):
    """A certificate and its key."""

    cert: x509.Certificate
    key: Any


def _name(name: str, organisation: str, uid: str | None = None) -> x509.Name:
    told = [(NameOID.COMMON_NAME, name), (NameOID.ORGANIZATION_NAME, organisation), (NameOID.COUNTRY_NAME, "VN")]
    if uid is not None:
        told.append((NameOID.USER_ID, uid))
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in told])


class Authority:
    """An authority with one issuing authority under it."""

    def __init__(self, name: str, *, days: tuple[int, int] = (-1000, 1000)) -> None:
        self.root = self._issue(name, "Cơ quan chứng thực thử", None, days=days, authority=True)
        self.issuing = self._issue(f"{name} G2", "Cơ quan chứng thực thử", self.root, days=days, authority=True)

    def person(
        self, name: str = "Nguyễn Thị Hoa", organisation: str = "Sở Nội vụ", *, days: tuple[int, int] = (-30, 300),
        signs: bool = True, curve: bool = False, uid: str | None = "CCCD:054012345678",
    ) -> Pair:  # fmt: skip
        """A person's certificate; `days`: from and until, counted from now."""
        return self._issue(name, organisation, self.issuing, days=days, signs=signs, curve=curve, uid=uid)

    @staticmethod
    def _issue(
        name: str, organisation: str, by: Pair | None, *, days: tuple[int, int], authority: bool = False,
        signs: bool = True, curve: bool = False, uid: str | None = None,
    ) -> Pair:  # fmt: skip
        key: Any = ec.generate_private_key(ec.SECP256R1()) if curve else rsa.generate_private_key(65537, 2048)
        now, subject = datetime.now(UTC), _name(name, organisation, uid)
        usage = dict.fromkeys(
            ("data_encipherment", "key_agreement", "encipher_only", "decipher_only", "content_commitment"), False
        )
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(by.cert.subject if by else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=days[0]))
            .not_valid_after(now + timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=signs and not authority,
                    key_encipherment=not signs,
                    key_cert_sign=authority,
                    crl_sign=authority,
                    **usage,
                ),
                critical=True,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        above = by.key.public_key() if by else key.public_key()
        made = made.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(above), critical=False)
        return Pair(made.sign(by.key if by else key, hashes.SHA256()), key)

    def write(self, folder: Path) -> str:
        """The root as a PEM file; its path."""
        file = folder / f"{hashlib.sha256(self.root.cert.public_bytes(serialization.Encoding.DER)).hexdigest()[:8]}.pem"
        file.write_bytes(self.root.cert.public_bytes(serialization.Encoding.PEM))
        return str(file)

    def revoke(self, folder: Path, *people: Pair, days: int = 7) -> str:
        """A list of the issuing authority that names these certificates; its path."""
        now = datetime.now(UTC)
        listed = x509.CertificateRevocationListBuilder().issuer_name(self.issuing.cert.subject)
        listed = listed.last_update(now - timedelta(days=30)).next_update(now + timedelta(days=days))
        for one in people:
            revoked = x509.RevokedCertificateBuilder().serial_number(one.cert.serial_number)
            listed = listed.add_revoked_certificate(revoked.revocation_date(now - timedelta(days=1)).build())
        file = folder / f"revoked{days}.crl"
        pem = listed.sign(self.issuing.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        file.write_bytes(pem)
        return str(file)

    def beside(self, body: bytes, by: Pair) -> bytes:
        """A detached CMS signature, DER."""
        made = pkcs7.PKCS7SignatureBuilder().set_data(body).add_signer(by.cert, by.key, hashes.SHA256())
        options = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary]
        return made.add_certificate(self.issuing.cert).sign(serialization.Encoding.DER, options)

    def inside(self, body: bytes, by: Pair, **other: Any) -> bytes:
        """The workbook with a signature in it, as Office makes one."""
        return Inside.of(body).sign(by, [self.issuing.cert], **other)


class Inside:
    """A package that is being signed. Canonical forms are written by hand here: nothing of ours checks itself."""

    def __init__(self, parts: dict[str, bytes]) -> None:
        self.parts = parts

    @classmethod
    def of(cls, body: bytes) -> Self:
        with zipfile.ZipFile(io.BytesIO(body)) as packed:
            return cls({name: packed.read(name) for name in packed.namelist()})

    def packed(self) -> bytes:
        body = io.BytesIO()
        with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, part in self.parts.items():
                packed.writestr(name, part)
        return body.getvalue()

    def sign(
        self, by: Pair, others: list[x509.Certificate], *, at: datetime | None = None, leave: tuple[str, ...] = (),
        xades: bool = True, algorithm: str = "sha256",
    ) -> bytes:  # fmt: skip
        """`at`: the time of signing that is written; `leave`: parts that the manifest leaves out."""
        when = f"{(at or datetime.now(UTC)):%Y-%m-%dT%H:%M:%SZ}"
        package = (
            f'<Object xmlns="{DS}" Id="idPackageObject"><Manifest>{self._manifest(leave)}</Manifest>'
            '<SignatureProperties><SignatureProperty Id="idSignatureTime" Target="#idPackageSignature">'
            f'<mdssi:SignatureTime xmlns:mdssi="{MDSSI}"><mdssi:Format>YYYY-MM-DDThh:mm:ssTZD</mdssi:Format>'
            f"<mdssi:Value>{when}</mdssi:Value></mdssi:SignatureTime></SignatureProperty></SignatureProperties></Object>"
        )
        references, objects = self._reference("Object", "#idPackageObject", package), package
        if xades:
            properties, whole = _xades(by.cert, when)
            references += self._reference("SignedProperties", "#idSignedProperties", properties)
            objects += whole
        kind = "ecdsa" if isinstance(by.key, ec.EllipticCurvePrivateKey) else "rsa"
        info = (
            f'<SignedInfo xmlns="{DS}"><CanonicalizationMethod Algorithm="{C14N}"></CanonicalizationMethod>'
            f'<SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#{kind}-{algorithm}"></SignatureMethod>'
            f"{references}</SignedInfo>"
        )
        told = "".join(
            f"<X509Certificate>{_b64(one.public_bytes(serialization.Encoding.DER))}</X509Certificate>"
            for one in [by.cert, *others]
        )
        signature = (
            f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<Signature xmlns="{DS}" Id="idPackageSignature">'
            f"{_bare(info)}<SignatureValue>{_b64(_value(by.key, info.encode()))}</SignatureValue>"
            f"<KeyInfo><X509Data>{told}</X509Data></KeyInfo>{_bare(objects)}</Signature>"
        )
        self._add(signature.encode())
        return self.packed()

    def _reference(self, kind: str, uri: str, canonical: str) -> str:
        """A reference of SignedInfo; `canonical`: what it names, in canonical form."""
        known = {"Object": f"{DS}Object", "SignedProperties": "http://uri.etsi.org/01903#SignedProperties"}[kind]
        form = f'<Transforms><Transform Algorithm="{C14N}"></Transform></Transforms>' if kind != "Object" else ""
        return (
            f'<Reference Type="{known}" URI="{uri}">{form}<DigestMethod Algorithm="{SHA256}"></DigestMethod>'
            f"<DigestValue>{_sha(canonical.encode())}</DigestValue></Reference>"
        )

    def _manifest(self, leave: tuple[str, ...]) -> str:
        found = ""
        for name, body in self.parts.items():
            if name == "[Content_Types].xml" or name.startswith("docProps/") or name in leave:
                continue
            form, told = "", body
            if name.endswith(".rels"):
                form, told = _relationships(body, only=OFFICE if name == "_rels/.rels" else None)
            found += (
                f'<Reference URI="/{name}?ContentType={self.type_of(name)}">{form}'
                f'<DigestMethod Algorithm="{SHA256}"></DigestMethod><DigestValue>{_sha(told)}</DigestValue></Reference>'
            )
        return found

    def type_of(self, name: str) -> str:
        types = self.parts["[Content_Types].xml"].decode()
        for found in re.findall(r"<Override [^>]*>", types):
            if f'PartName="/{name}"' in found:
                return re.search(r'ContentType="([^"]+)"', found)[1]  # type: ignore[index]
        usual = {
            one[1]: one[2] for one in re.finditer(r'<Default Extension="(\w+)" ContentType="([^"]+)"', types)
        }  # fmt: skip
        return usual[name.rpartition(".")[2]]

    def _add(self, signature: bytes) -> None:
        kind = "application/vnd.openxmlformats-package.digital-signature"
        more = (
            f'<Default Extension="sigs" ContentType="{kind}-origin"/>'
            f'<Override PartName="/_xmlsignatures/sig1.xml" ContentType="{kind}-xmlsignature+xml"/></Types>'
        )
        self.parts["[Content_Types].xml"] = self.parts["[Content_Types].xml"].replace(b"</Types>", more.encode())
        origin = f'<Relationship Id="rIdS" Type="{RELS}/digital-signature/origin" Target="_xmlsignatures/origin.sigs"/>'
        self.parts["_rels/.rels"] = self.parts["_rels/.rels"].replace(
            b"</Relationships>", f"{origin}</Relationships>".encode()
        )
        self.parts["_xmlsignatures/origin.sigs"] = b""
        self.parts["_xmlsignatures/_rels/origin.sigs.rels"] = (
            f'<?xml version="1.0" encoding="UTF-8"?><Relationships xmlns="{RELS}"><Relationship Id="rId1" '
            f'Type="{RELS}/digital-signature/signature" Target="sig1.xml"/></Relationships>'
        ).encode()
        self.parts["_xmlsignatures/sig1.xml"] = signature


def _xades(cert: x509.Certificate, when: str) -> tuple[str, str]:
    """The signed properties in canonical form (with the namespaces around them), and the object that holds them."""
    der = cert.public_bytes(serialization.Encoding.DER)
    xd = "http://uri.etsi.org/01903/v1.3.2#"
    inner = (
        f"<xd:SignedSignatureProperties><xd:SigningTime>{when}</xd:SigningTime><xd:SigningCertificate><xd:Cert>"
        f'<xd:CertDigest><DigestMethod Algorithm="{SHA256}"></DigestMethod><DigestValue>{_sha(der)}</DigestValue>'
        f"</xd:CertDigest></xd:Cert></xd:SigningCertificate></xd:SignedSignatureProperties>"
    )
    spaces = f' xmlns="{DS}" xmlns:xd="{xd}"'
    properties = f'<xd:SignedProperties{spaces} Id="idSignedProperties">{inner}</xd:SignedProperties>'
    whole = (
        f'<Object><xd:QualifyingProperties xmlns:xd="{xd}" Target="#idPackageSignature">'
        f'<xd:SignedProperties Id="idSignedProperties">{inner}</xd:SignedProperties></xd:QualifyingProperties></Object>'
    )
    return properties, whole


def _relationships(body: bytes, only: str | None) -> tuple[str, bytes]:
    """The transform as the manifest writes it, and what it comes to in canonical form."""
    found: list[Mapping[str, str]] = [
        dict(re.findall(r'(\w+)="([^"]*)"', one)) for one in re.findall(r"<Relationship [^>]*>", body.decode())
    ]
    chosen = sorted((one for one in found if only in (None, one["Type"])), key=lambda one: one["Id"])
    named = "".join(
        f'<mdssi:RelationshipReference xmlns:mdssi="{MDSSI}" SourceId="{one["Id"]}"></mdssi:RelationshipReference>'
        for one in chosen
    )
    form = (
        f'<Transforms><Transform Algorithm="{TRANSFORM}">{named}</Transform>'
        f'<Transform Algorithm="{C14N}"></Transform></Transforms>'
    )
    lines = "".join(
        "<Relationship"
        + "".join(
            f' {name}="{escape(value)}"' for name, value in sorted(({"TargetMode": "Internal"} | dict(one)).items())
        )
        + "></Relationship>"
        for one in chosen
    )
    return form, f'<Relationships xmlns="{RELS}">{lines}</Relationships>'.encode()


def _bare(text: str) -> str:
    """Inside the signature the namespace is known already."""
    return text.replace(f' xmlns="{DS}"', "")


def _value(key: Any, told: bytes) -> bytes:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        first, second = decode_dss_signature(key.sign(told, ec.ECDSA(hashes.SHA256())))
        return first.to_bytes(32, "big") + second.to_bytes(32, "big")
    made: bytes = key.sign(told, padding.PKCS1v15(), hashes.SHA256())
    return made


def _b64(body: bytes) -> str:
    return base64.b64encode(body).decode()


def _sha(body: bytes) -> str:
    return _b64(hashlib.sha256(body).digest())
