"""Details on a real database: refused whole, stored as said, settled from two words, told to whom they may be."""

import json
import re
from dataclasses import replace

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings

from hashsets.model import EntryClass
from tests.assessing import Assessors, approve_police
from tests.builders import SENDING, Clock, list_entry, trust
from tests.captures import FIRST, capture, image_of, url
from tests.messages import HOTLINE
from tests.sending_desk import POLICE, PROVIDER, make_partner, open_sending_desk
from tests.unit.test_rules_classification import DETAILS
from triage.clock import utcnow
from triage.errors import NotAllowedError, StaleStateError
from triage.rules.assessing import Label, Place, ReasonCode
from triage.rules.classification import (
    CHOICES,
    AgeBand,
    Detail,
    Maturity,
    Origin,
    Severity,
    Sex,
    SiteType,
    merge_details,
)
from triage.rules.compose import compose_message
from triage.rules.flags import Flag, list_flags
from triage.rules.jurisdiction import check_detail
from triage.rules.sending import AWAITS_DETAIL
from triage.rules.states import Basis
from triage.rules.states import SendingState as S
from triage.steps.give_detail import give_detail
from triage.store import classifications, custody, review
from triage.store.message_facts import read_message_facts
from workers import send

FIRST_WORD = Detail(sex=Sex.FEMALE, origin=Origin.REAL, severity_abc=Severity.B, site_type=SiteType.FORUM)
SECOND_WORD = Detail(maturity=Maturity.PREPUBESCENT, severity_abc=Severity.A)


@pytest.fixture
def judges(desk, as_role):
    people = Assessors(as_role("hotline_staff"))
    approve_police(people.conn, people)
    return people


@pytest.fixture
def new(desk):
    return show_first(desk)


def show_first(desk):
    """Return an item and the picture that it shows."""
    (item,) = desk.report(url("/first.jpg"))
    capture(desk, item)
    return item, image_of(desk, item)


def give(judges, name, item, image, detail):
    judges.act(give_detail, item, image_id=image, detail=detail, person=judges.people[name], policy=SENDING)


def settled(judges, item, image):
    said = classifications.read_said_details(judges.conn, image_ids=[image])
    judges.conn.rollback()
    return said[image].settle(item) if image in said else None


def waits(judges, item):
    found = classifications.find_awaiting_detail(judges.conn, [item])
    judges.conn.rollback()
    return found == [item]


def count(judges):
    row = judges.conn.execute("SELECT count(*) FROM classifications").fetchone()
    judges.conn.rollback()
    return row[0]


# With a judgement


def test_a_detail_that_contradicts_its_label_is_refused_and_nothing_is_stored(desk, judges, new):
    for label, detail in (
        (1, replace(FIRST_WORD, origin=Origin.DRAWN)),
        (1, replace(FIRST_WORD, age_band_youngest=AgeBand.FROM_16)),
        (3, FIRST_WORD),
        (6, Detail()),
    ):
        with pytest.raises(NotAllowedError):
            judges.press("Ana", *new, label, detail=detail)
    assert count(judges) == 0
    assert desk.count("SELECT count(*) FROM assessments") == 0


def test_a_known_picture_that_nobody_saw_takes_no_detail_and_waits_for_none(desk, judges):
    desk.import_entries("practice", list_entry("k", data=FIRST))
    trust(desk.conn, "practice", EntryClass.BASELINE)
    item, image = show_first(desk)
    with pytest.raises(NotAllowedError, match="have not looked"):
        judges.press("Ana", item, image, 1, look=False, detail=FIRST_WORD)
    judges.press("Ana", item, image, 1, look=False)
    assert not waits(judges, item)
    with pytest.raises(NotAllowedError, match="Nobody looked"):
        give(judges, "Lea", item, image, FIRST_WORD)
    assert count(judges) == 0


def test_two_who_agree_settle_one_detail_and_why_is_kept(desk, judges, new):
    item, image = new
    judges.press("Ana", item, image, 1, detail=FIRST_WORD, reason_code=ReasonCode.AGE_CLEAR)
    assert not waits(judges, item)
    judges.press("Ben", item, image, 1, detail=SECOND_WORD)
    assert settled(judges, item, image) == merge_details(FIRST_WORD, SECOND_WORD)
    assert not waits(judges, item)
    codes = {one.place: one.reason_code for one in review.read_said(judges.conn, item, [image])}
    judges.conn.rollback()
    assert codes == {Place.FIRST: ReasonCode.AGE_CLEAR, Place.SECOND: None}
    events = {
        one.event: json.loads(one.record)["body"] for one in custody.read_stream(desk.conn, f"image/{image}")
    }
    desk.conn.rollback()
    assert events["assessed_second_needed"]["reason_code"] == "age_clear"
    assert set(events["second_agrees"]) == {"label", "place", "basis", "detail"}


def test_a_lead_settles_the_detail_of_who_said_the_same(desk, judges, new):
    item, image = new
    judges.press("Ana", item, image, 1, detail=FIRST_WORD)
    judges.press("Ben", item, image, 2, detail=replace(SECOND_WORD, sex=Sex.MALE))
    judges.press("Lea", item, image, 1, lead=True, detail=SECOND_WORD)
    assert settled(judges, item, image) == merge_details(FIRST_WORD, SECOND_WORD)


def test_what_was_said_of_another_label_leaves_it_waiting(desk, judges, new):
    item, image = new
    judges.press("Ana", item, image, 1, detail=FIRST_WORD)
    judges.press("Ben", item, image, 3)
    judges.press("Lea", item, image, 2, lead=True)
    assert waits(judges, item)
    assert settled(judges, item, image) is None


def test_a_reopened_picture_is_described_anew(desk, judges, new):
    item, image = new
    judges.press("Ana", item, image, 1, detail=FIRST_WORD)
    judges.press("Ben", item, image, 1)
    desk.conn.execute(
        "UPDATE images SET state = 'unjudged', verdict = NULL, verdict_baseline = NULL, verdict_basis = NULL,"
        " settled_at = NULL, round = round + 1 WHERE id = %s",
        (image,),
    )
    desk.conn.commit()
    assert settled(judges, item, image) is None


# Later on


def test_only_who_assessed_it_or_a_lead_says_it_later(desk, judges, new):
    item, image = new
    judges.press("Ana", item, image, 1)
    with pytest.raises(StaleStateError):
        give(judges, "Ana", item, image, FIRST_WORD)
    judges.press("Ben", item, image, 1)
    assert waits(judges, item)
    with pytest.raises(NotAllowedError, match="Only who assessed it"):
        give(judges, "Cen", item, image, FIRST_WORD)
    with pytest.raises(NotAllowedError, match="real children"):
        give(judges, "Ben", item, image, replace(FIRST_WORD, origin=Origin.DRAWN))
    assert count(judges) == 0
    give(judges, "Ben", item, image, FIRST_WORD)
    assert not waits(judges, item)
    give(judges, "Lea", item, image, SECOND_WORD)
    assert settled(judges, item, image) == SECOND_WORD
    assert [
        row[0]
        for row in desk.conn.execute(
            "SELECT event FROM custody_events WHERE stream = %s ORDER BY seq DESC LIMIT 2",
            (f"image/{image}",),
        )
    ] == ["detail_given", "detail_given"]


def test_an_item_that_was_judged_itself_has_its_own_detail(desk, judges):
    (item,) = desk.report(note="words of a reporter")
    judges.press_item("Ana", item, 2)
    with pytest.raises(StaleStateError):
        give(judges, "Ana", item, None, FIRST_WORD)
    judges.press_item("Ben", item, 2, detail=SECOND_WORD)
    assert not waits(judges, item)
    give(judges, "Ana", item, None, FIRST_WORD)
    said = classifications.read_said_details(judges.conn, item_ids=[item])
    judges.conn.rollback()
    assert said[item].settle(item) == FIRST_WORD


# What no screen can talk the database out of


def test_the_database_refuses_what_is_not_earned(desk, judges, new):
    item, image = new
    judges.press("Ana", item, image, 1, detail=FIRST_WORD)
    (assessment,) = desk.conn.execute("SELECT id FROM assessments").fetchone()
    desk.conn.rollback()
    ana, ben = judges.people["Ana"].id, judges.people["Ben"].id

    def insert(person, **more):
        values = {"item_id": item, "image_id": image, "round_": 1, "assessment_id": None} | more
        with judges.conn.transaction():
            classifications.insert_classification(
                judges.conn, SECOND_WORD, person_id=person, now=utcnow(), **values
            )

    for person, more in (
        (ana, {}),
        (ben, {"assessment_id": assessment}),
        (ana, {"assessment_id": assessment, "round_": 2}),
        (ana, {"assessment_id": assessment, "image_id": None}),
    ):
        with pytest.raises(psycopg.errors.CheckViolation):
            insert(person, **more)
    with pytest.raises(psycopg.errors.UniqueViolation):
        insert(ana, assessment_id=assessment)
    judges.conn.rollback()
    judges.press("Ben", item, image, 1)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        insert(judges.people["Cen"].id)
    judges.conn.rollback()
    for change in ("UPDATE classifications SET sex = 'male'", "DELETE FROM classifications"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), desk.conn.transaction():
            desk.conn.execute(change)
    desk.conn.rollback()


def test_sql_takes_just_the_answers_of_the_record(conn):
    columns = {("classifications", name): {one.value for one in choices} for name, choices in CHOICES.items()}
    columns["assessments", "reason_code"] = {one.value for one in ReasonCode}
    for (table, column), values in columns.items():
        ((definition,),) = conn.execute(
            "SELECT pg_get_constraintdef(pg_constraint.oid) FROM pg_constraint"
            " JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]"
            " WHERE conrelid = %s::regclass AND contype = 'c' AND cardinality(conkey) = 1 AND attname = %s",
            (table, column),
        ).fetchall()
        assert set(re.findall(r"'([^']+)'::text", definition)) == values, column


def test_every_record_comes_back_as_it_was_stored(desk, judges, new):
    item, image = new
    judges.press("Ana", item, image, 2)
    judges.press("Ben", item, image, 2)
    lead = judges.people["Lea"].id

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(DETAILS)
    def come_back(detail):
        try:
            check_detail(Label.NATIONAL, detail)
        except NotAllowedError:
            return
        try:
            classifications.insert_classification(
                judges.conn,
                detail,
                person_id=lead,
                item_id=item,
                image_id=image,
                round_=1,
                assessment_id=None,
                now=utcnow(),
            )
            said = classifications.read_said_details(judges.conn, image_ids=[image])
            assert said[image].settle(item) == detail
        finally:
            judges.conn.rollback()

    come_back()


# What leaves


def test_the_police_are_told_the_detail_and_those_who_host_it_never_are(desk, judges, new, as_role):
    item, image = new
    judges.press("Ana", item, image, 1, detail=FIRST_WORD)
    judges.press("Ben", item, image, 1, detail=SECOND_WORD)
    (sending,) = desk.conn.execute("SELECT id FROM sendings WHERE kind = 'police'").fetchone()
    desk.conn.rollback()
    facts = read_message_facts(
        as_role("hotline_outbound"), sending, hotline=HOTLINE, asked_within_s=3600.0, is_practice=False
    )
    assert facts.items[0].images[0].detail == merge_details(FIRST_WORD, SECOND_WORD)
    police = compose_message(facts)
    assert b'"x_detail"' in police.attachments[0].data
    assert "Zhvillimi i më të voglit: para pubertetit" in police.text
    notice = compose_message(replace(facts, kind="notice", recipient_language="sq+en"))
    told = notice.text + notice.attachments[0].data.decode()
    for word in ("x_detail", "prepubescent", "female", "forum", "iccam", "A1"):
        assert word not in told


# Flags


def test_lists_speak_before_a_look_by_their_own_words(desk, judges):
    entry = list_entry("k", data=FIRST)
    desk.import_entries("practice", replace(entry, raw_scheme="ncmec-csam", raw_value="A1"))
    _, image = show_first(desk)
    matches = review.read_matches(judges.conn, [image])
    judges.conn.rollback()
    assert list_flags(matches) == {Flag.CONTACT}


# The partner's referral waits


@pytest.fixture
def sending_desk(database, tmp_path, monkeypatch):
    clock = Clock()
    monkeypatch.setattr(send, "utcnow", clock)
    with open_sending_desk(database, tmp_path / "state", clock) as opened:
        yield opened


def test_a_partner_is_told_nothing_before_the_detail_is_said_and_all_others_are(sending_desk):
    desk = sending_desk
    desk.enter(POLICE)
    desk.enter(make_partner())
    desk.enter(PROVIDER)
    home = desk.lay_item("http://home.example/a.jpg", has_detail=False)
    desk.issue(home)
    listed = desk.lay_item("http://listed.example/b.jpg", basis=Basis.EXACT_HASH)
    desk.issue(listed, asn=64999, country="NL")
    abroad = desk.lay_item("http://abroad.example/c.jpg", has_detail=False)
    desk.issue(abroad, asn=64999, country="NL")
    desk.go(61)
    desk.go(61)
    assert (desk.state(home), desk.state(home, "police")) == (S.SENT, S.SENT)
    assert (desk.state(listed, "hotline"), desk.state(abroad, "police")) == (S.SENT, S.SENT)
    waiting = desk.find(abroad, "hotline")
    assert (waiting.state, waiting.reason) == (S.QUEUED, AWAITS_DETAIL)
    desk.go(86400)
    assert desk.state(abroad, "hotline") is S.QUEUED
    (image,) = desk.conn.execute("SELECT image_id FROM item_images WHERE item_id = %s", (abroad,)).fetchone()
    desk.conn.rollback()
    desk.describe(abroad, image, sex=Sex.FEMALE)
    desk.go(1)
    assert desk.state(abroad, "hotline") is S.QUEUED, "what was said can be mended for the undo window"
    desk.go(60)
    assert desk.state(abroad, "hotline") is S.SENT
