"""The state folder and the embedded servers: what is refused, what survives a kill, what others can see."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

import triage
from triage.cli import embedded, state_dir
from triage.cli.embedded import EmbeddedPostgres, EmbeddedValkey, Servers, connect_or_start, start_servers
from triage.cli.state_dir import FOLDERS, StateDir, read_secret, write_secret
from triage.errors import AlreadyRunningError, KeyMissingError, ServerUnavailableError, SettingsError
from triage.settings import load_settings

REPOSITORY = Path(triage.__file__).parents[1]
HOLD_FOREVER = """
import sys, time
from pathlib import Path
from triage.cli.state_dir import StateDir
with StateDir(Path(sys.argv[1])).hold(sys.argv[2]):
    print("held", flush=True)
    time.sleep(float(sys.argv[3]))
"""
SERVE_FOREVER = """
import sys, time
from pathlib import Path
from triage.cli.embedded import start_servers
from triage.cli.state_dir import StateDir
with start_servers(StateDir(Path(sys.argv[1])), fast=True):
    print("up", flush=True)
    time.sleep(60)
"""


def run_script(script: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a script and return once it has said its first word."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, *arguments], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() in {"held", "up"}
    return process


def finish(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def list_processes_in(root: Path) -> list[int]:
    """Return the ids of all processes that work in a folder or below."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                cwd = (entry / "cwd").readlink()
            except OSError:
                continue
            if cwd.is_relative_to(root):
                found.append(int(entry.name))
    return found


def wait_until_empty(root: Path, limit_s: float) -> float:
    begun = time.monotonic()
    while list_processes_in(root):
        assert time.monotonic() - begun < limit_s, "processes are left"
        time.sleep(0.02)
    return time.monotonic() - begun


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Servers that no test changes."""
    with start_servers(StateDir(tmp_path_factory.mktemp("once") / "live"), fast=True) as servers:
        yield servers


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    return StateDir(tmp_path / "var" / "live")


# The folder
def test_folder_open_to_others_is_refused(state: StateDir) -> None:
    state.prepare()
    state.root.chmod(0o750)
    with pytest.raises(SettingsError, match="open to other accounts"):
        state.prepare()


def test_folder_of_another_account_is_refused(tmp_path: Path) -> None:
    foreign = Path("/usr")
    if os.geteuid() == 0:
        foreign = tmp_path / "foreign"
        foreign.mkdir(mode=0o700)
        os.chown(foreign, 65534, 65534)
    with pytest.raises(SettingsError, match="another account"):
        StateDir(foreign).prepare()


def test_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "live").write_text("")
    with pytest.raises(SettingsError, match="STATE_DIR is not a folder"):
        StateDir(tmp_path / "live").prepare()


def test_every_folder_is_private_even_with_a_lax_umask(state: StateDir) -> None:
    former = os.umask(0)
    try:
        state.prepare()
    finally:
        os.umask(former)
    for folder in (state.root.parent, state.root, *(state.root / name for name in FOLDERS)):
        assert folder.stat().st_mode & 0o777 == 0o700, folder


def test_missing_key_tells_only_its_name(tmp_path: Path) -> None:
    with pytest.raises(KeyMissingError) as caught:
        read_secret(tmp_path / "deep" / "intake-identity")
    assert "intake-identity" in str(caught.value)
    assert str(tmp_path) not in str(caught.value)
    (tmp_path / "empty").touch()
    with pytest.raises(KeyMissingError, match="empty is empty"):
        read_secret(tmp_path / "empty")


def test_secret_is_replaced_at_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("old")
    path.chmod(0o644)
    write_secret(path, "new")
    assert read_secret(path) == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["key"]


def test_secret_is_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("theirs")
    (tmp_path / "key").symlink_to(tmp_path / "target")
    write_secret(tmp_path / "key", b"ours")
    assert (tmp_path / "target").read_text() == "theirs"
    assert not (tmp_path / "key").is_symlink()


# The lock
def test_second_supervisor_is_refused_until_the_first_is_killed(state: StateDir) -> None:
    first = run_script(HOLD_FOREVER, str(state.root), "up", "60")
    try:
        begun = time.monotonic()
        with pytest.raises(AlreadyRunningError, match="already running"), start_servers(state):
            pass
        assert time.monotonic() - begun < 5, "a running one is not waited for"
    finally:
        finish(first)
    with state.hold("up", 0):
        assert state.is_held
    assert not state.is_held


def test_note_of_a_killed_holder_does_not_count(state: StateDir) -> None:
    state.prepare()
    gone = subprocess.Popen(["/bin/true"])
    gone.wait()
    state.lock_path.write_text(f"up {gone.pid}\n")
    assert state.read_holder() is None


def test_supervisor_waits_for_a_passing_command(state: StateDir, capsys: pytest.CaptureFixture[str]) -> None:
    busy = run_script(HOLD_FOREVER, str(state.root), "command", "0.5")
    try:
        with state.hold("up", 10):
            pass
    finally:
        finish(busy)
    assert capsys.readouterr().err == "Waiting up to 10 s for another hotline command to end.\n"


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
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(grandchild for child in children for grandchild in list_family(int(child)))]


def list_server_pids(servers: Servers) -> list[int]:
    assert servers.postgres.process is not None
    assert servers.valkey is not None
    assert servers.valkey.process is not None
    return [*list_family(servers.postgres.process.pid), servers.valkey.process.pid]


def test_nothing_listens_on_the_network(made_once: Servers) -> None:
    pids = list_server_pids(made_once)
    assert len(pids) > 4
    for pid in pids:
        targets = [os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()]
        inodes = {target[8:-1] for target in targets if target.startswith("socket:[")}
        for table in ("tcp", "tcp6", "udp", "udp6"):
            path = Path(f"/proc/{pid}/net/{table}")
            if path.exists():
                rows = [line.split() for line in path.read_text().splitlines()[1:]]
                assert not inodes & {row[9] for row in rows}, table


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
    for pid in list_server_pids(made_once):
        seen = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
        assert seen
        assert not any(password in seen for password in passwords)


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
    assert wait_until_empty(state.root, 3) < 3


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


# Commands
def test_database_url_is_used_for_its_role_only(state: StateDir) -> None:
    url = "postgresql://hotline_staff:x@127.0.0.1:1/hotline"
    with connect_or_start(state, load_settings({"DATABASE_URL": url})) as dsns:
        assert dsns == {"hotline_staff": url}
    with connect_or_start(state, load_settings({"DATABASE_URL": url}), role="other") as dsns:
        assert dsns == {"other": url}
    assert not state.root.exists()


def test_unreadable_database_url_is_not_quoted(state: StateDir) -> None:
    settings = load_settings({"DATABASE_URL": "postgresql://me:topsecret@[broken/"})
    with pytest.raises(SettingsError) as caught, connect_or_start(state, settings):
        pass
    assert "topsecret" not in str(caught.value)


def test_command_starts_the_database_and_stops_it(state: StateDir) -> None:
    with connect_or_start(state, load_settings({}), fast=True) as dsns:
        with psycopg.connect(dsns["hotline_staff"]) as conn:
            conn.execute("SELECT 1")
        assert StateDir(state.root).read_holder() == "command"
    assert not list_processes_in(state.root)
    with state.hold("up", 0):
        pass


def test_command_uses_a_running_hotline_and_leaves_it_alone(made_once: Servers) -> None:
    with connect_or_start(StateDir(made_once.state.root), load_settings({})) as dsns:
        assert dsns == made_once.dsns
    assert made_once.is_alive()


def test_command_waits_for_another_command(state: StateDir, capsys: pytest.CaptureFixture[str]) -> None:
    busy = run_script(HOLD_FOREVER, str(state.root), "command", "0.5")
    try:
        with connect_or_start(state, load_settings({}), fast=True) as dsns:
            psycopg.connect(dsns["hotline_owner"]).close()
    finally:
        finish(busy)
    assert capsys.readouterr().err == "Waiting up to 30 s for another hotline command.\n"


@pytest.mark.parametrize(
    ("purpose", "error"), [("command", AlreadyRunningError), ("up", ServerUnavailableError)]
)
def test_command_gives_up_in_the_end(
    state: StateDir, purpose: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "COMMAND_WAIT_S", 0.4)
    busy = run_script(HOLD_FOREVER, str(state.root), purpose, "60")
    try:
        with pytest.raises(error), connect_or_start(state, load_settings({})):
            pass
    finally:
        finish(busy)


def test_no_programs_is_one_clear_line(state: StateDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    if not Path("/usr/lib/postgresql/18/bin").exists():
        with pytest.raises(ServerUnavailableError, match="no programs of PostgreSQL 18"):
            EmbeddedPostgres(state).start()
    with pytest.raises(ServerUnavailableError, match="no Valkey"):
        EmbeddedValkey(state).start()


def test_terminal_that_is_gone_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(state_dir.sys, "stderr", Gone())
    state_dir.tell("anything")
