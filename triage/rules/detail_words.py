"""The settled detail in the words of a referral, in Albanian and English; drafts, as all words of messages.

Only what was said is written; what is open is left out. The words say what class a thing is of, never what it shows.
"""

from triage.rules.classification import FIELDS, Detail, is_said
from triage.rules.message_words import join_words

_NAMES: dict[str, tuple[str, str]] = {
    "severity_abc": ("Rëndësia (A, B, C)", "Severity (A, B, C)"),
    "age_band_youngest": ("Mosha e më të voglit", "Age of the youngest"),
    "maturity": ("Zhvillimi i më të voglit", "Development of the youngest"),
    "sex": ("Gjinia", "Sex"),
    "origin": ("Origjina", "Origin"),
    "recording": ("Regjistrimi", "Recording"),
    "victim_known": ("Identifikimi i fëmijëve", "Identification of the children"),
    "language_clues": ("Gjuhët", "Languages"),
    "site_type": ("Lloji i faqes", "Kind of site"),
    "commerciality": ("Shitja", "Commerciality"),
    "payment": ("Pagesa", "Payment"),
}
_ANSWERS: dict[str, tuple[str, str]] = {
    "infant": ("foshnjë", "infant"),
    "prepubescent": ("para pubertetit", "prepubescent"),
    "pubescent": ("në pubertet", "pubescent"),
    "female": ("vajza", "female"),
    "male": ("djem", "male"),
    "both": ("vajza dhe djem", "both"),
    "real": ("fëmijë të vërtetë", "real children"),
    "computer_generated": ("e bërë me kompjuter", "made by computer"),
    "ai_generated": ("e bërë me inteligjencë artificiale", "made by AI"),
    "manipulated_real": ("e vërtetë, e ndryshuar", "real, manipulated"),
    "drawn": ("e vizatuar", "drawn"),
    "contact_unknown": (
        "me dikë tjetër, rrethana të panjohura",
        "with somebody else, circumstances not known",
    ),
    "child_alone_device": ("fëmija vetëm me një pajisje", "child alone with a device"),
    "livestream_capture": ("marrë nga një transmetim i drejtpërdrejtë", "taken from a live stream"),
    "hidden_camera": ("kamerë e fshehur", "hidden camera"),
    "identified": ("të identifikuar", "identified"),
    "unidentified": ("të paidentifikuar", "not identified"),
    "website": ("faqe interneti", "website"),
    "file_host": ("strehim skedarësh", "file host"),
    "image_store": ("ruajtje imazhesh", "image store"),
    "image_board": ("tabelë imazhesh", "image board"),
    "image_host": ("strehim imazhesh", "image host"),
    "forum": ("forum", "forum"),
    "blog": ("blog", "blog"),
    "social_network": ("rrjet social", "social network"),
    "banner_site": ("faqe reklamash", "banner site"),
    "link_site": ("faqe lidhjesh", "link site"),
    "redirector": ("ridrejtues", "redirector"),
    "search_provider": ("shërbim kërkimi", "search provider"),
    "web_archive": ("arkiv uebi", "web archive"),
    "not_applicable": ("pa faqe", "no site"),
    "commercial": ("me pagesë", "commercial"),
    "non_commercial": ("pa pagesë", "not commercial"),
    "amex": ("American Express", "American Express"),
    "bitcoin": ("Bitcoin", "Bitcoin"),
    "diners": ("Diners Club", "Diners Club"),
    "email": ("e-mail", "e-mail"),
    "liberty_reserve": ("Liberty Reserve", "Liberty Reserve"),
    "mastercard": ("Mastercard", "Mastercard"),
    "paypal": ("PayPal", "PayPal"),
    "sms": ("SMS", "SMS"),
    "visa": ("Visa", "Visa"),
    "western_union": ("Western Union", "Western Union"),
    "other": ("tjetër", "other"),
    "none": ("asgjë nuk paguhet", "nothing is paid"),
}
"""Answer → its words; severities, years and languages are the same in both."""


def write_detail_lines(detail: Detail, languages: tuple[str, ...]) -> list[str]:
    """Return one line an answer, without indent; none for what is open."""
    return [
        f"{join_words(languages, *_NAMES[name])}: {_write_value(getattr(detail, name), languages)}"
        for name in FIELDS
        if is_said(getattr(detail, name))
    ]


def write_changed_lines(before: Detail | None, after: Detail | None, languages: tuple[str, ...]) -> list[str]:
    """Return one line for each answer that is another one now, with what it was; a dash for what is open."""
    if after is None:
        return []
    was = join_words(languages, "më parë", "before")
    lines = []
    for name in FIELDS:
        old, new = getattr(before or Detail(), name), getattr(after, name)
        if old != new:
            now, then = (_write_value(one, languages) if is_said(one) else "–" for one in (new, old))
            lines.append(f"{join_words(languages, *_NAMES[name])}: {now} ({was}: {then})")
    return lines


def _write_value(value: str | tuple[str, ...], languages: tuple[str, ...]) -> str:
    answers = value if isinstance(value, tuple) else (value,)
    return ", ".join(
        join_words(languages, *_ANSWERS[one]) if one in _ANSWERS else str(one) for one in answers
    )
