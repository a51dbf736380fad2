"""Issuing, answering and taking back: grouped, once, to whom a lead approved, and never forgotten."""

import pytest

from tests.builders import Clock, make_person
from tests.mail_relays import DROP, run_relay
from tests.sending_desk import ASN, POLICE, POLICY, PROVIDER, SendingDesk, make_partner, open_sending_desk
from triage.errors import NotAllowedError, StaleStateError, UnknownThingError
from triage.ids import new_id
from triage.model import ChannelOut, PersonRole, RecipientKind
from triage.rules.states import Basis, SendingState
from triage.steps.change_recipients import approve_recipient, disable_recipient, enter_recipient
from triage.steps.close_sendings import resolve_for_item, withdraw_for_items
from triage.steps.issue_sendings import release_for_image, remind_for_item
from triage.steps.record_answer import record_answer, say_found, send_again, withdraw_sending
from triage.store import custody, items
from triage.store.people import find_person
from triage.store.recipients import NewRecipient, read_recipient
from workers import send as job

URL = "http://photos.example/a.jpg"
S = SendingState


@pytest.fixture
def clock(monkeypatch):
    patched = Clock()
    monkeypatch.setattr(job, "utcnow", patched)
    return patched


@pytest.fixture
def bare(database, tmp_path, clock):
    """A desk without recipients."""
    with open_sending_desk(database, tmp_path / "state", clock) as opened:
        yield opened


@pytest.fixture
def desk(bare):
    bare.enter(POLICE)
    bare.enter(PROVIDER)
    return bare


@pytest.fixture
def relay():
    with run_relay() as running:
        yield running


@pytest.fixture
def mailing(database, tmp_path, clock, relay):
    with open_sending_desk(database, tmp_path / "state", clock, relay_url=relay.url) as opened:
        opened.enter(POLICE)
        opened.enter(PROVIDER)
        yield opened


def send_all(desk):
    desk.go(61)
    desk.go(61)


def lay_sent(desk, url=URL):
    item = desk.lay_notified(url)
    send_all(desk)
    assert (desk.state(item, "police"), desk.state(item)) == (S.SENT, S.SENT)
    return item


def set_state(desk, item, state, closed_as=None):
    """Move an item as another step would."""
    lane, why = ("'look'", "'new picture'") if state == "awaiting_assessment" else ("NULL", "NULL")
    due = "NULL" if state in ("closed", "awaiting_assessment") else "now()"
    columns = f"next_try_at = {due}, base_lane = {lane}, reason = {why}"
    query = f"UPDATE items SET state = %s, closed_as = %s, {columns} WHERE id = %s"
    desk.conn.execute(query.encode(), (state, closed_as, item))
    desk.conn.commit()


def take_back(desk, *item_ids):
    for item in item_ids:
        set_state(desk, item, "awaiting_assessment")
    return desk.run(withdraw_for_items, *item_ids, as_list=True, reason="undone", policy=POLICY)


def close(desk, item):
    set_state(desk, item, "closed", "removed")
    return desk.run(lambda conn, closed, now: resolve_for_item(conn, closed), item, as_worker=True)


# Grouping


def test_items_of_one_host_join_one_message_and_others_do_not(desk: SendingDesk):
    first = desk.lay_notified(URL)
    desk.clock.move_on(30)
    second = desk.lay_notified("http://photos.example/b.jpg")
    elsewhere = desk.lay_notified("http://other.example/b.jpg")
    known = desk.lay_item("http://photos.example/c.jpg", basis=Basis.EXACT_HASH)
    desk.issue(known)
    assert desk.items_of(desk.find(first)) == {first, second}
    assert desk.items_of(desk.find(first, "police")) == {first, second}
    assert desk.items_of(desk.find(elsewhere)) == {elsewhere}
    assert (desk.items_of(desk.find(known)), desk.find(known).basis) == ({known}, Basis.EXACT_HASH)
    assert desk.go(31) == []  # joining held the message for one more window
    desk.go(30)
    assert desk.state(first) is S.SENT
    third = desk.lay_notified("http://photos.example/d.jpg")
    assert desk.items_of(desk.find(third)) == {third}  # what has left takes no more


def test_a_message_that_items_keep_joining_still_leaves(desk: SendingDesk):
    first = desk.lay_notified(URL)
    for number in range(14):
        desk.clock.move_on(50)
        desk.lay_notified(f"http://photos.example/{number}.jpg")
    assert len(desk.items_of(desk.find(first))) == 12  # within ten windows
    desk.send_due()
    assert desk.state(first, "police") is S.SENT


def test_an_urgent_referral_stands_alone_and_a_standing_one_is_raised(desk: SendingDesk):
    calm = desk.lay_item(URL)
    urgent = desk.lay_item("http://photos.example/b.jpg", is_urgent=True)
    later = desk.lay_item("http://photos.example/c.jpg")
    assert desk.items_of(desk.find(urgent, "police")) == {urgent}
    assert desk.items_of(desk.find(calm, "police")) == {calm, later}
    desk.refer(urgent, is_held=True)
    desk.refer(urgent, is_held=True)
    raised = desk.find(urgent, "police")
    assert (raised.is_urgent, raised.is_held, desk.items_of(raised)) == (True, True, {urgent})
    assert desk.events(urgent).count("police_referral_issued") == 1
    assert desk.go(61)[0] == raised.id


def test_an_item_that_moved_before_its_notice_left_leaves_that_notice(desk: SendingDesk):
    stays, moves = desk.lay_notified(URL), desk.lay_notified("http://photos.example/b.jpg")
    set_state(desk, moves, "actionable")
    desk.issue(moves, asn=64999)
    assert desk.items_of(desk.find(stays)) == {stays}
    waits = desk.find(moves)
    assert (waits.state, waits.reason, waits.asn) == (
        S.WAITING_APPROVAL,
        "no provider is entered for AS64999",
        64999,
    )
    set_state(desk, stays, "actionable")
    desk.issue(stays)  # located at the same place again: it stays in its notice
    assert desk.items_of(desk.find(stays)) == {stays}
    assert desk.events(stays).count("notice_issued") == 1


def test_a_partner_referral_waits_for_the_second_assessor(desk: SendingDesk):
    desk.enter(make_partner())
    item = desk.lay_item(URL)
    desk.conn.execute(
        "UPDATE images SET state = 'judged_once', verdict = NULL, verdict_baseline = NULL, verdict_basis = NULL,"
        " settled_at = NULL"
    )
    person = find_person(desk.conn, "Lead")
    desk.conn.execute("ALTER TABLE assessments DISABLE TRIGGER assessments_are_earned")
    desk.conn.execute(
        "INSERT INTO assessments (id, image_id, round, place, person_id, label, national, baseline, basis, assessed_at)"
        " SELECT %s, id, 1, 'first', %s, 1, 'illegal', true, 'looked', now() FROM images",
        (new_id(), person.id),
    )
    desk.conn.commit()
    desk.issue(item, asn=64999, country="NL")
    found = desk.find(item, "hotline")
    assert (found.state, found.reason, found.basis) == (S.WAITING_APPROVAL, "a second assessor", Basis.LOOKED)

    def release(conn, locked, *, now, policy):
        return release_for_image(conn, [locked.id], now=now, policy=policy)

    assert desk.run(release, item, policy=POLICY) == []
    desk.conn.execute(
        "UPDATE images SET state = 'settled', verdict = 'illegal', verdict_baseline = true,"
        " verdict_basis = 'looked', settled_at = now()"
    )
    desk.conn.commit()
    assert len(desk.run(release, item, policy=POLICY)) == 1
    assert desk.state(item, "hotline") is S.QUEUED


# Recipients


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"contact": "no address"}, "mail address"),
        ({"contact": "a@b.example\r\nBcc: c@d.example"}, "mail address"),
        ({"name": "  "}, "name"),
        ({"asns": ()}, "networks"),
        ({"asns": (0,)}, "AS number"),
        ({"public_key": "age1nonsense"}, "key cannot be read"),
        ({"channel": ChannelOut.OUTBOX, "contact": "../up"}, "folder"),
        ({"channel": ChannelOut.OUTBOX, "contact": "folder"}, "age key"),
        ({"kind": RecipientKind.HOTLINE, "contact": "folder@x.example"}, "age key"),
        ({"language": "de"}, "language"),
        ({"country": "Albania"}, "country"),
    ],
)
def test_a_recipient_that_cannot_be_used_is_refused_in_one_line(bare, changes, words):
    fields = {name: getattr(PROVIDER, name) for name in PROVIDER.__dataclass_fields__}
    with pytest.raises(NotAllowedError, match=words) as caught:
        bare.enter(NewRecipient(**(fields | changes)))
    assert "\n" not in str(caught.value)


def test_nobody_approves_what_they_entered_while_there_is_another_lead(bare: SendingDesk):
    own = enter_recipient(bare.staff, POLICE, person=bare.lead, now=bare.clock())
    bare.staff.commit()
    with pytest.raises(NotAllowedError, match="name"):
        enter_recipient(bare.staff, POLICE, person=bare.lead, now=bare.clock())
    with pytest.raises(NotAllowedError, match="Only a lead"):
        approve_recipient(bare.staff, own, person=bare.clerk, now=bare.clock(), policy=POLICY)
    bare.staff.rollback()
    make_person(bare.conn, "Second lead", PersonRole.LEAD)
    bare.conn.commit()
    with pytest.raises(NotAllowedError, match="another lead"):
        approve_recipient(bare.staff, own, person=bare.lead, now=bare.clock(), policy=POLICY)
    bare.staff.rollback()
    second = find_person(bare.conn, "Second lead")
    bare.conn.rollback()
    approve_recipient(bare.staff, own, person=second, now=bare.clock(), policy=POLICY)
    with pytest.raises(StaleStateError):
        approve_recipient(bare.staff, own, person=second, now=bare.clock(), policy=POLICY)
    bare.staff.commit()
    with pytest.raises(UnknownThingError):
        approve_recipient(bare.staff, new_id(), person=second, now=bare.clock(), policy=POLICY)
    bare.staff.rollback()


def test_the_database_refuses_an_approval_that_a_step_would_let_through(bare: SendingDesk, monkeypatch):
    own = enter_recipient(bare.staff, POLICE, person=bare.lead, now=bare.clock())
    bare.staff.commit()
    make_person(bare.conn, "Second lead", PersonRole.LEAD)
    bare.conn.commit()
    monkeypatch.setattr("triage.store.recipients.has_other_lead", lambda *_: False)
    with pytest.raises(NotAllowedError):
        approve_recipient(bare.staff, own, person=bare.lead, now=bare.clock(), policy=POLICY)
    bare.staff.rollback()


def test_the_only_lead_may_approve_their_own_and_another_key_must_be_approved_again(bare: SendingDesk):
    own = enter_recipient(bare.staff, POLICE, person=bare.lead, now=bare.clock())
    bare.staff.commit()
    bare.approve(own)
    assert read_recipient(bare.staff, own).is_approved
    key = make_partner().public_key
    bare.staff.execute("UPDATE recipients SET public_key = %s WHERE id = %s", (key, own))
    assert not read_recipient(bare.staff, own).is_approved
    bare.staff.commit()
    disable_recipient(bare.staff, own, person=bare.lead, now=bare.clock(), policy=POLICY)
    bare.staff.commit()
    with pytest.raises(StaleStateError):
        bare.approve(own)
    bare.staff.rollback()
    events = [event.event for event in custody.read_stream(bare.conn, f"recipient/{own}")]
    assert events == ["entered", "approved", "disabled"]


# Reminders and answers


def remind(desk, item):
    return desk.run(
        remind_for_item, item, as_worker=True, policy=POLICY, reminder_after_s=(86400.0, 172800.0)
    )


def test_each_reminder_is_issued_once_and_dropped_when_it_is_too_late(desk: SendingDesk):
    item = lay_sent(desk)
    assert remind(desk, item) == []
    desk.clock.move_on(86400)
    assert [event.event for event in remind(desk, item)] == ["notice_reminder_issued"]
    assert remind(desk, item) == []
    desk.go(1)
    first, reminder = desk.find(item), desk.find(item, part="reminder")
    assert (reminder.state, reminder.number, reminder.reference) == (S.SENT, 1, first.reference)
    assert reminder.message_id != first.message_id
    desk.clock.move_on(86400)
    assert len(remind(desk, item)) == 1
    set_state(desk, item, "actionable")
    desk.go(1)
    assert (desk.state(item, part="reminder"), len(desk.files())) == (S.WITHDRAWN, 3)
    set_state(desk, item, "notified")
    desk.clock.move_on(10**6)
    assert remind(desk, item) == []


def test_what_is_disputed_is_not_reminded_of(desk: SendingDesk):
    item = lay_sent(desk)
    desk.clock.move_on(86400)
    remind(desk, item)
    answer(desk, desk.find(item, part="reminder"), "disputed", "they say it is lawful")
    assert (desk.state(item), desk.state(item, part="reminder")) == (S.DISPUTED, S.WITHDRAWN)
    desk.clock.move_on(10**6)
    assert remind(desk, item) == []


def answer(desk, sending, said, note=None):
    record_answer(desk.staff, sending.id, said, person=desk.clerk, note=note, now=desk.clock())
    desk.staff.commit()


def test_an_answer_is_noted_once_and_a_second_one_loses_nothing(desk: SendingDesk):
    item = lay_sent(desk)
    notice = desk.find(item)
    answer(desk, notice, "acknowledged", "thank you")
    for again in ("acknowledged", "acknowledged"):
        with pytest.raises(NotAllowedError, match="already"):
            answer(desk, notice, again)
        desk.staff.rollback()
    found = desk.find(item)
    assert (found.state, found.answer, found.reason) == (S.ACKNOWLEDGED, "acknowledged", "thank you")
    desk.conn.execute("UPDATE items SET next_try_at = now() + interval '1 hour'")
    desk.conn.commit()
    answer(desk, notice, "removed")
    assert desk.find(item).answer == "removed"
    assert items.lock_item(desk.conn, item).next_try_at <= desk.clock()
    desk.conn.rollback()
    with pytest.raises(NotAllowedError, match="removed"):
        answer(desk, notice, "acknowledged")
    desk.staff.rollback()
    with pytest.raises(NotAllowedError, match="what they dispute"):
        answer(desk, notice, "disputed")
    desk.staff.rollback()
    answer(desk, notice, "disputed", "they say it is lawful")
    assert (desk.state(item), desk.find(item).reason) == (S.DISPUTED, "they say it is lawful")
    police = desk.find(item, "police")
    with pytest.raises(NotAllowedError):
        answer(desk, police, "removed")
    desk.staff.rollback()
    answer(desk, police, "acknowledged")
    with pytest.raises(UnknownThingError):
        answer(desk, notice, "perhaps")
    desk.staff.rollback()


def test_not_ours_sends_the_items_back_to_be_located_and_a_new_notice_leaves(desk: SendingDesk):
    item = lay_sent(desk)
    answer(desk, desk.find(item), "not_ours")
    assert desk.state(item) is S.DISPUTED
    assert items.lock_item(desk.conn, item).state == "actionable"
    desk.conn.rollback()
    second = desk.enter(
        NewRecipient("Other", RecipientKind.ISP, "en", ChannelOut.MAIL, "abuse@other.example", asns=(64999,))
    )
    desk.issue(item, asn=64999)
    send_all(desk)
    assert (desk.state(item), desk.find(item).recipient_id) == (S.SENT, second)
    close(desk, item)
    states = [one.state for one in (desk.find(item),)]
    assert states == [S.RESOLVED]
    rows = desk.conn.execute("SELECT state::text FROM sendings WHERE kind = 'notice'").fetchall()
    desk.conn.rollback()
    assert [row[0] for row in rows] == ["resolved", "resolved"]


# Gone, and taken back


def test_a_notice_is_resolved_when_nothing_of_it_is_up_and_withdrawn_when_nothing_is_left_to_ask(desk):
    one, two = desk.lay_notified(URL), desk.lay_notified("http://photos.example/b.jpg")
    early = desk.lay_notified("http://early.example/c.jpg")
    close(desk, early)
    assert (desk.state(early), desk.state(early, "police")) == (S.WITHDRAWN, S.QUEUED)
    send_all(desk)
    close(desk, one)
    assert desk.state(one) is S.SENT
    close(desk, two)
    assert (desk.state(one), desk.state(one, "police")) == (S.RESOLVED, S.SENT)


def test_what_has_not_left_loses_the_item_and_what_left_is_retracted_under_its_reference(desk: SendingDesk):
    gone, stays = desk.lay_notified(URL), desk.lay_notified("http://photos.example/b.jpg")
    take_back(desk, gone)
    assert desk.items_of(desk.find(stays)) == {stays}
    send_all(desk)
    assert len(desk.files()) == 2
    take_back(desk, stays)
    notice, back = desk.find(stays), desk.find(stays, part="retraction")
    assert (notice.state, back.state, back.reference) == (S.WITHDRAWN, S.QUEUED, notice.reference)
    assert desk.find(stays, "police", "retraction").state is S.QUEUED
    send_all(desk)
    assert desk.state(stays, part="retraction") is S.RESOLVED
    assert desk.state(stays, "police", "retraction") is S.RESOLVED
    assert len(desk.files()) == 4
    assert desk.events(stays).count("notice_retraction_sent") == 1


def test_who_removed_it_learns_that_the_verdict_fell_later(desk: SendingDesk):
    item = desk.lay_notified(URL)
    send_all(desk)
    close(desk, item)
    assert desk.state(item) is S.RESOLVED
    take_back(desk, item)
    assert (desk.state(item), desk.state(item, part="retraction")) == (S.RESOLVED, S.QUEUED)
    take_back(desk, item)
    send_all(desk)
    assert desk.events(item).count("notice_retraction_sent") == 1


def test_a_retraction_lists_only_what_is_taken_back_and_the_rest_stands(desk: SendingDesk):
    one, two = desk.lay_notified(URL), desk.lay_notified("http://photos.example/b.jpg")
    send_all(desk)
    take_back(desk, one)
    assert desk.state(two) is S.SENT
    assert desk.items_of(desk.find(one, part="retraction")) == {one}
    send_all(desk)
    take_back(desk, two)  # a second retraction of the same reference
    assert (desk.state(two), desk.find(two, part="retraction").number) == (S.WITHDRAWN, 1)
    send_all(desk)
    assert desk.state(two, part="retraction") is S.RESOLVED
    # Judged illegal again, it is told anew, under another reference.
    set_state(desk, one, "actionable")
    desk.refer(one)
    desk.issue(one)
    assert desk.find(one).reference != desk.find(two).reference
    send_all(desk)
    assert (desk.state(one, "police"), desk.state(one)) == (S.SENT, S.SENT)


@pytest.mark.parametrize("had_left", [True, False])
def test_what_is_recalled_while_it_leaves_is_retracted_only_if_it_left(mailing, relay, had_left):
    desk = mailing
    item = desk.lay_notified(URL)
    relay.answers["end"] = DROP
    desk.go(61)
    relay.answers["end"] = 250
    police = desk.find(item, "police")
    assert police.state is S.UNCLEAR
    take_back(desk, item)
    back = desk.find(item, "police", "retraction")
    assert (back.state, desk.state(item), desk.find(item, "police").is_recalled) == (
        S.WAITING_APPROVAL,
        S.WITHDRAWN,
        True,
    )
    assert desk.go(86400) == []
    with pytest.raises(NotAllowedError, match="first"):
        withdraw_sending(desk.staff, police.id, person=desk.lead, reason="no", now=desk.clock())
    desk.staff.rollback()
    say_found(desk.staff, police.id, had_left, person=desk.lead, now=desk.clock(), policy=POLICY)
    desk.staff.commit()
    desk.go(61)
    assert desk.state(item, "police") is S.WITHDRAWN
    assert desk.state(item, "police", "retraction") is (S.RESOLVED if had_left else S.WITHDRAWN)
    assert len(relay.mails) == (2 if had_left else 1)


def test_what_was_recalled_and_closed_meanwhile_can_still_be_said_to_have_left(mailing, relay):
    desk = mailing
    one = lay_sent(desk)
    two = desk.lay_notified("http://other.example/b.jpg")
    relay.answers["end"] = DROP
    desk.conn.execute(
        "UPDATE sendings SET sent_at = now(), left_as = 'mail', state = 'sent' WHERE kind = 'police'"
    )
    desk.conn.commit()
    desk.go(61)
    relay.answers["end"] = 250
    unclear = desk.find(two)
    assert unclear.state is S.UNCLEAR
    take_back(desk, two)
    set_state(desk, two, "closed", "not_actionable")
    say_found(desk.staff, unclear.id, True, person=desk.lead, now=desk.clock(), policy=POLICY)
    desk.staff.commit()
    assert (desk.state(two), desk.state(one)) == (S.WITHDRAWN, S.SENT)
    desk.go(61)
    assert desk.state(two, part="retraction") is S.RESOLVED


@pytest.mark.parametrize(("code", "left"), [(250, True), (450, False), (550, False)])
def test_what_is_recalled_in_the_very_moment_of_leaving_is_settled_by_the_outbound_process(
    mailing, relay, monkeypatch, code, left
):
    desk = mailing
    item = desk.lay_notified(URL)
    relay.answers["rcpt"] = code
    note = job.note_handing_over

    def recall_then_note(conn, **more):
        if desk.state(item, "police") is S.SENDING and not desk.find(item, "police").is_recalled:
            take_back(desk, item)
        return note(conn, **more)

    monkeypatch.setattr(job, "note_handing_over", recall_then_note)
    desk.go(61)
    assert desk.state(item, "police") is S.WITHDRAWN
    assert desk.state(item, "police", "retraction") is (S.QUEUED if left else S.WITHDRAWN)
    relay.answers["rcpt"] = 250
    desk.go(61)
    assert len(relay.mails) == (2 if left else 0)


def test_a_rejected_message_is_sent_again_or_given_up_by_a_person(mailing, relay):
    desk = mailing
    item = desk.lay_notified(URL)
    desk.go(61)
    relay.answers["rcpt"] = 550
    other = desk.lay_notified("http://other.example/b.jpg")
    settle = "UPDATE sendings SET sent_at = now(), left_as = 'mail', state = 'sent'"
    desk.conn.execute(f"{settle} WHERE kind = 'police' AND state = 'queued'".encode())
    desk.conn.commit()
    desk.go(61)
    rejected = desk.find(other)
    assert (desk.state(item), rejected.state) == (S.SENT, S.REJECTED)
    with pytest.raises(NotAllowedError, match="Say why"):
        withdraw_sending(desk.staff, rejected.id, person=desk.lead, reason=" ", now=desk.clock())
    send_again(desk.staff, rejected.id, person=desk.lead, now=desk.clock())
    desk.staff.commit()
    with pytest.raises(StaleStateError):
        send_again(desk.staff, rejected.id, person=desk.lead, now=desk.clock())
    desk.staff.rollback()
    desk.go(1)
    assert desk.state(other) is S.REJECTED
    withdraw_sending(desk.staff, rejected.id, person=desk.lead, reason="they closed", now=desk.clock())
    desk.staff.commit()
    assert (desk.state(other), desk.find(other).reason) == (S.WITHDRAWN, "they closed")
    assert rejected.asn == ASN
