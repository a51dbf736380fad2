"""Errors → HTTP status, and one clear sentence each. Nothing of an unexpected error reaches the caller."""

from http import HTTPStatus

from triage.errors import (
    HotlineError,
    IdempotencyConflictError,
    InvalidReportError,
    NotAllowedError,
    QuotaSpentError,
    ServerUnavailableError,
    StaleStateError,
    StorageError,
    TooLargeError,
    UnknownThingError,
)


class UnauthorisedError(HotlineError):
    """A valid token with the scope `intake` is needed."""


class NotSignedInError(HotlineError):
    """Sign in first."""


class ConfirmationNeededError(HotlineError):
    """Confirm that it is you."""

    def __init__(self, message: str | None = None, *, was_wrong: bool = False) -> None:
        """Take the words, and whether a confirmation came that did not hold."""
        super().__init__(message)
        self.was_wrong = was_wrong


class UnsupportedBodyError(HotlineError):
    """The body must be JSON or multipart/form-data."""


class TooManyWaitingError(HotlineError):
    """Too many questions are waiting just now; ask again in a moment."""


class InvalidQuestionError(HotlineError):
    """The question cannot be read."""


class CatalogueError(HotlineError):
    """The texts of the pages cannot be used."""


STATUS: tuple[tuple[type[HotlineError], HTTPStatus], ...] = (
    (UnauthorisedError, HTTPStatus.UNAUTHORIZED),
    (NotSignedInError, HTTPStatus.UNAUTHORIZED),
    (ConfirmationNeededError, HTTPStatus.FORBIDDEN),
    (UnsupportedBodyError, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (InvalidReportError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (InvalidQuestionError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (QuotaSpentError, HTTPStatus.TOO_MANY_REQUESTS),
    (TooManyWaitingError, HTTPStatus.TOO_MANY_REQUESTS),
    (IdempotencyConflictError, HTTPStatus.CONFLICT),
    (TooLargeError, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (NotAllowedError, HTTPStatus.FORBIDDEN),
    (UnknownThingError, HTTPStatus.NOT_FOUND),
    (StaleStateError, HTTPStatus.CONFLICT),
    (StorageError, HTTPStatus.INSUFFICIENT_STORAGE),
    (ServerUnavailableError, HTTPStatus.SERVICE_UNAVAILABLE),
)


def choose_status(error: HotlineError) -> HTTPStatus:
    """Return the HTTP status of one of our errors; 500 for those that should not reach a caller."""
    for kind, status in STATUS:
        if isinstance(error, kind):
            return status
    return HTTPStatus.INTERNAL_SERVER_ERROR


def choose_sentence(error: HotlineError) -> str:
    """Return what the caller is told."""
    if choose_status(error) is HTTPStatus.INTERNAL_SERVER_ERROR:
        return "Something went wrong here; nothing was stored."
    return str(error)
