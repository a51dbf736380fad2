"""What a form of the review page says: a label with its two flags and a reason, and numbers that it carried along."""

from api.console.detail_form import read_detail_of, read_reason_code
from api.console.signed_in import Form
from triage.errors import InvalidReportError
from triage.rules.assessing import Judgement, Label

MAX_REASON = 2000
_MAX_NUMBER = 2**31 - 1


def read_judgement(form: Form) -> Judgement:
    """Return what a form says of an image or item.

    Raises:
        InvalidReportError: no label is chosen, the reason is too long, or the detail cannot be read.
    """
    try:
        label = Label(read_number(form, "label"))
    except (ValueError, InvalidReportError):
        raise InvalidReportError("Choose one of the labels.") from None
    return Judgement(
        label,
        danger=bool(form.get("danger")),
        police_hold=bool(form.get("police_hold")),
        reason=read_reason(form),
        reason_code=read_reason_code(form),
        detail=read_detail_of(form),
    )


def read_reason(form: Form) -> str:
    """Return the reason of a form; empty without one.

    Raises:
        InvalidReportError: it is too long.
    """
    reason = form.get("reason").strip()
    if len(reason) > MAX_REASON:
        raise InvalidReportError("A reason may have at most 2000 characters.")
    return reason


def read_words(form: Form, name: str, longest: int) -> str:
    """Return one line of a note; empty without words.

    Raises:
        InvalidReportError: it is longer than `longest` characters.
    """
    words = form.get(name).strip()
    if len(words) > longest:
        raise InvalidReportError("A line of a note may have at most 1000 characters.")
    return words


def read_number(form: Form, name: str) -> int:
    """Return a number that the page put into its form, such as the round that the person saw.

    Raises:
        InvalidReportError: it is none, or out of range.
    """
    text = form.get(name)
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= _MAX_NUMBER):
        raise InvalidReportError("The form cannot be read.")
    return int(text)
