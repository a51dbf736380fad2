"""The locks a process puts on itself, each tried in a process of its own."""

import json
import os
import resource
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from triage.sandbox import locks

PRELUDE = """
import errno, json, os, socket, sys, threading
from pathlib import Path
from triage.errors import SandboxUnavailableError
from triage.sandbox import kernel, locks
def attempt(act):
    try:
        act()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "done"
def read(path):
    with open(path, "rb") as file:
        file.read(1)
def touch(path):
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
"""


def run_locked(code: str, *arguments: object) -> dict[str, object]:
    """Run code that prints one JSON object, in a fresh interpreter; return the object."""
    script = PRELUDE + textwrap.dedent(code)
    command = [sys.executable, "-I", "-B", "-c", script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env={})
    assert done.returncode == 0, done.stderr
    said: dict[str, object] = json.loads(done.stdout)
    return said


def test_a_second_thread_refuses_every_lock():
    said = run_locked("""
        stop = threading.Event()
        thread = threading.Thread(target=stop.wait)
        thread.start()
        said = {}
        for name, lock in {
            "process": lambda: locks.lock_process([], []),
            "files": lambda: locks.lock_filesystem(readable=[]),
        }.items():
            try:
                lock()
                said[name] = "locked"
            except SandboxUnavailableError as error:
                said[name] = str(error)
        stop.set()
        thread.join()
        print(json.dumps(said))
    """)
    assert set(said.values()) == {"Cannot lock a process that already runs 2 threads."}


def test_a_missing_folder_is_said(tmp_path):
    said = run_locked(
        """
        try:
            locks.lock_process([Path(sys.argv[1])], [])
        except SandboxUnavailableError as error:
            print(json.dumps({"error": str(error)}))
        """,
        tmp_path / "none",
    )
    assert "No such file" in str(said["error"])


def test_a_locked_process_reaches_only_its_folders(tmp_path):
    for name in ("mine", "seen", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x")
    said = run_locked(
        """
        root = Path(sys.argv[1])
        report = locks.lock_process([root / "seen"], [root / "mine"]).as_dict()
        import http.client, sqlite3, numpy  # still importable
        print(json.dumps({
            "report": report,
            "capabilities": kernel.read_capabilities(),
            "mine": [attempt(lambda: read(root / "mine/file")), attempt(lambda: touch(root / "mine/new"))],
            "seen": [attempt(lambda: read(root / "seen/file")), attempt(lambda: touch(root / "seen/new"))],
            "other": [attempt(lambda: read(root / "other/file")), attempt(lambda: touch(root / "other/new"))],
            "list": attempt(lambda: os.listdir(root)),
            "rename": attempt(lambda: os.rename(root / "mine/file", root / "other/moved")),
            "remove": attempt(lambda: os.unlink(root / "seen/file")),
            "proc_sys": attempt(lambda: os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY))),
            "null": attempt(lambda: touch("/dev/null")),
            "run": attempt(lambda: os.posix_spawn("/usr/bin/true", ["true"], {})),
            "run_own": attempt(lambda: os.posix_spawn(root / "mine/file", ["file"], {})),
        }))
        """,
        tmp_path,
    )
    assert said["report"]["landlock"] >= 1  # type: ignore[index]
    assert said["report"]["capabilities"] is True  # type: ignore[index]
    assert said["capabilities"] == 0
    assert said["mine"] == ["done", "done"]
    assert said["seen"] == ["done", "EACCES"]
    assert said["other"] == ["EACCES", "EACCES"]
    assert said["list"] == "EACCES"
    assert said["rename"] != "done"
    assert said["remove"] != "done"
    assert said["proc_sys"] == "EACCES"
    assert said["null"] == "done"
    assert said["run"] == "done"
    assert said["run_own"] == "EACCES"


def test_only_named_ports_can_be_dialled(tmp_path):
    with socket.socket() as one, socket.socket() as two:
        for listener in (one, two):
            listener.bind(("127.0.0.1", 0))
            listener.listen()
        said = run_locked(
            """
            open_port, closed_port = map(int, sys.argv[1:])
            locks.lock_process([], [], tcp_connect=[open_port], tcp_bind=())
            def dial(port):
                socket.create_connection(("127.0.0.1", port), 2).close()
            def bind():
                with socket.socket() as one:
                    one.bind(("127.0.0.1", 0))
            dialled = [attempt(lambda: dial(port)) for port in (open_port, closed_port)]
            print(json.dumps([*dialled, attempt(bind)]))
            """,
            one.getsockname()[1],
            two.getsockname()[1],
        )
    assert said == ["done", "EACCES", "EACCES"]


def test_signals_to_processes_outside_are_refused():
    said = run_locked(
        """
        locks.lock_process([], [])
        print(json.dumps(attempt(lambda: os.kill(int(sys.argv[1]), 0))))
        """,
        os.getpid(),
    )
    assert said == "EPERM"


def test_a_late_import_is_an_error_with_words():
    said = run_locked("""
        locks.forbid_imports()
        import json, os
        try:
            import sqlite3
            said = "imported"
        except ModuleNotFoundError as error:
            said = str(error)
        try:
            b"x".decode("mac_farsi")
        except LookupError as error:
            said = [said, str(error)]
        print(json.dumps(said))
    """)
    assert said == ["nothing is imported after the locks", "unknown encoding: mac_farsi"]


@pytest.mark.parametrize(
    ("profile", "outcome"), [("decoder", "killed"), ("heic", "ran"), ("fetcher", "killed")]
)
def test_only_the_heic_profile_lets_a_thread_run(profile, outcome):
    said = run_locked(
        """
        import ctypes, signal
        from triage.sandbox import calls
        def run_thread():
            thread = ctypes.c_ulong()
            routine = ctypes.cast(kernel.libc.labs, ctypes.c_void_p)
            refusal = kernel.libc.pthread_create(ctypes.byref(thread), None, routine, None)
            return refusal or kernel.libc.pthread_join(thread, None)
        run_thread()  # as the warm-up does
        child = os.fork()
        if child == 0:
            locks.refuse_privileges()
            locks.filter_calls(getattr(calls, sys.argv[1].upper()))
            os._exit(run_thread())
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps({0: "ran", -signal.SIGSYS: "killed"}.get(ended, ended)))
        """,
        profile,
    )
    assert said == outcome


def test_dropping_capabilities_leaves_none_even_for_new_programs():
    said = run_locked("""
        import subprocess
        locks.drop_capabilities()
        locks.drop_capabilities()
        status = subprocess.run(["/usr/bin/cat", "/proc/self/status"], capture_output=True, text=True).stdout
        print(json.dumps([line.split()[1] for line in status.splitlines() if line.startswith("Cap")]))
    """)
    # Inheritable, permitted, effective; then the bounding set, which only root can empty.
    assert set(said[: 4 if os.geteuid() == 0 else 3]) == {"0" * 16}  # type: ignore[index]


def test_python_paths_leave_the_folder_above_our_packages_out():
    paths = locks.python_paths()
    root = Path(locks.__file__).parents[2]
    assert all(path.exists() and path.is_absolute() for path in paths)
    if not root.name.endswith("-packages"):
        assert root not in paths
        assert not any(path in root.parents for path in paths)
    assert any(Path(sys.executable).resolve().is_relative_to(path) for path in paths)
    assert any(Path(locks.__file__).is_relative_to(path) for path in paths)


LIMITED = """
    import resource
    memory = locks.read_memory_size() + 64 * 2**20
    threads = json.loads(sys.argv[1])
    locks.limit_resources(memory, 1, threads=threads)
    try:
        bytearray(128 * 2**20)
        grown = True
    except MemoryError:
        grown = False
    limits = [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_CPU, resource.RLIMIT_NPROC)]
    os.write(1, json.dumps([grown, *limits]).encode())
"""


@pytest.mark.parametrize(("threads", "most"), [("0", 0), ("8", 11)])
def test_limits_are_set(threads, most):
    assert run_locked(LIMITED, threads) == [False, 1, most]


def test_the_limit_of_threads_can_be_left_as_it_is():
    most = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    assert run_locked(LIMITED, "null") == [False, 1, most]
