"""`hotline settings list|set`: what may change while it runs, who changed it last, and why."""

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
from triage.errors import NotAllowedError, UnknownThingError
from triage.rules.live_settings import LIVE_SETTINGS, LiveSetting, find_live_setting, write_value
from triage.settings import Settings
from triage.steps.change_persons import require_person
from triage.steps.change_settings import change_setting
from triage.store.live_settings import list_last_changes


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser("settings", help="settings that change while it runs")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="list them, with their bounds and last changes")
    change = actions.add_parser("set", help="change one; it counts everywhere within seconds")
    change.add_argument("name", metavar="NAME")
    change.add_argument("value", metavar="VALUE", help="the value, or the word default")
    change.add_argument("--by", required=True, metavar="PERSON", help="the admin who says so")
    change.add_argument("--reason", required=True, metavar="TEXT", help="why, in plain words")
    for action in (listing, change):
        add_json_flag(action)
        add_practice_flag(action)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """List or change settings.

    Raises:
        HotlineError: there is no such setting, value or person, or no database answers.
    """
    deployment = find_deployment(settings, practice=args.practice)
    if args.action == "list":
        return _list(deployment, as_json=args.json)
    return _set(deployment, args.name, args.value, by=args.by, reason=args.reason, as_json=args.json)


def _list(deployment: Deployment, *, as_json: bool) -> int:
    with open_connection(deployment, "staff") as conn:
        changes = list_last_changes(conn)
    rows: list[tuple[object, ...]] = []
    for setting in LIVE_SETTINGS:
        last = changes.get(setting.name)
        default = write_value(getattr(deployment.settings, setting.name))
        value = last.after if last is not None and last.after is not None else default
        if as_json:
            print_json(
                {
                    "name": setting.name,
                    "value": value,
                    "default": default,
                    "floor": setting.floor,
                    "ceiling": setting.ceiling,
                    "changed_by": last and last.person,
                    "changed_at": last and last.at.isoformat(),
                    "reason": last and last.reason,
                }
            )
        rows.append(
            (
                setting.name,
                value,
                default,
                _write_bounds(setting),
                last.person if last else "",
                last.at.date() if last else "",
            )
        )
    if not as_json:
        print_table(("name", "value", "default", "bounds", "changed by", "on"), rows)
    return 0


def _write_bounds(setting: LiveSetting) -> str:
    if setting.floor is None or setting.ceiling is None:
        return ""
    return f"{setting.floor:.12g}-{setting.ceiling:.12g}"


def _set(deployment: Deployment, name: str, value: str, *, by: str, reason: str, as_json: bool) -> int:
    setting = find_live_setting(name)
    if setting is None:
        raise UnknownThingError("There is no such setting that may change while it runs.")
    default = write_value(getattr(deployment.settings, name))
    with open_connection(deployment, "staff") as conn:
        person = require_person(conn, by)
        if person.disabled_at is not None:
            raise NotAllowedError("This person is disabled: enable them first.")
        change_setting(
            conn,
            name,
            None if value == "default" else value,
            reason,
            seen=None,
            default=default,
            person=person,
            now=utcnow(),
        )
        conn.commit()
        last = list_last_changes(conn)[name]
    now = default if last.after is None else last.after
    if as_json:
        print_json({"name": name, "value": now, "default": default})
    else:
        print(f"{name} is {now} now.")
    return 0
