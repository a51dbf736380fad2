"""`hotline item list`: what stands in the queue, and why. Text only; no picture is ever shown here."""

import argparse
from typing import Any

from triage.cli.session import (
    add_json_flag,
    add_practice_flag,
    find_deployment,
    open_connection,
    print_json,
    print_table,
)
from triage.rules.urls import defang
from triage.settings import Settings
from triage.store.listing import ListedItem, list_items

HEADER = ("item", "what", "kind", "state", "lane", "captures", "images", "matches", "evidence", "reason")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser("item", help="items")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="list items in the order in which they wait")
    listing.add_argument("--all", action="store_true", help="the pictures of pages too")
    add_json_flag(listing)
    add_practice_flag(listing)
    parser.set_defaults(run=run)


def describe_what(item: ListedItem) -> str:
    """Return what came in, for people: a defanged address, a file name, or that it is a text."""
    if item.url is not None:
        return defang(item.url)
    if item.file_name is not None:
        # The name is a stranger's: what could steer a terminal is shown as an escape.
        return "".join(part if part.isprintable() else ascii(part)[1:-1] for part in item.file_name)
    return "a text"


def describe_item(item: ListedItem) -> dict[str, Any]:
    """Return one item as `--json` prints it."""
    return {
        "item": item.reference,
        "what": describe_what(item),
        "kind": item.kind.value,
        "state": item.state.value,
        "lane": item.lane.value if item.lane else None,
        "reason": item.reason,
        "closed_as": item.closed_as.value if item.closed_as else None,
        "captures": item.captures,
        "failure": item.failure,
        "page_kind": item.page_kind,
        "images": item.images,
        "matches": {"exact": item.exact, "near": item.near},
        "evidence": item.evidence,
        "children": item.children,
        "icons": item.icons,
        "reports": item.reports,
    }


def run(args: argparse.Namespace, settings: Settings) -> int:
    """List items.

    Raises:
        HotlineError: no database answers.
    """
    with open_connection(find_deployment(settings, practice=args.practice), "staff") as conn:
        items = list_items(conn, top_level_only=not args.all)
    if args.json:
        for item in items:
            print_json(describe_item(item))
        return 0
    print_table(
        HEADER,
        [
            (
                item.reference,
                describe_what(item),
                item.kind,
                item.state,
                item.lane,
                item.captures,
                item.images,
                f"{item.exact} exact, {item.near} near",
                item.evidence,
                item.reason,
            )
            for item in items
        ],
    )
    return 0
