"""What the guard leaves with a request: who asks, and the form that came along."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from fastapi import Request

from api.catalogues.languages import Language
from triage.model import Person
from triage.rules.exposure import Standing
from triage.rules.rights import Right
from triage.rules.sign_in import Session
from triage.steps.receive_report import SealedUpload


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who asks.

    Attributes:
        rights: of all their roles.
        csrf: the token that their forms must bring along; 64 hex digits.
        session: as it stands after this request.
        session_digest: by which it is stored.
        session_ends_at: when it ends if it is not used again.
        standing: how much this person may still look; None for who sees no pictures, and where no page is asked for.
    """

    person: Person
    rights: frozenset[Right]
    csrf: str = field(repr=False)
    language: Language
    session: Session
    session_digest: bytes = field(repr=False)
    session_ends_at: datetime
    standing: Standing | None = None

    @property
    def actor(self) -> str:
        """The name of this person in custody events."""
        return f"person/{self.person.id}"

    def count_seconds_left(self, now: datetime) -> int:
        """Return the whole seconds until the session ends if nobody uses it."""
        return max(0, int((self.session_ends_at - now).total_seconds()))

    def ending(self, at: datetime) -> "SignedIn":
        """Return the same, with another end of the session."""
        return replace(self, session_ends_at=at)

    def may(self, right: Right) -> bool:
        """Whether this person has a right."""
        return right in self.rights

    @property
    def blind(self) -> UUID | None:
        """This person's id where they assess, and so could be a second assessor; None for who never is one."""
        return self.person.id if self.may(Right.ASSESS) else None


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form, trimmed by nobody."""

    fields: dict[str, list[str]] = field(default_factory=dict, repr=False)

    def get(self, name: str) -> str:
        """Return the first value of a field; empty without one."""
        return self.fields.get(name, [""])[0]

    def list(self, name: str) -> list[str]:
        """Return all values of a field."""
        return list(self.fields.get(name, ()))

    def speaks_of(self, prefix: str) -> bool:
        """Whether a field whose name begins so has a value."""
        return any(name.startswith(prefix) and any(values) for name, values in self.fields.items())

    def split(self, names: Collection[str]) -> "tuple[Form, Form]":
        """Return the fields with these names, and all others."""
        chosen = {name: values for name, values in self.fields.items() if name in names}
        others = {name: values for name, values in self.fields.items() if name not in names}
        return Form(chosen), Form(others)


def get_signed_in(request: Request) -> SignedIn:
    """Return who asks; for routes that need a session."""
    signed_in = request.state.signed_in
    if not isinstance(signed_in, SignedIn):
        raise TypeError("this route has no guard")
    return signed_in


def get_proof(request: Request) -> Form:
    """Return the fields of a POST that prove who it is; no other code has a use for them."""
    proof = request.state.proof
    if not isinstance(proof, Form):
        raise TypeError("this route has no guard")
    return proof


def get_uploads(request: Request) -> list[SealedUpload]:
    """Return the files of a POST, sealed already; whoever does not store them deletes them."""
    uploads = request.state.uploads
    if not isinstance(uploads, list):
        raise TypeError("this route has no guard")
    return uploads


def get_form(request: Request) -> Form:
    """Return the form of a POST."""
    form = request.state.form
    if not isinstance(form, Form):
        raise TypeError("this route has no guard")
    return form
