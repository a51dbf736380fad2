"""Every setting, with its type, its default and a sentence that names its unit.

`.env.example` is tested against this table. Values come from the environment (or a `.env` file that the
shell exported); secrets never do: they lie in files under `keys/`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from triage.errors import SettingsError
from triage.settings_checks import check_settings, environment_name

SECRET_FIELDS = frozenset(
    {
        "database_url",
        "database_url_owner",
        "database_url_public",
        "database_url_staff",
        "database_url_worker",
        "database_url_outbound",
        "redis_url",
        "evidence_url",
        "smtp_url",
    }
)


def setting(default: Any, sentence: str) -> Any:
    """Declare one field with its default and its sentence."""
    return field(default=default, metadata={"sentence": sentence})


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one process, frozen at its start."""

    # Where things are
    state_dir: Path = setting(
        Path("var"), "Folder of everything embedded: servers, keys, evidence, index, logs."
    )
    database_url: str | None = setting(
        None, "PostgreSQL of this process, with its own role; unset: the embedded server."
    )
    database_url_owner: str | None = setting(
        None, "PostgreSQL with the owner role; `hotline up` with external servers takes all five."
    )
    database_url_public: str | None = setting(
        None, "PostgreSQL with the public role; `hotline up` with external servers takes all five."
    )
    database_url_staff: str | None = setting(
        None, "PostgreSQL with the staff role; `hotline up` with external servers takes all five."
    )
    database_url_worker: str | None = setting(
        None, "PostgreSQL with the worker role; `hotline up` with external servers takes all five."
    )
    database_url_outbound: str | None = setting(
        None, "PostgreSQL with the outbound role; `hotline up` with external servers takes all five."
    )
    redis_url: str | None = setting(None, "Redis or Valkey of this process; unset: the embedded server.")
    evidence_url: str | None = setting(
        None, "Evidence store, as s3://bucket/prefix or file:///folder; unset: a folder under STATE_DIR."
    )
    store_credentials: Path | None = setting(
        None,
        "JSON file with the options of an s3:// store (access_key_id, secret_access_key, region, endpoint).",
    )
    index_dir: Path | None = setting(
        None, "Folder of the mapped hash index; unset: a folder under STATE_DIR."
    )
    keys_dir: Path | None = setting(None, "Folder of this process's key files; unset: under STATE_DIR.")

    # Web surfaces
    public_port: int = setting(8700, "TCP port of the public form and the report API, on localhost.")
    staff_port: int = setting(8701, "TCP port of the staff console, on localhost.")
    bind_host: str = setting("127.0.0.1", "Address that both web surfaces bind to.")
    served_hosts: tuple[str, ...] = setting(
        (),
        "Host names that are served besides localhost, comma-separated; only behind a proxy that speaks TLS.",
    )
    public_uploads: bool = setting(
        False, "Whether the public form takes files; the API always does (on/off)."
    )
    upload_max_bytes: int = setting(100 * 2**20, "Largest upload, in bytes.")
    public_uploads_waiting_mb: int = setting(
        2048,
        "Most MiB of public uploads that wait for their capture, all together; files beyond are declined.",
    )
    public_uploads_free_mb: int = setting(
        2048,
        "MiB that public uploads, and files that staff ask about, leave free on the disk of a store that is a folder;"
        " files beyond are declined.",
    )
    report_max_urls: int = setting(5000, "Most URLs that one report may hold.")
    police_phone: str = setting("129", "Telephone number of the police, shown when a child is in danger.")
    helpline_phone: str = setting("116 111", "Telephone number of ALO 116-111, shown on the public form.")
    trusted_proxies: tuple[str, ...] = setting(
        (),
        "Networks of our own proxies in CIDR form, comma-separated; only they may say by X-Forwarded-For who asks.",
    )
    public_origins: tuple[str, ...] = setting(
        (),
        "Origins whose pages may use the public JSON interface, comma-separated, such as https://www.isigurt.al.",
    )
    form_age_min_s: float = setting(
        3.0, "Least age in seconds of a form that comes back; a younger one waits behind other reports."
    )
    form_age_max_s: float = setting(
        86400.0, "Greatest age in seconds of a form that comes back; an older one waits behind other reports."
    )
    subnet_burst: int = setting(
        20,
        "Public reports or look-ups that one subnet (IPv4 /24, IPv6 /48) may send at once before they wait.",
    )
    subnet_per_hour: float = setting(
        120.0,
        "Public reports, and look-ups, that one subnet may send in an hour after that; never a refusal.",
    )
    public_per_minute: float = setting(
        120.0, "Public reports, and look-ups, from all subnets together in a minute before they wait."
    )

    # Workers
    workers: int = setting(2, "Number of capture workers that `hotline up` starts.")
    capture_lease_s: float = setting(
        300.0, "Life of a capture's lease, in seconds; longer than all deadlines together."
    )
    retry_waits_s: tuple[float, ...] = setting(
        (60.0, 600.0, 3600.0), "Waits before each new try of a failed fetch, in seconds, comma-separated."
    )
    renudge_after_s: float = setting(
        20.0, "Seconds after which a due row that nobody took is put on the queue again."
    )
    sweep_every_s: float = setting(1.0, "Seconds between two rounds of the sweep.")
    sweep_batch: int = setting(200, "Most rows that one round of the sweep puts on the queue.")
    job_timeout_s: int = setting(
        280, "The queue's own last deadline of a job, in seconds; longer than all of ours."
    )
    recapture_after_s: float = setting(
        86400.0, "Age in seconds from which a reported item is captured again."
    )

    # Matching
    rematch_batch: int = setting(
        500, "Fingerprints of older pictures that are matched against newer lists in one transaction."
    )
    match_per_minute: int = setting(60_000, "Hashes that one token may ask about in a minute.")
    match_per_day: int = setting(1_000_000, "Hashes that one token may ask about in a day (UTC).")

    # Fetcher
    fetch_total_s: float = setting(60.0, "Total time of one fetch over all its redirects, in seconds.")
    fetch_connect_s: float = setting(10.0, "Time to connect to one address, in seconds.")
    fetch_max_bytes: int = setting(
        64 * 2**20, "Largest body that is fetched, in bytes, before and after decompression."
    )
    fetch_max_redirects: int = setting(8, "Most redirects that are followed.")
    fetch_least_rate: int = setting(
        512, "Bytes a second below which an answer counts as too slow, after its first ten seconds; 0: never."
    )
    fetch_profile: str = setting(
        "browser",
        "How the fetcher asks: browser (the headers of a common browser) or plain (few, and who we are).",
    )
    fetch_user_agent: str = setting(
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "User-Agent header that the browser profile sends.",
    )
    fetch_language: str = setting("sq,en;q=0.7", "Accept-Language header that the fetcher sends.")
    fetch_exits: tuple[str, ...] = setting(
        (),
        "Ways out beside the direct one, comma-separated: NAME=http://HOST:PORT (CONNECT), NAME=socks5://HOST:PORT"
        " (names are resolved here), NAME=tor://HOST:PORT (SOCKS5, names resolved there, one circuit a report).",
    )
    fetch_exit_rules: tuple[str, ...] = setting(
        (),
        "Which way out is taken, the first that fits, comma-separated: .SUFFIX=NAME, country:XX=NAME, *=NAME;"
        " direct is one too, and taken where none fits. A .onion address needs a tor one.",
    )
    host_pace_s: float = setting(0.2, "Seconds between two requests to one site, all workers together.")
    host_burst: int = setting(10, "Requests that one site may get at once before they are paced.")
    fetches_at_once: int = setting(
        32, "Most captures of addresses under way at one time, all workers together."
    )
    page_max_children: int = setting(500, "Most pictures of one page that become child items.")
    page_max_frames: int = setting(10, "Most frames of one page that are read for pictures.")

    # Decoder
    sandbox: str = setting("strict", "strict, or weak to decode without seccomp where the machine has none.")
    decode_wall_s: float = setting(20.0, "Wall-clock time of decoding one picture, in seconds.")
    decode_cpu_s: int = setting(15, "CPU time of decoding one picture, in seconds.")
    decode_memory_mb: int = setting(
        768, "Memory that a decoding child may map beyond the zygote's own, in MiB."
    )

    # Assessing
    second_assessor: str = setting(
        "before_notice",
        "Two assessors gate every notice on a new picture (before_notice); or one is enough for a domestic notice,"
        " and two gate partners (before_sharing).",
    )
    second_look_share: float = setting(
        0.05, "Share of pictures judged not illegal that are drawn for a second assessor, 0 to 1."
    )
    look_max_s: float = setting(10.0, "Longest look in seconds; one that nobody ends counts this long.")
    look_soft_s: float = setting(
        10800.0,
        "Seconds in the look lane on one day after which a person says that they go on, each time for 1800.",
    )
    look_hard_s: float = setting(
        14400.0, "Seconds in the look lane on one day after which no picture is shown until tomorrow."
    )
    looks_soft: int = setting(
        300, "Looks on one day after which a person says that they go on, each time for 50 more."
    )
    looks_hard: int = setting(400, "Looks on one day after which no picture is shown until tomorrow.")
    break_after_s: float = setting(
        3600.0, "Seconds in the look lane without a pause after which a break is due."
    )
    break_s: float = setting(600.0, "Length of a break, in seconds.")
    shift_s: float = setting(28800.0, "Length of a shift from its first sign-in, in seconds.")
    wind_down_s: float = setting(2700.0, "Seconds at the end of a shift without pictures.")
    ramp_s: float = setting(3600.0, "Seconds in the look lane on one day of a person's first RAMP_DAYS days.")
    ramp_days: int = setting(14, "Days after the first role that looks, for which RAMP is the cap of a day.")
    talk_phone: str = setting(
        "116 111", 'Telephone number behind "talk to someone", on the pages of who is signed in.'
    )
    lease_s: float = setting(
        900.0, "Seconds for which an opened item stays open to one person without an act or a heartbeat."
    )
    ucs_file: Path | None = setting(
        None,
        "JSON file with the labels of INHOPE's Universal Classification Schema; unset: what ships, which has none.",
    )
    session_idle_s: float = setting(
        1800.0, "Seconds without a request after which a person must sign in again."
    )
    session_max_s: float = setting(36000.0, "Seconds after which a person must sign in again in any case.")
    join_link_s: float = setting(86400.0, "Life of a one-time link to join, in seconds.")
    step_up_s: float = setting(
        300.0,
        "Seconds for which a fresh proof of who it is counts, for export, trust, approvals and changes of people;"
        " at most 300.",
    )
    recovery_voice_days: int = setting(
        3,
        "Days for which a role must have been held before its voice counts on a recovery, 1 to 30; while the deployment"
        " is younger, every voice counts.",
    )
    first_admin: str = setting(
        "admin", "Name of the person for whom `hotline up` makes a link while nobody can sign in as admin."
    )

    # Sending
    hotline_name: str = setting("iSIGURT.al", "Name of this hotline, as its notices give it.")
    hotline_org: str = setting(
        "Linja Kombëtare për Internet të Sigurt (CRCA/ECPAT Shqipëri)", "Who runs it, as its notices give it."
    )
    hotline_mail: str = setting(
        "notices@isigurt.example", "Mail address that notices come from and are answered to."
    )
    hotline_phone: str = setting("116 111", "Telephone number that notices give.")
    smtp_url: str | None = setting(
        None,
        "Mail relay, as smtp://user:password@host:587 (STARTTLS) or smtps://host:465; unset: a key file smtp-url,"
        " else mails are written as files to OUTBOX_DIR/mail.",
    )
    outbox_dir: Path | None = setting(
        None, "Folder of what leaves as files: mail/ and packages/; unset: under STATE_DIR."
    )
    police_wait_max_s: float = setting(
        14400.0,
        "Longest time in seconds that a notice waits for the police referral of its items to be sent.",
    )
    send_waits_s: tuple[float, ...] = setting(
        (60.0, 300.0, 900.0, 3600.0, 7200.0, 14400.0, 28800.0),
        "Waits before each new try of a message that was refused for now, in seconds, comma-separated.",
    )
    send_timeout_s: float = setting(60.0, "Longest silence of a mail relay, in seconds.")
    reminder_after_s: tuple[float, ...] = setting(
        (86400.0, 172800.0), "When reminders leave after a notice was sent, in seconds, comma-separated."
    )
    removal_asked_within_s: float = setting(
        86400.0, "Time in seconds within which a notice asks for the removal."
    )
    reporter_mails_per_day: int = setting(
        200, "Most mails to reporters in a day (Tiranë), all together; what is over waits for the next day."
    )

    # Online checks
    online_check_every_s: float = setting(3600.0, "Seconds between two online checks of an item.")
    removed_check_every_s: float = setting(
        1800.0, "Least seconds between two checks that find an item removed; three in a row close it."
    )
    dns_server: str | None = setting(
        None, "Address of the DNS resolver that lookups ask; unset: the one of this machine."
    )
    inside_networks: tuple[str, ...] = setting(
        (), "Networks of our own servers in CIDR form, comma-separated; the fetcher never dials them."
    )

    # Retention
    undo_s: float = setting(
        60.0,
        "Seconds for which a settled verdict can be undone; until then nothing leaves and its views are kept.",
    )
    orphan_after_s: float = setting(86400.0, "Age in seconds from which an object without a row is deleted.")
    evidence_for_police: bool = setting(
        False, "Whether the bytes of settled illegal images are kept for the police (on/off)."
    )

    log_level: str = setting("INFO", "Level of the log: DEBUG, INFO, WARNING or ERROR.")

    def public_view(self) -> dict[str, object]:
        """Return what differs from the defaults, fit for a log: secrets are only said to be set or not."""
        view: dict[str, object] = {}
        for spec in fields(self):
            value = getattr(self, spec.name)
            if value == spec.default:
                continue
            if spec.name in SECRET_FIELDS:
                value = "set"
            view[environment_name(spec.name)] = str(value) if isinstance(value, Path) else value
        return view


def _parse(name: str, kind: Any, text: str) -> Any:
    try:
        if kind is bool:
            if text.lower() not in {"on", "off", "1", "0", "true", "false", "yes", "no"}:
                raise ValueError(text)
            return text.lower() in {"on", "1", "true", "yes"}
        if kind is int:
            return int(text)
        if kind is float:
            return float(text)
        if kind == tuple[float, ...]:
            return tuple(float(part) for part in text.split(","))
        if kind == tuple[str, ...]:
            return tuple(part.strip() for part in text.split(",") if part.strip())
        if kind is Path or kind == (Path | None):
            return Path(text)
    except ValueError:
        raise SettingsError(f"{name} cannot be read: {text!r}") from None
    return text


def load_settings(environment: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Read the settings from the environment.

    Args:
        environment: variables to read; the process's own by default.
        overrides: fields by name, stronger than the environment.

    Raises:
        SettingsError: a value cannot be read or contradicts another.
    """
    source = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    for spec in fields(Settings):
        name = environment_name(spec.name)
        text = source.get(name)
        if text is not None and text != "":
            values[spec.name] = _parse(name, spec.type, text)
    values.update(overrides)
    return check_settings(Settings(**values))


def format_example() -> str:
    """Return the text of `.env.example`: every setting with its sentence and its default."""
    lines = [
        "# Every setting with its default. Addresses with passwords may also lie in key files, see docs.",
        "# Nothing reads this file by itself: export it with `set -a; . ./.env; set +a`.",
    ]
    for spec in fields(Settings):
        default = spec.default
        if isinstance(default, bool):
            shown = "on" if default else "off"
        elif isinstance(default, tuple):
            shown = ",".join(f"{part:g}" if isinstance(part, float) else str(part) for part in default)
        elif isinstance(default, float):
            shown = f"{default:g}"
        else:
            shown = "" if default is None else str(default)
        value = f'"{shown}"' if " " in shown or "(" in shown else shown
        lines += ["", f"# {spec.metadata['sentence']}", f"#{environment_name(spec.name)}={value}"]
    return "\n".join(lines) + "\n"
