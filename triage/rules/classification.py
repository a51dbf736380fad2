"""The detail of an illegal picture or item: a neutral record, which other bodies' vocabularies are mapped from.

Each answer can stay open, and most may: what cannot be told is said so, never guessed. Two facts of the record are
not asked, since they stand elsewhere: the medium is that of the file, and an urgent risk is the danger that an
assessor ticked. What is of the site (its type, whether it sells, how it is paid) counts only for the item on whose
page it was said, because one picture may stand on many.

Where two agree on a label the answers of the second win where given, so that nobody asks for them twice.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any
from uuid import UUID

from triage.errors import InvalidReportError


class Severity(StrEnum):
    """The scale A, B, C of the United Kingdom and the IWF; the gravest that is seen."""

    A = "A"
    B = "B"
    C = "C"
    UNDETERMINED = "undetermined"


class AgeBand(StrEnum):
    """How old the youngest child appears, in years."""

    FROM_0 = "0-2"
    FROM_3 = "3-6"
    FROM_7 = "7-10"
    FROM_11 = "11-13"
    FROM_14 = "14-15"
    FROM_16 = "16-17"
    UNKNOWN = "unknown"


class Maturity(StrEnum):
    """How far the youngest child appears to be developed."""

    INFANT = "infant"
    PREPUBESCENT = "prepubescent"
    PUBESCENT = "pubescent"
    UNKNOWN = "unknown"


class Sex(StrEnum):
    """Of the children."""

    FEMALE = "female"
    MALE = "male"
    BOTH = "both"
    UNDETERMINED = "undetermined"


class Origin(StrEnum):
    """Whether real children are shown, and if not, how it was made."""

    REAL = "real"
    COMPUTER_GENERATED = "computer_generated"
    AI_GENERATED = "ai_generated"
    MANIPULATED_REAL = "manipulated_real"
    DRAWN = "drawn"
    UNDETERMINED = "undetermined"


class Recording(StrEnum):
    """How it was recorded, as far as it shows."""

    CONTACT_UNKNOWN = "contact_unknown"
    CHILD_ALONE_DEVICE = "child_alone_device"
    LIVESTREAM_CAPTURE = "livestream_capture"
    HIDDEN_CAMERA = "hidden_camera"
    UNKNOWN = "unknown"


class VictimKnown(StrEnum):
    """Whether the police know who the children are."""

    IDENTIFIED = "identified"
    UNIDENTIFIED = "unidentified"
    UNKNOWN = "unknown"


class SiteType(StrEnum):
    """What kind of site the item stands on."""

    WEBSITE = "website"
    FILE_HOST = "file_host"
    IMAGE_STORE = "image_store"
    IMAGE_BOARD = "image_board"
    IMAGE_HOST = "image_host"
    FORUM = "forum"
    BLOG = "blog"
    SOCIAL_NETWORK = "social_network"
    BANNER_SITE = "banner_site"
    LINK_SITE = "link_site"
    REDIRECTOR = "redirector"
    SEARCH_PROVIDER = "search_provider"
    WEB_ARCHIVE = "web_archive"
    NOT_APPLICABLE = "not_applicable"
    UNKNOWN = "unknown"


class Commerciality(StrEnum):
    """Whether access is sold."""

    COMMERCIAL = "commercial"
    NON_COMMERCIAL = "non_commercial"
    UNDETERMINED = "undetermined"


class Payment(StrEnum):
    """How access is paid."""

    AMEX = "amex"
    BITCOIN = "bitcoin"
    DINERS = "diners"
    EMAIL = "email"
    LIBERTY_RESERVE = "liberty_reserve"
    MASTERCARD = "mastercard"
    PAYPAL = "paypal"
    SMS = "sms"
    VISA = "visa"
    WESTERN_UNION = "western_union"
    OTHER = "other"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Detail:
    """The neutral record of one picture or item, as one person or the settled verdict has it.

    Attributes:
        language_clues: ISO 639 codes in small letters, sorted, at most MAX_LANGUAGES.
        payment: sorted; empty where nothing was said.
    """

    severity_abc: Severity = Severity.UNDETERMINED
    age_band_youngest: AgeBand = AgeBand.UNKNOWN
    maturity: Maturity = Maturity.UNKNOWN
    sex: Sex = Sex.UNDETERMINED
    origin: Origin = Origin.UNDETERMINED
    recording: Recording = Recording.UNKNOWN
    victim_known: VictimKnown = VictimKnown.UNKNOWN
    language_clues: tuple[str, ...] = ()
    site_type: SiteType = SiteType.UNKNOWN
    commerciality: Commerciality = Commerciality.UNDETERMINED
    payment: tuple[Payment, ...] = ()


CHOICES: dict[str, type[StrEnum]] = {
    "severity_abc": Severity,
    "age_band_youngest": AgeBand,
    "maturity": Maturity,
    "sex": Sex,
    "origin": Origin,
    "recording": Recording,
    "victim_known": VictimKnown,
    "site_type": SiteType,
    "commerciality": Commerciality,
    "payment": Payment,
}
"""Field → what may be said in it; the languages are free."""

SITE_FIELDS = frozenset({"site_type", "commerciality", "payment"})
"""What is of the site, not of the picture."""

FIELDS = tuple(spec.name for spec in fields(Detail))
PREFIX = "detail_"
"""Before the name of each field of a form."""
MAX_LANGUAGES = 8
_OPEN = frozenset({"undetermined", "unknown"})
_TOGETHER = (
    frozenset({"age_band_youngest", "maturity"}),
    frozenset({"commerciality", "payment"}),
)
"""What must fit together is taken from one person only."""
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_BETWEEN = re.compile(r"[\s,;]+")


def is_said(value: object) -> bool:
    """Whether an answer says something."""
    return bool(value) and value not in _OPEN


def read_detail(form: Mapping[str, str]) -> Detail | None:
    """Return what a form says in its detail panel; None where nothing was chosen in it.

    Args:
        form: name of a field → its value; several values are joined by commas.

    Raises:
        InvalidReportError: a value is none of those that may be said.
    """
    given = {name: form[PREFIX + name].strip() for name in FIELDS if form.get(PREFIX + name, "").strip()}
    if not given:
        return None
    return replace(Detail(), **{name: _read_answer(name, text) for name, text in given.items()})


def _read_answer(name: str, text: str) -> Any:
    if name == "language_clues":
        return _read_languages(text)
    choices = CHOICES[name]
    try:
        if name == "payment":
            return tuple(sorted({Payment(one) for one in text.split(",")}))
        return choices(text)
    except ValueError:
        raise InvalidReportError("The form cannot be read.") from None


def _read_languages(text: str) -> tuple[str, ...]:
    codes = sorted({one for one in _BETWEEN.split(text.lower()) if one})
    if len(codes) > MAX_LANGUAGES or not all(_LANGUAGE.fullmatch(one) for one in codes):
        raise InvalidReportError("Write at most 8 languages, each as a code such as sq or en.")
    return tuple(codes)


# What several persons said


@dataclass(frozen=True, slots=True)
class Word:
    """One person's detail.

    Attributes:
        item_id: the item on whose page it was given.
        label: the label that it came with; None when it was given once the verdict was settled.
    """

    detail: Detail
    item_id: UUID
    label: int | None


def merge_details(before: Detail, after: Detail) -> Detail:
    """Return both in one: what the second says wins where it says anything."""
    said = {name for name in FIELDS if is_said(getattr(after, name))}
    for group in _TOGETHER:
        if said & group:
            said |= group
    return replace(before, **{name: getattr(after, name) for name in said})


def settle_detail(words: Sequence[Word], deciding: int, item_id: UUID) -> Detail | None:
    """Return the settled detail of a picture as one item shows it, or of an item itself; None where none counts.

    Args:
        words: first, second, lead, then those given later, oldest first.
        deciding: the label that settled it; what came with another one does not count.
        item_id: of the item; what others said of their site does not count for it.
    """
    settled: Detail | None = None
    for word in words:
        if word.label not in (None, deciding):
            continue
        before = settled or Detail()
        # What is given later was written over what stood there, so it stands as a whole.
        after = word.detail if word.label is None else merge_details(before, word.detail)
        site = after if word.item_id == item_id else before
        settled = replace(after, **{name: getattr(site, name) for name in sorted(SITE_FIELDS)})
    return settled
