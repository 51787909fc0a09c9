"""Each simulated system of a province broken in each of its ways: a wall says which, whose it is and since when."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from ioc.demo import run
from ioc.demo.systems import SHOWN, system
from ioc.demo.world import PLANS
from tests.e2e import demo
from tests.e2e.breaking import Broken, Stage

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser


pytestmark = [
    pytest.mark.browser,
    # each starts demos of its own, beside the one that the other browser tests share
    pytest.mark.xdist_group("own-demos"),
    pytest.mark.skipif(os.environ.get("IOC_E2E") == "fake", reason="The pages' own small server has no systems."),
]

PATIENCE_S = 270
"""Longer than any system takes to be said broken in a demo that hurries, on a machine that is busy."""
SETTLE_S = 60
"""So long at most a mended figure is waited for before the next way: not all come back (a day's warnings, say)."""
AT_ONCE = 4
"""Systems that are broken side by side: the wall has room for what each says."""
MOST_WAYS = 8
"""Ways of one system that one test walks: they come one after the other."""


@contextmanager
def staged(browser: Browser, province: str, folder: Path) -> Iterator[Stage]:
    with demo.centre(folder, fake=False, province=province, hurry=True) as centre:
        stage = Stage(centre, province, browser)
        yield stage
        stage.context.close()


def ways(systems: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Each way of each system: the first of all, then the second of all, so that a system rests between two."""
    pairs = [(name, way) for name, told in systems.items() for way in told["breaks"]]
    return sorted(pairs, key=lambda pair: list(systems[pair[0]]["breaks"]).index(pair[1]))


def walked(stage: Stage, queue: list[tuple[str, str]], *, mended: bool = True) -> dict[str, str]:
    """Break, see it said, mend, see that said (`mended`), AT_ONCE systems side by side; what the wall did not say."""
    wrong: dict[str, str] = {}
    broken: dict[str, Broken] = {}
    resting: dict[str, tuple[Broken, float]] = {}
    while queue or broken or resting:
        for pair in list(queue):
            if len(broken) < AT_ONCE and pair[0] not in {*broken, *resting}:
                queue.remove(pair)
                broken[pair[0]] = stage.begin(*pair)
        glass = stage.glass()
        for name, one in list(broken.items()):
            told = stage.look(one, glass)
            if told is None and time.monotonic() < one.began + PATIENCE_S:
                continue
            print(f"{stage.province} {name}/{one.way}: {time.monotonic() - one.began:.0f} s {told}", flush=True)
            if told is None or told.how not in {*SHOWN} or (told.how == "nothing") != (one.shows == "nothing"):
                wrong[f"{name}/{one.way}"] = str(told or "nothing is said")
            del broken[name]
            if mended:
                stage.mend(one, told)
                resting[name] = one, time.monotonic()
        for name, (one, since) in list(resting.items()):
            settled = time.monotonic() > since + SETTLE_S or stage.settled(one)
            whole = stage.whole(one, glass)
            if (settled and whole) or time.monotonic() > since + PATIENCE_S:
                if not whole:
                    wrong[f"{name}/mend"] = "the wall still says that it is broken"
                del resting[name]
        stage.page.wait_for_timeout(500)
    return wrong


@pytest.fixture(scope="module")
def stages(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Stage]]:
    """The stage of a province, which stays until another one is wanted."""
    with ExitStack() as held:
        known: dict[str, Stage] = {}

        def stage(province: str) -> Stage:
            if province not in known:
                held.close()
                known.clear()
                folder = tmp_path_factory.mktemp(province) / "demo"
                known[province] = held.enter_context(staged(browser, province, folder))
            return known[province]

        yield stage


def groups() -> list[Any]:
    """The systems of each province, a few at a time, one of many ways in parts: no test runs for ten minutes.

    Each: the province, the names, and the place of the first way of those that are walked; None: all are.
    """
    found = []
    for province in run.PROVINCES:
        many = {name: len(system(name).breaks) for name in PLANS[province].systems}
        many = {name: count for name, count in many.items() if count > MOST_WAYS}
        few = [name for name in PLANS[province].systems if name not in many]
        parts: list[tuple[tuple[str, ...], int | None]] = [
            (tuple(few[n : n + AT_ONCE]), None) for n in range(0, len(few), AT_ONCE)
        ]
        parts += [((name,), first) for name, count in many.items() for first in range(0, count, MOST_WAYS)]
        for names, first in parts:
            told = [province, *names, *([] if first is None else [str(first)])]
            found.append(pytest.param(province, names, first, id="-".join(told)))
    return found


@pytest.mark.long
@pytest.mark.parametrize(("province", "names", "first"), groups())
def test_every_way_to_break_a_system_is_said_on_the_wall(
    stages: Callable[[str], Stage], province: str, names: tuple[str, ...], first: int | None
) -> None:
    stage = stages(province)
    queue = ways({name: stage.systems[name] for name in names})
    assert walked(stage, queue if first is None else queue[first : first + MOST_WAYS]) == {}


QUICK = (("fishing", "token"), ("certificates", "columns"), ("gauges", "renamed"), ("services", "half"))
"""A key that ran out, a schema that changed for all and for each record, half of the bodies silent."""


def test_one_of_each_kind_is_said_on_the_wall(browser: Browser, tmp_path: Path) -> None:
    with staged(browser, "quang-nam", tmp_path / "demo") as stage:
        told = [stage.systems[name]["shows"][way] for name, way in QUICK]
        assert told == ["source", "source", "aside", "mailboxes"]
        assert walked(stage, [*QUICK], mended=False) == {}
