"""A zygote whose decoder was taken over: its children, in the real locks, try what the picture tells them to.

Run by path, as `Decoder(..., zygote_module="<this file>")`. A file that begins with `TRY:` names one attempt
(JSON: attempt, and what is near, see attempts.py); `SAY:` holds raw bytes to answer; `VIEW:` a lie about the view.
Any other file is decoded honestly. What a child reports back: an attempt that worked is refused as "format",
one that was only denied as "pixels"; the locks should not let it report anything.
"""

import ctypes
import io
import json
import os
import signal
import socket
import sys
from pathlib import Path

from triage.sandbox import zygote  # first and alone: its first lines come before numpy

sys.path.insert(0, str(Path(__file__).parent))

from attempts import ATTEMPTS, call_system, open_socket

pictures, wire, locks = zygote.pictures, zygote.wire, zygote.locks


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


MORE_ATTEMPTS = {
    "kill all": lambda near: os.kill(-1, signal.SIGWINCH),
    "ping socket": lambda near: open_socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP),
    "clone without a thread": lambda near: call_system(56, signal.SIGCHLD, 0, 0, 0, 0),
    "clone as a thread": lambda near: call_system(56, 0x003D0F00, 0, 0, 0, 0),
    "clone3": lambda near: call_system(435, 0, 0),
    "loosen the filter": lambda near: call_system(317, 1, 0, ctypes.create_string_buffer(16)),
    "raise a limit": lambda near: call_system(302, 0, 9, None, None),
    "x32 call": lambda near: call_system(0x40000000 + 2, b"/etc/passwd", 0),
}
"""Attempts whose outcome without locks depends on the machine, or does harm."""

TRIALS = {"take memory": take_memory, "spin": spin, "read its environment": read_environment}
"""What only uses up, or looks at itself."""


def try_it(name, near):
    if name in TRIALS:
        TRIALS[name]()
    else:
        {**ATTEMPTS, **MORE_ATTEMPTS}[name](near)


HEIC_HEAD = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"
"""Before any of these it leads to the zygote of the HEIC profile."""

TALK = {}
"""The one descriptor and the job of this child, known once it serves."""


def say(raw):
    """Answer with raw bytes, wait for the client's word or its end, and be gone."""
    zygote.write_all(TALK["stream"], raw)
    os.read(TALK["stream"], 1)
    os._exit(0)


def decode(data: io.BytesIO) -> pictures.DecodedPicture:
    text = data.getvalue().removeprefix(HEIC_HEAD)
    honest = pictures.choose_decode("decoder", 1.0)
    if text.startswith(b"TRY:"):
        details = json.loads(text[4:])
        try:
            try_it(details["attempt"], details)
        except OSError:
            raise pictures.RefusedError("pixels") from None
        raise pictures.RefusedError("format")
    if text == b"WAIT":
        say(b"")
    if text.startswith(b"SAY:"):
        say(text[4:])
    if text.startswith(b"VIEW:"):
        size = int.from_bytes(text[5:9], "big")
        picture = honest(io.BytesIO(text[9 + size :]))
        zygote.write_all(TALK["stream"], zygote.pack_header(TALK["job"], picture))
        if os.read(TALK["stream"], 1) == wire.ASK_VIEW:
            say(text[9 : 9 + size])
    return honest(data)


def run(arguments):
    serve = zygote.serve_picture

    def serve_and_tell(source, job_id, decode_one):
        TALK.update(stream=source.fileno(), job=job_id)
        serve(source, job_id, decode_one)

    zygote.serve_picture = serve_and_tell
    return zygote.main(arguments, decode=decode)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
