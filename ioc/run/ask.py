"""Ask a source once and show what it says, before anything is wired: nothing is stored, nothing is moved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import msgspec

from ioc import catalog
from ioc.adapter import Reading
from ioc.errors import BadConfig, BadRecord
from ioc.settings import Settings

Say = Callable[[str], None]
_LINE = msgspec.json.Encoder(enc_hook=str)


def ask(settings: Settings, source: str, *, say: Say) -> Iterator[str]:
    """JSON lines of one asking: {"reading": …}, {"set_aside": {reason, say, subject, record}}; `say` gets the counts.

    Raises BadConfig on an unknown source, SourceDown or SourceRefused when it gives no answer.
    """
    if source not in settings.sources:
        there = ", ".join(sorted(settings.sources)) or "none yet"
        raise BadConfig(f"There is no source {source}; write one of {there}.", file=settings.file)
    adapter = catalog.open_adapter(settings.sources[source])
    say(f"Asking {source} …")
    with asyncio.Runner() as loop:
        lines = _lines(adapter, say)
        try:
            while (line := loop.run(_next(lines))) is not None:
                yield line
        finally:
            loop.run(_close(adapter, lines))


async def _next(lines: AsyncIterator[str]) -> str | None:
    return await anext(lines, None)


async def _lines(adapter: Any, say: Say) -> AsyncIterator[str]:
    readings = aside = 0
    async for answer in adapter.ask(None):
        say(f"Answer {answer.name or ''}: {len(answer.body):,} bytes.")
        for result in adapter.parse(answer):
            if isinstance(result, Reading):
                readings += 1
                yield _LINE.encode({"reading": _bare(result)}).decode()
            elif isinstance(result, BadRecord):
                aside += 1
                told = {"reason": result.reason, "say": result.say, "subject": result.subject, "record": result.raw}
                yield _LINE.encode({"set_aside": told}).decode()
    say(f"{readings} readings; {aside} would be set aside. Nothing was stored.")


def _bare(reading: Reading) -> dict[str, Any]:
    """A reading without the fields that say nothing."""
    told: dict[str, Any] = msgspec.to_builtins(reading, enc_hook=str)
    return {name: value for name, value in told.items() if value not in (None, False, [], {})}


async def _close(adapter: Any, lines: AsyncIterator[str]) -> None:
    await lines.aclose()  # type: ignore[attr-defined]
    await adapter.close()
