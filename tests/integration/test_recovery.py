"""Letting a person in again: two people, one an admin, neither the person; or the machine, seen by everybody."""

import pytest

from api.console import guard as guarding
from api.console import recovery as recovering
from tests.builders import Clock, make_person
from tests.staff_server import PASSWORD, run_staff_surface
from triage.cli.__main__ import main
from triage.clock import utcnow
from triage.errors import NotAllowedError
from triage.ids import new_id
from triage.model import PersonRole
from triage.rules.recovery import find_approval_fault
from triage.steps.change_persons import disable_person, renew_link
from triage.steps.recover_person import recover_on_machine
from triage.steps.sign_in import new_token
from triage.store.custody import read_stream

REASON = "I spoke to her face to face."


@pytest.fixture
def console(database, tmp_path):
    with run_staff_surface(database, root=tmp_path) as running:
        yield running


def ask(browser, name="Ana", reason=REASON):
    browser.open("/recovery?lang=en")
    return browser.post("/recovery", {"person": name, "reason": reason})


def decide(browser, word, reason=REASON):
    page = browser.open("/recovery?lang=en")
    (action,) = page.list_actions("/recovery/.*/refuse")
    return browser.post(action.replace("refuse", word), {"reason": reason})


def events(conn, name):
    conn.rollback()
    return [event.event for event in read_stream(conn, f"person/{make_person(conn, name)}")]


def states(conn):
    conn.rollback()
    return [row[0] for row in conn.execute("SELECT state FROM recoveries ORDER BY asked_at, id")]


# Who may not


def test_one_person_alone_recovers_nobody(console, conn):
    console.hire("Ana")
    admin = console.sign_in("Ada", PersonRole.ADMIN)
    assert ask(admin).path == "/recovery"
    page = decide(admin, "approve")
    assert page.status == 403
    assert "second person must approve" in page.words
    assert page.tree.css_first("[id^=reason-]").text() == REASON
    assert page.tree.css_first("#link") is None
    assert "already" in ask(admin).words
    assert states(conn) == ["asked"]


def test_two_leads_are_not_enough_and_nobody_recovers_themself(console, conn):
    console.hire("Ana")
    lead, other = console.sign_in("Lea", PersonRole.LEAD), console.sign_in("Luan", PersonRole.LEAD)
    assert "their own recovery" in ask(lead, "Lea").words
    ask(lead)
    page = decide(other, "approve")
    assert page.status == 403
    assert "must be an admin" in page.words
    admin = console.sign_in("Ada", PersonRole.ADMIN)
    ask(other, "Ada")
    page = admin.open("/recovery?lang=en")
    assert "recovery of your sign-in" in page.words
    for action in page.list_actions("/recovery/.*/refuse"):
        admin.post(action.replace("refuse", "approve"), {"reason": REASON})
    assert sorted(states(conn)) == ["approved", "asked"]  # Ana's, and not her own


@pytest.mark.parametrize(
    ("name", "reason", "status"), [("Nobody", REASON, 404), ("Ana", " \n", 403), ("Ana", "x" * 2001, 403)]
)
def test_an_unknown_name_or_no_reason_is_refused(console, conn, name, reason, status):
    console.hire("Ana")
    assert ask(console.sign_in("Ada", PersonRole.ADMIN), name, reason).status == status
    assert states(conn) == []


def test_who_may_not_speak_sees_what_happened_but_neither_form_nor_reason(console):
    console.hire("Ana")
    ask(console.sign_in("Ada", PersonRole.ADMIN))
    clerk = console.sign_in("Cela", PersonRole.CLERK)
    page = clerk.open("/recovery?lang=en")
    assert "Ana" in page.words
    assert REASON not in page.text
    assert page.list_actions("/recovery.*") == []
    assert clerk.post("/recovery", {"person": "Ana", "reason": REASON}).status == 403


def test_an_asker_who_was_disabled_meanwhile_counts_no_more(console, conn):
    console.hire("Ana")
    ask(console.sign_in("Lea", PersonRole.LEAD))
    admin = console.sign_in("Ada", PersonRole.ADMIN)
    disable_person(conn, "Lea", actor="cli", now=utcnow())
    conn.commit()
    page = decide(admin, "approve")
    assert page.status == 403
    assert "no longer may" in page.words


def test_what_waited_a_day_or_was_refused_is_over(console, conn, monkeypatch):
    console.hire("Ana")
    lead, admin = console.sign_in("Lea", PersonRole.LEAD), console.sign_in("Ada", PersonRole.ADMIN)
    ask(lead)
    page = admin.open("/recovery?lang=en")
    (action,) = page.list_actions("/recovery/.*/refuse")
    clock = Clock()
    monkeypatch.setattr(recovering, "utcnow", clock)
    clock.move_on(86401)
    assert admin.post(action.replace("refuse", "approve"), {"reason": REASON}).status == 409
    ask(lead)  # the old one makes room
    assert states(conn) == ["expired", "asked"]
    assert decide(admin, "refuse", "It was not her.").path == "/recovery"
    assert admin.post(action.replace("refuse", "approve"), {"reason": REASON}).status == 409
    assert states(conn) == ["expired", "refused"]
    assert events(conn, "Ana") == ["recovery_asked", "recovery_asked", "recovery_refused"]


def test_the_rule_of_two_also_stands_in_the_database(conn):
    import psycopg

    ana, lea, luan = (make_person(conn, name, PersonRole.LEAD) for name in ("Ana", "Lea", "Luan"))
    conn.execute("INSERT INTO join_links VALUES (sha256('x'), %s, now(), now() + interval '1 day')", (ana,))
    for asked_by, asked_as, decided_by, decided_as in (
        (lea, "lead", luan, "lead"),
        (lea, "admin", lea, "admin"),
        (lea, "admin", ana, "lead"),
        (ana, "admin", lea, "admin"),
        (None, None, lea, "admin"),
        (lea, "admin", None, None),
    ):
        with pytest.raises(psycopg.errors.CheckViolation), conn.transaction():
            conn.execute(
                "INSERT INTO recoveries (id, person_id, way, state, reason, asked_by, asked_as, asked_at, expires_at,"
                " decided_by, decided_as, decided_at, decision, link_digest)"
                " VALUES (%s, %s, 'console', 'approved', 'x', %s, %s, now(), now() + interval '1 day', %s, %s, now(),"
                " 'y', sha256('x'))",
                (new_id(), ana, asked_by, asked_as, decided_by, decided_as),
            )


def test_the_table_of_who_may_approve():
    one, two, three = new_id(), new_id(), new_id()
    admin, lead = PersonRole.ADMIN, PersonRole.LEAD

    def fault(asked_by, asked_as, decided_by, decided_as):
        return find_approval_fault(
            one, asked_by=asked_by, asked_as=asked_as, decided_by=decided_by, decided_as=decided_as
        )

    assert fault(two, admin, three, lead) is fault(two, lead, three, admin) is None
    assert fault(two, admin, three, admin) is None
    assert fault(two, lead, three, lead)
    assert fault(two, admin, two, admin)
    assert fault(two, admin, one, admin)


# What happens


def test_two_people_let_a_third_in_again_by_a_link_that_is_shown_once(console, conn):
    ana = console.sign_in("Ana")
    lead, admin = console.sign_in("Lea", PersonRole.LEAD), console.sign_in("Ada", PersonRole.ADMIN)
    ask(lead)
    assert "recovery of your sign-in" in ana.open("/?lang=en").words  # she hears of it while she still can
    page = decide(admin, "approve")
    assert page.status == 200, page.words
    link = page.tree.css_first("#link").text()
    assert ana.open("/").path == "/sign-in"  # at once
    assert link not in admin.open("/recovery").text
    assert "Recoveries of sign-ins in the last 30 days: 1" in admin.open("/?lang=en").words
    assert console.browser().sign_in(console.people["Ana"]).status == 200  # until the link is used
    joining = console.browser()
    assert link.startswith(f"{console.url}/join/")
    joining.open(link.removeprefix(console.url))
    secret = joining.page.tree.css_first("#secret").text()
    import pyotp

    from tests.staff_server import current_step

    joining.submit(
        "join",
        password="a wholly new password",
        repeated="a wholly new password",
        code=pyotp.TOTP(secret).generate_otp(current_step()),
    )
    assert joining.page.path == "/sign-in", joining.page.words
    assert console.browser().sign_in(console.people["Ana"]).status == 403
    assert "link used" in admin.open("/recovery?lang=en").words
    told = events(conn, "Ana")
    assert told[1:4] == ["recovery_asked", "link_made", "recovery_approved"]
    assert told[-1] == "sign_in_failed"
    bodies = "".join(event.record for event in read_stream(conn, f"person/{make_person(conn, 'Ana')}"))
    assert REASON not in bodies
    assert PASSWORD not in bodies


def test_on_the_machine_it_is_done_by_one_and_seen_by_everybody(console, conn, database):
    ana = console.sign_in("Ana")
    admin = console.sign_in("Ada", PersonRole.ADMIN)
    with database.connect("hotline_staff") as staff:
        for reason in ("", "x" * 2001):
            with pytest.raises(NotAllowedError, match="Write the reason"):
                recover_on_machine(
                    staff, new_id(), "Ana", reason=reason, token="x", life_s=60, actor="cli", now=utcnow()
                )
        with pytest.raises(NotAllowedError, match="has joined"):
            renew_link(staff, "Ana", token=new_token(), life_s=60, actor="cli", now=utcnow())
        token = new_token()
        ended = recover_on_machine(
            staff, new_id(), "Ana", reason=REASON, token=token, life_s=60, actor="cli", now=utcnow()
        )
    assert ended == 1
    assert ana.open("/").path == "/sign-in"
    assert console.browser().open(f"/join/{token}").status == 200
    assert "on the machine" in admin.open("/recovery?lang=en").words
    assert "in the last 30 days: 1" in admin.open("/?lang=en").words
    assert events(conn, "Ana") == ["signed_in", "link_made", "recovery_done"]


def test_recovering_needs_a_fresh_proof(console, monkeypatch):
    from api.console import step_up

    admin = console.sign_in("Ada", PersonRole.ADMIN)
    console.hire("Ana")
    clock = Clock()
    for module in (guarding, step_up):
        monkeypatch.setattr(module, "utcnow", clock)
    clock.move_on(301)
    page = ask(admin)
    assert page.status == 403
    assert "Confirm that it is you" in page.words


def test_the_command_asks_for_a_name_and_a_reason(capsys):
    for argv in (["user", "recover"], ["user", "recover", "Ana"], ["user", "recover", "--reason", "x"]):
        with pytest.raises(SystemExit) as ended:
            main(argv)
        assert ended.value.code == 2
    capsys.readouterr()
