"""Online checks: three that find it gone close an item; silence, refusals and our own trouble never do."""

import pytest

from tests.acting import NOWHERE, RRJETI, act_on, events_of, lay_networks, notify, read_all, sendings_of
from tests.builders import Clock, open_desk
from tests.captures import ADDRESS, FIRST, WAITS, capture, fail_with, url
from tests.drawn_images import make_jpeg
from triage.errors import DecoderUnavailableError, SandboxUnavailableError
from workers import check_online as job
from workers import locate_host as locating
from workers.check_online import check_online

EVERY, APART = 3600.0, 1800.0
HERE = NOWHERE  # the network that holds the practice addresses
CLOSED = "closed.example"


@pytest.fixture
def desk(database, servers, tmp_path, site, names, fetcher, decoder):
    site.pages.clear()
    site.seen.clear()
    site.lay_answer("/first.jpg", FIRST, "image/jpeg")
    with open_desk(
        database,
        servers.redis_url,
        tmp_path,
        fetcher=fetcher,
        decoder=decoder,
        names=names,
        retry_waits_s=WAITS,
        online_check_every_s=EVERY,
        removed_check_every_s=APART,
        reminder_after_s=(86400.0,),
    ) as opened:
        lay_networks(opened, RRJETI, HERE)
        yield opened


@pytest.fixture
def clock(monkeypatch):
    patched = Clock()
    monkeypatch.setattr(job, "utcnow", patched)
    monkeypatch.setattr(locating, "utcnow", patched)
    return patched


@pytest.fixture
def notified(desk):
    """A picture whose notice was issued and whose check is due."""
    (item_id,) = desk.report(url("/first.jpg"))
    capture(desk, item_id)
    notify(desk, item_id)
    return item_id


def results(desk, item_id):
    return [
        row[0]
        for row in read_all(desk, "SELECT result FROM online_checks WHERE item_id = %s ORDER BY id", item_id)
    ]


def reasons(desk, item_id):
    return [
        row[0]
        for row in read_all(desk, "SELECT reason FROM online_checks WHERE item_id = %s ORDER BY id", item_id)
    ]


def make_due(desk, item_id):
    desk.conn.execute("UPDATE items SET next_try_at = now() - interval '1 hour' WHERE id = %s", (item_id,))
    desk.conn.commit()


def check_times(desk, item_id, clock, times, seconds):
    for _ in range(times):
        check_online(desk.tools, item_id)
        clock.move_on(seconds)


# What is no result


def test_what_fails_on_our_side_is_no_result(desk, site, notified, clock, monkeypatch):
    site.lay_answer("/first.jpg", make_jpeg(3), "image/jpeg")
    with monkeypatch.context() as broken:
        errors = (DecoderUnavailableError(), SandboxUnavailableError(), DecoderUnavailableError())
        for tries, error in enumerate(errors, start=1):
            broken.setattr(desk.tools.decoder, "open_picture", fail_with(error))
            check_online(desk.tools, notified)
            assert (desk.place(notified).state, desk.place(notified).tries) == ("notified", tries)
            clock.move_on(700)
    assert results(desk, notified) == []
    check_online(desk.tools, notified)
    assert (results(desk, notified), desk.place(notified).tries) == (["unknown"], 0)


def test_a_site_that_stopped_is_unreachable_and_never_closes(desk, clock):
    (item_id,) = desk.report(url("/first.jpg", CLOSED))
    act_on(desk, item_id, "awaiting_hosting")
    check_times(desk, item_id, clock, 5, EVERY + 1)
    assert results(desk, item_id) == ["unreachable"] * 5
    assert desk.place(item_id).state == "awaiting_hosting"
    assert events_of(desk, item_id).count("checked") == 1


def test_a_site_that_refuses_us_is_unknown_and_never_closes(desk, site, notified, clock):
    for status in (401, 403, 429, 503):
        site.lay_answer("/first.jpg", b"go away", status=status)
        check_times(desk, notified, clock, 1, EVERY + 1)
    assert results(desk, notified) == ["unknown"] * 4
    assert desk.place(notified).state == "notified"


def test_a_soft_not_found_is_something_else_and_never_closes(desk, site, notified, clock):
    for body in (b"<html><p>Not found</p></html>", b"", make_jpeg(9)):
        site.lay_answer("/first.jpg", body, "image/jpeg" if body[:2] == b"\xff\xd8" else "text/html")
        check_times(desk, notified, clock, 1, EVERY + 1)
    assert results(desk, notified) == ["unknown"] * 3
    assert set(reasons(desk, notified)) == {"something else answers there"}
    assert desk.place(notified).state == "notified"


def test_a_redirect_that_policy_refuses_is_unknown(desk, site, notified):
    site.lay_redirect("/first.jpg", "http://127.0.0.1/gone")
    check_online(desk.tools, notified)
    assert results(desk, notified) == ["unknown"]


def test_a_crash_before_the_commit_leaves_nothing(desk, site, notified, monkeypatch):
    def die(point):
        if point == "before_commit":
            raise KeyboardInterrupt

    site.pages.clear()
    with monkeypatch.context() as crashing:
        crashing.setattr(job, "crash_point", die)
        with pytest.raises(KeyboardInterrupt):
            check_online(desk.tools, notified)
    assert results(desk, notified) == []
    check_online(desk.tools, notified)
    check_online(desk.tools, notified)
    assert results(desk, notified) == ["removed"]


@pytest.mark.parametrize("state", ["awaiting_assessment", "closed"])
def test_what_is_not_acted_on_is_not_checked(desk, site, state):
    (item_id,) = desk.report(url("/first.jpg"))
    capture(desk, item_id)
    if state == "closed":
        act_on(desk, item_id)
        desk.conn.execute(
            "UPDATE items SET state = 'closed', closed_as = 'not_actionable', next_try_at = NULL WHERE id = %s",
            (item_id,),
        )
        desk.conn.commit()
    site.seen.clear()
    check_online(desk.tools, item_id)
    assert (site.seen, results(desk, item_id)) == ([], [])


# Removed


def test_three_checks_well_apart_that_find_it_removed_close_it(desk, site, notified, clock):
    site.pages.clear()
    check_times(desk, notified, clock, 2, APART + 1)
    assert desk.place(notified).state == "notified"
    check_online(desk.tools, notified)
    place = desk.place(notified)
    assert (place.state, place.closed_as, results(desk, notified)) == ("closed", "removed", ["removed"] * 3)
    assert events_of(desk, notified).count("checked") == 3
    assert "found_removed" in events_of(desk, notified)
    assert {row[2] for row in sendings_of(desk, notified)} == {"withdrawn"}  # it had not left yet


@pytest.mark.parametrize("state", ["held_for_police", "awaiting_hosting"])
def test_what_is_gone_before_a_notice_closes_as_that(desk, site, clock, state):
    (item_id,) = desk.report(url("/first.jpg"))
    capture(desk, item_id)
    act_on(desk, item_id, state)
    site.lay_answer("/first.jpg", b"gone", status=410)
    check_times(desk, item_id, clock, 3, APART + 1)
    assert (desk.place(item_id).state, desk.place(item_id).closed_as) == ("closed", "removed_before_notice")


def test_checks_that_come_too_soon_do_not_count(desk, site, notified, clock):
    site.pages.clear()
    for _ in range(6):
        check_online(desk.tools, notified)
        make_due(desk, notified)
        clock.move_on(60)
    assert results(desk, notified) == ["removed"] * 6
    assert desk.place(notified).state == "notified"
    assert events_of(desk, notified).count("checked") == 1


@pytest.mark.parametrize("between", ["online", "unreachable"])
def test_anything_else_between_begins_the_row_anew(desk, site, notified, clock, between, monkeypatch):
    site.pages.clear()
    check_times(desk, notified, clock, 2, APART + 1)
    if between == "online":
        site.lay_answer("/first.jpg", FIRST, "image/jpeg")
    else:
        site.lay("/first.jpg", lambda peer: None)
    check_times(desk, notified, clock, 1, EVERY + 1)
    site.pages.clear()
    check_times(desk, notified, clock, 2, APART + 1)
    assert results(desk, notified) == ["removed", "removed", between, "removed", "removed"]
    assert desk.place(notified).state == "notified"
    check_online(desk.tools, notified)
    assert desk.place(notified).state == "closed"


def test_a_clock_that_is_set_back_and_forward_closes_nothing_early(desk, site, notified, clock):
    site.pages.clear()
    check_online(desk.tools, notified)
    clock.move_on(-2 * 3600)
    check_online(desk.tools, notified)
    assert results(desk, notified) == ["removed"], "by this clock it is not due"
    make_due(desk, notified)
    desk.conn.execute("UPDATE items SET next_try_at = now() - interval '1 day' WHERE id = %s", (notified,))
    desk.conn.commit()
    check_online(desk.tools, notified)
    clock.move_on(APART + 1)
    check_online(desk.tools, notified)
    assert results(desk, notified) == ["removed"] * 3
    assert desk.place(notified).state == "notified", "two of them lie before the first one"
    ids = read_all(desk, "SELECT id FROM online_checks ORDER BY id")
    stamps = read_all(desk, "SELECT checked_at FROM online_checks ORDER BY id")
    assert len(set(ids)) == 3
    assert stamps[0] > stamps[1] < stamps[2]
    clock.move_on(2 * 3600)
    check_times(desk, notified, clock, 2, APART + 1)
    assert desk.place(notified).state == "closed"


def test_two_workers_at_once_count_one_check(desk, site, notified, monkeypatch):
    site.pages.clear()
    real, is_first = desk.tools.fetcher.fetch, [True]

    def fetch(*args):
        if is_first:
            is_first.clear()
            check_online(desk.tools, notified)  # the other one, faster
        return real(*args)

    monkeypatch.setattr(desk.tools.fetcher, "fetch", fetch)
    check_online(desk.tools, notified)
    assert results(desk, notified) == ["removed"]


# Online


def test_the_same_bytes_are_online_and_the_next_check_is_due_later(desk, notified, clock):
    check_online(desk.tools, notified)
    place = desk.place(notified)
    assert (place.state, results(desk, notified)) == ("notified", ["online"])
    assert (place.next_try_at - clock()).total_seconds() == pytest.approx(EVERY, abs=30)
    assert (
        desk.count("SELECT count(*) FROM online_checks WHERE asn = %s AND address = %s", HERE.asn, ADDRESS)
        == 1
    )
    clock.move_on(EVERY + 1)
    check_online(desk.tools, notified)
    assert events_of(desk, notified).count("checked") == 1, "the row is the record while nothing changes"


def test_the_same_picture_in_other_bytes_is_online(desk, site, notified):
    site.lay_answer("/first.jpg", FIRST + b"\0" * 7, "image/jpeg")
    check_online(desk.tools, notified)
    assert results(desk, notified) == ["online"]


def test_who_was_told_is_reminded_once_while_it_stays_online(desk, notified, clock):
    desk.conn.execute(
        "INSERT INTO recipients (id, name, kind, language, channel, contact, public_key, country, entered_at)"
        " VALUES (gen_random_uuid(), 'Partner', 'hotline', 'en', 'outbox', 'partner', 'age1x', 'ZZ', now())"
    )
    desk.conn.execute(
        "UPDATE sendings SET state = 'sent', started_at = now(), sent_at = now(), left_as = 'file', reason = NULL,"
        " recipient_id = (SELECT id FROM recipients) WHERE kind <> 'police'"
    )
    desk.conn.commit()
    check_online(desk.tools, notified)
    assert [row[1] for row in sendings_of(desk, notified)] == ["first"]
    clock.move_on(86401)
    check_times(desk, notified, clock, 2, EVERY + 1)
    assert [row[1] for row in sendings_of(desk, notified)] == ["first", "reminder"]
    assert results(desk, notified) == ["online"] * 3


def test_what_answers_from_another_operator_has_moved_and_is_located_anew(desk, notified):
    other = type(HERE)(HERE.prefix, 64499, "Another Example", "", "ZZ")
    lay_networks(desk, other)
    check_online(desk.tools, notified)
    assert results(desk, notified) == ["moved"]
    assert desk.place(notified).state == "actionable"
    assert events_of(desk, notified)[-1] == "found_moved"
    locating.locate_host(desk.tools, notified)
    assert desk.place(notified).state == "notified"
    assert sendings_of(desk, notified)[-1][3] == 64499


def test_what_answers_from_no_known_network_has_moved_too(desk, notified):
    lay_networks(desk, RRJETI)
    check_online(desk.tools, notified)
    assert (results(desk, notified), desk.place(notified).state) == (["moved"], "actionable")


def test_an_item_that_is_held_is_not_located_because_it_moved(desk):
    (item_id,) = desk.report(url("/first.jpg"))
    capture(desk, item_id)
    act_on(desk, item_id, "held_for_police")
    lay_networks(desk, RRJETI)
    check_online(desk.tools, item_id)
    assert (results(desk, item_id), desk.place(item_id).state) == (["online"], "held_for_police")


# Pages


def lay_page(site, *pictures):
    site.lay_answer("/page", "".join(f'<img src="{one}">' for one in pictures).encode(), "text/html")


@pytest.fixture
def page(desk, site):
    """A page of two pictures that was notified, and its pictures."""
    site.lay_answer("/second.jpg", make_jpeg(8), "image/jpeg")
    lay_page(site, "/first.jpg", "/second.jpg")
    (item_id,) = desk.report(url("/page"))
    capture(desk, item_id)
    children = [row[0] for row in read_all(desk, "SELECT child_id FROM item_children ORDER BY place")]
    for child_id in children:
        act_on(desk, child_id)
    notify(desk, item_id)
    return item_id, children


def test_a_page_is_online_while_it_shows_one_of_its_pictures(desk, site, page, clock):
    for pictures in (("/first.jpg", "/second.jpg"), ("/second.jpg",), (), ("/new.jpg",)):
        lay_page(site, *pictures)
        check_times(desk, page[0], clock, 1, EVERY + 1)
    assert results(desk, page[0]) == ["online", "online", "removed", "unknown"]


def test_a_picture_that_was_judged_harmless_keeps_no_page_online(desk, site, page):
    lay_page(site, "/second.jpg")
    desk.conn.execute(
        "UPDATE items SET state = 'closed', closed_as = 'not_actionable', next_try_at = NULL WHERE id = %s",
        (page[1][1],),
    )
    desk.conn.commit()
    check_online(desk.tools, page[0])
    assert results(desk, page[0]) == ["removed"]


def test_a_page_without_pictures_is_compared_as_a_whole(desk, site, clock):
    site.lay_answer("/words", b"<p>words</p>", "text/html")
    (item_id,) = desk.report(url("/words"))
    capture(desk, item_id)
    notify(desk, item_id)
    check_online(desk.tools, item_id)
    clock.move_on(EVERY + 1)
    site.lay_answer("/words", b"<p>other words</p>", "text/html")
    check_online(desk.tools, item_id)
    assert results(desk, item_id) == ["online", "unknown"]
