"""A decoder that a picture took over, reached by a real report, through the queue, in a real worker."""

import json
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from tests.deployments import find_spec, make_deployment, read_log, run_spec
from tests.drawn_images import make_jpeg
from tests.processes import wait_until
from triage.cli.embedded import Servers
from triage.clock import utcnow
from triage.keys import INTAKE_RECIPIENT
from triage.model import Channel
from triage.rules.states import Remit
from triage.steps.receive_report import IncomingReport, Limits, SealedUpload, receive_report
from triage.store.listing import ListedItem, list_items
from triage.store.pool import connect
from triage.vault import INTAKE, ObjectVault, seal

HERE = Path(__file__).parent
ATTEMPTS = (
    "open a file", "TCP connect", "Unix socket by path", "fork", "exec", "signal another", "write a file",
)  # fmt: skip


@pytest.fixture
def prey(tmp_path):
    """What an attempt would reach if the locks were not: a listener, a socket file, a process, a file."""
    sleeper = subprocess.Popen(["sleep", "300"])
    listener, unix = socket.socket(), socket.socket(socket.AF_UNIX)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    unix.bind(str(tmp_path / "prey"))
    unix.listen()
    places = {"port": listener.getsockname()[1], "path": str(tmp_path / "prey"), "folder": str(tmp_path)}
    yield {**places, "pid": sleeper.pid}
    assert sleeper.poll() is None, "a decoder signalled another process"
    for one in (listener, unix):
        one.setblocking(False)
        with pytest.raises(BlockingIOError):
            one.accept()
        one.close()
    assert not list(tmp_path.glob("new-*")), "a decoder wrote a file"
    sleeper.kill()
    sleeper.wait()


def report_files(deployment, dsn: str, files: dict[str, bytes]) -> None:
    """Submit files as the public surface does: sealed first, then one transaction with its role."""
    keys = deployment.keys("public")
    vault = ObjectVault(keys.find_evidence_url())
    uploads = [
        SealedUpload(vault.put(INTAKE, seal(data, keys.read(INTAKE_RECIPIENT))), name, len(data))
        for name, data in files.items()
    ]
    report = IncomingReport(channel=Channel.PUBLIC, actor="public", remit=Remit.CSAM, uploads=uploads)
    conn = connect(dsn)
    receive_report(
        conn, report, now=utcnow(), receipt_key=keys.read_receipt_key(), limits=Limits(10, 86400.0)
    )
    conn.commit()
    conn.close()


def list_captured(database) -> dict[str, ListedItem]:
    with database.connect("hotline_staff") as conn:
        return {item.file_name or "": item for item in list_items(conn) if item.state != "received"}


def test_a_taken_over_decoder_is_seen_as_hostile(
    tmp_path: Path, servers: Servers, database, prey: dict[str, object]
) -> None:
    deployment = make_deployment(tmp_path / "state", database.dsns, f"{servers.redis_url}?db=7")
    # Readable for the worker, as its own code would be; its keys do no harm: a decoder opens nothing.
    zygote = deployment.state.keys("worker") / "hostile_zygote.py"
    shutil.copy(HERE / "hostile_zygote.py", zygote)
    shutil.copy(HERE / "attempts.py", zygote.parent)
    files = {name: b"TRY:" + json.dumps({**prey, "attempt": name}).encode() for name in ATTEMPTS}
    files["honest"] = make_jpeg(7001)
    report_files(deployment, database.dsns["hotline_public"], files)

    sweep = find_spec(deployment, "sweep")
    worker = find_spec(deployment, "worker-1")
    with (
        run_spec(deployment, sweep),
        run_spec(deployment, worker, program=[str(HERE / "hostile_worker.py"), str(zygote)]) as process,
    ):
        wait_until(lambda: len(list_captured(database)) == len(files) or process.poll() is not None, 60)
        assert process.poll() is None, read_log(deployment, "worker-1")
    found = list_captured(database)

    for name in ATTEMPTS:
        assert (name, found[name].lane) == (name, "look")
        assert found[name].reason is not None
        assert found[name].reason.startswith("hostile: "), (name, found[name].reason)
        assert "a forbidden call" in found[name].reason
        assert found[name].evidence == 0
    # The same worker and the same zygote go on with the next picture.
    assert (found["honest"].reason, found["honest"].evidence) == ("new picture", 4)
    assert "TRY:" not in read_log(deployment, "worker-1")
    with database.connect() as conn:
        hidden = conn.execute("SELECT count(*) FROM images WHERE NOT can_be_shown").fetchone()
        prints = conn.execute(
            "SELECT count(*) FROM fingerprints JOIN images ON images.id = image_id"
            " WHERE NOT can_be_shown AND algorithm IN ('pdq', 'phash')"
        ).fetchone()
    assert (hidden, prints) == ((len(ATTEMPTS),), (0,))
    assert os.listdir(deployment.state.intake) == []
