"""The door to the settings that change while it runs, and the history of their changes.

1. At the start of a process: read what was changed, lay it over what the environment says.
2. Every few seconds, beside the requests: read it again. Nobody who asks ever waits for the database.
3. When the database does not answer, what was read last stands.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import psycopg

from triage.errors import ServerUnavailableError
from triage.ids import new_id
from triage.rules.live_settings import read_values
from triage.settings import Settings
from triage.store.pool import Database
from triage.store.rows import Connection, row_of

_log = logging.getLogger(__name__)
READ_EVERY_S = 3.0
"""Seconds after which every process knows of a change."""


@dataclass(frozen=True, slots=True)
class SettingChange:
    """A change as it stands.

    Attributes:
        seq: 1 for the first change of this setting.
        before, after: values as text; None is the default of the environment.
        person: name of who changed it.
    """

    name: str
    seq: int
    before: str | None
    after: str | None
    reason: str
    person: str
    at: datetime


def read_changed(conn: Connection) -> dict[str, str]:
    """Return every setting that differs from the environment by a change, as text."""
    rows = conn.execute("SELECT name, value FROM live_settings ORDER BY name").fetchall()
    return dict(rows)


def read_changed_public(conn: Connection) -> dict[str, str]:
    """Return the same of the settings that the public surface may read."""
    rows = conn.execute("SELECT name, value FROM public_settings ORDER BY name").fetchall()
    return dict(rows)


def list_last_changes(conn: Connection) -> dict[str, SettingChange]:
    """Return the last change of each setting that was ever changed."""
    with conn.cursor(row_factory=row_of(SettingChange)) as cursor:
        found = cursor.execute(
            "SELECT DISTINCT ON (setting_changes.name) setting_changes.name, seq, before, after, reason,"
            " persons.name AS person, at"
            " FROM setting_changes JOIN persons ON persons.id = person_id"
            " ORDER BY setting_changes.name, seq DESC"
        ).fetchall()
    return {one.name: one for one in found}


def insert_change(
    conn: Connection,
    name: str,
    *,
    seq: int,
    before: str | None,
    after: str | None,
    reason: str,
    person_id: UUID,
    now: datetime,
) -> UUID | None:
    """Store a change; None when another one of this setting and number stands already."""
    change_id = new_id()
    stored = conn.execute(
        "INSERT INTO setting_changes (id, name, seq, before, after, reason, person_id, at)"
        " VALUES (%(id)s, %(name)s, %(seq)s, %(before)s, %(after)s, %(reason)s, %(person)s, %(now)s)"
        " ON CONFLICT (name, seq) DO NOTHING",
        {
            "id": change_id,
            "name": name,
            "seq": seq,
            "before": before,
            "after": after,
            "reason": reason,
            "person": person_id,
            "now": now,
        },
    )
    return change_id if stored.rowcount == 1 else None


class LiveSettings:
    """The settings of one process, as they are now.

    Args:
        start: what the environment said; stands wherever nothing was changed.
        database: with the role of this process.
        read: `read_changed`, or `read_changed_public` on the public surface.
    """

    def __init__(
        self,
        start: Settings,
        database: Database,
        read: Callable[[Connection], Mapping[str, str]] = read_changed,
    ) -> None:
        self.start = start
        self._database = database
        self._read = read
        self._current = start
        self._unusable: list[str] = []
        self._followers: list[Callable[[Settings], None]] = []

    @property
    def current(self) -> Settings:
        """The settings now; asking costs nothing."""
        return self._current

    def open(self) -> "LiveSettings":
        """Read them, and go on reading until the database is closed.

        Raises:
            ServerUnavailableError: PostgreSQL does not answer.
        """
        self.renew()
        self._database.repeat(self._try_renew, every_s=READ_EVERY_S)
        return self

    def follow(self, take_up: Callable[[Settings], None]) -> None:
        """Call something with the settings whenever they change: what keeps a copy of them."""
        self._followers.append(take_up)
        take_up(self._current)

    def renew(self) -> None:
        """Read them now.

        Raises:
            ServerUnavailableError: PostgreSQL does not answer.
        """
        values, unusable = read_values(self._database.run(self._read))
        if unusable != self._unusable:
            _log.error("changed settings that do not fit this version are left out: %s", ", ".join(unusable))
            self._unusable = unusable
        before = self._current
        self._current = replace(self.start, **values) if values else self.start  # type: ignore[arg-type]
        if self._current != before:
            for take_up in self._followers:
                take_up(self._current)

    def _try_renew(self) -> None:
        try:
            self.renew()
        except (ServerUnavailableError, psycopg.Error) as error:
            _log.warning("the changed settings were not read: %s; the last ones stand", type(error).__name__)
