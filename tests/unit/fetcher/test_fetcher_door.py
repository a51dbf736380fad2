"""The door's own part: what is ordered, what the process is told, and settings that it cannot start with."""

from pathlib import Path

import pytest

from tests.local_exits import LocalExit
from tests.local_sites import run_site
from triage.errors import CaptureRefusedError, SandboxUnavailableError, SettingsError
from triage.rules.exits import ExitKind
from triage.rules.fetch_failures import FAILURES
from triage.settings import load_settings
from workers.dialling.practice_names import NO_PRACTICE
from workers.fetcher.door import Fetcher, make_start_message
from workers.fetcher.wire import FetchLimits, FetchOrder


@pytest.mark.parametrize(
    "limits",
    [
        FetchLimits(exits=("abroad",)),
        FetchLimits(exit_rules=("*=abroad",)),
        FetchLimits(exits=("abroad=socks5://169.254.169.254:1080",)),
        FetchLimits(inside_networks=("x",)),
    ],
)
def test_what_cannot_be_read_is_said_before_anything_starts(limits: FetchLimits) -> None:
    with pytest.raises(SettingsError):
        Fetcher(limits)


@pytest.mark.parametrize("environment", [{"FETCH_EXITS": "abroad"}, {"FETCH_EXIT_RULES": "*=abroad"}])
def test_settings_with_unreadable_exits_are_refused(environment: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="FETCH_EXIT"):
        load_settings(environment)


def test_a_name_server_that_cannot_be_read_stops_the_process_with_words() -> None:
    with pytest.raises(SandboxUnavailableError, match="DNS_SERVER is not an IP address"):
        Fetcher(FetchLimits(dns_server="resolver.example")).start()


def test_the_start_message_tells_all_limits_and_no_exit_keeps_its_password_in_the_settings() -> None:
    message = make_start_message(
        FetchLimits(), NO_PRACTICE, [("10.0.0.0/8", "AL")], {"abroad": ("me", "secret")}
    )
    assert set(message["limits"]) == set(FetchLimits.__slots__)
    assert message["networks"] == [("10.0.0.0/8", "AL")]
    assert message["credentials"] == {"abroad": ("me", "secret")}
    with pytest.raises(SettingsError, match="no user and password"):
        load_settings({"FETCH_EXITS": "abroad=socks5://me:secret@10.0.0.1:1080"})


@pytest.mark.parametrize(
    "url", ["", "x", "ftp://photos.example/", "http://", "http://a b/", "http://photos.example:99999/"]
)
def test_an_order_that_is_no_address_is_refused_without_a_process(url: str) -> None:
    fetcher = Fetcher(FetchLimits())
    with pytest.raises(CaptureRefusedError):
        fetcher.fetch("job-1", FetchOrder(url))
    assert fetcher.pid is None


def test_an_order_is_made_normal_and_its_extras_are_kept_only_when_they_are_what_they_should_be() -> None:
    with run_site() as site, LocalExit("socks5", leads={"photos.example:80": site.port}) as way:
        site.lay_answer("/a", b"ok")
        limits = FetchLimits(total_s=3, exits=(way.write_setting("onions", "tor"),))
        with Fetcher(limits, site.practice_names()) as fetcher:
            order = FetchOrder("HTTP://PHOTOS.example:80/a#x", "onions", "not a key", "javascript:alert(1)")
            found = fetcher.fetch("job-1", order)
            assert (found.final_url, found.exit_name) == ("http://photos.example/a", "onions")
            fetcher.fetch(
                "job-2", FetchOrder("http://photos.example/a", "onions", "ab" * 16, "http://photos.example")
            )
    assert b"Referer" not in site.requests[0]
    assert b"Referer: http://photos.example/\r\n" in site.requests[1]
    user = way.signed_in[0].partition(":")[0]
    assert (len(user), way.signed_in[1]) == (32, "ab" * 16 + ":" + "ab" * 16)


def test_what_a_tor_service_shows_elsewhere_goes_through_tor_or_not_at_all() -> None:
    shown = FetchOrder("http://photos.example/a", referer="http://abc.onion/page")
    with run_site() as site, LocalExit("socks5", leads={"photos.example:80": site.port}) as way:
        site.lay_answer("/a", b"ok")
        limits = FetchLimits(total_s=3, exits=(way.write_setting("onions", "tor"),))
        with Fetcher(limits, site.practice_names()) as fetcher:
            assert fetcher.fetch("job-1", shown).exit_name == "onions"
        with pytest.raises(CaptureRefusedError, match="no tor way out"):
            Fetcher(FetchLimits(total_s=3), site.practice_names()).fetch("job-2", shown)
    assert (len(site.requests), b"onion" in site.requests[0]) == (1, False)


def test_what_a_rule_for_a_country_needs_reaches_the_process() -> None:
    with run_site() as site, LocalExit("http", leads={"203.0.113.10:80": site.port}) as way:
        site.lay_answer("/", b"ok")
        limits = FetchLimits(
            total_s=3, exits=(way.write_setting("abroad"),), exit_rules=("country:AL=abroad",)
        )
        for networks, expected in (((("203.0.113.0/24", "AL"),), "abroad"), ((), "direct")):
            with Fetcher(limits, site.practice_names(), networks=networks) as fetcher:
                assert fetcher.fetch("job-1", FetchOrder("http://photos.example/")).exit_name == expected


def test_the_page_on_fetching_prints_the_table_of_failures() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "fetching.md").read_text("utf-8")
    for name, kind in FAILURES.items():
        tries, blames = kind.tries or "all waits", "yes" if kind.blames_site else "no"
        assert f"| `{name.value}` | {kind.words} | {tries} | {blames} |\n" in page
    assert page.count("\n| `") == len(FAILURES) + len(ExitKind)
    assert all(f"| `{kind.value}` | " in page for kind in ExitKind)
