"""What the routes of the staff surface need; made once, at the start of the process."""

from dataclasses import dataclass, field
from pathlib import Path

from argon2 import PasswordHasher
from fastapi import Request

from api.console.renderer import ConsoleRenderer
from api.console.throttle import Throttle
from triage.index_holder import IndexHolder
from triage.keys import INTAKE_RECIPIENT, VAULT_IDENTITY, ProcessKeys
from triage.rules.classification_tables import NO_VOCABULARY, Vocabulary
from triage.rules.sign_in import SessionLimits
from triage.settings import Settings
from triage.store.live_settings import LiveSettings
from triage.store.pool import Database
from triage.store.practice import read_kind
from triage.tables.ucs import load_vocabulary
from triage.vault import ObjectVault


@dataclass(frozen=True, slots=True)
class StaffTools:
    """Database with the staff role, the evidence store and its identity, the pages.

    Attributes:
        live: the settings, with what was changed since the start.
        intake_recipient: to which files are sealed that a person asks about; a worker opens them.
        index: what machines are answered from.
        hasher: of passwords; only tests have a cheaper one.
        throttle: what slows strangers down.
        vocabulary: INHOPE's schema as far as it is loaded.
    """

    live: LiveSettings
    database: Database
    vault: ObjectVault
    vault_identity: str = field(repr=False)
    intake_recipient: str = field(repr=False)
    renderer: ConsoleRenderer
    index: IndexHolder
    is_practice: bool
    hasher: PasswordHasher = field(default_factory=PasswordHasher)
    throttle: Throttle = field(default_factory=Throttle)
    vocabulary: Vocabulary = NO_VOCABULARY

    @property
    def settings(self) -> Settings:
        """The settings as they are now."""
        return self.live.current

    @property
    def session_limits(self) -> SessionLimits:
        """How long a session lives, as it is set now."""
        return SessionLimits(self.settings.session_idle_s, self.settings.session_max_s)


def open_staff_tools(
    settings: Settings, keys: ProcessKeys, index_dir: Path, *, hasher: PasswordHasher | None = None
) -> StaffTools:
    """Connect with the staff role and read the keys of this surface.

    Raises:
        HotlineError: something that this surface cannot do without is missing.
    """
    vocabulary = load_vocabulary(settings.ucs_file)
    vault_identity = keys.read(VAULT_IDENTITY)
    vault = ObjectVault(keys.find_evidence_url(), keys.find_store_options())
    database = Database(keys.find_database_url(), role="hotline_staff")
    database.open()
    is_practice = database.run(read_kind) == "practice"
    tools = StaffTools(
        live=LiveSettings(settings, database).open(),
        database=database,
        vault=vault,
        vault_identity=vault_identity,
        intake_recipient=keys.read(INTAKE_RECIPIENT),
        renderer=ConsoleRenderer(is_practice),
        index=IndexHolder(index_dir),
        is_practice=is_practice,
        hasher=hasher or PasswordHasher(),
        vocabulary=vocabulary,
    )
    tools.throttle.measure(tools.hasher)  # before anybody can put a load on
    return tools


def get_staff(request: Request) -> StaffTools:
    """Return the tools of this process; for routes of the staff surface."""
    tools = request.app.state.tools
    if not isinstance(tools, StaffTools):
        raise TypeError("this surface has no staff tools")
    return tools
