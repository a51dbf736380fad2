"""What a list may weigh. Every reader keeps within these, whatever the file says of itself."""

from collections.abc import Iterator
from typing import BinaryIO

from hashsets.errors import InvalidListError

LIST_MAX = 8 * 2**30
"""Bytes of one list; ten million rows of all columns at full length have about a third of it."""

CHUNK = 2**18
"""Bytes read at a time."""

FIELD_MAX = 8192
"""Characters of one field of a record."""

ID_MAX = 200
"""Characters of an id, and of a provider's own word."""

FINGERPRINTS_MAX = 64
"""Fingerprints of one entry."""

DEPTH_MAX = 32
"""Levels of nesting."""

SILENT_MAX = 2**20
"""Bytes without the end of any field: a parser would have to keep them all."""


def read_chunks(stream: BinaryIO, max_bytes: int = LIST_MAX) -> Iterator[bytes]:
    """Yield a stream in pieces of at most CHUNK bytes.

    Args:
        max_bytes: how much the whole may have.

    Raises:
        InvalidListError: there is more of it.
    """
    total = 0
    while chunk := stream.read(CHUNK):
        total += len(chunk)
        if total > max_bytes:
            raise InvalidListError(f"The list cannot be read: it is larger than {max_bytes} bytes")
        yield chunk
