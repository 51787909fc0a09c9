"""Liveness, readiness and metrics: what a machine asks that keeps this server running."""

from __future__ import annotations

import asyncio

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from starlette.requests import Request
from starlette.responses import Response

from ioc import names
from ioc.web.bridge import BRIDGE
from ioc.web.door import Desk, Door, door
from ioc.web.quality import silence

ASK_S = 3.0
MOST_REASONS = 50


def _json(told: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(told), status, {"Cache-Control": "no-store"}, media_type="application/json")


async def healthz(_request: Request) -> Response:
    """This process runs and answers."""
    return _json({"alive": True})


async def readyz(request: Request) -> Response:
    """Whether all that is needed is there: stores, boards, a first answer (or failure) of every source. Else 503."""
    here = door(request)
    stores, warnings = await _stores(here)
    reasons = [*stores, *_boards(here), *_sources(here)]
    told = {"ready": not reasons, "reasons": reasons[:MOST_REASONS], "warnings": warnings}
    return _json(told, 503 if reasons else 200)


async def _stores(here: Door) -> tuple[list[str], list[str]]:
    """Reasons not to be ready, and what is wrong but can be lived with."""
    reasons, warnings = [], []
    if here.faults is not None:
        try:
            async with asyncio.timeout(ASK_S):
                warnings = await here.faults()
        except Exception as error:
            reasons.append(f"Redis can't be asked ({type(error).__name__}); check that it runs and is reachable.")
    if here.db is not None:
        try:
            async with asyncio.timeout(ASK_S):
                await here.db.ping()
        except Exception as error:
            reasons.append(f"The database can't be asked ({type(error).__name__}); check that it runs.")
    if here.desk is not None:
        warnings += await _photos(here.desk)
    if silent := here.hub.signs.silent():
        reasons.append(silence(silent))
    return reasons, warnings


async def _photos(counter: Desk) -> list[str]:
    """What is wrong with the store of photos: reports are taken without it, and their photos wait."""
    try:
        async with asyncio.timeout(ASK_S):
            fault = await counter.photos.fault()
    except TimeoutError:
        fault = "The store of photos does not answer; what comes waits here."
    return [fault] if fault is not None else []


def _boards(here: Door) -> list[str]:
    # an operator may never have told a screen anything
    wanted = [name for name, channel in here.channels.items() if channel.kind != "screen"]
    missing = [name for name in wanted if not here.hub.mirrors[name].present]
    return [f"The board {name} is not there yet, or is being rebuilt." for name in missing]


def _sources(here: Door) -> list[str]:
    """Sources that were never asked; those that send by themselves, or are typed by people, are not waited for."""
    asked = set()
    for name, body in here.hub.mirrors[names.SOURCES].items.items():
        item = msgspec.json.decode(body)
        if item.get("received") is not None or item.get("last_error") is not None:
            asked.add(name)
    told = {name for name, source in here.settings.sources.items() if source.sends or source.adapter == BRIDGE}
    waiting = [name for name in here.settings.sources if name not in asked | told]
    return [f"The source {name} was not asked yet, or its first answer is not on the boards." for name in waiting]


class Gauges:
    """Reads the hub when Prometheus asks; nothing is counted twice, nothing is kept."""

    def __init__(self, here: Door) -> None:
        self._here = here

    def collect(self) -> list[Metric]:
        hub = self._here.hub
        frames = CounterMetricFamily("ioc_frames_sent", "Frames given to the wires of screens.", value=hub.frames_out)
        sent = CounterMetricFamily("ioc_bytes_sent", "Bytes of these frames, before compression.", value=hub.bytes_out)
        screens = GaugeMetricFamily("ioc_screens", "Screens that are connected.", value=len(hub.screens))
        waiting = sum(1 for screen in hub.screens if screen.wire.full)
        slow = GaugeMetricFamily(
            "ioc_screens_waiting", "Screens that have not taken what they were sent.", value=waiting
        )
        log = self._here.log
        unconfirmed = CounterMetricFamily(
            "ioc_log_unconfirmed",
            "Posts of senders that no replica confirmed in time (503); they are sent again.",
            value=log.unconfirmed if log is not None else 0,
        )
        tasks = GaugeMetricFamily("ioc_tasks", "Tasks of the event loop.", value=len(asyncio.all_tasks()))
        return [frames, sent, screens, slow, tasks, unconfirmed, *self._channels(), *self._receipts(), *self._sources()]

    def _sources(self) -> list[Metric]:
        """Of each source the events that Redis had confirmed and lost again, and the records that stand set aside, as
        the channel `sources` tells them."""
        lost = CounterMetricFamily("ioc_log_lost", "Events that Redis confirmed and lost again.", labels=["source"])
        aside = GaugeMetricFamily("ioc_set_aside", "Records that stand set aside.", labels=["source", "reason"])
        sources = self._here.hub.mirrors.get(names.SOURCES)
        for name, body in (sources.items if sources is not None else {}).items():
            item = msgspec.json.decode(body)
            lost.add_metric([name], item.get("counts", {}).get("lost", 0))
            for reason, many in item.get("reasons", {}).items():
                aside.add_metric([name, reason], many)
        return [lost, aside]

    def _channels(self) -> list[Metric]:
        hub = self._here.hub
        offset = GaugeMetricFamily("ioc_channel_offset", "Position of the mirror of a channel.", labels=["channel"])
        whole = GaugeMetricFamily("ioc_channel_whole", "1: the board is there and whole.", labels=["channel"])
        watched = GaugeMetricFamily("ioc_channel_screens", "Screens that watch a channel.", labels=["channel"])
        for name, mirror in hub.mirrors.items():
            offset.add_metric([name], mirror.offset)
            whole.add_metric([name], mirror.present)
            watched.add_metric([name], hub.seen(name))
        return [offset, whole, watched]

    def _receipts(self) -> list[Metric]:
        """What walls say that they show: how many steps behind the mirror, and how long a frame took to the glass."""
        hub, labels = self._here.hub, ["screen", "number", "channel"]
        behind = GaugeMetricFamily("ioc_shown_behind", "Steps that a wall's last receipt is behind.", labels=labels)
        took = GaugeMetricFamily("ioc_shown_seconds", "From the frame's arrival to the glass.", labels=labels)
        for screen in hub.screens:
            for channel, (epoch, offset, ms, _) in (screen.shown or {}).items():
                seat = screen.seats.get(channel)
                if seat is None:
                    continue
                where = [screen.screen or "", str(screen.number), channel]
                if epoch == seat.sight.epoch(seat.mirror.epoch):
                    behind.add_metric(where, seat.mirror.offset - offset)
                if ms is not None:
                    took.add_metric(where, ms / 1000)
        return [behind, took]


async def metrics(request: Request) -> Response:
    """Prometheus metrics of this process; nothing in them tells what a channel holds."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Gauges(door(request)))
    return Response(generate_latest(registry), headers={"Cache-Control": "no-store"}, media_type=CONTENT_TYPE_LATEST)
