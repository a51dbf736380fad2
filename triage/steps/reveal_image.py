"""Reveal an image to one person: ask, fetch once, end.

1. Ask: the person has the item open and may look now; the image waits for a judgement and has a view. Known images
   need no look and get none.
2. Fetch: the one-use token gives the sealed view once, to the same person in the same session, within seconds, while
   they still have the item open.
3. End: the look counts its milliseconds, as far as the browser is believed; one that nobody ends counts its longest
   time.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from triage.errors import NotAllowedError, UnknownThingError
from triage.model import EvidenceKind, Person
from triage.rules.states import ImageState
from triage.settings import Settings
from triage.steps.assess import lock_shown_image
from triage.steps.lease_item import require_lease
from triage.steps.watch_exposure import ExposurePolicy, require_may_look
from triage.store import custody, evidence, images, items, looks
from triage.store.custody import NewEvent, stream_of
from triage.store.looks import Look
from triage.store.rows import Connection

RENDERINGS = (EvidenceKind.GREY_HALF, EvidenceKind.COLOUR, EvidenceKind.SHEET)
TOKEN_LIFE_S = 10.0


@dataclass(frozen=True, slots=True)
class LookPolicy:
    """What bounds a look: the life of the lease that it needs, and the caps of exposure with the longest look."""

    lease_s: float
    exposure: ExposurePolicy

    @classmethod
    def from_settings(cls, settings: Settings) -> "LookPolicy":
        """Return the policy of a deployment."""
        return cls(settings.lease_s, ExposurePolicy.from_settings(settings))


@dataclass(frozen=True, slots=True)
class Reveal:
    """A look that may begin: its id, and the token that fetches the picture once."""

    look_id: UUID
    token: str


@dataclass(frozen=True, slots=True)
class SealedView:
    """Where a view lies, and the image's identity, sealed to the vault."""

    look: Look
    object_name: str
    sealed_identity: bytes


def digest_look_token(token: str, session: bytes) -> bytes:
    """Return the SHA-256 by which a token is stored; in another session it has another one."""
    return hashlib.sha256(token.encode() + session).digest()


def ask_to_look(
    conn: Connection,
    item_id: UUID,
    image_id: UUID,
    *,
    person: Person,
    rendering: EvidenceKind,
    now: datetime,
    policy: LookPolicy,
    session: bytes,
) -> Reveal:
    """Store that a person asks to see an image; looks of theirs that are still open end here.

    Args:
        session: digest of the session in which the token may be used.

    Raises:
        NotAllowedError: it is known or settled, or there is nothing to look at; the item is not open for this person;
            this person has seen enough for now.
        UnknownThingError: the item does not show it.
    """
    if rendering not in RENDERINGS:
        raise NotAllowedError("There is no such view.")
    image = lock_shown_image(conn, item_id, image_id)
    if image.state is not ImageState.JUDGED_ONCE and not items.waits_for_person(conn, item_id):
        raise NotAllowedError("This item does not wait for a look.")
    if image.is_known_by_list or image.state is ImageState.SETTLED:
        raise NotAllowedError("A known picture needs no look and gets none.")
    if not image.can_be_shown or not image.has_views:
        raise NotAllowedError("There is nothing to look at; ask for another capture.")
    if rendering not in {one.kind for one in evidence.read_evidence_objects(conn, image.id)}:
        raise NotAllowedError("There is no such view.")
    require_lease(conn, item_id, person=person, now=now, life_s=policy.lease_s)
    end_looks(conn, person, now=now, look_max_s=policy.exposure.look_max_s)
    require_may_look(conn, person, now=now, policy=policy.exposure)
    token = secrets.token_urlsafe(32)
    look_id = looks.insert_look(
        conn,
        item_id=item_id,
        image_id=image_id,
        person_id=person.id,
        round_=image.round,
        rendering=rendering.value,
        token_digest=digest_look_token(token, session),
        now=now,
        expires_at=now + timedelta(seconds=TOKEN_LIFE_S),
    )
    return Reveal(look_id, token)


def begin_look(
    conn: Connection, token: str, *, person: Person, now: datetime, policy: LookPolicy, session: bytes
) -> SealedView:
    """Use a token up and log the look, before any byte of the picture is opened.

    Raises:
        NotAllowedError: the token was used, is over, or is another person's or session's; the item is not open for
            this person any more; or the view is destroyed.
    """
    longest = timedelta(seconds=policy.exposure.look_max_s)
    look = looks.use_token(conn, digest_look_token(token, session), person.id, now=now, longest=longest)
    if look is None:
        raise NotAllowedError("This look is over; ask for another one.")
    require_lease(conn, look.item_id, person=person, now=now, life_s=policy.lease_s)
    sealed_identity = evidence.read_evidence_key(conn, look.image_id)
    names = {one.kind: one.name for one in evidence.read_evidence_objects(conn, look.image_id)}
    name = names.get(EvidenceKind(look.rendering))
    if sealed_identity is None or name is None:
        raise NotAllowedError("There is nothing to look at any more.")
    body = {"look": str(look.id), "item": str(look.item_id), "rendering": look.rendering}
    event = NewEvent(stream_of("image", look.image_id), "looked", body)
    custody.append(conn, [event], actor=f"person/{person.id}", now=now)
    return SealedView(look, name, sealed_identity)


def find_thumb(conn: Connection, item_id: UUID, image_id: UUID) -> tuple[str, bytes] | None:
    """Return (object name, sealed identity) of the grey thumb of an image that an item shows, if it is kept.

    Raises:
        UnknownThingError: the item does not show it.
    """
    if not images.is_shown_by(conn, image_id, item_id):
        raise UnknownThingError("This item does not show such a picture.")
    sealed_identity = evidence.read_evidence_key(conn, image_id)
    names = {one.kind: one.name for one in evidence.read_evidence_objects(conn, image_id)}
    name = names.get(EvidenceKind.THUMB)
    return (name, sealed_identity) if name is not None and sealed_identity is not None else None


def end_looks(
    conn: Connection,
    person: Person,
    *,
    now: datetime,
    look_max_s: float,
    look_id: UUID | None = None,
    reported_ms: int | None = None,
    actor: str | None = None,
) -> list[Look]:
    """End one look of a person, or all that are open, each with its milliseconds.

    Args:
        actor: who sees to it, where it is not the person.
        reported_ms: how long it was shown, as the browser says; the store believes it only within bounds.
    """
    ended = looks.end_looks(
        conn,
        person.id,
        now=now,
        longest=timedelta(seconds=look_max_s),
        look_id=look_id,
        reported_ms=reported_ms,
    )
    events = [
        NewEvent(
            stream_of("image", look.image_id), "look_ended", {"look": str(look.id), "shown_ms": look.shown_ms}
        )
        for look in sorted(ended, key=lambda one: one.image_id)
    ]
    custody.append(conn, events, actor=actor or f"person/{person.id}", now=now)
    return ended
