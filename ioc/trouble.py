"""A kind of trouble that records of a source have: what a repair notice is made of."""

from __future__ import annotations

import msgspec

from ioc.event import digest

MOST = 20
"""Kinds of one source that are told apart; the rest counts as one more."""
REST = "more"
"""Reason of the kind that stands for all beyond MOST."""


class Trouble(msgspec.Struct, frozen=True, omit_defaults=True):
    """Records of a source that one repair would mend. `count`: how many stand set aside for it.

    `reason`, `field`, `code`, `at`: as in `ioc.errors.BadRecord`.
    """

    reason: str
    field: str | None = None
    code: str | None = None
    at: str | None = None
    count: int = 0

    @property
    def kind(self) -> str:
        """A short stable name of the kind."""
        return digest(self.reason, self.field, self.code)[:12]
