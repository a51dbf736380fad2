"""A body as it arrives: counted, decompressed once at most, stopped at the limit."""

import zlib

from triage.errors import CaptureFailedError, CaptureRefusedError

_GZIP_BITS = 31
_ZLIB_BITS = 15
_BARE_BITS = -15


class BodyReader:
    """Takes the chunks of one body and never holds more than the limit."""

    def __init__(self, max_bytes: int, content_encoding: str, content_length: str) -> None:
        """Judge what the headers promise.

        Args:
            max_bytes: largest body in bytes, before and after decompression.
            content_encoding: the header's value, empty when absent.
            content_length: the header's value, empty when absent.

        Raises:
            CaptureRefusedError: too long, or compressed in a way that is not undone here.
        """
        if content_length.isdecimal() and int(content_length[:20]) > max_bytes:
            raise CaptureRefusedError(f"the file is larger than {max_bytes} bytes")
        layers = [layer.strip() for layer in content_encoding.lower().split(",")]
        layers = [layer for layer in layers if layer not in {"", "identity"}]
        if len(layers) > 1:
            raise CaptureRefusedError("the file is compressed more than once")
        self._kind = layers[0].removeprefix("x-") if layers else ""
        if self._kind not in {"", "gzip", "deflate"}:
            raise CaptureRefusedError("the file is compressed in a way that was not asked for")
        self._max_bytes = max_bytes
        self._raw_bytes = 0
        self._body = bytearray()
        self._inflater = zlib.decompressobj(_GZIP_BITS) if self._kind == "gzip" else None

    def take(self, chunk: bytes) -> None:
        """Add one chunk as it came from the network.

        Raises:
            CaptureRefusedError: the body is over the limit.
            CaptureFailedError: it cannot be decompressed.
        """
        self._raw_bytes += len(chunk)
        if self._raw_bytes > self._max_bytes:
            raise CaptureRefusedError(f"the file is larger than {self._max_bytes} bytes")
        if self._kind == "deflate" and self._inflater is None and chunk:
            # Servers mean zlib (RFC 9110) or bare deflate by this word; the first byte tells which.
            self._inflater = zlib.decompressobj(_ZLIB_BITS if chunk[0] & 0x0F == 8 else _BARE_BITS)
        if self._inflater is None:
            self._body += chunk
            return
        try:
            self._body += self._inflater.decompress(chunk, self._max_bytes - len(self._body) + 1)
        except zlib.error:
            raise CaptureFailedError("the file cannot be decompressed") from None
        if len(self._body) > self._max_bytes:
            raise CaptureRefusedError(f"the file is larger than {self._max_bytes} bytes when decompressed")

    def finish(self) -> bytes:
        """Return the whole body.

        Raises:
            CaptureFailedError: the compressed stream ended too early.
        """
        if self._inflater is not None and self._raw_bytes and not self._inflater.eof:
            raise CaptureFailedError("the file ended too early")
        return bytes(self._body)
