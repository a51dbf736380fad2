"""`hotline match`: files or hashes against the index. A matcher that fails is an error, never "no match"."""

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hashsets.compute import digest_bytes
from hashsets.current import ensure_current
from hashsets.errors import InvalidHashError
from hashsets.model import HEX_DIGITS, Algorithm, Fingerprint, normalise_hash
from hashsets.store import read_entries
from triage.cli.session import add_json_flag, add_practice_flag, find_deployment, open_connection, print_json
from triage.errors import PictureRefusedError
from triage.sandbox.decoder import Decoder, DecoderLimits
from triage.settings import Settings

QUERY_OPTIONS = ("--file", "--pdq", "--digest")
_DIGEST_OF_LENGTH = {
    HEX_DIGITS[algorithm]: algorithm for algorithm in (Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256)
}


class _InOrder(argparse.Action):
    """Keeps queries in the order in which they were written, whatever option they came by."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        del parser
        namespace.queries = [*namespace.queries, (option_string, values)]


def name_files(words: Sequence[str]) -> list[str]:
    """Return the words with every bare one as `--file=`: argparse would lose their place among the options.

    Args:
        words: what followed the command; after `--` all of them are files.
    """
    named: list[str] = []
    is_value = is_rest = False
    for word in words:
        if is_rest or not (is_value or word.startswith("-")):
            named.append(f"--file={word}")
        elif word == "--" and not is_value:
            is_rest = True
        else:
            is_value = not is_value and word in QUERY_OPTIONS
            named.append(word)
            continue
        is_value = False
    return named


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "match",
        help="match files or hashes against the hash sets",
        usage="hotline match [--json] [--practice] FILE|--pdq HEX|--digest HEX …",
        allow_abbrev=False,
    )
    parser.add_argument("--file", metavar="FILE", action=_InOrder, help="a file; `--file` may be left out")
    parser.add_argument("--pdq", metavar="HEX", action=_InOrder, help="64 hex digits; repeatable")
    parser.add_argument("--digest", metavar="HEX", action=_InOrder, help="MD5, SHA-1 or SHA-256; repeatable")
    add_json_flag(parser)
    add_practice_flag(parser)
    parser.set_defaults(run=run, queries=[])


def _read_hash(option: str, text: str) -> list[Fingerprint]:
    if option == "--pdq":
        return [
            Fingerprint(Algorithm.PDQ, normalise_hash(Algorithm.PDQ, text), orientation="r0", quality=100)
        ]
    algorithm = _DIGEST_OF_LENGTH.get(len(text))
    if algorithm is None:
        raise InvalidHashError("--digest takes 32, 40 or 64 hex digits")
    return [Fingerprint(algorithm, normalise_hash(algorithm, text))]


def _read_file(name: str, decoder: Decoder, job_id: str) -> tuple[list[Fingerprint], str | None]:
    try:
        data = Path(name).read_bytes()
    except OSError as error:
        return [], f"cannot be read: {error.strerror}"
    found = digest_bytes(data)
    try:
        with decoder.open_picture(job_id, data) as picture:
            return [*found, *picture.fingerprints], None
    except PictureRefusedError as error:
        return found, str(error)


def _read_queries(
    queries: list[tuple[str, str]], settings: Settings
) -> Iterator[tuple[str, list[Fingerprint], str | None]]:
    with contextlib.ExitStack() as stack:
        decoder: Decoder | None = None
        for number, (option, value) in enumerate(queries):
            if option == "--file":
                if decoder is None:
                    limits = DecoderLimits.from_settings(settings)
                    decoder = stack.enter_context(Decoder(limits, weak=settings.sandbox == "weak"))
                yield value, *_read_file(value, decoder, f"match-{os.getpid()}-{number}")
            else:
                yield value, _read_hash(option, value), None


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Match every query; 1 when one could not be read.

    Raises:
        HotlineError, HashsetsError: no index, no database, or a hash that is none.
    """
    if not args.queries:
        print("usage: hotline match FILE… | --pdq HEX | --digest HEX", file=sys.stderr)
        return 2
    for option, value in args.queries:  # all hashes are read before anything is printed
        if option != "--file":
            _read_hash(option, value)
    deployment = find_deployment(settings, practice=args.practice)
    failed = False
    with open_connection(deployment, "staff") as conn:
        index = ensure_current(conn, deployment.index_dir)
        for query, fingerprints, error in _read_queries(args.queries, settings):
            hits = index.search(fingerprints)
            entries = read_entries(conn, sorted({hit.entry_id for hit in hits}))
            shown: dict[str, Any] = {
                "query": query,
                "hits": [
                    {
                        "set": entries[hit.entry_id].set_name,
                        "entry": entries[hit.entry_id].source_key,
                        "kind": hit.kind.value,
                        "algorithm": hit.fingerprint.algorithm.value,
                        "distance": hit.distance,
                        "class": entries[hit.entry_id].entry_class.value,
                    }
                    for hit in hits
                    if hit.entry_id in entries
                ],
            }
            if error is not None:
                shown["error"] = error
                failed = failed or not fingerprints
            _show(shown, as_json=args.json)
    return 1 if failed else 0


def _show(shown: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(shown)
        return
    if "error" in shown:
        print(f"{shown['query']}: {shown['error']}", file=sys.stderr)
        if not shown["hits"]:
            return
    print(f"{shown['query']}: {len(shown['hits'])} hit{'' if len(shown['hits']) == 1 else 's'}")
    for hit in shown["hits"]:
        print(
            f"  {hit['kind']} {hit['algorithm']} at {hit['distance']} bits:"
            f" {hit['set']} {hit['entry']} ({hit['class']})"
        )
