"""A taken-over decoder, in the real locks, gets nowhere; and what it says is not believed."""

import ctypes
import io
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from PIL import Image

from tests.processes import is_running
from tests.security.attempts import ATTEMPTS
from triage.errors import HostilePictureError, PictureRefusedError
from triage.sandbox import heic, wire
from triage.sandbox.decoder import Decoder, DecoderLimits

HOSTILE = str(Path(__file__).with_name("hostile_zygote.py"))
IN_NAMESPACES = str(Path(__file__).with_name("hostile_zygote_in_namespaces.py"))
LIMITS = DecoderLimits(wall_s=6.0, cpu_s=1, memory_mb=256)

MORE = (
    *("kill all", "ping socket", "clone without a thread", "clone as a thread", "clone3"),
    *("loosen the filter", "raise a limit", "x32 call"),
)
FORBIDDEN = (*ATTEMPTS, *MORE)

# As in hostile_zygote.py: what worked is said to be no format, what was denied too many pixels.
HEIC_HEAD = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"
HEIC_MAY = {"thread": "format", "clone3": "too many pixels"}
HEIC_MUST_NOT = [name for name in FORBIDDEN if name not in HEIC_MAY and name != "clone as a thread"]


def draw_jpeg(width: int = 96, height: int = 64) -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(file, "JPEG")
    return file.getvalue()


@pytest.fixture(scope="module")
def hostile():
    with Decoder(LIMITS, zygote_module=HOSTILE) as decoder:
        yield decoder


@pytest.fixture(scope="module")
def where_namespaces_are_forbidden():
    with Decoder(LIMITS, zygote_module=IN_NAMESPACES) as decoder:
        yield decoder


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory):
    """Listeners, sockets, files, a process and a secret in memory: all within reach if the locks were not."""
    folder = tmp_path_factory.mktemp("near")
    path = str(folder / "s")
    (folder / "file").write_text("x")
    sockets = [socket.socket(), socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)]
    for one, address in zip(sockets, (("127.0.0.1", 0), path, "\0" + path), strict=True):
        one.bind(address)
        one.listen()
    sleeper = subprocess.Popen(["sleep", "300"])
    secret = ctypes.create_string_buffer(b"secret!")
    port = sockets[0].getsockname()[1]
    yield {
        "port": port,
        "own_port": port,
        "path": path,
        "name": path,
        "folder": str(folder),
        "file": str(folder / "file"),
        "pid": sleeper.pid,
        "address": ctypes.addressof(secret),
    }
    assert sleeper.poll() is None, "a decoder signalled another process"
    sleeper.kill()
    sleeper.wait()
    for one in sockets:
        one.close()


def attempt(decoder: Decoder, name: str, surroundings: dict[str, object], head: bytes = b"") -> None:
    data = head + b"TRY:" + json.dumps({**surroundings, "attempt": name}).encode()
    with decoder.open_picture(re.sub("[^A-Za-z0-9]+", "-", f"try-{name}"), data):
        pass


def test_every_layer_is_in_force(hostile):
    hostile.start()
    layers = hostile.layers
    assert layers.seccomp
    assert layers.capabilities
    assert layers.rlimits
    assert layers.landlock >= 1


@pytest.mark.parametrize("name", FORBIDDEN)
def test_forbidden_attempts_are_killed(hostile, surroundings, name):
    with pytest.raises(HostilePictureError, match="a forbidden call"):
        attempt(hostile, name, surroundings)


@pytest.mark.parametrize("name", FORBIDDEN)
def test_forbidden_attempts_are_killed_without_namespaces_too(
    where_namespaces_are_forbidden, surroundings, name
):
    where_namespaces_are_forbidden.start()
    assert not where_namespaces_are_forbidden.layers.namespaces
    with pytest.raises(HostilePictureError, match="a forbidden call"):
        attempt(where_namespaces_are_forbidden, name, surroundings)


@pytest.mark.skipif(not heic.is_installed(), reason="the extra for HEIC is not installed")
@pytest.mark.parametrize("name", HEIC_MUST_NOT)
def test_the_heic_profile_kills_all_but_threads(hostile, surroundings, name):
    with pytest.raises(HostilePictureError, match="a forbidden call"):
        attempt(hostile, name, surroundings, HEIC_HEAD)


@pytest.mark.skipif(not heic.is_installed(), reason="the extra for HEIC is not installed")
@pytest.mark.parametrize(("name", "words"), HEIC_MAY.items())
def test_the_heic_profile_lets_threads_start(hostile, surroundings, name, words):
    with pytest.raises(PictureRefusedError, match=words):
        attempt(hostile, name, surroundings, HEIC_HEAD)


def test_memory_is_bounded(hostile, surroundings):
    with pytest.raises(PictureRefusedError, match="sandbox: memory"):
        attempt(hostile, "take memory", surroundings)


def test_processor_time_is_bounded(hostile, surroundings):
    with pytest.raises(PictureRefusedError, match="sandbox: processor time"):
        attempt(hostile, "spin", surroundings)


def test_waiting_is_bounded_by_the_clock():
    limits = DecoderLimits(wall_s=0.5, cpu_s=5, memory_mb=256)
    with Decoder(limits, zygote_module=HOSTILE) as decoder:
        pid = decoder.zygote_pid
        begun = time.monotonic()
        with pytest.raises(PictureRefusedError, match="sandbox: time"), decoder.open_picture("w", b"WAIT"):
            pass
        assert time.monotonic() - begun < 2
        assert decoder.zygote_pid == pid
        with decoder.open_picture("after", draw_jpeg()) as picture:
            assert picture.format == "JPEG"


def test_environment_is_empty(monkeypatch, surroundings):
    monkeypatch.setenv("DATABASE_PASSWORD", "hunter2")
    with Decoder(LIMITS, zygote_module=HOSTILE) as decoder:
        with pytest.raises(PictureRefusedError, match="too many pixels"):
            attempt(decoder, "read its environment", surroundings)
        environment = Path(f"/proc/{decoder.zygote_pid}/environ")
        try:
            assert environment.read_bytes() == b""
        except PermissionError:
            assert os.geteuid() != 0  # not dumpable: closed even to the same user


def honest_header(job: str = "lie", **changes: object) -> dict[str, object]:
    turns = ("r0", "r90", "r180", "r270", "flipx", "flipy", "r90flipx", "r90flipy")
    rows: list[list[object]] = [["pdq", "ab" * 32, 0, turn, 80] for turn in turns]
    rows.append(["phash", "cd" * 8, 0, "r0", None])
    header: dict[str, object] = {"job": job, "format": "PNG", "width": 10, "height": 10, "frames": 1}
    header |= {"walked": 1, "is_whole": True}
    return {**header, "orientation": 1, "fingerprints": rows, **changes}


def say(decoder: Decoder, raw: bytes, job: str = "lie") -> object:
    with decoder.open_picture(job, b"SAY:" + raw) as picture:
        return picture


def say_header(decoder: Decoder, header: object) -> object:
    return say(decoder, wire.pack_message(wire.HEADER, json.dumps(header).encode()))


def test_an_honest_header_is_taken(hostile):
    assert say_header(hostile, honest_header()).width == 10


LIES = {
    "another job's answer": wire.pack_message(wire.HEADER, json.dumps(honest_header("earlier")).encode()),
    "no JSON": wire.pack_message(wire.HEADER, b"\xff\xfe"),
    "a view too early": wire.pack_message(wire.VIEW, b"x"),
    "four gigabytes": wire.MESSAGE_START.pack(wire.HEADER, 2**32 - 1),
}


@pytest.mark.parametrize("raw", LIES.values(), ids=LIES.keys())
def test_lies_are_caught_and_the_zygote_is_killed(hostile, raw):
    hostile.start()
    pid = hostile.zygote_pid
    with pytest.raises(HostilePictureError, match="cannot be true"):
        say(hostile, raw)
    assert hostile.zygote_pid != pid
    with hostile.open_picture("next", draw_jpeg()) as picture:
        assert (picture.width, picture.height) == (96, 64)


def view_message(width: int, height: int, pixels: int) -> bytes:
    return wire.pack_message(wire.VIEW, wire.VIEW_START.pack(width, height) + bytes(pixels))


VIEW_LIES = {
    "one byte short": view_message(96, 64, 96 * 64 * 3 - 1),
    "one byte more": view_message(96, 64, 96 * 64 * 3 + 1),
    "a file instead": wire.pack_message(wire.VIEW, draw_jpeg()),
}


@pytest.mark.parametrize("raw", VIEW_LIES.values(), ids=VIEW_LIES.keys())
def test_view_lies_are_caught(hostile, raw):
    data = b"VIEW:" + struct.pack(">I", len(raw)) + raw + draw_jpeg()
    with hostile.open_picture("view", data) as picture, pytest.raises(HostilePictureError, match="cannot be"):
        picture.read_view()


def test_an_extra_answer_never_reaches_the_next_job(hostile):
    first = wire.pack_message(wire.HEADER, json.dumps(honest_header("one")).encode())
    second = wire.pack_message(wire.HEADER, json.dumps(honest_header("two", width=9)).encode())
    with hostile.open_picture("one", b"SAY:" + first + second) as picture:
        assert picture.width == 10
    with hostile.open_picture("two", draw_jpeg()) as picture:
        assert (picture.width, picture.height) == (96, 64)


LOCKED_WORKER = """
    import io, json, os, sys
    from pathlib import Path
    from triage.sandbox import kernel, locks
    hostile, folder, jpeg, sibling = sys.argv[1:]
    print(locks.lock_process([Path(hostile).parent], [Path(folder)]).as_dict(), file=sys.stderr)
    from triage.errors import HostilePictureError
    from triage.sandbox.decoder import Decoder, DecoderLimits
    def refused(act):
        try:
            act()
        except OSError:
            return True
        return False
    said = {"capabilities": kernel.read_capabilities()}
    said["outside"] = refused(lambda: open("/var/log/x", "w"))
    said["read"] = refused(lambda: os.listdir("/home"))
    said["proc_sys"] = refused(lambda: open("/proc/sys/kernel/core_pattern", "r+"))
    said["sibling"] = refused(lambda: open(f"/proc/{sibling}/environ").read())
    said["signal"] = refused(lambda: os.kill(int(sibling), 0))
    (Path(folder) / "own").write_text("x")
    with Decoder(DecoderLimits(), zygote_module=hostile) as decoder:
        said["layers"] = decoder.layers.as_dict()
        with decoder.open_picture("one", Path(jpeg).read_bytes()) as picture:
            said["format"] = picture.format
        try:
            with decoder.open_picture("two", b'TRY:{"attempt": "open a file"}'):
                said["escape"] = "open"
        except HostilePictureError:
            said["escape"] = "killed"
    print(json.dumps(said))
"""


def run_script(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-B", "-W", "error", "-c", textwrap.dedent(code), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env={})


def test_decoder_runs_inside_a_locked_worker(tmp_path):
    (tmp_path / "a.jpg").write_bytes(draw_jpeg())
    sibling = subprocess.Popen(["sleep", "60"], env={"DATABASE_PASSWORD": "hunter2"})
    try:
        arguments = (HOSTILE, str(tmp_path), str(tmp_path / "a.jpg"), str(sibling.pid))
        done = run_script(LOCKED_WORKER, *arguments)
    finally:
        sibling.kill()
        sibling.wait()
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["layers"]["seccomp"]
    assert said["layers"]["landlock"] >= 1
    assert said["capabilities"] == 0
    assert said["format"] == "JPEG"
    assert said["escape"] == "killed"
    for name in ("outside", "read", "proc_sys", "sibling", "signal"):
        assert said[name], name


WITHOUT_SECCOMP = """
    import errno, json, sys, logging, io
    from triage.sandbox import kernel, seccomp
    from triage.errors import SandboxUnavailableError, PictureRefusedError
    from triage.sandbox.decoder import Decoder, DecoderLimits
    logging.basicConfig(stream=sys.stderr)
    kernel.set_process_option(kernel.PR_SET_NO_NEW_PRIVS, 1)
    no_seccomp = [seccomp._step(0x15, 317, if_false=1), seccomp._step(6, seccomp.answer_with(errno.ENOSYS))]
    steps = [*seccomp._begin(), *no_seccomp, seccomp._step(6, seccomp.ALLOW)]
    seccomp.install_filter(b"".join(steps))
    said = {}
    try:
        with Decoder(DecoderLimits()):
            said["strict"] = "started"
    except SandboxUnavailableError as error:
        said["strict"] = str(error)
    with Decoder(DecoderLimits(), weak=True, zygote_module=sys.argv[1]) as decoder:
        said["layers"] = decoder.layers.as_dict()
        with decoder.open_picture("one", sys.stdin.buffer.read()) as picture:
            said["format"] = picture.format
        try:
            with decoder.open_picture("two", b'TRY:{"attempt": "open a file"}'):
                pass
        except PictureRefusedError as error:
            said["open"] = str(error)
    print(json.dumps(said))
"""


def test_without_seccomp_only_weak_mode_decodes_and_says_so_aloud():
    command = [sys.executable, "-I", "-B", "-c", textwrap.dedent(WITHOUT_SECCOMP), HOSTILE]
    done = subprocess.run(command, capture_output=True, input=draw_jpeg(), timeout=60, check=False, env={})
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert "SANDBOX=weak" in said["strict"]
    assert said["layers"]["seccomp"] is False
    assert said["format"] == "JPEG"
    assert said["open"] == "too many pixels", "Landlock alone must still deny files"
    assert b"WITHOUT seccomp" in done.stderr


def test_zygote_and_child_die_with_the_client():
    code = """
        import sys, time
        from triage.sandbox.decoder import Decoder, DecoderLimits
        decoder = Decoder(DecoderLimits())
        decoder.start()
        with decoder.open_picture("x", sys.stdin.buffer.read()):
            print(decoder.zygote_pid, flush=True)
            time.sleep(60)
    """
    command = [sys.executable, "-I", "-B", "-c", textwrap.dedent(code)]
    client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={})
    assert client.stdin is not None
    assert client.stdout is not None
    client.stdin.write(draw_jpeg())
    client.stdin.close()
    zygote = int(client.stdout.readline())
    children = Path(f"/proc/{zygote}/task/{zygote}/children")
    pids = [zygote, *map(int, children.read_text().split())] if children.exists() else [zygote]
    client.send_signal(signal.SIGKILL)
    client.wait()
    client.stdout.close()
    until = time.monotonic() + 5
    while any(is_running(pid) for pid in pids) and time.monotonic() < until:
        time.sleep(0.02)
    assert not [pid for pid in pids if is_running(pid)]


def test_a_killed_zygote_is_started_again(hostile):
    with hostile.open_picture("before", draw_jpeg()) as picture:
        assert picture.frames == 1
    assert hostile.zygote_pid is not None
    os.kill(hostile.zygote_pid, signal.SIGKILL)
    with hostile.open_picture("behind", draw_jpeg()) as picture:
        assert picture.read_view().width == 96
