"""A house in use: every lane, page and list of the console has something on it. All pictures are drawn.

It is made once for a whole run of tests, and by the screenshots; whoever opens it reads, and changes nothing.

1. A local site under example names, a real fetcher and decoder, a practice database.
2. Reports come in and are captured; Ana, Ben, Lea and Lin judge some of them.
3. What was judged is located, held, handed on or sent.
4. Dita, who may open nearly everything, has passkeys; there are tokens, a changed setting, somebody to be recovered.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from hashsets.model import EntryClass
from tests.acting import RRJETI, act_on, lay_networks, notify
from tests.assessing import Assessors
from tests.builders import Desk, list_entry, make_person, open_desk, trust
from tests.captures import capture, image_of
from tests.drawn_images import make_jpeg
from tests.local_sites import LocalSite
from tests.public_server import add_token
from tests.soft_authenticator import SoftAuthenticator
from tests.staff_server import StaffSurface, run_staff_surface
from triage.clock import utcnow
from triage.ids import new_id
from triage.model import ChannelOut, Person, PersonRole, RecipientKind
from triage.rules.passkeys import FreshPasskey
from triage.rules.recovery import VoiceTerm
from triage.rules.sending import SendingPolicy
from triage.rules.states import Remit
from triage.sandbox.decoder import Decoder, DecoderLimits
from triage.steps.change_hash_sets import say_trust
from triage.steps.change_recipients import approve_recipient, enter_recipient
from triage.steps.change_settings import change_setting
from triage.steps.lease_item import take_lease
from triage.steps.recover_person import ask_recovery
from triage.steps.score_items import score_due
from triage.store.leases import end_leases
from triage.store.passkeys import insert_passkey
from triage.store.people import find_person
from triage.store.recipients import NewRecipient
from workers.dialling.practice_names import PracticeNames
from workers.fetcher.door import Fetcher
from workers.fetcher.wire import FetchLimits

FOTO, ALBUM, AWAY = "foto.shembull.example", "www.albumi.example", "bilder.nowhere.example"
ADDRESSES = {FOTO: "192.0.2.10", ALBUM: "192.0.2.12", AWAY: "203.0.113.40"}
SIZE = (480, 360)
POLICY = SendingPolicy(undo_s=60.0, police_wait_max_s=14400.0, mail_domain="hotline.example")
POLICE = NewRecipient("Policia e Shtetit", RecipientKind.POLICE, "sq", ChannelOut.MAIL, "desk@police.example")
PROVIDER = NewRecipient(
    RRJETI.operator, RecipientKind.ISP, "sq+en", ChannelOut.MAIL, "abuse@rrjeti.example", asns=(RRJETI.asn,)
)
NEW_PROVIDER = NewRecipient(
    "Strehimi Praktikë shpk, " + "z" * 80,
    RecipientKind.ISP,
    "sq",
    ChannelOut.MAIL,
    "abuse@strehimi.example",
    asns=(64497,),
)
NOTE = "E pashë këtë faqe kur kërkoja diçka tjetër. <b>Nuk e hapa</b> më tej."
HOSTILE = "</textarea><script>alert(1)</script><img src=x onerror=alert(1)>\"' autofocus onfocus=alert(1) x='"
"""Where a stranger can write, so that a window notes it if any of it comes alive."""


@dataclass
class House:
    """The furnished console.

    Attributes:
        items: a name → the item: new, page, alike, second, lead, known, danger, held, hosting, sent.
    """

    surface: StaffSurface
    desk: Desk
    items: dict[str, UUID]

    def item_path(self, name: str, lane: str = "look") -> str:
        """The address of an item's page."""
        return f"/items/{self.items[name]}?lane={lane}"

    def open_path(self, name: str, lane: str = "look", who: str = "") -> str:
        """The address of an item that this person has open from now on, whoever had it before."""
        conn, item_id, now = self.desk.conn, self.items[name], utcnow()
        end_leases(conn, now=now, item_id=item_id)
        take_lease(conn, item_id, person=_find(self.desk, who or DESK), now=now, life_s=1800.0)
        conn.commit()
        return self.item_path(name, lane)

    def find_sending(self) -> UUID:
        """A notice to a provider."""
        (row,) = self.desk.conn.execute(
            "SELECT id FROM sendings WHERE kind = 'notice' ORDER BY created_at, id LIMIT 1"
        ).fetchall()
        self.desk.conn.rollback()
        return UUID(str(row[0]))


@contextmanager
def open_house(database: Any, redis_url: str, root: Path, **settings: Any) -> Iterator[House]:
    """Furnish a fresh database and serve its console until the block ends; `settings` as for the surface."""
    with LocalSite() as site:
        names = [(host, address, "127.0.0.1", site.port) for host, address in ADDRESSES.items()]
        _lay_site(site)
        with (
            Fetcher(FetchLimits(total_s=10.0, connect_s=5.0), PracticeNames.from_rows(names)) as fetcher,
            Decoder(DecoderLimits(wall_s=30.0)) as decoder,
            open_desk(database, redis_url, root, fetcher=fetcher, decoder=decoder, names=names) as desk,
        ):
            items = _furnish(desk)
            with run_staff_surface(
                database, root=desk.root, vault_identity=desk.vault_identity, **settings
            ) as surface:
                yield House(surface, desk, items)


def _lay_site(site: LocalSite) -> None:
    for number in range(1, 16):
        kind = ("landscape", "shapes")[number % 2]
        site.lay_answer(f"/{number}.jpg", make_jpeg(number, kind, SIZE), "image/jpeg")
    pictures = "".join(f'<img src="/{number}.jpg">' for number in (1, 2, 3))
    site.lay_answer("/album.html", f"<!doctype html>{pictures}".encode(), "text/html")
    for quality in (88, 80, 70):
        site.lay_answer(f"/q{quality}.jpg", make_jpeg(17, "landscape", SIZE, quality), "image/jpeg")
    alike = "".join(f'<img src="/q{quality}.jpg">' for quality in (88, 80, 70))
    site.lay_answer("/alike.html", f"<!doctype html>{alike}".encode(), "text/html")


def _furnish(desk: Desk) -> dict[str, UUID]:
    people = Assessors(desk.conn)
    known = make_jpeg(4, "landscape", SIZE)
    _enter_lists(desk, known)
    _enter_recipients(desk, people)
    _use_entrance(desk)
    lay_networks(desk, RRJETI)

    def take_in(line: str, **more: Any) -> UUID:
        (item_id,) = desk.report(line, **more)
        capture(desk, item_id)
        return UUID(str(item_id))

    def judge(item_id: UUID, *labels: tuple[str, int], **flags: Any) -> UUID:
        for name, label in labels:
            people.press(name, item_id, image_of(desk, item_id), label, **flags)
        return item_id

    items = {
        "new": take_in(f"http://{FOTO}/5.jpg", note=NOTE),
        "page": take_in(f"http://{ALBUM}/album.html"),
        "known": take_in(f"http://{AWAY}/4.jpg"),
        "second": judge(take_in(f"http://{FOTO}/6.jpg", note="y"), ("Ana", 1)),
        "lead": judge(take_in(f"http://{FOTO}/7.jpg"), ("Ana", 1), ("Ben", 3)),
        "held": judge(take_in(f"http://{FOTO}/8.jpg"), ("Ana", 1), ("Ben", 1), police_hold=True),
        "settled": judge(take_in(f"http://{AWAY}/9.jpg"), ("Ana", 2), ("Ben", 2)),
        "sent": take_in(f"http://{FOTO}/10.jpg"),
        "hosting": take_in(f"http://{AWAY}/11.jpg"),
    }
    items["alike"] = take_in(f"http://{ALBUM}/alike.html")
    people.people[DESK] = _find(desk, DESK)
    people.press(DESK, items["alike"], _first_image(desk, items["alike"]), 3)
    for number in (12, 13, 14, 15):
        take_in(f"http://{ALBUM}/{number}.jpg")
    notify(desk, items["sent"])
    act_on(desk, items["hosting"], "awaiting_hosting")
    (items["danger"],) = desk.report(note="Një vajzë po kërcënohet me foto, tani.", danger=True)
    (items["waiting"],) = desk.report(f"http://{AWAY}/later.jpg")
    desk.report(f"http://{ALBUM}/koment?id=1", remit=Remit.HATE_SPEECH, note="gjuhë urrejtjeje")
    desk.report(f"https://{'a' * 60}.example/{'b' * 900}", remit=Remit.OTHER, note="x" * 900)
    while score_due(desk.conn, now=utcnow(), limit=100):
        pass
    desk.conn.commit()
    return items


def report_hostile(house: House) -> None:
    """Let strangers write markup wherever they can: addresses, notes, a file's name."""
    desk = house.desk
    house.items["attack"], _ = desk.upload(make_jpeg(16, "shapes", SIZE), file_name=HOSTILE)
    capture(desk, house.items["attack"])
    desk.report(note=HOSTILE, danger=True)
    desk.report(f"http://{ALBUM}/?{HOSTILE.replace(' ', '%20')}", remit=Remit.OTHER, note=HOSTILE)


def _enter_lists(desk: Desk, known: bytes) -> None:
    desk.import_entries("baseline", list_entry("b1", data=known), *_many("b", 40))
    trust(desk.conn, "baseline", persons=("Lea", "Ben"))
    national = [
        list_entry(f"n{n}", data=b"n%d" % n, entry_class=EntryClass.NATIONAL_ILLEGAL) for n in range(12)
    ]
    desk.import_entries("kombetare", *national)
    reason = "Lista vjen nga partneri; e krahasova me pesë vendime tona."
    say_trust(desk.conn, "kombetare", EntryClass.NATIONAL_ILLEGAL, by="Lea", reason=reason, now=utcnow())
    desk.conn.commit()
    harmless = _many("h", 5, EntryClass.NOT_ILLEGAL)
    desk.import_entries("pa-dem", *harmless, is_negative=True)


def _many(stem: str, count: int, entry_class: EntryClass = EntryClass.BASELINE) -> list[Any]:
    return [
        list_entry(f"{stem}-{number}", data=f"{stem}{number}".encode(), entry_class=entry_class)
        for number in range(count)
    ]


def _enter_recipients(desk: Desk, people: Assessors) -> None:
    lea, lin = people.people["Lea"], people.people["Lin"]
    for new, is_approved in ((POLICE, True), (PROVIDER, True), (NEW_PROVIDER, False)):
        recipient_id = enter_recipient(desk.conn, new, person=lea, now=utcnow())
        if is_approved:
            approve_recipient(desk.conn, recipient_id, person=lin, now=utcnow(), policy=POLICY)
    desk.conn.commit()


def _use_entrance(desk: Desk) -> None:
    now = utcnow()
    dita, ada = make_person(desk.conn, DESK, *ROLES), _find(desk, ADMIN, PersonRole.ADMIN)
    for name in ("telefoni i punës", "k" * 60):
        key = SoftAuthenticator("http://localhost")
        fresh = FreshPasskey(key.credential_id, key.public_key(), 0, ("internal",), name[0] == "t")
        insert_passkey(desk.conn, new_id(), dita, fresh, rp_id="localhost", name=name, now=now)
    add_token(desk.conn, "t" * 40, "stats", days=90)
    add_token(desk.conn, "u" * 40, "intake", days=-1)
    make_person(desk.conn, "Cen")
    lea, term = _find(desk, "Lea"), VoiceTerm(days=3, founding_days=3)
    ask_recovery(desk.conn, new_id(), "Cen", by=lea, reason="Fola me të ballë për ballë.", term=term, now=now)
    change_setting(desk.conn, "look_max_s", "8", "U provua.", seen=None, default="10", person=ada, now=now)
    desk.conn.commit()


def _first_image(desk: Desk, page_id: UUID) -> UUID:
    (row,) = desk.conn.execute(
        "SELECT image_id FROM item_children JOIN item_images ON item_id = child_id"
        " WHERE parent_id = %s ORDER BY place LIMIT 1",
        (page_id,),
    ).fetchall()
    desk.conn.rollback()
    return UUID(str(row[0]))


def _find(desk: Desk, name: str, *roles: PersonRole) -> Person:
    make_person(desk.conn, name, *roles)
    person = find_person(desk.conn, name)
    assert person is not None
    return person


DESK, ADMIN = "Dita", "Ada"
"""Who works here with all of these roles, and who is admin."""

ROLES = (PersonRole.ANALYST, PersonRole.LEAD, PersonRole.CLERK, PersonRole.AUDITOR)
"""Of one person who may open nearly everything; admin goes with no image, so it is another's."""
