"""Why a fetch failed, by name: each with its words, and whether another try may help.

`docs/fetching.md` prints this table. A certificate that cannot be verified is no failure: the answer is taken and the
fault recorded, since nothing secret is sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum


class FetchFailure(StrEnum):
    """The names, as `captures.failure` holds them."""

    NAME_SERVICE_SILENT = "name_service_silent"
    NO_SUCH_NAME = "no_such_name"
    NO_ADDRESS = "no_address"
    CONNECT_TIMEOUT = "connect_timeout"
    UNREACHABLE = "unreachable"
    EXIT_FAILED = "exit_failed"
    NO_COMMON_TLS = "no_common_tls"
    SILENT = "silent"
    TOO_SLOW = "too_slow"
    OUT_OF_TIME = "out_of_time"
    BROKEN_OFF = "broken_off"
    NOT_HTTP = "not_http"
    CUT_OFF = "cut_off"
    BAD_COMPRESSION = "bad_compression"
    ASKED_TO_WAIT = "asked_to_wait"
    SERVER_ERROR = "server_error"
    UPLOAD_MISSING = "upload_missing"
    FETCHER_STOPPED = "fetcher_stopped"


@dataclass(frozen=True, slots=True)
class FailureKind:
    """One row of the table.

    Attributes:
        words: what a person reads.
        blames_site: whether it counts against the site, so that its next requests wait longer.
        tries: most tries in all; 0 means as many as RETRY_WAITS has waits, and one.
    """

    words: str
    blames_site: bool = False
    tries: int = 0


FAILURES: dict[FetchFailure, FailureKind] = {
    FetchFailure.NAME_SERVICE_SILENT: FailureKind("the name service does not answer"),
    FetchFailure.NO_SUCH_NAME: FailureKind("the host name does not exist", tries=2),
    FetchFailure.NO_ADDRESS: FailureKind("the host name has no address", tries=2),
    FetchFailure.CONNECT_TIMEOUT: FailureKind("the server does not answer", blames_site=True),
    FetchFailure.UNREACHABLE: FailureKind("the server refuses connections or cannot be reached"),
    FetchFailure.EXIT_FAILED: FailureKind("the way out does not let us through"),
    FetchFailure.NO_COMMON_TLS: FailureKind("the server and we find no common TLS", tries=2),
    FetchFailure.SILENT: FailureKind("the server does not answer", blames_site=True),
    FetchFailure.TOO_SLOW: FailureKind("the server sends too slowly", blames_site=True),
    FetchFailure.OUT_OF_TIME: FailureKind("no complete answer in time", blames_site=True),
    FetchFailure.BROKEN_OFF: FailureKind("the connection broke off"),
    FetchFailure.NOT_HTTP: FailureKind("the server's answer is not proper HTTP, or was cut off", tries=2),
    FetchFailure.CUT_OFF: FailureKind("the file ended too early"),
    FetchFailure.BAD_COMPRESSION: FailureKind("the file cannot be decompressed", tries=2),
    FetchFailure.ASKED_TO_WAIT: FailureKind("the server asks us to wait", blames_site=True),
    FetchFailure.SERVER_ERROR: FailureKind("the server has an error of its own"),
    FetchFailure.UPLOAD_MISSING: FailureKind(
        "the uploaded file is missing from the store, or sealed to another key"
    ),
    FetchFailure.FETCHER_STOPPED: FailureKind("the fetcher process stopped"),
}

_BY_STATUS = {
    408: FetchFailure.SILENT,
    425: FetchFailure.ASKED_TO_WAIT,
    429: FetchFailure.ASKED_TO_WAIT,
    500: FetchFailure.SERVER_ERROR,
    502: FetchFailure.SERVER_ERROR,
    503: FetchFailure.ASKED_TO_WAIT,
    504: FetchFailure.SERVER_ERROR,
    **dict.fromkeys(range(520, 528), FetchFailure.SERVER_ERROR),  # a CDN cannot reach the server behind it
}


def find_by_status(status: int) -> FetchFailure | None:
    """Return the failure that an HTTP status stands for; None where the answer is an answer."""
    return _BY_STATUS.get(status)


def read_retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return how many seconds a server asks us to wait (RFC 9110, 10.2.3); None when it does not say so.

    Args:
        headers: of its answer, names lower case.
        now: aware; a date is read against it.
    """
    text = headers.get("retry-after", "").strip()
    if text.isdecimal() and text.isascii():
        return float(text[:9])
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # a year or a zone beyond all clocks
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - now).total_seconds())
