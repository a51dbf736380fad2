"""Random walks: people, workers and the post do anything in any order; nothing breaks, hides or gets stuck.

1. Walk: every action is allowed or refused by a sentence of ours; after each few the invariants hold, whatever
   waits is found on a page, and what begins to leave may leave.
2. Tidy up: from wherever the walk ended, people who press only what their pages offer bring everything to its end.
"""

import os
import random
from datetime import timedelta

import pytest

from tests.counts import IS_SOAK
from tests.walking import World
from triage.model import PersonRole
from triage.rules.assessing import Label, SecondAssessor
from triage.rules.states import OnlineResult
from triage.steps import record_answer
from triage.store import checks

pytestmark = pytest.mark.long

STEPS = 150
WALKS = int(os.environ.get("HOTLINE_WALKS", 120 if IS_SOAK else 4))
TIDY_ROUNDS = 12


@pytest.mark.parametrize("seed", range(WALKS))
def test_a_random_walk_breaks_nothing_and_everything_ends(database, seed):
    chance = random.Random(seed)
    second = SecondAssessor.BEFORE_SHARING if seed % 3 == 2 else SecondAssessor.BEFORE_NOTICE
    world = World(database, chance, second, leads=1 if seed % 4 == 3 else 2)
    try:
        for number in range(STEPS):
            world.step()
            if number % 10 == 9:
                check(world)
        tidy_up(world)
        check(world)
    except BaseException:
        print("\n".join(world.log[-60:]))
        raise
    finally:
        world.close()


# What must hold at any time


def check(world):
    assert checks.find_violations(world.owner) == []
    world.owner.rollback()
    assert find_hidden(world) == []
    assert find_own_seconds(world) == []


def find_hidden(world):
    """Return what waits for a person and is on nobody's page."""
    seen = {person.id: set(world.rows_of(person)) for person in world.people}
    queued = set().union(*seen.values())
    found = queued | world.children_of(sorted(queued)) | world.other_rows()
    waiting = world.owner.execute(
        "SELECT items.id, state::text, base_lane::text FROM items WHERE state IN ('awaiting_assessment',"
        " 'awaiting_lead', 'awaiting_hand_on', 'held_for_police', 'awaiting_hosting') ORDER BY id"
    ).fetchall()
    coming = set(world.ids("SELECT id FROM items WHERE state = 'received'"))
    found |= world.children_of(sorted(coming))  # their page comes back to the queue
    hidden = [row for row in waiting if row[0] not in found]
    return hidden + find_hidden_images(world, seen)


def find_hidden_images(world, seen):
    """Return images that wait for a second assessor or a lead whom no page leads there."""
    rows = world.owner.execute(
        "SELECT images.id, images.state::text, array_agg(item_id), (SELECT array_agg(person_id) FROM assessments"
        " WHERE image_id = images.id AND round = images.round) FROM images JOIN shown_images ON image_id = images.id"
        " JOIN items ON items.id = item_id WHERE images.state IN ('judged_once', 'disputed')"
        " AND items.closed_as IS DISTINCT FROM 'not_judged' AND items.state NOT IN ('received', 'awaiting_hand_on')"
        " AND NOT EXISTS (SELECT FROM shown_images AS other JOIN items AS coming ON coming.id = other.item_id"
        "  WHERE other.image_id = images.id AND coming.state = 'received')"
        " GROUP BY images.id"
    ).fetchall()
    world.owner.rollback()
    hidden = []
    for image_id, state, item_ids, judged_by in rows:
        pages = world.ids("SELECT parent_id FROM shown_children WHERE child_id = ANY(%s)", item_ids)
        coming = world.ids("SELECT id FROM items WHERE id = ANY(%s) AND state = 'received'", pages)
        places = {*item_ids, *pages}
        if state == "judged_once":
            fit = [one.id for one in world.people if one.id not in (judged_by or ())]
        else:
            fit = [one.id for one in world.people if PersonRole.LEAD in one.roles]
        if not coming and not any(places & seen[person_id] for person_id in fit):
            hidden.append((image_id, state, sorted(places)))
    return hidden


def find_own_seconds(world):
    """Return images whose illegal verdict, without a list, is one person's word."""
    return world.ids(
        "SELECT images.id FROM images WHERE verdict = 'illegal' AND verdict_basis <> 'exact_hash' AND ("
        " SELECT count(DISTINCT person_id) FROM (SELECT person_id FROM assessments WHERE image_id = images.id"
        "  AND assessments.round = images.round UNION ALL SELECT person_id FROM skips WHERE image_id = images.id"
        "  AND skips.round = images.round) AS voices) < 2 AND NOT EXISTS (SELECT FROM live_matches"
        "  WHERE image_id = images.id AND is_trusted)"
    )


# How people bring everything to its end


def tidy_up(world):
    for recipient in world.recipients:
        world.approve(recipient)
    left = []
    # What a clock wrote that was ahead is done late, and not lost.
    (latest,) = world.owner.execute(
        "SELECT greatest((SELECT max(next_try_at) FROM items), (SELECT max(settled_at) FROM images))"
    ).fetchone()
    world.owner.rollback()
    world.now = max(world.now, latest or world.now)
    for _ in range(TIDY_ROUNDS):
        world.now += timedelta(seconds=4000)
        for item_id in world.ids("SELECT id FROM items WHERE state = 'received' ORDER BY id"):
            world.capture(item_id, surely=True)
        for person in world.people:
            for item_id in world.rows_of(person):
                work_on(world, person, item_id)
        move_on(world)
        send_all(world)
        world.now += timedelta(seconds=61)
        world.purge()
        left = find_open(world)
        if not left:
            return
    raise AssertionError(f"these never end: {left}")


def find_open(world):
    """Return what is not final, or kept although nobody will look at it."""
    rows = world.owner.execute(
        "SELECT 'item', id, state::text, lane::text FROM items WHERE state <> 'closed'"
        " UNION ALL SELECT 'sending', id, state::text, reason FROM sendings"
        " WHERE state NOT IN ('resolved', 'withdrawn', 'acknowledged') AND NOT (kind = 'police' AND state = 'sent')"
        " UNION ALL SELECT 'evidence', image_id, images.state::text, kind FROM evidence_objects"
        "  JOIN images ON images.id = image_id"
    ).fetchall()
    world.owner.rollback()
    return rows


def work_on(world, person, item_id):
    """Do everything that the page of an item offers to a person, as far as it goes."""
    for _ in range(8):
        view = world.view(person, item_id)
        pictures = [one for one in view.pictures if one.form and set(one.labels) - {Label.UNSURE}]
        if view.may_confirm:
            world.confirm(item_id, person)
        elif pictures:
            one = pictures[0]
            if one.may_look:
                world.look(person, item_id, one.picture.image_id)
            labels = sorted(set(one.labels) - {Label.UNSURE})
            world.press(person, item_id, one.picture.image_id, world.chance.choice(labels))
        elif view.form and not any(one.state.value == "received" for one in view.bare_children):
            world.press_item(item_id, person, 3, danger=False)
            return
        else:
            for child in view.bare_children:
                if child.state.value in ("awaiting_assessment", "awaiting_lead"):
                    world.press_item(child.id, person, 3, danger=False)
            return


def move_on(world):
    for item_id in world.other_rows():
        world.lift(item_id)
        world.hand_on(item_id)
        world.decide(item_id)
    for item_id in world.ids("SELECT id FROM items WHERE state = 'actionable'"):
        world.locate(item_id)
    for item_id in world.ids("SELECT id FROM items WHERE next_try_at IS NOT NULL AND state <> 'received'"):
        world.check(item_id, OnlineResult.REMOVED)


def send_all(world):
    for sending_id in list(world.taken):
        world.finish(sending_id, "sent")
    who = {"person": world.people[0], "now": world.now}
    for sending_id in world.ids("SELECT id FROM sendings WHERE state = 'unclear'"):
        world.do("staff", record_answer.say_found, sending_id, False, policy=world.sending, **who)
    for sending_id in world.ids("SELECT id FROM sendings WHERE state = 'rejected'"):
        world.do("staff", record_answer.send_again, sending_id, **who)
    for sending_id in world.ids(
        "SELECT id FROM sendings WHERE state IN ('queued', 'sending') ORDER BY kind DESC"
    ):
        world.take(sending_id)
        if sending_id in world.taken:
            world.finish(sending_id, "sent")
