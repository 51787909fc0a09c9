"""A typed source is retired while the machine source is live, and only then; a figure ends to be valid."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ioc import catalog, clock, names, retired
from ioc.board.memory import MemoryBoard
from ioc.contract import Answered, Contract, judge
from ioc.duty import Due
from ioc.lint import lint
from ioc.log.memory import MemoryLog
from ioc.run.health import Health
from ioc.run.poller import Asking, _closed
from ioc.settings import Province, Settings, Source

from .sheets_of_agencies import DUE, OPTIONS, OWNER, REPORTERS, filled

NOW = datetime(2026, 5, 20, 2, 0, tzinfo=UTC)
LIVE = Answered("labour", NOW, NOW, NOW, have=5)


def settings(folder: Path | None = None) -> Settings:
    options = {**OPTIONS, "retired_by": "labour", "folder": str(folder), "settle_s": 0}
    owes = Contract(OWNER, due=DUE, reporters=REPORTERS, method="typed")
    machine = Source("labour", "push", Contract(OWNER, cadence=60), {}, ("Ngành Lao động", "Labour"))
    return Settings(Province("Phú Yên"), {"jobs": Source("jobs", "bridge", owes, options), "labour": machine})


def test_only_a_live_machine_source_retires() -> None:
    told = settings()
    found = retired.look(told, "jobs", {"labour": LIVE}, NOW)
    assert found is not None and found.by == "labour" and "Ngành Lao động" in found.say and found.say.endswith(".")
    assert found.since == datetime(2026, 5, 20, tzinfo=clock.ZONE)
    for other in (
        {}, {"labour": msgspec.structs.replace(LIVE, answered=None)},
        {"labour": msgspec.structs.replace(LIVE, error="Nó không trả lời.")},
    ):  # fmt: skip
        assert retired.look(told, "jobs", other, NOW) is None
    assert retired.look(told, "jobs", {"labour": LIVE}, NOW + timedelta(seconds=61)) is None
    assert retired.look(told, "labour", {"labour": LIVE}, NOW) is None


def test_the_period_that_the_machine_tells_is_its_own() -> None:
    told = settings()
    monthly = msgspec.structs.replace(told.sources["labour"], contract=Contract(OWNER, due=Due(each="month", after=30)))
    told = msgspec.structs.replace(told, sources={**told.sources, "labour": monthly})
    april = msgspec.structs.replace(LIVE, reached=date(2026, 4, 30))
    found = retired.look(told, "jobs", {"labour": april}, NOW)
    assert found is not None and found.since == datetime(2026, 4, 1, tzinfo=clock.ZONE)


async def _health(told: Settings, log: MemoryLog, now: datetime) -> dict[str, dict[str, Any]]:
    board = MemoryBoard()
    health = Health(told, board, log, tiles=list)
    await health.open()
    await board.reset(names.layer_channel(names.LEDGER), {}, fence=0)
    await health.look(now)
    found = {}
    for channel in (names.SOURCES, names.LEDGER, names.SCORES):
        snapshot = await board.snapshot(channel)
        assert snapshot is not None
        found[channel] = {name: msgspec.json.decode(body) for name, body in snapshot.items.items()}
    return found


async def test_a_retired_source_is_not_late_and_owes_nothing(tmp_path: Path) -> None:
    told, log = settings(tmp_path), MemoryLog()
    old = Answered("jobs", NOW, NOW - timedelta(days=100), NOW - timedelta(days=100), have=3)
    known = await log.known("jobs")
    await log.append([], source="jobs", revision=known.revision, cursor=None, seen={}, answered=old)
    alone = await _health(told, log, NOW)
    assert alone[names.SOURCES]["jobs"]["state"] == "stale" and alone[names.LEDGER]["jobs"]["missing"] == 3
    known = await log.known("labour")
    await log.append([], source="labour", revision=known.revision, cursor=None, seen={}, answered=LIVE)
    both = await _health(told, log, NOW)
    item, ledger = both[names.SOURCES]["jobs"], both[names.LEDGER]["jobs"]
    assert (item["state"], item["retired_by"]) == ("live", "labour") and "đã nghỉ" in item["why"]
    assert (ledger["missing"], ledger["late"], ledger["excused"]) == (0, 0, 3)
    assert both[names.SCORES]["source/jobs"]["du"]["value"] is None
    assert both[names.SCORES]["source/jobs"]["song"]["value"] == 100


async def test_sheets_are_set_aside_while_it_is_retired_and_taken_again_when_it_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, log = settings(tmp_path), MemoryLog()
    source = told.sources["jobs"]
    asking = Asking(source, catalog.open_adapter(source), log, closed=lambda: _closed(told, log, "jobs"))

    async def machine(answered: datetime, observed: datetime) -> None:
        known = await log.known("labour")
        live = Answered("labour", answered, answered, observed)
        await log.append([], source="labour", revision=known.revision, cursor=None, seen={}, answered=live)

    async def drop(**cells: Any) -> Answered:
        (tmp_path / "a.xlsx").write_bytes(filled(**cells))
        known = await asking.poll()
        assert known.answered is not None
        return known.answered

    assert (await drop(B3="2026-02")).have == 3
    assert (await drop()).have == 6
    now = clock.now()
    # the machine tells of March too: what was typed of it leaves, February stays as it was told
    await machine(now, datetime(2026, 3, 15, tzinfo=clock.ZONE))
    answered = await drop(B3="2026-04", F9=None)
    assert "đã nghỉ" in str(answered.error)
    assert {path.name for path in (tmp_path / "set-aside").iterdir()} == {"a.xlsx", "a.xlsx.txt"}
    known = await log.known("jobs")
    assert {name.split("/")[1] for name in known.seen if not names.is_mark(name)} == {"2026-02"}
    assert known.answered is not None and known.answered.have == 3
    await machine(now - timedelta(hours=1), datetime(2026, 3, 15, tzinfo=clock.ZONE))
    assert (await drop(B3="2026-04", F9=None)).error is None


def test_a_source_that_retires_another_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "screens").mkdir()
    file = tmp_path / "ioc.toml"
    file.write_text(
        '[province]\nname = "Phú Yên"\n[web]\nscreens = "screens"\n[sources.jobs]\nadapter = "bridge"\n'
        'event = "ioc.indicator.measured"\nindicator = "jobs_new"\nsignature = "none"\nretired_by = "labuor"\n'
        '[[sources.jobs.columns]]\nname = "value"\nhead = "Việc làm"\nkind = "integr"\n'
        '[sources.jobs.contract]\nowner = "Sở Nội vụ"\n',
        encoding="utf-8",
    )
    said = [one.say for one in lint(file)]
    assert any("There is no source labuor" in one for one in said)
    assert any("integr" in one for one in said)
    text = file.read_text(encoding="utf-8").replace("integr", "integer").replace("labuor", "jobs2")
    text = text.replace('signature = "none"', 'signers = ["none.pem"]\norganisations = ["*"]')
    more = '[sources.jobs2]\nadapter = "canary"\nevent = "ioc.canary.sung"\n[sources.jobs2.contract]\nowner = "x"\n'
    file.write_text(text + more, encoding="utf-8")
    assert any("none.pem of signers can't be read" in one.say for one in lint(file))


def test_a_figure_is_stale_from_the_second_at_which_it_ends_to_be_valid() -> None:
    owes = Contract(OWNER, due=Due(each="quarter", after=60), valid_days=10)
    told = Answered("s", NOW, datetime(2026, 4, 3, tzinfo=UTC), NOW, reached=date(2026, 3, 31))
    ends = datetime(2026, 4, 11, tzinfo=clock.ZONE)
    assert judge(owes, told, ends - timedelta(seconds=1)).state == "live"
    after = judge(owes, told, ends)
    assert (
        after.state == "stale"
        and after.why == "The newest figure was valid until 11/04/2026, and no newer one has come."
    )
    newer = msgspec.structs.replace(told, reached=date(2026, 6, 30))
    assert judge(owes, newer, ends).state == "live"
    plain = Contract(OWNER, cadence=30 * 86_400, valid_days=2)
    seen = Answered("s", ends, ends, ends)
    assert judge(plain, seen, ends + timedelta(days=2) - timedelta(seconds=1)).state == "live"
    assert judge(plain, seen, ends + timedelta(days=2)).state == "stale"
    with pytest.raises(ValueError, match="valid_days"):
        Contract(OWNER, valid_days=0)
