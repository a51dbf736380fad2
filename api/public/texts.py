"""Every text of the public form, in Albanian first and in English.

The Albanian texts are DRAFTS until a native editor has read them. They use the hotline's own words where it
has some ("raportim", "dhunë seksuale ndaj fëmijëve", "gjuhë e urrejtjes", "Linja Kombëtare e Këshillimit për
Fëmijë"). Words for the reporter never say what a file shows.
"""

from typing import Literal

Language = Literal["sq", "en"]

LANGUAGES: dict[Language, str] = {"sq": "Shqip", "en": "English"}
"""Languages with their own names, the default first."""

DRAFT_LANGUAGES: frozenset[Language] = frozenset({"sq"})
"""Languages whose texts wait for a native editor."""

EXIT_URL = "https://www.google.com/search?q=moti"
"""Where "exit this page" leads: a search for the weather. Only a reporter's own click calls it."""

NOTE_MAX_LENGTH = 4000
"""Most characters of the note."""

REMITS = ("csam", "csem", "hate_speech", "other")
"""Values of the field `remit`, in the order of the form."""

DANGERS = ("yes", "no", "unknown")
"""Values of the field `danger`, in the order of the form."""

TEXTS: dict[Language, dict[str, str]] = {
    "sq": {
        "site_name": "Linja e raportimit",
        "page_title": "Formular",
        "skip": "Kalo te përmbajtja",
        "language_label": "Gjuha",
        "exit": "Dil nga kjo faqe",
        "exit_hint": "“Dil nga kjo faqe” ju çon te një kërkim për motin. Historiku nuk fshihet.",
        "draft": "Teksti shqip është draft.",
        "heading": "Raporto në mënyrë anonime",
        "intro": "Na jepni adresën e faqes. Asgjë tjetër nuk është e detyrueshme. Nuk ju kërkojmë emrin.",
        "never_save": "Mos e ruani, mos e fotografoni ekranin dhe mos ia dërgoni askujt. Mjafton adresa.",
        "errors_heading": "Raportimi nuk u dërgua ende",
        "urls_label": "Adresa e faqes ose e fotos (URL)",
        "urls_hint": "Mund të shkruani disa adresa, një në çdo rresht.",
        "remit_label": "Çfarë po raportoni?",
        "remit_csam": "Foto ose video me dhunë seksuale ndaj fëmijëve",
        "remit_csem": "Dikush që josh, shantazhon ose shfrytëzon një fëmijë në internet",
        "remit_hate_speech": "Gjuhë e urrejtjes",
        "remit_other": "Diçka tjetër",
        "danger_label": "A është një fëmijë në rrezik tani?",
        "danger_yes": "Po",
        "danger_no": "Jo",
        "danger_unknown": "Nuk e di",
        "danger_heading": "Nëse një fëmijë është në rrezik tani, telefononi",
        "danger_go_on": "Ju lutemi dërgojeni edhe raportimin.",
        "police": "Policia e Shtetit",
        "helpline": "ALO 116-111, Linja Kombëtare e Këshillimit për Fëmijë",
        "help_heading": "Ndihmë me telefon",
        "note_label": "Çfarë duhet të dimë tjetër? (sipas dëshirës)",
        "note_hint": "Mos shkruani emrin tuaj, nëse doni të mbeteni anonim.",
        "file_label": "Dosje (sipas dëshirës)",
        "file_hint": "Vetëm nëse e keni tashmë në pajisjen tuaj. Mos shkarkoni asgjë për të na e dërguar.",
        "trap_label": "Lëreni bosh",
        "send": "Dërgo raportimin",
        "unreadable_heading": "Këta rreshta nuk u lexuan si adresë",
        "line": "Rreshti",
        "receipt_heading": "Raportimi u pranua",
        "receipt_label": "Kodi juaj",
        "receipt_hint": "Shkruajeni ose printojeni. Nuk mund ta japim përsëri.",
        "receipt_use": "Me këtë kod shihni si po ecën raportimi.",
        "receipt_next": "Raportimi lexohet nga një person. Nuk keni pse bëni asgjë tjetër.",
        "report_again": "Bëni një raportim tjetër",
        "status_link": "Shihni si po ecën një raportim",
        "status_heading": "Si po ecën raportimi",
        "status_label": "Kodi i raportimit",
        "status_hint": "Kodi ka 13 shenja, p.sh. XXXX-XXXX-XXXXX.",
        "status_ask": "Shiko",
        "status_received": "U pranua",
        "status_being_checked": "Po kontrollohet",
        "status_closed": "U mbyll",
        "status_coarse": "Këtu nuk tregojmë vendimin.",
        "error_heading": "Kjo nuk funksionoi",
        "error_400": "Kërkesa nuk u lexua. Provoni përsëri nga formulari.",
        "error_404": "Kjo faqe nuk ekziston.",
        "error_413": "Raportimi është më i madh se sa lejohet.",
        "error_429": "Po vijnë shumë raportime. Provoni përsëri pas pak minutash.",
        "error_500": "Gabimi është yni. Raportimi nuk u ruajt. Provoni përsëri pas pak.",
        "error_back": "Kthehu te formulari",
        "field_urls_missing": "Shkruani të paktën një adresë, ose tregoni në shënim çfarë ka ndodhur.",
        "field_urls_unreadable": "Asnjë rresht nuk u lexua si adresë. Kontrolloni rreshtat.",
        "field_urls_many": "Këto janë më shumë adresa se sa lejohen në një raportim.",
        "field_remit_unknown": "Zgjidhni njërën nga mundësitë.",
        "field_danger_unknown": "Zgjidhni njërën nga mundësitë.",
        "field_note_long": "Shënimi është më i gjatë se 4000 shenja.",
        "field_file_large": "Dosja është më e madhe se sa lejohet.",
        "field_receipt_unknown": "Nuk ka raportim me këtë kod. Kontrolloni çdo shenjë.",
        "reason_long": "adresa është më e gjatë se 2048 bajt",
        "reason_blank": "adresa ka një hapësirë ose një shenjë të padukshme",
        "reason_scheme": "pranohen vetëm adresa http dhe https",
        "reason_port": "porta e adresës nuk është numër nga 1 deri në 65535",
        "reason_host": "emri i faqes në adresë nuk lexohet",
        "reason_no_dot": "emri i faqes në adresë nuk ka pikë",
        "reason_other": "kjo nuk është adresë interneti",
    },
    "en": {
        "site_name": "Reporting line",
        "page_title": "Form",
        "skip": "Skip to the main part",
        "language_label": "Language",
        "exit": "Exit this page",
        "exit_hint": "“Exit this page” leads to a search for the weather. Your history is not wiped.",
        "draft": "",
        "heading": "Report anonymously",
        "intro": "Give us the address of the page. Nothing else is required. We do not ask for your name.",
        "never_save": "Do not save, screenshot or forward it. The address is enough.",
        "errors_heading": "The report has not been sent yet",
        "urls_label": "Address of the page or picture (URL)",
        "urls_hint": "You can write several addresses, one on each line.",
        "remit_label": "What are you reporting?",
        "remit_csam": "Pictures or videos of child sexual abuse",
        "remit_csem": "Somebody who grooms, blackmails or exploits a child online",
        "remit_hate_speech": "Hate speech",
        "remit_other": "Something else",
        "danger_label": "Is a child in danger right now?",
        "danger_yes": "Yes",
        "danger_no": "No",
        "danger_unknown": "I do not know",
        "danger_heading": "If a child is in danger right now, call",
        "danger_go_on": "Please send the report as well.",
        "police": "State Police",
        "helpline": "ALO 116-111, the national counselling line for children",
        "help_heading": "Help by telephone",
        "note_label": "What else should we know? (optional)",
        "note_hint": "Do not write your name if you want to stay anonymous.",
        "file_label": "File (optional)",
        "file_hint": "Only if you already have it on your device. Do not download anything to send it to us.",
        "trap_label": "Leave empty",
        "send": "Send the report",
        "unreadable_heading": "These lines could not be read as an address",
        "line": "Line",
        "receipt_heading": "The report has been received",
        "receipt_label": "Your code",
        "receipt_hint": "Write it down or print it. We cannot give it again.",
        "receipt_use": "With this code you can see how the report is going.",
        "receipt_next": "A person reads the report. You need not do anything more.",
        "report_again": "Make another report",
        "status_link": "See how a report is going",
        "status_heading": "How the report is going",
        "status_label": "Code of the report",
        "status_hint": "The code has 13 characters, as in XXXX-XXXX-XXXXX.",
        "status_ask": "Show",
        "status_received": "Received",
        "status_being_checked": "Being checked",
        "status_closed": "Closed",
        "status_coarse": "We do not show the decision here.",
        "error_heading": "That did not work",
        "error_400": "The request could not be read. Try again from the form.",
        "error_404": "There is no such page.",
        "error_413": "The report is larger than allowed.",
        "error_429": "Many reports are coming in. Try again in a few minutes.",
        "error_500": "The fault is ours. The report was not kept. Try again shortly.",
        "error_back": "Back to the form",
        "field_urls_missing": "Write at least one address, or tell us in the note what happened.",
        "field_urls_unreadable": "No line could be read as an address. Check the lines.",
        "field_urls_many": "These are more addresses than one report may hold.",
        "field_remit_unknown": "Choose one of these.",
        "field_danger_unknown": "Choose one of these.",
        "field_note_long": "The note is longer than 4,000 characters.",
        "field_file_large": "The file is larger than allowed.",
        "field_receipt_unknown": "There is no report with this code. Check each character.",
        "reason_long": "the address is longer than 2,048 bytes",
        "reason_blank": "the address holds a blank or a control character",
        "reason_scheme": "only http and https addresses are accepted",
        "reason_port": "the port of the address is not a number from 1 to 65535",
        "reason_host": "the host name of the address cannot be read",
        "reason_no_dot": "the host name of the address has no dot",
        "reason_other": "this is not a web address",
    },
}
"""Language → key → text."""

_REASONS = {text: key for key, text in TEXTS["en"].items() if key.startswith("reason_")}


def choose_language(wanted: str | None, accept_language: str | None = None) -> Language:
    """Return the language of a page.

    Args:
        wanted: value of `lang` in the query or the form; it wins if we have it.
        accept_language: value of the Accept-Language header; only its order is read.

    Returns:
        Albanian unless the reporter or the browser asks for English first.
    """
    for tag in [wanted or "", *(accept_language or "").split(",")]:
        primary = tag.partition(";")[0].strip().lower().partition("-")[0]
        if primary == "sq":
            return "sq"
        if primary == "en":
            return "en"
    return "sq"


def translate_reason(language: Language, reason: str) -> str:
    """Say in a language why a line is no address.

    Args:
        language: language of the page.
        reason: the message of an InvalidUrlError.

    Returns:
        The reason in that language; a reason without a translation becomes "this is not a web address".
    """
    return TEXTS[language][_REASONS.get(reason, "reason_other")]
