"""The normal form of URLs: what people and pages write, and what must be one key."""

import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.counts import scale
from triage.errors import InvalidUrlError
from triage.rules.urls import normalise_link, normalise_url, resolve_link, split_lines, split_url

REFUSED = [
    "",
    "   ",
    "<>",
    "hello",
    "hello there",
    "12345",
    "http://",
    "http:///",
    "http://localhost/",
    "http://a b.example/",
    "http://a.example/x y",
    "http://a.example/\x00",
    "http://a.example/\x7f",
    "http://a.example/x\u2028y",
    "http://a.example/x\u00a0y",
    "http://a\ud800.example/",
    "http://a..example/",
    "http://.example.net/",
    "http://-./",
    "http://a.example:0/",
    "http://a.example:65536/",
    "http://a.example:99999999999999/",
    "http://a.example:8o/",
    "http://a.example:٨٠/",
    "http://1.2.3.4.5/",
    "http://256.1.1.1/",
    "http://4294967296/",
    "http://0x1ffffffff/",
    "http://09.1.1.1/",
    "http://name.1/",
    "http://[::1/",
    "http://[::1%25eth0]/",
    "http://[fe80::1%eth0]/",
    "http://[1.2.3.4]/",
    "http://[::g]/",
    "http://exa／mple.net/",
    "http://exa％41mple.net/",
    "http://%ff.example/",
    "http://a%2fb.example/",
    "http://a%00.example/",
    "http://" + "a" * 64 + ".example/",
    "http://" + "a." * 130 + "example/",
    "http://a.example/" + "x" * 2048,
    "http://a.example/" + "ë" * 400,
    "x" * 100_000,
    "file:///etc/passwd",
    "gopher://a.example/",
    "ftp://a.example/",
    "javascript:alert(1)",
    "data:text/html,x",
    "mailto:a@b.example",
    "user:secret@a.example",
]


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_web_address_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(InvalidUrlError) as caught:
        normalise_url(text)
    words = str(caught.value)
    assert "\n" not in words
    assert 0 < len(words) < 100
    for part in ("example", "passwd", "secret", "hello"):
        assert part not in words


SPELLINGS = [
    ("http://photos.example/a.jpg", "http://photos.example/a.jpg"),
    ("photos.example/a.jpg", "http://photos.example/a.jpg"),
    ("//photos.example/a.jpg", "http://photos.example/a.jpg"),
    ("http:photos.example/a.jpg", "http://photos.example/a.jpg"),
    ("http:/photos.example/a.jpg", "http://photos.example/a.jpg"),
    ("http://///photos.example/a.jpg", "http://photos.example/a.jpg"),
    ("http:\\\\photos.example\\a.jpg", "http://photos.example/a.jpg"),
    ("HTTP://PHOTOS.Example/a.jpg", "http://photos.example/a.jpg"),
    ("hxxp://photos.example/a.jpg", "http://photos.example/a.jpg"),
    ("hXXps://photos.example/a.jpg", "https://photos.example/a.jpg"),
    ("h**p://photos.example/a.jpg", "http://photos.example/a.jpg"),
    ("h__ps://photos.example/a.jpg", "https://photos.example/a.jpg"),
    ("http[:]//photos.example/a.jpg", "http://photos.example/a.jpg"),
    ("hxxp[://]photos.example/a.jpg", "http://photos.example/a.jpg"),
    ("http://photos[.]example/a[.]jpg", "http://photos.example/a.jpg"),
    ("http://photos(.)example/a.jpg", "http://photos.example/a.jpg"),
    ("http://photos[dot]example/a.jpg", "http://photos.example/a.jpg"),
    ("http://photos (dot) example/a.jpg", "http://photos.example/a.jpg"),
    ("photos dot example/a.jpg", "http://photos.example/a.jpg"),
    ("photos [.] example/a.jpg", "http://photos.example/a.jpg"),
    ("http://photos.example[:]8080/a.jpg", "http://photos.example:8080/a.jpg"),
    ("photos.example:8080/a.jpg", "http://photos.example:8080/a.jpg"),
    ("ëëë.photos.example", "http://www.photos.example/"),
    ("http://ËËË.photos.example/ëëë.jpg", "http://www.photos.example/%C3%AB%C3%AB%C3%AB.jpg"),
    ("<http://photos.example/a.jpg>", "http://photos.example/a.jpg"),
    ("(http://photos.example/a.jpg),", "http://photos.example/a.jpg"),
    ("“http://photos.example/a.jpg”.", "http://photos.example/a.jpg"),
    ("«http://photos.example/a.jpg»", "http://photos.example/a.jpg"),
    ("'http://photos.example/a.jpg'!?", "http://photos.example/a.jpg"),
    ("\ufeff\u200bhttp://photos.example/a.jpg\u200b", "http://photos.example/a.jpg"),
    ("http://photos.example/a_(b)", "http://photos.example/a_(b)"),
    ("http://photos.example/a_(b))", "http://photos.example/a_(b)"),
    ("http://photos.example:80/a", "http://photos.example/a"),
    ("https://photos.example:443/a", "https://photos.example/a"),
    ("https://photos.example:80/a", "https://photos.example:80/a"),
    ("http://photos.example:/a", "http://photos.example/a"),
    ("http://photos.example:00080/a", "http://photos.example/a"),
    ("http://photos.example./a", "http://photos.example/a"),
    ("http://photos。example/a", "http://photos.example/a"),
    ("http://ｐｈｏｔｏｓ．example/a", "http://photos.example/a"),
    ("http://pho\u00adtos.example/a", "http://photos.example/a"),
    ("http://%70hotos.example/a", "http://photos.example/a"),
    ("http://name:secret@photos.example/a", "http://photos.example/a"),
    ("http://a@b@photos.example/a", "http://photos.example/a"),
    ("http://photos.example", "http://photos.example/"),
    ("http://photos.example?q=1", "http://photos.example/?q=1"),
    ("http://photos.example/?", "http://photos.example/"),
    ("http://photos.example/a#top", "http://photos.example/a"),
    ("http://photos.example/#", "http://photos.example/"),
    ("http://photos.example/#!", "http://photos.example/"),
    ("http://photos.example/#!album", "http://photos.example/#!album"),
    ("http://photos.example/a/./b/../c", "http://photos.example/a/c"),
    ("http://photos.example/a/%2e%2E/c", "http://photos.example/c"),
    ("http://photos.example/../../c", "http://photos.example/c"),
    ("http://photos.example/a/..?x", "http://photos.example/?x"),
    ("http://photos.example/a//b", "http://photos.example/a//b"),
    ("http://photos.example/%7euser%2fx%zz", "http://photos.example/~user%2Fx%25zz"),
    ("http://photos.example/ë?ç=ë", "http://photos.example/%C3%AB?%C3%A7=%C3%AB"),
    ("http://photos.example/?b=2&a=1&b=1", "http://photos.example/?b=2&a=1&b=1"),
    ("http://photos.example/?a[]=1|2", "http://photos.example/?a%5B%5D=1%7C2"),
    ("http://photos.example/a.#x", "http://photos.example/a%2E"),
    ("http://my_album.photos.example/", "http://my_album.photos.example/"),
    ("http://bücher.example/", "http://xn--bcher-kva.example/"),
    ("http://BÜCHER.example/", "http://xn--bcher-kva.example/"),
    ("http://faß.example/", "http://xn--fa-hia.example/"),
    ("http://shqipëri.example/", "http://xn--shqipri-vya.example/"),
    ("http://i♥.example/", "http://xn--i-n3p.example/"),
    ("http://abc.onion/x", "http://abc.onion/x"),
    ("http://127.0.0.1/", "http://127.0.0.1/"),
    ("http://127.1/", "http://127.0.0.1/"),
    ("http://2130706433/", "http://127.0.0.1/"),
    ("http://0x7f000001/", "http://127.0.0.1/"),
    ("http://0177.0.0.1/", "http://127.0.0.1/"),
    ("http://0X7F.0.1/", "http://127.0.0.1/"),
    ("http://①②⑦。0。0。1/", "http://127.0.0.1/"),
    ("http://127.0.0.1./", "http://127.0.0.1/"),
    ("http://0/", "http://0.0.0.0/"),
    ("http://[::FFFF:127.0.0.1]:80/", "http://[::ffff:7f00:1]/"),
    ("http://[2001:0DB8:0:0:1:0:0:1]/", "http://[2001:db8::1:0:0:1]/"),
    ("http://[0:0:0:0:0:0:0:0]/", "http://[::]/"),
    ("http://[2a00:1:2:3:4:5:6:7]:8080/", "http://[2a00:1:2:3:4:5:6:7]:8080/"),
    ("http://[2a00:0:2:3:4:5:6:7]/", "http://[2a00:0:2:3:4:5:6:7]/"),
    ("http://photos.example\\@127.0.0.1/x", "http://photos.example/@127.0.0.1/x"),
    ("http://127.0.0.1#@photos.example/", "http://127.0.0.1/"),
]


@pytest.mark.parametrize(("text", "expected"), SPELLINGS)
def test_spellings_of_one_address_become_one_text(text: str, expected: str) -> None:
    found = normalise_url(text)
    assert found.url == expected
    assert found.key == normalise_url(expected).key
    assert len(found.key) == 64


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ("https://photos.example/a", ()),
        ("photos.example", ("missing scheme",)),
        ("hxxp://photos.example", ("disguised scheme",)),
        ("<hxxp://photos[.]example>", ("punctuation around it", "disguised scheme", "disguised dots")),
        ("ëëë.photos.example", ("missing scheme", "www on an Albanian keyboard")),
        ("http://name:secret@photos.example/#x", ("name and password", "fragment")),
    ],
)
def test_every_repair_is_named(text: str, repaired: tuple[str, ...]) -> None:
    assert normalise_url(text).repaired == repaired


def test_addresses_that_differ_keep_different_keys() -> None:
    texts = [
        "http://photos.example/",
        "https://photos.example/",
        "http://www.photos.example/",
        "http://photos.example:8080/",
        "http://photos.example/a",
        "http://photos.example/A",
        "http://photos.example/a/",
        "http://photos.example/?a",
        "http://photos.example/%2F",
        "http://photos.example/#!a",
    ]
    assert len({normalise_url(text).key for text in texts}) == len(texts)


def test_the_host_is_what_a_client_must_dial() -> None:
    assert normalise_url("http://Bücher.Example:8080/").host == "xn--bcher-kva.example"
    assert normalise_url("http://[2A00::1]:8080/").host == "2a00::1"
    parts = split_url("https://[2a00::1]:8443/a?b=1#!c")
    assert (parts.scheme, parts.host, parts.port, parts.target) == ("https", "2a00::1", 8443, "/a?b=1")
    assert split_url("https://photos.example/").port == 443


_PIECES = [
    *("http://", "hxxp://", "https:", "//", "h**p", "://", "[.]", "(dot)", " dot ", "ëëë.", "www."),
    *("photos.example", "bücher", "127.1", "0x7f", "[::1]", ":80", ":", "@", "/"),
    *("//", "\\", "?", "#", "#!", "!", "%2e", "%2E%2e", "%", "%41", "%c3", "ë", ".", "..", ",", ")"),
    *("(", "]", "[", ">", "'", "”", "\u200b", "。"),
]  # fmt: skip
_MESS = st.lists(
    st.sampled_from(_PIECES)
    | st.text(string.ascii_letters + string.digits + "-_~", max_size=4)
    | st.characters(),
    max_size=12,
).map("".join)


@settings(max_examples=scale(600), deadline=None, database=None)
@given(
    st.one_of(_MESS, _MESS.map(lambda tail: "http://photos.example/" + tail), _MESS.map("http://".__add__))
)
@example("http://a.example/x.#y")
@example("http://a.example/#!!")
@example("http://a.example/%2E#")
def test_the_normal_form_of_a_normal_form_is_itself(text: str) -> None:
    try:
        found = normalise_url(text)
    except InvalidUrlError:
        return
    again = normalise_url(found.url)
    assert (again.url, again.key, again.host, again.repaired) == (found.url, found.key, found.host, ())
    assert normalise_link(found.url).url == found.url
    assert found.url.isascii()
    assert len(found.url) <= 2048
    assert split_url(found.url).host == found.host


@settings(max_examples=scale(300), deadline=None, database=None)
@given(_MESS)
def test_links_of_pages_stay_inside_the_normal_form(reference: str) -> None:
    try:
        found = resolve_link("http://photos.example/albums/1?x=y", reference)
    except InvalidUrlError:
        return
    assert normalise_url(found.url).url == found.url


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("/x", "http://photos.example/x"),
        ("x.jpg", "http://photos.example/albums/x.jpg"),
        ("../x!", "http://photos.example/x%21"),
        ("?q", "http://photos.example/albums/1?q"),
        ("#top", "http://photos.example/albums/1?x=y"),
        ("", "http://photos.example/albums/1?x=y"),
        ("//files.example/y", "http://files.example/y"),
        ("HTTPS:\\\\files.example\\y", "https://files.example/y"),
        (" /a b\n.jpg\t", "http://photos.example/a%20b.jpg"),
        ("http:bad.jpg", "http://photos.example/albums/bad.jpg"),
        ("HTTP:/bad.jpg", "http://photos.example/bad.jpg"),
        ("http:\\\\files.example\\y", "http://files.example/y"),
        ("https:files.example/y", "https://files.example/y"),
        ("http://files.example/Yahoo!", "http://files.example/Yahoo%21"),
        ("hxxp://files.example/", None),
        ("data:image/png;base64,AAAA", None),
        ("javascript:void(0)", None),
        ("mailto:a@files.example", None),
        ("http://[", None),
        ("//", None),
    ],
)
def test_links_are_read_as_a_browser_reads_them_and_never_guessed(
    reference: str, expected: str | None
) -> None:
    base = "http://photos.example/albums/1?x=y"
    if expected is None:
        with pytest.raises(InvalidUrlError):
            resolve_link(base, reference)
    else:
        assert resolve_link(base, reference).url == expected


def test_a_pasted_block_is_cut_into_addresses() -> None:
    block = (
        "See http://a.example/x, and http://b.example/y.\r\n"
        "\n"
        "  - photos[.]example/z  \n"
        "http://c.example/,http://d.example/\n"
        "photos dot example\n"
        "just words here\n"
        "http://a.example/x\n"
    )
    assert split_lines(block) == [
        "http://a.example/x,",
        "http://b.example/y.",
        "photos[.]example/z",
        "http://c.example/",
        "http://d.example/",
        "photos.example",
        "just words here",
        "http://a.example/x",
    ]
    assert split_lines(" \n\t\n") == []


def test_a_block_of_five_thousand_lines_is_cut_quickly() -> None:
    lines = [f"http://photos.example/{number}" for number in range(5000)]
    assert split_lines("\n".join(lines)) == lines
