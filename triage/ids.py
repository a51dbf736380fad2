"""Ids: UUIDv7 for ourselves, short references for outsiders, random names for objects."""

import secrets
import time
from uuid import UUID

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CHECK = CROCKFORD + "*~$=U"


def new_id() -> UUID:
    """Return a fresh UUIDv7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then random bits."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & ((1 << 48) - 1)) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | (0x7 << 76)
    value = value & ~(0x3 << 62) | (0x2 << 62)
    return UUID(int=value)


def read_id(text: str) -> UUID | None:
    """Return the id that a text is; None where it is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def crockford(data: bytes, length: int) -> str:
    """Return the first `length` characters of `data` in Crockford's base 32.

    Args:
        data: at least length * 5 / 8 bytes.
        length: number of characters.
    """
    number = int.from_bytes(data, "big") >> (len(data) * 8 - length * 5)
    return "".join(CROCKFORD[(number >> (5 * place)) & 31] for place in reversed(range(length)))


def new_reference(prefix: str) -> str:
    """Return a random reference that may be shown outside, such as `IS-7K2M-9QXT`."""
    code = crockford(secrets.token_bytes(8), 8)
    return f"{prefix}-{code[:4]}-{code[4:]}"


def check_character(code: str) -> str:
    """Return Crockford's mod-37 check character of a code."""
    number = 0
    for character in code:
        number = number * 32 + CROCKFORD.index(character)
    return _CHECK[number % 37]


def format_receipt(entropy: bytes) -> str:
    """Return a receipt code: 12 characters and a check character, in groups such as `7K2M-0QXA-93TDZ`.

    Args:
        entropy: at least 8 bytes, random or keyed.
    """
    code = crockford(entropy, 12)
    return f"{code[:4]}-{code[4:8]}-{code[8:]}{check_character(code)}"


def new_object_name() -> str:
    """Return a random name for a stored object; it tells nothing of what is inside."""
    return secrets.token_hex(20)
