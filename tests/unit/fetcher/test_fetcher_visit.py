"""One visit: refreshes are followed, frames are read one level deep, and nothing found is lost on the way."""

import asyncio
from dataclasses import replace

import pytest

from triage.errors import CaptureFailedError, CaptureRefusedError
from triage.rules.fetch_failures import FetchFailure
from workers.fetcher import visit as visit_module
from workers.fetcher.client import Answer
from workers.fetcher.page import PageFound
from workers.fetcher.visit import Visit, visit
from workers.fetcher.wire import FetchLimits, Hop

SITE = "http://photos.example"
LIMITS = FetchLimits(max_pictures=10, max_frames=3, max_redirects=4)
GIF = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"


class Web:
    """Pages by path, and every request that was made; an exception in place of a page is raised."""

    def __init__(self, pages: dict[str, str | Exception | Answer]) -> None:
        self.pages = pages
        self.asked: list[tuple[str, str, str]] = []

    def answer(self, path: str, *, led_by: str = "start") -> Answer:
        page = self.pages.get(path, "")
        if isinstance(page, Exception):
            raise page
        if isinstance(page, Answer):
            return page
        return make_answer(path, page, status=200 if path in self.pages else 404, led_by=led_by)

    async def fetch(self, url: str, *, referer: str, led_by: str) -> Answer:
        path = url.removeprefix(SITE)
        self.asked.append((path, referer.removeprefix(SITE), led_by))
        return self.answer(path, led_by=led_by)

    def visit(self, path: str = "/", limits: FetchLimits = LIMITS) -> Visit:
        return asyncio.run(visit(self.answer(path), limits, self.fetch))

    def read(self, path: str = "/", limits: FetchLimits = LIMITS) -> PageFound:
        page = self.visit(path, limits).page
        assert page is not None
        return page


def make_answer(
    path: str,
    body: str,
    *,
    status: int = 200,
    kind: str = "text/html",
    led_by: str = "start",
    refresh: str = "",
) -> Answer:
    hop = Hop(SITE + path, status, "203.0.113.10", content_type=kind, led_by=led_by)
    return Answer((hop,), body.encode(), 5, kind, refresh)


def paths(page: PageFound) -> list[str]:
    return [url.removeprefix(SITE) for url in page.pictures]


def refresh(target: str, delay: int = 0) -> str:
    return f"<meta http-equiv=refresh content='{delay}; url={target}'>"


def test_what_is_no_page_is_left_alone() -> None:
    web = Web({"/": make_answer("/", "<html><img src=a.jpg>", kind="image/jpeg")})
    assert web.visit() == Visit(web.answer("/"), None)


def test_the_page_of_an_error_is_read_for_its_words_only() -> None:
    html = f"<title>Gone</title>{refresh('/x')}<img src=a.jpg><iframe src=/f></iframe>"
    web = Web({"/": make_answer("/", html, status=404)})
    page = web.read()
    assert (page.pictures, page.found, page.facts.title, page.is_complete) == ((), 0, "Gone", True)
    assert web.asked == []


def test_a_refresh_is_one_more_hop_and_the_pictures_left_behind_are_kept() -> None:
    web = Web(
        {"/": refresh("/b", 3) + "<title>A</title><img src=a.jpg>", "/b": "<title>B</title><img src=b.jpg>"}
    )
    seen = web.visit()
    assert seen.page is not None
    assert [(hop.url, hop.led_by) for hop in seen.answer.hops] == [
        (SITE + "/", "start"),
        (SITE + "/b", "refresh"),
    ]
    assert (paths(seen.page), seen.page.found, seen.page.facts.title) == (["/b.jpg", "/a.jpg"], 2, "B")
    assert (seen.answer.body, seen.answer.elapsed_ms, seen.page.is_complete) == (
        web.answer("/b").body,
        10,
        True,
    )
    assert web.asked == [("/b", "/", "refresh")]


@pytest.mark.parametrize(
    "html", [refresh("/"), refresh("/", 6), "<meta http-equiv=refresh content=0>", refresh("javascript:x")]
)
def test_a_page_that_only_loads_itself_anew_stays_where_it_is(html: str) -> None:
    web = Web({"/": html + "<img src=a.jpg>"})
    assert (paths(web.read()), web.read().is_complete, web.asked) == (["/a.jpg"], True, [])


def test_refreshes_in_a_circle_end_and_lose_nothing() -> None:
    web = Web({"/": refresh("/b") + "<img src=a.jpg>", "/b": refresh("/") + "<img src=b.jpg>"})
    assert (paths(web.read()), [path for path, _, _ in web.asked]) == (["/b.jpg", "/a.jpg"], ["/b"])


def test_refreshes_without_end_stop_at_the_most_redirects() -> None:
    web = Web({"/": refresh("/1")} | {f"/{number}": refresh(f"/{number + 1}") for number in range(1, 50)})
    seen = web.visit()
    assert seen.page is not None
    assert (len(seen.answer.hops), seen.page.is_complete) == (LIMITS.max_redirects + 1, False)


@pytest.mark.parametrize(
    "target",
    [
        CaptureRefusedError("the address is this machine"),
        CaptureFailedError("silent", failure=FetchFailure.SILENT.value),
        make_answer("/b", "gone", status=404),
        make_answer("/b", "%PDF", kind="application/pdf"),
    ],
    ids=["refused", "failed", "gone", "another file"],
)
def test_a_refresh_that_leads_nowhere_keeps_the_page_and_says_so(target: Exception | Answer) -> None:
    web = Web(
        {
            "/": refresh("/b") + "<img src=a.jpg><iframe src=/f></iframe>",
            "/b": target,
            "/f": "<img src=f.jpg>",
        }
    )
    seen = web.visit()
    assert seen.page is not None
    assert (seen.answer, paths(seen.page)) == (web.answer("/"), ["/a.jpg", "/f.jpg"])
    assert not seen.page.is_complete


def test_a_refresh_to_a_picture_makes_it_a_picture_of_the_page() -> None:
    web = Web({"/": refresh("/b"), "/b": make_answer("/b", "x", kind="image/png")})
    seen = web.visit()
    assert seen.page is not None
    assert (seen.answer, paths(seen.page), seen.page.is_complete) == (web.answer("/"), ["/b"], True)


def test_frames_are_read_after_the_page_with_the_page_as_referer() -> None:
    web = Web(
        {
            "/": "<iframe src=/f1></iframe><img src=a.jpg><frame src=/f2>",
            "/f1": "<img src=/f1.jpg width=9000 height=9000><iframe src=/f2></iframe>",
            "/f2": f"<img src=f2.jpg><img src=a.jpg><img src={GIF}>",
        }
    )
    page = web.read()
    assert (paths(page), len(page.embedded), page.found) == (["/a.jpg", "/f1.jpg", "/f2.jpg"], 1, 4)
    assert (page.facts.pictures, page.is_complete) == (4, True)
    assert web.asked == [("/f1", "/", "frame"), ("/f2", "/", "frame")]


def test_cyclic_frames_are_read_once() -> None:
    web = Web(
        {
            "/": "<iframe src=/></iframe><iframe src=/f></iframe><iframe src=/f#x></iframe><iframe src=/f></iframe>",
            "/f": "<iframe src=/></iframe><iframe src=/f></iframe>",
        }
    )
    assert (web.read().is_complete, len(web.asked)) == (True, 1)


def test_a_frame_that_shows_a_file_is_a_picture() -> None:
    web = Web(
        {
            "/": "<iframe src=/f></iframe><iframe src=/t></iframe>",
            "/f": make_answer("/f", "x", kind="image/png"),
            "/t": make_answer("/t", "x", kind="text/plain"),
        }
    )
    assert (paths(web.read()), web.read().is_complete) == (["/f"], True)


@pytest.mark.parametrize(
    "frame",
    [
        CaptureRefusedError("the address is this machine"),
        CaptureFailedError("silent", failure=FetchFailure.SILENT.value),
        make_answer("/f0", "<img src=f0.jpg>", status=503),
    ],
    ids=["refused", "failed", "error"],
)
def test_a_frame_that_does_not_come_is_skipped_and_said(frame: Exception | Answer) -> None:
    web = Web(
        {
            "/": "<img src=a.jpg><iframe src=/f0></iframe><iframe src=/f1></iframe>",
            "/f0": frame,
            "/f1": "<img src=b.jpg>",
        }
    )
    assert (paths(web.read()), web.read().is_complete) == (["/a.jpg", "/b.jpg"], False)


def test_frames_of_other_schemes_are_not_missing() -> None:
    web = Web({"/": "<iframe src=about:blank></iframe><iframe src=javascript:1></iframe><iframe></iframe>"})
    assert (web.read().is_complete, web.asked) == (True, [])


def test_when_time_runs_out_the_other_frames_are_not_asked_for() -> None:
    late = CaptureFailedError("late", failure=FetchFailure.OUT_OF_TIME.value)
    web = Web(
        {"/": "<img src=a.jpg><iframe src=/f0></iframe><iframe src=/f1></iframe>", "/f0": late, "/f1": ""}
    )
    assert (paths(web.read()), web.read().is_complete) == (["/a.jpg"], False)
    assert {path for path, _, _ in web.asked} == {"/f0"}


def test_more_frames_than_are_read_are_said() -> None:
    frames = "".join(f"<iframe src=/f{number}></iframe>" for number in range(4))
    web = Web({"/": frames} | {f"/f{number}": f"<img src={number}.jpg>" for number in range(4)})
    page = web.read()
    assert (paths(page), page.is_complete, len(web.asked)) == (["/0.jpg", "/1.jpg", "/2.jpg"], False, 3)


def test_frames_that_are_too_much_together_are_not_all_read(monkeypatch: pytest.MonkeyPatch) -> None:
    web = Web({"/": "<iframe src=/f0></iframe><iframe src=/f1></iframe>", "/f0": "x" * 99, "/f1": ""})

    def check(name: str, value: float) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(visit_module, name, value)
            web.asked.clear()
            assert (web.read().is_complete, len(web.asked)) == (False, 1 if name == "MAX_FRAME_BYTES" else 0)

    check("MAX_FRAME_BYTES", 50)
    check("MAX_READING_S", 0.0)


def test_the_page_comes_first_when_there_is_no_room_for_all() -> None:
    def many(name: str) -> str:
        return "".join(f"<img src={name}{number}.jpg>" for number in range(8))

    web = Web({"/": many("a") + "<iframe src=/f></iframe>", "/f": f"<img src={GIF}>" + many("b")})
    page = web.read()
    assert paths(page) == [f"/a{number}.jpg" for number in range(8)] + ["/b0.jpg", "/b1.jpg"]
    assert (page.found, page.embedded, page.is_complete) == (17, (), True)


@pytest.mark.parametrize("kind", ["text/html", "text/plain", ""])
def test_a_refresh_header_is_followed_like_its_twin_in_the_page(kind: str) -> None:
    first = make_answer("/", "go <img src=a.jpg>", kind=kind, refresh="0; url=b")
    seen = Web({"/": first, "/b": "<img src=b.jpg>"}).visit()
    assert seen.page is not None
    assert [hop.led_by for hop in seen.answer.hops] == ["start", "refresh"]
    assert paths(seen.page) == (["/b.jpg", "/a.jpg"] if kind == "text/html" else ["/b.jpg"])
    assert seen.page.is_complete


def test_a_header_that_leads_nowhere_leaves_the_word_to_the_page() -> None:
    for header in ("0; url=/", "0; url=http://[", "0", "x"):
        web = Web({"/": make_answer("/", refresh("/b"), refresh=header), "/b": "<img src=b.jpg>"})
        assert paths(web.read()) == ["/b.jpg"]


def test_a_picture_with_a_refresh_header_stays_what_it_is() -> None:
    web = Web({"/": make_answer("/", "x", kind="image/png", refresh="0; url=/b")})
    assert (web.visit().page, web.asked) == (None, [])


@pytest.mark.parametrize("first", [refresh("/b", 6), make_answer("/", "", refresh="60; url=/b")])
def test_a_page_that_leads_on_after_a_longer_wait_is_not_all_that_is_shown(first: str | Answer) -> None:
    web = Web({"/": first, "/b": "<img src=b.jpg>"})
    assert (web.read().is_complete, web.asked) == (False, [])


def test_a_redirect_without_a_target_shows_its_page() -> None:
    web = Web({"/": make_answer("/", "<img src=a.jpg>", status=302)})
    assert (paths(web.read()), web.read().is_complete) == (["/a.jpg"], True)


def test_frames_of_a_page_left_behind_are_read_after_those_of_the_last_one() -> None:
    web = Web(
        {
            "/": refresh("/b", 3) + "<iframe src=/f1></iframe>",
            "/b": "<iframe src=/f2></iframe>",
            "/f1": "<img src=f1.jpg>",
            "/f2": "<img src=f2.jpg>",
        }
    )
    assert paths(web.read()) == ["/f2.jpg", "/f1.jpg"]
    assert web.asked[1:] == [("/f2", "/b", "frame"), ("/f1", "/", "frame")]


@pytest.mark.parametrize("kind", ["text/plain", "application/octet-stream", ""])
def test_refresh_headers_are_followed_one_after_the_other(kind: str) -> None:
    second = make_answer("/b", "x", kind=kind, led_by="refresh", refresh="0; url=/c")
    web = Web({"/": make_answer("/", "", refresh="0; url=/b"), "/b": second, "/c": "<img src=c.jpg>"})
    seen = web.visit()
    assert seen.page is not None
    assert (paths(seen.page), len(seen.answer.hops), seen.page.is_complete) == (["/c.jpg"], 3, True)


@pytest.mark.parametrize("header", ["0; url=/deeper", "60; url=/deeper"])
def test_a_frame_that_sends_on_by_its_header_is_said_to_be_missing_something(header: str) -> None:
    for kind in ("text/html", "text/plain"):
        inner = make_answer("/f", "x", kind=kind, refresh=header)
        assert not Web({"/": "<iframe src=/f></iframe>", "/f": inner}).read().is_complete


@pytest.mark.parametrize(
    "inner", ["<iframe src=/deeper></iframe>", refresh("/deeper"), refresh("/deeper", 60)]
)
def test_what_a_frame_leads_to_in_turn_is_said_to_be_missing(inner: str) -> None:
    web = Web({"/": "<iframe src=/f></iframe>", "/f": inner + "<img src=a.jpg>"})
    assert (paths(web.read()), web.read().is_complete) == (["/a.jpg"], False)


def test_answers_of_frames_are_kept_apart_from_those_of_the_page() -> None:
    frames = "".join(f"<iframe src=/f{number}></iframe>" for number in range(4))
    web = Web(
        {"/": frames, "/f0": "", "/f1": CaptureRefusedError("no"), "/f2": make_answer("/f2", "", status=503)}
    )
    seen = web.visit()
    assert [(hop.url, hop.status, hop.led_by) for hop in seen.frame_hops] == [
        (SITE + "/f0", 200, "frame"),
        (SITE + "/f2", 503, "frame"),
    ]
    assert [hop.url for hop in seen.answer.hops] == [SITE + "/"]
    moved = replace(web.answer("/f0"), hops=web.answer("/f0").hops * 9)
    assert len(Web({"/": frames, "/f0": moved}).visit().frame_hops) == LIMITS.max_frames
