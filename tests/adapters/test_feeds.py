"""RSS and Atom: real feeds, odd ones, and nothing of what they say but place, time and topic."""

from __future__ import annotations

import asyncio
import os
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest

from ioc import bodies, catalog, clock
from ioc.adapter import Adapter, Answer, Reading
from ioc.adapter_suite import AdapterSuite, AnswerServer, Said, poll
from ioc.contract import Contract
from ioc.errors import BadConfig, BadRecord, SourceDown, SourceRefused
from ioc.reach import moment
from ioc.settings import Source
from tests.conftest import absent

REAL = Path(os.environ.get("IOC_SHARED") or Path(__file__).parents[3] / "shared") / "data" / "cap"
FILES = [
    REAL / name
    for name in (
        "amber.rss", "ny_index.rss", "amber.atom", "earthquake_index.atom", "oregon_nws.atom", "us_nws_weather.atom",
        "usgs_alerthub.atom", "weather.atom", "weather_index.atom",
    )
]  # fmt: skip
OPTIONS: dict[str, Any] = {
    "event": "ioc.press.posted",
    "url": "",
    "province": "48",
    "legacy_province": "49",
    "topics": {"thiên tai": ["ngập", "lũ"], "weather": ["snow", "warning", "advisory", "amber alert"]},
}


class TestFeeds(AdapterSuite):
    adapter = "feeds"
    options: ClassVar = OPTIONS
    answers: ClassVar = FILES

    def answer(self, name: str, body: bytes) -> Answer:
        return Answer(body, name="suite")

    def test_no_secret_is_recorded(self) -> None:
        """The files are public notices, and are read where they lie."""

    @pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
    def test_every_post_is_told_or_set_aside(self, file: Path) -> None:
        if not file.is_file():
            absent(f"{file} is not on this machine; name its folder with IOC_SHARED")
        root = bodies.load_xml(file.read_bytes(), file.name)
        entries = sum(bodies.name(one) in ("item", "entry") for one in root.iter())
        results = self.parsed(file.name, file.read_bytes())
        told = [one for one in results if isinstance(one, Reading) and one.subject.startswith("post/")]
        aside = [one for one in results if isinstance(one, BadRecord)]
        print(f"{file.name}: {entries} records = {len(told)} posts + {len(aside)} set aside")
        assert entries == len(told) + len(aside) >= 1 and aside == []
        assert all(one.time is not None for one in told)

    def test_nothing_personal_gets_out(self) -> None:
        for name, body in self.recorded():
            sent = msgspec.json.encode([one.properties for one in self.readings(name, body)]).decode()
            for word in ("DOE", "Doe", "4XXX", "w-nws", "http"):
                assert word not in sent, name


def feed(*items: str) -> bytes:
    return f'<rss version="2.0"><channel>{"".join(items)}</channel></rss>'.encode()


def item(title: str = "x", at: str = "Tue, 10 Mar 2026 08:00:00 +0700", id: str = "1", **more: str) -> str:
    rest = "".join(f"<{name}>{text}</{name}>" for name, text in more.items())
    return f"<item><guid>{id}</guid><title>{title}</title><pubDate>{at}</pubDate>{rest}</item>"


def opened(**changed: Any) -> Adapter[Any]:
    return catalog.open_adapter(Source("press", "feeds", Contract("Sở"), {**OPTIONS, **changed}))


def read(body: bytes) -> list[Reading | BadRecord]:
    return list(opened(url="x").parse(Answer(body, name="báo")))


def test_place_topic_and_time_of_a_post() -> None:
    post, told = read(feed(item("Ngập ở phường Hội An", description="&lt;p&gt;xã Duy Xuyên cũng thế&lt;/p&gt;")))
    assert isinstance(post, Reading) and isinstance(told, Reading)
    assert (post.properties["topics"], post.properties["alert"]) == (["thiên tai"], True)
    assert len(post.properties["places"]) == 2 and post.unit == post.properties["places"][0]
    assert post.geometry is not None and post.time == datetime.fromisoformat("2026-03-10T08:00:00+07:00")
    assert told.properties == {"kind": "feed", "feed": "báo", "newest": "2026-03-10T08:00:00+07:00"}


def test_a_topic_is_a_whole_word() -> None:
    for title, alert in (("lũ về", True), ("LŨ", True), ("lũy tre", False)):
        (post, _) = read(feed(item(title)))
        assert isinstance(post, Reading) and post.properties["alert"] is alert, title


def test_posts_that_can_not_be_read_are_set_aside_without_their_text() -> None:
    later = format_datetime(clock.now() + timedelta(days=3))
    results = read(
        feed(item("Nguyễn Văn An", at="soon"), item("Nguyễn Văn An", at=later), "<item></item>", item(id="4"))
    )
    bad = [one for one in results if isinstance(one, BadRecord)]
    assert [one.reason for one in bad] == ["bad_time", "future_time", "no_id"]
    assert all("Văn" not in f"{one.say}{one.raw}" for one in bad)
    assert len([one for one in results if isinstance(one, Reading)]) == 2


async def test_one_feed_that_fails_does_not_keep_the_others_waiting() -> None:
    with AnswerServer(Said(feed(item()))) as good, AnswerServer(Said(b"", 500)) as bad:
        adapter = opened(url=None, feeds={"hỏng": bad.url, "tốt": good.url})
        answers = []
        with pytest.raises(SourceDown, match="500"):
            async for answer in adapter.ask(None):
                answers.append(answer)
        assert [answer.name for answer in answers] == ["tốt"]
        bad.says(Said(b"", 403))
        with pytest.raises(SourceDown) as error:
            await poll(adapter)
        assert not isinstance(error.value, SourceRefused), "one that refuses does not stop the others"


async def test_a_feed_that_did_not_change_is_not_read_again_until_the_settings_do() -> None:
    class Tagged(AnswerServer):
        def answer(self, asked: Any) -> Said:
            same = asked.headers.get("if-none-match") == '"a"'
            return Said(b"", 304) if same else Said(feed(item()), headers={"ETag": '"a"'})

    with Tagged() as server:
        first, cursor = await poll(opened(url=server.url))
        assert len(first) == 2 and (await poll(opened(url=server.url), cursor))[0] == []
        assert len((await poll(opened(url=server.url, topics={}), cursor))[0]) == 2


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("Wed, 11 Jun 2003 22:39:00 PDT", "2003-06-11T22:39:00-07:00"),
        ("Fri, 04 Feb 2011 20:20:00 -0000", "2011-02-04T20:20:00+00:00"),
        ("2026-03-10T08:00:00", "2026-03-10T08:00:00+07:00"),
    ],
)
def test_times_as_feeds_write_them(text: str, time: str) -> None:
    assert moment(text) == datetime.fromisoformat(time)


def test_xml_that_is_no_feed_is_not_taken() -> None:
    with pytest.raises(SourceDown, match="no RSS and no Atom"):
        read(b"<alert></alert>")


def test_settings_name_feeds_or_one() -> None:
    for options in ({"url": None}, {"feeds": {"a": "b"}}):
        with pytest.raises(BadConfig, match="write one of them"):
            opened(**options)


def test_a_path_is_read_too(tmp_path: Path) -> None:
    file = tmp_path / "báo.rss"
    file.write_bytes(feed(item()))
    results, _ = asyncio.run(poll(opened(url=str(file))))
    assert len(results) == 2
