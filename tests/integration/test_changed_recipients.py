"""Recipients that change and mails that come back: nothing goes where nobody approved, and nothing is lost."""

from dataclasses import replace

import pytest

from tests.builders import Clock, make_person
from tests.mail_relays import run_relay
from tests.sending_desk import ASN, POLICE, POLICY, PROVIDER, SendingDesk, open_sending_desk
from triage.errors import NotAllowedError, StaleStateError, UnknownThingError
from triage.ids import new_id
from triage.model import PersonRole, RecipientKind
from triage.rules.states import SendingState
from triage.steps.change_recipients import (
    approve_recipient,
    change_recipient,
    disable_recipient,
    disapprove_recipient,
    mark_of,
)
from triage.steps.close_sendings import withdraw_for_items
from triage.steps.issue_sendings import remind_for_item
from triage.steps.record_answer import record_answer, say_found, send_again, withdraw_sending
from triage.steps.record_bounce import record_bounce
from triage.store import custody, sending_items
from triage.store.people import find_person
from triage.store.recipients import read_recipient
from workers import send as job

URL = "http://photos.example/a.jpg"
S = SendingState
CORRECTED = replace(PROVIDER, contact="reports@provider.example")


@pytest.fixture
def clock(monkeypatch):
    patched = Clock()
    monkeypatch.setattr(job, "utcnow", patched)
    return patched


@pytest.fixture
def relay():
    with run_relay() as running:
        yield running


@pytest.fixture
def desk(database, tmp_path, clock, relay):
    """A desk that sends by mail, without recipients."""
    with open_sending_desk(database, tmp_path / "state", clock, relay_url=relay.url) as opened:
        yield opened


@pytest.fixture
def entered(desk):
    """The police and the provider, both approved."""
    return desk.enter(POLICE), desk.enter(PROVIDER)


def change(desk: SendingDesk, recipient_id, new, person=None) -> int:
    try:
        count = change_recipient(
            desk.staff, recipient_id, new, person=person or desk.clerk, now=desk.clock(), policy=POLICY
        )
    except BaseException:
        desk.staff.rollback()
        raise
    desk.staff.commit()
    return count


def bounce(desk, sending, note=None):
    try:
        record_bounce(desk.staff, sending.id, person=desk.clerk, note=note, now=desk.clock())
    except BaseException:
        desk.staff.rollback()
        raise
    desk.staff.commit()


def again(desk, sending):
    try:
        send_again(desk.staff, sending.id, person=desk.clerk, now=desk.clock())
    except BaseException:
        desk.staff.rollback()
        raise
    desk.staff.commit()


def lay_sent(desk, url=URL):
    item = desk.lay_notified(url)
    desk.go(61)
    desk.go(61)
    assert (desk.state(item, "police"), desk.state(item)) == (S.SENT, S.SENT)
    return item


def events_of(desk, item):
    desk.conn.rollback()
    return [event.event for event in custody.read_stream(desk.conn, f"item/{item}")]


def move(desk, item, state, closed_as=None):
    lane, why = ("'look'", "'new picture'") if state == "awaiting_assessment" else ("NULL", "NULL")
    query = (
        f"UPDATE items SET state = %s, closed_as = %s, next_try_at = NULL, base_lane = {lane}, reason = {why}"
    )
    desk.conn.execute(f"{query} WHERE id = %s".encode(), (state, closed_as, item))
    desk.conn.commit()


# Changing


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (PROVIDER, "Nothing of it is changed"),
        (replace(PROVIDER, contact="nowhere"), "mail address"),
        (replace(PROVIDER, asns=()), "networks"),
        (replace(PROVIDER, name="Police"), "name is entered"),
    ],
)
def test_a_change_that_cannot_be_used_is_refused_and_keeps_the_approval(desk, entered, new, words):
    with pytest.raises(NotAllowedError, match=words):
        change(desk, entered[1], new)
    assert read_recipient(desk.staff, entered[1]).is_approved


def test_who_may_not_enter_may_not_change_and_a_disabled_one_stays_as_it_is(desk, entered):
    make_person(desk.conn, "Auditor", PersonRole.AUDITOR)
    desk.conn.commit()
    auditor = find_person(desk.conn, "Auditor")
    desk.conn.rollback()
    with pytest.raises(NotAllowedError, match="roles"):
        change(desk, entered[1], CORRECTED, person=auditor)
    with pytest.raises(UnknownThingError):
        change(desk, new_id(), CORRECTED)
    disable_recipient(desk.staff, entered[1], person=desk.lead, now=desk.clock(), policy=POLICY)
    desk.staff.commit()
    with pytest.raises(NotAllowedError, match="under another name"):
        change(desk, entered[1], CORRECTED)


def test_another_name_or_language_needs_no_new_approval_and_leaves_what_is_queued(desk, entered):
    item = desk.lay_notified(URL)
    assert change(desk, entered[1], replace(PROVIDER, name="Provider shpk", language="en")) == 0
    found = read_recipient(desk.staff, entered[1])
    assert (found.name, found.language, found.is_approved) == ("Provider shpk", "en", True)
    assert desk.state(item) is S.QUEUED


def test_another_address_stops_what_is_queued_until_another_lead_approves_it(desk, entered, relay):
    item = desk.lay_notified(URL)
    make_person(desk.conn, "Second lead", PersonRole.LEAD)
    desk.conn.commit()
    second = find_person(desk.conn, "Second lead")
    desk.conn.rollback()
    assert change(desk, entered[1], CORRECTED, person=desk.lead) == 1
    assert desk.state(item) is S.WAITING_APPROVAL
    desk.go(61)
    desk.go(5 * 3600)
    assert relay.recipients == ["police@police.example"]
    with pytest.raises(NotAllowedError, match="another lead"):
        desk.approve(entered[1])
    desk.staff.rollback()
    approve_recipient(desk.staff, entered[1], person=second, now=desk.clock(), policy=POLICY)
    desk.staff.commit()
    desk.go(61)
    assert (desk.state(item), relay.recipients[-1]) == (S.SENT, "reports@provider.example")
    stream = custody.read_stream(desk.conn, f"recipient/{entered[1]}")
    assert [event.event for event in stream] == ["entered", "approved", "changed", "approved"]
    assert '"fields":"contact"' in stream[2].record
    assert "reports@" not in stream[2].record


def test_what_was_changed_after_a_lead_read_it_is_not_approved(desk):
    own = desk.enter(PROVIDER, approved=False)
    seen = mark_of(read_recipient(desk.staff, own))
    change(desk, own, CORRECTED)
    with pytest.raises(StaleStateError):
        approve_recipient(desk.staff, own, person=desk.lead, now=desk.clock(), policy=POLICY, seen=seen)
    desk.staff.rollback()
    seen = mark_of(read_recipient(desk.staff, own))
    approve_recipient(desk.staff, own, person=desk.lead, now=desk.clock(), policy=POLICY, seen=seen)
    desk.staff.commit()


def test_a_provider_that_loses_a_network_loses_the_notices_about_it(desk, entered):
    item, left = desk.lay_notified(URL), desk.enter(replace(PROVIDER, name="Other", asns=(ASN + 1,)))
    assert change(desk, entered[1], replace(PROVIDER, asns=(ASN + 2,))) == 1
    waiting = desk.find(item)
    assert (waiting.state, waiting.recipient_id) == (S.WAITING_APPROVAL, None)
    assert waiting.reason == f"no provider is entered for AS{ASN}"
    desk.approve(entered[1])
    assert desk.find(item).recipient_id is None, "it does not answer for that network"
    change(desk, left, replace(PROVIDER, name="Other", asns=(ASN, ASN + 1)))
    assert desk.find(item).recipient_id == left
    desk.approve(left)
    assert desk.state(item) is S.QUEUED


def test_a_police_recipient_never_becomes_somebody_else_once_a_referral_names_it(desk, entered):
    desk.lay_item(URL)
    kind = replace(POLICE, kind=RecipientKind.ISP, asns=(ASN,))
    with pytest.raises(NotAllowedError, match="kind stays"):
        change(desk, entered[0], kind)
    other = desk.enter(replace(PROVIDER, name="Mistyped"))
    change(desk, other, replace(PROVIDER, name="Mistyped", kind=RecipientKind.AUTHORITY, asns=()))
    assert read_recipient(desk.staff, other).kind is RecipientKind.AUTHORITY


def test_what_was_leaving_as_its_approval_fell_waits_instead_of_coming_back(
    desk, entered, relay, monkeypatch
):
    item = desk.lay_item(URL)
    relay.answers["rcpt"] = 450
    read = job.read_message_facts

    def disapprove_first(conn, **more):
        disapprove_recipient(desk.staff, entered[0], person=desk.lead, now=desk.clock())
        desk.staff.commit()
        return read(conn, **more)

    monkeypatch.setattr(job, "read_message_facts", disapprove_first)
    desk.go(61)
    assert desk.state(item, "police") is S.WAITING_APPROVAL
    assert relay.mails == []


def test_an_unclear_message_that_was_not_sent_waits_while_its_recipient_is_not_approved(desk, entered):
    item = lay_sent(desk)
    desk.conn.execute("UPDATE sendings SET state = 'unclear', sent_at = NULL, left_as = NULL, reason = 'x'")
    desk.conn.commit()
    change(desk, entered[1], CORRECTED)
    notice = desk.find(item)
    say_found(desk.staff, notice.id, False, person=desk.clerk, now=desk.clock(), policy=POLICY)
    desk.staff.commit()
    assert desk.state(item) is S.WAITING_APPROVAL


# Bounces


def test_a_mail_that_came_back_is_sent_again_to_the_corrected_address_once_that_is_approved(
    desk, entered, relay
):
    item = lay_sent(desk)
    bounce(desk, desk.find(item), note="no such mailbox")
    notice = desk.find(item)
    assert (notice.state, notice.reason) == (S.REJECTED, "it came back: no such mailbox")
    assert (notice.sent_at, notice.left_as) == (None, None)
    with pytest.raises(NotAllowedError, match="comes back"):
        bounce(desk, notice)
    change(desk, entered[1], CORRECTED)
    with pytest.raises(NotAllowedError, match="must approve its recipient"):
        again(desk, notice)
    assert desk.state(item) is S.REJECTED
    desk.approve(entered[1])
    assert desk.state(item) is S.REJECTED, "an approval alone sends nothing that a person has to decide"
    again(desk, notice)
    desk.go(1)
    assert (desk.state(item), relay.recipients[-1]) == (S.SENT, "reports@provider.example")
    kept = [event for event in events_of(desk, item) if event.startswith("notice_")]
    assert kept == ["notice_issued", "notice_sent", "notice_bounced", "notice_queued", "notice_sent"]


def test_a_police_referral_that_came_back_holds_its_notices_again(desk, entered, relay):
    item = desk.lay_item(URL)
    desk.go(61)
    desk.issue(item)
    police = desk.find(item, "police")
    assert (police.state, desk.state(item)) == (S.SENT, S.QUEUED)
    bounce(desk, police)
    desk.go(5 * 3600)
    assert (desk.state(item), desk.find(item).reason) == (S.QUEUED, "the police come first")
    with pytest.raises(NotAllowedError, match="sent again"):
        withdraw_sending(desk.staff, police.id, person=desk.lead, reason="no", now=desk.clock())
    desk.staff.rollback()
    again(desk, police)
    desk.go(1)
    desk.go(1)
    assert (desk.state(item, "police"), desk.state(item)) == (S.SENT, S.SENT)
    assert len(relay.mails) == 3


def test_a_file_an_answered_mail_and_a_retraction_do_not_come_back(desk, entered):
    item = lay_sent(desk)
    notice = desk.find(item)
    desk.conn.execute("UPDATE sendings SET left_as = 'file' WHERE id = %s", (notice.id,))
    desk.conn.commit()
    with pytest.raises(NotAllowedError, match="comes back"):
        bounce(desk, notice)
    desk.conn.execute("UPDATE sendings SET left_as = 'mail' WHERE id = %s", (notice.id,))
    desk.conn.commit()
    record_answer(desk.staff, notice.id, "acknowledged", person=desk.clerk, note=None, now=desk.clock())
    desk.staff.commit()
    with pytest.raises(NotAllowedError, match="not answered"):
        bounce(desk, notice)
    move(desk, item, "awaiting_assessment")
    desk.run(withdraw_for_items, item, as_list=True, reason="undone", policy=POLICY)
    desk.go(61)
    with pytest.raises(NotAllowedError):
        bounce(desk, desk.find(item, part="retraction"))
    with pytest.raises(UnknownThingError):
        record_bounce(desk.staff, new_id(), person=desk.clerk, note=None, now=desk.clock())
    desk.staff.rollback()


def test_a_mail_that_came_back_is_not_sent_again_about_what_was_taken_back_or_is_gone(desk, entered, relay):
    items = [desk.lay_notified(f"{URL}?{number}") for number in range(3)]
    desk.go(61)
    desk.go(61)
    notice = desk.find(items[0])
    move(desk, items[0], "awaiting_assessment")
    desk.run(withdraw_for_items, items[0], as_list=True, reason="undone", policy=POLICY)
    move(desk, items[1], "closed", "removed")
    bounce(desk, notice)
    assert [one.item_id for one in sending_items.read_items(desk.conn, notice.id)] == [items[2]]
    back = desk.find(items[0], part="retraction")
    assert (back.state, back.reason) == (S.WITHDRAWN, "it came back")
    again(desk, notice)
    desk.go(61)
    assert desk.state(items[2]) is S.SENT
    assert b"?0" not in relay.mails[-1]
    assert desk.state(items[0], "police", "retraction") is S.RESOLVED


def test_a_mail_that_came_back_with_nothing_left_to_ask_is_withdrawn(desk, entered):
    item = lay_sent(desk)
    move(desk, item, "closed", "removed")
    bounce(desk, desk.find(item))
    assert desk.state(item) is S.WITHDRAWN
    assert events_of(desk, item)[-2:] == ["notice_bounced", "notice_withdrawn"]


def test_reminders_of_what_came_back_wait_for_it_to_be_sent_again(desk, entered):
    item = lay_sent(desk)
    waits = {"policy": POLICY, "reminder_after_s": (86400.0, 172800.0)}

    def remind():
        return desk.run(remind_for_item, item, as_worker=True, **waits)

    desk.clock.move_on(86400)
    assert remind()
    first = desk.find(item)
    bounce(desk, first)
    assert desk.state(item, part="reminder") is S.WITHDRAWN
    assert remind() == []
    again(desk, first)
    desk.go(1)
    assert desk.state(item) is S.SENT
    assert remind() == []
    desk.clock.move_on(172800)
    assert remind(), "the next one comes in its own time, counted from the mail that arrived"
    desk.go(1)
    reminder = desk.find(item, part="reminder")
    assert (reminder.number, reminder.state) == (2, S.SENT)
    with pytest.raises(NotAllowedError, match="reminder of it left"):
        bounce(desk, first)
    bounce(desk, reminder)
    assert (desk.state(item), desk.state(item, part="reminder")) == (S.SENT, S.REJECTED)
    bounce(desk, first)
    assert desk.state(item, part="reminder") is S.WITHDRAWN


def test_a_rejected_reminder_never_goes_before_its_first_message(desk, entered):
    item = lay_sent(desk)
    desk.clock.move_on(86400)
    desk.run(remind_for_item, item, as_worker=True, policy=POLICY, reminder_after_s=(86400.0,))
    desk.conn.execute("UPDATE sendings SET state = 'rejected', reason = 'x' WHERE part = 'reminder'")
    desk.conn.execute(
        "UPDATE sendings SET state = 'rejected', reason = 'x', sent_at = NULL, left_as = NULL"
        " WHERE part = 'first' AND kind = 'notice'"
    )
    desk.conn.commit()
    with pytest.raises(NotAllowedError, match="first message has not left"):
        again(desk, desk.find(item, part="reminder"))


def test_what_came_back_from_a_disabled_recipient_goes_to_another_that_fits(desk, entered, relay):
    item = lay_sent(desk)
    notice = desk.find(item)
    bounce(desk, notice)
    disable_recipient(desk.staff, entered[1], person=desk.lead, now=desk.clock(), policy=POLICY)
    desk.staff.commit()
    with pytest.raises(NotAllowedError, match="must approve"):
        again(desk, notice)
    other = desk.enter(replace(CORRECTED, name="Provider, new"))
    again(desk, notice)
    desk.go(1)
    assert (desk.find(item).recipient_id, relay.recipients[-1]) == (other, "reports@provider.example")
