"""The fetcher process: it gets bytes from strangers and holds nothing worth taking.

Started by `door.py` as `python -I -B -m workers.fetcher FD` with an empty environment.

1. The start message gives limits, ways out and practice names.
2. All that is needed later is imported and read now: certificates, name servers, the page reader's tables.
3. The process locks itself (`locks.py`): after that it opens no file and dials no port but those that it named.
4. READY says which locks hold; then jobs are answered one by one until the worker closes.
"""

import asyncio
import os
import socket
import sys
import time
from dataclasses import asdict, replace
from typing import Any

from triage.errors import CaptureFailedError, CaptureRefusedError, HotlineError, SettingsError
from triage.rules.fetch_failures import FetchFailure
from triage.sandbox import locks
from workers.dialling.exits import Exits
from workers.dialling.name_servers import NameServers, read_name_servers
from workers.dialling.policy import ALLOWED_PORTS, read_networks
from workers.dialling.practice_names import PracticeNames
from workers.fetcher.answers import write_page
from workers.fetcher.client import Answer, Chain, fetch_url
from workers.fetcher.connect import Connector
from workers.fetcher.locks import lock_process
from workers.fetcher.page import warm_up
from workers.fetcher.resolver import DnsResolver
from workers.fetcher.trust import make_trust
from workers.fetcher.visit import Visit, leads_on, visit
from workers.fetcher.wire import FetchLimits, FetchOrder, FrameError, Hop, receive_frame, send_frame


class Desk:
    """Does the jobs of one process, one at a time.

    Args:
        channel: to the worker.
        limits: of every fetch.
        connector: dials.
    """

    def __init__(self, channel: socket.socket, limits: FetchLimits, connector: Connector) -> None:
        self._channel = channel
        self._limits = limits
        self._connector = connector

    async def do_job(self, message: dict[str, Any]) -> None:
        """Do one job and send its answers; errors become words or names."""
        job = message.get("job")
        try:
            await self._fetch(job, FetchOrder(**message["order"]))
        except CaptureRefusedError as error:
            send_frame(self._channel, {"job": job, "refused": str(error), **_write_way(error.hops)})
        except CaptureFailedError as error:
            send_frame(self._channel, {"job": job, "failed": error.failure, **_write_way(error.hops)})
        except (MemoryError, RuntimeError, ValueError, TypeError, KeyError, ImportError):
            # A stranger's bytes found a fault of ours: this job is over, the next one must not suffer.
            send_frame(self._channel, {"job": job, "failed": FetchFailure.FETCHER_STOPPED.value})

    async def _fetch(self, job: Any, order: FetchOrder) -> None:
        deadline = time.monotonic() + self._limits.total_s
        chain = Chain()

        async def fetch(url: str, *, referer: str, led_by: str) -> Answer:
            return await fetch_url(
                replace(order, url=url, referer=referer),
                self._limits,
                connector=self._connector,
                deadline=deadline,
                chain=chain,
                led_by=led_by,
            )

        first = await fetch(order.url, referer=order.referer, led_by="start")
        is_read = leads_on(first)
        # At once: what came is not lost with a page that is slow to read, or frames that are slow to come.
        send_frame(self._channel, {"job": job, "page": is_read, **_write_answer(first)}, first.body)
        if is_read and order.wants_page:
            seen = await visit(first, self._limits, fetch)
            self._send_page(job, seen, is_elsewhere=seen.answer is not first)

    def _send_page(self, job: Any, seen: Visit, *, is_elsewhere: bool) -> None:
        """Send what a page holds, and the answer that it led to where that is another one."""
        frame: dict[str, Any] = {"job": job, "page": True, "bytes": None, "holds": None}
        frame["frames"] = [asdict(hop) for hop in seen.frame_hops]
        bodies = []
        if is_elsewhere:
            frame |= _write_answer(seen.answer)
            bodies.append(seen.answer.body)
        if seen.page is not None:
            frame["holds"] = write_page(
                seen.page.facts,
                pictures=list(seen.page.pictures),
                found=seen.page.found,
                complete=seen.page.is_complete,
                embedded=[len(one) for one in seen.page.embedded],
            )
            bodies += seen.page.embedded
        send_frame(self._channel, frame, b"".join(bodies))


def _write_way(hops: tuple[Hop, ...]) -> dict[str, Any]:
    return {"hops": [asdict(hop) for hop in hops]}


def _write_answer(answer: Answer) -> dict[str, Any]:
    return {
        **_write_way(answer.hops),
        "bytes": len(answer.body),
        "elapsed_ms": answer.elapsed_ms,
    }


def find_servers(limits: FetchLimits) -> NameServers:
    """Return which name servers are asked; none where the machine has none, which is then said of each name.

    Raises:
        SettingsError: DNS_SERVER cannot be read.
    """
    try:
        return read_name_servers(limits.dns_server)
    except SettingsError:
        if limits.dns_server is not None:
            raise
        return NameServers(())


def list_ports(exits: Exits, practice: PracticeNames, servers: NameServers) -> frozenset[int]:
    """Return the TCP ports that are dialled: only those of exits and of the DNS, where nothing goes out directly."""
    ports = exits.ports | ({servers.port} if servers.addresses else set())
    return ports | ALLOWED_PORTS | practice.dial_ports() if exits.can_be_direct else ports


def serve(channel: socket.socket) -> int:
    """Make ready, lock the process and answer jobs until the worker closes; return the exit status."""
    loop = asyncio.new_event_loop()
    start = receive_frame(channel)
    if start is None:
        return 0
    try:
        limits = FetchLimits(**start["limits"])
        practice = PracticeNames.from_rows(start["practice"])
        exits = Exits.from_settings(
            limits.exits,
            limits.exit_rules,
            networks=[(str(prefix), str(country)) for prefix, country in start["networks"]],
            credentials={name: (user, password) for name, (user, password) in start["credentials"].items()},
        )
        servers = find_servers(limits)
        resolver = DnsResolver(servers)
        loop.run_until_complete(resolver.warm_up())
        "a.example".encode("idna")  # imports now what TLS would import on use
        warm_up()
        connector = Connector(
            resolve=resolver.find_addresses,
            trust=make_trust(),
            exits=exits,
            practice=practice,
            inside=read_networks(limits.inside_networks),
            connect_s=limits.connect_s,
        )
        locks.die_with_parent(int(start["parent"]))
        layers = lock_process(list_ports(exits, practice, servers), strict=limits.strict)
    except HotlineError as error:
        send_frame(channel, {"error": str(error)})
        return 1
    except (OSError, KeyError, TypeError, ValueError) as error:
        send_frame(channel, {"error": f"the fetcher cannot lock itself: {type(error).__name__}"})
        return 1
    desk = Desk(channel, limits, connector)
    send_frame(channel, {"layers": layers})
    while (message := receive_frame(channel)) is not None:
        loop.run_until_complete(desk.do_job(message))
    return 0


def main() -> int:
    """Take over the inherited socket and serve."""
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        try:
            return serve(channel)
        except (FrameError, OSError):
            return 1


if __name__ == "__main__":
    # Not sys.exit: what is still under way must not hold up the end.
    os._exit(main())
