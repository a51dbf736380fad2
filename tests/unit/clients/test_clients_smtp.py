"""The mail relay: each way to fail says truly whether the message left, and nothing goes without TLS."""

import socket
import ssl
import time
from dataclasses import replace

import pytest
import trustme
from aiosmtpd.controller import Controller

from tests.mail_relays import DROP, SILENT, run_relay
from triage.errors import SettingsError
from workers.clients.smtp import Accepted, MailRelay, RefusedForGood, RefusedForNow, Unclear, is_loopback

MAIL = b"Subject: a\r\n\r\n.a line with a dot\r\nthe end\r\n"


@pytest.fixture
def relay():
    with run_relay() as running:
        yield running


def client(url, **more):
    return replace(MailRelay.from_url(url, timeout_s=0.4, hello="hotline.example"), **more)


def send(relay, **more):
    return client(relay.url, **more).send("notices@hotline.example", "abuse@provider.example", MAIL)


@pytest.mark.parametrize(
    ("step", "answer", "outcome"),
    [
        ("greeting", DROP, RefusedForNow()),
        ("greeting", 421, RefusedForNow()),
        ("greeting", 554, RefusedForNow()),
        ("greeting", SILENT, RefusedForNow()),
        ("ehlo", DROP, RefusedForNow()),
        ("mail", 451, RefusedForNow(451)),
        ("mail", 550, RefusedForGood(550)),
        ("rcpt", 450, RefusedForNow(450)),
        ("rcpt", 550, RefusedForGood(550)),
        ("rcpt", DROP, RefusedForNow()),
        ("data", 451, RefusedForNow(451)),
        ("data", 554, RefusedForGood(554)),
        ("data", DROP, RefusedForNow()),
        ("data", SILENT, RefusedForNow()),
        ("end", 451, RefusedForNow(451)),
        ("end", 554, RefusedForGood(554)),
        ("end", DROP, Unclear()),
        ("end", SILENT, Unclear()),
        ("end", 999, Unclear()),
        ("end", 250, Accepted()),
    ],
)
def test_each_answer_says_whether_the_message_left(relay, step, answer, outcome):
    relay.answers[step] = answer
    assert send(relay) == outcome
    assert len(relay.mails) == (step == "end")


def test_the_message_arrives_as_it_is_with_its_dots(relay):
    assert send(relay) == Accepted()
    (mail,) = relay.mails
    assert mail.replace(b"\r\n..", b"\r\n.") == MAIL
    assert relay.recipients == ["abuse@provider.example"]


def test_nobody_there_is_refused_for_now():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    assert client(f"smtp://127.0.0.1:{port}").send("a@a.example", "b@b.example", MAIL) == RefusedForNow()


def test_a_relay_elsewhere_without_starttls_gets_nothing(relay):
    assert send(relay, needs_starttls=True) == RefusedForNow()
    assert (relay.mails, relay.recipients) == ([], [])


def test_a_relay_that_is_slow_at_every_step_ends_in_time(relay, monkeypatch):
    monkeypatch.setattr("workers.clients.smtp.PREPARE_S", 0.0)
    assert send(relay) == RefusedForNow()
    assert relay.mails == []


@pytest.mark.parametrize(
    ("step", "outcome"), [("greeting", RefusedForNow), ("mail", RefusedForNow), ("end", Unclear)]
)
@pytest.mark.parametrize("drops", [b"250-and more\r\n", b"2"])
def test_a_relay_that_never_comes_to_an_end_is_hung_up_on(relay, monkeypatch, step, outcome, drops):
    monkeypatch.setattr("workers.clients.smtp.LONGEST_S", 0.8)
    talk = relay._answer

    def drip(peer, at):
        if at != step:
            return talk(peer, at)
        for _ in range(60):
            peer.sendall(drops)
            time.sleep(0.05)
        return False

    monkeypatch.setattr(relay, "_answer", drip)
    began = time.monotonic()
    assert type(send(relay)) is outcome
    assert time.monotonic() - began < 2.0


@pytest.mark.parametrize(
    "cut", [b"2", b"250", b"250 taken", b"550", b"250-taken\r\n250", b"2500 x\r\n", b"\r\n"]
)
def test_half_a_reply_to_a_message_decides_nothing(relay, monkeypatch, cut):
    talk = relay._answer

    def hang_up(peer, at):
        if at == "end":
            peer.sendall(cut)
            return False
        return talk(peer, at)

    monkeypatch.setattr(relay, "_answer", hang_up)
    assert send(relay) == Unclear()


@pytest.mark.parametrize("whole", [b"250\r\n", b"250-a\r\n250 b\r\n", b"250 \xff\n"])
def test_a_whole_reply_is_read_in_every_form(relay, monkeypatch, whole):
    talk = relay._answer

    def take(peer, at):
        if at == "end":
            peer.sendall(whole)
            return False
        return talk(peer, at)

    monkeypatch.setattr(relay, "_answer", take)
    assert send(relay) == Accepted()


def test_what_cannot_be_said_in_smtp_has_not_left(relay):
    sender = client(relay.url)
    for words in ("ë@provider.example", "a@provider.example\r\nDATA"):
        assert sender.send("notices@hotline.example", words, MAIL) == RefusedForNow()
    assert client("smtp://a..b.example").send("a@a.example", "b@b.example", MAIL) == RefusedForNow()
    assert relay.mails == []


@pytest.mark.parametrize("sign", ["\u00eb:word", "user:w\u00ebrd", "%C3%AB:word"])
def test_a_password_that_no_relay_takes_is_a_setting_to_mend(sign):
    with pytest.raises(SettingsError) as caught:
        MailRelay.from_url(f"smtps://{sign}@relay.example", timeout_s=1, hello="hotline.example")
    assert "word" not in str(caught.value).replace("password", "")


class Keeper:
    """Keeps what a real relay took."""

    def __init__(self):
        self.mails = []

    async def handle_DATA(self, server, session, envelope):
        self.mails.append((session.ssl is not None, envelope.rcpt_tos, envelope.content))
        return "250 taken"


@pytest.fixture
def authority():
    return trustme.CA()


@pytest.fixture
def tls_relay(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    controller = Controller(
        Keeper(), hostname="127.0.0.1", port=0, tls_context=context, require_starttls=True
    )
    controller.port = _find_port()
    controller.start()
    try:
        yield controller
    finally:
        controller.stop()


def _find_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def test_starttls_is_spoken_and_its_certificate_is_checked(tls_relay, authority):
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    address = client(f"smtp://localhost:{tls_relay.port}", needs_starttls=True)
    sent = ("notices@hotline.example", "abuse@provider.example", MAIL)
    assert address.send(*sent) == RefusedForNow()  # an authority that nobody trusts
    assert replace(address, trust=trusting, host="127.0.0.1").send(*sent) == RefusedForNow()  # another name
    assert tls_relay.handler.mails == []
    assert replace(address, trust=trusting).send(*sent) == Accepted()
    ((is_tls, recipients, content),) = tls_relay.handler.mails
    assert (is_tls, recipients, content) == (True, ["abuse@provider.example"], MAIL)


def test_smtps_is_spoken_from_the_first_byte(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with run_relay(context) as relay:
        address = client(f"smtps://localhost:{relay.port}")
        sent = ("notices@hotline.example", "abuse@provider.example", MAIL)
        assert address.send(*sent) == RefusedForNow()  # an authority that nobody trusts
        assert client(relay.url).send(*sent) == RefusedForNow()  # no TLS at all
        assert replace(address, trust=trusting).send(*sent) == Accepted()
        assert len(relay.mails) == 1


@pytest.mark.parametrize(
    "url",
    ["", "mail.example", "http://mail.example", "smtp://", "smtp://a:b@mail.example:port", "smtp://m/x"],
)
def test_an_address_that_cannot_be_read_is_refused_without_being_quoted(url):
    with pytest.raises(SettingsError) as caught:
        MailRelay.from_url(url, timeout_s=1, hello="hotline.example")
    assert "a:b" not in str(caught.value)


def test_an_address_says_how_it_is_reached():
    plain = MailRelay.from_url("smtp://user:p%40ss@mail.example", timeout_s=1, hello="h.example")
    assert (plain.port, plain.is_tls, plain.needs_starttls) == (587, False, True)
    assert (plain.user, plain.password) == ("user", "p@ss")
    assert "p@ss" not in repr(plain)
    tls = MailRelay.from_url("smtps://mail.example", timeout_s=1, hello="h.example")
    assert (tls.port, tls.is_tls, tls.needs_starttls) == (465, True, False)
    assert [is_loopback(host) for host in ("localhost", "127.0.0.2", "::1", "192.0.2.1", "localhost.example")] == [
        True, True, True, False, False,
    ]  # fmt: skip
