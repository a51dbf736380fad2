"""The door to the queue: what is not ours is refused, what takes too long ends the worker, what is lost is a hint."""

import json
import sys
import zlib
from uuid import UUID

import pytest
from rq import Queue
from rq.job import Callback
from rq.serializers import DefaultSerializer, JSONSerializer

from tests.processes import REPOSITORY, wait_until
from triage.cli.children import spawn_child
from triage.errors import ServerUnavailableError, SettingsError
from triage.ids import new_id
from triage.queue import QueueDoor
from triage.rules.due import CAPTURE_ITEM, QueueName

# A worker with one job: it notes the ids it was given, or sleeps when the id says so.
WORKER = """
import sys, time
from pathlib import Path
from triage.log import start_log
from triage.queue import run_worker
from triage.rules.due import QueueName

start_log("INFO")

def note(identity):
    if identity.int == 1:
        time.sleep(60)
    if identity.int == 2:
        raise ValueError("a value nobody should log")
    with open(sys.argv[2], "a") as file:
        file.write(f"{identity}\\n")

run_worker(Path(sys.argv[1]).read_text(), [QueueName.CAPTURE], {"capture_item": note}, "worker-of-a-test")
"""


def write_marker(*_, **__):
    """Stand for any function of ours that the queue must not reach."""
    raise AssertionError("this must never be imported by a worker")


@pytest.fixture
def start_worker(servers, tmp_path):
    """Start a worker in a process of its own; return it, its notes and its log."""
    started = []
    (tmp_path / "url").write_text(servers.redis_url)
    notes, log = tmp_path / "notes", tmp_path / "log"
    notes.touch()

    def start():
        argv = [sys.executable, "-B", "-c", WORKER, str(tmp_path / "url"), str(notes)]
        env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(REPOSITORY)}
        started.append(spawn_child(argv, env=env, log_path=log, death_signal=9, cwd=tmp_path))
        return started[-1], notes, log

    yield start
    for process in started:
        process.kill()
        process.wait()


def raw_queue(client, serializer=JSONSerializer):
    """Return the queue as anybody who holds the password of Redis could use it."""
    return Queue(QueueName.CAPTURE.value, connection=client, serializer=serializer)


def test_what_is_not_ours_is_refused_and_the_worker_lives_on(client, door, start_worker, tmp_path):
    marker = tmp_path / "marker"
    touch = f"touch {marker}"
    ours, identity = CAPTURE_ITEM.name, str(new_id())
    queue = raw_queue(client)
    queue.enqueue_call("os.system", args=(touch,))
    queue.enqueue_call("os.system", args=(identity,))
    queue.enqueue_call("subprocess.check_call", args=(touch,), kwargs={"shell": True})
    queue.enqueue_call("builtins.exec", args=(f"open({str(marker)!r}, 'w')",))
    queue.enqueue_call("workers.capture_item.capture_item", args=(identity,))
    queue.enqueue_call("tests.integration.test_queue.write_marker", args=(identity,))
    queue.enqueue_call("triage.queue.os.system", args=(touch,))
    queue.enqueue_call("write_text", args=(identity,))
    queue.enqueue_call(ours, args=(identity,), kwargs={"zygote_module": "os"})
    queue.enqueue_call(ours, args=(identity, identity))
    queue.enqueue_call(ours, args=("../../etc/passwd",))
    queue.enqueue_call(ours, args=(7,))
    queue.enqueue_call(ours, args=(None,))
    queue.enqueue_call(ours)
    pickled = raw_queue(client, DefaultSerializer)
    pickled.enqueue_call(write_marker, args=(identity,))
    pickled.enqueue_call("os.system", args=(touch,))
    method = queue.enqueue_call(ours, args=(identity,))
    data = json.dumps([ours, "os", [identity], {}]).encode()
    client.hset(f"rq:job:{method.id}", "data", zlib.compress(data))
    spoiled = queue.enqueue_call(ours, args=(identity,))
    client.hset(f"rq:job:{spoiled.id}", "data", b"\x80\x04cos\nsystem\n.")
    client.rpush(queue.key, "no-such-job")
    process, notes, log = start_worker()
    assert door.nudge(CAPTURE_ITEM, UUID(identity))
    wait_until(lambda: notes.read_text(), 20)
    assert notes.read_text().split() == [identity]
    assert process.poll() is None
    assert not marker.exists()
    assert door.count_waiting(QueueName.CAPTURE) == 0
    assert "it was refused" in log.read_text()
    assert touch not in log.read_text()


@pytest.mark.parametrize("fate", ["success", "failure", "stopped"])
def test_callbacks_never_run(client, door, start_worker, tmp_path, fate):
    marker = tmp_path / "marker"
    queue = raw_queue(client)
    first = UUID(int=2) if fate == "failure" else new_id()
    job = queue.enqueue_call(
        CAPTURE_ITEM.name,
        args=(str(first),),
        on_success=Callback("os.system"),
        on_failure=Callback("os.system"),
        on_stopped=Callback("os.system"),
    )
    client.hset(
        f"rq:job:{job.id}",
        mapping={
            f"{name}_callback_name": f"os.system touch {marker}" for name in ("success", "failure", "stopped")
        },
    )
    process, notes, log = start_worker()
    last = new_id()
    door.nudge(CAPTURE_ITEM, last)
    wait_until(lambda: str(last) in notes.read_text(), 20)
    assert process.poll() is None
    assert "a value nobody should log" not in log.read_text()
    assert not marker.exists()


def test_the_queues_own_deadline_ends_the_worker_with_the_jobs_id_alone(client, servers, start_worker):
    short = QueueDoor(servers.redis_url, timeout_s=1)
    assert short.nudge(CAPTURE_ITEM, UUID(int=1))
    (job_id,) = raw_queue(client).job_ids
    process, notes, log = start_worker()
    assert process.wait(20) == 70
    (line,) = [line for line in log.read_text().splitlines() if "deadline" in line]
    assert job_id in line
    assert str(UUID(int=1)) not in log.read_text()
    assert "Traceback" not in log.read_text()
    assert notes.read_text() == ""


def test_nothing_of_a_job_that_failed_stays_in_redis(client, door, start_worker):
    last = new_id()
    door.nudge(CAPTURE_ITEM, UUID(int=2))
    door.nudge(CAPTURE_ITEM, last)
    _, notes, _ = start_worker()
    wait_until(lambda: str(last) in notes.read_text(), 20)
    stored = b""
    for key in client.scan_iter("*"):
        stored += client.dump(key) or b""
    assert b"a value" not in stored
    assert list(client.scan_iter("rq:job:*")) == []


def test_a_job_carries_a_name_and_an_id_and_nothing_that_makes_it_once_only(client, door):
    identity = new_id()
    assert door.nudge(CAPTURE_ITEM, identity)
    assert door.nudge(CAPTURE_ITEM, identity)
    assert door.count_waiting(QueueName.CAPTURE) == 2
    jobs = raw_queue(client).jobs
    assert len({job.id for job in jobs}) == 2
    assert all(str(identity) not in job.id for job in jobs)
    assert [(job.func_name, job.args, job.kwargs) for job in jobs] == [
        ("capture_item", [str(identity)], {})
    ] * 2
    assert {job.retries_left for job in jobs} == {None}
    assert all(0 < client.ttl(f"rq:job:{job.id}") <= 3600 or job.ttl == 3600 for job in jobs)


def test_redis_away_is_said_and_raises_nothing(tmp_path):
    away = QueueDoor(f"unix://{tmp_path}/nowhere.sock", timeout_s=30)
    assert away.nudge(CAPTURE_ITEM, new_id()) is False
    assert away.count_waiting(QueueName.CAPTURE) is None
    with pytest.raises(ServerUnavailableError):
        away.ping()
    with pytest.raises(SettingsError):
        QueueDoor("not an address", timeout_s=30)


def test_a_wrong_password_is_redis_away(servers):
    wrong = QueueDoor(servers.redis_url.replace("unix://:", "unix://:x"), timeout_s=30)
    assert wrong.nudge(CAPTURE_ITEM, new_id()) is False
