"""One application per surface. The public one takes reports; the staff one shows nothing until sign-in exists."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from importlib import resources

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException

from api.deps import PublicTools
from api.errors import choose_sentence, choose_status
from api.lingering import LingeringResponse
from api.public import report as public_report
from api.public import status as public_status
from api.public.pages import CONTENT_SECURITY_POLICY
from api.public.texts import choose_language
from api.security import SecurityMiddleware
from api.v1 import reports as v1_reports
from triage.errors import HotlineError

_log = logging.getLogger("api")
STAFF_POLICY = "default-src 'none'; frame-ancestors 'none'"


def _wants_json(request: Request) -> bool:
    return request.url.path.startswith("/api/") or request.url.path == "/healthz"


def _say(request: Request, status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Response:
    tools = getattr(request.app.state, "tools", None)
    if _wants_json(request) or not isinstance(tools, PublicTools):
        said: Response = JSONResponse({"error": sentence}, status_code=status, headers=headers)
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
        headers = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else None
        return _say(request, status, choose_sentence(error), headers)

    @app.exception_handler(HTTPException)
    def say_http_error(request: Request, error: HTTPException) -> Response:
        return _say(request, error.status_code, error.detail, error.headers)


def create_app(tools: PublicTools | None, *, hosts: tuple[str, ...] = ()) -> FastAPI:
    """Make the application of one surface.

    Args:
        tools: what the public surface needs; None makes the staff surface.
        hosts: host names that are served besides localhost.
    """
    # No telemetry: it would carry addresses and routes of reports to whatever the environment names.
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.tools = tools
    policy = STAFF_POLICY if tools is None else CONTENT_SECURITY_POLICY
    app.add_middleware(
        SecurityMiddleware, hosts=hosts, content_security_policy=policy, say_surprise=_say_surprise
    )
    _add_errors(app)

    @app.get("/healthz")
    def say_health() -> dict[str, str]:
        return {"status": "ok"}

    if tools is not None:
        app.include_router(public_report.router)
        app.include_router(public_status.router)
        app.include_router(v1_reports.router)
        style = resources.files("api.public").joinpath("static", "public.css").read_bytes()

        @app.get("/static/public.css")
        def send_style() -> Response:
            return Response(style, media_type="text/css")

    return app
