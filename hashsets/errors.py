"""What can go wrong with hashes and hash sets; each docstring is the default message."""


class HashsetsError(Exception):
    """Something went wrong with hashes or hash sets."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip())


class IndexUnreadableError(HashsetsError):
    """The index cannot be read; nothing was matched."""


class IndexBehindError(HashsetsError):
    """The index is older than the database; nothing was matched."""


class InvalidHashError(HashsetsError):
    """This is not a hash of the named algorithm."""


class InvalidListError(HashsetsError):
    """The list cannot be read."""


class ContestsMuchError(HashsetsError):
    """The list contradicts much of another set; nothing was changed."""

    def __init__(self, entries: int) -> None:
        """Take how many entries of that set it would contest."""
        super().__init__()
        self.entries = entries


class FeedRefusedError(InvalidListError):
    """The feed cannot be trusted; nothing of it was taken in."""


class UnknownHashSetError(HashsetsError):
    """There is no hash set of that name."""


class UnknownEntryError(HashsetsError):
    """The hash set has no live entry of that name."""


class HashSetExistsError(HashsetsError):
    """There is a hash set of that name already."""


class InvalidHashSetError(HashsetsError):
    """The name or the texts of the hash set cannot be used."""


class TrustRefusedError(HashsetsError):
    """This trust is refused."""


class DisputeRefusedError(HashsetsError):
    """A dispute needs a written reason of at most 2000 characters."""
