"""Who asks and how often: header tricks behind a proxy, buckets that nobody escapes, forms that age."""

from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_address

import pytest

from api.public.client_address import find_client, read_networks, subnet_of
from api.public.throttle import Allowance, Throttle
from triage.rules.admission import is_low, is_odd
from triage.rules.form_token import FormAge, FormAges, judge_form_token, make_form_token
from triage.rules.reporter import is_address

OURS = read_networks(["10.0.0.0/8", "fd00::/8"])
NOW = datetime(2026, 7, 5, 10, 0, tzinfo=UTC)
TODAY = date(2026, 7, 5)
KEY = bytes(range(32))
AGES = FormAges(3.0, 86_400.0)


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["10.9.9.9, 10.0.0.2"], "10.9.9.9"),
        ("10.0.0.1", ["198.51.100.1, localhost"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, "], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, , 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["for=198.51.100.1;proto=https"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("::ffff:10.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("fd00::1", ["2001:db8::1%eth0"], "2001:db8::1"),
        ("10.0.0.1", ["0x7f.1"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1" + ", 10.0.0.3" * 5000], "198.51.100.1"),
    ],
)
def test_only_our_own_proxies_may_say_who_asks(peer, forwarded, client):
    assert find_client(peer, forwarded, OURS) == ip_address(client)
    assert find_client(peer, forwarded, ()) in {ip_address(peer), ip_address(peer.removeprefix("::ffff:"))}


def test_a_connection_without_an_address_is_one_sender():
    assert find_client(None, ["198.51.100.1"], OURS) is None
    assert subnet_of(None) == b""


def test_neighbours_count_as_one_sender():
    assert subnet_of(ip_address("192.0.2.1")) == subnet_of(ip_address("192.0.2.254"))
    assert subnet_of(ip_address("192.0.2.1")) != subnet_of(ip_address("192.0.3.1"))
    assert subnet_of(ip_address("2001:db8:1:2::1")) == subnet_of(ip_address("2001:db8:1:ffff::9"))
    assert subnet_of(ip_address("2001:db8:1::1")) != subnet_of(ip_address("2001:db8:2::1"))


def make_throttle(**values):
    return Throttle(Allowance(3, 0.1), Allowance(10, 1.0), **values)


def test_a_burst_passes_then_everybody_waits_a_bounded_time():
    throttle = make_throttle()
    waits = [throttle.take(b"a", today=TODAY, now=0.0) for _ in range(20)]
    assert waits[:3] == [0, 0, 0]
    assert all(wait > 0 for wait in waits[3:])
    assert max(waits) == 30.0
    assert throttle.take(b"b", today=TODAY, now=0.0) == 0
    assert throttle.take(b"a", today=TODAY, now=60.0) == 0


def test_many_subnets_do_not_get_past_the_bound_of_all_nor_fill_the_memory():
    throttle = make_throttle(max_subnets=50)
    waits = [throttle.take(b"%d" % number, today=TODAY, now=0.0) for number in range(500)]
    assert waits[:10] == [0] * 10
    assert all(waits[10:])
    assert throttle.count_subnets() == 50


def test_what_one_subnet_sends_too_much_takes_nothing_from_the_others():
    throttle = make_throttle()
    for _ in range(1000):
        throttle.take(b"a", today=TODAY, now=0.0)
    assert throttle.take(b"b", today=TODAY, now=0.0) == 0


def test_the_next_day_nothing_is_known_of_anybody():
    throttle = make_throttle()
    before = {throttle.take(b"a", today=TODAY, now=0.0) for _ in range(9)}
    kept = repr(throttle) + repr(list(throttle._buckets))
    assert max(before) > 0
    assert "192" not in kept
    assert throttle.take(b"a", today=TODAY + timedelta(days=1), now=0.0) == 0
    assert throttle.count_subnets() == 1


def test_a_clock_that_goes_back_locks_nobody_out():
    throttle = make_throttle()
    throttle.take(b"a", today=TODAY, now=1e9)
    assert throttle.take(b"a", today=TODAY, now=0.0) == 0


def judge(token, age_s, key=KEY):
    return judge_form_token(token, key, AGES, now=NOW + timedelta(seconds=age_s))


def test_a_form_has_an_age_that_nobody_else_can_set():
    token = make_form_token(bytes(16), KEY, now=NOW)
    ages = [
        (-60, FormAge.TOO_YOUNG),
        (2.9, FormAge.TOO_YOUNG),
        (3, FormAge.FITTING),
        (86_400, FormAge.FITTING),
    ]
    assert [judge(token, age) for age, _ in ages] == [said for _, said in ages]
    assert judge(token, 86_401) is FormAge.TOO_OLD
    assert judge(token, 60, key=bytes(32)) is FormAge.UNKNOWN
    for place in range(len(token) - 1):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        assert judge(changed, 60) is FormAge.UNKNOWN
    for odd in ("", "x", token + "A", token[:-1], token[:-1] + "=", "ë" * len(token), "\ud800" * len(token)):
        assert judge(odd, 60) is FormAge.UNKNOWN


def test_only_what_a_machine_would_do_is_low_and_danger_never():
    calm = {"is_trapped": False, "is_foreign": False, "form_age": FormAge.FITTING, "is_crowded": False}
    assert not is_odd(**calm)
    odd = [
        {"is_trapped": True},
        {"is_foreign": True},
        {"is_crowded": True},
        *({"form_age": age} for age in set(FormAge) - {FormAge.FITTING}),
    ]
    assert all(is_odd(**(calm | one)) for one in odd)
    assert [is_low(danger=danger, is_odd=one) for danger in (True, False) for one in (True, False)] == [
        *(False, False, True, False)
    ]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "@",
            "a@b",
            "a@b.c",
            "a b@c.example",
            "a@b..example",
            ".a@b.example",
            "a.@b.example",
            "a..b@c.example",
        ),
        *("a@b.example\n", "a@b.example\r\nBcc: c@d.example", "a@b.example,c@d.example", "<a@b.example>"),
        *("=?utf-8?q?other=40mail=2Eexample=2C?=@b.example", "=?utf-8?q?a=0ABcc=3A_c?=@b.example"),
        *('"a"@b.example', "a@[127.0.0.1]", "a@b.example.", "ë@b.example", "a@ë.example", "a@-b.example"),
        *("a" * 65 + "@b.example", "a@" + "b" * 64 + ".example", "a@" + "b." * 125 + "example"),
    ],
)
def test_what_is_no_plain_mail_address_is_refused(text):
    assert not is_address(text)


def test_plain_mail_addresses_are_taken():
    assert all(is_address(text) for text in ("a@b.example", "a.b+c@mail.b-c.example", "A_1@b.xn--e1a4c"))
