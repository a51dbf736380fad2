"""Answer a machine that asks whether hashes are listed.

1. The token must be in force; nothing is looked at before, unless it was in force a moment ago.
2. The index must not be behind the lists: an old answer would say "no match" of what is listed.
3. Search, and tell of each hit what its entry says today.
4. One statement asks all of it again, counts the question on the quota and stores it: by whom, when, how many hashes
   and hits, never which. Only what was counted is answered.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from hashsets.errors import IndexBehindError
from hashsets.model import Fingerprint, Hit
from hashsets.search import Index
from triage.errors import QuotaSpentError
from triage.store import questions
from triage.store.questions import ListedEntry, Quota
from triage.store.rows import Connection


@dataclass(frozen=True, slots=True)
class ListedHit:
    """A hit, and what its entry says."""

    hit: Hit
    entry: ListedEntry


@dataclass(frozen=True, slots=True)
class Answered:
    """What is told of each hash, in the order of the question.

    Attributes:
        generation: of the lists that were searched.
    """

    generation: int
    hits: list[list[ListedHit]]


class IndexWantedError(IndexBehindError):
    """The index is older than the lists; nothing was matched."""

    def __init__(self, generation: int) -> None:
        """Take the generation that an index must have."""
        super().__init__()
        self.generation = generation


def answer_question(
    conn: Connection,
    digest: bytes,
    queries: Sequence[Fingerprint],
    find_index: Callable[[int], Index | None],
    *,
    quota: Quota,
    now: datetime,
    is_known: bool = False,
) -> Answered | None:
    """Answer one question.

    Args:
        conn: in autocommit: each statement stands for itself, and no lock is held while the index is searched.
        digest: SHA-256 of the token.
        queries: the hashes; none for a question that could not be read.
        find_index: returns the opened index if its generation is at least this one.
        is_known: the token was in force a moment ago, so that it is asked about only once, by the statement that
            counts; a stranger still causes no search.

    Returns:
        The answer, or None when the token is not in force for this.

    Raises:
        QuotaSpentError: the token has asked as much as it may.
        IndexWantedError: open an index of that generation and ask again; nothing was counted.
    """
    is_asked = not is_known or not queries
    generation = questions.find_generation_for(conn, digest, now=now) if is_asked else 0
    if generation is None:
        return None
    if not queries:
        return Answered(generation, [])
    index = find_index(generation)
    if index is None:
        raise IndexWantedError(generation)
    hits = find_hits(conn, index, queries)
    counted = questions.count_question(
        conn,
        digest,
        hashes=len(queries),
        hits=sum(len(one) for one in hits),
        generation=index.generation,
        quota=quota,
        now=now,
    )
    if not counted.is_in_force:
        return None
    if counted.generation > index.generation:
        raise IndexWantedError(counted.generation)
    if not counted.is_stored:
        raise QuotaSpentError
    return Answered(index.generation, hits)


def find_hits(conn: Connection, index: Index, queries: Sequence[Fingerprint]) -> list[list[ListedHit]]:
    """Search an index; return for each query, in their order, the hits of which the lists still say something."""
    found = index.search(list(dict.fromkeys(queries)))
    if not found:
        return [[] for _ in queries]
    listed = questions.read_listed(conn, list({hit.entry_id for hit in found}))
    by_query: dict[Fingerprint, list[ListedHit]] = {}
    for hit in found:
        if hit.entry_id in listed:
            by_query.setdefault(hit.fingerprint, []).append(ListedHit(hit, listed[hit.entry_id]))
    return [by_query.get(query, []) for query in queries]
