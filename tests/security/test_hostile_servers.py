"""The real, locked fetcher process against servers that lie, stall, flood and break off."""

import itertools
import os
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests import hostile_answers as answers
from tests.counts import IS_SOAK, scale
from tests.hostile_fuzz import make_trick
from tests.hostile_pages import MIB, MOST_SEEN, list_pages
from tests.hostile_sites import ANSWER, HOST, HostileSite, Trick, end_of, send
from workers.fetcher.door import GRACE_S, PAGE_S, Fetcher
from workers.fetcher.wire import FetchLimits

LIMIT = 1 << 20
LATE_S = 9.0 if IS_SOAK else 1.2
LIMITS = FetchLimits(
    total_s=1.5, connect_s=1.0, max_bytes=LIMIT, max_redirects=4, max_pictures=50, max_frames=4
)
HASTY = replace(LIMITS, total_s=0.4, connect_s=0.3)
ROOMY = FetchLimits(total_s=3.0, connect_s=1.0, max_bytes=64 * MIB, max_redirects=8, max_frames=10)
OK = Trick(send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), frozenset({ANSWER}), b"ok")
QUICK = {
    "/ok": OK,
    **answers.list_endless(),
    **answers.list_lengths(),
    **answers.list_chunks(),
    **answers.list_compressed(LIMIT),
    **answers.list_heads(),
    **answers.list_breaks(1),
    **answers.list_redirects(),
}
SLOW = answers.list_slow(LATE_S)
GREETINGS, TLS_GREETINGS = answers.list_greetings(), answers.list_tls_greetings()
PAGES = list_pages()
MARGIN_S = 2.0  # a busy machine is given this much beyond each deadline
FUZZ_SEED = int(os.environ.get("HOTLINE_FUZZ_SEED", "1"))
URL = f"http://{HOST}"
"""Where all tricks lie."""


@pytest.fixture(scope="module")
def site() -> Iterator[HostileSite]:
    with HostileSite({**QUICK, **SLOW, **PAGES}, {**GREETINGS, **TLS_GREETINGS}) as running:
        yield running


@pytest.fixture(scope="module")
def fetcher(site: HostileSite) -> Iterator[Fetcher]:
    with Fetcher(LIMITS, site.practice_names()) as running:
        yield running
        assert_it_works(running)
        assert_it_is_small(running, 160 * MIB)


@pytest.fixture(scope="module")
def hasty(site: HostileSite) -> Iterator[Fetcher]:
    with Fetcher(HASTY, site.practice_names()) as running:
        yield running
        assert_it_works(running)


def read_memory(pid: int | None) -> int:
    """Return the most memory that a process ever held, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("the kernel does not say")


def assert_it_works(fetcher: Fetcher) -> None:
    end, found = end_of(fetcher, URL + "/ok", "still-alive")
    assert (end, found.body if found else None) == (ANSWER, b"ok")


def assert_it_is_small(fetcher: Fetcher, most: int) -> None:
    if os.geteuid() == 0:  # another account may not look into a process that hides itself
        assert read_memory(fetcher.pid) < most


def assert_ends(fetcher: Fetcher, url: str, trick: Trick, most_s: float) -> None:
    started = time.monotonic()
    end, found = end_of(fetcher, url)
    assert time.monotonic() - started < most_s
    assert end in trick.ends
    if found is not None and trick.shows:
        assert found.page is not None
        assert URL + trick.shows in found.page.pictures or not found.page.is_complete
    if found is not None and trick.body is not None:
        assert found.body == trick.body


@pytest.mark.parametrize("path", sorted(path for path in QUICK if not re.match("/chain[1-9]", path)))
def test_a_server_that_breaks_the_rules_ends_in_one_named_way(fetcher: Fetcher, path: str) -> None:
    assert_ends(fetcher, URL + path, QUICK[path], LIMITS.total_s + MARGIN_S)


@pytest.mark.parametrize("path", sorted(set(SLOW) - {"/late"}))
def test_a_server_that_stalls_is_left_at_the_deadline(hasty: Fetcher, path: str) -> None:
    assert_ends(hasty, URL + path, SLOW[path], HASTY.total_s + MARGIN_S)


@pytest.mark.parametrize("host", sorted(GREETINGS))
def test_a_server_that_does_not_wait_for_a_request(hasty: Fetcher, host: str) -> None:
    assert_ends(hasty, f"http://{host}/", GREETINGS[host], HASTY.total_s + MARGIN_S)


@pytest.mark.parametrize("host", sorted(TLS_GREETINGS))
def test_a_server_that_speaks_no_tls_where_it_should(hasty: Fetcher, host: str) -> None:
    assert_ends(hasty, f"https://{host}/", TLS_GREETINGS[host], HASTY.total_s + MARGIN_S)


def test_a_first_byte_that_comes_late_is_waited_for(site: HostileSite) -> None:
    with Fetcher(FetchLimits(total_s=LATE_S + 5), site.practice_names()) as patient:
        assert_ends(patient, URL + "/late", SLOW["/late"], LATE_S + 5)


def test_redirects_are_counted_whatever_they_are_called(site: HostileSite, fetcher: Fetcher) -> None:
    for path in ("/to-itself", "/there", "/fragment", "/query", "/chain0"):
        site.seen.clear()
        assert_ends(fetcher, URL + path, QUICK[path], LIMITS.total_s + MARGIN_S)
        assert 1 <= len(site.seen) <= LIMITS.max_redirects + 1, path


def test_no_redirect_carries_a_line_into_the_next_request(site: HostileSite, fetcher: Fetcher) -> None:
    site.seen.clear()
    for path in ("/to-encoded-lines", "/to-bare-return", "/to-folded", "/to-control", "/to-null"):
        end_of(fetcher, URL + path)
    assert not any("\r" in seen or "\n" in seen or "\0" in seen for seen in site.seen)


@pytest.fixture(scope="module")
def roomy(site: HostileSite) -> Iterator[Fetcher]:
    with Fetcher(ROOMY, site.practice_names()) as running:
        yield running
        assert_it_works(running)
        assert_it_is_small(running, 400 * MIB)


@pytest.mark.parametrize("path", sorted(set(PAGES) - {"/never", "/resets", "/flood"}))
def test_a_heavy_or_circular_page_is_answered_in_time(site: HostileSite, roomy: Fetcher, path: str) -> None:
    site.seen.clear()
    roomy.start()
    pid = roomy.pid
    assert_ends(roomy, URL + path, PAGES[path], ROOMY.total_s + PAGE_S + GRACE_S)
    assert roomy.pid == pid, "the page was worth a process"
    assert len(site.seen) <= MOST_SEEN.get(path, ROOMY.max_frames + ROOMY.max_redirects + 2)


@pytest.mark.parametrize("part", range(4))
def test_no_raw_answer_hangs_kills_or_confuses_it(part: int) -> None:
    count = scale(25)
    made = {f"/{number}": make_trick(FUZZ_SEED, number) for number in range(part * count, (part + 1) * count)}
    tricks = {path: trick for path, (_, trick) in made.items()} | {"/ok": OK}
    limits = FetchLimits(total_s=0.4, connect_s=0.3, max_bytes=LIMIT, max_redirects=3, max_frames=2)
    marks = {path: mark for path, (mark, _) in made.items()}
    with HostileSite(tricks) as site, Fetcher(limits, site.practice_names()) as fetcher:
        for path, mark in marks.items():
            started = time.monotonic()
            end, found = end_of(fetcher, URL + path, job_id=f"job{path}")
            assert time.monotonic() - started < limits.total_s + PAGE_S + GRACE_S, (end, path)
            others = [other for name, other in marks.items() if name != path]
            body = found.body if found is not None else b""
            assert mark in body or not any(other in body for other in others), path
        assert_it_works(fetcher)
        assert_it_is_small(fetcher, 160 * MIB)


def test_fetches_asked_for_at_once_get_their_own_answers(site: HostileSite) -> None:
    tricks = {
        f"/n{n}": Trick(send(b"HTTP/1.1 200 OK\r\n\r\nn%d" % n), frozenset({ANSWER})) for n in range(40)
    }
    wrong: list[str] = []
    with (
        HostileSite(tricks | {"/hang": SLOW["/silent"]}) as busy,
        Fetcher(HASTY, busy.practice_names()) as door,
    ):
        turns = itertools.count()

        def ask() -> None:
            while (number := next(turns)) < 40:
                end, found = end_of(door, f"{URL}/n{number}", f"job-{number}")
                if end != ANSWER or found is None or found.body != b"n%d" % number:
                    wrong.append(f"{number} {end}")
                if number % 20 == 0:
                    end_of(door, URL + "/hang", f"hang-{number}")

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert wrong == []
