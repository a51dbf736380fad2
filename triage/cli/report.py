"""`hotline report submit`: a report typed in by staff at the desk, with the rights of the public surface only."""

import argparse
import os
import sys
from contextlib import suppress
from pathlib import Path

from triage.cli.session import (
    Deployment,
    add_json_flag,
    add_practice_flag,
    find_deployment,
    open_connection,
    print_json,
)
from triage.clock import utcnow
from triage.errors import InvalidReportError, StorageError
from triage.keys import INTAKE_RECIPIENT
from triage.model import Channel
from triage.rules.states import Remit
from triage.settings import Settings
from triage.steps.receive_report import IncomingReport, Limits, SealedUpload, receive_report
from triage.vault import INTAKE, ObjectVault

_CHUNK = 1 << 20
FILE_ENDINGS = (
    ".jpg",
    ".jpeg",
    ".png",
    ".gif",
    ".webp",
    ".avif",
    ".bmp",
    ".tif",
    ".tiff",
    ".mp4",
    ".zip",
    ".pdf",
)


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser("report", help="reports")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    submit = actions.add_parser("submit", help="submit a report")
    submit.add_argument("what", metavar="URL|FILE", nargs="*", help="addresses, or files that exist here")
    submit.add_argument("--note", default="", help="what else is known; kept with the report")
    submit.add_argument(
        "--remit", choices=[remit.value for remit in Remit], default=Remit.CSAM.value, help="csam by default"
    )
    submit.add_argument("--danger", action="store_true", help="a child is in danger now")
    add_json_flag(submit)
    add_practice_flag(submit)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Submit a report.

    Raises:
        HotlineError: it cannot be stored; one line says why.
    """
    deployment = find_deployment(settings, practice=args.practice)
    # os.path: an address may be longer than any path, which Path takes for an error.
    files = [Path(text) for text in args.what if os.path.isfile(text)]  # noqa: PTH113
    lines = [text for text in args.what if not os.path.isfile(text)]  # noqa: PTH113
    for text in lines:
        _refuse_mistyped_path(text)
    keys = deployment.keys("public")
    limits = Limits(settings.report_max_urls, settings.recapture_after_s)
    with open_connection(deployment, "public") as conn:
        vault = ObjectVault(keys.find_evidence_url(), keys.find_store_options())
        uploads: list[SealedUpload] = []
        try:
            for path in files:
                uploads.append(_seal_file(deployment, vault, path))
            report = IncomingReport(
                channel=Channel.CLI,
                actor="cli",
                remit=Remit(args.remit),
                lines=lines,
                uploads=uploads,
                note=args.note,
                danger=args.danger,
            )
            answer = receive_report(
                conn, report, now=utcnow(), receipt_key=keys.read_receipt_key(), limits=limits
            )
        except BaseException:
            for upload in uploads:
                with suppress(StorageError):  # the sweep of orphans takes what is left
                    vault.delete(INTAKE, upload.name)
            raise
        conn.commit()  # if its answer is lost the report may stand: nothing is deleted then
    if args.json:
        print_json(
            {
                "receipt": answer.receipt,
                "unreadable": [{"line": line.line, "reason": line.reason} for line in answer.unreadable],
            }
        )
    else:
        print(f"Received. Receipt: {answer.receipt}")
        for line in answer.unreadable:
            print(f"line {line.line}: {line.reason}", file=sys.stderr)
    return 0


def _refuse_mistyped_path(text: str) -> None:
    """Refuse what looks like a file that is not there: as an address it would be asked of the DNS.

    Raises:
        InvalidReportError: it is a folder, or a name with a file's ending and no scheme.
    """
    if os.path.isdir(text):  # noqa: PTH112 - see above
        raise InvalidReportError(f"{text}: this is a folder.")
    is_path = text.startswith(("/", "./", "../", "~"))
    has_ending = "/" not in text and text.lower().endswith(FILE_ENDINGS)
    if "://" not in text and (is_path or has_ending):
        raise InvalidReportError(
            f"{text}: there is no such file; write http:// before it if it is an address."
        )


def _seal_file(deployment: Deployment, vault: ObjectVault, path: Path) -> SealedUpload:
    recipient = deployment.keys("public").read(INTAKE_RECIPIENT)
    upload = vault.start_intake(recipient, deployment.settings.upload_max_bytes)
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                upload.write(chunk)
        upload.finish()
    except OSError as error:
        upload.give_up()
        raise InvalidReportError(f"{path.name} cannot be read: {error.strerror}.") from None
    return SealedUpload(upload.name, path.name, upload.clear_bytes)
