"""`hotline package verify|open FILE`: check a package that came in, and unpack it once all checks have passed.

Needs no database: only the file, our identity, and the public key of who should have signed it.
"""

import argparse
import os
from pathlib import Path

from triage.cli.key_files import read_identity, read_key_file
from triage.cli.session import add_json_flag, print_json
from triage.errors import PackageRefusedError
from triage.packages.package import MAX_BYTES, OpenedPackage, open_package
from triage.settings import Settings


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser("package", help="packages from partners: verify and open")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for action, help_ in (("verify", "check a package"), ("open", "check a package, then unpack it")):
        one = actions.add_parser(action, help=help_)
        one.add_argument("file", type=Path, metavar="FILE", help="the sealed package")
        one.add_argument("--identity", type=Path, required=True, metavar="KEYFILE", help="our age identity")
        one.add_argument(
            "--signer", type=Path, required=True, metavar="JWKFILE", help="public key of who signed it"
        )
        if action == "open":
            one.add_argument("--to", type=Path, required=True, metavar="DIR", help="a new or empty folder")
        add_json_flag(one)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Check the package; with `open`, write its files.

    Raises:
        PackageRefusedError: a check failed; nothing was written.
        KeyMissingError: a key file cannot be used.
    """
    identity = read_identity(args.identity)
    signer = read_key_file(args.signer)
    opened = open_package(_read_package(args.file), identity, signer)
    if args.action == "open":
        _write_files(opened, args.to)
    _tell(args, opened)
    return 0


def _tell(args: argparse.Namespace, opened: OpenedPackage) -> None:
    if args.json:
        print_json(
            {
                "reference": opened.reference,
                "signer": opened.signer,
                "info": opened.info,
                "files": {name: len(data) for name, data in sorted(opened.files.items())},
                "custody_records": opened.custody_records,
                "verified": True,
            }
        )
        return
    print(f"{opened.reference}: signed by {opened.signer}, {len(opened.files)} files.")
    print(f"All checks have passed; {opened.custody_records} custody records hold.")
    if args.action == "open":
        print(f"Unpacked to {args.to}.")


def _read_package(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 2 * 2**20)  # one that is longer is refused by its size
    except OSError as error:
        raise PackageRefusedError(f"The package cannot be read: {error.strerror}.") from None


def _write_files(opened: OpenedPackage, folder: Path) -> None:
    """Write the files of a checked package into a folder that is new or empty; only we can read it.

    Raises:
        PackageRefusedError: the folder holds something, is a link, or cannot be written.
    """
    try:
        if folder.is_symlink():
            raise PackageRefusedError("The folder is a link to another place.")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise PackageRefusedError("The folder is not empty.")
        folder.chmod(0o700)
        (folder / "data").mkdir(mode=0o700)
        for name, data in opened.files.items():
            descriptor = os.open(
                folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
            )
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
    except OSError as error:
        raise PackageRefusedError(f"The folder cannot be written: {error.strerror}.") from None
