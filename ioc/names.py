"""Every Redis key, channel name and event type is made here and nowhere else.

Braces in a key keep the keys that one script touches on one cluster slot.
"""

from __future__ import annotations

from zlib import crc32

EVENTS_LOG = "ioc:{events}:log"
CURSORS = "ioc:{events}:cursors"
ANSWERS = "ioc:{events}:answers"
GROUPS = ("projector", "archive")

BOARDS = "ioc:boards"
"""Set of the channels that have a board."""

SOURCES = "sources"
ALERTS = "alerts"
LEDGER = "ledger"
WALLS = "walls"
CANARY = "layer/canary"
"""The channel of the canary, which every wall watches."""
SCORES = "scores"
LINKS = "links"
CHECKS = "checks"
REMINDERS = "reminders"

WATCH = "ioc:health"
"""Under this name the health watch itself writes into the log, as a source does."""
CHANGED = "ioc.source.changed"
"""Event type of a source whose state is another now."""
REPORTED = "ioc.duty.reported"
"""Event type of a period of which reporters told for the first time."""
EXCUSED = "ioc.duty.excused"
"""Event type of a period of which reporters need not tell, for a reason that somebody gave."""
EXCUSES = "ioc:excuses"
"""Under this name excuses are written into the log, as a source does."""
SEEN = "ioc.indicator.seen"
"""Event type of somebody's having taken note of a row's revision."""
NOTES = "ioc:notes"
"""Under this name what people took note of is written into the log."""

RESTRICTED = "restricted_"
"""Begins the names of layers, tiles, sources, sectors and checks that no wildcard opens: a key names their channel."""

OWNED = "__"
"""In the name of a layer, tile, source, check or alert: what stands before it is the tenant whose it is."""

RAISED = "ioc.alert.raised"
CLEARED = "ioc.alert.cleared"
"""Event types of an alert that stands, and that ended by itself; health tells them."""
CLAIMED = "ioc.alert.claimed"
"""Event type of somebody's having taken an alert, or (an empty name) given it back."""
ALARMS = "ioc:alerts"
"""Under this name health writes what became of alerts into the log."""
ALARM_HISTORY = "alarms"
"""The layer that keeps them."""
CLAIMS = "ioc:claims"
"""Under this name people's claims of alerts are written into the log."""


def claim_of(alert: str) -> str:
    """Subject of the claim of an alert."""
    return f"claim/{alert}"


REFUSED = "ioc.record.refused"
"""Event type of a record that was set aside: read by the archive alone."""

MENDED = "ioc.record.mended"
"""Event type of a record that is set aside no more: it went through, or left its source. Read by the archive alone."""
APPEARED = "ioc.column.appeared"
"""Event type of a source's column that nothing maps and that was not there before; the archive keeps it."""

ASIDE = "\x00"
"""Begins the mark (among what was seen) of a record that was set aside; its event's subject is the rest."""
TOLD = "\x01"
"""Begins the mark of a reporter's having told of a period; the event's subject follows, then this again, then who."""


def stream_of(subject: str, streams: int) -> int:
    """The stream of the log that a subject's events, and the mark of what was seen of it, lie in."""
    if streams < 2:
        return 0
    subject = subject[1:].partition(TOLD)[0] if subject.startswith(TOLD) else subject.removeprefix(ASIDE)
    return crc32(subject.encode()) % streams


def restricted(name: str) -> bool:
    """Whether a channel, or an item that watches something (a source, an alert), is of what no wildcard opens."""
    return any(part.startswith(RESTRICTED) for part in name.split("/"))


def tenant(name: str) -> str | None:
    """Whose a channel is, or an item that watches something (a source, an alert); None: the province's own."""
    for part in name.split("/"):
        owner, mark, _ = part.partition(OWNED)
        if mark:
            return owner
    return None


def owned(event_type: str, owner: str) -> str:
    """The event type of a tenant's own: ioc.station.measured is ioc.tam_ky__station.measured of the tenant tam_ky."""
    first, _, rest = event_type.partition(".")
    return f"{first}.{owner}{OWNED}{rest}"


def is_mark(name: str) -> bool:
    """Whether a name among what was seen is a mark, and no subject."""
    return name.startswith((ASIDE, TOLD))


def told_mark(subject: str, reporter: str) -> str:
    return f"{TOLD}{subject}{TOLD}{reporter}"


def _events(stream: int) -> str:
    return f"{{events:{stream}}}" if stream else "{events}"


def log_key(stream: int = 0) -> str:
    return f"ioc:{_events(stream)}:log"


def streams_key(stream: int = 0) -> str:
    """How many streams the log has (absent: 1), as stream `stream` was told; below zero while that changes."""
    return f"ioc:{_events(stream)}:streams"


def sources_key(stream: int) -> str:
    """Set of the sources that have something in stream `stream`."""
    return f"ioc:{_events(stream)}:sources"


def seen_key(source: str, stream: int = 0) -> str:
    return f"ioc:{_events(stream)}:seen:{source}"


def revision_key(source: str, stream: int = 0) -> str:
    return f"ioc:{_events(stream)}:rev:{source}"


def pushed_key(source: str) -> str:
    """Ids that a sending source has used (sorted set, by time of receipt)."""
    return f"ioc:{{events}}:pushed:{source}"


RATES = "ioc:rates"
"""Begins the keys that count how often somebody came (`ioc.web.rates`)."""

TOLD_OF_WALLS = "ioc:walls"
"""What each web process tells of the walls that it serves (hash, by the process)."""


def board_key(channel: str, part: str) -> str:
    """`part` is items, changes, meta or gone."""
    return f"ioc:board:{{{channel}}}:{part}"


def lease_key(role: str) -> str:
    return f"ioc:lease:{{{role}}}"


def fence_key(role: str) -> str:
    return f"ioc:fence:{{{role}}}"


def beat_key(role: str) -> str:
    """A role's sign of life: the time of its last beat (unix seconds)."""
    return f"ioc:beat:{role}"


def seen_subject(row: str) -> str:
    """Subject of the note that a row's revision was seen."""
    return f"seen/{row}"


def layer_channel(name: str) -> str:
    return f"layer/{name}"


def tile_channel(name: str) -> str:
    return f"tile/{name}"


def screen_channel(name: str) -> str:
    return f"screen/{name}"
