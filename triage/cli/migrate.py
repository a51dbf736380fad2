"""`hotline migrate`: bring the database's schema to this version, as the owner role, and write its first rows."""

import argparse

from triage.cli.deployment import write_first_rows
from triage.cli.embedded import connect_or_start
from triage.cli.session import add_practice_flag, find_deployment, with_address
from triage.settings import Settings
from triage.store.migrate import OWNER, migrate
from triage.store.pool import connect


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser("migrate", help="bring the database to this version")
    add_practice_flag(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Apply what is missing.

    Raises:
        HotlineError: the database refuses, or knows a later version.
    """
    deployment = find_deployment(settings, practice=args.practice)
    access = connect_or_start(deployment.state, with_address(settings, "owner"), role=OWNER)
    with access as dsns, connect(dsns[OWNER], autocommit=True) as conn:
        done = migrate(conn)
        with conn.transaction():
            write_first_rows(conn, "practice" if args.practice else "live")
    for name in done:
        print(f"Migrated: {name}.")
    if not done:
        print("Nothing to do: the schema is that of this version.")
    return 0
