"""`hotline hashset export NAME --to FOLDER --recipient AGE-KEY…`: the next folder of a set's own feed.

The manifest is signed with the key that signs packages; partners pin its public half (`signing-public`).
"""

import argparse
from datetime import timedelta
from pathlib import Path

from hashsets.formats.feed_folder import NewFolder, name_folder
from triage.cli.progress import Progress
from triage.cli.session import Deployment, add_json_flag, add_practice_flag, print_json
from triage.clock import utcnow
from triage.keys import SIGNING_KEY
from triage.packages.feed import make_sealer
from triage.packages.signature import sign_detached
from triage.steps.export_hash_set import record_folder, write_folder
from triage.store.rows import Connection

_VALID_DAYS = 7
_LONGEST_VALID_DAYS = 90


def add_export(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the action to `hotline hashset`."""
    parser = actions.add_parser("export", help="write the next folder of a set's feed for partners")
    parser.add_argument("name", metavar="NAME", help="a set whose sharing rule is partners")
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="where the folder is put")
    parser.add_argument(
        "--recipient",
        nargs="+",
        action="extend",
        required=True,
        metavar="AGE-KEY",
        help="whom it is sealed to: public age keys of partners",
    )
    parser.add_argument(
        "--since",
        type=int,
        metavar="SEQ",
        help="only what changed since that folder; without it, all that is live",
    )
    parser.add_argument(
        "--valid-days",
        type=int,
        choices=range(1, _LONGEST_VALID_DAYS + 1),
        default=_VALID_DAYS,
        metavar="DAYS",
        help=f"days within which it must be taken in ({_VALID_DAYS} by default)",
    )
    add_json_flag(parser)
    add_practice_flag(parser)


def run_export(args: argparse.Namespace, deployment: Deployment, conn: Connection) -> int:
    """Write, record and publish the folder, and commit.

    Args:
        conn: as staff, in no transaction.

    Raises:
        HotlineError, HashsetsError: it was refused, and nothing was published; one line says why.
    """
    signing_key = deployment.keys("outbound").read(SIGNING_KEY)
    seal = make_sealer(args.recipient)
    now = utcnow()
    folder, progress = NewFolder(args.to), Progress("rows written")
    try:
        written = write_folder(
            conn,
            args.name,
            folder,
            publisher=deployment.settings.hotline_name,
            since=args.since,
            seal=seal,
            sign=lambda content: sign_detached(content, signing_key),
            valid_for=timedelta(days=args.valid_days),
            now=now,
            show_progress=progress.show,
        )
        record_folder(conn, written, recipients=len(set(args.recipient)), actor="cli", now=now)
        conn.commit()
        published = folder.publish(name_folder(written.manifest.seq, now))
    finally:
        progress.end()
        folder.give_up()
    manifest = written.manifest
    if args.json:
        print_json(
            {
                "set": args.name,
                "feed": manifest.feed,
                "seq": manifest.seq,
                "kind": manifest.kind.value,
                "records": manifest.records,
                "live_total": manifest.live_total,
                "expires": manifest.expires,
                "folder": str(published),
            }
        )
    else:
        print(f"{args.name}: {manifest.kind.value} {manifest.seq}, {manifest.records} rows.")
        print(f"Written to {published}.")
    return 0
