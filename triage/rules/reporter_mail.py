"""The mail to a reporter who asked for one: the same coarse word as the receipt tells, and nothing of the report.

No link, no code, no address of what was reported: whoever else reads the mailbox learns that somebody wrote to us.
The Albanian texts are DRAFTS.
"""

from datetime import date, datetime, timedelta

from triage.rules.receipts import TIRANE, ReceiptStatus

ADDRESS_KEPT = timedelta(days=180)
"""How long an address is kept at most."""

SUBJECTS: dict[str, str] = {"sq": "Njoftim", "en": "An update"}
"""Language → subject; it says nothing to who looks over a shoulder."""

_WORDS: dict[str, dict[ReceiptStatus, str]] = {
    "sq": {
        ReceiptStatus.RECEIVED: "U pranua",
        ReceiptStatus.BEING_CHECKED: "Po kontrollohet",
        ReceiptStatus.CLOSED: "U mbyll",
    },
    "en": {
        ReceiptStatus.RECEIVED: "Received",
        ReceiptStatus.BEING_CHECKED: "Being checked",
        ReceiptStatus.CLOSED: "Closed",
    },
}
_TEXTS: dict[str, str] = {
    "sq": (
        "Kërkuat një njoftim për raportimin tuaj.\n\nRaportimi: {word}.\n\n"
        "Këtu nuk tregojmë vendimin.{last} Nëse nuk e kërkuat ju, nuk keni pse bëni asgjë.\n\n"
        "Nëse një fëmijë është në rrezik tani, telefononi {police} ose {helpline}.\n"
    ),
    "en": (
        "You asked for news of your report.\n\nThe report: {word}.\n\n"
        "We do not tell the decision here.{last} If it was not you who asked, you need not do anything.\n\n"
        "If a child is in danger right now, call {police} or {helpline}.\n"
    ),
}
_LAST = {
    "sq": " Ky është njoftimi i fundit; adresën tuaj e fshimë.",
    "en": " This is the last mail; we have deleted your address.",
}
_PRACTICE = "PRAKTIKË / PRACTICE"


def find_mail_day(now: datetime) -> date:
    """Return the day in Albania on which a mail counts."""
    return now.astimezone(TIRANE).date()


def write_reporter_mail(
    language: str, word: ReceiptStatus, *, police_phone: str, helpline_phone: str, is_practice: bool
) -> tuple[str, str]:
    """Return subject and text of a mail.

    Args:
        language: sq or en.
        word: what the receipt tells too.
    """
    text = _TEXTS[language].format(
        word=_WORDS[language][word],
        last=_LAST[language] if word is ReceiptStatus.CLOSED else "",
        police=police_phone,
        helpline=helpline_phone,
    )
    if is_practice:
        return f"{_PRACTICE}: {SUBJECTS[language]}", f"{_PRACTICE}\n\n{text}"
    return SUBJECTS[language], text
