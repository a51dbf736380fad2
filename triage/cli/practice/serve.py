"""The practice deployment as one process: what `hotline demo` starts and watches.

A deployment like the live one, in `STATE_DIR/practice`, whose database says that it is practice and holds the
names of the practice site. Only there may waits be short.
"""

import argparse
import signal
import sys

from triage.cli.deployment import run_deployment
from triage.cli.practice.networks import PRACTICE_HOSTS, list_networks
from triage.cli.session import find_deployment
from triage.errors import HotlineError
from triage.sandbox.locks import die_with_parent
from triage.settings import load_settings
from triage.store.networks import replace_networks
from triage.store.practice import replace_practice_names
from triage.store.rows import Connection

READY = "ready"


def main(argv: list[str] | None = None) -> int:
    """Run until SIGTERM; print `ready` once everything is started."""
    parser = argparse.ArgumentParser(prog="python -m triage.cli.practice.serve")
    parser.add_argument("--site-port", type=int, required=True)
    parser.add_argument("--parent", type=int, required=True)
    arguments = parser.parse_args(argv)
    die_with_parent(arguments.parent)

    def set_up(conn: Connection) -> None:
        replace_practice_names(conn, PRACTICE_HOSTS, dial_host="127.0.0.1", dial_port=arguments.site_port)
        replace_networks(conn, list_networks())

    try:
        deployment = find_deployment(load_settings(), practice=True)
        run_deployment(deployment, "practice", set_up=set_up, on_start=lambda: print(READY, flush=True))
    except HotlineError as error:
        print(f"hotline: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent stops us in order
    sys.exit(main())
