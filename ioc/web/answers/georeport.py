"""Answers of the GeoReport v2 server in JSON, as its specification has them and with nothing beyond it.

In XML the same values stand by the Spark convention (`ioc.web.open311_xml`). Source: wiki.open311.org/GeoReport_v2.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from ioc.report_rules import Kind
from ioc.web.answers.base import Answer, Number, ReportId, Sentence

Moment = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$")]
"""A time in the W3C form, whole seconds."""


class Service(Answer, frozen=True, kw_only=True):
    """A kind of report."""

    service_code: str
    service_name: str
    description: str
    metadata: bool
    type: Literal["realtime", "batch", "blackbox"]
    keywords: str
    group: str


class AttributeValue(Answer, frozen=True, kw_only=True):
    """One answer that may be chosen."""

    key: str
    name: str


class ServiceAttribute(Answer, frozen=True, kw_only=True):
    """One more question of a kind of report."""

    variable: bool
    code: str
    datatype: Kind
    required: bool
    datatype_description: str | None
    order: Annotated[int, Meta(ge=1)]
    description: str
    values: list[AttributeValue]


class ServiceDefinition(Answer, frozen=True, kw_only=True):
    """What is asked of a report of one kind."""

    service_code: str
    attributes: list[ServiceAttribute]


class ServiceRequest(Answer, frozen=True, kw_only=True):
    """A report, without who filed it."""

    service_request_id: Number
    status: Literal["open", "closed"]
    status_notes: str | None
    service_name: str | None
    service_code: str
    description: str | None
    agency_responsible: str | None
    service_notice: str | None
    requested_datetime: Moment
    updated_datetime: Moment
    expected_datetime: Moment | None
    address: str | None
    address_id: str | None
    zipcode: str | None
    lat: float | None
    long: float | None
    media_url: str | None


class Posted(Answer, frozen=True, kw_only=True):
    """A report that was filed: its number, or a token that tells it later."""

    service_request_id: Number | UnsetType = UNSET
    token: ReportId | UnsetType = UNSET
    service_notice: str
    account_id: str | None


class Token(Answer, frozen=True, kw_only=True):
    """The number that a token was given for."""

    service_request_id: Number
    token: ReportId


class Endpoint(Answer, frozen=True, kw_only=True):
    """A server of GeoReport."""

    specification: str
    url: str
    changeset: Moment
    type: Literal["production", "test"]
    formats: list[str]


class Discovery(Answer, frozen=True, kw_only=True):
    """Where the server is. Source: wiki.open311.org/Service_Discovery."""

    changeset: Moment
    contact: str
    key_service: str
    endpoints: list[Endpoint]


class GeoReportError(Answer, frozen=True, kw_only=True):
    """One error, in the published form."""

    code: Annotated[int, Meta(ge=400, le=599)]
    description: Sentence
