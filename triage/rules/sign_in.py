"""Who gets in: how long a session lives, when to wait, which code counts, which password is good enough."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyotp

FAILURES_MAX = 5
FAILURES_WINDOW = timedelta(minutes=1)
"""After this many failures of one person within this time nobody gets in as that person, right password or not."""

WRONG_CODES_MAX = 10
WRONG_CODES_WINDOW = timedelta(hours=1)
"""After this many wrong codes with the right password within this time nobody gets in by it: whoever knows the password
would else have thousands of guesses a day. Who does not know it cannot keep anybody out for longer than a minute."""

PASSWORD_MIN = 12
PASSWORD_MAX = 1024
"""Lengths of a password in characters; the longest keeps hashing cheap."""

CODE_STEP_S = 30
"""Seconds that one code lasts (RFC 6238); the one before and the one after are taken too."""

FAILED_CONFIRMATIONS_MAX = 5
"""After this many wrong confirmations in a row a session ends: whoever holds it may be somebody else."""

_SEEN_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a session lives, in seconds: without a request, and in any case."""

    idle_s: float
    max_s: float


@dataclass(frozen=True, slots=True)
class Session:
    """A session as it stands.

    Attributes:
        confirmed_at: when the person last proved that it is still them, after signing in.
        failed_confirmations: wrong ones since then.
    """

    started_at: datetime
    seen_at: datetime
    ended_at: datetime | None
    confirmed_at: datetime | None = None
    failed_confirmations: int = 0


def is_live(session: Session, limits: SessionLimits, *, now: datetime) -> bool:
    """Whether a session still lets its person in; a clock that was set back never makes one last longer."""
    return (
        session.ended_at is None
        and abs(now - session.seen_at) < timedelta(seconds=limits.idle_s)
        and abs(now - session.started_at) < timedelta(seconds=limits.max_s)
    )


def must_note_use(session: Session, limits: SessionLimits, *, now: datetime) -> bool:
    """Whether to write down that the session was used: once a minute is enough, oftener where idle time is short."""
    return now - session.seen_at >= timedelta(seconds=min(_SEEN_EVERY_S, limits.idle_s / 2))


def is_confirmed(session: Session, life_s: float, *, now: datetime) -> bool:
    """Whether the last proof of who it is, by signing in or since, is at most `life_s` seconds old."""
    return abs(now - (session.confirmed_at or session.started_at)) <= timedelta(seconds=life_s)


def find_session_end(session: Session, limits: SessionLimits) -> datetime:
    """Return when a session ends if it is not used again; never later than its longest life allows."""
    return min(
        session.seen_at + timedelta(seconds=limits.idle_s),
        session.started_at + timedelta(seconds=limits.max_s),
    )


def must_wait(failures: int, wrong_codes: int) -> bool:
    """Whether nobody gets in as a person by password for now.

    Args:
        failures: all of them within FAILURES_WINDOW.
        wrong_codes: those with the right password within WRONG_CODES_WINDOW.
    """
    return failures >= FAILURES_MAX or wrong_codes >= WRONG_CODES_MAX


def csrf_of(token: str) -> str:
    """Return what the forms of a session must bring along: 64 hex digits that do not give the session away."""
    return hashlib.sha256(b"csrf" + token.encode()).hexdigest()


def read_code(text: str) -> str:
    """Return a code without the spaces that people type into it."""
    return "".join(text.split())


def find_step(secret: str, code: str, *, now: datetime, after: int = 0) -> int | None:
    """Return the time step that a code belongs to, or None when it does not count.

    Args:
        secret: base 32.
        code: 6 digits.
        after: the last step whose code was taken; no code is taken twice, and none that is older.
    """
    totp = pyotp.TOTP(secret, interval=CODE_STEP_S)
    current = int(now.timestamp()) // CODE_STEP_S
    for step in (current - 1, current, current + 1):
        if step > after and pyotp.utils.strings_equal(read_code(code), totp.generate_otp(step)):
            return step
    return None


def find_password_fault(password: str, repeated: str, *, name: str) -> str | None:
    """Return why a password cannot be taken, as the key of a text; None when it can."""
    if password != repeated:
        return "password_differs"
    if len(password) < PASSWORD_MIN:
        return "password_short"
    if len(password) > PASSWORD_MAX:
        return "password_long"
    if name.casefold() in password.casefold() and len(password) - len(name) < PASSWORD_MIN // 2:
        return "password_is_name"
    return None
