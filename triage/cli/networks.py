"""`hotline networks import|list`: which operator announces which addresses; the table is replaced as a whole."""

import argparse
import hashlib
from dataclasses import asdict
from pathlib import Path

import psycopg

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
from triage.errors import NotAllowedError
from triage.settings import Settings
from triage.store import custody
from triage.store.custody import SYSTEM, NewEvent
from triage.store.networks import list_networks, replace_networks
from triage.tables import MAX_BYTES, parse_networks


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser("networks", help="which operator announces which addresses")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    load = actions.add_parser("import", help="put a table in the place of the one that stands")
    load.add_argument(
        "file",
        metavar="FILE",
        type=Path,
        help='JSON: {"networks": [{"prefix", "asn", "operator", "brand", "country"}, …]}',
    )
    listing = actions.add_parser("list", help="list the table")
    for action in (load, listing):
        add_json_flag(action)
        add_practice_flag(action)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Import or list networks.

    Raises:
        HotlineError: the file cannot be used, or no database answers.
    """
    deployment = find_deployment(settings, practice=args.practice)
    if args.action == "import":
        return _import(deployment, args.file, as_json=args.json)
    with open_connection(deployment, "staff") as conn:
        networks = list_networks(conn)
    if args.json:
        for network in networks:
            print_json(asdict(network))
    else:
        print_table(
            ("prefix", "ASN", "country", "operator", "brand"),
            [(n.prefix, n.asn, n.country, n.operator, n.brand) for n in networks],
        )
    return 0


def read_table(path: Path) -> bytes:
    """Return the bytes of a table's file.

    Raises:
        NotAllowedError: it cannot be read, or is larger than a table may be.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise NotAllowedError(f"The file cannot be read: {error.strerror}.") from None
    if len(data) > MAX_BYTES:
        raise NotAllowedError(f"The table is larger than {MAX_BYTES // 2**20} MB.")
    return data


def _import(deployment: Deployment, path: Path, *, as_json: bool) -> int:
    data = read_table(path)
    try:
        networks = parse_networks(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise NotAllowedError("The table is not UTF-8 text.") from None
    now = utcnow()
    with open_connection(deployment, "staff") as conn:
        try:
            count = replace_networks(conn, networks)
        except psycopg.errors.CheckViolation:
            raise NotAllowedError(
                "Networks for documentation belong to practice, and no others do; nothing was changed."
            ) from None
        event = NewEvent(
            SYSTEM, "networks_loaded", {"networks": count, "sha256": hashlib.sha256(data).hexdigest()}
        )
        custody.append(conn, [event], actor="cli", now=now)
        conn.commit()
    if as_json:
        print_json({"networks": count})
    else:
        print(f"Loaded: {count} networks.")
    return 0
