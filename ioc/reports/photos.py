"""What comes with a report in parts: kept in a file until it is whole, then drawn anew and kept by its content.

A part is on the disk before its arrival is confirmed. Parts lie in the folder `parts`, on this machine; where what is
whole is kept, a store says (`ioc/reports/stores.py`). While that is away, it stays here.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import logging
import os
import time
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from ioc.db.reports import Photo, Report
from ioc.errors import IocError
from ioc.report_rules import S3
from ioc.reports import images, near, videos
from ioc.reports.book import Book
from ioc.reports.images import NoPhoto
from ioc.reports.stores import FolderStore, Found, PhotosAway, Store, digest, in_thread, settle

PART_BYTES = 4 * 1024 * 1024
"""Bytes of one part at most that are held in memory before they are written."""
FORGOTTEN_S = 30 * 86_400
"""Seconds after which a part that nobody went on with is dropped."""


AWAY_S = 5.0
"""Seconds for which a store that did not answer is not asked again: who waits in line is told at once."""

logger = logging.getLogger("ioc.reports")


class Misplaced(IocError):
    """The part does not begin where the last one ended. `offset`: where to go on."""

    def __init__(self, say: str, offset: int) -> None:
        super().__init__(say)
        self.offset = offset


class Photos:
    """The photos of one centre. `opening`: one is decoded at a time, for it takes memory many times its size."""

    def __init__(self, book: Book, store: Store, parts: Path) -> None:
        self.book, self.store, self.parts = book, store, parts
        self._opening = asyncio.Semaphore(1)
        self._away: PhotosAway | None = None
        self._again = 0.0

    def offset(self, photo: Photo) -> int:
        """How many bytes of a photo are safe here."""
        if photo.state != "planned":
            return photo.bytes
        try:
            return min(self._path(photo).stat().st_size, photo.bytes)
        except FileNotFoundError:
            return 0

    async def find(self, stored: str) -> Found | None:
        """What is kept under a name; None: nothing. Raises PhotosAway."""
        with self._asking():
            return await self.store.find(stored)

    async def get(self, found: Found, start: int, end: int) -> AsyncIterator[bytes] | None:
        """Its bytes from `start` to before `end`; None: it is gone. Raises PhotosAway, also in the middle."""
        with self._asking():
            return await self.store.get(found, start, end)

    async def fault(self) -> str | None:
        """Why the store can't be used now; None: it can."""
        try:
            with self._asking():
                await self.store.check()
        except PhotosAway as error:
            return error.say
        return None

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """A store that is away is told once in the log, and once when it is back."""
        if self._away is not None and time.monotonic() < self._again:
            raise PhotosAway(self._away.why)
        try:
            yield
        except PhotosAway as error:
            if self._away is None:
                logger.warning("Photos can't be kept or shown (%s); what comes waits in %s.", error.why, self.parts)
            self._away, self._again = error, time.monotonic() + AWAY_S
            raise
        if self._away is not None:
            logger.warning("The store of photos is back.")
        self._away = None

    async def take(self, photo: Photo, offset: int, body: AsyncIterable[bytes]) -> int:
        """Go on with a photo from `offset`; returns where it ends now, and all of it is on the disk.

        What came before the connection broke is kept too. Raises Misplaced (with where to go on), NoPhoto (more bytes
        than were told), PhotosAway (the disk is full).
        """
        if photo.state != "planned":
            return photo.bytes
        at, held = offset, bytearray()
        try:
            async for piece in body:
                held += piece
                if len(held) >= PART_BYTES:
                    whole, held = bytes(held), bytearray()
                    at = await in_thread(self._append, photo, at, whole)
        finally:
            # whatever has come is worth keeping, also of a part that was cut off
            if held or at == offset:
                at = await asyncio.shield(in_thread(self._append, photo, at, bytes(held)))
        return at

    def _append(self, photo: Photo, offset: int, body: bytes) -> int:
        self.parts.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._path(photo)
        fresh = not path.exists()
        with path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            there = os.fstat(file.fileno()).st_size
            if offset != there:
                say = f"The photo is here up to byte {there:,}; go on from there (Upload-Offset: {there})."
                raise Misplaced(say, there)
            if there + len(body) > photo.bytes:
                say = f"More than the {photo.bytes:,} bytes came that were told of this photo; send those alone."
                raise Misplaced(say, there)
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        if fresh:
            settle(self.parts)
        return there + len(body)

    async def finish(self, report: Report, photo: Photo) -> Photo:
        """Draw a whole photo anew and keep it.

        Raises NoPhoto after it was noted; Misplaced when it came damaged; PhotosAway: it stays here, whole, until
        somebody asks again (or `settle` does).
        """
        async with self._opening:
            # another request may have kept it while this one waited
            known = [one for one in await self.book.photos(report.id) if one.hash == photo.hash]
            if known and known[0].state != "planned":
                return known[0]
            return await self._finish(report, photo)

    async def _finish(self, report: Report, photo: Photo) -> Photo:
        path = self._path(photo)
        try:
            body = await asyncio.to_thread(path.read_bytes)
        except FileNotFoundError:
            body = b""
        if digest(body) != photo.hash:
            path.unlink(missing_ok=True)
            raise Misplaced("The photo came damaged; send it again from its beginning.", 0)
        try:
            stored = await self._keep(photo.kind, body)
        except NoPhoto as error:
            await self.book.photo(report.id, photo.hash, why=error.vi)
            path.unlink(missing_ok=True)
            raise
        done = await self.book.photo(report.id, photo.hash, stored=stored)
        path.unlink(missing_ok=True)
        return done

    async def add(self, report: Report, body: bytes, kind: str = "after") -> Photo:
        """Keep a whole photo that comes with a step (the desk's, after the work). Raises NoPhoto, PhotosAway; nothing
        is noted then."""
        async with self._opening:
            stored = await self._keep("photo", body)
            known = await self.book.photos(report.id)
            planned = Photo(
                report=report.id, hash=digest(body), position=len(known), kind=kind, state="planned", bytes=len(body),
                at=report.updated,
            )  # fmt: skip
            await self.book.plan(planned)
            return await self.book.photo(report.id, planned.hash, stored=stored)

    async def _keep(self, kind: str, body: bytes) -> str:
        if kind == "video":
            kept, media = await asyncio.to_thread(videos.stripped, body)
        else:
            kept, media = await asyncio.to_thread(images.redrawn, body), "image/jpeg"
        with self._asking():
            return await self.store.put(kept, media)

    def waiting(self, photo: Photo, since_s: float) -> bool:
        """Whether a photo lies here whole, and nobody touched it for so many seconds; blocks."""
        with suppress(FileNotFoundError):
            told = self._path(photo).stat()
            return told.st_size == photo.bytes and told.st_mtime < time.time() - since_s
        return False

    async def drop(self, photo: Photo) -> bool:
        """Keep a photo no longer; False: another was quicker. What another report keeps too (the same bytes) stays.

        It is deleted before that is noted: what a cut-off purge leaves is dropped by the next. Raises PhotosAway.
        """
        # nobody may keep the same bytes between the look whether anybody does and the deletion
        async with self._opening:
            if photo.stored is not None and not await near.is_kept(self.book.db, photo):
                with self._asking():
                    await self.store.delete(photo.stored)
            return await self.book.forget(photo)

    def _path(self, photo: Photo) -> Path:
        # both are checked names of ours; the digest keeps the file's name short and plain
        return self.parts / (hashlib.sha256(f"{photo.report}/{photo.hash}".encode()).hexdigest()[:40] + ".part")

    def sweep(self) -> int:
        """Drop parts that nobody went on with; blocks; returns how many."""
        old = time.time() - FORGOTTEN_S
        gone = 0
        for path in self.parts.glob("*.part"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < old:
                    path.unlink()
                    gone += 1
        return gone


def opened(book: Book, folder: Path, env: Mapping[str, str] = os.environ) -> Photos:
    """The photos of a centre, kept where its rules say; `folder`: the data folder. Raises BadConfig."""
    rules = book.rules
    if "://" not in rules.photos:
        home = folder / rules.photos
        return Photos(book, FolderStore(home), home / "parts")
    from ioc.reports.s3 import Bucket

    return Photos(book, Bucket(rules.photos, rules.s3 or S3(), env), folder / "photos" / "parts")
