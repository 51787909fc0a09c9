"""Certificates come nearer to their end by themselves; one that is no longer valid does not."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

from ioc import catalog, clock
from ioc.event import Event, Feature
from layers.certificates import Certificates
from tests.layers.suite import NOON, LayerSuite

_moments = st.integers(-100, 200).map(lambda days: clock.rfc3339(NOON + timedelta(days=days)))


class TestCertificates(LayerSuite):
    layer = Certificates()
    tiles = catalog.tiles("certificates")
    properties = st.fixed_dictionaries(
        {"kind": st.sampled_from(["Tổ chức", "Cá nhân"])},
        optional={
            "state": st.sampled_from(["valid", "revoked", 1]),
            "until": _moments | st.sampled_from(["soon", 3]),
            "expires": st.just("later"),
        },
    )


def test_one_that_was_revoked_does_not_expire() -> None:
    for state, band in (("valid", "60"), ("revoked", None)):
        told = Feature({"state": state, "until": clock.rfc3339(NOON + timedelta(days=31))})
        item = Certificates().item(Event("e", "ca", "ioc.certificate.listed", "a", NOON, NOON, told))
        assert item.properties.get("expires") == band
        assert (Certificates().wakes(item) is None) == (band is None)
