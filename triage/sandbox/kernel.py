"""The door to the kernel: the few calls that Python has no function for, through libc.

Standard library only: nothing but this repository lies inside the security boundary. Names and numbers are
those of the Linux headers <linux/prctl.h>, <linux/capability.h> and <sched.h>.
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

PR_SET_PDEATHSIG = 1
PR_GET_DUMPABLE = 3
PR_SET_DUMPABLE = 4
PR_CAPBSET_READ = 23
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4

CLONE_NEWUSER = 0x10000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWNET = 0x40000000

_CAPABILITY_VERSION_3 = 0x20080522
_CAPABILITY_WORDS = 2


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilityData(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def _check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def call_kernel(number: int, *arguments: object) -> int:
    """Make the system call of that number.

    Args:
        number: the system call's number on this machine.
        arguments: bytes, ctypes objects, None or integers; integers are passed as full machine words.

    Returns:
        What the kernel answered, 0 or more.

    Raises:
        OSError: the kernel refused.
    """
    words = [ctypes.c_ulong(value) if isinstance(value, int) else value for value in arguments]
    return _check(libc.syscall(ctypes.c_long(number), *words))


def set_process_option(option: int, value: int, more: int = 0) -> int:
    """Call prctl(2) with the given option; raises OSError where the kernel refuses."""
    words = (ctypes.c_ulong(value), ctypes.c_ulong(more), ctypes.c_ulong(0), ctypes.c_ulong(0))
    return _check(libc.prctl(ctypes.c_int(option), *words))


def unshare(flags: int) -> None:
    """Leave the namespaces that the flags (CLONE_NEW*) name; raises OSError where the kernel refuses."""
    _check(libc.unshare(ctypes.c_int(flags)))


def read_capabilities() -> int:
    """Return every capability of this thread, permitted, effective or inheritable, as a bit mask."""
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    data = (_CapabilityData * _CAPABILITY_WORDS)()
    _check(libc.capget(ctypes.byref(header), data))
    mask = 0
    for place, word in enumerate(data):
        mask |= (word.permitted | word.effective | word.inheritable) << (32 * place)
    return mask


def clear_capabilities() -> None:
    """Give up every permitted, effective and inheritable capability of this thread."""
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    data = (_CapabilityData * _CAPABILITY_WORDS)()
    _check(libc.capset(ctypes.byref(header), data))
