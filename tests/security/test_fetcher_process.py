"""The real, locked fetcher process against hostile sites, and its door against a hostile process."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.local_sites import REDIRECT_TRICKS, LocalSite, drip, lay_out_tricks, run_site
from triage.errors import CaptureFailedError, CaptureRefusedError, SandboxUnavailableError
from triage.rules.fetch_failures import FAILURES, FetchFailure
from triage.rules.page_kinds import PageFacts
from workers.fetcher import door
from workers.fetcher.door import FetchedPage, Fetcher, FetchLimits, FetchOrder

LIMITS = FetchLimits(total_s=0.6, connect_s=0.5, max_bytes=1 << 20, max_redirects=4, max_pictures=5)


@pytest.fixture(scope="module")
def site() -> Iterator[LocalSite]:
    with run_site() as running:
        lay_out_tricks(running, 30 << 20)
        yield running


@pytest.fixture(scope="module")
def fetcher(site: LocalSite) -> Iterator[Fetcher]:
    with Fetcher(LIMITS, site.practice_names()) as running:
        yield running


def read_memory(pid: int | None, name: str) -> int:
    """Return a line of /proc/PID/status in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise AssertionError(name)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/bomb", "when decompressed"),
        ("/gzip-gzip", "more than once"),
        ("/brotli", "not asked for"),
        ("/big", "larger than"),
        ("/endless", "larger than"),
        ("/self", "more than 4 redirects"),
        ("/loop0", "more than 4 redirects"),
        *((f"/to-{name}", "[a-z]") for name in REDIRECT_TRICKS),
    ],
)
def test_what_no_second_try_would_mend_is_refused(
    site: LocalSite, fetcher: Fetcher, path: str, words: str
) -> None:
    before = len(site.seen)
    with pytest.raises(CaptureRefusedError, match=words) as caught:
        fetcher.fetch("job-1", FetchOrder("http://photos.example" + path))
    assert "example" not in str(caught.value)
    assert "/ok" not in site.seen[before:]
    assert len(site.seen) - before <= 5


def test_a_redirect_with_the_same_scheme_and_no_host_stays_with_its_site(
    site: LocalSite, fetcher: Fetcher
) -> None:
    """As in browsers: `http:` on an http page is relative, so that nothing on this machine is asked."""
    site.lay_redirect("/stays", "http:127.0.0.1/ok")
    site.lay_answer("/127.0.0.1/ok", b"here")
    found = fetcher.fetch("job-1", FetchOrder("http://photos.example/stays"))
    assert (found.final_url, found.body) == ("http://photos.example/127.0.0.1/ok", b"here")


@pytest.mark.parametrize(
    ("path", "failure"),
    [
        ("/half-gzip", FetchFailure.CUT_OFF),
        ("/not-gzip", FetchFailure.BAD_COMPRESSION),
        ("/short", FetchFailure.CUT_OFF),
        ("/slow-head", FetchFailure.OUT_OF_TIME),
        ("/slow-body", FetchFailure.OUT_OF_TIME),
        ("/silent", FetchFailure.SILENT),
        ("/big-head", FetchFailure.NOT_HTTP),
        ("/many-hundred", FetchFailure.NOT_HTTP),
        ("/not-http", FetchFailure.NOT_HTTP),
        ("/closed", FetchFailure.BROKEN_OFF),
    ],
)
def test_what_may_pass_is_a_named_failure_within_the_deadline(
    fetcher: Fetcher, path: str, failure: FetchFailure
) -> None:
    started = time.monotonic()
    with pytest.raises(CaptureFailedError) as caught:
        fetcher.fetch("job-2", FetchOrder("http://photos.example" + path))
    assert caught.value.failure == failure
    assert str(caught.value) == FAILURES[failure].words
    assert time.monotonic() - started < LIMITS.total_s + 1
    assert "example" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "answered"),
    [("/loop0", 5), ("/to-metadata", 1), ("/half-gzip", 1), ("/slow-body", 1), ("/big", 1), ("/silent", 0)],
)
def test_what_answered_on_the_way_to_no_answer_is_kept(fetcher: Fetcher, path: str, answered: int) -> None:
    with pytest.raises((CaptureRefusedError, CaptureFailedError)) as caught:
        fetcher.fetch("job-2", FetchOrder("http://photos.example" + path))
    hops = caught.value.hops
    assert len(hops) == answered
    assert [hop.url for hop in hops[:1]] == ["http://photos.example" + path][:answered]
    assert all(hop.address == "203.0.113.10" for hop in hops)


def test_after_all_tricks_the_same_process_is_small_and_still_works(
    site: LocalSite, fetcher: Fetcher
) -> None:
    for path in ("/bomb", "/endless", "/big-head", "/gzip-gzip"):
        with pytest.raises((CaptureRefusedError, CaptureFailedError)):
            fetcher.fetch("job-3", FetchOrder("http://photos.example" + path))
    pid = fetcher.pid
    found = fetcher.fetch("job-4", FetchOrder("http://photos.example/hop"))
    assert fetcher.pid == pid
    assert read_memory(pid, "VmHWM") < 150 << 20
    assert (found.status, found.body, found.final_url) == (200, b"ok", "http://photos.example/ok")
    assert [(hop.url, hop.status, hop.address) for hop in found.hops] == [
        ("http://photos.example/hop", 302, "203.0.113.10"),
        ("http://photos.example/ok", 200, "203.0.113.10"),
    ]
    assert found.addresses == ("203.0.113.10",)


@pytest.mark.parametrize(
    ("path", "status"), [("/gone", 410), ("/nothing", 404), ("/broken", 500), ("/odd", 399)]
)
def test_an_error_status_is_a_fact_and_no_failure(fetcher: Fetcher, path: str, status: int) -> None:
    assert fetcher.fetch("job-5", FetchOrder("http://photos.example" + path)).status == status


@pytest.mark.parametrize("path", ["/gzip", "/deflate", "/bare"])
def test_one_layer_of_compression_is_undone(fetcher: Fetcher, path: str) -> None:
    assert fetcher.fetch("job-6", FetchOrder("http://photos.example" + path)).body == b"hello " * 100


def test_a_page_yields_its_pictures_but_an_error_page_does_not(site: LocalSite, fetcher: Fetcher) -> None:
    html = b"<img src=a.jpg><img src='http://127.0.0.1/b.jpg'>" + b"<img src=c.jpg>"
    site.lay_answer("/albums/1", html, "text/html; charset=utf-8")
    site.lay_answer("/albums/2", html, "text/html", status=404)
    found = fetcher.fetch("job-7", FetchOrder("http://photos.example/albums/1"))
    assert found.page is not None
    assert found.page.pictures[0] == "http://photos.example/albums/a.jpg"
    assert len(found.page.pictures) == 3  # that loopback is refused is for the fetch of the child to say
    assert (found.content_type, found.page.is_complete) == ("text/html", True)
    gone = fetcher.fetch("job-8", FetchOrder("http://photos.example/albums/2"))
    assert gone.page is not None
    assert gone.page.pictures == ()


def test_a_page_that_leads_on_is_followed_and_its_files_come_whole(site: LocalSite, fetcher: Fetcher) -> None:
    site.lay_answer(
        "/on", b"<meta http-equiv=refresh content='0; url=/there'><img src=left.jpg>", "text/html"
    )
    site.lay_answer(
        "/there", b"<img src='data:image/gif;base64,R0lGODlh'><iframe src=/frame></iframe>", "text/html"
    )
    site.lay_answer("/frame", b"<img src=framed.jpg>", "text/html")
    found = fetcher.fetch("job-9", FetchOrder("http://photos.example/on"))
    assert [(hop.url, hop.led_by) for hop in found.hops] == [
        ("http://photos.example/on", "start"),
        ("http://photos.example/there", "refresh"),
    ]
    assert found.page is not None
    assert found.page.embedded == (b"GIF89a",)
    assert set(found.page.pictures) == {"http://photos.example/left.jpg", "http://photos.example/framed.jpg"}
    assert found.page.is_complete
    assert [(hop.url, hop.led_by) for hop in found.frame_hops] == [("http://photos.example/frame", "frame")]
    site.lay_answer("/sent", b"go", headers="Refresh: 0; url=/frame\r\n")
    sent = fetcher.fetch("job-9", FetchOrder("http://photos.example/sent"))
    assert sent.page is not None
    assert (sent.final_url, len(sent.page.pictures)) == ("http://photos.example/frame", 1)
    plain = fetcher.fetch("job-10", FetchOrder("http://photos.example/on", wants_page=False))
    assert (len(plain.hops), plain.page) == (1, FetchedPage(is_complete=False))


def test_without_practice_names_loopback_is_never_dialled(site: LocalSite) -> None:
    before = len(site.seen)
    with Fetcher(LIMITS) as plain:
        for url in ("http://photos.example/ok", "http://203.0.113.10/ok", f"http://127.0.0.1:{site.port}/ok"):
            with pytest.raises(CaptureRefusedError):
                plain.fetch("job-11", FetchOrder(url))
        with pytest.raises(CaptureRefusedError):
            plain.fetch("job-11", FetchOrder("not a url"))
    assert len(site.seen) == before


def test_a_killed_process_fails_one_fetch_and_is_replaced(site: LocalSite) -> None:
    site.lay("/wait", drip(b"", lambda _: b"", 0.2, 20))
    with Fetcher(FetchLimits(total_s=10), site.practice_names()) as running:
        first = running.pid
        assert first is not None
        threading.Timer(0.3, os.kill, (first, signal.SIGKILL)).start()
        with pytest.raises(CaptureFailedError, match="stopped"):
            running.fetch("job-12", FetchOrder("http://photos.example/wait"))
        assert running.fetch("job-13", FetchOrder("http://photos.example/ok")).body == b"ok"
        second = running.pid
        assert second is not None
        assert second != first
        os.kill(second, signal.SIGKILL)
        time.sleep(0.2)
        assert running.fetch("job-14", FetchOrder("http://photos.example/ok")).body == b"ok"


def test_an_interrupted_fetch_never_answers_the_next_job(site: LocalSite) -> None:
    class StopHereError(Exception):
        pass

    def stop(*_: object) -> None:
        raise StopHereError

    site.lay("/late", drip(b"", lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate", 0.5, 1))
    before = signal.signal(signal.SIGALRM, stop)
    try:
        with Fetcher(FetchLimits(total_s=5), site.practice_names()) as running:
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            with pytest.raises(StopHereError):
                running.fetch("job-15", FetchOrder("http://photos.example/late"))
            time.sleep(0.6)
            assert running.fetch("job-16", FetchOrder("http://photos.example/ok")).body == b"ok"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_the_process_ends_with_its_worker(site: LocalSite) -> None:
    program = (
        "import time\n"
        "from workers.fetcher.door import *\n"
        "fetcher = Fetcher(FetchLimits()); fetcher.start(); print(fetcher.pid, flush=True); time.sleep(60)\n"
    )
    worker = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    with worker.stdout:
        child = int(worker.stdout.readline())
        worker.kill()
        worker.wait()
    for _ in range(100):
        try:
            if Path(f"/proc/{child}/stat").read_text().split()[2] == "Z":
                return
        except FileNotFoundError:
            return
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    raise AssertionError("the fetcher outlived its worker")


# What a taken-over process could say. HOP and PLAIN are good parts to build a bad answer from.
LIAR = (
    """
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
job = take()["job"]
HOP = {"url": "http://photos.example/ok", "status": 200, "address": "203.0.113.10"}
HOP |= {"content_type": "", "tls": "", "exit_name": "direct", "certificate": "", "certificate_fault": ""}
HOP |= {"headers": [], "elapsed_ms": 1, "led_by": "start"}
NEXT = {**HOP, "led_by": "redirect"}
PLAIN = {"job": job, "hops": [HOP], "bytes": 2, "elapsed_ms": 1, "page": False}
PAGE = {**PLAIN, "page": True}
FACTS = """
    + repr(asdict(PageFacts()))
    + """
HELD = {"pictures": [], "found": 0, "complete": True, "facts": FACTS, "embedded": []}
MORE = {"job": job, "bytes": None, "frames": [], "holds": HELD}
FRAME = {**HOP, "url": "http://photos.example/frame", "led_by": "frame"}
SAFE = {"tls": "TLSv1.3", "certificate": "ab" * 32}
BODY = b"ok"
"""
)


@pytest.fixture
def liar(site: LocalSite, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fetcher]:
    monkeypatch.setattr(door, "GRACE_S", 0.5)
    monkeypatch.setattr(door, "PAGE_S", 0.3)
    limits = FetchLimits(total_s=0.2, max_bytes=1000, max_redirects=2, max_pictures=2)
    running = Fetcher(limits, site.practice_names())  # what starts with the first fetch is the stand-in alone
    yield running
    running.close()


def make_lie(monkeypatch: pytest.MonkeyPatch, lie: str) -> None:
    monkeypatch.setattr(door, "COMMAND", (sys.executable, "-I", "-S", "-c", LIAR + lie + "\ntime.sleep(9)"))


@pytest.mark.parametrize(
    "lie",
    [
        "give(PLAIN, BODY)",
        "give({**PLAIN, 'more': 1}, BODY)",
        "give({**PLAIN, 'hops': [HOP, NEXT]}, BODY)",
        "give({**PLAIN, 'hops': [{**HOP, 'headers': [['server', 'a']]}]}, BODY)",
        "give({**PLAIN, 'hops': [HOP, {**NEXT, **SAFE, 'url': 'https://photos.example/'}]}, BODY)",
        "give(PAGE, BODY); give({**MORE, 'frames': [FRAME, FRAME]})",
        "give(PAGE, BODY); give(MORE)",
        "give(PAGE, BODY); give({**MORE, 'holds': None})",
        "give(PAGE, BODY); give({**MORE, **PAGE, 'hops': [HOP, {**HOP, 'led_by': 'refresh'}]}, BODY)",
        "give(PAGE, BODY); give({**MORE, 'holds': {**HELD, 'embedded': [1, 2]}}, b'abc')",
    ],
)
def test_a_proper_answer_of_the_stand_in_is_taken(
    liar: Fetcher, monkeypatch: pytest.MonkeyPatch, lie: str
) -> None:
    make_lie(monkeypatch, lie)
    assert liar.fetch("job-20", FetchOrder("http://photos.example/ok")).body == b"ok"


@pytest.mark.parametrize(
    "lie",
    [
        "give({**PLAIN, 'job': 'another'}, BODY)",
        "give({**PLAIN, 'job': None}, BODY)",
        "give({'job': job, 'failed': 'silent', 'hops': [{**HOP, 'address': '127.0.0.1'}]})",
        "give({'job': job, 'refused': 'no', 'hops': [{**HOP, 'url': 'http://elsewhere.example/'}]})",
        "give({'job': job, 'refused': 'no', 'hops': 'many'})",
        "give({**PLAIN, 'bytes': 1001}, b'x' * 1001)",
        "give({**PLAIN, 'bytes': -1}, BODY)",
        "give({**PLAIN, 'bytes': True}, BODY)",
        "give({**PLAIN, 'bytes': 2.0}, BODY)",
        "give({**PLAIN, 'bytes': 900}, BODY)",
        "give({**PLAIN, 'bytes': 10**30}, BODY)",
        "give({**PLAIN, 'elapsed_ms': 'x'}, BODY)",
        "give({**PLAIN, 'elapsed_ms': -1}, BODY)",
        "give({**PLAIN, 'hops': []}, BODY)",
        "give({**PLAIN, 'hops': {}}, BODY)",
        "give({**PLAIN, 'hops': ['x']}, BODY)",
        "give({**PLAIN, 'hops': [HOP] * 4}, BODY)",
        "give({**PLAIN, 'hops': [{**HOP, 'url': 'http://other.example/'}]}, BODY)",
        "give({**PLAIN, 'hops': [HOP, {**HOP, 'url': 'file:///etc/passwd'}]}, BODY)",
        "give({**PLAIN, 'hops': [HOP, {**HOP, 'url': 'HTTP://photos.example'}]}, BODY)",
        "give({**PLAIN, 'hops': [{**HOP, 'status': 99}]}, BODY)",
        "give({**PLAIN, 'hops': [{**HOP, 'status': '200'}]}, BODY)",
        "give({**PLAIN, 'hops': [{**HOP, 'address': '127.0.0.1'}]}, BODY)",
        "give({**PLAIN, 'hops': [{**HOP, 'address': 'x'}]}, BODY)",
        "give({**PLAIN, 'hops': [{**HOP, 'content_type': 'a' * 200}]}, BODY)",
        "give({**PLAIN, 'hops': [{**HOP, 'content_type': 'a' + chr(10) + 'b'}]}, BODY)",
        "give({**PLAIN, 'page': 1}, BODY)",
        "give({'job': job, 'failed': 'of boredom'})",
        "give({'job': job, 'failed': 7})",
        "give({**PLAIN, 'hops': [HOP, HOP]}, BODY)",
        "give({**PLAIN, 'hops': [NEXT]}, BODY)",
        *(
            f"give({{**PLAIN, 'hops': [{{**HOP, {field}}}]}}, BODY)"
            for field in (
                "'tls': None",
                "'tls': 'x' * 17",
                "'address': ''",
                "'exit_name': 'abroad'",
                "'exit_name': ''",
                "'certificate': 'ab' * 32",
                "'tls': 'TLSv1.3'",
                "**SAFE, 'certificate': 'ab', 'url': 'https://photos.example/ok'",
                "'certificate': 'G' * 64",
                "'certificate_fault': 'buy at evil.example'",
                "'headers': {}",
                "'headers': [['set-cookie', 'a=b']]",
                "'headers': [['server', 'x' * 301]]",
                "'headers': [['server', 'a' + chr(27)]]",
                "'headers': [['server', 'a'], ['server', 'b']]",
                "'headers': [['server']]",
                "'headers': [['server', 1]]",
                "'headers': [[['server'], 'a']]",
                "'headers': [['etag', 'a']] * 60",
                "'led_by': 'frame'",
                "'led_by': 1",
                "'elapsed_ms': -1",
            )
        ),
        "give(PAGE, BODY); give({**MORE, 'job': 'another'})",
        *(
            f"give(PAGE, BODY); give({{**MORE, 'holds': {{**HELD, {field}}}}})"
            for field in (
                "'pictures': 'x'",
                "'pictures': ['http://a.example/%d' % n for n in range(3)]",
                "'found': -1",
                "'pictures': ['http://a.example/'] * 2, 'found': 2",
                "'pictures': ['file:///x']",
                "'found': None",
                "'pictures': ['http://a.example/a']",
                "'complete': 1",
                "'facts': None",
                "'facts': {}",
                "'facts': {**FACTS, 'title': 'x' * 301}",
                "'facts': {**FACTS, 'text': 'a' + chr(7)}",
                "'facts': {**FACTS, 'links': -1}",
                "'facts': {**FACTS, 'links': 10**9}",
                "'embedded': 'x'",
                "'embedded': [0]",
                "'embedded': [-1]",
                "'embedded': [17 << 20]",
                "'embedded': [True]",
                "'embedded': [1, 1, 1]",
            )
        ),
        *(
            f"give({{**PLAIN, 'hops': [HOP, {{**NEXT, {field}}}]}}, BODY)"
            for field in (
                "'url': 'http://photos.example:22/'",
                "'url': 'http://service.internal/'",
                "'url': 'http://abc.onion/'",
                "'url': 'http://8.8.8.8/'",
                "'url': 'https://photos.example/'",
                "**SAFE, 'tls': '', 'url': 'https://photos.example/'",
                "'led_by': 'start'",
                "'led_by': 'frame'",
            )
        ),
        *(
            f"give(PAGE, BODY); give({{**MORE, 'frames': {frames}}})"
            for frames in ("None", "[FRAME] * 11", "[NEXT]", "[HOP]", "[{**FRAME, 'address': '127.0.0.1'}]")
        ),
        "give(PAGE, BODY); give({**MORE, 'holds': []})",
        "give(PAGE, BODY); give({**MORE, 'bytes': 1001}, b'x' * 1001)",
        "give(PAGE, BODY); give({**MORE, **PAGE}, BODY)",
        "give(PAGE, BODY); give({**MORE, **PAGE, 'hops': [HOP, HOP]}, BODY)",
        "give(PAGE, BODY); give({**MORE, **PAGE, 'hops': [{**HOP, 'status': 404}, NEXT]}, BODY)",
        "give(PAGE, BODY); give({'job': job, 'failed': 'of boredom'})",
        "give([])",
        "give('x' * 2000000)",
        "channel.sendall(struct.pack('!I', 2**32 - 1) + b'x' * 1000)",
        "channel.sendall(struct.pack('!I', 5) + b'{not}')",
        "channel.sendall(struct.pack('!I', 60000) + b'[' * 60000)",
        "channel.sendall(b'xx'); channel.close()",
        "channel.close()",
        "pass",
        "sys.exit(0)",
    ],
)
def test_a_lying_process_is_killed_and_believed_in_nothing(
    liar: Fetcher, monkeypatch: pytest.MonkeyPatch, lie: str
) -> None:
    make_lie(monkeypatch, lie)
    with pytest.raises(CaptureFailedError) as caught:
        liar.fetch("job-21", FetchOrder("http://photos.example/ok"))
    assert caught.value.failure in {FetchFailure.FETCHER_STOPPED, FetchFailure.OUT_OF_TIME}
    assert liar.pid is None


@pytest.mark.parametrize(
    "lie", ["give(PAGE, BODY)", "give(PAGE, BODY); channel.close()", "give(PAGE, BODY); channel.sendall(b'xx')",
            "give(PAGE, BODY); give({**MORE, 'holds': {**HELD, 'embedded': [9]}}, b'x')"]
)  # fmt: skip
def test_a_page_outlives_the_process_that_did_not_come_to_read_it(
    liar: Fetcher, monkeypatch: pytest.MonkeyPatch, lie: str
) -> None:
    make_lie(monkeypatch, lie)
    found = liar.fetch("job-24", FetchOrder("http://photos.example/ok"))
    assert (found.body, liar.pid) == (b"ok", None)
    assert found.page == FetchedPage(is_complete=False)


@pytest.mark.parametrize("end", ["'failed': 'fetcher_stopped'", "'refused': 'no'"])
def test_a_page_is_not_lost_with_what_it_holds(
    liar: Fetcher, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    make_lie(monkeypatch, f"give(PAGE, BODY); give({{'job': job, {end}}})")
    found = liar.fetch("job-25", FetchOrder("http://photos.example/ok"))
    assert (found.body, found.page) == (b"ok", FetchedPage(is_complete=False))
    assert liar.pid is not None


def test_another_way_out_than_the_one_that_was_ordered_is_a_lie(
    site: LocalSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = FetchLimits(total_s=0.2, exits=("abroad=http://10.0.0.1:3128", "onions=tor://10.0.0.2:9050"))
    for wish, answered, is_true in (
        ("abroad", "abroad", True),
        ("abroad", "direct", False),
        ("abroad", "onions", False),
        ("", "abroad", False),
        ("", "direct", True),
    ):
        make_lie(monkeypatch, f"give({{**PLAIN, 'hops': [{{**HOP, 'exit_name': {answered!r}}}]}}, BODY)")
        with Fetcher(limits, site.practice_names()) as fetcher:
            order = FetchOrder("http://photos.example/ok", wish)
            if is_true:
                assert fetcher.fetch("job-26", order).exit_name == answered
            else:
                with pytest.raises(CaptureFailedError, match="stopped"):
                    fetcher.fetch("job-26", order)
        monkeypatch.undo()


def test_words_of_a_lying_process_are_cut(liar: Fetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    make_lie(monkeypatch, "give({'job': job, 'refused': 'x' * 5000})")
    with pytest.raises(CaptureRefusedError) as caught:
        liar.fetch("job-22", FetchOrder("http://photos.example/ok"))
    assert len(str(caught.value)) <= 200


@pytest.mark.parametrize("program", ["", "import time; time.sleep(9)", "raise SystemExit(3)", "missing"])
def test_a_process_that_does_not_start_says_so(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setattr(door, "START_S", 0.5)
    interpreter = sys.executable if program != "missing" else "/nowhere/python"
    monkeypatch.setattr(door, "COMMAND", (interpreter, "-I", "-S", "-c", program))
    with pytest.raises(SandboxUnavailableError):
        Fetcher(LIMITS).fetch("job-23", FetchOrder("http://photos.example/ok"))
