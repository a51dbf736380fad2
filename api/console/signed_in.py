"""What the guard leaves with a request: who asks, and the form that came along."""

from dataclasses import dataclass, field

from fastapi import Request

from api.public.texts import Language
from triage.model import Person
from triage.rules.rights import Right


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who asks.

    Attributes:
        rights: of all their roles.
        csrf: the token that their forms must bring along; 64 hex digits.
    """

    person: Person
    rights: frozenset[Right]
    csrf: str = field(repr=False)
    language: Language

    @property
    def actor(self) -> str:
        """The name of this person in custody events."""
        return f"person/{self.person.id}"

    def may(self, right: Right) -> bool:
        """Whether this person has a right."""
        return right in self.rights


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


def get_signed_in(request: Request) -> SignedIn:
    """Return who asks; for routes that need a session."""
    signed_in = request.state.signed_in
    if not isinstance(signed_in, SignedIn):
        raise TypeError("this route has no guard")
    return signed_in


def get_form(request: Request) -> Form:
    """Return the form of a POST."""
    form = request.state.form
    if not isinstance(form, Form):
        raise TypeError("this route has no guard")
    return form
