"""The ways out as the settings write them: FETCH_EXITS, FETCH_EXIT_RULES, and the key file of their passwords.

    FETCH_EXITS       NAME=http://HOST:PORT, NAME=socks5://HOST:PORT or NAME=tor://HOST:PORT
    FETCH_EXIT_RULES  .SUFFIX=NAME, country:XX=NAME or *=NAME, where NAME may also be direct
    key file exits    one line an exit: NAME USER:PASSWORD

Nothing is dialled here; `workers/dialling/exits.py` chooses by what this module read.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from triage.errors import SettingsError

DIRECT = "direct"
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_PLACE = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]{2,45})\]|(?P<host>[A-Za-z0-9._-]{1,253})):(?P<port>[0-9]{1,5})/?"
)
_SUFFIX = re.compile(r"(?:\.[a-z0-9](?:[a-z0-9-]{0,62})){1,20}")


class ExitKind(StrEnum):
    """How an exit is spoken to."""

    HTTP = "http"
    """An HTTP proxy, by CONNECT; it gets an address that we checked."""
    SOCKS5 = "socks5"
    """A SOCKS5 server; it gets an address that we checked."""
    TOR = "tor"
    """A Tor client; it gets the name and resolves it, and keeps reports apart by their isolation key."""


@dataclass(frozen=True, slots=True)
class Exit:
    """One way out: `host` is an address or a name in lower case, `port` 1-65535."""

    name: str
    kind: ExitKind
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class ExitRule:
    """One rule: exactly one of `suffix` (".al") and `country` ("AL") is set, or neither for the rule that always fits.

    Attributes:
        exit_name: the exit that is taken, or direct.
    """

    exit_name: str
    suffix: str = ""
    country: str = ""

    def fits_name(self, host: str) -> bool:
        """Say whether a host name lies under the suffix of this rule."""
        return bool(self.suffix) and f".{host.rstrip('.')}".endswith(self.suffix)

    @property
    def is_default(self) -> bool:
        """Whether the rule fits everything."""
        return not self.suffix and not self.country


def read_exits(texts: Sequence[str]) -> tuple[Exit, ...]:
    """Read FETCH_EXITS.

    Raises:
        SettingsError: one of them cannot be read, holds a password, or has a name that is taken.
    """
    found: dict[str, Exit] = {}
    for text in texts:
        name, mark, rest = text.partition("=")
        kind, colon, place = rest.partition("://")
        if "@" in place:
            raise SettingsError(
                "FETCH_EXITS must hold no user and password: write NAME USER:PASSWORD into the key file exits"
            )
        match = _PLACE.fullmatch(place)
        if not mark or not colon or match is None or kind not in {one.value for one in ExitKind}:
            raise SettingsError(
                "FETCH_EXITS cannot be read: NAME=http://HOST:PORT, NAME=socks5://HOST:PORT or NAME=tor://HOST:PORT"
            )
        if not _NAME.fullmatch(name) or name == DIRECT or name in found:
            raise SettingsError(
                "FETCH_EXITS needs names of their own: a to z, digits and -, at most 32, and not direct"
            )
        port = int(match["port"])
        if not 1 <= port <= 65535:
            raise SettingsError("FETCH_EXITS names a port that is not from 1 to 65535")
        found[name] = Exit(name, ExitKind(kind), (match["v6"] or match["host"]).lower(), port)
    return tuple(found.values())


def read_exit_rules(texts: Sequence[str], exits: Sequence[Exit]) -> tuple[ExitRule, ...]:
    """Read FETCH_EXIT_RULES.

    Args:
        texts: the rules, in the order in which they are tried.
        exits: what they may name, besides direct.

    Raises:
        SettingsError: one of them cannot be read, or names an exit that there is not.
    """
    kinds = {one.name: one.kind for one in exits}
    rules = []
    for text in texts:
        condition, mark, name = text.rpartition("=")
        if not mark or (name != DIRECT and name not in kinds):
            raise SettingsError("FETCH_EXIT_RULES names a way out that FETCH_EXITS does not hold")
        if condition == "*":
            rules.append(ExitRule(name))
        elif re.fullmatch(r"country:[A-Z]{2}", condition):
            rules.append(ExitRule(name, country=condition[-2:]))
        elif _SUFFIX.fullmatch(condition):
            if condition.endswith(".onion") and kinds.get(name) is not ExitKind.TOR:
                raise SettingsError("FETCH_EXIT_RULES leads .onion to a way out that is not a tor one")
            rules.append(ExitRule(name, suffix=condition))
        else:
            raise SettingsError(
                "FETCH_EXIT_RULES cannot be read: .SUFFIX=NAME, country:XX=NAME or *=NAME, in that spelling"
            )
    return tuple(rules)


def can_be_direct(rules: Sequence[ExitRule]) -> bool:
    """Say whether any address may be dialled without an exit under these rules."""
    for rule in rules:
        if rule.exit_name == DIRECT:
            return True
        if rule.is_default:
            return False
    return True


def read_credentials(text: str) -> dict[str, tuple[str, str]]:
    """Read the key file `exits`: lines of `NAME USER:PASSWORD`; empty lines and those that begin with # are skipped.

    Returns:
        Exit name → user and password, each 1 to 255 bytes.

    Raises:
        SettingsError: a line cannot be read; the message never quotes it.
    """
    found: dict[str, tuple[str, str]] = {}
    for line in text.splitlines():
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        name, _, secret = stripped.partition(" ")
        user, colon, password = secret.strip().partition(":")
        is_fit = all(1 <= len(part.encode()) <= 255 and part.isprintable() for part in (user, password))
        if not _NAME.fullmatch(name) or name in found or not colon or not is_fit:
            raise SettingsError("The key file exits cannot be read: one line an exit, NAME USER:PASSWORD.")
        found[name] = (user, password)
    return found
