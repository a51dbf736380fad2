"""The tokens of machines. Their secrets are here only as digests."""

from datetime import datetime
from uuid import UUID

from triage.ids import new_id
from triage.model import ApiToken
from triage.store.rows import Connection, row_of


def insert_token(
    conn: Connection,
    name: str,
    scope: str,
    digest: bytes,
    *,
    now: datetime,
    expires_at: datetime,
    made_by: UUID | None = None,
) -> UUID:
    """Store a token by its digest; the database refuses a name that stands already."""
    token_id = new_id()
    conn.execute(
        "INSERT INTO api_tokens (id, name, scope, token_digest, created_at, expires_at, made_by)"
        " VALUES (%(id)s, %(name)s, %(scope)s, %(digest)s, %(now)s, %(expires_at)s, %(made_by)s)",
        {
            "id": token_id,
            "name": name,
            "scope": scope,
            "digest": digest,
            "now": now,
            "expires_at": expires_at,
            "made_by": made_by,
        },
    )
    return token_id


def find_token(conn: Connection, digest: bytes, *, scope: str, now: datetime) -> UUID | None:
    """Return the id of a token that is in force for this scope, and note its use, at most once a minute.

    Oftener would write a row for every request of a machine that asks without a pause.
    """
    row = conn.execute(
        "WITH token AS (SELECT id FROM api_tokens WHERE token_digest = %(digest)s AND scope = %(scope)s"
        "  AND revoked_at IS NULL AND expires_at > %(now)s),"
        " noted AS (UPDATE api_tokens SET last_used_at = %(now)s FROM token WHERE api_tokens.id = token.id"
        "  AND (last_used_at IS NULL OR last_used_at <= %(now)s::timestamptz - interval '1 minute'))"
        " SELECT id FROM token",
        {"digest": digest, "scope": scope, "now": now},
    ).fetchone()
    return row[0] if row else None


def revoke_token(conn: Connection, name: str, *, now: datetime) -> UUID | None:
    """Revoke a token by name; return its id, or None when none of that name is in force."""
    row = conn.execute(
        "UPDATE api_tokens SET revoked_at = %(now)s WHERE name = %(name)s AND revoked_at IS NULL RETURNING id",
        {"name": name, "now": now},
    ).fetchone()
    return row[0] if row else None


def find_token_name(conn: Connection, token_id: UUID) -> str | None:
    """Return the name of a token."""
    row = conn.execute("SELECT name FROM api_tokens WHERE id = %(id)s", {"id": token_id}).fetchone()
    return row[0] if row else None


def list_tokens(conn: Connection) -> list[ApiToken]:
    """Return all tokens, without their secrets: those in force first, then by name."""
    with conn.cursor(row_factory=row_of(ApiToken)) as cursor:
        return cursor.execute(
            "SELECT api_tokens.id, api_tokens.name, scope, api_tokens.created_at, persons.name AS made_by,"
            " expires_at, revoked_at, last_used_at FROM api_tokens LEFT JOIN persons ON persons.id = made_by"
            " ORDER BY revoked_at IS NOT NULL, api_tokens.name, api_tokens.id"
        ).fetchall()
