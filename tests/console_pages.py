"""Every page of the console that can be opened, by its route, with something on it; and how to get there."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.furnishing import ADMIN, DESK, House
from triage.clock import utcnow
from triage.steps.sign_in import make_link, new_token

Path = Callable[[House], str]
NOBODY = ""
"""Who opens a page without having signed in."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One page.

    Attributes:
        route: its template in the table of routes.
        who: opens it: DESK, ADMIN or NOBODY.
        path: its address in a furnished house.
    """

    route: str
    who: str
    path: Path


def _at(path: str) -> Path:
    return lambda _: path


def _join(house: House) -> str:
    token, desk = new_token(), house.desk
    person_id = house.surface.hire("Zana").id
    make_link(desk.conn, person_id, token=token, now=utcnow(), life_s=3600.0, actor="cli")
    desk.conn.commit()
    return f"/join/{token}"


_ITEM = "/items/{item_id}"

SHOWN: tuple[Shown, ...] = (
    Shown("/sign-in", NOBODY, _at("/sign-in")),
    Shown("/signed-out", NOBODY, _at("/signed-out")),
    Shown("/join/{token}", NOBODY, _join),
    Shown("/", DESK, _at("/")),
    Shown("/account", DESK, _at("/account")),
    Shown("/account/password", DESK, _at("/account/password")),
    Shown("/account/passkey", DESK, _at("/account/passkey")),
    Shown("/recovery", DESK, _at("/recovery")),
    Shown("/queue", DESK, _at("/queue?lane=look")),
    Shown("/queue", DESK, _at("/queue?lane=danger")),
    Shown("/queue", DESK, _at("/queue?lane=partner&still=1")),
    Shown(_ITEM, DESK, lambda house: house.item_path("new")),
    Shown(_ITEM, DESK, lambda house: house.item_path("page")),
    Shown(_ITEM, DESK, lambda house: house.item_path("lead", "lead")),
    Shown(_ITEM, DESK, lambda house: house.item_path("known", "no_look")),
    Shown(_ITEM, DESK, lambda house: house.item_path("danger", "danger")),
    Shown(_ITEM, DESK, lambda house: house.item_path("sent")),
    Shown(_ITEM, DESK, lambda house: house.item_path("attack")),
    Shown("/hand-on", DESK, _at("/hand-on")),
    Shown("/held", DESK, _at("/held")),
    Shown("/hosting", DESK, _at("/hosting")),
    Shown("/sendings", DESK, _at("/sendings")),
    Shown("/sendings/{sending_id}", DESK, lambda house: f"/sendings/{house.find_sending()}"),
    Shown("/recipients", DESK, _at("/recipients")),
    Shown("/hash-sets", DESK, _at("/hash-sets")),
    Shown("/audit", DESK, _at("/audit")),
    Shown("/audit", DESK, _at("/audit?kind=recipient")),
    Shown("/people", ADMIN, _at("/people")),
    Shown("/people/{person_id}", ADMIN, lambda house: f"/people/{house.surface.hire('Ben').id}"),
    Shown("/tokens", ADMIN, _at("/tokens")),
    Shown("/settings", ADMIN, _at("/settings")),
    Shown("/recovery", ADMIN, _at("/recovery")),
    Shown("no route", DESK, _at("/nothing-is-here")),
    Shown("no route", NOBODY, _at("/nothing-is-here")),
    Shown("no right", ADMIN, _at("/queue")),
)

SHOWS_NO_PAGE: dict[str, str] = {
    "/queue/rows": "a part of the queue's page, shown there",
    "/session": "a number, for a script",
    "/looks/{token}": "a picture, once",
    "/looks/{look_id}/page": "leads back to the item",
    _ITEM + "/images/{image_id}/thumb": "a thumb",
    "/hand-on/export": "a text file, after the confirmation",
    "/healthz": "for machines",
}
"""GET routes that answer with something else, and with what."""
