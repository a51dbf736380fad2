"""The mail: one text, our JSON files, the same bytes each time, and no header that takes a line break."""

import json
from email import message_from_bytes
from email.policy import SMTP
from email.utils import parsedate_to_datetime

import pytest
import xarf

from tests.messages import (
    NOON,
    REFERENCE,
    item_facts,
    message_facts,
    reminder_facts,
    retraction_facts,
)
from triage.errors import KeyMissingError, MessageRefusedError
from triage.packages.mail import build_mail
from triage.rules.compose import compose_message
from triage.rules.message_facts import HotlineFacts
from triage.vault import new_identity, unseal


def mail_of(facts):
    return message_from_bytes(build_mail(facts, compose_message(facts)), policy=SMTP)


@pytest.mark.parametrize(
    "contact",
    [
        "abuse@hosting.example\r\nBcc: all@other.example",
        "abuse@hosting.example\nBcc: all@other.example",
        "abuse@hosting.example, all@other.example",
        "abuse@hosting.example>, <all@other.example",
        "abuse hosting.example",
        '"a b"@hosting.example',
        "abuse@hosting.example ",
        "@hosting.example",
        "abuse@",
        "",
    ],
)
def test_an_address_that_would_break_a_header_is_refused(contact: str) -> None:
    facts = message_facts(recipient_contact=contact)
    with pytest.raises(MessageRefusedError):
        build_mail(facts, compose_message(facts))


@pytest.mark.parametrize("sign", ["\r\n", "\n", "\r", "\x00", "\u2028", "\x85"])
def test_a_name_that_would_break_a_header_is_refused(sign: str) -> None:
    name = f"Hosting{sign}Bcc: all@other.example"
    for facts in (
        message_facts(recipient_name=name),
        message_facts(hotline=HotlineFacts(name, "Org", "notices@isigurt.example", "1")),
        message_facts(message_id=f"<a{sign}b@isigurt.example>"),
        message_facts(message_id="no brackets"),
        reminder_facts(first_message_id=f"<a@isigurt.example>{sign}Bcc: all@other.example"),
    ):
        with pytest.raises(MessageRefusedError):
            build_mail(facts, compose_message(facts))


@pytest.mark.parametrize(
    "name",
    [
        "=?utf-8?q?Hosting=0D=0ABcc:_all@other.example?=",
        "Hosting =?utf-8?b?DQpCY2M6IGFsbEBvdGhlci5leGFtcGxl?=",
        "x" * 1200,
    ],
)
def test_a_name_that_hides_a_header_is_refused(name: str) -> None:
    for facts in (
        message_facts(recipient_name=name),
        message_facts(hotline=HotlineFacts(name, "Org", "notices@isigurt.example", "1")),
    ):
        with pytest.raises(MessageRefusedError):
            build_mail(facts, compose_message(facts))


def test_a_name_of_many_letters_stays_one_header() -> None:
    for name in ('Eve" <x@other.example>, "', "ë" * 200, "a, b; c: d", "back\\", "x" * 500):
        facts = message_facts(recipient_name=name)
        mail = message_from_bytes(build_mail(facts, compose_message(facts)), policy=SMTP)
        assert [one.addr_spec for one in mail["To"].addresses] == [facts.recipient_contact]
        assert mail["Bcc"] is None


def test_a_key_that_is_none_is_refused() -> None:
    facts = message_facts(recipient_key="age1nonsense")
    with pytest.raises(KeyMissingError):
        build_mail(facts, compose_message(facts))


def test_a_mail_says_who_to_whom_and_when() -> None:
    mail = mail_of(message_facts(recipient_name='Hosting, "Praktikë" SH.P.K.'))
    assert mail["From"].addresses[0].addr_spec == "notices@isigurt.example"
    assert [one.addr_spec for one in mail["To"].addresses] == ["abuse@hosting.example"]
    assert mail["To"].addresses[0].display_name == 'Hosting, "Praktikë" SH.P.K.'
    assert REFERENCE in mail["Subject"]
    assert "Njoftim për heqje" in mail["Subject"]
    assert parsedate_to_datetime(mail["Date"]) == NOON
    assert mail["Message-ID"] == "<nt-7k2m-9qxt.0011@isigurt.example>"
    assert mail["In-Reply-To"] is None


def test_what_follows_is_threaded_to_the_first() -> None:
    for facts in (reminder_facts(), retraction_facts()):
        mail = mail_of(facts)
        assert mail["In-Reply-To"] == mail["References"] == "<nt-7k2m-9qxt.0011@isigurt.example>"
        assert mail["Message-ID"] != mail["In-Reply-To"]


def test_a_mail_is_a_text_and_json_and_nothing_else() -> None:
    facts = message_facts(items=(item_facts(), item_facts("https://photos.example/two", is_baseline=False)))
    composed = compose_message(facts)
    mail = mail_of(facts)
    assert mail.get_content_type() == "multipart/mixed"
    text, *files = mail.iter_parts()
    assert text.get_content_type() == "text/plain"
    assert text.get_content().replace("\r\n", "\n") == composed.text
    assert [(file.get_content_type(), file.get_filename()) for file in files] == [
        ("application/json", "xarf-1.json"),
        ("application/json", "notice.json"),
    ]
    assert xarf.parse(json.dumps(json.loads(files[0].get_content()))).errors == []


def test_every_line_of_a_mail_is_short_enough_for_smtp() -> None:
    facts = message_facts(items=(item_facts("https://photos.example/" + "x" * 2000),))
    data = build_mail(facts, compose_message(facts))
    assert data.isascii()
    assert max(len(line) for line in data.split(b"\r\n")) <= 998
    assert b"\n" not in data.replace(b"\r\n", b"")


def test_the_same_facts_give_the_same_bytes() -> None:
    for facts in (message_facts(), reminder_facts(), retraction_facts()):
        assert build_mail(facts, compose_message(facts)) == build_mail(facts, compose_message(facts))


def test_with_a_key_the_files_are_sealed_and_only_they() -> None:
    identity, recipient = new_identity()
    facts = message_facts(recipient_key=recipient)
    composed = compose_message(facts)
    text, file = mail_of(facts).iter_parts()
    assert "hxxps://photos[.]example" in text.get_content()
    assert (file.get_content_type(), file.get_filename()) == ("application/octet-stream", "xarf-1.json.age")
    assert unseal(file.get_content(), identity) == composed.attachments[0].data
    other, _ = new_identity()
    with pytest.raises(Exception, match="cannot be opened"):
        unseal(file.get_content(), other)
