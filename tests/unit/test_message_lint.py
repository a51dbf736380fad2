"""What may not leave is refused, however it is smuggled in; and a refusal never repeats it."""

import base64
import json
import os
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.drawn_images import make_jpeg
from tests.messages import item_facts, message_facts, reminder_facts, retraction_facts
from triage.errors import MessageRefusedError
from triage.rules.compose import compose_message
from triage.rules.message_facts import Attachment
from triage.rules.message_lint import MAX_ENCODED, check_message
from triage.rules.message_words import disarm_url
from triage.rules.states import SendingKind

COMPOSED = compose_message(message_facts())
PICTURE = make_jpeg(1)
JSON = "application/json"


def refused(**changes):
    with pytest.raises(MessageRefusedError) as caught:
        check_message(replace(COMPOSED, **changes))
    return str(caught.value)


def with_file(name, content_type, data):
    return {"attachments": (*COMPOSED.attachments, Attachment(name, content_type, data))}


def with_field(**fields):
    document = json.loads(COMPOSED.attachments[0].data) | fields
    return {"attachments": (Attachment("xarf-1.json", JSON, json.dumps(document).encode()),)}


def test_the_message_that_the_others_are_made_of_passes() -> None:
    check_message(COMPOSED)


@pytest.mark.parametrize(
    "content_type", ["image/jpeg", "IMAGE/PNG", "video/mp4", "audio/ogg", "application/zip", "text/html", ""]
)
def test_only_json_is_attached(content_type: str) -> None:
    refused(**with_file("xarf-2.json", content_type, b"{}"))


@pytest.mark.parametrize(
    "name",
    ["a.jpg", "xarf-2.json.png", "xarf-2.json\n.png", "notice.JSON", "../notice.json", "x.zip", "other.json"],
)
def test_only_our_own_names_are_attached(name: str) -> None:
    refused(**with_file(name, JSON, b"{}"))


@given(
    st.sampled_from(
        [b"\xff\xd8\xff", b"\x89PNG", b"GIF89a", b"RIFF", b"PK\x03\x04", b"\x1f\x8b", b"....ftyp"]
    )
)
def test_a_picture_under_our_own_name_is_refused(magic: bytes) -> None:
    refused(**with_file("notice.json", JSON, magic + os.urandom(40)))


def test_a_whole_picture_is_refused_in_every_dress() -> None:
    encoded = base64.b64encode(PICTURE).decode()
    wrapped = "\n".join(encoded[at : at + 76] for at in range(0, len(encoded), 76))
    quoted = "\n".join("> " + line for line in wrapped.splitlines())
    for blob in (encoded, wrapped, quoted, PICTURE.hex(), base64.urlsafe_b64encode(PICTURE).decode()):
        assert blob[:50] not in refused(text=f"{COMPOSED.text}\n{blob}\n")
        refused(**with_field(description=blob))
        refused(**with_field(more={"deep": [{"er": blob}]}))
    refused(**with_field(pixels=list(PICTURE)))
    refused(**with_file("notice.json", JSON, PICTURE))


@given(st.binary(min_size=MAX_ENCODED, max_size=600), st.integers(0, len(COMPOSED.text)))
def test_encoded_bytes_are_found_wherever_they_stand(data: bytes, at: int) -> None:
    blob = base64.b64encode(data).decode()
    refused(text=f"{COMPOSED.text[:at]} {blob} {COMPOSED.text[at:]}")


@pytest.mark.parametrize(
    "words",
    [
        "data:image/png;base64,AAAA",
        "DATA:,AAAA",
        '<img src="x">',
        "< IMG x",
        "<svg onload=x>",
        "see the screenshot",
        "Screen shot",
        "cid:part1",
    ],
)
def test_words_that_stand_for_pictures_are_refused(words: str) -> None:
    refused(text=f"{COMPOSED.text}\n{words}\n")
    refused(subject=f"{COMPOSED.subject} {words}")
    refused(**with_field(description=words))


@pytest.mark.parametrize("key", ["screenshot_url", "Screenshot_URL", "evidence", "payload", "thumbnail"])
def test_fields_for_pictures_are_refused(key: str) -> None:
    refused(**with_field(**{key: "x"}))
    refused(**with_field(more=[{key: None}]))


@given(
    st.sampled_from(
        ["http://", "https://", "HTTP://", "HtTpS://", "ftp://", "http:/", "http : //", "www.", " //"]
    ),
    st.integers(0, len(COMPOSED.text)),
)
def test_a_live_address_in_the_text_is_refused(scheme: str, at: int) -> None:
    refused(text=f"{COMPOSED.text[:at]} {scheme}photos.example/x {COMPOSED.text[at:]}")


def test_a_disarmed_address_that_is_none_of_ours_hides_nothing() -> None:
    blob = base64.b64encode(PICTURE).decode().rstrip("=")
    refused(text=f"{COMPOSED.text}\n{disarm_url(f'http://photos.example/{blob[:1500]}')}\n")
    refused(**with_field(url=f"http://photos.example/{blob[:3000]}"))
    refused(**with_field(url=f"data:image/jpeg;base64,{blob}"))
    refused(**with_field(other=f"http://photos.example/{blob[:1500]}"))


@pytest.mark.parametrize(
    "url",
    [
        "http://photos.example/" + "Qk1GUgAA" * 200,
        "http://photos.example/x?y=data:image/png;base64,iVBORw0KGgo",
        "http://photos.example/screenshot.jpg?to=http://www.other.example/",
        "https://photos.example//double",
        "https://screenshots.example/a.jpg",
        "http://photos.example/x?y=ftp://other.example/z",
    ],
)
def test_a_site_cannot_choose_an_address_that_is_never_reported(url: str) -> None:
    for kind in SendingKind:
        check_message(compose_message(message_facts(kind=kind, items=(item_facts(url),))))


def test_a_sender_cannot_choose_a_file_name_that_is_never_reported() -> None:
    for name in ("screenshot.png", "A" * 255, "<img src=x>"):
        facts = message_facts(kind=SendingKind.POLICE, items=(item_facts(file_name=name),))
        check_message(compose_message(facts))


@pytest.mark.parametrize(
    "operator",
    ["www.hosting.example SH.P.K.", "Screenshot SH.P.K.", "http://hosting.example", "a//b", "cid:x <img"],
)
def test_an_operator_cannot_choose_a_name_that_is_never_reported(operator: str) -> None:
    for kind in SendingKind:
        for baseline in (True, False):
            item = item_facts(operator=operator, is_baseline=baseline)
            check_message(compose_message(message_facts(kind=kind, items=(item,))))
    refused(text=f"{COMPOSED.text}\n{operator} screenshot\n")


def test_the_name_of_an_operator_carries_no_bytes() -> None:
    refused(**with_field(hosting_provider="A" * (MAX_ENCODED + 1)))
    refused(**with_field(domain="screenshots.example"))


def test_a_message_without_its_file_is_refused() -> None:
    refused(attachments=())


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff\xfe{}", b"{", b"[" * 100_000])
def test_a_file_that_is_no_object_is_refused(data: bytes) -> None:
    refused(**with_file("notice.json", JSON, data))


def test_the_reference_is_asked_for() -> None:
    refused(subject="Notice and takedown request")
    refused(reference="")
    refused(text=COMPOSED.text.replace(COMPOSED.reference, "NT"))
    refused(subject=f"{COMPOSED.subject}\r\nBcc: all@other.example")


@pytest.mark.parametrize(
    "element",
    [
        "nenit 117",
        "Article 117",
        "jo më vonë se",
        "no later than",
        "do not view",
        "preserve technical",
        "të mos njoftoni",
        "do not alert",
        "në mirëbesim",
        "in good faith",
        "contains no images",
        "zëvendësoni hxxp",
        "@isigurt.example",
    ],
)
def test_a_notice_that_lacks_an_element_is_refused(element: str) -> None:
    assert element in COMPOSED.text
    refused(text=COMPOSED.text.replace(element, "…"))


def test_what_follows_a_notice_has_its_own_elements() -> None:
    for facts, word in ((reminder_facts(), "Kujtesë 2"), (retraction_facts(), "nothing need be done")):
        composed = compose_message(facts)
        check_message(composed)
        with pytest.raises(MessageRefusedError):
            check_message(replace(composed, text=composed.text.replace(word, "…")))
    with pytest.raises(MessageRefusedError):  # a first notice that is worded as a retraction
        check_message(replace(compose_message(retraction_facts()), part=COMPOSED.part))
