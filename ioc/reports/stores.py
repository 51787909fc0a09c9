"""Where photos and videos of reports are kept: in a folder, or in a bucket of S3, under the same names.

What is kept is named by the SHA-256 of its own bytes: `ab/abcd….jpg`. So the same body put twice is kept once, and a
folder that is copied into a bucket as it stands (`rclone copy`, `aws s3 sync`; without `parts/`) goes on there.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol, TypeVar

from ioc.errors import StoreAway
from ioc.reports import videos

T = TypeVar("T")

STORED = re.compile(r"[0-9a-f]{64}")
ENDINGS = {"image/jpeg": ".jpg", videos.MP4: ".mp4", videos.WEBM: ".webm"}
"""Media types that are kept, and how their names end."""
PIECE = 256 * 1024
"""Bytes that are read at once of what is shown."""


class PhotosAway(StoreAway):
    """The store of photos does not take or give anything now: wait and try again; what was accepted is still here."""

    vi = "Kho ảnh tạm thời không nhận được. Phần đã gửi vẫn được giữ; máy của bạn sẽ tự gửi tiếp."

    def __init__(self, why: str) -> None:
        super().__init__(f"Photos can't be kept or shown now ({why}). Try again; what was sent is still here.")
        self.why = why


class Found(NamedTuple):
    """Something that is kept: its name, media type and size in bytes."""

    stored: str
    kind: str
    size: int


class Store(Protocol):
    """Keeps bodies by the SHA-256 of their content. All of it raises PhotosAway while the store does not answer."""

    async def put(self, body: bytes, kind: str) -> str:
        """Keep it: it is safe when this returns its name. The same body again changes nothing."""
        ...

    async def find(self, stored: str) -> Found | None:
        """What is kept under that name; None: nothing."""
        ...

    async def get(self, found: Found, start: int, end: int) -> AsyncIterator[bytes] | None:
        """The bytes from `start` to before `end`, in pieces; None: it is gone."""
        ...

    async def delete(self, stored: str) -> None:
        """Keep it no longer; nothing happens where nothing is."""
        ...

    async def check(self) -> None:
        """Whether it answers, and knows us."""
        ...


def key(stored: str, kind: str) -> str:
    """The name within folder or bucket."""
    return f"{stored[:2]}/{stored}{ENDINGS[kind]}"


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


class FolderStore:
    """A store in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def put(self, body: bytes, kind: str) -> str:
        return await in_thread(self._put, body, kind)

    async def find(self, stored: str) -> Found | None:
        return await in_thread(self._find, stored)

    async def get(self, found: Found, start: int, end: int) -> AsyncIterator[bytes] | None:
        file = await in_thread(self._open, found, start)
        return None if file is None else _pieces(file, end - start)

    async def delete(self, stored: str) -> None:
        await in_thread(self._delete, stored)

    async def check(self) -> None:
        await in_thread(self._check)

    def _put(self, body: bytes, kind: str) -> str:
        stored = digest(body)
        path = self.folder / key(stored, kind)
        if path.exists():
            return stored
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.parent / f".{stored}.{secrets.token_hex(4)}"
        try:
            with draft.open("wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        settle(path.parent)
        return stored

    def _find(self, stored: str) -> Found | None:
        if STORED.fullmatch(stored):
            for kind in ENDINGS:
                with suppress(FileNotFoundError):
                    return Found(stored, kind, (self.folder / key(stored, kind)).stat().st_size)
        return None

    def _open(self, found: Found, start: int) -> BinaryIO | None:
        try:
            file = (self.folder / key(found.stored, found.kind)).open("rb")
        except FileNotFoundError:
            return None
        file.seek(start)
        return file

    def _delete(self, stored: str) -> None:
        if STORED.fullmatch(stored):
            for kind in ENDINGS:
                (self.folder / key(stored, kind)).unlink(missing_ok=True)

    def _check(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise PhotosAway("their folder can't be written to")


async def _pieces(file: BinaryIO, left: int) -> AsyncIterator[bytes]:
    try:
        while left > 0 and (piece := await asyncio.to_thread(file.read, min(PIECE, left))):
            left -= len(piece)
            yield piece
    finally:
        file.close()


async def nothing() -> AsyncIterator[bytes]:
    """The pieces of what is empty."""
    pieces: tuple[bytes, ...] = ()
    for piece in pieces:
        yield piece


async def in_thread(work: Callable[..., T], *given: Any) -> T:
    """What `work(*given)` gives; a disk that fails it is PhotosAway."""
    try:
        return await asyncio.to_thread(work, *given)
    except OSError as error:
        raise PhotosAway(f"{type(error).__name__}: {error.strerror}") from error


def settle(folder: Path) -> None:
    """A new name in a folder outlives a power cut only once the folder itself is on the disk."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
