"""THE table of the detail: what each neutral answer is called by ICCAM, by the IWF and in XARF, or that it is not.

ICCAM ids are those of its version 3, as an open-source client of it sends them (read 2024-05); confirm them with
INHOPE before the first exchange. The IWF's scale and age bands are those of its annual report of 2023. XARF
(version 4.2) has the four classes of NCMEC: a letter for how old, a number for how grave. Where a vocabulary has no
word for an answer, None says so, and nothing is put in its place.

INHOPE's Universal Classification Schema is a fourth vocabulary. Its labels are not public, so they come in a file
(`triage/tables/ucs.json` is empty).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from triage.rules.classification import (
    CHOICES,
    FIELDS,
    AgeBand,
    Commerciality,
    Detail,
    Maturity,
    Origin,
    Payment,
    Recording,
    Severity,
    Sex,
    SiteType,
    VictimKnown,
    is_said,
)


@dataclass(frozen=True, slots=True)
class Codes:
    """What one answer is called elsewhere; None where a vocabulary has no word for it.

    Attributes:
        iccam: field of an assessment or report → id.
        xarf: the letter (A, B) or the number (1, 2) of its classification.
    """

    iccam: tuple[str, int] | None = None
    iwf: str | None = None
    xarf: str | None = None


_AGE, _SEX = "ageCategorization", "genderCategorization"
_VIRTUAL, _BY_USER = "virtualContentCategorization", "userGeneratedContentCategorization"
_SITE, _SOLD, _PAID = "sourceUrlSiteType", "sourceUrlCommerciality", "sourceUrlPaymentMethods"

CODES: Mapping[tuple[str, str], Codes] = MappingProxyType(
    {
        ("severity_abc", Severity.A): Codes(iwf="A", xarf="1"),
        ("severity_abc", Severity.B): Codes(iwf="B", xarf="1"),
        ("severity_abc", Severity.C): Codes(iwf="C", xarf="2"),
        ("severity_abc", Severity.UNDETERMINED): Codes(),
        # ICCAM knows no years. A band stands for a stage where there is no doubt; from 11 to 13 there is.
        ("age_band_youngest", AgeBand.FROM_0): Codes((_AGE, 2), "0-2", "A"),
        ("age_band_youngest", AgeBand.FROM_3): Codes((_AGE, 3), "3-6", "A"),
        ("age_band_youngest", AgeBand.FROM_7): Codes((_AGE, 3), "7-10", "A"),
        ("age_band_youngest", AgeBand.FROM_11): Codes(iwf="11-13"),
        ("age_band_youngest", AgeBand.FROM_14): Codes((_AGE, 4), "14-15", "B"),
        ("age_band_youngest", AgeBand.FROM_16): Codes((_AGE, 4), "16-17", "B"),
        ("age_band_youngest", AgeBand.UNKNOWN): Codes((_AGE, 1)),
        ("maturity", Maturity.INFANT): Codes((_AGE, 2), xarf="A"),
        ("maturity", Maturity.PREPUBESCENT): Codes((_AGE, 3), xarf="A"),
        ("maturity", Maturity.PUBESCENT): Codes((_AGE, 4), xarf="B"),
        ("maturity", Maturity.UNKNOWN): Codes((_AGE, 1)),
        ("sex", Sex.FEMALE): Codes((_SEX, 2), "girls"),
        ("sex", Sex.MALE): Codes((_SEX, 3), "boys"),
        ("sex", Sex.BOTH): Codes((_SEX, 4), "both"),
        ("sex", Sex.UNDETERMINED): Codes((_SEX, 1), "unidentified"),
        # Of what was made of a picture of a real child ICCAM's yes or no does not say which it is.
        ("origin", Origin.REAL): Codes((_VIRTUAL, 0)),
        ("origin", Origin.COMPUTER_GENERATED): Codes((_VIRTUAL, 1)),
        ("origin", Origin.AI_GENERATED): Codes((_VIRTUAL, 1)),
        ("origin", Origin.MANIPULATED_REAL): Codes(),
        ("origin", Origin.DRAWN): Codes((_VIRTUAL, 1)),
        ("origin", Origin.UNDETERMINED): Codes(),
        # ICCAM asks only whether a child recorded it alone.
        ("recording", Recording.CONTACT_UNKNOWN): Codes(),
        ("recording", Recording.CHILD_ALONE_DEVICE): Codes((_BY_USER, 1)),
        ("recording", Recording.LIVESTREAM_CAPTURE): Codes(),
        ("recording", Recording.HIDDEN_CAMERA): Codes((_BY_USER, 0)),
        ("recording", Recording.UNKNOWN): Codes(),
        ("victim_known", VictimKnown.IDENTIFIED): Codes(),
        ("victim_known", VictimKnown.UNIDENTIFIED): Codes(),
        ("victim_known", VictimKnown.UNKNOWN): Codes(),
        ("site_type", SiteType.WEBSITE): Codes((_SITE, 2)),
        ("site_type", SiteType.FILE_HOST): Codes((_SITE, 3)),
        ("site_type", SiteType.IMAGE_STORE): Codes((_SITE, 4)),
        ("site_type", SiteType.IMAGE_BOARD): Codes((_SITE, 5)),
        ("site_type", SiteType.FORUM): Codes((_SITE, 6)),
        ("site_type", SiteType.BANNER_SITE): Codes((_SITE, 7)),
        ("site_type", SiteType.LINK_SITE): Codes((_SITE, 8)),
        ("site_type", SiteType.SOCIAL_NETWORK): Codes((_SITE, 9)),
        ("site_type", SiteType.REDIRECTOR): Codes((_SITE, 10)),
        ("site_type", SiteType.WEB_ARCHIVE): Codes((_SITE, 11)),
        ("site_type", SiteType.SEARCH_PROVIDER): Codes((_SITE, 18)),
        ("site_type", SiteType.IMAGE_HOST): Codes((_SITE, 20)),
        ("site_type", SiteType.BLOG): Codes((_SITE, 22)),
        ("site_type", SiteType.NOT_APPLICABLE): Codes((_SITE, 24)),
        ("site_type", SiteType.UNKNOWN): Codes(),  # version 3 takes no "not determined" here
        ("commerciality", Commerciality.UNDETERMINED): Codes((_SOLD, 1)),
        ("commerciality", Commerciality.COMMERCIAL): Codes((_SOLD, 2)),
        ("commerciality", Commerciality.NON_COMMERCIAL): Codes((_SOLD, 3)),
        ("payment", Payment.AMEX): Codes((_PAID, 2)),
        ("payment", Payment.DINERS): Codes((_PAID, 3)),
        ("payment", Payment.MASTERCARD): Codes((_PAID, 4)),
        ("payment", Payment.PAYPAL): Codes((_PAID, 5)),
        ("payment", Payment.VISA): Codes((_PAID, 6)),
        ("payment", Payment.WESTERN_UNION): Codes((_PAID, 7)),
        ("payment", Payment.OTHER): Codes((_PAID, 8)),
        ("payment", Payment.NONE): Codes((_PAID, 9)),
        ("payment", Payment.SMS): Codes((_PAID, 10)),
        ("payment", Payment.EMAIL): Codes((_PAID, 11)),
        ("payment", Payment.LIBERTY_RESERVE): Codes((_PAID, 12)),
        ("payment", Payment.BITCOIN): Codes((_PAID, 13)),
    }
)
"""Field and answer → what it is called elsewhere; every answer stands here."""

ICCAM_NO_PAYMENT = (_PAID, 1)
"""Of a payment of which nothing was said."""

ICCAM_CLASSIFICATION = MappingProxyType({"baseline": 1, "national": 2})
"""Our verdict → ICCAM's classification."""

_PHOTOGRAPHED = frozenset({Origin.REAL, Origin.UNDETERMINED})
"""Origins for which the four classes of NCMEC are meant; it keeps what a machine made apart."""
XARF_GRAVEST_FIRST = ("A1", "A2", "B1", "B2")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """INHOPE's Universal Classification Schema, as far as the hotline was given it.

    Attributes:
        version: as INHOPE names it; None while there is none.
        codes: field and neutral answer → its code.
    """

    version: str | None = None
    codes: Mapping[tuple[str, str], str] = field(default_factory=dict)


NO_VOCABULARY = Vocabulary()


def list_answers() -> list[tuple[str, str]]:
    """Return every neutral answer there is: field and value; languages are free and have none."""
    return [(name, one.value) for name, choices in CHOICES.items() for one in choices]


def find_iccam(detail: Detail) -> dict[str, int | list[int]]:
    """Return the ICCAM ids of a record, by ICCAM's names; what it has no word for is left out.

    The stage of development speaks before the years, which ICCAM does not know.
    """
    found: dict[str, int | list[int]] = {}
    for name in FIELDS:
        value = getattr(detail, name)
        for one in (value if isinstance(value, tuple) else (value,)) if name in CHOICES else ():
            code = CODES[name, one].iccam
            if code is None:
                continue
            iccam_name, number = code
            if iccam_name == _PAID:
                paid = found.setdefault(_PAID, [])
                if isinstance(paid, list):
                    paid.append(number)
            elif iccam_name not in found or is_said(value):
                found[iccam_name] = number
    found.setdefault(_PAID, [ICCAM_NO_PAYMENT[1]])
    return found


def find_xarf(details: Sequence[Detail]) -> str | None:
    """Return the gravest of NCMEC's four classes for which age and severity both speak; None without one."""
    found = {code for code in map(_find_xarf_of_one, details) if code is not None}
    return next((code for code in XARF_GRAVEST_FIRST if code in found), None)


def _find_xarf_of_one(detail: Detail) -> str | None:
    if detail.origin not in _PHOTOGRAPHED:
        return None
    letter = (
        CODES["maturity", detail.maturity].xarf or CODES["age_band_youngest", detail.age_band_youngest].xarf
    )
    number = CODES["severity_abc", detail.severity_abc].xarf
    return letter + number if letter and number else None


def describe_detail(
    detail: Detail, *, verdict: str | None, media: str | None, is_urgent: bool, vocabulary: Vocabulary
) -> dict[str, Any]:
    """Return a settled record as documents carry it: in neutral words, with ICCAM ids and UCS codes.

    Args:
        verdict: baseline or national; None where nothing is settled yet.
        media: of the file; None for an item itself.
        is_urgent: an assessor ticked that a child may be at risk.
    """
    neutral: dict[str, Any] = {}
    for name in FIELDS:
        value = getattr(detail, name)
        neutral[name] = list(value) if isinstance(value, tuple) else value
    described: dict[str, Any] = {
        **neutral,
        "media": media,
        "urgent_ongoing_risk": is_urgent,
        "iccam": find_iccam(detail),
    }
    if verdict is not None:
        described["iccam"]["classification"] = ICCAM_CLASSIFICATION[verdict]
    if vocabulary.version is not None:
        said = [(name, one) for name in CHOICES for one in _list_values(detail, name)]
        codes = sorted({vocabulary.codes[answer] for answer in said if answer in vocabulary.codes})
        described["ucs"] = {"version": vocabulary.version, "codes": codes}
    return described


def _list_values(detail: Detail, name: str) -> tuple[str, ...]:
    value = getattr(detail, name)
    return value if isinstance(value, tuple) else (value,)
