"""Mail relays on loopback that answer as a test says, and count what they were handed."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

FINE = {"greeting": 220, "ehlo": 250, "mail": 250, "rcpt": 250, "data": 354, "end": 250}
"""What a relay that takes everything answers at each step; `end` is after the message."""
DROP = "drop"
SILENT = "silent"


class ScriptedRelay:
    """A relay whose answers are set by step; 'drop' closes the connection there, 'silent' says nothing.

    Attributes:
        answers: step → code, DROP or SILENT.
        mails: every message whose end arrived here, whatever was answered.
        recipients: the address of each RCPT.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.answers: dict[str, int | str] = dict(FINE)
        self.mails: list[bytes] = []
        self.recipients: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._released = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._released.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(peer,), daemon=True).start()

    def _talk(self, peer: socket.socket) -> None:
        if self._tls is not None:
            try:
                peer = self._tls.wrap_socket(peer, server_side=True)
            except OSError:
                peer.close()
                return
        with peer, contextlib.suppress(OSError), peer.makefile("rb") as lines:
            if not self._answer(peer, "greeting"):
                return
            for line in lines:
                word = line.split()[0].decode().lower() if line.split() else ""
                if word == "quit":
                    peer.sendall(b"221 bye\r\n")
                    return
                if word == "rcpt":
                    self.recipients.append(line.decode().partition("<")[2].partition(">")[0])
                if not self._answer(peer, "ehlo" if word == "helo" else word):
                    return
                if word == "data" and self.answers["data"] == 354:
                    self.mails.append(b"".join(iter(lines.readline, b".\r\n")))
                    if not self._answer(peer, "end"):
                        return

    def _answer(self, peer: socket.socket, step: str) -> bool:
        answer = self.answers.get(step, 250)
        if answer == SILENT:
            self._released.wait(20)
            return False
        if answer == DROP:
            return False
        peer.sendall(f"{answer} words that nobody keeps\r\n".encode())
        return True


@contextmanager
def run_relay(tls: ssl.SSLContext | None = None) -> Iterator[ScriptedRelay]:
    """Run a relay that takes everything until told otherwise; with `tls` it is spoken from the first byte."""
    relay = ScriptedRelay(tls)
    try:
        yield relay
    finally:
        relay.close()
