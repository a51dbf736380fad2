"""Runs one whole deployment: servers, migrations, keys, and every process of it under a supervisor.

1. Hold the state folder; a second one is refused.
2. Start the embedded servers, or take the addresses of external ones.
3. Migrate as the owner, write what kind of deployment this is, make the keys that are missing.
4. Start public web, staff web, workers, outbound and sweep; restart what dies; stop all of them at the end.
"""

import hashlib
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import psycopg

from hashsets.current import ensure_current
from triage.cli.embedded import start_servers
from triage.cli.make_keys import make_keys
from triage.cli.session import Deployment
from triage.cli.state_dir import StateDir, read_secret, tell, write_secret
from triage.cli.supervise import ChildSpec, Supervisor, WatchedServer, make_child_environment
from triage.clock import utcnow
from triage.errors import ServerUnavailableError, SettingsError
from triage.keys import DATABASE_URL, INTAKE_RECIPIENT, RECEIPT_KEY, REDIS_URL, SMTP_URL, VAULT_RECIPIENT
from triage.queue import QueueDoor
from triage.settings import Settings
from triage.settings_checks import check_floors
from triage.store import custody
from triage.store.custody import SYSTEM, NewEvent
from triage.store.key_digests import bind_keys
from triage.store.migrate import OWNER, migrate
from triage.store.networks import count_networks, replace_networks
from triage.store.pool import connect
from triage.store.practice import Kind, write_kind
from triage.store.rows import Connection
from triage.tables import load_shipped_networks
from triage.vault import ObjectVault

ROLE_OF_PROCESS = {
    "owner": "owner",
    "public": "public",
    "staff": "staff",
    "worker": "worker",
    "sweep": "worker",
    "outbound": "outbound",
}
EXTERNAL_ROLES = tuple(dict.fromkeys(ROLE_OF_PROCESS.values()))
QUEUE_USERS = ("worker", "sweep", "outbound")


def check_port(name: str, host: str, port: int) -> None:
    """Refuse a port that is taken, before anything is started.

    Raises:
        SettingsError: somebody else listens there.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise SettingsError(f"Port {port} ({name}) cannot be used: {error.strerror}.") from None


def check_addresses(settings: Settings) -> None:
    """Refuse an address that cannot be read, before anything is started.

    Raises:
        SettingsError: REDIS_URL or EVIDENCE_URL is no address.
    """
    if settings.redis_url:
        QueueDoor(settings.redis_url, timeout_s=1)
    if settings.evidence_url:
        ObjectVault(settings.evidence_url)


def _read_external_urls(settings: Settings) -> dict[str, str]:
    """Return role → address of an external PostgreSQL; empty when it is embedded.

    Raises:
        SettingsError: some of the five are set and others not.
    """
    urls = {role: getattr(settings, f"database_url_{role}") for role in EXTERNAL_ROLES}
    if not settings.database_url and not any(urls.values()):
        return {}
    missing = [f"DATABASE_URL_{role.upper()}" for role, url in urls.items() if not url]
    if missing:
        raise SettingsError(f"`hotline up` with an external PostgreSQL needs {', '.join(missing)} too.")
    if not settings.redis_url:
        raise SettingsError("`hotline up` with an external PostgreSQL needs REDIS_URL too.")
    return urls


@contextmanager
def _start_or_take_servers(
    settings: Settings, state: StateDir
) -> Iterator[tuple[str, tuple[WatchedServer, ...]]]:
    """Start the embedded servers that no address replaces, and hand each process its own addresses by file.

    Yields:
        The owner's address of PostgreSQL, and the servers to watch.
    """
    external = _read_external_urls(settings)
    with ExitStack() as stack:
        watched: tuple[WatchedServer, ...] = ()
        stack.enter_context(state.hold("up"))  # before the ports: a second one is told that it is the second
        state.prepare()
        check_port("PUBLIC_PORT", settings.bind_host, settings.public_port)
        check_port("STAFF_PORT", settings.bind_host, settings.staff_port)
        if external:
            for process, role in ROLE_OF_PROCESS.items():
                write_secret(state.keys(process) / DATABASE_URL, external[role])
            owner_dsn = external["owner"]
        else:
            servers = stack.enter_context(start_servers(state, valkey=not settings.redis_url))
            watched = (servers.postgres,) if servers.valkey is None else (servers.postgres, servers.valkey)
            owner_dsn = servers.dsns[OWNER]
        if settings.redis_url:
            for process in QUEUE_USERS:
                write_secret(state.keys(process) / REDIS_URL, settings.redis_url)
        if settings.smtp_url:
            write_secret(state.keys("outbound") / SMTP_URL, settings.smtp_url)
        yield owner_dsn, watched


def digest_keys(state: StateDir) -> dict[str, bytes]:
    """Return the digests by which a database knows its keys: name of the key file → SHA-256."""
    holders = {INTAKE_RECIPIENT: "public", VAULT_RECIPIENT: "worker", RECEIPT_KEY: "public"}
    return {
        name: hashlib.sha256(read_secret(state.keys(holder) / name)).digest()
        for name, holder in holders.items()
    }


def _prepare_database(
    owner_dsn: str, kind: Kind, set_up: Callable[[Connection], None] | None, state: StateDir
) -> None:
    with connect(owner_dsn, autocommit=True) as conn:
        for name in migrate(conn):
            tell(f"Migrated: {name}.")
        with conn.transaction():
            write_first_rows(conn, kind)
            bind_keys(conn, digest_keys(state))
            if set_up is not None:
                set_up(conn)


def write_first_rows(conn: Connection, kind: Kind) -> None:
    """Write what kind of deployment this is, and give a fresh live one the networks that come with the program.

    Raises:
        NotAllowedError: it was started as the other kind before.
    """
    write_kind(conn, kind, now=utcnow())
    if kind == "live" and count_networks(conn) == 0:
        count = replace_networks(conn, load_shipped_networks())
        event = NewEvent(SYSTEM, "networks_loaded", {"networks": count})
        custody.append(conn, [event], actor="cli", now=utcnow())


def make_specs(deployment: Deployment, **more: str) -> list[ChildSpec]:
    """Return the processes of a deployment, each with its own keys and no secret in its environment.

    Args:
        more: further variables for every process.
    """
    settings, state = deployment.settings, deployment.state

    def spec(name: str, process: str, *argv: str) -> ChildSpec:
        env = make_child_environment(
            os.environ,
            KEYS_DIR=str(state.keys(process)),
            INDEX_DIR=str(deployment.index_dir),
            OUTBOX_DIR=str(deployment.outbox_dir),
            STATE_DIR=str(state.root.parent),
            **more,
        )
        return ChildSpec(name, (sys.executable, "-B", "-m", *argv), env)

    return [
        spec("public", "public", "api", "--surface", "public"),
        spec("staff", "staff", "api", "--surface", "staff"),
        *(spec(f"worker-{number}", "worker", "workers") for number in range(1, settings.workers + 1)),
        spec("outbound", "outbound", "workers", "--queue", "outbound"),
        spec("sweep", "sweep", "workers.sweep"),
    ]


def run_deployment(
    deployment: Deployment,
    kind: Kind,
    *,
    set_up: Callable[[Connection], None] | None = None,
    on_start: Callable[[], None] | None = None,
) -> None:
    """Run until SIGTERM or SIGINT.

    Args:
        deployment: which one.
        kind: live or practice; the database keeps the first answer for ever.
        set_up: what practice writes before its processes start.
        on_start: called just before the processes are started.

    Raises:
        HotlineError: it cannot start; one line says why.
    """
    settings, state = deployment.settings, deployment.state
    check_floors(settings, is_practice=kind == "practice")
    check_addresses(settings)
    with _start_or_take_servers(settings, state) as (owner_dsn, watched):
        make_keys(state, evidence_url=settings.evidence_url, store_credentials=settings.store_credentials)
        try:
            _prepare_database(owner_dsn, kind, set_up, state)
            with connect(owner_dsn) as conn:
                ensure_current(conn, deployment.index_dir)
        except psycopg.Error as error:
            raise ServerUnavailableError(f"PostgreSQL refused the set-up: {type(error).__name__}.") from None
        supervisor = Supervisor(make_specs(deployment), state.logs, servers=watched)
        if on_start is not None:
            on_start()
        supervisor.run()
