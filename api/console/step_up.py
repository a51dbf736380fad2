"""Confirming that it is still you, before what cannot be taken back.

1. The guard asks here where the table of routes says so. A proof that is fresh enough lets the request go on.
2. Else the answer is a page with the very same form, so that nothing typed is lost, and a field for a one-time code.
   Sending it goes to the same route again; the guard takes the proof out before the route sees the form. Only a
   password and its code are never written into a page: the route asks for them again.
3. A page that was only asked for is led to by POST /step-up, and only if it stands in the table of routes.
"""

from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.console.deps import get_staff
from api.console.party import read_party
from api.console.render import render
from api.console.routes import find_way_on
from api.console.signed_in import get_form, get_proof, get_signed_in
from api.errors import ConfirmationNeededError, NotSignedInError
from triage.clock import utcnow
from triage.rules.passkeys import Purpose
from triage.rules.sign_in import is_confirmed
from triage.steps.passkeys import Ceremony, PasskeyAnswer, begin_assertion
from triage.steps.step_up import Outcome, Proof, confirm_by_code, confirm_by_passkey
from triage.store.passkeys import WaysIn, count_ways_in
from triage.store.rows import Connection

router = APIRouter()

CODE, PASSKEY, CEREMONY = "confirm_code", "confirm_passkey", "confirm_ceremony"
PROOF_FIELDS = (CODE, PASSKEY, CEREMONY)
"""Fields of a form that only the guard sees."""

NOT_KEPT = ("password", "repeated", "code")
"""Fields of a form that no page repeats; a route that takes them asks again for what comes empty."""

_STEP_UP = "/step-up"
_PLAIN = "/:@!$&'()*+,;=~-._"


def require_confirmation(request: Request) -> None:
    """Let a request go on if its person proved freshly, or proves with it, that it is still them.

    Raises:
        ConfirmationNeededError: neither; the answer is `show_step_up`.
        NotSignedInError: it was one wrong proof too many, and the session is over.
    """
    signed_in, tools, now = get_signed_in(request), get_staff(request), utcnow()
    if is_confirmed(signed_in.session, tools.settings.step_up_s, now=now):
        return
    typed, party = get_proof(request), read_party(request)
    code, credential = typed.get(CODE), typed.get(PASSKEY)
    if not code.strip() and (not credential or party is None):
        raise ConfirmationNeededError
    proof = Proof(signed_in.session_digest, signed_in.person.id)

    def work(conn: Connection) -> Outcome:
        if credential and party is not None:
            answer = PasskeyAnswer(typed.get(CEREMONY), credential, proof.id)
            return confirm_by_passkey(conn, proof, answer, party=party, now=now)
        return confirm_by_code(
            conn, proof, code, name=signed_in.person.name, identity=tools.vault_identity, now=now
        )

    outcome = tools.database.run(work)
    if outcome is Outcome.ENDED:
        raise NotSignedInError
    if outcome is Outcome.WRONG:
        raise ConfirmationNeededError(was_wrong=True)


def show_step_up(request: Request, error: ConfirmationNeededError) -> Response:
    """Show the form again with a field for the proof; or, for a page that was asked for, one that leads there."""
    here = quote(request.url.path, safe=_PLAIN) + (f"?{request.url.query}" if request.url.query else "")
    not_kept, form = get_form(request).split(("csrf",))[1].split(NOT_KEPT)
    if request.method == "GET":
        action, fields = _STEP_UP, {"to": [here]}
    else:
        action, fields = here, form.fields
    ways, ceremony = get_staff(request).database.run(_begin_ceremony(request))
    return render(
        request,
        "step_up.html",
        status=HTTPStatus.FORBIDDEN,
        ways=ways,
        ceremony=ceremony,
        action=action,
        fields=fields,
        is_asked_again=bool(not_kept.fields),
        was_wrong=error.was_wrong,
        life_minutes=max(1, round(get_staff(request).settings.step_up_s / 60)),
    )


def _begin_ceremony(request: Request) -> Callable[[Connection], tuple[WaysIn, Ceremony | None]]:
    """Return the work that finds how a person can confirm, and a challenge for their passkeys if they have any."""
    signed_in, party, now = get_signed_in(request), read_party(request), utcnow()

    def work(conn: Connection) -> tuple[WaysIn, Ceremony | None]:
        ways = count_ways_in(conn, signed_in.person.id)
        if party is None or not ways.passkeys:
            return ways, None
        ceremony = begin_assertion(
            conn,
            Purpose.CONFIRM,
            party=party,
            now=now,
            bound_to=signed_in.session_digest,
            person_id=signed_in.person.id,
        )
        return ways, ceremony

    return work


@router.post(_STEP_UP)
def lead_on(request: Request) -> Response:
    """Take the proof and lead to the page that needs it."""
    require_confirmation(request)
    return RedirectResponse(find_way_on(get_form(request).get("to")), HTTPStatus.SEE_OTHER)
