"""Key files that a person names on the command line; an error tells the file's name only."""

from pathlib import Path

from triage.errors import KeyMissingError

_LARGEST_KEY_FILE = 64 * 2**10


def read_key_file(path: Path) -> str:
    """Return the text of a key file, without surrounding white space.

    Raises:
        KeyMissingError: it is missing, cannot be read, or is no text.
    """
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST_KEY_FILE).decode("utf-8").strip()
    except (OSError, ValueError):
        raise KeyMissingError(f"The key file {path.name} is missing or cannot be read.") from None


def read_identity(path: Path) -> str:
    """Return the age identity of a key file; it may hold comments, as `age-keygen` writes them.

    Raises:
        KeyMissingError: it cannot be read, or does not hold just one.
    """
    lines = [line.strip() for line in read_key_file(path).splitlines()]
    identities = [line for line in lines if line.startswith("AGE-SECRET-KEY-")]
    if len(identities) != 1:
        raise KeyMissingError(f"The key file {path.name} must hold one age identity.")
    return identities[0]
