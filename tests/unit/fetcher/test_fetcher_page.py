"""What a page holds: every way to show a picture, which come first, and what is not taken for one."""

import base64
import subprocess
import sys
from urllib.parse import quote

import pytest

from workers.fetcher.page import PageFound, is_page, read_page

BASE = "http://photos.example/albums/1"
HERE = "http://photos.example/albums/"
PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
PIXEL_TEXT = base64.b64encode(PIXEL).decode()


def read(html: str, most: int = 100, content_type: str = "text/html") -> PageFound:
    return read_page(html.encode(), BASE, content_type=content_type, most=most)


def find(html: str, most: int = 100) -> list[str]:
    """Return the pictures without the part that all of them share."""
    return [url.removeprefix(HERE) for url in read(html, most).pictures]


@pytest.mark.parametrize(
    "html",
    [
        "",
        "<",
        "\0" * 100,
        "<img>",
        "<img src>",
        "<img src=''>",
        "<img src='1'>",
        "<img src='data:image/png;base64,????'>",
        "<img src='data:image/svg+xml,<svg/>'>",
        "<a href='data:text/html,<img src=a.jpg>'>x</a>",
        "<img src='javascript:alert(1)'>",
        "<img src='file:///etc/passwd'>",
        "<img src='http://['>",
        "<img srcset=',,,'>",
        "<a href='other.html'>x</a>",
        "<a href=''>x</a>",
        "<meta property='og:title' content='/a.jpg'>",
        "<link rel='stylesheet' href='/a.css'>",
        "<link rel='icon' href='/favicon.png'>",
        "<link rel='shortcut icon' href='/favicon.ico'>",
        "<link rel='apple-touch-icon' href='/touch.png'>",
        "<link rel=preload as=font href=/f.woff2>",
        "<!-- <img src='/a.jpg'> -->",
        "<!--> --> <!-- <img src=a.jpg>",
        "<script>'<img src=/a.jpg>'</script>",
        "<textarea><img src=a.jpg></textarea>",
        "<title><img src=a.jpg></title>",
        "<audio><source src=a.mp3 type=audio/mpeg></audio>",
        "<input type=text src=a.jpg>",
        "<style>@font-face{src:url(a.woff)} @import url(b.css);</style>",
        "<div data-id=7 data-name='a.b' data-config='{\"a\": [1.5]}'>x</div>",
        "<img src='a.jpg",
        "<object data=a.pdf></object><embed src=a.swf>",
    ],
)
def test_what_shows_no_picture_yields_none(html: str) -> None:
    found = read(html)
    assert (found.pictures, found.embedded, found.found, found.is_complete) == ((), (), 0, True)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<img src='a.jpg'>", ["a.jpg"]),
        ("<IMG SRC=a.jpg/>", ["a.jpg/"]),
        ("<img src=\"a.jpg\"alt='x'>", ["a.jpg"]),
        ("<img alt='>' src='a.jpg'>", ["a.jpg"]),
        ("<img src='&#97;.jpg?x=1&amp;copy=2&y'>", ["a.jpg?x=1&copy=2&y"]),
        ("<img src='\n a.\tjpg '>", ["a.jpg"]),
        ("<img src=//files.example/a>", ["http://files.example/a"]),
        ("<image src=a.jpg>", ["a.jpg"]),
        ("<amp-img src=a.jpg></amp-img>", ["a.jpg"]),
        ("<svg><filter><feImage href=a.jpg /></filter></svg>", ["a.jpg"]),
        # srcset: the largest, and src only where a browser may show it beside
        ("<img srcset='s.jpg bogus' src=x.jpg>", ["s.jpg", "x.jpg"]),
        ("<img srcset='s.jpg 9h' src=x.jpg>", ["s.jpg", "x.jpg"]),
        ("<img srcset='s.jpg 900w 2x, l.jpg 9w' src=x.jpg>", ["l.jpg"]),
        ("<img srcset='s.jpg 90w 9h, l.jpg 1e3x' src=x.jpg>", ["s.jpg"]),
        ("<img srcset='s.jpg .5x, l.jpg 1.5x' src=x.jpg>", ["l.jpg"]),
        ("<img srcset='s.jpg 1x, l.jpg 2x' src=x.jpg>", ["l.jpg"]),
        ("<img srcset='s.jpg 0.5x' src=x.jpg>", ["x.jpg"]),
        ("<img srcset='l.jpg 900w,s.jpg 90w'>", ["l.jpg"]),
        ("<img srcset='a,b.jpg, c.jpg 0.5x'>", ["a,b.jpg"]),
        ("<img srcset='a.jpg 1x (b, c), d.jpg 3x'>", ["d.jpg"]),
        ("<picture><source srcset='p.webp'><img src='p.jpg'></picture>", ["p.webp", "p.jpg"]),
        # what scripts load later
        ("<img data-src='real.jpg' src='blank.gif'>", ["real.jpg", "blank.gif"]),
        ("<img data-src='/photo?id=7'>", ["http://photos.example/photo?id=7"]),
        ("<img data-srcset='s.jpg 100w, l.jpg 800w'>", ["l.jpg"]),
        ("<img data-anything-at-all='real.jpeg?x=1'>", ["real.jpeg?x=1"]),
        ("<div data-bg='real.jpg'>", ["real.jpg"]),
        ("<div data-bg='url(real.jpg)'>", ["real.jpg"]),
        ("<div data-all='[{\"src\":\"1.jpg\",\"t\":\"x.y\"},{\"src\":\"\\/2.mp4?a=b\"}]'>",
         ["1.jpg", "http://photos.example/2.mp4?a=b"]),
        # metas and links
        ("<meta property='og:image' content='/o.jpg'>", ["http://photos.example/o.jpg"]),
        ("<meta property='og:video:url' content='/o.mp4'>", ["http://photos.example/o.mp4"]),
        ("<meta name='twitter:image' content='t.jpg'>", ["t.jpg"]),
        ("<meta itemprop=image content='t.jpg'>", ["t.jpg"]),
        ("<link rel='x IMAGE_SRC' href='l.jpg'>", ["l.jpg"]),
        ("<link rel=preload as=image href=p.jpg>", ["p.jpg"]),
        ("<link rel=preload as=image imagesrcset='s.jpg 1x, l.jpg 2x'>", ["l.jpg"]),
        ("<link itemprop=thumbnailUrl href=p.jpg>", ["p.jpg"]),
        ("<a href='/full.JPG?dl=1'>x</a>", ["http://photos.example/full.JPG?dl=1"]),
        ("<a href='film.mp4#t=9'>x</a>", ["film.mp4"]),
        ("<map><area href=map.png></map>", ["map.png"]),
        ('<script type="application/ld+json">{"image":["a.jpg",{"url":"b"}],"video":{"contentUrl":"c.mp4"},'
         '"url":"no"}</script>', ["a.jpg", "b", "c.mp4"]),
        # videos, plug-ins, drawings
        ("<video src='v.webm' poster='v.jpg'></video>", ["v.webm", "v.jpg"]),
        ("<video><source src='v.mp4'></video>", ["v.mp4"]),
        ("<input type=image src=b.png>", ["b.png"]),
        ("<svg><image href=s.png /><image xlink:href='t.png'/></svg>", ["s.png", "t.png"]),
        ("<embed src=e.jpg><object data=o type=image/png></object><iframe src=f.gif></iframe>",
         ["e.jpg", "o", "f.gif"]),
        # styles
        ("<div style='background: url(\"b g.jpg\") red'>", ["b%20g.jpg"]),
        ("<div style='background:url(&quot;q.jpg&quot;)'>", ["q.jpg"]),
        ("<p style=background-image:url(u.jpg)>", ["u.jpg"]),
        ("<style>.a{background:url( 'c.jpg' )}.b{background:url(\\64 .jpg)}</style>", ["c.jpg", "d.jpg"]),
        ("<body background=old.gif>", ["old.gif"]),
        # parts that some readers skip
        ("<noscript><img src=n.jpg></noscript>", ["n.jpg"]),
        ("<head><noscript><img src=n.jpg></noscript><meta property=og:image content=o.jpg></head>",
         ["o.jpg", "n.jpg"]),
        ("<template><img src=t.jpg></template>", ["t.jpg"]),
        ("<iframe srcdoc='<img src=&quot;i.jpg&quot;>'></iframe>", ["i.jpg"]),
        ("<select><option><img src=o.jpg></select>", ["o.jpg"]),
        ("<plaintext><img src=p.jpg>", ["p.jpg"]),
        # base
        ("<base href='http://files.example/b/'><img src='a.jpg'>", ["http://files.example/b/a.jpg"]),
        ("<base href='javascript:x'><img src='a.jpg'>", ["a.jpg"]),
        ("<base><base href=/x/><base href=/y/><img src='a.jpg'>", ["http://photos.example/x/a.jpg"]),
    ],
)  # fmt: skip
def test_every_way_to_show_a_picture_is_found(html: str, expected: list[str]) -> None:
    assert find(html) == expected


@pytest.mark.parametrize(
    "html",
    [
        # Each of these hides the picture from a reader that takes the wrong one of two views; a browser shows it.
        "<noscript><style></noscript><img src=x.jpg>",
        "<noscript><!-- </noscript><img src=x.jpg>",
        "<iframe><!-- </iframe><img src=x.jpg>",
        "<svg><style><img src=x.jpg>",
        "<svg><title><img src=x.jpg></title></svg>",
        "<math><script><img src=x.jpg>",
        "<svg><p><script>'<!--'</script><img src=x.jpg>",
        "<svg><p><![CDATA[><img src=x.jpg>]]>",
        "<svg><![CDATA[ > <!-- ]]></svg><img src=x.jpg>",
        "<svg><foreignObject><div></svg></div></foreignObject><style><img src=x.jpg>",
        "<!--><img src=x.jpg><!-- -->",
        "<!-- --!><img src=x.jpg>",
        "<?php echo '--' ?><img src=x.jpg>",
        "</ <img src=y><img src=x.jpg>",
        "</é><img src=x.jpg>",
        "<style></ſtyle></style><img src=x.jpg>",
        "<script></scripty><!-- </script><img src=x.jpg>",
        "<a b=c\"d><img src=x.jpg>",
        "<a =\"><img src=x.jpg>",
        "<3 <img src=x.jpg>",
        "<frameset><textarea><img src=y></textarea><img src=x.jpg>",
        "<img\vsrc=y><img src=x.jpg>",
    ],
)  # fmt: skip
def test_no_trick_of_markup_hides_a_picture(html: str) -> None:
    assert "x.jpg" in find(html)


def test_doubts_that_go_too_deep_are_said() -> None:
    assert read("<svg><style><img src=x.jpg></style></svg>").is_complete
    assert not read("<svg>" + "<style><svg>" * 9 + "<img src=x.jpg>").is_complete


def test_drawings_and_formulas_of_ordinary_pages_raise_no_doubt() -> None:
    found = read(
        "<svg><title>icon</title><desc>d</desc><style>.a{}</style><path d='1'/></svg><svg/><math><mi>x</mi></math>"
        "<title>Album</title><script>var a='<img src=\"${x}\"><!-- ';</script><noscript><img src=n.jpg></noscript>"
        "<img src=a.jpg>"
    )
    assert (found.pictures, found.is_complete) == ((HERE + "n.jpg", HERE + "a.jpg"), True)
    assert found.facts.title == "Album"


def test_the_own_site_comes_first_then_the_largest_then_the_order_of_the_page() -> None:
    html = """
    <img src=http://ads.example/huge.jpg width=4000 height=3000>
    <img src=icon.png width=16 height=16> <img src=logo.svg>
    <img src=first.jpg> <img src=second.jpg>
    <img src=http://img.photos.example/wide.jpg width=800px height=600>
    <img srcset="w400.jpg 400w, w2000.jpg 2000w"> <img srcset="dense.jpg 3x" width=300>
    <a href=full.jpg><img src=thumb.jpg width=100 height=80></a>
    <video src=film.mp4></video> <img src=tracker.gif width=1 height=1>
    """
    assert find(html) == [
        "w2000.jpg", "film.mp4", "full.jpg", "dense.jpg", "http://img.photos.example/wide.jpg", "first.jpg",
        "second.jpg", "thumb.jpg", "logo.svg", "icon.png", "tracker.gif", "http://ads.example/huge.jpg",
    ]  # fmt: skip
    assert find(html, 3) == ["w2000.jpg", "film.mp4", "full.jpg"]
    assert find(html) == find(html)


def test_what_a_thumb_links_to_is_larger_than_the_thumb() -> None:
    html = "<a href=full.jpg><img src=thumb.jpg width=3000 height=2000></a><img src=b.jpg width=3000 height=2000>"
    assert find(html) == ["full.jpg", "thumb.jpg", "b.jpg"]


def test_each_is_taken_once_and_all_are_counted() -> None:
    html = "".join(f"<img src='{number % 300}.jpg'>" for number in range(900))
    assert find(html, 7) == [f"{number}.jpg" for number in range(7)]
    assert (read(html, 7).found, read(html, 0).found, read(html, 0).pictures) == (300, 300, ())
    assert read(html, 7).is_complete


def test_the_pictures_inside_a_page_are_bytes() -> None:
    spaced = "\n".join(PIXEL_TEXT[place : place + 10] for place in range(0, len(PIXEL_TEXT), 10))
    escaped = quote(PIXEL_TEXT, safe="")
    other = b"\xff\xd8\xff" + b"x" * 900
    html = f"""<img src="data:image/gif;base64,{PIXEL_TEXT}"><img src=" data:image/gif;base64,{spaced}">
      <img src="DATA:image/gif;base64,{escaped}"><img src="data:image/gif,{quote(PIXEL)}">
      <img src="data:;base64,{base64.b64encode(other).decode()}"><a href="data:text/plain;base64,{PIXEL_TEXT}">x</a>
      <div style="background:url(data:image/gif;base64,{PIXEL_TEXT})"></div><img src=a.jpg>"""
    found = read(html)
    assert (found.embedded, found.found) == ((other, PIXEL), 3)
    # A stand-in of a few bytes gives way to an address.
    assert (read(html, 2).pictures, read(html, 2).embedded) == ((HERE + "a.jpg",), (other,))


def test_files_inside_a_page_have_their_bounds() -> None:
    too_long = read(f"<img src='data:image/png;base64,{'A' * (23 << 20)}'><img src=a.jpg>")
    assert (too_long.embedded, too_long.pictures) == ((), (HERE + "a.jpg",))
    escapes = read(f"<img src='data:image/png,{'%41' * 600_000}'>")
    assert (escapes.embedded, escapes.is_complete) == ((), False)
    most = read("".join(f"<img src='data:image/png;base64,{sign * (15 << 20)}'>" for sign in "AB"))
    assert [len(data) for data in most.embedded] == [15 * 3 << 18] * 2
    assert most.is_complete


def test_frames_are_listed_with_what_the_page_carries_of_them() -> None:
    html = """<iframe src=a.html></iframe><frame src=b.html><iframe data-src=c.html></iframe><embed src=d.html>
      <object data=e.html type=text/html></object><iframe src=about:blank></iframe><iframe src="javascript:1"></iframe>
      <iframe src=a.html></iframe><iframe srcdoc="<p>x</p>" src=f.html></iframe>"""
    assert read(html).frames == tuple(f"{HERE}{name}.html" for name in "abcde")


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ("<iframe src='data:text/html,<img src=http://photos.example/albums/a.jpg>'>", ["a.jpg"]),
        (
            f"<object data='data:text/html;charset=x;base64,{base64.b64encode(b'<img src=a.jpg>').decode()}'>",
            ["a.jpg"],
        ),
        ("<embed src='data:image/svg+xml,<svg><image href=%22a.jpg%22/></svg>'>", ["a.jpg"]),
        ("<iframe src='data:text/html;base64,????'></iframe>", []),
        ("<iframe src='data:text/plain,<img src=a.jpg>'></iframe>", []),
    ],
)
def test_a_page_inside_the_address_of_a_frame_is_read(frame: str, expected: list[str]) -> None:
    assert (find(frame), read(frame).is_complete) == (expected, True)


def test_a_picture_inside_the_address_of_a_frame_is_taken_however_long() -> None:
    assert len(read(f"<iframe src='data:image/png;base64,{'A' * 3_000_000}'></iframe>").embedded) == 1


def test_frames_of_a_page_inside_a_frame_are_frames_and_what_lies_deeper_is_said() -> None:
    inner = read("<iframe srcdoc='<iframe src=b.html></iframe>'></iframe>")
    assert (inner.frames, inner.is_complete) == ((HERE + "b.html",), True)
    for deeper in (
        "<iframe srcdoc=x></iframe>",
        "<base href=/x/>",
        "<meta http-equiv=refresh content=0;url=b>",
    ):
        assert not read(f"<iframe srcdoc='{deeper}<img src=a.jpg>'></iframe>").is_complete


@pytest.mark.parametrize("length", [3000, 10_000])
def test_what_is_longer_than_an_address_can_be_is_said_to_be_missing(length: int) -> None:
    long = "x" * length
    assert not read(f"<img src='/a.jpg?{long}'>").is_complete
    assert not read(f"<iframe src='/a?{long}'></iframe>").is_complete
    assert read(f"<iframe src='javascript:{'x' * 3000}'></iframe>").is_complete


def test_the_first_refresh_that_is_one_counts() -> None:
    metas = [f"<meta http-equiv=refresh content='{text}'>" for text in ("", "x", "0;url=/a", "0;url=/b")]
    assert read("".join(metas)).refresh == (0.0, "http://photos.example/a")


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("image-set('a.jpg' 1x, url(b.jpg) 2x)", ["b.jpg", "a.jpg"]),
        ('-webkit-image-set("a.jpg" type("image/jpeg") 1x)', ["a.jpg"]),
        ("IMAGE-SET('a\\2e jpg' 1x", ["a.jpg"]),
        ("'a.jpg'", []),
    ],
)
def test_the_bare_strings_of_an_image_set_are_addresses(style: str, expected: list[str]) -> None:
    assert find(f"<style>a{{background:{style}}}</style>") == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("0; url=/x", (0.0, "http://photos.example/x")),
        ("5;URL='y'", (5.0, HERE + "y")),
        (' 3 , "z" ', (3.0, HERE + "z")),
        ("2.9;w", (2.0, HERE + "w")),
        (".5; url=v", (0.0, HERE + "v")),
        ("; url=v", None),
        ("5url=v", None),
        ("5", None),
        ("x; url=/x", None),
        ("0; url=", None),
        ("0; url=javascript:1", None),
        ("999999; url=/x", (999_999.0, "http://photos.example/x")),
    ],
)
def test_a_refresh_is_read_as_browsers_read_it(content: str, expected: tuple[float, str] | None) -> None:
    assert (
        read(f'<meta http-equiv="Refresh" content="{content.replace(chr(34), "&quot;")}">').refresh
        == expected
    )


def test_character_sets_are_known_as_browsers_know_them() -> None:
    encoded = {
        "utf-8": "é", "windows-1252": "é", "iso-8859-1": "é", "iso-8859-2": "č", "windows-1251": "я", "koi8-r": "я",
        "shift_jis": "画", "gb2312": "图", "euc-kr": "그", "big5": "圖",
    }  # fmt: skip
    for label, sign in encoded.items():
        codec = {"gb2312": "gb18030", "euc-kr": "cp949"}.get(label, label)
        body = f"<img src='/{sign}.jpg'>".encode(codec)
        expected = (f"http://photos.example/{quote(sign)}.jpg",)
        in_page = f"<meta charset='{label}'>".encode() + body
        assert read_page(in_page, BASE, most=9).pictures == expected, label
        in_header = read_page(body, BASE, content_type=f'text/html; charset="{label.upper()}"', most=9)
        assert in_header.pictures == expected, label
    for codec in ("utf-16", "utf-8-sig"):
        assert read_page("<meta charset=koi8-r><img src='/é.jpg'>".encode(codec), BASE, most=9).pictures == (
            "http://photos.example/%C3%A9.jpg",
        )
    assert read_page("<img src='/é.jpg'>".encode("cp1252"), BASE, most=9).pictures == (
        "http://photos.example/%C3%A9.jpg",
    )
    for codec in (b"no-such", b"hex", b"zlib", b"idna", b"unicode_escape", b"undefined", b"utf-7", b"utf-16"):
        found = read_page(b"<meta charset=" + codec + b"><img src=/a.jpg>", BASE, most=9)
        assert found.pictures == ("http://photos.example/a.jpg",), codec


def test_xhtml_is_read_as_xml_where_it_differs() -> None:
    html = "<script src='x.js'/><img src='a.jpg'/><![CDATA[ <img src='b.jpg'/> > ]]>"
    assert read(html, content_type="application/xhtml+xml").pictures == (HERE + "a.jpg",)
    assert read(html).pictures == ()


def test_the_facts_are_what_a_reader_would_see() -> None:
    facts = read(
        """<title> My\n&euml;  title</title><h1>HELLO</h1><script>var x = "not seen"</script><p>big&nbsp;W&#246;rld
        <style>.not{seen:1}</style><input name=a><input type=password><input type=hidden><textarea>no</textarea>
        <select></select><a href=1>self</a><a href=/x>x</a><a href="/x#part">x</a><a href=#top>t</a>
        <a href=mailto:x@photos.example>m</a><a href=http://www.photos.example/y>y</a>
        <a href=https://a.other.example/1>1</a><a href=//b.other.example/2>2</a><a href=http://third.example>3</a>
        <img src=a.jpg><script></script>"""
    ).facts
    assert (facts.title, facts.text[:17]) == ("My ë title", "hello big wörld s")
    assert "seen" not in facts.text
    assert (facts.password_fields, facts.form_fields) == (1, 4)
    assert (facts.links, facts.links_away, facts.other_sites) == (6, 3, 2)
    assert (facts.pictures, facts.scripts) == (1, 2)


def test_facts_are_cut_and_printable() -> None:
    facts = read("<title>" + "t" * 999 + "</title>\u202e\x07&#7;" + "W\u0130 " * 9000).facts
    assert (len(facts.title), len(facts.text)) == (300, 6000)
    assert facts.text.isprintable()


def test_a_page_is_known_by_its_type_or_its_first_bytes() -> None:
    assert is_page("text/html", b"")
    assert is_page("Text/HTML; charset=utf-8", b"")
    assert is_page("", b"\xef\xbb\xbf \n<!DOCTYPE html>")
    assert not is_page("image/jpeg", b"<html>")
    assert not is_page("", b"\xff\xd8\xff")
    # What browsers take for a page without a type, or by types of XML.
    for body in (b"<body><img src=a>", b"<!-- x --><p>", b"\n<div>", b"<?xml version='1.0'?><html>"):
        assert is_page("", body)
        assert is_page("unknown/unknown", body)
    assert is_page("application/xml", b"")
    assert not is_page("application/pdf", b"<html>")


def test_names_with_a_prefix_are_read_in_xml() -> None:
    xml = "<h:html xmlns:h='http://www.w3.org/1999/xhtml'><h:img src='a.jpg'/><h:style>x</h:style><h:img src='b.jpg'/>"
    assert len(read(xml, content_type="application/xml").pictures) == 2
    assert read(xml).pictures == ()


WARM_THEN_READ = r"""
import sys
from workers.fetcher.page import read_page, warm_up
warm_up()
seen = []
sys.addaudithook(lambda event, given: seen.append((event, given[:1])) if event in {"open", "import"} else None)

def read(html, kind=""):
    return read_page(html, "http://photos.example/", content_type=kind, most=500)

labels = "utf-8 utf-16 windows-1250 windows-1251 koi8-u shift_jis euc-jp iso-2022-jp gbk big5 euc-kr mac 866"
for label in labels.split():
    read(b"<a href=//\xd0\xb5.example/><img src='/\xff\x9a.jpg'>", "text/html; charset=" + label)
read(b"<style>a{b:url(\\64)}</style><script type=ld+json>[1e9]</script>&nGt;&#x1f600;<title>&ngt;</title>")
read(b"<img src='data:image/png;base64,%41AAA' srcset='a 1w'><meta http-equiv=refresh content='1;url=x'>")
read(b"<img src=//xn--e1afmkfd.example/><img src=http://[2001:db8::1]/><img src=//m\xc3\xbcnchen.example/>")
read(b"\xff\xfe<", "application/xhtml+xml")
sys.exit(repr(seen) if seen else 0)
"""


def test_after_the_warm_up_nothing_is_imported_and_no_file_opened() -> None:
    done = subprocess.run([sys.executable, "-c", WARM_THEN_READ], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
