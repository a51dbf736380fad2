"""Keep what a capture found on a page as child items: pictures with an address of their own, and pictures that the
page carries inside its own text.

1. What was never met becomes an item. What stands already is locked, all in one order, and captured again if the
   rule of reports says so.
2. A picture inside the page is an upload: its sealed object gets its row here, in the transaction of its item.
3. The first of them are captured at once; the others wait behind all other items.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from triage.model import Item
from triage.rules.admission import Admission, admit_again
from triage.rules.due import FIRST_OF_MANY, is_late
from triage.rules.states import ItemKind, ItemState
from triage.rules.urls import NormalUrl
from triage.steps.take_capture import TakenCapture
from triage.store import captures, embedded_files, items, next_captures
from triage.store.custody import NewEvent, stream_of
from triage.store.items import NewItem, StandingItem
from triage.store.rows import Connection


@dataclass(frozen=True, slots=True)
class EmbeddedFile:
    """A picture inside a page's text, sealed in the intake area before this transaction.

    Attributes:
        sha256: of its bytes, 32 bytes.
        object_name: of the sealed object.
        size: of the bytes.
        media_ending: such as jpg; what the page says it is.
    """

    sha256: bytes
    object_name: str
    size: int
    media_ending: str


@dataclass(frozen=True, slots=True)
class KeptPictures:
    """Items to nudge now, and sealed objects that nobody needs."""

    due: tuple[UUID, ...] = ()
    unused: tuple[str, ...] = ()


def keep_pictures(
    conn: Connection,
    taken: TakenCapture,
    pictures: Sequence[NormalUrl],
    embedded: Sequence[EmbeddedFile],
    events: list[NewEvent],
    *,
    now: datetime,
    recapture_after_s: float,
) -> KeptPictures:
    """Make or find the child items of a page, and link them to it in their order.

    Args:
        pictures: addresses, best first.
        embedded: pictures inside the page, in their order.
        events: custody events of this transaction; what happens here is added.
    """
    page = taken.item
    wanted = {bytes.fromhex(picture.key): picture for picture in pictures}
    files: dict[bytes, EmbeddedFile] = {}
    for file in embedded:
        files.setdefault(file.sha256, file)
    # Two maps all along: a page may carry bytes whose digest is the key of an address that it shows.
    late_urls, late_files = set(list(wanted)[FIRST_OF_MANY:]), set(files)
    late_files -= set(list(files)[: max(FIRST_OF_MANY - len(wanted), 0)])
    fresh_urls = _insert_urls(conn, taken, wanted, late_urls, now=now)
    carried = embedded_files.read_embedded(conn, page.id, list(files))
    standing = items.lock_standing_items(
        conn, [key for key in wanted if key not in fresh_urls], list(carried.values())
    )
    again = _admit(conn, page, standing, events, now=now, recapture_after_s=recapture_after_s)
    fresh_files = _insert_files(conn, taken, files, carried, late_files, now=now)
    urls = {**fresh_urls, **{bytes(one.url_key): one.id for one in standing if one.url_key}}
    placed = {**carried, **fresh_files}
    used = _name_objects(conn, files, placed, {*fresh_files.values(), *again}, now=now)
    places = [*(urls[key] for key in wanted), *(placed[key] for key in files)]
    items.link_children(conn, page.id, places, capture_id=taken.capture_id)
    for kind, fresh in (("url", fresh_urls), ("upload", fresh_files)):
        body = {"kind": kind, "remit": page.remit.value, "page": str(page.id)}
        events.extend(NewEvent(stream_of("item", one), "received", body) for one in fresh.values())
    patient = {*(urls[key] for key in late_urls), *(placed[key] for key in late_files)}
    next_captures.set_patient(conn, [one for one in again if one in patient], is_patient=True)
    if taken.exit_name:
        waiting = [one.id for one in standing if one.state is ItemState.RECEIVED]
        next_captures.ask_exit(
            conn, [one for one in (*again, *waiting) if one in urls.values()], taken.exit_name
        )
    due = [*fresh_urls.values(), *fresh_files.values(), *again]
    return KeptPictures(
        tuple(
            one for one in due if not is_late(danger=page.danger, is_patient=page.is_low or one in patient)
        ),
        tuple(file.object_name for file in embedded if file.object_name not in used),
    )


def _insert_urls(
    conn: Connection,
    taken: TakenCapture,
    wanted: Mapping[bytes, NormalUrl],
    late: set[bytes],
    *,
    now: datetime,
) -> dict[bytes, UUID]:
    page = taken.item
    stored = items.insert_items(
        conn,
        [
            NewItem(
                kind=ItemKind.URL,
                state=ItemState.RECEIVED,
                remit=page.remit,
                danger=page.danger,
                is_top_level=False,
                url=picture.url,
                url_key=key,
                is_patient=key in late,
                is_low=page.is_low,
                asked_exit=taken.exit_name or None,
            )
            for key, picture in wanted.items()
        ],
        now=now,
    )
    found = {key: item_id for item_id, key in stored if key is not None}
    return {key: found[key] for key in wanted if key in found}


def _insert_files(
    conn: Connection,
    taken: TakenCapture,
    files: Mapping[bytes, EmbeddedFile],
    carried: Mapping[bytes, UUID],
    late: set[bytes],
    *,
    now: datetime,
) -> dict[bytes, UUID]:
    """Make the items of files that the page never carried before."""
    page = taken.item
    number = embedded_files.count_embedded(conn, page.id)
    fresh: dict[bytes, UUID] = {}
    for sha256, file in files.items():
        if sha256 in carried:
            continue
        number += 1
        new = NewItem(
            kind=ItemKind.UPLOAD,
            state=ItemState.RECEIVED,
            remit=page.remit,
            danger=page.danger,
            is_top_level=False,
            file_name=f"embedded-{number}.{file.media_ending}",
            is_patient=sha256 in late,
            is_low=page.is_low,
        )
        ((item_id, _),) = items.insert_items(conn, [new], now=now)
        embedded_files.insert_embedded(conn, page.id, sha256, item_id)
        fresh[sha256] = item_id
    return fresh


def _admit(
    conn: Connection,
    page: Item,
    standing: Sequence[StandingItem],
    events: list[NewEvent],
    *,
    now: datetime,
    recapture_after_s: float,
) -> list[UUID]:
    """Move back to received what is to be captured again: after it was closed, or of another remit."""
    moved: list[UUID] = []
    for admission in (Admission.REPORTED_AGAIN, Admission.REPORTED_IN_REMIT):
        found = [
            item.id
            for item in standing
            if admission
            is admit_again(
                item.state,
                page.remit,
                item.captured_at,
                item.closed_as,
                danger=False,
                now=now,
                recapture_after_s=recapture_after_s,
                by_page=True,
            )
        ]
        items.report_again(conn, found, event=admission.value, remit=page.remit, now=now, is_low=page.is_low)
        events.extend(NewEvent(stream_of("item", item_id), admission.value) for item_id in found)
        moved += found
    return moved


def _name_objects(
    conn: Connection,
    files: Mapping[bytes, EmbeddedFile],
    placed: Mapping[bytes, UUID],
    captured_now: set[UUID],
    *,
    now: datetime,
) -> set[str]:
    """Give the sealed objects of files that will be captured their rows; return the names of those objects."""
    used: set[str] = set()
    for sha256, file in files.items():
        item_id = placed[sha256]
        if item_id in captured_now:
            captures.consume_intake_objects(conn, item_id, now=now)  # one that no capture could open
            captures.insert_intake_object(conn, file.object_name, item_id, file.size, now=now)
            used.add(file.object_name)
    return used
