"""What notices and referrals say, in both languages and on every basis; and that the lint passes them all."""

import re
from datetime import timedelta

import pytest

from tests.messages import (
    NOON,
    REFERENCE,
    URL,
    flat,
    image_facts,
    item_facts,
    known_facts,
    message_facts,
    read_json,
    reminder_facts,
    retraction_facts,
    unseen_facts,
)
from triage.errors import MessageRefusedError
from triage.rules.compose import compose_message
from triage.rules.message_lint import check_message
from triage.rules.message_words import disarm_url, write_time
from triage.rules.states import Basis, ItemKind, SendingKind, SendingPart

POLICE = {"kind": SendingKind.POLICE}
PARTNER = {"kind": SendingKind.HOTLINE, "recipient_language": "en"}


def text_of(facts):
    composed = compose_message(facts)
    check_message(composed)
    return flat(composed.text)


# Who is kept from what


def test_what_nobody_viewed_goes_to_the_police_only() -> None:
    for kind in (SendingKind.NOTICE, SendingKind.HOTLINE):
        with pytest.raises(MessageRefusedError):
            compose_message(unseen_facts(kind=kind))
    assert "nuk e ka parë askush / none, not viewed by anyone" in text_of(unseen_facts())


def test_a_notice_without_an_address_is_refused() -> None:
    upload = item_facts(None, kind=ItemKind.UPLOAD)
    with pytest.raises(MessageRefusedError):
        compose_message(message_facts(items=(upload,)))


def test_a_message_about_nothing_is_refused() -> None:
    with pytest.raises(MessageRefusedError):
        compose_message(message_facts(items=()))


def test_who_hosts_it_gets_no_digest_and_no_name_of_a_file() -> None:
    item = item_facts(file_name="Emri i fëmijës.jpg")
    composed = compose_message(message_facts(items=(item,)))
    everything = composed.text + "".join(file.data.decode() for file in composed.attachments)
    for image in item.images:
        for value in (image.sha256, image.sha1, image.md5, image.pdq):
            assert value not in everything
    assert "Emri" not in everything
    assert item.reference not in composed.text


# The notice


def test_a_notice_says_in_albanian_all_that_it_must() -> None:
    text = text_of(message_facts(recipient_language="sq"))
    assert text.startswith("Të nderuar, iSIGURT.al, Linja Kombëtare, anëtare e rrjetit INHOPE, ju njofton")
    assert "rrjetin ose shërbimin tuaj (AS64500) gjendet material i abuzimit seksual të fëmijëve" in text
    assert (
        "Analistët tanë e vlerësuan (së fundi më 12.03.2026 13:00 Europe/Tirane (2026-03-12 12:00 UTC))"
        in text
    )
    assert (
        "si të paligjshëm sipas nenit 117 të Kodit Penal të Republikës së Shqipërisë dhe sipas kriterit"
        in text
    )
    assert "jo më vonë se 13.03.2026 13:00 Europe/Tirane (2026-03-13 12:00 UTC)" in text
    assert "të mos e hapni, kopjoni apo shpërndani" in text
    assert "të ruani të dhënat teknike" in text
    assert "të mos njoftoni përdoruesin" in text
    assert f"duke iu përgjigjur këtij mesazhi me referencën {REFERENCE}" in text
    assert "Policia e Shtetit është njoftuar më 12.03.2026 12:50" in text
    assert "Ky mesazh nuk përmban imazhe. Deklarojmë në mirëbesim" in text
    assert "Kontakt: notices@isigurt.example, 116 111. Analisti: A-1a2b3c." in text
    assert "Please" not in text


def test_a_notice_says_in_english_all_that_it_must() -> None:
    text = text_of(message_facts(recipient_language="en"))
    assert text.startswith("Dear colleague, iSIGURT.al, Linja Kombëtare, member of INHOPE, notifies you")
    assert "Our analysts assessed it (last on 12.03.2026 13:00 Europe/Tirane (2026-03-12 12:00 UTC))" in text
    assert (
        "as illegal under Article 117 of the Albanian Criminal Code, and as meeting the INTERPOL Baseline"
        in text
    )
    assert "no later than 13.03.2026 13:00 Europe/Tirane (2026-03-13 12:00 UTC)" in text
    assert "do not view, copy or share it beyond what the removal needs" in text
    assert "do not alert the user" in text
    assert f"by replying to this message, quoting {REFERENCE}" in text
    assert "The Albanian State Police were informed on 12.03.2026 12:50" in text
    assert "This message contains no images. We declare in good faith" in text
    assert "Të nderuar" not in text


def test_albanian_stands_first_where_both_are_wanted() -> None:
    text = text_of(message_facts(recipient_language="sq+en"))
    assert text.index("Të nderuar") < text.index("Dear colleague") < text.index("ADRESAT / LOCATIONS")


def test_the_subject_holds_the_reference_and_no_word_of_what_was_found() -> None:
    subject = compose_message(message_facts()).subject
    assert subject == f"[iSIGURT.al {REFERENCE}] Njoftim për heqje / Notice and takedown request – 1 URL"


def test_nothing_is_said_of_the_police_before_they_were_told() -> None:
    text = text_of(message_facts(police_sent_at=None))
    assert "Policia e Shtetit" not in text
    assert "Albanian State Police" not in text


def test_a_file_that_nobody_viewed_is_never_called_assessed() -> None:
    text = text_of(known_facts())
    assert (
        'Gjurma kriptografike (hash) e skedarit gjendet saktësisht në listën e besuar "baseline-practice"'
        in text
    )
    assert "e konfirmoi këtë më 12.03.2026 13:00" in text
    assert "pa e parë materialin" in text
    assert 'digest of the file is exactly that of an entry in the trusted list "baseline-practice"' in text
    assert "without viewing the material" in text
    for facts in (known_facts(), known_facts(**PARTNER), known_facts(**POLICE)):
        assert not re.search(r"(?i)assess|vlerës", compose_message(facts).text)


def test_a_digest_that_we_found_ourselves_is_named_so() -> None:
    item = item_facts(basis=Basis.EXACT_HASH, images=(image_facts(basis=Basis.EXACT_HASH),))
    text = text_of(known_facts(items=(item,)))
    assert "listën tonë të materialit të gjetur më parë të paligjshëm" in text
    assert "our own list of material that was found illegal before" in text
    assert not re.search(r"(?i)assess|vlerës", text)


def test_what_was_not_viewed_of_a_page_is_said_so() -> None:
    images = (image_facts("one"), image_facts("two", basis=Basis.EXACT_HASH, lists=("baseline-practice",)))
    text = text_of(message_facts(items=(item_facts(images=images),)))
    assert "Our analysts assessed it" in text
    assert "Part of it was not viewed" in text
    assert "Një pjesë e tij nuk u pa" in text
    assert "not viewed" not in text_of(message_facts())


def test_of_what_was_not_viewed_only_its_own_lists_are_named() -> None:
    looked = image_facts("one", lists=("looked-practice",))
    known = image_facts("two", basis=Basis.EXACT_HASH, lists=("baseline-practice",))
    found = image_facts("three", basis=Basis.EXACT_HASH)
    text = text_of(message_facts(items=(item_facts(images=(looked, known)),)))
    assert "looked-practice" not in text
    assert 'an entry in the trusted list "baseline-practice".' in text
    text = text_of(message_facts(items=(item_facts(images=(looked, found)),)))
    assert "trusted list" not in text
    assert "an entry in our own list of material" in text
    text = text_of(message_facts(items=(item_facts(images=(looked, known, found)),)))
    assert 'the trusted list "baseline-practice" or in our own list' in text
    assert 'listën e besuar "baseline-practice" ose në listën tonë' in text


def test_the_name_of_a_list_or_an_operator_is_no_link() -> None:
    image = image_facts(basis=Basis.EXACT_HASH, lists=("www.lists.example\nx",))
    item = item_facts(operator="http://www.hosting.example", images=(image,), basis=Basis.EXACT_HASH)
    for facts in (known_facts(items=(item,)), known_facts(**POLICE, items=(item,))):
        text = compose_message(facts).text
        assert not re.search(r"(?i)https?:|www\.", text)
        assert "www[.]lists.example x" in flat(text)


def test_baseline_is_said_only_when_all_of_it_is() -> None:
    items = (item_facts(), item_facts("https://photos.example/two", is_baseline=False))
    text = text_of(message_facts(items=items))
    assert "Baseline" not in text
    assert "Article 117" in text


def test_one_assessor_is_not_called_several() -> None:
    item = item_facts(images=(image_facts(settled_at=None),))
    text = text_of(message_facts(items=(item,)))
    assert "Një analist yni e vlerësoi" in text
    assert "One of our analysts assessed it" in text


def test_several_addresses_stand_in_one_table() -> None:
    items = tuple(item_facts(f"http://photos.example/{number}") for number in (1, 2, 3))
    composed = compose_message(message_facts(items=items))
    check_message(composed)
    assert composed.subject.endswith("3 URL")
    assert composed.text.count("ADRESAT / LOCATIONS") == 1
    for number in (1, 2, 3):
        assert composed.text.count(f"\n{number}. hxxp://photos[.]example/{number}\n   IP 198.51.100.7\n") == 1
    assert "parë së pari / first seen: 11.03.2026 13:00 Europe/Tirane (2026-03-11 12:00 UTC)" in composed.text


def test_no_address_in_a_text_is_alive() -> None:
    for url in (
        URL,
        "http://photos.example/go?to=http://www.other.example/x",
        "https://photos.example/HTTPS://www.other.example",
        "http://[2001:db8::1]/x",
        "http://photos.example/?to=ftp://other.example/x",
    ):
        for facts in (
            message_facts(items=(item_facts(url),)),
            message_facts(**POLICE, items=(item_facts(url),)),
        ):
            text = text_of(facts)
            assert disarm_url(url) in text
            assert not re.search(r"(?i)https?:/|ftps?:/|www\.", text)


def test_the_sentence_of_the_text_restores_an_address() -> None:
    url = "http://photos.example/go?to=http://other.example/x"
    assert disarm_url(url).replace("hxxp", "http").replace("[.]", ".") == url


def test_a_name_of_others_cannot_add_lines() -> None:
    item = item_facts(operator="Hosting\r\n\r\nPractice\u2028x")
    text = compose_message(message_facts(**POLICE, items=(item,))).text
    assert "Hosting Practice x, AL" in text


def test_local_time_follows_the_season() -> None:
    assert write_time(NOON.replace(month=7)) == "12.07.2026 14:00 Europe/Tirane (2026-07-12 12:00 UTC)"
    assert write_time(NOON.replace(hour=23)) == "13.03.2026 00:00 Europe/Tirane (2026-03-12 23:00 UTC)"


# What follows the first message


def test_a_reminder_says_which_one_it_is_and_when_it_was_still_up() -> None:
    composed = compose_message(reminder_facts())
    text = text_of(reminder_facts())
    assert "Kujtesë 2 e njoftimit / Reminder 2 of the notice" in composed.subject
    assert f"Kujtesë 2: materiali i njoftimit {REFERENCE}, që ju dërguam më 10.03.2026 13:00" in text
    assert "ishte ende i aksesueshëm më 12.03.2026 12:00" in text
    assert f"Reminder 2: the material of notice {REFERENCE}" in text
    assert "was still available on 12.03.2026 12:00" in text
    assert "no later than 13.03.2026 13:00" in text


def test_a_retraction_takes_back_and_asks_for_nothing() -> None:
    composed = compose_message(retraction_facts())
    text = text_of(retraction_facts())
    assert REFERENCE in composed.subject
    assert "Tërheqje e njoftimit / Retraction of the notice" in composed.subject
    assert f"E tërheqim njoftimin {REFERENCE}, të dërguar më 10.03.2026 13:00" in text
    assert "nuk keni më asgjë për të bërë" in text
    assert f"We take back notice {REFERENCE}" in text
    assert "nothing need be done any more" in text
    for word in ("Please", "Ju kërkojmë", "Baseline", "assessed", "vlerësuan"):
        assert word not in text
    document = read_json(composed)["notice.json"]
    assert document["message"] == "retraction"
    assert [row["url"] for row in document["items"]] == [URL]
    assert "verdict" not in document["items"][0]


def test_a_retraction_passes_whatever_its_basis_was() -> None:
    for basis in Basis:
        check_message(compose_message(retraction_facts(basis=basis)))


@pytest.mark.parametrize("kind", list(SendingKind))
@pytest.mark.parametrize("part", list(SendingPart))
def test_practice_is_marked_before_all_else(kind: SendingKind, part: SendingPart) -> None:
    facts = reminder_facts(kind=kind, part=part, is_practice=True, number=1)
    if (kind, part) == (SendingKind.POLICE, SendingPart.REMINDER):
        with pytest.raises(MessageRefusedError, match="not reminded"):
            compose_message(facts)
        return
    if (kind, part) == (SendingKind.NOTICE, SendingPart.UPDATE):
        with pytest.raises(MessageRefusedError, match="told no detail"):
            compose_message(facts)
        return
    composed = compose_message(facts)
    check_message(composed)
    assert composed.subject.startswith("PRAKTIKË / PRACTICE [")
    assert composed.text.startswith("PRAKTIKË / PRACTICE\n\n")
    assert "PRAKTIKË" not in compose_message(reminder_facts(kind=kind, part=part)).text


# The referrals


def test_the_police_are_told_all_that_is_known() -> None:
    item = item_facts(images=(image_facts(is_kept=True),))
    text = text_of(message_facts(**POLICE, items=(item,), recipient_language="sq"))
    assert "ju referon 1 element sipas nenit 117" in text
    assert "Vendi: hxxps://photos[.]example/a/b.jpg?x=1" in text
    assert "Strehimi: 198.51.100.7, AS64500, Hosting Practice SH.P.K., AL" in text
    assert "Vendimi: i paligjshëm, Baseline (INTERPOL)" in text
    assert "Vlerësuar: 12.03.2026 13:00" in text
    assert "Kapur: 12.03.2026 10:00" in text
    assert "Bajtet origjinale: ruhen të vulosura te ne" in text
    for image in item.images:
        for name, value in (
            ("SHA-256", image.sha256),
            ("SHA-1", image.sha1),
            ("MD5", image.md5),
            ("PDQ", image.pdq),
        ):
            assert f"{name}: {value}" in text
    assert "Original bytes: not kept" in text_of(message_facts(**POLICE, recipient_language="en"))


def test_a_child_at_risk_is_the_first_line() -> None:
    composed = compose_message(message_facts(**POLICE, is_danger=True))
    check_message(composed)
    assert composed.text.startswith("URGJENTE: një fëmijë mund të jetë në rrezik tani.")
    assert "URGENT: a child may be at risk now." in composed.text
    assert "URGJENTE – Referim për policinë / URGENT – Police referral" in composed.subject
    assert "URGENT" not in text_of(message_facts(**POLICE))


def test_the_police_learn_what_we_hold_for_them() -> None:
    held = text_of(message_facts(**POLICE, is_held=True))
    assert "presim fjalën tuaj" in held
    assert "we wait for your word" in held
    assert "we wait for your word" not in text_of(message_facts(**POLICE))


def test_what_is_not_located_is_said_so() -> None:
    item = item_facts(address=None, asn=None, operator=None, country=None)
    text = text_of(message_facts(**POLICE, items=(item,)))
    assert "Strehimi / Hosting: nuk është lokalizuar ende / not located yet" in text


def test_uploads_and_texts_go_to_the_police_without_an_address() -> None:
    upload = item_facts(None, kind=ItemKind.UPLOAD, file_name="Screenshot_2026.jpg")
    written = item_facts(None, kind=ItemKind.TEXT, images=())
    facts = message_facts(**POLICE, items=(upload, written))
    assert "a file sent to us, no address" in text_of(facts)
    assert "a text sent to us, no address" in text_of(facts)
    assert "Screenshot" not in text_of(facts)
    assert (
        read_json(compose_message(facts))["referral.json"]["items"][0]["file_name"] == "Screenshot_2026.jpg"
    )


def test_what_was_judged_without_an_image_is_not_said_to_be_viewed() -> None:
    judged = item_facts(images=(), captured_at=None)
    text = text_of(message_facts(**POLICE, items=(judged,)))
    assert "judged by our analysts, without an image here" in text
    assert "viewed by our analysts" not in text
    assert "viewed by our analysts" in text_of(message_facts(**POLICE))


def test_the_file_of_the_police_holds_exact_addresses_and_digests() -> None:
    document = read_json(compose_message(message_facts(**POLICE)))["referral.json"]
    assert document["reference"] == REFERENCE
    (row,) = document["items"]
    assert row["url"] == URL
    assert row["verdict"] == "baseline"
    assert row["images"][0]["sha256"] == image_facts().sha256
    (unseen,) = read_json(compose_message(unseen_facts()))["referral.json"]["items"]
    assert unseen["verdict"] is None
    assert unseen["images"][0]["basis"] == "facts"


def test_a_partner_is_written_to_in_english() -> None:
    text = text_of(message_facts(**PARTNER))
    assert "Të nderuar" not in text
    assert "TLP:RED" in text
    assert "your own judgement decides" in text


def test_the_same_facts_give_the_same_message() -> None:
    for facts in (message_facts(), message_facts(**POLICE), message_facts(**PARTNER), reminder_facts()):
        assert compose_message(facts) == compose_message(facts)


def test_the_deadline_is_the_one_of_the_facts() -> None:
    late = message_facts(asked_until=NOON + timedelta(days=3))
    assert "no later than 15.03.2026 13:00" in text_of(late)
