"""Landlock: which files, ports and neighbours this process and its children may reach.

Governed by the kernel's own page, https://docs.kernel.org/userspace-api/landlock.html (ABI 1 to 7, read in
November 2026). A restriction can only be tightened, never taken back, and every child inherits it.

What Landlock does not stop: stat(2), UDP, Unix sockets with a path. For the decoder seccomp stops those.
"""

import os
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

from triage.errors import SandboxUnavailableError
from triage.sandbox import kernel

# These three have the same number on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION = 1
_RULE_PATH, _RULE_PORT = 1, 2

EXECUTE = 1 << 0
WRITE_FILE = 1 << 1
READ_FILE = 1 << 2
READ_DIR = 1 << 3
REMOVE_DIR = 1 << 4
REMOVE_FILE = 1 << 5
MAKE_DIR = 1 << 7
MAKE_REG = 1 << 8
MAKE_SOCK = 1 << 9
MAKE_FIFO = 1 << 10
MAKE_SYM = 1 << 12
REFER = 1 << 13
TRUNCATE = 1 << 14
IOCTL_DEV = 1 << 15

BIND_TCP = 1 << 0
CONNECT_TCP = 1 << 1
SCOPE_ABSTRACT_SOCKETS = 1 << 0
SCOPE_SIGNALS = 1 << 1

_READ = READ_FILE | READ_DIR
_FILE_ONLY = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
_CHANGE_FOLDER = REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_SOCK | MAKE_FIFO | MAKE_SYM | REFER
# Device files are never made, so MAKE_CHAR and MAKE_BLOCK are handled (hence denied) and never granted.
_WRITE = _READ | WRITE_FILE | TRUNCATE | _CHANGE_FOLDER


def read_abi() -> int:
    """Return the Landlock ABI of this kernel, 1 or more, or 0 where it has none or has it switched off."""
    try:
        return kernel.call_kernel(_CREATE_RULESET, None, 0, _ASK_VERSION)
    except OSError:
        return 0


def _handled_files(abi: int) -> int:
    handled = (1 << 13) - 1
    for since, right in ((2, REFER), (3, TRUNCATE), (5, IOCTL_DEV)):
        if abi >= since:
            handled |= right
    return handled


def _create_ruleset(abi: int, files: int, ports: int, scoped: int) -> int:
    attributes = struct.pack("=Q", files)
    if abi >= 4:
        attributes += struct.pack("=Q", ports)
    if abi >= 6:
        attributes += struct.pack("=Q", scoped)
    return kernel.call_kernel(_CREATE_RULESET, attributes, len(attributes), 0)


def _allow_paths(ruleset: int, paths: Iterable[Path], rights: int, handled: int) -> None:
    for path in paths:
        try:
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError as error:
            raise SandboxUnavailableError(f"Cannot allow {path}: {error.strerror}") from None
        try:
            allowed = rights & handled
            if not Path(f"/proc/self/fd/{place}").is_dir():
                allowed &= _FILE_ONLY
            kernel.call_kernel(_ADD_RULE, ruleset, _RULE_PATH, struct.pack("=Qi", allowed, place), 0)
        finally:
            os.close(place)


def _allow_ports(ruleset: int, ports: Iterable[int], right: int) -> None:
    for port in ports:
        kernel.call_kernel(_ADD_RULE, ruleset, _RULE_PORT, struct.pack("=QQ", right, port), 0)


def restrict_process(
    *,
    readable: Sequence[Path] = (),
    writable: Sequence[Path] = (),
    executable: Sequence[Path] = (),
    tcp_connect: Sequence[int] | None = None,
    tcp_bind: Sequence[int] | None = None,
    scope: bool = True,
) -> int:
    """Restrict the calling thread (and all its children to come) to the given paths and ports.

    Args:
        readable: files or folders that may be read; a folder counts with all below it.
        writable: the same, read and changed.
        executable: the same, read and executed.
        tcp_connect: TCP ports that may be dialled; None leaves dialling free, () forbids it.
        tcp_bind: TCP ports that may be bound; None leaves binding free, () forbids it.
        scope: whether to forbid signals and abstract Unix sockets to processes outside.

    Returns:
        The Landlock ABI in force, 1 or more; 0 where this kernel has none and nothing was restricted. Ports
        need ABI 4 and scopes ABI 6; on older kernels only the files are restricted.

    Raises:
        SandboxUnavailableError: a path does not exist, or the kernel refused.
    """
    abi = read_abi()
    if abi == 0:
        return 0
    handled = _handled_files(abi)
    ports = (CONNECT_TCP if tcp_connect is not None else 0) | (BIND_TCP if tcp_bind is not None else 0)
    scoped = SCOPE_ABSTRACT_SOCKETS | SCOPE_SIGNALS if scope else 0
    try:
        ruleset = _create_ruleset(abi, handled, ports, scoped)
        try:
            _allow_paths(ruleset, readable, _READ, handled)
            _allow_paths(ruleset, executable, _READ | EXECUTE, handled)
            _allow_paths(ruleset, writable, _WRITE, handled)
            if abi >= 4:
                _allow_ports(ruleset, tcp_connect or (), CONNECT_TCP)
                _allow_ports(ruleset, tcp_bind or (), BIND_TCP)
            kernel.set_process_option(kernel.PR_SET_NO_NEW_PRIVS, 1)
            kernel.call_kernel(_RESTRICT_SELF, ruleset, 0)
        finally:
            os.close(ruleset)
    except OSError as error:
        raise SandboxUnavailableError(f"Landlock refused: {error.strerror}") from None
    return abi
