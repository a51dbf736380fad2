"""A real process of a deployment with an uninvited guest: `locked_probe.py KIND`, KIND as for start_process.

1. `start_process` locks this process exactly as it locks any other of its kind.
2. A thread, started after the locks and so inside them, answers probes: one JSON object a line on standard
   input, one a line on standard output.
3. The main thread goes on as the process it is: worker, outbound, sweep, or web surface.

A probe is {"probe": name, "targets": [...]}; the answer holds, for each target, "done" or why it was refused.
"""

import ctypes
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable

from triage.process import Process, start_process

_libc = ctypes.CDLL(None, use_errno=True)
_PTRACE_SEIZE = 0x4206


def read_file(path: str) -> object:
    with open(path, "rb") as file:
        file.read(1)
    return None


def read_folder(path: str) -> object:
    return len(os.listdir(path))


def write_file(path: str) -> object:
    os.close(os.open(path, os.O_WRONLY))  # opened only: what stands there is not changed
    return None


def make_file(folder: str) -> object:
    path = os.path.join(folder, "probe")
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    os.unlink(path)
    return None


def read_by_shell(path: str) -> object:
    done = subprocess.run(["/bin/cat", path], capture_output=True, check=False)
    if done.returncode != 0:
        raise PermissionError
    return None


def signal_process(pid: int) -> object:
    os.kill(pid, 0)  # 0 asks whether it were allowed, and sends nothing
    return None


def seize_process(pid: int) -> object:
    if _libc.ptrace(_PTRACE_SEIZE, pid, None, None) != 0:
        raise OSError(ctypes.get_errno(), "refused")
    return None


def dial(port: int) -> object:
    socket.create_connection(("127.0.0.1", port), 3).close()
    return None


def ask_valkey(target: list[str]) -> object:
    path, words = target
    with socket.socket(socket.AF_UNIX) as one:
        one.settimeout(3)
        one.connect(path)
        one.sendall(words.encode() + b"\r\n")
        answer = one.recv(200).decode(errors="replace")
    if answer.startswith("-"):
        raise PermissionError(answer)
    return answer


def connect_to_database(dsn: str) -> object:
    import psycopg

    psycopg.connect(dsn, connect_timeout=5).close()
    return None


def run_sql(process: Process, statement: str) -> object:
    import psycopg

    with psycopg.connect(process.keys.find_database_url(), connect_timeout=5) as conn:
        try:
            cursor = conn.execute(statement.encode())
            return str(cursor.fetchall()) if cursor.description else None
        finally:
            conn.rollback()


def run_sql_alone(process: Process, statement: str) -> None:
    import psycopg

    with psycopg.connect(process.keys.find_database_url(), connect_timeout=5, autocommit=True) as conn:
        conn.execute(statement.encode())


def open_object(process: Process, target: list[str]) -> object:
    from triage.vault import ObjectVault, unseal

    area, name, identity_file = target
    sealed = ObjectVault(process.keys.find_evidence_url()).get(area, name)
    return len(unseal(sealed, process.keys.read(identity_file)))


def show_own(name: str) -> object:
    if name == "environment":
        return dict(os.environ)
    with open(f"/proc/self/{name}") as file:
        return file.read()


def answer_probes(process: Process) -> None:
    probes: dict[str, Callable[..., object]] = {
        "read_file": read_file,
        "read_folder": read_folder,
        "write_file": write_file,
        "make_file": make_file,
        "read_by_shell": read_by_shell,
        "signal_process": signal_process,
        "seize_process": seize_process,
        "dial": dial,
        "ask_valkey": ask_valkey,
        "connect_to_database": connect_to_database,
        "run_sql": lambda statement: run_sql(process, statement),
        "run_sql_alone": lambda statement: run_sql_alone(process, statement),
        "open_object": lambda target: open_object(process, target),
        "show_own": show_own,
    }
    for line in sys.stdin:
        asked = json.loads(line)
        answers = []
        for target in asked["targets"]:
            try:
                answers.append({"done": probes[asked["probe"]](target)})
            except Exception as error:
                answers.append({"refused": type(error).__name__, "words": str(error)[:300]})
        print(json.dumps(answers), flush=True)


def main() -> int:
    kind = sys.argv[1]
    process = start_process(kind)
    threading.Thread(target=answer_probes, args=(process,), daemon=True).start()
    print(json.dumps(process.locks.as_dict()), flush=True)
    if kind == "worker":
        from workers import __main__ as worker

        worker.run(process, ["capture"])
    elif kind == "outbound":
        from workers import __main__ as outbound

        outbound.run_outbound(process)
    elif kind == "sweep":
        from workers import sweep

        sweep.run(process)
    else:
        from api import __main__ as web

        web.run(process, kind)
    return 0


if __name__ == "__main__":
    sys.exit(main())
