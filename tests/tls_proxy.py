"""A proxy that speaks TLS before a surface, as operators put one there: for tests of a served host name."""

import base64
import hashlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_CHUNK = 65536


@dataclass(frozen=True, slots=True)
class TlsProxy:
    """A running proxy.

    Attributes:
        port: where it listens, on 127.0.0.1.
        key_pin: SHA-256 of its public key in Base64, by which Chromium takes its certificate for good.
    """

    port: int
    key_pin: str


@contextmanager
def run_tls_proxy(host: str, behind: int) -> Iterator[TlsProxy]:
    """Serve a name by TLS until the block ends.

    Args:
        host: the name that its certificate is for.
        behind: port of the surface on 127.0.0.1.
    """
    certificate = trustme.CA().issue_cert(host)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    key = x509.load_pem_x509_certificate(certificate.cert_chain_pems[0].bytes()).public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pin = base64.b64encode(hashlib.sha256(spki).digest()).decode()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, context, behind), daemon=True).start()
        yield TlsProxy(listener.getsockname()[1], pin)


def _accept(listener: socket.socket, context: ssl.SSLContext, behind: int) -> None:
    with suppress(OSError):  # the listener was closed: the test is over
        while True:
            peer, _ = listener.accept()
            threading.Thread(target=_serve, args=(peer, context, behind), daemon=True).start()


def _serve(peer: socket.socket, context: ssl.SSLContext, behind: int) -> None:
    with suppress(OSError), context.wrap_socket(peer, server_side=True) as outside:
        with socket.create_connection(("127.0.0.1", behind)) as inside:
            back = threading.Thread(target=_carry, args=(inside, outside), daemon=True)
            back.start()
            _carry(outside, inside)
            inside.shutdown(socket.SHUT_WR)
            back.join()


def _carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(_CHUNK):
            target.sendall(data)
