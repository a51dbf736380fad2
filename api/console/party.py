"""Our site as passkeys know it: the host name of a request, if there can be passkeys for it."""

from fastapi import Request

from api.console.deps import get_staff
from triage.rules.passkeys import RelyingParty, find_party
from triage.steps.passkeys import Site


def read_party(request: Request) -> RelyingParty | None:
    """Return our site by the name that it was asked by; None by a bare address, which no passkey can be for."""
    settings = get_staff(request).settings
    return find_party(request.headers.get("host", ""), served=settings.served_hosts, port=settings.staff_port)


def read_site(request: Request) -> Site | None:
    """Return our site with the name that authenticators show; None where there can be no passkeys."""
    party = read_party(request)
    return Site(party, get_staff(request).settings.hotline_name) if party is not None else None
