"""A zygote whose decoder was taken over: its children, in the real locks, try what the picture tells them to.

Run by path, as `Decoder(..., zygote_module="<this file>")`. A file that begins with `TRY:` names one attempt
(JSON: attempt, pid, port, path, address); `SAY:` holds raw bytes to answer; `VIEW:` a lie about the view.
Any other file is decoded honestly. What a child reports back: an attempt that worked is refused as "format",
one that was only denied as "pixels"; the locks should not let it report anything.
"""

import ctypes
import io
import json
import mmap
import os
import signal
import socket
import struct
import sys
import time

from triage.sandbox import zygote  # first and alone: its first lines come before numpy

pictures, wire = zygote.pictures, zygote.wire
libc = ctypes.CDLL(None, use_errno=True)


def system_call(*words):
    answer = libc.syscall(*[ctypes.c_long(w) if isinstance(w, int) else w for w in words])
    if answer < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return answer


def read_file(path):
    with open(path) as file:
        return file.read()


def connect(family, kind, address):
    with socket.socket(family, kind) as one:
        one.connect(address)


def send_datagram(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.sendto(b"x", ("127.0.0.1", port))


def bind():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()


def fork():
    if os.fork() == 0:
        os._exit(0)


def read_memory(pid, address):
    vector = struct.pack("=QQ", address, 8)
    target = ctypes.create_string_buffer(8)
    here = struct.pack("=QQ", ctypes.addressof(target), 8)
    system_call(310, pid, here, 1, vector, 1, 0)


def take_memory():
    taken = []
    while True:
        taken.append(bytearray(32 << 20))


def spin():
    while True:
        pass


def read_environment():
    if set(os.environ) <= {"OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "LC_CTYPE"}:
        raise PermissionError


ATTEMPTS = {
    "open": lambda a: read_file("/etc/passwd"),
    "open_own_code": lambda a: read_file(__file__),
    "open_environ": lambda a: read_file("/proc/self/environ"),
    "write": lambda a: os.open(a["path"] + ".new", os.O_WRONLY | os.O_CREAT),
    "list": lambda a: os.listdir("/"),
    "stat": lambda a: os.stat("/etc/passwd"),
    "tcp": lambda a: connect(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", a["port"])),
    "udp": lambda a: send_datagram(a["port"]),
    "unix": lambda a: connect(socket.AF_UNIX, socket.SOCK_STREAM, a["path"]),
    "abstract": lambda a: connect(socket.AF_UNIX, socket.SOCK_STREAM, "\0" + a["path"]),
    "bind": lambda a: bind(),
    "fork": lambda a: fork(),
    "exec": lambda a: os.execv("/bin/true", ["true"]),
    "ptrace": lambda a: system_call(101, 16, a["pid"], 0, 0),
    "kill": lambda a: os.kill(a["pid"], signal.SIGUSR1),
    "kill_all": lambda a: os.kill(-1, signal.SIGKILL),
    "read_memory": lambda a: read_memory(a["pid"], a["address"]),
    "memfd": lambda a: os.memfd_create("x"),
    "executable_page": lambda a: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC),
    "setuid": lambda a: os.setuid(0),
    "user_namespace": lambda a: system_call(272, 0x10000000),
    "io_uring": lambda a: system_call(425, 8, ctypes.create_string_buffer(120)),
    "loosen_filter": lambda a: system_call(317, 1, 0, ctypes.create_string_buffer(16)),
    "raise_limit": lambda a: system_call(302, 0, 9, None, None),
    "x32": lambda a: system_call(0x40000000 + 2, b"/etc/passwd", 0),
    "sleep": lambda a: time.sleep(60),
    "take_memory": lambda a: take_memory(),
    "spin": lambda a: spin(),
    "environment": lambda a: read_environment(),
}


def decode(data: io.BytesIO) -> pictures.DecodedPicture:
    text = data.getvalue()
    if text.startswith(b"TRY:"):
        details = json.loads(text[4:])
        try:
            ATTEMPTS[details["attempt"]](details)
        except OSError:
            raise pictures.RefusedError("pixels") from None
        raise pictures.RefusedError("format")
    return pictures.decode_picture(data)


def serve_picture(stream, job_id, decode_one):
    length = wire.PICTURE_LENGTH.unpack(zygote.read_exactly(stream, 8).read())[0]
    data = zygote.read_exactly(stream, length).getvalue()
    if data == b"WAIT":
        os.read(stream, 1)
    elif data.startswith(b"SAY:"):
        zygote.write_all(stream, data[4:])
        os.read(stream, 1)
    elif data.startswith(b"VIEW:"):
        size = int.from_bytes(data[5:9], "big")
        zygote.write_all(stream, zygote.pack_header(job_id, decode_one(io.BytesIO(data[9 + size :]))))
        if os.read(stream, 1) == wire.ASK_VIEW:
            zygote.write_all(stream, data[9 : 9 + size])
    else:
        honest(stream, job_id, data, decode_one)


def honest(stream, job_id, data, decode_one):
    try:
        picture = decode_one(io.BytesIO(data))
    except MemoryError:
        answer = "memory"
    except pictures.RefusedError as error:
        answer = str(error)
    else:
        zygote.write_all(stream, zygote.pack_header(job_id, picture))
        if os.read(stream, 1) == wire.ASK_VIEW:
            width, height, rgb = pictures.render_view(picture)
            view = wire.VIEW_START.pack(width, height) + rgb
            zygote.write_all(stream, wire.pack_message(wire.VIEW, view))
        return
    message = json.dumps({"job": job_id, "reason": answer}).encode()
    zygote.write_all(stream, wire.pack_message(wire.REFUSAL, message))


if __name__ == "__main__":
    zygote.serve_picture = serve_picture
    sys.exit(zygote.main(sys.argv[1:], decode=decode))
