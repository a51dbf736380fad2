"""A body as it arrives: counted, decompressed once at most, stopped at the limit and where it unfolds too far."""

import zlib

from triage.errors import CaptureRefusedError
from triage.rules.fetch_failures import FetchFailure
from workers.fetcher.failures import fail

MAX_RATIO = 100
"""Most bytes that one packed byte may unfold to, beyond the first FREE_BYTES."""
FREE_BYTES = 1 << 20
_STEP_BYTES = 1 << 20
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
            CaptureRefusedError: the body is over the limit, or unfolds too far.
            CaptureFailedError: BAD_COMPRESSION.
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
        # After the end of the stream come bytes that browsers ignore, and so do we.
        rest, is_full = chunk, True
        while (rest or is_full) and not self._inflater.eof:
            try:
                part = self._inflater.decompress(rest, _STEP_BYTES)
            except zlib.error:
                raise fail(FetchFailure.BAD_COMPRESSION) from None
            self._body += part
            self._check_growth()
            # A full step may leave output behind although no input is left.
            rest, is_full = self._inflater.unconsumed_tail, len(part) == _STEP_BYTES

    def finish(self) -> bytes:
        """Return the whole body.

        Raises:
            CaptureFailedError: CUT_OFF, the compressed stream ended too early.
        """
        if self._inflater is not None and self._raw_bytes and not self._inflater.eof:
            raise fail(FetchFailure.CUT_OFF)
        return bytes(self._body)

    def _check_growth(self) -> None:
        if len(self._body) > self._max_bytes:
            raise CaptureRefusedError(f"the file is larger than {self._max_bytes} bytes when decompressed")
        if len(self._body) > FREE_BYTES + MAX_RATIO * self._raw_bytes:
            raise CaptureRefusedError(f"the file unfolds to more than {MAX_RATIO} times its size")
