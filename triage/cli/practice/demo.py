"""`hotline demo`: the whole story with real servers and drawn pictures, from reports to closed items.

1. Start the practice site and the practice deployment as children.
2. Set it up by the public commands and the console's forms: persons, recipients, hash lists, trust, a token.
3. Submit the practice reports over the HTTP API and wait until all are captured; then import a list that names one.
4. Let scripted assessors judge them in the console; messages leave, an operator removes, checks close.
5. Print one row an item; leave a queue that is worth looking at (`waiting.py`); print the numbers.

Without `--once` everything stays up and the addresses are printed.
"""

import argparse
import contextlib
import json
import signal
import time
from pathlib import Path
from types import FrameType

from triage.cli.practice.assessors import Assessors
from triage.cli.practice.handing_in import (
    add_persons,
    find_token,
    import_late_list,
    import_lists,
    submit_reports,
    wait_until_captured,
)
from triage.cli.practice.networks import PRACTICE_NETWORKS
from triage.cli.practice.operators import PracticeOperator
from triage.cli.practice.running import Running, run_practice
from triage.cli.practice.scenario import PracticeReport, build_scenario
from triage.cli.practice.story import Storyteller, collect_numbers, plan_items, print_story
from triage.cli.practice.waiting import leave_queue
from triage.cli.practice.world import PracticeWorld
from triage.cli.session import Deployment, find_deployment
from triage.errors import SettingsError
from triage.settings import Settings

WORLD_FILE = "practice-world.json"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser("demo", help="practice: real servers, drawn pictures")
    parser.add_argument("--once", action="store_true", help="stop when the story has ended")
    parser.add_argument("--json", metavar="OUT", type=Path, help="write the numbers to this file")
    parser.add_argument("--seed", type=int, default=1, help="seed of the practice world")
    parser.add_argument(
        "--replace", action="append", default=[], metavar="NAME=SEED", help="draw one picture of it anew"
    )
    parser.set_defaults(run=run)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def tell_story(
    deployment: Deployment,
    running: Running,
    world: PracticeWorld,
    assessors: Assessors,
    reports: list[PracticeReport],
    seed: int,
) -> None:
    """Set up, hand in, judge and wait until everything is where it ends.

    Raises:
        HotlineError: something did not go as the story has it.
    """
    for name, link in add_persons(world).items():
        assessors.join(name, link)
    import_lists(seed)
    assessors.enter_recipients()
    submit_reports(running.base, find_token(world), reports)
    wait_until_captured(deployment)
    import_late_list(deployment, seed)
    outbox = deployment.state.outbox / "mail"
    operator = PracticeOperator(PRACTICE_NETWORKS[0].abuse_mailbox, running.site, outbox)
    teller = Storyteller(deployment, assessors, operator, plan_items(deployment, reports))
    if teller.capture_again():
        wait_until_captured(deployment)
    teller.judge()
    teller.tell()


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Run the demo; 1 when the chain of custody does not hold.

    Raises:
        HotlineError: it cannot start or did not end in time.
    """
    started = time.monotonic()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    reports = build_scenario(args.seed, _read_replacements(args.replace))
    deployment = find_deployment(settings, practice=True)
    practice = run_practice(settings, seed=args.seed, replace=tuple(args.replace), any_port=bool(args.once))
    with practice as running:
        world = PracticeWorld(deployment.state.root / WORLD_FILE)
        with contextlib.closing(Assessors(running.staff, world)) as assessors:
            tell_story(deployment, running, world, assessors, reports, args.seed)
            elapsed_s = time.monotonic() - started
            print_story(deployment)
            numbers = collect_numbers(deployment, elapsed_s)
            token = find_token(world)
            numbers["waiting"] = leave_queue(deployment, assessors, base=running.base, token=token)
        print()
        print(json.dumps(numbers, ensure_ascii=False))
        if args.json:
            args.json.write_text(json.dumps(numbers, ensure_ascii=False) + "\n", "utf-8")
        if not args.once:
            print(f"\nPublic form:   {running.base}/")
            print(f"Staff console: {running.staff}/")
            print("Press Ctrl+C to stop.", flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                running.process.wait()
    return 0 if numbers["custody"]["verified"] else 1


def _read_replacements(words: list[str]) -> dict[str, int]:
    replaced = {}
    for word in words:
        name, _, seed = word.partition("=")
        if not seed.lstrip("-").isdigit():
            raise SettingsError("--replace takes NAME=SEED, such as known-exact=77.")
        replaced[name] = int(seed)
    return replaced
