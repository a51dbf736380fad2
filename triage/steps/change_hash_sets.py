"""Change hash sets: withdraw, dispute or deny an entry, say that a class is trusted. Lists: `import_hash_list`.

What waits for a person is placed anew in the same transaction: an item whose images became known goes to
no_look, one whose images are no longer known comes back from it.
"""

from datetime import datetime
from uuid import UUID

from hashsets import disputes
from hashsets import store as hash_sets
from hashsets import trust as hash_trust
from hashsets.disputes import DisputeStep
from hashsets.errors import TrustRefusedError
from hashsets.model import ALERTING, EntryClass, HashSet, is_reason
from triage.errors import NotAllowedError, StaleStateError, UnknownThingError
from triage.ids import new_id
from triage.model import Person, PersonRole
from triage.rules.rights import Right, rights_of
from triage.rules.sending import SendingPolicy
from triage.steps.refresh_leaning import Refreshed, refresh_changed, refresh_trusted
from triage.store import custody, hash_recalls
from triage.store.custody import Body, NewEvent, stream_of
from triage.store.people import find_person
from triage.store.rows import Connection


def withdraw_entry(
    conn: Connection, name: str, source_key: str, *, actor: str, now: datetime, sending: SendingPolicy
) -> Refreshed:
    """Withdraw one entry; return what followed.

    Images that were settled on this entry alone, without a look, are reopened with the items that show them;
    what was queued for those is withdrawn and what was sent is retracted.

    Raises:
        UnknownHashSetError, UnknownEntryError: there is no such set or live entry.
    """
    hash_set = hash_sets.find_hash_set(conn, name)
    entry_id = hash_sets.withdraw_entry(conn, name, source_key, now=now)
    return _follow(conn, hash_set, entry_id, "entry_withdrawn", actor=actor, now=now, sending=sending)


def restore_entry(
    conn: Connection, name: str, source_key: str, *, actor: str, now: datetime, sending: SendingPolicy
) -> Refreshed:
    """Take back a withdrawal of our own; return what followed.

    Raises:
        UnknownHashSetError, UnknownEntryError: there is no such set, or no entry that was withdrawn here.
    """
    hash_set = hash_sets.find_hash_set(conn, name)
    entry_id = hash_sets.restore_entry(conn, name, source_key, now=now)
    return _follow(conn, hash_set, entry_id, "entry_restored", actor=actor, now=now, sending=sending)


def dispute_entry(
    conn: Connection,
    name: str,
    source_key: str,
    *,
    by: str,
    reason: str,
    now: datetime,
    sending: SendingPolicy,
    is_undone: bool = False,
    is_denied: bool = False,
) -> Refreshed:
    """Silence an entry that we hold to be wrong, at once and whatever its provider says next; or take that back.

    Args:
        by: name of the person, a lead.
        reason: why, in writing.
        is_undone: take back a dispute.
        is_denied: also keep every list from bringing the hashes of this entry; that is not undone.

    Raises:
        NotAllowedError: the person may not.
        UnknownThingError: there is no such person.
        HashsetsError: no such set or entry, or no reason.
    """
    person = read_lead(conn, by, reason)
    hash_set = hash_sets.find_hash_set(conn, name)
    entry_id = disputes.record_dispute(
        conn,
        name,
        source_key,
        DisputeStep.UNDONE if is_undone else DisputeStep.DISPUTED,
        dispute_id=new_id(),
        person_id=person.id,
        reason=reason,
        now=now,
        is_denied=is_denied and not is_undone,
    )
    event = "entry_dispute_undone" if is_undone else "entry_disputed"
    actor = f"person/{person.id}"
    return _follow(conn, hash_set, entry_id, event, actor=actor, now=now, sending=sending)


def _follow(
    conn: Connection,
    hash_set: HashSet,
    entry_id: UUID,
    event: str,
    *,
    actor: str,
    now: datetime,
    sending: SendingPolicy,
) -> Refreshed:
    """Do what follows from the change of one entry that was just made."""
    generation = hash_sets.read_generation(conn)
    events: list[NewEvent] = []
    refreshed = refresh_changed(conn, events, generation=generation, now=now, sending=sending)
    body: Body = {"entry": str(entry_id), "recalls": len(refreshed.recalls)}
    events.insert(0, NewEvent(stream_of("hashset", hash_set.id), event, body))
    custody.append(conn, events, actor=actor, now=now)
    return refreshed


def go_through_recall(conn: Connection, recall_id: UUID, *, person: Person, now: datetime) -> None:
    """Note that a person went through a past decision that leaned on an entry which is gone.

    Raises:
        NotAllowedError: the person may not reopen anything, and so cannot act on what they find.
        UnknownThingError: there is none, or somebody did it before.
    """
    if Right.REOPEN not in rights_of(person.roles):
        raise NotAllowedError("Your roles do not let you go through past decisions.")
    image_id = hash_recalls.do_recall(conn, recall_id, person_id=person.id, now=now)
    if image_id is None:
        raise UnknownThingError("There is no such open recall.")
    event = NewEvent(stream_of("image", image_id), "recall_done", {"recall": str(recall_id)})
    custody.append(conn, [event], actor=f"person/{person.id}", now=now)


def read_lead(conn: Connection, name: str, reason: str) -> Person:
    """Return a lead by name who gives a reason in writing.

    Raises:
        NotAllowedError: the person is no lead, no longer works here, or gives no reason.
        UnknownThingError: there is no such person.
    """
    person = _read_person(conn, name)
    if PersonRole.LEAD not in person.roles:
        raise NotAllowedError("Only a lead may do this.")
    if not is_reason(reason):
        raise NotAllowedError("A written reason of at most 2000 characters is needed.")
    return person


def _read_person(conn: Connection, name: str) -> Person:
    person = find_person(conn, name)
    if person is None:
        raise UnknownThingError("There is no person of that name: see `hotline user add`.")
    if person.disabled_at is not None:
        raise NotAllowedError("This person no longer works here.")
    return person


def say_trust(
    conn: Connection,
    name: str,
    entry_class: EntryClass,
    *,
    by: str,
    reason: str,
    now: datetime,
    only: str | None = None,
) -> str:
    """Propose that a class of a set is trusted, or confirm somebody else's proposal.

    Args:
        by: name of the person; who proposes is a lead.
        reason: why, in writing.
        only: "proposed" or "confirmed", where the person means that step and no other.

    Returns:
        "proposed" or "confirmed".

    Raises:
        StaleStateError: it would be another step than the one that is meant.
        NotAllowedError: the person may not, or is the one who proposed it.
        UnknownThingError: there is no such person.
        HashsetsError: no such set, no reason, or a class that can never be trusted.
    """
    if entry_class not in ALERTING:
        words = ", ".join(sorted(one.value for one in ALERTING))
        raise NotAllowedError(f"Only these classes can be trusted, others never spare a look: {words}.")
    person = _read_person(conn, by)
    if not {PersonRole.LEAD, PersonRole.ANALYST} & set(person.roles):
        raise NotAllowedError("Only a lead or an analyst may speak on trust.")
    hash_set = hash_sets.find_hash_set(conn, name)
    is_proposed = hash_trust.is_trust_proposed(conn, hash_set.id, entry_class)
    if only is not None and is_proposed != (only == "confirmed"):
        raise StaleStateError
    try:
        hash_trust.confirm_trust(conn, name, entry_class, person_id=person.id, reason=reason, now=now)
        step = "confirmed"
    except TrustRefusedError:
        if is_proposed:
            raise
        if PersonRole.LEAD not in person.roles:
            raise NotAllowedError("Only a lead may propose trust; a second person may confirm it.") from None
        hash_trust.propose_trust(conn, name, entry_class, person_id=person.id, reason=reason, now=now)
        step = "proposed"
    events = [NewEvent(stream_of("hashset", hash_set.id), f"trust_{step}", {"class": entry_class.value})]
    if step == "confirmed":
        refresh_trusted(conn, events, set_name=name, entry_class=entry_class.value, now=now)
    custody.append(conn, events, actor=f"person/{person.id}", now=now)
    return step
