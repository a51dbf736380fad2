"""Notices and referrals: the exact mail before it leaves, the tabs, and what a second assessor is not shown."""

import hashlib
from dataclasses import replace
from email import message_from_bytes
from email.policy import default

import pytest

from tests.assessing import Assessors, approve_police
from tests.builders import Clock
from tests.captures import capture, image_of, url
from tests.sending_desk import POLICE, PROVIDER, SETTINGS, make_partner, open_sending_desk
from tests.staff_server import run_staff_surface
from triage.model import ChannelOut, PersonRole, RecipientKind
from triage.packages.package import open_package
from triage.store.recipients import NewRecipient
from triage.vault import new_identity
from workers import send as job

URL = "http://photos.example/a.jpg"


@pytest.fixture
def clock(monkeypatch):
    patched = Clock()
    monkeypatch.setattr(job, "utcnow", patched)
    return patched


@pytest.fixture
def sender(database, tmp_path, clock):
    with open_sending_desk(database, tmp_path / "state", clock) as opened:
        opened.enter(POLICE)
        yield opened


@pytest.fixture
def surface(database, tmp_path, sender):
    with run_staff_surface(database, root=tmp_path, hotline_mail=SETTINGS.hotline_mail) as running:
        yield running


@pytest.fixture
def clerk(surface):
    return surface.sign_in("Klea", PersonRole.CLERK)


def open_sending(browser, sending):
    page = browser.open(f"/sendings/{sending.id}?lang=en")
    assert page.status == 200, page.words
    return page


def read_pre(page, selector):
    (node,) = page.tree.css(selector)
    return node.text()


# The exact mail


def test_what_is_shown_is_byte_for_byte_what_is_sent(sender, clerk):
    sender.enter(PROVIDER)
    item = sender.lay_item(URL)
    for kind in ("police", "notice"):
        if kind == "notice":
            sender.issue(item)
        page = open_sending(clerk, sender.find(item, kind))
        assert page.tree.css("main img") == []
        before = set(sender.files())
        sender.go(61)
        (path,) = set(sender.files()) - before
        sent = path.read_bytes()
        assert read_pre(page, "#digest") == hashlib.sha256(sent).hexdigest()
        head = sent.partition(b"\r\n\r\n")[0].decode("ascii").replace("\r\n", "\n")
        assert read_pre(page, "#head") == head
        mail = message_from_bytes(sent, policy=default)
        assert read_pre(page, "#words") == mail.get_body(("plain",)).get_content().replace("\r\n", "\n")
        shown = {
            node.css_first("summary code").text(): node.css_first("pre").text()
            for node in page.tree.css("details.attached")
        }
        assert shown == {one.get_filename(): one.get_content().decode() for one in mail.iter_attachments()}
        assert shown
        assert "These are the very bytes that left." in open_sending(clerk, sender.find(item, kind)).words


def test_what_is_sealed_is_read_as_it_was_before_and_a_package_has_no_head(sender, clerk):
    key = new_identity()[1]
    sender.enter(
        NewRecipient(
            "Sealed", RecipientKind.ISP, "en", ChannelOut.MAIL, "abuse@sealed.example", key, asns=(64500,)
        )
    )
    sender.enter(make_partner())
    sealed = sender.find(sender.lay_notified(URL))
    page = open_sending(clerk, sealed)
    assert "leave sealed to the recipient" in page.words
    assert page.tree.css("#digest") == []
    assert (
        '"reported_from"' in page.text or '"reporter"' in page.tree.css_first("details.attached pre").text()
    )
    partner = sender.find(
        sender.lay_notified("http://abroad.example/b.jpg", asn=64510, country="NL"), "hotline"
    )
    page = open_sending(clerk, partner)
    assert "It leaves as one file, signed and sealed" in page.words
    assert page.tree.css("#head") == []


def test_all_that_a_package_carries_can_be_read_before_it_is_sealed(sender, clerk):
    identity, key = new_identity()
    sender.enter(replace(make_partner(), public_key=key))
    item = sender.lay_item("http://abroad.example/b.jpg")
    sender.issue(item, asn=64510, country="NL")
    page = open_sending(clerk, sender.find(item, "hotline"))
    assert page.tree.css("main img") == []
    sender.go(61)
    sender.go(61)
    partner = sender.find(item, "hotline")
    sealed = (sender.tools.outbox.root / partner.file_name).read_bytes()
    packed = {
        name.removeprefix("data/"): data.decode()
        for name, data in open_package(sealed, identity, None).files.items()
        if name.startswith("data/")
    }
    shown = {
        node.css_first("summary code").text(): node.css_first("pre").text()
        for node in page.tree.css("details.attached")
    }
    assert read_pre(page, "#words") == packed.pop("summary.txt")
    assert set(shown) == set(packed) == {"custody.jsonl", "hashes.jsonl", "xarf-1.json"}
    assert {name: shown[name] for name in ("hashes.jsonl", "xarf-1.json")} == {
        name: packed[name] for name in ("hashes.jsonl", "xarf-1.json")
    }
    assert packed["custody.jsonl"].startswith(shown["custody.jsonl"]), (
        "what happened since is added at the end"
    )
    after = open_sending(clerk, partner)
    assert "Written with what is known now" in after.words


def test_the_undo_clock_runs_and_what_is_held_says_why(sender, clerk, clock):
    item = sender.lay_item(URL)
    page = open_sending(clerk, sender.find(item, "police"))
    assert "s at the earliest; until then it can be taken back" in page.words
    (said,) = page.tree.css("#leaves")
    assert 0 < int("".join(filter(str.isdigit, said.text()))) <= 60
    sender.issue(item)  # nobody is entered for this network
    page = open_sending(clerk, sender.find(item))
    assert "Why it is held: " in page.words
    assert "There are no words yet" in page.words or page.tree.css("#words") == []


# Tabs


def test_tabs_count_to_their_cap_follow_each_other_and_narrow_to_a_host(sender, clerk):
    sender.conn.execute(
        "INSERT INTO sendings (id, kind, reference, message_id, state, basis, host, created_at, reason)"
        " SELECT gen_random_uuid(), 'notice', 'NT-' || n, '<' || n || '@h.example>', 'waiting_approval', 'looked',"
        " 'host' || n % 3 || '.example', now() - n * interval '1 minute', 'nobody fitting is entered'"
        " FROM generate_series(1, 1500) AS n"
    )
    sender.conn.execute(
        "WITH one AS (SELECT id FROM items LIMIT 1) INSERT INTO sending_items SELECT sendings.id, one.id"
        " FROM sendings, one"
    )
    sender.conn.commit()
    item = sender.lay_item(URL)
    sender.conn.execute(
        "INSERT INTO sending_items SELECT id, %s FROM sendings ON CONFLICT DO NOTHING", (item,)
    )
    sender.conn.commit()
    page = clerk.open("/sendings?lang=en")
    assert "waits for approval (over 1000)" in page.words
    assert "leaving (1)" in page.words
    assert page.tree.css_first("#rows tbody th").text() == "NT-1500"  # the oldest first
    assert len(page.tree.css("#rows tbody tr")) == 100
    (following,) = page.tree.css(".buttons a")
    later = clerk.open("/sendings" + following.attributes["href"].partition("/sendings")[2])
    assert later.tree.css_first("#rows tbody th").text() == "NT-1400"
    narrow = clerk.open("/sendings?state=waiting&host=host1.example&lang=en")
    hosts = {node.text() for node in narrow.tree.css("#rows td:nth-child(4) code")}
    assert hosts == {"host1[.]example"}
    assert clerk.open("/sendings?host='--&lang=en").status == 200
    for text in ("nothing", "queued", "disputed", "leaving", "ended"):
        assert clerk.open(f"/sendings?state={text}").status == 200


# Blindness


def test_a_message_that_would_tell_of_the_first_assessor_is_withheld_from_the_second(desk, database):
    people = Assessors(desk.conn)
    approve_police(desk.conn, people)
    (item,) = desk.report(url("/first.jpg"))
    capture(desk, item)
    people.press("Ana", item, image_of(desk, item), 1, danger=True)
    ((sending_id, reference),) = desk.conn.execute("SELECT id, reference FROM sendings").fetchall()
    desk.conn.rollback()
    with run_staff_surface(database, root=desk.root) as surface:
        for name, role in (("Ben", PersonRole.ANALYST), ("Lin", PersonRole.LEAD)):
            browser = surface.sign_in(name, role)
            page = browser.open("/sendings?state=queued&lang=en")
            assert reference not in page.text
            assert "photos" not in page.words
            assert "of which a second opinion may be asked of you" in page.words
            assert browser.open("/sendings?state=queued&host=photos.example").tree.css("#rows") == []
            refused = browser.open(f"/sendings/{sending_id}?lang=en")
            assert (refused.status, "photos" in refused.words) == (403, False)
            assert browser.post(f"/sendings/{sending_id}/again").status == 403
        for name, role in (("Ana", PersonRole.ANALYST), ("Klea", PersonRole.CLERK)):
            browser = surface.sign_in(name, role)
            assert reference in browser.open("/sendings?state=queued").text
            assert browser.open(f"/sendings/{sending_id}").status == 200
