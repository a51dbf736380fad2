"""Recipients: who may be told something, and whether a lead has approved it as it stands.

The worker reads whom to tell, never where or by which key: `read_targets` is all that its role may ask.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import psycopg

from triage.errors import NotAllowedError
from triage.ids import new_id
from triage.model import ChannelOut, Recipient, RecipientKind
from triage.rules.routing import Target
from triage.store.rows import Connection, row_of

_LOCK = 7_201_901
_SELECT = (
    "SELECT id, name, kind, language, channel, contact, public_key, country, asns, entered_by, approved_by,"
    " approved_at, disabled_at FROM recipients"
)


@dataclass(frozen=True, slots=True)
class NewRecipient:
    """A recipient to be entered.

    Attributes:
        language: sq, en or sq+en.
        contact: a mail address, or the name of a folder in the outbox.
        public_key: an age recipient.
        asns: of a provider, the networks it answers for.
        country: of a partner hotline, ISO 3166 alpha-2.
    """

    name: str
    kind: RecipientKind
    language: str
    channel: ChannelOut
    contact: str
    public_key: str | None = None
    country: str | None = None
    asns: Sequence[int] = field(default_factory=tuple)


def hold_recipients(conn: Connection) -> None:
    """Let nobody else route, approve or begin to send until this transaction ends.

    Not every role may lock a recipient's row; this lock is everyone's. Take it before the rows of sendings.
    """
    conn.execute("SELECT pg_advisory_xact_lock(%(lock)s)", {"lock": _LOCK})


def read_targets(conn: Connection) -> list[Target]:
    """Return what routing needs of all recipients."""
    with conn.cursor(row_factory=row_of(Target)) as cursor:
        return cursor.execute(
            "SELECT id, kind, country, asns, approved_at, disabled_at FROM recipients ORDER BY id"
        ).fetchall()


def insert_recipient(conn: Connection, new: NewRecipient, *, entered_by: UUID, now: datetime) -> UUID:
    """Store a recipient; it is never approved as it is entered."""
    recipient_id = new_id()
    conn.execute(
        "INSERT INTO recipients (id, name, kind, language, channel, contact, public_key, country, asns,"
        " entered_by, entered_at) VALUES (%(id)s, %(name)s, %(kind)s, %(language)s, %(channel)s, %(contact)s,"
        " %(public_key)s, %(country)s, %(asns)s, %(entered_by)s, %(now)s)",
        {
            "id": recipient_id,
            "name": new.name,
            "kind": new.kind,
            "language": new.language,
            "channel": new.channel,
            "contact": new.contact,
            "public_key": new.public_key,
            "country": new.country,
            "asns": list(new.asns),
            "entered_by": entered_by,
            "now": now,
        },
    )
    return recipient_id


def read_recipient(conn: Connection, recipient_id: UUID) -> Recipient | None:
    """Return one recipient."""
    with conn.cursor(row_factory=row_of(Recipient)) as cursor:
        return cursor.execute(_SELECT + " WHERE id = %(id)s", {"id": recipient_id}).fetchone()


def lock_recipient(conn: Connection, recipient_id: UUID) -> Recipient | None:
    """Return and lock one recipient."""
    with conn.cursor(row_factory=row_of(Recipient)) as cursor:
        return cursor.execute(
            _SELECT + " WHERE id = %(id)s FOR NO KEY UPDATE", {"id": recipient_id}
        ).fetchone()


def list_recipients(conn: Connection) -> list[Recipient]:
    """Return all recipients, those in force first, by kind and name."""
    with conn.cursor(row_factory=row_of(Recipient)) as cursor:
        return cursor.execute(_SELECT + " ORDER BY disabled_at IS NOT NULL, kind, name").fetchall()


def is_name_taken(conn: Connection, name: str) -> bool:
    """Whether a recipient of that name is entered."""
    row = conn.execute("SELECT FROM recipients WHERE name = %(name)s", {"name": name}).fetchone()
    return row is not None


def has_other_lead(conn: Connection, person_id: UUID) -> bool:
    """Whether somebody else is a lead."""
    row = conn.execute(
        "SELECT FROM person_roles JOIN persons ON persons.id = person_id WHERE role = 'lead'"
        " AND disabled_at IS NULL AND person_id <> %(id)s LIMIT 1",
        {"id": person_id},
    ).fetchone()
    return row is not None


def say_approved(conn: Connection, recipient_id: UUID, *, person_id: UUID, now: datetime) -> None:
    """Note who approved a recipient as it stands.

    Raises:
        NotAllowedError: the database refused this person.
    """
    try:
        conn.execute(
            "UPDATE recipients SET approved_by = %(person)s, approved_at = %(now)s WHERE id = %(id)s",
            {"id": recipient_id, "person": person_id, "now": now},
        )
    except psycopg.errors.InsufficientPrivilege:
        raise NotAllowedError("Only a lead who did not enter it approves a recipient.") from None


def update_recipient(conn: Connection, recipient_id: UUID, new: NewRecipient, *, entered_by: UUID) -> None:
    """Store a recipient as it is now; the database drops its approval if what was approved is another now."""
    conn.execute(
        "UPDATE recipients SET name = %(name)s, kind = %(kind)s, language = %(language)s, channel = %(channel)s,"
        " contact = %(contact)s, public_key = %(public_key)s, country = %(country)s, asns = %(asns)s,"
        " entered_by = %(entered_by)s WHERE id = %(id)s",
        {
            "id": recipient_id,
            "name": new.name,
            "kind": new.kind,
            "language": new.language,
            "channel": new.channel,
            "contact": new.contact,
            "public_key": new.public_key,
            "country": new.country,
            "asns": list(new.asns),
            "entered_by": entered_by,
        },
    )


def has_messages(conn: Connection, recipient_id: UUID) -> bool:
    """Whether a message to it was ever issued, or something handed on to it."""
    row = conn.execute(
        "SELECT EXISTS (SELECT FROM sendings WHERE recipient_id = %(id)s)"
        " OR EXISTS (SELECT FROM hand_ons WHERE recipient_id = %(id)s)",
        {"id": recipient_id},
    ).fetchone()
    return bool(row and row[0])


def drop_approval(conn: Connection, recipient_id: UUID) -> None:
    """Take the approval of a recipient back."""
    conn.execute(
        "UPDATE recipients SET approved_by = NULL, approved_at = NULL WHERE id = %(id)s", {"id": recipient_id}
    )


def say_disabled(conn: Connection, recipient_id: UUID, *, now: datetime) -> None:
    """Note that a recipient is told nothing any more."""
    conn.execute(
        "UPDATE recipients SET disabled_at = %(now)s WHERE id = %(id)s AND disabled_at IS NULL",
        {"id": recipient_id, "now": now},
    )
