"""The job `look_up_file`: a person asks whether one file is listed.

1. Take the question; whoever does not get it leaves: another worker has it, or nobody waits any more.
2. Open the sealed file in memory, take its digests, let the decoder fingerprint it in the sandbox.
3. Search an index that is not behind the lists. A matcher that fails is never "not listed".
4. Record entries and distances in one transaction, then delete the file, if the question was still ours to answer:
   else another worker may have it open. Nothing else of it is kept: no image, no item, no hash. What a crash leaves is
   deleted by the sweep.
"""

import logging
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from hashsets import store as hash_sets
from hashsets.bands import name_band
from hashsets.compute import digest_bytes
from hashsets.model import Fingerprint, Hit
from hashsets.search import is_searched
from triage.clock import utcnow
from triage.crash_points import crash_point
from triage.errors import (
    HostilePictureError,
    ObjectMissingError,
    PictureRefusedError,
)
from triage.rules.media import SNIFF_BYTES, describe_refusal, sniff_media
from triage.store import file_questions
from triage.store.file_questions import FileHit, TakenQuestion
from triage.vault import INTAKE, unseal
from workers.seal_evidence import delete_objects
from workers.tools import OWN_FAULTS, CaptureTools

_log = logging.getLogger(__name__)
MOST_HITS = 200
_BESIDE_DECODING_S = 25.0
"""Seconds for all else of a question: to open the file, to search, to record."""
FAILED = "the file could not be compared: something of ours does not work"
MISSING = "the file was not there any more"


@dataclass(frozen=True, slots=True)
class _Found:
    hits: list[FileHit]
    generation: int
    compared: int
    reason: str | None


def look_up_file(tools: CaptureTools, question_id: UUID) -> None:
    """Answer one question; safe to be asked for again at any time."""
    lease_s = tools.settings.decode_wall_s + _BESIDE_DECODING_S
    taken = tools.database.run(
        partial(file_questions.take_question, question_id=question_id, now=utcnow(), lease_s=lease_s)
    )
    if taken is None:
        return
    try:
        found = _compare(tools, taken)
    except OWN_FAULTS as error:
        _log.error("question %s could not be answered: %s: %s", question_id, type(error).__name__, error)
        reason = MISSING if isinstance(error, ObjectMissingError) else FAILED
        answer = partial(file_questions.answer_failed, taken=taken, reason=reason)
    else:
        answer = partial(
            file_questions.answer_compared,
            taken=taken,
            hits=found.hits,
            generation=found.generation,
            compared=found.compared,
            reason=found.reason,
        )
    is_ours = tools.database.run(partial(answer, now=utcnow()))
    crash_point("after_commit")
    if is_ours:
        delete_objects(tools, INTAKE, (taken.object_name,))


def _compare(tools: CaptureTools, taken: TakenQuestion) -> _Found:
    body = unseal(tools.vault.get(INTAKE, taken.object_name), tools.intake_identity)
    crash_point("after_fetch")
    prints, reason = digest_bytes(body), None
    try:
        with tools.decoder.open_picture(str(taken.id), body) as picture:
            prints += picture.fingerprints
    except PictureRefusedError as error:
        # Its bytes can be compared all the same.
        is_hostile = isinstance(error, HostilePictureError)
        reason = describe_refusal(sniff_media(body[:SNIFF_BYTES]), str(error), is_hostile=is_hostile)
    generation = tools.database.run(hash_sets.read_generation)
    index = tools.index.get(tools.database, at_least=generation)
    return _Found(_choose_nearest(index.search(prints)), index.generation, _count_searched(prints), reason)


def _choose_nearest(hits: list[Hit]) -> list[FileHit]:
    """Return the nearest hit for each entry and kind of hash, the nearest first, at most MOST_HITS."""
    nearest: dict[tuple[UUID, str], FileHit] = {}
    for hit in sorted(hits, key=lambda one: one.distance):
        algorithm = hit.fingerprint.algorithm
        nearest.setdefault(
            (hit.entry_id, algorithm.value), FileHit(hit.entry_id, algorithm, hit.distance, name_band(hit))
        )
    return list(nearest.values())[:MOST_HITS]


def _count_searched(prints: list[Fingerprint]) -> int:
    return sum(is_searched(one) for one in prints)
