"""`hotline up`: what it refuses, what it hands to whom, and that it comes back from whatever is killed."""

import http.client
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.deployments import RunningUp, is_answering, list_below, read_secrets, run_up
from tests.processes import is_running, list_processes_in, wait_until
from triage.cli.deployment import ROLE_OF_PROCESS, check_port, make_specs, run_deployment
from triage.cli.embedded import Servers
from triage.cli.make_keys import make_keys
from triage.cli.practice.running import find_ports
from triage.cli.session import find_deployment
from triage.cli.state_dir import StateDir
from triage.clock import utcnow
from triage.errors import AlreadyRunningError, KeyMissingError, NotAllowedError, SettingsError
from triage.settings import SECRET_FIELDS, load_settings
from triage.settings_checks import environment_name
from triage.store.practice import read_kind, replace_practice_names, write_kind
from triage.vault import seal, unseal

pytestmark = pytest.mark.long

ROLES = ("owner", "public", "staff", "worker", "outbound")


def make_state(tmp_path: Path) -> StateDir:
    state = StateDir(tmp_path / "state" / "live")
    state.prepare()
    return state


def get(port: int, path: str = "/healthz") -> int:
    connection = http.client.HTTPConnection("localhost", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def run_hotline(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-B", "-m", "triage.cli", *words],
        env={"PATH": os.defpath, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# What is refused before anything starts


@pytest.mark.parametrize("given", [(), ("owner",), ("owner", "public", "staff", "worker")])
def test_external_servers_need_every_role(tmp_path: Path, given: tuple[str, ...]) -> None:
    urls = {f"database_url_{role}": f"postgresql://{role}@db.invalid/hotline" for role in given}
    settings = load_settings(
        {}, state_dir=tmp_path / "state", database_url="postgresql://x@db.invalid/hotline", **urls
    )
    with pytest.raises(SettingsError) as refused:
        run_deployment(find_deployment(settings, practice=False), "live")
    for role in ROLES:
        assert (f"DATABASE_URL_{role.upper()}" in str(refused.value)) == (role not in given)
    assert not (tmp_path / "state").exists()


def test_external_servers_need_a_queue(tmp_path: Path) -> None:
    urls = {f"database_url_{role}": f"postgresql://{role}@db.invalid/hotline" for role in ROLES}
    settings = load_settings({}, state_dir=tmp_path / "state", **urls)
    with pytest.raises(SettingsError, match="REDIS_URL"):
        run_deployment(find_deployment(settings, practice=False), "live")


def test_a_taken_port_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        (other,) = find_ports(1)
        for name, its_other in (("PUBLIC_PORT", "STAFF_PORT"), ("STAFF_PORT", "PUBLIC_PORT")):
            done = run_hotline(
                "up", STATE_DIR=str(tmp_path / "state"), **{name: str(port), its_other: str(other)}
            )
            assert (done.returncode, done.stdout) == (1, "")
            assert done.stderr == f"hotline: Port {port} ({name}) cannot be used: Address already in use.\n"
    check_port("PUBLIC_PORT", "127.0.0.1", port)
    with pytest.raises(SettingsError, match=r"Port 8080 \(STAFF_PORT\) cannot be used"):
        check_port("STAFF_PORT", "203.0.113.1", 8080)
    assert not (tmp_path / "state" / "live" / "postgres" / "PG_VERSION").exists()


def test_a_live_deployment_may_not_hurry(tmp_path: Path) -> None:
    done = run_hotline("up", STATE_DIR=str(tmp_path / "state"), RETRY_WAITS="1,2")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("hotline: RETRY_WAITS must be at least")


@pytest.mark.parametrize(
    ("holder", "name"),
    [("worker", "intake-identity"), ("public", "intake-recipient"), ("staff", "vault-identity"),
     ("worker", "vault-recipient"), ("outbound", "reply-identity"), ("public", "reply-recipient")],
)  # fmt: skip
def test_half_a_key_pair_is_refused_and_never_made_anew(tmp_path: Path, holder: str, name: str) -> None:
    state = make_state(tmp_path)
    make_keys(state, evidence_url=None)
    (state.keys(holder) / name).unlink()
    kept = {path: path.read_bytes() for path in (state.root / "keys").rglob("*") if path.is_file()}
    with pytest.raises(KeyMissingError, match=f"{name} is missing while its other half is there"):
        make_keys(state, evidence_url=None)
    assert {path: path.read_bytes() for path in kept} == kept
    assert not (state.keys(holder) / name).exists()


def test_keys_are_made_once_and_fit_each_other(tmp_path: Path) -> None:
    state = make_state(tmp_path)
    make_keys(state, evidence_url=None)
    made = {path: path.read_bytes() for path in (state.root / "keys").rglob("*") if path.is_file()}
    make_keys(state, evidence_url=None)
    assert {path: path.read_bytes() for path in made} == made
    make_keys(state, evidence_url="s3://bucket/prefix")
    assert (state.keys("public") / "evidence-url").read_text() == "s3://bucket/prefix"
    for holder, identity, other, recipient in (
        ("worker", "intake-identity", "public", "intake-recipient"),
        ("staff", "vault-identity", "worker", "vault-recipient"),
        ("outbound", "reply-identity", "public", "reply-recipient"),
    ):
        sealed = seal(b"words", (state.keys(other) / recipient).read_text())
        assert unseal(sealed, (state.keys(holder) / identity).read_text()) == b"words"
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in made)


# What a database is, it stays


@pytest.mark.parametrize(("first", "second"), [("live", "practice"), ("practice", "live")])
def test_a_database_keeps_its_kind(conn, as_role, first, second) -> None:
    assert read_kind(conn) is None
    write_kind(conn, first, now=utcnow())
    write_kind(conn, first, now=utcnow())
    with pytest.raises(NotAllowedError, match=f"not a {second} one"):
        write_kind(conn, second, now=utcnow())
    assert read_kind(conn) == first
    conn.commit()
    for statement in (
        "UPDATE deployment SET kind = 'practice'",
        "DELETE FROM deployment",
        "TRUNCATE deployment",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute(statement)
        conn.rollback()


def test_a_live_database_refuses_practice_names(conn) -> None:
    names = {"foto.shembull.example": "203.0.113.10"}
    for kind in (None, "live"):
        if kind:
            write_kind(conn, kind, now=utcnow())
            conn.commit()
        with pytest.raises(psycopg.errors.CheckViolation):
            replace_practice_names(conn, names, dial_host="127.0.0.1", dial_port=8080)
        conn.rollback()


@pytest.mark.parametrize(
    ("host", "address", "dial_host"),
    [
        ("bank.com", "203.0.113.10", "127.0.0.1"),
        ("foto.example", "8.8.8.8", "127.0.0.1"),
        ("foto.example", "203.0.113.10", "10.0.0.1"),
        ("Foto.example", "203.0.113.10", "127.0.0.1"),
    ],
)
def test_practice_names_lead_only_from_documentation_to_this_machine(conn, host, address, dial_host) -> None:
    write_kind(conn, "practice", now=utcnow())
    with pytest.raises(psycopg.errors.CheckViolation):
        replace_practice_names(conn, {host: address}, dial_host=dial_host, dial_port=8080)
    conn.rollback()


# What each process gets


def test_no_secret_of_the_environment_reaches_a_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in SECRET_FIELDS:
        monkeypatch.setenv(environment_name(name), "secret-value")
    monkeypatch.setenv("UNRELATED", "secret-value")
    monkeypatch.setenv("WORKERS", "3")
    monkeypatch.setenv("LOG_LEVEL", "ERROR")
    deployment = find_deployment(load_settings(state_dir=tmp_path / "state"), practice=False)
    specs = {spec.name: spec for spec in make_specs(deployment)}
    assert list(specs) == ["public", "staff", "worker-1", "worker-2", "worker-3", "outbound", "sweep"]
    for name, spec in specs.items():
        assert "secret-value" not in [*spec.env.values(), *spec.argv]
        assert spec.env["LOG_LEVEL"] == "ERROR"
        assert spec.env["KEYS_DIR"].endswith(f"keys/{name.partition('-')[0]}")


# The whole


def test_up_serves_refuses_a_second_comes_back_and_is_outlived_by_nothing(tmp_path: Path) -> None:
    root = tmp_path / "state"
    with run_up(root) as up:
        assert (get(up.public_port), get(up.staff_port)) == (200, 200)
        assert (get(up.public_port, "/"), get(up.staff_port, "/")) == (200, 303)
        assert_second_is_refused(up, root)
        assert_killed_come_back(up)
        below = list_below(up.process.pid)
        assert len(below) >= 6
        up.process.kill()
        said, _ = up.process.communicate(timeout=60)
        assert said.count("starting it again") >= 3
        assert_quiet(said, up)
        wait_until(lambda: list_processes_in(root) == [], 20)
        wait_until(lambda: not [pid for pid in below if is_running(pid)], 20)
    # The next one finds the same data and the same keys.
    secrets = read_secrets(up.state)
    with run_up(root) as up:
        assert (get(up.public_port), read_secrets(up.state)) == (200, secrets)
        below = list_below(up.process.pid)
        up.process.send_signal(signal.SIGTERM)
        said, _ = up.process.communicate(timeout=60)
        assert up.process.returncode == 0, said
        assert_quiet(said, up)
    wait_until(lambda: not [pid for pid in below if Path(f"/proc/{pid}").exists()], 10)
    assert list_processes_in(root) == []
    assert not [path for path in root.rglob("*") if path.is_socket()]
    with up.state.hold("command", wait_s=0.1):
        pass


def assert_second_is_refused(up: RunningUp, root: Path) -> None:
    ports = dict(zip(("PUBLIC_PORT", "STAFF_PORT"), map(str, find_ports(2)), strict=True))
    second = run_hotline("up", STATE_DIR=str(root), **ports)
    assert (second.returncode, second.stdout) == (1, "")
    assert second.stderr == f"hotline: Hotline is already running in {up.state.root}.\n"
    with pytest.raises(AlreadyRunningError):
        with up.state.hold("command", wait_s=0.1):
            pass
    listed = run_hotline("item", "list", "--json", STATE_DIR=str(root))
    assert (listed.returncode, listed.stdout, listed.stderr) == (0, "", "")


def assert_killed_come_back(up: RunningUp) -> None:
    killed = {words: up.find_pid(words) for words in ("--surface public", "-m workers.sweep", "-m workers ")}
    for pid in killed.values():
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: all(is_there_anew(up, words, pid) for words, pid in killed.items()), 20)
    wait_until(lambda: is_answering(up.public_port), 20)
    assert get(up.public_port) == 200


def is_there_anew(up: RunningUp, words: str, former: int) -> bool:
    return any(words in command and pid != former for pid, command in up.find_pids().items())


def assert_quiet(said: str, up: RunningUp) -> None:
    assert "Traceback" not in said
    assert not any(secret in said for secret in read_secrets(up.state))


def test_external_servers_are_used_and_each_process_gets_its_own_role(
    tmp_path: Path, database, servers: Servers
) -> None:
    urls = {f"DATABASE_URL_{role.upper()}": database.dsns[f"hotline_{role}"] for role in ROLES}
    redis_url = f"{servers.redis_url}?db=9"
    with run_up(tmp_path / "state", **urls, REDIS_URL=redis_url) as up:
        commands = " ".join(up.find_pids().values())
        assert "postgres" not in commands
        assert "valkey" not in commands
        assert (get(up.public_port), get(up.staff_port)) == (200, 200)
        for process, role in ROLE_OF_PROCESS.items():
            written = (up.state.keys(process) / "database-url").read_text()
            assert written == database.dsns[f"hotline_{role}"]
        assert not (up.state.keys("public") / "redis-url").exists()
        with database.connect("hotline_staff") as conn:
            assert read_kind(conn) == "live"
