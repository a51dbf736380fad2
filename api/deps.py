"""What the routes of the public surface need; made once, at the start of the process."""

from dataclasses import dataclass, field, replace

from fastapi import Request
from psycopg import errors

from api.public.pages import PageRenderer, PageSettings
from api.public.throttle import Allowance, Throttle
from api.public.waiting import ReportTurns, UploadsOnWay, WaitingRoom
from triage.clock import utcnow
from triage.keys import INTAKE_RECIPIENT, REPLY_RECIPIENT, ProcessKeys
from triage.settings import Settings
from triage.steps.receive_report import Answer, IncomingReport, Limits, receive_report
from triage.store.live_settings import LiveSettings, read_changed_public
from triage.store.pool import Database
from triage.store.practice import read_kind
from triage.store.rows import Connection
from triage.vault import ObjectVault


@dataclass(frozen=True, slots=True)
class PublicTools:
    """Database with the public role, the intake area of the store, the receipt key, the pages.

    Attributes:
        live: the settings, with what was changed since the start.
        pages: the renderer as it was at the start; `renderer` says what stands now.
        reply_recipient: what mail addresses of reporters are sealed to; only the outbound process opens them.
        report_throttle, lookup_throttle: how much comes from where, of each kind.
        waiting_room: where look-ups wait that come too often.
        report_turns: where reports of many addresses take their turn.
        uploads_on_way: files of public reports on their way.
    """

    live: LiveSettings
    database: Database
    vault: ObjectVault
    pages: PageRenderer
    intake_recipient: str
    reply_recipient: str
    receipt_key: bytes = field(repr=False)
    report_throttle: Throttle
    lookup_throttle: Throttle
    waiting_room: WaitingRoom = field(default_factory=WaitingRoom)
    report_turns: ReportTurns = field(default_factory=ReportTurns)
    uploads_on_way: UploadsOnWay = field(default_factory=UploadsOnWay)

    @property
    def settings(self) -> Settings:
        """The settings as they are now."""
        return self.live.current

    @property
    def renderer(self) -> PageRenderer:
        """The pages, with the telephone numbers and whatever else of the settings they show."""
        shown = _show_settings(self.settings, practice=self.pages.settings.practice)
        return self.pages if shown == self.pages.settings else replace(self.pages, settings=shown)

    def receive(self, report: IncomingReport) -> Answer:
        """Store a report; a repeat that raced its first is asked again.

        Raises:
            InvalidReportError, IdempotencyConflictError: see `receive_report`.
            ServerUnavailableError: PostgreSQL does not answer.
        """
        limits = Limits(self.settings.report_max_urls, self.settings.recapture_after_s)

        def work(conn: Connection) -> Answer:
            return receive_report(conn, report, now=utcnow(), receipt_key=self.receipt_key, limits=limits)

        try:
            return self.database.run(work)
        except errors.UniqueViolation:
            return self.database.run(work)


def open_public_tools(settings: Settings, keys: ProcessKeys) -> PublicTools:
    """Connect with the public role and read the keys of this surface.

    Raises:
        HotlineError: something that this surface cannot do without is missing.
    """
    intake_recipient, receipt_key = keys.read(INTAKE_RECIPIENT), keys.read_receipt_key()
    vault = ObjectVault(keys.find_evidence_url(), keys.find_store_options())
    database = Database(keys.find_database_url(), role="hotline_public")
    database.open()
    live = LiveSettings(settings, database, read_changed_public).open()
    practice = database.run(read_kind) == "practice"
    return PublicTools(
        live=live,
        database=database,
        vault=vault,
        pages=PageRenderer(_show_settings(live.current, practice=practice)),
        intake_recipient=intake_recipient,
        reply_recipient=keys.read(REPLY_RECIPIENT),
        receipt_key=receipt_key,
        report_throttle=_make_throttle(live),
        lookup_throttle=_make_throttle(live),
    )


def _make_throttle(live: LiveSettings) -> Throttle:
    throttle = Throttle(*_find_allowances(live.current))

    def take_up(settings: Settings) -> None:
        throttle.of_subnet, throttle.of_all = _find_allowances(settings)

    live.follow(take_up)
    return throttle


def _find_allowances(settings: Settings) -> tuple[Allowance, Allowance]:
    """Return what one subnet may send, and what all of them may together."""
    minute = settings.public_per_minute
    return (
        Allowance(settings.subnet_burst, settings.subnet_per_hour / 3600),
        Allowance(max(minute, 1.0), minute / 60),
    )


def _show_settings(settings: Settings, *, practice: bool) -> PageSettings:
    return PageSettings(
        police_phone=settings.police_phone,
        helpline_phone=settings.helpline_phone,
        uploads=settings.public_uploads,
        has_status=True,
        practice=practice,
    )


def get_tools(request: Request) -> PublicTools:
    """Return the tools of this process; for routes of the public surface."""
    tools = request.app.state.tools
    if not isinstance(tools, PublicTools):
        raise TypeError("this surface has no public tools")
    return tools
