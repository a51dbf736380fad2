"""THE table of the staff console: each route and the right it needs. The guard refuses whatever is not here."""

import re
from dataclasses import dataclass

from api.console.static_files import STATIC_FILES
from triage.rules.rights import Right


@dataclass(frozen=True, slots=True)
class Route:
    """One route of the console.

    Attributes:
        path: the template, as the router has it.
        right: what the person needs; None: to be signed in is enough.
        is_page: whether a stranger is led to the sign-in page; bytes of a picture are only refused.
        is_use: whether asking counts as use of the session.
        takes_file: whether its form is a multipart one; a file in it is sealed as it comes in.
        is_confirmed: whether the person must have proved at most STEP_UP seconds ago that it is still them.
        refused_to: where a form leads that has no session or another one's token; empty: the refusal is said.
    """

    method: str
    path: str
    right: Right | None = None
    is_page: bool = True
    is_confirmed: bool = False
    is_use: bool = True
    takes_file: bool = False
    refused_to: str = ""


_PERSON = "/people/{person_id}"
_PASSKEY = "/account/passkeys/{passkey_id}"
_ITEM = "/items/{item_id}"
_IMAGE = "/items/{item_id}/images/{image_id}"
_SENDING = "/sendings/{sending_id}"
_RECIPIENT = "/recipients/{recipient_id}"

ROUTES: tuple[Route, ...] = (
    Route("GET", "/"),
    Route("POST", "/outcome"),
    Route("POST", "/sign-out"),
    # stopping, and how much is seen
    Route("POST", "/panic", refused_to="/notes"),
    Route("GET", "/break", Right.LOOK),
    Route("POST", "/break", Right.LOOK),
    Route("POST", "/go-on", Right.LOOK),
    Route("GET", "/welfare", Right.SEE_WELFARE),
    Route("POST", "/welfare/figures", Right.SEE_WELFARE, is_confirmed=True),
    Route("POST", "/welfare/allow", Right.SEE_WELFARE, is_confirmed=True),
    # the session, and what keeps it
    Route("GET", "/session", is_page=False, is_use=False),
    Route("POST", "/session/extend"),
    Route("POST", "/step-up"),
    Route("GET", "/recovery"),
    Route("POST", "/recovery", Right.RECOVER_PERSON, is_confirmed=True),
    Route("POST", "/recovery/{recovery_id}/approve", Right.RECOVER_PERSON, is_confirmed=True),
    Route("POST", "/recovery/{recovery_id}/refuse", Right.RECOVER_PERSON),
    Route("GET", "/account"),
    Route("POST", "/account/sessions"),
    Route("POST", "/account/preferences"),
    Route("GET", "/account/password", is_confirmed=True),
    Route("POST", "/account/password", is_confirmed=True),
    Route("GET", "/account/passkey", is_confirmed=True),
    Route("POST", "/account/passkeys", is_confirmed=True),
    Route("POST", f"{_PASSKEY}/rename", is_confirmed=True),
    Route("POST", f"{_PASSKEY}/remove", is_confirmed=True),
    # administration
    Route("GET", "/people", Right.SEE_PEOPLE),
    Route("POST", "/people", Right.MANAGE_PEOPLE, is_confirmed=True),
    Route("GET", _PERSON, Right.SEE_PEOPLE),
    Route("POST", f"{_PERSON}/link", Right.MANAGE_PEOPLE, is_confirmed=True),
    Route("POST", f"{_PERSON}/disable", Right.MANAGE_PEOPLE, is_confirmed=True),
    Route("POST", f"{_PERSON}/enable", Right.MANAGE_PEOPLE, is_confirmed=True),
    Route("POST", f"{_PERSON}/roles", Right.MANAGE_PEOPLE, is_confirmed=True),
    Route("GET", "/tokens", Right.MANAGE_TOKENS),
    Route("POST", "/tokens", Right.MANAGE_TOKENS, is_confirmed=True),
    Route("POST", "/tokens/{token_id}/revoke", Right.MANAGE_TOKENS, is_confirmed=True),
    Route("GET", "/settings", Right.MANAGE_SETTINGS),
    Route("POST", "/settings/{name}", Right.MANAGE_SETTINGS, is_confirmed=True),
    Route("GET", "/audit", Right.SEARCH_AUDIT),
    Route("POST", "/audit/download", Right.SEARCH_AUDIT, is_confirmed=True),
    # queue and review
    Route("GET", "/queue", Right.SEE_QUEUE),
    Route("GET", "/queue/rows", Right.SEE_QUEUE, is_page=False, is_use=False),
    Route("GET", _ITEM, Right.SEE_QUEUE),
    Route("POST", f"{_ITEM}/open", Right.ASSESS),
    Route("POST", "/queue/next", Right.ASSESS),
    Route("POST", f"{_ITEM}/free", Right.DECIDE),
    Route("POST", f"{_ITEM}/heartbeat", Right.ASSESS, is_page=False, is_use=False),
    Route("POST", f"{_ITEM}/leave", Right.ASSESS),
    Route("POST", f"{_ITEM}/confirm", Right.ASSESS),
    Route("POST", f"{_ITEM}/confirm-known", Right.ASSESS),
    Route("POST", f"{_ITEM}/assess", Right.ASSESS),
    Route("POST", f"{_ITEM}/skip", Right.ASSESS),
    Route("POST", f"{_ITEM}/rest", Right.ASSESS, is_confirmed=True),
    Route("POST", f"{_ITEM}/recapture", Right.ASSESS),
    Route("POST", f"{_ITEM}/reopen", Right.REOPEN),
    Route("POST", f"{_ITEM}/undo", Right.ASSESS),
    Route("POST", f"{_ITEM}/decide", Right.DECIDE),
    Route("POST", f"{_IMAGE}/assess", Right.ASSESS),
    Route("POST", f"{_IMAGE}/skip", Right.ASSESS),
    Route("POST", f"{_IMAGE}/decide", Right.DECIDE),
    Route("GET", f"{_ITEM}/detail", Right.SEE_QUEUE),
    Route("POST", f"{_ITEM}/detail", Right.ASSESS),
    Route("GET", f"{_IMAGE}/detail", Right.ASSESS),
    Route("POST", f"{_IMAGE}/detail", Right.ASSESS),
    Route("GET", f"{_ITEM}/history", Right.SEE_QUEUE),
    Route("POST", f"{_ITEM}/custody", Right.EXPORT, is_confirmed=True),
    Route("GET", "/search", Right.SEE_QUEUE),
    # the training set, and pictures that are alike
    Route("GET", "/training", Right.LOOK),
    Route("GET", "/training/{number}", Right.LOOK),
    Route("POST", "/training/{number}", Right.LOOK),
    Route("POST", "/training/{number}/skip", Right.LOOK),
    Route("POST", "/training/{number}/reveal", Right.LOOK),
    Route("GET", "/training/{number}/thumbs/{place}", Right.LOOK, is_page=False),
    Route("GET", "/training/looks/{token}", Right.LOOK, is_page=False),
    Route("POST", "/training/looks/{number}/end", Right.LOOK),
    Route("GET", f"{_IMAGE}/alike", Right.ASSESS),
    Route("POST", f"{_IMAGE}/alike", Right.ASSESS),
    # looks
    Route("POST", f"{_IMAGE}/reveal", Right.LOOK),
    Route("GET", "/looks/{token}", Right.LOOK, is_page=False),
    Route("GET", "/looks/{look_id}/page", Right.LOOK),
    Route("POST", "/looks/{look_id}/end", Right.LOOK),
    Route("GET", f"{_IMAGE}/thumb", Right.LOOK, is_page=False),
    # hand-on, holds, hosting
    Route("GET", "/hand-on", Right.HAND_ON),
    Route("GET", "/hand-on/export", Right.EXPORT, is_confirmed=True),
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
    Route("POST", f"{_RECIPIENT}/approve", Right.APPROVE_RECIPIENT, is_confirmed=True),
    Route("POST", f"{_RECIPIENT}/disapprove", Right.APPROVE_RECIPIENT),
    Route("POST", f"{_RECIPIENT}/disable", Right.APPROVE_RECIPIENT),
    # hash sets
    Route("GET", "/hash-sets", Right.SEE_HASH_SETS),
    Route("GET", "/hash-sets/look-up", Right.LOOK_UP_HASHES),
    Route("POST", "/hash-sets/look-up", Right.LOOK_UP_HASHES),
    Route("POST", "/hash-sets/look-up/file", Right.LOOK_UP_HASHES, takes_file=True),
    Route("GET", "/hash-sets/look-up/{question_id}", Right.LOOK_UP_HASHES),
    Route("POST", "/hash-sets/{set_id}/propose-trust", Right.PROPOSE_TRUST, is_confirmed=True),
    Route("POST", "/hash-sets/{set_id}/confirm-trust", Right.CONFIRM_TRUST, is_confirmed=True),
    Route("POST", "/hash-sets/recalls/{recall_id}/done", Right.REOPEN),
)
"""What needs a session."""

OPEN_ROUTES: tuple[Route, ...] = (
    Route("GET", "/sign-in"),
    Route("GET", "/signed-out"),
    Route("GET", "/notes"),
    Route("POST", "/sign-in"),
    Route("POST", "/sign-in/passkey"),
    Route("GET", "/join/{token}"),
    Route("POST", "/join/{token}"),
    *(Route("GET", path) for path in STATIC_FILES.by_path),
    Route("GET", "/healthz"),
)
"""What answers without a session."""

MACHINE_ROUTES: tuple[Route, ...] = (
    Route("POST", "/api/v1/match", is_page=False),
    Route("GET", "/api/v1/stats", is_page=False),
)
"""What answers to the token of a machine, and to no session."""

NAVIGATION: tuple[tuple[str, str], ...] = (
    ("/queue", "nav_queue"),
    ("/search", "nav_search"),
    ("/hand-on", "nav_hand_on"),
    ("/held", "nav_held"),
    ("/hosting", "nav_hosting"),
    ("/sendings", "nav_sendings"),
    ("/recipients", "nav_recipients"),
    ("/hash-sets", "nav_hash_sets"),
    ("/welfare", "nav_welfare"),
    ("/people", "nav_people"),
    ("/tokens", "nav_tokens"),
    ("/settings", "nav_settings"),
    ("/audit", "nav_audit"),
)
"""The top bar: path and text; a person sees what their rights allow."""


def _write_pattern(path: str) -> re.Pattern[str]:
    """Return what addresses of a template look like: whole segments, of characters that mean nothing else."""
    parts = ["[A-Za-z0-9_.~-]+" if part.startswith("{") else re.escape(part) for part in path.split("/")]
    return re.compile("/".join(parts))


_CONFIRMED_PAGES = tuple(
    _write_pattern(route.path) for route in ROUTES if route.method == "GET" and route.is_confirmed
)
_QUERY = re.compile(r"[!-\[\]-~]*")
"""Of an address: printable ASCII without a backslash."""

_NEEDS_SESSION = {(route.method, route.path): route for route in ROUTES}
_IS_OPEN = {(route.method, route.path): route for route in OPEN_ROUTES}


def find_route(method: str, path: str) -> Route | None:
    """Return the entry of a route that needs a session; None: there is none, so it is refused."""
    return _NEEDS_SESSION.get((method, path))


def find_way_on(address: str) -> str:
    """Return where a confirmation leads: to a page of the table that needs one, else to the first page."""
    path, _, query = address.partition("?")
    is_ours = any(page.fullmatch(path) for page in _CONFIRMED_PAGES) and _QUERY.fullmatch(query)
    return address if is_ours else "/"


def is_open(method: str, path: str) -> bool:
    """Whether a route answers without a session."""
    return (method, path) in _IS_OPEN
