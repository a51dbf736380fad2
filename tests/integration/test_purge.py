"""Retention: what has served is destroyed, key first, and nothing else ever is."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.builders import open_desk, settle_image
from tests.drawn_images import make_jpeg
from tests.local_sites import LocalSite
from triage.clock import utcnow
from triage.errors import StorageError
from triage.sandbox.decoder import Decoder, DecoderLimits
from triage.store import captures, custody, evidence
from triage.vault import EVIDENCE, INTAKE, ObjectVault, unseal
from workers.capture_item import capture_item
from workers.dialling.practice_names import PracticeNames
from workers.fetcher.door import Fetcher
from workers.fetcher.wire import FetchLimits
from workers.purge_expired import purge_expired, purge_orphans

UNDO_S = 60.0
ORPHAN_S = 3600.0


@pytest.fixture(scope="module")
def shared():
    with LocalSite() as site, Decoder(DecoderLimits()) as decoder:
        rows = [("photos.example", "203.0.113.10", "127.0.0.1", site.port)]
        with Fetcher(FetchLimits(total_s=3.0), PracticeNames.from_rows(rows)) as fetcher:
            for seed in range(3):
                site.lay_answer(f"/{seed}.jpg", make_jpeg(seed), "image/jpeg")
            yield rows, fetcher, decoder


@pytest.fixture
def desk(database, servers, tmp_path, shared):
    rows, fetcher, decoder = shared
    with open_desk(
        database,
        servers.redis_url,
        tmp_path,
        fetcher=fetcher,
        decoder=decoder,
        names=rows,
        undo_s=UNDO_S,
        orphan_after_s=ORPHAN_S,
    ) as opened:
        yield opened


def capture_images(desk, number):
    """Capture so many pictures and return their image ids."""
    items = desk.report(*(f"http://photos.example/{seed}.jpg" for seed in range(number)))
    for item in items:
        capture_item(desk.tools, item)
    found = dict(desk.conn.execute("SELECT item_id, image_id FROM item_images").fetchall())
    desk.conn.rollback()
    return [found[item] for item in items]


def purge(desk, *, seconds=0.0, settings=None):
    now = utcnow() + timedelta(seconds=seconds)
    return purge_expired(desk.tools.database, desk.tools.vault, settings or desk.tools.settings, now=now)


def purge_lost(desk, *, seconds=0.0):
    now = utcnow() + timedelta(seconds=seconds)
    return purge_orphans(desk.tools.database, desk.tools.vault, desk.tools.settings, now=now).orphans


def names_of(desk, image):
    found = {str(one.kind): one.name for one in evidence.read_evidence_objects(desk.conn, image)}
    desk.conn.rollback()
    return found


def test_views_and_bytes_go_when_the_undo_window_is_over_and_not_before(desk):
    gone, kept, fresh = capture_images(desk, 3)
    names = {image: names_of(desk, image) for image in (gone, kept, fresh)}
    sealed = desk.tools.vault.get(EVIDENCE, names[gone]["bytes"])
    row = evidence.read_evidence_key(desk.conn, gone)
    assert unseal(sealed, unseal(row, desk.vault_identity).decode()) == make_jpeg(0)
    settle_image(desk.conn, gone, "illegal", settled_at=utcnow() - timedelta(seconds=UNDO_S + 1))
    settle_image(desk.conn, fresh, "not_illegal", settled_at=utcnow() - timedelta(seconds=UNDO_S - 30))
    assert purge(desk).evidence == 4
    assert desk.objects(EVIDENCE) == {*names[kept].values(), *names[fresh].values()}
    assert evidence.read_evidence_key(desk.conn, gone) is None
    for image in (kept, fresh):
        assert evidence.read_evidence_key(desk.conn, image) is not None
    # Whoever kept a copy of the sealed object cannot open it: no key that is left fits.
    for image in (kept, fresh):
        other = unseal(evidence.read_evidence_key(desk.conn, image), desk.vault_identity).decode()
        with pytest.raises(StorageError):
            unseal(sealed, other)
    for identity in (desk.vault_identity, desk.tools.intake_identity):
        with pytest.raises(StorageError):
            unseal(sealed, identity)
    (event,) = [e for e in custody.read_stream(desk.conn, f"image/{gone}") if e.event == "evidence_destroyed"]
    assert event.actor == "sweep"
    assert '"objects":4' in event.record
    desk.conn.rollback()
    assert desk.count("SELECT count(*) FROM evidence_destroyed WHERE object_gone") == 4
    assert purge(desk).evidence == 0
    assert purge(desk, seconds=31).evidence == 4
    assert desk.count("SELECT count(*) FROM fingerprints") == 36
    assert custody.verify(desk.conn).broken == ()


def test_bytes_are_kept_for_the_police_of_illegal_images_only_until_that_is_switched_off(desk):
    illegal, other = capture_images(desk, 2)
    before = utcnow() - timedelta(seconds=UNDO_S + 1)
    settle_image(desk.conn, illegal, "illegal", settled_at=before)
    settle_image(desk.conn, other, "not_illegal", settled_at=before)
    on = replace(desk.tools.settings, evidence_for_police=True)
    bytes_name = names_of(desk, illegal)["bytes"]
    assert purge(desk, settings=on).evidence == 7
    assert desk.objects(EVIDENCE) == {bytes_name}
    identity = unseal(evidence.read_evidence_key(desk.conn, illegal), desk.vault_identity).decode()
    desk.conn.rollback()
    assert unseal(desk.tools.vault.get(EVIDENCE, bytes_name), identity) == make_jpeg(0)
    assert purge(desk, settings=on).evidence == 0
    assert purge(desk).evidence == 1
    assert desk.objects(EVIDENCE) == set()
    assert desk.count("SELECT count(*) FROM evidence_keys") == 0


def test_kept_bytes_do_not_stand_in_the_way_of_others(desk, monkeypatch):
    """Rows that are kept for the police must not fill the batch for ever."""
    monkeypatch.setattr("workers.purge_expired._BATCH", 2)
    first, second, third = capture_images(desk, 3)
    on = replace(desk.tools.settings, evidence_for_police=True)
    for place, image in enumerate((first, second)):
        settle_image(desk.conn, image, "illegal", settled_at=utcnow() - timedelta(seconds=900 - place))
    for _ in range(20):
        purge(desk, settings=on)
    assert len(desk.objects(EVIDENCE)) == 6
    settle_image(desk.conn, third, "not_illegal", settled_at=utcnow() - timedelta(seconds=UNDO_S + 1))
    for _ in range(4):
        purge(desk, settings=on)
    assert len(desk.objects(EVIDENCE)) == 2


def test_a_store_that_fails_in_mid_purge_loses_nothing_and_is_finished_later(desk, monkeypatch):
    (image, untouched) = capture_images(desk, 2)
    settle_image(desk.conn, image, "not_illegal", settled_at=utcnow() - timedelta(seconds=UNDO_S + 1))
    delete, calls = ObjectVault.delete, []

    def fail_third(self, area, name):
        calls.append(name)
        if len(calls) == 3:
            raise StorageError
        delete(self, area, name)

    with monkeypatch.context() as patched:
        patched.setattr(ObjectVault, "delete", fail_third)
        assert purge(desk).evidence == 2
    assert evidence.read_evidence_key(desk.conn, image) is None
    desk.conn.rollback()
    assert len(desk.objects(EVIDENCE)) == 6
    assert desk.count("SELECT count(*) FROM evidence_destroyed WHERE NOT object_gone") == 2
    assert purge(desk).evidence == 2
    assert desk.objects(EVIDENCE) == set(names_of(desk, untouched).values())
    events = [e.event for e in custody.read_stream(desk.conn, f"image/{image}")]
    desk.conn.rollback()
    assert events.count("evidence_destroyed") == 1


def test_a_process_killed_between_key_and_objects_is_finished_by_the_next(desk, monkeypatch):
    (image,) = capture_images(desk, 1)
    settle_image(desk.conn, image, "not_illegal", settled_at=utcnow() - timedelta(seconds=UNDO_S + 1))

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(ObjectVault, "delete", die)
        with pytest.raises(KeyboardInterrupt):
            purge(desk)
    assert desk.count("SELECT count(*) FROM evidence_keys") == 0
    assert len(desk.objects(EVIDENCE)) == 4
    assert purge(desk).evidence == 4
    assert desk.objects(EVIDENCE) == set()


def test_uploads_that_a_job_could_not_delete_go_and_waiting_ones_stay(desk, monkeypatch):
    item, served = desk.upload(make_jpeg(7))
    with monkeypatch.context() as patched:
        patched.setattr(ObjectVault, "delete", lambda *_: (_ for _ in ()).throw(StorageError()))
        capture_item(desk.tools, item)
    _, waiting = desk.upload(make_jpeg(8))
    assert desk.objects(INTAKE) == {served, waiting}
    assert purge(desk).intake == 1
    assert desk.objects(INTAKE) == {waiting}
    assert purge(desk).intake == 0
    assert purge_lost(desk, seconds=ORPHAN_S * 10) == 0
    assert captures.read_intake_names(desk.conn, [waiting]) == {waiting}
    desk.conn.rollback()


def test_only_old_objects_that_nobody_names_are_orphans(desk, monkeypatch):
    monkeypatch.setattr("workers.purge_expired._BATCH", 2)
    capture_images(desk, 1)
    _, waiting = desk.upload(make_jpeg(8))
    named = desk.objects(EVIDENCE)
    for area, number in ((EVIDENCE, 5), (INTAKE, 3)):
        for _ in range(number):
            desk.tools.vault.put(area, b"left by a crash")
    assert purge_lost(desk, seconds=ORPHAN_S - 60) == 0
    assert len(desk.objects(EVIDENCE)) == 9
    assert purge_lost(desk, seconds=ORPHAN_S + 60) == 8
    assert desk.objects(EVIDENCE) == named
    assert desk.objects(INTAKE) == {waiting}


def test_an_image_that_was_reopened_in_the_meantime_keeps_its_views(desk, database, monkeypatch):
    """The list of what is settled is read before; the undo must win if it commits first."""
    (image,) = capture_images(desk, 1)
    settle_image(desk.conn, image, "not_illegal", settled_at=utcnow() - timedelta(seconds=UNDO_S + 1))
    read = evidence.read_served_evidence

    def reopen_meanwhile(conn, **more):
        rows = read(conn, **more)
        with database.connect("hotline_staff") as staff:
            staff.execute(
                "UPDATE images SET state = 'unjudged', verdict = NULL, verdict_baseline = NULL, verdict_basis = NULL,"
                " settled_at = NULL WHERE id = %s",
                (image,),
            )
        return rows

    monkeypatch.setattr(evidence, "read_served_evidence", reopen_meanwhile)
    assert purge(desk).evidence == 0
    assert len(desk.objects(EVIDENCE)) == 4
