"""Runs every attempt in a fresh child with only some of the locks on: `layers_alone.py PROFILE USER`.

1. Everything is imported; then this process becomes USER ("root" stays what it is), and forks a neighbour with a
   secret in its memory, that lives under the same account.
2. For each set of locks and each attempt a child is forked, locked by the functions that the product uses, and left
   to try. How it ended is all that it says.
3. The outcome is printed as JSON: {locks: {attempt: done, denied or killed}}.
"""

import ctypes
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from attempts import ATTEMPTS, Near

from triage.sandbox import kernel, locks
from triage.sandbox.calls import DECODER, FETCHER, HEIC
from workers.fetcher import locks as fetcher_locks

PROFILES = {profile.name: profile for profile in (DECODER, HEIC, FETCHER)}
DONE, DENIED, LOCKS_FAILED = 40, 41, 43
NOBODY = 65534
MEMORY = 512 * 2**20


def make_layers(profile: str, near: Near) -> dict[str, Callable[[], object]]:
    is_fetcher = profile == "fetcher"
    ports = [near["own_port"]] if is_fetcher else []
    memory = locks.read_memory_size() + MEMORY  # read now: /proc is closed once Landlock holds
    threads = PROFILES[profile].threads
    return {
        "namespaces": lambda: locks.leave_namespaces(keep_network=is_fetcher) or fail(),
        "privileges": lambda: (locks.drop_capabilities(), locks.refuse_privileges()),
        "Landlock": lambda: locks.lock_filesystem(readable=(), tcp_connect=ports, tcp_bind=()) or fail(),
        "limits": lambda: (
            fetcher_locks.limit_resources()
            if is_fetcher
            else locks.limit_resources(memory, 5, threads=threads)
        ),
        "seccomp": lambda: (locks.refuse_privileges(), locks.filter_calls(PROFILES[profile])),
    }


def fail() -> None:
    raise RuntimeError("the kernel has no such layer")


def try_once(name: str, near: Near, layers: list[Callable[[], object]]) -> str:
    child = os.fork()
    if child == 0:
        code = LOCKS_FAILED
        try:
            for lock in layers:
                lock()
            code = DENIED
            ATTEMPTS[name](near)
            code = DONE
        except (OSError, MemoryError, RuntimeError):
            pass
        finally:
            os._exit(code)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    # 0 and 127 are the new program's own: it ran, at least as far as its loader.
    words = {DONE: "done", 0: "done", 127: "done", DENIED: "denied", -signal.SIGSYS: "killed"}
    return words.get(ended, f"ended with {ended}")


def main() -> int:
    profile, user = sys.argv[1:]
    near: Near = json.loads(sys.stdin.read())
    secret = ctypes.create_string_buffer(b"secret!")
    near["address"] = ctypes.addressof(secret)
    if user == "user" and os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        kernel.set_process_option(kernel.PR_SET_DUMPABLE, 1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ATTEMPTS["thread"](near)  # the C library prepares once for threads: before the locks, as the warm-up does
    parent = os.getpid()
    near["pid"] = os.fork()
    if near["pid"] == 0:
        locks.die_with_parent(parent)
        time.sleep(300)
        os._exit(0)
    layers = make_layers(profile, near)
    combinations = {"none": [], **{name: [lock] for name, lock in layers.items()}}
    combinations["all"] = list(layers.values())
    combinations["all but namespaces"] = [lock for name, lock in layers.items() if name != "namespaces"]
    outcome = {
        combination: {name: try_once(name, near, chosen) for name in ATTEMPTS}
        for combination, chosen in combinations.items()
    }
    os.kill(near["pid"], signal.SIGKILL)
    print(json.dumps(outcome))
    return 0


if __name__ == "__main__":
    sys.exit(main())
