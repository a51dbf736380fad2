"""A mail relay on loopback with moods: now and then it refuses, hangs up, or takes a mail and says nothing."""

import asyncio
import email
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from aiosmtpd.controller import Controller

from triage.cli.practice.running import find_ports

REFUSES_EVERY, HANGS_UP_EVERY, SWALLOWS_EVERY = 7, 11, 9
LONGEST_THOUGHT_S = 0.2


class MoodyRelay:
    """What the relay takes, by Message-ID.

    Attributes:
        mails: how many have come to their end here, whatever became of them.
        taken: Message-ID → how often it was taken; only these mails will arrive.
        swallowed: Message-IDs of mails that were taken although the connection broke before the answer.
    """

    def __init__(self, seed: int) -> None:
        self.taken: Counter[str] = Counter()
        self.swallowed: set[str] = set()
        self._dice = random.Random(seed)
        self.mails = 0
        self._recipients = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        """Refuse every seventh for now."""
        self._recipients += 1
        if self._recipients % REFUSES_EVERY == 0:
            return "451 come again"
        envelope.rcpt_tos.append(address)
        return "250 fine"

    async def handle_DATA(self, server, session, envelope):
        """Think, then hang up or take it; think again, for whoever waits may die just then; hang up after some."""
        await self._think()
        self.mails += 1
        message_id = email.message_from_bytes(envelope.content)["Message-ID"]
        if self.mails % HANGS_UP_EVERY == 0:
            server.transport.abort()
            return "250 never heard"
        self.taken[message_id] += 1
        if self.mails % SWALLOWS_EVERY == 0:
            self.swallowed.add(message_id)
            server.transport.abort()
        await self._think()
        return "250 taken"

    async def _think(self) -> None:
        await asyncio.sleep(self._dice.random() * LONGEST_THOUGHT_S)


@contextmanager
def run_moody_relay(seed: int) -> Iterator[tuple[MoodyRelay, str]]:
    """Run it; yields it with its address."""
    relay = MoodyRelay(seed)
    (port,) = find_ports(1)
    controller = Controller(relay, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield relay, f"smtp://127.0.0.1:{port}"
    finally:
        controller.stop()
