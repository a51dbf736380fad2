"""Facts of messages, as the store would read them, for tests of texts, mails and packages."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import rfc8785

from triage.rules.message_facts import HotlineFacts, ImageFacts, ItemFacts, MessageFacts
from triage.rules.states import Basis, ItemKind, Remit, SendingKind, SendingPart

NOON = datetime(2026, 3, 12, 12, 0, tzinfo=UTC)
URL = "https://photos.example/a/b.jpg?x=1"
REFERENCE = "NT-7K2M-9QXT"
HOTLINE = HotlineFacts("iSIGURT.al", "Linja Kombëtare", "notices@isigurt.example", "116 111")


def digest(text, algorithm="sha256"):
    return hashlib.new(algorithm, text.encode()).hexdigest()


def image_facts(name="one", **changes):
    facts = ImageFacts(
        sha256=digest(name),
        sha1=digest(name, "sha1"),
        md5=digest(name, "md5"),
        pdq=digest(name + " pdq"),
        media="picture",
        bytes=12345,
        baseline=True,
        basis=Basis.LOOKED,
        settled_at=NOON,
        lists=(),
        assessed_at=NOON,
    )
    return replace(facts, **changes)


def custody_records(stream="item/0190f5a0-0000-7000-8000-000000000001", count=3):
    """Return linked records as the store writes them."""
    records, previous = [], bytes(32).hex()
    for seq in range(1, count + 1):
        record = rfc8785.dumps(
            {
                "stream": stream,
                "seq": seq,
                "at": (NOON + timedelta(seconds=seq)).isoformat(),
                "actor": "worker",
                "event": "placed",
                "body": {"lane": "look"},
                "prev": previous,
            }
        )
        previous = hashlib.sha256(record).hexdigest()
        records.append(record.decode())
    return tuple(records)


def item_facts(url=URL, **changes):
    facts = ItemFacts(
        reference="IS-AAAA-BBBB",
        kind=ItemKind.URL,
        remit=Remit.CSAM,
        url=url,
        file_name=None,
        first_seen_at=NOON - timedelta(days=1),
        verified_at=NOON - timedelta(hours=2),
        address="198.51.100.7",
        asn=64500,
        operator="Hosting Practice SH.P.K.",
        country="AL",
        is_baseline=True,
        basis=Basis.LOOKED,
        images=(image_facts(),),
        custody=custody_records(),
        captured_at=NOON - timedelta(hours=3),
        settled_at=NOON,
    )
    return replace(facts, **changes)


def message_facts(**changes):
    facts = MessageFacts(
        kind=SendingKind.NOTICE,
        part=SendingPart.FIRST,
        number=0,
        reference=REFERENCE,
        message_id="<nt-7k2m-9qxt.0011@isigurt.example>",
        first_message_id=None,
        basis=Basis.LOOKED,
        host="photos.example",
        is_danger=False,
        is_held=False,
        recipient_name="Hosting Practice",
        recipient_contact="abuse@hosting.example",
        recipient_language="sq+en",
        recipient_key=None,
        written_at=NOON,
        asked_until=NOON + timedelta(days=1),
        police_sent_at=NOON - timedelta(minutes=10),
        first_sent_at=None,
        last_online_at=None,
        analyst_code="A-1a2b3c",
        items=(item_facts(),),
        hotline=HOTLINE,
        is_practice=False,
    )
    return replace(facts, **changes)


def known_facts(**changes):
    """Facts of a message about a file that nobody viewed: an exact digest in a trusted list."""
    image = image_facts(basis=Basis.EXACT_HASH, lists=("baseline-practice",))
    item = item_facts(basis=Basis.EXACT_HASH, images=(image,))
    return message_facts(**({"basis": Basis.EXACT_HASH, "items": (item,)} | changes))


def unseen_facts(**changes):
    """Facts of a police referral about a file that nobody could view."""
    image = image_facts(basis=Basis.FACTS, baseline=None, settled_at=None, media="video", assessed_at=None)
    item = item_facts(basis=Basis.FACTS, images=(image,), is_baseline=False)
    return message_facts(
        **({"kind": SendingKind.POLICE, "basis": Basis.FACTS, "is_held": True, "items": (item,)} | changes)
    )


def reminder_facts(**changes):
    return message_facts(
        **(
            {
                "part": SendingPart.REMINDER,
                "number": 2,
                "message_id": "<nt-7k2m-9qxt.0022@isigurt.example>",
                "first_message_id": "<nt-7k2m-9qxt.0011@isigurt.example>",
                "first_sent_at": NOON - timedelta(days=2),
                "last_online_at": NOON - timedelta(hours=1),
            }
            | changes
        )
    )


def retraction_facts(**changes):
    return reminder_facts(**({"part": SendingPart.RETRACTION, "number": 0, "last_online_at": None} | changes))


def read_json(composed):
    """Return the attachments of a message by their name, as documents."""
    return {attachment.name: json.loads(attachment.data) for attachment in composed.attachments}


def flat(text):
    """Return a text with all white space made single blanks, as a reader takes it in."""
    return " ".join(text.split())
