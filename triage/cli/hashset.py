"""`hotline hashset import|list|withdraw|trust`: lists of hashes. The index is built before the command answers."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from hashsets.current import build_from_database
from hashsets.errors import InvalidListError
from hashsets.formats.csv_list import read_csv
from hashsets.model import BadRow, Entry, EntryClass
from hashsets.store import list_hash_sets
from triage.cli.session import (
    Deployment,
    add_json_flag,
    add_practice_flag,
    find_deployment,
    open_connection,
    print_json,
    print_table,
)
from triage.clock import utcnow
from triage.rules.sending import SendingPolicy
from triage.settings import Settings
from triage.steps.change_hash_sets import import_list, restore_entry, say_trust, withdraw_entry
from triage.store.rows import Connection

MAX_SHOWN_BAD_ROWS = 20


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser("hashset", help="hash sets")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    load = actions.add_parser("import", help="import a list into a set; nothing is trusted by that")
    load.add_argument("name", metavar="NAME", help="of the set; made if it is new")
    load.add_argument("file", metavar="FILE", type=Path, help="see docs/hash-lists.md for its columns")
    load.add_argument("--format", choices=("csv",), required=True)
    load.add_argument("--provider", help="whose list it is (the name by default)")
    load.add_argument("--licence", default="", help="under what it may be used")
    load.add_argument("--region", default="", help="where its classes come from")
    listing = actions.add_parser("list", help="list the sets")
    take_back = actions.add_parser("withdraw", help="withdraw one entry")
    take_back.add_argument("name", metavar="NAME")
    take_back.add_argument("entry", metavar="ENTRY", help="the provider's id of the entry")
    take_back.add_argument("--undo", action="store_true", help="take our own withdrawal back")
    trust = actions.add_parser("trust", help="propose trust in a class, or confirm another person's proposal")
    trust.add_argument("name", metavar="NAME")
    trust.add_argument("entry_class", metavar="CLASS", choices=[one.value for one in EntryClass])
    trust.add_argument("--by", required=True, metavar="PERSON", help="who says so: a person of `user add`")
    trust.add_argument("--reason", required=True, help="why, in writing; kept")
    for action in (load, listing, take_back, trust):
        add_json_flag(action)
        add_practice_flag(action)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Run one action.

    Raises:
        HotlineError, HashsetsError: it was refused; one line says why.
    """
    deployment = find_deployment(settings, practice=args.practice)
    with open_connection(deployment, "staff") as conn:
        if args.action == "import":
            return _import(args, deployment, conn)
        if args.action == "withdraw":
            return _withdraw(args, deployment, conn)
        if args.action == "trust":
            return _trust(args, conn)
        return _list(args, conn)


def _import(args: argparse.Namespace, deployment: Deployment, conn: Connection) -> int:
    bad: list[BadRow] = []
    good = 0

    def good_rows(rows: Iterator[Entry | BadRow]) -> Iterator[Entry]:
        nonlocal good
        for number, row in enumerate(rows, start=1):
            if isinstance(row, BadRow):
                bad.append(row)
            else:
                good += 1
                yield row
            if number % 20_000 == 0:
                _show_progress(number)

    try:
        with args.file.open(encoding="utf-8-sig", newline="") as stream:
            counts = import_list(
                conn,
                args.name,
                good_rows(read_csv(stream)),
                provider=args.provider or args.name,
                licence=args.licence,
                region=args.region,
                actor="cli",
                now=utcnow(),
                sending=SendingPolicy.from_settings(deployment.settings),
            )
    except OSError as error:
        raise InvalidListError(f"{args.file.name} cannot be read: {error.strerror}") from None
    if bad and not good:
        conn.rollback()
        _show_bad_rows(bad)
        raise InvalidListError(f"{args.file.name} has no row that can be used; nothing was changed")
    conn.commit()
    build_from_database(conn, deployment.index_dir)
    conn.commit()
    _show_bad_rows(bad)
    result = {
        "set": args.name,
        "added": counts.added,
        "changed": counts.changed,
        "withdrawn": counts.withdrawn,
        "rejected": len(bad),
    }
    if args.json:
        print_json(result)
    else:
        print(
            f"{args.name}: {counts.added} added, {counts.changed} changed, {counts.withdrawn} withdrawn,"
            f" {len(bad)} rejected."
        )
    return 0


def _show_bad_rows(bad: list[BadRow]) -> None:
    for row in bad[:MAX_SHOWN_BAD_ROWS]:
        print(f"line {row.line}: {row.reason}", file=sys.stderr)
    if len(bad) > MAX_SHOWN_BAD_ROWS:
        print(f"and {len(bad) - MAX_SHOWN_BAD_ROWS} more lines", file=sys.stderr)


def _show_progress(rows: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{rows} rows read", end="", file=sys.stderr, flush=True)
    else:
        print(f"{rows} rows read", file=sys.stderr, flush=True)


def _withdraw(args: argparse.Namespace, deployment: Deployment, conn: Connection) -> int:
    if args.undo:
        moved = restore_entry(conn, args.name, args.entry, actor="cli", now=utcnow())
    else:
        sending = SendingPolicy.from_settings(deployment.settings)
        moved = withdraw_entry(conn, args.name, args.entry, actor="cli", now=utcnow(), sending=sending)
    conn.commit()
    build_from_database(conn, deployment.index_dir)
    conn.commit()
    if args.json:
        print_json({"set": args.name, "entry": args.entry, "withdrawn": not args.undo, "items_moved": moved})
    else:
        done = "Live again." if args.undo else "Withdrawn."
        reopened = "" if args.undo else " What was settled on it alone is open again."
        print(f"{done} Waiting items that changed their lane: {moved}.{reopened}")
    return 0


def _trust(args: argparse.Namespace, conn: Connection) -> int:
    step = say_trust(
        conn, args.name, EntryClass(args.entry_class), by=args.by, reason=args.reason, now=utcnow()
    )
    conn.commit()
    if args.json:
        print_json({"set": args.name, "class": args.entry_class, "step": step})
    elif step == "proposed":
        print("Proposed. It counts once a second person has confirmed it with the same command.")
    else:
        print(f"Confirmed: {args.entry_class} of {args.name} is trusted.")
    return 0


def _list(args: argparse.Namespace, conn: Connection) -> int:
    found = list_hash_sets(conn)
    if args.json:
        for one in found:
            print_json(
                {
                    "set": one.hash_set.name,
                    "provider": one.hash_set.provider,
                    "licence": one.hash_set.licence,
                    "region": one.hash_set.region,
                    "entries": {name.value: count for name, count in sorted(one.counts.items())},
                    "trusted": sorted(name.value for name in one.trusted),
                }
            )
        return 0
    print_table(
        ("set", "provider", "entries", "trusted"),
        [
            (
                one.hash_set.name,
                one.hash_set.provider,
                sum(one.counts.values()),
                ", ".join(sorted(name.value for name in one.trusted)) or "nothing",
            )
            for one in found
        ],
    )
    return 0
