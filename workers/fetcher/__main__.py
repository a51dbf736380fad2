"""The fetcher process: it gets bytes from strangers and holds nothing worth taking.

Started by `door.py` as `python -I -B -m workers.fetcher FD` with an empty environment.

1. Everything needed is imported, the event loop and the TLS context are made.
2. The start message gives limits and practice names.
3. The process locks itself: no capabilities, Landlock to Python and the resolver's files and to a few TCP
   ports, a system call filter without Unix sockets, new processes, or listening; resource limits.
4. READY says which of these hold; then jobs are answered one by one until the worker closes.
"""

import asyncio
import os
import resource
import socket
import ssl
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpcore2

from triage.errors import CaptureFailedError, CaptureRefusedError, HotlineError, SandboxUnavailableError
from triage.sandbox import locks
from workers.dialling.policy import ALLOWED_PORTS
from workers.dialling.practice_names import PracticeNames
from workers.fetcher.client import fetch_url
from workers.fetcher.page import MAX_PAGE_BYTES, find_pictures, is_page
from workers.fetcher.wire import FetchLimits, FrameError, receive_frame, send_frame

RESOLVER_FILES = ("resolv.conf", "hosts", "host.conf", "nsswitch.conf", "gai.conf", "services", "protocols")
CERTIFICATE_FOLDERS = ("/etc/ssl", "/etc/pki/tls", "/etc/pki/ca-trust", "/etc/ca-certificates")
DNS_PORT = 53  # long DNS answers come by TCP
MEMORY_BYTES = 2 << 30
OPEN_FILES = 64


def list_readable() -> list[Path]:
    """Return what the process may read: Python, our packages, the resolver's files, the certificates."""
    kept_out = {Path("/etc"), Path("/proc")}
    wanted = [path for path in locks.python_paths() if path not in kept_out]
    wanted += [Path("/etc") / name for name in RESOLVER_FILES]
    wanted += [Path(folder) for folder in CERTIFICATE_FOLDERS]
    defaults = ssl.get_default_verify_paths()
    wanted += [Path(place) for place in (defaults.cafile, defaults.capath) if place]
    return sorted({path.resolve() for path in wanted if path.exists()})


def lock_process(practice: PracticeNames, *, strict: bool) -> dict[str, Any]:
    """Put every lock on this process.

    Args:
        practice: its loopback ports may be dialled too.
        strict: whether to refuse to go on without seccomp.

    Returns:
        What each layer got, by name.

    Raises:
        SandboxUnavailableError: a lock is missing and `strict` is set, or the kernel refused.
    """
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_AS, MEMORY_BYTES),
    ):
        resource.setrlimit(kind, (most, most))
    readable = list_readable()
    ports = sorted(ALLOWED_PORTS | practice.dial_ports() | {DNS_PORT})
    layers: dict[str, Any] = {"capabilities": locks.drop_capabilities(), "rlimits": True}
    try:
        layers["seccomp"] = locks.deny_syscalls()
    except SandboxUnavailableError:
        if strict:
            raise
        layers["seccomp"] = False
    # After seccomp: counting this process's threads needs /proc, which is not among the readable paths.
    layers["landlock"] = locks.lock_filesystem(readable=readable, tcp_connect=ports, tcp_bind=())
    return layers


def answer_job(
    message: dict[str, Any],
    channel: socket.socket,
    loop: asyncio.AbstractEventLoop,
    limits: FetchLimits,
    practice: PracticeNames,
    ssl_context: ssl.SSLContext,
) -> None:
    """Do one job and send the answer (errors become words); a page's pictures follow in a second frame."""
    job = message.get("job")
    try:
        answer = loop.run_until_complete(
            fetch_url(str(message.get("url")), limits, ssl_context, practice=practice)
        )
    except CaptureRefusedError as error:
        send_frame(channel, {"job": job, "refused": str(error)})
        return
    except CaptureFailedError as error:
        send_frame(channel, {"job": job, "failed": str(error)})
        return
    except (OSError, ValueError, MemoryError, RuntimeError) as error:
        send_frame(channel, {"job": job, "failed": f"the fetch ended with {type(error).__name__}"})
        return
    last = answer.hops[-1]
    is_read = 200 <= last.status < 300 and is_page(last.content_type, answer.body)
    frame = {
        "job": job,
        "hops": [asdict(hop) for hop in answer.hops],
        "bytes": len(answer.body),
        "elapsed_ms": answer.elapsed_ms,
        "page": is_read,
    }
    send_frame(channel, frame, answer.body)
    if is_read:
        # One more than wanted is looked for: so that a page that was cut is known to be cut.
        found = find_pictures(answer.body, last.url, limits.max_pictures + 1)
        is_complete = len(answer.body) <= MAX_PAGE_BYTES and len(found) <= limits.max_pictures
        frame = {"job": job, "pictures": found[: limits.max_pictures], "complete": is_complete}
        send_frame(channel, frame)


def serve(channel: socket.socket) -> int:
    """Lock the process and answer jobs until the worker closes; return the exit status."""
    loop = asyncio.new_event_loop()
    loop.run_until_complete(httpcore2.AnyIOBackend().sleep(0))  # imports now what it would import on use
    "a.example".encode("idna")  # likewise
    ssl_context = ssl.create_default_context()
    start = receive_frame(channel)
    if start is None:
        return 0
    try:
        locks.die_with_parent(int(start["parent"]))
        limits = FetchLimits(**start["limits"])
        practice = PracticeNames.from_rows(start["practice"])
        layers = lock_process(practice, strict=limits.strict)
    except HotlineError as error:
        send_frame(channel, {"error": str(error)})
        return 1
    except (OSError, KeyError, TypeError, ValueError) as error:
        send_frame(channel, {"error": f"the fetcher cannot lock itself: {type(error).__name__}"})
        return 1
    send_frame(channel, {"layers": layers})
    while (message := receive_frame(channel)) is not None:
        answer_job(message, channel, loop, limits, practice, ssl_context)
    return 0


def main() -> int:
    """Take over the inherited socket and serve."""
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        try:
            return serve(channel)
        except (FrameError, OSError):
            return 1


if __name__ == "__main__":
    # Not sys.exit: a name server that does not answer must not hold up the end.
    os._exit(main())
