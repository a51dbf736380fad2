"""The one door to Redis. The database is the truth; what lies here is a hint that may be lost at any moment.

RQ imports any dotted name it finds in a job. Ours does not: a job carries a name of our own table and one
id, as JSON, and `HotlineJob` refuses all else, callbacks included.
"""

import logging
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn
from uuid import UUID

import redis
from rq import Queue, SimpleWorker
from rq.job import Job as RqJob
from rq.serializers import JSONSerializer
from rq.timeouts import JobTimeoutException, UnixSignalDeathPenalty
from rq.worker import WorkerStatus

from triage.errors import HotlineError, NotAllowedError, ServerUnavailableError, SettingsError
from triage.rules.due import Job, QueueName

Work = Callable[[UUID], None]
_log = logging.getLogger(__name__)
_HINT_LIFE_S = 3600
_HEARTBEAT_S = 20.0


def _connect(url: str, *, answer_within_s: float | None) -> "redis.Redis":
    try:
        return redis.Redis.from_url(
            url, socket_connect_timeout=3, socket_timeout=answer_within_s, health_check_interval=30
        )
    except ValueError:
        raise SettingsError("REDIS_URL cannot be read") from None


class QueueDoor:
    """Puts hints on the queue and tells how many wait.

    Args:
        url: address of Redis or Valkey.
        timeout_s: the queue's own last deadline of a job, in seconds.
    """

    def __init__(self, url: str, *, timeout_s: int) -> None:
        self._redis = _connect(url, answer_within_s=5)
        self._timeout_s = timeout_s

    def nudge(self, job: Job, identity: UUID, *, first: bool = False) -> bool:
        """Put a hint on the queue, before all others if `first`.

        Returns:
            False when Redis cannot take it; the sweep will try again.
        """
        try:
            self._queue(job.queue).enqueue_call(
                job.name,
                args=(str(identity),),
                timeout=self._timeout_s,
                ttl=_HINT_LIFE_S,
                description=f"{job.name} {identity}",
                at_front=first,
            )
        except redis.RedisError as error:
            _log.warning("the queue does not answer: %s", type(error).__name__)
            return False
        return True

    def count_waiting(self, queue: QueueName) -> int | None:
        """Return how many hints wait on a queue, or None when Redis does not answer."""
        try:
            return int(self._queue(queue).count)
        except redis.RedisError:
            return None

    def ping(self) -> None:
        """Ask Redis whether it is there.

        Raises:
            ServerUnavailableError: it does not answer.
        """
        try:
            self._redis.ping()
        except redis.RedisError as error:
            raise ServerUnavailableError(f"Redis does not answer: {type(error).__name__}") from None

    def _queue(self, name: QueueName) -> Any:
        return Queue(name.value, connection=self._redis, serializer=JSONSerializer, job_class=HotlineJob)


class HotlineJob(RqJob):  # type: ignore[misc]
    """A job whose function is looked up in our table and nowhere else."""

    table: Mapping[str, Work] = {}

    @property
    def func(self) -> Work:
        """Return the function of this job's name.

        Raises:
            NotAllowedError: the name is not in our table.
        """
        name = self.func_name
        if self.instance is not None or name not in self.table:
            raise NotAllowedError("The queue holds a job that is not ours; it was refused.")
        return self.table[name]

    @property
    def success_callback(self) -> None:
        """Callbacks are dotted names too; none is ever run."""
        return

    @property
    def failure_callback(self) -> None:
        """Callbacks are dotted names too; none is ever run."""
        return

    @property
    def stopped_callback(self) -> None:
        """Callbacks are dotted names too; none is ever run."""
        return

    def _execute(self) -> None:
        if self.kwargs or len(self.args) != 1:
            raise NotAllowedError("The queue holds a job that is not ours; it was refused.")
        try:
            identity = UUID(self.args[0])
        except (ValueError, AttributeError, TypeError):
            raise NotAllowedError("The queue holds a job that is not ours; it was refused.") from None
        self.func(identity)


class LastDeadline(UnixSignalDeathPenalty):  # type: ignore[misc]
    """RQ's own deadline raises at any bytecode, even in the middle of a protocol: then nothing here can be
    trusted any more, so the process ends and the supervisor starts a fresh one."""

    def __init__(self, timeout: int, exception: type[Exception] = JobTimeoutException, **kwargs: Any) -> None:
        super().__init__(timeout, exception, **kwargs)
        self._job_id = str(kwargs.get("job_id", ""))

    def handle_death_penalty(self, signum: int, frame: object) -> NoReturn:
        """Log the job's id and end the process."""
        _log.critical("job %s is over the queue's own deadline; this worker ends", self._job_id)
        logging.shutdown()
        os._exit(70)


class HotlineWorker(SimpleWorker):  # type: ignore[misc]
    """A worker that does not fork: it keeps the index and the zygote warm."""

    job_class = HotlineJob
    death_penalty_class = LastDeadline
    _next_beat = 0.0

    def execute_job(self, job: RqJob, queue: Queue) -> None:
        """Do a job and take its hint away: what came of it stands in the database, and nothing in Redis.

        The library's own way keeps registries and results; that took longer than many a job.
        """
        self.set_state(WorkerStatus.BUSY)  # a signal to stop waits for the end of the job
        try:
            with self.death_penalty_class(
                job.timeout or Queue.DEFAULT_TIMEOUT, JobTimeoutException, job_id=job.id
            ):
                job.perform()
        except Exception:  # noqa: BLE001 - whatever a job cannot handle itself, the next one must not suffer
            self.handle_exception(job, *sys.exc_info())
        with self.connection.pipeline() as pipeline:
            pipeline.lrem(queue.intermediate_queue_key, 1, job.id)
            pipeline.delete(job.key)
            self.set_state(WorkerStatus.IDLE, pipeline=pipeline)
            pipeline.execute()

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Say that this worker lives; the library says so three times a job, and its word holds for minutes."""
        if pipeline is None and timeout is None and time.monotonic() < self._next_beat:
            return
        self._next_beat = time.monotonic() + _HEARTBEAT_S
        super().heartbeat(timeout, pipeline)

    def handle_exception(self, job: RqJob, *exc_info: Any) -> None:
        """Log what a job could not handle itself, without any value of the frames."""
        error = exc_info[1]
        # The words of a foreign error may quote a value; ours never do.
        words = f": {error}" if isinstance(error, HotlineError) else ""
        _log.error("job %s failed: %s%s", job.id, type(error).__name__, words, exc_info=error)


def run_worker(url: str, queues: Sequence[QueueName], table: Mapping[str, Work], name: str) -> None:
    """Serve the queues until told to stop (SIGTERM, SIGINT).

    Args:
        url: address of Redis or Valkey.
        queues: the queues to serve, first ones first.
        table: job name → function of one id.
        name: name of this worker, unique among all hosts.

    Raises:
        ServerUnavailableError: Redis does not answer; the caller waits and tries again.
    """
    HotlineJob.table = table
    connection = _connect(url, answer_within_s=None)  # a worker waits on its queue
    logging.getLogger("rq").setLevel(logging.WARNING)
    try:
        worker = HotlineWorker(
            [
                Queue(queue.value, connection=connection, serializer=JSONSerializer, job_class=HotlineJob)
                for queue in queues
            ],
            connection=connection,
            serializer=JSONSerializer,
            name=name,
            log_job_description=False,
        )
        worker.work(burst=False, with_scheduler=False, logging_level="WARNING")
    except redis.RedisError as error:
        raise ServerUnavailableError(f"Redis does not answer: {type(error).__name__}") from None
