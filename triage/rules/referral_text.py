"""The words of a referral: to the police in Albanian and English, to a partner hotline in English.

Drafts, as those of the notice. The police are told all that is known: where, hosted by whom, every digest,
on what each judgement stands, its settled detail, and what nobody has viewed. A partner is told the detail too.
An update says first what changed.
"""

from textwrap import fill

from triage.rules.detail_words import write_changed_lines, write_detail_lines
from triage.rules.message_facts import ImageFacts, ItemFacts, MessageFacts
from triage.rules.message_words import (
    choose_languages,
    disarm_name,
    join_words,
    mark_practice,
    write_contact,
    write_location,
    write_plain,
    write_subject,
    write_table,
    write_time,
)
from triage.rules.notice_text import write_basis_en
from triage.rules.states import Basis, SendingPart


def write_police_referral(facts: MessageFacts) -> tuple[str, str]:
    """Return subject and text of a police referral, its update or its retraction; the police are not reminded."""
    languages = choose_languages(facts)
    titles = {
        SendingPart.FIRST: ("Referim për policinë", "Police referral"),
        SendingPart.UPDATE: ("Përditësim i referimit", "Update of the police referral"),
        SendingPart.RETRACTION: ("Tërheqje e referimit", "Retraction of the police referral"),
    }
    sq, en = titles[facts.part]
    if facts.is_danger and facts.part == SendingPart.FIRST:
        sq, en = f"URGJENTE – {sq}", f"URGENT – {en}"
    subject = write_subject(facts, languages, sq, en)
    if facts.part == SendingPart.RETRACTION:
        parts = [_RETRACTIONS[language](facts) for language in languages]
        parts.append(write_table(facts, languages))
    else:
        covers = _UPDATES if facts.part == SendingPart.UPDATE else _COVERS
        parts = [covers[language](facts) for language in languages]
        blocks = [_write_item(number, item, languages) for number, item in enumerate(facts.items, 1)]
        parts.append(join_words(languages, "FAKTET", "FACTS") + "\n\n" + "\n\n".join(blocks))
    return mark_practice(facts, subject, "\n\n--\n\n".join(parts) + "\n")


def write_partner_referral(facts: MessageFacts) -> tuple[str, str]:
    """Return subject and text of a referral to a partner hotline, or of what follows it; short and in English."""
    languages = ("en",)
    number = len(facts.items)
    if facts.part == SendingPart.RETRACTION:
        subject = write_subject(facts, languages, "", "Retraction of the partner referral")
        body = (
            f"We take back referral {facts.reference}, sent on {write_time(facts.first_sent_at)} under Article 117 of"
            " the Albanian Criminal Code, for the locations below: the decision that it rested on is under review or"
            " has changed. Nothing need be done any more because of it; please withdraw what you took over from it."
        )
    elif facts.part == SendingPart.UPDATE:
        subject = write_subject(facts, languages, "", f"Update {facts.number} of the partner referral")
        body = (
            f"We update referral {facts.reference}, sent on {write_time(facts.first_sent_at)} under Article 117 of"
            " the Albanian Criminal Code, for the locations below: their details have changed. What stands here takes"
            f" the place of what stood there; your own judgement decides.\n\n{_write_changes(facts, languages)}"
        )
    else:
        subject = write_subject(facts, languages, "", f"Partner referral – {number} URL")
        body = (
            f"{write_plain(facts.hotline.name)}, {write_plain(facts.hotline.org)}, refers {number} location(s) of child"
            f" sexual abuse material that are hosted in your country.\n{fill(write_basis_en(facts), 112)}\nPlease act"
            " under your own law: your own judgement decides. Tell us what became of it, quoting the reference."
        )
        if facts.part == SendingPart.REMINDER:
            body = f"Reminder {facts.number}.\n\n{body}"
    text = f"""Dear colleague,

{body}

Reference: {facts.reference}
Handling: TLP:RED. This message contains no images. We declare in good faith that the information is accurate and
complete to the best of our knowledge. To restore the locations replace hxxp with http and [.] with a dot.
Contact: {write_contact(facts.hotline)}. Analyst: {facts.analyst_code}.

--

{write_table(facts, languages)}
{_write_details(facts)}"""
    return mark_practice(facts, subject, text)


def _write_details(facts: MessageFacts) -> str:
    """Return the settled details for a partner, item by item; empty where none is, or all is taken back."""
    if facts.part == SendingPart.RETRACTION:
        return ""
    blocks = []
    for item in facts.items:
        lines = [] if item.detail is None else write_detail_lines(item.detail, ("en",))
        for place, image in enumerate(item.images, 1):
            found = [] if image.detail is None else write_detail_lines(image.detail, ("en",))
            if found:
                lines += [f"File {place}:", *(f"  {line}" for line in found)]
        if lines:
            blocks.append("\n".join([item.reference, *(f"  {line}" for line in lines)]))
    return "\nDetails, as our analysts settled them:\n\n" + "\n\n".join(blocks) + "\n" if blocks else ""


def _write_changes(facts: MessageFacts, languages: tuple[str, ...]) -> str:
    """Return what is another one than in the message before, item by item."""
    blocks = []
    for item in facts.items:
        lines = write_changed_lines(item.told_detail, item.detail, languages)
        for place, image in enumerate(item.images, 1):
            found = write_changed_lines(image.told_detail, image.detail, languages)
            if found:
                lines += [
                    f"{join_words(languages, 'Skedari', 'File')} {place}:",
                    *(f"  {line}" for line in found),
                ]
        if lines:
            blocks.append("\n".join([item.reference, *(f"  {line}" for line in lines)]))
    return join_words(languages, "NDRYSHIMET", "CHANGES") + "\n\n" + ("\n\n".join(blocks) or "–")


# Covers


def _write_cover_sq(facts: MessageFacts) -> str:
    urgent = "URGJENTE: një fëmijë mund të jetë në rrezik tani.\n\n" if facts.is_danger else ""
    held = (
        "Njoftimet për ofruesit dhe partnerët i kemi pezulluar për ju: presim fjalën tuaj. Ju lutemi na shkruani,"
        "\nme referencën, kur mund të vazhdojmë."
        if facts.is_held
        else "Njoftimet për heqje u dërgohen ofruesve dhe partnerëve pas këtij referimi. Nëse duhet të presin, na"
        "\nshkruani menjëherë."
    )
    return f"""{urgent}Të nderuar,

{write_plain(facts.hotline.name)}, {write_plain(facts.hotline.org)}, ju referon {_count_sq(facts)} sipas nenit
117 të Kodit Penal të Republikës së Shqipërisë.

Referenca: {facts.reference}
{held}

Adresat janë të çaktivizuara; për formën e saktë zëvendësoni hxxp me http dhe [.] me pikë. Të njëjtat fakte, me
adresat e sakta, janë në skedarin bashkëlidhur. Ky mesazh nuk përmban imazhe. Deklarojmë në mirëbesim se
informacioni është i saktë dhe i plotë sipas dijenisë sonë.
Kontakt: {write_contact(facts.hotline)}. Analisti: {facts.analyst_code}."""


def _write_cover_en(facts: MessageFacts) -> str:
    urgent = "URGENT: a child may be at risk now.\n\n" if facts.is_danger else ""
    held = (
        "We hold the notices to providers and partners back for you: we wait for your word. Please write to us,"
        "\nquoting the reference, when we may go on."
        if facts.is_held
        else "Notices that ask for removal go to providers and partners after this referral. Should they wait, write"
        "\nto us at once."
    )
    return f"""{urgent}To the police,

{write_plain(facts.hotline.name)}, {write_plain(facts.hotline.org)}, refers {len(facts.items)} item(s) to you under
Article 117 of the Albanian Criminal Code.

Reference: {facts.reference}
{held}

Locations are disarmed; to restore them replace hxxp with http and [.] with a dot. The same facts, with the exact
locations, are in the attached file. This message contains no images. We declare in good faith that the information
is accurate and complete to the best of our knowledge.
Contact: {write_contact(facts.hotline)}. Analyst: {facts.analyst_code}."""


def _count_sq(facts: MessageFacts) -> str:
    return "1 element" if len(facts.items) == 1 else f"{len(facts.items)} elemente"


def _write_retraction_sq(facts: MessageFacts) -> str:
    return f"""Të nderuar,

E tërheqim referimin {facts.reference}, të dërguar më {write_time(facts.first_sent_at)} sipas nenit 117
të Kodit Penal të Republikës së Shqipërisë, për elementet më poshtë:
vendimi mbi të cilin mbështetej po rishikohet ose është ndryshuar.
Nëse arrijmë në një vendim tjetër, do t'ju dërgojmë një referim të ri.

Ky mesazh nuk përmban imazhe. Kontakt: {write_contact(facts.hotline)}."""


def _write_retraction_en(facts: MessageFacts) -> str:
    return f"""To the police,

We take back referral {facts.reference}, sent on {write_time(facts.first_sent_at)} under Article 117 of the Albanian
Criminal Code, for the items below: the decision that it rested on is under review or has changed. Should we come to
another decision, we will send a new referral.

This message contains no images. Contact: {write_contact(facts.hotline)}."""


def _write_update_sq(facts: MessageFacts) -> str:
    return f"""Të nderuar,

E përditësojmë referimin {facts.reference}, të dërguar më {write_time(facts.first_sent_at)} sipas nenit 117
të Kodit Penal të Republikës së Shqipërisë, për elementet më poshtë: të dhënat e tyre kanë ndryshuar.

{_write_changes(facts, ("sq",))}

Ky mesazh nuk përmban imazhe. Kontakt: {write_contact(facts.hotline)}. Analisti: {facts.analyst_code}."""


def _write_update_en(facts: MessageFacts) -> str:
    return f"""To the police,

We update referral {facts.reference}, sent on {write_time(facts.first_sent_at)} under Article 117 of the Albanian
Criminal Code, for the items below: their details have changed.

{_write_changes(facts, ("en",))}

This message contains no images. Contact: {write_contact(facts.hotline)}. Analyst: {facts.analyst_code}."""


_COVERS = {"sq": _write_cover_sq, "en": _write_cover_en}
_UPDATES = {"sq": _write_update_sq, "en": _write_update_en}
_RETRACTIONS = {"sq": _write_retraction_sq, "en": _write_retraction_en}


# Facts


def _write_item(number: int, item: ItemFacts, languages: tuple[str, ...]) -> str:
    def row(sq: str, en: str, value: str) -> str:
        return f"   {join_words(languages, sq, en)}: {value}"

    lines = [
        f"{number}. {item.reference}",
        row("Vendi", "Location", write_location(item, languages)),
        row("Strehimi", "Hosting", _write_hosting(item, languages)),
        row("Parë së pari", "First seen", write_time(item.first_seen_at)),
        row("Kapur", "Captured", write_time(item.captured_at)),
        row("Verifikuar së fundi", "Last verified online", write_time(item.verified_at)),
        row("Vendimi", "Verdict", _write_verdict(item, languages)),
        row("Baza", "Basis", _write_item_basis(item, languages)),
    ]
    if item.detail is not None:
        lines += [f"   {line}" for line in write_detail_lines(item.detail, languages)]
    for place, image in enumerate(item.images, 1):
        lines += _write_image(place, image, languages)
    return "\n".join(lines)


def _write_hosting(item: ItemFacts, languages: tuple[str, ...]) -> str:
    if item.operator is None:
        return join_words(languages, "nuk është lokalizuar ende", "not located yet")
    network = f"AS{item.asn}" if item.asn is not None else "–"
    return f"{item.address or '–'}, {network}, {disarm_name(item.operator)}, {item.country or '–'}"


def _write_verdict(item: ItemFacts, languages: tuple[str, ...]) -> str:
    if item.basis == Basis.FACTS and item.images:
        return join_words(languages, "pa vendim, nuk e ka parë askush", "none, not viewed by anyone")
    return _write_word(item.is_baseline, languages)


def _write_word(baseline: bool | None, languages: tuple[str, ...]) -> str:
    if baseline is None:
        return join_words(languages, "pa vendim", "none")
    if baseline:
        return join_words(languages, "i paligjshëm, Baseline (INTERPOL)", "illegal, Baseline (INTERPOL)")
    return join_words(languages, "i paligjshëm sipas ligjit shqiptar", "illegal under Albanian law")


def _write_item_basis(item: ItemFacts, languages: tuple[str, ...]) -> str:
    if item.basis == Basis.LOOKED and not item.images:  # an address or text that was judged itself
        return join_words(
            languages,
            "vlerësuar nga analistët tanë, pa imazh këtu",
            "judged by our analysts, without an image here",
        )
    return _write_basis(item.basis, languages)


def _write_basis(basis: Basis, languages: tuple[str, ...]) -> str:
    words = {
        Basis.LOOKED: ("parë nga analistët tanë", "viewed by our analysts"),
        Basis.EXACT_HASH: (
            "gjurmë e saktë në një listë të besuar; konfirmuar pa e parë",
            "exact digest in a trusted list; confirmed without viewing",
        ),
        Basis.FACTS: (
            "vetëm faktet; nuk e ka parë askush",
            "facts alone; not viewed by anyone",
        ),
    }
    return join_words(languages, *words[basis])


def _write_image(place: int, image: ImageFacts, languages: tuple[str, ...]) -> list[str]:
    def row(sq: str, en: str, value: str) -> str:
        return f"     {join_words(languages, sq, en)}: {value}"

    lines = [f"   {join_words(languages, 'Skedari', 'File')} {place} ({image.media}, {image.bytes} B)"]
    for name, value in (
        ("SHA-256", image.sha256),
        ("SHA-1", image.sha1),
        ("MD5", image.md5),
        ("PDQ", image.pdq),
    ):
        lines.append(f"     {name}: {value or '–'}")
    lines.append(row("Vendimi", "Verdict", _write_word(image.baseline, languages)))
    lines.append(row("Baza", "Basis", _write_basis(image.basis, languages)))
    if image.detail is not None:
        lines += [f"     {line}" for line in write_detail_lines(image.detail, languages)]
    if image.lists:
        lines.append(row("Listat", "Lists", ", ".join(disarm_name(name) for name in image.lists)))
    judged_at = image.settled_at or image.assessed_at
    if image.basis == Basis.EXACT_HASH:
        lines.append(row("Konfirmuar", "Confirmed", write_time(judged_at)))
    elif image.basis == Basis.LOOKED:
        lines.append(row("Vlerësuar", "Assessed", write_time(judged_at)))
        if image.settled_at is None:
            lines.append(
                row("Shënim", "Note", join_words(languages, "një vlerësues deri tani", "one assessor so far"))
            )
    kept = join_words(languages, "ruhen të vulosura te ne", "kept by us, sealed")
    gone = join_words(languages, "nuk ruhen", "not kept")
    lines.append(row("Bajtet origjinale", "Original bytes", kept if image.is_kept else gone))
    return lines
