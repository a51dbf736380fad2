"""`hotline hashset show NAME [ENTRY]`: one set with its last lists, or one entry and all that ever leaned on it.

No hash is printed: whoever holds the list has it, and nobody else needs it.
"""

import argparse

from hashsets.store import find_hash_set
from triage.cli.session import add_json_flag, add_practice_flag, print_json, print_table
from triage.store.hash_entries import list_disputes, read_entry
from triage.store.hash_imports import list_imports
from triage.store.hash_recalls import list_leaning, list_recalls
from triage.store.rows import Connection

LAST_IMPORTS = 10


def add_show(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the action to `hotline hashset`."""
    parser = actions.add_parser(
        "show", help="show a set with its last lists, or an entry and what leaned on it"
    )
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("entry", metavar="ENTRY", nargs="?", help="the provider's id of the entry")
    add_json_flag(parser)
    add_practice_flag(parser)


def run_show(args: argparse.Namespace, conn: Connection) -> int:
    """Print what is asked for.

    Raises:
        HashsetsError: there is no such set or entry.
    """
    return _show_set(args, conn) if args.entry is None else _show_entry(args, conn)


def _show_set(args: argparse.Namespace, conn: Connection) -> int:
    hash_set = find_hash_set(conn, args.name)
    imports = list_imports(conn, hash_set.id, limit=LAST_IMPORTS)
    rows: list[tuple[object, ...]] = [
        (
            f"{one.at:%Y-%m-%d %H:%M}",
            one.format + (" (whole)" if one.is_snapshot else ""),
            one.state.value,
            one.live,
            one.added,
            one.changed,
            one.flipped,
            one.withdrawn,
            one.bad_rows,
        )
        for one in imports
    ]
    header = ("at", "format", "state", "before", "added", "changed", "flipped", "withdrawn", "rejected")
    if args.json:
        print_json(
            {
                "set": hash_set.name,
                "provider": hash_set.provider,
                "licence": hash_set.licence,
                "region": hash_set.region,
                "scheme": hash_set.scheme,
                "sharing": hash_set.sharing,
                "is_negative": hash_set.is_negative,
                "synced_at": hash_set.synced_at,
                "imports": [dict(zip(header, row, strict=True)) for row in rows],
            }
        )
        return 0
    print(f"{hash_set.name}: {hash_set.provider}, {hash_set.licence or 'no licence named'}")
    print_table(header, rows)
    return 0


def _show_entry(args: argparse.Namespace, conn: Connection) -> int:
    hash_set = find_hash_set(conn, args.name)
    entry = read_entry(conn, hash_set.id, args.entry)
    disputes = list_disputes(conn, entry.id)
    leaning = list_leaning(conn, entry.id)
    recalls = list_recalls(conn, entry_id=entry.id)
    references = sorted({reference for one in leaning for reference in one.references})
    if args.json:
        print_json(
            {
                "set": hash_set.name,
                "entry": entry.source_key,
                "class": entry.entry_class,
                "raw_value": entry.raw_value,
                "revised_at": entry.revised_at,
                "withdrawn_at": entry.withdrawn_at,
                "disputed_at": entry.disputed_at,
                "is_contested": entry.is_contested,
                "fingerprints": entry.fingerprints,
                "disputes": [
                    {"at": one.at, "step": one.step, "by": one.name, "reason": one.reason} for one in disputes
                ],
                "images": len(leaning),
                "items": references,
                "recalls": len(recalls),
            }
        )
        return 0
    print(
        f"{entry.source_key} of {hash_set.name}: {entry.entry_class.value} ({entry.raw_value or 'no word'})"
    )
    if entry.is_contested:
        print("Contested: another list says the opposite of the same bytes. It counts as advisory at most.")
    if entry.withdrawn_at:
        print(f"Withdrawn {entry.withdrawn_at:%Y-%m-%d %H:%M}.")
    for one in disputes:
        said = "Disputed" if one.step == "disputed" else "The dispute was taken back"
        print(f"{said} {one.at:%Y-%m-%d %H:%M} by {one.name}: {one.reason}")
    print(f"Pictures that matched it: {len(leaning)}. Items: {', '.join(references) or 'none'}.")
    print_table(
        ("picture", "match", "verdict", "by", "items"),
        [
            (
                str(one.image_id),
                one.kind.value if one.kind == "exact" else f"near, {one.distance} bits",
                one.verdict.value if one.verdict else "open",
                one.basis.value if one.basis else "",
                ", ".join(one.references),
            )
            for one in leaning
        ],
    )
    if recalls:
        print(f"Past decisions that nobody has gone through since: {len(recalls)}.")
    return 0
