"""The console refuses by default: strangers, wrong roles, foreign forms, tokens of machines."""

import asyncio
import re
from uuid import uuid4

import httpx2
import pytest
from argon2 import PasswordHasher
from fastapi import APIRouter, Depends
from fastapi.routing import iter_route_contexts

from api.console.guard import guard
from api.console.pages import PAGES
from api.console.routes import MACHINE_ROUTES, OPEN_ROUTES, ROUTES, Route
from api.console.static_files import STATIC_FILES
from api.main import create_app
from tests.public_server import TOKEN, add_token
from tests.staff_server import CHEAP, PASSWORD, run_staff_surface
from triage.clock import utcnow
from triage.model import PersonRole
from triage.rules.rights import ROLE_RIGHTS
from triage.steps.sign_in import Attempt, new_token, sign_in
from triage.vault import StorageError, new_identity, recipient_of, seal, unseal

NOT_YOURS = "Your role does not include this."


@pytest.fixture
def console(database, tmp_path):
    with run_staff_surface(database, root=tmp_path) as running:
        yield running


def list_served(app):
    return {
        (method, context.path)
        for context in iter_route_contexts(app.routes)
        for method in context.methods or ()
        if method != "HEAD"
    }


def list_dependencies(context):
    """Return what is called before a route; nothing, for one that is not FastAPI's."""
    dependant = getattr(context, "dependant", None)
    return [one.call for one in dependant.dependencies] if dependant else []


def fill(route: Route) -> str:
    """Return an address of a route, of a thing that is not there."""
    return re.sub(r"\{\w+\}", lambda _: str(uuid4()), route.path)


# The table


def test_every_route_stands_in_the_table_and_every_entry_is_served(console) -> None:
    table = [(route.method, route.path) for route in (*ROUTES, *OPEN_ROUTES, *MACHINE_ROUTES)]
    assert len(set(table)) == len(table)
    assert list_served(create_app(console.tools)) == set(table)


def test_every_page_has_the_guard(console) -> None:
    unguarded = {
        context.path
        for context in iter_route_contexts(create_app(console.tools).routes)
        if guard not in list_dependencies(context)
    }
    assert unguarded == {"/healthz", *STATIC_FILES.by_path, "/api/v1/match", "/api/v1/stats"}


def test_a_route_that_is_in_no_table_is_refused_even_to_a_lead(console) -> None:
    forgotten = APIRouter()

    @forgotten.get("/forgotten")
    def show() -> str:
        return "shown"

    app = create_app(console.tools)
    app.include_router(forgotten, dependencies=[Depends(guard)])
    lead = console.sign_in("Lead", PersonRole.LEAD)

    async def ask() -> httpx2.Response:
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get(
                "/forgotten", headers={"cookie": f"__Host-sid={lead.cookies['__Host-sid']}"}
            )

    answer = asyncio.run(ask())
    assert answer.status_code == 403
    assert "shown" not in answer.text


# Every route, every role, and nobody


def test_each_role_reaches_what_the_table_says_and_nobody_reaches_anything(console) -> None:
    served = list_served(create_app(console.tools))
    routes = [one for one in ROUTES if (one.method, one.path) in served and one.path != "/sign-out"]
    assert routes
    stranger = console.browser()
    for route in (*routes, Route("POST", "/sign-out")):
        address = fill(route)
        answer = (
            stranger._send("GET", address, None, {})
            if route.method == "GET"
            else stranger.post(address, {}, csrf=False)
        )
        if route.refused_to:
            assert answer.path == route.refused_to, route
            continue
        leads_to_sign_in = route.method == "GET" and route.is_page
        assert answer.status == (303 if leads_to_sign_in else 401), route
        assert answer.headers.get("location") == ("/sign-in" if leads_to_sign_in else None), route
    for role in PersonRole:
        browser = console.sign_in(f"person {role}", role)
        browser.open("/?lang=en")
        csrf = browser.read_csrf()
        for route in routes:
            address = fill(route)
            answer = browser.open(address) if route.method == "GET" else browser.post(address, {"csrf": csrf})
            is_refused = answer.status == 403 and NOT_YOURS in answer.text
            may = route.right is None or route.right in ROLE_RIGHTS[role]
            assert is_refused is not may, (role, route, answer.status)
            assert answer.status != 500, (role, route)


def test_a_person_without_a_role_sees_only_who_they_are(console, conn) -> None:
    browser = console.sign_in("Ana")
    conn.execute("DELETE FROM person_roles")  # roles are read at each request
    conn.commit()
    assert browser.open("/").status == 200
    assert browser.open("/queue").status in {403, 404}


# Credentials that do not count here


def test_a_token_of_a_machine_opens_nothing_here(console, conn) -> None:
    add_token(conn)
    browser = console.browser()
    bearer = {"authorization": f"Bearer {TOKEN}"}
    assert browser.open("/", **bearer).path == "/sign-in"
    assert browser.open("/people", **bearer).path == "/sign-in"
    assert browser.post("/sign-out", {}, csrf=False, **bearer).status == 401
    browser.cookies["__Host-sid"] = TOKEN
    assert browser.open("/").path == "/sign-in"


def test_a_made_up_cookie_opens_nothing(console) -> None:
    for cookie in ("", "x", "é", "0" * 5000, new_token()):
        said = console.browser()._client.get("/", headers={b"cookie": f"__Host-sid={cookie}".encode()})
        assert (said.status_code, said.headers["location"]) == (303, "/sign-in")


# Forms that come from elsewhere


FOREIGN = (
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},  # another port of this host, such as the public form
    {"sec_fetch_site": ""},  # a null origin that nobody vouches for
    {"origin": "http://localhost:8700"},
    {"origin": "https://hotline.example"},
    {"origin": "https://hotline.example", "sec_fetch_site": ""},
    {"origin": "http://[", "sec_fetch_site": ""},
)


def test_a_form_of_another_site_is_refused(console) -> None:
    browser = console.sign_in("Ana")
    browser.open("/?lang=en")
    for headers in FOREIGN:
        page = browser.post("/sign-out", {}, **headers)
        assert page.status == 403, headers
        assert "sent from another site" in page.words
        for path in ("/sign-in", f"/join/{new_token()}"):
            assert "another site" in browser.post(path, {}, csrf=False, **headers).words
    assert browser.open("/").path == "/"


def test_our_own_origin_is_taken_with_or_without_fetch_metadata(console) -> None:
    for headers in ({"origin": console.url, "sec_fetch_site": ""}, {"origin": "", "sec_fetch_site": ""}):
        browser = console.sign_in(f"person {len(console.people)}")
        assert browser.post("/sign-out", {}, **headers).path == "/sign-in"


def test_a_form_without_the_token_of_its_session_is_refused(console) -> None:
    browser, other = console.sign_in("Ana"), console.sign_in("Blerim")
    for token in ("", "0" * 64, "é", other.read_csrf(), browser.cookies["__Host-sid"]):
        assert browser.post("/sign-out", {"csrf": token}).status == 403
    assert browser.post("/sign-out?csrf=" + browser.read_csrf(), {"x": "y"}, csrf=False).status == 403
    assert browser.open("/").path == "/"
    assert browser.post("/sign-out").path == "/sign-in"


def test_a_body_that_is_no_form_is_refused(console) -> None:
    browser = console.sign_in("Ana")
    csrf = browser.read_csrf()
    cookie = {"cookie": f"__Host-sid={browser.cookies['__Host-sid']}"}
    form = {"content-type": "application/x-www-form-urlencoded"}
    for headers, body, status in (
        (form, b"csrf=" + csrf.encode() + b"&x=" + b"y" * 70_000, 413),
        (form, b"csrf=" + csrf.encode() + b"&x=%00", 422),
        (form, b"csrf=" + csrf.encode() + b"&x=%ff", 422),
        (form, b"&".join([b"a=b"] * 2000), 422),
        ({"content-type": "application/json"}, b'{"csrf": "%s"}' % csrf.encode(), 415),
        ({}, b"csrf=" + csrf.encode(), 415),
    ):
        answer = browser._client.post("/sign-out", content=body, headers=cookie | headers)
        assert answer.status_code == status, body[:100]
    assert browser.open("/").path == "/"


# What is not told


def test_each_refusal_costs_one_hash(console, database) -> None:
    class Counting(PasswordHasher):
        """Counts how often it verifies."""

        count = 0

        def verify(self, *values, **more):
            self.count += 1
            return super().verify(*values, **more)

    console.hire("Ana")
    hasher = Counting(time_cost=1, memory_cost=8, parallelism=1)
    with database.connect("hotline_staff") as staff:
        for tries, name in enumerate(["Nobody", "Ana", "Ana", "Ana", "Ana", "Ana", "Ana", "Ana"], 1):
            attempt = Attempt(name, "wrong password", "123456")
            identity = console.tools.vault_identity
            assert not sign_in(staff, attempt, identity=identity, now=utcnow(), hasher=hasher)
            assert hasher.count == tries  # the last two had to wait: they cost as much


def test_no_log_line_holds_a_link_a_name_or_a_password(console, caplog) -> None:
    caplog.set_level("DEBUG")
    ana = console.hire("Ana-Marinela")
    browser, link = console.browser(), new_token()
    browser.open(f"/join/{link}")
    browser.sign_in(ana)
    session = browser.cookies["__Host-sid"]
    ours = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("api"))
    assert "GET /join/{token} 403" in ours
    for secret in (link, session, ana.name, PASSWORD, ana.secret):
        assert secret not in ours


def test_what_is_shown_in_objects_hides_secrets(console) -> None:
    identity = console.tools.vault_identity
    assert identity not in repr(console.tools)
    attempt = Attempt("Ana", PASSWORD, "123456")
    assert PASSWORD not in repr(attempt)
    assert attempt.token not in repr(attempt)


def test_every_page_forbids_foreign_and_inline_scripts_frames_and_stores(console) -> None:
    browser = console.sign_in("Ana", PersonRole.LEAD)
    for path in ("/", "/sign-in", "/no-such-page", "/static/console.css", "/people"):
        headers = browser.open(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy.split("; ")
        assert not any(word in policy for word in ("unsafe", "http", "data:", "*"))
        assert {"frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"} <= set(policy.split("; "))
        assert headers["cache-control"] == "no-store"


def test_a_name_is_never_markup(console, conn) -> None:
    console.hire("Ana")
    conn.execute("ALTER TABLE persons DROP CONSTRAINT persons_name_check")
    conn.execute("UPDATE persons SET name = '<b>Ana</b>'")
    conn.commit()
    console.people["Ana"].name = "<b>Ana</b>"
    page = console.sign_in("Ana").page
    assert "<b>Ana" not in page.text
    assert "&lt;b&gt;Ana" in page.text


def test_each_router_is_wired_once() -> None:
    assert len({id(router) for router in PAGES}) == len(PAGES)


def test_what_is_sealed_to_the_recipient_opens_with_its_identity_only() -> None:
    identity, recipient = new_identity()
    assert recipient_of(identity) == recipient
    assert unseal(seal(b"secret", recipient_of(identity)), identity) == b"secret"
    with pytest.raises(StorageError):
        unseal(seal(b"secret", recipient), new_identity()[0])


def test_the_real_hasher_is_argon2id_at_full_cost(database, tmp_path) -> None:
    from api.console.deps import StaffTools

    (hasher_field,) = [spec for spec in StaffTools.__dataclass_fields__.values() if spec.name == "hasher"]
    real = hasher_field.default_factory()
    assert (real.time_cost, real.memory_cost, real.type.name) == (3, 65536, "ID")
    assert CHEAP.memory_cost < real.memory_cost
