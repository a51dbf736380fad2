"""What a job needs: one object per worker process, made once and kept warm."""

import threading
from dataclasses import dataclass, field
from pathlib import Path

from hashsets.errors import HashsetsError
from triage.errors import (
    DecoderUnavailableError,
    KeyMissingError,
    SandboxUnavailableError,
    ServerUnavailableError,
    StorageError,
)
from triage.index_holder import IndexHolder
from triage.keys import INTAKE_IDENTITY, VAULT_RECIPIENT, ProcessKeys
from triage.queue import QueueDoor
from triage.rules.exits import read_credentials, read_exit_rules, read_exits
from triage.sandbox.decoder import Decoder, DecoderLimits
from triage.settings import Settings
from triage.settings_checks import check_floors
from triage.store.networks import list_networks
from triage.store.pool import Database
from triage.store.practice import read_kind, read_practice_names
from triage.vault import ObjectVault, recipient_of
from workers.dialling.practice_names import PracticeNames
from workers.fetcher.door import Fetcher
from workers.fetcher.wire import FetchLimits

OWN_FAULTS = (
    HashsetsError,
    StorageError,
    KeyMissingError,
    SandboxUnavailableError,
    DecoderUnavailableError,
    ServerUnavailableError,
)
"""What may fail while a job works with a file and is no fault of that file: it is never an answer about it."""


@dataclass(frozen=True, slots=True)
class CaptureTools:
    """What the capture job needs."""

    name: str
    settings: Settings
    database: Database
    queue: QueueDoor
    vault: ObjectVault
    fetcher: Fetcher
    decoder: Decoder
    index: IndexHolder
    intake_identity: str = field(repr=False)
    vault_recipient: str = field(repr=False)

    @property
    def intake_recipient(self) -> str:
        """To which pictures that a page carries inside its text are sealed, until their own capture."""
        return recipient_of(self.intake_identity)

    def close(self) -> None:
        """End the children and close the connections."""
        self.fetcher.close()
        self.decoder.close()
        self.database.close()


def open_capture_tools(
    name: str, settings: Settings, keys: ProcessKeys, index_dir: Path, *, zygote_module: str | None = None
) -> CaptureTools:
    """Connect, start the decoder, and hand the fetcher the names of a practice deployment.

    Args:
        name: name of this worker.
        zygote_module: only the tests of the sandbox's boundary give one.

    Raises:
        HotlineError: something that a worker cannot do without is missing.
    """
    database = Database(keys.find_database_url(), role="hotline_worker")
    database.open()
    check_floors(settings, is_practice=database.run(read_kind) == "practice")
    limits = DecoderLimits.from_settings(settings)
    is_weak = settings.sandbox == "weak"
    decoder = (
        Decoder(limits, weak=is_weak, zygote_module=zygote_module)
        if zygote_module
        else Decoder(limits, weak=is_weak)
    )
    tools = CaptureTools(
        name=name,
        settings=settings,
        database=database,
        queue=QueueDoor(keys.find_redis_url(), timeout_s=settings.job_timeout_s),
        vault=ObjectVault(keys.find_evidence_url(), keys.find_store_options()),
        fetcher=open_fetcher(settings, keys, database),
        decoder=decoder,
        index=IndexHolder(index_dir),
        intake_identity=keys.read(INTAKE_IDENTITY),
        vault_recipient=keys.read(VAULT_RECIPIENT),
    )
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("children that die with their parent must be started by its main thread")
    decoder.start()
    return tools


def open_fetcher(settings: Settings, keys: ProcessKeys, database: Database) -> Fetcher:
    """Prepare the fetcher: with the names of a practice deployment, and what its ways out need.

    Raises:
        SettingsError: a way out or a rule cannot be read.
    """
    rules = read_exit_rules(settings.fetch_exit_rules, read_exits(settings.fetch_exits))
    countries = {rule.country for rule in rules if rule.country}
    networks = database.run(list_networks) if countries else []
    return Fetcher(
        FetchLimits.from_settings(settings),
        PracticeNames.from_rows(database.run(read_practice_names)),
        networks=[(one.prefix, one.country) for one in networks if one.country in countries],
        credentials=read_credentials(keys.find_exit_passwords()),
    )
