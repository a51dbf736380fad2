"""The sweep as a process of its own: `python -m workers.sweep`.

1. Lock this process into its own folders, before any import that may start a thread.
2. Connect with the worker role.
3. Sweep until told to stop.
"""

import argparse
import signal
import sys

from triage.errors import HotlineError
from triage.process import Process, start_process


def run(process: Process) -> None:
    """Sweep with a process that is locked already, until SIGTERM or SIGINT."""
    # Imported late: psycopg and obstore may start threads, which the locks would not cover.
    from triage.queue import QueueDoor
    from triage.store.pool import Database
    from triage.vault import ObjectVault
    from workers.sweep_due import Sweep

    dsn = process.keys.find_database_url()
    queue = QueueDoor(process.keys.find_redis_url(), timeout_s=process.settings.job_timeout_s)
    vault = ObjectVault(process.keys.find_evidence_url(), process.keys.find_store_options())
    with Database(dsn, role="hotline_worker", size=2) as database:
        sweep = Sweep(dsn, database, queue, vault, process.settings)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, sweep.stop)
        sweep.run()


def main(argv: list[str] | None = None) -> int:
    """Run the sweep; return its exit code."""
    argparse.ArgumentParser(prog="hotline sweep", description="Nudge what is due; run retention.").parse_args(
        argv
    )
    try:
        run(start_process("sweep"))
    except HotlineError as error:
        print(f"hotline sweep: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
