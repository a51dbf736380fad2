"""The public surface as it runs: real keys, a real object folder, a real web server on loopback in a thread."""

import hashlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import psycopg

from api.deps import PublicTools, open_public_tools
from api.main import create_app
from tests.quick_server import listen, serve
from triage.cli.make_keys import make_keys
from triage.cli.state_dir import StateDir, read_text_secret, write_secret
from triage.clock import utcnow
from triage.keys import DATABASE_URL, INTAKE_IDENTITY, ProcessKeys
from triage.settings import load_settings
from triage.store.tokens import insert_token
from triage.vault import INTAKE, unseal

TOKEN = "hotline_token-of-the-tests"


def lay_out_keys(root: Path, public_dsn: str) -> StateDir:
    """Make a state folder with the keys of a deployment and the public role's address."""
    state = StateDir(root)
    state.prepare()
    make_keys(state, evidence_url=None)
    write_secret(state.keys("public") / DATABASE_URL, public_dsn)
    return state


def add_token(
    conn: psycopg.Connection[Any], token: str = TOKEN, scope: str = "intake", *, days: float = 1
) -> None:
    """Store a token; with negative `days` one that has expired."""
    now = utcnow()
    insert_token(
        conn,
        f"token {token[-20:]}",
        scope,
        hashlib.sha256(token.encode()).digest(),
        now=now - timedelta(days=30),
        expires_at=now + timedelta(days=days),
    )
    conn.commit()


@dataclass
class PublicSurface:
    """A running public surface and how to speak to it."""

    state: StateDir
    tools: PublicTools
    port: int

    @property
    def url(self) -> str:
        """The address of the surface, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    def client(self, token: str | None = TOKEN) -> httpx2.Client:
        """A client that sends this token with every request."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return httpx2.Client(base_url=self.url, headers=headers, trust_env=False, timeout=30)

    def connect(self) -> socket.socket:
        """A bare connection, for requests that no client would make."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def list_objects(self) -> list[Path]:
        """All files below the intake area, unfinished ones too."""
        return sorted(path for path in (self.state.root / INTAKE).rglob("*") if path.is_file())

    def open_object(self, path: Path) -> bytes:
        """The clear bytes of a sealed upload, opened with the worker's key."""
        return unseal(path.read_bytes(), read_text_secret(self.state.keys("worker") / INTAKE_IDENTITY))


@contextmanager
def run_public_surface(root: Path, public_dsn: str, **settings: Any) -> Iterator[PublicSurface]:
    """Serve the public surface until the block ends; `settings` are fields of the settings."""
    state = lay_out_keys(root, public_dsn)
    chosen = load_settings({}, state_dir=root, **settings)
    tools = open_public_tools(chosen, ProcessKeys(state.keys("public"), chosen))
    app = create_app(tools, hosts=chosen.served_hosts)
    listener = listen()
    surface = PublicSurface(state, tools, listener.getsockname()[1])
    try:
        with serve(app, listener):
            yield surface
    finally:
        tools.database.close()
