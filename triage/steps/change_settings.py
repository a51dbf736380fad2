"""Change a setting while it runs: who, when, from what to what, and why. The newest change counts."""

from datetime import datetime

from triage.errors import InvalidSettingError, NotAllowedError, StaleStateError, UnknownThingError
from triage.model import Person
from triage.rules.live_settings import ValueFault, find_live_setting, read_value, write_value
from triage.rules.rights import Right, rights_of
from triage.store import custody
from triage.store.custody import SYSTEM, NewEvent
from triage.store.live_settings import insert_change, list_last_changes
from triage.store.rows import Connection

MAX_REASON = 500


def change_setting(
    conn: Connection,
    name: str,
    text: str | None,
    reason: str,
    *,
    seen: int | None,
    default: str,
    person: Person,
    now: datetime,
) -> None:
    """Change one setting, or take it back to the default of the environment.

    Args:
        text: the value as it was typed; None for the default.
        reason: why, in 1 to MAX_REASON characters.
        seen: number of the last change that this person saw, 0 without one; None when it is read here.
        default: what the environment says, as `write_value` writes it.

    Raises:
        NotAllowedError: this person may not.
        UnknownThingError: there is no such setting, or it does not change while it runs.
        InvalidSettingError: the value or the reason cannot be used; its fault says what.
        StaleStateError: somebody else changed it in the meantime.
    """
    if Right.MANAGE_SETTINGS not in rights_of(person.roles):
        raise NotAllowedError("Your roles do not let you change settings.")
    setting = find_live_setting(name)
    if setting is None:
        raise UnknownThingError("There is no such setting that may change while it runs.")
    after = None if text is None else write_value(read_value(setting, text))
    reason = " ".join(reason.split())
    if not reason or not reason.isprintable():
        raise InvalidSettingError(ValueFault.NO_REASON, "Say why, in plain words.")
    if len(reason) > MAX_REASON:
        raise InvalidSettingError(ValueFault.LONG_REASON, f"A reason has at most {MAX_REASON} characters.")
    last = list_last_changes(conn).get(name)
    seq, before = (last.seq, last.after) if last else (0, None)
    if last is not None and seen == last.seq - 1 and (last.at, last.after) == (now, after):
        return  # this very form, run again after a lost commit
    if seen is not None and seen != seq:
        raise StaleStateError
    if after == before or (before is None and after == default):
        raise InvalidSettingError(ValueFault.SAME, "It has this value already.")
    change_id = insert_change(
        conn, name, seq=seq + 1, before=before, after=after, reason=reason, person_id=person.id, now=now
    )
    if change_id is None:
        raise StaleStateError
    event = NewEvent(SYSTEM, "setting_changed", {"setting": name, "change": str(change_id)})
    custody.append(conn, [event], actor=f"person/{person.id}", now=now)
