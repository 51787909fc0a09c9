"""Phú Yên's document axis: packages in edXML (QCVN 102:2016), each signed, between the 252 bodies on it.

Below `/documents/`: `packages?from=&page=&limit=`, oldest first: documents, and the words of their receivers on them.
Beside, in its folder, `ca.pem`: the authority that stands behind the signatures (made from the seed, so that a restart
signs with the same). Every body sends two documents in the days before, and a new one goes out each 20 seconds.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ioc import clock
from ioc.demo.offices import BODIES
from ioc.demo.systems import System

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

NS = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
BEFORE = 2 * BODIES
"""Documents that were sent before it began."""
EVERY_S = 20
DAYS = 3
PATHS = (("01", "03", "04", "05", "06"), ("01", "03", "04", "05"), ("01", "03", "06"), ("01", "02"), ("01", "03", "16"))
WEIGHTS = (50, 20, 24, 3, 3)
"""Ways that documents go, and how common each is."""


class Package(NamedTuple):
    """`status` None: the document itself; else a code that its receiver says. `number`: of the document."""

    at: datetime
    number: int
    status: str | None


class Documents(System):
    """The axis."""

    breaks: ClassVar = {
        "unsigned": "New packages come without a signature.",
        "forged": "New packages were changed after they were signed.",
        "paper": "New packages say that paper follows.",
        "code": "Receivers answer with the code 99.",
        "frozen": "Nothing new comes.",
        "half": "Packages break off in the middle.",
    }
    shows: ClassVar = {
        "unsigned": "documents_verified", "forged": "documents_verified", "paper": "documents_electronic",
        "code": "aside", "frozen": "source", "half": "aside",
    }  # fmt: skip

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.made: dict[Package, str] = {}
        self.stands: datetime | None = None
        self.broke = self.world.began

    def routes(self) -> list[Route]:
        return [Route("/packages", self.packages)]

    async def begin(self) -> None:
        from cryptography.hazmat.primitives.serialization import Encoding

        self.authority, self.signer = _authority(self.world.seed, self.world.began)
        (self.folder / "ca.pem").write_bytes(self.authority.certificate.public_bytes(Encoding.PEM))

    def sent(self, number: int) -> datetime:
        """When a document was sent."""
        if number >= BEFORE:
            return self.world.began + timedelta(seconds=EVERY_S * (number - BEFORE + 1))
        return self.world.began - timedelta(seconds=Random(f"{self.world.seed}/{number}").uniform(600, DAYS * 86_400))

    def all(self) -> list[Package]:
        """Every package until now, oldest first."""
        now = self.world.now if "frozen" not in self.broken else (self.stands or self.world.now)
        self.stands = now if "frozen" in self.broken else None
        count = BEFORE + int((now - self.world.began).total_seconds() // EVERY_S)
        found = []
        for number in range(count):
            at, chance = self.sent(number), Random(f"{self.world.seed}/way/{number}")
            found.append(Package(at, number, None))
            for code in chance.choices(PATHS, WEIGHTS)[0]:
                at += timedelta(minutes=chance.uniform(2, 500))
                found.append(Package(at, number, code))
        return sorted(package for package in found if package.at <= now)

    async def packages(self, request: Request) -> Response:
        begin = request.query_params.get("from")
        since = clock.parse(begin) if begin else None
        page, size = int(request.query_params.get("page", 1)), min(int(request.query_params.get("limit", 50)), 200)
        found = [package for package in self.all() if since is None or package.at >= since]
        rows = [self._row(package) for package in found[(page - 1) * size : page * size]]
        return JSONResponse({"data": rows})

    def _row(self, package: Package) -> dict[str, Any]:
        kept = package in self.made
        text = self.made.get(package) or self._package(package)
        if not kept and not self.broken:
            self.made[package] = text
        broken_off = "half" in self.broken and not kept
        id = f"{package.number}-{package.status or 'van-ban'}"
        at = package.at.isoformat(timespec="seconds")
        return {"id": id, "time": at, "edxml": text[: len(text) // 2] if broken_off else text}

    def _package(self, package: Package) -> str:
        sender, receiver = organ(package.number % BODIES), organ(7 * package.number % BODIES + 1)
        day = self.sent(package.number).astimezone(clock.ZONE).strftime("%Y/%m/%d")
        document = f"{sender[0]},{day},{package.number + 1}/CV-MAU"
        at = package.at.astimezone(clock.ZONE).strftime("%Y/%m/%d %H:%M:%S")
        if package.status is not None:
            code = "99" if "code" in self.broken else package.status
            return _status(document, sender[0], receiver, code, at)
        text = _document(document, sender, receiver, day, at, paper="1" if "paper" in self.broken else "0")
        if "unsigned" in self.broken:
            return text
        signed = self.signer.sign(text)
        return signed.replace("Công văn mẫu", "Công văn sửa") if "forged" in self.broken else signed


def organ(number: int) -> tuple[str, str]:
    """Code and name of a body; invented."""
    number %= BODIES
    return f"000.{number // 20 + 1:02d}.{number % 20 + 1:02d}.H45", f"Cơ quan mẫu {number + 1:03d}"


def _who(element: str, who: tuple[str, str]) -> str:
    name = escape(who[1])
    return (
        f"<edXML:{element}><edXML:OrganId>{who[0]}</edXML:OrganId><edXML:OrganizationInCharge/>"
        f"<edXML:OrganName>{name}</edXML:OrganName></edXML:{element}>"
    )


def _document(
    document: str, sender: tuple[str, str], receiver: tuple[str, str], day: str, at: str, *, paper: str
) -> str:
    number, notation = document.split(",")[2].split("/")
    return f"""<edXML xmlns="{NS}"><edXML:edXMLEnvelope xmlns:edXML="{NS}"><edXML:edXMLHeader><edXML:MessageHeader>
{_who("From", sender)}{_who("To", receiver)}
<edXML:Code><edXML:CodeNumber>{number}</edXML:CodeNumber><edXML:CodeNotation>{notation}</edXML:CodeNotation></edXML:Code>
<edXML:PromulgationInfo><edXML:Place>Tuy Hòa</edXML:Place><edXML:PromulgationDate>{day}</edXML:PromulgationDate>
</edXML:PromulgationInfo><edXML:DocumentType><edXML:Type>18</edXML:Type><edXML:TypeName>Công văn mẫu</edXML:TypeName>
</edXML:DocumentType><edXML:Subject>Văn bản mẫu</edXML:Subject><edXML:SignerInfo><edXML:FullName>Nguyễn Văn Mẫu
</edXML:FullName></edXML:SignerInfo><edXML:DocumentId>{document}</edXML:DocumentId></edXML:MessageHeader>
<edXML:TraceHeaderList><edXML:TraceHeader><edXML:OrganId>{sender[0]}</edXML:OrganId>
<edXML:Timestamp>{at}</edXML:Timestamp></edXML:TraceHeader>
<edXML:Bussiness><edXML:BussinessDocType>0</edXML:BussinessDocType><edXML:Paper>{paper}</edXML:Paper></edXML:Bussiness>
</edXML:TraceHeaderList></edXML:edXMLHeader><edXML:edXMLBody><edXML:edXMLManifest><edXML:Reference>
<edXML:AttachmentName>van-ban-mau.pdf</edXML:AttachmentName><edXML:ContentType>application/pdf</edXML:ContentType>
</edXML:Reference></edXML:edXMLManifest></edXML:edXMLBody></edXML:edXMLEnvelope></edXML>"""


def _status(document: str, sender: str, receiver: tuple[str, str], code: str, at: str) -> str:
    day, number = document.split(",")[1:]
    return f"""<edXML xmlns="{NS}"><edXML:edXMLEnvelope xmlns:edXML="{NS}"><edXML:edXMLHeader><edXML:Status>
<edXML:ResponseFor><edXML:OrganId>{sender}</edXML:OrganId><edXML:Code>{number}</edXML:Code>
<edXML:PromulgationDate>{day}</edXML:PromulgationDate><edXML:DocumentId>{document}</edXML:DocumentId>
</edXML:ResponseFor>{_who("From", receiver)}<edXML:StatusCode>{code}</edXML:StatusCode>
<edXML:Description/><edXML:Timestamp>{at}</edXML:Timestamp></edXML:Status></edXML:edXMLHeader></edXML:edXMLEnvelope>
</edXML>"""


class Held(NamedTuple):
    """A certificate and the key of who holds it."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


class Signer:
    """Signs a package as one body does, enveloped in its header."""

    def __init__(self, held: Held) -> None:
        from signxml.signer import XMLSigner

        self._held = held
        self._signer = XMLSigner(signature_algorithm="ecdsa-sha256")

    def sign(self, text: str) -> str:
        from lxml import etree

        root = etree.fromstring(text.encode())
        header = root.find(f".//{{{NS}}}edXMLHeader")
        place = etree.SubElement(header, "{http://www.w3.org/2000/09/xmldsig#}Signature")
        place.set("Id", "placeholder")
        signed = self._signer.sign(root, key=self._held.key, cert=[self._held.certificate])
        return str(etree.tostring(signed, encoding="unicode"))


def _authority(seed: int, began: datetime) -> tuple[Held, Signer]:
    """An invented authority, and somebody whom it vouches for; the same for the same seed and beginning."""
    from cryptography import x509

    root = _held("CA mẫu (dữ liệu mẫu)", f"{seed}/ca", None, began)
    usage = x509.KeyUsage(True, True, False, False, False, False, False, False, False)
    leaf = _held("Cơ quan mẫu (dữ liệu mẫu)", f"{seed}/co-quan", root, began, usage)
    return root, Signer(leaf)


def _held(name: str, seed: str, by: Held | None, began: datetime, usage: x509.KeyUsage | None = None) -> Held:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()) % (2**255)
    key = ec.derive_private_key(number or 1, ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    at = began.astimezone(UTC).replace(microsecond=0)
    made = x509.CertificateBuilder().subject_name(subject).public_key(key.public_key())
    made = made.issuer_name(by.certificate.subject if by else subject).serial_number(number >> 128)
    made = made.not_valid_before(at - timedelta(days=400)).not_valid_after(at + timedelta(days=800))
    made = made.add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    made = made.add_extension(identifier, critical=False)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key((by.key if by else key).public_key())
    made = made.add_extension(issuer, critical=False)
    signs = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    made = made.add_extension(usage or signs, critical=True)
    return Held(made.sign((by.key if by else key), hashes.SHA256()), key)
