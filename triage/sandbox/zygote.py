"""The zygote: a process with nothing, that forks one locked child for every picture.

Started as `python -I -B -m triage.sandbox.zygote DESCRIPTOR PARENT MEMORY_MB CPU_S strict|weak` with an
empty environment. Never forked from the application: a fork would copy its secrets.

1. Keep the maths libraries to one thread, import all that decoding needs, decode one picture of every format
   and mode, so that nothing is left to import.
2. Check that one thread runs; leave the namespaces, give up all capabilities and privileges, and all files
   (Landlock, nothing allowed).
3. Prove on one child that the system call filter kills; then say what each layer got.
4. For every `job` fork a child, lock it, let it decode; say how it ended. Decoding never happens here.
"""

import os

for _library in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_library] = "1"

import gc  # noqa: E402 - the lines above must come before numpy is imported by anything
import io  # noqa: E402
import json  # noqa: E402
import select  # noqa: E402
import signal  # noqa: E402
import socket  # noqa: E402
import sys  # noqa: E402
from collections.abc import Sequence  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from importlib.machinery import ModuleSpec  # noqa: E402

from triage.errors import SandboxUnavailableError  # noqa: E402
from triage.sandbox import locks, pictures, seccomp, warm_up, wire  # noqa: E402

_CHUNK = 1 << 20
_FORBIDDEN_PATH = "/"


class _NoMoreImports:
    """Makes a late import fail quietly; without it the import would open a file and be killed as hostile."""

    @staticmethod
    def find_spec(_name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        raise ModuleNotFoundError("nothing is imported after the locks")


@dataclass(frozen=True, slots=True)
class Orders:
    """What the client wants, from the command line."""

    control: socket.socket
    parent: int
    memory_mb: int
    cpu_s: int
    is_weak: bool
    zygote: int

    @classmethod
    def read(cls, arguments: Sequence[str]) -> "Orders":
        """Read the five arguments; raises ValueError when they are wrong."""
        descriptor, parent, memory_mb, cpu_s, mode = arguments
        if mode not in {"strict", "weak"}:
            raise ValueError("the mode is strict or weak")
        control = socket.socket(fileno=int(descriptor))
        return cls(control, int(parent), int(memory_mb), int(cpu_s), mode == "weak", os.getpid())


def write_all(stream: int, data: bytes) -> None:
    """Write everything to a descriptor."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(stream, rest[:_CHUNK]) :]


def read_exactly(stream: int, length: int) -> io.BytesIO:
    """Read that many bytes from a descriptor; raises EOFError when it ends before."""
    data = io.BytesIO()
    while length:
        chunk = os.read(stream, min(length, _CHUNK))
        if not chunk:
            raise EOFError
        data.write(chunk)
        length -= len(chunk)
    data.seek(0)
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
        "frames": picture.frames,
        "orientation": picture.orientation,
        "fingerprints": prints,
    }
    return wire.pack_message(wire.HEADER, json.dumps(fields).encode())


def serve_picture(stream: int, job_id: str, decode: pictures.Decode) -> None:
    """Do one job in the locked child: read the picture, answer the header, answer the view if asked for."""
    length = wire.PICTURE_LENGTH.unpack(read_exactly(stream, wire.PICTURE_LENGTH.size).read())[0]
    try:
        picture = decode(read_exactly(stream, length))
        answer = pack_header(job_id, picture)
    except pictures.RefusedError as error:
        reason = str(error)
    except MemoryError:
        reason = "memory"
    else:
        write_all(stream, answer)
        if os.read(stream, 1) == wire.ASK_VIEW:
            width, height, rgb = pictures.render_view(picture)
            write_all(stream, wire.pack_message(wire.VIEW, wire.VIEW_START.pack(width, height) + rgb))
        return
    refusal = json.dumps({"job": job_id, "reason": reason}).encode()
    write_all(stream, wire.pack_message(wire.REFUSAL, refusal))


def _run_child(
    orders: Orders, stream: int, job_id: str, memory: int, program: bytes | None, decode: pictures.Decode
) -> None:
    """Lock this child, do the job and exit; never returns."""
    code = 1
    try:
        locks.lock_child(stream, orders.zygote, memory=memory, cpu_s=orders.cpu_s, filter_program=program)
        serve_picture(stream, job_id, decode)
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


def lock_zygote(parent: int) -> tuple[locks.LockReport, bytes | None]:
    """Put all locks on the zygote and prove the filter that its children will get.

    Args:
        parent: process id of the client; the zygote dies with it.

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
    program = seccomp.build_allow_filter()
    is_proven = prove_filter(program)
    report = locks.LockReport(
        landlock=abi, seccomp=is_proven, namespaces=namespaces, capabilities=capabilities, rlimits=True
    )
    return report, program if is_proven else None


def _wait_for_child(control: socket.socket, child: int, job_id: str) -> int | None:
    """Return how a child ended; kill it when told to, or (then return None) when the client is gone."""
    watch = os.pidfd_open(child)
    try:
        poll = select.poll()
        poll.register(watch, select.POLLIN)
        poll.register(control, select.POLLIN)
        is_client_gone = False
        while not any(descriptor == watch for descriptor, _ in poll.poll()):
            message = control.recv(wire.CONTROL_MAX_BYTES)
            is_client_gone = not message
            if is_client_gone or message == f"kill {job_id}".encode():
                os.kill(child, signal.SIGKILL)
                poll.unregister(control)
        _, status = os.waitpid(child, 0)
        return None if is_client_gone else status
    finally:
        os.close(watch)


def serve_jobs(orders: Orders, memory: int, program: bytes | None, decode: pictures.Decode) -> None:
    """Fork a locked child for every job until the client closes the control socket.

    Args:
        orders: the control socket and the limits.
        memory: address space of a child in bytes, all in all.
        program: the children's filter, or None in weak mode.
        decode: what a child does with the bytes of a picture.
    """
    while True:
        message, descriptors, _, _ = socket.recv_fds(orders.control, wire.CONTROL_MAX_BYTES, 1)
        if not message:
            return
        word, _, job_id = message.decode("ascii").partition(" ")
        if word != "job":
            for descriptor in descriptors:
                os.close(descriptor)
            continue  # a kill that came after its child had ended
        wire.check_job_id(job_id)
        (stream,) = descriptors
        child = os.fork()
        if child == 0:
            _run_child(orders, stream, job_id, memory, program, decode)
        os.close(stream)
        status = _wait_for_child(orders.control, child, job_id)
        if status is None:
            return
        orders.control.send(f"ended {job_id} {status}".encode())


def main(arguments: Sequence[str], decode: pictures.Decode = pictures.decode_picture) -> int:
    """Run the zygote until its client goes.

    Args:
        arguments: descriptor, parent, memory in MiB, processor seconds, strict or weak.
        decode: what a child does with a picture; only the tests of the boundary give another.

    Returns:
        Exit code: 0 done, 1 the locks do not hold.
    """
    orders = Orders.read(arguments)
    try:
        pictures.configure_pillow()
        warm_up.decode_everything(decode=pictures.decode_picture)
        sys.meta_path[:] = [_NoMoreImports]
        gc.collect()
        gc.freeze()
        # Counted from what is mapped already; read now because /proc is closed after the locks.
        memory = locks.read_memory_size() + orders.memory_mb * 2**20
        report, program = lock_zygote(orders.parent)
        if program is None and not orders.is_weak:
            raise SandboxUnavailableError
    except SandboxUnavailableError as error:
        orders.control.send(f"failed {error}".encode())
        return 1
    orders.control.send(b"ready " + json.dumps(report.as_dict()).encode())
    serve_jobs(orders, memory, program, decode)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
