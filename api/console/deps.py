"""What the routes of the staff surface need; made once, at the start of the process."""

from dataclasses import dataclass, field
from pathlib import Path

from argon2 import PasswordHasher
from fastapi import Request

from api.console.renderer import ConsoleRenderer
from triage.index_holder import IndexHolder
from triage.keys import VAULT_IDENTITY, ProcessKeys
from triage.settings import Settings
from triage.store.pool import Database
from triage.store.practice import read_kind
from triage.vault import ObjectVault


@dataclass(frozen=True, slots=True)
class StaffTools:
    """Database with the staff role, the evidence store and its identity, the pages.

    Attributes:
        index: what machines are answered from.
        hasher: of passwords; only tests have a cheaper one.
    """

    settings: Settings
    database: Database
    vault: ObjectVault
    vault_identity: str = field(repr=False)
    renderer: ConsoleRenderer
    index: IndexHolder
    is_practice: bool
    hasher: PasswordHasher = field(default_factory=PasswordHasher)


def open_staff_tools(
    settings: Settings, keys: ProcessKeys, index_dir: Path, *, hasher: PasswordHasher | None = None
) -> StaffTools:
    """Connect with the staff role and read the keys of this surface.

    Raises:
        HotlineError: something that this surface cannot do without is missing.
    """
    vault_identity = keys.read(VAULT_IDENTITY)
    vault = ObjectVault(keys.find_evidence_url(), keys.find_store_options())
    database = Database(keys.find_database_url(), role="hotline_staff")
    database.open()
    is_practice = database.run(read_kind) == "practice"
    return StaffTools(
        settings=settings,
        database=database,
        vault=vault,
        vault_identity=vault_identity,
        renderer=ConsoleRenderer(is_practice),
        index=IndexHolder(index_dir),
        is_practice=is_practice,
        hasher=hasher or PasswordHasher(),
    )


def get_staff(request: Request) -> StaffTools:
    """Return the tools of this process; for routes of the staff surface."""
    tools = request.app.state.tools
    if not isinstance(tools, StaffTools):
        raise TypeError("this surface has no staff tools")
    return tools
