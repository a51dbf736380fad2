"""Streams of lists as a test needs them: kept in memory, served in small pieces, or endless."""

import io


class InPieces(io.RawIOBase):
    """Serves bytes a few at a time, as a pipe does."""

    def __init__(self, data, size):
        self._inner, self._size = io.BytesIO(data), size

    def read(self, size=-1):
        return self._inner.read(self._size)


class Endless(io.RawIOBase):
    """Begins as told and then repeats one piece for ever; `served` counts what was taken."""

    def __init__(self, head, piece):
        self._head, self._piece, self.served = head, piece, 0

    def read(self, size=-1):
        assert size > 0
        data, self._head = (
            (self._head, b"") if self._head else (self._piece * (size // len(self._piece)), b"")
        )
        self.served += len(data)
        assert self.served < 200_000_000, "the reader never stops"
        return data
