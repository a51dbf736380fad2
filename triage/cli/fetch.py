"""`hotline fetch URL`: what the fetcher gets from one address, without keeping any of it.

Needs no database. Loopback and private addresses are refused as they are for the workers; `--practice` reads
the fictional names of a practice deployment from its database, `--exit` takes one of FETCH_EXITS. Rules for countries
find no networks here: without a database, nobody knows where an address lies.
"""

import argparse
import hashlib
import json
import sys
from typing import Any

from triage.errors import (
    CaptureFailedError,
    CaptureRefusedError,
    InvalidUrlError,
)
from triage.ids import new_id
from triage.rules.urls import normalise_url
from triage.settings import Settings
from workers.dialling.practice_names import NO_PRACTICE, PracticeNames
from workers.fetcher.door import Fetcher, FetchLimits, FetchOrder, Hop


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser("fetch", help="show what the fetcher gets from one address")
    parser.add_argument("url", metavar="URL", help="http or https address, as anybody might write it")
    parser.add_argument(
        "--exit", metavar="NAME", default="", help="the way out: direct, or one of FETCH_EXITS"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--practice", action="store_true", help="also resolve the names of the practice database"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Fetch and print.

    Returns:
        0 when there was an answer, whatever its HTTP status; 1 when the address was refused or failed.

    Raises:
        SandboxUnavailableError: the fetcher cannot lock itself on this machine.
        SettingsError: `--practice` without a practice database.
    """
    practice = read_practice(settings) if args.practice else NO_PRACTICE
    shown, code = fetch_facts(args.url, FetchLimits.from_settings(settings), practice, exit_name=args.exit)
    if args.json:
        print(json.dumps(shown))
        return code
    for name, value in shown.items():
        is_error = name in {"refused", "failed", "failure"}
        print(f"{name}: {format_value(value)}", file=sys.stderr if is_error else sys.stdout)
    return code


def format_value(value: Any) -> str:
    """Return a value as a person reads it: lists by commas, the requests of a fetch one a line."""
    if isinstance(value, list):
        if value and isinstance(value[0], dict):
            return "".join(f"\n  {format_value(one)}" for one in value)
        return ", ".join(str(one) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {one}" for name, one in value.items() if one not in ("", {}))
    return str(value)


def fetch_facts(
    text: str, limits: FetchLimits, practice: PracticeNames, *, exit_name: str = ""
) -> tuple[dict[str, Any], int]:
    """Return what is printed, and the exit status.

    Args:
        text: the address as typed.
        limits: of this one fetch.
        practice: names that may lead to this machine.
        exit_name: the way out; empty: as the rules say.
    """
    try:
        url = normalise_url(text).url
    except InvalidUrlError as error:
        return {"url": text, "refused": str(error)}, 1
    try:
        with Fetcher(limits, practice) as fetcher:
            found = fetcher.fetch(str(new_id()), FetchOrder(url, exit_name))
    except CaptureRefusedError as error:
        return {"url": url, "refused": str(error)}, 1
    except CaptureFailedError as error:
        return {"url": url, "failed": str(error), "failure": error.failure}, 1
    shown = {
        "url": url,
        "final_url": found.final_url,
        "status": found.status,
        "addresses": list(found.addresses),
        "redirects": [hop.url for hop in found.hops[1:]],
        "bytes": len(found.body),
        "sha256": hashlib.sha256(found.body).hexdigest(),
        "content_type": found.content_type,
        "elapsed_ms": found.elapsed_ms,
        "exit": found.exit_name,
        "hops": [describe_hop(hop) for hop in found.hops],
    }
    if found.page is not None:
        shown["page"] = {
            "pictures": len(found.page.pictures),
            "embedded": len(found.page.embedded),
            "found": found.page.found,
            "complete": found.page.is_complete,
        }
    return shown, 0


def describe_hop(hop: Hop) -> dict[str, Any]:
    """Return one request of a fetch in a few words."""
    return {
        "led_by": hop.led_by,
        "url": hop.url,
        "status": hop.status,
        "address": hop.address,
        "exit": hop.exit_name,
        "tls": hop.tls,
        "certificate": hop.certificate,
        "certificate_fault": hop.certificate_fault,
        "ms": hop.elapsed_ms,
    }


def read_practice(settings: Settings) -> PracticeNames:
    """Read the practice names from the running practice database.

    Raises:
        HotlineError: it does not answer, or its names are unfit.
    """
    # Imported here, so that a plain fetch needs neither driver nor database.
    from triage.cli.session import find_deployment, open_connection
    from triage.store.practice import read_practice_names

    with open_connection(find_deployment(settings, practice=True), "staff") as conn:
        return PracticeNames.from_rows(read_practice_names(conn))
