"""What is kept, until when, and on what ground. Albanian law has no hotline exemption for possession
(Criminal Code, Art. 117), so that everything that can be looked at goes as soon as it has served.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from triage.model import VIEWS, EvidenceKind


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of thing: what ends its keeping, and why it may be kept till then."""

    what: str
    kept_until: str
    ground: str


RETENTION: tuple[Rule, ...] = (
    Rule(
        "intake object (an upload, sealed)",
        "the commit of its capture; deleted in the same job",
        "Art. 117: no possession beyond the assessment",
    ),
    Rule(
        "intake object that no capture could open, or of another remit",
        "its item is closed",
        "a person may still have to capture it again or hand it on",
    ),
    Rule(
        "bytes and views of a known image",
        "never stored; what becomes known later goes at once",
        "Art. 117; nobody needs to look at it again",
    ),
    Rule(
        "views (colour, grey, thumb) of a new image",
        "its verdict is settled and UNDO has passed",
        "Art. 117: needed for the assessment only",
    ),
    Rule(
        "original bytes of a new image",
        "the same moment; with EVIDENCE_FOR_POLICE on and an illegal verdict, until it is switched off",
        "Art. 117; Art. 300 (duty to report) where the police asked for the bytes",
    ),
    Rule(
        "fingerprints, matches, captures, custody events",
        "kept",
        "they cannot be turned back into a picture; they prove what was done",
    ),
    Rule(
        "looks and opened items of a person, their breaks, caps that a lead set, who saw their figures and why",
        "kept",
        "the employer's care for who looks; the person reads all of it, others only for a reason",
    ),
    Rule(
        "turns at a site (its name, when it was asked)",
        "nobody asked it for a day",
        "its pace is known anew with the next request",
    ),
    Rule(
        "questions by machines (which token, when, how many hashes and hits)",
        "400 days",
        "they show what a token was used for; which hashes it asked about is never kept",
    ),
    Rule(
        "a file that a person asks about (sealed), and what it matched",
        "the file: the job that compares it; the answer: a minute after it was shown, three after it was asked",
        "Art. 117: it is compared and never kept; who asked, when and how many it matched stays in custody",
    ),
    Rule(
        "mail address of a reporter who asked for mail (sealed)",
        "the mail that says closed has left, it was refused for good, or 180 days",
        "the reporter asked for it; nobody needs it once the last word is said",
    ),
    Rule(
        "what a reporter said of themself (age band, sex, city, platform)",
        "kept, apart from the report's words",
        "national statistics; coarse choices that name nobody",
    ),
    Rule(
        "a stored object without a row (a crash left it)",
        "ORPHAN_AFTER",
        "it belongs to no item and nobody can open it",
    ),
)


def choose_expired(
    kinds: Sequence[EvidenceKind], *, verdict: str | None, evidence_for_police: bool
) -> list[EvidenceKind]:
    """Return which objects of a settled image go, once its undo window is over."""
    keeps_bytes = evidence_for_police and verdict == "illegal"
    return [kind for kind in kinds if kind in VIEWS or not keeps_bytes]


def settled_before(now: datetime, undo_s: float) -> datetime:
    """Return the time before which a verdict must have been settled for its undo window to be over."""
    return now - timedelta(seconds=undo_s)
