"""The table of networks: replaced as a whole or not at all, and searched for the narrowest row."""

import json

import psycopg
import pytest

from tests.acting import NOWHERE, RRJETI, STREHIMI
from triage.cli.__main__ import main
from triage.cli.deployment import _prepare_database
from triage.cli.make_keys import make_keys
from triage.cli.state_dir import StateDir
from triage.clock import utcnow
from triage.model import Network
from triage.store.custody import read_stream
from triage.store.networks import count_networks, find_network, list_networks, replace_networks
from triage.store.practice import read_practice_names, replace_practice_names, write_kind
from triage.tables import load_shipped_networks
from workers.dialling.practice_names import PracticeNames


@pytest.fixture
def practice(conn):
    write_kind(conn, "practice", now=utcnow())
    conn.commit()
    return conn


@pytest.fixture
def hotline(database, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("STATE_DIR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", database.dsns["hotline_staff"])

    def run(*words):
        capfd.readouterr()
        code = main([str(word) for word in words])
        said = capfd.readouterr()
        return code, said.out, said.err

    return run


def write_table(path, *rows):
    path.write_text(json.dumps({"networks": rows}), "utf-8")
    return path


def row(prefix="192.0.2.0/24", **more):
    return {"prefix": prefix, "asn": 64496, "operator": "Rrjeti", "brand": "", "country": "AL"} | more


def test_the_narrowest_network_is_found(practice):
    inner = Network("192.0.2.128/25", 64500, "Brenda shpk", "", "XK")
    assert replace_networks(practice, [RRJETI, inner, STREHIMI]) == 3
    assert find_network(practice, "192.0.2.1") == RRJETI
    assert find_network(practice, "192.0.2.200") == inner
    assert find_network(practice, "203.0.113.1") is None
    assert find_network(practice, "2001:db8::1") is None


def test_a_live_database_refuses_fictional_networks_and_practice_all_others(conn):
    shipped = load_shipped_networks()
    write_kind(conn, "live", now=utcnow())
    assert replace_networks(conn, shipped) == len(shipped)
    conn.commit()
    for refused in (RRJETI, Network("192.0.0.0/16", 64496, "Wide", "", "AL")):
        with pytest.raises(psycopg.errors.CheckViolation):
            replace_networks(conn, [refused])
        conn.rollback()
    assert count_networks(conn) == len(shipped)


def test_practice_refuses_real_networks(practice):
    with pytest.raises(psycopg.errors.CheckViolation):
        replace_networks(practice, load_shipped_networks()[:1])


def test_a_worker_reads_the_table_and_cannot_change_it(practice, as_role):
    replace_networks(practice, [RRJETI])
    practice.commit()
    worker = as_role("hotline_worker")
    assert find_network(worker, "192.0.2.1") == RRJETI
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        replace_networks(worker, [NOWHERE])


def test_an_import_replaces_all_and_says_so(practice, hotline, tmp_path):
    path = write_table(tmp_path / "one.json", row(), row("198.51.100.0/24", asn=64497))
    code, out, _ = hotline("networks", "import", path, "--practice", "--json")
    assert (code, json.loads(out)) == (0, {"networks": 2})
    assert hotline("networks", "import", write_table(path, row("203.0.113.0/24")), "--practice")[0] == 0
    code, out, _ = hotline("networks", "list", "--practice", "--json")
    assert [json.loads(line)["prefix"] for line in out.splitlines()] == ["203.0.113.0/24"]
    events = read_stream(practice, "system")
    assert [(event.actor, event.event) for event in events] == [("cli", "networks_loaded")] * 2
    assert "Rrjeti" not in events[0].record


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([row(), row("192.0.2.1/24")], "Row 2"),
        ([row(), row("10.0.0.0/8")], "private or reserved"),
        ([row("185.30.144.0/22")], "belong to practice"),
        ([], "empty"),
    ],
)
def test_what_is_refused_changes_nothing_and_says_why_in_one_line(practice, hotline, tmp_path, rows, words):
    replace_networks(practice, [RRJETI])
    practice.commit()
    code, out, err = hotline("networks", "import", write_table(tmp_path / "bad.json", *rows), "--practice")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert words in err
    assert list_networks(practice) == [RRJETI]
    assert read_stream(practice, "system") == []


@pytest.mark.parametrize("data", [None, b"\xff\xfe", b"[" * 50_000])
def test_a_file_that_is_no_table_is_refused_in_one_line(practice, hotline, tmp_path, data):
    path = tmp_path / "table.json"
    if data is not None:
        path.write_bytes(data)
    code, _, err = hotline("networks", "import", path, "--practice")
    assert (code, err.count("\n")) == (1, 1)


def test_a_fresh_live_deployment_knows_the_shipped_networks_and_keeps_its_own(database, state_root):
    state = StateDir(state_root)
    state.prepare()
    make_keys(state, evidence_url=None)
    dsn = database.dsns["hotline_owner"]
    _prepare_database(dsn, "live", None, state)
    with database.connect() as conn:
        assert count_networks(conn) == len(load_shipped_networks())
        assert [event.event for event in read_stream(conn, "system")].count("networks_loaded") == 1
        replace_networks(conn, load_shipped_networks()[:1])
        conn.commit()
        _prepare_database(dsn, "live", None, state)
        assert count_networks(conn) == 1


def test_a_practice_name_on_several_addresses_is_dialled_on_its_first(practice):
    places = {"a.example": ["203.0.113.9", "192.0.2.30"], "b.example": "198.51.100.1"}
    replace_practice_names(practice, places, dial_host="127.0.0.1", dial_port=8000)
    names = PracticeNames.from_rows(read_practice_names(practice))
    assert names.addresses == {"a.example": "192.0.2.30", "b.example": "198.51.100.1"}
    assert names.find_addresses("a.example") == ("192.0.2.30", "203.0.113.9")
    assert set(names.dials) == {"192.0.2.30", "203.0.113.9", "198.51.100.1"}
    assert PracticeNames.from_rows(names.to_rows()) == names
