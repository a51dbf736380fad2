"""`hotline hashset import NAME FILE --format …`: take a list into a set, and build the index before the answer."""

import argparse
import hashlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from hashsets.current import bring_up_to_date
from hashsets.errors import InvalidListError, UnknownHashSetError
from hashsets.formats import READERS, ReadOptions, open_reader
from hashsets.formats.feed import VerifiedManifest
from hashsets.formats.feed_manifest import FeedKind
from hashsets.model import BadRow, Entry, Sharing
from hashsets.store import find_hash_set
from triage.cli.hashset_feed import open_feed_folder
from triage.cli.progress import Progress
from triage.cli.session import Deployment, add_json_flag, add_practice_flag, print_json
from triage.clock import utcnow
from triage.errors import NotAllowedError
from triage.rules.sending import SendingPolicy
from triage.steps.import_hash_list import Confirmation, ImportResult, ListSource, SetFacts, import_list
from triage.steps.refresh_leaning import Refreshed
from triage.store import hash_feeds
from triage.store.hash_imports import ImportState
from triage.store.rows import Connection

FEED = "feed"
MAX_SHOWN_BAD_ROWS = 20
_ROWS_A_STEP = 20_000


def add_import(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the action to `hotline hashset`."""
    parser = actions.add_parser("import", help="import a list into a set; nothing is trusted by that")
    parser.add_argument("name", metavar="NAME", help="of the set; made if it is new")
    parser.add_argument("file", metavar="FILE", type=Path, help="the list; of a feed, its folder")
    parser.add_argument("--format", choices=(*READERS, FEED), required=True, help="see docs/hash-lists.md")
    parser.add_argument("--profile", type=Path, metavar="FILE", help="what the columns of a mapped-csv mean")
    parser.add_argument("--provider", help="whose list it is (the name by default)")
    parser.add_argument("--licence", default="", help="under what it may be used")
    parser.add_argument("--region", default="", help="where its classes come from: two letters")
    parser.add_argument(
        "--sharing", choices=[one.value for one in Sharing], default="nobody", help="who may have it from us"
    )
    parser.add_argument(
        "--negative", action="store_true", help="a new set of harmless files: it silences, it never alerts"
    )
    parser.add_argument(
        "--snapshot",
        action="store_true",
        help="this is the whole list: entries that it does not name are withdrawn",
    )
    parser.add_argument("--key", type=Path, metavar="FILE", help="the public key of a feed's publisher")
    parser.add_argument("--identity", type=Path, metavar="FILE", help="our age identity, for a feed")
    parser.add_argument(
        "--confirm-large",
        action="store_true",
        help="let a list be applied that waits because it changes much; give the same file, --by and --reason",
    )
    parser.add_argument("--by", metavar="PERSON", help="the lead who confirms")
    parser.add_argument("--reason", help="why, in writing; kept")
    add_json_flag(parser)
    add_practice_flag(parser)


@dataclass(frozen=True, slots=True)
class _Opened:
    """A list that is open for reading; `manifest` is a feed's."""

    rows: Iterator[Entry | BadRow]
    source: ListSource
    manifest: VerifiedManifest | None = None


def run_import(args: argparse.Namespace, deployment: Deployment, conn: Connection) -> int:
    """Import, commit, build the index and say what was done.

    Args:
        conn: as staff, in no transaction.

    Raises:
        HotlineError, HashsetsError: it was refused, and nothing was changed; one line says why.
    """
    confirmation = None
    if args.confirm_large:
        if not args.by or not args.reason:
            raise NotAllowedError("--confirm-large needs --by PERSON and --reason.")
        confirmation = Confirmation(args.by, args.reason)
    now = utcnow()
    with _open_list(args, conn) as opened:
        result = import_list(
            conn,
            args.name,
            opened.rows,
            facts=SetFacts(
                args.provider or args.name, args.licence, args.region, Sharing(args.sharing), args.negative
            ),
            actor="cli",
            now=now,
            sending=SendingPolicy.from_settings(deployment.settings),
            source=opened.source,
            confirmation=confirmation,
        )
    if result.state is ImportState.APPLIED and opened.manifest is not None:
        set_id = find_hash_set(conn, args.name).id
        manifest = opened.manifest
        hash_feeds.insert_link(conn, set_id, "in", manifest.manifest, manifest.sha256, now=now)
    conn.commit()
    _show_bad_rows(result)
    if result.state is ImportState.REFUSED:
        raise InvalidListError(
            f"{args.file.name} has {result.bad_rows} rows that cannot be used; nothing was changed"
        )
    if result.state is ImportState.APPLIED:
        bring_up_to_date(conn, deployment.index_dir, waits_for_merge=True)
        conn.commit()
    _say_result(args, result)
    return 0 if result.state is ImportState.APPLIED else 1


@contextmanager
def _open_list(args: argparse.Namespace, conn: Connection) -> Iterator[_Opened]:
    """Open the list that is asked for.

    Raises:
        InvalidListError: it cannot be read.
        HotlineError: of a feed, a check failed or a key is missing.
    """
    if args.format == FEED:
        set_id = _find_id(conn, args.name)
        feed = open_feed_folder(conn, set_id, args.file, key=args.key, identity=args.identity, now=utcnow())
        is_snapshot = feed.verified.manifest.kind is FeedKind.SNAPSHOT
        source = ListSource(FEED, bytes.fromhex(feed.verified.sha256), is_snapshot)
        yield _Opened(_show_rows(feed.rows, None), source, feed.verified)
        return
    options = ReadOptions(args.profile, args.region, args.snapshot)
    try:
        with args.file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").digest()
            total = stream.tell()
            stream.seek(0)
            rows = _show_rows(
                open_reader(args.format)(stream, options), lambda: stream.tell() / max(total, 1)
            )
            yield _Opened(rows, ListSource(args.format, digest, args.snapshot))
    except OSError as error:
        raise InvalidListError(f"{args.file.name} cannot be read: {error.strerror}") from None


def _find_id(conn: Connection, name: str) -> UUID | None:
    try:
        return find_hash_set(conn, name).id
    except UnknownHashSetError:
        return None


def _show_rows(
    rows: Iterator[Entry | BadRow], read_share: Callable[[], float] | None
) -> Iterator[Entry | BadRow]:
    """Pass rows on, and show how many went by."""
    progress = Progress("rows read")
    for number, row in enumerate(rows, start=1):
        yield row
        if number % _ROWS_A_STEP == 0:
            progress.show(number, read_share() if read_share is not None else None)
    progress.end()


def _show_bad_rows(result: ImportResult) -> None:
    for row in result.bad[:MAX_SHOWN_BAD_ROWS]:
        print(f"line {row.line}: {row.reason}", file=sys.stderr)
    if result.bad_rows > MAX_SHOWN_BAD_ROWS:
        print(f"and {result.bad_rows - MAX_SHOWN_BAD_ROWS} more lines", file=sys.stderr)


def _say_result(args: argparse.Namespace, result: ImportResult) -> None:
    counts, refreshed, weight = result.counts, result.refreshed, result.weight
    if args.json:
        print_json(
            {
                "set": args.name,
                "state": result.state.value,
                "added": counts.added,
                "changed": counts.changed,
                "withdrawn": counts.withdrawn,
                "rejected": result.bad_rows,
                "would_withdraw": weight.removed if weight and result.state is ImportState.WAITING else 0,
                "would_flip": weight.flipped if weight and result.state is ImportState.WAITING else 0,
                "recalls": len(refreshed.recalls),
                "items": refreshed.references,
            }
        )
        return
    if result.state is ImportState.WAITING and weight is not None:
        print(
            f"{args.name}: this list would withdraw {weight.removed} of {weight.live} entries and put"
            f" {weight.flipped} into another class, or take a hash from them"
            f" ({result.bad_rows} rows rejected). Nothing was changed: a lead lets it by the same command"
            " with --confirm-large --by --reason, or refuses it with `hotline hashset refuse`."
        )
        return
    print(
        f"{args.name}: {counts.added} added, {counts.changed} changed, {counts.withdrawn} withdrawn,"
        f" {result.bad_rows} rejected."
    )
    for line in describe_recalls(refreshed):
        print(line)


def describe_recalls(refreshed: Refreshed) -> list[str]:
    """Return lines that say which past decisions leaned on what has gone; none if there are none."""
    if not refreshed.recalls:
        return []
    reopened = sum(one.is_reopened for one in refreshed.recalls)
    looked = len(refreshed.recalls) - reopened
    return [
        f"Past decisions that leaned on it: {len(refreshed.recalls)}. Open again: {reopened};"
        f" after a look, for a person to go through: {looked}.",
        f"Items: {', '.join(refreshed.references) or 'none shows them now'}.",
    ]
