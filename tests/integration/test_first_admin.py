"""The first admin comes in by a link that `hotline up` prints, once, and only while nobody can sign in as admin."""

from datetime import timedelta

import pytest

from tests.builders import make_person
from tests.staff_server import run_staff_surface
from triage.cli.up import describe_offer
from triage.clock import utcnow
from triage.errors import NotAllowedError
from triage.model import PersonRole
from triage.settings import load_settings
from triage.steps.change_persons import disable_person
from triage.steps.offer_first_admin import Offer, offer_first_admin
from triage.steps.sign_in import make_link, new_token, read_link
from triage.store.people import find_person

LIFE_S = 3600.0
SETTINGS = load_settings({})


def offer(conn, name="admin", *, now=None):
    return offer_first_admin(conn, name, token=new_token(), life_s=LIFE_S, now=now or utcnow())


def test_an_empty_database_gets_an_admin_and_a_link_and_only_one_until_it_expires(conn):
    first = offer(conn)
    assert first.offer is Offer.MADE
    assert find_person(conn, "admin").roles == (PersonRole.ADMIN,)
    assert read_link(conn, first.token, now=utcnow()).name == "admin"
    (line,) = describe_offer(first, SETTINGS)
    assert line.endswith(f"http://localhost:8701/join/{first.token}")
    assert first.token not in repr(first)
    again = offer(conn)
    assert (again.offer, again.token) == (Offer.OPEN, "")
    (line,) = describe_offer(again, SETTINGS)
    assert 'hotline user link "admin"' in line
    later = offer(conn, now=utcnow() + timedelta(seconds=LIFE_S + 1))
    assert later.offer is Offer.MADE
    with pytest.raises(NotAllowedError):
        read_link(conn, first.token, now=utcnow())  # superseded


def test_once_an_admin_can_sign_in_nothing_is_offered_any_more(database, conn, tmp_path):
    with run_staff_surface(database, root=tmp_path) as console:
        console.hire("Ada", PersonRole.ADMIN)
    first = offer(conn)
    assert first.offer is Offer.NOT_NEEDED
    assert describe_offer(first, SETTINGS) == []
    assert find_person(conn, "admin") is None


def test_an_admin_who_never_joined_gets_the_link_instead_of_another_one(conn):
    make_person(conn, "Ada", PersonRole.ADMIN)
    first = offer(conn)
    assert (first.offer, first.name) == (Offer.MADE, "Ada")
    assert find_person(conn, "admin") is None


def test_a_link_of_the_command_line_counts_as_open(conn):
    ada = make_person(conn, "Ada", PersonRole.ADMIN)
    make_link(conn, ada, token=new_token(), now=utcnow(), life_s=LIFE_S, actor="cli")
    assert offer(conn).offer is Offer.OPEN


def test_somebody_else_of_that_name_is_made_no_admin(conn):
    make_person(conn, "Admin", PersonRole.ANALYST)
    first = offer(conn)
    assert first.offer is Offer.NAME_TAKEN
    assert "somebody else" in describe_offer(first, SETTINGS)[0]
    assert find_person(conn, "Admin").roles == (PersonRole.ANALYST,)


def test_a_disabled_admin_is_not_brought_back(conn):
    make_person(conn, "admin", PersonRole.ADMIN)
    disable_person(conn, "admin", actor="cli", now=utcnow())
    assert offer(conn).offer is Offer.NAME_TAKEN
    assert offer(conn, "Teuta").name == "Teuta"


def test_a_name_that_is_none_is_refused(conn):
    with pytest.raises(NotAllowedError):
        offer(conn, "<b>")
