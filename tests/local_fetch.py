"""The fetcher's client without its process: one call in a test, with practice names, a resolver and exits at will."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from triage.rules.fetch_failures import FetchFailure
from workers.dialling.exits import Exits
from workers.dialling.policy import read_networks
from workers.dialling.practice_names import NO_PRACTICE, PracticeNames
from workers.fetcher.client import Answer, Chain, fetch_url
from workers.fetcher.connect import Connector
from workers.fetcher.failures import fail
from workers.fetcher.trust import Trust, make_trust
from workers.fetcher.wire import FetchLimits, FetchOrder

TRUST = make_trust()


async def resolve_nothing(host: str) -> list[str]:
    """Know no name."""
    raise fail(FetchFailure.NO_SUCH_NAME)


def resolve_by(answers: Mapping[str, Sequence[str]]) -> Callable[[str], Awaitable[list[str]]]:
    """Return a resolver that knows these names and no others."""

    async def resolve(host: str) -> list[str]:
        if host not in answers:
            raise fail(FetchFailure.NO_SUCH_NAME)
        return list(answers[host])

    return resolve


def trust_only(context: ssl.SSLContext) -> Trust:
    """Return a trust that verifies by `context`."""
    return Trust(context, TRUST.believing)


def fetch(
    order: FetchOrder | str,
    limits: FetchLimits | None = None,
    *,
    practice: PracticeNames = NO_PRACTICE,
    resolve: Callable[[str], Awaitable[list[str]]] = resolve_nothing,
    trust: Trust = TRUST,
    networks: Sequence[tuple[str, str]] = (),
    credentials: Mapping[str, tuple[str, str]] | None = None,
    chain: Chain | None = None,
    led_by: str = "start",
) -> Answer:
    """Fetch once, as the process does."""
    limits = limits or FetchLimits(total_s=3.0, connect_s=1.0)
    connector = Connector(
        resolve=resolve,
        trust=trust,
        exits=Exits.from_settings(
            limits.exits, limits.exit_rules, networks=networks, credentials=credentials
        ),
        practice=practice,
        inside=read_networks(limits.inside_networks),
        connect_s=limits.connect_s,
    )
    return asyncio.run(
        fetch_url(
            FetchOrder(order) if isinstance(order, str) else order,
            limits,
            connector=connector,
            deadline=time.monotonic() + limits.total_s,
            chain=chain,
            led_by=led_by,
        )
    )
