"""Proving once more, within a session, that it is still the same person: by a one-time code or a passkey.

A wrong proof counts as a failure to sign in. After FAILED_CONFIRMATIONS_MAX in a row the session ends, so that a
session in the wrong hands has few guesses. Strangers who fail at the sign-in page are not counted here: else anybody
could keep a person from confirming.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from triage.ids import new_id
from triage.rules.passkeys import Purpose, RelyingParty
from triage.rules.sign_in import FAILED_CONFIRMATIONS_MAX, find_step
from triage.steps.passkeys import PasskeyAnswer, verify_assertion
from triage.store import custody, step_up
from triage.store import sign_in as store
from triage.store.custody import NewEvent, stream_of
from triage.store.rows import Connection
from triage.vault import unseal


class Outcome(StrEnum):
    """What came of a proof; ended: it was one wrong one too many, and the session is over."""

    CONFIRMED = "confirmed"
    WRONG = "wrong"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Proof:
    """One try to confirm.

    Attributes:
        session_digest: of the session that is confirmed.
        person_id: whose session it is.
        id: by which a failure is counted once, however often the transaction runs.
    """

    session_digest: bytes = field(repr=False)
    person_id: UUID
    id: UUID = field(default_factory=new_id)


def confirm_by_code(
    conn: Connection, proof: Proof, code: str, *, name: str, identity: str, now: datetime
) -> Outcome:
    """Confirm by a one-time code, which is used up.

    Args:
        name: of the person.
        identity: of the staff surface; opens the secrets of the codes.
    """

    def holds() -> bool:
        found = store.find_credentials(conn, name)
        if found is None:
            return False
        step = find_step(unseal(found.sealed_secret, identity).decode(), code, now=now, after=found.last_step)
        return step is not None and store.take_step(conn, found.person_id, step)

    def count() -> None:
        store.insert_failure(conn, proof.id, proof.person_id, now=now, way="password")

    return _confirm(conn, proof, holds, count, way="code", now=now)


def confirm_by_passkey(
    conn: Connection, proof: Proof, answer: PasskeyAnswer, *, party: RelyingParty, now: datetime
) -> Outcome:
    """Confirm by a passkey of the person, asked for by this session.

    Args:
        answer: what the form brought.
        party: our site.
    """

    def holds() -> bool:
        found = verify_assertion(
            conn,
            answer,
            Purpose.CONFIRM,
            party=party,
            now=now,
            bound_to=proof.session_digest,
            person_id=proof.person_id,
        )
        return found is not None

    def count() -> None:
        """Nothing: failures with passkeys are counted where the passkey is checked."""

    return _confirm(conn, proof, holds, count, way="passkey", now=now)


def _confirm(
    conn: Connection,
    proof: Proof,
    holds: Callable[[], bool],
    count: Callable[[], None],
    *,
    way: str,
    now: datetime,
) -> Outcome:
    """Record what comes of a proof. A failure must be committed, so it is an answer and no error."""
    found = store.find_session(conn, proof.session_digest)
    if found is None or found[0].ended_at is not None:
        return Outcome.ENDED
    if found[0].confirmed_at == now:
        return Outcome.CONFIRMED  # this very proof, run again after a lost commit
    stream = stream_of("person", proof.person_id)
    if holds():
        if not step_up.note_confirmation(conn, proof.session_digest, now=now):
            return Outcome.ENDED  # meanwhile, by somebody else
        custody.append(conn, [NewEvent(stream, "confirmed", {"way": way})], actor=stream, now=now)
        return Outcome.CONFIRMED
    count()
    events = [NewEvent(stream, "confirmation_failed", {"way": way})]
    outcome = Outcome.WRONG
    if step_up.note_failed_confirmation(conn, proof.session_digest) >= FAILED_CONFIRMATIONS_MAX:
        store.end_session(conn, proof.session_digest, now=now)
        events.append(NewEvent(stream, "session_ended", {"failed_confirmations": FAILED_CONFIRMATIONS_MAX}))
        outcome = Outcome.ENDED
    custody.append(conn, events, actor="staff", now=now)
    return outcome
