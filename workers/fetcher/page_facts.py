"""The facts of a page by which `triage/rules/page_kinds.py` tells what kind of page it is."""

import html
import re

from triage.rules.page_kinds import PageFacts
from triage.rules.sites import find_site
from workers.fetcher.page_tags import PageTags

MAX_TITLE_CHARACTERS = 300
MAX_SAMPLE_CHARACTERS = 6000
MAX_LINKS = 10_000

_NOT_FILLED_IN = frozenset({"hidden", "submit", "button", "image", "reset"})
_AUTHORITY = re.compile(r"(?:https?:)?[/\\]{2}(?:[^/\\?#@]{0,300}@)?([^/\\?#:\s]{1,255})", re.IGNORECASE)
_LEADS_NOWHERE = re.compile(r"#|(?!https?:)[a-z][a-z0-9+.-]{0,30}:", re.IGNORECASE)


def gather_facts(page: PageTags, host: str, pictures: int) -> PageFacts:
    """Count and cut what a page says of itself.

    Args:
        page: its tags and texts.
        host: of the page's own address.
        pictures: distinct pictures that were found on it.
    """
    passwords = fields = 0
    links: set[str] = set()
    for tag in page.tags:
        if tag.name == "input":
            kind = (tag.attributes.get("type") or "text").strip().lower()
            passwords += kind == "password"
            fields += kind not in _NOT_FILLED_IN
        elif tag.name in {"textarea", "select"}:
            fields += 1
        elif tag.name in {"a", "area"} and len(links) < MAX_LINKS:
            href = (tag.attributes.get("href") or "").strip()
            if href and not _LEADS_NOWHERE.match(href):
                links.add(href[:2048].partition("#")[0])
    sites = [find_site(name) for name in _list_hosts(links)]
    own = find_site(host)
    return PageFacts(
        title=_tidy(page.title or "", MAX_TITLE_CHARACTERS),
        text=_tidy(" ".join(page.texts), MAX_SAMPLE_CHARACTERS).lower()[:MAX_SAMPLE_CHARACTERS],
        password_fields=passwords,
        form_fields=fields,
        links=len(links),
        links_away=sum(site != own for site in sites),
        other_sites=len(set(sites) - {own}),
        pictures=pictures,
        scripts=page.scripts,
    )


def _list_hosts(links: set[str]) -> list[str]:
    found = (_AUTHORITY.match(link) for link in links)
    return [match[1].lower() for match in found if match is not None]


def _tidy(raw: str, most: int) -> str:
    """Resolve character references, fold white space, drop what cannot be printed, cut."""
    folded = " ".join(html.unescape(raw[: 8 * most]).split())[:most]
    return "".join(sign if sign.isprintable() else " " for sign in folded).strip()
