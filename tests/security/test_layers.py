"""Every escape against every layer alone, and against all of them: the whole outcome, as root and as a user.

The tables say what each layer is worth by itself; where root and an ordinary user differ, root comes first.
docs/sandbox.md prints them. A machine that lacks a layer skips its column and says so.
"""

import contextlib
import functools
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.security.attempts import ATTEMPTS
from triage.sandbox import calls, kernel, landlock
from triage.sandbox.calls import Call, Probe

LAYERS_ALONE = Path(__file__).with_name("layers_alone.py")
DOCS = Path(__file__).parents[2] / "docs" / "sandbox.md"
USERS = ("root", "user")

DECODER = """
| attempt | none | namespaces | privileges | Landlock | limits | seccomp | all | all but namespaces |
|---|---|---|---|---|---|---|---|---|
| open a file | done | done | done | denied | denied | killed | killed | killed |
| open its own code | done | done | done | denied | denied | killed | killed | killed |
| open its environment | done | done | done / denied | denied | denied | killed | killed | killed |
| write a file | done | done | done | denied | denied | killed | killed | killed |
| rename a file | done | done | done | denied | done | killed | killed | killed |
| list a folder | done | done | done | denied | denied | killed | killed | killed |
| stat a file | done | done | done | done | done | killed | killed | killed |
| TCP connect | done | denied | done | denied | denied | killed | killed | killed |
| TCP connect, own port | done | denied | done | denied | denied | killed | killed | killed |
| TCP listen | done | done | done | denied | denied | killed | killed | killed |
| UDP send | done | denied | done | done | denied | killed | killed | killed |
| netlink socket | done | done | done | done | denied | killed | killed | killed |
| socket option | done | done | done | done | denied | killed | killed | killed |
| Unix socket by path | done | done | done | done | denied | killed | killed | killed |
| Unix socket, abstract | done | denied | done | denied | denied | killed | killed | killed |
| fork | done | done | done | done | done / denied | killed | killed | killed |
| thread | done | done | done | done | done / denied | killed | killed | killed |
| exec | done | done | done | denied | done | killed | killed | killed |
| ptrace | done | denied | denied / done | denied | done | killed | killed | killed |
| read another's memory | done | denied | denied / done | denied | done | killed | killed | killed |
| signal another | done | done | done | denied | done | killed | killed | killed |
| memfd | done | done | done | done | denied | killed | killed | killed |
| executable page | done | done | done | done | done | killed | killed | killed |
| page made executable | done | done | done | done | done | killed | killed | killed |
| user namespace | done | denied | done | done | done | killed | killed | killed |
| io_uring | done | done | done | done | denied | killed | killed | killed |
| userfaultfd | done | done | done | done | denied | killed | killed | killed |
| keyring | done | done | done | done | done | killed | killed | killed |
| set the user id | done | denied | done | done | done | killed | killed | killed |
| sleep | done | done | done | done | done | killed | killed | killed |
"""

FETCHER = """
| attempt | none | namespaces | privileges | Landlock | limits | seccomp | all | all but namespaces |
|---|---|---|---|---|---|---|---|---|
| open a file | done | done | done | denied | done | killed | killed | killed |
| open its own code | done | done | done | denied | done | killed | killed | killed |
| open its environment | done | done | done / denied | denied | done | killed | killed | killed |
| write a file | done | done | done | denied | denied | killed | killed | killed |
| rename a file | done | done | done | denied | done | killed | killed | killed |
| list a folder | done | done | done | denied | done | killed | killed | killed |
| stat a file | done | done | done | done | done | killed | killed | killed |
| TCP connect | done | done | done | denied | done | done | denied | denied |
| TCP connect, own port | done | done | done | done | done | done | done | done |
| TCP listen | done | done | done | denied | done | killed | killed | killed |
| UDP send | done | done | done | done | done | done | done | done |
| netlink socket | done | done | done | done | done | killed | killed | killed |
| socket option | done | done | done | done | done | killed | killed | killed |
| Unix socket by path | done | done | done | done | done | killed | killed | killed |
| Unix socket, abstract | done | done | done | denied | done | killed | killed | killed |
| fork | done | done | done | done | done / denied | killed | killed | killed |
| thread | done | done | done | done | done / denied | killed | killed | killed |
| exec | done | done | done | denied | done | killed | killed | killed |
| ptrace | done | denied | denied / done | denied | done | killed | killed | killed |
| read another's memory | done | denied | denied / done | denied | done | killed | killed | killed |
| signal another | done | done | done | denied | done | killed | killed | killed |
| memfd | done | done | done | done | done | killed | killed | killed |
| executable page | done | done | done | done | done | killed | killed | killed |
| page made executable | done | done | done | done | done | killed | killed | killed |
| user namespace | done | denied | done | done | done | killed | killed | killed |
| io_uring | done | done | done | done | done / denied | killed | killed | killed |
| userfaultfd | done | done | done | done | done | killed | killed | killed |
| keyring | done | done | done | done | done | killed | killed | killed |
| set the user id | done | denied | done | done | done | killed | killed | killed |
| sleep | done | done | done | done | done | killed | killed | killed |
"""

TABLES = {"decoder": DECODER, "fetcher": FETCHER}


def read_table(text: str) -> dict[str, dict[str, tuple[str, str]]]:
    """Return {layer: {attempt: (as root, as a user)}}."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.strip().splitlines()]
    head, body = rows[0], rows[2:]
    table: dict[str, dict[str, tuple[str, str]]] = {layer: {} for layer in head[1:]}
    for name, *cells in body:
        for layer, cell in zip(head[1:], cells, strict=True):
            as_root, _, as_user = cell.partition(" / ")
            table[layer][name] = (as_root, as_user or as_root)
    return table


def expect_heic() -> dict[str, dict[str, tuple[str, str]]]:
    """Return the decoder's table, with threads: by the filter, and no more kept away by the limit of processes."""
    table = read_table(DECODER)
    for layer in ("seccomp", "all", "all but namespaces"):
        table[layer]["thread"] = ("done", "done")
    for name in ("thread", "fork"):
        table["limits"][name] = ("done", "done")
    return table


EXPECTED = {"heic": expect_heic(), **{name: read_table(text) for name, text in TABLES.items()}}
LAYERS = tuple(EXPECTED["decoder"])


@pytest.fixture(scope="module")
def near() -> Iterator[str]:
    """Listeners, sockets and files that any account may reach: what stands between is the locks alone."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir="/tmp"))
        name = f"hotline-layers-{os.getpid()}"
        ports = []
        for _ in range(2):
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=512))
            ports.append(listener.getsockname()[1])
        for address in (f"{folder}/socket", "\0" + name):
            one = stack.enter_context(socket.socket(socket.AF_UNIX))
            one.bind(address)
            one.listen(512)
        file = Path(folder, "file")
        file.write_text("x")
        for path, mode in ((folder, 0o777), (f"{folder}/socket", 0o777), (file, 0o666)):
            os.chmod(path, mode)
        yield json.dumps(
            {"port": ports[0], "own_port": ports[1], "path": f"{folder}/socket", "name": name, "folder": folder,
             "file": str(file)}
        )  # fmt: skip


@functools.cache
def try_all(profile: str, user: str, near: str) -> dict[str, dict[str, str]]:
    done = subprocess.run(
        [sys.executable, "-I", "-B", str(LAYERS_ALONE), profile, user],
        input=near, capture_output=True, text=True, timeout=60, check=False, env={}, cwd="/",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    outcome: dict[str, dict[str, str]] = json.loads(done.stdout)
    return outcome


@functools.cache
def can_leave_namespaces() -> bool:
    child = os.fork()
    if child == 0:
        try:
            kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWIPC)
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def find_missing(layer: str) -> str:
    """Return in words what this machine lacks for a column; empty when nothing."""
    if layer in {"Landlock", "all", "all but namespaces"} and landlock.read_abi() < 6:
        return "this kernel's Landlock has no scopes (ABI 6)"
    if layer in {"seccomp", "all", "all but namespaces"} and platform.machine() != "x86_64":
        return "the call tables are those of x86_64"
    if layer in {"namespaces", "all"} and not can_leave_namespaces():
        return "this machine forbids new user namespaces"
    return ""


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("profile", EXPECTED)
def test_each_layer_is_worth_what_the_table_says(near: str, profile: str, user: str, layer: str) -> None:
    if user == "root" and os.geteuid() != 0:
        pytest.skip("the suite runs as a user: only a user's column can be tried")
    if missing := find_missing(layer):
        assert not os.environ.get("CI"), missing
        pytest.skip(missing)
    expected = {name: outcome[USERS.index(user)] for name, outcome in EXPECTED[profile][layer].items()}
    found = try_all(profile, user, near)[layer]
    if profile == "heic" and os.geteuid() != 0 and layer in {"limits", "all but namespaces"}:
        # Without a user namespace of its own the limit counts whatever else this account runs.
        for name in ("thread", "fork"):
            expected[name] = found[name]
    assert found == expected


@pytest.mark.parametrize("table", EXPECTED.values(), ids=EXPECTED.keys())
def test_every_attempt_stands_in_the_table_and_works_without_locks(
    table: dict[str, dict[str, tuple[str, str]]],
) -> None:
    assert all(list(column) == list(ATTEMPTS) for column in table.values())
    assert len(ATTEMPTS) >= 17
    assert set(table["none"].values()) == {("done", "done")}


def test_with_all_layers_only_what_the_work_needs_is_left() -> None:
    for layer in ("all", "all but namespaces"):
        left = {
            profile: {name for name, outcome in EXPECTED[profile][layer].items() if "done" in outcome}
            for profile in EXPECTED
        }
        assert left == {
            "decoder": set(),
            "heic": {"thread"},
            "fetcher": {"TCP connect, own port", "UDP send"},
        }


def print_rows(rows: Iterable[Call | Probe]) -> str:
    return "".join(f"| {row.name} | {row.number} | {row.reason} |\n" for row in rows)


PRINTED = {
    **TABLES,
    "decoder's calls": print_rows(calls.DECODER.calls),
    "heic's calls": print_rows(call for call in calls.HEIC.calls if call not in calls.DECODER.calls),
    "heic's probes": print_rows(calls.HEIC.probes),
    "fetcher's calls": print_rows(calls.FETCHER.calls),
    "fetcher's probes": print_rows(calls.FETCHER.probes),
}


@pytest.mark.parametrize("text", PRINTED.values(), ids=PRINTED.keys())
def test_the_page_on_the_sandbox_prints_the_tables(text: str) -> None:
    assert text in DOCS.read_text()
