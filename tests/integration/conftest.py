"""Fixtures of captures and of the queue: a local site, a real fetcher and decoder, a worker's tools; a hash set."""

import socket

import pytest
import redis

from hashsets import store
from tests.builders import Clock, open_desk
from tests.captures import ADDRESS, FIRST, HOST, SECOND, WAITS
from tests.local_sites import LocalSite
from tests.staff_server import run_staff_surface
from triage.clock import utcnow
from triage.ids import new_id
from triage.queue import QueueDoor
from triage.sandbox.decoder import Decoder, DecoderLimits
from workers import capture_item as job
from workers.dialling.practice_names import PracticeNames
from workers.fetcher.door import Fetcher
from workers.fetcher.wire import FetchLimits


@pytest.fixture(scope="module")
def site():
    with LocalSite() as running:
        yield running


@pytest.fixture(scope="module")
def names(site):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        closed_port = probe.getsockname()[1]
    return [
        (HOST, ADDRESS, "127.0.0.1", site.port),
        ("other.example", "203.0.113.11", "127.0.0.1", site.port),
        ("closed.example", "203.0.113.12", "127.0.0.1", closed_port),
    ]


@pytest.fixture(scope="module")
def fetcher(names):
    limits = FetchLimits(total_s=3.0, connect_s=1.0, max_bytes=8 * 2**20)
    with Fetcher(limits, PracticeNames.from_rows(names)) as running:
        yield running


@pytest.fixture(scope="module")
def decoder():
    with Decoder(DecoderLimits(wall_s=10.0)) as running:
        yield running


@pytest.fixture
def desk(database, servers, tmp_path, site, names, fetcher, decoder):
    site.pages.clear()
    site.seen.clear()
    site.lay_answer("/first.jpg", FIRST, "image/jpeg")
    site.lay_answer("/again.jpg", FIRST, "image/jpeg")
    site.lay_answer("/second.jpg", SECOND, "image/jpeg")
    with open_desk(
        database,
        servers.redis_url,
        tmp_path,
        fetcher=fetcher,
        decoder=decoder,
        names=names[:2],
        retry_waits_s=WAITS,
    ) as opened:
        yield opened


@pytest.fixture
def clock(monkeypatch):
    patched = Clock()
    monkeypatch.setattr(job, "utcnow", patched)
    return patched


@pytest.fixture
def client(servers):
    """Valkey, empty before and after."""
    connection = redis.Redis.from_url(servers.redis_url)
    connection.flushall()
    yield connection
    connection.flushall()
    connection.close()


@pytest.fixture
def door(servers, client):
    return QueueDoor(servers.redis_url, timeout_s=30)


@pytest.fixture
def staff(as_role):
    """Return a connection with the role that imports lists."""
    return as_role("hotline_staff")


@pytest.fixture
def baseline(staff):
    """Return a committed, empty hash set named baseline."""
    hash_set = store.create_hash_set(
        staff,
        set_id=new_id(),
        name="baseline",
        provider="Practice",
        licence="free",
        region="AL",
        now=utcnow(),
    )
    staff.commit()
    return hash_set


@pytest.fixture
def surface(desk, database):
    """The console over the desk's database, which can open its evidence; nothing is drawn for a second assessor."""
    with run_staff_surface(
        database, root=desk.root, vault_identity=desk.vault_identity, second_look_share=0.0
    ) as running:
        yield running
