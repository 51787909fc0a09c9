"""Errors, named by what happens next. The message is a finished sentence for people."""

from __future__ import annotations

from pathlib import Path


class IocError(Exception):
    """Base of all errors that we raise on purpose; `say` is a finished sentence."""

    def __init__(self, say: str) -> None:
        super().__init__(say)
        self.say = say


class BadConfig(IocError):
    """Stop: the settings are wrong; names the file, the line, and what to write instead."""

    def __init__(self, say: str, *, file: str | Path | None = None, line: int | None = None) -> None:
        super().__init__(say)
        self.file = str(file) if file is not None else None
        self.line = line

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.file, self.line) if part is not None)
        return f"{where}: {self.say}" if where else self.say


class SourceRefused(IocError):
    """Stop asking: the source says no (a wrong key, a forbidden path); its owner must act."""


class SourceDown(IocError):
    """Keep the last picture, mark it, and ask again later, with back-off and jitter.

    `answered`: the source said something all the same, so that the link to it works.
    """

    answered = False


class Untaken(SourceDown):
    """As SourceDown: the source answered, and what it said can't be taken.

    `lacking`: the mapped fields that all of it lacks, where that is why.
    """

    answered = True

    def __init__(self, say: str, *, lacking: tuple[str, ...] = ()) -> None:
        super().__init__(say)
        self.lacking = lacking


UNREASONED = "Số liệu đã gửi trước đó được nói khác đi mà không có lý do"
"""How the refusal of a correction without a reason begins."""


class BadRecord(IocError):
    """One record can't be read: it is set aside with its reason, and can be replayed after a fix.

    `reason` is a short stable code that counts are grouped by; `raw` is the record as it came
    (personal data and secrets are masked before it is stored). `field`: the source's field that is to blame; `code`:
    the code in it that nobody knows; `at`: the setting that maps it, within the source's table. All records with one
    reason, field and code are one kind of trouble, and mended together.
    """

    def __init__(
        self,
        say: str,
        *,
        reason: str,
        raw: object = None,
        subject: str | None = None,
        field: str | None = None,
        code: str | None = None,
        at: str | None = None,
    ) -> None:
        super().__init__(say)
        self.reason = reason
        self.raw = raw
        self.subject = subject
        self.field = field
        self.code = code
        self.at = at

    def of(self, raw: object, subject: str | None) -> BadRecord:
        """The same trouble, of the record `raw`."""
        return BadRecord(
            self.say, reason=self.reason, raw=raw, subject=subject, field=self.field, code=self.code, at=self.at
        )


class Gap(IocError):
    """The reader's position is no longer covered: it takes a fresh snapshot."""


class StoreAway(IocError):
    """The store (Redis) does not answer: wait and try again; what was accepted is still there."""


class Fenced(IocError):
    """Another writer with a higher number took over: this one writes nothing and gives up its role."""
