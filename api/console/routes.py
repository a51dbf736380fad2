"""THE table of the staff console: each route and the right it needs. The guard refuses whatever is not here."""

from dataclasses import dataclass

from triage.rules.rights import Right


@dataclass(frozen=True, slots=True)
class Route:
    """One route of the console.

    Attributes:
        path: the template, as the router has it.
        right: what the person needs; None: to be signed in is enough.
        is_page: whether a stranger is led to the sign-in page; bytes of a picture are only refused.
    """

    method: str
    path: str
    right: Right | None = None
    is_page: bool = True


_ITEM = "/items/{item_id}"
_IMAGE = "/items/{item_id}/images/{image_id}"
_SENDING = "/sendings/{sending_id}"
_RECIPIENT = "/recipients/{recipient_id}"

ROUTES: tuple[Route, ...] = (
    Route("GET", "/"),
    Route("POST", "/sign-out"),
    Route("GET", "/people", Right.SEE_PEOPLE),
    # queue and review
    Route("GET", "/queue", Right.SEE_QUEUE),
    Route("GET", _ITEM, Right.SEE_QUEUE),
    Route("POST", f"{_ITEM}/confirm", Right.ASSESS),
    Route("POST", f"{_ITEM}/confirm-known", Right.ASSESS),
    Route("POST", f"{_ITEM}/assess", Right.ASSESS),
    Route("POST", f"{_ITEM}/skip", Right.ASSESS),
    Route("POST", f"{_ITEM}/rest", Right.ASSESS),
    Route("POST", f"{_ITEM}/recapture", Right.ASSESS),
    Route("POST", f"{_ITEM}/reopen", Right.REOPEN),
    Route("POST", f"{_ITEM}/undo", Right.ASSESS),
    Route("POST", f"{_ITEM}/decide", Right.DECIDE),
    Route("POST", f"{_IMAGE}/assess", Right.ASSESS),
    Route("POST", f"{_IMAGE}/skip", Right.ASSESS),
    Route("POST", f"{_IMAGE}/decide", Right.DECIDE),
    # looks
    Route("POST", f"{_IMAGE}/reveal", Right.LOOK),
    Route("GET", "/looks/{token}", Right.LOOK, is_page=False),
    Route("GET", "/looks/{look_id}/page", Right.LOOK),
    Route("POST", "/looks/{look_id}/end", Right.LOOK),
    Route("GET", f"{_IMAGE}/thumb", Right.LOOK, is_page=False),
    # hand-on, holds, hosting
    Route("GET", "/hand-on", Right.HAND_ON),
    Route("GET", "/hand-on/export", Right.EXPORT),
    Route("POST", f"{_ITEM}/hand-on", Right.HAND_ON),
    Route("GET", "/held", Right.SEE_QUEUE),
    Route("POST", f"{_ITEM}/lift", Right.LIFT_HOLD),
    Route("GET", "/hosting", Right.SEE_QUEUE),
    Route("POST", f"{_ITEM}/hosting", Right.LOCATE),
    # sendings and recipients
    Route("GET", "/sendings", Right.SEE_SENDINGS),
    Route("GET", _SENDING, Right.SEE_SENDINGS),
    Route("POST", f"{_SENDING}/answer", Right.HANDLE_SENDINGS),
    Route("POST", f"{_SENDING}/again", Right.HANDLE_SENDINGS),
    Route("POST", f"{_SENDING}/found", Right.HANDLE_SENDINGS),
    Route("POST", f"{_SENDING}/withdraw", Right.HANDLE_SENDINGS),
    Route("GET", "/recipients", Right.SEE_RECIPIENTS),
    Route("POST", "/recipients", Right.ENTER_RECIPIENT),
    Route("POST", f"{_RECIPIENT}/change", Right.ENTER_RECIPIENT),
    Route("POST", f"{_RECIPIENT}/approve", Right.APPROVE_RECIPIENT),
    Route("POST", f"{_RECIPIENT}/disapprove", Right.APPROVE_RECIPIENT),
    Route("POST", f"{_RECIPIENT}/disable", Right.APPROVE_RECIPIENT),
    # hash sets
    Route("GET", "/hash-sets", Right.SEE_HASH_SETS),
    Route("POST", "/hash-sets/{set_id}/propose-trust", Right.PROPOSE_TRUST),
    Route("POST", "/hash-sets/{set_id}/confirm-trust", Right.CONFIRM_TRUST),
    Route("POST", "/hash-sets/recalls/{recall_id}/done", Right.REOPEN),
)
"""What needs a session."""

OPEN_ROUTES: tuple[Route, ...] = (
    Route("GET", "/sign-in"),
    Route("POST", "/sign-in"),
    Route("GET", "/join/{token}"),
    Route("POST", "/join/{token}"),
    Route("GET", "/static/console.css"),
    Route("GET", "/healthz"),
)
"""What answers without a session."""

MACHINE_ROUTES: tuple[Route, ...] = (Route("POST", "/api/v1/match", is_page=False),)
"""What answers to the token of a machine, and to no session."""

NAVIGATION: tuple[tuple[str, str], ...] = (
    ("/queue", "nav_queue"),
    ("/hand-on", "nav_hand_on"),
    ("/held", "nav_held"),
    ("/hosting", "nav_hosting"),
    ("/sendings", "nav_sendings"),
    ("/recipients", "nav_recipients"),
    ("/hash-sets", "nav_hash_sets"),
    ("/people", "nav_people"),
)
"""The top bar: path and text; a person sees what their rights allow."""

_NEEDS_SESSION = {(route.method, route.path): route for route in ROUTES}
_IS_OPEN = {(route.method, route.path): route for route in OPEN_ROUTES}


def find_route(method: str, path: str) -> Route | None:
    """Return the entry of a route that needs a session; None: there is none, so it is refused."""
    return _NEEDS_SESSION.get((method, path))


def is_open(method: str, path: str) -> bool:
    """Whether a route answers without a session."""
    return (method, path) in _IS_OPEN
