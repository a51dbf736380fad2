"""The words of a notice to who hosts it: first message, reminder and retraction, in Albanian and English.

Drafts: the hotline's lawyer and a native editor read them before the first real one. A notice holds no
link to follow: the answer comes as a reply that quotes the reference. It says no more of what was found
than the article of the law and the classification.
"""

from textwrap import fill

from triage.rules.message_facts import MessageFacts
from triage.rules.message_words import (
    choose_languages,
    find_judged_at,
    has_one_assessor,
    has_unlisted,
    is_all_baseline,
    is_mixed,
    list_names,
    mark_practice,
    write_contact,
    write_plain,
    write_subject,
    write_table,
    write_time,
)
from triage.rules.states import Basis, SendingPart

_WIDTH = 112


def write_notice(facts: MessageFacts) -> tuple[str, str]:
    """Return subject and text of a notice, of a reminder of it, or of its retraction."""
    languages = choose_languages(facts)
    number = len(facts.items)
    titles = {
        SendingPart.FIRST: ("Njoftim për heqje", "Notice and takedown request"),
        SendingPart.REMINDER: (
            f"Kujtesë {facts.number} e njoftimit",
            f"Reminder {facts.number} of the notice",
        ),
        SendingPart.RETRACTION: ("Tërheqje e njoftimit", "Retraction of the notice"),
    }
    sq, en = titles[facts.part]
    subject = write_subject(facts, languages, sq, en) + f" – {number} URL"
    writers = {
        SendingPart.FIRST: (_write_first_sq, _write_first_en),
        SendingPart.REMINDER: (_write_reminder_sq, _write_reminder_en),
        SendingPart.RETRACTION: (_write_retraction_sq, _write_retraction_en),
    }
    in_sq, in_en = writers[facts.part]
    parts = [{"sq": in_sq, "en": in_en}[language](facts) for language in languages]
    text = "\n\n--\n\n".join([*parts, write_table(facts, languages)]) + "\n"
    return mark_practice(facts, subject, text)


def write_basis_sq(facts: MessageFacts) -> str:
    """Say in Albanian on what the judgement stands; what nobody viewed is never called assessed."""
    at = write_time(find_judged_at(facts))
    baseline = is_all_baseline(facts)
    law = "nenit 117 të Kodit Penal të Republikës së Shqipërisë"
    lists = list_names(facts)
    ours = "listën tonë të materialit të gjetur më parë të paligjshëm"
    where = f"listën e besuar {lists}" if lists else ours
    if lists and has_unlisted(facts):
        where += f" ose në {ours}"
    if facts.basis == Basis.EXACT_HASH:
        more = ' Ai plotëson kriterin ndërkombëtar "Baseline" të INTERPOL-it.' if baseline else ""
        return (
            f"Gjurma kriptografike (hash) e skedarit gjendet saktësisht në {where}. Një analist yni e konfirmoi"
            f" këtë më {at}, pa e parë materialin. Mbi këtë bazë ai është i paligjshëm sipas {law}.{more}"
        )
    who = "Një analist yni e vlerësoi" if has_one_assessor(facts) else "Analistët tanë e vlerësuan"
    more = ' dhe sipas kriterit ndërkombëtar "Baseline" të INTERPOL-it' if baseline else ""
    part = (
        f" Një pjesë e tij nuk u pa: gjurma e saj gjendet saktësisht në {where}." if is_mixed(facts) else ""
    )
    return f"{who} (së fundi më {at}) si të paligjshëm sipas {law}{more}.{part}"


def write_basis_en(facts: MessageFacts) -> str:
    """Say in English on what the judgement stands; what nobody viewed is never called assessed."""
    at = write_time(find_judged_at(facts))
    baseline = is_all_baseline(facts)
    law = "Article 117 of the Albanian Criminal Code"
    lists = list_names(facts)
    ours = "our own list of material that was found illegal before"
    where = f"the trusted list {lists}" if lists else ours
    if lists and has_unlisted(facts):
        where += f" or in {ours}"
    if facts.basis == Basis.EXACT_HASH:
        more = " It meets the INTERPOL Baseline criteria." if baseline else ""
        return (
            f"The cryptographic digest of the file is exactly that of an entry in {where}. An analyst of"
            f" ours confirmed this on {at}, without viewing the material. On this basis it is"
            f" illegal under {law}.{more}"
        )
    who = "One of our analysts assessed it" if has_one_assessor(facts) else "Our analysts assessed it"
    more = ", and as meeting the INTERPOL Baseline criteria" if baseline else ""
    part = (
        f" Part of it was not viewed: its digest is exactly that of an entry in {where}."
        if is_mixed(facts)
        else ""
    )
    return f"{who} (last on {at}) as illegal under {law}{more}.{part}"


def _name_network(facts: MessageFacts) -> str:
    numbers = sorted({item.asn for item in facts.items if item.asn is not None})
    return f" ({', '.join(f'AS{number}' for number in numbers)})" if numbers else ""


def _write_first_sq(facts: MessageFacts) -> str:
    hotline = facts.hotline
    police = (
        f"Policia e Shtetit është njoftuar më {write_time(facts.police_sent_at)}.\n"
        if facts.police_sent_at
        else ""
    )
    return f"""Të nderuar,

{write_plain(hotline.name)}, {write_plain(hotline.org)}, anëtare e rrjetit INHOPE, ju njofton se në rrjetin ose
shërbimin tuaj{_name_network(facts)} gjendet material i abuzimit seksual të fëmijëve.
{fill(write_basis_sq(facts), _WIDTH)}

Referenca: {facts.reference}

Adresat janë në fund të këtij mesazhi, të çaktivizuara me qëllim; për formën e saktë zëvendësoni hxxp me http
dhe [.] me pikë. Format e sakta janë në skedarët bashkëlidhur.

Ju kërkojmë:
 1. ta hiqni materialin ose ta bëni të paaksesueshëm sa më shpejt dhe jo më vonë se
    {write_time(facts.asked_until)};
 2. të mos e hapni, kopjoni apo shpërndani më tepër se ç'është e domosdoshme për heqjen;
 3. të ruani të dhënat teknike (regjistrat, llogarinë, pagesat) për organet ligjzbatuese; urdhrin detyrues e jep
    vetëm prokuroria ose policia;
 4. të mos njoftoni përdoruesin para se të merrni udhëzim nga policia;
 5. të konfirmoni marrjen dhe veprimin duke iu përgjigjur këtij mesazhi me referencën {facts.reference}.

{police}Ky mesazh nuk përmban imazhe. Deklarojmë në mirëbesim se informacioni është i saktë dhe i plotë sipas dijenisë
sonë. Nëse materiali nuk gjendet më te ju, na tregoni operatorin e ri.
Kontakt: {write_contact(hotline)}. Analisti: {facts.analyst_code}."""


def _write_first_en(facts: MessageFacts) -> str:
    hotline = facts.hotline
    police = (
        f"The Albanian State Police were informed on {write_time(facts.police_sent_at)}.\n"
        if facts.police_sent_at
        else ""
    )
    return f"""Dear colleague,

{write_plain(hotline.name)}, {write_plain(hotline.org)}, member of INHOPE, notifies you that child sexual abuse
material is available on your network or service{_name_network(facts)}.
{fill(write_basis_en(facts), _WIDTH)}

Reference: {facts.reference}

The locations are at the end of this message, disarmed on purpose; to restore them replace hxxp with http and
[.] with a dot. The exact forms are in the attached files.

Please:
 1. remove the material or disable access to it without delay and no later than
    {write_time(facts.asked_until)};
 2. do not view, copy or share it beyond what the removal needs;
 3. preserve technical data (logs, account, payments) for law enforcement; a binding order comes only from the
    prosecutor or the police;
 4. do not alert the user before you have advice from the police;
 5. confirm receipt and action by replying to this message, quoting {facts.reference}.

{police}This message contains no images. We declare in good faith that the information is accurate and complete to the
best of our knowledge. If the material is no longer with you, tell us the new operator.
Contact: {write_contact(hotline)}. Analyst: {facts.analyst_code}."""


def _write_reminder_sq(facts: MessageFacts) -> str:
    return f"""Të nderuar,

Kujtesë {facts.number}: materiali i njoftimit {facts.reference}, që ju dërguam më {write_time(facts.first_sent_at)},
ishte ende i aksesueshëm më {write_time(facts.last_online_at)}. Ai është i paligjshëm sipas nenit 117 të Kodit
Penal të Republikës së Shqipërisë.

Ju kërkojmë ta hiqni ose ta bëni të paaksesueshëm jo më vonë se {write_time(facts.asked_until)}, të mos e hapni,
kopjoni apo shpërndani, të ruani të dhënat teknike për organet ligjzbatuese, të mos njoftoni përdoruesin dhe të na
përgjigjeni me referencën {facts.reference}. Për formën e saktë të adresave zëvendësoni hxxp me http dhe [.] me pikë.

Ky mesazh nuk përmban imazhe. Kontakt: {write_contact(facts.hotline)}. Analisti: {facts.analyst_code}."""


def _write_reminder_en(facts: MessageFacts) -> str:
    return f"""Dear colleague,

Reminder {facts.number}: the material of notice {facts.reference}, which we sent on {write_time(facts.first_sent_at)},
was still available on {write_time(facts.last_online_at)}. It is illegal under Article 117 of the Albanian
Criminal Code.

Please remove it or disable access to it no later than {write_time(facts.asked_until)}, do not view, copy or share
it, preserve technical data for law enforcement, do not alert the user, and reply to us quoting {facts.reference}. To
restore the locations replace hxxp with http and [.] with a dot.

This message contains no images. Contact: {write_contact(facts.hotline)}. Analyst: {facts.analyst_code}."""


def _write_retraction_sq(facts: MessageFacts) -> str:
    return f"""Të nderuar,

E tërheqim njoftimin {facts.reference}, të dërguar më {write_time(facts.first_sent_at)} sipas nenit 117
të Kodit Penal të Republikës së Shqipërisë, për adresat më poshtë:
vendimi mbi të cilin mbështetej po rishikohet ose është ndryshuar.

Për këto adresa nuk keni më asgjë për të bërë për shkak të atij njoftimi: as heqje, as ruajtje të dhënash, as
përgjigje. Nëse arrijmë në një vendim tjetër, do t'ju dërgojmë një njoftim të ri. Kërkojmë ndjesë për shqetësimin.

Ky mesazh nuk përmban imazhe. Për formën e saktë të adresave zëvendësoni hxxp me http dhe [.] me pikë.
Kontakt: {write_contact(facts.hotline)}."""


def _write_retraction_en(facts: MessageFacts) -> str:
    return f"""Dear colleague,

We take back notice {facts.reference}, sent on {write_time(facts.first_sent_at)} under Article 117 of the
Albanian Criminal Code, for the locations below: the decision that it rested on is under review or has changed.

For these locations nothing need be done any more because of that notice: no removal, no preservation of data, no
answer. Should we come to another decision, we will send a new notice. We apologise for the trouble.

This message contains no images. To restore the locations replace hxxp with http and [.] with a dot.
Contact: {write_contact(facts.hotline)}."""
