"""Letting a person in again who lost all ways in.

In the console two people speak: one asks, another one approves, both in writing, neither of them the person, at least
one of them an admin, each in a role that they have held for some days. On the machine one person does it, and everybody
sees it. Either ends the person's sessions at once, with all that they have open, and makes a one-time link; using the
link drops all that the person signed in with before, and enables whoever was disabled until then: a colleague who
fears a theft disables first.
"""

from datetime import datetime, timedelta
from uuid import UUID

import psycopg

from triage.errors import NotAllowedError, StaleStateError, UnknownThingError
from triage.model import Person, PersonRole
from triage.rules.recovery import (
    ASKING_LIFE,
    ASKS_MAX,
    REASON_MAX,
    RecoveryState,
    RecoveryWay,
    VoiceTerm,
    does_voice_count,
    find_approval_fault,
    find_speaking_role,
)
from triage.steps.change_persons import require_person
from triage.steps.sign_in import make_link
from triage.steps.stop_looking import stop_with_sessions
from triage.store import custody, recoveries
from triage.store.custody import NewEvent, stream_of
from triage.store.people import digest_token
from triage.store.recoveries import Recovery
from triage.store.rows import Connection
from triage.store.sign_in import end_sessions


def _require_voice(
    conn: Connection, by: Person, term: VoiceTerm | None = None, *, now: datetime
) -> PersonRole:
    """Return the role in which somebody speaks; with a term, their voice must count by now."""
    standing = recoveries.read_standing(conn, by.id)  # as it is now: they may have been disabled meanwhile
    role = find_speaking_role(standing.roles) if standing is not None else None
    if standing is None or role is None:
        raise NotAllowedError("Only an admin or a lead speaks on a recovery.")
    if term is not None and not does_voice_count(standing, role, term, now=now):
        raise NotAllowedError(
            f"Your voice counts only {term.days} days after you were given your role or joined by a link:"
            " ask somebody who has been here longer."
        )
    return role


def _require_reason(text: str) -> str:
    reason = text.strip()
    if not 0 < len(reason) <= REASON_MAX:
        raise NotAllowedError("Write the reason, in at most 2000 characters.")
    return reason


def ask_recovery(
    conn: Connection, recovery_id: UUID, name: str, *, by: Person, reason: str, term: VoiceTerm, now: datetime
) -> None:
    """Ask for the recovery of a person; it waits for a second person for ASKING_LIFE.

    Raises:
        UnknownThingError: nobody has this name.
        NotAllowedError: it is oneself, without a reason, asked for already, one ask too many, or by a voice that does
            not count yet.
    """
    role, reason = _require_voice(conn, by, term, now=now), _require_reason(reason)
    person = require_person(conn, name)
    if person.id == by.id:
        raise NotAllowedError("Nobody can ask for their own recovery.")
    if recoveries.find_recovery(conn, recovery_id) is not None:
        return  # this very form, run again after a lost commit
    if recoveries.count_unapproved(conn, by.id, since=now - ASKING_LIFE) >= ASKS_MAX:
        raise NotAllowedError(
            "Too much of what you asked for in a day waits or was refused: let somebody else ask."
        )
    recoveries.expire(conn, person.id, now=now)
    try:
        recoveries.insert_asked(
            conn,
            recovery_id,
            person.id,
            reason=reason,
            asked_by=by.id,
            asked_as=role,
            now=now,
            expires_at=now + ASKING_LIFE,
        )
    except psycopg.errors.UniqueViolation:
        raise NotAllowedError("Somebody has asked for this already.") from None
    event = NewEvent(
        stream_of("person", person.id), "recovery_asked", {"recovery": str(recovery_id), "role": role}
    )
    custody.append(conn, [event], actor=stream_of("person", by.id), now=now)


def _require_recovery(conn: Connection, recovery_id: UUID) -> Recovery:
    recovery = recoveries.find_recovery(conn, recovery_id)
    if recovery is None:
        raise UnknownThingError
    return recovery


def approve_recovery(
    conn: Connection,
    recovery_id: UUID,
    *,
    by: Person,
    reason: str,
    token: str,
    life_s: float,
    term: VoiceTerm,
    now: datetime,
) -> Recovery:
    """Approve what another one asked for: end the person's sessions and make their one-time link.

    Args:
        reason: of this second person, in writing.
        token: of the link, from `new_token`.
        life_s: seconds until the link expires.

    Raises:
        UnknownThingError: there is no such recovery.
        NotAllowedError: this person or the one who asked may not, or may not yet, or there is no reason.
        StaleStateError: it waits no more.
    """
    role, reason = _require_voice(conn, by, term, now=now), _require_reason(reason)
    recovery = _require_recovery(conn, recovery_id)
    if recovery.state is RecoveryState.APPROVED and recoveries.is_recovery_link(conn, digest_token(token)):
        return recovery  # this very form, run again after a lost commit
    if recovery.state is not RecoveryState.ASKED or recovery.asked_by is None or recovery.asked_as is None:
        raise StaleStateError
    fault = find_approval_fault(
        recovery.person_id,
        asked_by=recovery.asked_by,
        asked_as=recovery.asked_as,
        decided_by=by.id,
        decided_as=role,
    )
    if fault:
        raise NotAllowedError(fault)
    asker = recoveries.read_standing(conn, recovery.asked_by)
    if (
        asker is None
        or recovery.asked_as not in asker.roles
        or not does_voice_count(asker, recovery.asked_as, term, now=now)
    ):
        raise NotAllowedError("Whoever asked for this no longer may: ask again.")
    person = require_person(conn, recovery.name)
    actor = stream_of("person", by.id)
    make_link(conn, person.id, token=token, now=now, life_s=life_s, actor=actor)
    if not recoveries.approve(
        conn,
        recovery_id,
        by=by.id,
        as_role=role,
        decision=reason,
        link_digest=digest_token(token),
        now=now,
    ):
        raise StaleStateError
    ended = end_sessions(conn, person.id, now=now)
    stop_with_sessions(conn, person.id, now=now, actor=actor)
    event = NewEvent(
        stream_of("person", person.id),
        "recovery_approved",
        {"recovery": str(recovery_id), "role": role, "sessions_ended": ended},
    )
    custody.append(conn, [event], actor=actor, now=now)
    return recovery


def refuse_recovery(conn: Connection, recovery_id: UUID, *, by: Person, reason: str, now: datetime) -> None:
    """Refuse a recovery; the person themself may, and so may the one who asked, however short they have been here.

    Raises:
        UnknownThingError: there is no such recovery.
        NotAllowedError: this person may not, or there is no reason.
        StaleStateError: it waits no more.
    """
    role, reason = _require_voice(conn, by, now=now), _require_reason(reason)
    recovery = _require_recovery(conn, recovery_id)
    if not recoveries.refuse(conn, recovery_id, by=by.id, as_role=role, decision=reason, now=now):
        raise StaleStateError
    event = NewEvent(
        stream_of("person", recovery.person_id),
        "recovery_refused",
        {"recovery": str(recovery_id), "role": role},
    )
    custody.append(conn, [event], actor=stream_of("person", by.id), now=now)


def recover_on_machine(
    conn: Connection,
    recovery_id: UUID,
    name: str,
    *,
    reason: str,
    token: str,
    life_s: float,
    actor: str,
    now: datetime,
) -> int:
    """Recover a person on the machine: end their sessions, make their one-time link, let everybody see it.

    Returns:
        How many sessions were ended.

    Raises:
        UnknownThingError: nobody has this name.
        NotAllowedError: there is no reason.
    """
    reason = _require_reason(reason)
    person = require_person(conn, name)
    make_link(conn, person.id, token=token, now=now, life_s=life_s, actor=actor)
    recoveries.insert_done_on_machine(
        conn,
        recovery_id,
        person.id,
        reason=reason,
        link_digest=digest_token(token),
        now=now,
        expires_at=now + timedelta(seconds=life_s),
    )
    ended = end_sessions(conn, person.id, now=now)
    stop_with_sessions(conn, person.id, now=now, actor=actor)
    event = NewEvent(
        stream_of("person", person.id),
        "recovery_done",
        {"recovery": str(recovery_id), "way": RecoveryWay.MACHINE, "sessions_ended": ended},
    )
    custody.append(conn, [event], actor=actor, now=now)
    return ended
