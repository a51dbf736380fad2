"""`hotline hash FILE…`: exact digests and perceptual hashes of files, without a database.

Files are decoded in the same locked decoder that the workers use.
"""

import argparse
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from hashsets.compute import digest_bytes
from hashsets.model import Algorithm, Fingerprint
from triage.errors import PictureRefusedError
from triage.sandbox.decoder import Decoder, DecoderLimits, OpenedPicture
from triage.settings import Settings


@dataclass(slots=True)
class FileHashes:
    """What is known of one file; None where it could not be computed.

    Attributes:
        md5, sha1, sha256: hex digests of the bytes.
        pdq: 64 hex digits, first frame as stored.
        pdq_quality: 0-100.
        pdq_dihedral: eight times 64 hex digits, in the order of hashsets.model.DIHEDRAL.
        phash: 16 hex digits, first frame as stored.
        width, height: pixels as stored.
        error: why something is missing, in words.
    """

    file: str
    md5: str | None = None
    sha1: str | None = None
    sha256: str | None = None
    pdq: str | None = None
    pdq_quality: int | None = None
    pdq_dihedral: list[str] | None = None
    phash: str | None = None
    width: int | None = None
    height: int | None = None
    format: str | None = None
    frames: int | None = None
    error: str | None = None


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command `hash`."""
    parser = subparsers.add_parser("hash", help="hash files: MD5, SHA-1, SHA-256, PDQ, pHash")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a picture or any other file")
    parser.add_argument("--json", action="store_true", help="one JSON object per file and line")
    parser.set_defaults(run=run)


def _take_picture(result: FileHashes, picture: OpenedPicture) -> None:
    first = [one for one in picture.fingerprints if one.frame == 0]
    turned = [one for one in first if one.algorithm is Algorithm.PDQ]
    result.pdq, result.pdq_quality = turned[0].value, turned[0].quality
    result.pdq_dihedral = [one.value for one in turned]
    result.phash = next(one.value for one in first if _is_stored_phash(one))
    result.width, result.height = picture.width, picture.height
    result.format, result.frames = picture.format, picture.frames


def _is_stored_phash(one: Fingerprint) -> bool:
    return one.algorithm is Algorithm.PHASH and one.orientation == "r0"


def hash_file(path: Path, decoder: Decoder, job_id: str) -> FileHashes:
    """Compute all hashes of one file.

    Args:
        path: the file.
        decoder: a decoder; started already.
        job_id: new for each file.

    Returns:
        The hashes; `error` says what is missing and why.
    """
    result = FileHashes(os.fsencode(path).decode("utf-8", "replace"))
    try:
        data = path.read_bytes()
    except OSError as error:
        result.error = f"cannot be read: {error.strerror}"
        return result
    digests = {one.algorithm: one.value for one in digest_bytes(data)}
    result.md5, result.sha1 = digests[Algorithm.MD5], digests[Algorithm.SHA1]
    result.sha256 = digests[Algorithm.SHA256]
    try:
        with decoder.open_picture(job_id, data) as picture:
            _take_picture(result, picture)
    except PictureRefusedError as error:
        result.error = str(error)
    return result


def format_table(result: FileHashes) -> str:
    """Return one file's hashes as lines for a person."""
    lines = [result.file]
    if result.error:
        lines.append(f"  error    {result.error}")
    if result.format:
        frames = "1 frame" if result.frames == 1 else f"{result.frames} frames"
        lines.append(f"  picture  {result.format} {result.width} x {result.height}, {frames}")
    for label, value in (("md5", result.md5), ("sha1", result.sha1), ("sha256", result.sha256)):
        if value:
            lines.append(f"  {label:<8} {value}")
    if result.pdq:
        lines.append(f"  pdq      {result.pdq} (quality {result.pdq_quality})")
        lines.append(f"  phash    {result.phash}")
    return "\n".join(lines)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Hash the files and print one object or one block per file.

    Returns:
        0, or 1 when a file could not be read or a picture was refused.
    """
    is_weak = settings.sandbox == "weak"
    code = 0
    with Decoder(DecoderLimits.from_settings(settings), weak=is_weak) as decoder:
        for number, path in enumerate(args.files):
            result = hash_file(path, decoder, f"hash-{os.getpid()}-{number}")
            code = 1 if result.error else code
            print(json.dumps(asdict(result)) if args.json else format_table(result))
            sys.stdout.flush()
    return code
