"""The machine's part of a message: XARF v4 reports, or our own notice.json and referral.json.

XARF (https://xarf.org/docs/specification/, version 4.2, read 2026-11): `content/csam` wants one of five
classifications: `baseline`, or A1, A2, B1, B2 where the settled detail says age and severity. What is illegal by
national law alone and has no such detail, or has no located address, goes into notice.json. No report ever has
evidence or a screenshot_url; only partner hotlines get digests, and only they and the police the detail. The
report_id follows from reference and address, so that a message that is made again is equal.
"""

import hashlib
import json
from typing import Any
from uuid import UUID

from triage.rules.classification_tables import Vocabulary, describe_detail, find_xarf
from triage.rules.message_facts import Attachment, ImageFacts, ItemFacts, MessageFacts
from triage.rules.message_words import LEGAL_BASIS, write_plain, write_stamp
from triage.rules.states import Basis, ItemKind, SendingKind, SendingPart
from triage.rules.urls import split_url

XARF_VERSION = "4.2.0"
MAX_REPORTS = 100
"""XARF reports in one message; what is more goes into notice.json."""
_MEDIA = {"picture": "image", "video": "video"}


def make_attachments(facts: MessageFacts) -> tuple[Attachment, ...]:
    """Return the JSON files of a message; every address of it stands in one of them, exactly."""
    if facts.kind == SendingKind.POLICE:
        return (_make_json("referral.json", make_referral(facts)),)
    if facts.part == SendingPart.RETRACTION:
        return (_make_json("notice.json", make_notice(facts, facts.items)),)
    mapped = [item for item in facts.items if has_mapping(facts, item)][:MAX_REPORTS]
    rest = tuple(item for item in facts.items if item not in mapped)
    files = [
        _make_json(f"xarf-{number}.json", make_report(facts, item)) for number, item in enumerate(mapped, 1)
    ]
    if rest:
        files.append(_make_json("notice.json", make_notice(facts, rest)))
    return tuple(files)


def has_mapping(facts: MessageFacts, item: ItemFacts) -> bool:
    """Whether XARF has words for an item: a class, with an address on the web and a located host."""
    return find_class(facts, item) is not None and item.url is not None and item.address is not None


def find_class(facts: MessageFacts, item: ItemFacts) -> str | None:
    """Return the class that XARF has for an item: baseline, for partners also what its detail says; None without."""
    if item.is_baseline:
        return "baseline"
    if not _is_told_detail(facts):
        return None
    details = [item.detail, *(image.detail for image in item.images)]
    return find_xarf([detail for detail in details if detail is not None])


def make_report(facts: MessageFacts, item: ItemFacts) -> dict[str, Any]:
    """Return the XARF report of one item that has a mapping."""
    url = item.url or ""
    hotline = {
        "org": write_plain(facts.hotline.org)[:200],
        "contact": facts.hotline.mail,
        "domain": facts.hotline.mail.rpartition("@")[2],
    }
    report: dict[str, Any] = {
        "xarf_version": XARF_VERSION,
        "report_id": str(_make_report_id(facts.reference, url)),
        "timestamp": write_stamp(item.verified_at or item.first_seen_at),
        "reporter": hotline,
        "sender": hotline,
        "source_identifier": item.address,
        "category": "content",
        "type": "csam",
        "evidence_source": "user_report",
        "url": url,
        "domain": _find_domain(url),
        "classification": find_class(facts, item),
        "detection_method": "hash_match" if item.basis == Basis.EXACT_HASH else "manual_review",
        "media_type": _find_media(item),
        "asn": item.asn,
        "hosting_provider": None if item.operator is None else write_plain(item.operator),
        "country_code": item.country,
        "verified_at": write_stamp(item.verified_at),
        "verification_method": None if item.verified_at is None else "automated_crawler",
        "description": f"Reference {facts.reference}. Legal basis: {LEGAL_BASIS}.",
        "tags": _make_tags(facts, item),
    }
    if facts.kind == SendingKind.HOTLINE and len(item.images) == 1:
        image = item.images[0]
        digests = {"md5": image.md5, "sha1": image.sha1, "sha256": image.sha256}
        report["hash_values"] = {name: value for name, value in digests.items() if value}
    if _is_told_detail(facts):
        report |= _describe_details(facts, item)
    return {name: value for name, value in report.items() if value is not None}


def make_notice(facts: MessageFacts, items: tuple[ItemFacts, ...]) -> dict[str, Any]:
    """Return our own form of a notice, for what XARF has no words for and for retractions."""
    is_retraction = facts.part == SendingPart.RETRACTION
    return _make_head(facts, "hotline-notice") | {
        "asked_until": None if is_retraction else write_stamp(facts.asked_until),
        "items": [
            _locate(item)
            | ({} if is_retraction else {"verdict": _name_verdict(item), "basis": _name_basis(item)})
            | (_describe_details(facts, item) if _is_told_detail(facts) else {})
            for item in items
        ],
    }


def make_referral(facts: MessageFacts) -> dict[str, Any]:
    """Return what the police are told, with exact addresses and every digest."""
    is_retraction = facts.part == SendingPart.RETRACTION
    return _make_head(facts, "hotline-referral") | {
        "is_urgent": facts.is_danger,
        "is_held_for_you": facts.is_held,
        "items": [
            _locate(item) if is_retraction else _describe(item, facts.vocabulary) for item in facts.items
        ],
    }


def describe_image(image: ImageFacts, vocabulary: Vocabulary) -> dict[str, Any]:
    """Return one image as digests, judgements and detail; never its bytes. Not for who hosts it."""
    return {
        "sha256": image.sha256,
        "sha1": image.sha1,
        "md5": image.md5,
        "pdq": image.pdq,
        "media": image.media,
        "bytes": image.bytes,
        "verdict": _name_image_verdict(image),
        "basis": image.basis,
        "lists": list(image.lists),
        "assessed_at": write_stamp(image.settled_at or image.assessed_at),
        "is_settled": image.settled_at is not None,
        "is_kept": image.is_kept,
    } | _describe_image_detail(image, vocabulary)


# The detail, for partners and the police


def _is_told_detail(facts: MessageFacts) -> bool:
    """Whether a message carries details: never one to who hosts it, nor one that takes something back."""
    return facts.kind != SendingKind.NOTICE and facts.part != SendingPart.RETRACTION


def _describe_details(facts: MessageFacts, item: ItemFacts) -> dict[str, Any]:
    """Return the details of an item and its pictures under keys of our own, which XARF's open schema passes."""
    pictures = [
        {"sha256": image.sha256, **found}
        for image in item.images
        if (found := _describe_image_detail(image, facts.vocabulary))
    ]
    own = _describe_item_detail(item, facts.vocabulary)
    return own | ({"x_details": pictures} if pictures else {})


def _describe_image_detail(image: ImageFacts, vocabulary: Vocabulary) -> dict[str, Any]:
    if image.detail is None:
        return {}
    described = describe_detail(
        image.detail,
        verdict=_name_image_verdict(image),
        media=image.media,
        is_urgent=image.is_danger,
        vocabulary=vocabulary,
    )
    return {"x_detail": described}


def _describe_item_detail(item: ItemFacts, vocabulary: Vocabulary) -> dict[str, Any]:
    if item.detail is None:
        return {}
    described = describe_detail(
        item.detail,
        verdict=_name_verdict(item),
        media=None,
        is_urgent=item.is_danger,
        vocabulary=vocabulary,
    )
    return {"x_detail": described}


def _name_image_verdict(image: ImageFacts) -> str | None:
    return None if image.baseline is None else "baseline" if image.baseline else "national"


def _make_json(name: str, document: dict[str, Any]) -> Attachment:
    data = json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n"
    return Attachment(name, "application/json", data)


def _make_head(facts: MessageFacts, schema: str) -> dict[str, Any]:
    return {
        "schema": schema,
        "version": 1,
        "message": facts.part,
        "practice": facts.is_practice,
        "reference": facts.reference,
        "legal_basis": LEGAL_BASIS,
        "written_at": write_stamp(facts.written_at),
        "hotline": {
            "name": write_plain(facts.hotline.name),
            "org": write_plain(facts.hotline.org),
            "mail": facts.hotline.mail,
            "phone": facts.hotline.phone,
        },
    }


def _locate(item: ItemFacts) -> dict[str, Any]:
    return {
        "reference": item.reference,
        "kind": item.kind,
        "url": item.url,
        "address": item.address,
        "asn": item.asn,
        "operator": None if item.operator is None else write_plain(item.operator),
        "country": item.country,
        "first_seen_at": write_stamp(item.first_seen_at),
        "verified_at": write_stamp(item.verified_at),
    }


def _describe(item: ItemFacts, vocabulary: Vocabulary) -> dict[str, Any]:
    return (
        _locate(item)
        | {
            "remit": item.remit,
            "file_name": item.file_name,
            "captured_at": write_stamp(item.captured_at),
            "verdict": _name_verdict(item),
            "basis": _name_basis(item),
            "images": [describe_image(image, vocabulary) for image in item.images],
        }
        | _describe_item_detail(item, vocabulary)
    )


def _name_basis(item: ItemFacts) -> str:
    """Return on what the verdict stands; what has no picture was judged itself, and nobody looked at one."""
    return "judged_itself" if item.basis == Basis.LOOKED and not item.images else item.basis


def _name_verdict(item: ItemFacts) -> str | None:
    if item.basis == Basis.FACTS and item.images:
        return None
    return "baseline" if item.is_baseline else "national"


def _make_report_id(reference: str, url: str) -> UUID:
    """Return the same id for the same reference and address, in the shape of version 4 that XARF asks for."""
    return UUID(bytes=hashlib.sha256(f"{reference}\n{url}".encode()).digest()[:16], version=4)


def _find_domain(url: str) -> str | None:
    host = split_url(url).host
    is_address = ":" in host or host.rpartition(".")[2].isdecimal()
    return None if is_address else host


def _find_media(item: ItemFacts) -> str | None:
    kinds = {_MEDIA.get(image.media) for image in item.images}
    if not kinds or kinds == {None}:
        return None if item.kind == ItemKind.URL else "text"
    found = kinds - {None}
    return found.pop() if len(found) == 1 else "mixed"


def _make_tags(facts: MessageFacts, item: ItemFacts) -> list[str]:
    tags = [
        f"reference:{facts.reference.lower()}",
        f"basis:{item.basis}",
        "law:al-cc-117",
    ]
    if facts.part == SendingPart.REMINDER:
        tags.append(f"reminder:{facts.number}")
    if facts.part == SendingPart.UPDATE:
        tags.append(f"update:{facts.number}")
    return [*tags, "hotline:practice"] if facts.is_practice else tags
