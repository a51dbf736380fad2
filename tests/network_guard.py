"""Puts this process and its children into a network namespace with only loopback."""

import ctypes
import fcntl
import os
import socket
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 0x1
_MARK = "HOTLINE_TEST_NETWORK"
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class GuardReport:
    """Whether this process is alone with loopback, and how, in words."""

    is_alone: bool
    sentence: str
    is_crowded: bool = False  # only threads stood in the way: start_anew helps


def enter_own_network() -> GuardReport:
    """Enter a fresh network namespace; as a normal user within a user namespace that maps the same account."""
    if os.environ.get(_MARK) == "own":
        return GuardReport(True, "own namespace with loopback only, from the parent")
    if os.geteuid() != 0 and len(os.listdir("/proc/self/task")) != 1:
        # Plugins import numpy, whose threads bar the way into a user namespace; root needs none.
        is_new = os.environ.get(_MARK) == "anew"
        return GuardReport(False, "threads were running before the guard", is_crowded=not is_new)
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.geteuid(), os.getegid()
    flags = _CLONE_NEWNET if uid == 0 else _CLONE_NEWNET | _CLONE_NEWUSER
    if libc.unshare(flags) != 0:
        return GuardReport(False, f"this machine refuses it: {os.strerror(ctypes.get_errno())}")
    if uid != 0:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        fcntl.ioctl(probe, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP))
    os.environ[_MARK] = "own"
    return GuardReport(True, "own namespace with loopback only")


def start_anew() -> None:
    """Replace this process by the same command, told to start no threads of mathematics."""
    environment = {**os.environ, **_ONE_THREAD, _MARK: "anew"}
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)
