"""Rights of the roles, and the rules of signing in."""

from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from triage.model import PersonRole
from triage.rules.rights import ROLE_RIGHTS, SEES_IMAGES, Right, rights_of
from triage.rules.sign_in import (
    Session,
    SessionLimits,
    csrf_of,
    find_password_fault,
    find_step,
    is_live,
    must_note_use,
    must_wait,
)

NOW = datetime(2025, 11, 22, 12, 0, 10, tzinfo=UTC)
LIMITS = SessionLimits(idle_s=1800.0, max_s=36000.0)
SECRET = "JBSWY3DPEHPK3PXP" * 2
OF_IMAGES = {Right.LOOK, Right.ASSESS, Right.DECIDE, Right.REOPEN, Right.LIFT_HOLD}


def test_every_role_has_rights_and_every_right_a_role() -> None:
    assert set(ROLE_RIGHTS) == set(PersonRole)
    assert all(ROLE_RIGHTS.values())
    assert rights_of(PersonRole) == set(Right)
    assert rights_of([]) == set()


@pytest.mark.parametrize("role", [PersonRole.CLERK, PersonRole.ADMIN, PersonRole.AUDITOR])
def test_who_sees_no_images_judges_none(role: PersonRole) -> None:
    assert rights_of([role]) & OF_IMAGES == set()
    assert role not in SEES_IMAGES


def test_an_auditor_only_reads() -> None:
    assert all(right.value.startswith(("see_", "search_")) for right in rights_of([PersonRole.AUDITOR]))


def test_only_a_lead_decides_and_approves() -> None:
    for right in (Right.DECIDE, Right.APPROVE_RECIPIENT, Right.PROPOSE_TRUST):
        assert [role for role in PersonRole if right in ROLE_RIGHTS[role]] == [PersonRole.LEAD]


def test_several_roles_add_up() -> None:
    both = rights_of([PersonRole.CLERK, PersonRole.AUDITOR])
    assert both == ROLE_RIGHTS[PersonRole.CLERK] | ROLE_RIGHTS[PersonRole.AUDITOR]


@pytest.mark.parametrize(
    ("started", "seen", "ended", "live"),
    [
        (100, 100, None, True),
        (35999, 1799, None, True),
        (5000, 1800, None, False),
        (36000, 1, None, False),
        (100, 100, 1, False),
        (100, -1799, None, True),  # the clock was set back a little
        (100, -1800, None, False),
        (-36000, 100, None, False),
    ],
)
def test_a_session_lives_until_idle_old_or_ended(started, seen, ended, live) -> None:
    def ago(seconds):
        return NOW - timedelta(seconds=seconds)

    session = Session(ago(started), ago(seen), None if ended is None else ago(ended))
    assert is_live(session, LIMITS, now=NOW) is live


def test_use_is_noted_often_enough_for_a_short_idle_time() -> None:
    session = Session(NOW, NOW - timedelta(seconds=11), None)
    assert not must_note_use(session, LIMITS, now=NOW)
    assert must_note_use(session, SessionLimits(20.0, 100.0), now=NOW)


def test_the_sixth_try_waits() -> None:
    assert [must_wait(failures, 0) for failures in (0, 4, 5, 6)] == [False, False, True, True]
    assert [must_wait(0, wrong_codes) for wrong_codes in (9, 10)] == [False, True]


def test_a_code_counts_one_step_early_or_late_and_never_twice() -> None:
    current = int(NOW.timestamp()) // 30
    codes = {ahead: pyotp.TOTP(SECRET).generate_otp(current + ahead) for ahead in range(-2, 3)}
    found = {ahead: find_step(SECRET, code, now=NOW) for ahead, code in codes.items()}
    assert found == {-2: None, -1: current - 1, 0: current, 1: current + 1, 2: None}
    assert find_step(SECRET, codes[0], now=NOW, after=current) is None
    assert find_step(SECRET, codes[-1], now=NOW, after=current) is None
    assert find_step(SECRET, codes[1], now=NOW, after=current) == current + 1
    assert find_step(SECRET, f" {codes[0][:3]} {codes[0][3:]}", now=NOW) == current


@pytest.mark.parametrize("code", ["", "0", "abcdef", "１２３４５６", "0" * 10_000])
def test_what_is_no_code_does_not_count(code: str) -> None:
    assert find_step(SECRET, code, now=NOW) is None


@pytest.mark.parametrize(
    ("password", "repeated", "fault"),
    [
        ("twelve chars", "twelve chars", None),
        ("shqipëria ime", "shqipëria ime", None),
        ("eleven char", "eleven char", "password_short"),
        ("twelve chars", "twelve charz", "password_differs"),
        ("Ana Marinela", "Ana Marinela", "password_is_name"),
        ("ana marinela1", "ana marinela1", "password_is_name"),
        ("x" * 1025, "x" * 1025, "password_long"),
    ],
)
def test_which_password_is_good_enough(password, repeated, fault) -> None:
    assert find_password_fault(password, repeated, name="Ana Marinela") == fault


def test_the_token_of_forms_does_not_give_the_session_away() -> None:
    assert csrf_of("a") != csrf_of("b")
    assert len(csrf_of("a")) == 64
