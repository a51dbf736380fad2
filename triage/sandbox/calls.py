"""The system calls that a locked process may make, as tables: name, number, reason, and what its arguments must be.

Three profiles: `DECODER` for the child that decodes a picture, `HEIC` for the same where the library starts
threads, `FETCHER` for the process that gets bytes from strangers. What a profile does not name kills the process.
Numbers are those of x86_64 (arch/x86/entry/syscalls/syscall_64.tbl); `seccomp.py` makes filters of them.
"""

import errno
import socket
from dataclasses import dataclass

PROT_EXEC = 4
FIONBIO = 0x5421  # ioctl: make a socket blocking or not
# What the C library's pthread_create asks of clone: a thread, that shares all and nothing new. musl adds one bit.
_THREAD_FLAGS = (0x003D0F00, 0x007D0F00)
_ANY_BITS = 0xFFFFFFFF
_SOCKET_FLAGS = socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC


@dataclass(frozen=True, slots=True)
class Argument:
    """What one argument of a call must be.

    Attributes:
        place: 0-5.
        values: its low 32 bits, after the mask, are one of these.
        mask: the bits that are looked at.
    """

    place: int
    values: tuple[int, ...]
    mask: int = _ANY_BITS


@dataclass(frozen=True, slots=True)
class Call:
    """A call that may be made, if all its arguments are as they must be.

    Several rows may name the same call; one that holds is enough.

    Attributes:
        name: as in the kernel's table.
        number: on x86_64.
        reason: what it is needed for.
        arguments: all must hold; empty: whatever they are.
    """

    name: str
    number: int
    reason: str
    arguments: tuple[Argument, ...] = ()


@dataclass(frozen=True, slots=True)
class Probe:
    """A call that a library only tries, with another way when it is not there.

    Attributes:
        name: as in the kernel's table.
        number: on x86_64.
        answer: the error number that it gets.
        reason: who tries it, and what happens then.
    """

    name: str
    number: int
    answer: int
    reason: str


@dataclass(frozen=True, slots=True)
class Profile:
    """All that one kind of process may ask of the kernel.

    Attributes:
        name: decoder, heic or fetcher.
        calls: what may be made.
        probes: what is answered with an error; all else kills.
        threads: the most threads beside the first one.
    """

    name: str
    calls: tuple[Call, ...]
    probes: tuple[Probe, ...] = ()
    threads: int = 0


_NOT_EXECUTABLE = (Argument(2, (0,), mask=PROT_EXEC),)

_MEMORY: tuple[Call, ...] = (
    Call("mmap", 9, "take memory, never executable", _NOT_EXECUTABLE),
    Call("mprotect", 10, "change memory, never to executable", _NOT_EXECUTABLE),
    Call("munmap", 11, "give memory back"),
    Call("brk", 12, "malloc"),
    Call("mremap", 25, "realloc of large blocks"),
    Call("madvise", 28, "malloc gives pages back"),
)

_RUNNING: tuple[Call, ...] = (
    Call("futex", 202, "locks, among them the interpreter's own"),
    Call("restart_syscall", 219, "the kernel's own, after a stop and a continue"),
    Call("clock_gettime", 228, "time, where the vDSO cannot tell it"),
    Call("exit_group", 231, "the end"),
    Call("getrandom", 318, "seeds of hash tables, keys of TLS"),
)

DECODER_CALLS: tuple[Call, ...] = (
    Call("read", 0, "take the picture and the command from the one open descriptor"),
    Call("write", 1, "answer on it"),
    Call("close", 3, "close it"),
    Call("sched_yield", 24, "waiting locks of the maths library"),
    *_MEMORY,
    *_RUNNING,
)

HEIC_CALLS: tuple[Call, ...] = (
    *DECODER_CALLS,
    Call("rt_sigprocmask", 14, "a thread starts with all signals blocked"),
    Call(
        "clone",
        56,
        "start a thread of this process, by the flags of pthread_create",
        (Argument(0, _THREAD_FLAGS),),
    ),
    Call("exit", 60, "a thread ends"),
    Call("rseq", 334, "a thread's restartable sequences; the C library aborts without"),
)

HEIC_PROBES: tuple[Probe, ...] = (
    Probe(
        "clone3", 435, errno.ENOSYS, "the C library tries it first; its flags lie in memory, clone's are seen"
    ),
    Probe(
        "set_robust_list", 273, errno.ENOSYS, "a thread names locks shared with other processes: it has none"
    ),
)

FETCHER_CALLS: tuple[Call, ...] = (
    Call("close", 3, "close a connection"),
    Call("ioctl", 16, "make a socket one that does not wait", (Argument(1, (FIONBIO,)),)),
    Call("getpid", 39, "the TLS library asks whether it was forked, before it draws random numbers"),
    Call(
        "socket",
        41,
        "a TCP connection over IPv4 or IPv6",
        (
            Argument(0, (socket.AF_INET, socket.AF_INET6)),
            Argument(1, (socket.SOCK_STREAM,), mask=_ANY_BITS & ~_SOCKET_FLAGS),
            Argument(2, (0, socket.IPPROTO_TCP)),
        ),
    ),
    Call(
        "socket",
        41,
        "a question to the name service by UDP",
        (
            Argument(0, (socket.AF_INET, socket.AF_INET6)),
            Argument(1, (socket.SOCK_DGRAM,), mask=_ANY_BITS & ~_SOCKET_FLAGS),
            Argument(2, (0, socket.IPPROTO_UDP)),
        ),
    ),
    Call("connect", 42, "dial an address that was checked; TCP ports are Landlock's to judge"),
    Call("sendto", 44, "send a request, a question to the name service, an answer to the worker"),
    Call("recvfrom", 45, "receive"),
    Call("sendmsg", 46, "send several parts at once: the event loop from Python 3.12 on"),
    Call("getsockname", 51, "the event loop notes the ends of a connection"),
    Call("getpeername", 52, "the address that was really dialled, to be checked once more"),
    Call(
        "setsockopt",
        54,
        "send small requests at once (TCP_NODELAY)",
        (Argument(1, (socket.IPPROTO_TCP,)), Argument(2, (socket.TCP_NODELAY,))),
    ),
    Call(
        "getsockopt",
        55,
        "whether a connection came about (SO_ERROR)",
        (Argument(1, (socket.SOL_SOCKET,)), Argument(2, (socket.SO_ERROR,))),
    ),
    Call("epoll_wait", 232, "wait for any connection"),
    Call("epoll_ctl", 233, "say for which"),
    *_MEMORY,
    *_RUNNING,
)

FETCHER_PROBES: tuple[Probe, ...] = (
    Probe(
        "sysinfo", 99, errno.ENOSYS, "the C library's sort asks how much memory there is, and does without"
    ),
)

DECODER = Profile("decoder", DECODER_CALLS)
HEIC = Profile("heic", HEIC_CALLS, HEIC_PROBES, threads=32)
FETCHER = Profile("fetcher", FETCHER_CALLS, FETCHER_PROBES)
