"""Citizens' reports of Los Angeles, dropped as files and over a GeoReport v2 server: every record is accounted for."""

from __future__ import annotations

import asyncio
import csv
import shutil
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ioc import names
from ioc.contract import Answered
from ioc.db.session import Database, migrate, open_db
from tests.adapters.test_open311 import LOS_ANGELES, OPTIONS, STATUSES, la_rows
from tests.adapters.test_table_file import la311
from tests.archived import Archived
from tests.servers import GeoReportServer

OLD, NEW, AGAIN = "MyLA311_2017_subset_10000.csv", "MyLA311_2020_requests_10000.csv", "MyLA311_2020_normalized_9990.csv"


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path}/archive.db"
    await asyncio.to_thread(migrate, url)
    opened = open_db(url)
    yield opened
    await opened.close()


def exact(answered: Answered) -> bool:
    told = answered.events + answered.unchanged + answered.duplicates + answered.set_aside
    return answered.records == told


def counts(answered: Answered) -> tuple[int, int, int, int, int]:
    assert exact(answered) and answered.error is None
    return answered.records, answered.events, answered.unchanged, answered.duplicates, answered.set_aside


class TestDroppedFiles:
    """The exports of 2017 and 2020, and a third form that repeats the second, dropped in one folder."""

    async def centre(self, folder: Path, db: Database) -> Archived:
        folder.mkdir()
        options = {"event": "ioc.report.observed", "folder": str(folder), "settle_s": 0, "forms": la311(folder)}
        return await Archived("table_file", options, db, layer="reports").open()

    async def test_three_forms_of_one_source(self, shared: Path, tmp_path: Path, db: Database) -> None:
        reports, folder = shared / "field_reports", tmp_path / "drop"
        wall = await self.centre(folder, db)
        for name, expected in (
            (OLD, (9_999, 9_999, 0, 0, 0)),
            (NEW, (19_999, 19_999, 0, 0, 0)),
            (AGAIN, (29_988, 19_999, 0, 9_989, 0)),
            (OLD, (39_987, 19_999, 9_999, 9_989, 0)),
            (AGAIN, (49_976, 19_999, 9_999, 19_978, 0)),
        ):
            shutil.copyfile(reports / name, folder / name)
            answered = await wall.poll()
            assert counts(answered) == expected
            assert await wall.archived() == answered.events == len(wall.events)
            assert answered.have == len({event.subject for event in wall.events})
        moved = sorted(path.name for path in (folder / "done").iterdir())
        assert moved == sorted([OLD, NEW, AGAIN, OLD.replace(".csv", " (2).csv"), AGAIN.replace(".csv", " (2).csv")])
        # ended reports leave the board after some days: what stands of those years is what is still open
        statuses = {item["properties"]["status"] for item in (await wall.items()).values()}
        assert statuses == {"open", "pending"} and len(await wall.items()) == 5 + 16 + 15

    async def test_all_at_once_in_one_asking(self, shared: Path, tmp_path: Path, db: Database) -> None:
        wall = await self.centre(folder := tmp_path / "drop", db)
        for name in (OLD, NEW, AGAIN):
            shutil.copyfile(shared / "field_reports" / name, folder / name)
        answered = await wall.poll()
        assert counts(answered) == (29_988, 19_999, 0, 9_989, 0)
        assert await wall.archived() == 19_999

    async def test_bad_lines_are_set_aside_and_counted(self, shared: Path, tmp_path: Path, db: Database) -> None:
        wall = await self.centre(folder := tmp_path / "drop", db)
        lines = (shared / "field_reports" / NEW).read_text(encoding="utf-8").splitlines()[:101]
        lines[10] = lines[10].replace(",1/", ",13/")
        lines[20] = lines[20].rsplit(",", 3)[0]
        lines[30] = "," + lines[30].split(",", 1)[1]
        lines[40] = lines[41]
        (folder / "bad.csv").write_text("\n".join(lines), encoding="utf-8")
        answered = await wall.poll()
        assert counts(answered) == (100, 96, 0, 1, 3)
        aside = [event.data.properties["reason"] for event in wall.events if event.type == names.REFUSED and event.data]
        assert aside == ["bad_time", "bad_row", "no_id"]
        assert await wall.archived() == 96 == len(wall.events) - 3

    async def test_a_file_that_is_none_leaves_the_picture(self, shared: Path, tmp_path: Path, db: Database) -> None:
        wall = await self.centre(folder := tmp_path / "drop", db)
        shutil.copyfile(shared / "field_reports" / NEW, folder / NEW)
        await wall.poll()
        items = await wall.items()
        (folder / "a report.csv").write_text("<html>Sign in</html>")
        answered = await wall.poll()
        assert answered.error is not None and "a report.csv" in answered.error
        assert await wall.items() == items
        assert (folder / "set-aside" / "a report.csv.txt").read_text().strip() == answered.error
        shutil.copyfile(shared / "field_reports" / OLD, folder / OLD)
        assert counts(await wall.poll()) == (19_999, 19_999, 0, 0, 0)

    async def test_a_crash_before_the_move_tells_nothing_twice(
        self, shared: Path, tmp_path: Path, db: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wall = await self.centre(folder := tmp_path / "drop", db)
        shutil.copyfile(shared / "field_reports" / NEW, folder / NEW)

        class Crash(BaseException):
            """The process ends here."""

        async def crash(answer: Any, trouble: str | None) -> None:
            raise Crash

        with monkeypatch.context() as patched:
            patched.setattr(wall.asking.adapter, "committed", crash)
            with pytest.raises(Crash):
                await wall.asking.poll()
        assert (folder / NEW).exists()
        wall.ask()
        assert counts(await wall.poll()) == (10_000, 10_000, 0, 0, 0)
        assert await wall.archived() == 10_000
        assert [path.name for path in (folder / "done").iterdir()] == [NEW]


def old_rows(shared: Path) -> list[dict[str, Any]]:
    """The 2017 export as GeoReport rows."""

    def moment(text: str) -> str:
        return datetime.strptime(text, "%m/%d/%Y %I:%M:%S %p").replace(tzinfo=LOS_ANGELES).isoformat()

    with (shared / "field_reports" / OLD).open(encoding="utf-8-sig", newline="") as file:
        return [
            {
                "service_request_id": row["SRNumber"],
                "status": row["Status"],
                "service_code": row["RequestType"],
                "service_name": row["RequestType"],
                "requested_datetime": moment(row["CreatedDate"]),
                "updated_datetime": moment(row["UpdatedDate"]),
                "address": row["Address"],
                "lat": row["Latitude"],
                "long": row["Longitude"],
            }
            for row in csv.DictReader(file)
        ]


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_records_are_events_unchanged_duplicates_and_set_aside_exactly(
    form: str, shared: Path, db: Database
) -> None:
    with GeoReportServer(old_rows(shared), cap=1000) as server:
        options = {**OPTIONS, "url": server.url, "form": form, "page_size": 1000, "statuses": STATUSES}
        wall = await Archived("open311", options, db, layer="reports").open()
        old = await wall.poll()
        assert counts(old) == (9_999, 9_999, 0, 0, 0)
        server.rows += la_rows(shared)
        first = await wall.poll()
        assert (first.events, first.set_aside) == (19_999, 0)
        assert await wall.archived() == len(wall.events) == first.events
        second = await wall.poll()
        assert second.events == first.events and second.unchanged > first.unchanged
        assert exact(first) and exact(second)
        newest = max(server.rows, key=lambda row: row["updated_datetime"])
        server.rows.append({**newest, "service_request_id": "new", "status": "Open"})
        server.rows.append({**newest, "service_request_id": "odd", "status": "Melted"})
        third = await wall.poll()
        assert (third.events - second.events, third.aside_now) == (1, 1)
        assert exact(third)
        assert await wall.archived() == third.events == 20_000
        assert "new" in await wall.items()
