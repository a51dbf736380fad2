"""`hotline token add|revoke|list`: a token for a machine that reports. It is shown once and stored only as a digest."""

import argparse

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
from triage.settings import Settings
from triage.steps.change_tokens import (
    DAYS_DEFAULT,
    DAYS_MAX,
    Scope,
    make_token,
    new_secret,
    take_token_back,
)
from triage.store.tokens import list_tokens


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser("token", help="tokens of machines")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="make a token; it is shown once")
    add.add_argument("name", metavar="NAME", help="who will use it")
    add.add_argument("--scope", choices=[scope.value for scope in Scope], required=True)
    add.add_argument(
        "--days",
        type=int,
        default=DAYS_DEFAULT,
        help=f"days until it expires, 1-{DAYS_MAX} ({DAYS_DEFAULT})",
    )
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
        return _list(deployment, as_json=args.json)
    if args.action == "revoke":
        return _revoke(deployment, args.name, as_json=args.json)
    secret = new_secret()
    with open_connection(deployment, "staff") as conn:
        make_token(
            conn, args.name, Scope(args.scope), days=args.days, secret=secret, actor="cli", now=utcnow()
        )
        conn.commit()
    if args.json:
        print_json({"name": args.name, "scope": args.scope, "token": secret})
    else:
        print(secret)
    return 0


def _list(deployment: Deployment, *, as_json: bool) -> int:
    with open_connection(deployment, "staff") as conn:
        tokens = list_tokens(conn)
    if as_json:
        for token in tokens:
            print_json(
                {
                    "name": token.name,
                    "scope": token.scope,
                    "made_by": token.made_by,
                    "expires_at": token.expires_at.isoformat(),
                    "last_used_at": token.last_used_at and token.last_used_at.isoformat(),
                    "revoked_at": token.revoked_at and token.revoked_at.isoformat(),
                }
            )
        return 0
    rows: list[tuple[object, ...]] = [
        (
            token.name,
            token.scope,
            token.expires_at.date(),
            token.last_used_at.date() if token.last_used_at else None,
            token.revoked_at.date() if token.revoked_at else None,
        )
        for token in tokens
    ]
    print_table(("name", "scope", "expires", "used", "revoked"), rows)
    return 0


def _revoke(deployment: Deployment, name: str, *, as_json: bool) -> int:
    with open_connection(deployment, "staff") as conn:
        take_token_back(conn, name, actor="cli", now=utcnow())
        conn.commit()
    if as_json:
        print_json({"name": name, "revoked": True})
    else:
        print(f"Revoked: {name}.")
    return 0
