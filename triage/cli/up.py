"""`hotline up`: the whole of a live deployment on this machine, until it is told to stop."""

import argparse

from triage.cli.deployment import run_deployment
from triage.cli.session import find_deployment
from triage.settings import Settings


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "up",
        help="start servers, web surfaces, workers and sweep",
        description="Start a live deployment below STATE_DIR/live: PostgreSQL and Valkey (unless DATABASE_URL_* and"
        " REDIS_URL name others), the public form on PUBLIC_PORT, the staff surface on STAFF_PORT, WORKERS capture"
        " workers, the process that sends, and the sweep. Runs until Ctrl+C or SIGTERM and restarts what dies.",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Run until SIGTERM or SIGINT.

    Raises:
        HotlineError: it cannot start.
    """
    del args
    deployment = find_deployment(settings, practice=False)

    def say_where() -> None:
        print(f"Public form:   http://localhost:{settings.public_port}/", flush=True)
        print(f"Staff console: http://localhost:{settings.staff_port}/", flush=True)
        print(f"Logs:          {deployment.state.logs}", flush=True)

    run_deployment(deployment, "live", on_start=say_where)
    print("Stopped.", flush=True)
    return 0
