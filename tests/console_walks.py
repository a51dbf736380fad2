"""A state machine of the console: people open, look, judge, go away, and clocks, lists and settings change meanwhile.

After each step what must be true is asked by SQL of its own: one holder an item; no look without a lease, over a cap,
in a break that is due, in the wind-down or before training; seconds counted are no fewer than seconds seen; nobody is
their own second, and no page tells the second what the first said; everything that waits is found; nothing is lost;
"next" gives something whenever there is something to give.
"""

import time
from collections import Counter

from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.conftest import copy_template
from tests.console_machine import LABELS, LANES, ConsoleDesk, furnish
from tests.console_twins import WAYS
from tests.counts import IS_SOAK
from triage.rules.assessing import SecondAssessor
from triage.rules.states import Lane, Remit
from triage.store import checks

STEPS = 200 if IS_SOAK else 60
"""Of one walk."""
WANTED = 50_000 if IS_SOAK else 120
"""Least number of steps, of all walks of a desk together."""

PHASES = (Phase.generate, Phase.shrink)
MINUTE, HOUR = 60, 3600

somebody = st.integers(0, 4)
which = st.integers(0, 15)
flag = st.booleans()


class Machine(RuleBasedStateMachine):
    """One walk; each rule is something that somebody may try, allowed or not."""

    open_desk = None
    second = SecondAssessor.BEFORE_NOTICE

    def __init__(self):
        super().__init__()
        self.walk = type(self).open_desk(self.second)
        self.desk = next(self.walk)

    def teardown(self):
        try:
            self.desk.check_lists()
            broken = checks.find_violations(self.desk.eye)
            assert not broken, self.desk.tell("\n".join(broken))
        finally:
            self.walk.close()

    @initialize(share=st.sampled_from((0.0, 1.0)))
    def begin(self, share):
        self.desk.set_share(share)

    @invariant()
    def everything_holds(self):
        self.desk.done["steps"] += 1
        self.desk.check()

    # Work

    @rule(who=somebody, label=st.sampled_from(LABELS), hold=st.integers(0, 7))
    def work(self, who, label, hold):
        """Take the next one, look and judge: what most people do most of the time."""
        self.desk.work(self.desk.person(who), Lane.LOOK, label, police_hold=hold == 7 and label < 3)

    @rule(who=somebody, label=st.sampled_from((1, 1, 1, 2, 3)))
    def work_as_second(self, who, label):
        self.desk.work(self.desk.person(who), Lane.SECOND, label)

    @rule(
        who=somebody,
        lane=st.sampled_from((Lane.DANGER, Lane.NO_LOOK, Lane.LEAD)),
        label=st.sampled_from(LABELS),
    )
    def work_elsewhere(self, who, lane, label):
        self.desk.work(self.desk.lead if lane is Lane.LEAD else self.desk.person(who), lane, label)

    @rule(first=st.integers(0, 3), second=st.integers(0, 3), label=st.sampled_from((1, 2, 3)), undoes=flag)
    def work_in_pairs(self, first, second, label, undoes):
        """One judges, another one at once; the last word is taken back within its minute, or not."""
        desk = self.desk
        for who, lane in ((first, Lane.LOOK), (second, Lane.SECOND)):
            item_id = desk.work(desk.person(who), lane, label)
        if undoes and item_id is not None:
            desk.bring_back(desk.person(second), item_id, is_undo=True)

    @rule(
        who=somebody,
        viewer=somebody,
        lane=st.sampled_from((Lane.LOOK, Lane.DANGER)),
        other=st.integers(0, 3 * WAYS - 1),
    )
    def compare_twins(self, who, viewer, lane, other):
        """Look, say one thing and then another, and let the second read every page."""
        desk, person = self.desk, self.desk.person(who)
        pair = desk.look_at_next(person, lane)
        if pair is not None:
            desk.compare_twins(person, pair, desk.person(viewer), other)

    @rule(
        who=somebody,
        after=st.sampled_from((0, 1, 4, 30)),
        latency=st.sampled_from((0, 400, 2000)),
        lies=flag,
        often=st.sampled_from((1, 1, 1, 3, 12)),
    )
    def look(self, who, after, latency, lies, often):
        """Look at the next one, a few times or many."""
        desk, person = self.desk, self.desk.person(who)
        pair = desk.look_at_next(person, Lane.LOOK)
        for _ in range(often if pair else 0):
            desk.hide(person, after_s=after, latency_ms=latency, lies=lies)
            desk.look_at(person, pair)

    @rule(who=somebody, lane=st.sampled_from(LANES))
    def take_next(self, who, lane):
        self.desk.next(self.desk.person(who), lane)

    @rule(who=somebody, item=which)
    def open_one(self, who, item):
        found = self.desk.choose_item(
            item, "state IN ('awaiting_assessment', 'awaiting_lead') OR waits_second"
        )
        if found is not None:
            self.desk.open(self.desk.person(who), found)

    @rule(who=somebody, item=which)
    def beat(self, who, item):
        found = self.desk.choose_open(item)
        if found is not None:
            self.desk.beat(self.desk.person(who), found)

    @rule(who=somebody, item=which, colour=flag)
    def ask(self, who, item, colour):
        person = self.desk.person(who)
        pair = self.desk.choose_pair(item, person)
        if pair is not None:
            self.desk.ask(person, *pair, colour=colour)

    @rule(who=somebody, token=st.integers(0, 3), is_thief=flag)
    def fetch(self, who, token, is_thief):
        """Use one of the last tokens, used ones too; a thief uses somebody else's."""
        if self.desk.tokens:
            chosen = self.desk.tokens[-1 - token % len(self.desk.tokens)]
            owner = next(one for one in self.desk.people if one.id == chosen.person_id)
            self.desk.fetch(chosen, self.desk.person(who) if is_thief else owner)

    @rule(
        who=somebody,
        after=st.sampled_from((0, 1, 4, 30)),
        latency=st.sampled_from((0, 400, 2000)),
        lies=flag,
    )
    def hide(self, who, after, latency, lies):
        self.desk.hide(self.desk.person(who), after_s=after, latency_ms=latency, lies=lies)

    @rule(who=somebody, item=which, label=st.sampled_from(LABELS), danger=flag, hold=flag)
    def assess(self, who, item, label, danger, hold):
        person = self.desk.person(who)
        pair = self.desk.choose_pair(item, person)
        if pair is not None:
            self.desk.assess(person, pair, label, danger=danger, police_hold=hold)

    @rule(who=somebody, item=which, label=st.sampled_from((*LABELS, 5, 3)))
    def assess_item(self, who, item, label):
        found = self.desk.choose_item(item, "state IN ('awaiting_assessment', 'awaiting_lead')")
        if found is not None:
            self.desk.open(self.desk.person(who), found)
            self.desk.assess_item(self.desk.person(who), found, label)

    @rule(who=somebody, item=which, known_only=flag, opens=st.integers(0, 3))
    def confirm(self, who, item, known_only, opens):
        desk, person = self.desk, self.desk.person(who)
        found = desk.choose_item(
            item,
            "lane = 'no_look' AND %(known)s = 0 OR EXISTS (SELECT FROM shown_children JOIN items AS child"
            " ON child.id = child_id WHERE parent_id = items.id AND child.lane = 'no_look')",
            "state = 'awaiting_assessment' AND captured_at IS NOT NULL",
            known=int(known_only),
        )
        if found is not None:
            if opens:
                desk.open(person, found)
            desk.confirm(person, found, known_only=known_only)

    @rule(who=somebody, item=which, is_item=flag, opens=st.integers(0, 3))
    def skip(self, who, item, is_item, opens):
        desk, person = self.desk, self.desk.person(who)
        pair = desk.choose_pair(item, person)
        if pair is not None:
            if opens:
                desk.open(person, pair[0])
            desk.skip(person, pair[0], None if is_item else pair[1])

    # Going away

    @rule(who=somebody, item=which, words=st.sampled_from(("", "done")))
    def leave(self, who, item, words):
        found = self.desk.choose_open(item)
        if found is not None:
            self.desk.leave(self.desk.person(who), found, words)

    @rule(who=somebody, way=st.sampled_from(("panic", "break", "sign out", "go on")))
    def go_away(self, who, way):
        self.desk.go_away(self.desk.person(who), way)

    @rule(who=somebody, item=which)
    def free(self, who, item):
        found = self.desk.choose_open(item)
        if found is not None:
            self.desk.free_of(self.desk.person(who), found)

    # What comes in and comes back

    @rule(number=st.integers(0, 11), danger=flag, is_captured=flag)
    def hand_in(self, number, danger, is_captured):
        self.desk.hand_in(number, danger=danger and number > 6, is_captured=is_captured)

    @rule(number=st.integers(0, 11))
    def hand_in_of_another_remit(self, number):
        self.desk.hand_in(number, danger=False, remit=Remit.OTHER)

    @rule(number=which, seed=st.integers(0, 9))
    def capture(self, number, seed):
        self.desk.capture_one(number, seed, surely=False)

    @rule(number=st.integers(0, 7), file=st.integers(0, 5))
    def change_site(self, number, file):
        self.desk.change_picture(number, file)

    @rule(who=somebody, item=which, act=st.sampled_from(("recapture", "rest")))
    def clear(self, who, item, act):
        desk, person = self.desk, self.desk.person(who)
        found = desk.choose_item(item, "is_top_level AND state = 'awaiting_assessment' AND kind = 'url'")
        if found is not None:
            desk.open(person, found)
            desk.clear(person, found, act)
            desk.capture_one(0)

    @rule(who=somebody, item=which, is_undo=flag)
    def bring_back(self, who, item, is_undo):
        found = self.desk.choose_item(item, "settled_at IS NOT NULL OR state = 'closed'")
        if found is not None:
            self.desk.bring_back(self.desk.person(who), found, is_undo=is_undo)

    @rule(who=somebody, number=which)
    def settle_beside(self, who, number):
        self.desk.settle_beside(self.desk.person(who), number)

    @rule(number=st.integers(0, 2), act=st.sampled_from(("withdraw", "restore", "import")))
    def change_list(self, number, act):
        self.desk.change_entry(number, act)

    # Settings, leads, the new one, time

    @rule(number=st.integers(0, 11), place=st.sampled_from((0.0, 0.5, 1.0, 1.5)))
    def change_setting(self, number, place):
        self.desk.set_setting(number, place)

    @rule(
        by=somebody,
        who=somebody,
        minutes=st.sampled_from((0, 5, 60, 300, 301)),
        looks=st.sampled_from((0, 5, 600)),
    )
    def allow(self, by, who, minutes, looks):
        self.desk.allow(self.desk.person(by), self.desk.person(who), minutes, looks)

    @rule(wrong=st.sampled_from((0, 0, 3)))
    def train(self, wrong):
        self.desk.train(self.desk.people[-1], wrong=wrong)

    @rule(seconds=st.sampled_from((8, MINUTE, 5 * MINUTE, 12 * MINUTE, 16 * MINUTE, HOUR, 4 * HOUR, None)))
    def pass_time(self, seconds):
        """Let time pass, or the night; the house sweeps meanwhile."""
        if seconds is None:
            self.desk.wait_for_morning()
        else:
            self.desk.pass_time(seconds)
        self.desk.sweep()

    @rule(seconds=st.sampled_from((-5, -4 * MINUTE, -20 * MINUTE)))
    def set_back(self, seconds):
        self.desk.pass_time(seconds)


def run_walks(servers, second):
    """Walk over copies of a furnished database, at least WANTED steps in all, and print how often each act was done.

    Args:
        second: what two assessors gate at this desk.
    """
    done, began = Counter(), time.monotonic()
    with copy_template(servers) as stock:
        furnish(stock)

        def open_desk(second):
            with copy_template(servers, template=stock.name, is_checked=False) as copy:
                desk = ConsoleDesk(copy, second=second)
                try:
                    yield desk
                finally:
                    desk.close()
                    done.update(desk.done)

        machine = type("Walk", (Machine,), {"open_desk": staticmethod(open_desk), "second": second})
        while done["steps"] < WANTED:
            how = settings(
                max_examples=max(1, (WANTED - done["steps"]) // STEPS),
                stateful_step_count=STEPS,
                phases=PHASES,
                suppress_health_check=list(HealthCheck),
                verbosity=Verbosity.quiet,
                report_multiple_bugs=False,
                print_blob=True,
            )
            run_state_machine_as_test(machine, settings=how)
    print(f"{done['steps'] / (time.monotonic() - began):.0f} steps a second", sorted(done.items()))
