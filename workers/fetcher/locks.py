"""The locks of the fetcher process, each proven alone and together in tests/security/test_layers.py.

1. One thread runs; nothing of the interpreter looks for source text or time zones any more, nothing is imported.
2. The user and IPC namespaces are left where the machine allows it; the network stays, it is what we are for.
3. No capabilities, no new privileges; Landlock: no path at all, TCP only to the ports that may be dialled.
4. Resource limits: no files, no processes, little memory.
5. The system calls of `triage.sandbox.calls.FETCHER`; what is not named there kills the process.
"""

import logging
import os
import resource
import sys
import time
import warnings
from collections.abc import Iterable
from typing import Any

from triage.errors import SandboxUnavailableError
from triage.sandbox import locks
from triage.sandbox.calls import FETCHER

MEMORY_BYTES = 2 << 30
OPEN_FILES = 64


def lock_process(tcp_ports: Iterable[int], *, strict: bool) -> dict[str, Any]:
    """Put every lock on this process; all that it needs later must have been used once before.

    Args:
        tcp_ports: the only ports that may be dialled by TCP, those of the name service and of exits included.
        strict: whether to refuse to go on without seccomp.

    Returns:
        What each layer got, by name.

    Raises:
        SandboxUnavailableError: a lock is missing and `strict` is set, or the kernel refused.
    """
    locks.require_one_task()
    parent = os.getppid()
    _silence_interpreter()
    namespaces = locks.leave_namespaces(keep_network=True)
    capabilities = locks.drop_capabilities()
    locks.refuse_privileges()
    abi = locks.lock_filesystem(readable=(), tcp_connect=sorted(set(tcp_ports)), tcp_bind=())
    # After the namespaces: entering one may take the wish to die with the parent away.
    locks.die_with_parent(parent)
    limit_resources()
    locks.forbid_imports()
    try:
        is_filtered = locks.filter_calls(FETCHER)
    except SandboxUnavailableError:
        if strict:
            raise
        is_filtered = False
    report = locks.LockReport(
        landlock=abi, seccomp=is_filtered, namespaces=namespaces, capabilities=capabilities, rlimits=True
    )
    return report.as_dict()


def limit_resources() -> None:
    """Limit this process: memory and descriptors; no bytes into files, no dumps, no process or thread more."""
    for kind, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        resource.setrlimit(kind, (most, most))


def _silence_interpreter() -> None:
    """Switch off what would open files unasked: tracebacks (source text), warnings (likewise), time zones."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    sys.excepthook = lambda *_: None
    sys.unraisablehook = lambda *_: None
    os.environ["TZ"] = "UTC0"
    time.tzset()
