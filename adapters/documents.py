"""A province's document axis: packages in edXML (QCVN 102:2016), the documents themselves and the words on them.

Settings (TOML), beside what `ioc.rest` has::

    [sources.document_axis]
    adapter = "documents"
    event = "ioc.document.sent"
    url = "https://truc.example.vn/api"
    path = "/packages"
    records = "data"
    grant = {address = "/token", client_id = "$AXIS_ID", client_secret = "$AXIS_SECRET"}
    pages = {size = 50}
    since = {param = "from", overlap = 900}
    id = "id"
    time = "time"
    package = "edxml"                  # the field that holds the package, as text or (encoding) base64
    signers = ["/etc/ioc/gov-ca.pem"]

A document becomes a reading for each body that it is sent to, a status package one for the body that says it, both with
the subject `<DocumentId>/<OrganId of the receiver>`. Status codes are the nine of the standard; another is set aside.

`electronic`: its header says that no paper follows (Bussiness/Paper is 0), and it names the file itself. `signed` is
worked out, whatever a package says of itself: none; broken, when the signature does not hold for the package as it
came; intact, when it holds and nobody we know vouches for the signer; trusted, when an authority of `signers` does.
Subject, content and the names of people are not read.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Literal
from xml.etree.ElementTree import Element
from zoneinfo import ZoneInfo

from ioc import bodies, clock, fields, retyped
from ioc.adapter import Answer, Reading
from ioc.bridge.authority import Authorities
from ioc.errors import BadConfig, BadRecord, SourceDown
from ioc.mapped_field import Path, as_field
from ioc.mapping import read
from ioc.rest import Rest, RestAdapter

if TYPE_CHECKING:
    from cryptography import x509

STATUSES = {
    "01": "arrived", "02": "refused", "03": "received", "04": "assigned", "05": "processing", "06": "finished",
    "13": "recall", "15": "recalled", "16": "recall_refused",
}  # fmt: skip
"""Status codes of QCVN 102:2016, and ours."""
STATUS = "ioc.document.status"
"""Event type of what a receiver says of a document; the document itself has the source's `event`."""
DAY, MOMENT = "%Y/%m/%d", "%Y/%m/%d %H:%M:%S"
MAX_PACKAGE = 4 * 1024 * 1024
"""Bytes of one package that are read at most; headers are a few thousand, files may be left out by the axis."""
DS = "{http://www.w3.org/2000/09/xmldsig#}"
MOST_CERTIFICATES = 10
MOST_TO = 500
"""Receivers of one document at most."""
Signed = Literal["none", "broken", "intact", "trusted"]


class Axis(Rest, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`package`: the field with the package; `encoding`: how it stands there. `signers`, `crls`: PEM files of the
    authorities that may stand behind a signature, and their lists of revoked ones. `signed_days`: how old a signature
    may be to be trusted."""

    package: Path = "edxml"
    encoding: Literal["text", "base64"] = "text"
    signers: tuple[str, ...] = ()
    crls: tuple[str, ...] = ()
    signed_days: int = 3660


class DocumentAxis(RestAdapter[Axis]):
    """Asks one axis for its packages."""

    Config = Axis

    def __init__(self, name: str, config: Axis) -> None:
        super().__init__(name, config)
        self._authorities: Authorities | None = None

    def parse(self, answer: Answer) -> Iterable[Reading | BadRecord]:
        """Readings of each package of a page. Raises SourceDown when a file of `signers` can't be used."""
        if self._authorities is None and self.config.signers:
            try:
                given = self.config.signers, self.config.crls, (), self.config.signed_days
                self._authorities = Authorities(*given)
            except BadConfig as error:
                raise SourceDown(error.say) from None
        for line, row in enumerate(self.rows(answer), start=1):
            try:
                yield from self._package(row, line)
            except BadRecord as error:
                # a package may hold names and the text of a document: only which one it was is kept
                yield error.of({"id": fields.step(row.fields, "id") if row.fields else None}, error.subject)

    def _package(self, row: bodies.Record, line: int) -> Iterator[Reading]:
        if not isinstance(row.raw, dict):
            raise BadRecord("The record is no object; its owner must send objects with fields.", reason="bad_type")
        listed = read(self.mapped, row.fields, line=line)
        body = self._body(row)
        try:
            root = bodies.load_xml(body, listed.subject, "edXML")
        except SourceDown as error:
            raise BadRecord(error.say, reason="bad_type", field=self._field, subject=listed.subject) from None
        header = _find(root, "edXMLEnvelope", "edXMLHeader")
        if header is None:
            say = "The package has no edXMLHeader; its owner must send edXML of QCVN 102:2016."
            raise BadRecord(say, reason="missing_field", field="edXMLHeader", subject=listed.subject)
        status = _find(header, "Status")
        if status is not None:
            yield self._status(status, listed)
        else:
            yield from self._document(root, header, body, listed)

    @property
    def _field(self) -> str:
        return as_field(self.config.package).name

    def _body(self, row: bodies.Record) -> bytes:
        raw = fields.first(row.fields, as_field(self.config.package).paths)
        if not isinstance(raw, str) or fields.empty(raw):
            say = f"Field {self._field} holds no package; correct the setting package, or see to it with its owner."
            raise BadRecord(say, reason="missing_field", field=self._field, at="package")
        if len(raw) > MAX_PACKAGE:
            say = f"The package has more than {MAX_PACKAGE:,} characters; ask its owner to leave the files out."
            raise BadRecord(say, reason="too_large", field=self._field)
        if self.config.encoding == "text":
            return raw.encode("utf-8", "replace")
        try:
            return base64.b64decode(raw, validate=True)
        except (binascii.Error, ValueError):
            say = f"Field {self._field} is no base64; correct the setting encoding, or see to it with its owner."
            raise BadRecord(say, reason="bad_type", field=self._field, at="encoding") from None

    def _status(self, status: Element, listed: Reading) -> Reading:
        code = _text(status, "StatusCode")
        document = _document_id(_find(status, "ResponseFor"))
        by = _text(status, "From", "OrganId")
        subject = _subject(document, by, listed.subject)
        if code not in STATUSES:
            say = f"Field StatusCode holds the unknown code {fields.shown(code)}; QCVN 102:2016 has none such"
            raise BadRecord(
                f"{say}, so ask its owner what is meant.", reason="unknown_code", field="StatusCode",
                code=retyped.code(code or ""), subject=subject,
            )  # fmt: skip
        at = self._told_at(_text(status, "Timestamp"), "Timestamp", subject)
        told = {"document": document, "to": by, "status": STATUSES[code], "code": code}
        return Reading(subject, told, time=at or listed.time, type=STATUS, line=listed.line)

    def _document(self, root: Element, header: Element, body: bytes, listed: Reading) -> Iterator[Reading]:
        message = _find(header, "MessageHeader")
        document = _document_id(message)
        sender = _text(message, "From", "OrganId")
        receivers = [_text(to, "OrganId") for to in (message if message is not None else ()) if _is(to, "To")]
        if message is None or not document or not sender or not 1 <= len(receivers) <= MOST_TO:
            say = "The package names no document, sender or receiver (DocumentId, From, To); its owner must see to it."
            raise BadRecord(say, reason="missing_field", field="MessageHeader", subject=listed.subject)
        trace = _find(header, "TraceHeaderList")
        sent = self._told_at(_text(trace, "TraceHeader", "Timestamp"), "Timestamp", listed.subject) or listed.time
        issued = self._told_at(
            _text(message, "PromulgationInfo", "PromulgationDate"), "PromulgationDate", document, DAY
        )
        due = self._told_at(_text(message, "DueDate"), "DueDate", document, DAY)
        files = _find(root, "edXMLEnvelope", "edXMLBody", "edXMLManifest")
        told = {
            "document": document,
            "kind": _text(message, "DocumentType", "TypeName"),
            "from": sender,
            "from_name": _text(message, "From", "OrganName"),
            "issued": issued.date().isoformat() if issued else None,
            "due": due.date().isoformat() if due else None,
            "electronic": _text(trace, "Bussiness", "Paper") == "0" and files is not None and len(files) > 0,
            "signed": self._signed(header, body, sent or clock.now()),
        }
        for to in dict.fromkeys(receivers):
            subject = _subject(document, to, listed.subject)
            yield Reading(subject, {**told, "to": to}, time=sent, line=listed.line)

    def _told_at(self, text: str | None, name: str, subject: str, form: str = MOMENT) -> datetime | None:
        """A time of the package; None where there is none."""
        if not text:
            return None
        try:
            return fields.moment(text, name, form, ZoneInfo(self.config.zone))
        except BadRecord as error:
            error.field, error.subject = name, subject
            raise

    def _signed(self, header: Element, body: bytes, at: datetime) -> Signed:
        if not any(_is(part, "Signature") for part in header.iter()):
            return "none"
        leaf = _verified(body)
        if leaf is None:
            return "broken"
        if self._authorities is None:
            return "intact"
        try:
            self._authorities.trust(leaf[0], leaf[1:], at, clock.now())
        except SourceDown:
            return "intact"
        return "trusted"


def _verified(body: bytes) -> list[x509.Certificate] | None:
    """The certificates of the package's one signature, the signer's first, when it holds for all of the package."""
    from cryptography import x509
    from lxml import etree
    from signxml.exceptions import SignXMLException
    from signxml.verifier import SignatureConfiguration, XMLVerifier

    try:
        root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False))
        told = root.findall(f".//{DS}X509Certificate")
        found = [x509.load_der_x509_certificate(base64.b64decode(one.text or "")) for one in told[:MOST_CERTIFICATES]]
        # a signature over some part of the package vouches for that part alone, and may be carried into another
        if not found or [one.get("URI") for one in root.iterfind(f".//{DS}Reference")] != [""]:
            return None
        XMLVerifier().verify(root, x509_cert=found[0], expect_config=SignatureConfiguration(location=".//"))
    except (SignXMLException, ValueError, TypeError, etree.LxmlError):
        return None
    return found


def _is(element: Element, name: str) -> bool:
    return bodies.name(element) == name


def _find(element: Element | None, *names: str) -> Element | None:
    """The first child of each name in turn, whatever its namespace."""
    for name in names:
        element = next((part for part in (element if element is not None else ()) if _is(part, name)), None)
    return element


def _text(element: Element | None, *names: str) -> str | None:
    found = _find(element, *names)
    text = fields.clean(found.text or "")[:200] if found is not None else ""
    return text or None


def _document_id(element: Element | None) -> str:
    """What identifies a document: its DocumentId, else sender, day and number, as a DocumentId is made."""
    stated = _text(element, "DocumentId")
    if stated:
        return stated
    organ = _text(element, "From", "OrganId") or _text(element, "OrganId")
    day = _text(element, "PromulgationInfo", "PromulgationDate") or _text(element, "PromulgationDate")
    number = _text(element, "Code", "CodeNumber"), _text(element, "Code", "CodeNotation")
    code = "/".join(part for part in number if part) or _text(element, "Code")
    return ",".join((organ, day, code)) if organ and day and code else ""


def _subject(document: str, receiver: str | None, listed: str) -> str:
    if not document or not receiver or len(document) + len(receiver) > 190:
        say = "The package does not name its document and a receiver (DocumentId, OrganId); its owner must see to it."
        raise BadRecord(say, reason="no_id", field="DocumentId", subject=listed)
    return f"{document}/{receiver}"
