"""Locate who hosts an item now: several sources, asked anew each time, that must agree.

1. Take the item up: actionable and due. One without an address closes; a person's decision is carried out.
2. Ask for all addresses of its host. Each is judged by the fetcher's address policy, as if it were to be dialled.
3. Each address, and the one that the last capture dialled, is looked up in the table of networks.
4. Record it: agreed writes notice or referral, all else waits for a person.

A host's own failing name servers are asked again a few times. A resolver or database of ours that is away says
nothing of the host: the item waits and is located later.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from uuid import UUID

from triage.clock import utcnow
from triage.crash_points import crash_point
from triage.errors import CaptureRefusedError, ServerUnavailableError, SettingsError, StaleStateError
from triage.model import Hosting, Item
from triage.rules.due import next_wait
from triage.rules.hosting import BY_CAPTURE, BY_DNS, BY_URL, HostSource, judge_hosting
from triage.rules.sending import SendingPolicy
from triage.rules.urls import split_url
from triage.settings import Settings
from triage.steps.record_hosting import IssuePolicy, delay_locating, record_hosting, take_item
from triage.store import hostings
from triage.store.networks import find_network
from triage.store.practice import read_practice_names
from triage.store.rows import Connection
from workers.clients import dns
from workers.dialling.policy import Network, check_address, check_host, is_numeric, read_networks
from workers.dialling.practice_names import PracticeNames
from workers.tools import CaptureTools

_log = logging.getLogger(__name__)
OBSTACLE_WAIT_S = 30.0


@dataclass(frozen=True, slots=True)
class _Task:
    """An item that was taken up, and what is known of its place before anybody is asked."""

    item: Item
    host: str
    practice: PracticeNames
    captured: str | None


@dataclass(frozen=True, slots=True)
class _Addresses:
    """Where a host stands: by which source, its addresses, or why there are none."""

    source: str
    addresses: tuple[str, ...] = ()
    finding: str | None = None
    may_pass: bool = False


def locate_host(tools: CaptureTools, item_id: UUID) -> None:
    """Locate one item; safe to be asked for again at any time."""
    issuing = IssuePolicy(SendingPolicy.from_settings(tools.settings), tools.settings.online_check_every_s)
    try:
        task = tools.database.run(partial(_take, item_id=item_id, issuing=issuing))
        if task is None:
            return
        try:
            places = _find_addresses(task, tools.settings)
        except (ServerUnavailableError, SettingsError) as error:
            _log.error("item %s could not be located: %s: %s", item_id, type(error).__name__, error)
            _delay(tools, task.item, task.item.tries, OBSTACLE_WAIT_S)
            return
        wait_s = next_wait(tools.settings.retry_waits_s, task.item.tries + 1) if places.may_pass else None
        if wait_s is not None:
            _delay(tools, task.item, task.item.tries + 1, wait_s)
            return
        inside = read_networks(tools.settings.inside_networks)
        findings = {address: _find_fault(address, task.practice, inside) for address in places.addresses}
        crash_point("after_fetch")
        hosting = tools.database.run(
            partial(_record, task=task, places=places, findings=findings, issuing=issuing)
        )
        crash_point("after_commit")
        _log.info("item %s: its hosting is %s", item_id, hosting.agreement.value)
    except StaleStateError as error:
        _log.warning("item %s: %s", item_id, error)


def _take(conn: Connection, *, item_id: UUID, issuing: IssuePolicy) -> _Task | None:
    item = take_item(conn, item_id, now=utcnow(), issuing=issuing)
    if item is None or item.url is None:
        return None
    return _Task(
        item=item,
        host=split_url(item.url).host,
        practice=PracticeNames.from_rows(read_practice_names(conn)),
        captured=hostings.read_captured_address(conn, item.id),
    )


def _delay(tools: CaptureTools, item: Item, tries: int, wait_s: float) -> None:
    next_try_at = utcnow() + timedelta(seconds=wait_s)
    tools.database.run(partial(delay_locating, item=item, tries=tries, next_try_at=next_try_at))


def _find_addresses(task: _Task, settings: Settings) -> _Addresses:
    """Return where the host stands, asking the DNS where neither the URL nor practice says it.

    Raises:
        ServerUnavailableError, SettingsError: our resolver is away or wrongly set.
    """
    if is_numeric(task.host):
        return _Addresses(BY_URL, (task.host,))
    if task.host in task.practice.addresses:
        return _Addresses(BY_DNS, task.practice.find_addresses(task.host))
    try:
        check_host(task.host, practice=task.practice)  # names that no resolver shall learn of
    except CaptureRefusedError as error:
        return _Addresses(BY_DNS, finding=str(error))
    answer = dns.find_addresses(task.host, server=settings.dns_server)
    return _Addresses(BY_DNS, answer.addresses, answer.finding, answer.may_pass)


def _find_fault(address: str, practice: PracticeNames, inside: tuple[Network, ...]) -> str | None:
    """Return why policy refuses an address, in words; None when it lets it pass."""
    try:
        check_address(address, practice=practice, inside=inside)
    except CaptureRefusedError as error:
        return str(error)
    return None


def _record(
    conn: Connection,
    *,
    task: _Task,
    places: _Addresses,
    findings: dict[str, str | None],
    issuing: IssuePolicy,
) -> Hosting:
    sources = list(_read_sources(conn, places, findings, task.captured))
    judged = judge_hosting(sources, hostings.read_refused_asns(conn, task.item.id))
    hosting = record_hosting(conn, task.item, judged, sources, now=utcnow(), issuing=issuing)
    crash_point("before_commit")
    return hosting


def _read_sources(
    conn: Connection, places: _Addresses, findings: dict[str, str | None], captured: str | None
) -> Iterable[HostSource]:
    """Yield what each source says, with the network that holds its address."""
    if places.finding is not None:
        yield HostSource(places.source, finding=places.finding)
    for address in places.addresses:
        yield _describe(conn, places.source, address, findings[address])
    if captured is not None:
        yield _describe(conn, BY_CAPTURE, captured, None)


def _describe(conn: Connection, source: str, address: str, finding: str | None) -> HostSource:
    network = find_network(conn, address)
    if network is None:
        return HostSource(source, address, finding=finding)
    return HostSource(source, address, network.asn, network.operator, network.country, finding)
