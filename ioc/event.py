"""The event: a reading in its envelope. Attribute names are those of CloudEvents 1.0."""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime
from typing import Any, Literal

import msgspec

Method = Literal["machine", "typed", "computed", "estimated"]
Geometry = dict[str, Any]
"""A GeoJSON geometry in WGS84, longitude first, six decimals."""

REVISED = "revised"
"""Cause of an event that says a known value otherwise, for the same source time."""
ASKED_AGAIN = "asked again"
"""Cause of an event whose source was asked from the start, because the log had been emptied."""


class Feature(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an event says of its subject: a GeoJSON feature without the wrapping."""

    properties: dict[str, Any]
    geometry: Geometry | None = None


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that was observed; `time` is the source's, `received` ours; both aware.

    `data` None: the subject is gone. `unit`: code of the commune on that day. `cause`: why a
    value that was known before is said again otherwise (a correction), e.g. "revised".
    """

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    received: datetime
    data: Feature | None = None
    unit: str | None = None
    method: Method = "machine"
    cause: str | None = None


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Event)


def encode(event: Event) -> bytes:
    """The event as UTF-8 JSON, as it lies in the log."""
    return _encoder.encode(event)


def decode(body: bytes) -> Event:
    """The event of `body`; raises msgspec.ValidationError when it is none."""
    return _decoder.decode(body)


def new_id() -> str:
    """A fresh event id; unique, not ordered (the log gives the order)."""
    return uuid.uuid4().hex


def digest(*parts: object) -> str:
    """A short stable digest of JSON-able parts (96 bits of BLAKE2b, hex); key order does not matter."""
    body = msgspec.json.encode(parts, order="deterministic")
    return hashlib.blake2b(body, digest_size=12).hexdigest()
