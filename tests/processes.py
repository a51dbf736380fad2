"""Other processes for tests of locks and kills: start one, find what it left, end it."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import triage

REPOSITORY = Path(triage.__file__).parents[1]
HOLD_FOREVER = """
import sys, time
from pathlib import Path
from triage.cli.state_dir import StateDir
with StateDir(Path(sys.argv[1])).hold(sys.argv[2]):
    print("held", flush=True)
    time.sleep(float(sys.argv[3]))
"""


def wait_until(is_true: Callable[[], object], limit_s: float = 10.0) -> None:
    """Fail when something does not become true within so many seconds."""
    deadline = time.monotonic() + limit_s
    while not is_true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    """Return whether a process is there and has not ended; one that nobody has waited for yet has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def run_script(script: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a script and return once it has said its first word."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, *arguments], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() in {"held", "up"}
    return process


def finish(process: subprocess.Popen[str]) -> None:
    """Kill a script with SIGKILL and reap it."""
    process.kill()
    process.communicate()


def list_processes_in(root: Path) -> list[int]:
    """Return the ids of all processes that work in a folder or below."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                cwd = (entry / "cwd").readlink()
            except OSError:
                continue
            if cwd.is_relative_to(root):
                found.append(int(entry.name))
    return found
