"""Networks of our own are never dialled, whatever else would let an address pass."""

import sys

import pytest

from tests.local_fetch import fetch, resolve_by
from tests.local_sites import LocalSite, run_site
from triage.errors import CaptureFailedError, CaptureRefusedError, SettingsError
from triage.settings import load_settings
from workers.dialling.policy import check_address, check_answer, check_host, read_networks
from workers.fetcher import door
from workers.fetcher.door import Fetcher
from workers.fetcher.wire import FetchLimits, FetchOrder

OURS = ("93.184.215.0/24", "2606:2800:21f::/48", "8.8.8.8")
WORDS = "an address of our own network"


@pytest.mark.parametrize(
    "text",
    ["93.184.215.0", "93.184.215.14", "93.184.215.255", "::ffff:93.184.215.14", "::ffff:5db8:d70e", "8.8.8.8",
     "2606:2800:21f::1", "2606:2800:21f:ffff::1"],
)  # fmt: skip
def test_a_public_address_of_ours_is_refused_in_every_spelling(text: str) -> None:
    inside = read_networks(OURS)
    for check in (check_address, check_host):
        with pytest.raises(CaptureRefusedError, match=WORDS) as caught:
            check(text, inside=inside)
        assert text not in str(caught.value)
    with pytest.raises(CaptureRefusedError, match=WORDS):
        check_answer(["1.1.1.1", text], inside=inside)


def test_neighbours_of_our_networks_pass() -> None:
    near = ["93.184.214.255", "93.184.216.0", "8.8.8.9", "2606:2800:220::1"]
    assert check_answer(near, inside=read_networks(OURS)) == near


@pytest.mark.parametrize("text", ["x", "192.0.2.1/24", "", "192.0.2.0/33"])
def test_what_is_no_network_is_an_error_before_anything_is_dialled(text: str) -> None:
    with pytest.raises(SettingsError):
        Fetcher(FetchLimits(inside_networks=(text,)))


def fetch_body(site: LocalSite, url: str, *networks: str) -> bytes:
    resolve = resolve_by({"ours.net": ["203.0.113.11"], "mixed.net": ["203.0.113.10", "203.0.113.11"]})
    limits = FetchLimits(total_s=3, inside_networks=networks)
    names = site.practice_names("photos.example", "second.example")
    return fetch(url, limits, practice=names, resolve=resolve).body


@pytest.mark.parametrize(
    "url",
    ["http://ours.net/ok", "http://mixed.net/ok", "http://second.example/ok", "http://203.0.113.11/ok"],
)
def test_neither_name_nor_number_of_practice_leads_inside(url: str) -> None:
    with run_site() as site:
        site.lay_answer("/ok", b"ok")
        assert fetch_body(site, url) == b"ok"
        with pytest.raises(CaptureRefusedError, match=WORDS):
            fetch_body(site, url, "203.0.113.11/32")
        with pytest.raises(CaptureRefusedError, match=WORDS):
            fetch_body(site, url, "203.0.113.0/24")
        assert site.seen == ["/ok"]


def test_a_practice_name_that_ends_inside_is_refused_too() -> None:
    with run_site() as site, pytest.raises(CaptureRefusedError, match=WORDS):
        fetch_body(site, "http://photos.example/ok", "127.0.0.0/8")


def test_the_process_follows_no_redirect_into_our_networks() -> None:
    settings = load_settings({"INSIDE_NETWORKS": "192.0.2.0/24,203.0.113.11", "FETCH_TOTAL": "3"})
    with run_site() as site:
        site.lay_answer("/ok", b"ok")
        site.lay_redirect("/inner", "http://second.example/ok")
        site.lay_redirect("/mapped", "http://[::ffff:203.0.113.11]/ok")
        names = site.practice_names("photos.example", "second.example")
        with Fetcher(FetchLimits.from_settings(settings), names) as fetcher:
            assert fetcher.fetch("job-1", FetchOrder("http://photos.example/ok")).body == b"ok"
            for path in ("inner", "mapped"):
                with pytest.raises(CaptureRefusedError, match=WORDS):
                    fetcher.fetch("job-2", FetchOrder(f"http://photos.example/{path}"))
        assert site.seen == ["/ok", "/inner", "/mapped"]


LIAR = """
import json, socket, struct, sys, time
channel = socket.socket(fileno=int(sys.argv[1]))
def take():
    head = channel.recv(4, socket.MSG_WAITALL)
    return json.loads(channel.recv(struct.unpack("!I", head)[0], socket.MSG_WAITALL))
def give(message, body=b""):
    data = json.dumps(message).encode()
    channel.sendall(struct.pack("!I", len(data)) + data + body)
take()
give({"layers": {}})
HOP = {"url": "http://photos.example/ok", "status": 200, "address": "203.0.113.10", "content_type": "", "tls": "",
       "exit_name": "direct", "certificate": "", "certificate_fault": "", "headers": [], "elapsed_ms": 1,
       "led_by": "start"}
give({"job": take()["job"], "hops": [HOP], "bytes": 2, "elapsed_ms": 1, "page": False}, b"ok")
time.sleep(9)
"""


def test_a_process_that_claims_to_have_been_inside_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "COMMAND", (sys.executable, "-I", "-S", "-c", LIAR))
    with run_site() as site:
        names = site.practice_names()
        with Fetcher(FetchLimits(total_s=0.5), names) as fetcher:
            assert fetcher.fetch("job-1", FetchOrder("http://photos.example/ok")).body == b"ok"
        with Fetcher(FetchLimits(total_s=0.5, inside_networks=("203.0.113.0/24",)), names) as fetcher:
            with pytest.raises(CaptureFailedError, match="stopped"):
                fetcher.fetch("job-2", FetchOrder("http://photos.example/ok"))
            assert fetcher.pid is None
