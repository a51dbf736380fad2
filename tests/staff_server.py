"""The staff console as it runs, on loopback in a thread, and a browser for it that signs in and sends its forms."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pyotp
from argon2 import PasswordHasher

from api.console.deps import StaffTools
from api.console.renderer import ConsoleRenderer
from api.main import create_app
from tests.builders import make_person
from tests.quick_server import listen, serve
from triage.cli.practice.staff_browser import StaffBrowser
from triage.clock import utcnow
from triage.index_holder import IndexHolder
from triage.model import PersonRole
from triage.settings import load_settings
from triage.store.live_settings import LiveSettings
from triage.store.pool import Database
from triage.store.practice import read_kind
from triage.store.sign_in import Credentials, replace_credentials
from triage.vault import ObjectVault, new_identity, recipient_of, seal

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "correct horse battery"
STEP_S = 30


def current_step() -> int:
    """The time step of the codes now; waits where it is about to end, so that a test does not cross into the next."""
    left = STEP_S - time.time() % STEP_S
    if left < 2:
        time.sleep(left)
    return int(time.time()) // STEP_S


@dataclass
class StaffPerson:
    """Somebody with a password and a code app."""

    id: UUID
    name: str
    secret: str = field(repr=False)
    password: str = field(default=PASSWORD, repr=False)
    last_step: int = 0

    def next_code(self) -> str:
        """A code that was not used yet; there are three of them at a time."""
        step = max(self.last_step + 1, current_step() - 1)
        self.last_step = step
        return pyotp.TOTP(self.secret).generate_otp(step)


@dataclass
class StaffSurface:
    """A running console, and the persons and browsers of a test."""

    database: Any
    tools: StaffTools
    port: int
    people: dict[str, StaffPerson] = field(default_factory=dict)
    browsers: list[StaffBrowser] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def hire(self, name: str, *roles: PersonRole) -> StaffPerson:
        """Make a person with credentials, or give credentials to one who is there; see `make_person`."""
        with self.database.connect() as conn:
            person_id = make_person(conn, name, *roles)
            if name not in self.people:
                secret = pyotp.random_base32()
                sealed = seal(secret.encode(), recipient_of(self.tools.vault_identity))
                credentials = Credentials(person_id, CHEAP.hash(PASSWORD), sealed, 0)
                replace_credentials(conn, credentials, now=utcnow())
                self.people[name] = StaffPerson(person_id, name, secret)
        return self.people[name]

    def browser(self) -> StaffBrowser:
        """A browser that nobody signed in."""
        self.browsers.append(StaffBrowser(self.url))
        return self.browsers[-1]

    def sign_in(self, name: str, *roles: PersonRole) -> StaffBrowser:
        """A browser in which this person, made if new, is signed in."""
        browser = self.browser()
        page = browser.sign_in(self.hire(name, *roles))
        assert page.status == 200, page.words
        assert browser.is_signed_in, page.words
        return browser


@contextmanager
def run_staff_surface(
    database: Any,
    *,
    root: Path,
    vault_identity: str | None = None,
    intake_recipient: str = "",
    **settings: Any,
) -> Iterator[StaffSurface]:
    """Serve the console until the block ends.

    Args:
        database: what the fixture of that name gives.
        root: folder of the evidence store (a desk's `root`).
        vault_identity: what opens that store (a desk's `vault_identity`); a fresh one by default.
        intake_recipient: to which files are sealed that a person asks about (a desk's); a fresh one by default.
        settings: fields that differ from the defaults.
    """
    listener = listen()
    pool = Database(database.dsns["hotline_staff"], role="hotline_staff")
    pool.open()
    is_practice = pool.run(read_kind) == "practice"
    tools = StaffTools(
        live=LiveSettings(load_settings({}, staff_port=listener.getsockname()[1], **settings), pool).open(),
        database=pool,
        vault=ObjectVault(f"file://{root}"),
        vault_identity=vault_identity or new_identity()[0],
        intake_recipient=intake_recipient or new_identity()[1],
        renderer=ConsoleRenderer(is_practice),
        index=IndexHolder(root / "index"),
        is_practice=is_practice,
        hasher=CHEAP,
    )
    surface = StaffSurface(database, tools, listener.getsockname()[1])
    app = create_app(tools, hosts=tools.settings.served_hosts)
    try:
        with serve(app, listener):
            yield surface
    finally:
        for browser in surface.browsers:
            browser.close()
        pool.close()
