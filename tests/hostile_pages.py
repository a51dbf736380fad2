"""Pages that are written to be heavy, endless or circular: one table of path → trick."""

import base64

from tests.hostile_sites import ANSWER, Trick, Writer, send, send_and_reset, send_and_wait, send_endlessly
from triage.rules.fetch_failures import FetchFailure

MIB = 1 << 20
LAST = "/last.jpg"
_SHOWS_LAST = b"<img src=http://hostile.example/last.jpg>"
MOST_SEEN = {
    "/frame-self": 12,
    "/frames-endless": 14,
    "/frames-many": 14,
    "/refresh-self": 12,
    "/refresh-there": 12,
}
"""Path → most requests that one fetch of it may cause."""


def _page(body: bytes, head: bytes = b"") -> Trick:
    shows = LAST if _SHOWS_LAST in body else ""
    return Trick(_send_page(body, head), frozenset({ANSWER}), shows=shows)


def _send_page(body: bytes, head: bytes = b"") -> Writer:
    return send(_frame_page(b"<!doctype html><html><head>" + head + b"</head><body>" + body))


def _frame_page(html: bytes) -> bytes:
    return (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n" % len(html)
    ) + html


def list_pages() -> dict[str, Trick]:
    """Return the pages; all of them are answers, whatever they lead to."""
    many = b"".join(b"<img src=/p/%d.jpg>" % number for number in range(100_000))
    wide = b"".join(b"/p/%d.jpg %dw, " % (number, number + 1) for number in range(60_000))
    tags = b"<table><tr><td><select><option><svg><math><p>" * 20_000
    refresh = b'<meta http-equiv=refresh content="0; url=%s">'
    last = _SHOWS_LAST
    return {
        "/page": _page(b"<img src=/a.jpg><img src=/b.jpg>"),
        "/html-50-mib": _page(b"<p>text</p>" * (50 * MIB // 11) + last),
        "/comment-50-mib": _page(b"<!--" + b"-" * (50 * MIB) + b"-->" + last),
        "/images-100000": _page(many),
        "/nodes-1000000": _page(b"<b></b>" * 1_000_000 + last),
        "/deep": _page(b"<div>" * 300_000 + last),
        "/misnested": _page(b"<a><b><i><p>" * 60_000 + last),
        "/tables": _page(tags + last),
        "/attribute-20-mib": _page(b"<img src='" + b"a" * (20 * MIB) + b"'>" + last),
        "/attributes-many": _page(b"<img " + b"".join(b"data-%d=/x%d.jpg " % (n, n) for n in range(90_000)) + b">"),
        "/srcset": _page(b"<img srcset='" + wide + b"'>"),
        "/style": _page(b"<div style='" + b"background:url(/a.jpg);" * 100_000 + b"'></div>"),
        "/style-brackets": _page(b"<style>" + b"url(" * 300_000 + b"</style>" + last),
        "/entities": _page(b"<img src='" + b"&amp;" * 500_000 + b"'>" + last),
        "/base-many": _page(b"<base href=/x/>" * 100_000 + last),
        "/base-inside": _page(b"<base href=http://127.0.0.1/>" + last),
        "/script-open": _page(b"<script>" + b"<" * (5 * MIB)),
        "/bytes-null": _page(bytes(5 * MIB) + last),
        "/utf-16": Trick(
            send(_frame_page(b"\xff\xfe" + ("<img src=/a.jpg>" * 99_999).encode("utf-16-le"))), frozenset({ANSWER})
        ),
        "/charset-unknown": _page(last, b"<meta charset=x-owned>"),
        "/data-many": _page(b"<img src='data:image/png;base64,AAAA'>" * 60_000),
        "/data-20-mib": _page(b"<img src='data:image/png;base64," + base64.b64encode(bytes(20 * MIB)) + b"'>"),
        "/data-nested": _page(b"<iframe src='data:text/html,<iframe src=/frame-self>'></iframe>" * 50),
        "/json-deep": _page(b"<script type=application/ld+json>" + b"[" * 200_000 + b"</script>" + last),
        "/noscript-deep": _page(b"<noscript>" * 50_000 + last),
        "/frame-self": _page(b"<iframe src=/frame-self></iframe>" * 5 + last),
        "/frame-there": _page(b"<iframe src=/frame-back></iframe>" + last),
        "/frame-back": _page(b"<iframe src=/frame-there></iframe>" + last),
        "/frames-many": _page(b"".join(b"<iframe src=/page?%d></iframe>" % n for n in range(20_000))),
        "/frames-endless": _page(b"".join(b"<iframe src=/frames-endless?%d></iframe>" % n for n in range(40))),
        "/frame-silent": _page(b"<iframe src=/never></iframe>" + last),
        "/frame-resets": _page(b"<iframe src=/resets></iframe>" + last),
        "/frame-floods": _page(b"<iframe src=/flood></iframe>" + last),
        "/frame-inside": _page(b"<iframe src=http://127.0.0.1/></iframe><iframe src=file:///etc/passwd>" + last),
        "/srcdoc-nested": _page(b"<iframe srcdoc='" + b"<iframe srcdoc=&quot;" * 2000 + b"'></iframe>" + last),
        "/refresh-self": _page(last, refresh % b"/refresh-self"),
        "/refresh-there": _page(last, refresh % b"/refresh-back"),
        "/refresh-back": _page(last, refresh % b"/refresh-there"),
        "/refresh-fragment": _page(last, refresh % b"/refresh-fragment#on"),
        "/refresh-inside": _page(last, refresh % b"http://127.0.0.1/"),
        "/refresh-never": _page(last, refresh % b"/never"),
        "/refresh-script": _page(last, refresh % b"javascript:alert(1)"),
        "/refresh-many": _page(last, (refresh % b"/page") * 20_000),
        "/never": Trick(send_and_wait(b""), _any_end()),
        "/resets": Trick(send_and_reset(b"HTTP/1.1 2"), _any_end()),
        "/flood": Trick(
            send_endlessly(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n", b"<p>" * 20_000), _any_end()
        ),
    }  # fmt: skip


def _any_end() -> frozenset[str]:
    """Pages that others lead to; alone they are among the answers that break HTTP."""
    return frozenset({"refused", *map(str, FetchFailure)})
