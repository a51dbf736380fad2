"""The practice site over real loopback sockets, in process and as a program."""

import gzip
import http.client
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from PIL import Image

from triage.cli.practice.catalogue import FORTY_FILES, GALLERY_SIZE, Catalogue
from triage.cli.practice.networks import PRACTICE_HOSTS, PRACTICE_NETWORKS, find_network
from triage.cli.practice.pages import OVERSIZED_BYTES, build_routes
from triage.cli.practice.site import REMOVE_PATH, Site, start_site
from triage.cli.practice.wide_pages import FORTY, IN_FRAME, SHOWN_WAYS
from triage.errors import UnknownThingError

PROGRAM = [sys.executable, "-m", "triage.cli.practice.site"]


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with start_site() as running:
        yield running


def ask(port: int, host: str, path: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request(method, path, headers={"Host": host})
        answer = connection.getresponse()
        with answer:
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def test_a_server_asks_to_wait_and_then_answers() -> None:
    with start_site() as fresh:
        first, headers, _ = ask(fresh.port, "www.prisni.example", "/p/after-wait.jpg")
        assert (first, headers["retry-after"]) == (429, "1")
        assert ask(fresh.port, "www.prisni.example", "/p/after-wait.jpg")[0] == 200
        tries = [ask(fresh.port, "www.lodhur.example", "/p/after-errors.jpg")[0] for _ in range(4)]
        assert tries == [503, 503, 200, 200]


def test_forty_addresses_are_a_few_files(site: Site) -> None:
    page = ask(site.port, "dyzet.shembull.example", "/")[2].decode()
    shown = re.findall(r'<img src="([^"]+)"', page)
    assert len(set(shown)) == FORTY
    assert len({ask(site.port, "dyzet.shembull.example", path)[2] for path in shown}) == FORTY_FILES


def test_one_page_shows_a_picture_in_every_way(site: Site) -> None:
    page = ask(site.port, "kornize.shembull.example", "/albumi")[2].decode()
    frame = ask(site.port, "kornize.shembull.example", "/lart/korniza.html")[2].decode()
    for name in SHOWN_WAYS:
        assert f"p/{name}.jpg" in page
        assert ask(site.port, "kornize.shembull.example", f"/lart/p/{name}.jpg")[0] == 200
    assert all(f"p/{name}.jpg" in frame for name in IN_FRAME)
    assert "data:image/jpeg;base64," in page
    tracker = ask(site.port, "kornize.shembull.example", "/lart/p/tracker.gif")[2]
    with Image.open(io.BytesIO(tracker)) as image:
        assert image.size == (1, 1)


def test_what_is_shut_at_home_is_open_abroad_and_all_else_is_the_same(site: Site) -> None:
    for path in ("/foto", "/p/behind-wall.jpg"):
        assert ask(site.port, "vendi.nowhere.example", path)[0] == 451
    status, _, body = ask(site.abroad_port, "vendi.nowhere.example", "/foto")
    assert (status, b"behind-wall.jpg" in body) == (200, True)
    assert ask(site.abroad_port, "vendi.nowhere.example", "/p/behind-wall.jpg")[0] == 200
    picture = "/p/known-exact.jpg"
    assert (
        ask(site.abroad_port, "foto.shembull.example", picture)[2]
        == ask(site.port, "foto.shembull.example", picture)[2]
    )


def test_what_an_operator_takes_down_is_gone_abroad_too() -> None:
    with start_site() as fresh:
        named = json.dumps({"remove": ["http://foto.shembull.example/p/new-single.jpg"]}).encode()
        with closing(http.client.HTTPConnection("127.0.0.1", fresh.port, timeout=10)) as connection:
            connection.request("POST", REMOVE_PATH, named)
            assert connection.getresponse().status == 204
        for port in (fresh.port, fresh.abroad_port):
            assert ask(port, "foto.shembull.example", "/p/new-single.jpg")[0] == 410


def test_unknown_hosts_and_paths_are_not_here(site: Site) -> None:
    assert ask(site.port, "elsewhere.example", "/")[0] == 404
    assert ask(site.port, "foto.shembull.example", "/nothing")[0] == 404
    assert ask(site.port, "127.0.0.1", "/p/new-single.jpg")[0] == 404


def test_rubbish_does_not_stop_the_site(site: Site) -> None:
    with socket.create_connection(("127.0.0.1", site.port), timeout=5) as line:
        line.sendall(b"\0\xff rubbish\r\n\r\n")
        line.recv(100)
    assert ask(site.port, "foto.shembull.example", "/")[0] == 200


def test_it_listens_on_loopback_only(site: Site) -> None:
    assert {server.server_address[0] for server in site._servers} == {"127.0.0.1"}


def test_every_host_has_a_documentation_address_and_an_operator() -> None:
    assert set(build_routes(Catalogue())) == set(PRACTICE_HOSTS)
    assert len(set(PRACTICE_HOSTS.values())) == len(PRACTICE_HOSTS)
    for host, address in PRACTICE_HOSTS.items():
        assert host.endswith(".example")
        assert find_network(address).abuse_mailbox.endswith(".example")
    assert {find_network(address) for address in PRACTICE_HOSTS.values()} == set(PRACTICE_NETWORKS)
    for address in ("192.0.3.1", "not an address"):
        with pytest.raises(UnknownThingError):
            find_network(address)


def test_pictures_are_the_catalogue_s_bytes(site: Site) -> None:
    status, headers, body = ask(site.port, "FOTO.shembull.example:80", "/p/known-exact.jpg?x=1")
    assert (status, headers["content-type"]) == (200, "image/jpeg")
    assert body == Catalogue().read("known-exact")


def test_every_path_answers(site: Site) -> None:
    slow_or_large = {"/ngadale.jpg", "/e-rende.jpg", "/thote-shume.jpg"}
    for host, paths in build_routes(Catalogue()).items():
        for path in set(paths) - slow_or_large:
            status, _, _ = ask(site.port, host, path, "HEAD")
            assert status in {200, 301, 302, 307, 410, 429, 451, 503}, path


def test_the_gallery_shows_thumbnails_that_link_to_pictures(site: Site) -> None:
    page = ask(site.port, "galeria.shembull.example", "/")[2].decode()
    full = re.findall(r'<a href="([^"]+)"', page)
    small = re.findall(r'<img src="([^"]+)"', page)
    assert len(full) == len(small) == GALLERY_SIZE
    assert "og:image" in page
    assert "srcset" in page
    sizes = [len(ask(site.port, "galeria.shembull.example", path)[2]) for path in (full[0], small[0])]
    assert sizes[0] > 3 * sizes[1] > 0


def test_the_redirect_chain_ends_at_a_picture(site: Site) -> None:
    host, path, seen = "kalo.praktike.example", "/1", []
    for _ in range(5):
        status, headers, _ = ask(site.port, host, path)
        seen.append(status)
        if status == 200:
            break
        target = headers["location"]
        if target.startswith("http://"):
            host, _, rest = target.removeprefix("http://").partition("/")
            target = "/" + rest
        path = target
    assert seen == [301, 302, 307, 200]
    assert host == "foto.shembull.example"


@pytest.mark.parametrize("path", ["/kalo-10", "/kalo-127", "/kalo-169"])
def test_traps_point_inside(site: Site, path: str) -> None:
    status, headers, _ = ask(site.port, "kurth.nowhere.example", path)
    assert status == 302
    assert re.match(r"http://(10\.|127\.|169\.254\.)", headers["location"])


def test_oversized_bodies_lie_and_do_not_lie(site: Site) -> None:
    assert OVERSIZED_BYTES > 64 * 2**20
    with closing(http.client.HTTPConnection("127.0.0.1", site.port, timeout=10)) as connection:
        connection.request("GET", "/e-rende.jpg", headers={"Host": "rende.praktike.example"})
        with connection.getresponse() as answer:
            assert answer.getheader("Content-Length") is None
            assert len(answer.read(2**20)) == 2**20
    claimed = ask(site.port, "rende.praktike.example", "/thote-shume.jpg", "HEAD")[1]
    assert int(claimed["content-length"]) > 2**40
    assert len(ask(site.port, "rende.praktike.example", "/thote-pak.jpg")[2]) == 10


def test_the_compressed_page_is_a_bomb(site: Site) -> None:
    _, headers, body = ask(site.port, "rende.praktike.example", "/bomba.html")
    assert headers["content-encoding"] == "gzip"
    assert len(body) < 500_000
    with gzip.GzipFile(fileobj=io.BytesIO(body)) as stream:
        assert len(stream.read(8 * 2**20)) == 8 * 2**20


def test_one_replaced_picture_is_served_changed() -> None:
    with start_site(replaced={"known-exact": 9}) as changed:
        assert ask(changed.port, "foto.shembull.example", "/p/known-exact.jpg")[2] != Catalogue().read(
            "known-exact"
        )
        assert ask(changed.port, "foto.shembull.example", "/p/new-single.jpg")[2] == Catalogue().read(
            "new-single"
        )


def test_closing_does_not_wait_for_slow_replies() -> None:
    running = start_site()
    with socket.create_connection(("127.0.0.1", running.port), timeout=5) as line:
        line.sendall(b"GET /ngadale.jpg HTTP/1.1\r\nHost: ngadale.nowhere.example\r\n\r\n")
        assert line.recv(12) == b"HTTP/1.1 200"
        started = time.monotonic()
        running.close()
        while line.recv(65536):
            pass
        assert time.monotonic() - started < 2
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", running.port), timeout=1)


@pytest.mark.parametrize(("stop", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 0)])
def test_the_program_prints_its_port_and_stops_cleanly(stop: signal.Signals, code: int) -> None:
    with subprocess.Popen([*PROGRAM, "--replace", "known-exact=9"], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        port = json.loads(child.stdout.readline())["port"]
        assert ask(port, "foto.shembull.example", "/p/known-exact.jpg")[2] == Catalogue(
            1, {"known-exact": 9}
        ).read("known-exact")
        child.send_signal(stop)
        assert child.wait(timeout=5) == code


@pytest.mark.parametrize("words", ["known-exact", "known-exact=x", "no-such=1"])
def test_a_wrong_replacement_is_one_line_and_1(words: str) -> None:
    done = subprocess.run([*PROGRAM, "--replace", words], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "cannot start" in done.stderr


def test_the_program_dies_with_its_parent() -> None:
    script = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen({PROGRAM!r}, stdout=subprocess.PIPE, text=True)\n"
        "print(child.pid, child.stdout.readline().strip(), flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid, line = parent.stdout.readline().split(" ", 1)
        port = json.loads(line)["port"]
        parent.kill()
        parent.wait(timeout=5)
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return
        time.sleep(0.05)
    os.kill(int(pid), signal.SIGKILL)
    pytest.fail("the site outlived its parent")
