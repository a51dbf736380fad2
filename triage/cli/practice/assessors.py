"""The scripted assessors: they sign in at the staff console and press its forms, as the people of a hotline would.

1. Join: the one-time link of `hotline user add` sets password and code app; then sign in with both.
2. Recipients: the clerk enters them, the lead approves them.
3. Have captured again through another way out what was shut to us.
4. Judge: open an item; what is known is confirmed without a look; what is new is looked at, by one or by two; a lead
   decides; leave what others go on with.
5. Clear: lift holds, decide hosting, hand on, record what an operator answered.
"""

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from uuid import UUID

from triage.cli.practice.networks import PRACTICE_NETWORKS
from triage.cli.practice.staff_browser import Page, PracticeStuckError, StaffBrowser
from triage.cli.practice.trainee import pass_training
from triage.cli.practice.verdicts import DECIDED_OPERATOR, HAND_ON_TO, POLICE_WORD, Plan
from triage.cli.practice.world import PracticeWorld

LEAD, FIRST, SECOND, CLERK = "Praktikë Lead", "Praktikë Analyst", "Praktikë Second", "Praktikë Clerk"
NOT_ILLEGAL, DEAD_LINK = 3, 5
DETAIL = {"detail_severity_abc": "undetermined", "detail_sex": "undetermined"}
"""Of drawings, which have no meaning of their own."""
LEFT = "Thashë atë që mund të thosha."
NEXT = "Mbeten dy pamje."
WATCH_OUT = "Faqja ndryshon shpesh."
"""What who leaves an item says to who goes on with it."""


@dataclass(slots=True)
class Assessors:
    """Everybody of the practice hotline, each with a browser that is signed in.

    Args:
        url: address of the staff console.
        world: what they know.
    """

    url: str
    world: PracticeWorld
    _browsers: dict[str, StaffBrowser] = field(default_factory=dict)

    def close(self) -> None:
        """Sign everybody out."""
        for browser in self._browsers.values():
            browser.close()

    def join(self, name: str, link: str) -> None:
        """Follow a one-time link and set password and code app."""
        person = self.world.persons[name]
        browser = StaffBrowser(self.url)
        page = browser.open(urlsplit(link).path)
        secret = page.tree.css_first("#secret")
        if secret is None:
            raise PracticeStuckError(f"the link of {name} does not lead to a form ({page.status})")
        person.secret, person.last_step = secret.text().strip(), 0
        page = browser.submit(
            "join", password=person.password, repeated=person.password, code=person.next_code()
        )
        browser.close()
        _require(page, f"{name} could not join")
        self.world.keep()

    def browse(self, name: str) -> StaffBrowser:
        """Return the browser of a person, signed in."""
        if name not in self._browsers:
            browser = StaffBrowser(self.url)
            person = self.world.persons[name]
            page = browser.sign_in(person)
            self.world.keep()
            if not browser.is_signed_in:
                raise PracticeStuckError(f"{name} could not sign in: {page.words[:200]}")
            self._browsers[name] = browser
            pass_training(browser)
        return self._browsers[name]

    # Recipients

    def enter_recipients(self) -> None:
        """Enter and approve whom the practice hotline may tell something."""
        clerk, lead = self.browse(CLERK), self.browse(LEAD)
        for fields in self._list_recipients():
            if fields["name"] not in clerk.open("/recipients").text:
                _require(clerk.submit("enter", **fields), f"{fields['name']} could not be entered")
        page = lead.open("/recipients")
        while waiting := [form for form in page.list_forms() if form.endswith("/approve")]:
            page = _require(lead.submit(waiting[0]), "a recipient could not be approved")
            page = lead.open("/recipients")

    def _list_recipients(self) -> list[dict[str, str]]:
        police = {
            "name": "Policia e Shtetit (praktikë)",
            "kind": "police",
            "language": "sq",
            "channel": "mail",
            "contact": "krimi@policia-praktike.example",
        }
        operators = [
            {
                "name": one.operator,
                "kind": "isp",
                "language": "sq+en",
                "channel": "mail",
                "contact": one.abuse_mailbox,
                "asns": str(one.asn),
            }
            for one in PRACTICE_NETWORKS
            if one.country == "AL"
        ]
        partner = {
            "name": "Nowhere Hotline",
            "kind": "hotline",
            "language": "en",
            "channel": "outbox",
            "contact": "nowhere",
            "public_key": self.world.partner_recipient,
            "country": "ZZ",
        }
        helpline = {
            "name": HAND_ON_TO,
            "kind": "helpline",
            "language": "sq",
            "channel": "mail",
            "contact": "alo@alo-praktike.example",
        }
        return [police, *operators, partner, helpline]

    # Capturing again

    def capture_again(self, item_id: UUID, exit_name: str) -> None:
        """Have an item captured again through a way out."""
        browser = self.browse(FIRST)
        _open(browser, item_id)
        _require(browser.submit("recapture", exit=exit_name), "an item could not be captured again")

    # Judging

    def judge_first(self, item_id: UUID, plan: Plan) -> None:
        """Confirm what is known, look at what is new, and say the first word on all of it."""
        self._judge(self.browse(FIRST), item_id, plan, plan.labels[0], danger=plan.danger, hold=plan.hold)

    def judge_second(self, item_id: UUID, plan: Plan) -> None:
        """Say the second word on what waits for one."""
        self._judge(self.browse(SECOND), item_id, plan, plan.labels[-1], danger=False, hold=False)
        self._describe(self.browse(SECOND), item_id)

    def decide(self, item_id: UUID, plan: Plan) -> None:
        """Say the lead's word on what is disputed."""
        label = plan.lead or NOT_ILLEGAL
        self._judge(self.browse(LEAD), item_id, plan, label, danger=False, hold=plan.hold)
        self._describe(self.browse(LEAD), item_id)

    def _judge(
        self, browser: StaffBrowser, item_id: UUID, plan: Plan, label: int, *, danger: bool, hold: bool
    ) -> None:
        path = f"/items/{item_id}"
        page = _open(browser, item_id)
        if page.has_form("confirm"):
            _require(browser.submit("confirm"), "a known item could not be confirmed")
            return
        if page.has_form("confirm-known"):
            page = _require(browser.submit("confirm-known"), "known pictures could not be confirmed")
        said: set[str] = set()
        while True:
            if page.path != path:
                page = _open(browser, item_id)
            forms = [form for form in page.list_forms() if form not in said]
            number = next((found[1] for form in forms if (found := re.fullmatch(r"judge-(\d+)", form))), None)
            if number is None:
                break
            said.add(f"judge-{number}")
            if f"reveal-{number}" in forms:
                page = _look(browser, number)
                target = "judge"
            elif page.is_known(number):
                continue
            else:
                target = f"judge-{number}"
            page = self._press(browser, target, label, danger=danger, hold=hold)
            _require(page, "a picture could not be judged")
        self._judge_bare(browser, item_id, page)

    def _press(self, browser: StaffBrowser, target: str, label: int, *, danger: bool, hold: bool) -> Page:
        page = browser.page
        allowed = page.list_choices(target, "label") if page is not None else []
        chosen = label if str(label) in allowed else NOT_ILLEGAL
        flags: dict[str, str | list[str] | None] = {}
        if danger and chosen == label:
            flags["danger"] = "yes"
        if hold and chosen == label and (chosen in (1, 2) or "decide" in browser.read_action(target)):
            flags["police_hold"] = "yes"
        return browser.submit(target, label=str(chosen), **flags)

    def _judge_bare(self, browser: StaffBrowser, item_id: UUID, page: Page) -> None:
        """Judge what has nothing to look at: a text, a dead link, a page without pictures."""
        for child in page.list_links(r"/items/[0-9a-f-]{36}", selector="li a[href]"):
            if str(item_id) not in child:
                inner = _open(browser, UUID(child.rpartition("/")[2]))
                if inner.has_form("judge-item") and inner.tree.css_first("article.picture") is None:
                    _require(
                        browser.submit("judge-item", label=str(DEAD_LINK)), "a dead link could not be judged"
                    )
        page = _open(browser, item_id)
        if page.has_form("judge-item") and page.tree.css_first("article.picture") is None:
            label = str(DEAD_LINK if page.tree.css_first("#url") is not None else NOT_ILLEGAL)
            _require(browser.submit("judge-item", label=label), "an item could not be judged")
            return
        if page.has_form("leave"):
            _require(browser.submit("leave", done=LEFT), "an item could not be left")

    def _describe(self, browser: StaffBrowser, item_id: UUID) -> None:
        """Say the detail of what is settled as illegal: partners are told nothing without it."""
        page = browser.open(f"/items/{item_id}/detail")
        for form in (one for one in page.list_forms() if re.fullmatch(r"detail-\d+", one)):
            _require(browser.submit(form, **DETAIL), "a detail could not be said")

    # Leaving a queue

    def leave_begun(self, item_id: UUID) -> None:
        """Judge the first picture of a page unless that was done, and leave the rest with a note."""
        browser = self.browse(FIRST)
        page = _open(browser, item_id)
        if page.has_form("reveal-1"):
            _look(browser, "1")
            _require(browser.submit("judge", label=str(NOT_ILLEGAL)), "a picture could not be judged")
            _open(browser, item_id)
            _require(
                browser.submit("leave", done=LEFT, next=NEXT, watch_out=WATCH_OUT),
                "an item could not be left",
            )
        elif page.has_form("leave"):
            _require(browser.submit("leave"), "an item could not be left")

    def hold(self, item_id: UUID) -> None:
        """Open an item and stay with it."""
        _open(self.browse(SECOND), item_id)

    # Clearing

    def lift_holds(self) -> int:
        """Lift every police hold; return how many."""
        return self._submit_all("/held", r"/items/[0-9a-f-]{36}/lift", said_so=POLICE_WORD)

    def hand_on(self) -> int:
        """Hand on what is of another remit; return how many items."""
        return self._submit_all("/hand-on", r"/items/[0-9a-f-]{36}/hand-on", to_whom=HAND_ON_TO)

    def decide_hosting(self) -> int:
        """Decide who hosts what the sources do not agree on; return how many items."""
        network = next(one for one in PRACTICE_NETWORKS if one.operator == DECIDED_OPERATOR)
        return self._submit_all(
            "/hosting",
            r"/items/[0-9a-f-]{36}/hosting",
            asn=str(network.asn),
            operator=network.operator,
            country=network.country,
        )

    def record_removal(self, reference: str) -> None:
        """Record that an operator answered a notice: removed."""
        clerk = self.browse(CLERK)
        page = clerk.open("/sendings?state=sent")
        for path in page.list_links(r"/sendings/[0-9a-f-]{36}", reference):
            if clerk.open(path).has_form("answer"):
                answered = clerk.submit("answer", answer="removed")
                # Without the form it was recorded, or a check found all of it gone before.
                if clerk.open(path).has_form("answer"):
                    _require(answered, "an answer could not be recorded")
                return

    def _submit_all(self, path: str, action: str, **fields: str) -> int:
        browser = self.browse(FIRST)
        done = 0
        seen: set[str] = set()
        while True:
            page = browser.open(path)
            waiting = [form for form in page.list_actions(action) if form not in seen]
            if not waiting:
                return done
            seen.add(waiting[0])
            _require(browser.submit(waiting[0], **fields), f"a form of {path} was refused")
            done += 1


def _open(browser: StaffBrowser, item_id: UUID) -> Page:
    """Open an item to work on it; its own page where it does not wait for this person."""
    page = browser.open(f"/items/{item_id}")
    if page.tree.css_first("form#open") is None:
        return page
    return _require(browser.submit("open"), "an item could not be opened")


def _look(browser: StaffBrowser, number: str) -> Page:
    """Ask to see a picture and fetch it, as the browser of a person would; the page holds the form to judge it."""
    page = _require(browser.submit(f"reveal-{number}", rendering="grey_half"), "a look was refused")
    picture = page.tree.css_first("figure.look img")
    source = picture.attributes.get("src") if picture is not None else None
    if source is None or browser.fetch(source).status != 200:
        raise PracticeStuckError("the console showed no picture")
    return page


def _require(page: Page, what: str) -> Page:
    if page.status >= 400:
        raise PracticeStuckError(f"{what}: {page.words[:300]}")
    return page
