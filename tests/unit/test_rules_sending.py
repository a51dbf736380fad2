"""When messages leave: the police first, the waits, the reminders; and whom they go to."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from triage.model import RecipientKind
from triage.rules.routing import Target, route, route_to_police
from triage.rules.sending import (
    FIRST_IS_OVER,
    NO_POLICE,
    POLICE_FIRST,
    TOLD_BY_FIRST,
    LastReminder,
    PoliceStanding,
    SendingPolicy,
    due_after_police,
    find_needless,
    find_waiting_reason,
    is_left_behind,
    judge_gate,
    name_event,
    next_reminder,
)
from triage.rules.states import ItemState, SendingKind, SendingPart, SendingState
from triage.settings import load_settings

NOW = datetime(2026, 3, 12, 12, 0, tzinfo=UTC)
POLICY = SendingPolicy(undo_s=60.0, police_wait_max_s=14400.0)
S = SendingState


def at(seconds):
    return NOW + timedelta(seconds=seconds)


def standing(state=S.QUEUED, queued_at=NOW, sent_at=None, item=ItemState.NOTIFIED):
    return PoliceStanding(item, state, queued_at, sent_at)


SENT = standing(S.SENT, sent_at=NOW)


@pytest.mark.parametrize(
    ("standings", "after_s", "is_open"),
    [
        ([SENT], 0, True),
        ([standing(S.ACKNOWLEDGED, sent_at=NOW)], 0, True),
        ([standing()], 14399, False),
        ([standing()], 14400, True),
        ([SENT, standing()], 14399, False),
        ([standing(), standing(queued_at=at(100))], 14450, False),
        ([standing(S.SENDING)], 14400, True),
        ([standing(S.WAITING_APPROVAL)], 10**9, False),
        ([standing(S.REJECTED)], 10**9, False),
        ([standing(S.UNCLEAR)], 10**9, False),
        ([standing(None, None)], 10**9, False),
        ([standing(item=ItemState.HELD_FOR_POLICE)], 10**9, False),
        ([standing(S.SENT, sent_at=NOW, item=ItemState.HELD_FOR_POLICE)], 0, False),
        ([], 0, False),
    ],
)
def test_the_gate_opens_when_the_police_were_told_or_could_have_been(standings, after_s, is_open):
    now = at(min(after_s, 10**8))
    gate = judge_gate(standings, has_police=True, now=now, policy=POLICY)
    assert gate.is_open is is_open
    assert now < gate.look_again_at <= now + timedelta(seconds=60)
    assert gate.is_open or gate.reason


def test_an_update_is_wanted_while_its_referral_stands_and_else_says_why_it_is_not():
    wanted = {S.SENDING, S.UNCLEAR, S.SENT, S.ACKNOWLEDGED, S.DISPUTED}
    over = {S.RESOLVED, S.WITHDRAWN, None}
    for state in (*S, None):
        words = None if state in wanted else FIRST_IS_OVER if state in over else TOLD_BY_FIRST
        assert find_needless(state) == words, state


def test_without_police_the_gate_stays_shut_and_says_so():
    gate = judge_gate([SENT], has_police=False, now=NOW, policy=POLICY)
    assert (gate.is_open, gate.reason) == (False, NO_POLICE)
    waiting = judge_gate([standing()], has_police=True, now=at(14390), policy=POLICY)
    assert (waiting.look_again_at, waiting.reason) == (at(14400), POLICE_FIRST)


def test_once_the_police_know_a_notice_still_keeps_its_own_undo_window():
    assert due_after_police(at(10), NOW, None, POLICY) == at(60)
    assert due_after_police(at(10), NOW, at(5), POLICY) == at(65)
    assert due_after_police(at(500), NOW, at(5), POLICY) == at(500)


def test_what_was_begun_is_left_behind_after_the_lease_whichever_way_the_clock_went():
    assert [is_left_behind(NOW, at(s), 120.0) for s in (0, 119, 120, -119, -120)] == [
        False, False, True, False, True,
    ]  # fmt: skip


AFTER = (86400.0, 172800.0)


@pytest.mark.parametrize(
    ("last", "now_s", "number"),
    [
        (None, 86399, None),
        (None, 86400, 1),
        (None, 10**6, 1),
        (LastReminder(1, S.SENT, at(86400)), 172799, None),
        (LastReminder(1, S.SENT, at(86400)), 172800, 2),
        (LastReminder(1, S.SENT, at(10**6)), 10**6 + 3600, None),
        (LastReminder(1, S.SENT, at(10**6)), 10**6 + 86400, 2),
        (LastReminder(1, S.QUEUED, at(86400)), 172800, None),
        (LastReminder(1, S.WAITING_APPROVAL, at(86400)), 172800, None),
        (LastReminder(1, S.REJECTED, at(86400)), 172800, None),
        (LastReminder(2, S.SENT, at(172800)), 10**8, None),
        # It was withdrawn as its first message came back, which was sent again at NOW.
        (LastReminder(1, S.WITHDRAWN, at(-3600)), 172799, None),
        (LastReminder(1, S.WITHDRAWN, at(-3600)), 172800, 2),
    ],
)
def test_reminders_come_one_after_the_other_and_end(last, now_s, number):
    assert next_reminder(NOW, last, now=at(now_s), reminder_after_s=AFTER) == number


def test_a_new_message_says_why_it_waits():
    def why(**more):
        given = {"has_recipient": True, "is_approved": True, "route_reason": None, "awaits_second": False}
        return find_waiting_reason(**(given | more))

    assert why() is None
    assert why(is_approved=False) == "the recipient is not approved"
    assert why(has_recipient=False, is_approved=False, route_reason="no provider") == "no provider"
    assert why(awaits_second=True) == "a second assessor"


def test_events_and_policy_speak_the_words_of_the_house():
    assert name_event(SendingKind.NOTICE, SendingPart.FIRST, "sent") == "notice_sent"
    assert name_event(SendingKind.POLICE, SendingPart.RETRACTION, "sent") == "police_referral_retraction_sent"
    mail = SendingPolicy.from_settings(load_settings({}, hotline_mail="Notices@Hotline.Example"))
    assert (mail.mail_domain, mail.undo_s) == ("hotline.example", 60.0)
    assert (
        SendingPolicy.from_settings(load_settings({}, hotline_mail="x@a b>")).mail_domain == "hotline.invalid"
    )


# Whom


def target(number, kind, *, asns=(), country=None, approved=True, disabled=False):
    return Target(
        UUID(int=number), kind, country, list(asns), NOW if approved else None, NOW if disabled else None
    )


K = RecipientKind


def test_a_provider_that_answers_for_the_network_is_told_wherever_it_is():
    ours = target(1, K.ISP, asns=[64500])
    assert route("AL", 64500, [ours]) == route("DE", 64500, [ours])
    assert route("AL", 64500, [ours]).recipient_id == ours.id


def test_at_home_without_a_provider_a_notice_waits_and_abroad_the_partner_is_asked():
    partner = target(2, K.HOTLINE, country="NL")
    assert route("AL", 64501, [partner]) == route("AL", 64501, [])
    assert route("AL", 64501, []).reason == "no provider is entered for AS64501"
    assert (route("NL", 64501, [partner]).kind, route("NL", 64501, [partner]).recipient_id) == (
        SendingKind.HOTLINE,
        partner.id,
    )
    assert route("XK", 64501, [partner]).reason == "no partner hotline is entered for XK"
    assert route("DE", None, [partner, target(3, K.HELPLINE, country="DE")]).recipient_id is None


def test_approved_ones_come_first_and_disabled_ones_never():
    new, old = target(1, K.POLICE, approved=False), target(2, K.POLICE)
    gone = target(0, K.POLICE, disabled=True)
    assert route_to_police([gone, new, old]).recipient_id == old.id
    assert route_to_police([gone, new]).recipient_id == new.id
    assert route_to_police([gone]).recipient_id is None
