"""Recipients: who may be told something, who entered or changed them, and whether a lead approved them as they are."""

from collections.abc import Callable
from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.console.deps import get_staff
from api.console.refusals import NOTHING_REFUSED, Refused, try_work
from api.console.render import choose_language, render
from api.console.signed_in import Form, get_form, get_signed_in
from api.console.words import words_for
from triage.clock import utcnow
from triage.errors import NotAllowedError
from triage.model import ChannelOut, Recipient, RecipientKind
from triage.rules.sending import SendingPolicy
from triage.steps import change_recipients
from triage.store.people import list_persons
from triage.store.recipients import NewRecipient, list_recipients
from triage.store.rows import Connection

router = APIRouter()

LANGUAGES_OUT = ("sq+en", "sq", "en")
FIELDS = ("name", "kind", "language", "channel", "contact", "public_key", "country", "asns")
MAX_CONTACT = 320
MAX_KEY = 200
MAX_ASNS = 200


@router.get("/recipients")
def show_recipients(request: Request) -> Response:
    """Show all recipients, and the form to enter one."""
    return _show(request)


def _show(request: Request, refused: Refused = NOTHING_REFUSED, *, changing: UUID | None = None) -> Response:
    """Show the page; what was refused stood in the form that changes the recipient `changing`, or enters one."""

    def work(conn: Connection) -> tuple[list[Recipient], dict[UUID, str]]:
        return list_recipients(conn), {person.id: person.name for person in list_persons(conn)}

    recipients, names = get_staff(request).database.run(work)
    return render(
        request,
        "recipients.html",
        status=refused.status,
        error=refused.error,
        recipients=recipients,
        names=names,
        marks={one.id: change_recipients.mark_of(one) for one in recipients},
        forms={
            one.id: (refused if one.id == changing else NOTHING_REFUSED).fill(**_list_fields(one))
            for one in recipients
        },
        changing=changing,
        kinds=list(RecipientKind),
        channels=list(ChannelOut),
        languages_out=LANGUAGES_OUT,
        typed=(refused if changing is None else NOTHING_REFUSED).fill(**dict.fromkeys(FIELDS, "")),
        **words_for(choose_language(request), utcnow()),
    )


@router.post("/recipients")
def enter(request: Request) -> Response:
    """Enter a recipient; it is not approved by that."""
    person, form, now = get_signed_in(request).person, get_form(request), utcnow()

    def work(conn: Connection) -> None:
        change_recipients.enter_recipient(conn, _read_recipient(form), person=person, now=now)

    return _do(request, work, typed={name: form.get(name) for name in FIELDS})


def _read_recipient(form: Form) -> NewRecipient:
    """Return what the form says; what it means is checked by the step."""
    try:
        kind, channel = RecipientKind(form.get("kind")), ChannelOut(form.get("channel"))
    except ValueError:
        raise NotAllowedError("Choose the kind and the channel.") from None
    contact, key = form.get("contact").strip(), form.get("public_key").strip()
    if len(contact) > MAX_CONTACT or len(key) > MAX_KEY:
        raise NotAllowedError("The contact or the key is too long.")
    numbers = [
        part.strip().upper().removeprefix("AS") for part in form.get("asns").split(",") if part.strip()
    ]
    if len(numbers) > MAX_ASNS or not all(
        one.isascii() and one.isdigit() and len(one) <= 10 for one in numbers
    ):
        raise NotAllowedError("AS numbers are numbers, separated by commas.")
    return NewRecipient(
        name=form.get("name"),
        kind=kind,
        language=form.get("language"),
        channel=channel,
        contact=contact,
        public_key=key or None,
        country=form.get("country").strip() or None,
        asns=[int(one) for one in numbers],
    )


def _list_fields(recipient: Recipient) -> dict[str, str]:
    """Return what the form that changes a recipient holds at first."""
    return {
        "name": recipient.name,
        "kind": recipient.kind.value,
        "language": recipient.language,
        "channel": recipient.channel.value,
        "contact": recipient.contact,
        "public_key": recipient.public_key or "",
        "country": recipient.country or "",
        "asns": ", ".join(str(asn) for asn in recipient.asns),
    }


@router.post("/recipients/{recipient_id}/change")
def change(request: Request, recipient_id: UUID) -> Response:
    """Change a recipient; what was approved of it must be approved again."""
    person, form, now = get_signed_in(request).person, get_form(request), utcnow()
    policy = _read_policy(request)

    def work(conn: Connection) -> None:
        new = _read_recipient(form)
        change_recipients.change_recipient(conn, recipient_id, new, person=person, now=now, policy=policy)

    return _do(request, work, typed={name: form.get(name) for name in FIELDS}, changing=recipient_id)


@router.post("/recipients/{recipient_id}/approve")
def approve(request: Request, recipient_id: UUID) -> Response:
    """Approve a recipient as it stands."""
    person, now, policy = get_signed_in(request).person, utcnow(), _read_policy(request)
    seen = get_form(request).get("seen")

    def work(conn: Connection) -> None:
        change_recipients.approve_recipient(
            conn, recipient_id, person=person, now=now, policy=policy, seen=seen
        )

    return _do(request, work)


@router.post("/recipients/{recipient_id}/disapprove")
def disapprove(request: Request, recipient_id: UUID) -> Response:
    """Take an approval back."""
    person, now = get_signed_in(request).person, utcnow()

    def work(conn: Connection) -> None:
        change_recipients.disapprove_recipient(conn, recipient_id, person=person, now=now)

    return _do(request, work)


@router.post("/recipients/{recipient_id}/disable")
def disable(request: Request, recipient_id: UUID) -> Response:
    """Tell a recipient nothing any more."""
    person, now, policy = get_signed_in(request).person, utcnow(), _read_policy(request)

    def work(conn: Connection) -> None:
        change_recipients.disable_recipient(conn, recipient_id, person=person, now=now, policy=policy)

    return _do(request, work)


def _read_policy(request: Request) -> SendingPolicy:
    return SendingPolicy.from_settings(get_staff(request).settings)


def _do(
    request: Request,
    work: Callable[[Connection], None],
    *,
    typed: dict[str, str] | None = None,
    changing: UUID | None = None,
) -> Response:
    refused = try_work(request, work, typed=typed)
    if refused:
        return _show(request, refused, changing=changing)
    return RedirectResponse("/recipients", HTTPStatus.SEE_OTHER)
