"""`hotline token add|revoke|list`: a token for a machine that reports. It is shown once and stored only as a digest."""

import argparse
import re
import secrets
from datetime import timedelta

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
from triage.errors import NotAllowedError, UnknownThingError
from triage.settings import Settings
from triage.store import custody
from triage.store.custody import SYSTEM, NewEvent
from triage.store.people import digest_token, insert_token, list_tokens, revoke_token

SCOPES = ("intake", "match", "stats")
PREFIX = "hotline_"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser("token", help="tokens of machines")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="make a token; it is shown once")
    add.add_argument("name", metavar="NAME", help="who will use it")
    add.add_argument("--scope", choices=SCOPES, required=True)
    add.add_argument("--days", type=int, default=365, help="days until it expires (365)")
    revoke = actions.add_parser("revoke", help="take a token back, at once")
    revoke.add_argument("name", metavar="NAME")
    listing = actions.add_parser("list", help="list tokens, without their secrets")
    for action in (add, revoke, listing):
        add_json_flag(action)
        add_practice_flag(action)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Make or list tokens.

    Raises:
        HotlineError: the name is taken or unfit, or no database answers.
    """
    deployment = find_deployment(settings, practice=args.practice)
    if args.action == "list":
        with open_connection(deployment, "staff") as conn:
            tokens = list_tokens(conn)
        if args.json:
            for token in tokens:
                print_json(
                    {"name": token.name, "scope": token.scope, "expires_at": token.expires_at.isoformat()}
                )
        else:
            print_table(
                ("name", "scope", "expires", "revoked"),
                [
                    (t.name, t.scope, t.expires_at.date(), t.revoked_at.date() if t.revoked_at else None)
                    for t in tokens
                ],
            )
        return 0
    if args.action == "revoke":
        return _revoke(deployment, args.name, as_json=args.json)
    if not _NAME.fullmatch(args.name):
        raise NotAllowedError("A token's name is 1-63 letters, digits, spaces, dots, dashes and underscores.")
    if not 1 <= args.days <= 3650:
        raise NotAllowedError("A token lives 1 to 3650 days.")
    secret = PREFIX + secrets.token_urlsafe(32)
    now = utcnow()
    with open_connection(deployment, "staff") as conn:
        try:
            token_id = insert_token(
                conn,
                args.name,
                args.scope,
                digest_token(secret),
                now=now,
                expires_at=now + timedelta(days=args.days),
            )
        except psycopg.errors.UniqueViolation:
            raise NotAllowedError("There is a token of that name already.") from None
        event = NewEvent(SYSTEM, "token_added", {"token": str(token_id), "scope": args.scope})
        custody.append(conn, [event], actor="cli", now=now)
        conn.commit()
    if args.json:
        print_json({"name": args.name, "scope": args.scope, "token": secret})
    else:
        print(secret)
    return 0


def _revoke(deployment: Deployment, name: str, *, as_json: bool) -> int:
    now = utcnow()
    with open_connection(deployment, "staff") as conn:
        token_id = revoke_token(conn, name, now=now)
        if token_id is None:
            raise UnknownThingError("There is no token of that name in force.")
        custody.append(
            conn, [NewEvent(SYSTEM, "token_revoked", {"token": str(token_id)})], actor="cli", now=now
        )
        conn.commit()
    if as_json:
        print_json({"name": name, "revoked": True})
    else:
        print(f"Revoked: {name}.")
    return 0
