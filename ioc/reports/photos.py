"""What comes with a report in parts: kept in a file until it is whole, then drawn anew and kept by its content.

A part is on the disk before its arrival is confirmed. Parts lie in `parts/` beside what is kept; what is kept is named
by the SHA-256 of its own bytes.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import re
import secrets
import time
from collections.abc import AsyncIterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol

from ioc.db.reports import Photo, Report
from ioc.errors import IocError
from ioc.reports import images, videos
from ioc.reports.book import Book
from ioc.reports.images import NoPhoto

STORED = re.compile(r"[0-9a-f]{64}")
PART_BYTES = 4 * 1024 * 1024
"""Bytes of one part at most that are held in memory before they are written."""
FORGOTTEN_S = 30 * 86_400
"""Seconds after which a part that nobody went on with is dropped."""


class Misplaced(IocError):
    """The part does not begin where the last one ended. `offset`: where to go on."""

    def __init__(self, say: str, offset: int) -> None:
        super().__init__(say)
        self.offset = offset


class Kept(NamedTuple):
    """What is kept of a photo: its bytes and media type."""

    body: bytes
    kind: str


class Store(Protocol):
    """Keeps bodies by the SHA-256 of their content; blocks."""

    def put(self, body: bytes, kind: str) -> str:
        """Keep it: it is safe when this returns its name. Raises OSError."""
        ...

    def get(self, stored: str) -> Kept | None:
        """What is kept under that name; None: nothing. Raises OSError."""
        ...


class FolderStore:
    """A store in a folder: `ab/abcd….jpg`."""

    ENDINGS = (("image/jpeg", ".jpg"), (videos.MP4, ".mp4"), (videos.WEBM, ".webm"))

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, body: bytes, kind: str) -> str:
        stored = hashlib.sha256(body).hexdigest()
        home = self.folder / stored[:2]
        path = home / (stored + dict(self.ENDINGS)[kind])
        if path.exists():
            return stored
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = home / f".{stored}.{secrets.token_hex(4)}"
        with draft.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        _settle(home)
        return stored

    def get(self, stored: str) -> Kept | None:
        if not STORED.fullmatch(stored):
            return None
        for kind, ending in self.ENDINGS:
            with suppress(FileNotFoundError):
                return Kept((self.folder / stored[:2] / (stored + ending)).read_bytes(), kind)
        return None


def _settle(folder: Path) -> None:
    """A new name in a folder outlives a power cut only once the folder itself is on the disk."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


class Photos:
    """The photos of one centre. `opening`: one is decoded at a time, for it takes memory many times its size."""

    def __init__(self, book: Book, store: Store, parts: Path) -> None:
        self.book, self.store, self.parts = book, store, parts
        self._opening = asyncio.Semaphore(1)

    def offset(self, photo: Photo) -> int:
        """How many bytes of a photo are safe here."""
        if photo.state != "planned":
            return photo.bytes
        try:
            return min(self._path(photo).stat().st_size, photo.bytes)
        except FileNotFoundError:
            return 0

    async def read(self, stored: str) -> Kept | None:
        """What is kept under a name; None: nothing."""
        return await asyncio.to_thread(self.store.get, stored)

    async def take(self, photo: Photo, offset: int, body: AsyncIterable[bytes]) -> int:
        """Go on with a photo from `offset`; returns where it ends now, and all of it is on the disk.

        What came before the connection broke is kept too. Raises Misplaced (with where to go on), NoPhoto (more bytes
        than were told).
        """
        if photo.state != "planned":
            return photo.bytes
        at, held = offset, bytearray()
        try:
            async for piece in body:
                held += piece
                if len(held) >= PART_BYTES:
                    whole, held = bytes(held), bytearray()
                    at = await asyncio.to_thread(self._append, photo, at, whole)
        finally:
            # whatever has come is worth keeping, also of a part that was cut off
            if held or at == offset:
                at = await asyncio.shield(asyncio.to_thread(self._append, photo, at, bytes(held)))
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
            _settle(self.parts)
        return there + len(body)

    async def finish(self, report: Report, photo: Photo) -> Photo:
        """Draw a whole photo anew and keep it. Raises NoPhoto after it was noted; Misplaced when it came damaged."""
        if photo.state != "planned":
            return photo
        path = self._path(photo)
        body = await asyncio.to_thread(path.read_bytes)
        if hashlib.sha256(body).hexdigest() != photo.hash:
            path.unlink(missing_ok=True)
            raise Misplaced("The photo came damaged; send it again from its beginning.", 0)
        try:
            async with self._opening:
                stored = await asyncio.to_thread(self._keep, photo.kind, body)
        except NoPhoto as error:
            await self.book.photo(report.id, photo.hash, why=error.vi)
            path.unlink(missing_ok=True)
            raise
        done = await self.book.photo(report.id, photo.hash, stored=stored)
        path.unlink(missing_ok=True)
        return done

    async def add(self, report: Report, body: bytes, kind: str = "after") -> Photo:
        """Keep a whole photo that comes with a step (the desk's, after the work). Raises NoPhoto; nothing is noted
        then."""
        async with self._opening:
            stored = await asyncio.to_thread(self._keep, "photo", body)
        known = await self.book.photos(report.id)
        planned = Photo(
            report=report.id, hash=hashlib.sha256(body).hexdigest(), position=len(known), kind=kind, state="planned",
            bytes=len(body), at=report.updated,
        )  # fmt: skip
        await self.book.plan(planned)
        return await self.book.photo(report.id, planned.hash, stored=stored)

    def _keep(self, kind: str, body: bytes) -> str:
        if kind == "video":
            return self.store.put(*videos.stripped(body))
        return self.store.put(images.redrawn(body), "image/jpeg")

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


def opened(book: Book, place: str, folder: Path) -> Photos:
    """The photos kept at `place`: a folder seen from `folder`. Raises BadConfig."""
    home = folder / place
    return Photos(book, FolderStore(home), home / "parts")
