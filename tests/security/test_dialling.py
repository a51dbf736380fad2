"""Every client of the workers that dials out goes by the address policy, and knows it."""

import ast
from pathlib import Path

import pytest

from triage.errors import SettingsError
from workers.clients.smtp import MailRelay, RefusedForNow
from workers.dialling import dial_ours

WORKERS = Path(__file__).resolve().parents[2] / "workers"

# Libraries and calls that reach a server whose address they are given.
DIALLING_LIBRARIES = frozenset(
    {"smtplib", "ftplib", "poplib", "imaplib", "telnetlib", "http", "urllib", "httpx", "httpx2", "httpcore",
     "httpcore2", "requests", "aiohttp", "anyio", "dns", "socks", "socksio", "websockets", "xmlrpc"}
)  # fmt: skip
HARMLESS = frozenset({"urllib.parse", "http.client.responses", "dns.exception", "dns.name", "dns.rdatatype"})
DIALLING_CALLS = frozenset(
    {"create_connection", "open_connection", "open_unix_connection", "sock_connect", "create_datagram_endpoint",
     "connect", "connect_ex", "connect_tcp", "start_tls", "getaddrinfo", "gethostbyname", "sendto"}
)  # fmt: skip
POLICY = ("workers.dialling", "workers.fetcher.connect")
# The database of this deployment, by its own address, which nobody reports.
OUR_DATABASE = frozenset({"connect"})  # of triage.store.pool, by its bare name


def find_imports(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def find_dialling(tree: ast.AST) -> set[str]:
    """Return how a module may reach another machine."""
    found = {name for name in find_imports(tree) - HARMLESS if name.partition(".")[0] in DIALLING_LIBRARIES}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in DIALLING_CALLS and ast.unparse(node.func) not in OUR_DATABASE:
                found.add(f"{name}()")
    return found


def knows_policy(path: Path, tree: ast.AST) -> bool:
    return path.parent.name == "dialling" or any(name.startswith(POLICY) for name in find_imports(tree))


def test_no_worker_dials_without_knowing_the_policy() -> None:
    dialling = {}
    for path in sorted(WORKERS.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        if (ways := find_dialling(tree)) and not knows_policy(path, tree):
            dialling[str(path.relative_to(WORKERS))] = sorted(ways)
    assert dialling == {}


def test_the_search_finds_those_that_dial() -> None:
    found = {
        str(path.relative_to(WORKERS))
        for path in WORKERS.rglob("*.py")
        if find_dialling(ast.parse(path.read_text("utf-8")))
    }
    assert {
        "clients/dns.py",
        "clients/smtp.py",
        "dialling/dial_ours.py",
        "fetcher/connect.py",
        "fetcher/resolver.py",
    } <= found


@pytest.mark.parametrize(
    "text",
    ["import smtplib", "from urllib.request import urlopen", "import httpx2", "socket.create_connection(('a', 1))",
     "loop.sock_connect(sock, place)", "import dns.resolver", "sock.connect(place)", "asyncio.open_connection('a', 1)"],
)  # fmt: skip
def test_the_search_knows_the_ways_to_dial(text: str) -> None:
    assert find_dialling(ast.parse(text))


def test_a_relay_at_a_clouds_inner_service_is_never_dialled(monkeypatch: pytest.MonkeyPatch) -> None:
    for host in ("169.254.169.254", "0.0.0.0", "[fe80::1]", "224.0.0.1"):
        for scheme in ("smtp", "smtps"):
            relay = MailRelay.from_url(f"{scheme}://{host}:25", timeout_s=0.2, hello="hotline.example")
            assert (
                relay.send("a@hotline.example", "b@provider.example", b"Subject: a\r\n\r\n")
                == RefusedForNow()
            )
    with pytest.raises(SettingsError, match="link-local"):
        dial_ours.dial_ours("169.254.169.254", 80, 0.2)


def test_one_bad_address_of_a_server_of_ours_refuses_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    real = dial_ours.socket.getaddrinfo

    def poison(host: str, port: int, **more: object) -> list[object]:
        return [*real("127.0.0.1", port, **more), *real("169.254.169.254", port, **more)]

    monkeypatch.setattr(dial_ours.socket, "getaddrinfo", poison)
    with pytest.raises(SettingsError, match="link-local"):
        dial_ours.dial_ours("relay.example", 25, 0.2)
