"""Processes beside this one: each is started again when it dies, and none outlives us."""

from __future__ import annotations

import ctypes
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple

BACK_OFF_MAX_S = 10.0
STOP_S = 10.0
_PR_SET_PDEATHSIG = 1

logger = logging.getLogger("ioc.roles")


class Child(NamedTuple):
    """What a process beside this one does."""

    name: str
    target: Callable[..., None]
    arguments: tuple[Any, ...]


def die_with(parent: int) -> None:
    """Ask the kernel to end this process when its parent ends, however that ends (Linux; elsewhere nothing)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(0)


def _begin(parent: int, target: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    die_with(parent)
    target(*arguments)


class _Kept:
    def __init__(self, child: Child) -> None:
        self.child = child
        self.wait = 0.0
        self.due = 0.0
        self.began = 0.0
        self.process: BaseProcess | None = None

    def start(self) -> None:
        context = multiprocessing.get_context("spawn")
        begun = context.Process(
            target=_begin, args=(os.getpid(), self.child.target, self.child.arguments), name=self.child.name
        )
        begun.start()
        self.began = time.monotonic()
        self.process = begun

    def bury(self) -> None:
        """Note a death; the next start waits the longer, the sooner it died."""
        assert self.process is not None
        lived = time.monotonic() - self.began
        self.wait = 0.25 if lived > BACK_OFF_MAX_S else min(max(self.wait * 2, 0.25), BACK_OFF_MAX_S)
        logger.error(
            "%s ended with status %s; started again in %.2f s.", self.child.name, self.process.exitcode, self.wait
        )
        self.due, self.process = time.monotonic() + self.wait, None


def supervise(children: Sequence[Child]) -> None:
    """Keep these processes running until SIGTERM or SIGINT, then stop them all; blocks."""
    stop = threading.Event()
    waker, awake = os.pipe()

    def asked(_number: int, _frame: Any) -> None:
        stop.set()
        os.write(awake, b".")

    former = {sign: signal.signal(sign, asked) for sign in (signal.SIGTERM, signal.SIGINT)}
    kept = [_Kept(child) for child in children]
    try:
        while not stop.is_set():
            for one in kept:
                if one.process is None and time.monotonic() >= one.due:
                    one.start()
            living = {one.process.sentinel: one for one in kept if one.process is not None}
            for sentinel in wait([*living, waker], timeout=0.25 if len(living) < len(kept) else None):
                if isinstance(sentinel, int) and sentinel in living:
                    living[sentinel].bury()
    finally:
        for sign, before in former.items():
            signal.signal(sign, before)
        _stop([one.process for one in kept if one.process is not None])
        os.close(waker)
        os.close(awake)


def _stop(processes: Sequence[BaseProcess]) -> None:
    for process in processes:
        process.terminate()
    end = time.monotonic() + STOP_S
    for process in processes:
        process.join(max(0.0, end - time.monotonic()))
        if process.is_alive():
            process.kill()
            process.join()
