"""`hotline match`: files or hashes against the index. A matcher that fails is an error, never "no match".

With `--stdin` one query a line, answered in order as each line comes: `algorithm:hex`, or bare hex whose length says
what it is. A bad line is named by its number and passed over; the exit code says that there was one.
"""

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from hashsets.bands import name_band
from hashsets.compute import digest_bytes
from hashsets.current import ensure_current
from hashsets.errors import InvalidHashError
from hashsets.model import DIGESTS, HEX_DIGITS, Algorithm, Fingerprint, normalise_hash
from hashsets.search import Index
from hashsets.store import read_entries, read_generation
from triage.cli.session import add_json_flag, add_practice_flag, find_deployment, open_connection, print_json
from triage.errors import PictureRefusedError
from triage.sandbox.decoder import Decoder, DecoderLimits
from triage.settings import Settings
from triage.store.rows import Connection

QUERY_OPTIONS = ("--file", "--pdq", "--digest")
_LONGEST_LINE = 1024
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
        usage="hotline match [--json] [--practice] [--turned] FILE|--pdq HEX|--digest HEX … | --stdin",
        allow_abbrev=False,
    )
    parser.add_argument("--file", metavar="FILE", action=_InOrder, help="a file; `--file` may be left out")
    parser.add_argument("--pdq", metavar="HEX", action=_InOrder, help="64 hex digits; repeatable")
    parser.add_argument("--digest", metavar="HEX", action=_InOrder, help="MD5, SHA-1 or SHA-256; repeatable")
    parser.add_argument(
        "--stdin",
        action="store_true",
        help="one query a line: algorithm:hex, or hex of a length that is known",
    )
    parser.add_argument(
        "--turned",
        action="store_true",
        help="files also as if they were turned or mirrored; such hits are one band weaker",
    )
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
    if bool(args.queries) is args.stdin:
        print("usage: hotline match FILE… | --pdq HEX | --digest HEX | --stdin", file=sys.stderr)
        return 2
    for option, value in args.queries:  # all hashes are read before anything is printed
        if option != "--file":
            _read_hash(option, value)
    deployment = find_deployment(settings, practice=args.practice)
    failed = False
    with open_connection(deployment, "staff") as conn:
        index = ensure_current(conn, deployment.index_dir)
        if args.stdin:
            return _match_lines(conn, index, deployment.index_dir, sys.stdin.buffer, as_json=args.json)
        for query, fingerprints, error in _read_queries(args.queries, settings):
            shown = _match(conn, index, query, fingerprints, is_turned=args.turned)
            if error is not None:
                shown["error"] = error
                failed = failed or not fingerprints
            _show(shown, as_json=args.json)
    return 1 if failed else 0


def _match(
    conn: Connection, index: Index, query: str, fingerprints: list[Fingerprint], *, is_turned: bool = False
) -> dict[str, Any]:
    hits = index.search(fingerprints, dihedral=is_turned)
    entries = read_entries(conn, sorted({hit.entry_id for hit in hits})) if hits else {}
    return {
        "query": query,
        "hits": [
            {
                "set": entries[hit.entry_id].set_name,
                "entry": entries[hit.entry_id].source_key,
                "kind": hit.kind.value,
                "algorithm": hit.fingerprint.algorithm.value,
                "distance": hit.distance,
                "band": name_band(hit).value,
                "class": entries[hit.entry_id].entry_class.value,
            }
            for hit in hits
            if hit.entry_id in entries
        ],
    }


# One query a line


def _match_lines(conn: Connection, index: Index, folder: Path, lines: BinaryIO, *, as_json: bool) -> int:
    """Match each line by the lists of that moment; 1 when one could not be read."""
    failed = False
    for number, line in enumerate(_read_lines(lines), start=1):
        query = line.decode("utf-8", "replace").strip()
        if not query:
            continue
        try:
            fingerprints = _read_line(query)
        except InvalidHashError as error:
            failed = True
            print(f"line {number}: {error}", file=sys.stderr)
            continue
        if read_generation(conn) != index.generation:
            index = ensure_current(conn, folder)
        _show(_match(conn, index, query, fingerprints), as_json=as_json)
        sys.stdout.flush()  # whoever asks may wait for this answer before the next question
        conn.rollback()  # no transaction stays open while the next line is waited for
    return 1 if failed else 0


def _read_lines(lines: BinaryIO) -> Iterator[bytes]:
    """Yield lines; of one that is far too long only its beginning, and none of it is kept."""
    while line := lines.readline(_LONGEST_LINE):
        yield line
        while not line.endswith(b"\n") and len(line) == _LONGEST_LINE:
            line = lines.readline(_LONGEST_LINE)


def _read_line(query: str) -> list[Fingerprint]:
    """Return what a line asks: every algorithm of a bare value's length.

    Raises:
        InvalidHashError: it is no hash; the message never holds the line.
    """
    name, colon, value = query.partition(":")
    if colon:
        algorithms = [one for one in Algorithm if one.value == name.strip().lower()]
        if not algorithms:
            known = ", ".join(one.value for one in Algorithm)
            raise InvalidHashError(f"no algorithm of that name, only {known}")
    else:
        value = query
        algorithms = [one for one in Algorithm if HEX_DIGITS[one] == len(value)]
        if not algorithms:
            lengths = ", ".join(str(one) for one in sorted(set(HEX_DIGITS.values())))
            raise InvalidHashError(f"a hash has {lengths} hex digits")
    return [
        Fingerprint(one, normalise_hash(one, value.strip()), orientation="bytes" if one in DIGESTS else "r0")
        for one in algorithms
    ]


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
