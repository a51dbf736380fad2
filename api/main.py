"""One application per surface: the public one takes reports, the staff one is the console."""

import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException

from api.console.deps import StaffTools
from api.console.error_page import say_error as say_console_error
from api.console.guard import guard
from api.console.pages import PAGES
from api.console.renderer import CONTENT_SECURITY_POLICY as STAFF_POLICY
from api.console.static_files import STATIC_FILES as STAFF_FILES
from api.console.step_up import show_step_up
from api.deps import PublicTools
from api.errors import ConfirmationNeededError, UnauthorisedError, choose_sentence, choose_status
from api.lingering import LingeringResponse
from api.public import report as public_report
from api.public import status as public_status
from api.public.pages import CONTENT_SECURITY_POLICY, STATIC_FILES
from api.public.texts import choose_language
from api.security import SecurityMiddleware
from api.static_files import StaticFile, StaticFiles
from api.v1 import match as v1_match
from api.v1 import public_reports as v1_public_reports
from api.v1 import reports as v1_reports
from api.v1 import stats as v1_stats
from triage.errors import HotlineError

_log = logging.getLogger("api")


def _wants_json(request: Request) -> bool:
    return request.url.path.startswith("/api/") or request.url.path == "/healthz"


def _say(request: Request, status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Response:
    tools = getattr(request.app.state, "tools", None)
    said: Response
    if isinstance(tools, StaffTools) and not _wants_json(request):
        said = say_console_error(request, status, sentence, (headers or {}).get("Location"))
    elif _wants_json(request) or not isinstance(tools, PublicTools):
        said = JSONResponse({"error": sentence}, status_code=status, headers=headers)
    else:
        wanted = getattr(request.state, "language", None) or request.query_params.get("lang")
        language = choose_language(wanted, request.headers.get("accept-language"))
        page = tools.renderer.render_error(language, status)
        said = HTMLResponse(page, status_code=status, headers=headers)
    return LingeringResponse(said) if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE else said


def _say_surprise(request: Request) -> Response:
    return _say(request, HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong here; nothing was stored.")


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(HotlineError)
    def say_error(request: Request, error: HotlineError) -> Response:
        status = choose_status(error)
        if status >= 500:
            _log.error("%s: %s", type(error).__name__, error)
        headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, UnauthorisedError) else None
        return _say(request, status, choose_sentence(error), headers)

    @app.exception_handler(HTTPException)
    def say_http_error(request: Request, error: HTTPException) -> Response:
        return _say(request, error.status_code, error.detail, error.headers)


def create_app(tools: PublicTools | StaffTools, *, hosts: tuple[str, ...] = ()) -> FastAPI:
    """Make the application of one surface.

    Args:
        tools: what the public or the staff surface needs; which of the two it is makes the surface.
        hosts: host names that are served besides localhost.
    """
    # No telemetry: it would carry addresses and routes of reports to whatever the environment names.
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # it would lead to an address without TLS, a one-time link among them
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.tools = tools
    is_staff = isinstance(tools, StaffTools)
    policy = STAFF_POLICY if is_staff else CONTENT_SECURITY_POLICY
    static_files = STAFF_FILES if is_staff else STATIC_FILES
    app.add_middleware(
        SecurityMiddleware,
        hosts=hosts,
        content_security_policy=policy,
        long_lived=frozenset(static_files.by_path),
        say_surprise=_say_surprise,
    )
    _add_errors(app)

    @app.get("/healthz")
    def say_health() -> dict[str, str]:
        return {"status": "ok"}

    if is_staff:
        _add_console(app)
    else:
        app.include_router(public_report.router)
        app.include_router(public_status.router)
        app.include_router(v1_reports.router)
        app.include_router(v1_public_reports.router)
    _add_static(app, static_files)
    return app


def _add_console(app: FastAPI) -> None:
    # First, since routes are tried in order. It is for machines: it asks for a token itself, and no session counts.
    app.router.routes.append(v1_match.ROUTE)
    app.include_router(v1_stats.router)
    for router in PAGES:
        app.include_router(router, dependencies=[Depends(guard)])

    @app.exception_handler(ConfirmationNeededError)
    def ask_to_confirm(request: Request, error: ConfirmationNeededError) -> Response:
        return show_step_up(request, error)

    @app.exception_handler(RequestValidationError)
    def say_unreadable(request: Request, _: RequestValidationError) -> Response:
        # An id in the path that is no id: there is nothing of that name.
        return _say(request, HTTPStatus.NOT_FOUND, "There is nothing of that name.")


def _add_static(app: FastAPI, files: StaticFiles) -> None:
    for file in files.by_path.values():
        app.add_api_route(file.path, _sender(file))


def _sender(file: StaticFile) -> Callable[[], Response]:
    def send() -> Response:
        return Response(file.body, media_type=file.media_type)

    return send
