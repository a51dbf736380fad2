"""What can go wrong, split by blame and cure; each docstring is the default message."""

from typing import Any


class HotlineError(Exception):
    """Something went wrong."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip())


# The reporter or caller can mend these.
class InvalidReportError(HotlineError):
    """The report cannot be read."""


class InvalidUrlError(HotlineError):
    """This is not a web address."""


class IdempotencyConflictError(HotlineError):
    """This idempotency key was used before with another body."""


class TooLargeError(HotlineError):
    """This is larger than the limit."""


class NotAllowedError(HotlineError):
    """This is not allowed."""


class HeldByOtherError(NotAllowedError):
    """Somebody else has this item open."""


class NotLeasedError(NotAllowedError):
    """Open this item first."""


class LookRefusedError(NotAllowedError):
    """No picture is shown to you now."""


class UnknownThingError(HotlineError):
    """There is nothing of that name."""


class InvalidSettingError(HotlineError):
    """The value of the setting cannot be used."""

    def __init__(self, fault: str, message: str | None = None) -> None:
        """Take the fault (`ValueFault` in rules/live_settings.py), which names the text beside the field."""
        super().__init__(message)
        self.fault = fault


# The administrator can mend these.
class SettingsError(HotlineError):
    """A setting cannot be used."""


class StorageError(HotlineError):
    """The evidence store cannot be written or read."""


class ObjectMissingError(StorageError):
    """A stored object is missing."""


class KeyMissingError(HotlineError):
    """A key file is missing."""


class SchemaBehindError(HotlineError):
    """The database is behind this version: run `hotline migrate`."""


class ServerUnavailableError(HotlineError):
    """A server that is needed does not answer."""


class AlreadyRunningError(HotlineError):
    """Another hotline process holds this state directory."""


class SandboxUnavailableError(HotlineError):
    """This machine cannot lock the decoder; set SANDBOX=weak to go on without."""


class QuotaSpentError(HotlineError):
    """This token has asked about as many hashes as it may for now."""


# Two actors met; try again or look again.
class StaleStateError(HotlineError):
    """It has moved in the meantime."""


class LeaseLostError(HotlineError):
    """The capture was ended by somebody else."""


# Findings about what was reported.
class _EndedOnItsWayError(HotlineError):
    """A fetch came to no answer.

    Attributes:
        hops: what answered on the way there, in order, as the fetcher's door gives it.
    """

    hops: tuple[Any, ...] = ()


class CaptureRefusedError(_EndedOnItsWayError):
    """The address or its answer is refused by policy; trying again would not help."""


class CaptureFailedError(_EndedOnItsWayError):
    """The fetch failed for a reason that may pass."""

    def __init__(
        self, message: str | None = None, *, failure: str = "broken_off", retry_after_s: float | None = None
    ) -> None:
        """Take the words, the failure's name (`rules/fetch_failures.py`) and how long the server asks us to wait."""
        super().__init__(message)
        self.failure = failure
        self.retry_after_s = retry_after_s


class PictureRefusedError(HotlineError):
    """The picture cannot be decoded."""


class PictureOverLimitError(PictureRefusedError):
    """Decoding the picture took more than it may; a busy machine can be the cause."""


class HostilePictureError(PictureRefusedError):
    """The picture made its decoder try something forbidden; the decoder was killed."""


# The decoder itself, not the picture; trying again may help.
class DecoderUnavailableError(HotlineError):
    """The picture decoder does not run; nothing was decoded."""


# What leaves and what comes in as a package.
class MessageRefusedError(HotlineError):
    """The message may not leave as it is."""


class PackageRefusedError(HotlineError):
    """The package cannot be trusted."""
