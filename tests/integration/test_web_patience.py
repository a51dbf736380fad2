"""A sender that says nothing, or drips, loses its connection; others are served meanwhile."""

import time

import httpx2
import pytest

from api import patience
from tests.public_server import run_public_surface


def read_end(connection, within_s):
    """Return the seconds until the server closes a connection."""
    connection.settimeout(within_s)
    begun = time.monotonic()
    while connection.recv(4096):
        pass
    return time.monotonic() - begun


@pytest.fixture
def surface(state_root, database, monkeypatch):
    monkeypatch.setattr(patience, "HEAD_S", 0.6)
    monkeypatch.setattr(patience, "CHUNK_S", 0.6)
    with run_public_surface(state_root, database.dsns["hotline_public"]) as running:
        yield running


def test_a_silent_connection_is_closed(surface):
    with surface.connect() as silent:
        assert read_end(silent, 5) < 3


def test_a_dripping_head_is_closed(surface):
    with surface.connect() as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        assert read_end(slow, 5) < 3


def test_a_dripping_body_gets_its_answer_and_an_end(surface):
    with surface.connect() as slow:
        slow.sendall(
            b"POST /report HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
        )
        slow.settimeout(8)
        assert slow.recv(4096).startswith(b"HTTP/1.1 422")


def test_many_silent_connections_do_not_shut_others_out(surface):
    held = [surface.connect() for _ in range(250)]
    try:
        answer = httpx2.get(f"{surface.url}/healthz", trust_env=False)
        assert answer.status_code == 200
    finally:
        for connection in held:
            connection.close()


def test_a_receiver_that_never_reads_is_cut_off(surface, monkeypatch):
    monkeypatch.setattr(patience, "WRITE_S", 0.6)
    with surface.connect() as deaf:
        ask = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
        deaf.settimeout(0.5)
        ended = time.monotonic() + 20
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            while time.monotonic() < ended:
                try:
                    deaf.sendall(ask * 200)
                except TimeoutError:
                    continue
