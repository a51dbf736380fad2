"""One running zygote, seen from its client: start it, hand it jobs, hear how they ended, end it.

Knows processes and sockets, nothing of pictures; `decoder.py` builds on it.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys

from triage.errors import DecoderUnavailableError, SandboxUnavailableError
from triage.sandbox import wire
from triage.sandbox.locks import LockReport

_START_S = 30.0
_BEGIN_S = 20.0
END_S = 2.0
"""Seconds in which a child must have ended once its stream is closed and its end is asked for."""


class ZygoteGoneError(Exception):
    """The zygote ended or spoke out of turn; it was killed."""


def _list_program(module: str) -> list[str]:
    """Return how the interpreter is told to run the zygote: a module by name, or a file by its path."""
    return [module] if module.endswith(".py") else ["-m", module]


def _read_report(text: str) -> LockReport:
    try:
        return LockReport(**json.loads(text))
    except (ValueError, TypeError):
        raise DecoderUnavailableError("The picture decoder's start was not understood.") from None


class ZygoteLink:
    """A zygote process and the control socket to it.

    Start it from the thread that lives longest: the kernel kills the zygote when that thread ends.
    """

    def __init__(
        self, module: str, *, memory_mb: int, cpu_s: int, is_weak: bool, profile: str = "decoder"
    ) -> None:
        """Start a zygote and wait until it has locked itself.

        Args:
            module: what it runs: a module's name, or the path of a file that ends in .py.
            memory_mb: memory that a child may map beyond the zygote's own, in MiB.
            cpu_s: processor time of one picture, in seconds.
            is_weak: whether to go on where there is no seccomp.
            profile: what its children may do, one of `zygote.PROFILES`.

        Raises:
            SandboxUnavailableError: the locks do not hold on this machine.
            DecoderUnavailableError: it did not start.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control = ours
        self._left_job = ""
        command = [sys.executable, "-I", "-B", *_list_program(module), str(theirs.fileno()), str(os.getpid())]
        command += [str(memory_mb), str(cpu_s), "weak" if is_weak else "strict", profile]
        try:
            self._process = subprocess.Popen(
                command,
                env={},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            raise DecoderUnavailableError(f"The picture decoder does not start: {error.strerror}") from None
        finally:
            theirs.close()
        try:
            self.layers = self._wait_until_ready()
        except BaseException:
            self.kill()
            raise

    @property
    def pid(self) -> int:
        """Process id of the zygote."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Return whether the process still runs."""
        return self._process.poll() is None

    def _receive(self, wait_s: float) -> str:
        try:
            self._control.settimeout(wait_s)
            return self._control.recv(wire.CONTROL_MAX_BYTES).decode("ascii")
        except (OSError, UnicodeDecodeError):
            return ""

    def _wait_until_ready(self) -> LockReport:
        word, _, rest = self._receive(_START_S).partition(" ")
        if word == "failed":
            raise SandboxUnavailableError(rest)
        if word != "ready":
            raise DecoderUnavailableError
        return _read_report(rest)

    def begin_job(self, job_id: str) -> socket.socket:
        """Take the child that waits for a job, and tell it the job's id.

        Returns:
            The job's own stream, to be closed by the caller.

        Raises:
            ZygoteGoneError: there is no zygote any more, or it spoke out of turn.
        """
        try:
            self._control.settimeout(_BEGIN_S)
            self._control.send(f"job {job_id}".encode())
            message, descriptors, _, _ = socket.recv_fds(self._control, wire.CONTROL_MAX_BYTES, 1)
            if self._left_job and message.startswith(f"ended {self._left_job} ".encode()) and not descriptors:
                message, descriptors, _, _ = socket.recv_fds(self._control, wire.CONTROL_MAX_BYTES, 1)
        except OSError:
            self.kill()
            raise ZygoteGoneError from None
        self._left_job = ""
        streams = [socket.socket(fileno=descriptor) for descriptor in descriptors]
        if message != f"began {job_id}".encode() or len(streams) != 1:
            for stream in streams:
                stream.close()
            self.kill()
            raise ZygoteGoneError
        with contextlib.suppress(OSError):  # it has ended already: whoever speaks to it next finds out how
            streams[0].sendall(job_id.ljust(wire.JOB_ID_BYTES).encode())
        return streams[0]

    def leave_job(self, job_id: str) -> None:
        """Be done with a job whose stream is closed: its child is killed where it has not ended, and not waited for."""
        self._left_job = job_id
        self.kill_job(job_id)

    def kill_job(self, job_id: str) -> None:
        """Have the child of a job killed; a job that has ended already is left alone."""
        try:
            self._control.send(f"kill {job_id}".encode())
        except OSError:
            self.kill()

    def wait_for_end(self, job_id: str) -> int:
        """Wait until the child of a job has ended; one that lingers is killed after END_S seconds.

        Args:
            job_id: the job that was begun last.

        Returns:
            Its exit code, 0-255, or the negative number of the signal that killed it.

        Raises:
            ZygoteGoneError: no word came, or one of another job; the zygote was killed.
        """
        answer = self._receive(END_S)
        if not answer and self.is_alive():
            self.kill_job(job_id)
            answer = self._receive(END_S)
        words = answer.split(" ")
        if len(words) != 3 or words[:2] != ["ended", job_id] or not words[2].isdigit():
            self.kill()
            raise ZygoteGoneError
        return os.waitstatus_to_exitcode(int(words[2]))

    def kill(self) -> None:
        """Kill the zygote, and with it any child."""
        self._control.close()
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()
