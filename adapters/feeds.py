"""RSS and Atom of the press and of portals: what is posted where, about what; and when each feed posted last.

Settings (TOML)::

    [sources.press]
    adapter = "feeds"
    event = "ioc.press.posted"
    feeds = {"Báo Quảng Nam" = "https://baoquangnam.example.vn/rss", "Cổng tỉnh" = "https://…/atom.xml"}
    province = "48"                           # communes are found in the text by name (`ioc.geo.named`)
    legacy_province = "49"
    topics = {"thiên tai" = ["lũ", "sạt lở", "ngập"], "tai nạn" = ["tai nạn", "cháy"]}

One feed alone may be given as `url`. A post becomes a reading with its feed, time, topics, and the communes that it
names: the first is its unit and place. Nothing else of it leaves this file: titles and texts of the press name people.
Each feed is a reading too, with its newest post.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from xml.etree.ElementTree import Element

import msgspec

from ioc import bodies, clock
from ioc.adapter import Adapter, AdapterConfig, Answer, Reading, export
from ioc.errors import BadRecord, SourceDown, SourceRefused, Untaken
from ioc.event import digest
from ioc.geo import named
from ioc.geo.units import Unit
from ioc.proof import Tally
from ioc.reach import moment
from ioc.settings import Province
from ioc.tally import TallyAt

MOST_POSTS = 2_000
"""Posts of one feed that are read at most, the first ones."""
MOST_TEXT = 20_000
"""Characters of a post in which places and topics are looked for."""
AHEAD = timedelta(days=1)
_TIMES = ("updated", "published", "pubDate", "date", "issued")
_TEXTS = ("title", "description", "summary", "content", "encoded", "category")


class Feeds(Adapter["Feeds.Config"]):
    """Asks each feed in turn; those that fail do not keep the others waiting."""

    class Config(AdapterConfig, frozen=True, forbid_unknown_fields=True, kw_only=True):
        """`feeds`: addresses (or paths) by the feed's name; or `url`, one alone. `province`, `legacy_province`,
        `codes`: whose communes are looked for, as in [province]. `topics`: words by topic; whole, in any case. `tally`:
        where who gathers the feeds says when the newest post is of (`ioc.tally`); it holds more than feeds show, so
        that its count is not compared."""

        feeds: dict[str, str] = msgspec.field(default_factory=dict)
        url: str | None = None
        province: str | None = None
        legacy_province: str | None = None
        codes: tuple[str, ...] = ()
        topics: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
        tally: TallyAt | None = None

        def __post_init__(self) -> None:
            if (self.url is None) == (not self.feeds):
                raise ValueError("feeds are named in feeds, or one alone in url; write one of them")
            if self.tally is not None and self.tally.count is not None:
                raise ValueError("tally of feeds says newest alone; leave count out")

    @property
    def feeds(self) -> dict[str, str]:
        """Addresses by name."""
        return self.config.feeds or {self.name: self.config.url or ""}

    @cached_property
    def places(self) -> tuple[named.Names, dict[str, Unit]]:
        """The communes that are looked for; none when no province is named."""
        from ioc.geo import unit_list

        config = self.config
        if config.province is None and not config.codes:
            return named.Names(()), {}
        home = Province("", province=config.province, legacy_province=config.legacy_province, codes=config.codes)
        units = unit_list.read(home)[0]
        return named.Names(units.values(), unit_list.borne()), units

    async def ask(self, cursor: str | None) -> AsyncIterator[Answer]:
        """An answer for each feed. Raises at the end what went wrong: SourceRefused when every feed refuses."""
        mark = digest(json.dumps(msgspec.to_builtins(self.config), sort_keys=True))
        known: dict[str, Any] = json.loads(cursor) if cursor else {}
        # other settings read the same bytes otherwise: "not modified" would hide that
        marks: dict[str, str] = dict(known.get("feeds", {})) if known.get("settings") == mark else {}
        wrong: list[SourceDown | SourceRefused] = []
        for name, url in self.feeds.items():
            try:
                answer = await export(
                    url, validators=marks.get(name), max_bytes=self.config.max_bytes, timeout_s=self.config.timeout_s
                )
                if not answer.unchanged:
                    await asyncio.to_thread(self._root, answer)
            except (SourceDown, SourceRefused) as error:
                wrong.append(error)
                continue
            marks = {**marks, name: answer.cursor} if answer.cursor else marks
            told = json.dumps({"settings": mark, "feeds": marks})
            yield msgspec.structs.replace(answer, name=name, cursor=told)
        if wrong:
            # three feeds of one host that fail alike are told once
            say = " ".join(dict.fromkeys(error.say for error in wrong))
            if all(isinstance(error, SourceRefused) for error in wrong) and len(wrong) == len(self.feeds):
                raise SourceRefused(say)
            raise Untaken(say) if all(isinstance(error, Untaken) for error in wrong) else SourceDown(say)

    @property
    def tallies(self) -> bool:
        return self.config.tally is not None

    async def tally(self) -> Tally | None:
        config = self.config
        return (
            None
            if config.tally is None
            else await config.tally.ask(timeout_s=config.timeout_s, zone="Asia/Ho_Chi_Minh")
        )

    def parse(self, answer: Answer) -> Iterable[Reading | BadRecord]:
        """Readings of one feed. Raises SourceDown when it is none."""
        return list(self._read(answer))

    def _root(self, answer: Answer) -> Element:
        where = answer.name or self.name
        root = bodies.load_xml(answer.body, where, "a feed")
        if bodies.name(root) not in ("rss", "feed", "RDF"):
            raise Untaken(f"{where} sent XML that is no RSS and no Atom; check the address.")
        return root

    def _read(self, answer: Answer) -> Iterator[Reading | BadRecord]:
        feed, now = answer.name or self.name, clock.now()
        found = (one for one in self._root(answer).iter() if bodies.name(one) in ("item", "entry"))
        newest: datetime | None = None
        posts = 0
        for number, (entry, _) in enumerate(zip(found, range(MOST_POSTS), strict=False), start=1):
            try:
                reading = self._post(feed, entry, now)
            except BadRecord as bad:
                yield bad.of({"feed": feed, "post": number}, None)
                continue
            posts += 1
            newest = max(filter(None, (newest, reading.time)), default=None)
            yield reading
        said = {"kind": "feed", "feed": feed, "newest": None if newest is None else clock.rfc3339(newest)}
        # told as of now: a feed that lost its newest posts (a backup, say) is as quiet as it says
        yield Reading(f"feed/{feed}", said)

    def _post(self, feed: str, entry: Element, now: datetime) -> Reading:
        parts: dict[str, list[str]] = {}
        for part in entry:
            parts.setdefault(bodies.name(part), []).append("".join(part.itertext()).strip() or part.get("href", ""))
        identity = next((parts[name][0] for name in ("guid", "id", "link") if parts.get(name, [""])[0]), "")
        text = " . ".join(one for name in _TEXTS for one in parts.get(name, ()))
        if not identity and not text:
            raise BadRecord("A post of a feed has neither an id nor a text; its owner must see to it.", reason="no_id")
        plain = (bodies.html_text(text)[0] or "")[:MOST_TEXT]
        names, units = self.places
        codes = names.find(plain)
        first = units[codes[0]] if codes else None
        said = {"kind": "post", "feed": feed, "topics": self._topics(plain), "places": codes}
        return Reading(
            f"post/{digest(feed, identity or text)}",
            {**said, "alert": bool(said["topics"])},
            self._time(parts, now),
            geometry={"type": "Point", "coordinates": [round(first.lon, 6), round(first.lat, 6)]} if first else None,
            unit=first.code if first else None,
        )

    def _time(self, parts: dict[str, list[str]], now: datetime) -> datetime | None:
        told = next((parts[name][0] for name in _TIMES if parts.get(name, [""])[0]), None)
        if told is None:
            return None
        found = moment(told)
        if found is None:
            raise BadRecord(
                "A post's time can't be read; the feed's owner must write RFC 822 or 3339.", reason="bad_time"
            )
        if found > now + AHEAD:
            raise BadRecord("A post lies in the future; the feed's clock must be set.", reason="future_time")
        return found

    def _topics(self, text: str) -> list[str]:
        return [topic for topic, pattern in self._words.items() if pattern.search(text)]

    @cached_property
    def _words(self) -> dict[str, re.Pattern[str]]:
        topics = {topic: [named.written(word) for word in words] for topic, words in self.config.topics.items()}
        return {
            topic: re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)", re.IGNORECASE)
            for topic, words in topics.items()
            if words
        }
