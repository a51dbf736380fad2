"""The ways out: which one a request takes, by a person's wish or by the first rule that fits.

An exit that is unknown, or that does not stand for what is asked, is a refusal in words: nothing goes out directly
instead. What a person asks for comes before the rules; a rule for a country asks where the checked addresses lie.
"""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from triage.errors import CaptureRefusedError, SettingsError
from triage.rules.exits import DIRECT, Exit, ExitKind, ExitRule, can_be_direct, read_exit_rules, read_exits
from workers.dialling.policy import check_ours, is_numeric


def is_onion(host: str) -> bool:
    """Say whether a host is a Tor service."""
    return host.rstrip(".").endswith(".onion")


class CountryTable:
    """Which country an address lies in, by the narrowest network that holds it."""

    def __init__(self, rows: Iterable[tuple[str, str]]) -> None:
        """Take rows of (network in CIDR form, country of two letters).

        Raises:
            SettingsError: a network cannot be read.
        """
        self._countries: dict[tuple[int, int, int], str] = {}
        try:
            for prefix, country in rows:
                network = ipaddress.ip_network(prefix, strict=False)
                key = (network.version, network.prefixlen, int(network.network_address))
                self._countries[key] = country
        except ValueError:
            raise SettingsError("the networks of a country cannot be read") from None
        self._lengths = sorted({(version, length) for version, length, _ in self._countries}, reverse=True)

    def find(self, text: str) -> str:
        """Return the country of an address; empty when no row holds it."""
        address = ipaddress.ip_address(text)
        number = int(address)
        for version, length in self._lengths:
            if version == address.version:
                spare = address.max_prefixlen - length
                country = self._countries.get((version, length, number >> spare << spare))
                if country is not None:
                    return country
        return ""


@dataclass(frozen=True, slots=True)
class Exits:
    """All ways out of this deployment, and the rules that choose among them.

    Attributes:
        exits: name → exit; direct is not among them.
        rules: in the order in which they are tried.
        countries: for the rules that name one.
        credentials: name → user and password.
    """

    exits: Mapping[str, Exit] = field(default_factory=dict)
    rules: Sequence[ExitRule] = ()
    countries: CountryTable = field(default_factory=lambda: CountryTable(()))
    credentials: Mapping[str, tuple[str, str]] = field(default_factory=dict, repr=False)

    @classmethod
    def from_settings(
        cls,
        exits: Sequence[str],
        rules: Sequence[str],
        *,
        networks: Iterable[tuple[str, str]] = (),
        credentials: Mapping[str, tuple[str, str]] | None = None,
    ) -> "Exits":
        """Read FETCH_EXITS and FETCH_EXIT_RULES.

        Args:
            exits, rules: as the settings have them.
            networks: (prefix, country) rows for the countries that rules name; a narrower network of a country that is
                not among them is not known here, and counts to the wider one.
            credentials: exit name → user and password.

        Raises:
            SettingsError: they cannot be read, contradict each other, or an exit stands where nothing of ours may.
        """
        found = {one.name: one for one in read_exits(exits)}
        for one in found.values():
            if is_numeric(one.host):
                check_ours(one.host)
        known = dict(credentials or {})
        if not set(known) <= set(found):
            raise SettingsError("The key file exits names a way out that FETCH_EXITS does not hold.")
        for name in known:
            if found[name].kind is ExitKind.TOR:
                raise SettingsError(
                    "The key file exits names a tor one, whose user and password keep reports apart."
                )
        return cls(found, read_exit_rules(rules, tuple(found.values())), CountryTable(networks), known)

    @property
    def can_be_direct(self) -> bool:
        """Whether any address may be dialled without an exit."""
        return can_be_direct(self.rules)

    @property
    def ports(self) -> frozenset[int]:
        """The TCP ports of the exits themselves."""
        return frozenset(one.port for one in self.exits.values())

    def is_tor(self, name: str) -> bool:
        """Say whether an exit of this name is a tor one."""
        return name in self.exits and self.exits[name].kind is ExitKind.TOR

    def choose_by_name(self, host: str, wish: str) -> Exit | str | None:
        """Choose as far as the name decides, before anything is asked of a name service.

        Args:
            host: lower-case A-labels, or an address in its normal spelling.
            wish: the exit that a person asked for; empty without one.

        Returns:
            An exit, the word direct, or None when a rule needs the addresses: `choose_by_addresses` then decides.

        Raises:
            CaptureRefusedError: the exit is unknown, or none stands for a .onion address.
        """
        if is_onion(host):
            return self.find_tor(host, wish)
        if wish:
            return self._take_wish(wish)
        for rule in self.rules:
            if rule.country:
                return None
            if rule.is_default or rule.fits_name(host):
                return self.exits.get(rule.exit_name, DIRECT)
        return DIRECT

    def choose_by_addresses(self, host: str, addresses: Sequence[str]) -> Exit | str:
        """Choose by the first rule that fits, when the checked addresses of the host are known."""
        for rule in self.rules:
            is_there = bool(rule.country) and any(
                self.countries.find(one) == rule.country for one in addresses
            )
            if is_there or rule.is_default or rule.fits_name(host):
                return self.exits.get(rule.exit_name, DIRECT)
        return DIRECT

    def _take_wish(self, wish: str) -> Exit | str:
        if wish == DIRECT:
            if not self.can_be_direct:
                raise CaptureRefusedError("nothing may go out directly here")
            return DIRECT
        if wish not in self.exits:
            raise CaptureRefusedError("there is no way out of that name")
        return self.exits[wish]

    def find_tor(self, host: str, wish: str = "") -> Exit:
        """Return the tor exit for an .onion address; the rules for all else do not stand for it.

        Raises:
            CaptureRefusedError: none stands for it, or the one that a person asked for is none.
        """
        if wish:
            named = [self._take_wish(wish)]
        else:
            fitting = [rule.exit_name for rule in self.rules if rule.is_default or rule.fits_name(host)]
            named = [self.exits[name] for name in fitting if name in self.exits]
            named += self.exits.values()
        for one in named:
            if isinstance(one, Exit) and one.kind is ExitKind.TOR:
                return one
        raise CaptureRefusedError("the host is a Tor service, and no tor way out stands for it")
