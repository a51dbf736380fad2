"""What a person searches items by, read from one box and some fields: a reference, an address, a host, an operator.

1. A reference looks like `IS-7K2M-9QXT`; its first letters tell whether it is an item's, a report's or a message's.
2. An address has a path; it is made normal as reports are, defanged or not, and looked for exactly, by http and https.
3. A host alone, or an ending such as `.al`, stands for itself and all below it.
4. `AS64496` or a word is an operator, by its number or by how its name begins.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar
from zoneinfo import ZoneInfo

from triage.errors import InvalidReportError, InvalidUrlError
from triage.rules.states import ItemState, Lane
from triage.rules.urls import normalise_url

FIELDS = ("q", "host", "operator", "since", "until", "state", "lane")
MAX_TEXT = 2100
MAX_FIELD = 253
_TIRANE = ZoneInfo("Europe/Tirane")
_REFERENCE = re.compile(r"[A-Z]{1,2}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}")
_ASN = re.compile(r"AS ?([0-9]{1,10})", re.IGNORECASE)
_HOST = re.compile(r"\*?(?:[^\W]|[-.]|\[[.]\]|\([.]\))+|\[[0-9a-f:.]+\]", re.IGNORECASE)
_DATE = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.(20[0-9]{2})")
_DOTS = re.compile(r"\[(?:\.|dot)\]|\(\.\)", re.IGNORECASE)
_MAX_ASN = 2**32 - 1
T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class SearchTerms:
    """What is searched; None leaves a term out.

    Attributes:
        reference: of an item, a report or a message.
        url_keys: SHA-256 of the normal forms of an address, hex; any of them.
        host: this host and all below it, lower-case A-labels, an IPv4 address, or an IPv6 one in brackets.
        operator: how the name of who hosts it begins, in lower case.
        since: taken. until: not taken.
    """

    reference: str | None = None
    url_keys: tuple[str, ...] | None = None
    host: str | None = None
    asn: int | None = None
    operator: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    state: ItemState | None = None
    lane: Lane | None = None

    def name_main(self) -> str:
        """Return by what kind of term is searched first, as the chain of custody says it; never the term."""
        for name, value in (
            ("reference", self.reference),
            ("url", self.url_keys),
            ("host", self.host),
            ("operator", self.asn if self.asn is not None else self.operator),
        ):
            if value is not None:
                return name
        return "none"

    def count(self) -> int:
        """Return how many terms there are."""
        operator = self.asn if self.asn is not None else self.operator
        terms = (
            self.reference,
            self.url_keys,
            self.host,
            operator,
            self.since,
            self.until,
            self.state,
            self.lane,
        )
        return sum(term is not None for term in terms)


def read_terms(typed: Mapping[str, str]) -> SearchTerms:
    """Return what the fields say; all of them together must fit.

    Args:
        typed: each of FIELDS, as it was typed.

    Raises:
        InvalidReportError: a field cannot be read; the message does not repeat it.
    """
    said = {name: typed.get(name, "").strip() for name in FIELDS}
    if len(said["q"]) > MAX_TEXT or any(len(said[name]) > MAX_FIELD for name in FIELDS[1:]):
        raise InvalidReportError("The search is too long.")
    reference, keys, host, asn, operator = _read_box(said["q"])
    if said["host"]:
        host = _agree(host, read_host(said["host"]))
    if said["operator"]:
        number, name = _read_operator(said["operator"])
        asn, operator = _agree(asn, number), _agree(operator, name)
    until = _read_date(said["until"])
    return SearchTerms(
        reference=reference,
        url_keys=keys,
        host=host,
        asn=asn,
        operator=operator,
        since=_read_date(said["since"]),
        until=_end_of(until) if until else None,
        state=_choose(ItemState, said["state"]),
        lane=_choose(Lane, said["lane"]),
    )


def read_host(text: str) -> str:
    """Return a host, or the ending of one, as stored items have it.

    Args:
        text: `example.al`, `.al`, `*.example[.]al`, an address in numbers.

    Raises:
        InvalidReportError: it is none.
    """
    plain = _DOTS.sub(".", text).strip().lower().removeprefix("*").strip(".")
    is_ending = plain and "." not in plain and ":" not in plain
    try:
        found = normalise_url(f"http://{'x.' if is_ending else ''}{plain}/")
    except InvalidUrlError:
        raise InvalidReportError("This is no host.") from None
    if found.url.partition("://")[2] not in (f"{found.host}/", f"[{found.host}]/") or "@" in plain:
        raise InvalidReportError("This is no host.")
    host = found.host.removeprefix("x.") if is_ending else found.host
    return f"[{host}]" if ":" in host else host


_Box = tuple[str | None, tuple[str, ...] | None, str | None, int | None, str | None]


def _read_box(text: str) -> _Box:
    """Return reference, keys, host, ASN and operator; at most one of them is there."""
    if not text:
        return None, None, None, None, None
    if _REFERENCE.fullmatch(text.upper()):
        return text.upper(), None, None, None, None
    if _ASN.fullmatch(text):
        return None, None, None, _read_operator(text)[0], None
    if "/" in text:
        return None, _read_keys(text), None, None, None
    if _HOST.fullmatch(text) and ("." in text or ":" in text):
        return None, None, read_host(text), None, None
    return None, None, None, None, _read_operator(text)[1]


def _read_keys(text: str) -> tuple[str, ...]:
    try:
        found = normalise_url(text)
        scheme, _, rest = found.url.partition("://")
        other = normalise_url(f"{'https' if scheme == 'http' else 'http'}://{rest}")
    except InvalidUrlError as error:
        raise InvalidReportError(str(error)) from None
    return found.key, other.key


def _read_operator(text: str) -> tuple[int | None, str | None]:
    number = _ASN.fullmatch(text)
    if number is None:
        if not text.isprintable():
            raise InvalidReportError("The search cannot be read.")
        return None, text.lower()
    if not 1 <= int(number[1]) <= _MAX_ASN:
        raise InvalidReportError("An AS number is 1 to 4294967295.")
    return int(number[1]), None


def _agree(one: T | None, other: T | None) -> T | None:
    """Return the term that two fields say.

    Raises:
        InvalidReportError: they say two different ones.
    """
    if one is not None and other is not None and one != other:
        raise InvalidReportError("Two fields say different things of the same.")
    return other if one is None else one


def _read_date(text: str) -> datetime | None:
    """Return the midnight in Tiranë with which a day begins, `22.11.2025`."""
    if not text:
        return None
    found = _DATE.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        return datetime(int(found[3]), int(found[2]), int(found[1]), tzinfo=_TIRANE)
    except ValueError:
        raise InvalidReportError("A day is written as 22.11.2025.") from None


def _end_of(day: datetime) -> datetime:
    """Return the midnight with which a local day ends; a day of a change of the clock has 23 or 25 hours."""
    return day + timedelta(days=1)


def _choose(kind: type[E], text: str) -> E | None:
    if not text:
        return None
    try:
        return kind(text)
    except ValueError:
        raise InvalidReportError("The search cannot be read.") from None
