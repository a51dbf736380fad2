"""The custody extract of a package: whole streams, one RFC 8785 record a line, each linked to the one before."""

import hashlib
import json

import rfc8785

from triage.errors import PackageRefusedError

_START = bytes(32).hex()


def check_extract(content: bytes) -> int:
    """Hold every record against the one before in its stream, and return how many there are.

    Args:
        content: lines of RFC 8785 JSON, the streams one after another, each from its first record.

    Raises:
        PackageRefusedError: a record was changed, left out or put in another place.
    """
    ends: dict[str, tuple[int, str]] = {}
    lines = content.split(b"\n")
    if lines[-1]:
        raise PackageRefusedError("The custody extract ends within a record.")
    for line in lines[:-1]:
        stream, seq, previous = _read_record(line)
        last, digest = ends.get(stream, (0, _START))
        if seq != last + 1 or previous != digest:
            raise PackageRefusedError(f"Record {seq} of the custody extract does not follow the one before.")
        ends[stream] = (seq, hashlib.sha256(line).hexdigest())
    return len(lines) - 1


def _read_record(line: bytes) -> tuple[str, int, str]:
    try:
        record = json.loads(line.decode("utf-8"))
        if rfc8785.dumps(record) != line:
            raise ValueError
        stream, seq, previous = record["stream"], record["seq"], record["prev"]
    except (ValueError, KeyError, TypeError, RecursionError, rfc8785.CanonicalizationError):
        raise PackageRefusedError("A record of the custody extract cannot be read.") from None
    if not isinstance(stream, str) or type(seq) is not int or not isinstance(previous, str):
        raise PackageRefusedError("A record of the custody extract cannot be read.")
    return stream, seq, previous
