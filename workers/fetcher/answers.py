"""What the fetcher process says, checked: every field of every hop and of every page is a stranger's word.

A process that a server took over could say anything; what passes here has the shape, the size and the range of a true
answer, and no address in it is one that the policy would not have let it dial.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from triage.errors import CaptureFailedError, CaptureRefusedError, InvalidUrlError
from triage.rules.exits import DIRECT, Exit
from triage.rules.fetch_failures import FAILURES, FetchFailure
from triage.rules.page_kinds import PageFacts
from triage.rules.urls import normalise_link, split_url
from workers.dialling.exits import Exits
from workers.dialling.policy import Network, check_address, check_host, check_port, is_numeric
from workers.dialling.practice_names import PracticeNames
from workers.fetcher.data_urls import MAX_ALL_EMBEDDED_BYTES, MAX_EMBEDDED_BYTES
from workers.fetcher.headers import MAX_VALUE_CHARACTERS, RECORDED
from workers.fetcher.trust import ALL_FAULTS
from workers.fetcher.wire import FetchLimits, FetchOrder, Hop

MAX_TYPE_CHARACTERS = 127
MAX_WORDS_CHARACTERS = 200
MAX_TITLE_CHARACTERS = 300
MAX_TEXT_CHARACTERS = 6000
MAX_COUNT = 10_000_000
_RECORDED_NAMES = frozenset(name for name, _ in RECORDED)


class WrongAnswerError(Exception):
    """The process gave an answer that cannot be right."""


@dataclass(frozen=True, slots=True)
class FetchedPage:
    """What an HTML page holds.

    Attributes:
        pictures: normal URLs, best first, at most the limit.
        embedded: files that the page carries inside its text.
        found: all distinct ones, taken or not.
        is_complete: False when not all of it, or of its frames, could be looked through: then a person must look.
        facts: what a reader would see of it.
    """

    pictures: tuple[str, ...] = ()
    embedded: tuple[bytes, ...] = ()
    found: int = 0
    is_complete: bool = False
    facts: PageFacts = field(default_factory=PageFacts)


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """What one fetch brought.

    Attributes:
        final_url: normal URL of the last answer.
        status: its HTTP status, 100-599; an error status is a captured fact, not a failure.
        hops: every answer in order, the last one included; at least one.
        addresses: the addresses dialled, in order, without repetitions; none where an exit resolved the name.
        content_type: media type without parameters, lower case; empty when there was none.
        body: decompressed bytes, at most the limit.
        elapsed_ms: milliseconds from first to last byte.
        exit_name: the way out of the last request.
        page: what it holds, when it is an HTML page by its type or, without one, by its first bytes, or sends its
            reader on; else None.
        frame_hops: the answers of its frames, in their order.
    """

    final_url: str
    status: int
    hops: tuple[Hop, ...]
    addresses: tuple[str, ...]
    content_type: str
    body: bytes
    elapsed_ms: int
    exit_name: str = DIRECT
    page: FetchedPage | None = None
    frame_hops: tuple[Hop, ...] = ()


@dataclass(frozen=True, slots=True)
class AnswerChecker:
    """Checks the answers to one deployment's fetcher.

    Attributes:
        limits, exits, practice, inside: what the process was started with.
    """

    limits: FetchLimits
    exits: Exits
    practice: PracticeNames
    inside: tuple[Network, ...]

    def raise_failure(self, answer: Mapping[str, Any], order: FetchOrder) -> None:
        """Raise what the process says went wrong, with the hops that answered before, if it says so.

        Raises:
            CaptureRefusedError, CaptureFailedError: as it says.
            WrongAnswerError: it names a failure that there is not, or hops that cannot be.
        """
        error: CaptureRefusedError | CaptureFailedError
        if "refused" in answer:
            error = CaptureRefusedError(tidy_words(answer["refused"]))
        elif "failed" in answer:
            try:
                failure = FetchFailure(answer["failed"])
            except ValueError:
                raise WrongAnswerError from None
            error = CaptureFailedError(FAILURES[failure].words, failure=failure.value)
        else:
            return
        error.hops = self._take_hops(answer["hops"], order) if answer.get("hops") else ()
        raise error

    def read_size(self, value: object) -> int:
        """Return the size of a body that follows, in bytes."""
        return take_number(value, 0, self.limits.max_bytes)

    def read_answer(self, answer: Mapping[str, Any], order: FetchOrder, body: bytes) -> FetchedFile:
        """Return the checked answer to an order; a page is not read yet.

        Raises:
            WrongAnswerError: it cannot be right.
        """
        hops = self._take_hops(answer.get("hops"), order)
        if not isinstance(answer.get("page"), bool):
            raise WrongAnswerError
        last = hops[-1]
        return FetchedFile(
            final_url=last.url,
            status=last.status,
            hops=hops,
            addresses=tuple(dict.fromkeys(hop.address for hop in hops if hop.address)),
            content_type=last.content_type,
            body=body,
            elapsed_ms=take_number(answer.get("elapsed_ms"), 0, 86_400_000),
            exit_name=last.exit_name,
            page=FetchedPage() if answer["page"] else None,
        )

    def read_end(
        self, answer: Mapping[str, Any], order: FetchOrder, first: FetchedFile, body: bytes | None
    ) -> FetchedFile:
        """Return the answer after a refresh that a page asked for; `first` when there was none.

        Raises:
            WrongAnswerError: it cannot be right.
        """
        file = first
        if body is not None:
            file = self.read_answer(answer, order, body)
            if file.hops[: len(first.hops)] != first.hops or len(file.hops) == len(first.hops):
                raise WrongAnswerError
        frames = tuple(self._take_hop(hop) for hop in take_list(answer.get("frames"), self.limits.max_frames))
        if any(hop.led_by != "frame" for hop in frames):
            raise WrongAnswerError
        self._check_ways(frames, order, file.hops)
        return replace(file, frame_hops=frames)

    def read_embedded_sizes(self, page: object) -> list[int]:
        """Return the sizes of the files that follow a page, in bytes.

        Raises:
            WrongAnswerError: too many, or too large.
        """
        if not isinstance(page, dict):
            raise WrongAnswerError
        sizes = take_list(page.get("embedded"), self.limits.max_pictures)
        checked = [take_number(size, 1, MAX_EMBEDDED_BYTES) for size in sizes]
        if sum(checked) > MAX_ALL_EMBEDDED_BYTES:
            raise WrongAnswerError
        return checked

    def read_page(self, page: Mapping[str, Any], embedded: tuple[bytes, ...]) -> FetchedPage:
        """Return what a page holds.

        Raises:
            WrongAnswerError: it cannot be right.
        """
        pictures = tuple(take_url(one) for one in take_list(page.get("pictures"), self.limits.max_pictures))
        if len(set(pictures)) < len(pictures) or not isinstance(page.get("complete"), bool):
            raise WrongAnswerError
        return FetchedPage(
            pictures=pictures,
            embedded=embedded,
            found=take_number(page.get("found"), len(pictures), MAX_COUNT),
            is_complete=page["complete"],
            facts=_take_facts(page.get("facts")),
        )

    def _take_hops(self, value: object, order: FetchOrder) -> tuple[Hop, ...]:
        hops = tuple(self._take_hop(hop) for hop in take_list(value, self.limits.max_redirects + 1))
        if not hops or (hops[0].led_by, hops[0].url) != ("start", order.url):
            raise WrongAnswerError
        if any(hop.led_by not in {"redirect", "refresh"} for hop in hops[1:]):
            raise WrongAnswerError
        self._check_ways(hops, order, ())
        return hops

    def _check_ways(self, hops: tuple[Hop, ...], order: FetchOrder, before: tuple[Hop, ...]) -> None:
        """Check that each hop took a way out that the order and the rules left open, and asked what may be asked."""
        for place, hop in enumerate(hops):
            parts = split_url(hop.url)
            passed = (*before, *hops[:place])
            wish = order.exit_name or next((one.exit_name for one in passed if self._is_tor(one)), "")
            try:
                check_port(parts.port)
                check_host(parts.host, practice=self.practice, may_be_onion=True, inside=self.inside)
                way = self.exits.choose_by_name(parts.host, wish)
            except CaptureRefusedError:
                raise WrongAnswerError from None
            is_expected = way is None or hop.exit_name == (way.name if isinstance(way, Exit) else way)
            # A frame that did not come may have led to Tor before.
            may_be_tor = hop.led_by == "frame" and not order.exit_name
            if not is_expected and not (may_be_tor and self._is_tor(hop)):
                raise WrongAnswerError
            if is_numeric(parts.host) and hop.address != parts.host:
                raise WrongAnswerError
            if parts.scheme == "http" and (hop.tls or hop.certificate or hop.certificate_fault):
                raise WrongAnswerError
            if parts.scheme == "https" and not (hop.tls and hop.certificate):
                raise WrongAnswerError

    def _is_tor(self, hop: Hop) -> bool:
        return self.exits.is_tor(hop.exit_name)

    def _take_hop(self, hop: Any) -> Hop:
        if not isinstance(hop, dict):
            raise WrongAnswerError
        exit_name = take_text(hop.get("exit_name"), 32)
        certificate = take_text(hop.get("certificate"), 64)
        fault = take_text(hop.get("certificate_fault"), MAX_WORDS_CHARACTERS)
        if fault and fault not in ALL_FAULTS:
            raise WrongAnswerError
        if certificate and not re.fullmatch(r"[0-9a-f]{64}", certificate):
            raise WrongAnswerError
        return Hop(
            url=take_url(hop.get("url")),
            status=take_number(hop.get("status"), 100, 599),
            address=self._take_address(hop.get("address"), exit_name),
            content_type=take_text(hop.get("content_type"), MAX_TYPE_CHARACTERS),
            tls=take_text(hop.get("tls"), 16),
            exit_name=exit_name,
            certificate=certificate,
            certificate_fault=fault,
            headers=_take_headers(hop.get("headers")),
            elapsed_ms=take_number(hop.get("elapsed_ms"), 0, 86_400_000),
            led_by=take_text(hop.get("led_by"), 16),
        )

    def _take_address(self, value: object, exit_name: str) -> str:
        """Return the address of a hop: one that may be dialled, or none where a tor exit resolved the name."""
        address = take_text(value, 45)
        is_open = exit_name == DIRECT and self.exits.can_be_direct
        if not is_open and exit_name not in self.exits.exits:
            raise WrongAnswerError
        if not address:
            if not self.exits.is_tor(exit_name):
                raise WrongAnswerError
            return address
        try:
            check_address(address, practice=self.practice, inside=self.inside)
        except CaptureRefusedError:
            raise WrongAnswerError from None
        return address


def write_page(facts: PageFacts, **more: Any) -> dict[str, Any]:
    """Write what `AnswerChecker.read_page` reads; `more` are its other fields."""
    return {"facts": asdict(facts), **more}


def take_number(value: object, least: int, most: int) -> int:
    """Return a whole number within a range."""
    if type(value) is not int or not least <= value <= most:
        raise WrongAnswerError
    return value


def take_text(value: object, longest: int) -> str:
    """Return a text of printable ASCII."""
    if not isinstance(value, str) or len(value) > longest or not (value.isascii() and value.isprintable()):
        raise WrongAnswerError
    return value


def take_list(value: object, longest: int) -> list[Any]:
    """Return a list that is not too long."""
    if not isinstance(value, list) or len(value) > longest:
        raise WrongAnswerError
    return value


def take_url(value: object) -> str:
    """Return a URL that is in its normal form."""
    if not isinstance(value, str):
        raise WrongAnswerError
    try:
        normal = normalise_link(value).url
    except InvalidUrlError:
        raise WrongAnswerError from None
    if normal != value:
        raise WrongAnswerError
    return value


def tidy_words(value: object) -> str:
    """Return words of the process for a person, cut; empty when they are none."""
    if not isinstance(value, str) or not value.isprintable():
        return ""
    return value[:MAX_WORDS_CHARACTERS]


def _take_printable(value: object, longest: int) -> str:
    if not isinstance(value, str) or len(value) > longest or not value.isprintable():
        raise WrongAnswerError
    return value


def _take_headers(value: object) -> tuple[tuple[str, str], ...]:
    headers: dict[str, str] = {}
    for pair in take_list(value, len(RECORDED)):
        if len(take_list(pair, 2)) != 2:
            raise WrongAnswerError
        name = take_text(pair[0], 40)
        if name not in _RECORDED_NAMES or name in headers:
            raise WrongAnswerError
        headers[name] = _take_printable(pair[1], MAX_VALUE_CHARACTERS)
    return tuple(headers.items())


def _take_facts(value: object) -> PageFacts:
    if not isinstance(value, dict):
        raise WrongAnswerError
    texts = {"title": MAX_TITLE_CHARACTERS, "text": MAX_TEXT_CHARACTERS}
    found: dict[str, Any] = {}
    for spec in fields(PageFacts):
        said = value.get(spec.name)
        longest = texts.get(spec.name)
        found[spec.name] = _take_printable(said, longest) if longest else take_number(said, 0, MAX_COUNT)
    return replace(PageFacts(), **found)
