"""`hotline COMMAND`: finds the command, reads the settings, and turns every expected error into one line.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage.
"""

import argparse
import importlib
import sys
from importlib.metadata import version

from hashsets.errors import HashsetsError
from triage.errors import HotlineError
from triage.settings import load_settings

COMMANDS = (
    "up",
    "demo",
    "web",
    "worker",
    "sweep",
    "migrate",
    "doctor",
    "report",
    "item",
    "hash",
    "match",
    "fetch",
    "hashset",
    "token",
    "user",
    "custody",
    "package",
    "networks",
    "settings",
)
PROCESSES = ("web", "worker", "sweep")
"""Commands that become another program; that one reads the words that follow."""
_MODULES = {"demo": "triage.cli.practice.demo", "hash": "triage.cli.hash"}


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """Return the parser with all commands, or with the one that is asked for (its imports are then the only ones).

    Args:
        only: name of a command.
    """
    parser = argparse.ArgumentParser(
        prog="hotline", description="Content triage and hash matching for a child-protection hotline."
    )
    parser.add_argument("--version", action="version", version=f"hotline {version('hotline')}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS if only is None else (only,):
        module = importlib.import_module(_MODULES.get(name, f"triage.cli.{name}"))
        module.add_parser(subparsers)
    return parser


def _spell_out(only: str | None, words: list[str]) -> list[str]:
    if only != "match":
        return words
    from triage.cli.match import name_files  # only this command needs what it imports

    return [only, *name_files(words[1:])]


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = sys.argv[1:] if argv is None else argv
    only = words[0] if words and words[0] in COMMANDS else None
    try:
        if only in PROCESSES:
            importlib.import_module(f"triage.cli.{only}").become(words[1:])
        arguments = build_parser(only).parse_args(_spell_out(only, words))
        return int(arguments.run(arguments, load_settings()))
    except (HotlineError, HashsetsError) as error:
        print(f"hotline: {error}", file=sys.stderr)
        return 1
    except Exception as error:
        driver = sys.modules.get("psycopg")  # loaded only by commands that need it
        if driver is None or not isinstance(error, driver.Error):
            raise
        print(f"hotline: the database refused: {type(error).__name__}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("hotline: stopped", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1


if __name__ == "__main__":
    sys.exit(main())
