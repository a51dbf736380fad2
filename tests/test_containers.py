"""The container files are valid, and every role's command line in them is one that exists. No container is run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from triage.cli.__main__ import COMMANDS
from triage.settings import load_settings

ROOT = Path(__file__).parent.parent
COMPOSE = ROOT / "docker-compose.yml"
SERVERS = {"postgres", "valkey", "store"}
OURS = {"migrate", "public", "staff", "worker", "outbound", "sweep"}
MODULES = {"web": "api", "worker": "workers", "sweep": "workers.sweep"}


def read_compose():
    """Return the compose file as data, its anchors followed."""
    return yaml.safe_load(COMPOSE.read_text())


def read_services():
    """Return service → its description, of the services that are this program."""
    return {name: one for name, one in read_compose()["services"].items() if name not in SERVERS}


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
    assert set(services) == OURS
    for service, one in services.items():
        assert one["command"][0] in COMMANDS, service


@pytest.mark.parametrize("service", sorted(OURS - {"migrate"}))
def test_each_roles_command_line_starts_and_misses_only_its_keys(service, tmp_path):
    one = read_services()[service]
    words = one["command"]
    places = {name: str(tmp_path / name.lower()) for name in ("KEYS_DIR", "INDEX_DIR", "OUTBOX_DIR")}
    env = {"PATH": os.environ["PATH"], **one["environment"], **places}
    env = {name: re.sub(r"\$\{\w+:-(.*?)\}", r"\1", text) for name, text in env.items()}
    for place in places.values():
        Path(place).mkdir()
    done = subprocess.run(
        [sys.executable, "-B", "-m", MODULES[words[0]], *words[1:]],
        env=env,
        capture_output=True,
        text=True,
        timeout=30,
        cwd=ROOT,
    )
    assert done.returncode == 1
    assert "missing in KEYS_DIR" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_container_of_ours_is_poor():
    for service, one in read_services().items():
        assert one["read_only"] is True, service
        assert one["cap_drop"] == ["ALL"], service
        assert one["security_opt"] == ["no-new-privileges:true"], service
        assert "privileged" not in one, service
        assert all(port.startswith("127.0.0.1:") for port in one.get("ports", [])), service
        mounts = [mount.split(":") for mount in one["volumes"]]
        assert {tuple(mount) for mount in mounts if mount[0].startswith(".")} == {
            (f"./keys/{'owner' if service == 'migrate' else service}", "/keys", "ro")
        }, service


def test_only_the_two_processes_that_dial_have_a_way_out():
    compose = read_compose()
    networks = compose["networks"]
    assert networks["inside"]["internal"] is True
    assert networks["edge"]["driver_opts"] == {"com.docker.network.bridge.enable_ip_masquerade": "false"}
    on = {name: set(one["networks"]) for name, one in compose["services"].items()}
    assert {name for name, found in on.items() if "egress" in found} == {"worker", "outbound"}
    assert {name for name, found in on.items() if "edge" in found} == {"public", "staff"}
    for name in SERVERS | {"migrate", "sweep"}:
        assert on[name] == {"inside"}, name
        assert "ports" not in compose["services"][name]


@pytest.mark.parametrize("more", ["", "198.51.100.0/28"])
def test_the_fetcher_of_the_worker_refuses_the_networks_of_the_file(more):
    compose = read_compose()
    text = compose["services"]["worker"]["environment"]["INSIDE_NETWORKS"]
    settings = load_settings({"INSIDE_NETWORKS": text.replace("${INSIDE_NETWORKS:-}", more)})
    subnets = [
        compose["networks"][name]["ipam"]["config"][0]["subnet"]
        for name in compose["services"]["worker"]["networks"]
    ]
    assert set(settings.inside_networks) == {*subnets, more} - {""}


def test_secrets_come_by_file_and_every_server_image_has_a_tag():
    compose = read_compose()
    for name, one in compose["services"].items():
        for variable in one.get("environment", {}):
            is_secret = re.search(r"PASSWORD|SECRET|TOKEN|_URL|_KEY$", variable)
            assert not is_secret or variable.endswith("_FILE"), (name, variable)
        assert re.fullmatch(r"[a-z/]+:\d[\d.]*", one["image"]), name
    assert all(set(secret) == {"file"} for secret in compose["secrets"].values())


def test_the_image_holds_checked_files_only_and_no_root_runs_it():
    text = (ROOT / "Dockerfile").read_text()
    build, final = text.split("\nFROM ")[-2:]
    assert "--require-hashes -r requirements.lock" in build
    assert "--no-index --find-links /wheels" in build
    assert "pip" not in final
    assert "apt-get" not in final
    assert re.search(r"^USER hotline$", final, re.MULTILINE)
    assert "--uid 10001" in final
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {"keys", ".env", "var", ".git"} <= set(ignored)
