"""Press: a post counts for a day, a feed grows quiet."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

from ioc import catalog, clock
from ioc.event import Event, Feature
from layers.press import Press
from tests.layers.suite import NOON, LayerSuite

_moments = st.integers(-100, 100).map(lambda hours: clock.rfc3339(NOON + timedelta(hours=hours)))


class TestPress(LayerSuite):
    layer = Press()
    tiles = catalog.tiles("press")
    properties = st.fixed_dictionaries(
        {"kind": st.sampled_from(["post", "feed", 1])},
        optional={"newest": _moments | st.just("soon"), "posts": st.just("fresh"), "alert": st.booleans()},
    )


def test_a_post_leaves_after_a_day_and_a_feed_stays() -> None:
    post = Press().item(Event("e", "p", "ioc.press.posted", "post/1", NOON, NOON, Feature({"kind": "post"})))
    assert Press().wake(post, NOON + timedelta(days=1)) is None
    said = {"kind": "feed", "newest": clock.rfc3339(NOON)}
    feed = Press().item(Event("e", "p", "ioc.press.posted", "feed/a", NOON, NOON, Feature(said)))
    later = Press().wake(feed, NOON + timedelta(days=9))
    assert (feed.properties["posts"], later and later.properties["posts"]) == ("fresh", "old")
