"""From a report to the notice that leaves, by the keyboard alone: no page of this path needs a pointer."""

import email
from email import policy

import pytest
from psycopg.rows import namedtuple_row

from tests.builders import list_entry, trust
from tests.captures import capture
from tests.drawn_images import make_jpeg
from tests.furnishing import POLICE, PROVIDER
from tests.keyboard import Keyboard
from tests.outbound_runs import OutboundRun
from tests.public_server import run_public_surface
from tests.reviewing import HOST, SIZE, open_room
from triage.clock import utcnow
from triage.model import PersonRole
from triage.steps.change_recipients import enter_recipient
from triage.store.people import find_person
from workers.locate_host import locate_host

UNDO_S = 0.5
MAIL = "notices@hotline.example"


@pytest.fixture
def room(database, servers, tmp_path):
    with open_room(
        database, servers.redis_url, tmp_path / "room", undo_s=UNDO_S, hotline_mail=MAIL
    ) as opened:
        yield opened


@pytest.fixture
def form(room, database, tmp_path):
    """The public form beside the same desk."""
    with run_public_surface(
        tmp_path / "public", database.dsns["hotline_public"], form_age_min_s=0.0
    ) as surface:
        yield surface


def test_a_report_becomes_a_notice_that_leaves_by_the_keyboard_alone(
    room, form, database, servers, tmp_path, open_browser
):
    known = lay_known_picture(room)
    enter_recipients(room)
    hands = {}

    def take_seat(name, surface=room.surface):
        hands[name] = Keyboard(open_browser(surface.url, language="en"))
        return hands[name]

    reporter = take_seat("a reporter", form)
    reporter.open("/?lang=en")
    reporter.fill_in(Address_of_the_page=f"http://{HOST}{room.lay_picture()}\n", What_else="Seen today.")
    reporter.follow("Send the report")
    assert reporter.read("h1") == "The report has been received"
    reporter.open("/?lang=en")
    reporter.fill_in(Address_of_the_page=f"http://{HOST}{known}\n")
    reporter.follow("Send the report")
    new, known = capture_all(room)

    ana = take_seat("Ana")
    ana.sign_in(room.surface.hire("Ana"))
    ana.follow("Queue")
    ana.follow("Next")
    assert ana.read("h1") == reference_of(room, new)
    ana.hold("Space", ana.page.locator("img.clear"))
    ana.press("1", "q", "d")
    ana.fill_in(Age_of_the_youngest="7", Development_of_the_youngest="Pre")
    save(ana, "Control+Enter")
    assert states_of(room, new) == ("awaiting_assessment", "judged_once")

    ben = take_seat("Ben")
    ben.sign_in(room.surface.hire("Ben"))
    ben.follow("Queue")
    ben.follow("Second look")
    open_first(ben)
    ben.begin_count()
    ben.hold("Space", ben.page.locator("img.clear"))
    ben.press("1")
    save(ben, "Enter")
    assert ben.pressed == 3, "a new picture takes three keys"
    assert states_of(room, new) == ("actionable", "settled")
    ben.follow("No look")
    open_first(ben)
    ben.begin_count()
    save(ben, "Enter")
    assert ben.pressed == 1, "a known one takes one key, and no look"
    assert states_of(room, known) == ("actionable", "settled")

    locate_host(room.desk.tools, new)
    ben.follow("Hosting")
    ben.fill_in(Operator="Rrjeti Shembull shpk", Country="AL", AS_number="64496", IP_address="192.0.2.10")
    save(ben, "Enter")
    locate_host(room.desk.tools, new)
    assert states_of(room, new)[0] == "notified"

    lea = take_seat("Lea")
    lea.sign_in(room.surface.hire("Lea", PersonRole.LEAD))
    lea.follow("Notices and referrals")
    lea.follow(sending_of(room, new).reference)
    assert "not approved" in lea.read("#held")
    promised = lea.read("#words").splitlines()
    assert any(HOST.replace(".", "[.]") in line for line in promised)
    lea.follow("Recipients")
    lea.follow("Approve")
    lea.follow("Approve")
    assert sending_of(room, new).state == "queued"

    outbound = OutboundRun(database, servers.redis_url, tmp_path / "outbound", room.desk)
    with outbound.process(UNDO=str(UNDO_S)):
        outbound.sweep_until(lambda: sending_of(room, new).state == "sent")
    left = read_mail(outbound.deployment.state.outbox, PROVIDER.contact)
    # The indented line says until when the provider has time, to the minute: that counts from when it leaves.
    assert all(line.startswith("    ") for line in promised if line not in left)
    more = [line for line in left if line not in promised and not line.startswith("    ")]
    assert [line.partition(" ")[0] for line in more] == ["Policia", "The"], (
        "only that the police were told first"
    )
    lea.follow("Notices and referrals")
    lea.follow("Sent")
    lea.follow(sending_of(room, new).reference)
    assert lea.read("#words").splitlines() == left, "what left can be read word by word"
    for one in hands.values():
        one.check()


# What goes on at the desk meanwhile


def lay_known_picture(room):
    """Lay a picture that two trust a list to know, and return its path."""
    picture = make_jpeg(9000, "checkerboard", SIZE)
    room.site.lay_answer("/known.jpg", picture, "image/jpeg")
    room.desk.import_entries("list", list_entry("a", data=picture))
    trust(room.desk.conn, "list")
    return "/known.jpg"


def enter_recipients(room):
    """Enter the police and a provider; nobody has approved them."""
    room.surface.hire("Lin", PersonRole.LEAD)
    lin = find_person(room.desk.conn, "Lin")
    for new in (POLICE, PROVIDER):
        enter_recipient(room.desk.conn, new, person=lin, now=utcnow())
    room.desk.conn.commit()


def capture_all(room):
    """Capture what was reported, as a worker does; return the items, oldest first."""
    rows = room.desk.conn.execute("SELECT id FROM items ORDER BY received_at, id").fetchall()
    room.desk.conn.rollback()
    capture(room.desk, *[row[0] for row in rows])
    return [row[0] for row in rows]


def open_first(hands):
    """Go to the first row of a lane and open it, by two keys."""
    hands.press("j")
    with hands.page.expect_navigation():
        hands.press("o")
    hands.page.locator("#review").wait_for()
    hands.page.wait_for_load_state("load")


def save(hands, key):
    """Press what saves, and wait for the page that follows."""
    with hands.page.expect_navigation():
        hands.press(key)
    hands.page.wait_for_load_state("load")


def reference_of(room, item_id):
    (row,) = room.desk.conn.execute("SELECT reference FROM items WHERE id = %s", (item_id,)).fetchall()
    room.desk.conn.rollback()
    return row[0]


def states_of(room, item_id):
    """Return the state of an item and of its picture."""
    row = room.desk.conn.execute(
        "SELECT items.state::text, images.state::text FROM items JOIN shown_images ON item_id = items.id"
        " JOIN images ON images.id = image_id WHERE items.id = %s",
        (item_id,),
    ).fetchone()
    room.desk.conn.rollback()
    return row


def sending_of(room, item_id):
    """Return reference and state of the notice about an item."""
    cursor = room.desk.conn.cursor(row_factory=namedtuple_row)
    row = cursor.execute(
        "SELECT reference, state::text FROM sendings JOIN sending_items ON sending_id = sendings.id"
        " WHERE item_id = %s AND kind = 'notice'",
        (item_id,),
    ).fetchone()
    room.desk.conn.rollback()
    return row


def read_mail(outbox, contact):
    """Return the lines of the text of the one mail that left to somebody."""
    files = [path for path in outbox.rglob("*") if path.is_file()]
    mails = [email.message_from_bytes(path.read_bytes(), policy=policy.default) for path in files]
    (mail,) = [one for one in mails if contact in str(one["To"])]
    return mail.get_body(("plain",)).get_content().splitlines()


def test_a_pointer_would_have_been_noticed(form, open_browser):
    hands = Keyboard(open_browser(form.url))
    hands.open("/")
    hands.go_to("Kalo")
    hands.check()
    hands.page.mouse.move(40, 40)
    hands.window.settle()
    assert hands.touched
