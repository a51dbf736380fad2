"""Every page of the console that can be opened, by its route, with something on it; and how to get there."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.furnishing import ADMIN, DESK, House
from triage.clock import utcnow
from triage.ids import new_id, new_object_name
from triage.steps.lease_item import take_lease
from triage.steps.sign_in import make_link, new_token
from triage.store.hand_over_notes import NoteWords, insert_note
from triage.store.people import find_person

Path = Callable[[House], str]
NOBODY = ""
"""Who opens a page without having signed in."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One page.

    Attributes:
        route: its template in the table of routes.
        who: opens it: DESK, ADMIN or NOBODY.
        path: its address in a furnished house.
    """

    route: str
    who: str
    path: Path


def _at(path: str) -> Path:
    return lambda _: path


def _join(house: House) -> str:
    token, desk = new_token(), house.desk
    person_id = house.surface.hire("Zana").id
    make_link(desk.conn, person_id, token=token, now=utcnow(), life_s=3600.0, actor="cli")
    desk.conn.commit()
    return f"/join/{token}"


def _answered(house: House) -> str:
    """A file that was compared: one entry has the same bytes."""
    conn, question_id = house.desk.conn, new_id()
    conn.execute(
        "INSERT INTO file_questions (id, person_id, object_name, bytes, asked_at, expires_at, tries, lease_until,"
        " answered_at, outcome, reason, generation, compared) SELECT %s, id, %s, 9, now(), now() + interval '1 hour',"
        " 1, now(), now(), 'compared', 'the file is damaged', 3, 3 FROM persons WHERE name = %s",
        (question_id, new_object_name(), DESK),
    )
    conn.execute(
        "INSERT INTO file_question_hits (question_id, entry_id, algorithm, distance, band)"
        " SELECT %s, id, 'sha256', 0, 'exact' FROM hash_entries WHERE source_key = 'b1'",
        (question_id,),
    )
    conn.commit()
    return f"/hash-sets/look-up/{question_id}"


def find_alike(house: House) -> str:
    """A picture that Dita looked at and judged, of a page that she has open; another one of it is alike."""
    conn, item_id = house.desk.conn, house.items["alike"]
    dita = find_person(conn, DESK)
    take_lease(conn, item_id, person=dita, now=utcnow(), life_s=1800.0)
    rows = conn.execute(
        "SELECT image_id FROM assessments WHERE person_id = %s AND image_id IN (SELECT image_id FROM item_images"
        " JOIN item_children ON child_id = item_id WHERE parent_id = %s)",
        (dita.id, item_id),
    ).fetchall()
    conn.commit()
    return f"/items/{item_id}/images/{rows[0][0]}/alike?lane=look"


def _judge(house: House) -> str:
    """A picture of a page that Dita has open, which waits for her."""
    house.open_path("page")
    (row,) = house.desk.conn.execute(
        "SELECT image_id FROM item_images JOIN item_children ON child_id = item_id JOIN images ON images.id = image_id"
        " WHERE parent_id = %s AND state = 'unjudged' ORDER BY image_id LIMIT 1",
        (house.items["page"],),
    ).fetchall()
    house.desk.conn.rollback()
    return f"/items/{house.items['page']}/images/{row[0]}/detail?lane=look"


def _mine(house: House) -> str:
    """What is Dita's to go on with: among it an item that Ben left with a note."""
    conn, ben = house.desk.conn, find_person(house.desk.conn, "Ben")
    words = NoteWords("", "Pyet <b>sërish</b> " + "për kapje " * 30, "")
    insert_note(conn, house.items["new"], words, person_id=ben.id, now=utcnow())
    conn.commit()
    return "/queue?mine=1"


_ITEM = "/items/{item_id}"

SHOWN: tuple[Shown, ...] = (
    Shown("/sign-in", NOBODY, _at("/sign-in")),
    Shown("/signed-out", NOBODY, _at("/signed-out")),
    Shown("/join/{token}", NOBODY, _join),
    Shown("/", DESK, _at("/")),
    Shown("/welfare", DESK, _at("/welfare")),
    Shown("/break", DESK, _at("/break")),
    Shown("/account", DESK, _at("/account")),
    Shown("/account/password", DESK, _at("/account/password")),
    Shown("/account/passkey", DESK, _at("/account/passkey")),
    Shown("/recovery", DESK, _at("/recovery")),
    Shown("/queue", DESK, _at("/queue?lane=look")),
    Shown("/queue", DESK, _at("/queue?lane=danger")),
    Shown("/queue", DESK, _at("/queue?lane=partner&still=1")),
    Shown("/queue", DESK, _mine),
    Shown(_ITEM, DESK, lambda house: house.item_path("second", "second")),
    Shown(_ITEM, DESK, lambda house: house.open_path("new")),
    Shown(_ITEM, DESK, lambda house: house.open_path("page")),
    Shown(_ITEM, DESK, lambda house: house.open_path("lead", "lead")),
    Shown(_ITEM, DESK, lambda house: house.open_path("known", "no_look")),
    Shown(_ITEM, DESK, lambda house: house.open_path("danger", "danger")),
    Shown(_ITEM, DESK, lambda house: house.item_path("sent")),
    Shown(_ITEM, DESK, lambda house: house.open_path("attack")),
    Shown(_ITEM + "/detail", DESK, lambda house: f"/items/{house.items['settled']}/detail"),
    Shown(_ITEM + "/images/{image_id}/detail", DESK, _judge),
    Shown("/training", DESK, _at("/training")),
    *(Shown("/training/{number}", DESK, _at(f"/training/{number}")) for number in (1, 2, 3)),
    Shown(_ITEM + "/images/{image_id}/alike", DESK, find_alike),
    Shown("/hand-on", DESK, _at("/hand-on")),
    Shown("/held", DESK, _at("/held")),
    Shown("/hosting", DESK, _at("/hosting")),
    Shown("/sendings", DESK, _at("/sendings")),
    Shown("/sendings/{sending_id}", DESK, lambda house: f"/sendings/{house.find_sending()}"),
    Shown("/recipients", DESK, _at("/recipients")),
    Shown("/hash-sets", DESK, _at("/hash-sets")),
    Shown("/hash-sets/look-up", DESK, _at("/hash-sets/look-up")),
    Shown("/hash-sets/look-up/{question_id}", DESK, _answered),
    Shown("/search", DESK, _at("/search")),
    Shown("/search", DESK, _at("/search?q=.example")),
    Shown(_ITEM + "/history", DESK, lambda house: f"/items/{house.items['sent']}/history"),
    Shown(_ITEM + "/history", DESK, lambda house: f"/items/{house.items['attack']}/history"),
    Shown("/audit", DESK, _at("/audit")),
    Shown("/audit", DESK, _at("/audit?kind=recipient")),
    Shown("/people", ADMIN, _at("/people")),
    Shown("/people/{person_id}", ADMIN, lambda house: f"/people/{house.surface.hire('Ben').id}"),
    Shown("/tokens", ADMIN, _at("/tokens")),
    Shown("/settings", ADMIN, _at("/settings")),
    Shown("/recovery", ADMIN, _at("/recovery")),
    Shown("no route", DESK, _at("/nothing-is-here")),
    Shown("no route", NOBODY, _at("/nothing-is-here")),
    Shown("no right", ADMIN, _at("/queue")),
)

SHOWS_NO_PAGE: dict[str, str] = {
    "/notes": "names nothing, and so has another title; looked over in test_panic.py",
    "/queue/rows": "a part of the queue's page, shown there",
    "/session": "a number, for a script",
    "/looks/{token}": "a picture, once",
    "/looks/{look_id}/page": "leads back to the item",
    "/training/looks/{token}": "a drawing",
    "/training/{number}/thumbs/{place}": "a thumb",
    _ITEM + "/images/{image_id}/thumb": "a thumb",
    "/hand-on/export": "a text file, after the confirmation",
    "/healthz": "for machines",
}
"""GET routes that answer with something else, and with what."""
