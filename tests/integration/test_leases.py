"""Leases: one holder an item, refused to all others, freed in every way that a person can go away; nothing is lost."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.assessing import Assessors
from tests.builders import report
from tests.captures import capture, image_of, url
from triage.errors import (
    HeldByOtherError,
    NotAllowedError,
    NotLeasedError,
    StaleStateError,
    UnknownThingError,
)
from triage.ids import new_id
from triage.model import PersonRole
from triage.rules.states import Lane
from triage.steps import assess
from triage.steps.change_persons import disable_person
from triage.steps.lease_item import (
    HELD_AT_MOST,
    free_item,
    free_leases,
    keep_lease,
    require_lease,
    take_lease,
    take_next,
)
from triage.steps.sign_in import sign_out
from triage.store.leases import find_lease
from triage.store.people import insert_person
from triage.store.sign_in import insert_session

LIFE = {"life_s": 900.0}


@pytest.fixture
def people(as_role):
    return Assessors(as_role("hotline_staff"))


@pytest.fixture
def texts(conn, people):
    """Three texts in the look lane, the oldest first."""
    return [report(conn, note=f"text {number}")[0] for number in range(3)]


def take(people, name, item):
    lease = people.act(take_lease, item, person=people.people[name], **LIFE)
    return lease.person_name


def take_best(people, name, lane=Lane.LOOK, **more):
    found = take_next(people.conn, lane, person=people.people[name], now=people.clock(), **LIFE, **more)
    people.conn.commit()
    return found


def holder(people, item):
    lease = find_lease(people.conn, item, people.clock())
    people.conn.rollback()
    return lease and lease.person_name


def events_of(conn, item):
    conn.rollback()
    rows = conn.execute(
        "SELECT event FROM custody_events WHERE stream = %s ORDER BY seq", (f"item/{item}",)
    ).fetchall()
    conn.rollback()
    return [row[0] for row in rows if row[0] in ("opened", "left", "freed")]


def test_what_somebody_has_open_is_refused_to_others_until_they_leave(conn, people, texts):
    item = texts[0]
    with pytest.raises(NotLeasedError, match="Open this item first"):
        people.act(require_lease, item, person=people.people["Ana"], **LIFE)
    assert take(people, "Ana", item) == "Ana"
    assert take(people, "Ana", item) == "Ana"
    with pytest.raises(HeldByOtherError, match="Somebody else has this item open"):
        take(people, "Ben", item)
    with pytest.raises(NotLeasedError):
        people.act(require_lease, item, person=people.people["Ben"], **LIFE)
    assert not people.act(keep_lease, item, person=people.people["Ben"], **LIFE)
    assert holder(people, item) == "Ana"
    assert free_leases(people.conn, people.people["Ben"].id, now=people.clock(), item_id=item) == 0
    assert free_leases(people.conn, people.people["Ana"].id, now=people.clock(), item_id=item) == 1
    people.conn.commit()
    assert take(people, "Ben", item) == "Ben"
    assert events_of(conn, item) == ["opened", "left", "opened"]


def test_a_lease_is_over_after_its_time_and_acts_and_heartbeats_renew_it(conn, people, texts):
    item, ana = texts[0], people.people["Ana"]
    take(people, "Ana", item)
    for _ in range(3):
        people.step += timedelta(minutes=10)
        assert people.act(keep_lease, item, person=ana, **LIFE)
    people.step += timedelta(minutes=14)
    people.act(require_lease, item, person=ana, **LIFE)
    people.step += timedelta(minutes=15)
    assert holder(people, item) is None
    assert not people.act(keep_lease, item, person=ana, **LIFE)
    with pytest.raises(NotLeasedError):
        people.act(require_lease, item, person=ana, **LIFE)
    assert take(people, "Ben", item) == "Ben"
    assert events_of(conn, item) == ["opened", "left", "opened"]


def test_a_clock_that_was_set_back_makes_no_lease_stand_for_ever(people, texts):
    take(people, "Ana", texts[0])
    people.step -= timedelta(days=30)
    assert holder(people, texts[0]) is None
    assert take(people, "Ben", texts[0]) == "Ben"


def test_who_is_there_keeps_an_item_also_when_the_clock_was_set_back_and_leases_got_shorter(people, texts):
    take(people, "Ana", texts[0])
    people.step -= timedelta(seconds=800)
    ana = people.people["Ana"]
    assert people.act(take_lease, texts[0], person=ana, life_s=300.0).person_name == "Ana"
    people.step += timedelta(seconds=1)
    assert people.act(keep_lease, texts[0], person=ana, life_s=300.0)
    assert holder(people, texts[0]) == "Ana"


def test_a_lease_ends_when_its_page_goes_to_another_lane_not_when_the_page_last_moved(desk, people, site):
    """How long somebody worked counts for their breaks, and tells the second assessor nothing of the first."""
    html = '<html><body><img src="/first.jpg"><img src="/second.jpg"></body></html>'
    site.lay_answer("/page", html.encode(), "text/html")
    (page,) = desk.report(url("/page"))
    capture(desk, page)
    (one,), (other,) = desk.conn.execute("SELECT child_id FROM item_children ORDER BY place").fetchall()
    people.press("Ana", other, image_of(desk, other), 1)
    take(people, "Ben", page)
    people.step += timedelta(minutes=10)
    people.press("Ana", one, image_of(desk, one), 1)
    assert desk.place(page).lane == "second"
    (worked, ended_as) = desk.conn.execute(
        "SELECT ended_at - taken_at, ended_as FROM item_leases WHERE item_id = %s", (page,)
    ).fetchone()
    desk.conn.rollback()
    assert ended_as == "moved"
    assert timedelta(minutes=10) <= worked < timedelta(minutes=11)


def test_what_waits_for_nobody_cannot_be_opened(conn, people, texts):
    with pytest.raises(UnknownThingError):
        take(people, "Ana", new_id())
    (fresh,) = report(conn, "http://waits.example/")
    with pytest.raises(StaleStateError):
        take(people, "Ana", fresh)
    take(people, "Ana", texts[0])
    people.press_item("Ana", texts[0], 3)
    with pytest.raises(StaleStateError):
        take(people, "Ben", texts[0])
    assert holder(people, texts[0]) is None


def test_the_database_itself_has_one_holder_of_those_who_may_judge(conn, people, texts):
    clerk = insert_person(conn, "Clerk", [PersonRole.CLERK], now=people.clock())
    conn.commit()
    row = (
        "INSERT INTO item_leases (id, item_id, person_id, lane, taken_at, kept_at, until)"
        " VALUES (%s, %s, %s, 'look', now(), now(), now() + %s::interval)"
    )
    ana, ben = people.people["Ana"].id, people.people["Ben"].id
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        people.conn.execute(row, (new_id(), texts[0], clerk, "15 min"))
    people.conn.rollback()
    with pytest.raises(psycopg.errors.CheckViolation):
        people.conn.execute(row, (new_id(), texts[0], ana, "31 min"))
    people.conn.rollback()
    people.conn.execute(row, (new_id(), texts[0], ana, "15 min"))
    with pytest.raises(psycopg.errors.UniqueViolation):
        people.conn.execute(row, (new_id(), texts[0], ben, "15 min"))
    people.conn.rollback()


def test_next_gives_each_of_many_another_item_and_then_nothing(database, conn, people):
    items = [report(conn, note=f"text {number}")[0] for number in range(12)]
    ids = [
        insert_person(conn, f"Analyst {number}", [PersonRole.ANALYST], now=people.clock())
        for number in range(15)
    ]
    conn.commit()

    def ask(person_id):
        person = people.people["Ana"].__class__(person_id, "", (PersonRole.ANALYST,), None)
        with database.connect("hotline_staff") as own:
            return take_next(own, Lane.LOOK, person=person, now=people.clock(), **LIFE)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, ids))
    taken = [one for one in found if one is not None]
    assert len(taken) == len(set(taken)) >= 9
    # Who met all others at one moment asks again and finds what is left.
    rest = {take_best(people, "Ana") for _ in range(HELD_AT_MOST)} - {None} if len(taken) < 12 else set()
    assert set(taken) | rest == set(items)


def test_next_is_the_most_urgent_one_that_is_free_and_not_judged_or_passed_over(conn, people, texts):
    (danger,) = report(conn, note="now", danger=True)
    assert take_best(people, "Ana", Lane.DANGER) == danger
    assert take_best(people, "Ben", Lane.DANGER) is None
    conn.execute("UPDATE items SET score = 30 WHERE id = %s", (texts[2],))
    conn.commit()
    assert take_best(people, "Ben") == texts[2]
    people.act(assess.skip, texts[2], person=people.people["Ben"], round_=1, policy=people.policy)
    assert take_best(people, "Ben", after=texts[2]) == texts[0]
    assert holder(people, texts[2]) is None
    assert take_best(people, "Ana") == texts[2]
    assert take_best(people, "Ben", after=texts[0]) == texts[1]
    assert take_best(people, "Ben", Lane.LEAD) is None
    assert take_best(people, "Ben", Lane.HAND_ON) is None


def test_with_one_more_than_enough_the_one_kept_longest_ago_is_left(conn, people):
    items = [report(conn, note=f"text {number}")[0] for number in range(HELD_AT_MOST + 1)]
    for item in items:
        people.step += timedelta(seconds=1)
        take(people, "Ana", item)
    assert [holder(people, item) for item in items] == [None] + ["Ana"] * HELD_AT_MOST


def test_a_lead_frees_what_somebody_went_away_from_and_nobody_else_does(conn, people, texts):
    item = texts[0]
    take(people, "Ana", item)
    with pytest.raises(NotAllowedError):
        people.act(free_item, item, person=people.people["Ben"])
    with pytest.raises(NotAllowedError, match="Nobody has this item open"):
        people.act(free_item, texts[1], person=people.people["Lea"])
    people.act(free_item, item, person=people.people["Lea"])
    assert take(people, "Ben", item) == "Ben"
    assert events_of(conn, item) == ["opened", "freed", "opened"]


def test_who_signs_out_or_is_disabled_has_nothing_open(conn, people, texts):
    digest = bytes(32)
    insert_session(people.conn, digest, people.people["Ana"].id, now=people.clock())
    take(people, "Ana", texts[0])
    sign_out(people.conn, digest, now=people.clock())
    people.conn.commit()
    assert holder(people, texts[0]) is None
    take(people, "Ben", texts[1])
    disable_person(people.conn, "Ben", actor="cli", now=people.clock())
    people.conn.commit()
    assert holder(people, texts[1]) is None


def test_a_judged_picture_is_free_for_a_second_who_is_not_the_first(desk, people):
    (item,) = desk.report(url("/first.jpg"))
    capture(desk, item)
    image = image_of(desk, item)
    assert take_best(people, "Ana") == item
    people.press("Ana", item, image, 1)
    assert holder(people, item) is None
    assert take_best(people, "Ana", Lane.SECOND) is None
    assert take_best(people, "Ben", Lane.SECOND) == item
    with pytest.raises(HeldByOtherError):
        take(people, "Cen", item)
    people.press("Ben", item, image, 1)
    assert holder(people, item) is None
    assert take_best(people, "Cen", Lane.SECOND) is None


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["Ana", "Ben", "Lea"]),
        st.sampled_from(["take", "next", "keep", "leave", "free", "wait", "back"]),
        st.integers(0, 2),
    ),
    max_size=12,
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS)
def test_whatever_people_do_one_holds_an_item_and_when_all_are_gone_each_is_offered_again(
    conn, people, texts, acts
):
    free_all(conn, people)
    for name, act, number in acts:
        item, person = texts[number], people.people[name]
        before = {one: holder(people, one) for one in texts}
        try:
            if act == "take":
                take(people, name, item)
            elif act == "next":
                take_best(people, name)
            elif act == "keep":
                assert people.act(keep_lease, item, person=person, **LIFE) == (before[item] == name)
            elif act == "leave":
                free_leases(people.conn, person.id, now=people.clock(), item_id=item)
                people.conn.commit()
            elif act == "free":
                people.act(free_item, item, person=person)
            else:
                people.step += timedelta(minutes=11 if act == "wait" else -7)
        except NotAllowedError:
            assert act in ("take", "free")
        held = {one: holder(people, one) for one in texts}
        if act in ("take", "next", "keep"):  # nobody takes from another
            assert all(held[one] == before[one] for one in texts if before[one] not in (None, name))
    people.step += timedelta(hours=1)
    found = {take_best(people, name) for name in ("Ana", "Ben", "Cen")}
    assert found == set(texts)


def free_all(conn, people):
    people.step = timedelta(0)
    conn.execute(
        "UPDATE item_leases SET ended_at = GREATEST(now(), taken_at), ended_as = 'left' WHERE ended_at IS NULL"
    )
    conn.commit()
