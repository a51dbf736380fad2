"""Waiting: nobody takes all places, large reports let small ones pass, and the time of an answer tells nothing."""

import asyncio
import time

import pytest

from api.errors import TooManyWaitingError
from api.public import evenly
from api.public.evenly import answer_evenly
from api.public.waiting import (
    MANY_LINES,
    MOST_OF_SUBNET,
    MOST_REPORTS,
    MOST_WAITING,
    ReportTurns,
    WaitingRoom,
)


async def begin(work, times):
    """Begin something so many times; return the tasks that wait, and how many were refused at once."""
    tasks = [asyncio.create_task(work()) for _ in range(times)]
    await asyncio.sleep(0)
    refused = [task for task in tasks if task.done() and isinstance(task.exception(), TooManyWaitingError)]
    return [task for task in tasks if not task.done()], len(refused)


def test_one_subnet_does_not_take_the_places_of_all_others():
    async def run():
        room = WaitingRoom()
        waiting, refused = await begin(lambda: room.wait(9, b"flood"), MOST_WAITING + 50)
        assert (len(waiting), refused) == (MOST_OF_SUBNET, MOST_WAITING + 50 - MOST_OF_SUBNET)
        await room.wait(0.01, b"other")
        await room.wait(0, b"flood")
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert not room.waiting

    asyncio.run(run())


def test_many_subnets_together_find_a_bounded_room():
    async def run():
        room = WaitingRoom()
        names = iter(range(10_000))
        waiting, refused = await begin(lambda: room.wait(9, b"%d" % next(names)), MOST_WAITING + 50)
        assert (len(waiting), refused) == (MOST_WAITING, 50)
        for task in waiting:
            task.cancel()

    asyncio.run(run())


def test_large_reports_go_one_after_the_other_and_small_ones_pass():
    async def run():
        turns, inside = ReportTurns(), []

        async def store(lines=MANY_LINES):
            async with turns.take(lines):
                inside.append(lines)
                await asyncio.sleep(0.01)
                assert inside.count(MANY_LINES) <= 1
                inside.remove(lines)

        waiting, refused = await begin(store, MOST_REPORTS + 5)
        assert (len(waiting), refused) == (MOST_REPORTS, 5)
        await asyncio.wait_for(store(MANY_LINES - 1), 0.1)
        with pytest.raises(ZeroDivisionError):
            async with turns.take(1):
                raise ZeroDivisionError
        await asyncio.gather(*waiting)
        assert turns.present == 0
        await store()

    asyncio.run(run())


def test_work_that_takes_longer_is_answered_at_a_whole_multiple(monkeypatch):
    monkeypatch.setattr(evenly, "ANSWER_AFTER_S", 0.05)

    async def measure(work_s, lines):
        started = time.perf_counter()
        async with answer_evenly(lines):
            await asyncio.sleep(work_s)
        return time.perf_counter() - started

    async def run():
        for work_s, lines, told_s in ((0.0, 0, 0.05), (0.04, 0, 0.05), (0.06, 0, 0.1), (0.01, 25, 0.1)):
            assert told_s <= await measure(work_s, lines) < told_s + 0.04

    asyncio.run(run())
