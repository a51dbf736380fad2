"""Networks: which operator announces which addresses. The table is replaced as a whole."""

from collections.abc import Sequence

from triage.model import Network
from triage.store.rows import Connection, row_of


def replace_networks(conn: Connection, networks: Sequence[Network]) -> int:
    """Put these networks in the place of all that stand; return how many there are now.

    The database refuses fictional networks outside practice, and all others in it.
    """
    # Two at once would each delete what they see and then meet on a prefix.
    conn.execute("LOCK TABLE networks IN SHARE ROW EXCLUSIVE MODE")
    conn.execute("DELETE FROM networks")
    with (
        conn.cursor() as cursor,
        cursor.copy("COPY networks (prefix, asn, operator, brand, country) FROM STDIN") as copy,
    ):
        for network in networks:
            copy.write_row((network.prefix, network.asn, network.operator, network.brand, network.country))
    return len(networks)


def find_network(conn: Connection, address: str) -> Network | None:
    """Return the narrowest network that an address lies in; None when no row holds it.

    Args:
        address: IPv4 or IPv6.
    """
    with conn.cursor(row_factory=row_of(Network)) as cursor:
        return cursor.execute(
            "SELECT prefix::text AS prefix, asn, operator, brand, country FROM networks"
            " WHERE networks.prefix >>= %(address)s::inet ORDER BY masklen(networks.prefix) DESC, networks.prefix"
            " LIMIT 1",
            {"address": address},
        ).fetchone()


def list_networks(conn: Connection) -> list[Network]:
    """Return all networks, in the order of their prefixes."""
    with conn.cursor(row_factory=row_of(Network)) as cursor:
        return cursor.execute(
            "SELECT prefix::text AS prefix, asn, operator, brand, country FROM networks ORDER BY networks.prefix"
        ).fetchall()


def count_networks(conn: Connection) -> int:
    """Return how many networks the table holds."""
    row = conn.execute("SELECT count(*) FROM networks").fetchone()
    return int(row[0]) if row else 0
