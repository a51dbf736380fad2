"""The ways out: how settings are read, which one is taken, and what each is told."""

import base64
import ssl

import pytest
import trustme

from tests.local_exits import LocalExit
from tests.local_fetch import fetch, resolve_by, resolve_nothing, trust_only
from tests.local_sites import LocalSite, run_site
from triage.errors import CaptureFailedError, CaptureRefusedError, SettingsError
from triage.rules.exits import can_be_direct, read_credentials, read_exit_rules, read_exits
from triage.rules.fetch_failures import FetchFailure
from triage.settings import load_settings
from workers.dialling.exits import CountryTable, Exits
from workers.dialling.practice_names import PracticeNames
from workers.fetcher.wire import FetchLimits, FetchOrder

ALL = ("office=http://proxy.inner:3128", "abroad=socks5://192.168.1.9:1080", "onions=tor://[::1]:9050")
KEY = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    "text",
    [
        *("", "abroad", "abroad=", "=socks5://a:1", "abroad=socks5://a", "abroad=socks5://a:0", "abroad=a:1"),
        *("abroad=socks5://a:65536", "abroad=socks4://a:1", "abroad=https://a:1", "Abroad=socks5://a:1"),
        *("direct=socks5://a:1", "9=socks5://a:1", "a_b=socks5://a:1", "abroad=socks5://a:1/path"),
        *("abroad=socks5://a b:1", "abroad=socks5://:1", "abroad=socks5://[::1:1", "x" * 33 + "=tor://a:1"),
        *("abroad=socks5://user:secret@a:1", "abroad=socks5://user@a:1"),
    ],
)
def test_an_exit_that_cannot_be_read_is_a_setting_to_mend(text: str) -> None:
    with pytest.raises(SettingsError, match="FETCH_EXITS") as caught:
        read_exits([text])
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_two_exits_of_one_name_are_refused() -> None:
    with pytest.raises(SettingsError, match="names of their own"):
        read_exits(["a=tor://b:1", "a=tor://c:1"])


@pytest.mark.parametrize(
    "text",
    ["", "=abroad", "al=abroad", ".al", ".al=", ".al=nowhere", "country:al=abroad", "country:ALB=abroad", "**=abroad",
     "country:=abroad", ". al=abroad", ".AL=abroad", "..al=abroad", ".onion=abroad", ".x.onion=direct"],
)  # fmt: skip
def test_a_rule_that_cannot_be_read_is_a_setting_to_mend(text: str) -> None:
    with pytest.raises(SettingsError, match="FETCH_EXIT_RULES"):
        read_exit_rules([text], read_exits(ALL))
    with pytest.raises(SettingsError, match="FETCH_EXIT_RULES"):
        load_settings({"FETCH_EXITS": ",".join(ALL), "FETCH_EXIT_RULES": text or "x"})


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "168.63.129.16", "[fe80::1]", "[fd00:ec2::254]", "224.0.0.1", "255.255.255.255", "0.0.0.0",
     "[::]", "203.0.113.1", "[2001:db8::1]", "[::ffff:169.254.169.254]", "100.100.100.200"],
)  # fmt: skip
def test_no_exit_stands_where_nothing_of_ours_can(address: str) -> None:
    with pytest.raises(SettingsError, match="no server of ours"):
        Exits.from_settings([f"abroad=socks5://{address}:1080"], [])


@pytest.mark.parametrize(
    "text", ["abroad", "abroad user", "abroad :secret", "abroad user:", "abroad user:" + "s" * 256, "A user:secret",
             "abroad user:secret\nabroad user:secret", "abroad user:sec\x01ret"],
)  # fmt: skip
def test_a_key_file_that_cannot_be_read_is_not_quoted(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_credentials(text)
    assert "user" not in str(caught.value).replace("USER", "")
    assert "secret" not in str(caught.value)


def test_a_key_file_names_user_and_password_of_exits_that_exist() -> None:
    found = read_credentials("# the office\n\noffice  me:pass:word\n")
    assert found == {"office": ("me", "pass:word")}
    assert Exits.from_settings(ALL, [], credentials=found).credentials == found
    with pytest.raises(SettingsError, match="does not hold"):
        Exits.from_settings(ALL, [], credentials={"home": ("a", "b")})
    with pytest.raises(SettingsError, match="keep reports apart"):
        Exits.from_settings(ALL, [], credentials={"onions": ("a", "b")})
    assert "pass:word" not in repr(Exits.from_settings(ALL, [], credentials=found))


@pytest.mark.parametrize(
    ("rules", "expected"),
    [([], True), ([".al=direct", "*=abroad"], True), ([".al=abroad"], True), (["*=abroad"], False),
     (["*=abroad", ".al=direct"], False), (["country:AL=abroad", "*=office"], False), (["*=direct"], True)],
)  # fmt: skip
def test_whether_anything_may_go_out_directly_is_known_beforehand(rules: list[str], expected: bool) -> None:
    assert can_be_direct(read_exit_rules(rules, read_exits(ALL))) is expected


@pytest.mark.parametrize(
    ("host", "addresses", "wish", "expected"),
    [
        ("photos.al", ["8.8.8.8"], "", "office"),
        ("a.photos.al", ["8.8.8.8"], "", "office"),
        ("photos.al.com", ["8.8.8.8"], "", "direct"),
        ("xal", ["8.8.8.8"], "", "direct"),
        ("photos.net", ["185.1.2.3"], "", "abroad"),
        ("photos.net", ["185.1.9.9"], "", "direct"),
        ("photos.net", ["8.8.8.8", "2a00:1::5"], "", "abroad"),
        ("photos.al", ["8.8.8.8"], "direct", "direct"),
        ("photos.al", ["8.8.8.8"], "abroad", "abroad"),
        ("abc.onion", [], "", "onions"),
        ("abc.onion", [], "onions", "onions"),
    ],
)
def test_a_wish_comes_first_and_then_the_first_rule_that_fits(
    host: str, addresses: list[str], wish: str, expected: str
) -> None:
    networks = [("185.1.0.0/16", "AL"), ("185.1.9.0/24", "MK"), ("2a00:1::/32", "AL")]
    rules = [".al=office", "country:AL=abroad", "country:MK=direct", "country:XX=office", "*=direct"]
    exits = Exits.from_settings(ALL, rules, networks=networks)
    way = exits.choose_by_name(host, wish)
    if way is None:
        way = exits.choose_by_addresses(host, addresses)
    assert (way if isinstance(way, str) else way.name) == expected


def test_the_narrowest_network_says_the_country() -> None:
    table = CountryTable([("10.0.0.0/8", "AA"), ("10.1.0.0/16", "BB"), ("10.1.1.1/32", "CC"), ("::/0", "DD")])
    found = [table.find(one) for one in ("10.9.9.9", "10.1.9.9", "10.1.1.1", "11.0.0.0", "2a00::1")]
    assert found == ["AA", "BB", "CC", "", "DD"]
    with pytest.raises(SettingsError):
        CountryTable([("x", "AA")])


@pytest.mark.parametrize(
    ("rules", "host", "wish", "words"),
    [
        ([], "photos.net", "home", "no way out of that name"),
        (["*=abroad"], "photos.net", "direct", "nothing may go out directly"),
        ([], "abc.onion", "abroad", "no tor way out"),
        ([], "abc.onion", "direct", "no tor way out"),
        ([], "abc.onion", "home", "no way out of that name"),
    ],
)
def test_an_exit_that_does_not_stand_for_it_is_a_refusal_and_never_direct(
    rules: list[str], host: str, wish: str, words: str
) -> None:
    with pytest.raises(CaptureRefusedError, match=words):
        Exits.from_settings(ALL, rules).choose_by_name(host, wish)


def test_an_onion_without_a_tor_exit_is_refused() -> None:
    for exits in ((), ALL[:2]):
        with pytest.raises(CaptureRefusedError, match="Tor service"):
            Exits.from_settings(exits, []).choose_by_name("abc.onion", "")


def limits_of(way: LocalExit, *rules: str, kind: str | None = None) -> FetchLimits:
    return FetchLimits(
        total_s=3, connect_s=1, exits=(way.write_setting("abroad", kind),), exit_rules=rules or ("*=abroad",)
    )


@pytest.mark.parametrize("kind", ["http", "socks5"])
@pytest.mark.parametrize(
    ("address", "place"), [("203.0.113.10", "203.0.113.10:80"), ("2001:db8::5", "2001:db8::5:80")]
)
def test_an_exit_gets_the_address_that_we_checked_and_the_site_the_name(
    kind: str, address: str, place: str
) -> None:
    asked = place if "." in address or kind == "socks5" else "[2001:db8::5]:80"
    with run_site() as site, LocalExit(kind, leads={asked: site.port}) as way:
        site.lay_answer("/", b"ok")
        practice = make_practice(site, address)
        answer = fetch(
            "http://photos.net/",
            limits_of(way),
            practice=practice,
            resolve=resolve_by({"photos.net": [address]}),
        )
    assert (answer.body, way.asked) == (b"ok", [asked])
    assert (answer.hops[0].exit_name, answer.hops[0].address) == ("abroad", address)
    assert b"Host: photos.net\r\n" in site.requests[0]


def make_practice(site: LocalSite, address: str) -> PracticeNames:
    return PracticeNames.from_rows([("photos.example", address, "127.0.0.1", site.port)])


@pytest.mark.parametrize("kind", ["http", "socks5"])
def test_tls_through_an_exit_is_spoken_with_the_site_and_checked_by_name(kind: str) -> None:
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("photos.net").configure_cert(server)
    authority.configure_trust(client)
    with run_site(server) as site, LocalExit(kind, leads={"203.0.113.10:443": site.port}) as way:
        site.lay_answer("/", b"ok")
        for name, fault in (("photos.net", ""), ("other.net", "the certificate is for another name")):
            hop = fetch(
                f"https://{name}/", limits_of(way), practice=site.practice_names(), trust=trust_only(client),
                resolve=resolve_by({name: ["203.0.113.10"]}),
            ).hops[0]  # fmt: skip
            assert (hop.exit_name, hop.certificate_fault) == ("abroad", fault)
            assert (len(hop.certificate), hop.tls) == (64, "TLSv1.3")


def test_a_tor_exit_gets_the_name_and_keeps_reports_apart() -> None:
    name = "a" * 56 + ".onion"
    with (
        run_site() as site,
        LocalExit("socks5", leads={f"{name}:80": site.port, "photos.net:80": site.port}) as way,
    ):
        site.lay_answer("/", b"ok")
        site.lay_redirect("/on", "http://photos.net/")
        tor = limits_of(way, ".onion=abroad", kind="tor")
        for order in (
            FetchOrder(f"http://{name}/", isolation=KEY),
            FetchOrder(f"http://{name}/on", isolation=KEY),
        ):
            answer = fetch(order, tor, resolve=resolve_nothing)
            assert all((hop.exit_name, hop.address) == ("abroad", "") for hop in answer.hops)
        fetch(f"http://{name}/", tor)
        fetch(f"http://{name}/", tor)
    # The site led to a host outside Tor: it is asked the same way, and learns nothing of our own address.
    assert way.asked == [f"{name}:80", f"{name}:80", "photos.net:80", f"{name}:80", f"{name}:80"]
    assert way.signed_in[:3] == [f"{KEY}:{KEY}"] * 3
    assert len(set(way.signed_in)) == 3


def test_user_and_password_reach_only_their_exit() -> None:
    for kind in ("http", "socks5"):
        with run_site() as site, LocalExit(kind, leads={"203.0.113.10:80": site.port}) as way:
            site.lay_answer("/", b"ok")
            fetch("http://photos.example/", limits_of(way), practice=site.practice_names(),
                  credentials={"abroad": ("me", "pass:word")})  # fmt: skip
        said = "me:pass:word" if kind == "socks5" else base64.b64encode(b"me:pass:word").decode()
        assert way.signed_in == [said]
        assert b"me" not in site.requests[0].replace(b"accept", b"").split(b"\r\n")[0]
        assert b"uthorization" not in site.requests[0]


@pytest.mark.parametrize("kind", ["http", "socks5"])
def test_what_an_exit_says_of_the_site_is_the_sites_failure(kind: str) -> None:
    with run_site() as site, LocalExit(kind) as way:
        with pytest.raises(CaptureFailedError) as caught:
            fetch("http://photos.example/", limits_of(way), practice=site.practice_names())
    assert caught.value.failure == FetchFailure.UNREACHABLE


def test_an_exit_that_is_away_is_its_own_failure() -> None:
    with LocalExit("http") as way:
        limits = limits_of(way)
    with run_site() as site:
        with pytest.raises(CaptureFailedError) as caught:
            fetch("http://photos.example/", limits, practice=site.practice_names())
        assert (caught.value.failure, site.seen) == (FetchFailure.EXIT_FAILED, [])


def test_an_exit_named_by_host_is_resolved_and_checked() -> None:
    with run_site() as site, LocalExit("http", leads={"203.0.113.10:80": site.port}) as way:
        site.lay_answer("/", b"ok")
        limits = FetchLimits(
            total_s=2, exits=(f"abroad=http://exit.net:{way.port}",), exit_rules=("*=abroad",)
        )
        for address, is_fit in (("127.0.0.1", True), ("169.254.169.254", False)):
            resolve = resolve_by({"exit.net": [address]})
            if is_fit:
                assert fetch(
                    "http://photos.example/", limits, practice=site.practice_names(), resolve=resolve
                ).body
                continue
            with pytest.raises(CaptureFailedError) as caught:
                fetch("http://photos.example/", limits, practice=site.practice_names(), resolve=resolve)
            assert caught.value.failure == FetchFailure.EXIT_FAILED
