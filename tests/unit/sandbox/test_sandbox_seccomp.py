"""The filters decide as their tables say: every program is run here, step by step, for every call number."""

import re
import socket
import struct
from pathlib import Path

import pytest

from triage.sandbox import seccomp
from triage.sandbox.calls import DECODER, FETCHER, HEIC, Argument, Call, Profile

X86_64 = 0xC000003E
PROT_READ_WRITE, PROT_READ_EXEC = 3, 5
MMAP, MPROTECT, IOCTL, SOCKET, SETSOCKOPT, GETSOCKOPT, CLONE, CLONE3 = 9, 10, 16, 41, 54, 55, 56, 435
HEADER = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
THREAD = 0x003D0F00

NUMBERS = {
    "read": 0, "write": 1, "close": 3, "mmap": 9, "mprotect": 10, "munmap": 11, "brk": 12, "rt_sigprocmask": 14,
    "ioctl": 16, "sched_yield": 24, "mremap": 25, "madvise": 28, "getpid": 39, "socket": 41, "connect": 42,
    "sendto": 44, "recvfrom": 45, "sendmsg": 46, "getsockname": 51, "getpeername": 52,
    "setsockopt": 54, "getsockopt": 55, "clone": 56, "exit": 60, "sysinfo": 99, "futex": 202,
    "restart_syscall": 219, "clock_gettime": 228, "exit_group": 231, "epoll_wait": 232, "epoll_ctl": 233,
    "set_robust_list": 273, "getrandom": 318, "rseq": 334, "clone3": 435,
}  # fmt: skip


def run_filter(
    program: bytes, number: int, arguments: tuple[int, ...] = (), architecture: int = X86_64
) -> int:
    """Return the verdict of a classic BPF program on one system call."""
    words = struct.pack("=IIQ6Q", number, architecture, 0, *(arguments + (0,) * 6)[:6])
    steps = list(struct.iter_unpack("=HBBI", program))
    accumulator, place = 0, 0
    while True:
        code, if_true, if_false, value = steps[place]
        place += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", words, value)
        elif code == 0x54:
            accumulator &= value
        elif code == 0x06:
            return value
        else:
            holds = {0x15: accumulator == value, 0x35: accumulator >= value}
            place += if_true if holds[code] else if_false


TABLES = {profile.name: profile for profile in (DECODER, HEIC, FETCHER)}
PROGRAMS = {name: seccomp.build_allow_filter(profile) for name, profile in TABLES.items()}
PROFILES = pytest.mark.parametrize("profile", TABLES.values(), ids=TABLES.keys())


def is_allowed(profile: Profile, number: int, *arguments: int) -> bool:
    verdict = run_filter(PROGRAMS[profile.name], number, arguments)
    assert verdict in {seccomp.ALLOW, seccomp.KILL}
    return verdict == seccomp.ALLOW


def fit(call: Call) -> tuple[int, ...]:
    """Return arguments that a row of a table asks for."""
    wanted = {one.place: one.values[0] for one in call.arguments}
    return tuple(wanted.get(place, 0) for place in range(6))


@PROFILES
def test_foreign_architectures_and_x32_are_killed(profile: Profile) -> None:
    program = PROGRAMS[profile.name]
    assert run_filter(program, 0, architecture=0x40000003) == seccomp.KILL
    for number in (0x40000000, 0x40000000 + SOCKET, 0xFFFFFFFF):
        assert run_filter(program, number) == seccomp.KILL


@PROFILES
def test_what_no_table_names_is_killed(profile: Profile) -> None:
    named = {call.number for call in profile.calls} | {probe.number for probe in profile.probes}
    for number in set(range(1024)) - named:
        assert not is_allowed(profile, number), number


@PROFILES
def test_every_row_holds_and_every_probe_gets_its_answer(profile: Profile) -> None:
    for call in profile.calls:
        assert is_allowed(profile, call.number, *fit(call)), call.name
    for probe in profile.probes:
        verdict = run_filter(PROGRAMS[profile.name], probe.number)
        assert verdict == seccomp.answer_with(probe.answer), probe.name


@PROFILES
def test_every_row_has_a_reason_and_the_number_of_the_kernel(profile: Profile) -> None:
    rows = [*profile.calls, *profile.probes]
    assert all(row.reason for row in rows)
    assert {row.name: row.number for row in rows} == {row.name: NUMBERS[row.name] for row in rows}
    assert not {call.number for call in profile.calls} & {probe.number for probe in profile.probes}


def test_the_frozen_numbers_are_those_of_the_header() -> None:
    used = {row.name for profile in TABLES.values() for row in (*profile.calls, *profile.probes)}
    assert used == set(NUMBERS), "the frozen copy holds what is in use, and nothing else"
    if HEADER.exists():
        found = dict(re.findall(r"#define __NR_(\w+) (\d+)", HEADER.read_text()))
        assert {name: int(found[name]) for name in NUMBERS} == NUMBERS


OPENING = {
    "open",
    "openat",
    "openat2",
    "creat",
    "stat",
    "newfstatat",
    "statx",
    "memfd_create",
    "fcntl",
    "dup",
}
STARTING = {"fork", "vfork", "execve", "execveat", "clone3", "unshare", "setns", "prctl", "seccomp"}
REACHING = {"kill", "tgkill", "ptrace", "process_vm_readv", "bind", "listen", "accept", "accept4", "recvmsg"}


@PROFILES
def test_no_table_holds_what_opens_starts_or_reaches_others(profile: Profile) -> None:
    assert not {call.name for call in profile.calls} & (OPENING | STARTING | REACHING)


@pytest.mark.parametrize(("profile", "most"), [(DECODER, 15), (HEIC, 19), (FETCHER, 26)])
def test_every_new_call_widens_the_boundary(profile: Profile, most: int) -> None:
    assert len(profile.calls) <= most, "think twice"


@PROFILES
@pytest.mark.parametrize("number", [MMAP, MPROTECT])
def test_executable_memory_kills(profile: Profile, number: int) -> None:
    assert is_allowed(profile, number, 0, 4096, PROT_READ_WRITE)
    assert not is_allowed(profile, number, 0, 4096, PROT_READ_EXEC)


def test_only_the_heic_profile_starts_threads_and_nothing_else_by_clone() -> None:
    assert is_allowed(HEIC, CLONE, THREAD)
    for profile in (DECODER, FETCHER):
        assert not is_allowed(profile, CLONE, THREAD)
        assert not is_allowed(profile, CLONE3)
    for flags in (
        17,
        0,
        0x00010000,
        THREAD | 0x10000000,
        THREAD | 0x40000000,
        THREAD & ~0x00010000,
        THREAD | 17,
    ):
        assert not is_allowed(HEIC, CLONE, flags), hex(flags)


def test_the_heic_table_is_the_decoders_and_threads() -> None:
    assert set(DECODER.calls) < set(HEIC.calls)
    assert (DECODER.threads, FETCHER.threads) == (0, 0)
    assert not DECODER.probes


def test_the_fetcher_opens_only_tcp_and_udp_sockets() -> None:
    flags = socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
    allowed = {
        (family, kind, protocol)
        for family in range(64)
        for kind in (*range(16), 1 | flags, 2 | flags, 3 | flags, 1 | 1 << 31)
        for protocol in (*range(20), 58, 132, 136, 255, 262, 0xFFFFFFFF)
        if is_allowed(FETCHER, SOCKET, family, kind, protocol)
    }
    assert allowed == {
        (family, kind | extra, protocol)
        for family in (socket.AF_INET, socket.AF_INET6)
        for kind, by_name in ((1, socket.IPPROTO_TCP), (2, socket.IPPROTO_UDP))
        for protocol in (0, by_name)
        for extra in (0, flags)
    }
    assert not is_allowed(FETCHER, SOCKET, 1 | 1 << 32, 1)


@pytest.mark.parametrize(
    ("number", "arguments", "holds"),
    [
        (IOCTL, (5, 0x5421), True),
        (IOCTL, (5, 0x5401), False),
        (IOCTL, (5, 0x8914), False),
        (SETSOCKOPT, (5, socket.IPPROTO_TCP, socket.TCP_NODELAY), True),
        (SETSOCKOPT, (5, socket.IPPROTO_TCP, 31), False),
        (SETSOCKOPT, (5, socket.SOL_SOCKET, socket.TCP_NODELAY), False),
        (GETSOCKOPT, (5, socket.SOL_SOCKET, socket.SO_ERROR), True),
        (GETSOCKOPT, (5, socket.SOL_SOCKET, 17), False),
        (GETSOCKOPT, (5, socket.IPPROTO_TCP, socket.SO_ERROR), False),
    ],
)
def test_the_fetcher_may_set_and_ask_only_what_the_rows_name(
    number: int, arguments: tuple[int, ...], holds: bool
) -> None:
    assert is_allowed(FETCHER, number, *arguments) is holds


def test_a_row_of_several_arguments_needs_all_of_them() -> None:
    rows = (
        Call("one", 7, "test", (Argument(0, (1, 2, 3)), Argument(5, (0x10,), mask=0xF0))),
        Call("one", 7, "test", (Argument(1, (9,)),)),
        Call("two", 8, "test"),
    )
    program = seccomp.build_allow_filter(Profile("test", rows))

    def decide(*arguments: int) -> bool:
        return run_filter(program, 7, arguments) == seccomp.ALLOW

    for first in range(5):
        for last in (0x10, 0x1F, 0x00, 0x20, 0x30):
            assert decide(first, 0, 0, 0, 0, last) is (first in {1, 2, 3} and last & 0xF0 == 0x10)
            assert decide(first, 9, 0, 0, 0, last)
    assert run_filter(program, 8) == seccomp.ALLOW


def test_other_processors_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    with pytest.raises(seccomp.SandboxUnavailableError, match="x86_64"):
        seccomp.install_filter(PROGRAMS["decoder"])
