"""Files of public reports: strangers may fill neither the disk nor the places of all others.

1. Before the first file of a report is stored, as many bytes as its sender announced are held in the database: all
   processes together stay under PUBLIC_UPLOADS_WAITING_MB, and leave PUBLIC_UPLOADS_FREE_MB of the disk.
2. One part of the net has at most a quarter of that on its way, or one largest file: who announces much and sends it
   slowly keeps nobody else out.
3. Without room the files are read past, and the reporter is told beside the field; nothing else of the report is lost.
4. The hold ends in the transaction that stores the report, or once its files are deleted. What a killed process
   held lapses by itself.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from api.bodies import MAX_FILES, MAX_FORM_TEXT_BYTES, ReadForm, discard_uploads, read_form
from api.deps import PublicTools
from triage.errors import ServerUnavailableError
from triage.free_disk import measure_free
from triage.ids import new_id
from triage.rules.admission import measure_on_disk
from triage.store.upload_holds import end_hold, take_hold

_log = logging.getLogger(__name__)
_MIB = 2**20
_SHARE = 4


@dataclass(slots=True)
class TakenForm:
    """A form whose files are stored, for now.

    Attributes:
        hold_id: what is held for its files; the step that stores the report ends it. None without files.
        is_kept: whether they belong to a stored report; otherwise they are deleted.
    """

    form: ReadForm
    hold_id: UUID | None
    is_kept: bool = False


@dataclass(slots=True)
class _Room:
    """The room for the files of one report."""

    tools: PublicTools
    subnet: bytes
    announced: int | None
    hold_id: UUID | None = None
    size: int = 0

    async def make(self) -> int:
        """Return how many bytes of files may be stored, 0 for none.

        Raises:
            ServerUnavailableError: PostgreSQL does not answer.
            StorageError: the disk cannot be asked.
        """
        settings = self.tools.settings
        clear = settings.upload_max_bytes if self.announced is None else self.announced
        size = measure_on_disk(clear, MAX_FILES)
        largest = measure_on_disk(settings.upload_max_bytes + MAX_FORM_TEXT_BYTES, MAX_FILES)
        share = max(settings.public_uploads_waiting_mb * _MIB // _SHARE, largest)
        if not self.tools.uploads_on_way.begin(self.subnet, size, share=share):
            _log.warning("files of a public report were declined: its part of the net sends many just now")
            return 0
        self.size = size
        async with self.tools.uploads_on_way.turn:
            has_room = await run_in_threadpool(self._hold)
        if not has_room:
            _log.warning("files of a public report were declined: there is no room for them")
            return 0
        return clear

    def _hold(self) -> bool:
        settings, hold_id = self.tools.settings, new_id()
        left = measure_free(self.tools.vault.folder)
        free = None if left is None else left - settings.public_uploads_free_mb * _MIB
        most = settings.public_uploads_waiting_mb * _MIB
        has_room = self.tools.database.run(
            lambda conn: take_hold(conn, hold_id, size=self.size, most=most, free=free)
        )
        if has_room:
            self.hold_id = hold_id
        return has_room

    async def give_back(self) -> None:
        """End the hold; its files are gone."""
        hold_id = self.hold_id
        if hold_id is None:
            return
        try:
            await run_in_threadpool(self.tools.database.run, lambda conn: end_hold(conn, hold_id))
        except ServerUnavailableError:
            _log.warning("a hold of uploads was not given back; it lapses by itself")

    def leave(self) -> None:
        """Nothing of it is on its way any more."""
        self.tools.uploads_on_way.end(self.subnet, self.size)


@asynccontextmanager
async def take_form(
    request: Request, tools: PublicTools, subnet: bytes, *, text_parts: frozenset[str] = frozenset()
) -> AsyncIterator[TakenForm]:
    """Read a form with its files; what the block does not keep is deleted again.

    Args:
        subnet: where it comes from.
        text_parts: see `read_form`.

    Raises:
        InvalidReportError, TooLargeError, UnsupportedBodyError, StorageError: see `read_form`.
        ServerUnavailableError: PostgreSQL does not answer.
    """
    length = request.headers.get("content-length", "")
    room = _Room(tools, subnet, int(length) if length.isdigit() else None)
    form = ReadForm()
    try:
        form = await read_form(
            request,
            tools.vault,
            tools.intake_recipient,
            max_file_bytes=tools.settings.upload_max_bytes,
            takes_files=tools.settings.public_uploads,
            max_text_bytes=MAX_FORM_TEXT_BYTES,
            make_room=room.make,
            text_parts=text_parts,
        )
        taken = TakenForm(form, room.hold_id)
        yield taken
        if not taken.is_kept:
            await discard_uploads(tools.vault, form)
            await room.give_back()
    except ServerUnavailableError:
        raise  # the commit may have taken place: the sweep of orphans takes files that no row names
    except BaseException:
        await discard_uploads(tools.vault, form)
        await room.give_back()
        raise
    finally:
        room.leave()
