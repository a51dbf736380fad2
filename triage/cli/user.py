"""`hotline user add|link|disable|enable|list`: a person, what they may do, and the one-time link by which they join."""

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
from triage.rules.rights import SEES_IMAGES
from triage.settings import Settings
from triage.steps.change_persons import disable_person, enable_person, require_person
from triage.steps.sign_in import make_link, new_token
from triage.store import custody
from triage.store.custody import NewEvent, stream_of
from triage.store.people import insert_person, list_persons

_ACTOR = "cli"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser("user", help="persons who work here")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="add a person; prints the one-time link by which they join")
    add.add_argument("name", metavar="NAME")
    add.add_argument(
        "--role",
        action="append",
        choices=[role.value for role in PersonRole],
        required=True,
        help="what the person may do, see docs; repeatable",
    )
    link = actions.add_parser("link", help="print a new one-time link; the ones before count no more")
    disable = actions.add_parser("disable", help="keep a person out, and end their sessions at once")
    enable = actions.add_parser("enable", help="let a disabled person in again")
    for action in (link, disable, enable):
        action.add_argument("name", metavar="NAME")
    listing = actions.add_parser("list", help="list persons and what they may do")
    for action in (add, link, disable, enable, listing):
        add_json_flag(action)
        add_practice_flag(action)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Add, link, disable, enable or list persons.

    Raises:
        HotlineError: the name is taken, unfit or unknown, the roles contradict, or no database answers.
    """
    deployment = find_deployment(settings, practice=args.practice)
    if args.action == "list":
        return _list(deployment, as_json=args.json)
    if args.action == "add":
        return _add(deployment, args.name, sorted({PersonRole(role) for role in args.role}), args.json)
    if args.action == "link":
        return _link(deployment, args.name, as_json=args.json)
    return _switch(deployment, args.name, is_on=args.action == "enable", as_json=args.json)


def _add(deployment: Deployment, name: str, roles: list[PersonRole], as_json: bool) -> int:
    if PersonRole.ADMIN in roles and SEES_IMAGES & set(roles):
        raise NotAllowedError("An admin cannot also be an analyst or a lead: admins see no images.")
    now, token = utcnow(), new_token()
    with open_connection(deployment, "staff") as conn:
        if any(one.name.casefold() == name.casefold() for one in list_persons(conn)):
            raise NotAllowedError("There is a person of that name already.")
        try:
            person_id = insert_person(conn, name, roles, now=now)
        except psycopg.errors.UniqueViolation:
            raise NotAllowedError("There is a person of that name already.") from None
        except psycopg.errors.CheckViolation:
            raise NotAllowedError(
                "A name is 1-63 letters, digits, spaces, dots, dashes, underscores."
            ) from None
        event = NewEvent(
            stream_of("person", person_id), "added", {"roles": ",".join(role.value for role in roles)}
        )
        custody.append(conn, [event], actor=_ACTOR, now=now)
        life_s = deployment.settings.join_link_s
        make_link(conn, person_id, token=token, now=now, life_s=life_s, actor=_ACTOR)
        conn.commit()
    link = _address(deployment, token)
    if as_json:
        print_json(
            {"person": str(person_id), "name": name, "roles": [role.value for role in roles], "link": link}
        )
    else:
        print(f"Added {name}: {', '.join(role.value for role in roles)}. One-time link to join: {link}")
    return 0


def _link(deployment: Deployment, name: str, *, as_json: bool) -> int:
    now, token = utcnow(), new_token()
    with open_connection(deployment, "staff") as conn:
        person = require_person(conn, name)
        if person.disabled_at is not None:
            raise NotAllowedError("This person is disabled: enable them first.")
        life_s = deployment.settings.join_link_s
        make_link(conn, person.id, token=token, now=now, life_s=life_s, actor=_ACTOR)
        conn.commit()
    link = _address(deployment, token)
    if as_json:
        print_json({"person": str(person.id), "name": name, "link": link})
    else:
        print(link)
    return 0


def _address(deployment: Deployment, token: str) -> str:
    return f"http://localhost:{deployment.settings.staff_port}/join/{token}"


def _switch(deployment: Deployment, name: str, *, is_on: bool, as_json: bool) -> int:
    now, ended = utcnow(), 0
    with open_connection(deployment, "staff") as conn:
        if is_on:
            enable_person(conn, name, actor=_ACTOR, now=now)
        else:
            ended = disable_person(conn, name, actor=_ACTOR, now=now)
        conn.commit()
    if as_json:
        print_json({"name": name, "disabled": not is_on, "sessions_ended": ended})
    else:
        print(f"Enabled: {name}." if is_on else f"Disabled: {name}; {ended} sessions ended.")
    return 0


def _list(deployment: Deployment, *, as_json: bool) -> int:
    with open_connection(deployment, "staff") as conn:
        persons = list_persons(conn)
    if as_json:
        for person in persons:
            print_json(
                {
                    "name": person.name,
                    "roles": [role.value for role in person.roles],
                    "disabled": person.disabled_at is not None,
                }
            )
    else:
        print_table(
            ("name", "roles", "disabled"),
            [
                (
                    one.name,
                    ", ".join(role.value for role in one.roles),
                    one.disabled_at.date() if one.disabled_at else None,
                )
                for one in persons
            ],
        )
    return 0
