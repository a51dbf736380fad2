"""Change hash sets: import a list, withdraw an entry, say that a class is trusted.

What waits for a person is placed anew in the same transaction: an item whose images became known goes to
no_look, one whose images are no longer known comes back from it.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from hashsets import store as hash_sets
from hashsets import trust as hash_trust
from hashsets.errors import TrustRefusedError, UnknownHashSetError
from hashsets.model import ALERTING, Entry, EntryClass, ImportCounts
from triage.errors import NotAllowedError, UnknownThingError
from triage.ids import new_id
from triage.model import Person, PersonRole
from triage.rules.sending import SendingPolicy
from triage.steps.place_item import refresh_items
from triage.steps.reopen_item import reopen_images
from triage.store import assessments, custody, images
from triage.store.custody import NewEvent, stream_of
from triage.store.people import find_person
from triage.store.rows import Connection

WITHDRAWN = "the list entry that it stood on was withdrawn"


def import_list(
    conn: Connection,
    name: str,
    entries: Iterable[Entry],
    *,
    provider: str,
    licence: str,
    region: str,
    actor: str,
    now: datetime,
    sending: SendingPolicy,
) -> ImportCounts:
    """Import entries into a set, which is made if it is new. Nothing is trusted on import.

    Verdicts that stood on an entry alone which is gone or changed are reopened; see `withdraw_entry`.

    Raises:
        HashsetsError: the set's name or a text cannot be used.
    """
    conn.execute(
        "SET LOCAL statement_timeout = 0"
    )  # a list of a million entries takes longer than a page may
    try:
        hash_set = hash_sets.find_hash_set(conn, name)
    except UnknownHashSetError:
        hash_set = hash_sets.create_hash_set(
            conn, set_id=new_id(), name=name, provider=provider, licence=licence, region=region, now=now
        )
    counts = hash_sets.import_entries(conn, hash_set.id, entries, now=now)
    events = [
        NewEvent(
            stream_of("hashset", hash_set.id),
            "imported",
            {"added": counts.added, "changed": counts.changed, "withdrawn": counts.withdrawn},
        )
    ]
    if counts.changed or counts.withdrawn:
        _refresh(conn, events, set_name=name, now=now, sending=sending)
    custody.append(conn, events, actor=actor, now=now)
    return counts


def withdraw_entry(
    conn: Connection, name: str, source_key: str, *, actor: str, now: datetime, sending: SendingPolicy
) -> int:
    """Withdraw one entry; return how many waiting items changed their lane.

    Images that were settled on this entry alone, without a look, are reopened with the items that show them;
    what was queued for those is withdrawn and what was sent is retracted.

    Raises:
        UnknownHashSetError, UnknownEntryError: there is no such set or live entry.
    """
    hash_set = hash_sets.find_hash_set(conn, name)
    entry_id = hash_sets.withdraw_entry(conn, name, source_key, now=now)
    events = [NewEvent(stream_of("hashset", hash_set.id), "entry_withdrawn", {"entry": str(entry_id)})]
    moved = _refresh(conn, events, entry_id=entry_id, now=now, sending=sending)
    custody.append(conn, events, actor=actor, now=now)
    return moved


def restore_entry(conn: Connection, name: str, source_key: str, *, actor: str, now: datetime) -> int:
    """Take back a withdrawal of our own; return how many waiting items changed their lane.

    Raises:
        UnknownHashSetError, UnknownEntryError: there is no such set, or no entry that was withdrawn here.
    """
    hash_set = hash_sets.find_hash_set(conn, name)
    entry_id = hash_sets.restore_entry(conn, name, source_key, now=now)
    events = [NewEvent(stream_of("hashset", hash_set.id), "entry_restored", {"entry": str(entry_id)})]
    moved = _refresh(conn, events, entry_id=entry_id, now=now)
    custody.append(conn, events, actor=actor, now=now)
    return moved


def _read_person(conn: Connection, name: str) -> Person:
    person = find_person(conn, name)
    if person is None:
        raise UnknownThingError("There is no person of that name: see `hotline user add`.")
    if person.disabled_at is not None:
        raise NotAllowedError("This person no longer works here.")
    return person


def say_trust(
    conn: Connection, name: str, entry_class: EntryClass, *, by: str, reason: str, now: datetime
) -> str:
    """Propose that a class of a set is trusted, or confirm somebody else's proposal.

    Args:
        by: name of the person; who proposes is a lead.
        reason: why, in writing.

    Returns:
        "proposed" or "confirmed".

    Raises:
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
    try:
        hash_trust.confirm_trust(conn, name, entry_class, person_id=person.id, reason=reason, now=now)
        step = "confirmed"
    except TrustRefusedError:
        if hash_trust.is_trust_proposed(conn, hash_set.id, entry_class):
            raise
        if PersonRole.LEAD not in person.roles:
            raise NotAllowedError("Only a lead may propose trust; a second person may confirm it.") from None
        hash_trust.propose_trust(conn, name, entry_class, person_id=person.id, reason=reason, now=now)
        step = "proposed"
    events = [NewEvent(stream_of("hashset", hash_set.id), f"trust_{step}", {"class": entry_class.value})]
    if step == "confirmed":
        _refresh(conn, events, set_name=name, entry_class=entry_class.value, now=now)
    custody.append(conn, events, actor=f"person/{person.id}", now=now)
    return step


def _refresh(
    conn: Connection,
    events: list[NewEvent],
    *,
    now: datetime,
    sending: SendingPolicy | None = None,
    entry_id: UUID | None = None,
    set_name: str | None = None,
    entry_class: str | None = None,
) -> int:
    """Place anew what leans on a change; captures that are being recorded are waited for.

    Args:
        sending: given where verdicts may have lost the entry they stood on: those are reopened.
    """
    hash_sets.lock_verdicts(conn)
    image_ids = images.find_images_leaning_on(
        conn, entry_id=entry_id, set_name=set_name, entry_class=entry_class
    )
    if sending is not None:
        unfounded = assessments.find_images_leaning_on_lists(conn, image_ids)
        reopen_images(conn, unfounded, events, reason=WITHDRAWN, now=now, sending=sending)
    return refresh_items(conn, images.find_items_showing(conn, image_ids), events, now=now)
