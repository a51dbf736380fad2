"""What is left for code that took over the fetcher, from inside the real locks; and that the work goes on."""

import contextlib
import json
import os
import socket
import ssl
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.local_dns import LocalDns
from tests.local_sites import LocalSite, lay_out_tricks, run_site
from tests.security.attempts import ATTEMPTS
from tests.security.test_layers import EXPECTED
from triage.errors import CaptureFailedError, CaptureRefusedError
from triage.rules.fetch_failures import FetchFailure
from workers.fetcher import door, page_text
from workers.fetcher.door import Fetcher
from workers.fetcher.wire import FetchLimits, FetchOrder

HERE = Path(__file__).parent
HOST = "http://photos.example"

# In the place of the fetcher's main: the same imports, then for each attempt a child with the real `lock_process`.
PROBE = """
import ctypes, json, logging, os, resource, signal, socket, sys, time, traceback, warnings
sys.path.insert(0, sys.argv[1])
from attempts import ATTEMPTS, call_system, open_socket
from workers.fetcher import __main__ as fetcher
from workers.fetcher.locks import lock_process

near = json.loads(sys.argv[2])

def log_a_traceback():
    try:
        raise ValueError("x")
    except ValueError:
        logging.getLogger("asyncio").exception("failed")
        warnings.warn("old", stacklevel=1)
        sys.excepthook(*sys.exc_info())

def import_late():
    try:
        import sqlite3
    except ImportError as error:
        raise OSError(str(error)) from None

def take_memory():
    taken = [bytearray(256 << 20) for _ in range(16)]

def take_descriptors():
    taken = [socket.socket() for _ in range(70)]

def control(number):
    with socket.socket() as one:
        call_system(16, one.fileno(), number, ctypes.create_string_buffer(64))

MORE = {
    "raw socket": lambda near: open_socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
    "ping socket": lambda near: open_socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP),
    "packet socket": lambda near: open_socket(17, socket.SOCK_RAW),
    "virtual machine socket": lambda near: open_socket(40, socket.SOCK_STREAM),
    "multipath socket": lambda near: open_socket(socket.AF_INET, socket.SOCK_STREAM, 262),
    "bluetooth socket": lambda near: open_socket(31, socket.SOCK_RAW),
    "socket pair": lambda near: socket.socketpair(),
    "IPv6 socket": lambda near: open_socket(socket.AF_INET6, socket.SOCK_STREAM),
    "interface list": lambda near: control(0x8912),
    "type into a terminal": lambda near: control(0x5412),
    "ask the C library's resolver": lambda near: socket.getaddrinfo("localhost", 80),
    "wait for many": lambda near: __import__("select").poll().poll(1),
    "catch a signal": lambda near: signal.signal(signal.SIGUSR1, lambda *_: None),
    "clone as a thread": lambda near: call_system(56, 0x003D0F00, 0, 0, 0, 0),
    "clone3": lambda near: call_system(435, 0, 0),
    "loosen the filter": lambda near: call_system(317, 1, 0, ctypes.create_string_buffer(16)),
    "change an option of the process": lambda near: call_system(157, 4, 1, 0, 0, 0),
    "another architecture's numbers": lambda near: call_system(0x40000000 + 2, b"/etc/passwd", 0),
    "a call of the future": lambda near: call_system(1000),
    "import late": lambda near: import_late(),
    "log a traceback": lambda near: log_a_traceback(),
    "tell the time": lambda near: (time.time(), time.localtime(), time.strftime("%Z"), time.monotonic()),
    "take memory": lambda near: take_memory(),
    "take descriptors": lambda near: take_descriptors(),
}

def try_once(attempt):
    child = os.fork()
    if child == 0:
        code = 43
        try:
            os.setsid()
            lock_process([near["own_port"]], strict=True)
            code = 41
            attempt(near)
            code = 40
        except (OSError, MemoryError, RuntimeError):
            pass
        finally:
            os._exit(code)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return {40: "done", 41: "denied", -signal.SIGSYS: "killed"}.get(ended, f"ended with {ended}")

os.environ["TZ"] = ""
print(json.dumps({name: try_once(attempt) for name, attempt in {**ATTEMPTS, **MORE}.items()}))
"""

# Beyond the table in test_layers.py; all else of PROBE is killed.
LEFT = {"IPv6 socket": "done", "log a traceback": "done", "tell the time": "done"}
DENIED = {"import late": "denied", "take memory": "denied", "take descriptors": "denied"}


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("s")
    (folder / "file").write_text("x")
    name = f"hotline-fetcher-test-{os.getpid()}"
    sleeper = subprocess.Popen(["sleep", "300"])
    with (
        socket.create_server(("127.0.0.1", 0)) as own,
        socket.create_server(("127.0.0.1", 0)) as other,
        socket.socket(socket.AF_UNIX) as by_path,
        socket.socket(socket.AF_UNIX) as by_name,
    ):
        by_path.bind(str(folder / "s"))
        by_path.listen()
        by_name.bind("\0" + name)
        by_name.listen()
        near = {
            "own_port": own.getsockname()[1], "port": other.getsockname()[1], "path": str(folder / "s"),
            "name": name, "folder": str(folder), "file": str(folder / "file"), "pid": sleeper.pid, "address": 1,
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-I", "-B", "-c", PROBE, str(HERE), json.dumps(near)],
            env={}, cwd="/", capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert sleeper.poll() is None, "a fetcher signalled another process"
    sleeper.kill()
    sleeper.wait()
    assert done.returncode == 0, done.stderr
    assert list(folder.glob("new-*")) == []
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_inside_the_real_locks_only_the_work_is_left(outcome: dict[str, str]) -> None:
    expected = {name: as_user for name, (_, as_user) in EXPECTED["fetcher"]["all"].items()}
    more = {name: "killed" for name in outcome if name not in ATTEMPTS}
    assert outcome == {**more, **expected, **LEFT, **DENIED}
    assert len(outcome) > 50


def read_status(pid: int | None) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def test_the_real_process_holds_every_lock() -> None:
    with Fetcher(FetchLimits()) as fetcher:
        layers = fetcher.layers
        status = read_status(fetcher.pid)
        assert (layers["seccomp"], layers["capabilities"], layers["rlimits"]) == (True, True, True)
        assert layers["landlock"] >= 4
        assert (status["Seccomp"], status["NoNewPrivs"], status["Threads"]) == ("2", "1", "1")
        assert {int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == {0}


def test_the_real_process_has_small_limits_and_only_the_network_in_common() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may look into a process that hides itself")
    with Fetcher(FetchLimits()) as fetcher:
        limits = Path(f"/proc/{fetcher.pid}/limits").read_text().splitlines()[1:]
        soft_and_hard = {line[:26].strip(): line[26:].split()[:2] for line in limits}
        for name in ("Max file size", "Max core file size", "Max processes", "Max locked memory"):
            assert soft_and_hard[name] == ["0", "0"], name
        assert soft_and_hard["Max open files"] == ["64", "64"]
        shared = {
            name
            for name in ("user", "ipc", "net")
            if os.readlink(f"/proc/{fetcher.pid}/ns/{name}") == os.readlink(f"/proc/self/ns/{name}")
        }
        assert shared == ({"net"} if fetcher.layers["namespaces"] else {"user", "ipc", "net"})


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


@pytest.fixture(scope="module")
def site() -> Iterator[LocalSite]:
    with run_site() as running:
        yield running


TAKEN_OVER = """
import os, sys
sys.path.insert(0, {here!r})
from attempts import ATTEMPTS
from workers.fetcher import __main__ as fetcher
honest = fetcher.fetch_url
def fetch_url(order, *arguments, **more):
    _, _, name = order.url.partition("/try/")
    if name:
        ATTEMPTS[name.replace("-", " ")]({{"folder": "/tmp"}})
    return honest(order, *arguments, **more)
fetcher.fetch_url = fetch_url
os._exit(fetcher.main())
"""


def test_a_killed_fetcher_is_said_and_the_next_fetch_has_a_new_one(
    site: LocalSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = textwrap.dedent(TAKEN_OVER.format(here=str(HERE)))
    monkeypatch.setattr(door, "COMMAND", (sys.executable, "-I", "-B", "-c", program))
    site.lay_answer("/ok", b"ok")
    with Fetcher(FetchLimits(total_s=5), site.practice_names()) as fetcher:
        for name in ("open-a-file", "fork", "exec", "executable-page"):
            before = fetcher.pid
            with pytest.raises(CaptureFailedError) as caught:
                fetcher.fetch("job-1", FetchOrder(f"{HOST}/try/{name}"))
            assert caught.value.failure == FetchFailure.FETCHER_STOPPED
            assert fetcher.pid is None
            assert fetcher.fetch("job-2", FetchOrder(f"{HOST}/ok")).body == b"ok"
            assert fetcher.pid != before


ENCODINGS = (
    *page_text._BY_LABEL,
    "mac-farsi",
    "no-such-thing",
    "utf-7",
    "hex",
    "zip",
    "idna",
    "..",
    "base64",
)


def test_no_encoding_that_a_page_names_makes_the_process_open_a_file(site: LocalSite) -> None:
    with Fetcher(FetchLimits(total_s=5), site.practice_names()) as fetcher:
        fetcher.start()
        pid = fetcher.pid
        for name in ENCODINGS:
            html = b"<meta charset=%s><img src=/a.jpg>" % name.encode() + bytes(range(128, 256))
            for content_type in ("text/html", f"text/html; charset={name}"):
                site.lay_answer("/page", html, content_type)
                found = fetcher.fetch("job-3", FetchOrder(f"{HOST}/page"))
                assert found.page is not None, name
        for mark in (b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf"):
            site.lay_answer("/page", mark + bytes(range(256)), "text/html")
            fetcher.fetch("job-4", FetchOrder(f"{HOST}/page"))
        assert fetcher.pid == pid


@pytest.mark.parametrize("is_long", [False, True])
def test_names_are_asked_for_inside_the_locks(is_long: bool) -> None:
    records = {"inside.example.com": ["127.0.0.1", "::1"], "bare.example.com": []}
    long = set(records) if is_long else set()
    with LocalDns(records, silent={"silent.example.com"}, long=long) as server:
        limits = FetchLimits(total_s=2, connect_s=1, dns_server=server.server)
        with Fetcher(limits) as fetcher:
            fetcher.start()
            pid = fetcher.pid
            with pytest.raises(CaptureRefusedError):
                fetcher.fetch("job-5", FetchOrder("http://inside.example.com/"))
            for name, failures in (
                ("missing", {FetchFailure.NO_SUCH_NAME}),
                ("bare", {FetchFailure.NO_ADDRESS}),
                ("silent", {FetchFailure.NAME_SERVICE_SILENT, FetchFailure.OUT_OF_TIME}),
            ):
                with pytest.raises(CaptureFailedError) as caught:
                    fetcher.fetch("job-6", FetchOrder(f"http://{name}.example.com/"))
                assert caught.value.failure in failures
            assert fetcher.pid == pid
        assert "inside.example.com AAAA" in server.asked


def test_certificates_are_judged_inside_the_locks() -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("other.example").configure_cert(tls)
    with run_site(tls) as site, Fetcher(FetchLimits(total_s=5), site.practice_names()) as fetcher:
        site.lay_answer("/ok", b"ok" * 500_000)
        fetcher.start()
        pid = fetcher.pid
        for _ in range(2):
            found = fetcher.fetch("job-7", FetchOrder("https://photos.example/ok"))
            assert len(found.body) == 1_000_000
            assert found.hops[-1].certificate_fault
        assert fetcher.pid == pid


def test_every_odd_server_leaves_the_same_process(site: LocalSite) -> None:
    lay_out_tricks(site, 3 << 20)
    limits = FetchLimits(total_s=0.4, connect_s=0.3, max_bytes=1 << 20, max_redirects=4, max_pictures=5)
    with Fetcher(limits, site.practice_names()) as fetcher:
        fetcher.start()
        pid = fetcher.pid
        for path in list(site.pages):
            with contextlib.suppress(CaptureFailedError, CaptureRefusedError):
                fetcher.fetch("job-8", FetchOrder(HOST + path))
            assert fetcher.pid == pid, path
