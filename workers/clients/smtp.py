"""The mail relay (RFC 5321, October 2008), spoken so that each way to fail says whether the message left.

1. Connect to a checked address, with TLS and a checked certificate (STARTTLS or smtps); only loopback may go without.
2. Sign in if the address names a user, name sender and recipient, ask for DATA. Until the relay says 354
   nothing has left: a broken connection or silence is `RefusedForNow`.
3. Hand the message over and wait for the reply. A clear 4xx or 5xx says that it did not leave; a broken
   connection or silence leaves it open: `Unclear`, and nothing is sent again by itself.
4. QUIT; what happens then changes nothing.

Neither addresses nor replies are logged or kept, only codes.
"""

import contextlib
import ipaddress
import re
import smtplib
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from typing import NoReturn
from urllib.parse import unquote, urlsplit

from triage.crash_points import crash_point
from triage.errors import SettingsError
from workers.dialling.dial_ours import dial_ours

PREPARE_S = 40.0
"""Time until the relay must have asked for the message, in seconds."""
LONGEST_S = 100.0
"""Time of a whole try, in seconds; shorter than the lease of a sending."""
QUIT_S = 2.0
"""How long a farewell may take, in seconds; nothing hangs on it."""
_PORTS = {"smtp": 587, "smtps": 465}
_LONGEST_LINE = 8192
_REPLY = re.compile(rb"([2-5][0-9][0-9])(?:([ -])[^\n]*)?\r?\n")


@dataclass(frozen=True, slots=True)
class Accepted:
    """The message left."""


@dataclass(frozen=True, slots=True)
class RefusedForNow:
    """The message did not leave; another try may help. `code` is the relay's, if it gave one."""

    code: int | None = None


@dataclass(frozen=True, slots=True)
class RefusedForGood:
    """The message did not leave, and no other try will help."""

    code: int


@dataclass(frozen=True, slots=True)
class Unclear:
    """Nobody can say whether the message left."""


Outcome = Accepted | RefusedForNow | RefusedForGood | Unclear


class _CheckedPeer(smtplib.SMTP):
    """Dials checked addresses only."""

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return dial_ours(host, port, timeout)


class _CheckedTlsPeer(smtplib.SMTP_SSL):
    """Likewise, with TLS from the first byte."""

    def _get_socket(self, host: str, port: int, timeout: float) -> ssl.SSLSocket:
        plain = dial_ours(host, port, timeout)
        try:
            return self.context.wrap_socket(plain, server_hostname=self._host)  # type: ignore[attr-defined]
        except BaseException:
            plain.close()
            raise


class _RefusedError(Exception):
    """The relay answered a command with a code that ends the try."""

    def __init__(self, outcome: RefusedForNow | RefusedForGood) -> None:
        super().__init__()
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class MailRelay:
    """Where mails are handed over.

    Attributes:
        is_tls: TLS from the first byte.
        needs_starttls: TLS after that; only loopback goes without either.
        timeout_s: longest silence, in seconds.
        hello: the name by which we greet.
        trust: how certificates are checked; tests bring their own authority.
    """

    host: str
    port: int
    is_tls: bool
    needs_starttls: bool
    user: str | None
    password: str | None = field(repr=False)
    timeout_s: float
    hello: str
    trust: ssl.SSLContext = field(default_factory=ssl.create_default_context, repr=False)

    @classmethod
    def from_url(cls, url: str, *, timeout_s: float, hello: str) -> "MailRelay":
        """Read an address such as smtp://user:password@host:587 or smtps://host:465.

        Raises:
            SettingsError: it cannot be read; the message never quotes it.
        """
        try:
            parts = urlsplit(url)
            scheme, host, port = parts.scheme, parts.hostname, parts.port
        except ValueError:
            scheme, host, port = "", None, None
        if scheme not in _PORTS or not host or parts.path not in ("", "/") or parts.query or parts.fragment:
            raise SettingsError("SMTP_URL cannot be read: smtp://user:password@host:587 or smtps://host:465")
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        if not (user + password).isascii():
            raise SettingsError(
                "SMTP_URL names a user or a password that is not ASCII; relays take no other."
            )
        return cls(
            host=host,
            port=port or _PORTS[scheme],
            is_tls=scheme == "smtps",
            needs_starttls=scheme == "smtp" and not is_loopback(host),
            user=user or None,
            password=password or None,
            timeout_s=timeout_s,
            hello=hello,
        )

    def send(self, sender: str, recipient: str, message: bytes) -> Outcome:
        """Hand one message over.

        Args:
            sender, recipient: plain mail addresses.
            message: the mail with CRLF line ends.
        """
        began = time.monotonic()
        peer = self._make_peer()
        # A relay that answers a byte at a time is never silent: what ends it is a clock of its own.
        clock = threading.Timer(LONGEST_S, _hang_up, (peer,))
        clock.daemon = True
        clock.start()
        try:
            return self._talk(peer, sender, recipient, message, began)
        finally:
            clock.cancel()

    def _talk(self, peer: smtplib.SMTP, sender: str, recipient: str, message: bytes, began: float) -> Outcome:
        try:
            self._connect(peer)
        # A host name may be a ValueError too; SettingsError: it leads where no relay of ours can stand.
        except (OSError, ValueError, SettingsError, smtplib.SMTPException):
            return RefusedForNow()
        try:
            try:
                self._prepare(peer, sender, recipient, began)
            except _RefusedError as refused:
                return refused.outcome
            except smtplib.SMTPResponseException as refused:
                return RefusedForNow(refused.smtp_code)
            except (OSError, ValueError, smtplib.SMTPException):  # ValueError: what cannot be said in SMTP
                return RefusedForNow()
            return self._hand_over(peer, message, began)
        finally:
            with contextlib.suppress(OSError, ValueError, smtplib.SMTPException):
                if peer.sock is not None:
                    peer.sock.settimeout(min(self.timeout_s, QUIT_S))
                    peer.quit()
            peer.close()

    def _make_peer(self) -> smtplib.SMTP:
        timeout = max(0.1, min(self.timeout_s, PREPARE_S))
        if self.is_tls:
            peer: smtplib.SMTP = _CheckedTlsPeer(
                local_hostname=self.hello, timeout=timeout, context=self.trust
            )
            peer._host = self.host  # type: ignore[attr-defined]  # the name that the certificate must bear
        else:
            peer = _CheckedPeer(local_hostname=self.hello, timeout=timeout)
        return peer

    def _connect(self, peer: smtplib.SMTP) -> None:
        try:
            code, _ = peer.connect(self.host, self.port)
        except BaseException:
            peer.close()
            raise
        if code != 220:
            peer.close()
            raise smtplib.SMTPConnectError(code, b"")

    def _prepare(self, peer: smtplib.SMTP, sender: str, recipient: str, began: float) -> None:
        """Do everything up to the relay's 354."""
        self._limit(peer, began, PREPARE_S)
        peer.ehlo_or_helo_if_needed()
        if self.needs_starttls:
            self._limit(peer, began, PREPARE_S)
            peer._host = self.host  # type: ignore[attr-defined]
            peer.starttls(context=self.trust)  # raises where the relay does not offer it
            self._limit(peer, began, PREPARE_S)
            peer.ehlo()
        if self.user is not None:
            self._limit(peer, began, PREPARE_S)
            peer.login(self.user, self.password or "")
        commands = (("mail", f"FROM:<{sender}>"), ("rcpt", f"TO:<{recipient}>"), ("data", ""))
        for command, words in commands:
            self._limit(peer, began, PREPARE_S)
            code, _ = peer.docmd(command, words)
            if code != (354 if command == "data" else 250) and not (command == "rcpt" and code == 251):
                _refuse(code)

    def _hand_over(self, peer: smtplib.SMTP, message: bytes, began: float) -> Outcome:
        lines = re.sub(rb"\r\n|\r|\n", b"\r\n", message).removesuffix(b"\r\n")
        try:
            self._limit(peer, began, LONGEST_S)
            peer.send(re.sub(rb"(?m)^\.", b"..", lines) + b"\r\n.\r\n")
            self._limit(peer, began, LONGEST_S)
            code = _read_last_reply(peer)
        except (OSError, ValueError, smtplib.SMTPException):
            return Unclear()
        if code is None:
            return Unclear()
        if code < 300:
            crash_point("after_smtp_data")
            return Accepted()
        if 400 <= code < 500:
            return RefusedForNow(code)
        return RefusedForGood(code) if code >= 500 else Unclear()

    def _limit(self, peer: smtplib.SMTP, began: float, until_s: float) -> None:
        """Give the next exchange its time: the longest silence, or what is left of the whole."""
        left = until_s - (time.monotonic() - began)
        if left <= 0:
            raise TimeoutError
        if peer.sock is not None:
            peer.sock.settimeout(min(self.timeout_s, left))


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _read_last_reply(peer: smtplib.SMTP) -> int | None:
    """Return the code of the reply to a message; None unless the reply came whole and can be read.

    smtplib takes a line that a broken connection cut off for a reply; here it must not decide anything.
    """
    if peer.file is None:
        return None
    while True:
        line = peer.file.readline(_LONGEST_LINE)
        match = _REPLY.fullmatch(line)
        if match is None:
            return None
        if match[2] != b"-":
            return int(match[1])


def _hang_up(peer: smtplib.SMTP) -> None:
    """Break a connection off from outside, below its TLS: whoever reads from it sees its end."""
    if peer.sock is not None:
        with contextlib.suppress(OSError):
            socket.socket.shutdown(peer.sock, socket.SHUT_RDWR)


def _refuse(code: int) -> NoReturn:
    raise _RefusedError(RefusedForGood(code) if 500 <= code < 600 else RefusedForNow(code))
