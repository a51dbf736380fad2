"""`hotline user add|list`: a person and what they may do. Credentials come with sign-in."""

import argparse

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
from triage.model import PersonRole
from triage.settings import Settings
from triage.store import custody
from triage.store.custody import NewEvent, stream_of
from triage.store.people import insert_person, list_persons

SEES_IMAGES = {PersonRole.ANALYST, PersonRole.LEAD}


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser("user", help="persons who work here")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="add a person")
    add.add_argument("name", metavar="NAME")
    add.add_argument(
        "--role",
        action="append",
        choices=[role.value for role in PersonRole],
        required=True,
        help="what the person may do, see docs; repeatable",
    )
    listing = actions.add_parser("list", help="list persons and what they may do")
    for action in (add, listing):
        add_json_flag(action)
        add_practice_flag(action)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Add a person.

    Raises:
        HotlineError: the name is taken or unfit, the roles contradict, or no database answers.
    """
    deployment = find_deployment(settings, practice=args.practice)
    if args.action == "list":
        return _list(deployment, as_json=args.json)
    roles = sorted({PersonRole(role) for role in args.role})
    if PersonRole.ADMIN in roles and SEES_IMAGES & set(roles):
        raise NotAllowedError("An admin cannot also be an analyst or a lead: admins see no images.")
    now = utcnow()
    with open_connection(deployment, "staff") as conn:
        try:
            person_id = insert_person(conn, args.name, roles, now=now)
        except psycopg.errors.UniqueViolation:
            raise NotAllowedError("There is a person of that name already.") from None
        except psycopg.errors.CheckViolation:
            raise NotAllowedError(
                "A name is 1-63 letters, digits, spaces, dots, dashes, underscores."
            ) from None
        event = NewEvent(
            stream_of("person", person_id), "added", {"roles": ",".join(role.value for role in roles)}
        )
        custody.append(conn, [event], actor="cli", now=now)
        conn.commit()
    if args.json:
        print_json({"person": str(person_id), "name": args.name, "roles": [role.value for role in roles]})
    else:
        print(f"Added {args.name}: {', '.join(role.value for role in roles)}.")
    return 0


def _list(deployment: Deployment, *, as_json: bool) -> int:
    with open_connection(deployment, "staff") as conn:
        persons = list_persons(conn)
    if as_json:
        for person in persons:
            print_json({"name": person.name, "roles": [role.value for role in person.roles]})
    else:
        print_table(
            ("name", "roles"), [(one.name, ", ".join(role.value for role in one.roles)) for one in persons]
        )
    return 0
