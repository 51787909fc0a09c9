"""Photos in a bucket of S3, or of anything that speaks its protocol (MinIO, Ceph, SeaweedFS, Garage).

The library is obstore: one wheel over Apache's `object_store`, with retries and streams, and typed; boto3 brings all of
Amazon, and would block a thread for each photo. Nothing is public by the bucket's address: no ACL is ever set, and no
address of the bucket is told to anybody. The keys stand in the environment (AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY; AWS_SESSION_TOKEN where they are lent) and must be allowed to get, put and delete objects, and to
list the bucket: without that S3 answers 403 for what is not there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from ioc.errors import BadConfig
from ioc.report_rules import S3
from ioc.reports.stores import ENDINGS, PIECE, STORED, Found, PhotosAway, digest, key, nothing

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config, S3Store

KEY, SECRET = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"
CONNECT = timedelta(seconds=5)
RETRIES = 2


class Bucket:
    """A store in a bucket, under a prefix. `place`: s3://bucket/prefix. Raises BadConfig: the keys are not there."""

    def __init__(self, place: str, rules: S3, env: Mapping[str, str]) -> None:
        if not env.get(KEY) or not env.get(SECRET):
            say = f"Photos go to {place}, and its keys are not here; put {KEY} and {SECRET} into the environment."
            raise BadConfig(say)
        self.bucket, _, self.prefix = place.removeprefix("s3://").partition("/")
        self._rules, self._keys = rules, (env[KEY], env[SECRET])
        self._opened: S3Store | None = None

    async def put(self, body: bytes, kind: str) -> str:
        import obstore

        stored = digest(body)
        name = key(stored, kind)
        with self._asking(), suppress(FileNotFoundError):
            await obstore.head_async(self.client, name)
            return stored
        try:
            with self._asking():
                # in one request, signed with the body's own digest: cut or damaged on the way, it is not taken
                await obstore.put_async(self.client, name, body, attributes={"Content-Type": kind}, use_multipart=False)
        except FileNotFoundError as error:
            raise self._away(error) from error
        return stored

    async def find(self, stored: str) -> Found | None:
        import obstore

        if STORED.fullmatch(stored):
            for kind in ENDINGS:
                with self._asking(), suppress(FileNotFoundError):
                    return Found(stored, kind, (await obstore.head_async(self.client, key(stored, kind)))["size"])
        return None

    async def get(self, found: Found, start: int, end: int) -> AsyncIterator[bytes] | None:
        import obstore

        if start >= end:
            return nothing()
        with self._asking(), suppress(FileNotFoundError):
            name = key(found.stored, found.kind)
            opened = await obstore.get_async(self.client, name, options={"range": (start, end)})
            return self._pieces(opened.stream(min_chunk_size=PIECE))
        return None

    async def delete(self, stored: str) -> None:
        import obstore

        if STORED.fullmatch(stored):
            with self._asking(), suppress(FileNotFoundError):
                await obstore.delete_async(self.client, [key(stored, kind) for kind in ENDINGS])

    async def check(self) -> None:
        import obstore

        try:
            with self._asking():
                await obstore.get_async(self.client, key("0" * 64, "image/jpeg"))
        except FileNotFoundError as error:
            # that nothing is kept under that name is the good answer
            if "NoSuchBucket" in str(error):
                raise self._away(error) from error

    async def _pieces(self, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        with self._asking():
            async for piece in stream:
                yield bytes(piece)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """What goes wrong but for FileNotFoundError is PhotosAway, with its reason."""
        try:
            yield
        except FileNotFoundError:
            raise
        except Exception as error:
            raise self._away(error) from error

    @property
    def client(self) -> S3Store:
        """The client; the library is loaded when it is first needed."""
        if self._opened is None:
            from obstore.store import S3Store

            rules, patience = self._rules, timedelta(seconds=self._rules.timeout_s)
            config: S3Config = {
                "region": rules.region, "access_key_id": self._keys[0], "secret_access_key": self._keys[1],
                "virtual_hosted_style_request": not rules.endpoint,
            }  # fmt: skip
            if rules.endpoint:
                config["endpoint"] = rules.endpoint
            asked: ClientConfig = {
                "allow_http": rules.endpoint.startswith("http://"), "timeout": patience,
                "connect_timeout": min(patience, CONNECT),
            }  # fmt: skip
            retried: RetryConfig = {"max_retries": RETRIES, "retry_timeout": patience}
            self._opened = S3Store(
                self.bucket, prefix=self.prefix or None, config=config, client_options=asked, retry_config=retried
            )
        return self._opened

    def _away(self, error: Exception) -> PhotosAway:
        from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

        if isinstance(error, PermissionDeniedError | UnauthenticatedError):
            return PhotosAway(f"the store refuses our keys for the bucket {self.bucket}; see {KEY} and what it may do")
        if isinstance(error, FileNotFoundError) or "NoSuchBucket" in str(error):
            return PhotosAway(f"the store has no bucket {self.bucket}; make it, or mend photos in [reports]")
        return PhotosAway(f"{self._rules.endpoint or 'S3'} does not answer, or answers with an error")
