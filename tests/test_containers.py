"""The container files are valid, and every role's command line in them is one that exists. No container is run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from triage.cli.__main__ import COMMANDS

ROOT = Path(__file__).parent.parent
COMPOSE = ROOT / "docker-compose.yml"


def read_services():
    """Return service → words of its command, from the lines that this project writes."""
    found = {}
    service = None
    for line in COMPOSE.read_text().splitlines():
        if match := re.fullmatch(r"  ([a-z]+):", line):
            service = match[1]
        elif match := re.fullmatch(r"    command: \[(.*)\]", line):
            found[service] = [word.strip().strip('"') for word in match[1].split(",")]
    return found


def test_the_compose_file_holds_to_its_schema(tmp_path):
    program = shutil.which("docker-compose")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("the run of record needs docker-compose, and there is none")
        pytest.skip("there is no docker-compose on this machine")
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    done = subprocess.run([program, "-f", COMPOSE, "config", "-q"], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_role_of_ours_is_a_command_that_exists():
    services = read_services()
    assert {"migrate", "public", "staff", "worker", "sweep"} <= set(services)
    for service, words in services.items():
        if service not in {"valkey", "postgres"}:
            assert words[0] in COMMANDS, service


@pytest.mark.parametrize("service", ["public", "worker", "sweep"])
def test_each_roles_command_line_starts_and_misses_only_its_keys(service, tmp_path):
    words = read_services()[service]
    module = {"web": "api", "worker": "workers", "sweep": "workers.sweep"}[words[0]]

    env = {"PATH": os.environ["PATH"], "KEYS_DIR": str(tmp_path), "INDEX_DIR": str(tmp_path / "index")}
    done = subprocess.run(
        [sys.executable, "-B", "-m", module, *words[1:]],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
    )
    assert done.returncode == 1
    assert "missing in KEYS_DIR" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_image_installs_what_the_lock_pins_and_no_root_runs_it():
    text = (ROOT / "Dockerfile").read_text()
    assert "--require-hashes -r requirements.lock" in text
    assert re.search(r"^USER hotline$", text, re.MULTILINE)
