"""Two transactions that meet: neither is an error for a person, and rows that only point at others wait for nobody."""

import psycopg
import pytest

from tests.captures import capture, image_of, url
from triage.errors import ServerUnavailableError
from triage.store import assessments, items
from triage.store.pool import MEETING_WAITS_S, Database


def test_who_meets_another_transaction_runs_again_and_only_at_last_a_person_hears_of_it(database):
    met = []

    def meet(times):
        def work(_conn):
            met.append(None)
            if len(met) <= times:
                raise psycopg.errors.DeadlockDetected("deadlock detected")
            return "done"

        return work

    with Database(database.dsns["hotline_worker"], size=1) as pool:
        assert pool.run(meet(len(MEETING_WAITS_S))) == "done"
        met.clear()
        with pytest.raises(ServerUnavailableError, match="DeadlockDetected"):
            pool.run(meet(100))
    assert len(met) == len(MEETING_WAITS_S) + 1


def test_a_row_about_an_item_or_picture_that_somebody_works_on_can_be_written(desk, conn, as_role):
    """Messages about several items are written under a lock of their own: waiting here would block both for ever."""
    (item,) = desk.report(url("/first.jpg"))
    capture(desk, item)
    image = image_of(desk, item)
    worker = as_role("hotline_staff")
    items.lock_item(worker, item)
    assessments.lock_image(worker, image)
    for table, row in (("items", item), ("images", image)):
        conn.execute(
            f"SELECT FROM {table} WHERE id = %s FOR KEY SHARE NOWAIT", (row,)
        )  # as a foreign key does
    conn.rollback()
    worker.rollback()
