"""The vault on an S3-compatible store: real requests against a local server, good days and bad ones.

The server is a stand-in that keeps everything in memory; what it cannot show is said in docs/operations.md.
"""

import json
import os
import socket
import time
import urllib.request
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from tests.drawn_images import make_jpeg
from triage.cli.make_keys import STORE_USERS, make_keys
from triage.cli.state_dir import StateDir
from triage.clock import utcnow
from triage.errors import ObjectMissingError, SettingsError, StorageError, TooLargeError
from triage.keys import ProcessKeys
from triage.settings import load_settings
from triage.vault import EVIDENCE, INTAKE, ObjectVault, new_identity, unseal

BUCKET = "evidence"
URL = f"s3://{BUCKET}/live"
MIB = 2**20
CALLS = {
    "put": lambda vault: vault.put(EVIDENCE, b"sealed"),
    "get": lambda vault: vault.get(EVIDENCE, "a-name"),
    "delete": lambda vault: vault.delete(EVIDENCE, "a-name"),
    "list": lambda vault: list(vault.list_objects(EVIDENCE)),
}


@dataclass(frozen=True)
class LocalStore:
    """A running server with one empty bucket, and how to look at it from behind."""

    endpoint: str
    client: object

    def options(self, **more):
        return {
            "access_key_id": "practice",
            "secret_access_key": "practice",
            "region": "us-east-1",
            "endpoint": self.endpoint,
            "allow_http": "true",
            **more,
        }

    def open(self, url=URL, **more):
        return ObjectVault(url, self.options(**more))

    def names(self):
        found = self.client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return {entry["Key"] for entry in found}

    def unfinished(self):
        return self.client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])

    def ask_for_rights(self, is_strict):
        """Let the server check access keys from now on, or no longer."""
        data = b"0" if is_strict else b"inf"
        request = urllib.request.Request(
            f"{self.endpoint}/moto-api/reset-auth", data, {"Content-Type": "text/plain"}
        )
        urllib.request.urlopen(request).close()


@pytest.fixture(scope="module")
def server():
    import logging

    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    _, port = running.get_host_and_port()
    endpoint = f"http://127.0.0.1:{port}"
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id="practice",
        aws_secret_access_key="practice",
        region_name="us-east-1",
    )
    yield LocalStore(endpoint, client)
    client.close()
    running.stop()


@pytest.fixture
def store(server):
    server.client.create_bucket(Bucket=BUCKET)
    yield server
    for name in server.names():
        server.client.delete_object(Bucket=BUCKET, Key=name)
    server.client.delete_bucket(Bucket=BUCKET)


# Bad days


@pytest.mark.parametrize("call", CALLS)
def test_keys_that_the_store_does_not_know_are_one_line(store, call):
    store.ask_for_rights(True)
    try:
        with pytest.raises(StorageError, match=r"^The evidence store [a-z ;,?]+\.?$") as caught:
            CALLS[call](store.open(secret_access_key="wrong"))
    finally:
        store.ask_for_rights(False)
    assert "127.0.0.1" not in str(caught.value)


@pytest.mark.parametrize("call", CALLS)
def test_a_missing_bucket_is_an_obstacle_and_never_an_object_that_is_gone(store, call):
    with pytest.raises(StorageError, match=r"^The evidence store") as caught:
        CALLS[call](store.open("s3://another-bucket/live"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("call", ["put", "get"])
def test_a_store_that_is_down_is_said_within_seconds(store, call):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        vault = store.open(endpoint=f"http://127.0.0.1:{closed.getsockname()[1]}")
        started = time.monotonic()
        with pytest.raises(StorageError, match=r"^The evidence store"):
            CALLS[call](vault)
    assert time.monotonic() - started < 6


def test_an_upload_to_a_store_that_is_down_fails_and_blocks_nobody(store):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        vault = store.open(endpoint=f"http://127.0.0.1:{closed.getsockname()[1]}")
        upload = vault.start_intake(new_identity()[1], 100 * MIB)
        with pytest.raises(StorageError):
            for _ in range(12):
                upload.write(bytes(MIB))
            upload.finish()


@pytest.mark.parametrize(
    "options",
    [
        {"allow_http": "false"},
        {"allow_http": "maybe"},
        {"endpoint": ""},
        {"endpoint": "store:8333"},
        {"endpoint": "http://"},
        {"endpoint": "ftp://store.example"},
        {"proxy_url": "http://store.example"},
        {"acces_key_id": "a slip"},
        {"virtual_hosted_style_request": "perhaps"},
    ],
)
def test_an_option_that_cannot_be_used_is_refused_before_any_call(store, options):
    with pytest.raises(SettingsError) as caught:
        store.open(**options)
    assert "store.example" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://store.example/x", "memory:///", "gs://bucket/x", "s3://", "/var/evidence"]
)
def test_only_folders_and_s3_are_stores(url):
    with pytest.raises(SettingsError, match="EVIDENCE_URL cannot be used"):
        ObjectVault(url)


# Good days


def test_objects_are_put_got_listed_and_deleted_below_the_prefix(store):
    vault = store.open()
    first, second = (vault.put(EVIDENCE, data) for data in (b"one", b"three"))
    other = vault.put(INTAKE, b"seven")
    assert store.names() == {f"live/evidence/{first}", f"live/evidence/{second}", f"live/intake/{other}"}
    assert vault.get(EVIDENCE, second) == b"three"
    assert {(entry.name, entry.bytes) for entry in vault.list_objects(EVIDENCE)} == {(first, 3), (second, 5)}
    assert list(store.open(f"s3://{BUCKET}/practice").list_objects(EVIDENCE)) == []
    vault.delete(EVIDENCE, first)
    vault.delete(EVIDENCE, first)
    with pytest.raises(ObjectMissingError):
        vault.get(EVIDENCE, first)
    with pytest.raises(ObjectMissingError):
        vault.get(EVIDENCE, other)


def test_one_by_one_deletes_for_stores_that_know_no_other(store):
    vault = store.open(disable_bulk_delete="true")
    name = vault.put(EVIDENCE, b"x")
    vault.delete(EVIDENCE, name)
    vault.delete(EVIDENCE, name)
    assert store.names() == set()


@pytest.mark.parametrize("size", [0, 1, 12 * MIB + 1])
def test_an_upload_is_sealed_on_its_way_in_one_part_or_many(store, size):
    identity, recipient = new_identity()
    clear = os.urandom(size)
    vault = store.open()
    upload = vault.start_intake(recipient, 100 * MIB)
    for start in range(0, size, 300_000):
        upload.write(clear[start : start + 300_000])
    upload.finish()
    stored = store.client.get_object(Bucket=BUCKET, Key=f"live/intake/{upload.name}")
    stored_bytes = stored["Body"].read()
    if size > 5 * MIB:
        assert stored["ETag"].endswith('-3"')  # three parts
        assert clear[:64] not in stored_bytes
    assert unseal(stored_bytes, identity) == clear
    assert unseal(vault.get(INTAKE, upload.name), identity) == clear


def give_up(upload):
    upload.give_up()


def grow_too_large(upload):
    with pytest.raises(TooLargeError):
        upload.write(bytes(20 * MIB))


@pytest.mark.parametrize("end", [give_up, grow_too_large])
def test_of_an_upload_that_is_given_up_not_even_a_part_is_left(store, end):
    upload = store.open().start_intake(new_identity()[1], 20 * MIB)
    for _ in range(12):
        upload.write(bytes(MIB))
    deadline = time.monotonic() + 5
    while not store.unfinished() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert store.unfinished()  # parts are at the store
    end(upload)
    assert store.unfinished() == []
    assert store.names() == set()


@pytest.mark.parametrize("process", STORE_USERS)
def test_a_process_finds_store_and_options_where_hotline_up_lays_them(store, state_root, tmp_path, process):
    credentials = tmp_path / "credentials.json"
    credentials.write_text(json.dumps(store.options()))
    credentials.chmod(0o600)
    state = StateDir(state_root)
    state.prepare()
    make_keys(state, evidence_url=URL, store_credentials=credentials)
    keys = ProcessKeys(state.keys(process), load_settings({}))
    vault = ObjectVault(keys.find_evidence_url(), keys.find_store_options())
    assert vault.get(EVIDENCE, vault.put(EVIDENCE, b"sealed")) == b"sealed"


# The worker and the sweep


@pytest.fixture
def desk(database, servers, tmp_path, store):
    from tests.builders import open_desk
    from triage.sandbox.decoder import Decoder, DecoderLimits
    from workers.fetcher.door import Fetcher
    from workers.fetcher.wire import FetchLimits

    with Decoder(DecoderLimits()) as decoder, Fetcher(FetchLimits()) as fetcher:
        with open_desk(
            database, servers.redis_url, tmp_path, fetcher=fetcher, decoder=decoder, orphan_after_s=3600.0
        ) as opened:
            yield replace(opened, tools=replace(opened.tools, vault=store.open()))


def test_an_upload_becomes_evidence_and_leaves_the_intake(desk, store):
    from triage.store import evidence
    from workers.capture_item import capture_item

    item, name = desk.upload(make_jpeg(1))
    assert store.names() == {f"live/intake/{name}"}
    capture_item(desk.tools, item)
    (image,) = desk.conn.execute("SELECT image_id FROM item_images").fetchone()
    objects = {str(one.kind): one.name for one in evidence.read_evidence_objects(desk.conn, image)}
    identity = unseal(evidence.read_evidence_key(desk.conn, image), desk.vault_identity).decode()
    assert store.names() == {f"live/evidence/{one}" for one in objects.values()}
    assert unseal(desk.tools.vault.get(EVIDENCE, objects["bytes"]), identity) == make_jpeg(1)


def test_only_old_objects_that_nobody_names_are_orphans(desk, store, monkeypatch):
    from workers.purge_expired import purge_orphans

    monkeypatch.setattr("workers.purge_expired._BATCH", 2)
    _, waiting = desk.upload(make_jpeg(2))
    for area in (EVIDENCE, INTAKE):
        for _ in range(3):
            desk.tools.vault.put(area, b"left by a crash")
    tools, now = desk.tools, utcnow()

    def purge(seconds):
        later = now + timedelta(seconds=seconds)
        return purge_orphans(tools.database, tools.vault, tools.settings, now=later).orphans

    assert purge(3600 - 60) == 0
    assert purge(3600 + 60) == 6
    assert store.names() == {f"live/intake/{waiting}"}


@pytest.mark.parametrize("url", ["s3://another-bucket/live", URL])
def test_a_purge_that_cannot_delete_records_nothing_as_gone(desk, store, url):
    from tests.builders import settle_image
    from workers.capture_item import capture_item
    from workers.purge_expired import purge_expired

    item, _ = desk.upload(make_jpeg(3))
    capture_item(desk.tools, item)
    (image,) = desk.conn.execute("SELECT image_id FROM item_images").fetchone()
    desk.conn.rollback()
    settle_image(desk.conn, image, settled_at=utcnow() - timedelta(days=1))
    store.ask_for_rights(url == URL)
    try:
        done = purge_expired(desk.tools.database, store.open(url), desk.tools.settings, now=utcnow())
    finally:
        store.ask_for_rights(False)
    assert done.evidence == 0
    assert len(store.names()) == 4
    assert desk.count("SELECT count(*) FROM evidence_destroyed WHERE NOT object_gone") == 4
    assert purge_expired(desk.tools.database, store.open(), desk.tools.settings, now=utcnow()).evidence == 4
    assert store.names() == set()
