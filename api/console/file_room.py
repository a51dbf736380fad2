"""Room for a file that a person asks about: asked for before the first byte of it is sealed.

1. The question is counted and its event stored, in one transaction that holds the person's stream: of files that come
   in at the same time none is sealed beyond what one person may ask. Who breaks off has asked.
2. In the same transaction what was announced is held, beside what strangers send just now: the disk keeps
   PUBLIC_UPLOADS_FREE_MB. The hold ends with the body; what a killed process held lapses by itself.
3. Without room the file is read past, and the form says in one sentence why.
"""

import logging
from dataclasses import dataclass
from uuid import UUID

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from api.console.deps import get_staff
from api.console.signed_in import get_signed_in
from triage.clock import utcnow
from triage.errors import (
    HotlineError,
    NotAllowedError,
    QuotaSpentError,
    ServerUnavailableError,
    StorageError,
)
from triage.free_disk import measure_free
from triage.rules.admission import measure_on_disk
from triage.steps.answer_file import begin_question
from triage.store.upload_holds import end_hold

_log = logging.getLogger(__name__)
_MIB = 2**20
_AS_LARGE_AS_IT_MAY_BE = 2**62
"""What one file may hold is bounded where it is sealed."""


@dataclass(slots=True)
class FileRoom:
    """The room for the file of one request.

    Attributes:
        question_id: under which the file may be asked about; None until there is room for it.
        refusal: why there is none.
    """

    request: Request
    question_id: UUID | None = None
    refusal: HotlineError | None = None

    async def make(self) -> int:
        """Return how many bytes may be sealed, 0 for none.

        Raises:
            ServerUnavailableError: PostgreSQL does not answer.
        """
        try:
            self.question_id = await run_in_threadpool(self._begin)
        except (NotAllowedError, QuotaSpentError, StorageError) as refusal:
            self.refusal = refusal
            return 0
        return _AS_LARGE_AS_IT_MAY_BE

    def _begin(self) -> UUID:
        tools, person = get_staff(self.request), get_signed_in(self.request).person
        length = self.request.headers.get("content-length", "")
        announced = int(length) if length.isdigit() else tools.settings.upload_max_bytes
        left = measure_free(tools.vault.folder)
        free = None if left is None else left - tools.settings.public_uploads_free_mb * _MIB
        return tools.database.run(
            lambda conn: begin_question(
                conn, size=measure_on_disk(announced, 1), free=free, person=person, now=utcnow()
            )
        )

    async def give_back(self) -> None:
        """End the hold: the file is sealed and counts as what it is, or it is gone."""
        question_id = self.question_id
        if question_id is None:
            return
        tools = get_staff(self.request)
        try:
            await run_in_threadpool(tools.database.run, lambda conn: end_hold(conn, question_id))
        except ServerUnavailableError:
            _log.warning("a hold of a file to look up was not given back; it lapses by itself")


def get_file_room(request: Request) -> FileRoom:
    """Return what became of the room for a request's file; for routes that take one."""
    room = request.state.file_room
    if not isinstance(room, FileRoom):
        raise TypeError("this route takes no file")
    return room
