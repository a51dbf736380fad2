"""A real outbound process: killed after it handed a message over, started with wrong words, its queue wiped."""

import json
import signal
import subprocess
import sys

import pytest
from joserfc.jwk import OKPKey

from tests.builders import Clock, count_rows
from tests.deployments import make_deployment, read_log
from tests.mail_relays import run_relay
from tests.outbound_runs import OutboundRun
from tests.sending_desk import FOREIGN_ASN, POLICE, PROVIDER, make_partner, open_sending_desk
from triage.cli.make_keys import make_keys
from triage.cli.state_dir import StateDir, write_secret
from triage.errors import KeyMissingError, SettingsError
from triage.keys import ProcessKeys
from triage.rules.states import SendingState
from triage.settings import load_settings
from workers.outbound_tools import open_outbound_tools
from workers.send import send

URL = "http://photos.example/a.jpg"
S = SendingState


@pytest.fixture
def run(database, servers, tmp_path):
    clock = Clock()
    clock.move_on(-3600)  # all that is laid is due long since
    root = tmp_path / "state"
    made = make_deployment(root, database.dsns, servers.redis_url)
    with open_sending_desk(database, made.state.root, clock, kind="practice") as desk:
        yield OutboundRun(database, servers.redis_url, root, desk)


def test_a_mail_that_was_handed_over_before_a_kill_is_unclear_and_never_sent_again(run):
    desk = run.desk
    desk.enter(POLICE)
    item = desk.lay_item(URL)
    with run_relay() as relay:
        write_secret(run.deployment.state.keys("outbound") / "smtp-url", relay.url)
        with run.process(HOTLINE_CRASH_AT="after_smtp_data") as first:
            run.sweep_until(lambda: first.poll() is not None)
        assert first.returncode == -signal.SIGKILL
        assert (desk.state(item, "police"), len(relay.mails)) == (S.SENDING, 1)
        run.let_lease_run_out()
        with run.process():
            run.sweep_until(lambda: desk.state(item, "police") is S.UNCLEAR)
        assert len(relay.mails) == 1
    assert "it stopped while" in desk.find(item, "police").reason
    assert "photos.example" not in read_log(run.deployment, "outbound")


def test_a_file_that_was_in_place_before_a_kill_is_found_and_everything_behind_it_leaves(run):
    desk = run.desk
    desk.enter(POLICE)
    desk.enter(PROVIDER)
    item = desk.lay_notified(URL)
    with run.process(HOTLINE_CRASH_AT="after_smtp_data") as first:
        run.sweep_until(lambda: first.poll() is not None)
    assert first.returncode == -signal.SIGKILL
    assert desk.state(item, "police") is S.SENDING
    mails = sorted((run.deployment.state.outbox / "mail" / "new").glob("*.eml"))
    before = [path.read_bytes() for path in mails]
    assert len(mails) == 1
    run.let_lease_run_out()
    run.redis.flushall()  # the queue knows nothing any more
    with run.process():
        run.sweep_until(lambda: desk.state(item) is S.SENT)
    assert desk.state(item, "police") is S.SENT
    after = sorted((run.deployment.state.outbox / "mail" / "new").glob("*.eml"))
    assert len(after) == 2
    assert [path.read_bytes() for path in after if path in mails] == before
    assert b"PRAKTIK" in before[0]
    assert count_rows(desk.conn, "SELECT count(*) FROM sendings WHERE state = 'sent'") == 2


def test_a_package_that_was_in_place_before_a_kill_is_not_sealed_a_second_time(run):
    desk = run.desk
    desk.enter(POLICE)
    desk.enter(make_partner())
    item = desk.lay_notified(URL, asn=FOREIGN_ASN, country="NL")
    send(desk.tools, desk.find(item, "police").id)
    with run.process(HOTLINE_CRASH_AT="after_smtp_data") as first:
        run.sweep_until(lambda: first.poll() is not None)
    assert first.returncode == -signal.SIGKILL
    assert (desk.state(item, "police"), desk.state(item, "hotline")) == (S.SENT, S.SENDING)
    (package,) = (run.deployment.state.outbox / "packages" / "partner").glob("*.age")
    before = package.read_bytes()
    run.let_lease_run_out()
    with run.process():
        run.sweep_until(lambda: desk.state(item, "hotline") is S.SENT)
    assert list(package.parent.glob("*.age")) == [package]
    assert package.read_bytes() == before


def test_what_leaves_is_served_by_a_process_of_its_own():
    words = ["--queue", "outbound", "--queue", "capture"]
    done = subprocess.run(
        [sys.executable, "-B", "-m", "workers", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "process of its own" in done.stderr


def test_practice_has_no_relay_but_this_machine(run):
    folder = run.deployment.state.keys("outbound")
    write_secret(folder / "smtp-url", "smtp://mail.example:25")
    keys = ProcessKeys(folder, load_settings({}))
    with pytest.raises(SettingsError, match="only to this machine") as caught:
        open_outbound_tools(load_settings({}), keys, run.deployment.state.outbox)
    assert "mail.example" not in str(caught.value)


def test_signing_keys_are_made_once_and_a_lost_private_half_is_told(tmp_path):
    state = StateDir(tmp_path / "state")
    state.prepare()
    make_keys(state, evidence_url=None)
    private, public = (state.keys("outbound") / name for name in ("signing-key", "signing-public"))
    first = private.read_text()
    make_keys(state, evidence_url=None)
    assert private.read_text() == first
    shown = json.loads(public.read_text())
    key = OKPKey.import_key(json.loads(first))
    assert (shown["kid"], shown["x"], "d" in shown) == (key.thumbprint(), json.loads(first)["x"], False)
    private.unlink()
    with pytest.raises(KeyMissingError, match="signing-key is missing"):
        make_keys(state, evidence_url=None)
