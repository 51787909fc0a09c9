"""Tây Ninh's eGov: every body's users and documents, the Party's apart; growing, and broken in each way."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ioc.clock import ZONE
from ioc.demo.systems.egov import BODIES, COMMUNES, DEPARTMENTS, DISTRICTS, MASS, PARTY, Egov
from ioc.errors import SourceDown
from tests.demo.staged import served


async def test_every_body_s_users_and_documents_the_party_s_too(tmp_path: Path) -> None:
    async with served("tay-ninh", "egov", tmp_path) as stage:
        assert stage.figure("egov_users").value is None
        readings = await stage.ask("egov")
        assert len(readings) == stage.settings.sources["egov"].contract.expect == 4 * len(BODIES) + len(PARTY)
        users, party = stage.figure("egov_users"), stage.figure("egov_party")
        assert (users.have, users.expect) == (146, 146) and (party.have, party.expect) == (17, 17)
        assert len(BODIES) == len(PARTY) + DEPARTMENTS + len(DISTRICTS) + COMMUNES + len(MASS)
        parts = {part["label"]: part["value"] for part in users.parts or []}
        assert parts.keys() == {"Đảng", "Chính quyền", "Đoàn thể"} and sum(parts.values()) == users.value
        assert parts["Đảng"] == party.value
        documents, signed = stage.figure("egov_documents"), stage.figure("egov_signed")
        assert float(signed.value or 0) > 95 and 80 < float(stage.figure("egov_active").value or 0) < 95

        stage.later(hours=1)
        await stage.turn()
        again = await stage.ask("egov")
        assert int(stage.figure("egov_documents").value or 0) >= int(documents.value or 0) + len(BODIES) and again

        await stage.turn("party")
        await stage.ask("egov")
        assert (stage.figure("egov_party").value, stage.figure("egov_party").have) == (None, 0)
        fewer = {part["label"] for part in stage.figure("egov_users").parts or []}
        assert fewer == {"Chính quyền", "Đoàn thể"} and stage.figure("egov_users").have == 146 - 17

        stage.later(minutes=1)
        await stage.turn("silent")
        await stage.ask("egov")
        assert stage.figure("egov_users").have == 73 and stage.figure("egov_signed").have == 73

        await stage.turn("unsigned")
        await stage.ask("egov")
        assert (round(float(stage.figure("egov_signed").value or 0)), stage.figure("egov_signed").level) == (50, "bad")

        stood = stage.figure("egov_documents").value
        await stage.turn("frozen")
        stage.later(hours=2)
        await stage.system.keep()
        await stage.ask("egov")
        assert stage.figure("egov_documents").value == stood

        await stage.turn("schema")
        with pytest.raises(SourceDown, match="nguoi_dung"):
            await stage.ask("egov")


async def test_it_moves_from_the_start_so_that_it_is_frozen_only_when_it_is_broken(tmp_path: Path) -> None:
    async with served("tay-ninh", "egov", tmp_path) as stage:
        still = stage.settings.sources["egov"].contract.still
        assert isinstance(stage.system, Egov) and still is not None
        # a demo in a hurry waits less: 90 s
        for _ in range(60):
            stage.later(seconds=60)
            newest = max(str(row[-1]) for row in stage.system.rows(stage.world.now))
            stood = stage.world.now - datetime.fromisoformat(newest).replace(tzinfo=ZONE)
            assert stood < timedelta(seconds=80) <= timedelta(seconds=still)
