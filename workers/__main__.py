"""A worker process: `python -m workers --queue capture`.

1. Lock this process into its own folders, before any import that may start a thread.
2. Open what its jobs need: database, store, decoder zygote, fetcher, index.
3. Serve the queue until told to stop; when Redis is away, wait and come again.
"""

import argparse
import os
import socket
import sys
import time
from collections.abc import Callable
from uuid import UUID

from triage.errors import HotlineError, ServerUnavailableError
from triage.process import Process, start_process

WAIT_FOR_REDIS_S = 1.0


def run(process: Process, queue_names: list[str], *, zygote_module: str | None = None) -> None:
    """Serve queues with a process that is locked already.

    Args:
        process: what `start_process` returned.
        queue_names: names of the queues to serve.
        zygote_module: only the tests of the sandbox's boundary give one; no setting leads here.
    """
    # Imported late: numpy, psycopg and obstore may start threads, which the locks would not cover.
    from triage.queue import run_worker
    from triage.rules.due import QueueName
    from workers.jobs import JOBS
    from workers.tools import open_capture_tools

    name = f"{socket.gethostname()}-{os.getpid()}-{time.time_ns() % 10**6:06d}"
    tools = open_capture_tools(
        name, process.settings, process.keys, process.index_dir, zygote_module=zygote_module
    )
    table: dict[str, Callable[[UUID], None]] = {
        job: lambda identity, work=work: work(tools, identity)  # type: ignore[misc]
        for job, work in JOBS.items()
    }
    queues = [QueueName(queue) for queue in queue_names]
    try:
        while True:
            try:
                run_worker(process.keys.find_redis_url(), queues, table, name)
            except ServerUnavailableError:
                time.sleep(WAIT_FOR_REDIS_S)
            else:
                return
    finally:
        tools.close()


def main(argv: list[str] | None = None) -> int:
    """Run a worker; return its exit code."""
    parser = argparse.ArgumentParser(prog="hotline worker", description="Serve the queues.")
    parser.add_argument(
        "--queue", action="append", choices=("capture",), help="a queue to serve; capture by default"
    )
    arguments = parser.parse_args(argv)
    try:
        run(start_process("worker"), arguments.queue or ["capture"])
    except HotlineError as error:
        print(f"hotline worker: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
