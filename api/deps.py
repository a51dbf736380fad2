"""What the routes of the public surface need; made once, at the start of the process."""

from dataclasses import dataclass, field

from fastapi import Request
from psycopg import errors

from api.public.pages import PageRenderer, PageSettings
from triage.clock import utcnow
from triage.keys import INTAKE_RECIPIENT, ProcessKeys
from triage.settings import Settings
from triage.steps.receive_report import Answer, IncomingReport, Limits, receive_report
from triage.store.pool import Database
from triage.store.practice import read_kind
from triage.store.rows import Connection
from triage.vault import ObjectVault


@dataclass(frozen=True, slots=True)
class PublicTools:
    """Database with the public role, the intake area of the store, the receipt key, the pages."""

    settings: Settings
    database: Database
    vault: ObjectVault
    renderer: PageRenderer
    intake_recipient: str
    receipt_key: bytes = field(repr=False)

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
    pages = PageSettings(
        police_phone=settings.police_phone,
        helpline_phone=settings.helpline_phone,
        uploads=settings.public_uploads,
        has_status=True,
        practice=database.run(read_kind) == "practice",
    )
    return PublicTools(
        settings=settings,
        database=database,
        vault=vault,
        renderer=PageRenderer(pages),
        intake_recipient=intake_recipient,
        receipt_key=receipt_key,
    )


def get_tools(request: Request) -> PublicTools:
    """Return the tools of this process; for routes of the public surface."""
    tools = request.app.state.tools
    if not isinstance(tools, PublicTools):
        raise TypeError("this surface has no public tools")
    return tools
