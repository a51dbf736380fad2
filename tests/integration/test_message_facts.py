"""What the sending process reads of a message, with its own rights; rows are laid down as the steps leave them."""

import hashlib
import json
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from hashsets.compute import digest_bytes
from hashsets.model import HitKind
from tests.builders import import_entries, list_entry, make_person, report, trust
from tests.messages import HOTLINE, flat
from triage.errors import UnknownThingError
from triage.ids import new_id
from triage.model import Media, PersonRole
from triage.packages.mail import build_mail
from triage.rules.compose import compose_message
from triage.rules.message_lint import check_message
from triage.rules.states import Basis, SendingKind, SendingPart
from triage.store import images
from triage.store.custody import NewEvent, append, stream_of
from triage.store.images import NewImage, NewMatch
from triage.store.message_facts import read_message_facts

pytestmark = pytest.mark.breaks_invariants  # the rows below stand without the steps that lead to them

T0 = datetime(2026, 3, 12, 12, 0, tzinfo=UTC)
PAGE, ONE, TWO = (f"http://photos.example/{name}" for name in ("page", "one.jpg", "two.jpg"))


def at(**delta):
    return T0 + timedelta(**delta)


def lay_items(conn, *urls):
    """Report addresses and leave them captured and settled; return their ids and captures."""
    ids = report(conn, *urls, now=T0)
    captures = []
    for item_id in ids:
        captures.append(new_id())
        conn.execute(
            "INSERT INTO captures (id, item_id, worker, started_at, lease_until, ended_at, outcome, bytes, sha256)"
            " VALUES (%s, %s, 'w', %s, %s, %s, 'captured', 1, sha256('x'))",
            (captures[-1], item_id, at(hours=1), at(hours=2), at(hours=1)),
        )
        conn.execute(
            "UPDATE items SET state = 'actionable', settled_at = %s, next_try_at = %s, capture_id = %s,"
            " captured_at = %s WHERE id = %s",
            (at(hours=3), at(hours=3), captures[-1], at(hours=1), item_id),
        )
    return list(zip(ids, captures, strict=True))


def lay_image(
    conn, item, data, *, verdict=None, baseline=None, basis="looked", state="settled", media="picture"
):
    """Show an image in an item; with a verdict it is settled, else it stands as said."""
    item_id, capture_id = item
    image = NewImage(new_id(), hashlib.sha256(data).digest(), Media(media), False, "not decoded", len(data))
    images.insert_image(conn, image, now=T0)
    images.insert_fingerprints(conn, image.id, digest_bytes(data), generation=0)
    images.link_image(conn, item_id, image.id, capture_id)
    conn.execute(
        "UPDATE images SET state = %(state)s, verdict = %(verdict)s, verdict_baseline = %(baseline)s,"
        " verdict_basis = %(basis)s, settled_at = %(at)s WHERE id = %(id)s",
        {
            "state": state,
            "verdict": verdict,
            "baseline": baseline,
            "basis": basis if verdict else None,
            "at": at(hours=3) if verdict else None,
            "id": image.id,
        },
    )
    return image.id


def lay_look(conn, item, image_id, person):
    conn.execute(
        "INSERT INTO looks (id, image_id, person_id, rendering, started_at, item_id, round, token_digest,"
        " expires_at, fetched_at) VALUES (%s, %s, %s, 'colour', %s, %s, 1, sha256(%s), %s, %s)",
        (new_id(), image_id, person, T0, item[0], image_id.bytes, at(minutes=1), T0),
    )


def lay_assessment(conn, person, *, image_id=None, item_id=None, label=1, basis="looked", hours=2):
    conn.execute(
        "INSERT INTO assessments (id, image_id, item_id, round, place, person_id, label, national, baseline,"
        " basis, assessed_at) VALUES (%s, %s, %s, 1, 'first', %s, %s, 'illegal', %s, %s, %s)",
        (new_id(), image_id, item_id, person, label, label == 1, basis, at(hours=hours)),
    )


def lay_recipient(conn, kind="isp", **fields):
    lead = make_person(conn, "Approver", PersonRole.LEAD)
    values = {
        "id": new_id(),
        "name": f"Recipient {kind}",
        "kind": kind,
        "contact": "abuse@hosting.example",
        "public_key": "age1x" if kind == "hotline" else None,
        "country": "AL",
        "asns": [64500] if kind == "isp" else [],
        "lead": lead,
        "at": T0,
    } | fields
    conn.execute(
        "INSERT INTO recipients (id, name, kind, language, channel, contact, public_key, country, asns,"
        " entered_at, approved_by, approved_at) VALUES (%(id)s, %(name)s, %(kind)s, 'sq+en', 'mail', %(contact)s,"
        " %(public_key)s, %(country)s, %(asns)s, %(at)s, %(lead)s, %(at)s)",
        values,
    )
    return values["id"]


def lay_sending(conn, recipient_id, *items, **fields):
    values = {
        "id": new_id(),
        "kind": "notice",
        "part": "first",
        "number": 0,
        "reference": "NT-AAAA-BBBB",
        "state": "queued",
        "basis": "looked",
        "host": "photos.example",
        "is_urgent": False,
        "is_held": False,
        "created_at": at(hours=4),
        "queued_at": at(hours=4),
        "sent_at": None,
        "recipient_id": recipient_id,
    } | fields
    values["message_id"] = f"<{values['id']}@isigurt.example>"
    values["left_as"] = "mail" if values["sent_at"] else None
    conn.execute(
        "INSERT INTO sendings (id, kind, part, number, reference, message_id, recipient_id, state, basis, host,"
        " is_urgent, is_held, created_at, queued_at, next_try_at, sent_at, left_as) VALUES (%(id)s, %(kind)s,"
        " %(part)s, %(number)s, %(reference)s, %(message_id)s, %(recipient_id)s, %(state)s, %(basis)s, %(host)s,"
        " %(is_urgent)s, %(is_held)s, %(created_at)s, %(queued_at)s, %(queued_at)s, %(sent_at)s, %(left_as)s)",
        values,
    )
    for item_id, _ in items:
        conn.execute(
            "INSERT INTO sending_items (sending_id, item_id) VALUES (%s, %s)", (values["id"], item_id)
        )
    conn.commit()
    return values["id"]


def lay_hosting(conn, item, agreement="agreed", hours=3, **fields):
    values = {
        "address": "198.51.100.7",
        "asn": 64500,
        "operator": "Practice SH.P.K.",
        "country": "AL",
    } | fields
    conn.execute(
        "INSERT INTO hostings (id, item_id, address, asn, operator, country, sources, agreement, located_at)"
        " VALUES (%(id)s, %(item)s, %(address)s, %(asn)s, %(operator)s, %(country)s, '[]', %(agreement)s, %(at)s)",
        values | {"id": new_id(), "item": item[0], "agreement": agreement, "at": at(hours=hours)},
    )


def lay_check(conn, item, result, hours):
    conn.execute(
        "INSERT INTO online_checks (id, item_id, result, checked_at) VALUES (%s, %s, %s, %s)",
        (new_id(), item[0], result, at(hours=hours)),
    )


@pytest.fixture
def read(as_role):
    def read_facts(sending_id, **more):
        conn = as_role("hotline_outbound")
        values = {"asked_within_s": 86400.0, "is_practice": False} | more
        facts = read_message_facts(conn, sending_id, hotline=HOTLINE, **values)
        conn.rollback()
        return facts

    return read_facts


def test_a_message_without_recipient_has_no_facts(conn, read) -> None:
    (item,) = lay_items(conn, ONE)
    conn.commit()
    with pytest.raises(UnknownThingError):
        read(new_id())
    conn.execute(
        "INSERT INTO sendings (id, kind, reference, message_id, state, basis, host, created_at, reason)"
        " VALUES (%s, 'notice', 'NT-1', '<a@b>', 'waiting_approval', 'looked', '', %s, 'nobody')",
        (item[0], T0),
    )
    conn.commit()
    with pytest.raises(UnknownThingError):
        read(item[0])


def test_a_notice_is_read_with_the_rights_of_the_sending_process(conn, read) -> None:
    person = make_person(conn, "Ana", PersonRole.ANALYST)
    (item,) = lay_items(conn, ONE)
    image_id = lay_image(conn, item, b"one", verdict="illegal", baseline=True)
    lay_look(conn, item, image_id, person)
    lay_assessment(conn, person, image_id=image_id)
    lay_hosting(conn, item)
    lay_hosting(conn, item, "disputed", hours=9, operator=None, address=None)
    lay_check(conn, item, "online", 5)
    lay_check(conn, item, "unreachable", 6)
    sending = lay_sending(conn, lay_recipient(conn), item)
    facts = read(sending)
    assert (facts.kind, facts.part, facts.reference) == (
        SendingKind.NOTICE,
        SendingPart.FIRST,
        "NT-AAAA-BBBB",
    )
    assert (facts.recipient_contact, facts.recipient_language) == ("abuse@hosting.example", "sq+en")
    assert facts.first_message_id is None
    assert facts.police_sent_at is None
    assert facts.last_online_at == at(hours=5)
    assert facts.written_at == at(hours=4)
    assert facts.asked_until == at(hours=28)
    assert facts.analyst_code == "A-" + hashlib.sha256(str(person).encode()).hexdigest()[:6]
    (read_item,) = facts.items
    assert (read_item.url, read_item.is_baseline, read_item.basis) == (ONE, True, Basis.LOOKED)
    assert (read_item.address, read_item.asn, read_item.country) == ("198.51.100.7", 64500, "AL")
    assert (read_item.first_seen_at, read_item.verified_at) == (T0, at(hours=5))
    (image,) = read_item.images
    assert image.sha256 == hashlib.sha256(b"one").hexdigest()
    assert image.sha1 == hashlib.sha1(b"one").hexdigest()
    assert image.md5 == hashlib.md5(b"one").hexdigest()
    assert image.pdq is None
    assert (image.settled_at, image.assessed_at) == (at(hours=3), at(hours=2))
    assert len(read_item.custody) == 2
    composed = compose_message(facts)
    check_message(composed)
    assert b"xarf-1.json" in build_mail(facts, composed)


def test_what_waited_for_its_approval_asks_from_when_it_could_leave(conn, read) -> None:
    (item,) = lay_items(conn, ONE)
    sending = lay_sending(conn, lay_recipient(conn), item, queued_at=at(days=5))
    assert read(sending).asked_until == at(days=6)


def test_an_image_that_is_not_illegal_is_not_told(conn, read) -> None:
    (item,) = lay_items(conn, ONE)
    for data, verdict in ((b"no", "not_illegal"), (b"out", "out_of_scope"), (b"maybe", "doubtful")):
        lay_image(conn, item, data, verdict=verdict, basis="facts")
    lay_image(conn, item, b"open", state="unjudged")
    lay_image(conn, item, b"illegal", verdict="illegal", baseline=False)
    sending = lay_sending(conn, lay_recipient(conn), item)
    (told,) = read(sending).items
    assert [image.sha256 for image in told.images] == [hashlib.sha256(b"illegal").hexdigest()]
    assert not told.is_baseline
    conn.execute("UPDATE items SET capture_id = NULL, captured_at = NULL WHERE id = %s", (item[0],))
    conn.commit()
    assert read(sending).items[0].images == (), "only what is shown now is told"


def test_what_nobody_could_view_is_told_on_facts_alone(conn, read) -> None:
    (item,) = lay_items(conn, ONE)
    lay_image(conn, item, b"video", verdict="doubtful", basis="facts", media="video")
    lay_image(conn, item, b"no", verdict="not_illegal")
    sending = lay_sending(
        conn, lay_recipient(conn, "police"), item, kind="police", basis="facts", is_held=True, is_urgent=True
    )
    facts = read(sending)
    (image,) = facts.items[0].images
    assert (image.basis, image.baseline, image.settled_at, image.media) == (Basis.FACTS, None, None, "video")
    assert facts.items[0].basis == Basis.FACTS
    assert (facts.is_danger, facts.is_held) == (True, True)
    composed = compose_message(facts)
    check_message(composed)
    assert "none, not viewed by anyone" in flat(composed.text)


def test_the_word_of_a_first_assessor_is_told_as_such(conn, read) -> None:
    person = make_person(conn, "Ana", PersonRole.ANALYST)
    (item,) = lay_items(conn, ONE)
    image_id = lay_image(conn, item, b"one", state="judged_once")
    lay_look(conn, item, image_id, person)
    lay_assessment(conn, person, image_id=image_id)
    facts = read(lay_sending(conn, lay_recipient(conn, "police"), item, kind="police"))
    (image,) = facts.items[0].images
    assert (image.baseline, image.basis, image.settled_at) == (True, Basis.LOOKED, None)
    composed = compose_message(facts)
    check_message(composed)
    assert "one assessor so far" in composed.text


def test_a_page_tells_the_images_of_its_pictures(conn, read) -> None:
    page, one, two = lay_items(conn, PAGE, ONE, TWO)
    lay_image(conn, one, b"one", verdict="illegal", baseline=False)
    lay_image(conn, two, b"two", verdict="not_illegal")
    for place, child in enumerate((one, two)):
        conn.execute(
            "INSERT INTO item_children (parent_id, child_id, capture_id, place) VALUES (%s, %s, %s, %s)",
            (page[0], child[0], page[1], place),
        )
    facts = read(lay_sending(conn, lay_recipient(conn), page, one))
    by_url = {item.url: [image.sha256 for image in item.images] for item in facts.items}
    assert by_url == {PAGE: [hashlib.sha256(b"one").hexdigest()], ONE: [hashlib.sha256(b"one").hexdigest()]}


def test_a_known_file_is_told_with_the_lists_that_hold_it(conn, read) -> None:
    person = make_person(conn, "Ana", PersonRole.ANALYST)
    (item,) = lay_items(conn, ONE)
    image_id = lay_image(conn, item, b"one", verdict="illegal", baseline=True, basis="exact_hash")
    for name in ("trusted-list", "other-list"):
        import_entries(conn, name, list_entry("k", data=b"one"))
    trust(conn, "trusted-list")
    prints = images.read_fingerprints(conn, image_id)
    (sha256,) = (key for key in prints if key.algorithm == "sha256")
    for (entry_id,) in conn.execute("SELECT id FROM hash_entries").fetchall():
        match = NewMatch(prints[sha256], image_id, entry_id, HitKind.EXACT, 0, "baseline", True)
        images.insert_matches(conn, [match], generation=1, now=T0)
    lay_assessment(conn, person, image_id=image_id, basis="exact_hash")
    lay_hosting(conn, item)
    facts = read(lay_sending(conn, lay_recipient(conn), item, basis="exact_hash"))
    assert facts.items[0].images[0].lists == ("trusted-list",)
    assert facts.items[0].basis == Basis.EXACT_HASH
    composed = compose_message(facts)
    check_message(composed)
    assert '"trusted-list"' in composed.text
    assert "assessed" not in composed.text


def test_the_police_were_told_only_when_they_were_told_of_all(conn, read) -> None:
    one, two = lay_items(conn, ONE, TWO)
    police = lay_recipient(conn, "police")
    notice = lay_sending(conn, lay_recipient(conn), one, two)
    lay_sending(conn, police, one, kind="police", reference="PR-1", state="sent", sent_at=at(hours=5))
    assert read(notice).police_sent_at is None
    second = lay_sending(conn, police, two, kind="police", reference="PR-2")
    assert read(notice).police_sent_at is None
    conn.execute(
        "UPDATE sendings SET state = 'sent', sent_at = %s, left_as = 'mail' WHERE id = %s",
        (at(hours=6), second),
    )
    conn.commit()
    assert read(notice).police_sent_at == at(hours=6)
    conn.execute("UPDATE sendings SET state = 'withdrawn', reason = 'x' WHERE id = %s", (second,))
    conn.commit()
    assert read(notice).police_sent_at is None


def test_what_follows_knows_the_first(conn, read) -> None:
    (item,) = lay_items(conn, ONE)
    recipient = lay_recipient(conn)
    first = lay_sending(conn, recipient, item, state="sent", sent_at=at(hours=5))
    reminder = lay_sending(conn, recipient, item, part="reminder", number=1, created_at=at(hours=30))
    facts = read(reminder)
    assert facts.first_message_id == f"<{first}@isigurt.example>"
    assert facts.first_sent_at == at(hours=5)
    assert (facts.part, facts.number) == (SendingPart.REMINDER, 1)


def test_an_item_that_was_judged_itself_stands_on_its_own_word(conn, read) -> None:
    person = make_person(conn, "Ana", PersonRole.ANALYST)
    (item,) = lay_items(conn, PAGE)
    lay_assessment(conn, person, item_id=item[0], label=1)
    (read_item,) = read(lay_sending(conn, lay_recipient(conn), item)).items
    assert (read_item.is_baseline, read_item.basis, read_item.images) == (True, Basis.LOOKED, ())


def test_bytes_count_as_kept_only_where_they_are_kept(conn, read) -> None:
    (item,) = lay_items(conn, ONE)
    image_id = lay_image(conn, item, b"one", verdict="illegal", baseline=True)
    sending = lay_sending(conn, lay_recipient(conn, "police"), item, kind="police")
    assert not read(sending, keeps_evidence=True).items[0].images[0].is_kept
    conn.execute(
        "INSERT INTO evidence_objects (name, image_id, kind, bytes, created_at) VALUES ('n', %s, 'bytes', 1, %s)",
        (image_id, T0),
    )
    conn.commit()
    assert read(sending, keeps_evidence=True).items[0].images[0].is_kept
    assert not read(sending).items[0].images[0].is_kept


def test_the_records_of_an_item_come_whole_and_in_order(conn, read) -> None:
    (item,) = lay_items(conn, ONE)
    append(conn, [NewEvent(stream_of("item", item[0]), "placed")] * 12, actor="worker", now=T0)
    records = [
        json.loads(record) for record in read(lay_sending(conn, lay_recipient(conn), item)).items[0].custody
    ]
    assert [record["seq"] for record in records] == list(range(1, 15))
    assert {record["stream"] for record in records} == {stream_of("item", item[0])}


def test_the_sending_process_cannot_read_what_it_need_not(as_role) -> None:
    conn = as_role("hotline_outbound")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("SELECT sealed_identity FROM evidence_keys")
