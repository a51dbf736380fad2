"""Seal the evidence of one image and store it before the commit that names it; delete what none came to name."""

import logging

from triage.crash_points import crash_point
from triage.errors import StorageError
from triage.model import EvidenceKind
from triage.sandbox.decoder import OpenedPicture
from triage.sandbox.views import encode_sheet, encode_views
from triage.steps.record_capture import SealedEvidence
from triage.store.evidence import read_evidence_names
from triage.vault import EVIDENCE, new_image_seal, seal
from workers.tools import CaptureTools

_log = logging.getLogger(__name__)


def seal_evidence(tools: CaptureTools, body: bytes, picture: OpenedPicture) -> SealedEvidence:
    """Encode views from the pixels, and a sheet of an animation; seal bytes and views to a new identity, store them.

    Raises:
        PictureRefusedError: the pixels cannot be had.
        StorageError: the store refused; nothing of it is left there, or the sweep of orphans takes it.
    """
    views = encode_views(picture.read_view())
    image_seal = new_image_seal(tools.vault_recipient)
    clear = {
        EvidenceKind.BYTES: body,
        EvidenceKind.COLOUR: views.colour,
        EvidenceKind.GREY_HALF: views.grey_half,
        EvidenceKind.THUMB: views.thumb,
    }
    if picture.frames > 1:
        clear[EvidenceKind.SHEET] = encode_sheet(picture.read_sheet())
    objects: dict[EvidenceKind, tuple[str, int]] = {}
    try:
        for kind, data in clear.items():
            sealed = seal(data, image_seal.recipient)
            objects[kind] = (tools.vault.put(EVIDENCE, sealed), len(sealed))
    except StorageError:
        delete_objects(tools, EVIDENCE, tuple(name for name, _ in objects.values()))
        raise
    crash_point("after_seal")
    return SealedEvidence(image_seal, objects)


def discard_evidence(tools: CaptureTools, evidence: SealedEvidence | None) -> None:
    """Delete sealed objects that no row names; a commit whose answer was lost may have named them after all."""
    if evidence is None:
        return
    names = [name for name, _ in evidence.objects.values()]
    named = tools.database.run(lambda conn: read_evidence_names(conn, names))
    delete_objects(tools, EVIDENCE, tuple(name for name in names if name not in named))


def delete_objects(tools: CaptureTools, area: str, names: tuple[str, ...]) -> bool:
    """Delete objects; return False when the store refused and the sweep must do it."""
    try:
        for name in names:
            tools.vault.delete(area, name)
    except StorageError as error:
        _log.warning("objects could not be deleted yet; the sweep will: %s", error)
        return False
    return True
