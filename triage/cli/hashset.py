"""`hotline hashset import|refuse|export|list|show|withdraw|dispute|trust|build|verify`: lists of hashes.

What changes a set builds the index before it answers.
"""

import argparse
from pathlib import Path

from hashsets.current import bring_up_to_date, build_from_database
from hashsets.errors import IndexUnreadableError
from hashsets.model import EntryClass, HashSetSummary
from hashsets.segments import verify_index
from hashsets.store import list_hash_sets
from triage.cli.hashset_export import add_export, run_export
from triage.cli.hashset_import import add_import, describe_recalls, run_import
from triage.cli.hashset_show import add_show, run_show
from triage.cli.progress import Progress
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
from triage.steps.change_hash_sets import dispute_entry, restore_entry, say_trust, withdraw_entry
from triage.steps.import_hash_list import refuse_list
from triage.steps.refresh_leaning import Refreshed
from triage.store.rows import Connection


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser("hashset", help="hash sets")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add_import(actions)
    add_export(actions)
    listing = actions.add_parser("list", help="list the sets")
    add_show(actions)
    take_back = actions.add_parser("withdraw", help="withdraw one entry")
    take_back.add_argument("name", metavar="NAME")
    take_back.add_argument("entry", metavar="ENTRY", help="the provider's id of the entry")
    take_back.add_argument("--undo", action="store_true", help="take our own withdrawal back")
    dispute = actions.add_parser("dispute", help="silence an entry that we hold to be wrong")
    dispute.add_argument("name", metavar="NAME")
    dispute.add_argument("entry", metavar="ENTRY", help="the provider's id of the entry")
    dispute.add_argument("--undo", action="store_true", help="take our own dispute back")
    dispute.add_argument(
        "--deny", action="store_true", help="also keep every list from bringing its hashes; never undone"
    )
    refuse = actions.add_parser("refuse", help="refuse a list that waits for a lead; the set stays as it is")
    refuse.add_argument("name", metavar="NAME")
    trust = actions.add_parser("trust", help="propose trust in a class, or confirm another person's proposal")
    trust.add_argument("name", metavar="NAME")
    trust.add_argument("entry_class", metavar="CLASS", choices=[one.value for one in EntryClass])
    for action, who in ((refuse, "a lead"), (dispute, "a lead"), (trust, "a person of `user add`")):
        action.add_argument("--by", required=True, metavar="PERSON", help=f"who says so: {who}")
        action.add_argument("--reason", required=True, help="why, in writing; kept")
    build = actions.add_parser("build", help="build the whole index anew from the database")
    verify = actions.add_parser("verify", help="check every byte of the index against its checksums")
    for action in (listing, refuse, take_back, dispute, trust, build, verify):
        add_json_flag(action)
        add_practice_flag(action)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Run one action.

    Raises:
        HotlineError, HashsetsError: it was refused; one line says why.
    """
    deployment = find_deployment(settings, practice=args.practice)
    if args.action == "verify":
        return _verify(args, deployment.index_dir)
    with open_connection(deployment, "staff") as conn:
        match args.action:
            case "import":
                return run_import(args, deployment, conn)
            case "export":
                return run_export(args, deployment, conn)
            case "show":
                return run_show(args, conn)
            case "refuse":
                return _refuse(args, conn)
            case "withdraw":
                return _withdraw(args, deployment, conn)
            case "dispute":
                return _dispute(args, deployment, conn)
            case "trust":
                return _trust(args, conn)
            case "build":
                return _build(args, deployment, conn)
        return _list(args, conn)


def _withdraw(args: argparse.Namespace, deployment: Deployment, conn: Connection) -> int:
    sending = SendingPolicy.from_settings(deployment.settings)
    step = restore_entry if args.undo else withdraw_entry
    refreshed = step(conn, args.name, args.entry, actor="cli", now=utcnow(), sending=sending)
    _follow(deployment, conn)
    done = {"withdrawn": not args.undo}
    _say_change(args, refreshed, "Live again." if args.undo else "Withdrawn.", done)
    return 0


def _dispute(args: argparse.Namespace, deployment: Deployment, conn: Connection) -> int:
    refreshed = dispute_entry(
        conn,
        args.name,
        args.entry,
        by=args.by,
        reason=args.reason,
        now=utcnow(),
        sending=SendingPolicy.from_settings(deployment.settings),
        is_undone=args.undo,
        is_denied=args.deny,
    )
    _follow(deployment, conn)
    done = {"disputed": not args.undo}
    _say_change(args, refreshed, "It speaks again." if args.undo else "Disputed: it is silent.", done)
    return 0


def _follow(deployment: Deployment, conn: Connection) -> None:
    """Commit a change and bring the index to it."""
    conn.commit()
    bring_up_to_date(conn, deployment.index_dir, waits_for_merge=True)
    conn.commit()


def _say_change(args: argparse.Namespace, refreshed: Refreshed, words: str, done: dict[str, bool]) -> None:
    if args.json:
        print_json(
            {
                "set": args.name,
                "entry": args.entry,
                **done,
                "items_moved": refreshed.moved,
                "recalls": len(refreshed.recalls),
                "items": refreshed.references,
            }
        )
        return
    print(f"{words} Waiting items that changed their lane: {refreshed.moved}.")
    for line in describe_recalls(refreshed):
        print(line)


def _refuse(args: argparse.Namespace, conn: Connection) -> int:
    refuse_list(conn, args.name, by=args.by, reason=args.reason, now=utcnow())
    conn.commit()
    if args.json:
        print_json({"set": args.name, "state": "refused"})
    else:
        print(f"Refused: {args.name} stays as it is.")
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


def _build(args: argparse.Namespace, deployment: Deployment, conn: Connection) -> int:
    progress = Progress("rows read")
    generation = build_from_database(conn, deployment.index_dir, show_progress=progress.show)
    progress.end()
    conn.commit()
    if args.json:
        print_json({"generation": generation})
    else:
        print(f"Built: the index holds generation {generation} of the lists.")
    return 0


def _verify(args: argparse.Namespace, folder: Path) -> int:
    if not folder.exists():
        raise IndexUnreadableError("There is no index yet: `hotline hashset build` makes it.")
    progress = Progress("entries checked")
    verify_index(folder, show_progress=progress.show)
    progress.end()
    if args.json:
        print_json({"is_whole": True})
    else:
        print("The index is whole.")
    return 0


def _list(args: argparse.Namespace, conn: Connection) -> int:
    found = list_hash_sets(conn)
    if args.json:
        for one in found:
            print_json(describe_set(one))
        return 0
    print_table(
        ("set", "provider", "entries", "contested", "disputed", "trusted", "synced"),
        [
            (
                one.hash_set.name + (" (harmless)" if one.hash_set.is_negative else ""),
                one.hash_set.provider,
                sum(one.counts.values()),
                one.contested,
                one.disputed,
                ", ".join(sorted(name.value for name in one.trusted)) or "nothing",
                f"{one.hash_set.synced_at:%Y-%m-%d}" if one.hash_set.synced_at else "never",
            )
            for one in found
        ],
    )
    return 0


def describe_set(one: HashSetSummary) -> dict[str, object]:
    """Return what is printed of a set as JSON."""
    return {
        "set": one.hash_set.name,
        "provider": one.hash_set.provider,
        "licence": one.hash_set.licence,
        "region": one.hash_set.region,
        "scheme": one.hash_set.scheme,
        "sharing": one.hash_set.sharing,
        "is_negative": one.hash_set.is_negative,
        "synced_at": one.hash_set.synced_at,
        "entries": {name.value: count for name, count in sorted(one.counts.items())},
        "contested": one.contested,
        "disputed": one.disputed,
        "trusted": sorted(name.value for name in one.trusted),
    }
