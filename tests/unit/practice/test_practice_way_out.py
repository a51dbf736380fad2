"""The practice way out: it leads to one port, for the addresses of the practice site, and nowhere else."""

import socket
import struct
from collections.abc import Iterator
from contextlib import closing

import pytest

from triage.cli.practice.way_out import WayOut

OURS = "203.0.113.30"
HELLO = b"\x05\x01\x00"


@pytest.fixture
def site() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        yield listener


@pytest.fixture
def way_out(site: socket.socket) -> Iterator[WayOut]:
    with WayOut([OURS], site.getsockname()[1]) as running:
        yield running


def request(address: str, command: int = 1, port: int = 80) -> bytes:
    return struct.pack("!BBBB4sH", 5, command, 0, 1, socket.inet_aton(address), port)


def dial(way_out: WayOut) -> socket.socket:
    return socket.create_connection(("127.0.0.1", way_out.port), timeout=5)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (request("203.0.113.31"), 2),
        (request("127.0.0.1"), 2),
        (request("10.0.0.1", port=5432), 2),
        (request(OURS, command=2), 7),
        (request(OURS, command=3), 7),
        (b"\x04\x01\x00\x01" + bytes(6), 7),
        (b"\x05\x01\x00\x03\x09localhost\x00\x50", 8),
        (b"\x05\x01\x00\x04" + bytes(15) + b"\x01\x00\x50", 8),
    ],
)
def test_everything_but_the_site_is_refused(way_out: WayOut, said: bytes, code: int) -> None:
    with closing(dial(way_out)) as line:
        line.sendall(HELLO)
        assert line.recv(2) == b"\x05\x00"
        line.sendall(said)
        assert line.recv(10)[1] == code
        assert line.recv(1) == b""
    assert way_out.used == 0


@pytest.mark.parametrize("said", [b"\x05\x01\x02", b"\x04\x01\x00", b"\x05\x00"])
def test_who_brings_no_method_that_fits_is_sent_away(way_out: WayOut, said: bytes) -> None:
    with closing(dial(way_out)) as line:
        line.sendall(said)
        assert line.recv(2) == b"\x05\xff"
        assert line.recv(1) == b""


@pytest.mark.parametrize("port", [80, 443, 8080])
def test_the_site_is_reached_and_both_sides_are_heard(
    way_out: WayOut, site: socket.socket, port: int
) -> None:
    with closing(dial(way_out)) as line:
        line.sendall(HELLO)
        assert line.recv(2) == b"\x05\x00"
        line.sendall(request(OURS, port=port))
        reached, _ = site.accept()
        with closing(reached):
            assert line.recv(10)[1] == 0
            line.sendall(b"ask")
            assert reached.recv(3) == b"ask"
            reached.sendall(b"answer")
            assert line.recv(6) == b"answer"
        assert line.recv(1) == b""
    assert way_out.used == 1


def test_a_site_that_is_not_there_is_said_so(site: socket.socket) -> None:
    with WayOut([OURS], site.getsockname()[1]) as way_out:
        site.close()
        with closing(dial(way_out)) as line:
            line.sendall(HELLO + request(OURS))
            assert line.recv(2) == b"\x05\x00"
            assert line.recv(10)[1] == 4


def test_a_closed_way_out_takes_nobody(site: socket.socket) -> None:
    with WayOut([OURS], site.getsockname()[1]) as way_out:
        port = way_out.port
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1)
