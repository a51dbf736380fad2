"""Settings that change while it runs: value, default, bounds, who changed it last and why; an admin changes them."""

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.console.deps import get_staff
from api.console.refusals import REFUSALS, describe_refusal
from api.console.render import choose_language, render
from api.console.renderer import say
from api.console.signed_in import get_form, get_signed_in
from triage.clock import utcnow
from triage.errors import InvalidSettingError, NotAllowedError, UnknownThingError
from triage.rules.live_settings import (
    LIVE_SETTINGS,
    LiveSetting,
    ValueFault,
    ValueKind,
    find_live_setting,
    write_value,
)
from triage.settings import Settings
from triage.settings_checks import environment_name
from triage.steps.change_settings import MAX_REASON, change_setting
from triage.store.live_settings import SettingChange, list_last_changes
from triage.store.rows import Connection

router = APIRouter()
MAX_VALUE = 200


@dataclass(frozen=True, slots=True)
class _Shown:
    """One setting as the page shows it.

    Attributes:
        variable: its name in the environment.
        typed, reason: what stands in the form.
        error: what is wrong with what was typed; `is_of_reason` says with which field.
    """

    setting: LiveSetting
    variable: str
    now: str
    default: str
    floor: str
    ceiling: str
    last: SettingChange | None
    typed: str
    reason: str = ""
    error: str = ""
    is_of_reason: bool = False


@router.get("/settings")
def show_settings(request: Request) -> Response:
    """Show all settings that may change, each with its form."""
    return _show(request)


@router.post("/settings/{name}")
def change(request: Request, name: str) -> Response:
    """Change one setting, or take it back to its default."""
    tools, form, person, now = (
        get_staff(request),
        get_form(request),
        get_signed_in(request).person,
        utcnow(),
    )
    setting = find_live_setting(name)
    if setting is None:
        raise UnknownThingError("There is nothing of that name.")
    value, reason, seen = form.get("value"), form.get("reason"), form.get("seen")
    is_default = form.get("to") == "default"

    def work(conn: Connection) -> None:
        if not (seen.isascii() and seen.isdigit() and len(seen) <= 9):
            raise NotAllowedError("This form is too old: open the page again.")
        default = write_value(getattr(tools.live.start, name))
        change_setting(
            conn,
            name,
            None if is_default else value[: MAX_VALUE + 1],
            reason,
            seen=int(seen),
            default=default,
            person=person,
            now=now,
        )

    try:
        tools.database.run(work)
    except InvalidSettingError as error:
        return _show_fault(request, setting, ValueFault(error.fault), value, reason)
    except REFUSALS as error:
        status, sentence = describe_refusal(request, error)
        return _show(request, status=status, error=sentence)
    tools.live.renew()
    return RedirectResponse("/settings", HTTPStatus.SEE_OTHER)


def _show_fault(
    request: Request, setting: LiveSetting, fault: ValueFault, value: str, reason: str
) -> Response:
    places = {}
    if fault is ValueFault.OUT_OF_BOUNDS:
        places = {"floor": _write_number(setting.floor), "ceiling": _write_number(setting.ceiling)}
    refused = {
        "typed": value[:MAX_VALUE],
        "reason": reason[: 2 * MAX_REASON],
        "error": say(choose_language(request), fault, **places),
        "is_of_reason": fault in {ValueFault.NO_REASON, ValueFault.LONG_REASON},
    }
    return _show(request, status=HTTPStatus.UNPROCESSABLE_ENTITY, refused={setting.name: refused})


def _show(
    request: Request,
    *,
    status: int = HTTPStatus.OK,
    error: str = "",
    refused: dict[str, dict[str, Any]] | None = None,
) -> Response:
    tools = get_staff(request)
    changes = tools.database.run(list_last_changes)
    shown = [_describe(one, tools.live.start, changes.get(one.name)) for one in LIVE_SETTINGS]
    return render(
        request,
        "settings.html",
        status=status,
        settings=[replace(one, **(refused or {}).get(one.setting.name, {})) for one in shown],
        is_flag=lambda setting: setting.kind is ValueKind.FLAG,
        error=error,
        max_reason=MAX_REASON,
        max_value=MAX_VALUE,
    )


def _describe(setting: LiveSetting, start: Settings, last: SettingChange | None) -> _Shown:
    default = write_value(getattr(start, setting.name))
    now = last.after if last is not None and last.after is not None else default
    return _Shown(
        setting=setting,
        variable=environment_name(setting.name),
        now=now,
        default=default,
        floor=_write_number(setting.floor),
        ceiling=_write_number(setting.ceiling),
        last=last,
        typed=now,
    )


def _write_number(number: float | None) -> str:
    return "" if number is None else f"{number:.12g}"
