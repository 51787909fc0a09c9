"""Reports that bodies owe: form × agency × period, with what was due and who is on the list."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import msgspec
import pytest

from ioc import catalog, clock
from ioc.adapter import Adapter, Answer, Reading
from ioc.adapter_suite import AdapterSuite
from ioc.contract import Contract
from ioc.duty import Due
from ioc.errors import BadConfig, BadRecord
from ioc.roll import Listed, Roll
from ioc.settings import Source

ROW = {"dv": "NA01", "nam": 2026, "ky": "III", "gui": "2026-10-08T09:30:00+07:00", "lan": 1, "lyDo": ""}
OPTIONS: dict[str, Any] = {
    "event": "ioc.form.submitted", "url": "replaced", "records": "items", "form": "CDS-01", "reporter": "dv",
    "year": "nam", "part": {"path": "ky", "values": {"I": "Q1", "II": "Q2", "III": "Q3", "IV": "Q4"}},
    "time": "gui", "version": "lan", "why": "lyDo",
}  # fmt: skip
LISTED = (Listed("NA01", "Sở A"), Listed("NA02", "Xã B"), Listed("NA03", "Xã cũ", None, date(2025, 6, 30)))
OWED = Contract("us", due=Due(each="quarter", after=15), reporters=Roll(as_of=date(2026, 1, 1), listed=LISTED))


class TestReportForms(AdapterSuite):
    adapter = "report_forms"
    options = OPTIONS
    answers = (json.dumps({"items": [ROW, {**ROW, "dv": "NA02"}]}).encode(),)

    def opened(self, **changed: Any) -> Adapter[Any]:
        return opened(**changed)


def opened(contract: Contract = OWED, **changed: Any) -> Adapter[Any]:
    return catalog.open_adapter(Source("quarterly", "report_forms", contract, {**OPTIONS, **changed}))


def parsed(*rows: Any, contract: Contract = OWED, **changed: Any) -> list[Reading | BadRecord]:
    return list(opened(contract, **changed).parse(Answer(json.dumps({"items": rows}).encode())))


def one(row: dict[str, Any], **changed: Any) -> Reading:
    (found,) = parsed(row, **changed)
    assert isinstance(found, Reading), found
    return found


def bad(row: Any, **changed: Any) -> BadRecord:
    (found,) = parsed(row, **changed)
    assert isinstance(found, BadRecord), found
    return found


def test_a_report_with_its_due_time_and_how_many_owe_it() -> None:
    found = one(ROW)
    assert (found.subject, found.time) == ("CDS-01/NA01/2026-Q3", clock.parse("2026-10-08T09:30:00+07:00"))
    assert found.properties == {
        "form": "CDS-01", "reporter": "NA01", "period": "2026-Q3", "version": 1, "why": None,
        "due_at": "2026-10-15T17:00:00+07:00", "owed": 2,
    }  # fmt: skip


def test_who_owes_depends_on_the_period() -> None:
    before = {**ROW, "nam": 2025, "ky": "I", "dv": "NA03"}
    assert one(before).properties["owed"] == 3
    assert bad({**ROW, "dv": "NA03"}).reason == "unknown_code"


def test_a_stranger_is_set_aside() -> None:
    found = bad({**ROW, "dv": "XX99"})
    assert (found.reason, found.field, found.code, found.at) == ("unknown_code", "dv", "XX99", "reporter")
    unlisted = msgspec.structs.replace(OWED, reporters=())
    assert one({**ROW, "dv": "XX99"}, contract=unlisted).properties["owed"] is None


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [({"ky": "V"}, "unknown_code"), ({"nam": "hai nghìn"}, "bad_time"), ({"gui": ""}, "bad_time"),
     ({"gui": "hôm qua"}, "bad_time"), ({"lan": "x"}, "bad_number"), ({"dv": ""}, "no_id")],
)  # fmt: skip
def test_what_cant_be_read_is_set_aside(wrong: dict[str, Any], reason: str) -> None:
    assert bad({**ROW, **wrong}).reason == reason


def test_a_period_of_another_kind_is_none_of_this_form() -> None:
    found = bad({**ROW, "ky": "09"}, part={"path": "ky"})
    assert found.reason == "bad_time" and "due for each quarter" in found.say
    yearly = msgspec.structs.replace(OWED, due=Due(each="year", after=31))
    assert one(ROW, contract=yearly, part=None).subject == "CDS-01/NA01/2026"


@pytest.mark.parametrize("due", [None, Due(each="stretch", seconds=120)])
def test_a_contract_without_a_calendar_does_not_fit(due: Due | None) -> None:
    with pytest.raises(BadConfig, match="has no due"):
        opened(Contract("us", due=due))


def test_a_source_that_does_not_say_when_does_not_fit() -> None:
    with pytest.raises(BadConfig, match="write time"):
        opened(time=None)
