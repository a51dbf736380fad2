"""A browser for the scripted assessors: it opens pages of the staff console and sends their forms, as a person would.

Everything goes through the public surface: sign-in with password and code, the pages' own forms with their
tokens, redirects, cookies. There is no other way in for practice.
"""

import re
import ssl
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import httpx2
from selectolax.lexbor import LexborHTMLParser, LexborNode

from triage.errors import HotlineError

SESSION_COOKIE = "__Host-sid"

_TRUSTS_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""No certificate is believed: practice speaks to this machine without TLS, and reading all authorities takes time."""


class SignsIn(Protocol):
    """Somebody with a password and a code app."""

    @property
    def name(self) -> str:
        """The name they sign in with."""

    @property
    def password(self) -> str:
        """Their password."""

    def next_code(self) -> str:
        """Return a code that was not used yet."""


class PracticeStuckError(HotlineError):
    """The console showed the practice script something that it did not expect."""


@dataclass(frozen=True, slots=True)
class Page:
    """One answer."""

    status: int
    path: str
    content: bytes = field(repr=False)
    headers: httpx2.Headers = field(repr=False)

    @property
    def text(self) -> str:
        """The source of the page."""
        return self.content.decode()

    @property
    def tree(self) -> LexborHTMLParser:
        """The page, to be searched by CSS."""
        return LexborHTMLParser(self.text)

    @property
    def words(self) -> str:
        """What stands on the page, without its marks."""
        main = self.tree.css_first("main")
        return " ".join((main.text() if main else self.text).split())

    def find_form(self, target: str) -> LexborNode:
        """The form with this id, this action or this ending of an action."""
        forms = self.tree.css("form")
        for form in forms:
            action = form.attributes.get("action") or ""
            if target in {form.attributes.get("id"), action} or (action and action.endswith(target)):
                return form
        seen = [(form.attributes.get("id"), form.attributes.get("action")) for form in forms]
        raise PracticeStuckError(f"no form {target} on {self.path} ({self.status}), only {seen}")

    def list_forms(self) -> list[str]:
        """The ids of all forms; the action of one that has none."""
        found = [(form.attributes.get("id"), form.attributes.get("action")) for form in self.tree.css("form")]
        return [identity or action or "" for identity, action in found]

    def list_actions(self, pattern: str) -> list[str]:
        """The actions of forms that match a pattern as a whole."""
        actions = [form.attributes.get("action") or "" for form in self.tree.css("form")]
        return [action for action in actions if re.fullmatch(pattern, action)]

    def list_links(self, pattern: str, words: str | None = None, selector: str = "a[href]") -> list[str]:
        """The paths of links that match a pattern, each once, without their query; only those with these words."""
        links = self.tree.css(selector)
        shown = [link for link in links if words is None or link.text().strip() == words]
        paths = [(link.attributes.get("href") or "").partition("?")[0] for link in shown]
        return list(dict.fromkeys(path for path in paths if re.fullmatch(pattern, path)))

    def list_choices(self, target: str, name: str) -> list[str]:
        """The values among which a field of a form lets one choose."""
        nodes = self.find_form(target).css(f"input[name={name}]")
        return [node.attributes.get("value") or "" for node in nodes]

    def is_known(self, number: str) -> bool:
        """Whether a picture stands in the group of known ones."""
        return self.tree.css_first(f"#group-known #picture-{number}") is not None

    def has_form(self, target: str) -> bool:
        """Whether there is such a form."""
        try:
            self.find_form(target)
        except PracticeStuckError:
            return False
        return True


def read_fields(form: LexborNode) -> tuple[dict[str, list[str]], set[str]]:
    """Return what a form would send as it stands, and the names of all its fields and buttons."""
    values: dict[str, list[str]] = {}
    names = set()
    for node in form.css("input, textarea, select, button"):
        name, kind = node.attributes.get("name"), node.attributes.get("type") or ""
        if not name:
            continue
        names.add(name)
        if node.tag == "button" or (kind in {"radio", "checkbox"} and "checked" not in node.attributes):
            continue
        if node.tag == "select":
            options = node.css("option")
            first = [] if "multiple" in node.attributes else options[:1]
            chosen = [one for one in options if "selected" in one.attributes] or first
            for option in chosen:
                value = option.attributes.get("value")
                values.setdefault(name, []).append(option.text() if value is None else value)
        else:
            default = "on" if kind == "checkbox" else ""
            value = node.text() if node.tag == "textarea" else node.attributes.get("value")
            values.setdefault(name, []).append(value if value is not None else default)
    return values, names


def require_tokens(page: Page) -> None:
    """Hold that every form of a signed-in person's page brings the session's token along."""
    if "text/html" not in page.headers.get("content-type", "") or not page.tree.css_first("#sign-out"):
        return
    for form in page.tree.css("form"):
        if (form.attributes.get("method") or "").lower() == "post":
            token = form.css_first("input[name=csrf]")
            if token is None or not token.attributes.get("value"):
                raise PracticeStuckError(f"a form of {page.path} lacks its token: {form.attributes}")


class StaffBrowser:
    """Opens pages and sends their forms, with the headers and cookies of a browser.

    It keeps the cookies itself: a library would not send a Secure one to loopback without TLS, a browser does.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.cookies: dict[str, str] = {}
        self.page: Page | None = None
        self._client = httpx2.Client(base_url=url, trust_env=False, timeout=30, verify=_TRUSTS_NOBODY)

    def close(self) -> None:
        """End its connections."""
        self._client.close()

    def open(self, path: str, **headers: str) -> Page:
        """Open a page and follow where it leads."""
        return self._go("GET", path, None, headers)

    def submit(self, target: str, **fields: "str | list[str] | None") -> Page:
        """Fill in a form of the current page and send it; `target` is its id, its action, or the action's ending.

        Fields keep what the page wrote into them; None leaves one out. A field that the form lacks is a mistake.
        """
        if self.page is None:
            raise PracticeStuckError("no page is open")
        form = self.page.find_form(target)
        values, names = read_fields(form)
        if not set(fields) <= names:
            raise PracticeStuckError(f"the form {target} has only {sorted(names)}")
        for name, value in fields.items():
            values.pop(name, None)
            if value is not None:
                values[name] = value if isinstance(value, list) else [value]
        action = urljoin(self.page.path, form.attributes.get("action") or self.page.path)
        return self.post(action, values, csrf=False)

    def post(
        self, path: str, fields: "dict[str, Any] | None" = None, *, csrf: bool = True, **headers: str
    ) -> Page:
        """Send fields without a form; with the session's token unless `csrf` is off."""
        data = dict(fields or {})
        if csrf:
            data.setdefault("csrf", self.read_csrf())
        sent = {
            "origin": "null",
            "sec-fetch-site": "same-origin",
        }  # as Referrer-Policy: no-referrer makes them
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self._go("POST", path, data, {name: value for name, value in sent.items() if value})

    def read_csrf(self) -> str:
        """Return the token that forms of this session carry."""
        page = self._send("GET", "/", None, {})
        field_node = page.tree.css_first("#sign-out input[name=csrf]")
        return (field_node.attributes.get("value") or "") if field_node else ""

    def fetch(self, path: str) -> Page:
        """Fetch what a page shows, such as a picture, and stay on the page."""
        return self._send("GET", path, None, {})

    def read_action(self, target: str) -> str:
        """The action of a form of the current page."""
        return (self.page.find_form(target).attributes.get("action") or "") if self.page else ""

    def sign_in(self, person: SignsIn) -> Page:
        """Sign in as a person; the page that follows is returned, whatever it says."""
        self.open("/sign-in")
        return self.submit("sign-in", name=person.name, password=person.password, code=person.next_code())

    @property
    def is_signed_in(self) -> bool:
        """Whether the cookie of a session is held; the server may see that otherwise."""
        return SESSION_COOKIE in self.cookies

    def _go(self, method: str, path: str, data: "dict[str, Any] | None", headers: dict[str, str]) -> Page:
        page = self._send(method, path, data, headers)
        for _ in range(5):
            if page.status != 303:
                break
            page = self._send("GET", urljoin(page.path, page.headers["location"]), None, {})
        self.page = page
        require_tokens(page)
        return page

    def _send(self, method: str, path: str, data: "dict[str, Any] | None", headers: dict[str, str]) -> Page:
        sent = dict(headers)
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self._client.request(method, path, data=data, headers=sent)
        self._client.cookies.clear()
        for line in answer.headers.get_list("set-cookie"):
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0" or not morsel.value:
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
        return Page(answer.status_code, urlsplit(str(answer.url)).path, answer.content, answer.headers)
