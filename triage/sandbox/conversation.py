"""One job's talk with its child, as the decoder's client holds it: sending, receiving, the deadline, the end."""

import signal
import socket
import time

import numpy as np

from triage.errors import HostilePictureError, PictureOverLimitError, PictureRefusedError
from triage.sandbox import answers, wire

_CHUNK = 1 << 20


class Conversation:
    """One job's stream and its deadline; every wait ends with TimeoutError when the time is used up."""

    def __init__(self, job_id: str, profile: str, stream: socket.socket, wall_s: float) -> None:
        """Take over the stream of a job.

        Args:
            job_id: of the job.
            profile: of the zygote whose child it is.
            stream: to its child.
            wall_s: seconds that waiting may take in all.
        """
        self.job_id = job_id
        self.profile = profile
        self.is_closed = False
        self._stream = stream
        self._left_s = wall_s

    def _wait(self, since: float) -> None:
        # Only waiting counts: between header and view the worker may take its own time.
        self._left_s -= time.monotonic() - since
        if self._left_s <= 0:
            raise TimeoutError

    def send(self, data: bytes) -> None:
        """Send all of the data."""
        rest = memoryview(data)
        while rest:
            since = time.monotonic()
            self._stream.settimeout(self._left_s)
            rest = rest[self._stream.send(rest[:_CHUNK]) :]
            self._wait(since)

    def _receive(self, length: int) -> memoryview:
        data = np.empty(length, np.uint8).data  # not cleared first, as a bytearray would be
        rest = data
        while rest:
            since = time.monotonic()
            self._stream.settimeout(self._left_s)
            received = self._stream.recv_into(rest)
            self._wait(since)
            if not received:
                raise EOFError
            rest = rest[received:]
        return data

    def receive_message(self, longest: dict[bytes, int]) -> tuple[bytes, memoryview]:
        """Receive one message.

        Args:
            longest: the kinds that may come now, each with its most bytes.

        Returns:
            Its kind and its payload.

        Raises:
            HostilePictureError: another kind, or longer than it may be.
            EOFError: the child ended before it had said it all.
            TimeoutError: the time is used up.
        """
        kind, length = answers.check_message_start(bytes(self._receive(wire.MESSAGE_START.size)), longest)
        return kind, self._receive(length)

    def close(self) -> None:
        """Close the stream, which is the child's sign to exit."""
        self.is_closed = True
        self._stream.close()


def explain_end(code: int) -> PictureRefusedError:
    """Return the error for a child that ended before it had answered.

    Args:
        code: exit code, or the negative number of the signal that killed it.
    """
    if code == -signal.SIGSYS:
        return HostilePictureError("stopped by the sandbox: a forbidden call")
    if code == -signal.SIGXCPU:
        return PictureOverLimitError("stopped by the sandbox: processor time")
    if code in (wire.EXIT_MEMORY, -signal.SIGKILL):
        return PictureOverLimitError(wire.REASONS["memory"])
    if code < 0:
        return PictureRefusedError("broken: its decoder crashed")
    return PictureRefusedError(wire.REASONS["broken"])


def explain_timeout() -> PictureOverLimitError:
    """Return the error for a child that did not answer in time."""
    return PictureOverLimitError("stopped by the sandbox: time")
