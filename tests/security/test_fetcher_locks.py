"""What is left to do for code that took over the fetcher: tried from inside the real locks."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from workers.fetcher.door import Fetcher, FetchLimits

# Runs in the place of the fetcher's main: the same imports, the same `lock_process`, then every attempt.
PROBE = """
import asyncio, ctypes, json, os, signal, socket, sys, threading
from workers.fetcher import __main__ as fetcher
from workers.dialling.practice_names import PracticeNames

allowed, other, unix_path, abstract, secret, folder, parent = json.loads(sys.argv[1])
practice = PracticeNames.from_rows([("photos.example", "203.0.113.10", "127.0.0.1", allowed)])
layers = fetcher.lock_process(practice, strict=True)
libc = ctypes.CDLL(None, use_errno=True)

def call(number, *arguments):
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")

def thread():
    running = threading.Thread(target=lambda: None)
    running.start(); running.join()

def udp():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", ("127.0.0.1", other))

def unix(address):
    socket.socket(socket.AF_UNIX).connect(address)

def bind():
    socket.socket().bind(("127.0.0.1", 0))

attempts = {
    "thread": thread,
    "udp": udp,
    "connect allowed": lambda: socket.create_connection(("127.0.0.1", allowed), 2).close(),
    "read hosts": lambda: open("/etc/hosts").close(),
    "read python": lambda: open(os.__file__).close(),
    "connect other": lambda: socket.create_connection(("127.0.0.1", other), 2).close(),
    "unix socket": lambda: unix(unix_path),
    "abstract socket": lambda: unix("\\0" + abstract),
    "socket pair": lambda: socket.socketpair(),
    "raw packet": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "bind": bind,
    "listen": lambda: socket.socket().listen(),
    "read secret": lambda: open(secret).close(),
    "read passwd": lambda: open("/etc/passwd").close(),
    "read parent": lambda: open(f"/proc/{parent}/environ").close(),
    "list folder": lambda: os.listdir(folder),
    "list proc": lambda: os.listdir("/proc"),
    "list root": lambda: os.listdir("/"),
    "write": lambda: open(folder + "/new", "w"),
    "remove": lambda: os.unlink(secret),
    "write python": lambda: open(os.__file__, "a"),
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "fork": os.fork,
    "vfork": lambda: call(58),
    "clone": lambda: call(56, 17, 0, 0, 0, 0),
    "clone3": lambda: call(435, 0, 0),
    "kill parent": lambda: os.kill(parent, 0),
    "ptrace parent": lambda: call(101, 16, parent, 0, 0),
    "read parent memory": lambda: call(310, parent, 0, 0, 0, 0, 0),
    "memfd": lambda: os.memfd_create("x"),
    "io_uring": lambda: call(425, 1, 0),
    "bpf": lambda: call(321, 0, 0, 0),
    "new namespace": lambda: call(272, 0x10000000),
    "mount": lambda: call(165, 0, 0, 0, 0, 0),
    "keyring": lambda: call(250, 0, 0),
    "unknown call": lambda: call(1000),
}
result = {}
for name, attempt in attempts.items():
    try:
        attempt()
        result[name] = "done"
    except OSError as error:
        result[name] = "refused"
print(json.dumps({"layers": layers, "result": result}))
"""

# UDP is for DNS; a socket pair talks to nobody but its maker.
ALLOWED = {"thread", "udp", "connect allowed", "read hosts", "read python", "socket pair"}


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    folder = tmp_path_factory.mktemp("s")
    secret = folder / "secret"
    secret.write_text("secret")
    unix_path = f"/tmp/hotline-fetcher-test-{os.getpid()}"
    abstract = f"hotline-fetcher-test-{os.getpid()}"
    with (
        socket.create_server(("127.0.0.1", 0)) as allowed,
        socket.create_server(("127.0.0.1", 0)) as other,
        socket.socket(socket.AF_UNIX) as by_path,
        socket.socket(socket.AF_UNIX) as by_name,
    ):
        by_path.bind(unix_path)
        by_path.listen()
        by_name.bind("\0" + abstract)
        by_name.listen()
        try:
            places = [
                allowed.getsockname()[1], other.getsockname()[1], unix_path, abstract, str(secret),
                str(folder), os.getpid(),
            ]  # fmt: skip
            done = subprocess.run(
                [sys.executable, "-I", "-B", "-c", PROBE, json.dumps(places)],
                env={},
                cwd="/",
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
        finally:
            Path(unix_path).unlink()
    assert done.returncode == 0, done.stderr
    assert secret.exists()
    return json.loads(done.stdout)


def test_what_the_fetcher_needs_is_left(outcome: dict[str, dict[str, object]]) -> None:
    assert {name for name in ALLOWED if outcome["result"][name] != "done"} == set()


def test_nothing_else_works_from_inside(outcome: dict[str, dict[str, object]]) -> None:
    done = {name for name, answer in outcome["result"].items() if answer == "done"}
    assert done - ALLOWED == set()
    assert len(outcome["result"]) > 30


def test_the_real_process_reports_the_same_locks(outcome: dict[str, dict[str, object]]) -> None:
    with Fetcher(FetchLimits()) as fetcher:
        assert fetcher.layers == outcome["layers"]
        assert fetcher.layers["seccomp"] is True
        assert fetcher.layers["capabilities"] is True
        assert fetcher.layers["landlock"] >= 4
        status = dict(
            line.split(":\t", 1)
            for line in Path(f"/proc/{fetcher.pid}/status").read_text().splitlines()
            if ":\t" in line
        )
        assert status["Seccomp"] == "2"
        assert status["NoNewPrivs"] == "1"
        assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) & int(status["CapEff"], 16) == 0


def test_the_process_holds_no_environment_and_no_other_descriptor(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may look into a process that hides itself")
    os.environ["HOTLINE_TEST_SECRET"] = "secret"
    try:
        with (tmp_path / "open").open("w") as held, Fetcher(FetchLimits()) as fetcher:
            os.set_inheritable(held.fileno(), True)
            assert Path(f"/proc/{fetcher.pid}/environ").read_bytes() == b""
            open_files = {os.readlink(entry) for entry in Path(f"/proc/{fetcher.pid}/fd").iterdir()}
            assert not any(str(tmp_path) in name for name in open_files)
    finally:
        del os.environ["HOTLINE_TEST_SECRET"]
