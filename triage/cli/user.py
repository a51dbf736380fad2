"""`hotline user add|link|disable|enable|recover|list`: a person, what they may do, and the link by which they join."""

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
from triage.ids import new_id
from triage.model import PersonRole
from triage.settings import Settings
from triage.steps.change_persons import add_person, disable_person, enable_person, renew_link
from triage.steps.recover_person import recover_on_machine
from triage.steps.sign_in import new_token
from triage.store.people import list_persons

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
    link = actions.add_parser(
        "link", help="print a new one-time link for who never joined; those before count no more"
    )
    disable = actions.add_parser("disable", help="keep a person out, and end their sessions at once")
    enable = actions.add_parser("enable", help="let a disabled person in again")
    recover = actions.add_parser(
        "recover",
        help="let a person in again who lost all ways in; everybody sees it",
        description="End a person's sessions and print a one-time link that replaces all they signed in with and"
        " enables who is disabled. It is put into the chain of custody, and shown in the console for 30 days.",
    )
    recover.add_argument("--reason", required=True, help="why, in writing; admins and leads read it")
    for action in (link, disable, enable, recover):
        action.add_argument("name", metavar="NAME")
    listing = actions.add_parser("list", help="list persons and what they may do")
    for action in (add, link, disable, enable, recover, listing):
        add_json_flag(action)
        add_practice_flag(action)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Add, link, disable, enable, recover or list persons.

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
    if args.action == "recover":
        return _recover(deployment, args.name, args.reason, as_json=args.json)
    return _switch(deployment, args.name, is_on=args.action == "enable", as_json=args.json)


def _add(deployment: Deployment, name: str, roles: list[PersonRole], as_json: bool) -> int:
    now, token, life_s = utcnow(), new_token(), deployment.settings.join_link_s
    with open_connection(deployment, "staff") as conn:
        person_id = add_person(conn, name, roles, token=token, life_s=life_s, actor=_ACTOR, now=now)
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
        life_s = deployment.settings.join_link_s
        person = renew_link(conn, name, token=token, life_s=life_s, actor=_ACTOR, now=now)
        conn.commit()
    link = _address(deployment, token)
    if as_json:
        print_json({"person": str(person.id), "name": name, "link": link})
    else:
        print(link)
    return 0


def _recover(deployment: Deployment, name: str, reason: str, *, as_json: bool) -> int:
    now, token, life_s = utcnow(), new_token(), deployment.settings.join_link_s
    with open_connection(deployment, "staff") as conn:
        ended = recover_on_machine(
            conn, new_id(), name, reason=reason, token=token, life_s=life_s, actor=_ACTOR, now=now
        )
        conn.commit()
    link = _address(deployment, token)
    if as_json:
        print_json({"name": name, "link": link, "sessions_ended": ended})
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
