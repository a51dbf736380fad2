"""What settings may not be: values out of range, and values that contradict each other."""

import ipaddress
import math
import re
from dataclasses import fields
from typing import TYPE_CHECKING

from triage.errors import SettingsError
from triage.rules.exits import read_exit_rules, read_exits
from triage.rules.live_settings import LIVE_SETTINGS

if TYPE_CHECKING:
    from triage.settings import Settings

_ORIGIN = re.compile(r"https://[a-z0-9.-]+(:[0-9]{1,5})?|http://localhost(:[0-9]{1,5})?")


LIVE_FLOORS_S = {
    "retry_waits_s": 10.0,
    "undo_s": 60.0,
    "online_check_every_s": 600.0,
    "removed_check_every_s": 600.0,
    "send_waits_s": 30.0,
    "reminder_after_s": 3600.0,
    "police_wait_max_s": 600.0,
    "orphan_after_s": 7200.0,
    "step_up_s": 30.0,
}
"""Shortest times in seconds that a live deployment takes; only practice may go below."""


def environment_name(field_name: str) -> str:
    """Return the environment variable of a field: upper case, without the unit's ending."""
    return field_name.removesuffix("_s").upper()


def check_settings(settings: "Settings") -> "Settings":
    """Return the settings if no value contradicts another.

    Raises:
        SettingsError: one does; the sentence names it.
    """
    if settings.sandbox not in {"strict", "weak"}:
        raise SettingsError("SANDBOX must be strict or weak")
    if settings.second_assessor not in {"before_notice", "before_sharing"}:
        raise SettingsError("SECOND_ASSESSOR must be before_notice or before_sharing")
    if not 0 <= settings.second_look_share <= 1:
        raise SettingsError("SECOND_LOOK_SHARE must be 0 to 1")
    if settings.public_port == settings.staff_port:
        raise SettingsError("PUBLIC_PORT and STAFF_PORT must differ")
    if settings.log_level not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise SettingsError("LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR")
    ours = settings.fetch_total_s + settings.decode_wall_s
    if not ours < settings.job_timeout_s < settings.capture_lease_s:
        raise SettingsError(
            "JOB_TIMEOUT must be longer than FETCH_TOTAL and DECODE_WALL, CAPTURE_LEASE longer still"
        )
    for spec in fields(settings):
        value = getattr(settings, spec.name)
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, (int, float)) and not (number >= 0 and math.isfinite(number)):
                raise SettingsError(f"{environment_name(spec.name)} must be a number, and not negative")
    if settings.fetch_profile not in {"browser", "plain"}:
        raise SettingsError("FETCH_PROFILE must be browser or plain")
    if settings.rematch_batch < 1:
        raise SettingsError("REMATCH_BATCH must be at least 1")
    if settings.step_up_s > 300:
        raise SettingsError("STEP_UP must be at most 300")
    if settings.host_burst < 1 or settings.fetches_at_once < 1:
        raise SettingsError("HOST_BURST and FETCHES_AT_ONCE must be at least 1")
    for one in LIVE_SETTINGS:
        floor, ceiling = one.floor or 0, one.ceiling or math.inf
        if one.is_bounded_at_start and not floor <= getattr(settings, one.name) <= ceiling:
            raise SettingsError(f"{environment_name(one.name)} must be {floor:.12g} to {ceiling:.12g}")
    read_exit_rules(settings.fetch_exit_rules, read_exits(settings.fetch_exits))
    for text in settings.inside_networks:
        _check_network("INSIDE_NETWORKS", text)
    for text in settings.trusted_proxies:
        _check_network("TRUSTED_PROXIES", text)
        if ipaddress.ip_network(text).prefixlen == 0:
            raise SettingsError("TRUSTED_PROXIES would let everybody say who asks: name your own proxies")
    for text in settings.public_origins:
        if not _ORIGIN.fullmatch(text):
            raise SettingsError(
                f"PUBLIC_ORIGINS holds {text!r}, which is no origin such as https://example.org"
            )
    if settings.form_age_min_s >= settings.form_age_max_s:
        raise SettingsError("FORM_AGE_MAX must be longer than FORM_AGE_MIN")
    if settings.subnet_burst < 1 or not settings.subnet_per_hour or not settings.public_per_minute:
        raise SettingsError("SUBNET_BURST, SUBNET_PER_HOUR and PUBLIC_PER_MINUTE must be more than 0")
    if settings.workers < 1:
        raise SettingsError("WORKERS must be at least 1")
    for name, port in (("PUBLIC_PORT", settings.public_port), ("STAFF_PORT", settings.staff_port)):
        if not 0 < port < 65536:
            raise SettingsError(f"{name} must be a port, 1 to 65535")
    return settings


def check_floors(settings: "Settings", *, is_practice: bool) -> None:
    """Refuse times that only a practice deployment may have.

    Raises:
        SettingsError: a time is below its floor in a live deployment.
    """
    for name, floor in LIVE_FLOORS_S.items():
        value = getattr(settings, name)
        shortest = min(value, default=floor) if isinstance(value, tuple) else value
        if shortest < floor and not is_practice:
            raise SettingsError(
                f"{environment_name(name)} must be at least {floor:g} s; only practice may be faster"
            )


def _check_network(name: str, text: str) -> None:
    """Refuse what is no network; one with host bits is a slip that would protect less than was meant."""
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        raise SettingsError(f"{name} holds {text!r}, which is no network such as 192.0.2.0/24") from None
    if network.version == 6 and network.network_address.ipv4_mapped is not None:
        raise SettingsError(f"{name} holds {text!r}: write an IPv4 network as IPv4")
