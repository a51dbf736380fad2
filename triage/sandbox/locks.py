"""The locks a process puts on itself: capabilities, namespaces, Landlock, seccomp, resource limits.

Which process takes which:
1. web, worker and sweep call `lock_process` in the first lines of their `__main__`: no capabilities, no new
   privileges, not readable by siblings, only named folders.
2. the fetcher takes all of them, with no readable path and a few ports, see `workers/fetcher/locks.py`; then
   only the calls of `calls.FETCHER` are left.
3. the decoder zygote calls `leave_namespaces` and `lock_filesystem` with nothing allowed; each of its
   children calls `lock_child`, after which only the calls of `calls.DECODER` (or `calls.HEIC`) are left.

All of these hold for one thread and what it starts, so they are refused once a second thread runs.
"""

import importlib.util
import os
import platform
import resource
import signal
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path

from triage.errors import SandboxUnavailableError
from triage.sandbox import kernel, landlock, seccomp
from triage.sandbox.calls import DECODER, Profile

OUR_PACKAGES = ("hashsets", "triage", "workers", "api")
_SYSTEM_FOLDERS = ("/usr", "/lib", "/lib64", "/bin", "/etc")
_SYSTEM_FILES = ("/dev/zero", "/dev/urandom", "/dev/random", "/etc/resolv.conf", "/etc/localtime")
_NULL = Path("/dev/null")
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class LockReport:
    """What each layer got.

    Attributes:
        landlock: the Landlock ABI in force, 1 or more; 0 where the kernel has none.
        seccomp: whether a system call filter is (or, for the zygote, will be on every child) in force.
        namespaces: whether the process left its user, network and IPC namespaces.
        capabilities: whether it holds no capability any more.
        rlimits: whether resource limits are in force on every child.
    """

    landlock: int = 0
    seccomp: bool = False
    namespaces: bool = False
    capabilities: bool = False
    rlimits: bool = False

    def as_dict(self) -> dict[str, int | bool]:
        """Return the report as plain values, for a log or for JSON."""
        return asdict(self)


def count_tasks() -> int:
    """Return the number of threads of this process, 1 or more."""
    return sum(1 for _ in (_PROC / "self" / "task").iterdir())


def require_one_task() -> None:
    """Raise SandboxUnavailableError when a second thread runs: the locks would not hold for it."""
    number = count_tasks()
    if number != 1:
        raise SandboxUnavailableError(f"Cannot lock a process that already runs {number} threads.")


def python_paths() -> list[Path]:
    """Return what a Python process of this installation reads and executes, resolved, without repeats.

    The interpreter, the virtual environment, the folders of our own packages, the system's libraries and
    settings. Never the folder above our packages: the state folder may lie there.

    Returns:
        Existing absolute folders and files.
    """
    wanted = [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix]
    wanted += sysconfig.get_paths().values()
    wanted += [entry for entry in sys.path if Path(entry).name in {"site-packages", "dist-packages"}]
    wanted += [str(Path(sys.executable).resolve().parent)]
    for name in OUR_PACKAGES:
        spec = importlib.util.find_spec(name)
        wanted += list(spec.submodule_search_locations or ()) if spec else []
    wanted += [*_SYSTEM_FOLDERS, *_SYSTEM_FILES]
    found = {Path(entry).resolve() for entry in wanted if entry and Path(entry).exists()}
    found.discard(Path("/"))
    kept = [path for path in sorted(found) if not any(parent in found for parent in path.parents)]
    return [*kept, _PROC]


def lock_filesystem(
    *,
    readable: Sequence[Path],
    writable: Sequence[Path] = (),
    executable: Sequence[Path] = (),
    tcp_connect: Sequence[int] | None = None,
    tcp_bind: Sequence[int] | None = None,
    scope: bool = True,
) -> int:
    """Allow this process and its children only the given paths and ports, with Landlock.

    Args:
        readable: files or folders (with all below) that may be read.
        writable: the same, read and changed.
        executable: the same, read and executed.
        tcp_connect: TCP ports that may be dialled; None leaves dialling free, () forbids it.
        tcp_bind: TCP ports that may be bound; None leaves binding free, () forbids it.
        scope: whether signals and abstract Unix sockets to processes outside are forbidden.

    Returns:
        The Landlock ABI in force, or 0 where the kernel has none and nothing was restricted.

    Raises:
        SandboxUnavailableError: a second thread runs, a path is missing, or the kernel refused.
    """
    require_one_task()
    return landlock.restrict_process(
        readable=readable,
        writable=writable,
        executable=executable,
        tcp_connect=tcp_connect,
        tcp_bind=tcp_bind,
        scope=scope,
    )


def drop_capabilities() -> bool:
    """Give up every capability of this thread for good: bounding, ambient, permitted, inheritable.

    Does nothing where none is held. Root without capabilities stays uid 0 and still owns root's files.

    Returns:
        True: no capability is left.

    Raises:
        SandboxUnavailableError: some capability could not be given up.
    """
    if kernel.read_capabilities() == 0:
        return True
    try:
        kernel.set_process_option(kernel.PR_CAP_AMBIENT, kernel.PR_CAP_AMBIENT_CLEAR_ALL)
        for number in range(64):
            try:
                kernel.set_process_option(kernel.PR_CAPBSET_READ, number)
            except OSError:
                break  # this kernel knows no capability of that number, nor any higher
            kernel.set_process_option(kernel.PR_CAPBSET_DROP, number)
        kernel.clear_capabilities()
    except OSError as error:
        raise SandboxUnavailableError(f"Cannot give up capabilities: {error.strerror}") from None
    if kernel.read_capabilities() != 0:
        raise SandboxUnavailableError("Some capability is still held.")
    return True


def refuse_privileges() -> None:
    """Set no_new_privs (set-uid programs gain nothing) and hide this process's memory from its siblings."""
    kernel.set_process_option(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.set_process_option(kernel.PR_SET_DUMPABLE, 0)


def lock_process(
    readable: Sequence[Path],
    writable: Sequence[Path],
    *,
    tcp_connect: Sequence[int] | None = None,
    tcp_bind: Sequence[int] | None = None,
) -> LockReport:
    """Lock a long-running process of ours into its own folders; call it before any thread starts.

    Python, the virtual environment, /usr, /etc and /proc stay readable, /dev/null writable. /proc is not
    writable: root without capabilities could still write /proc/sys and so start programs outside.

    Args:
        readable: own files and folders to read.
        writable: own folders to change.
        tcp_connect: TCP ports that may be dialled; None leaves dialling free, () forbids it.
        tcp_bind: TCP ports that may be bound; None leaves binding free, () forbids it.

    Returns:
        What each layer got; `landlock` is 0 where the kernel has none.

    Raises:
        SandboxUnavailableError: a second thread runs, a path is missing, or the kernel refused.
    """
    require_one_task()
    capabilities = drop_capabilities()
    refuse_privileges()
    abi = lock_filesystem(
        readable=readable,
        writable=[*writable, _NULL],
        executable=python_paths(),
        tcp_connect=tcp_connect,
        tcp_bind=tcp_bind,
    )
    return LockReport(landlock=abi, capabilities=capabilities)


def filter_calls(profile: Profile) -> bool:
    """Put a profile's filter on this process: what its table does not name kills it.

    Returns:
        True: the filter is in force.

    Raises:
        SandboxUnavailableError: another architecture, or the kernel refused.
    """
    seccomp.install_filter(seccomp.build_allow_filter(profile))
    return True


def leave_namespaces(*, keep_network: bool = False) -> bool:
    """Leave the user, IPC and network namespaces of the parent, where this machine allows it.

    No user is mapped: nothing needs one, and it would need a writable /proc.

    Args:
        keep_network: stay in the network namespace, for who has to dial out.

    Returns:
        Whether it was allowed; a host may forbid it, then the other layers stand alone.
    """
    flags = kernel.CLONE_NEWUSER | kernel.CLONE_NEWIPC
    try:
        kernel.unshare(flags if keep_network else flags | kernel.CLONE_NEWNET)
    except OSError:
        return False
    return True


class _NoMoreImports:
    """A finder that finds nothing; without it a late import would open a file and kill the process."""

    @staticmethod
    def find_spec(_name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        raise ModuleNotFoundError("nothing is imported after the locks")


def forbid_imports() -> None:
    """Make every import of what is not loaded yet a ModuleNotFoundError, which its caller may survive."""
    sys.meta_path[:] = [_NoMoreImports]


def die_with_parent(parent: int) -> None:
    """Be killed when the parent's starting thread ends; exit now if that process id is gone already."""
    kernel.set_process_option(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(70)


def read_memory_size() -> int:
    """Return the address space of this process (VmSize), in bytes."""
    pages = int((_PROC / "self" / "statm").read_text().split()[0])
    return pages * resource.getpagesize()


def limit_resources(memory: int, cpu_s: int, *, threads: int | None = 0) -> None:
    """Limit this process: address space, processor time, and no files, descriptors, processes or dumps.

    Args:
        memory: address space in bytes, all in all.
        cpu_s: processor time in seconds, from 1.
        threads: how many threads and processes its user may start more; None leaves that limit as it is. It
            never binds root.
    """
    kinds = [
        resource.RLIMIT_FSIZE,
        resource.RLIMIT_NOFILE,
        resource.RLIMIT_CORE,
        resource.RLIMIT_MEMLOCK,
        resource.RLIMIT_MSGQUEUE,
    ]
    for kind in kinds:
        resource.setrlimit(kind, (0, 0))
    if threads is not None:
        # The zygote, this child and the one that waits count too, where anything may be started at all.
        most = threads + 3 if threads else 0
        resource.setrlimit(resource.RLIMIT_NPROC, (most, most))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))


def lock_child(
    keep: int,
    parent: int,
    *,
    memory: int,
    cpu_s: int,
    filter_program: bytes | None,
    profile: Profile = DECODER,
    left_namespaces: bool = False,
) -> None:
    """Lock a freshly forked decoding child: from here on it can only compute and talk over one descriptor.

    Args:
        keep: the one descriptor that stays open.
        parent: process id of the zygote; the child dies with it.
        memory: address space in bytes, all in all.
        cpu_s: processor time in seconds, from 1.
        filter_program: what `seccomp.build_allow_filter(profile)` returned, or None in weak mode.
        profile: says how many threads it may start.
        left_namespaces: whether the zygote has a user namespace of its own: only there are the child's threads
            counted apart from everything else that runs under the same account.

    Raises:
        OSError: a limit was refused.
        SandboxUnavailableError: the filter was refused.
    """
    os.setsid()
    die_with_parent(parent)
    os.closerange(0, keep)
    os.closerange(keep + 1, 1 << 20)
    is_counted = profile.threads == 0 or left_namespaces
    limit_resources(memory, cpu_s, threads=profile.threads if is_counted else None)
    if filter_program is not None:
        seccomp.install_filter(filter_program)


def describe_machine() -> dict[str, int | str]:
    """Return what this machine offers, for `hotline doctor`: the processor and the Landlock ABI (or 0)."""
    return {"processor": platform.machine(), "landlock": landlock.read_abi()}
