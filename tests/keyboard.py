"""A person in front of Chromium with a keyboard and no pointer: they go with Tab, write, press and hold keys.

1. `Keyboard(window)` notes from its first page on whether anything but keys touched it; `check()` says so.
2. `go_to("Save")` presses Tab until something of that name has the focus, as somebody who reads names would.
"""

from dataclasses import dataclass, field
from typing import Any

MOST_TABS = 120

NOTE_POINTER = """
for (const kind of ["pointerdown", "pointermove", "pointerup", "mousedown", "mousemove", "mouseup", "wheel",
  "touchstart", "dragstart"]) addEventListener(kind, () => notePointer(kind), true);
addEventListener("click", (event) => event.detail && notePointer("click"), true);
"""

NAME_OF_FOCUSED = """() => {
  const one = document.activeElement, words = [one.ariaLabel, ...[...(one.labels || [])].map((two) => two.innerText)];
  return [...words, one.innerText].filter(Boolean).join(" ").replace(/\\s+/g, " ").trim();
}"""


@dataclass
class Keyboard:
    """Hands on the keys of one window.

    Attributes:
        pressed: keys since `begin_count`, Tab and typed words too.
        touched: what a pointer did; it must stay empty.
    """

    window: Any
    pressed: int = 0
    touched: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.window.context.expose_binding("notePointer", lambda _, kind: self.touched.append(kind))
        self.window.context.add_init_script(NOTE_POINTER)

    @property
    def page(self) -> Any:
        """Playwright's page."""
        return self.window.page

    def open(self, path: str) -> None:
        """Type an address."""
        self.window.open(path)
        self.page.wait_for_load_state("load")

    def begin_count(self) -> None:
        """Count keys from now on."""
        self.pressed = 0

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            self.pressed += 1
            self.page.keyboard.press(key)

    def hold(self, key: str, until: Any) -> None:
        """Hold a key until something is to be seen, and let it go."""
        self.pressed += 1
        self.page.keyboard.down(key)
        until.wait_for(state="visible")
        self.page.keyboard.up(key)
        until.wait_for(state="hidden")

    def write(self, words: str) -> None:
        """Write into what has the focus; in a list of choices that chooses the one that begins so."""
        self.pressed += len(words)
        self.page.keyboard.type(words)

    def go_to(self, name: str) -> None:
        """Press Tab until what has the focus begins with a name."""
        heard = []
        for _ in range(MOST_TABS):
            self.press("Tab")
            heard.append(self.page.evaluate(NAME_OF_FOCUSED))
            if heard[-1].startswith(name):
                return
        raise AssertionError(f"no Tab leads to {name!r}, only to {list(dict.fromkeys(heard))}")

    def follow(self, name: str) -> None:
        """Go to a link or button and press Enter; wait for the page behind it."""
        self.go_to(name)
        with self.page.expect_navigation():
            self.press("Enter")
        self.page.wait_for_load_state("load")

    def fill_in(self, **words: str) -> None:
        """Write into fields by their names; `_` stands for a blank."""
        for name, text in words.items():
            self.go_to(name.replace("_", " "))
            self.write(text)

    def read(self, selector: str) -> str:
        """Return the words of a part of the page."""
        return str(self.page.locator(selector).inner_text())

    def sign_in(self, person: Any) -> None:
        """Sign in with password and code."""
        self.open("/sign-in?lang=en")
        self.fill_in(Name=person.name, Password=person.password)
        self.go_to("6-digit code")
        self.write(person.next_code())
        with self.page.expect_navigation():
            self.press("Enter")
        self.page.wait_for_load_state("load")

    def check(self) -> None:
        """Fail if anything but keys touched the pages."""
        assert self.touched == [], self.touched
