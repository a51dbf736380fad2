"""The practice hash lists: one to be trusted, one that only hints, one that comes late; all about drawings.

The lists are made from the practice world as its seed draws it. Replacing a picture on the site or in the
scenario leaves them as they are: the new picture is then not on them.
"""

import csv
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from hashsets.compute import fingerprint_picture
from hashsets.model import EntryClass
from triage.cli.practice.catalogue import Catalogue

COLUMNS = ("id", "md5", "sha1", "sha256", "pdq", "phash", "category")
"""Header of all lists."""

BASELINE_PICTURES = ("known-exact", "gallery-4", "upload-known", "queue-known")
HINTED_PICTURES = {
    "near-original": EntryClass.NATIONAL_ILLEGAL,
    "gallery-original": EntryClass.ADVISORY,
    "turned-original": EntryClass.ADVISORY,
    "late-original": EntryClass.ADVISORY,
}
LATE_PICTURE = "new-single"
"""Listed only after it was captured: kept fingerprints are matched against lists that come later."""

FILLER_ENTRIES = 200
"""Entries of each list that nothing in the practice world matches; at most 1000."""

Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class HashListFile:
    """One list on disk.

    Attributes:
        name: name of the hash set it is imported as.
        path: the CSV file.
        provider: a provider that is clearly made up.
        licence: under what the list may be used.
        region: where its classes come from.
        trusted_classes: the classes that the demo marks as trusted; none for the hints.
    """

    name: str
    path: Path
    provider: str
    licence: str
    region: str
    trusted_classes: tuple[EntryClass, ...]


def write_hash_lists(folder: Path, seed: int = 1) -> list[HashListFile]:
    """Write the lists that are there from the start.

    Args:
        folder: an existing folder; files of the same names are written anew.
        seed: seed of the practice world.
    """
    catalogue = Catalogue(seed)
    filler = np.random.default_rng([seed, 5])
    baseline = [
        _describe_file(f"pb-{number:04}", catalogue.read(name), catalogue.draw(name), EntryClass.BASELINE)
        for number, name in enumerate(BASELINE_PICTURES, 1)
    ]
    # A video has no perceptual hash here: its digests are all that is known of it.
    baseline.append(_describe_file("pb-0100", catalogue.read("video-known"), None, EntryClass.BASELINE))
    baseline.extend(_make_filler(filler, "pb-9", EntryClass.BASELINE, with_digests=True))
    hints = [
        {"id": f"ph-{number:04}", "pdq": compute_pdq(catalogue.draw(name)), "category": entry_class.value}
        for number, (name, entry_class) in enumerate(HINTED_PICTURES.items(), 1)
    ]
    hints.extend(_make_filler(filler, "ph-9", EntryClass.ADVISORY, with_digests=False))
    return [
        HashListFile(
            "practice-baseline",
            _write_rows(folder / "practice-baseline.csv", baseline),
            "Lista Shembull (practice)",
            "practice only",
            "practice",
            (EntryClass.BASELINE,),
        ),
        HashListFile(
            "practice-hints",
            _write_rows(folder / "practice-hints.csv", hints),
            "Nowhere Hints (practice)",
            "practice only",
            "practice",
            (),
        ),
    ]


def write_late_list(folder: Path, seed: int = 1) -> HashListFile:
    """Write the list that comes when all is captured.

    Args:
        folder: an existing folder; a file of the same name is written anew.
        seed: seed of the practice world.
    """
    row = {"id": "pl-0001", "pdq": compute_pdq(Catalogue(seed).draw(LATE_PICTURE)), "category": "advisory"}
    return HashListFile(
        "practice-late",
        _write_rows(folder / "practice-late.csv", [row]),
        "Nowhere Latecomers (practice)",
        "practice only",
        "practice",
        (),
    )


def compute_pdq(image: Image.Image) -> str:
    """Return the PDQ hash of a picture as 64 hex digits."""
    return fingerprint_picture(np.asarray(image.convert("RGB")), frame=0)[0].value


def _describe_file(entry_id: str, data: bytes, image: Image.Image | None, entry_class: EntryClass) -> Row:
    return {
        "id": entry_id,
        "md5": hashlib.md5(data, usedforsecurity=False).hexdigest(),
        "sha1": hashlib.sha1(data, usedforsecurity=False).hexdigest(),
        "sha256": hashlib.sha256(data).hexdigest(),
        "pdq": "" if image is None else compute_pdq(image),
        "category": entry_class.value,
    }


def _make_filler(
    rng: np.random.Generator, prefix: str, entry_class: EntryClass, *, with_digests: bool
) -> Iterable[Row]:
    for number in range(FILLER_ENTRIES):
        row = {"id": f"{prefix}{number:03}", "pdq": rng.bytes(32).hex(), "category": entry_class.value}
        if with_digests:
            row |= {"md5": rng.bytes(16).hex(), "sha1": rng.bytes(20).hex(), "sha256": rng.bytes(32).hex()}
        yield row


def _write_rows(path: Path, rows: Iterable[Row]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path
