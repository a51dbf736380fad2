"""The page of hash sets: what each role sees, and trust by two persons, as a browser without scripts sends it."""

from datetime import timedelta

import pytest

from hashsets.model import EntryClass
from tests.builders import SENDING, import_entries, list_entry, make_person
from tests.staff_server import run_staff_surface
from triage.clock import utcnow
from triage.model import PersonRole
from triage.steps.change_hash_sets import dispute_entry
from triage.steps.import_hash_list import ListSource, SetFacts, import_list

READERS = (PersonRole.ANALYST, PersonRole.LEAD, PersonRole.AUDITOR)


@pytest.fixture
def surface(database, tmp_path):
    with run_staff_surface(database, root=tmp_path) as running:
        yield running


@pytest.fixture
def baseline(conn):
    entries = [list_entry(f"k{number}", data=f"{number}".encode()) for number in range(20)]
    import_entries(conn, "baseline", *entries)
    return entries


def read_trust(conn):
    rows = conn.execute(
        "SELECT class, step, persons.name FROM hash_set_trusts JOIN persons ON persons.id = person_id ORDER BY at"
    ).fetchall()
    conn.rollback()
    return rows


def test_who_may_see_the_page_sees_no_hash_on_it(surface, baseline):
    for role in PersonRole:
        browser = surface.sign_in(f"person {role}", role)
        page = browser.open("/hash-sets?lang=en")
        assert page.status == (200 if role in READERS else 403)
        if role in READERS:
            assert "baseline: 20" in page.words
            assert not any(value[:12] in page.text for entry in baseline for _, value in entry.fingerprints)
            assert page.has_form("/propose-trust") == (role is PersonRole.LEAD)


def test_a_lead_proposes_and_another_person_confirms(surface, conn, baseline):
    lena, ana, mira = (
        surface.sign_in("Lena", PersonRole.LEAD),
        surface.sign_in("Ana"),
        surface.sign_in("Mira", PersonRole.LEAD),
    )
    mira.open("/hash-sets?lang=en")  # and leaves the page open
    lena.open("/hash-sets?lang=en")
    refused = lena.submit("/propose-trust", reason="  ")
    assert refused.status == 403
    assert "written reason" in refused.words
    lena.open("/hash-sets?lang=en")
    refused = lena.submit("/propose-trust", reason="x" * 2001)
    assert refused.status == 403
    kept = [node.text() for node in refused.tree.css("textarea[name=reason]")]
    assert kept.count("x" * 2001) == 1, "only in the form that was refused"
    lena.open("/hash-sets?lang=en")
    page = lena.submit("/propose-trust", reason="verified <b>by</b> sample")
    assert "proposed by Lena" in page.words
    assert "verified <b>by</b> sample" in page.words
    assert not page.has_form("/confirm-trust")
    # Who wanted to propose too has not confirmed by that.
    assert mira.submit("/propose-trust", reason="me too").status == 409
    assert read_trust(conn) == [("baseline", "proposed", "Lena")]
    ana.open("/hash-sets?lang=en")
    page = ana.submit("/confirm-trust", reason="read it too")
    assert "trusted" in page.words
    assert read_trust(conn) == [("baseline", "proposed", "Lena"), ("baseline", "confirmed", "Ana")]


def test_nobody_confirms_their_own_proposal_nor_trusts_another_class(surface, conn, baseline):
    lena = surface.sign_in("Lena", PersonRole.LEAD)
    (set_id,) = conn.execute("SELECT id FROM hash_sets").fetchone()
    conn.rollback()
    form = {"class": "baseline", "reason": "read"}
    assert lena.post(f"/hash-sets/{set_id}/propose-trust", form).status == 200
    assert lena.post(f"/hash-sets/{set_id}/confirm-trust", form).status == 403
    for word in ("advisory", "not_illegal", "nothing", ""):
        assert lena.post(f"/hash-sets/{set_id}/propose-trust", form | {"class": word}).status == 403
    assert read_trust(conn) == [("baseline", "proposed", "Lena")]


def test_what_is_old_disputed_or_waits_is_said(surface, conn, baseline):
    import_entries(conn, "old", list_entry("o", data=b"o"), now=utcnow() - timedelta(days=8))
    import_entries(
        conn, "plain", list_entry("p", data=b"p", entry_class=EntryClass.NOT_ILLEGAL), is_negative=True
    )
    import_entries(conn, "contra", list_entry("c", data=b"1", entry_class=EntryClass.NOT_ILLEGAL))
    make_person(conn, "Lea", PersonRole.LEAD)
    dispute_entry(conn, "baseline", "k2", by="Lea", reason="a logo", now=utcnow(), sending=SENDING)
    import_list(
        conn,
        "baseline",
        baseline[:5],
        facts=SetFacts("", "", ""),
        actor="cli",
        now=utcnow(),
        sending=SENDING,
        source=ListSource("csv", bytes(32), is_snapshot=True),
    )
    conn.commit()
    browser = surface.sign_in("Ana")
    for language, words in (
        (
            "en",
            ("Older than 7 days", "a list of harmless files", "A list waits for a lead", "withdraw 15 of 20"),
        ),
        ("sq", ("Më e vjetër se 7 ditë", "Një listë pret drejtuesin", "tërhiqte 15 nga 20")),
    ):
        page = browser.open(f"/hash-sets?lang={language}")
        assert page.status == 200
        for said in words:
            assert said in page.words
    assert page.words.count("Më e vjetër se 7 ditë") == 1
    page = browser.open("/hash-sets?lang=en")
    assert "Generation of the lists in force: " in page.words
    assert "baseline, baseline: disputed by Lea" in page.words
    assert "a logo" in page.words
    assert page.list_links("/hash-sets/look-up") == ["/hash-sets/look-up"]
    auditor = surface.sign_in("Rea", PersonRole.AUDITOR)
    assert auditor.open("/hash-sets").list_links("/hash-sets/look-up") == []


@pytest.mark.breaks_invariants("its picture is shown by no item")
def test_a_past_decision_is_gone_through_by_who_may_reopen(surface, conn, baseline):
    conn.execute(
        "WITH image AS (INSERT INTO images (id, sha256, media, can_be_shown, bytes, first_seen_at, state, verdict,"
        " verdict_basis, settled_at) VALUES (gen_random_uuid(), %s, 'other', false, 1, now(), 'settled', 'illegal',"
        " 'looked', now()) RETURNING id), print AS (INSERT INTO fingerprints (id, image_id, algorithm, version,"
        " frame, orientation, value, matched_generation) SELECT gen_random_uuid(), id, 'sha256', 1, 0, 'bytes', %s, 1"
        " FROM image RETURNING id, image_id) INSERT INTO matches (id, fingerprint_id, image_id, entry_id, kind,"
        " distance, class, is_trusted, generation, matched_at) SELECT gen_random_uuid(), print.id, image_id,"
        " hash_entries.id, 'exact', 0, 'baseline', false, 1, now() FROM print, hash_entries WHERE source_key = 'k3'",
        (bytes(32), bytes(32)),
    )
    make_person(conn, "Lea", PersonRole.LEAD)
    dispute_entry(conn, "baseline", "k3", by="Lea", reason="a logo", now=utcnow(), sending=SENDING)
    conn.commit()
    auditor, ana = surface.sign_in("Rea", PersonRole.AUDITOR), surface.sign_in("Ana")
    page = auditor.open("/hash-sets?lang=en")
    assert "the entry was disputed by us" in page.words
    assert not page.has_form("/done")
    ana.open("/hash-sets?lang=en")
    page = ana.submit("/done")
    assert "disputed by us" not in page.words
    assert conn.execute("SELECT done_by IS NOT NULL FROM hash_recalls").fetchone() == (True,)
