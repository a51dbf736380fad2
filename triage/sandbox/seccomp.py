"""seccomp: which system calls a process may make, as tables.

Two filters are built from them: `allow_only` for the decoder's child (everything not named kills it) and
`deny_listed` for the fetcher (what is named answers "not permitted"). Numbers are those of x86_64
(arch/x86/entry/syscalls/syscall_64.tbl). Other architectures are refused until their table has been run.
"""

import ctypes
import errno
import platform
import socket
import struct

from triage.errors import SandboxUnavailableError
from triage.sandbox import kernel

ALLOWED_CALLS: tuple[tuple[str, int, str], ...] = (
    ("read", 0, "take the picture and the command from the one open descriptor"),
    ("write", 1, "answer on it"),
    ("close", 3, "close it"),
    ("munmap", 11, "give memory back"),
    ("brk", 12, "malloc"),
    ("mremap", 25, "realloc of large blocks"),
    ("madvise", 28, "malloc gives pages back"),
    ("sched_yield", 24, "waiting locks of the maths library"),
    ("futex", 202, "locks, among them the interpreter's own"),
    ("restart_syscall", 219, "the kernel's own, after a stop and a continue"),
    ("clock_gettime", 228, "time, where the vDSO cannot tell it"),
    ("getrandom", 318, "seeds of hash tables"),
    ("exit_group", 231, "the end"),
)
"""Name, number and reason of every call that a decoding child may make without conditions."""

ALLOWED_WITHOUT_EXEC: tuple[tuple[str, int, str], ...] = (
    ("mmap", 9, "take memory, never executable"),
    ("mprotect", 10, "change memory, never to executable"),
)
"""The same, allowed only when the protection asked for has no PROT_EXEC."""

DENIED_CALLS: tuple[tuple[str, int], ...] = (
    # new programs and processes
    ("fork", 57), ("vfork", 58), ("execve", 59), ("execveat", 322),
    # other processes
    ("kill", 62), ("tkill", 200), ("tgkill", 234), ("rt_sigqueueinfo", 129), ("rt_tgsigqueueinfo", 297),
    ("ptrace", 101), ("process_vm_readv", 310), ("process_vm_writev", 311), ("process_madvise", 440),
    ("process_mrelease", 448), ("kcmp", 312), ("pidfd_send_signal", 424), ("pidfd_open", 434),
    ("pidfd_getfd", 438),
    # being reached
    ("bind", 49), ("listen", 50),
    # code and data outside the file rules
    ("memfd_create", 319), ("memfd_secret", 447), ("name_to_handle_at", 303), ("open_by_handle_at", 304),
    # large, rarely needed parts of the kernel
    ("io_uring_setup", 425), ("io_uring_enter", 426), ("io_uring_register", 427), ("bpf", 321),
    ("userfaultfd", 323), ("perf_event_open", 298), ("add_key", 248), ("request_key", 249), ("keyctl", 250),
    # namespaces, mounts, modules
    ("unshare", 272), ("setns", 308), ("pivot_root", 155), ("chroot", 161), ("mount", 165), ("umount2", 166),
    ("open_tree", 428), ("move_mount", 429), ("fsopen", 430), ("fsconfig", 431), ("fsmount", 432),
    ("fspick", 433), ("mount_setattr", 442), ("init_module", 175), ("delete_module", 176),
    ("finit_module", 313), ("kexec_load", 246), ("kexec_file_load", 320),
)  # fmt: skip
"""Name and number of every call that the fetcher is refused with EPERM, whatever its arguments."""

_NETLINK = 16  # by which the resolver asks for this machine's addresses
SOCKET_FAMILIES = (socket.AF_INET, socket.AF_INET6, _NETLINK)
"""The families in which the fetcher may open a socket: no Unix sockets, hence no database and no queue."""

_SOCKET, _CLONE, _CLONE3 = 41, 56, 435
_CLONE_THREAD = 0x00010000
_NEWEST_KNOWN = 462  # newer calls were not looked at: they do not exist for the fetcher

_SECCOMP = 317
_SET_MODE_FILTER = 1
_AUDIT_ARCH_X86_64 = 0xC000003E
_X32_BIT = 0x40000000
_PROT_EXEC = 4

KILL = 0x80000000
ALLOW = 0x7FFF0000
REFUSE = 0x00050000 | errno.EPERM
UNKNOWN = 0x00050000 | errno.ENOSYS

# Classic BPF: load a word, three ways to jump, return.
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _IF_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_AT_NUMBER, _AT_ARCHITECTURE = 0, 4


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _low_word_of(argument: int) -> bytes:
    # Arguments are 64 bits wide; every flag that is asked for here lies in the low half (little endian).
    return _step(_LOAD, 16 + 8 * argument)


def _begin() -> list[bytes]:
    """Kill on a foreign architecture and on x32 numbers, then leave the call's number in the accumulator."""
    return [
        _step(_LOAD, _AT_ARCHITECTURE),
        _step(_IF_EQUAL, _AUDIT_ARCH_X86_64, if_true=1),
        _step(_RETURN, KILL),
        _step(_LOAD, _AT_NUMBER),
        _step(_IF_AT_LEAST, _X32_BIT, if_false=1),
        _step(_RETURN, KILL),
    ]


def _answer(number: int, verdict: int) -> list[bytes]:
    return [_step(_IF_EQUAL, number, if_false=1), _step(_RETURN, verdict)]


def _answer_by_bits(number: int, argument: int, bits: int, if_set: int, if_clear: int) -> list[bytes]:
    return [
        _step(_IF_EQUAL, number, if_false=4),
        _low_word_of(argument),
        _step(_IF_ANY_BIT, bits, if_false=1),
        _step(_RETURN, if_set),
        _step(_RETURN, if_clear),
    ]


def build_allow_filter() -> bytes:
    """Return the filter of the decoder's child: 8 bytes a step; what no table names kills the process."""
    steps = _begin()
    for _name, number, _reason in ALLOWED_WITHOUT_EXEC:
        steps += _answer_by_bits(number, 2, _PROT_EXEC, if_set=KILL, if_clear=ALLOW)
    for _name, number, _reason in ALLOWED_CALLS:
        steps += _answer(number, ALLOW)
    return b"".join([*steps, _step(_RETURN, KILL)])


def build_deny_filter() -> bytes:
    """Return the filter of the fetcher: 8 bytes a step; threads work, processes and Unix sockets do not."""
    steps = _begin()
    steps += [_step(_IF_AT_LEAST, _NEWEST_KNOWN + 1, if_false=1), _step(_RETURN, UNKNOWN)]
    # clone3 hides its flags in memory; without it the C library falls back to clone, whose flags are seen.
    steps += _answer(_CLONE3, UNKNOWN)
    steps += _answer_by_bits(_CLONE, 0, _CLONE_THREAD, if_set=ALLOW, if_clear=REFUSE)
    families = [word for family in SOCKET_FAMILIES for word in _answer(family, ALLOW)]
    block = [_low_word_of(0), *families, _step(_RETURN, REFUSE)]
    steps += [_step(_IF_EQUAL, _SOCKET, if_false=len(block)), *block]
    for _name, number in DENIED_CALLS:
        steps += _answer(number, REFUSE)
    return b"".join([*steps, _step(_RETURN, ALLOW)])


def install_filter(program: bytes) -> None:
    """Put a filter on the calling thread and all its children, for good.

    Args:
        program: classic BPF, 8 bytes a step; no_new_privs must be set already.

    Raises:
        SandboxUnavailableError: this architecture's table was never run, or the kernel refused.
    """
    if platform.machine() != "x86_64":
        raise SandboxUnavailableError("No tested system call table for this processor: x86_64 only.")
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("=H6xQ", len(program) // 8, ctypes.addressof(code))
    try:
        kernel.call_kernel(_SECCOMP, _SET_MODE_FILTER, 0, header)
    except OSError as error:
        raise SandboxUnavailableError(f"seccomp refused: {error.strerror}") from None
