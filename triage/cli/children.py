"""Start one child process that dies with us: what happens between fork and exec.

1. The log file is opened for appending, 0600.
2. In the child: where PostgreSQL must not see uid 0, a private user namespace shows it as 65534.
3. In the child: PR_SET_PDEATHSIG, after the namespace (changing credentials clears it), then a check that the
   parent has not died meanwhile.
4. exec with exactly the environment given.

PDEATHSIG belongs to the thread that forked, so children are only started from the main thread.
"""

import ctypes
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1
_NOBODY = 65534
_libc = ctypes.CDLL(None, use_errno=True)


def _write_proc(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _prepare_child(death_signal: int, hide_root: bool) -> Callable[[], None]:
    parent, uid, gid = os.getpid(), os.geteuid(), os.getegid()

    def before_exec() -> None:
        if hide_root and uid == 0:
            if _libc.unshare(_CLONE_NEWUSER) != 0:
                raise OSError(ctypes.get_errno(), "unshare")
            _write_proc("/proc/self/setgroups", "deny")
            _write_proc("/proc/self/uid_map", f"{_NOBODY} {uid} 1")
            _write_proc("/proc/self/gid_map", f"{_NOBODY} {gid} 1")
        if _libc.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")
        if os.getppid() != parent:
            os._exit(1)

    return before_exec


def open_log(path: Path) -> int:
    """Open a log file for appending, private to this account; the caller closes the descriptor."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def spawn_child(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    log_path: Path,
    death_signal: int,
    hide_root: bool = False,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, with its output appended to a log.

    Args:
        argv: program and arguments; no secrets, other accounts can read them.
        env: the whole environment of the child; no secrets either.
        log_path: file that takes stdout and stderr.
        death_signal: signal that the kernel sends it when we die, however we die.
        hide_root: when we are root, run it in a user namespace where it is 65534.
        cwd: its working folder; ours by default.

    Raises:
        OSError: the program or the log cannot be opened.
        subprocess.SubprocessError: the user namespace is refused.
        RuntimeError: called outside the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("children are started from the main thread only")
    log = open_log(log_path)
    try:
        return subprocess.Popen(
            [str(part) for part in argv],
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=cwd,
            start_new_session=True,
            umask=0o077,
            preexec_fn=_prepare_child(death_signal, hide_root),
        )
    finally:
        os.close(log)


def stop_child(process: subprocess.Popen[bytes], steps: Sequence[tuple[int, float]]) -> None:
    """Send growing signals until a child has ended; the last resort is SIGKILL.

    Args:
        process: the child; nothing happens when it has ended already.
        steps: (signal, seconds to wait after it), in order.
    """
    for number, wait_s in steps:
        if process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(wait_s)
        except subprocess.TimeoutExpired:
            continue
        return
    process.kill()
    process.wait()


def describe_exit(returncode: int) -> str:
    """Return in words how a process ended, from a Popen return code."""
    if returncode >= 0:
        return f"exit code {returncode}"
    try:
        return f"killed by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"killed by signal {-returncode}"
