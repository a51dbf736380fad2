"""`hotline worker`: becomes `python -m workers`, so that the process can lock itself first."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

MODULE = "workers"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the list of commands; what follows it is read by the program it becomes."""
    subparsers.add_parser("worker", add_help=False, help="a worker: captures and lookups, or what leaves")


def become(words: Sequence[str]) -> NoReturn:
    """Replace this process.

    Args:
        words: what followed the command.
    """
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-B", "-m", MODULE, *words])
