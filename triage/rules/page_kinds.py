"""What an answer is when it is not what was reported: parked, a wall, gone, shut to us, or a list of links.

1. `page_phrases.py` holds what such pages say, in the languages that are common here.
2. One function a kind looks at phrases, numbers and addresses; a page that shows pictures or says much is none of them.
3. `_JUDGES` is the order in which they are asked.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from triage.rules.fetch_failures import find_by_status
from triage.rules.page_phrases import (
    AGE,
    CONSENT,
    GONE,
    GONE_TITLE,
    LOGIN,
    PARKED,
    PARKING_SITES,
    SHUT,
    SHUT_PLACES,
    SHUT_WORDS,
)
from triage.rules.sites import find_site
from triage.rules.urls import split_url


class PageKind(StrEnum):
    """The kinds, as `captures.page_kind` holds them."""

    PARKED = "parked"
    LOGIN_WALL = "login_wall"
    CONSENT_WALL = "consent_wall"
    SOFT_404 = "soft_404"
    GEO_BLOCK = "geo_block"
    LINK_LIST = "link_list"


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What the fetcher saw of a page, as plain values; a stranger's words, never shown as anything but text.

    Attributes:
        title: of the document, at most 300 characters, white space folded.
        text: the first 6 000 characters of what a reader would see, white space folded, lower case.
        password_fields: number of password inputs.
        form_fields: number of inputs that a person fills in.
        links: number of links that lead to another address.
        links_away: number of those that lead to another site.
        other_sites: number of distinct sites (`sites.find_site`) that links lead to, its own not counted.
        pictures: distinct pictures that were found on it.
        scripts: number of script elements.
    """

    title: str = ""
    text: str = ""
    password_fields: int = 0
    form_fields: int = 0
    links: int = 0
    links_away: int = 0
    other_sites: int = 0
    pictures: int = 0
    scripts: int = 0


WORDS: dict[PageKind, str] = {
    PageKind.PARKED: "a parked page",
    PageKind.LOGIN_WALL: "a login wall",
    PageKind.CONSENT_WALL: "a consent wall",
    PageKind.SOFT_404: "a page that says it is gone",
    PageKind.GEO_BLOCK: "a page shut to our country",
    PageKind.LINK_LIST: "a link list",
}
"""Each kind as a person reads it."""


def describe_kind(kind: PageKind, facts: PageFacts | None) -> str:
    """Return a kind in words; a link list with its numbers, where they are known."""
    if kind is PageKind.LINK_LIST and facts is not None:
        return f"a link list: {facts.links_away} links to {facts.other_sites} other sites"
    return WORDS[kind]


def hides_content(kind: PageKind) -> bool:
    """Whether what was reported may lie behind such a page: it is never closed or believed by itself."""
    return kind is not PageKind.LINK_LIST


@dataclass(frozen=True, slots=True)
class _Page:
    """What the judges look at; addresses are empty where they cannot be read."""

    facts: PageFacts
    status: int
    asked: str
    asked_site: str
    final: str
    final_host: str
    final_site: str

    @property
    def title(self) -> str:
        return self.facts.title.lower()

    @property
    def words(self) -> str:
        """Title and text."""
        return f"{self.title} \n {self.facts.text}"

    def is_small(self, *, text: int, pictures: int, links: int) -> bool:
        """Say whether the page says and shows no more than this."""
        facts = self.facts
        return len(facts.text) <= text and facts.pictures <= pictures and facts.links <= links


def judge_page(facts: PageFacts, *, status: int, asked_url: str, final_url: str) -> PageKind | None:
    """Tell the kind of a page that is not what was reported.

    Args:
        facts: what the fetcher saw.
        status: HTTP status, 100-599.
        asked_url: the address that was reported, in normal form.
        final_url: the address that answered.

    Returns:
        None for a page that may well be what was reported, for one that is gone by its status, and for one whose
        status may pass: of those two only a geo-block is told.
    """
    asked_host, asked = _split(asked_url)
    final_host, final = _split(final_url)
    page = _Page(facts, status, asked, find_site(asked_host), final, final_host, find_site(final_host))
    by_status = judge_answer(status)
    if by_status is PageKind.GEO_BLOCK:
        return by_status
    if status in _GONE or find_by_status(status) is not None:
        return PageKind.GEO_BLOCK if _is_geo_block(page) else None
    return next((kind for kind, is_kind in _JUDGES if is_kind(page)), by_status)


def judge_answer(status: int) -> PageKind | None:
    """Tell what an answer is by its status alone.

    Args:
        status: HTTP status, 100-599.
    """
    return _BY_STATUS.get(status)


def _split(url: str) -> tuple[str, str]:
    """Return host, and path with query; the host is empty where the address is in no normal form."""
    try:
        parts = split_url(url)
    except (KeyError, ValueError):
        return "", "/"
    return parts.host.lower(), parts.target


def _says(text: str, phrases: tuple[str, ...]) -> bool:
    return any(phrase in text for phrase in phrases)


def _is_geo_block(page: _Page) -> bool:
    if not page.is_small(text=2500, pictures=5, links=60):
        return False
    if _says(page.words, SHUT):
        return True
    return page.status in {200, 403} and _says(page.words, SHUT_WORDS) and _says(page.words, SHUT_PLACES)


def _is_parked(page: _Page) -> bool:
    if not 200 <= page.status < 300 or page.facts.password_fields:
        return False
    was_sent_away = page.final_site != page.asked_site
    has_moved_aside = page.final_site == page.asked_site and _PARKING_HOST.match(page.final_host) is not None
    if (was_sent_away and page.final_site in PARKING_SITES) or (has_moved_aside and page.facts.pictures <= 5):
        return True
    return page.is_small(text=1500, pictures=5, links=25) and _says(page.words, PARKED)


def _is_soft_404(page: _Page) -> bool:
    if not 200 <= page.status < 300:
        return False
    if _was_sent_to_front(page):
        # Walls send their visitors to the front too.
        return not (_is_login_wall(page) or _is_consent_wall(page))
    facts = page.facts
    segments = [segment.strip(" .!?:…") for segment in _TITLE_JOINTS.split(page.title)]
    if any(GONE_TITLE.fullmatch(segment) for segment in segments):
        return facts.pictures <= 5 and len(facts.text) <= 4000
    if not page.is_small(text=900, pictures=5, links=40):
        return False
    return _says(page.title, GONE) or _says(facts.text if len(facts.text) <= 500 else facts.text[:200], GONE)


def _was_sent_to_front(page: _Page) -> bool:
    """Say whether a deep address of a site was answered by its front page, or by its page for what is missing."""
    is_same = page.asked_site == page.final_site and page.asked_site != ""
    if not is_same or _RETURN_QUERY.search(page.final) or _FRONT_PATH.fullmatch(page.asked.partition("?")[0]):
        return False
    return page.final != page.asked and bool(
        _FRONT_PATH.fullmatch(page.final.partition("?")[0]) or _MISSING_PATH.search(page.final)
    )


def _is_login_wall(page: _Page) -> bool:
    facts = page.facts
    was_sent = page.final != page.asked and _LOGIN_PATH.search(page.final.partition("?")[0]) is not None
    if was_sent and not _LOGIN_PATH.search(page.asked) and page.is_small(text=4000, pictures=8, links=150):
        return facts.password_fields > 0 or _RETURN_QUERY.search(page.final) is not None
    if page.is_small(text=4000, pictures=5, links=80) and _says(page.words, LOGIN):
        return True
    return facts.password_fields > 0 and page.is_small(text=1500, pictures=5, links=40)


def _is_consent_wall(page: _Page) -> bool:
    if page.is_small(text=2500, pictures=3, links=60) and _says(page.words, AGE):
        return True
    is_elsewhere = page.final != page.asked and _CONSENT_PLACE.search(f"{page.final_host}{page.final}")
    consents = sum(_says(page.words, group) for group in CONSENT)
    if is_elsewhere and page.facts.pictures <= 5 and consents > 0:
        return True
    return page.is_small(text=1500, pictures=2, links=25) and consents > 1


def _is_link_list(page: _Page) -> bool:
    facts = page.facts
    return (
        page.status < 400
        and facts.links_away >= 20
        and 2 * facts.links_away >= facts.links
        and 4 * facts.pictures <= facts.links_away
    )


_JUDGES: tuple[tuple[PageKind, Callable[[_Page], bool]], ...] = (
    (PageKind.GEO_BLOCK, _is_geo_block),
    (PageKind.PARKED, _is_parked),
    (PageKind.SOFT_404, _is_soft_404),
    (PageKind.LOGIN_WALL, _is_login_wall),
    (PageKind.CONSENT_WALL, _is_consent_wall),
    (PageKind.LINK_LIST, _is_link_list),
)
"""The first that fits; what may be mistaken for another comes after it."""

_GONE = frozenset({404, 410})
_BY_STATUS = {
    401: PageKind.LOGIN_WALL,  # credentials are asked for
    403: PageKind.LOGIN_WALL,  # the server knows of it and shows it to others (RFC 9110)
    407: PageKind.LOGIN_WALL,
    451: PageKind.GEO_BLOCK,  # unavailable for legal reasons (RFC 7725)
    511: PageKind.LOGIN_WALL,  # a network's own sign-in
}

_TITLE_JOINTS = re.compile(r"\s[-–—|·•»:]+\s|[|•»]")
_PARKING_HOST = re.compile(r"ww[0-9]{1,3}\.")  # where parking networks send the visitors of a name
_FRONT_PATH = re.compile(
    r"/(?:[a-z]{2}(?:[-_][a-z]{2,4})?/?)?(?:(?:index|default|home|main)(?:\.[a-z]{2,5})?/?)?", re.IGNORECASE
)
_MISSING_PATH = re.compile(
    r"/(?:404|error-?404|not[-_]?found|page[-_]not[-_]found|removed|deleted)\b", re.IGNORECASE
)
_LOGIN_PATH = re.compile(
    r"/(?:log[-_]?in|sign[-_]?in|signup|sign[-_]up|auth|sso|accounts?/login|users?/sign_in|wp-login\.php|hyrje|accedi"
    r"|prijava|anmelden|connexion|iniciar-sesion|vhod)(?:[./?]|$)",
    re.IGNORECASE,
)
_RETURN_QUERY = re.compile(
    r"[?&](?:next|return|return_?(?:to|url)|redirect(?:_?(?:to|uri|url))?|continue|service|from|back|referer|dest|url|r)=",
    re.IGNORECASE,
)
_CONSENT_PLACE = re.compile(
    r"^consent\.|/(?:consent|age[-_]?(?:gate|check|verif\w*)|cookie[-_]?wall)\b", re.IGNORECASE
)
