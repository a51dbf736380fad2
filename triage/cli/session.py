"""What commands share: which deployment they speak to, with which role, and how they print."""

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from triage.cli.embedded import connect_or_start
from triage.cli.state_dir import StateDir
from triage.errors import ServerUnavailableError
from triage.keys import ProcessKeys
from triage.settings import Settings
from triage.store.migrate import check_schema, read_applied
from triage.store.pool import connect
from triage.store.rows import Connection


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment on this machine: `STATE_DIR/live` or `STATE_DIR/practice`."""

    settings: Settings
    state: StateDir

    @property
    def index_dir(self) -> Path:
        """Folder of its mapped index."""
        return self.settings.index_dir or self.state.index

    @property
    def outbox_dir(self) -> Path:
        """Folder of what leaves as files."""
        return self.settings.outbox_dir or self.state.outbox

    def keys(self, holder: str) -> ProcessKeys:
        """Key files of one of its processes."""
        return ProcessKeys(self.settings.keys_dir or self.state.keys(holder), self.settings)


def find_deployment(settings: Settings, *, practice: bool) -> Deployment:
    """Return the deployment that a command is about."""
    return Deployment(settings, StateDir(settings.state_dir / ("practice" if practice else "live")))


def add_practice_flag(parser: argparse.ArgumentParser) -> None:
    """Add `--practice`: speak to the practice deployment instead of the live one."""
    parser.add_argument("--practice", action="store_true", help="the practice deployment of `hotline demo`")


def add_json_flag(parser: argparse.ArgumentParser) -> None:
    """Add `--json`: one object a line."""
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def with_address(settings: Settings, role: str) -> Settings:
    """Find the external database of a role: DATABASE_URL, else DATABASE_URL_<ROLE>, else the file in KEYS_DIR.

    With none of them the settings stay as they are, and the embedded server is meant.
    """
    url = settings.database_url or getattr(settings, f"database_url_{role}")
    if not url and settings.keys_dir is not None:
        url = ProcessKeys(settings.keys_dir, settings).find_database_url()
    return replace(settings, database_url=url)


def _require_started(conn: Connection, deployment: Deployment) -> None:
    """Say what to do where nothing was ever started.

    Raises:
        ServerUnavailableError: the database is empty.
    """
    if not read_applied(conn):
        command = "hotline demo" if deployment.state.root.name == "practice" else "hotline up"
        raise ServerUnavailableError(f"Nothing was started here yet: run `{command}` first.")


@contextmanager
def open_connection(deployment: Deployment, role: str) -> Iterator[Connection]:
    """Connect with one role; embedded servers that do not run are started for as long as it lasts.

    Args:
        role: staff, public, worker or owner.

    Raises:
        ServerUnavailableError: no server answers.
        SchemaBehindError: migrations are missing.
    """
    settings = with_address(deployment.settings, role)
    with connect_or_start(deployment.state, settings, role=f"hotline_{role}") as dsns:
        conn = connect(dsns[f"hotline_{role}"])
        try:
            _require_started(conn, deployment)
            check_schema(conn)
            conn.commit()
            yield conn
        finally:
            conn.close()


def print_json(value: dict[str, Any]) -> None:
    """Print one object on one line."""
    print(json.dumps(value, ensure_ascii=False, default=str), flush=True)


def print_table(header: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    """Print rows under a header, columns aligned."""
    texts = [tuple("" if cell is None else str(cell) for cell in row) for row in rows]
    widths = [max(len(line[place]) for line in [header, *texts]) for place in range(len(header))]
    for line in [header, *texts]:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
