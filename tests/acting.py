"""Words of the tests of locating and checking: items that were judged illegal, and what is recorded of them."""

from tests.builders import SENDING, make_person
from triage.clock import utcnow
from triage.model import Network, PersonRole
from triage.rules.states import Basis
from triage.steps.issue_sendings import issue_police
from triage.store import custody, items
from triage.store.holds import set_hold
from triage.store.networks import replace_networks
from workers.locate_host import locate_host

RRJETI = Network("192.0.2.0/24", 64496, "Rrjeti Shembull shpk", "", "AL")
STREHIMI = Network("198.51.100.0/24", 64497, "Strehimi Praktikë shpk", "", "AL")
NOWHERE = Network("203.0.113.0/24", 64498, "Nowhere Example Hosting", "", "ZZ")


def lay_networks(desk, *networks):
    """Let just these networks be known."""
    replace_networks(desk.conn, networks)
    desk.conn.commit()


def act_on(desk, item_id, state="actionable", *, is_due=True):
    """Let an item stand where it stands after its images were settled as illegal; commit."""
    desk.conn.rollback()
    desk.conn.execute(
        "UPDATE images SET state = 'settled', verdict = 'illegal', verdict_baseline = true,"
        " verdict_basis = 'looked', settled_at = now() WHERE id IN"
        " (SELECT image_id FROM item_images WHERE item_id = %s) AND state <> 'settled'",
        (item_id,),
    )
    desk.conn.execute(
        "UPDATE items SET state = %(state)s::item_state, base_lane = NULL, reason = NULL, settled_at = now(),"
        " moved_at = now() - interval '1 minute', tries = 0,"
        " next_try_at = now() + CASE WHEN %(is_due)s THEN interval '-1 second' ELSE interval '1 hour' END"
        " WHERE id = %(id)s",
        {"id": item_id, "state": state, "is_due": is_due},
    )
    _refer(desk.conn, item_id, is_held=state == "held_for_police")
    if state == "held_for_police":
        person_id = make_person(desk.conn, "Ana", PersonRole.ANALYST)
        set_hold(desk.conn, item_id, 1, person_id, now=utcnow())
    desk.conn.commit()


def notify(desk, item_id):
    """Let an item be located, so that its notice is issued, and let its check be due; commit."""
    act_on(desk, item_id)
    locate_host(desk.tools, item_id)
    desk.conn.execute("UPDATE items SET next_try_at = now() - interval '1 second' WHERE id = %s", (item_id,))
    desk.conn.commit()


def _refer(conn, item_id, *, is_held):
    now = utcnow()
    events = issue_police(
        conn,
        items.lock_item(conn, item_id),
        basis=Basis.LOOKED,
        is_held=is_held,
        is_urgent=False,
        now=now,
        policy=SENDING,
    )
    custody.append(conn, events, actor="staff", now=now)


def read_all(desk, query, *values):
    """Return the rows of a query, outside any transaction."""
    desk.conn.rollback()
    rows = desk.conn.execute(query.encode(), values).fetchall()
    desk.conn.rollback()
    return rows


def hostings_of(desk, item_id):
    """Return (agreement, asn, reason) of each hosting, oldest first."""
    return read_all(
        desk,
        "SELECT agreement, asn, reason FROM hostings WHERE item_id = %s ORDER BY located_at, id",
        item_id,
    )


def events_of(desk, item_id):
    """Return the names of an item's custody events, oldest first."""
    return [
        row[0]
        for row in read_all(
            desk, "SELECT event FROM custody_events WHERE stream = %s ORDER BY seq", f"item/{item_id}"
        )
    ]


def sendings_of(desk, item_id):
    """Return (kind, part, state, asn) of each message about an item, those to the police aside."""
    return read_all(
        desk,
        "SELECT kind, part, state::text, asn FROM sendings JOIN sending_items ON sending_id = sendings.id"
        " WHERE item_id = %s AND kind <> 'police' ORDER BY created_at, sendings.id",
        item_id,
    )
