"""Which keys belong to this database: their digests, written at the first start and held against every later one."""

from collections.abc import Mapping

from triage.errors import KeyMissingError
from triage.store.rows import Connection


def bind_keys(conn: Connection, digests: Mapping[str, bytes]) -> None:
    """Note the keys of this database, or hold these against those it was started with.

    Args:
        digests: name of a key file → SHA-256 of its public half (or of a symmetric key), 32 bytes.

    Raises:
        KeyMissingError: a key is not the one of this database: what is sealed here could not be opened.
    """
    for name, digest in sorted(digests.items()):
        conn.execute(
            "INSERT INTO key_digests (name, digest) VALUES (%(name)s, %(digest)s) ON CONFLICT DO NOTHING",
            {"name": name, "digest": digest},
        )
        row = conn.execute("SELECT digest FROM key_digests WHERE name = %(name)s", {"name": name}).fetchone()
        if row is None or bytes(row[0]) != digest:
            raise KeyMissingError(
                f"The key file {name} is not the one that this database was started with:"
                " put that one back from the backup."
            )
