"""THE table of the settings that may change while it runs, with floor and ceiling; all others stand at the start.

A setting is here only when another value cannot break what is under way, and no value between the bounds takes a
protection away. The environment gives the default; values are kept as text, in the form that `write_value` gives.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from triage.errors import InvalidSettingError

Value = bool | int | float | str


class ValueKind(StrEnum):
    """What a value is, and so which form it has.

    share is 0 to 1; seconds and rates are whole numbers.
    """

    FLAG = "flag"
    COUNT = "count"
    SECONDS = "seconds"
    SHARE = "share"
    PHONE = "phone"
    RATE = "rate"


class ValueFault(StrEnum):
    """What is wrong with a value; also the key of the text that says so beside the field."""

    UNREADABLE = "setting_unreadable"
    OUT_OF_BOUNDS = "setting_out_of_bounds"
    SAME = "setting_same"
    NO_REASON = "setting_no_reason"
    LONG_REASON = "setting_long_reason"


@dataclass(frozen=True, slots=True)
class LiveSetting:
    """One setting that may change.

    Attributes:
        name: the field of the settings.
        floor, ceiling: least and greatest number, both taken; None where the value is no number.
        is_public: whether the public surface may read it; the view `public_settings` says the same.
        is_bounded_at_start: whether floor and ceiling bind the environment too.
    """

    name: str
    kind: ValueKind
    floor: float | None = None
    ceiling: float | None = None
    is_public: bool = False
    is_bounded_at_start: bool = False


LIVE_SETTINGS: tuple[LiveSetting, ...] = (
    LiveSetting("public_uploads", ValueKind.FLAG, is_public=True),
    LiveSetting("police_phone", ValueKind.PHONE, is_public=True),
    LiveSetting("helpline_phone", ValueKind.PHONE, is_public=True),
    LiveSetting("report_max_urls", ValueKind.COUNT, 20, 5000, is_public=True),
    LiveSetting("subnet_burst", ValueKind.COUNT, 5, 1000, is_public=True),
    LiveSetting("subnet_per_hour", ValueKind.RATE, 20, 10_000, is_public=True),
    LiveSetting("public_per_minute", ValueKind.RATE, 30, 10_000, is_public=True),
    LiveSetting("hotline_phone", ValueKind.PHONE),
    LiveSetting("removal_asked_within_s", ValueKind.SECONDS, 3600, 604_800),
    LiveSetting("reporter_mails_per_day", ValueKind.COUNT, 1, 10_000),
    LiveSetting("second_look_share", ValueKind.SHARE, 0.01, 1),
    LiveSetting("look_max_s", ValueKind.SECONDS, 3, 30, is_bounded_at_start=True),
    LiveSetting("look_soft_s", ValueKind.SECONDS, 900, 14_400, is_bounded_at_start=True),
    LiveSetting("look_hard_s", ValueKind.SECONDS, 1800, 18_000, is_bounded_at_start=True),
    LiveSetting("looks_soft", ValueKind.COUNT, 10, 400, is_bounded_at_start=True),
    LiveSetting("looks_hard", ValueKind.COUNT, 20, 600, is_bounded_at_start=True),
    LiveSetting("break_after_s", ValueKind.SECONDS, 900, 3600, is_bounded_at_start=True),
    LiveSetting("break_s", ValueKind.SECONDS, 300, 3600, is_bounded_at_start=True),
    LiveSetting("shift_s", ValueKind.SECONDS, 7200, 36_000, is_bounded_at_start=True),
    LiveSetting("wind_down_s", ValueKind.SECONDS, 900, 7200, is_bounded_at_start=True),
    LiveSetting("ramp_s", ValueKind.SECONDS, 900, 7200, is_bounded_at_start=True),
    LiveSetting("ramp_days", ValueKind.COUNT, 7, 90, is_bounded_at_start=True),
    LiveSetting("talk_phone", ValueKind.PHONE),
    LiveSetting("lease_s", ValueKind.SECONDS, 300, 1800, is_bounded_at_start=True),
    LiveSetting("session_idle_s", ValueKind.SECONDS, 300, 3600),
    LiveSetting("recovery_voice_days", ValueKind.COUNT, 1, 30, is_bounded_at_start=True),
    LiveSetting("match_per_minute", ValueKind.COUNT, 100, 10_000_000),
    LiveSetting("match_per_day", ValueKind.COUNT, 1000, 1_000_000_000),
)

_BY_NAME = {one.name: one for one in LIVE_SETTINGS}
_WHOLE = re.compile(r"[0-9]{1,12}")
_NUMBER = re.compile(r"[0-9]{1,12}(?:[.,][0-9]{1,6})?")
_PHONE = re.compile(r"\+?[0-9](?:[ ()/-]{0,2}[0-9]){1,18}")
_FLAGS = {"on": True, "off": False}


def find_live_setting(name: str) -> LiveSetting | None:
    """Return the setting of a name; None when it is no setting, or none that may change."""
    return _BY_NAME.get(name)


def read_value(setting: LiveSetting, text: str) -> Value:
    """Return the value that a text says.

    Raises:
        InvalidSettingError: the text is none of this kind, or below the floor or above the ceiling.
    """
    text = text.strip()
    value: Value | None = None
    if setting.kind is ValueKind.FLAG:
        value = _FLAGS.get(text.lower())
    elif setting.kind is ValueKind.PHONE:
        value = text if _PHONE.fullmatch(text) else None
    elif setting.kind is ValueKind.COUNT:
        value = int(text) if _WHOLE.fullmatch(text) else None
    elif setting.kind in {ValueKind.SECONDS, ValueKind.RATE}:
        value = float(text) if _WHOLE.fullmatch(text) else None
    elif _NUMBER.fullmatch(text):
        value = float(text.replace(",", "."))
    if value is None:
        raise InvalidSettingError(ValueFault.UNREADABLE, f"This is no value of {setting.name}.")
    if isinstance(value, str) or setting.floor is None or setting.ceiling is None:
        return value
    if not setting.floor <= value <= setting.ceiling:
        words = f"{setting.name} is {setting.floor:.12g} to {setting.ceiling:.12g}."
        raise InvalidSettingError(ValueFault.OUT_OF_BOUNDS, words)
    return value


def write_value(value: Value) -> str:
    """Return a value as text, in the one form in which it is stored and shown."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def read_values(stored: Mapping[str, str]) -> tuple[dict[str, Value], list[str]]:
    """Return what the stored changes say, and the names of those that cannot be used.

    A change that does not fit this version any more is left out: the default of the environment is safer than a
    value out of bounds.

    Args:
        stored: name → text.
    """
    usable: dict[str, Value] = {}
    unusable: list[str] = []
    for name, text in sorted(stored.items()):
        setting = find_live_setting(name)
        if setting is None:
            unusable.append(name)
            continue
        try:
            usable[name] = read_value(setting, text)
        except InvalidSettingError:
            unusable.append(name)
    return usable, unusable
