"""The filters decide as their tables say: both programs are run here, step by step, for every call number."""

import errno
import struct

import pytest

from triage.sandbox import seccomp

X86_64 = 0xC000003E
PROT_READ_EXEC = 5


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
        elif code == 0x06:
            return value
        else:
            holds = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}
            place += if_true if holds[code] else if_false


ALLOW_FILTER = seccomp.build_allow_filter()
DENY_FILTER = seccomp.build_deny_filter()


@pytest.mark.parametrize("program", [ALLOW_FILTER, DENY_FILTER])
def test_foreign_architectures_and_x32_are_killed(program):
    assert run_filter(program, 0, architecture=0x40000003) == seccomp.KILL
    assert run_filter(program, 0x40000000) == seccomp.KILL
    assert run_filter(program, 0xFFFFFFFF) == seccomp.KILL


def test_a_child_may_make_only_the_calls_of_the_table():
    named = {number for _, number, _ in (*seccomp.ALLOWED_CALLS, *seccomp.ALLOWED_WITHOUT_EXEC)}
    allowed = {number for number in range(1024) if run_filter(ALLOW_FILTER, number) == seccomp.ALLOW}
    assert allowed == named
    assert {run_filter(ALLOW_FILTER, number) for number in range(1024)} == {seccomp.ALLOW, seccomp.KILL}


def test_the_table_holds_nothing_that_opens_or_starts():
    names = {name for name, _, _ in seccomp.ALLOWED_CALLS}
    dangerous = {
        "open",
        "openat",
        "socket",
        "connect",
        "sendmsg",
        "recvmsg",
        "clone",
        "execve",
        "kill",
        "ioctl",
    }
    assert not names & dangerous
    assert len(names) <= 16, "every new call widens the boundary: think twice"
    assert all(reason for _, _, reason in seccomp.ALLOWED_CALLS)


@pytest.mark.parametrize("number", [9, 10])
def test_executable_memory_kills(number):
    assert run_filter(ALLOW_FILTER, number, (0, 4096, 3)) == seccomp.ALLOW
    assert run_filter(ALLOW_FILTER, number, (0, 4096, PROT_READ_EXEC)) == seccomp.KILL


def test_the_fetcher_is_refused_what_the_table_names():
    for name, number in seccomp.DENIED_CALLS:
        assert run_filter(DENY_FILTER, number) == seccomp.REFUSE, name
    assert run_filter(DENY_FILTER, 257) == seccomp.ALLOW


def test_the_fetcher_may_start_threads_but_no_processes():
    assert run_filter(DENY_FILTER, 56, (0x00010000 | 0x100,)) == seccomp.ALLOW
    assert run_filter(DENY_FILTER, 56, (17,)) == seccomp.REFUSE
    assert run_filter(DENY_FILTER, 435) & 0xFFFF == errno.ENOSYS


def test_the_fetcher_opens_only_internet_sockets():
    allowed = {family for family in range(64) if run_filter(DENY_FILTER, 41, (family,)) == seccomp.ALLOW}
    assert allowed == {2, 10, 16}
    assert run_filter(DENY_FILTER, 41, (1 | 1 << 32,)) == seccomp.REFUSE


def test_calls_that_nobody_looked_at_do_not_exist_for_the_fetcher():
    assert run_filter(DENY_FILTER, 462) == seccomp.ALLOW
    assert run_filter(DENY_FILTER, 463) == seccomp.UNKNOWN


def test_other_processors_are_refused(monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    with pytest.raises(seccomp.SandboxUnavailableError, match="x86_64"):
        seccomp.install_filter(ALLOW_FILTER)
