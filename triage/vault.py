"""The vault: intake and evidence objects, sealed with age (age-encryption.org/v1), in an object store.

Three keys, none of which two processes share: the **intake** key pair (web seals uploads, the worker opens
them once), the **vault** key pair (the worker seals, only the staff surface opens), and one identity per
image, which is sealed to the vault recipient and kept in the database. Objects have random names.
"""

import io
import queue
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import obstore
import pyrage
from obstore.store import LocalStore, from_url

from triage.errors import KeyMissingError, ObjectMissingError, SettingsError, StorageError, TooLargeError
from triage.ids import new_object_name

INTAKE = "intake"
EVIDENCE = "evidence"
_CHUNK = 5 * 2**20

S3_OPTIONS = frozenset(
    {"access_key_id", "secret_access_key", "session_token", "region", "endpoint"}
    | {"virtual_hosted_style_request", "disable_bulk_delete"}
)
"""What the options of an s3:// store may name, besides allow_http; the library aborts on what it does not know."""

# One call to a store that hangs ends within 45 s: several of them fit into one job's own deadline.
_CLIENT = {"connect_timeout": timedelta(seconds=5), "timeout": timedelta(seconds=30)}
_BACKOFF = {"init_backoff": timedelta(milliseconds=200), "max_backoff": timedelta(seconds=3), "base": 2}
_RETRY = {"max_retries": 3, "retry_timeout": timedelta(seconds=15), "backoff": _BACKOFF}


def new_identity() -> tuple[str, str]:
    """Return a fresh age identity and its recipient, both as text."""
    identity = pyrage.x25519.Identity.generate()
    return str(identity), str(identity.to_public())


def recipient_of(identity: str) -> str:
    """Return the recipient of an age identity, as text.

    Raises:
        KeyMissingError: it is not an age identity.
    """
    return str(_identity(identity).to_public())


def seal(data: bytes, recipient: str) -> bytes:
    """Seal bytes to one age recipient."""
    return bytes(pyrage.encrypt(data, [_recipient(recipient)]))


def unseal(data: bytes, identity: str) -> bytes:
    """Open sealed bytes.

    Raises:
        StorageError: the bytes were changed, or sealed to somebody else.
        KeyMissingError: the identity is not an age identity.
    """
    try:
        return bytes(pyrage.decrypt(data, [_identity(identity)]))
    except pyrage.DecryptError:
        raise StorageError("A sealed object cannot be opened with this key.") from None


def check_recipient(text: str) -> None:
    """Refuse a text that is no age recipient.

    Raises:
        KeyMissingError: it cannot be read.
    """
    _recipient(text)


def _recipient(text: str) -> Any:
    try:
        return pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError:
        raise KeyMissingError("A recipient key cannot be read.") from None


def _identity(text: str) -> Any:
    try:
        return pyrage.x25519.Identity.from_str(text)
    except pyrage.IdentityError:
        raise KeyMissingError("An identity key cannot be read.") from None


@dataclass(frozen=True, slots=True)
class ImageSeal:
    """The identity of one image: its recipient, and itself sealed to the vault."""

    recipient: str
    sealed_identity: bytes


def new_image_seal(vault_recipient: str) -> ImageSeal:
    """Make the identity of one image; only its sealed form leaves this function."""
    identity, recipient = new_identity()
    return ImageSeal(recipient, seal(identity.encode(), vault_recipient))


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as the store lists it."""

    name: str
    bytes: int
    modified_at: datetime


class ObjectVault:
    """The object store behind the vault: one area for intake, one for evidence.

    Args:
        url: s3://bucket/prefix or file:///folder.
        options: of an s3:// store, names as in S3_OPTIONS; allow_http "true" lets it be reached without TLS.

    Raises:
        SettingsError: the address or an option cannot be used.
    """

    def __init__(self, url: str, options: Mapping[str, str] | None = None) -> None:
        try:
            self.folder: Path | None = None  # of a store that is one
            if url.startswith("file://"):
                self.folder = Path(unquote(url.removeprefix("file://")))
                self._store: Any = LocalStore(self.folder)
            else:
                self._store = _open_s3(url, dict(options or {}))
        except (OSError, ValueError, obstore.exceptions.BaseError):
            raise SettingsError("EVIDENCE_URL cannot be used") from None

    def put(self, area: str, data: bytes) -> str:
        """Store sealed bytes under a fresh random name and return it.

        Raises:
            StorageError: the store refused, for instance because the disk is full.
        """
        name = new_object_name()
        try:
            obstore.put(self._store, f"{area}/{name}", data, use_multipart=False)
        except (OSError, obstore.exceptions.BaseError):
            raise StorageError("The evidence store cannot be written; is the disk full?") from None
        return name

    def get(self, area: str, name: str) -> bytes:
        """Return the sealed bytes of an object.

        Raises:
            ObjectMissingError: it is missing.
            StorageError: the store cannot be read.
        """
        try:
            return bytes(obstore.get(self._store, f"{area}/{name}").bytes())
        except FileNotFoundError as error:
            if _misses_bucket(error):
                raise StorageError("The evidence store has no such bucket.") from None
            raise ObjectMissingError("A stored object is missing.") from None
        except (OSError, obstore.exceptions.BaseError):
            raise StorageError("The evidence store cannot be read.") from None

    def delete(self, area: str, name: str) -> None:
        """Delete an object; one that is already gone is no error.

        Raises:
            StorageError: the store refused.
        """
        try:
            obstore.delete(self._store, f"{area}/{name}")
        except FileNotFoundError as error:
            if _misses_bucket(error):  # or what was never deleted would be recorded as gone
                raise StorageError("The evidence store has no such bucket.") from None
        except (OSError, obstore.exceptions.BaseError):
            raise StorageError("The evidence store cannot delete.") from None

    def list_objects(self, area: str) -> Iterator[StoredObject]:
        """Yield every object of an area."""
        try:
            for batch in obstore.list(self._store, f"{area}/"):
                for entry in batch:
                    yield StoredObject(
                        str(entry["path"]).rpartition("/")[2], int(entry["size"]), entry["last_modified"]
                    )
        except (OSError, obstore.exceptions.BaseError):
            raise StorageError("The evidence store cannot be listed.") from None

    def start_intake(self, recipient: str, max_bytes: int) -> "SealingUpload":
        """Begin an upload that is sealed while it streams in."""
        return SealingUpload(self._store, recipient, max_bytes)


def _open_s3(url: str, options: dict[str, str]) -> Any:
    """Open an S3-compatible store, with patience that ends before our own deadlines do.

    Raises:
        SettingsError: an option is none of those that are known, or the endpoint is no address.
        ValueError: the address is not one of s3://.
    """
    if not url.startswith("s3://"):
        raise ValueError
    allow_http = options.pop("allow_http", "false")
    if not options.keys() <= S3_OPTIONS or allow_http not in {"true", "false"}:
        known = ", ".join(sorted(S3_OPTIONS))
        raise SettingsError(f"The options of the store may be {known}, and allow_http (true or false)")
    schemes = ("https", "http") if allow_http == "true" else ("https",)
    endpoint = urlsplit(options["endpoint"]) if "endpoint" in options else None
    if endpoint is not None and not (endpoint.scheme in schemes and endpoint.hostname):
        raise SettingsError(
            "The endpoint of the store must be an https:// address, or http:// with allow_http"
        )
    return from_url(
        url,
        config=cast("Any", options),
        client_options=cast("Any", {**_CLIENT, "allow_http": allow_http == "true"}),
        retry_config=cast("Any", _RETRY),
    )


def _misses_bucket(error: FileNotFoundError) -> bool:
    """Whether it is the bucket that is missing: S3 answers 404 for that as for an object."""
    return "NoSuchBucket" in str(error)


class _ClearBytes(io.RawIOBase):
    """The reading end of a bounded in-memory pipe; pyrage pulls clear bytes from it in its own thread."""

    def __init__(self) -> None:
        self.chunks: queue.Queue[bytes | None] = queue.Queue(maxsize=16)
        self.is_given_up = False
        self._rest = b""
        self._ended = False

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return the next clear bytes, at most `size`; empty at the end."""
        while not self._rest and not self._ended:
            chunk = self.chunks.get()
            self._ended = chunk is None
            self._rest = chunk or b""
        if self.is_given_up:
            raise OSError("the upload was given up")
        if size < 0:
            size = len(self._rest)
        part, self._rest = self._rest[:size], self._rest[size:]
        return part

    def drain(self) -> None:
        """Take what is still pushed, up to the end mark, so that a pusher never waits for nobody."""
        while not self._ended:
            self._ended = self.chunks.get() is None


class _SealedBytes(io.RawIOBase):
    """The pipe behind it: one thread seals into it, another stores what comes out."""

    def __init__(self) -> None:
        self._chunks: queue.Queue[bytes | None] = queue.Queue(maxsize=16)
        self._is_whole = False
        self._ended = False

    def writable(self) -> bool:
        """Whether it can be written: always."""
        return True

    def write(self, data: Any) -> int:
        """Take sealed bytes; waits while the store is behind."""
        self._chunks.put(bytes(data))
        return len(data)

    def end(self, *, is_whole: bool) -> None:
        """Say that no more comes, and whether that was all."""
        self._is_whole = is_whole
        self._chunks.put(None)

    def read_chunks(self) -> Iterator[bytes]:
        """Yield the sealed bytes; fails at the end of an upload that is not whole, so that the store drops it."""
        while (chunk := self._chunks.get()) is not None:
            yield chunk
        self._ended = True
        if not self._is_whole:
            raise OSError("the upload was given up")

    def drain(self) -> None:
        """Take what is still pushed, up to the end mark."""
        while not self._ended:
            self._ended = self._chunks.get() is None


class SealingUpload:
    """One upload on its way: clear bytes in, sealed object out, no clear byte on any disk.

    One thread seals, another stores; their queues are bounded, so that a slow store slows the sender instead of
    filling the memory. Call `write` for each chunk, then `finish` or `give_up`. Of an upload that fails an S3
    store keeps no part: the put that pulls the chunks aborts what it began.
    """

    def __init__(self, store: Any, recipient: str, max_bytes: int) -> None:
        self._store = store
        self._recipient = _recipient(recipient)
        self._max_bytes = max_bytes
        self._clear = _ClearBytes()
        self._sealed = _SealedBytes()
        self._failure: str | None = None
        self._is_over = False
        self.name = new_object_name()
        self.clear_bytes = 0
        self._threads = [
            threading.Thread(target=work, name="seal-upload", daemon=True) for work in (self._seal, self._put)
        ]
        for thread in self._threads:
            thread.start()

    def write(self, chunk: bytes) -> None:
        """Take the next clear bytes.

        Raises:
            TooLargeError: the upload is over the limit; it was given up.
            StorageError: the store refused; it was given up.
        """
        self.clear_bytes += len(chunk)
        if self.clear_bytes > self._max_bytes:
            self.give_up()
            raise TooLargeError(f"A file may have at most {self._max_bytes} bytes.")
        if self._failure:
            self.give_up()
            raise StorageError(self._failure)
        self._clear.chunks.put(chunk)

    def finish(self) -> None:
        """End the upload and wait until the store has it.

        Raises:
            StorageError: the store refused; nothing is left there.
        """
        self._end()
        if self._failure:
            self._remove()
            raise StorageError(self._failure)

    def give_up(self) -> None:
        """Stop, and remove what was stored so far."""
        if self._is_over:
            return
        self._clear.is_given_up = True
        self._end()
        self._remove()

    def _end(self) -> None:
        self._is_over = True
        self._clear.chunks.put(None)
        for thread in self._threads:
            thread.join()

    def _remove(self) -> None:
        try:
            obstore.delete(self._store, f"{INTAKE}/{self.name}")
        except (OSError, obstore.exceptions.BaseError):
            return  # the sweep of orphans takes what is left

    def _seal(self) -> None:
        is_sealed = False
        try:
            pyrage.encrypt_io(self._clear, self._sealed, [self._recipient])
            is_sealed = True
        except (OSError, pyrage.EncryptError):
            return
        finally:  # whatever it was: an upload that was not sealed to its end has failed
            self._sealed.end(is_whole=is_sealed)
            self._clear.drain()

    def _put(self) -> None:
        is_stored = False
        try:
            obstore.put(self._store, f"{INTAKE}/{self.name}", self._sealed.read_chunks(), chunk_size=_CHUNK)
            is_stored = True
        except (OSError, obstore.exceptions.BaseError):
            return
        finally:
            if not is_stored:
                self._failure = "The evidence store cannot be written; is the disk full?"
            self._sealed.drain()
