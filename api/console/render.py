"""Answer with a page: `render(request, "name.html", …)`.

Templates see t, can, csrf_field, local_time, utc_time, and `kept(action)`: what stood in a form that was refused.
"""

from http import HTTPStatus
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from api.catalogues.languages import LANGUAGES, Language
from api.console.deps import get_staff
from api.console.routes import NAVIGATION, find_route
from api.console.signed_in import Form, SignedIn
from triage.clock import utcnow
from triage.rules.rights import Right

LANGUAGE_COOKIE = "lang"
_YEAR_S = 365 * 86400
_ACCOUNT = "/account"


def choose_language(request: Request) -> Language:
    """Return the language of an answer: what the address asks for, else the cookie, else Albanian."""
    for wanted in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        for language in LANGUAGES:
            if wanted == language:
                return language
    return "sq"


def render(request: Request, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
    """Return a page of the console.

    Args:
        request: what is answered; the language and the signed-in person are found there.
        template: name of a file in `templates/`.
        status: HTTP status.
        values: further values for the template.
    """
    language = choose_language(request)
    signed_in: SignedIn | None = getattr(request.state, "signed_in", None)
    page = get_staff(request).renderer.render(
        template,
        language,
        {
            "signed_in": signed_in,
            "can": lambda right: signed_in is not None and Right(right) in signed_in.rights,
            "csrf_field": lambda: _csrf_field(signed_in),
            "kept": lambda action: _read_refused(request, action, status),
            "navigation": [(path, text) for path, text in NAVIGATION if _may_open(signed_in, path)],
            "account_path": _ACCOUNT if _may_open(signed_in, _ACCOUNT) else "",
            "here": request.url.path,
            "session_ends_in_s": signed_in.count_seconds_left(utcnow()) if signed_in else None,
            "talk_phone": get_staff(request).settings.talk_phone,
            "language_links": _language_links(request) if request.method == "GET" else {},
            **values,
        },
    )
    answer = HTMLResponse(page, status_code=status)
    if request.query_params.get("lang") == language:
        answer.set_cookie(LANGUAGE_COOKIE, language, max_age=_YEAR_S, httponly=True, samesite="strict")
    return answer


def _csrf_field(signed_in: SignedIn | None) -> Markup:
    token = signed_in.csrf if signed_in else ""
    return Markup('<input type="hidden" name="csrf" value="{}">').format(token)


def _read_refused(request: Request, action: str, status: int) -> Form:
    """Return the form that went to this path and is refused by this answer, so that nothing is typed twice."""
    if request.method != "POST" or status < HTTPStatus.BAD_REQUEST or request.url.path != action:
        return Form()
    form: Form | None = getattr(request.state, "form", None)
    return form or Form()


def _may_open(signed_in: SignedIn | None, path: str) -> bool:
    route = find_route("GET", path)
    return (
        signed_in is not None
        and route is not None
        and (route.right is None or route.right in signed_in.rights)
    )


def _language_links(request: Request) -> dict[Language, str]:
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
    return {code: "?" + urlencode([*kept, ("lang", code)]) for code in LANGUAGES}
