"""What the outbound jobs need: one object per process. It holds no picture, no key of evidence and no fetcher."""

from dataclasses import dataclass, field
from pathlib import Path

from triage.errors import SettingsError
from triage.keys import REPLY_IDENTITY, SIGNING_KEY, ProcessKeys
from triage.rules.classification_tables import NO_VOCABULARY, Vocabulary
from triage.rules.message_facts import HotlineFacts
from triage.rules.sending import SendingPolicy
from triage.settings import Settings
from triage.settings_checks import check_floors
from triage.store.live_settings import LiveSettings
from triage.store.pool import Database
from triage.store.practice import read_kind
from triage.tables.ucs import load_vocabulary
from workers.clients.outbox import Outbox
from workers.clients.smtp import MailRelay, is_loopback


@dataclass(frozen=True, slots=True)
class OutboundTools:
    """What the `send` job needs.

    Attributes:
        live: the settings, with what was changed since the start.
        relay: where mails are handed over; None writes them as files to the outbox.
        reply_identity: opens the addresses of reporters who asked for mail.
        is_practice: whether every message bears the mark of practice.
        vocabulary: INHOPE's schema as far as it is loaded.
    """

    live: LiveSettings
    database: Database
    outbox: Outbox
    relay: MailRelay | None
    signing_key: str = field(repr=False)
    reply_identity: str = field(repr=False)
    is_practice: bool
    vocabulary: Vocabulary = NO_VOCABULARY

    @property
    def settings(self) -> Settings:
        """The settings as they are now."""
        return self.live.current

    @property
    def hotline(self) -> HotlineFacts:
        """Who we are."""
        settings = self.settings
        return HotlineFacts(
            settings.hotline_name, settings.hotline_org, settings.hotline_mail, settings.hotline_phone
        )

    @property
    def policy(self) -> SendingPolicy:
        """What decides when messages leave."""
        return SendingPolicy.from_settings(self.settings)

    def close(self) -> None:
        """Close the connections."""
        self.database.close()


def open_outbound_tools(settings: Settings, keys: ProcessKeys, outbox_dir: Path) -> OutboundTools:
    """Connect with the role that sends; a practice deployment sends only to this machine.

    Raises:
        HotlineError: something that it cannot do without is missing.
        SettingsError: practice has a mail relay elsewhere, or the file of a vocabulary cannot be used.
    """
    vocabulary = load_vocabulary(settings.ucs_file)
    database = Database(keys.find_database_url(), role="hotline_outbound", size=2)
    database.open()
    is_practice = database.run(read_kind) == "practice"
    check_floors(settings, is_practice=is_practice)
    url = keys.find_smtp_url()
    policy = SendingPolicy.from_settings(settings)
    relay = None
    if url is not None:
        relay = MailRelay.from_url(url, timeout_s=settings.send_timeout_s, hello=policy.mail_domain)
    if is_practice and relay is not None and not is_loopback(relay.host):
        raise SettingsError("A practice deployment sends only to this machine: unset SMTP_URL.")
    outbox = Outbox(outbox_dir)
    outbox.clear_partials()
    signing_key, reply_identity = keys.read(SIGNING_KEY), keys.read(REPLY_IDENTITY)
    live = LiveSettings(settings, database).open()
    return OutboundTools(live, database, outbox, relay, signing_key, reply_identity, is_practice, vocabulary)
