"""Pages written to hurt or to hide: their reader stays quick and small, never fails, and misses nothing unsaid."""

import json
import random
import subprocess
import sys
from collections.abc import Iterator

import pytest
from selectolax.lexbor import LexborHTMLParser

from tests.counts import IS_SOAK, scale
from tests.local_sites import LocalSite
from triage.errors import InvalidUrlError
from triage.rules.urls import normalise_link, resolve_link
from workers.fetcher.data_urls import MAX_ALL_EMBEDDED_BYTES, MAX_EMBEDDED_BYTES
from workers.fetcher.door import Fetcher
from workers.fetcher.locks import MEMORY_BYTES
from workers.fetcher.page import MAX_FOUND, PageFound, read_page
from workers.fetcher.wire import FetchLimits, FetchOrder

BASE = "http://photos.example/albums/1"
MOST_CPU_S = 2.0
"""What reading one page may take; the test allows twice of it, for busy machines."""

# Name → a Python expression of the page. All of them kept a parser of trees busy for minutes, or could have.
WORST = {
    "50 MB of text": "b'<p>text</p>' * (50 * M // 11)",
    "50 MB in a comment": "b'<!--' + b'-- >' * (50 * M // 4)",
    "a million nodes": "b'<b></b>' * 1_000_000",
    "100 000 images": "b''.join(b'<img src=/p/%d.jpg>' % n for n in range(100_000))",
    "deep nesting": "b'<div>' * 300_000 + b'</p>' * 300_000",
    "formatting": "b''.join(b'<b x=%d>' % n for n in range(300_000)) + b'<p>' * 300_000",
    "tables": "b'<table><tr><td><select><option><svg><math><p>' * 20_000",
    "20 MB in an attribute": "b'<img src=' + b'a' * (20 * M) + b'>'",
    "100 000 attributes": "b'<img ' + b''.join(b'data-%d=/x%d.jpg ' % (n, n) for n in range(100_000)) + b'>'",
    "many attributes everywhere": "(b'<p ' + b''.join(b'data-%d=%d.jpg ' % (n, n) for n in range(190)) + b'>') * 6000",
    "a srcset of megabytes": "b'<img srcset=\"' + b'/p.jpg 9w, ' * 2_000_000 + b'\">'",
    "many srcsets": "(b'<img srcset=\"' + b'a 1w,' * 2000 + b'\">') * 2000",
    "brackets in a style": "b'<style>' + b'url(' * 5_000_000 + b'</style>'",
    "long addresses": "b''.join(b'<img src=/%d/' % n + b'%41' * 500 + b'>' for n in range(15_000))",
    "strange host names": "b''.join('<img src=//х{0}й.пример{0}.example/>'.format(n).encode() for n in range(20_000))",
    "a long base": "b'<base href=/' + b'x/' * 900 + b'>' + b''.join(b'<img src=%d.jpg>' % n for n in range(20_000))",
    "links around thumbs": "b''.join(b'<a href=%d.jpg><img src=%dt.jpg>' % (n, n) for n in range(30_000))",
    "JSON within brackets": "b'<script type=application/ld+json>' + b'[' * 900_000 + b'</script>'",
    "raw texts in raw texts": "b'<svg><style><noscript>' * 400_000",
    "escapes in data": "b''.join(b'<img src=data:image/png,%d' % n + b'%41' * 300_000 + b'>' for n in range(20))",
    "data without end": "b'<img src=\"data:image/png;base64,' + b'A' * (30 * M)",
    "tags without end": "b'<a ' * 10_000_000",
    "quotes without end": "b'<a b=\"' * 5_000_000",
    "signs of four bytes": "('<p>' + chr(0x1F600)) .encode() * 2_000_000",
    "a set that shifts": "b'<meta charset=gb18030>' + b'\\x81\\x30\\x81' * 8_000_000",
    "nothing but zeros": "bytes(30 * M)",
    "pages inside the page": "b'<iframe srcdoc=\"' + b'&lt;b>' * 2_000_000 + b'\"></iframe>' * 3",
    "frames": "b''.join(b'<iframe src=/%d></iframe>' % n for n in range(100_000))",
}

# Those that `make test` tries; a soak tries all.
WORST_OF_ALL = [
    *("50 MB of text", "a million nodes", "100 000 images", "deep nesting", "many attributes everywhere"),
    *("many srcsets", "long addresses", "strange host names", "raw texts in raw texts"),
]

MEASURE = """
import json, resource, sys, time
from workers.fetcher.page import read_page, warm_up
resource.setrlimit(resource.RLIMIT_AS, (%d, %d))
warm_up()
M = 1 << 20
for name, text in json.load(sys.stdin).items():
    page = eval(text)
    started = time.process_time()
    found = read_page(page, %r, most=500)
    print(json.dumps([name, time.process_time() - started, len(found.pictures), found.found]), flush=True)
"""


def test_the_worst_pages_take_little_time_and_memory() -> None:
    code = MEASURE % (MEMORY_BYTES, MEMORY_BYTES, BASE)
    pages = WORST if IS_SOAK else {name: WORST[name] for name in WORST_OF_ALL}
    done = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(pages), capture_output=True, text=True, timeout=170
    )
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [name for name, *_ in rows] == list(pages)
    assert [(name, seconds) for name, seconds, *_ in rows if seconds > 2 * MOST_CPU_S] == []
    assert all(taken <= 500 and found <= MAX_FOUND for _, _, taken, found in rows)
    assert {name: found for name, _, _, found in rows}["100 000 images"] == MAX_FOUND


# What markup is made of, and what makes two readers disagree about where it ends.
PIECES = [
    *("<svg>", "</svg>", "<math>", "</math>", "<style>", "</style>", "<script>", "</script>", "<title>", "</title>"),
    *("<textarea>", "</textarea>", "<noscript>", "</noscript>", "<iframe>", "</iframe>", "<!--", "-->", "--!>"),
    *("<![CDATA[", "]]>", "<!x", "<?y", "</ ", ">", '"', "'", "<table>", "</table>", "<td>", "<select>", "<option>"),
    *("</select>", "<template>", "</template>", "<foreignObject>", "</foreignObject>", "<desc>", "<mi>", "<p>"),
    *("<annotation-xml encoding=text/html>", "</p>", "<div>", "</div>", "<a href='", '<b c="', "<b c=d'e", "<b ="),
    *("<b/", "/>", "<xmp>", "</xmp>", "<noembed>", "</noembed>", "<noframes>", "</noframes>", "<plaintext>"),
    *("<frameset>", "<body>", "<head>", "</head>", "<form>", "<button>", "</br>", "\0", "\n", "\v", "x", "&lt;"),
    *("<scr", "ipt>", "</scriptx>", "</style x>", "<STYLE>", "</sTyle>", "</ſtyle>", "<font color=a>"),
    *("<svg/>", "</desc>", "</mi>", "<desc/>"),
]  # fmt: skip


def test_whatever_picture_a_browser_would_show_is_found_or_said_to_be_missing() -> None:
    shown = 0
    for seed in range(scale(1500)):
        rng = random.Random(seed)
        pieces = [
            f"<img src={place}.jpg>" if rng.random() < 0.3 else rng.choice(PIECES)
            for place in range(rng.randrange(3, 45))
        ]
        html = "".join(pieces)
        found = read_page(html.encode(), BASE, content_type="text/html; charset=utf-8", most=500)
        missing = set(list_shown(html)) - set(found.pictures)
        shown += len(found.pictures)
        assert not (missing and found.is_complete), (seed, html)
    assert shown > scale(1500)


def list_shown(html: str) -> Iterator[str]:
    """Yield the pictures of the tree that a browser builds, with scripts and without."""
    for scripting in (False, True):
        for node in LexborHTMLParser(html, scripting=scripting).css("img"):
            try:
                yield resolve_link(BASE, node.attributes.get("src") or "").url
            except InvalidUrlError:
                continue


RICH = b"""<!doctype html><html><head><meta charset="utf-8"><title>An album &amp; more</title><base href="/b/">
<meta http-equiv="refresh" content="4; url='/next'"><meta property="og:image" content="https://cdn.example/o.jpg">
<link rel=preload as=image href=p.jpg imagesrcset="s.jpg 1x, l.jpg 2x"><style>.a{background:url("c.jpg")}</style>
<script type="application/ld+json">{"@type":"ImageObject","contentUrl":"/ld.jpg","image":["a1.jpg",{"url":"a2"}]}
</script></head><body background=bg.gif><noscript><img src=n.jpg></noscript><!-- <img src=no.jpg> -->
<a href="full.jpg?x=1#y"><img src='t.jpg' width=100 height="80px" data-src="lazy.jpg"></a><svg><style>a</style>
<image xlink:href="s.png"/></svg><picture><source srcset="p.webp 100w, q.webp 900w" type=image/webp></picture>
<img src="data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"><video poster=v.jpg>
<div style="background: url(&quot;d.jpg&quot;)" data-all='[{"src":"\\/g.jpg"}]'>Text</div><iframe src="/f"></iframe>
<iframe srcdoc="&lt;img src=i.jpg&gt;"></iframe><form><input type=password><textarea>x</textarea></form></body></html>
"""


@pytest.mark.parametrize("part", range(4))
def test_no_mutation_of_a_rich_page_breaks_its_reader(part: int) -> None:
    whole = read_page(RICH, BASE, most=100)
    assert (whole.found, len(whole.frames), whole.is_complete, whole.refresh is not None) == (
        19,
        1,
        True,
        True,
    )
    for seed in range(part, scale(800), 4):
        check_found(read_page(mutate(RICH, random.Random(seed)), BASE, most=7), most=7)


def mutate(page: bytes, rng: random.Random) -> bytes:
    """Change some bytes of a page: flips, cuts, repetitions, zeros, signs of markup, bytes of no character set."""
    data = bytearray(page)
    for _ in range(rng.randrange(1, 12)):
        place = rng.randrange(len(data))
        length = rng.randrange(1, 60)
        match rng.randrange(6):
            case 0:
                data[place] ^= 1 << rng.randrange(8)
            case 1:
                del data[place : place + length]
            case 2:
                data[place:place] = data[place : place + length] * rng.randrange(1, 40)
            case 3:
                data[place:place] = rng.randbytes(length)
            case 4:
                data[place:place] = rng.choice(PIECES).encode()
            case _:
                data[place : place + 4] = rng.choice(
                    [b"\0\0", b"\xff\xfe", b"&#x110000;", b"%zz", b"\\", b"charset=hz"]
                )
        data = data or bytearray(b"<")
    return bytes(data)


def check_found(found: PageFound, most: int) -> None:
    """Assert what holds of every page."""
    assert len(found.pictures) + len(found.embedded) <= min(most, found.found)
    assert len(set(found.pictures)) == len(found.pictures)
    for url in (*found.pictures, *found.frames, *([found.refresh[1]] if found.refresh else [])):
        assert normalise_link(url).url == url
    assert all(0 < len(data) <= MAX_EMBEDDED_BYTES for data in found.embedded)
    assert sum(map(len, found.embedded)) <= MAX_ALL_EMBEDDED_BYTES
    facts = found.facts
    assert len(facts.title) <= 300
    assert len(facts.text) <= 6000
    assert (facts.title + facts.text).isprintable()
    assert facts.other_sites <= facts.links_away <= facts.links


def test_random_bytes_are_read_as_pages_too() -> None:
    for seed in range(scale(100)):
        rng = random.Random(seed)
        kind = rng.choice(
            ["", "text/html; charset=shift_jis", "text/html; charset=utf-16", "application/xhtml+xml"]
        )
        check_found(read_page(rng.randbytes(3000), BASE, content_type=kind, most=9), most=9)


@pytest.fixture
def site() -> Iterator[LocalSite]:
    with LocalSite() as site:
        yield site


def lay_page(site: LocalSite, path: str, html: str) -> None:
    site.lay_answer(path, html.encode(), "text/html")


def test_no_page_leads_the_fetcher_inside_or_round_in_circles(site: LocalSite) -> None:
    inside = f"http://127.0.0.1:{site.port}/secret"
    frames = f"<iframe src={inside}></iframe><iframe src=/f></iframe><iframe src=http://[::1]/></iframe>"
    lay_page(site, "/refresh", f"<meta http-equiv=refresh content='0; url={inside}'><img src=a.jpg>")
    lay_page(site, "/frames", f"<img src=a.jpg>{frames}<img src={inside}.jpg>")
    lay_page(site, "/f", "<iframe src=/frames></iframe><iframe src=/f></iframe><img src=f.jpg>")
    lay_page(site, "/loop", "<meta http-equiv=refresh content='0; url=/pool'><img src=a.jpg>")
    lay_page(site, "/pool", "<meta http-equiv=refresh content='0; url=/loop'><img src=b.jpg>")
    with Fetcher(FetchLimits(total_s=20), site.practice_names()) as fetcher:
        seen = {
            path: fetcher.fetch(f"hostile-{path[1:]}", FetchOrder(f"http://photos.example{path}"))
            for path in ("/refresh", "/frames", "/loop")
        }
    pages = {path: file.page for path, file in seen.items()}
    taken = {path: [url.rpartition("/")[2] for url in page.pictures] for path, page in pages.items() if page}
    # An address inside may stand on a page; it is refused when it is fetched, as any picture is.
    assert taken == {
        "/refresh": ["a.jpg"],
        "/frames": ["a.jpg", "secret.jpg", "f.jpg"],
        "/loop": ["b.jpg", "a.jpg"],
    }
    assert {path: page.is_complete for path, page in pages.items() if page} == {
        "/refresh": False,
        "/frames": False,
        "/loop": True,
    }
    assert sorted(site.seen) == ["/f", "/frames", "/loop", "/pool", "/refresh"]
