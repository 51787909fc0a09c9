"""The signature inside a workbook: XML-DSig / XAdES as OOXML has it (ECMA-376 part 2, [MS-OFFCRYPTO] 2.5).

No library of Python verifies it, for the parts of the package stand in a manifest that XML-DSig leaves to the
application, and their relationships pass a transform of their own. What is done here, and no more: canonical XML by
lxml, signatures by `cryptography`. What a signature does not cover, we do not read: see `_covered`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

from ioc import clock
from ioc.bridge.authority import Authorities, Signer, verified
from ioc.bridge.package import Package
from ioc.errors import SourceDown

if TYPE_CHECKING:
    from cryptography import x509

DS = "{http://www.w3.org/2000/09/xmldsig#}"
_MDSSI = "{http://schemas.openxmlformats.org/package/2006/digital-signature}"
_XADES = "{http://uri.etsi.org/01903/v1.3.2#}"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_ORIGIN = f"{_RELATIONS}/digital-signature/origin"
_SIGNATURE = f"{_RELATIONS}/digital-signature/signature"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
_RELATIONSHIP_TRANSFORM = "http://schemas.openxmlformats.org/package/2006/RelationshipTransform"
_PROPERTIES = "http://uri.etsi.org/01903#SignedProperties"
_C14N = {
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315": (False, False),
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments": (False, True),
    "http://www.w3.org/2001/10/xml-exc-c14n#": (True, False),
    "http://www.w3.org/2001/10/xml-exc-c14n#WithComments": (True, True),
}
"""Canonical forms: exclusive or not, with comments or not."""
_PLAIN = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
_DIGESTS = {
    "http://www.w3.org/2001/04/xmlenc#sha256": "sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384": "sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512": "sha512",
}
_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_SCHEMES = {f"{_MORE}{kind}-{digest}": (kind, digest) for kind in ("rsa", "ecdsa") for digest in _DIGESTS.values()}
MOST_SIGNATURES, MOST_REFERENCES = 4, 400
_UNSIGNED = frozenset(
    {"[Content_Types].xml", "docProps/core.xml", "docProps/app.xml", "docProps/custom.xml", "docProps/thumbnail.jpeg"}
)
"""Parts that Office leaves out of a signature, and that nothing here reads."""

_WRONG = "Chữ ký số trong tệp không đúng: nội dung đã bị sửa sau khi ký. Ký lại tệp rồi gửi."
_STRANGE = "Chữ ký số trong tệp có dạng không hỗ trợ"


class _Signed(NamedTuple):
    """What one manifest entry vouches for: a part, and of relationships which ids."""

    part: str
    ids: frozenset[str] | None


def signed(package: Package) -> bool:
    """Whether the workbook says that it holds a signature."""
    return any(part.startswith("_xmlsignatures/") for part in package.parts)


def verify(package: Package, authorities: Authorities, now: datetime) -> Signer:
    """Who signed the workbook; every signature in it must hold. Raises SourceDown, in Vietnamese."""
    parts = list(_signatures(package))
    if not 1 <= len(parts) <= MOST_SIGNATURES:
        raise SourceDown(f"{_STRANGE} (có {len(parts)} chữ ký). Ký lại tệp rồi gửi.")
    try:
        signers = [_one(package, part, authorities, now) for part in parts]
        return signers[0]
    except SourceDown:
        raise
    except Exception as error:
        # somebody else's XML and certificates: whatever is wrong with them, they are refused
        raise SourceDown(f"{_STRANGE} ({type(error).__name__}). Ký lại tệp bằng Office hoặc phần mềm ký số.") from None


def _signatures(package: Package) -> Iterator[str]:
    for target in _targets(package, "_rels/.rels", _ORIGIN):
        home, _, name = target.rpartition("/")
        for found in _targets(package, f"{home}/_rels/{name}.rels", _SIGNATURE):
            yield found if "/" in found else f"{home}/{found}"


def _targets(package: Package, rels: str, kind: str) -> list[str]:
    if rels not in package.parts:
        return []
    found = [one for one in _xml(package.parts[rels]) if one.get("Type") == kind]
    return [str(one.get("Target", "")).removeprefix("/") for one in found]


def _xml(body: bytes) -> Any:
    """The root of an XML part; `package` has shown that it has no document type, and nothing is fetched."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(body, parser)
    except etree.XMLSyntaxError:
        raise ValueError("This part is no XML.") from None


def canonical(element: Any, method: str) -> bytes:
    """An element in a canonical form, as if it still stood where it stands: with the namespaces around it."""
    from copy import deepcopy

    from lxml import etree

    exclusive, comments = _C14N[method]
    alone = etree.Element(element.tag, attrib=dict(element.attrib), nsmap=element.nsmap)
    alone.text = element.text
    for child in element:
        alone.append(deepcopy(child))
    around = [str(name) for up in element.iterancestors() for name in up.attrib]
    if any(name.startswith("{http://www.w3.org/XML/1998/namespace}") for name in around):
        raise ValueError("Attributes of xml: around what is signed are not supported.")
    told: bytes = etree.tostring(alone, method="c14n", exclusive=exclusive, with_comments=comments)
    return told


def _one(package: Package, part: str, authorities: Authorities, now: datetime) -> Signer:
    root = _xml(package.parts[part])
    if any(not isinstance(one.tag, str) for one in root.iter()):
        # a comment is no part of what is signed, and would cut the text that is read
        raise ValueError("There are comments or instructions in the signature.")
    if root.tag != f"{DS}Signature":
        raise ValueError("There is no Signature.")
    info, value = _only(root, "SignedInfo"), _only(root, "SignatureValue")
    leaf, others = _certificates(root)
    scheme, digest = _known(_SCHEMES, _only(info, "SignatureMethod"))
    told = canonical(info, str(_only(info, "CanonicalizationMethod").get("Algorithm")))
    signature = base64.b64decode("".join(str(value.text).split()), validate=True)
    if scheme == "ecdsa":
        signature = _der(signature)
    if not verified(leaf.public_key(), signature, told, scheme, digest):
        raise SourceDown(_WRONG)
    inside = [_reference(root, one) for one in info.findall(f"{DS}Reference")]
    entries = [entry for one in inside for entry in _manifest(package, one)]
    if not _covered(package, entries):
        raise SourceDown("Chữ ký số không bao trùm cả bảng tính: có phần được thêm sau khi ký. Ký lại tệp rồi gửi.")
    _same_certificate(inside, leaf)
    return authorities.trust(leaf, others, _time(inside), now)


def _only(parent: Any, name: str) -> Any:
    found = parent.findall(f"{DS}{name}")
    if len(found) != 1:
        raise ValueError(f"There is not one {name}.")
    return found[0]


def _certificates(root: Any) -> tuple[x509.Certificate, list[x509.Certificate]]:
    from cryptography import x509

    told = root.findall(f"{DS}KeyInfo/{DS}X509Data/{DS}X509Certificate")
    found = [x509.load_der_x509_certificate(base64.b64decode("".join(str(one.text).split()))) for one in told[:10]]
    return found[0], found[1:]


def _der(raw: bytes) -> bytes:
    """XML-DSig writes an ECDSA signature as two numbers of equal length; `cryptography` reads DER."""
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    half = len(raw) // 2
    return encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))


def _reference(root: Any, reference: Any) -> Any:
    """The element of this signature that a reference of its SignedInfo names, once its digest is found right.

    An id that stands twice is refused: what is checked must be what is read.
    """
    uri = str(reference.get("URI"))
    if not uri.startswith("#") or len(uri) < 2:
        raise ValueError("A reference leaves the signature.")
    found = [one for one in root.iter() if one.get("Id") == uri[1:]]
    if len(found) != 1:
        raise ValueError("An id of the signature is missing, or stands twice.")
    whole = found[0].getparent() is root and found[0].tag == f"{DS}Object"
    if not whole and reference.get("Type") != _PROPERTIES:
        raise ValueError("A reference names something else than an object.")
    method = _PLAIN
    for transform in reference.findall(f"{DS}Transforms/{DS}Transform"):
        method = str(transform.get("Algorithm"))
    _check(canonical(found[0], method), reference)
    return found[0]


def _known(table: dict[str, Any], named: Any) -> Any:
    algorithm = str(named.get("Algorithm"))
    if algorithm not in table:
        say = f"Chữ ký số dùng thuật toán yếu hoặc lạ ({algorithm.rpartition('#')[2][:40]})"
        raise SourceDown(f"{say}; chọn SHA-256 trở lên trong phần mềm ký rồi ký lại.")
    return table[algorithm]


def _check(told: bytes, reference: Any) -> None:
    kind = _known(_DIGESTS, _only(reference, "DigestMethod"))
    wanted = base64.b64decode("".join(str(_only(reference, "DigestValue").text).split()), validate=True)
    if hashlib.new(kind, told).digest() != wanted:
        raise SourceDown(_WRONG)


def _manifest(package: Package, inside: Any) -> Iterator[_Signed]:
    """The parts that a signed object vouches for, each with its digest found right."""
    manifests = inside.findall(f"{DS}Manifest") if inside.tag == f"{DS}Object" else []
    references = [one for manifest in manifests for one in manifest.findall(f"{DS}Reference")]
    if len(references) > MOST_REFERENCES:
        raise ValueError("The manifest is too long.")
    for reference in references:
        address = urlsplit(str(reference.get("URI")))
        part = unquote(address.path).removeprefix("/")
        # a plus sign is one here: this is no form
        kind = unquote(address.query.removeprefix("ContentType="))
        if address.scheme or address.netloc or part not in package.parts or kind != package.types.get(part):
            raise SourceDown(_WRONG)
        body, ids = package.parts[part], None
        for transform in reference.findall(f"{DS}Transforms/{DS}Transform"):
            method = str(transform.get("Algorithm"))
            if method == _RELATIONSHIP_TRANSFORM:
                body, ids = _relationships(body, transform)
            else:
                body = canonical(_xml(body), method)
        _check(body, reference)
        yield _Signed(part, ids)


def _relationships(body: bytes, transform: Any) -> tuple[bytes, frozenset[str]]:
    """The relationship transform: the named relationships alone, in order of their ids, each with its mode written."""
    from lxml import etree

    ids = {str(one.get("SourceId")) for one in transform.findall(f"{_MDSSI}RelationshipReference")}
    kinds = {str(one.get("SourceType")) for one in transform.findall(f"{_MDSSI}RelationshipsGroupReference")}
    chosen = [one for one in _xml(body) if one.get("Id") in ids or one.get("Type") in kinds]
    spaces: dict[Any, str] = {None: _RELATIONS}
    root = etree.Element(f"{{{_RELATIONS}}}Relationships", nsmap=spaces)
    for one in sorted(chosen, key=lambda found: str(found.get("Id"))):
        etree.SubElement(root, f"{{{_RELATIONS}}}Relationship", attrib={"TargetMode": "Internal", **dict(one.attrib)})
    return etree.tostring(root), frozenset(str(one.get("Id")) for one in chosen)


def _covered(package: Package, entries: list[_Signed]) -> bool:
    """Whether the signature vouches for all that is read: every part of the workbook, and every relationship in it.

    Of the package's own relationships it is that of the workbook; the others lead to its properties and signatures.
    """
    parts = {entry.part for entry in entries}
    ids: dict[str, set[str]] = {}
    for entry in entries:
        ids.setdefault(entry.part, set()).update(entry.ids if entry.ids is not None else {"*"})
    for part, body in package.parts.items():
        if part in _UNSIGNED or part.startswith("_xmlsignatures/"):
            continue
        if part not in parts:
            return False
        if part.endswith(".rels") and "*" not in ids[part]:
            root = part == "_rels/.rels"
            owed = [one for one in _xml(body) if not root or one.get("Type") == _OFFICE]
            if not owed or {str(one.get("Id")) for one in owed} - ids[part]:
                return False
    return True


def _same_certificate(inside: list[Any], leaf: x509.Certificate) -> None:
    """XAdES: the certificate that the signer named is the one that is told."""
    from cryptography.hazmat.primitives.serialization import Encoding

    der = leaf.public_bytes(Encoding.DER)
    for one in inside:
        for named in one.iter(f"{_XADES}CertDigest"):
            kind = _DIGESTS.get(str(_only(named, "DigestMethod").get("Algorithm")))
            wanted = base64.b64decode("".join(str(_only(named, "DigestValue").text).split()))
            if kind is None or hashlib.new(kind, der).digest() != wanted:
                raise SourceDown(_WRONG)
            return


def _time(inside: list[Any]) -> datetime:
    """When it was signed, by the signer's word; only what is signed itself counts."""
    for name in (f"{_XADES}SigningTime", f"{_MDSSI}SignatureTime/{_MDSSI}Value"):
        for one in inside:
            found = one.find(f".//{name}")
            if found is not None:
                return clock.parse(str(found.text).replace("Z", "+00:00"))
    raise SourceDown(f"{_STRANGE} (không ghi thời điểm ký). Ký lại tệp rồi gửi.")
