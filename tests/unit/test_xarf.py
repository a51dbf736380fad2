"""The machine's part: XARF where it has words for it, our own notice.json where it has none."""

import json

import xarf

from tests.messages import (
    REFERENCE,
    URL,
    image_facts,
    item_facts,
    known_facts,
    message_facts,
    read_json,
    reminder_facts,
)
from triage.rules.classification import AgeBand, Detail, Maturity, Origin, Severity, Sex, SiteType
from triage.rules.classification_tables import Vocabulary
from triage.rules.compose import compose_message
from triage.rules.message_lint import check_message
from triage.rules.states import SendingKind
from triage.rules.xarf import MAX_REPORTS


def reports_of(facts):
    composed = compose_message(facts)
    check_message(composed)
    found = [document for name, document in read_json(composed).items() if name.startswith("xarf-")]
    for document in found:
        assert xarf.parse(json.dumps(document)).errors == []
    return found


def test_national_alone_has_no_xarf_word() -> None:
    facts = message_facts(items=(item_facts(is_baseline=False),))
    assert reports_of(facts) == []
    document = read_json(compose_message(facts))["notice.json"]
    assert (document["schema"], document["version"], document["reference"]) == (
        "hotline-notice",
        1,
        REFERENCE,
    )
    assert document["legal_basis"] == "Art. 117, Criminal Code of Albania"
    (row,) = document["items"]
    assert (row["url"], row["verdict"], row["basis"]) == (URL, "national", "looked")


def test_without_a_located_address_there_is_no_xarf() -> None:
    facts = message_facts(items=(item_facts(address=None, operator=None, asn=None, country=None),))
    assert reports_of(facts) == []
    assert read_json(compose_message(facts))["notice.json"]["items"][0]["verdict"] == "baseline"


def test_a_report_says_what_the_specification_asks_for() -> None:
    (report,) = reports_of(message_facts())
    assert report["url"] == URL
    assert report["domain"] == "photos.example"
    assert report["source_identifier"] == "198.51.100.7"
    assert report["classification"] == "baseline"
    assert report["detection_method"] == "manual_review"
    assert report["timestamp"] == report["verified_at"] == "2026-03-12T10:00:00Z"
    assert report["asn"] == 64500
    assert report["hosting_provider"] == "Hosting Practice SH.P.K."
    assert report["country_code"] == "AL"
    assert report["media_type"] == "image"
    assert report["reporter"] == {
        "org": "Linja Kombëtare",
        "contact": "notices@isigurt.example",
        "domain": "isigurt.example",
    }
    assert {"hash_values", "screenshot_url", "evidence"} & set(report) == set()


def test_an_exact_digest_is_detected_by_hash_match() -> None:
    (report,) = reports_of(known_facts())
    assert report["detection_method"] == "hash_match"


def test_only_partners_get_digests() -> None:
    (report,) = reports_of(message_facts(kind=SendingKind.HOTLINE))
    image = image_facts()
    assert report["hash_values"] == {"md5": image.md5, "sha1": image.sha1, "sha256": image.sha256}


def test_a_repeated_report_is_the_same_report() -> None:
    (first,) = reports_of(message_facts())
    (second,) = reports_of(message_facts())
    (reminder,) = reports_of(reminder_facts())
    assert first == second
    assert reminder["report_id"] == first["report_id"]
    (other,) = reports_of(message_facts(reference="NT-AAAA-AAAA"))
    assert other["report_id"] != first["report_id"]


def test_an_address_without_a_name_has_no_domain() -> None:
    for url in ("http://198.51.100.7/x", "http://[2001:db8::7]/x"):
        (report,) = reports_of(message_facts(items=(item_facts(url),)))
        assert "domain" not in report


def test_practice_is_tagged() -> None:
    (report,) = reports_of(message_facts(is_practice=True))
    assert "hotline:practice" in report["tags"]


def test_a_mixed_group_is_split_over_both_forms() -> None:
    items = (item_facts(), item_facts("https://photos.example/two", is_baseline=False))
    composed = compose_message(message_facts(items=items))
    assert [file.name for file in composed.attachments] == ["xarf-1.json", "notice.json"]


def test_a_long_group_ends_in_our_own_form() -> None:
    items = tuple(item_facts(f"https://photos.example/{number}") for number in range(MAX_REPORTS + 5))
    composed = compose_message(message_facts(items=items))
    check_message(composed)
    assert len(composed.attachments) == MAX_REPORTS + 1
    assert len(read_json(composed)["notice.json"]["items"]) == 5


DETAIL = Detail(
    severity_abc=Severity.B,
    maturity=Maturity.PREPUBESCENT,
    age_band_youngest=AgeBand.FROM_7,
    sex=Sex.FEMALE,
    origin=Origin.REAL,
    site_type=SiteType.FORUM,
)


def national(detail=DETAIL, **more):
    """Facts of a message about a picture that is illegal by national law, with its detail."""
    item = item_facts(is_baseline=False, images=(image_facts(baseline=False, detail=detail, is_danger=True),))
    return message_facts(
        **({"kind": SendingKind.HOTLINE, "recipient_language": "en", "items": (item,)} | more)
    )


def test_a_partner_is_told_the_class_that_age_and_severity_say_and_the_whole_detail() -> None:
    (report,) = reports_of(national())
    assert report["classification"] == "A1"
    (told,) = report["x_details"]
    assert told["sha256"] == image_facts().sha256
    neutral = told["x_detail"]
    assert (neutral["sex"], neutral["site_type"], neutral["media"]) == ("female", "forum", "picture")
    assert neutral["urgent_ongoing_risk"] is True
    assert neutral["iccam"] == {
        "ageCategorization": 3,
        "genderCategorization": 2,
        "virtualContentCategorization": 0,
        "sourceUrlSiteType": 6,
        "sourceUrlCommerciality": 1,
        "sourceUrlPaymentMethods": [1],
        "classification": 2,
    }
    text = compose_message(national()).text
    assert "Development of the youngest: prepubescent" in text
    assert "Recording" not in text, "what is open is not written"


def test_without_age_or_severity_a_national_item_goes_into_the_notice_with_its_detail() -> None:
    facts = national(Detail(sex=Sex.FEMALE))
    assert reports_of(facts) == []
    (row,) = read_json(compose_message(facts))["notice.json"]["items"]
    assert row["x_details"][0]["x_detail"]["sex"] == "female"


def test_baseline_stays_baseline_whatever_the_detail_says() -> None:
    item = item_facts(images=(image_facts(detail=DETAIL),))
    (report,) = reports_of(national(items=(item,)))
    assert report["classification"] == "baseline"


def test_who_hosts_it_is_never_told_a_detail_nor_a_class_that_it_says() -> None:
    item = item_facts(images=(image_facts(detail=DETAIL),), detail=DETAIL)
    hidden = item_facts(
        "https://photos.example/other.jpg", is_baseline=False, images=item.images, detail=DETAIL
    )
    for facts in (
        message_facts(items=(item, hidden)),
        reminder_facts(items=(item, hidden)),
        national(kind=SendingKind.NOTICE, items=(hidden,)),
    ):
        composed = compose_message(facts)
        check_message(composed)
        told = composed.text + "".join(one.data.decode() for one in composed.attachments)
        for word in ("x_detail", "iccam", "A1", "prepubescent", "para pubertetit", "female", "forum", "7-10"):
            assert word not in told


def test_what_is_taken_back_tells_no_detail() -> None:
    facts = national(part="retraction", first_sent_at=message_facts().written_at)
    composed = compose_message(facts)
    assert "x_detail" not in composed.attachments[0].data.decode()
    assert "Development" not in composed.text


def test_codes_of_the_schema_go_along_once_it_is_loaded() -> None:
    vocabulary = Vocabulary("test 1", {("sex", "female"): "X-1"})
    (report,) = reports_of(national(vocabulary=vocabulary))
    assert report["x_details"][0]["x_detail"]["ucs"] == {"version": "test 1", "codes": ["X-1"]}


def test_the_police_are_told_the_detail_of_an_item_that_was_judged_itself() -> None:
    item = item_facts(images=(), detail=DETAIL, is_danger=True)
    facts = message_facts(kind=SendingKind.POLICE, items=(item,))
    composed = compose_message(facts)
    check_message(composed)
    (row,) = read_json(composed)["referral.json"]["items"]
    assert row["x_detail"]["urgent_ongoing_risk"] is True
    assert (
        "Zhvillimi i më të voglit / Development of the youngest: para pubertetit / prepubescent"
        in composed.text
    )
