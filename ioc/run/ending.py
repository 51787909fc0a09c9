"""How what a process had begun comes to its end when it is told to stop: told once, then again, and told of."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

AGAIN_S = 1.0
"""What is to end, and has not after so long, is told again."""
SETTLE_S = 5.0

logger = logging.getLogger("ioc.roles")


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel these until each has ended.

    A task in which something fails at the very moment of its cancellation may go on as if there had been none (Python
    3.11), and a group of tasks cancels its own but once: what has not ended is told again, with all that it waits for.
    """
    for task in tasks:
        task.cancel()
    while tasks := (await asyncio.wait(tasks, timeout=AGAIN_S))[1]:
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            at = [f"{frame.f_code.co_name}:{frame.f_lineno}" for frame in task.get_stack()]
            logger.warning("%s does not end: it is at %s.", task.get_name(), " ".join(at))
            task.cancel()


async def settle() -> None:
    """Let what cleans up behind the roles (a shielded rollback, a generator that closes) come to its end by itself.

    The stores must not be closed under it: an answer that it waits for might never come.
    """
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others and (late := (await asyncio.wait(others, timeout=SETTLE_S))[1]):
        await end(late)
