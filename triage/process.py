"""The first lines of every long-running process: read the settings, lock the process, start the log.

Imports nothing that may start a thread: the locks must come first.
"""

import contextlib
import logging
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from triage.errors import KeyMissingError
from triage.keys import ProcessKeys
from triage.log import start_log
from triage.sandbox.locks import LockReport, lock_process
from triage.settings import Settings, load_settings

_log = logging.getLogger(__name__)

OBJECT_AREAS: dict[str, tuple[str, ...]] = {
    "public": ("intake",),
    "staff": ("intake",),
    "worker": ("intake", "evidence"),
    "sweep": ("intake", "evidence"),
    "outbound": (),
}
"""Which areas of a folder-based evidence store each process may change."""

READ_AREAS: dict[str, tuple[str, ...]] = {"staff": ("evidence",)}
"""Which areas a process may only read."""

DIALS = frozenset({"worker", "outbound"})
"""Processes that dial out, they or their children; the others answer only."""


MATCHES = frozenset({"worker", "staff"})
"""Processes that open the index, and build it when the lists are ahead of it."""


@dataclass(frozen=True, slots=True)
class Process:
    """What a process knows of itself at its start."""

    settings: Settings
    keys: ProcessKeys
    index_dir: Path
    outbox_dir: Path
    locks: LockReport


def find_keys_dir(settings: Settings, kind: str) -> Path:
    """Return the folder of key files of a process."""
    return settings.keys_dir or settings.state_dir / "live" / "keys" / kind


def find_index_dir(settings: Settings) -> Path:
    """Return the folder of the mapped hash index."""
    return settings.index_dir or settings.state_dir / "live" / "index"


def find_outbox_dir(settings: Settings) -> Path:
    """Return the folder of what leaves as files."""
    return settings.outbox_dir or settings.state_dir / "live" / "outbox"


def _object_folders(keys: ProcessKeys, areas: tuple[str, ...]) -> list[Path]:
    with contextlib.suppress(KeyMissingError):
        url = keys.find_evidence_url()
        if url.startswith("file://"):
            root = Path(unquote(url.removeprefix("file://")))
            return [root / area for area in areas]
    return []


def _needs_tcp(keys: ProcessKeys) -> bool:
    """Whether a server or store of this process is reached by TCP: all but Unix sockets and folders."""
    for find in (keys.find_database_url, keys.find_redis_url, keys.find_evidence_url):
        with contextlib.suppress(KeyMissingError):
            url = find()
            is_local = url.startswith(("file://", "unix://")) or "host=%2F" in url or "@%2F" in url
            if not is_local:
                return True
    return False


def start_process(kind: str) -> Process:
    """Read the settings, lock this process into its own folders, start the log.

    Args:
        kind: public, staff, worker, sweep or outbound.

    Raises:
        SettingsError: a setting cannot be used.
        SandboxUnavailableError: a thread runs already, or the kernel refused.
    """
    settings = load_settings()
    keys = ProcessKeys(find_keys_dir(settings, kind).absolute(), settings)
    index_dir = find_index_dir(settings).absolute()
    outbox_dir = find_outbox_dir(settings).absolute()
    writable = _object_folders(keys, OBJECT_AREAS[kind])
    if kind in MATCHES:
        writable.append(index_dir)
    if kind == "outbound":
        writable.append(outbox_dir)
    for folder in writable:
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    readable = [
        folder
        for folder in (keys.folder, *_object_folders(keys, READ_AREAS.get(kind, ())))
        if folder.is_dir()
    ]
    dials = kind in DIALS or _needs_tcp(keys)
    locks = lock_process(
        readable, [folder for folder in writable if folder.is_dir()], tcp_connect=None if dials else ()
    )
    start_log(settings.log_level)
    _log.info("%s starts: locks %s, settings %s", kind, locks.as_dict(), settings.public_view())
    if not locks.landlock:
        _log.warning("this kernel has no Landlock: this process is not locked into its folders")
    return Process(settings, keys, index_dir, outbox_dir, locks)
