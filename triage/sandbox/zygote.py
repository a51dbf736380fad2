"""The zygote: a process with nothing, that forks one locked child for every picture.

Started as `python -I -B -m triage.sandbox.zygote DESCRIPTOR PARENT MEMORY_MB CPU_S strict|weak PROFILE` with an
empty environment. Never forked from the application: a fork would copy its secrets.

1. Keep the maths libraries to one thread, import all that decoding needs, decode one picture of every format
   and mode, so that nothing is left to import.
2. Check that one thread runs; leave the namespaces, give up all capabilities and privileges, and all files
   (Landlock, nothing allowed).
3. Prove on one child that the system call filter kills; then say what each layer got.
4. Fork a child, which locks itself and waits. For every `job` hand that child's stream to the client and fork the
   next one, while the first decodes; say how each ended. Decoding never happens here, and no child serves twice.
"""

import os

for _library in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_library] = "1"

import contextlib  # noqa: E402 - the lines above must come before numpy is imported by anything
import gc  # noqa: E402
import io  # noqa: E402
import json  # noqa: E402
import select  # noqa: E402
import signal  # noqa: E402
import socket  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Sequence  # noqa: E402
from dataclasses import dataclass  # noqa: E402

from triage.errors import SandboxUnavailableError  # noqa: E402
from triage.sandbox import calls, locks, memory, pictures, seccomp, warm_up, wire  # noqa: E402

LONGEST_LIFE_S = 120.0
"""Seconds after which a child is killed whatever its client says; the client's own deadline is far shorter."""

_CHUNK = 1 << 18
_FORBIDDEN_PATH = "/"
PROFILES = {"decoder": calls.DECODER, "heic": calls.HEIC}
_PIXELS = {
    wire.ASK_VIEW: (wire.VIEW, pictures.render_view),
    wire.ASK_SHEET: (wire.SHEET, pictures.render_sheet),
}


@dataclass(frozen=True, slots=True)
class Orders:
    """What the client wants, from the command line."""

    control: socket.socket
    parent: int
    memory_mb: int
    cpu_s: int
    is_weak: bool
    profile: calls.Profile
    zygote: int

    @classmethod
    def read(cls, arguments: Sequence[str]) -> "Orders":
        """Read the six arguments; raises ValueError when they are wrong."""
        descriptor, parent, memory_mb, cpu_s, mode, profile = arguments
        if mode not in {"strict", "weak"} or profile not in PROFILES:
            raise ValueError("the mode is strict or weak, the profile one of PROFILES")
        control = socket.socket(fileno=int(descriptor))
        return cls(
            *(control, int(parent), int(memory_mb), int(cpu_s), mode == "weak", PROFILES[profile]),
            os.getpid(),
        )


@dataclass(frozen=True, slots=True)
class Locked:
    """What every child gets: its limits and its filter.

    Attributes:
        memory: address space in bytes, all in all.
        program: the filter, or None in weak mode.
        left_namespaces: whether the zygote has a user namespace of its own.
        sample: a small drawn picture, decoded once while the child waits: so it has touched by then what every
            picture touches.
        rehearse: decodes it.
    """

    memory: int
    program: bytes | None
    left_namespaces: bool
    sample: bytes
    rehearse: pictures.Decode


@dataclass(slots=True)
class Child:
    """A forked child: it waits for its job, or it is at it.

    Attributes:
        watch: a descriptor that is readable once the child has ended.
        stream: the client's end of its stream, until it is handed over.
        kill_at: `time.monotonic()` at which it is killed.
    """

    pid: int
    watch: int
    stream: socket.socket
    job_id: str = ""
    kill_at: float = float("inf")

    def has_ended(self) -> bool:
        """Return whether it is over."""
        return bool(select.select([self.watch], [], [], 0)[0])

    def kill(self) -> None:
        """Kill it; `reap` then says how it ended."""
        self.kill_at = float("inf")
        os.kill(self.pid, signal.SIGKILL)

    def reap(self) -> int:
        """Wait for its end and return its wait status."""
        _, status = os.waitpid(self.pid, 0)
        os.close(self.watch)
        self.stream.close()
        return status


def write_all(stream: int, data: bytes | memoryview) -> None:
    """Write everything to a descriptor."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(stream, rest[:_CHUNK]) :]


def read_exactly(source: io.BufferedReader, length: int) -> bytes:
    """Read that many bytes, straight to where they stay; raises EOFError when the stream ends before."""
    data = source.read(length)
    if len(data) != length:
        raise EOFError
    return data


def pack_header(job_id: str, picture: pictures.DecodedPicture) -> bytes:
    """Return the header message of a decoded picture."""
    prints = [
        [one.algorithm.value, one.value, one.frame, one.orientation, one.quality]
        for one in picture.fingerprints
    ]
    fields = {
        "job": job_id,
        "format": picture.format,
        "width": picture.width,
        "height": picture.height,
        "orientation": picture.orientation,
        "frames": picture.frames,
        "walked": picture.walked,
        "is_whole": picture.is_whole,
        "fingerprints": prints,
    }
    return wire.pack_message(wire.HEADER, json.dumps(fields).encode())


def serve_picture(source: io.BufferedReader, job_id: str, decode: pictures.Decode) -> None:
    """Do one job in the locked child: read the picture, answer the header, then view and sheet if asked for."""
    stream = source.fileno()
    length = wire.PICTURE_LENGTH.unpack(read_exactly(source, wire.PICTURE_LENGTH.size))[0]
    try:
        picture = decode(io.BytesIO(read_exactly(source, length)))
        answer = pack_header(job_id, picture)
    except pictures.RefusedError as error:
        reason = str(error)
    except MemoryError:
        reason = "memory"
    else:
        write_all(stream, answer)
        while question := source.read(1):
            kind, render = _PIXELS[question]
            width, height, rgb = render(picture)
            start = wire.VIEW_START.pack(width, height)
            write_all(stream, wire.MESSAGE_START.pack(kind, len(start) + len(rgb)) + start)
            write_all(stream, rgb)
        return
    refusal = json.dumps({"job": job_id, "reason": reason}).encode()
    write_all(stream, wire.pack_message(wire.REFUSAL, refusal))


def _run_child(orders: Orders, stream: int, locked: Locked, decode: pictures.Decode) -> None:
    """Lock this child, wait for its job, do it and exit; never returns."""
    code = 1
    try:
        source = open(stream, "rb", closefd=False)  # noqa: SIM115 - of a descriptor; now: it asks what that is
        locks.lock_child(
            stream,
            orders.zygote,
            memory=locked.memory,
            cpu_s=orders.cpu_s,
            filter_program=locked.program,
            profile=orders.profile,
            left_namespaces=locked.left_namespaces,
        )
        locked.rehearse(io.BytesIO(locked.sample))
        job_id = read_exactly(source, wire.JOB_ID_BYTES).decode("ascii").rstrip()
        serve_picture(source, wire.check_job_id(job_id), decode)
        code = 0
    except MemoryError:
        code = wire.EXIT_MEMORY
    except SandboxUnavailableError:
        code = wire.EXIT_LOCKS
    finally:
        os._exit(code)


def prove_filter(program: bytes) -> bool:
    """Return whether a child under the filter is really killed when it opens a file."""
    child = os.fork()
    if child == 0:
        try:
            seccomp.install_filter(program)
            os.open(_FORBIDDEN_PATH, os.O_RDONLY)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGSYS


def lock_zygote(parent: int, profile: calls.Profile) -> tuple[locks.LockReport, bytes | None]:
    """Put all locks on the zygote and prove the filter that its children will get.

    Args:
        parent: process id of the client; the zygote dies with it.
        profile: of the children.

    Returns:
        What each layer got, and the filter, None where it does not hold.

    Raises:
        SandboxUnavailableError: a second thread runs, or a lock was refused.
    """
    locks.require_one_task()
    namespaces = locks.leave_namespaces()
    capabilities = locks.drop_capabilities()
    locks.refuse_privileges()
    abi = locks.lock_filesystem(readable=(), tcp_connect=(), tcp_bind=())
    # Last: entering a user namespace may take the wish to die with the parent away.
    locks.die_with_parent(parent)
    program = seccomp.build_allow_filter(profile)
    is_proven = prove_filter(program)
    report = locks.LockReport(
        landlock=abi, seccomp=is_proven, namespaces=namespaces, capabilities=capabilities, rlimits=True
    )
    return report, program if is_proven else None


def fork_child(orders: Orders, locked: Locked, decode: pictures.Decode) -> Child:
    """Fork a child that locks itself and waits for its job."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    pid = os.fork()
    if pid == 0:
        _run_child(orders, theirs.fileno(), locked, decode)
    theirs.close()
    return Child(pid, os.pidfd_open(pid), ours)


def serve_jobs(orders: Orders, locked: Locked, decode: pictures.Decode) -> None:
    """Give every job a child of its own until the client closes the control socket.

    Args:
        orders: the control socket and the limits.
        locked: limits and filter of the children.
        decode: what a child does with the bytes of a picture.
    """
    waiting = fork_child(orders, locked, decode)
    running: Child | None = None
    while True:
        _wait(orders.control, running)
        if running is not None and running.has_ended():
            _say_end(orders.control, running)
            running = None
        if not select.select([orders.control], [], [], 0)[0]:
            continue
        message = _receive(orders.control)
        if not message:
            return  # the children die with the zygote
        word, _, job_id = message.decode("ascii").partition(" ")
        if word == "kill" and running is not None and running.job_id == job_id:
            running.kill()
        elif word == "job":
            if running is not None:  # its client is done with it
                running.kill()
                _say_end(orders.control, running)
            if waiting.has_ended():
                waiting.reap()
                waiting = fork_child(orders, locked, decode)
            running, waiting = waiting, _begin_job(orders, locked, decode, waiting, wire.check_job_id(job_id))


def _say_end(control: socket.socket, child: Child) -> None:
    """Say how a child ended; a client that has gone is noticed when its next word is waited for."""
    status = child.reap()
    with contextlib.suppress(ConnectionError):
        control.send(f"ended {child.job_id} {status}".encode())


def _receive(control: socket.socket) -> bytes:
    """Return the client's next word; empty once it has gone, also in the middle of ours."""
    try:
        return control.recv(wire.CONTROL_MAX_BYTES)
    except ConnectionError:
        return b""


def _wait(control: socket.socket, running: Child | None) -> None:
    """Wait for the client's next word or the running child's end; kill a child that is late."""
    if running is None:
        select.select([control], [], [])
        return
    left_s = None if running.kill_at == float("inf") else max(running.kill_at - time.monotonic(), 0)
    if not any(select.select([control.fileno(), running.watch], [], [], left_s)):
        running.kill()


def _begin_job(orders: Orders, locked: Locked, decode: pictures.Decode, child: Child, job_id: str) -> Child:
    """Hand the stream of a waiting child over, and return the child that waits next."""
    child.job_id = job_id
    child.kill_at = time.monotonic() + LONGEST_LIFE_S
    socket.send_fds(orders.control, [f"began {job_id}".encode()], [child.stream.fileno()])
    child.stream.close()
    return fork_child(orders, locked, decode)


def main(arguments: Sequence[str], decode: pictures.Decode | None = None) -> int:
    """Run the zygote until its client goes.

    Args:
        arguments: descriptor, parent, memory in MiB, processor seconds, strict or weak, profile.
        decode: what a child does with a picture; only the tests of the boundary give another.

    Returns:
        Exit code: 0 done, 1 the locks do not hold.
    """
    orders = Orders.read(arguments)
    try:
        pictures.configure_pillow()
        honest = pictures.choose_decode(orders.profile.name, orders.cpu_s)
        warm_up.decode_everything(orders.profile.name, honest)
        sample = warm_up.draw_sample(orders.profile.name)
        locks.forbid_imports()
        gc.collect()
        gc.freeze()
        gc.disable()  # a child lives for one picture; collecting would only copy pages that it shares
        memory.tidy_memory()
        # Counted from what is mapped already; read now because /proc is closed after the locks.
        limit = locks.read_memory_size() + orders.memory_mb * 2**20
        report, program = lock_zygote(orders.parent, orders.profile)
        if program is None and not orders.is_weak:
            raise SandboxUnavailableError
    except SandboxUnavailableError as error:
        orders.control.send(f"failed {error}".encode())
        return 1
    orders.control.send(b"ready " + json.dumps(report.as_dict()).encode())
    serve_jobs(orders, Locked(limit, program, report.namespaces, sample, honest), decode or honest)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
