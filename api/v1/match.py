"""POST /api/v1/match: are these hashes listed? For machines of our own and of partners, with a token of the scope
`match`; on the staff surface alone.

JSON: {"hashes": [{"algorithm": "pdq", "value": "…", "quality": 100}, …]}, 1 to 1 000 of them; `quality` may be left
out. The answer has one object for each, in order: whether it was compared, and its hits, nearest first. Every question
is stored, without its values. An index that is behind or damaged is 503, never an empty answer.
"""

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from fastapi import Request, Response
from starlette.requests import ClientDisconnect
from starlette.routing import Match, Route
from starlette.types import Scope

from api.bodies import check_length
from api.console.deps import StaffTools, get_staff
from api.errors import InvalidQuestionError, UnauthorisedError, UnsupportedBodyError
from hashsets.bands import name_band
from hashsets.errors import HashsetsError, InvalidHashError
from hashsets.model import DIGESTS, Algorithm, Fingerprint, normalise_hash
from hashsets.search import is_searched
from triage.clock import utcnow
from triage.errors import ServerUnavailableError, TooLargeError
from triage.steps.answer_question import Answered, IndexWantedError, ListedHit, answer_question
from triage.store.people import digest_token
from triage.store.questions import Quota

MAX_HASHES = 1000
MAX_BODY_BYTES = 256 * 1024
BODY_S = 30.0
"""Seconds for a whole question to come in."""

_FIELDS = frozenset({"algorithm", "value", "quality"})
_ALGORITHMS = {algorithm.value: algorithm for algorithm in Algorithm}
_TRIES = 3

_ANSWERING = ThreadPoolExecutor(2, "match")
"""More threads would only wait for each other, and each handing over costs as much as the search."""

_KNOWN_S = 1.0
_known_until: dict[bytes, float] = {}
"""Digests of tokens that were just found in force, and when to forget that (monotonic seconds)."""


async def post_match(request: Request) -> Response:
    """Answer a question."""
    # One deadline for the whole body: one for each chunk would cost as much as the search itself.
    tools = get_staff(request)
    body = await _read_body(request)
    said = await asyncio.get_running_loop().run_in_executor(_ANSWERING, _answer, tools, request, body)
    return Response(said, media_type="application/json")


class _MatchRoute(Route):
    """A route of Starlette's own: what FastAPI does for each request costs several times the search."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Tell the log which route it was, as FastAPI's routes do."""
        match, found = super().matches(scope)
        return match, {**found, "route": self}


ROUTE = _MatchRoute("/api/v1/match", post_match, methods=["POST"])


async def _read_body(request: Request) -> bytes:
    check_length(request, MAX_BODY_BYTES)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise TooLargeError(f"The body may have at most {MAX_BODY_BYTES} bytes.")
    except TimeoutError:
        raise InvalidQuestionError("The sender was too slow.") from None
    except ClientDisconnect:
        raise InvalidQuestionError("The sender went away before the end.") from None
    return bytes(body)


def _answer(tools: StaffTools, request: Request, body: bytes) -> bytes:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    digest = digest_token(token.strip() if kind.lower() == "bearer" else "")
    # What is wrong with the body is said after the token is found good: strangers learn nothing of it.
    refusal: InvalidQuestionError | UnsupportedBodyError | None = None
    queries: list[Fingerprint] = []
    try:
        queries = _read_queries(request, body)
    except (InvalidQuestionError, UnsupportedBodyError) as error:
        refusal = error
    answered = _ask(tools, digest, queries)
    if refusal is not None:
        raise refusal
    return _say(queries, answered)


def _ask(tools: StaffTools, digest: bytes, queries: list[Fingerprint]) -> Answered:
    settings = tools.settings
    work = partial(
        answer_question,
        digest=digest,
        queries=queries,
        find_index=tools.index.find_current,
        quota=Quota(settings.match_per_minute, settings.match_per_day),
        now=utcnow(),
        is_known=_known_until.get(digest, 0.0) > time.monotonic(),
    )
    try:
        for _ in range(_TRIES):
            try:
                answered = tools.database.run_unbound(work)
            except IndexWantedError as error:
                tools.index.get(tools.database, at_least=error.generation)
            else:
                if answered is None:
                    _known_until.pop(digest, None)
                    raise UnauthorisedError("A valid token with the scope `match` is needed.")
                _known_until[digest] = time.monotonic() + _KNOWN_S
                return answered
        raise IndexWantedError(0)
    except HashsetsError as error:
        raise ServerUnavailableError(str(error)) from None


# The question


def _read_queries(request: Request, body: bytes) -> list[Fingerprint]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedBodyError("The body must be JSON.")
    try:
        asked: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidQuestionError("The body is not JSON.") from None
    if not isinstance(asked, dict) or asked.keys() != {"hashes"} or not isinstance(asked["hashes"], list):
        raise InvalidQuestionError("The body must be an object with the list `hashes` and nothing else.")
    hashes = asked["hashes"]
    if not 1 <= len(hashes) <= MAX_HASHES:
        raise InvalidQuestionError(f"A question has 1 to {MAX_HASHES} hashes.")
    return [_read_query(place, one) for place, one in enumerate(hashes, start=1)]


def _read_query(place: int, asked: Any) -> Fingerprint:
    if not isinstance(asked, dict) or not asked.keys() <= _FIELDS:
        raise InvalidQuestionError(f"Hash {place} must be an object of `algorithm`, `value` and `quality`.")
    name, value, quality = asked.get("algorithm"), asked.get("value"), asked.get("quality")
    algorithm = _ALGORITHMS.get(name) if isinstance(name, str) else None
    if algorithm is None:
        raise InvalidQuestionError(f"Hash {place} names no algorithm that is known here.")
    if not isinstance(value, str):
        raise InvalidQuestionError(f"Hash {place} has no `value`.")
    if quality is not None and not (
        type(quality) is int and 0 <= quality <= 100 and algorithm is Algorithm.PDQ
    ):
        raise InvalidQuestionError(f"Hash {place}: `quality` is a number from 0 to 100, and of PDQ only.")
    try:
        text = normalise_hash(algorithm, value)
    except InvalidHashError as error:
        raise InvalidQuestionError(f"Hash {place}: {error}.") from None
    return Fingerprint(
        algorithm, text, orientation="bytes" if algorithm in DIGESTS else "r0", quality=quality
    )


# The answer


def _say(queries: list[Fingerprint], answered: Answered) -> bytes:
    said = {
        "generation": answered.generation,
        "answers": [
            # Without hits, "not compared" is not "not listed".
            {"compared": is_searched(query), "hits": [_say_hit(one) for one in found]}
            for query, found in zip(queries, answered.hits, strict=True)
        ],
    }
    return json.dumps(said, separators=(",", ":")).encode()


def _say_hit(listed: ListedHit) -> dict[str, str | int | bool]:
    hit, entry = listed.hit, listed.entry
    return {
        "set": entry.set_name,
        "class": entry.entry_class.value,
        "kind": hit.kind.value,
        "distance": hit.distance,
        "band": name_band(hit).value,
        "contested": entry.is_contested,
        "negative": entry.is_negative,
    }
