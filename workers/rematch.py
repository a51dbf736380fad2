"""Retro-match: pictures of before against lists that came later.

1. Where no live entry came or changed since, fingerprints are raised in bulk, without a search.
2. Else batch by batch, farthest behind first: open an index that is not behind the database, match the batch,
   record it in one transaction. A kill at any point loses no more than that batch, which is behind still.
3. An image that cannot be recorded is logged and left behind; it never holds up the others, and comes again.
4. After a second the job ends, so that captures come first; the sweep asks again while anything is behind.

An index that cannot be opened ends the run: nothing counts as matched then.
"""

import logging
import time
from functools import partial
from uuid import UUID

import psycopg

from hashsets import store as hash_sets
from hashsets.errors import HashsetsError, IndexBehindError, InvalidHashError
from hashsets.search import Index
from triage.clock import utcnow
from triage.crash_points import crash_point
from triage.errors import HotlineError, ServerUnavailableError
from triage.steps.rematch_images import Rematched, rematch_images
from triage.store import rematches
from triage.store.rows import Connection
from workers.tools import CaptureTools

_log = logging.getLogger(__name__)
RUN_S = 1.0
_RAISED_AT_ONCE = 20_000
_BEHIND_TRIES = 5


def rematch(tools: CaptureTools, rematch_id: UUID) -> None:
    """Work on what is behind for about a second; safe to be asked for again at any time.

    Args:
        tools: what a worker has.
        rematch_id: names the work; the database says what is due.
    """
    try:
        is_moving = _run(tools, time.monotonic() + RUN_S)
    except (HashsetsError, ServerUnavailableError) as error:
        _log.error("rematch %s waits: %s: %s", rematch_id, type(error).__name__, error)
        return
    if is_moving:  # else it comes again when its nudge is old: what failed is not tried every second
        tools.database.run(rematches.end_run)


def _run(tools: CaptureTools, until: float) -> bool:
    """Work until a time; return whether anything was done or nothing is left."""
    skipped: list[UUID] = []
    is_moving = False
    behind_tries = 0
    while time.monotonic() < until:
        generation = tools.database.run(hash_sets.read_generation)
        if tools.database.run(partial(_raise_untouched, generation=generation)):
            is_moving = True
            continue
        image_ids = tools.database.run(
            partial(
                rematches.find_images_behind,
                generation=generation,
                limit=tools.settings.rematch_batch,
                skipped=skipped,
            )
        )
        if not image_ids:
            return is_moving or not skipped
        index = tools.index.get(tools.database, at_least=generation)
        try:
            done = _match_batch(tools, index, image_ids)
        except IndexBehindError:  # a list changed meanwhile: nothing was recorded
            behind_tries += 1
            if behind_tries == _BEHIND_TRIES:
                raise
            continue
        except (HotlineError, InvalidHashError, psycopg.Error) as error:
            if isinstance(error, ServerUnavailableError):
                raise
            done = _match_alone(tools, index, image_ids, skipped)
        if done is None:
            return False  # another worker is at it
        is_moving = is_moving or done
        if not done:  # a capture holds them; it matches them itself
            skipped.extend(image_ids)
    return is_moving


def _raise_untouched(conn: Connection, *, generation: int) -> int:
    newest = rematches.read_newest_change(conn)
    return rematches.raise_untouched(conn, generation=generation, newest_change=newest, limit=_RAISED_AT_ONCE)


def _match_batch(tools: CaptureTools, index: Index, image_ids: list[UUID]) -> bool | None:
    """Match a batch; return whether any image was, or None when another worker has the place."""

    def record(conn: Connection) -> Rematched | None:
        done = rematch_images(conn, image_ids, index.search, generation=index.generation, now=utcnow())
        crash_point("before_commit")
        return done

    done = tools.database.run(record)
    crash_point("after_commit")
    if done is None:
        return None
    if done.matches:
        _log.info(
            "%d new matches of %d images; %d items come back", done.matches, done.images, done.brought_back
        )
    return done.images > 0


def _match_alone(
    tools: CaptureTools, index: Index, image_ids: list[UUID], skipped: list[UUID]
) -> bool | None:
    """Match the images of a batch that failed one by one; what fails alone is skipped."""
    is_moving = False
    for image_id in image_ids:
        try:
            done = _match_batch(tools, index, [image_id])
        except (IndexBehindError, ServerUnavailableError):
            raise
        except (HotlineError, InvalidHashError, psycopg.Error) as error:
            _log.error("image %s could not be matched again: %s", image_id, type(error).__name__)
            done = False
        if done is None:
            return None
        if not done:
            skipped.append(image_id)
        is_moving = is_moving or done
    return is_moving
