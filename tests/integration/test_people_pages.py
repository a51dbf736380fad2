"""People by their pages: who may change whom, what it does at once, and that an admin always remains."""

import threading

import pytest

from tests.builders import count_rows
from tests.staff_server import run_staff_surface
from triage.clock import utcnow
from triage.errors import NotAllowedError
from triage.model import PersonRole
from triage.steps import change_persons
from triage.steps.sign_in import new_token

HOSTILE = '<script>alert("x")</script>'


@pytest.fixture
def surface(database, tmp_path):
    with run_staff_surface(database, root=tmp_path) as running:
        yield running


@pytest.fixture
def admin(surface):
    return surface.sign_in("Arta", PersonRole.ADMIN)


def path_of(surface, name):
    return f"/people/{surface.people[name].id}"


def roles_of(conn, name):
    conn.rollback()
    rows = conn.execute(
        "SELECT role::text FROM person_roles JOIN persons ON persons.id = person_id WHERE name = %s"
        " ORDER BY role::text",
        (name,),
    ).fetchall()
    return [row[0] for row in rows]


def events_of(conn, person_id):
    conn.rollback()
    return conn.execute(
        "SELECT event, actor FROM custody_events WHERE stream = %s ORDER BY seq", (f"person/{person_id}",)
    ).fetchall()


# What is refused


def test_the_last_admin_who_can_sign_in_stays(surface, admin, conn):
    other = surface.sign_in("Besa", PersonRole.ADMIN)
    other.open(path_of(surface, "Arta") + "?lang=en")
    other.submit("disable")
    assert admin.open("/people").path == "/sign-in"
    with surface.database.connect() as owner:
        change_persons.add_person(
            owner, "Never Joined", [PersonRole.ADMIN], token=new_token(), life_s=60, actor="cli", now=utcnow()
        )
        owner.commit()
        for change in (
            lambda: change_persons.disable_person(owner, "Besa", actor="cli", now=utcnow()),
            lambda: change_persons.change_roles(owner, "Besa", [PersonRole.CLERK], actor="cli", now=utcnow()),
        ):
            with pytest.raises(NotAllowedError, match="last admin"):
                change()
            owner.rollback()
    assert roles_of(conn, "Besa") == ["admin"]


def test_two_admins_cannot_take_each_other_out_at_once(surface, admin, conn):
    surface.hire("Besa", PersonRole.ADMIN)
    said = []

    def disable(actor, name):
        with surface.database.connect("hotline_staff") as staff:
            try:
                change_persons.disable_person(
                    staff, name, actor=f"person/{surface.people[actor].id}", now=utcnow()
                )
                staff.commit()
            except NotAllowedError as error:
                said.append(str(error))

    threads = [threading.Thread(target=disable, args=pair) for pair in (("Arta", "Besa"), ("Besa", "Arta"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == ["Your role does not include this."]
    assert count_rows(conn, "SELECT count(*) FROM persons WHERE disabled_at IS NULL") == 1


def test_nobody_changes_their_own_roles_or_disables_themself(surface, admin, conn):
    surface.hire("Besa", PersonRole.ADMIN)
    page = admin.open(path_of(surface, "Arta") + "?lang=en")
    assert page.tree.css("main form") == []
    for action, fields, words in (
        ("roles", {"role": ["admin", "auditor"]}, "Nobody changes their own roles"),
        ("disable", {}, "Nobody disables themself"),
    ):
        answer = admin.post(f"{path_of(surface, 'Arta')}/{action}", fields)
        assert answer.status == 403
        assert words in answer.words
    assert roles_of(conn, "Arta") == ["admin"]


def test_roles_that_contradict_are_refused_and_what_was_typed_is_kept(surface, admin, conn):
    surface.hire("Ana")
    for roles in ([], ["king"], ["admin", "analyst"], ["lead", "admin"]):
        admin.open("/people?lang=en")
        refused = admin.post("/people", {"name": HOSTILE, "role": roles})
        assert refused.status == 403
        assert HOSTILE not in refused.text
        assert refused.tree.css_first("#add input[name=name]").attributes["value"] == HOSTILE
        assert admin.post(path_of(surface, "Ana") + "/roles", {"role": roles}).status == 403
    assert roles_of(conn, "Ana") == ["analyst"]
    assert count_rows(conn, "SELECT count(*) FROM persons") == 2


def test_a_name_that_is_taken_or_unfit_is_refused(admin, conn):
    for name in ("", " ", HOSTILE, "arta", "ARTA", "x" * 64, "a\tb\u202e", "%", "a'b"):
        admin.open("/people?lang=en")
        refused = admin.submit("add", name=name, role=["clerk"])
        assert refused.status == 403, name
        assert "name" in refused.words
    assert count_rows(conn, "SELECT count(*) FROM persons") == 1


def test_one_admin_alone_makes_no_link_for_who_has_joined(surface, admin, conn):
    surface.hire("Ana")
    assert not admin.open(path_of(surface, "Ana") + "?lang=en").has_form("link")
    refused = admin.post(path_of(surface, "Ana") + "/link")
    assert refused.status == 403
    assert "two people" in refused.words
    assert count_rows(conn, "SELECT count(*) FROM join_links") == 0


def test_an_auditor_sees_and_changes_nothing(surface, admin):
    surface.hire("Ana")
    auditor = surface.sign_in("Eva", PersonRole.AUDITOR)
    for path in ("/people", path_of(surface, "Ana")):
        assert auditor.open(path).tree.css("main form") == []
    analyst = surface.sign_in("Ana")
    for path in ("/people", path_of(surface, "Ana")):
        assert analyst.open(path).status == 403


def test_an_admin_who_was_disabled_a_moment_ago_changes_nothing(surface, admin, conn):
    surface.hire("Besa", PersonRole.ADMIN)
    surface.hire("Ana")
    with surface.database.connect() as owner:
        change_persons.disable_person(owner, "Arta", actor="cli", now=utcnow())
        with pytest.raises(NotAllowedError):
            change_persons.change_roles(
                owner,
                "Ana",
                [PersonRole.LEAD],
                actor=f"person/{surface.people['Arta'].id}",
                now=utcnow(),
            )
        owner.rollback()


# What is done


def test_a_person_is_added_with_a_link_that_is_shown_once_and_opens(surface, admin, conn):
    admin.open("/people?lang=en")
    added = admin.submit("add", name="  Mira   Leka ", role=["clerk", "auditor"])
    assert "Added: Mira Leka" in added.words
    (link,) = [node.text() for node in added.tree.css("#new-link code")]
    assert link.startswith(surface.url + "/join/")
    token = link.rpartition("/")[2]
    assert token not in admin.open("/people").text
    assert roles_of(conn, "Mira Leka") == ["auditor", "clerk"]
    (person_id,) = conn.execute("SELECT id FROM persons WHERE name = 'Mira Leka'").fetchone()
    by = f"person/{surface.people['Arta'].id}"
    assert events_of(conn, person_id) == [("added", by), ("link_made", by)]
    assert surface.browser().open(f"/join/{token}").status == 200
    admin.open(f"/people/{person_id}?lang=en")
    again = admin.submit("link")
    (second,) = [node.text() for node in again.tree.css("#new-link code")]
    assert second != link
    assert surface.browser().open(f"/join/{token}").status == 403


def test_a_change_of_roles_ends_the_sessions_at_once(surface, admin, conn):
    ana = surface.sign_in("Ana")
    admin.open(path_of(surface, "Ana") + "?lang=en")
    done = admin.submit("roles", role=["clerk"])
    assert done.status == 200
    assert roles_of(conn, "Ana") == ["clerk"]
    assert ana.open("/people").path == "/sign-in"
    admin.page = done
    assert admin.submit("roles", role=["clerk"]).status == 403  # nothing would change
    assert ("roles_changed", f"person/{surface.people['Arta'].id}") in events_of(
        conn, surface.people["Ana"].id
    )


def test_a_disabled_person_is_out_at_once_and_in_again_when_enabled(surface, admin, conn):
    ana = surface.sign_in("Ana")
    admin.open(path_of(surface, "Ana") + "?lang=en")
    assert "no, since" in admin.submit("disable").words
    assert ana.open("/").path == "/sign-in"
    assert admin.post(path_of(surface, "Ana") + "/disable").status == 403
    admin.open(path_of(surface, "Ana") + "?lang=en")
    admin.submit("enable")
    assert ana.open("/").path == "/sign-in"  # the session stays ended
    assert surface.sign_in("Ana").is_signed_in


def test_the_list_tells_ways_in_by_number_only(surface, admin):
    surface.hire("Ana")
    page = admin.open("/people?lang=en")
    row = next(row.text() for row in page.tree.css("tbody tr") if "Ana" in row.text())
    assert "password and code" in row
    assert "never" in row
