"""What a process no longer needs is given back to the machine: a wall's server runs for months on one that is small.

glibc keeps what was freed, in an arena for each few threads: a workbook that was read once would weigh for ever. Where
there is no glibc (musl, macOS) nothing is done.
"""

from __future__ import annotations

import asyncio
import ctypes
import functools
from typing import Any

GIVE_BACK_S = 60.0
ARENAS = 2
_M_ARENA_MAX = -8
"""Number of the option in glibc's malloc.h."""


@functools.cache
def _glibc() -> Any:
    try:
        libc = ctypes.CDLL(None)
    except OSError:
        return None
    return libc if hasattr(libc, "malloc_trim") else None


def few_arenas() -> None:
    """Let all threads share ARENAS arenas; to be called before there are threads."""
    if (libc := _glibc()) is not None:
        libc.mallopt(_M_ARENA_MAX, ARENAS)


def give_back() -> bool:
    """Give back what is free; False: there is nothing, or no way to. Takes milliseconds."""
    libc = _glibc()
    return libc is not None and bool(libc.malloc_trim(0))


async def giving_back() -> None:
    """Give back, for ever."""
    while True:
        await asyncio.sleep(GIVE_BACK_S)
        # apart from the loop: the pages of a large process are many
        await asyncio.to_thread(give_back)
