"""`hotline fetch`: what it prints, and what it answers when the address is refused."""

import argparse
import hashlib
import json

import pytest

from tests.local_sites import run_site
from triage.cli import fetch
from triage.errors import ServerUnavailableError
from triage.settings import Settings
from workers.fetcher.door import FetchLimits

SETTINGS = Settings(fetch_total_s=3.0)


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    parser = argparse.ArgumentParser()
    fetch.add_parser(parser.add_subparsers())
    args = parser.parse_args(["fetch", *arguments])
    code = args.run(args, SETTINGS)
    shown = capsys.readouterr()
    return code, shown.out, shown.err


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/", "http://localhost/", "http://[::1]/", "http://printer.local/", "file:///x", "x"],
)
def test_a_refused_address_is_one_line_and_status_one(capsys: pytest.CaptureFixture[str], url: str) -> None:
    code, out, err = call(capsys, url)
    assert code == 1
    assert err.startswith("refused: ")
    assert err.count("\n") == 1
    assert out.startswith("url: ")
    code, out, err = call(capsys, url, "--json")
    assert (code, err) == (1, "")
    assert set(json.loads(out)) == {"url", "refused"}


def test_an_answer_is_described_without_its_bytes() -> None:
    with run_site() as site:
        site.lay_redirect("/a", "/b")
        site.lay_answer("/b", b"hello", "image/png", status=404)
        shown, code = fetch.fetch_facts(
            "hxxp://photos[.]example/a", FetchLimits(total_s=3), site.practice_names()
        )
        failed, failed_code = fetch.fetch_facts(
            "https://photos.example/a", FetchLimits(total_s=0.5), site.practice_names()
        )
    assert code == 0
    assert shown.pop("elapsed_ms") >= 0
    hops = shown.pop("hops")
    assert [(hop["led_by"], hop["status"], hop["exit"]) for hop in hops] == [
        ("start", 302, "direct"),
        ("redirect", 404, "direct"),
    ]
    assert shown == {
        "exit": "direct",
        "url": "http://photos.example/a",
        "final_url": "http://photos.example/b",
        "status": 404,
        "addresses": ["203.0.113.10"],
        "redirects": ["http://photos.example/b"],
        "bytes": 5,
        "sha256": hashlib.sha256(b"hello").hexdigest(),
        "content_type": "image/png",
    }
    assert (failed_code, failed["failure"]) == (1, "connect_timeout")


def test_what_a_page_holds_is_counted_and_every_request_has_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with run_site() as site:
        site.lay_answer("/", b"<img src=a.jpg><img src=b.jpg>", "text/html")
        monkeypatch.setattr(fetch, "read_practice", lambda settings: site.practice_names())
        code, out, err = call(capsys, "http://photos.example/", "--practice", "--exit", "direct")
    assert (code, err) == (0, "")
    assert "page: pictures 2, embedded 0, found 2, complete True\n" in out
    assert (
        "\n  led_by start, url http://photos.example/, status 200, address 203.0.113.10, exit direct, ms "
        in out
    )


def test_an_unknown_way_out_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(capsys, "http://photos.net/", "--exit", "abroad")
    assert (code, err) == (1, "refused: there is no way out of that name\n")


def test_practice_without_a_database_is_said_to_be_missing() -> None:
    settings = Settings(database_url="postgresql://hotline_staff@127.0.0.1:1/hotline")
    with pytest.raises(ServerUnavailableError, match="PostgreSQL does not answer"):
        fetch.read_practice(settings)
