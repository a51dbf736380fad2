"""The embedded servers: what they refuse, what others can see, what they survive."""

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.processes import finish, list_processes_in, run_script, wait_until
from triage.cli import embedded
from triage.cli.embedded import EmbeddedPostgres, EmbeddedValkey, Servers, start_servers
from triage.cli.state_dir import StateDir, write_secret
from triage.errors import ServerUnavailableError

SERVE_FOREVER = """
import sys, time
from pathlib import Path
from triage.cli.embedded import start_servers
from triage.cli.state_dir import StateDir
with start_servers(StateDir(Path(sys.argv[1])), fast=True):
    print("up", flush=True)
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Servers that no test changes."""
    with start_servers(StateDir(tmp_path_factory.mktemp("once") / "live"), fast=True) as servers:
        yield servers


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    return StateDir(tmp_path / "var" / "live")


# What the servers refuse
def test_wrong_password_is_refused(made_once: Servers) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(made_once.postgres.dsn("hotline_staff", "wrong"))
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(made_once.postgres.dsn("hotline_super", "wrong", "postgres"))
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(host=str(made_once.postgres.socket_dir), user="hotline_owner", dbname="hotline")


@pytest.mark.parametrize("role", embedded.LOGIN_ROLES)
def test_role_connects_to_its_database_and_nowhere_else(made_once: Servers, role: str) -> None:
    with psycopg.connect(made_once.dsns[role]) as conn:
        row = conn.execute(
            "SELECT current_user, rolsuper, rolinherit, rolcreatedb, rolcreaterole FROM pg_roles"
            " WHERE rolname = current_user"
        ).fetchone()
        assert row == (role, False, False, False, False)
        assert conn.execute("SELECT uuid_extract_version(uuidv7())").fetchone() == (7,)
    for other in ("postgres", "template1"):
        elsewhere = made_once.dsns[role].removesuffix("hotline") + other
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(elsewhere)


def test_only_the_owner_makes_tables(made_once: Servers) -> None:
    with psycopg.connect(made_once.dsns["hotline_owner"]) as conn:
        conn.execute("CREATE TABLE brief (id int)")
        conn.rollback()
    for attempt in (
        "CREATE TABLE mine (id int)",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "CREATE DATABASE mine",
    ):
        with psycopg.connect(made_once.dsns["hotline_worker"], autocommit=True) as conn:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(attempt)


def test_valkey_refuses_strangers_and_dangerous_commands(made_once: Servers) -> None:
    assert made_once.valkey is not None
    once = Retry(NoBackoff(), 0)
    with redis.Redis(unix_socket_path=str(made_once.valkey.socket), retry=once) as stranger:
        with pytest.raises(redis.AuthenticationError):
            stranger.ping()
    assert made_once.redis_url is not None
    with redis.from_url(made_once.redis_url) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        with pytest.raises(redis.ResponseError, match="protected config"):
            client.config_set("dir", "/tmp")
        for words in (("REPLICAOF", "127.0.0.1", "1"), ("MODULE", "LIST"), ("DEBUG", "HELP")):
            with pytest.raises(redis.ResponseError, match="unknown command"):
                client.execute_command(*words)


# What others can see
def list_family(pid: int) -> list[int]:
    """Return a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(int(child) for child in children)]


def list_server_pids(servers: Servers) -> list[int]:
    assert servers.postgres.process is not None
    assert servers.valkey is not None
    assert servers.valkey.process is not None
    return [*list_family(servers.postgres.process.pid), servers.valkey.process.pid]


def test_nothing_listens_on_the_network(made_once: Servers) -> None:
    checked = 0
    for pid in list_server_pids(made_once):
        with suppress(FileNotFoundError, ProcessLookupError):  # a passing backend
            targets = [os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()]
            inodes = {target[8:-1] for target in targets if target.startswith("socket:[")}
            for table in ("tcp", "tcp6", "udp", "udp6"):
                path = Path(f"/proc/{pid}/net/{table}")
                rows = [line.split() for line in path.read_text().splitlines()[1:]] if path.exists() else []
                assert not inodes & {row[9] for row in rows}, table
            checked += bool(inodes)
    assert checked >= 2


def test_sockets_are_private(made_once: Servers) -> None:
    assert made_once.valkey is not None
    for socket in (made_once.postgres.socket_dir / ".s.PGSQL.5432", made_once.valkey.socket):
        assert socket.is_socket()
        assert socket.stat().st_mode & 0o777 == 0o700
        assert socket.parent.stat().st_mode & 0o777 == 0o700


def test_secrets_are_in_no_argument_or_environment(made_once: Servers) -> None:
    keys = made_once.state.root / "keys"
    secrets = [path.read_bytes() for path in keys.rglob("*") if path.is_file() and path.name != "valkey.conf"]
    passwords = {*secrets, *(url.split(b"@")[0].rsplit(b":", 1)[1] for url in secrets if b"@" in url)}
    assert len(passwords) > 12
    checked = 0
    for pid in list_server_pids(made_once):
        with suppress(FileNotFoundError, ProcessLookupError):  # a passing backend
            seen = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
            assert not any(password in seen for password in passwords)
            checked += bool(seen)
    assert checked > 4


def test_key_and_log_files_are_private(made_once: Servers) -> None:
    files = [
        path
        for name in ("keys", "logs")
        for path in (made_once.state.root / name).rglob("*")
        if path.is_file()
    ]
    assert {"database-url", "redis-url", "postgres.log", "valkey.log"} <= {path.name for path in files}
    for path in files:
        assert path.stat().st_mode & 0o777 == 0o600, path
    assert not (made_once.state.keys("public") / "redis-url").exists()
    assert not (made_once.state.keys("staff") / "redis-url").exists()


def test_log_holds_nothing_that_clients_sent(made_once: Servers) -> None:
    with psycopg.connect(made_once.dsns["hotline_owner"], autocommit=True) as conn:
        conn.execute("CREATE TABLE addresses (url text PRIMARY KEY)")
        conn.execute("INSERT INTO addresses VALUES ('http://marker.example/')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            conn.execute("INSERT INTO addresses VALUES ('http://marker.example/')")
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            conn.execute("SELECT 'http://marker.example/'::uuid")
        conn.execute("DROP TABLE addresses")
    assert "marker.example" not in (made_once.state.logs / "postgres.log").read_text()


# What they survive
def test_killed_postgres_starts_again_with_its_data(state: StateDir) -> None:
    """First the postmaster alone, then everything in the folder at once; with fsync, as in earnest."""
    with start_servers(state, valkey=False) as servers:
        with psycopg.connect(servers.dsns["hotline_owner"]) as conn:
            conn.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
        assert servers.postgres.process is not None
        servers.postgres.process.kill()
        servers.postgres.process.wait()
        servers.postgres.start()
        for pid in list_processes_in(state.postgres):
            with suppress(ProcessLookupError):  # one of them ended with another one
                os.kill(pid, signal.SIGKILL)
        servers.postgres.process.wait()
        servers.postgres.start()
        with psycopg.connect(servers.dsns["hotline_owner"]) as conn:
            assert conn.execute("SELECT count(*) FROM kept").fetchone() == (1000,)


def test_killed_valkey_starts_again_with_its_data(state: StateDir) -> None:
    with state.hold("up"):
        valkey = EmbeddedValkey(state)
        try:
            valkey.start()
            with redis.from_url(valkey.url) as client:
                client.rpush("waiting", "a", "b")
            assert valkey.process is not None
            valkey.process.kill()
            valkey.process.wait()
            assert not valkey.is_alive()
            valkey.start()
            with redis.from_url(valkey.url) as client:
                assert client.lrange("waiting", 0, -1) == [b"a", b"b"]
        finally:
            valkey.stop()


def test_killed_supervisor_leaves_nothing_and_the_next_start_is_clean(state: StateDir) -> None:
    first = run_script(SERVE_FOREVER, str(state.root))
    assert len(list_processes_in(state.root)) > 5
    finish(first)
    # At once, while the old servers are still going down.
    with start_servers(state, fast=True) as servers:
        assert servers.is_alive()
        with psycopg.connect(servers.dsns["hotline_public"]) as conn:
            conn.execute("SELECT 1")
    second = run_script(SERVE_FOREVER, str(state.root))
    finish(second)
    wait_until(lambda: not list_processes_in(state.root), 3)


def test_lock_file_of_a_reused_process_number_is_no_obstacle(state: StateDir) -> None:
    with start_servers(state, valkey=False, fast=True) as servers:
        postmaster_file = (state.postgres / "postmaster.pid").read_text()
        socket_file = state.run / ".s.PGSQL.5432.lock"
        socket_text = socket_file.read_text()
        for pid in list_processes_in(state.postgres):
            os.kill(pid, signal.SIGKILL)
        assert servers.postgres.process is not None
        servers.postgres.process.wait()
        stranger = subprocess.Popen(["/bin/sleep", "60"])
        try:
            for path, text in (
                (state.postgres / "postmaster.pid", postmaster_file),
                (socket_file, socket_text),
            ):
                path.write_text("\n".join([str(stranger.pid), *text.splitlines()[1:]]) + "\n")
            servers.postgres.start()
        finally:
            stranger.kill()
            stranger.wait()
        assert servers.is_alive()


def test_interrupted_setup_is_done_again(state: StateDir) -> None:
    state.prepare()
    (state.root / "postgres.new").mkdir()
    (state.root / "postgres.new" / "PG_VERSION").write_text("18\n")
    write_secret(state.keys("supervisor") / "postgres-superuser", "of the interrupted one")
    with start_servers(state, valkey=False, fast=True) as servers:
        assert servers.is_alive()
    assert not (state.root / "postgres.new").exists()


def test_data_of_another_version_are_refused(state: StateDir) -> None:
    state.prepare()
    (state.postgres / "PG_VERSION").write_text("17\n")
    with pytest.raises(ServerUnavailableError, match="PostgreSQL 17, this is 18"):
        EmbeddedPostgres(state).start()


def test_failed_start_tells_why_in_one_line(state: StateDir) -> None:
    with start_servers(state, valkey=False, fast=True):
        pass
    with (state.postgres / "postgresql.conf").open("a") as config:
        config.write("max_connections = none\n")
        config.write("no_such_setting = 1\n")
    with pytest.raises(ServerUnavailableError) as caught:
        with start_servers(state, valkey=False, fast=True):
            pass
    assert "contains errors" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list_processes_in(state.root)
    with state.hold("up", 0):
        pass


def test_lost_role_passwords_are_set_anew(state: StateDir) -> None:
    with start_servers(state, valkey=False, fast=True) as servers:
        before = servers.dsns
    (state.keys("supervisor") / "role-passwords.json").unlink()
    (state.keys("worker") / "database-url").unlink()
    with start_servers(state, valkey=False, fast=True) as servers:
        assert servers.dsns != before
        for dsn in servers.dsns.values():
            psycopg.connect(dsn).close()


def test_servers_do_not_start_outside_the_main_thread(state: StateDir) -> None:
    state.prepare()
    (state.postgres / "PG_VERSION").write_text("18\n")
    caught: list[str] = []

    def launch() -> None:
        try:
            EmbeddedPostgres(state).launch()
        except RuntimeError as error:
            caught.append(str(error))

    thread = threading.Thread(target=launch)
    thread.start()
    thread.join()
    assert caught == ["children are started from the main thread only"]


def test_long_path_with_odd_characters_works_and_leaves_no_socket_folder(tmp_path: Path) -> None:
    state = StateDir(tmp_path / ("very long " * 6) / ("ë'\"%40, " * 6).strip() / "live")
    with start_servers(state, fast=True) as servers:
        recorded = Path((state.run / "where").read_text())
        assert servers.postgres.socket_dir == recorded
        assert recorded.stat().st_mode & 0o777 == 0o700
        with psycopg.connect(servers.dsns["hotline_staff"]) as conn:
            conn.execute("SELECT 1")
        assert servers.redis_url is not None
        with redis.from_url(servers.redis_url) as client:
            assert client.ping()
    assert not recorded.exists()
    assert not (state.run / "where").exists()


def test_recorded_socket_folder_that_others_can_reach_is_not_taken(tmp_path: Path) -> None:
    state = StateDir(tmp_path / ("long" * 30) / "live")
    state.prepare()
    lax = tmp_path / "lax"
    lax.mkdir(mode=0o755)
    (state.run / "where").write_text(str(lax))
    made = state.find_socket_dir()
    try:
        assert made != lax
        assert state.find_socket_dir() == made
    finally:
        made.rmdir()


def test_no_programs_is_one_clear_line(state: StateDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    if not Path("/usr/lib/postgresql/18/bin").exists():
        with pytest.raises(ServerUnavailableError, match="no programs of PostgreSQL 18"):
            EmbeddedPostgres(state).start()
    with pytest.raises(ServerUnavailableError, match="no Valkey"):
        EmbeddedValkey(state).start()
