"""Our site by the name that it was asked by: as passkeys know it, if there can be any, and in links to join."""

from fastapi import Request

from api.console.deps import get_staff
from api.security import LOCAL_HOSTS
from triage.rules.passkeys import RelyingParty, find_party
from triage.steps.passkeys import Site

_LOCAL_NAMES = frozenset(name.strip("[]") for name in LOCAL_HOSTS)


def read_party(request: Request) -> RelyingParty | None:
    """Return our site by the name that it was asked by; None by a bare address, which no passkey can be for."""
    settings = get_staff(request).settings
    return find_party(request.headers.get("host", ""), served=settings.served_hosts, port=settings.staff_port)


def read_site(request: Request) -> Site | None:
    """Return our site with the name that authenticators show; None where there can be no passkeys."""
    party = read_party(request)
    return Site(party, get_staff(request).settings.hotline_name) if party is not None else None


def write_join_address(request: Request, token: str) -> str:
    """Return the address of a one-time link, by the very name and port of this request.

    The name was checked, and the person will come by it too.
    """
    scheme = "http" if (request.url.hostname or "") in _LOCAL_NAMES else "https"
    return f"{scheme}://{request.headers.get('host', '')}/join/{token}"
