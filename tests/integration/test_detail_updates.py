"""A detail that changes after its referral left: told anew once, to whom it went, under the same reference."""

from dataclasses import replace

import pytest

from tests.builders import Clock
from tests.sending_desk import POLICE, POLICY, PROVIDER, make_partner, open_sending_desk
from triage.packages.package import open_package
from triage.rules.classification import Sex
from triage.rules.sending import FIRST_IS_OVER, NOT_APPROVED, NOTHING_TO_ASK, OUTCOME_OPEN, TOLD_BY_FIRST
from triage.rules.states import SendingState as S
from triage.steps.change_recipients import disapprove_recipient
from triage.steps.close_sendings import withdraw_for_items
from triage.steps.record_answer import record_answer
from triage.vault import new_identity
from workers import send as job

IDENTITY, KEY = new_identity()


@pytest.fixture
def desk(database, tmp_path, monkeypatch):
    clock = Clock()
    monkeypatch.setattr(job, "utcnow", clock)
    with open_sending_desk(database, tmp_path / "state", clock) as opened:
        opened.enter(POLICE)
        opened.enter(PROVIDER)
        yield opened


@pytest.fixture
def partner(desk):
    return desk.enter(replace(make_partner(), public_key=KEY))


def lay(desk, host, **more):
    """Return an item that shows what the lead looked at and judged."""
    item, now = desk.lay_item(f"http://{host}.example/a.jpg", **more), desk.clock()
    values = {"image": find_image(desk, item), "item": item, "lead": desk.lead.id, "now": now}
    desk.conn.execute(
        "INSERT INTO looks (id, image_id, person_id, rendering, started_at, item_id, round, token_digest,"
        " expires_at, fetched_at, ended_at, shown_ms) SELECT gen_random_uuid(), %(image)s, %(lead)s, 'colour',"
        " %(now)s, %(item)s, 1, sha256(uuid_send(%(item)s)), %(now)s, %(now)s, %(now)s, 1",
        values,
    )
    desk.conn.execute(
        "INSERT INTO assessments (id, image_id, round, place, person_id, label, national, baseline, basis,"
        " assessed_at) VALUES (gen_random_uuid(), %(image)s, 1, 'first', %(lead)s, 1, 'illegal', true, 'looked',"
        " %(now)s)",
        values,
    )
    desk.conn.commit()
    return item


def refer(desk):
    """Return an item abroad of which the police and the partner were told."""
    item = lay(desk, "abroad")
    desk.issue(item, asn=64999, country="NL")
    desk.go(61)
    desk.go(61)
    assert (desk.state(item, "police"), desk.state(item, "hotline")) == (S.SENT, S.SENT)
    return item


def find_image(desk, item):
    (image,) = desk.conn.execute("SELECT image_id FROM item_images WHERE item_id = %s", (item,)).fetchone()
    desk.conn.rollback()
    return image


def describe(desk, item, **answers):
    desk.describe(item, find_image(desk, item), **answers)


def update_of(desk, item, kind="hotline"):
    return desk.find(item, kind, "update")


def read_package(desk, sending):
    data = (desk.tools.outbox.root / sending.file_name).read_bytes()
    return {name: text.decode() for name, text in open_package(data, IDENTITY, None).files.items()}


# What must not happen


def test_who_hosts_it_is_told_no_update_and_who_was_told_nothing_yet_gets_none(desk):
    home = lay(desk, "home")
    desk.issue(home)
    describe(desk, home, sex=Sex.MALE)
    assert update_of(desk, home, "police") is None, "its referral has not left, and says it itself"
    desk.go(61)
    desk.go(61)
    assert desk.state(home) is S.SENT
    describe(desk, home, sex=Sex.FEMALE)
    assert update_of(desk, home, "notice") is None
    assert update_of(desk, home, "police").state is S.QUEUED


def test_the_same_said_once_more_and_what_is_first_said_later_is_no_change(desk, partner):
    item = refer(desk)
    describe(desk, item)
    late = lay(desk, "late", has_detail=False)
    desk.go(61)
    assert desk.state(late, "police") is S.SENT
    describe(desk, late, sex=Sex.MALE)
    assert [update_of(desk, one, kind) for one in (item, late) for kind in ("police", "hotline")] == [
        None
    ] * 4


def test_an_update_goes_to_nobody_who_is_not_approved(desk, partner):
    item = refer(desk)
    disapprove_recipient(desk.staff, partner, person=desk.lead, now=desk.clock())
    desk.staff.commit()
    describe(desk, item, sex=Sex.FEMALE)
    waiting = update_of(desk, item)
    assert (waiting.state, waiting.reason) == (S.WAITING_APPROVAL, NOT_APPROVED)
    desk.go(600)
    assert update_of(desk, item).state is S.WAITING_APPROVAL
    desk.approve(partner)
    desk.go(61)
    assert update_of(desk, item).state is S.SENT


def test_a_partner_who_says_that_it_is_not_theirs_gets_no_update(desk, partner):
    item = refer(desk)
    describe(desk, item, sex=Sex.FEMALE)
    record_answer(
        desk.staff, desk.find(item, "hotline").id, "not_ours", person=desk.clerk, note=None, now=desk.clock()
    )
    desk.staff.commit()
    desk.go(61)
    dropped = update_of(desk, item)
    assert (dropped.state, dropped.reason) == (S.WITHDRAWN, NOTHING_TO_ASK)
    describe(desk, item, sex=Sex.MALE)
    assert update_of(desk, item).number == 1


def test_an_update_waits_until_it_is_known_whether_its_referral_left(desk, partner):
    item = refer(desk)
    desk.conn.execute(
        "UPDATE sendings SET state = 'unclear', reason = 'x', sent_at = NULL, left_as = NULL"
        " WHERE kind = 'hotline' AND part = 'first'"
    )
    desk.conn.commit()
    describe(desk, item, sex=Sex.FEMALE)
    desk.go(61)
    waiting = update_of(desk, item)
    assert (waiting.state, waiting.reason) == (S.QUEUED, OUTCOME_OPEN)
    desk.conn.execute("UPDATE sendings SET state = 'rejected' WHERE kind = 'hotline' AND part = 'first'")
    desk.conn.commit()
    desk.go(61)
    needless = update_of(desk, item)
    assert (needless.state, needless.reason) == (S.WITHDRAWN, TOLD_BY_FIRST)


@pytest.mark.parametrize(
    "change", ["state = 'resolved'", "state = 'withdrawn', reason = 'x', sent_at = NULL, left_as = NULL"]
)
@pytest.mark.breaks_invariants  # its item stays where it was
def test_an_update_of_what_is_over_says_that_it_is_over(desk, partner, change):
    item = refer(desk)
    describe(desk, item, sex=Sex.FEMALE)
    desk.conn.execute(f"UPDATE sendings SET {change} WHERE kind = 'hotline' AND part = 'first'")
    desk.conn.commit()
    desk.go(61)
    dropped = update_of(desk, item)
    assert (dropped.state, dropped.reason) == (S.WITHDRAWN, FIRST_IS_OVER)


@pytest.mark.breaks_invariants  # its item stays where it was
def test_an_update_that_waits_falls_with_its_verdict(desk, partner):
    item = refer(desk)
    describe(desk, item, sex=Sex.FEMALE)
    desk.run(withdraw_for_items, item, as_list=True, reason="undone", policy=POLICY)
    assert {update_of(desk, item, kind).state for kind in ("police", "hotline")} == {S.WITHDRAWN}


# What happens


def test_the_police_and_the_partner_are_told_what_changed_once_per_change(desk, partner):
    item = refer(desk)
    describe(desk, item, sex=Sex.FEMALE)
    first = desk.find(item, "hotline")
    desk.go(30)
    assert update_of(desk, item).state is S.QUEUED, "it can be mended for the undo window"
    desk.go(31)
    told = update_of(desk, item)
    assert (told.state, told.number, told.reference) == (S.SENT, 1, first.reference)
    files = read_package(desk, told)
    assert "We update referral" in files["data/summary.txt"]
    assert "Sex: female (before: –)" in files["data/summary.txt"]
    assert '"sex": "female"' in files["data/hashes.jsonl"]
    police = update_of(desk, item, "police")
    mail = (desk.tools.outbox.root / police.file_name).read_bytes()
    assert police.state is S.SENT
    assert desk.find(item, "police").message_id.encode() in mail
    assert b"Gjinia: vajza (m=C3=AB par=C3=AB: =E2=80=93)" in mail
    desk.go(600)
    describe(desk, item, sex=Sex.MALE)
    desk.go(61)
    again = update_of(desk, item)
    assert (again.state, again.number) == (S.SENT, 2)
    assert "Sex: male (before: female)" in read_package(desk, again)["data/summary.txt"]
    desk.go(6000)
    assert update_of(desk, item).number == 2
    assert desk.events(item).count("partner_referral_update_sent") == 2


def test_what_changes_while_an_update_waits_is_told_with_it(desk, partner):
    item = refer(desk)
    describe(desk, item, sex=Sex.FEMALE)
    desk.go(40)
    describe(desk, item, sex=Sex.BOTH)
    desk.go(40)
    assert update_of(desk, item).state is S.QUEUED, "the window begins anew"
    desk.go(21)
    told = update_of(desk, item)
    assert (told.state, told.number) == (S.SENT, 1)
    assert "Sex: both (before: –)" in read_package(desk, told)["data/summary.txt"]
