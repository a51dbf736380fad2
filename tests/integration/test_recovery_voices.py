"""Whose voice counts on a recovery: not that of whom one admin alone has just made, given a role, or become."""

import threading
from datetime import timedelta

import psycopg
import pyotp
import pytest

from api.console import recovery as recovering
from tests.builders import Clock, make_person
from tests.staff_server import PASSWORD, StaffPerson, current_step, run_staff_surface
from triage.clock import utcnow
from triage.errors import NotAllowedError
from triage.ids import new_id
from triage.model import PersonRole
from triage.rules.recovery import ASKS_MAX, Standing, VoiceTerm, does_voice_count
from triage.steps.change_persons import add_person, change_roles
from triage.steps.change_settings import change_setting
from triage.steps.recover_person import approve_recovery, ask_recovery, recover_on_machine, refuse_recovery
from triage.steps.sign_in import new_token
from triage.store.people import find_person
from triage.store.recoveries import read_standing

REASON = "I spoke to her face to face."
TERM = VoiceTerm(days=3, founding_days=3)
NOT_YET = "counts only 3 days after"


@pytest.fixture
def console(database, tmp_path):
    with run_staff_surface(database, root=tmp_path) as running:
        yield running


def age(conn, days=40):
    """Let all persons and their roles be so many days older."""
    conn.execute("UPDATE persons SET created_at = created_at - make_interval(days => %s)", (days,))
    conn.execute("UPDATE person_roles SET since = since - make_interval(days => %s)", (days,))
    conn.commit()


def staff_of(conn, **roles):
    """People of an old deployment, each with one role."""
    for name, role in roles.items():
        make_person(conn, name, role)
    age(conn)


def ask(conn, by, name="Ana", *, term=TERM, now=None):
    recovery_id = new_id()
    person = find_person(conn, by)
    ask_recovery(conn, recovery_id, name, by=person, reason=REASON, term=term, now=now or utcnow())
    conn.commit()
    return recovery_id


def approve(conn, recovery_id, by, *, term=TERM, now=None):
    token = new_token()
    approve_recovery(
        conn,
        recovery_id,
        by=find_person(conn, by),
        reason=REASON,
        token=token,
        life_s=3600,
        term=term,
        now=now or utcnow(),
    )
    conn.commit()
    return token


def states(conn):
    conn.rollback()
    return [row[0] for row in conn.execute("SELECT state FROM recoveries ORDER BY asked_at, id")]


ADMIN, LEAD, ANALYST, AUDITOR = PersonRole.ADMIN, PersonRole.LEAD, PersonRole.ANALYST, PersonRole.AUDITOR


# One admin alone


def test_an_admin_who_invents_a_person_has_no_second_voice_in_them(console, conn, monkeypatch):
    clock = Clock()
    console.hire("Ana")
    admin = console.sign_in("Ada", ADMIN)
    age(conn)
    admin.open("/people?lang=en")
    link = admin.submit("add", name="Ghost", role=["lead"]).tree.css_first("#new-link code").text()
    ghost = console.browser()
    ghost.open(link.removeprefix(console.url))
    secret = ghost.page.tree.css_first("#secret").text()
    step = current_step()
    ghost.submit("join", password=PASSWORD, repeated=PASSWORD, code=pyotp.TOTP(secret).generate_otp(step))
    ghost_id = find_person(conn, "Ghost").id
    assert ghost.sign_in(StaffPerson(ghost_id, "Ghost", secret, last_step=step)).status == 200
    ghost.open("/recovery?lang=en")
    refused = ghost.submit("ask", person="Ana", reason=REASON)
    assert refused.status == 403
    assert NOT_YET in refused.words
    assert refused.tree.css_first("#reason").text() == REASON  # what was typed is kept
    admin.open("/recovery?lang=en")
    admin.submit("ask", person="Ana", reason=REASON)
    (action,) = ghost.open("/recovery?lang=en").list_actions("/recovery/.*/refuse")
    refused = ghost.post(action.replace("refuse", "approve"), {"reason": REASON})
    assert refused.status == 403
    assert NOT_YET in refused.words
    assert states(conn) == ["asked"]
    monkeypatch.setattr(recovering, "utcnow", clock)
    clock.move_on(3 * 86400 + 60)  # by then it has stood on /people for three days
    admin.post("/recovery", {"person": "Ana", "reason": REASON})
    (action,) = ghost.open("/recovery?lang=en").list_actions("/recovery/.*/refuse")
    assert ghost.post(action.replace("refuse", "approve"), {"reason": REASON}).status == 200


def test_a_role_given_taken_and_given_again_counts_from_the_last_time(conn):
    staff_of(conn, Ana=ANALYST, Ada=ADMIN, Lea=LEAD)
    ada = f"person/{find_person(conn, 'Ada').id}"
    assert ask(conn, "Lea")
    for roles in ({AUDITOR}, {AUDITOR, LEAD}):
        change_roles(conn, "Lea", roles, actor=ada, now=utcnow())
        conn.commit()
    with pytest.raises(NotAllowedError, match=NOT_YET):
        ask(conn, "Lea", "Ada")
    conn.rollback()
    (waiting,) = conn.execute("SELECT id FROM recoveries").fetchone()
    with pytest.raises(
        NotAllowedError, match="no longer may"
    ):  # what she asked for before counts no more either
        approve(conn, waiting, "Ada")


def test_a_role_that_is_kept_while_others_change_counts_from_its_first_time(conn):
    staff_of(conn, Ana=ANALYST, Lea=LEAD, Ada=ADMIN)
    change_roles(conn, "Lea", {LEAD, AUDITOR}, actor="cli", now=utcnow())
    conn.commit()
    assert ask(conn, "Lea")
    standing = read_standing(conn, find_person(conn, "Lea").id)
    assert standing.roles[AUDITOR] - standing.roles[LEAD] > timedelta(days=39)


def test_who_became_somebody_by_a_link_has_no_voice_in_them_yet(conn):
    staff_of(conn, Ana=ANALYST, Lea=LEAD)
    conn.execute(
        "INSERT INTO join_links SELECT sha256('x'), id, now() - interval '1 day', now(), now() - interval '1 hour'"
        " FROM persons WHERE name = 'Lea'"
    )
    with pytest.raises(NotAllowedError, match=NOT_YET):
        ask(conn, "Lea")
    conn.execute(
        "UPDATE join_links SET created_at = now() - interval '9 days', used_at = now() - interval '4 days'"
    )
    assert ask(conn, "Lea")


def test_a_short_voice_may_still_refuse_and_the_machine_stays_the_way_out(conn):
    staff_of(conn, Ana=ANALYST, Ada=ADMIN)
    make_person(conn, "Lea", LEAD)
    recovery_id = ask(conn, "Ada")
    with pytest.raises(NotAllowedError, match=NOT_YET):
        approve(conn, recovery_id, "Lea")
    refuse_recovery(conn, recovery_id, by=find_person(conn, "Lea"), reason="It was not her.", now=utcnow())
    conn.commit()
    recover_on_machine(
        conn, new_id(), "Ana", reason=REASON, token=new_token(), life_s=60, actor="cli", now=utcnow()
    )
    assert states(conn) == ["refused"]
    conn.rollback()


def test_the_staff_surface_cannot_say_since_when_a_role_is_held(conn, as_role):
    make_person(conn, "Lea", LEAD)
    conn.commit()
    staff = as_role("hotline_staff")
    for statement in (
        "UPDATE person_roles SET since = now() - interval '9 days'",
        "INSERT INTO person_roles (person_id, role, since) SELECT id, 'admin', now() - interval '9 days' FROM persons",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            staff.execute(statement)
        staff.rollback()
    add_person(
        staff, "Ada", [ADMIN], token=new_token(), life_s=60, actor="cli", now=utcnow() - timedelta(days=9)
    )
    standing = read_standing(staff, find_person(staff, "Ada").id)
    assert utcnow() - standing.roles[ADMIN] < timedelta(minutes=1)


# How long


def test_the_table_of_when_a_voice_counts():
    now = utcnow()

    def counts(role_days, *, founded_days, joined_days=None, days=3, founding_days=3):
        standing = Standing(
            {LEAD: now - timedelta(days=role_days)},
            None if joined_days is None else now - timedelta(days=joined_days),
            now - timedelta(days=founded_days),
        )
        return does_voice_count(standing, LEAD, VoiceTerm(days, founding_days), now=now)

    assert counts(3, founded_days=9)
    assert not counts(2.999, founded_days=9)
    assert counts(9, founded_days=9, joined_days=3)
    assert not counts(9, founded_days=9, joined_days=2.999)
    assert counts(0, founded_days=2.999)  # a deployment that is young itself
    assert not counts(0, founded_days=3)
    assert not counts(0, founded_days=9, days=30)  # no change of settings makes it young again
    assert counts(0, founded_days=9, days=30, founding_days=30)
    assert not counts(0, founded_days=2, days=1)
    assert counts(1, founded_days=9, days=1)
    assert not counts(-1, founded_days=9)  # a clock that goes back


def test_in_a_young_deployment_everybody_has_a_voice_at_once(conn):
    for name, role in (("Ana", ANALYST), ("Ada", ADMIN), ("Lea", LEAD)):
        make_person(conn, name, role)
    assert approve(conn, ask(conn, "Ada"), "Lea")


def test_raising_the_term_silences_and_lowering_it_lets_speak_but_neither_makes_young(console, conn):
    console.hire("Ana")
    admin = console.sign_in("Ada", ADMIN)
    age(conn, days=10)
    lead = console.sign_in("Lea", LEAD)

    def set_days(value, seen):
        ada = find_person(conn, "Ada")
        change_setting(
            conn, "recovery_voice_days", value, "why", seen=seen, default="3", person=ada, now=utcnow()
        )
        conn.commit()
        console.tools.live.renew()

    set_days("30", 0)
    for browser in (lead, admin):
        browser.open("/recovery?lang=en")
        refused = browser.submit("ask", person="Ana", reason=REASON)
        assert refused.status == 403
        assert "counts only 30 days after" in refused.words
    set_days("1", 1)
    lead.open("/recovery?lang=en")
    assert "only 1 day after you were given" in lead.submit("ask", person="Ana", reason=REASON).words
    age(conn, days=1)
    lead.open("/recovery?lang=en")
    assert lead.submit("ask", person="Ana", reason=REASON).status == 200
    assert "vetëm një ditë" in lead.open("/recovery?lang=sq").words
    assert states(conn) == ["asked"]


# How often


def test_many_asks_of_one_person_leave_the_list_to_the_others(console, conn):
    console.hire("Ana")
    lead, admin = console.sign_in("Lea", LEAD), console.sign_in("Ada", ADMIN)
    made = ask(conn, "Ada")
    approve(conn, made, "Lea")
    conn.execute("UPDATE recoveries SET asked_at = asked_at - interval '29 days'")
    conn.execute(
        "INSERT INTO recoveries (id, person_id, way, state, reason, asked_by, asked_as, asked_at, expires_at)"
        " SELECT gen_random_uuid(), ana.id, 'console', 'expired', 'noise', lea.id, 'lead',"
        "  now() - make_interval(hours => 25 + n), now() - make_interval(hours => n)"
        " FROM persons AS ana, persons AS lea, generate_series(1, 400) AS n"
        " WHERE ana.name = 'Ana' AND lea.name = 'Lea'"
    )
    conn.commit()
    ask(conn, "Ada", "Lea", now=utcnow() - timedelta(hours=23))  # open, and older than much of the noise
    page = admin.open("/recovery?lang=en")
    assert len(page.list_actions("/recovery/.*/refuse")) == 1
    assert "approved" in page.words
    assert page.words.count("noise") == recovering.SHOWN_AT_MOST - 2
    home = admin.open("/?lang=en").words
    assert "in the last 30 days: 2" in home
    assert home.index("You are signed in") < home.index("in the last 30 days")
    assert "recovery of your sign-in" in lead.open("/?lang=en").words
    conn.execute("UPDATE recoveries SET expires_at = now() WHERE state = 'asked'")
    conn.commit()
    assert "recovery of your sign-in" not in lead.open("/?lang=en").words


def test_one_person_asks_five_times_a_day_however_the_asks_end_or_meet(conn, database):
    names = [f"Person {number}" for number in range(12)]
    for name in names:
        make_person(conn, name)
    lea = make_person(conn, "Lea", LEAD)
    make_person(conn, "Ada", ADMIN)
    conn.commit()
    said = []

    def ask_at_once(name):
        with database.connect("hotline_staff") as staff:
            try:
                ask(staff, "Lea", name)
            except NotAllowedError as error:
                said.append(str(error))

    threads = [threading.Thread(target=ask_at_once, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(states(conn)) == ASKS_MAX
    assert set(said) == {
        "Too much of what you asked for in a day waits or was refused: let somebody else ask."
    }
    for (recovery_id,) in conn.execute("SELECT id FROM recoveries ORDER BY id").fetchall():
        refuse_recovery(conn, recovery_id, by=find_person(conn, "Lea"), reason="no", now=utcnow())
    with pytest.raises(NotAllowedError, match="let somebody else ask"):
        ask(conn, "Lea", names[0])
    assert ask(conn, "Ada", names[0])
    conn.execute("UPDATE recoveries SET asked_at = asked_at - interval '1 day' WHERE asked_by = %s", (lea,))
    assert ask(conn, "Lea", names[1])
