"""What was freed goes back to the machine, and what is in use stays."""

from __future__ import annotations

import asyncio
import ctypes
import threading

import psutil
import pytest

from ioc import memory

libc = ctypes.CDLL(None)
if not hasattr(libc, "malloc_trim"):
    pytest.skip("There is no glibc here, so nothing is given back.", allow_module_level=True)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
MANY, SIZE = 40_000, 4_000


def used() -> int:
    return int(psutil.Process().memory_info().rss)


def strewn() -> list[int]:
    """160 MB in small pieces, of which all but a few are free again: malloc itself gives none of it back."""
    pieces = [libc.malloc(SIZE) for _ in range(MANY)]
    for piece in pieces:
        ctypes.memset(piece, 1, SIZE)
    kept = pieces[::400]
    for piece in set(pieces) - set(kept):
        libc.free(piece)
    return kept


def test_what_is_free_between_what_is_used_goes_back() -> None:
    kept: list[int] = []
    thread = threading.Thread(target=lambda: kept.extend(strewn()))
    thread.start()
    thread.join()
    before = used()
    assert memory.give_back()
    assert before - used() > MANY * SIZE / 2
    assert all(ctypes.string_at(piece, SIZE) == b"\x01" * SIZE for piece in kept)
    for piece in kept:
        libc.free(piece)


async def test_it_is_done_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    times = 0

    def counted() -> bool:
        nonlocal times
        times += 1
        return True

    monkeypatch.setattr(memory, "GIVE_BACK_S", 0.01)
    monkeypatch.setattr(memory, "give_back", counted)
    giving = asyncio.create_task(memory.giving_back())
    async with asyncio.timeout(10):
        while times < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    giving.cancel()
    await asyncio.gather(giving, return_exceptions=True)
