"""Questions by machines: which token may ask, how much it has asked, and what an entry says. Never what was asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hashsets.model import EntryClass
from triage.ids import new_id
from triage.store.rows import Connection, row_of


@dataclass(frozen=True, slots=True)
class Quota:
    """How many hashes one token may ask about in a minute and in a day (UTC)."""

    per_minute: int
    per_day: int


@dataclass(frozen=True, slots=True)
class Counted:
    """What became of counting a question.

    Attributes:
        is_in_force: whether the token may ask at all.
        is_stored: whether it had room and the answer is of the lists of now; else nothing was counted.
        generation: of the lists, now.
    """

    is_in_force: bool
    is_stored: bool
    generation: int


@dataclass(frozen=True, slots=True)
class ListedEntry:
    """What a live entry says, as a machine is told."""

    id: UUID
    set_name: str
    entry_class: EntryClass
    is_contested: bool
    is_negative: bool


def find_generation_for(conn: Connection, digest: bytes, *, now: datetime) -> int | None:
    """Return the generation of the lists; None when no token in force with the scope `match` has this digest."""
    row = conn.execute(
        "SELECT generation FROM hash_generation WHERE EXISTS (SELECT FROM api_tokens"
        " WHERE token_digest = %(digest)s AND scope = 'match' AND revoked_at IS NULL AND expires_at > %(now)s)",
        {"digest": digest, "now": now},
    ).fetchone()
    return row[0] if row else None


def count_question(
    conn: Connection, digest: bytes, *, hashes: int, hits: int, generation: int, quota: Quota, now: datetime
) -> Counted:
    """Count a question on its token's quota and store that it was asked, in one statement; before it is answered.

    The same statement notes the use of the token, at most once a minute.

    A commit of it does not wait for the disk: a crash of the server may forget the questions of its last moments,
    on which no decision leans.

    Args:
        hits: how many the answer tells of.
        generation: of the index that was searched; an answer older than the lists is not counted.
    """
    row = conn.execute(
        "WITH token AS (SELECT id FROM api_tokens WHERE token_digest = %(digest)s AND scope = 'match'"
        "  AND revoked_at IS NULL AND expires_at > %(now)s),"
        " counted AS (INSERT INTO match_quotas AS quota (token_id, minute, in_minute, day, in_day)"
        "  SELECT token.id, %(minute)s, %(hashes)s, %(day)s, %(hashes)s FROM token, hash_generation"
        "  WHERE generation <= %(generation)s AND %(hashes)s <= LEAST(%(per_minute)s::integer, %(per_day)s::integer)"
        "  ON CONFLICT (token_id) DO UPDATE SET"
        "  minute = GREATEST(quota.minute, EXCLUDED.minute), day = GREATEST(quota.day, EXCLUDED.day),"
        "  in_minute = EXCLUDED.in_minute + CASE WHEN quota.minute >= EXCLUDED.minute THEN quota.in_minute ELSE 0 END,"
        "  in_day = EXCLUDED.in_day + CASE WHEN quota.day >= EXCLUDED.day THEN quota.in_day ELSE 0 END"
        "  WHERE EXCLUDED.in_minute + CASE WHEN quota.minute >= EXCLUDED.minute THEN quota.in_minute ELSE 0 END"
        "   <= %(per_minute)s"
        "  AND EXCLUDED.in_day + CASE WHEN quota.day >= EXCLUDED.day THEN quota.in_day ELSE 0 END <= %(per_day)s"
        "  RETURNING token_id),"
        " noted AS (UPDATE api_tokens SET last_used_at = %(now)s FROM token WHERE api_tokens.id = token.id"
        "  AND (last_used_at IS NULL OR last_used_at <= %(now)s::timestamptz - interval '1 minute')),"
        " stored AS (INSERT INTO match_questions (id, token_id, asked_at, hashes, hits)"
        "  SELECT %(id)s, token_id, %(now)s, %(hashes)s, %(hits)s FROM counted)"
        " SELECT EXISTS (SELECT FROM token), EXISTS (SELECT FROM counted), generation,"
        " set_config('synchronous_commit', 'off', true) FROM hash_generation",
        {
            "id": new_id(),
            "digest": digest,
            "now": now,
            "minute": now.replace(second=0, microsecond=0),
            "day": now.date(),
            "hashes": hashes,
            "hits": hits,
            "generation": generation,
            "per_minute": quota.per_minute,
            "per_day": quota.per_day,
        },
    ).fetchone()
    return Counted(row[0], row[1], row[2]) if row else Counted(False, False, 0)


def purge_questions(conn: Connection) -> int:
    """Forget questions of more than 400 days ago, which is all that the worker may erase; return how many."""
    row = conn.execute("SELECT purge_match_questions()").fetchone()
    return int(row[0]) if row else 0


def read_listed(conn: Connection, ids: Sequence[UUID]) -> dict[UUID, ListedEntry]:
    """Return what the live entries among the ids say; those withdrawn or disputed since are left out."""
    with conn.cursor(row_factory=row_of(ListedEntry)) as cursor:
        found = cursor.execute(
            "SELECT live_hash_entries.id, hash_sets.name AS set_name, live_hash_entries.class AS entry_class,"
            " is_contested, is_negative FROM live_hash_entries JOIN hash_sets ON hash_sets.id = set_id"
            " WHERE live_hash_entries.id = ANY(%(ids)s) ORDER BY live_hash_entries.id",
            {"ids": list(ids)},
        ).fetchall()
    return {one.id: one for one in found}
