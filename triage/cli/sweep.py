"""`hotline sweep`: becomes `python -m workers.sweep`, so that the process can lock itself first."""

import argparse
import os
import sys

from triage.settings import Settings

MODULE = "workers.sweep"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser("sweep", add_help=False, help="run one process of that kind")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Replace this process."""
    del settings
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-B", "-m", MODULE, *args.rest])
