"""Trust boundaries, tried from inside real, locked processes of a real deployment."""

import http.client
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.deployments import RunningUp, read_secrets, run_up
from tests.drawn_images import make_jpeg
from tests.processes import REPOSITORY, is_running, wait_until
from triage.cli.__main__ import main as run_command
from triage.cli.deployment import make_specs
from triage.cli.practice.running import find_ports
from triage.process import DIALS, OBJECT_AREAS, READ_AREAS
from triage.store.listing import list_items
from triage.vault import ObjectVault, unseal

PROBE = Path(__file__).with_name("locked_probe.py")
KINDS = ("public", "staff", "worker", "outbound", "sweep")
SPEC_OF_KIND = {"worker": "worker-1"}
NEAR_AND_FAR = ("/tmp", "/dev/shm", "/var/tmp", "/etc", "/usr", "/root", "/home")


@dataclass(frozen=True, slots=True)
class Probe:
    """A locked process that answers probes."""

    kind: str
    process: subprocess.Popen[str]
    layers: dict[str, Any]

    def ask(self, probe: str, targets: list[Any]) -> list[dict[str, Any]]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"probe": probe, "targets": targets}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the {self.kind} process ended"
        return list(json.loads(line))

    def find_done(self, probe: str, targets: list[Any]) -> list[Any]:
        """Return the targets at which a probe succeeded."""
        answers = self.ask(probe, targets)
        return [target for target, answer in zip(targets, answers, strict=True) if "done" in answer]


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningUp]:
    """A live deployment that has captured one new picture."""
    root = tmp_path_factory.mktemp("trust") / "state"
    picture = tmp_path_factory.mktemp("desk") / "picture.jpg"
    picture.write_bytes(make_jpeg(9001))
    with run_up(root) as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv("STATE_DIR", str(root))
        assert run_command(["report", "submit", str(picture)]) == 0
        dsn = (running.state.keys("staff") / "database-url").read_text()

        def is_captured() -> bool:
            with psycopg.connect(dsn) as conn:
                return [(item.lane, item.evidence) for item in list_items(conn)] == [("look", 4)]

        wait_until(is_captured, 30)
        yield running


@pytest.fixture(scope="module")
def probes(up: RunningUp) -> Iterator[dict[str, Probe]]:
    """One locked process of each kind, with just the environment that `hotline up` gives."""
    public_port, staff_port = find_ports(2)
    specs = {
        spec.name: spec
        for spec in make_specs(up.deployment, PUBLIC_PORT=str(public_port), STAFF_PORT=str(staff_port))
    }
    found = {}
    with ExitStack() as stack:
        for kind in KINDS:
            log = stack.enter_context((up.state.logs / f"probe-{kind}.log").open("w"))
            process = subprocess.Popen(
                [sys.executable, "-B", str(PROBE), kind],
                env=dict(specs[SPEC_OF_KIND.get(kind, kind)].env),
                cwd=REPOSITORY,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
            stack.callback(process.communicate)
            stack.callback(process.kill)
            assert process.stdout is not None
            layers = json.loads(process.stdout.readline())
            found[kind] = Probe(kind, process, layers)
        yield found


@pytest.fixture(params=KINDS)
def probe(request: pytest.FixtureRequest, probes: dict[str, Probe]) -> Probe:
    return probes[request.param]


def list_own_folders(up: RunningUp, kind: str, *, to_write: bool) -> list[Path]:
    own = [up.state.root / area for area in OBJECT_AREAS[kind]]
    # Staff answers machines by the index, and brings it up where it is behind; it may change the lists anyway.
    own += [up.deployment.index_dir] if kind in {"worker", "staff"} else []
    own += [up.deployment.outbox_dir] if kind == "outbound" else []
    seen = [up.state.root / area for area in READ_AREAS.get(kind, ())]
    return own if to_write else [*own, *seen, up.state.keys(kind)]


def is_below(path: Path, folders: list[Path]) -> bool:
    return any(path == folder or path.is_relative_to(folder) for folder in folders)


# Files


def test_a_process_is_locked_before_it_works(probe: Probe) -> None:
    (status,) = probe.ask("show_own", ["status"])
    lines = dict(line.split(":\t", 1) for line in status["done"].splitlines() if ":\t" in line)
    assert probe.layers["landlock"] >= 1
    assert probe.layers["capabilities"]
    assert lines["NoNewPrivs"] == "1"
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(lines[name], 16) == 0 or (name == "CapBnd" and os.geteuid() != 0), name


def test_a_process_reads_its_own_files_and_no_other(up: RunningUp, probe: Probe) -> None:
    own = list_own_folders(up, probe.kind, to_write=False)
    files = [path for path in up.state.root.rglob("*") if path.is_file()]
    folders = [path for path in [up.state.root, *up.state.root.rglob("*")] if path.is_dir()]
    assert {path.parent.name for path in files} >= {"supervisor", "owner", "staff", "worker", "public"}
    assert any(path.is_relative_to(up.state.postgres) for path in files)
    readable = {Path(path) for path in probe.find_done("read_file", [str(path) for path in files])}
    assert readable == {path for path in files if is_below(path, own) and path.exists()}
    listable = {Path(path) for path in probe.find_done("read_folder", [str(path) for path in folders])}
    assert listable == {path for path in folders if is_below(path, own)}
    desk = [str(path) for path in (REPOSITORY / "README.md", REPOSITORY / "pyproject.toml", Path(__file__))]
    assert probe.find_done("read_file", desk) == []


def test_a_process_holds_only_the_keys_of_its_kind(up: RunningUp) -> None:
    held = {kind: sorted(path.name for path in up.state.keys(kind).iterdir()) for kind in KINDS}
    assert held == {
        "public": ["database-url", "evidence-url", "intake-recipient", "receipt-key", "reply-recipient"],
        "staff": ["database-url", "evidence-url", "intake-recipient", "vault-identity"],
        "worker": ["database-url", "evidence-url", "intake-identity", "redis-url", "vault-recipient"],
        "outbound": ["database-url", "redis-url", "reply-identity", "signing-key", "signing-public"],
        "sweep": ["database-url", "evidence-url", "redis-url"],
    }
    for path in (up.state.root / "keys").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0


def test_a_process_writes_only_into_its_own_folders(up: RunningUp, probe: Probe) -> None:
    own = list_own_folders(up, probe.kind, to_write=True)
    inside = [path for path in [up.state.root, *up.state.root.rglob("*")] if path.is_dir()]
    outside = [Path(path) for path in (*NEAR_AND_FAR, sys.prefix, REPOSITORY, REPOSITORY / "triage")]
    outside += [up.state.root.parent, Path(tempfile.gettempdir()), Path(psycopg.__file__).parent]
    made = probe.find_done("make_file", [str(path) for path in [*inside, *outside] if path.is_dir()])
    assert {Path(path) for path in made} == {path for path in inside if is_below(path, own)}
    files = [path for path in up.state.root.rglob("*") if path.is_file()]
    programs = [
        psycopg.__file__,
        REPOSITORY / "triage/process.py",
        "/etc/passwd",
        "/proc/sys/kernel/core_pattern",
    ]
    opened = probe.find_done("write_file", [str(path) for path in [*files, *programs]])
    assert all(is_below(Path(path), own) for path in opened)


def test_a_program_that_a_process_starts_is_locked_too(up: RunningUp, probe: Probe) -> None:
    identity = str(up.state.keys("staff") / "vault-identity")
    targets = [str(up.state.keys("supervisor") / "postgres-superuser"), "/etc/hostname"]
    expected = ["/etc/hostname"] if Path("/etc/hostname").exists() else []
    if probe.kind != "staff":
        targets.append(identity)
    assert probe.find_done("read_by_shell", targets) == expected


# Siblings


def test_a_process_reaches_no_sibling(up: RunningUp, probes: dict[str, Probe], probe: Probe) -> None:
    pids = list(up.find_pids())
    pids += [other.process.pid for other in probes.values() if other is not probe]
    pids.append(os.getpid())
    assert len(pids) >= 10
    doors = [f"/proc/{pid}/{name}" for pid in pids for name in ("environ", "mem", "maps", "auxv")]
    doors += [f"/proc/{pid}/fd/{number}" for pid in pids for number in range(12)]
    # Who has ended meanwhile, as a picture's own child does, has no memory any more: its maps open, and are empty.
    opened = probe.find_done("read_file", doors)
    assert [door for door in opened if "/fd/" in door or is_running(int(door.split("/")[2]))] == []
    folders = [f"/proc/{pid}/{name}" for pid in pids for name in ("root", "cwd")]
    assert probe.find_done("read_folder", folders) == []
    assert probe.find_done("seize_process", pids) == []
    if probe.layers["landlock"] >= 6:  # older kernels do not keep signals within a lock
        assert probe.find_done("signal_process", pids) == []
    assert all(other.process.poll() is None for other in probes.values())


def test_only_those_who_must_dial_out(up: RunningUp, probe: Probe) -> None:
    if probe.layers["landlock"] < 4:
        pytest.skip("this kernel's Landlock does not know TCP")
    ports = [up.public_port, up.staff_port]
    assert probe.find_done("dial", ports) == (ports if probe.kind in DIALS else [])
    assert not DIALS & {"public", "staff", "sweep"}


# The database


CUSTODY_CHANGES = (
    "UPDATE custody_events SET actor = 'nobody'",
    "DELETE FROM custody_events",
    "TRUNCATE custody_events",
    "TRUNCATE custody_heads CASCADE",
    "UPDATE custody_heads SET seq = 0",
    "DELETE FROM custody_heads",
    "ALTER TABLE custody_events DISABLE TRIGGER ALL",
    "ALTER TABLE custody_events DISABLE TRIGGER custody_chain",
    "DROP TRIGGER custody_is_append_only ON custody_events",
    "DROP TABLE custody_events",
    "SET session_replication_role = 'replica'",
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "GRANT UPDATE ON custody_events TO CURRENT_USER; UPDATE custody_events SET actor = 'nobody'",
    "ALTER TABLE custody_events OWNER TO CURRENT_USER",
    "CREATE RULE r AS ON INSERT TO custody_events DO INSTEAD NOTHING",
    "SELECT chain_custody_event()",
)
WAYS_OUT = (
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "COPY custody_events FROM PROGRAM 'true'",
    "COPY (SELECT 1) TO '/tmp/probe'",
    "COPY custody_events FROM '/etc/passwd'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_read_binary_file('postgresql.conf')",
    "SELECT pg_ls_dir('.')",
    "SELECT pg_stat_file('postgresql.conf')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_export(1, '/tmp/probe')",
    "CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'libc', 'getpid'",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE TABLE probe (id int)",
    "CREATE SCHEMA probe",
    "CREATE ROLE probe",
    "CREATE SERVER probe FOREIGN DATA WRAPPER dummy",
    "ALTER DATABASE hotline SET statement_timeout = 0",
    "LOAD 'libc'",
    "SELECT pg_reload_conf()",
    "SELECT rolpassword FROM pg_authid",
    "SELECT pg_switch_wal()",
    "SELECT pg_create_logical_replication_slot('probe', 'pgoutput')",
)
OUTSIDE_A_TRANSACTION = (
    "CREATE DATABASE probe",
    "DROP DATABASE hotline",
    "ALTER SYSTEM SET listen_addresses = '*'",
    "CREATE TABLESPACE probe LOCATION '/tmp'",
)
ROLES = (
    "hotline_owner",
    "hotline_super",
    "hotline_public",
    "hotline_staff",
    "hotline_worker",
    "hotline_outbound",
)


def ask_refused(probe: Probe, statements: list[str], refusals: set[str], how: str = "run_sql") -> None:
    answers = zip(statements, probe.ask(how, statements), strict=True)
    assert [(said, answer) for said, answer in answers if answer.get("refused") not in refusals] == []


def test_a_process_cannot_change_custody(probe: Probe) -> None:
    ask_refused(probe, list(CUSTODY_CHANGES), {"InsufficientPrivilege"})


def test_a_process_cannot_leave_the_database(probe: Probe) -> None:
    ask_refused(probe, list(WAYS_OUT), {"InsufficientPrivilege", "UndefinedObject"})
    ask_refused(probe, list(OUTSIDE_A_TRANSACTION), {"InsufficientPrivilege"}, "run_sql_alone")


def test_a_process_is_one_role_and_becomes_no_other(probe: Probe) -> None:
    (who,) = probe.ask("run_sql", ["SELECT current_user"])
    role = "hotline_worker" if probe.kind == "sweep" else f"hotline_{probe.kind}"
    assert who["done"] == f"[('{role}',)]"
    others = [other for other in ROLES if other != role]
    statements = [f"SET ROLE {other}" for other in others]
    statements += [f"SET SESSION AUTHORIZATION {other}" for other in others]
    statements += [f"GRANT {other} TO {role}" for other in others]
    statements += [f"ALTER ROLE {other} PASSWORD 'x'" for other in others]
    statements += [f"ALTER ROLE {role} SUPERUSER", f"ALTER ROLE {role} CREATEROLE"]
    ask_refused(probe, statements, {"InsufficientPrivilege"})


def test_a_process_enters_only_as_itself(up: RunningUp, probe: Probe) -> None:
    """Its password opens no other role and no other database; without a password nothing opens."""
    own = (up.state.keys(probe.kind) / "database-url").read_text()
    role = "hotline_worker" if probe.kind == "sweep" else f"hotline_{probe.kind}"
    parts = psycopg.conninfo.conninfo_to_dict(own)
    make = psycopg.conninfo.make_conninfo
    targets = [make(own, user=other) for other in ROLES if other != role]
    targets += [make(own, dbname=name) for name in ("postgres", "template1", "template0")]
    without = {name: value for name, value in parts.items() if name != "password"}
    targets += [make("", **{**without, "user": other}) for other in ROLES]
    assert probe.find_done("connect_to_database", [own]) == [own]
    assert probe.find_done("connect_to_database", targets) == []


# The queue


def test_the_public_surface_has_no_queue(up: RunningUp, probes: dict[str, Probe]) -> None:
    public = probes["public"]
    redis_url = (up.state.keys("worker") / "redis-url").read_text()
    (environment,) = public.ask("show_own", ["environment"])
    held = json.dumps(environment) + "".join(path.read_text() for path in up.state.keys("public").iterdir())
    assert redis_url not in held
    assert "redis" not in held.lower()
    assert redis_url.split("@")[0].removeprefix("unix://:") not in held
    path = str(next(iter([*up.state.run.glob("valkey*.sock"), *Path("/tmp").glob("hotline-*/valkey.sock")])))
    for words in ("PING", "KEYS *", "LPUSH rq:queue:capture x", "CONFIG GET dir", "ACL LIST", "AUTH x"):
        (answer,) = public.ask("ask_valkey", [[path, words]])
        assert answer.get("words", "").startswith(("-NOAUTH", "-WRONGPASS")), (words, answer)


# Evidence


def read_evidence(up: RunningUp) -> tuple[list[str], bytes]:
    with psycopg.connect((up.state.keys("staff") / "database-url").read_text()) as conn:
        names = [row[0] for row in conn.execute("SELECT name FROM evidence_objects ORDER BY kind")]
        row = conn.execute("SELECT sealed_identity FROM evidence_keys").fetchone()
    assert row is not None
    return names, bytes(row[0])


def test_a_worker_cannot_open_what_it_sealed(up: RunningUp, probes: dict[str, Probe]) -> None:
    worker = probes["worker"]
    names, _ = read_evidence(up)
    assert len(names) == 4
    targets = [["evidence", name, "intake-identity"] for name in names]
    for answer in worker.ask("open_object", targets):
        assert "cannot be opened with this key" in answer.get("words", "")
    for answer in worker.ask("open_object", [["evidence", names[0], "vault-identity"]]):
        assert answer["refused"] == "KeyMissingError"
    statements = ["SELECT sealed_identity FROM evidence_keys", "SELECT * FROM evidence_keys"]
    statements += ["UPDATE evidence_keys SET sealed_identity = ''"]
    ask_refused(worker, statements, {"InsufficientPrivilege"})
    ask_refused(probes["sweep"], statements, {"InsufficientPrivilege"})
    ask_refused(
        probes["public"], [*statements, "SELECT name FROM evidence_objects"], {"InsufficientPrivilege"}
    )


def test_the_public_surface_cannot_open_what_it_received(up: RunningUp, probes: dict[str, Probe]) -> None:
    statements = ["SELECT url FROM items", "SELECT note FROM reports", "SELECT * FROM items"]
    statements += ["SELECT name FROM intake_objects", "SELECT text FROM report_unreadable_lines"]
    statements += [
        "SELECT * FROM persons",
        "SELECT value FROM hash_entry_fingerprints",
        "SELECT * FROM matches",
    ]
    statements += ["DELETE FROM items", "DELETE FROM reports", "UPDATE reports SET note = ''"]
    statements += ["UPDATE items SET url = 'http://x.example/'", "SELECT record FROM custody_events"]
    ask_refused(probes["public"], statements, {"InsufficientPrivilege"})


def test_only_the_staff_key_opens_evidence(up: RunningUp) -> None:
    """The way a look will take; it shows that the refusals above are no accident of a broken object."""
    names, sealed_identity = read_evidence(up)
    vault_identity = (up.state.keys("staff") / "vault-identity").read_text().strip()
    image_identity = unseal(sealed_identity, vault_identity).decode()
    vault = ObjectVault((up.state.keys("staff") / "evidence-url").read_text().strip())
    opened = [unseal(vault.get("evidence", name), image_identity) for name in names]
    assert make_jpeg(9001) in opened


# What others can see of a running deployment


def test_no_secret_is_in_arguments_environment_or_logs(up: RunningUp) -> None:
    secrets = {secret.encode() for secret in read_secrets(up.state) if len(secret) >= 16}
    assert len(secrets) >= 12
    pids = up.find_pids()
    commands = "\n".join(pids.values())
    for words in ("--surface public", "--surface staff", "-m workers", "workers.sweep", "postgres", "valkey"):
        assert words in commands
    read = 0
    for pid in pids:
        for name in ("cmdline", "environ"):
            try:
                shown = Path(f"/proc/{pid}/{name}").read_bytes()
            except PermissionError:
                assert name == "environ"
                continue  # closed even to the same account, and so to everybody
            except (FileNotFoundError, ProcessLookupError):
                continue
            read += 1
            assert not [secret for secret in secrets if secret in shown], (name, pids[pid])
    assert read > len(pids)
    for log in up.state.logs.iterdir():
        content = log.read_bytes()
        assert not [secret for secret in secrets if secret in content], log.name


def test_sockets_and_folders_are_private(up: RunningUp) -> None:
    for folder in [up.state.root, *(path for path in up.state.root.iterdir() if path.is_dir())]:
        assert folder.stat().st_mode & 0o077 == 0, folder.name
    listening = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            address, _, port = local.partition(":")
            if state == "0A" and int(port, 16) in (up.public_port, up.staff_port):
                listening.add(address)
    assert listening == {"0100007F"}


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "PUT", "DELETE"])
def test_the_staff_surface_says_nothing_to_a_stranger(up: RunningUp, method: str) -> None:
    paths = ["/items", "/review", "/login", "/report", "/api/v1/reports", "/api/v1/items"]
    paths += ["/docs", "/redoc", "/openapi.json", "/static/public.css", "/static/../healthz/x", "/evidence"]
    paths += ["/healthz/", "//healthz", "/HEALTHZ", "/receipt"]
    for path in paths:
        status, body = ask(up.staff_port, method, path)
        assert status == 404, (path, status)
        assert b"IS-" not in body
    for path in ("/", "/people"):
        status, body = ask(up.staff_port, method, path)
        refused = 401 if (method, path) == ("POST", "/people") else 405
        assert (status, body) == (303, b"") if method == "GET" else status == refused, path
    status, body = ask(up.staff_port, "GET", "/healthz")
    assert (status, json.loads(body)) == (200, {"status": "ok"})


def test_a_foreign_host_name_is_refused(up: RunningUp) -> None:
    for port in (up.public_port, up.staff_port):
        status, _ = ask(port, "GET", "/healthz", host="rebound.example")
        assert status == 421


def ask(port: int, method: str, path: str, host: str = "localhost") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, headers={"Host": host})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
