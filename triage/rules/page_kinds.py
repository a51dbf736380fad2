"""What an answer is when it is not what was reported: parked, a wall, gone, shut to us, or a list of links."""

from dataclasses import dataclass
from enum import StrEnum


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
        other_sites: number of distinct sites (`sites.find_site`) that links lead to, its own not counted.
        pictures: distinct pictures that were found on it.
        scripts: number of script elements.
    """

    title: str = ""
    text: str = ""
    password_fields: int = 0
    form_fields: int = 0
    links: int = 0
    other_sites: int = 0
    pictures: int = 0
    scripts: int = 0
