"""`hotline custody verify`: hold every custody event against its hash, its predecessor and its stream's head."""

import argparse
import sys

from triage.cli.session import add_json_flag, add_practice_flag, find_deployment, open_connection, print_json
from triage.settings import Settings
from triage.store.custody import verify


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser("custody", help="the chain of custody")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser("verify", help="verify all streams")
    add_json_flag(check)
    add_practice_flag(check)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Verify; 1 when a stream does not hold.

    Raises:
        HotlineError: no database answers.
    """
    with open_connection(find_deployment(settings, practice=args.practice), "staff") as conn:
        found = verify(conn)
    if args.json:
        print_json(
            {
                "events": found.events,
                "streams": found.streams,
                "verified": not found.broken,
                "broken": list(found.broken),
            }
        )
    else:
        print(f"{found.events} events in {found.streams} streams.")
        for line in found.broken:
            print(f"Broken: {line}", file=sys.stderr)
        if not found.broken:
            print("All of them hold.")
    return 1 if found.broken else 0
