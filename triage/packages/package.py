"""A package: a signed bag in a tar file, sealed with age to one recipient. Made here, and opened here.

Making: 1. the files, no media among them; 2. the bag; 3. the signature over its tag manifest; 4. tar, the same
bytes for the same files; 5. age. Opening goes the other way and trusts nothing: sizes before bytes, names
before contents, and no content is read before the signature holds.
"""

import io
import json
import re
import tarfile
from dataclasses import dataclass
from datetime import datetime

from triage.errors import MessageRefusedError, PackageRefusedError, StorageError
from triage.packages.bag import SIGNATURE, TAG_MANIFEST, check_bag, is_bag_name, make_bag
from triage.packages.extract import check_extract
from triage.packages.signature import check_signature, sign_detached
from triage.rules.message_facts import ComposedMessage, MessageFacts
from triage.rules.message_words import write_plain
from triage.rules.states import SendingKind, SendingPart
from triage.rules.xarf import describe_image
from triage.vault import seal, unseal

MAX_BYTES = 64 * 2**20
MAX_MEMBERS = 200
_SEALING_BYTES = 2**20
"""More than age ever adds to 64 MiB."""
_ROOT = "package/"
SUMMARY = "summary.txt"
HANDLING = "TLP:RED; for law enforcement and hotlines only; no media inside"


@dataclass(frozen=True, slots=True)
class OpenedPackage:
    """A package of which every check has passed.

    Attributes:
        info: what its bag-info.txt says.
        files: all of its files by name, as they lie in the bag.
        signer: key id of the pinned key that signed it; None when none was given to check against.
        custody_records: how many records its custody extract has.
    """

    reference: str
    info: dict[str, str]
    files: dict[str, bytes]
    signer: str | None
    custody_records: int


def build_package(
    facts: MessageFacts, composed: ComposedMessage, signing_key: str, created_at: datetime
) -> bytes:
    """Return a package, sealed to the recipient's key.

    Args:
        facts: what it is about.
        composed: the message that it carries; `check_message` has passed it.
        signing_key: our private Ed25519 JWK as JSON.
        created_at: date of the bag and of its files.

    Raises:
        MessageRefusedError: the recipient has no key, or the package would be over its limits.
        KeyMissingError: a key cannot be read.
    """
    if facts.recipient_key is None:
        raise MessageRefusedError("The recipient has no key to seal a package to.")
    info = {
        "Source-Organization": write_plain(facts.hotline.org),
        "Contact-Email": facts.hotline.mail,
        "External-Identifier": facts.reference,
        "Handling": HANDLING,
        "Recipient-Key-Id": facts.recipient_key,
    }
    if facts.is_practice:
        info["Practice"] = "PRAKTIKË / PRACTICE"
    bag = make_bag(list_payload(facts, composed), info, created_at)
    bag[SIGNATURE] = sign_detached(bag[TAG_MANIFEST], signing_key).encode()
    packed = _pack(bag, created_at)
    if len(packed) > MAX_BYTES or len(bag) > MAX_MEMBERS:
        raise MessageRefusedError("The package would be larger than its recipient takes.")
    return seal(packed, facts.recipient_key)


def open_package(data: bytes, identity: str, signer: str | None) -> OpenedPackage:
    """Open a package and check all of it.

    Args:
        data: the sealed file.
        identity: the recipient's age identity.
        signer: public JWK of who should have signed it, as JSON; None leaves the signature unchecked.

    Raises:
        PackageRefusedError: a check failed; nothing of it may be used.
        KeyMissingError: a key cannot be read.
    """
    if len(data) > MAX_BYTES + _SEALING_BYTES:
        raise PackageRefusedError("The package is larger than 64 MiB.")
    try:
        packed = unseal(data, identity)
    except StorageError:
        raise PackageRefusedError("The package is not sealed to this key, or was changed.") from None
    files = _unpack(packed)
    info = check_bag(files)
    try:
        signature = files[SIGNATURE].decode("ascii")
    except UnicodeDecodeError:
        raise PackageRefusedError("The signature cannot be read.") from None
    key_id = None if signer is None else check_signature(signature, files[TAG_MANIFEST], signer)
    records = check_extract(files.get("data/custody.jsonl", b""))
    return OpenedPackage(info.get("External-Identifier", ""), info, files, key_id, records)


def list_payload(facts: MessageFacts, composed: ComposedMessage) -> dict[str, bytes]:
    """Return what a package carries, by the name of each file: text, JSON and JSON lines, never a picture."""
    payload = {SUMMARY: composed.text.encode()}
    payload |= {attachment.name: attachment.data for attachment in composed.attachments}
    if facts.kind == SendingKind.NOTICE:  # who hosts it gets no digests and none of our records
        return payload
    payload["custody.jsonl"] = "".join(
        f"{record}\n" for item in facts.items for record in item.custody
    ).encode()
    if facts.part != SendingPart.RETRACTION:
        rows = [
            {"item": item.reference, **describe_image(image, facts.vocabulary)}
            for item in facts.items
            for image in item.images
        ]
        payload["hashes.jsonl"] = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows).encode()
    return payload


def _pack(files: dict[str, bytes], created_at: datetime) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(files):
            member = tarfile.TarInfo(_ROOT + name)
            member.size = len(files[name])
            member.mtime = int(created_at.timestamp())
            member.mode = 0o600
            archive.addfile(member, io.BytesIO(files[name]))
    return target.getvalue()


def _unpack(packed: bytes) -> dict[str, bytes]:
    """Return the files of a tar file by name; nothing is written anywhere."""
    if len(packed) > MAX_BYTES:
        raise PackageRefusedError("The package is larger than 64 MiB.")
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:") as archive:
            while (member := archive.next()) is not None:
                if len(files) >= MAX_MEMBERS:
                    raise PackageRefusedError("The package has more than 200 files.")
                name = _check_member(member, len(packed))
                if name in files:
                    raise PackageRefusedError("The package holds a file twice.")
                content = archive.extractfile(member)
                files[name] = b"" if content is None else content.read()
            rest = packed[archive.offset :]
    except (tarfile.TarError, ValueError, OSError, EOFError, RecursionError, OverflowError):
        raise PackageRefusedError("The package is no tar file.") from None
    if rest.strip(b"\0"):
        raise PackageRefusedError("The package has bytes behind its end.")
    return files


def _check_member(member: tarfile.TarInfo, limit: int) -> str:
    """Return the name within the bag; a link, a device, a path that leads elsewhere is refused."""
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.pax_headers or member.issparse():
        raise PackageRefusedError("The package holds something that is no plain file.")
    if not 0 <= member.size <= limit:
        raise PackageRefusedError("The package states a size that cannot be.")
    name = member.name.removeprefix(_ROOT)
    if name == member.name or re.search(r"\.\.|\\|//", name) or not is_bag_name(name):
        raise PackageRefusedError("The package holds a file that does not belong in it.")
    return name
