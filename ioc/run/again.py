"""Take what was set aside of a source once more, after its mapping was put right.

A record is kept masked. It is read once more all the same when no field that the mapping reads was masked.
"""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from ioc import bodies, catalog, fields, mapping, tables
from ioc.adapter import Reading
from ioc.db.asides import KEEP, asides
from ioc.db.asides import forget as drop
from ioc.db.session import Database, open_db
from ioc.errors import BadConfig, BadRecord
from ioc.geo.units import Units
from ioc.intake import ASIDE, take, terms
from ioc.log.redis import RedisLog
from ioc.mapping import Mapped
from ioc.settings import Settings
from ioc.tables import Rows

Say = Callable[[str], None]
MASKED = "‹"
"""Begins each mark that stands where personal data or a key was masked."""


async def again(
    settings: Settings,
    redis_url: str,
    database_url: str,
    name: str,
    say: Callable[[str], None],
    *,
    forget: bool = False,
) -> str:
    """Read each record that was set aside of source `name` with today's mapping; those that can be read become events.

    The others stay where they are, with their reason, unless they are to be forgotten. Returns a sentence with the
    counts. Raises BadConfig when there is no such source, or when its adapter keeps no single records.
    """
    if name not in settings.sources:
        raise BadConfig(f"There is no source {name}; write one of {', '.join(sorted(settings.sources))}.")
    source = settings.sources[name]
    config = catalog.open_adapter(source).config
    if not isinstance(config, Mapped) and not hasattr(config, "forms"):
        raise BadConfig(f"Source {name} is a {source.adapter}, which has no mapping; it is asked again instead.")
    db, log = open_db(database_url), RedisLog(redis_url)
    try:
        read, kept = await _read(db, config, name, say)
        gone = [*read, *(kept if forget else ())]
        if gone:
            units = Units.load(settings.province, settings.folder)
            weighed = terms(source.contract, config, units) | {"complete": False}
            taken = await take(log, name, list(read.values()), weighed=weighed, forget=[ASIDE + mark for mark in gone])
            await drop(db, name, gone)
            say(f"{taken.told} became events, {taken.unchanged + taken.duplicates} were known already.")
        rest = "are forgotten" if forget else "stay set aside"
        return f"{len(read)} records of {name} were taken, {len(kept)} {rest}."
    finally:
        await log.close()
        await db.close()


async def _read(
    db: Database, config: Any, name: str, say: Callable[[str], None]
) -> tuple[dict[str, Reading], list[str]]:
    """Readings by the digest of the record they were, and the digests of those that have none."""
    read: dict[str, Reading] = {}
    kept: list[str] = []
    for row in await asides(db, name, limit=KEEP + 1):
        try:
            record: Any = msgspec.json.decode(row.raw or "")
            if not isinstance(record, dict):
                raise BadRecord("It is kept masked; ask its source for it again.", reason=row.reason)
            read[row.digest] = once_more(config, record)
        except (msgspec.DecodeError, BadRecord) as error:
            kept.append(row.digest)
            why = error.say if isinstance(error, BadRecord) else "It is not kept whole; ask its source for it again."
            say(f"{row.subject or row.digest}: {why}")
    return read, kept


def once_more(config: Any, record: dict[str, Any]) -> Reading:
    """The reading of a record as it is kept. Raises BadRecord when it still has none, or when what would be read of it
    was masked: a mark is no value of the source's."""
    forms = [form for form in getattr(config, "forms", ()) if not tables.missing(form, record)] or [config]
    form = forms[0]
    if not isinstance(form, Mapped):
        raise BadRecord("It has none of the forms of its source; correct one, and try again.", reason="missing_field")
    if isinstance(form, Rows):
        read = tables.once_more(form, record, event=getattr(form, "event", None))
    else:
        (whole,) = bodies.records([record], "", "The quarantine")
        record = whole.fields
        (read,) = mapping.results(form, [whole])
    carried = form.carry.columns if isinstance(form, Rows) and form.carry is not None else ()
    wanted = {name for name in record if any(fnmatchcase(name, pattern) for pattern in carried)} | mapping.paths(form)
    masked = sorted(path for path in wanted if _masked(fields.first(record, (path,))))
    if masked:
        say = f"Its field {', '.join(masked)} is kept masked; ask its source for the record again."
        raise BadRecord(say, reason="masked")
    if isinstance(read, BadRecord):
        raise read
    return read


def _masked(value: Any) -> bool:
    return value is not fields.ABSENT and MASKED in msgspec.json.encode(value).decode()
