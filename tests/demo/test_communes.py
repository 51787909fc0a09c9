"""The demo's daily report: always the same communes tell in time, late, and never; a day is reopened now and then."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ioc import ledger, lint, roll
from ioc.clock import ZONE
from ioc.contract import CALENDAR
from ioc.demo import communes, run
from ioc.demo.communes import DAY_S, REOPENED_EVERY, Communes, groups
from ioc.demo.offices import CONNECTED, OFFICES
from ioc.demo.sources import DAY_S as SECONDS
from ioc.demo.sources import SEED
from ioc.geo.units import Unit
from ioc.period import Period
from ioc.roll import Roll
from ioc.settings import Settings, load

UNITS = [Unit("22015", "Phường mẫu", "", 109.3, 13.1)]


def contract(settings: Settings) -> Any:
    return settings.sources["communes"].contract


def test_the_contract_and_the_simulation_mean_the_same_day_and_the_same_communes(tmp_path: Path) -> None:
    run.settings("phu-yen", tmp_path, run.free_ports("phu-yen"))
    assert lint.lint(tmp_path / "ioc.toml") == []
    owed = contract(load(tmp_path / "ioc.toml"))
    assert owed.due.seconds == DAY_S == SECONDS
    assert isinstance(owed.reporters, Roll) and owed.reporters.invented
    assert len(owed.reporters.owing()) == OFFICES == 241
    told = groups(SEED)
    assert len(told.prompt) + len(told.late) == CONNECTED == 190
    assert {one.code for group in told[:3] for one in group} == set(owed.reporters.owing())
    assert told == groups(SEED) and set(told.sent_in) < set(told.never)


def test_a_day_is_told_in_its_middle_and_after_it_and_some_days_long_after(tmp_path: Path) -> None:
    owed = contract(load(run.TEMPLATE))
    made, told = Communes(SEED, UNITS), dict[str, dict[str, Any]]()
    begin = datetime(2026, 3, 10, 8, 0, tzinfo=ZONE)
    counts: dict[int, set[int]] = {}
    reporters = ledger.expected(owed, ())
    for second in range(3, 20 * DAY_S, 10):
        now = begin + timedelta(seconds=second)
        made.keep(tmp_path, now)
        for file in sorted(tmp_path.glob("*.csv")):
            _read(file, owed, now, told)
            (tmp_path / "done").mkdir(exist_ok=True)
            file.rename(tmp_path / "done" / file.name)
        for of in ledger.periods(owed, now, count=4):
            if of.begins > begin:
                entries = ledger.entries(owed, reporters, of, told.get(of.text, {}), now, CALENDAR)
                states = [entry.state for entry in entries]
                have = states.count("late") + states.count("reported")
                assert have + states.count("missing") == OFFICES
                counts.setdefault(Communes.number(of), set()).add(have)
    for number, seen in list(counts.items())[:-4]:
        assert seen == ({171, 190, 202} if number % REOPENED_EVERY == 0 else {171, 190}), number
    # every table was dropped once, after a restart too
    files = len(list((tmp_path / "done").iterdir()))
    Communes(SEED, UNITS).keep(tmp_path, begin + timedelta(seconds=20 * DAY_S - 5))
    assert not list(tmp_path.glob("*.csv")) and len(list((tmp_path / "done").iterdir())) == files


def _read(file: Path, owed: Any, now: datetime, told: dict[str, dict[str, Any]]) -> None:
    head, *rows = file.read_text(encoding="utf-8-sig").splitlines()
    assert head == "Mã;Xã cũ;Xã nay;Lượt tiếp;Số liệu lúc"
    for row in rows:
        code, _, home, visits, when = row.split(";")
        assert home == "22015" and int(visits) > 0
        of: Period = owed.due.of(datetime.strptime(when, "%d/%m/%Y %H:%M:%S").replace(tzinfo=ZONE))
        assert of.begins <= now
        told.setdefault(of.text, {}).setdefault("reported", {}).setdefault(code, now.isoformat())


def test_its_list_is_read_without_a_fault() -> None:
    assert communes.LIST.is_file()
    names = [one.name for one in roll.read(communes.LIST)]
    assert len(names) == len(set(names)) == OFFICES
