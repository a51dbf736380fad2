"""The inside of a package: a bag of files with their digests, BagIt 1.0 (RFC 8493, October 2018).

Written and read by ourselves, in memory: names are a short list of our own, there is no fetch.txt, and
everything is SHA-512. The signature stands beside the tag manifest, which it signs, and outside of it.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime

from triage.errors import MessageRefusedError, PackageRefusedError

SIGNATURE = "tagmanifest-sha512.txt.jws"
TAG_MANIFEST = "tagmanifest-sha512.txt"
_DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_MANIFEST = "manifest-sha512.txt"
_INFO = "bag-info.txt"
_PAYLOAD = re.compile(
    r"data/(?:summary\.txt|hashes\.jsonl|custody\.jsonl|notice\.json|referral\.json|xarf-[1-9][0-9]{0,3}\.json)"
)
_TAGS = ("bagit.txt", _INFO, _MANIFEST, TAG_MANIFEST, SIGNATURE)
_LINE = re.compile(r"([0-9a-f]{128})  ([ -~]+)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_TURNING = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""What makes a screen show a line in another order."""


def is_bag_name(name: str) -> bool:
    """Whether a file of that name may lie in a bag."""
    return name in _TAGS or _PAYLOAD.fullmatch(name) is not None


def make_bag(payload: Mapping[str, bytes], info: Mapping[str, str], created_at: datetime) -> dict[str, bytes]:
    """Return the files of a bag by name, all but the signature.

    Args:
        payload: files by their name, without data/.
        info: what bag-info.txt says, besides date and size.
        created_at: the date of the bag.

    Raises:
        MessageRefusedError: a value would break a line.
    """
    files = {f"data/{name}": data for name, data in payload.items()}
    size = sum(len(data) for data in files.values())
    rows = {**info, "Bagging-Date": f"{created_at:%Y-%m-%d}", "Payload-Oxum": f"{size}.{len(files)}"}
    if any(_CONTROL.search(value) or _TURNING.search(value) for value in rows.values()):
        raise MessageRefusedError("A line of the package would be broken.")
    if not all(is_bag_name(name) for name in files):
        raise MessageRefusedError("A file of the package has a name that is not one of ours.")
    tags = {
        "bagit.txt": _DECLARATION,
        _INFO: "".join(f"{name}: {value}\n" for name, value in rows.items()).encode(),
        _MANIFEST: _list_digests(files),
    }
    return files | tags | {TAG_MANIFEST: _list_digests(tags)}


def check_bag(files: Mapping[str, bytes]) -> dict[str, str]:
    """Hold every file of a bag against its digest, both ways; return what bag-info.txt says.

    Raises:
        PackageRefusedError: one is missing, added or changed.
    """
    for name in files:
        if not is_bag_name(name):
            raise PackageRefusedError("The package holds a file that does not belong in it.")
    for name in _TAGS:
        if name not in files:
            raise PackageRefusedError(f"The package lacks {name}.")
    if files["bagit.txt"] != _DECLARATION:
        raise PackageRefusedError("The package is no BagIt 1.0 bag.")
    tags = {name: files[name] for name in ("bagit.txt", _INFO, _MANIFEST)}
    payload = {name: data for name, data in files.items() if name.startswith("data/")}
    _check_digests(TAG_MANIFEST, files[TAG_MANIFEST], tags)
    _check_digests(_MANIFEST, files[_MANIFEST], payload)
    info = _read_info(files[_INFO])
    if info.get("Payload-Oxum") != f"{sum(len(data) for data in payload.values())}.{len(payload)}":
        raise PackageRefusedError("The size of the package is not the one that it states.")
    return info


def _list_digests(files: Mapping[str, bytes]) -> bytes:
    return "".join(f"{hashlib.sha512(files[name]).hexdigest()}  {name}\n" for name in sorted(files)).encode()


def _check_digests(manifest: str, content: bytes, files: Mapping[str, bytes]) -> None:
    try:
        lines = content.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise PackageRefusedError(f"{manifest} cannot be read.") from None
    listed: dict[str, str] = {}
    for line in lines[:-1]:
        match = _LINE.fullmatch(line)
        if match is None or match.group(2) in listed:
            raise PackageRefusedError(f"{manifest} cannot be read.")
        listed[match.group(2)] = match.group(1)
    if lines[-1] or set(listed) != set(files):
        raise PackageRefusedError(f"{manifest} does not list just what is there.")
    for name, digest in listed.items():
        if hashlib.sha512(files[name]).hexdigest() != digest:
            raise PackageRefusedError(f"{name} was changed.")


def _read_info(content: bytes) -> dict[str, str]:
    info: dict[str, str] = {}
    try:
        for line in content.decode("utf-8").removesuffix("\n").split("\n"):
            name, mark, value = line.partition(": ")
            # What it says is shown on a screen: no control sequence of a hostile signer gets there.
            if not mark or name in info or _CONTROL.search(line) or _TURNING.search(line):
                raise ValueError
            info[name] = value
    except ValueError:
        raise PackageRefusedError(f"{_INFO} cannot be read.") from None
    return info
