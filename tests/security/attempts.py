"""What code that took a process over might try, one function each; used from inside real locks.

Each takes what is within reach ("near"): pid and address of a process with a secret in its memory, port and own_port
of listeners, path of a Unix socket, name of an abstract one, file and folder on the disk. It returns when it
worked and raises OSError, MemoryError or RuntimeError when it was refused. Imports nothing late.
"""

import ctypes
import mmap
import os
import signal
import socket
import struct
import time
from typing import Any

_libc = ctypes.CDLL(None, use_errno=True)
Near = dict[str, Any]


def call_system(*words: Any) -> int:
    answer = _libc.syscall(*[ctypes.c_long(w) if isinstance(w, int) else w for w in words])
    if answer < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return int(answer)


def read_file(path: str) -> None:
    with open(path, "rb") as file:
        file.read(1)


def write_file(path: str) -> None:
    place = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.write(place, b"x")


def connect(family: int, kind: int, address: object) -> None:
    with socket.socket(family, kind) as one:
        one.connect(address)


def connect_tcp(port: int) -> None:
    connect(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port))


def send_datagram(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.sendto(b"x", ("127.0.0.1", port))


def open_socket(family: int, kind: int, protocol: int = 0) -> None:
    socket.socket(family, kind, protocol).close()


def listen_tcp() -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()


def set_socket_option() -> None:
    # An innocent one: many others reach large parts of the kernel that no fetch needs.
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


def fork() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def start_thread() -> None:
    # By the C library, as an imaging library does: the interpreter's own threads ask for more.
    thread = ctypes.c_ulong()
    routine = ctypes.cast(_libc.labs, ctypes.c_void_p)
    if refusal := _libc.pthread_create(ctypes.byref(thread), None, routine, None):
        raise OSError(refusal, "refused")
    _libc.pthread_join(thread, None)


def ptrace(pid: int) -> None:
    if _libc.ptrace(0x4206, pid, None, None) != 0:  # PTRACE_SEIZE
        raise OSError(ctypes.get_errno(), "refused")


def read_memory(pid: int, address: int) -> None:
    vector = struct.pack("=QQ", address, 8)
    target = ctypes.create_string_buffer(8)
    here = struct.pack("=QQ", ctypes.addressof(target), 8)
    call_system(310, pid, here, 1, vector, 1, 0)


def run_program() -> None:
    os.execv("/bin/true", ["true"])


def make_page_executable() -> None:
    page = mmap.mmap(-1, 4096)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    if _libc.mprotect(ctypes.c_void_p(address), 4096, 5) != 0:
        raise OSError(ctypes.get_errno(), "refused")


ATTEMPTS = {
    "open a file": lambda near: read_file("/etc/passwd"),
    "open its own code": lambda near: read_file(__file__),
    "open its environment": lambda near: read_file("/proc/self/environ"),
    "write a file": lambda near: write_file(f"{near['folder']}/new-{os.getpid()}"),
    "rename a file": lambda near: os.rename(near["file"], near["file"]),
    "list a folder": lambda near: os.listdir("/"),
    "stat a file": lambda near: os.stat("/etc/passwd"),
    "TCP connect": lambda near: connect_tcp(near["port"]),
    "TCP connect, own port": lambda near: connect_tcp(near["own_port"]),
    "TCP listen": lambda near: listen_tcp(),
    "UDP send": lambda near: send_datagram(near["port"]),
    "netlink socket": lambda near: open_socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "socket option": lambda near: set_socket_option(),
    "Unix socket by path": lambda near: connect(socket.AF_UNIX, socket.SOCK_STREAM, near["path"]),
    "Unix socket, abstract": lambda near: connect(socket.AF_UNIX, socket.SOCK_STREAM, "\0" + near["name"]),
    "fork": lambda near: fork(),
    "thread": lambda near: start_thread(),
    "exec": lambda near: run_program(),
    "ptrace": lambda near: ptrace(near["pid"]),
    "read another's memory": lambda near: read_memory(near["pid"], near["address"]),
    "signal another": lambda near: os.kill(near["pid"], signal.SIGWINCH),
    "memfd": lambda near: os.memfd_create("x"),
    "executable page": lambda near: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC),
    "page made executable": lambda near: make_page_executable(),
    "user namespace": lambda near: call_system(272, 0x10000000),
    "io_uring": lambda near: call_system(425, 8, ctypes.create_string_buffer(120)),
    "userfaultfd": lambda near: call_system(323, 1),
    "keyring": lambda near: call_system(250, 0, -3, 1),
    "set the user id": lambda near: os.setuid(os.geteuid()),
    "sleep": lambda near: time.sleep(0.001),
}
"""Name of an attempt and how it is made."""
