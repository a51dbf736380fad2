"""seccomp: turns a table of `calls.py` into a filter, and puts it on this process.

A filter is classic BPF (linux/filter.h) over `struct seccomp_data`: the call's number, the architecture, six
arguments. Once installed it holds for this thread and all its children, and can only be tightened. Other
architectures than x86_64 are refused until their table has been run.
"""

import ctypes
import platform
import struct
from collections.abc import Sequence

from triage.errors import SandboxUnavailableError
from triage.sandbox import kernel
from triage.sandbox.calls import DECODER, Argument, Call, Profile

_SECCOMP = 317
_SET_MODE_FILTER = 1
_AUDIT_ARCH_X86_64 = 0xC000003E
_X32_BIT = 0x40000000
_WHOLE_WORD = 0xFFFFFFFF

KILL = 0x80000000
ALLOW = 0x7FFF0000
_ANSWER = 0x00050000

# Classic BPF: load a word, keep some of its bits, two ways to jump, return.
_LOAD, _AND, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
_AT_NUMBER, _AT_ARCHITECTURE, _AT_ARGUMENTS = 0, 4, 16


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def answer_with(error: int) -> int:
    """Return the verdict that lets a call fail with an error number."""
    return _ANSWER | error


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


def _require(argument: Argument, then: list[bytes]) -> list[bytes]:
    """Return steps that go on with `then` if the argument is as it must be, and else behind it."""
    # Arguments are 64 bits wide; the kernel reads all that is asked for here from the low half (little endian).
    steps = [_step(_LOAD, _AT_ARGUMENTS + 8 * argument.place)]
    if argument.mask != _WHOLE_WORD:
        steps.append(_step(_AND, argument.mask))
    last = len(argument.values) - 1
    for place, value in enumerate(argument.values):
        steps.append(
            _step(_IF_EQUAL, value, if_true=last - place, if_false=len(then) if place == last else 0)
        )
    return steps + then


def _allow(rows: Sequence[Call]) -> list[bytes]:
    """Return the steps for all rows of one call: the first that holds allows it, else it kills."""
    steps: list[bytes] = []
    for row in rows:
        body = [_step(_RETURN, ALLOW)]
        for argument in reversed(row.arguments):
            body = _require(argument, body)
        steps += body
    if all(row.arguments for row in rows):
        steps.append(_step(_RETURN, KILL))
    return steps


def build_allow_filter(profile: Profile = DECODER) -> bytes:
    """Return a profile's filter, 8 bytes a step; what the profile does not name kills the process."""
    rows: dict[int, list[Call]] = {}
    for call in profile.calls:
        rows.setdefault(call.number, []).append(call)
    steps = _begin()
    for number, same in rows.items():
        block = _allow(same)
        steps += [_step(_IF_EQUAL, number, if_false=len(block)), *block]
    for probe in profile.probes:
        steps += [
            _step(_IF_EQUAL, probe.number, if_false=1),
            _step(_RETURN, answer_with(probe.answer)),
        ]
    return b"".join([*steps, _step(_RETURN, KILL)])


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
