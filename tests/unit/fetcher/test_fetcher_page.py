"""Which pictures a page shows, and that no page can hurt its reader."""

import pytest

from workers.fetcher.page import find_pictures, is_page

BASE = "http://photos.example/albums/1"


def find(html: str, limit: int = 100) -> list[str]:
    return find_pictures(html.encode(), BASE, limit)


@pytest.mark.parametrize(
    "html",
    [
        "",
        "<",
        "\0" * 100,
        "<img>",
        "<img src>",
        "<img src=''>",
        "<img src='data:image/png;base64,AAAA'>",
        "<img src='javascript:alert(1)'>",
        "<img src='file:///etc/passwd'>",
        "<img src='http://['>",
        "<img srcset=',,,'>",
        "<a href='other.html'>x</a>",
        "<a href=''>x</a>",
        "<meta property='og:title' content='/a.jpg'>",
        "<link rel='stylesheet' href='/a.css'>",
        "<!-- <img src='/a.jpg'> -->",
        "<script>'<img src=/a.jpg>'</script>",
    ],
)
def test_what_shows_no_picture_yields_none(html: str) -> None:
    assert find(html) == []


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<img src='a.jpg'>", ["http://photos.example/albums/a.jpg"]),
        ("<img src=//files.example/a>", ["http://files.example/a"]),
        ("<img srcset='s.jpg 1x, l.jpg 2x' src=x.jpg>", ["http://photos.example/albums/l.jpg"]),
        ("<img srcset='l.jpg 900w,s.jpg 90w'>", ["http://photos.example/albums/l.jpg"]),
        ("<img srcset='a,b.jpg, c.jpg 0.5x'>", ["http://photos.example/albums/a,b.jpg"]),
        ("<img data-src='real.jpg' src='blank.gif'>", ["http://photos.example/albums/real.jpg"]),
        ("<picture><source srcset='p.webp'><img src='p.jpg'></picture>",
         ["http://photos.example/albums/p.webp", "http://photos.example/albums/p.jpg"]),
        ("<meta property='og:image' content='/o.jpg'>", ["http://photos.example/o.jpg"]),
        ("<meta name='twitter:image' content='/t.jpg'>", ["http://photos.example/t.jpg"]),
        ("<link rel='x IMAGE_SRC' href='/l.jpg'>", ["http://photos.example/l.jpg"]),
        ("<a href='/full.JPG?dl=1'>x</a>", ["http://photos.example/full.JPG?dl=1"]),
        ("<a href='/film.mp4'>x</a>", ["http://photos.example/film.mp4"]),
        ("<video src='v.webm' poster='v.jpg'></video>",
         ["http://photos.example/albums/v.webm", "http://photos.example/albums/v.jpg"]),
        ("<video><source src='v.mp4'></video>", ["http://photos.example/albums/v.mp4"]),
        ("<base href='http://files.example/b/'><img src='a.jpg'>", ["http://files.example/b/a.jpg"]),
        ("<base href='javascript:x'><img src='a.jpg'>", ["http://photos.example/albums/a.jpg"]),
        ("<img src='b.jpg'><img src='a.jpg'><img src='b.jpg'>",
         ["http://photos.example/albums/b.jpg", "http://photos.example/albums/a.jpg"]),
    ],
)  # fmt: skip
def test_pictures_are_found_in_the_order_of_the_page(html: str, expected: list[str]) -> None:
    assert find(html) == expected


def test_the_limit_holds() -> None:
    html = "".join(f"<img src='{number}.jpg'>" for number in range(500))
    assert find(html, 7) == [f"http://photos.example/albums/{number}.jpg" for number in range(7)]
    assert find(html, 0) == []


def test_other_character_sets_are_read() -> None:
    page = "<meta charset='windows-1252'><img src='/é.jpg'>".encode("cp1252")
    assert find_pictures(page, BASE, 9) == ["http://photos.example/%C3%A9.jpg"]
    assert find_pictures("<img src='/é.jpg'>".encode("utf-16"), BASE, 9) == [
        "http://photos.example/%C3%A9.jpg"
    ]
    broken = b"<meta charset='no-such'><img src='/a.jpg'>"
    assert find_pictures(broken, BASE, 9) == ["http://photos.example/a.jpg"]
    for codec in (b"hex", b"zlib", b"idna", b"unicode_escape", b"undefined"):
        assert find_pictures(b"<meta charset=" + codec + b"><img src=/a.jpg>", BASE, 9) in (
            ["http://photos.example/a.jpg"],
            [],
        )


@pytest.mark.parametrize(
    "html",
    [
        b"<div>" * 8_000 + b"<img src=/a.jpg>",
        b"<table><tr><td>" * 20_000,
        b"<img srcset='" + b"a " * 500_000 + b"'>",
        b"<img srcset='" + b"a," * 500_000 + b"'>",
        b"<img " + b"x=y " * 200_000 + b">",
        b"<a href='" + b"../" * 300_000 + b"a.jpg'>",
        b"<img src=ftp://x>" * 60_000,
    ],
    ids=["deep", "tables", "srcset blanks", "srcset commas", "attributes", "dots", "many"],
)
def test_hostile_pages_are_read_in_bounded_time(html: bytes) -> None:
    assert len(find_pictures(html, BASE, 5)) <= 5


def test_a_page_is_known_by_its_type_or_its_first_bytes() -> None:
    assert is_page("text/html", b"")
    assert is_page("", b"\xef\xbb\xbf \n<!DOCTYPE html>")
    assert not is_page("image/jpeg", b"<html>")
    assert not is_page("", b"\xff\xd8\xff")
