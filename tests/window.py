"""A window of Chromium for tests: it notes what broke a policy, what was asked of strangers, and what a script threw.

1. `open_browser(surface.url)` (a fixture of tests/browser) opens one; each has cookies of its own.
2. `window.open("/queue")` goes to a page of the surface, `window.page` is Playwright's page.
3. `window.sign_in(surface.hire("Ana"))` goes through the real form.
4. At the end of the test `window.check()` runs: nothing may have been noted.
"""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

NOTE_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
  noteViolation(`${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
});
"""

_INLINE = ("about:", "data:", "blob:")


def served_origin(address: str) -> str:
    """The surface's origin by the name that passkeys and `__Host-` cookies need.

    That is `http://localhost:8700`; behind a proxy that speaks TLS the very name that it serves.
    """
    parts = urlsplit(address)
    return address if parts.scheme == "https" else f"http://localhost:{parts.port}"


@dataclass
class Window:
    """One context of the browser, with one page.

    Attributes:
        origin: of the surface; whatever else is asked for counts as a stranger.
        violations: what broke the Content-Security-Policy.
        strangers: addresses that were asked for outside of the origin.
        faults: errors that no script caught.
        asked: every request to the surface, as "GET /path".
    """

    context: Any
    page: Any
    origin: str
    violations: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Note everything from now on; to be called before the first page is opened."""
        self.context.expose_binding("noteViolation", lambda _, text: self.violations.append(text))
        self.context.add_init_script(NOTE_VIOLATIONS)
        self.context.on("request", self._note_request)
        self.context.on("weberror", lambda error: self.faults.append(str(error.error)))
        self.context.on("console", self._note_message)

    def _note_request(self, request: Any) -> None:
        parts = urlsplit(request.url)
        if request.url.startswith(_INLINE):
            return
        if f"{parts.scheme}://{parts.netloc}" == self.origin:
            self.asked.append(f"{request.method} {parts.path}")
        else:
            self.strangers.append(request.url)

    def _note_message(self, message: Any) -> None:
        if "Content Security Policy" in message.text or "Content-Security-Policy" in message.text:
            self.violations.append(message.text)

    def open(self, path: str) -> Any:
        """Go to a page of the surface; return Playwright's response."""
        return self.page.goto(self.origin + path)

    def sign_in(self, person: Any, *, language: str = "en") -> None:
        """Sign in with password and code, through the form; `person` is what `StaffSurface.hire` gives."""
        self.open(f"/sign-in?lang={language}")
        form = self.page.locator("form#sign-in")
        form.locator("[name=name]").fill(person.name)
        form.locator("[name=password]").fill(person.password)
        form.locator("[name=code]").fill(person.next_code())
        form.locator("button:not([type=button])").first.click()
        self.page.wait_for_url(lambda address: "/sign-in" not in address)

    def settle(self) -> None:
        """Wait until the page has loaded and what it said so far has arrived here."""
        self.page.wait_for_load_state("load")
        self.page.title()  # one turn to the browser and back: what was said before it has come

    def check(self) -> None:
        """Fail if anything was noted."""
        assert self.violations == [], self.violations
        assert self.strangers == [], self.strangers
        assert self.faults == [], self.faults
