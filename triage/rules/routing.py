"""Whom to tell: the provider of a network, the police, or the partner hotline of a country."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from triage.model import RecipientKind
from triage.rules.states import SendingKind

HOME = "AL"


@dataclass(frozen=True, slots=True)
class Target:
    """What routing reads of a recipient; never where it is reached."""

    id: UUID
    kind: RecipientKind
    country: str | None
    asns: list[int]
    approved_at: datetime | None
    disabled_at: datetime | None

    @property
    def is_approved(self) -> bool:
        """Whether anything may leave to it."""
        return self.approved_at is not None and self.disabled_at is None


@dataclass(frozen=True, slots=True)
class Route:
    """Whom to tell; `recipient_id` is None and `reason` says why when nobody fitting is entered."""

    kind: SendingKind
    recipient_id: UUID | None
    reason: str | None


def is_fitting(target: Target, kind: SendingKind, country: str | None, asn: int | None) -> bool:
    """Whether a recipient, as it is entered now, is one that a message of this kind goes to.

    Args:
        country, asn: of the hosting; the police are told wherever it is.
    """
    if kind is SendingKind.POLICE:
        return target.kind is RecipientKind.POLICE
    if kind is SendingKind.NOTICE:
        return target.kind is RecipientKind.ISP and asn is not None and asn in target.asns
    return target.kind is RecipientKind.HOTLINE and country is not None and target.country == country


def route(country: str | None, asn: int | None, targets: Iterable[Target]) -> Route:
    """Return whom to tell of what is hosted there.

    1. A provider that answers for the network, wherever it is: a notice.
    2. At home without one: a notice that waits for its provider to be entered.
    3. Elsewhere: a referral to the partner hotline of that country.

    Args:
        country: of the operator, ISO 3166 alpha-2.
        asn: of the network.
        targets: all recipients; disabled ones are passed over, approved ones come first.
    """
    ranked = _rank(targets)
    for target in ranked:
        if is_fitting(target, SendingKind.NOTICE, country, asn):
            return Route(SendingKind.NOTICE, target.id, None)
    if country == HOME:
        network = "its network" if asn is None else f"AS{asn}"
        return Route(SendingKind.NOTICE, None, f"no provider is entered for {network}")
    for target in ranked:
        if is_fitting(target, SendingKind.HOTLINE, country, asn):
            return Route(SendingKind.HOTLINE, target.id, None)
    return Route(SendingKind.HOTLINE, None, f"no partner hotline is entered for {country or 'its country'}")


def route_to_police(targets: Iterable[Target]) -> Route:
    """Return which police recipient is told."""
    for target in _rank(targets):
        if is_fitting(target, SendingKind.POLICE, None, None):
            return Route(SendingKind.POLICE, target.id, None)
    return Route(SendingKind.POLICE, None, "no police recipient is entered")


def _rank(targets: Iterable[Target]) -> list[Target]:
    """Return those that are not disabled, approved ones first, then in the order they were entered."""
    standing = [target for target in targets if target.disabled_at is None]
    return sorted(standing, key=lambda target: (not target.is_approved, target.id))
