"""Check whether an item is still up: the same fetcher, judged against what its last capture showed.

1. Take the item up: one that is acted on, has an address, and whose check is due.
2. Fetch it as it was captured, by the same way out. What cannot be reached is *unreachable*, what policy refuses or
   what hides behind a wall is *unknown*: neither closes an item.
3. Another file at the address is opened by the decoder, to tell the same picture from something else.
4. What is online may stand with another operator than the one that was told: then it has *moved*.
5. Record it with what follows. A decoder or database of ours that fails is no result: it is checked again later.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypedDict
from uuid import UUID

from hashsets.compute import digest_bytes
from hashsets.model import Fingerprint
from triage.clock import utcnow
from triage.crash_points import crash_point
from triage.errors import (
    CaptureFailedError,
    CaptureRefusedError,
    DecoderUnavailableError,
    PictureOverLimitError,
    PictureRefusedError,
    SandboxUnavailableError,
    ServerUnavailableError,
    StaleStateError,
)
from triage.ids import new_id
from triage.model import Hosting, Item, Media
from triage.rules.due import LOCATE_HOST
from triage.rules.exits import read_exits
from triage.rules.hosting import is_elsewhere
from triage.rules.media import SNIFF_BYTES, sniff_media
from triage.rules.online import AnswerNow, CheckFinding, CheckPolicy, ShownBefore, judge_check
from triage.rules.page_kinds import PageKind, judge_answer, judge_page
from triage.rules.sending import SendingPolicy
from triage.rules.states import ItemState, OnlineResult
from triage.steps.record_check import RecordedCheck, delay_check, record_check, take_item
from triage.steps.take_capture import make_isolation
from triage.store import hostings, online_checks
from triage.store.captures import ShowingPage, find_page_of
from triage.store.networks import find_network
from triage.store.online_checks import CheckFacts
from triage.store.rows import Connection
from workers.fetcher.door import FetchedFile, FetchOrder
from workers.get_bytes import read_sha256
from workers.tools import CaptureTools

_log = logging.getLogger(__name__)
_OURS = (SandboxUnavailableError, DecoderUnavailableError, ServerUnavailableError)
OBSTACLE_WAIT_S = 10.0
LONGEST_OBSTACLE_WAIT_S = 600.0


@dataclass(frozen=True, slots=True)
class _Task:
    """An item that was taken up, what it showed, who was agreed to host it, and the page that shows it, if one does."""

    item: Item
    before: ShownBefore
    hosting: Hosting | None
    page: ShowingPage | None


@dataclass(frozen=True, slots=True)
class _Met:
    """What the fetch met: a finding, and the facts of the answer if there was one."""

    finding: CheckFinding
    status: int | None = None
    sha256: bytes | None = None
    address: str | None = None


def check_online(tools: CaptureTools, item_id: UUID) -> None:
    """Check one item; safe to be asked for again at any time. A closed item is never checked."""
    task = tools.database.run(partial(_take, item_id=item_id, now=utcnow()))
    if task is None or task.item.url is None:
        return
    try:
        met = _meet(tools, task, task.item.url)
    except _OURS as error:
        _log.error("item %s could not be checked: %s: %s", item_id, type(error).__name__, error)
        wait_s = min(OBSTACLE_WAIT_S * 2.0 ** min(task.item.tries, 10), LONGEST_OBSTACLE_WAIT_S)
        next_try_at = utcnow() + timedelta(seconds=wait_s)
        tools.database.run(partial(delay_check, item=task.item, next_try_at=next_try_at))
        return
    crash_point("after_fetch")
    try:
        recorded = tools.database.run(partial(_record, tools=tools, task=task, met=met))
    except StaleStateError as error:
        _log.warning("item %s: %s", item_id, error)
        return
    crash_point("after_commit")
    if recorded.state is ItemState.ACTIONABLE and recorded.state is not task.item.state:
        tools.queue.nudge(LOCATE_HOST, item_id, first=task.item.danger)


def _take(conn: Connection, *, item_id: UUID, now: datetime) -> _Task | None:
    item = take_item(conn, item_id, now=now)
    if item is None:
        return None
    return _Task(
        item=item,
        before=online_checks.read_shown(conn, item.id),
        hosting=hostings.find_agreed(conn, item.id, round_=item.round),
        page=None if item.is_top_level else find_page_of(conn, item.id),
    )


def _meet(tools: CaptureTools, task: _Task, url: str) -> _Met:
    """Fetch the address and judge its answer.

    Raises:
        SandboxUnavailableError, DecoderUnavailableError: something of our own does not run.
    """
    try:
        fetched = tools.fetcher.fetch(str(new_id()), _order(tools, task, url))
    except CaptureFailedError as error:
        return _Met(CheckFinding(OnlineResult.UNREACHABLE, str(error)))
    except CaptureRefusedError as error:
        return _Met(CheckFinding(OnlineResult.UNKNOWN, f"refused: {error}"))
    body = read_sha256(digest_bytes(fetched.body))
    answer = AnswerNow(
        status=fetched.status,
        body=body,
        fingerprints=_read_picture(tools, task.before, fetched, body),
        **_read_page(fetched, url),
    )
    finding = judge_check(task.before, answer)
    return _Met(finding, fetched.status, body, fetched.hops[-1].address or None)


def _order(tools: CaptureTools, task: _Task, url: str) -> FetchOrder:
    """Order the fetch as the capture was: what is shut to us by another way out is not gone."""
    names = {one.name for one in read_exits(tools.settings.fetch_exits)}
    return FetchOrder(
        url,
        exit_name=task.before.exit_name if task.before.exit_name in names else "",
        isolation=make_isolation(task.page.item_id if task.page else task.item.id),
        referer=task.page.url if task.page else "",
    )


class _PageNow(TypedDict):
    is_page: bool
    is_page_read: bool
    pictures: Sequence[str]
    embedded: Sequence[bytes]
    kind: PageKind | None


def _read_page(fetched: FetchedFile, url: str) -> _PageNow:
    """Return what a page holds and of what kind it is; what was found and not taken was not looked through."""
    page = fetched.page
    if page is None:
        kind = judge_answer(fetched.status)
        return _PageNow(is_page=False, is_page_read=True, pictures=(), embedded=(), kind=kind)
    return _PageNow(
        is_page=True,
        is_page_read=page.is_complete and page.found <= len(page.pictures) + len(page.embedded),
        pictures=page.pictures,
        embedded=[read_sha256(digest_bytes(one)) for one in page.embedded],
        kind=judge_page(page.facts, status=fetched.status, asked_url=url, final_url=fetched.final_url),
    )


def _read_picture(
    tools: CaptureTools, before: ShownBefore, fetched: FetchedFile, body: bytes
) -> Sequence[Fingerprint]:
    """Return the fingerprints of a picture that is not byte for byte what was there, if it is one."""
    if fetched.status != 200 or not before.images or body in before.images:
        return ()
    if sniff_media(fetched.body[:SNIFF_BYTES]) is not Media.PICTURE:
        return ()
    for _ in range(2):  # a busy machine can be why it took too much
        try:
            with tools.decoder.open_picture(str(new_id()), fetched.body) as picture:
                return picture.fingerprints
        except PictureOverLimitError:
            continue
        except PictureRefusedError:
            break
    return ()


def _record(conn: Connection, *, tools: CaptureTools, task: _Task, met: _Met) -> RecordedCheck:
    settings = tools.settings
    network = find_network(conn, met.address) if met.address is not None else None
    asn = network.asn if network is not None else None
    finding = met.finding
    if (
        finding.result is OnlineResult.ONLINE
        and met.address is not None
        and is_elsewhere(task.hosting, address=met.address, asn=asn)
    ):
        finding = CheckFinding(OnlineResult.MOVED, "it answers from another operator's network")
    recorded = record_check(
        conn,
        task.item,
        finding.result,
        CheckFacts(met.status, met.sha256, met.address, asn, finding.reason),
        now=utcnow(),
        policy=CheckPolicy(
            online_check_every_s=settings.online_check_every_s,
            removed_check_every_s=settings.removed_check_every_s,
            reminder_after_s=settings.reminder_after_s,
        ),
        sending=SendingPolicy.from_settings(settings),
    )
    crash_point("before_commit")
    return recorded
