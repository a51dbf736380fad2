"""A worker process: `python -m workers --queue capture`, or `--queue outbound` for what leaves.

1. Lock this process into its own folders, before any import that may start a thread.
2. Open what its jobs need: database, store, decoder zygote, fetcher, index; or, for what leaves, database,
   signing key, mail relay and outbox, and none of those.
3. Serve the queues until told to stop; when Redis is away, wait and come again.
"""

import argparse
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from uuid import UUID

from triage.errors import HotlineError, ServerUnavailableError
from triage.process import Process, start_process

WAIT_FOR_REDIS_S = 1.0
OUTBOUND = "outbound"
WORKER_QUEUES = ("capture", "lookup", "capture_late")


def run(process: Process, queue_names: list[str], *, zygote_module: str | None = None) -> None:
    """Serve queues of captures and lookups with a process that is locked already.

    Args:
        process: what `start_process` returned.
        queue_names: names of the queues to serve.
        zygote_module: only the tests of the sandbox's boundary give one; no setting leads here.
    """
    # Imported late: numpy, psycopg and obstore may start threads, which the locks would not cover.
    from workers.jobs import JOBS
    from workers.tools import open_capture_tools

    name = _make_name()
    tools = open_capture_tools(
        name, process.settings, process.keys, process.index_dir, zygote_module=zygote_module
    )
    table: dict[str, Callable[[UUID], None]] = {
        job: lambda identity, work=work: work(tools, identity)  # type: ignore[misc]
        for job, work in JOBS.items()
    }
    try:
        _serve(process, queue_names, table, name)
    finally:
        tools.close()


def run_outbound(process: Process) -> None:
    """Serve the queue of what leaves with a process that is locked already."""
    from workers.jobs import OUTBOUND_JOBS
    from workers.outbound_tools import open_outbound_tools

    tools = open_outbound_tools(process.settings, process.keys, process.outbox_dir)
    table: dict[str, Callable[[UUID], None]] = {
        job: lambda identity, work=work: work(tools, identity)  # type: ignore[misc]
        for job, work in OUTBOUND_JOBS.items()
    }
    try:
        _serve(process, [OUTBOUND], table, _make_name())
    finally:
        tools.close()


def _make_name() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-{time.time_ns() % 10**6:06d}"


def _serve(
    process: Process, queue_names: list[str], table: Mapping[str, Callable[[UUID], None]], name: str
) -> None:
    from triage.queue import run_worker
    from triage.rules.due import QueueName

    queues = [QueueName(queue) for queue in queue_names]
    while True:
        try:
            run_worker(process.keys.find_redis_url(), queues, table, name)
        except ServerUnavailableError:
            time.sleep(WAIT_FOR_REDIS_S)
        else:
            return


def main(argv: list[str] | None = None) -> int:
    """Run a worker; return its exit code."""
    parser = argparse.ArgumentParser(prog="hotline worker", description="Serve the queues.")
    parser.add_argument(
        "--queue",
        action="append",
        choices=(*WORKER_QUEUES, OUTBOUND),
        help="a queue to serve; capture, lookup and capture_late by default, in this order; outbound stands alone",
    )
    queues = list(dict.fromkeys(parser.parse_args(argv).queue or WORKER_QUEUES))
    if OUTBOUND in queues and len(queues) > 1:
        parser.error("outbound is served by a process of its own: it holds other keys")
    try:
        if OUTBOUND in queues:
            run_outbound(start_process("outbound"))
        else:
            run(start_process("worker"), queues)
    except HotlineError as error:
        print(f"hotline worker: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
