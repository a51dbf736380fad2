"""A named failure as an error: the words of the table, and the name beside them."""

from triage.errors import CaptureFailedError
from triage.rules.fetch_failures import FAILURES, FetchFailure


def fail(failure: FetchFailure) -> CaptureFailedError:
    """Make the error of a named failure; the caller raises it."""
    return CaptureFailedError(FAILURES[failure].words, failure=failure.value)
