"""What leaves: nothing without approval, the police first, each message once, and never blindly twice."""

import email
import threading
from datetime import timedelta
from functools import partial

import pyrage
import pytest

from tests.builders import Clock, count_rows
from tests.mail_relays import DROP, SILENT, run_relay
from tests.sending_desk import (
    POLICE,
    POLICY,
    PROVIDER,
    SendingDesk,
    make_partner,
    open_sending_desk,
)
from triage.errors import NotAllowedError, StaleStateError
from triage.rules.states import SendingState
from triage.steps.change_recipients import disable_recipient, disapprove_recipient
from triage.steps.record_answer import say_found, send_again, withdraw_sending
from triage.steps.take_sending import Taken, take_sending
from triage.store import custody
from workers import send as job

URL = "http://photos.example/a.jpg"
S = SendingState


@pytest.fixture
def clock(monkeypatch):
    patched = Clock()
    monkeypatch.setattr(job, "utcnow", patched)
    return patched


@pytest.fixture
def desk(database, tmp_path, clock):
    with open_sending_desk(database, tmp_path / "state", clock) as opened:
        yield opened


@pytest.fixture
def relay():
    with run_relay() as running:
        yield running


@pytest.fixture
def mailing(database, tmp_path, clock, relay):
    """A desk whose mails go to a relay."""
    with open_sending_desk(database, tmp_path / "state", clock, relay_url=relay.url) as opened:
        yield opened


def lay_sent(desk: SendingDesk, url=URL):
    """Return an item whose police referral and notice were sent."""
    item = desk.lay_notified(url)
    desk.go(61)
    desk.go(1)
    assert (desk.state(item, "police"), desk.state(item)) == (S.SENT, S.SENT)
    return item


# Whom, and when


def test_without_an_approved_police_recipient_nothing_leaves_however_long(desk):
    desk.enter(PROVIDER)
    police = desk.enter(POLICE, approved=False)
    item = desk.lay_notified(URL)
    for _ in range(3):
        desk.go(6 * 3600)
    assert desk.files() == []
    assert desk.state(item, "police") is S.WAITING_APPROVAL
    notice = desk.find(item)
    assert (notice.state, notice.reason) == (S.QUEUED, "no approved police recipient is entered")
    assert desk.approve(police) == 1
    desk.go(61)
    assert desk.state(item, "police") is S.SENT
    desk.go(61)
    assert desk.state(item) is S.SENT


def test_a_message_is_held_for_its_undo_window_and_the_police_come_first(desk):
    desk.enter(POLICE)
    desk.enter(PROVIDER)
    item = desk.lay_notified(URL)
    assert desk.go(59) == []
    tried = desk.go(2)
    police, notice = desk.find(item, "police"), desk.find(item)
    assert tried == [police.id, notice.id]
    assert (police.state, notice.state) == (S.SENT, S.SENT)
    assert police.sent_at < notice.sent_at
    events = desk.events(item)
    assert events.index("police_referral_sent") < events.index("notice_sent")


def test_a_notice_waits_four_hours_for_police_who_could_be_told_and_no_longer(mailing, relay):
    desk = mailing
    desk.enter(POLICE)
    desk.enter(PROVIDER)
    item = desk.lay_notified(URL)
    relay.answers["rcpt"] = 450
    desk.go(61)
    notice = desk.find(item)
    assert (notice.state, notice.reason) == (S.QUEUED, "the police come first")
    desk.conn.execute(
        "UPDATE sendings SET next_try_at = next_try_at + interval '1 day' WHERE kind = 'police'"
    )
    desk.conn.commit()
    relay.answers["rcpt"] = 250
    desk.go(4 * 3600 - 122)
    assert (desk.state(item), relay.mails) == (S.QUEUED, [])
    desk.go(62)
    assert (desk.state(item), len(relay.mails)) == (S.SENT, 1)
    assert relay.recipients[-1] == "abuse@provider.example"


def test_a_police_referral_that_was_refused_holds_its_notices_until_a_person_resends_it(mailing, relay):
    desk = mailing
    desk.enter(POLICE)
    desk.enter(PROVIDER)
    item = desk.lay_notified(URL)
    relay.answers["rcpt"] = 550
    desk.go(61)
    police = desk.find(item, "police")
    assert (police.state, police.reason) == (S.REJECTED, "the mail relay refused it: 550")
    relay.answers["rcpt"] = 250
    desk.go(5 * 3600)
    assert (desk.state(item), relay.mails) == (S.QUEUED, [])
    with pytest.raises(NotAllowedError, match="sent again"):
        withdraw_sending(desk.staff, police.id, person=desk.lead, reason="no", now=desk.clock())
    send_again(desk.staff, police.id, person=desk.lead, now=desk.clock())
    desk.staff.commit()
    desk.go(1)
    desk.go(1)
    assert (desk.state(item, "police"), desk.state(item)) == (S.SENT, S.SENT)


def test_a_held_item_is_never_named_to_a_host(desk):
    desk.enter(POLICE)
    desk.enter(PROVIDER)
    item = desk.lay_notified(URL)
    desk.conn.execute("UPDATE items SET state = 'held_for_police' WHERE id = %s", (item,))
    desk.conn.commit()
    for _ in range(3):
        desk.go(5 * 3600)
    assert (desk.state(item, "police"), desk.state(item)) == (S.SENT, S.QUEUED)
    desk.conn.execute("UPDATE items SET state = 'notified' WHERE id = %s", (item,))
    desk.conn.commit()


def test_a_recipient_disapproved_or_changed_while_queued_gets_nothing(desk):
    desk.enter(POLICE)
    provider = desk.enter(PROVIDER)
    item = desk.lay_notified(URL)
    assert disapprove_recipient(desk.staff, provider, person=desk.lead, now=desk.clock()) == 1
    desk.staff.commit()
    desk.go(61)
    assert (desk.state(item, "police"), desk.state(item)) == (S.SENT, S.WAITING_APPROVAL)
    desk.approve(provider)
    desk.staff.execute("UPDATE recipients SET contact = 'other@provider.example' WHERE id = %s", (provider,))
    desk.staff.commit()
    desk.go(61)
    notice = desk.find(item)
    assert (notice.state, notice.reason) == (S.WAITING_APPROVAL, "the recipient is not approved")
    assert len(desk.files()) == 1
    desk.approve(provider)
    desk.go(61)
    assert desk.state(item) is S.SENT
    assert b"other@provider.example" in desk.files()[0].read_bytes() + desk.files()[1].read_bytes()


def test_a_recipient_changed_between_taking_and_writing_gets_nothing(desk, monkeypatch):
    desk.enter(POLICE)
    provider = desk.enter(PROVIDER)
    item = desk.lay_notified(URL)
    desk.go(61)
    assert desk.state(item) is S.SENT
    second = desk.lay_notified(f"{URL}?2")
    read = job.read_message_facts

    def change_first(conn, **more):
        if desk.find(second).id == more["sending_id"]:
            desk.conn.execute("UPDATE recipients SET contact = 'x@other.example' WHERE id = %s", (provider,))
            desk.conn.commit()
        return read(conn, **more)

    monkeypatch.setattr(job, "read_message_facts", change_first)
    desk.go(61)
    assert (desk.state(second, "police"), desk.state(second)) == (S.SENT, S.WAITING_APPROVAL)
    desk.go(61)
    assert (desk.state(second), len(desk.files())) == (S.WAITING_APPROVAL, 3)


def test_a_disabled_recipient_hands_what_waits_to_another_that_fits(desk):
    desk.enter(POLICE)
    first = desk.enter(PROVIDER)
    item = desk.lay_notified(URL)
    second = desk.enter(make_provider("Second provider"))
    disable_recipient(desk.staff, first, person=desk.lead, now=desk.clock(), policy=POLICY)
    desk.staff.commit()
    notice = desk.find(item)
    assert (notice.state, notice.recipient_id) == (S.QUEUED, second)


def make_provider(name):
    return type(PROVIDER)(
        name, PROVIDER.kind, "en", PROVIDER.channel, "second@provider.example", asns=PROVIDER.asns
    )


def test_a_partner_gets_a_sealed_package_and_a_host_at_home_without_a_provider_waits(desk):
    desk.enter(POLICE)
    identity = pyrage.x25519.Identity.generate()
    partner = make_partner()
    desk.enter(type(partner)(**{**_fields(partner), "public_key": str(identity.to_public())}))
    abroad = desk.lay_notified(URL, asn=64999, country="NL")
    home = desk.lay_notified("http://home.example/b.jpg", asn=64998)
    nowhere = desk.lay_notified("http://nowhere.example/b.jpg", asn=64997, country="XK")
    desk.go(61)
    desk.go(1)
    sent = desk.find(abroad, "hotline")
    assert (sent.state, sent.left_as) == (S.SENT, "file")
    path = desk.tools.outbox.root / sent.file_name
    assert path.parent == desk.tools.outbox.root / "packages" / "partner"
    assert b"tagmanifest-sha512.txt" in pyrage.decrypt(path.read_bytes(), [identity])
    assert desk.find(home).reason == "no provider is entered for AS64998"
    assert desk.find(nowhere, "hotline").reason == "no partner hotline is entered for XK"
    desk.enter(type(PROVIDER)(**{**_fields(PROVIDER), "asns": (64998,)}))
    desk.go(61)
    assert desk.state(home) is S.SENT


def _fields(new):
    return {name: getattr(new, name) for name in new.__dataclass_fields__}


# Once


def test_two_processes_that_race_for_one_message_send_it_once(mailing, relay):
    desk = mailing
    desk.enter(POLICE)
    item = desk.lay_item(URL)
    desk.clock.move_on(61)
    sending = desk.find(item, "police")
    start = threading.Barrier(4)

    def run():
        start.wait(10)
        job.send(desk.tools, sending.id)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert (desk.state(item, "police"), len(relay.mails)) == (S.SENT, 1)
    job.send(desk.tools, sending.id)
    assert len(relay.mails) == 1


def test_a_temporary_refusal_is_tried_again_until_its_waits_are_used_up(mailing, relay):
    desk = mailing
    desk.enter(POLICE)
    item = desk.lay_item(URL)
    relay.answers["rcpt"] = 450
    desk.go(61)
    assert (desk.state(item, "police"), desk.find(item, "police").tries) == (S.QUEUED, 1)
    assert desk.go(59) == []
    relay.answers["rcpt"] = DROP
    desk.go(2)
    relay.answers["rcpt"] = 250
    assert desk.go(290) == []
    desk.go(12)
    assert (desk.state(item, "police"), len(relay.mails)) == (S.SENT, 1)

    other = desk.lay_item(f"{URL}?other")
    relay.answers["rcpt"] = 450
    for wait in (61, 61, 301):
        desk.go(wait)
    found = desk.find(other, "police")
    assert (found.state, found.reason) == (S.REJECTED, "refused for now, 3 times")
    assert desk.go(86400) == []


@pytest.mark.parametrize("answer", [DROP, SILENT])
def test_silence_after_the_message_was_handed_over_is_never_sent_again_by_itself(mailing, relay, answer):
    desk = mailing
    desk.enter(POLICE)
    item = desk.lay_item(URL)
    relay.answers["end"] = answer
    desk.go(61)
    assert (desk.state(item, "police"), len(relay.mails)) == (S.UNCLEAR, 1)
    relay.answers["end"] = 250
    for _ in range(3):
        assert desk.go(86400) == []
    assert len(relay.mails) == 1
    unclear = desk.find(item, "police")
    say_found(desk.staff, unclear.id, False, person=desk.clerk, now=desk.clock(), policy=POLICY)
    desk.staff.commit()
    with pytest.raises(StaleStateError):
        say_found(desk.staff, unclear.id, True, person=desk.clerk, now=desk.clock(), policy=POLICY)
    desk.staff.rollback()
    desk.go(1)
    assert (desk.state(item, "police"), len(relay.mails)) == (S.SENT, 2)
    assert len({email.message_from_bytes(mail)["Message-ID"] for mail in relay.mails}) == 1


def test_a_message_that_a_person_found_sent_wakes_the_notices_behind_it(mailing, relay):
    desk = mailing
    desk.enter(POLICE)
    desk.enter(PROVIDER)
    item = desk.lay_notified(URL)
    relay.answers["end"] = DROP
    desk.go(61)
    relay.answers["end"] = 250
    police = desk.find(item, "police")
    say_found(desk.staff, police.id, True, person=desk.clerk, now=desk.clock(), policy=POLICY)
    desk.staff.commit()
    assert desk.find(item, "police").sent_at == police.started_at
    desk.go(0.1)
    assert (desk.state(item, "police"), desk.state(item), len(relay.mails)) == (S.SENT, S.SENT, 2)


def take(desk, sending_id, *, has_relay=True):
    return desk.tools.database.run(
        partial(
            take_sending,
            sending_id=sending_id,
            now=desk.clock(),
            policy=POLICY,
            lease_s=120.0,
            has_relay=has_relay,
        )
    )


def test_what_stopped_before_it_was_handed_over_is_queued_again(mailing, relay):
    desk = mailing
    desk.enter(POLICE)
    item = desk.lay_item(URL)
    desk.clock.move_on(61)
    taken = take(desk, desk.find(item, "police").id)
    assert isinstance(taken, Taken)
    assert take(desk, taken.sending_id) is None  # somebody is at it
    assert desk.go(119) == []
    desk.go(2)
    assert desk.state(item, "police") is S.QUEUED
    with pytest.raises(StaleStateError):  # whoever comes back late may not send any more
        desk.tools.database.run(
            partial(
                job.note_handing_over,
                sending_id=taken.sending_id,
                started_at=taken.started_at,
                sha256=bytes(32),
            )
        )
    desk.go(1)
    assert (desk.state(item, "police"), len(relay.mails)) == (S.SENT, 1)


def test_a_clock_that_steps_neither_doubles_nor_strands_a_message(mailing, relay):
    desk = mailing
    desk.enter(POLICE)
    item = desk.lay_item(URL)
    desk.clock.move_on(61)
    take(desk, desk.find(item, "police").id)
    desk.clock.move_on(-86400)  # set back a day while somebody was at it
    desk.send_due()
    assert desk.state(item, "police") is S.QUEUED
    desk.go(86400)
    desk.clock.move_on(-3600)
    assert desk.send_due() == []
    assert (desk.state(item, "police"), len(relay.mails)) == (S.SENT, 1)
    desk.clock.move_on(2 * 86400)
    assert desk.send_due() == []


def test_a_file_that_is_there_counts_as_sent_and_is_left_alone(desk, clock):
    desk.enter(POLICE)
    item = desk.lay_item(URL)
    clock.move_on(61)
    taken = take(desk, desk.find(item, "police").id, has_relay=False)
    desk.tools.outbox.put(taken.file_name, b"as it was when the process died")
    desk.go(121)
    assert desk.state(item, "police") is S.SENT
    assert [path.read_bytes() for path in desk.files()] == [b"as it was when the process died"]

    other = desk.lay_item("http://other.example/b.jpg")
    clock.move_on(61)
    take(desk, desk.find(other, "police").id, has_relay=False)
    desk.go(121)
    assert (desk.state(other, "police"), len(desk.files())) == (S.QUEUED, 1)
    desk.go(61)
    assert (desk.state(other, "police"), len(desk.files())) == (S.SENT, 2)


def test_a_message_that_cannot_be_written_ends_before_a_person(desk, monkeypatch):
    desk.enter(POLICE)
    item = desk.lay_item(URL)

    def fail(_facts):
        raise KeyError("secret words")

    monkeypatch.setattr(job, "compose_message", fail)
    desk.go(61)
    found = desk.find(item, "police")
    assert (found.state, found.reason) == (S.REJECTED, "it could not be written: KeyError")
    assert desk.files() == []


def test_a_full_disk_is_tried_again(desk, monkeypatch):
    desk.enter(POLICE)
    item = desk.lay_item(URL)
    desk.tools.outbox.root.joinpath("mail").rmdir()
    desk.tools.outbox.root.joinpath("mail").write_bytes(b"")
    desk.go(61)
    assert desk.state(item, "police") is S.QUEUED
    desk.tools.outbox.root.joinpath("mail").unlink()
    desk.go(61)
    assert desk.state(item, "police") is S.SENT


def test_what_left_is_in_custody_and_its_chain_holds(desk):
    desk.enter(POLICE)
    desk.enter(PROVIDER)
    item = lay_sent(desk)
    assert custody.verify(desk.conn).broken == ()
    events = custody.read_stream(desk.conn, f"item/{item}")
    sent = [event for event in events if event.event.endswith("_sent")]
    assert {event.actor for event in sent} == {"outbound"}
    assert all("photos.example" not in event.record for event in events)
    assert sent[-1].at - sent[0].at < timedelta(minutes=2)
    desk.conn.rollback()
    assert count_rows(desk.conn, "SELECT count(*) FROM sendings WHERE sha256 IS NULL") == 0
