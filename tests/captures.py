"""Words of the capture tests: what is on their site, and how an item is captured and looked up."""

from tests.drawn_images import make_jpeg
from workers.capture_item import capture_item

HOST = "photos.example"
ADDRESS = "203.0.113.10"
WAITS = (10.0, 30.0, 90.0)
FIRST = make_jpeg(1)
SECOND = make_jpeg(2)


def url(path, host=HOST):
    return f"http://{host}{path}"


def capture(desk, *item_ids):
    """Capture items, and whatever they made due, as the queue would."""
    todo = list(item_ids)
    while todo:
        item_id = todo.pop(0)
        capture_item(desk.tools, item_id)
        rows = desk.conn.execute(
            "SELECT child_id FROM item_children JOIN items ON items.id = child_id"
            " WHERE parent_id = %s AND state = 'received' AND tries = 0 ORDER BY place",
            (item_id,),
        ).fetchall()
        desk.conn.rollback()
        todo += [row[0] for row in rows]


def image_of(desk, item_id):
    (row,) = desk.conn.execute("SELECT image_id FROM item_images WHERE item_id = %s", (item_id,)).fetchall()
    desk.conn.rollback()
    return row[0]


def outcomes(desk, item_id):
    rows = desk.conn.execute(
        "SELECT outcome::text FROM captures WHERE item_id = %s ORDER BY started_at, id", (item_id,)
    ).fetchall()
    desk.conn.rollback()
    return [row[0] for row in rows]


def find_pdq(desk, item_id):
    row = desk.conn.execute(
        "SELECT encode(value, 'hex') FROM fingerprints WHERE image_id = %s AND algorithm = 'pdq'"
        " AND orientation = 'r0' AND frame = 0",
        (image_of(desk, item_id),),
    ).fetchone()
    desk.conn.rollback()
    return row[0]


def fail_with(error):
    def fail(*_, **__):
        raise error

    return fail
