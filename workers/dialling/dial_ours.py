"""Connect to a server of our own that the operator named by host and port: the name is resolved once and checked.

For clients that would otherwise hand the name to a library. One address at which no server of ours can stand refuses
the name: whoever poisons its answer must not lead us to a cloud's inner service.
"""

import socket

from workers.dialling.policy import check_ours


def dial_ours(host: str, port: int, timeout_s: float | None) -> socket.socket:
    """Connect, trying one checked address after the other.

    Args:
        host: an address or a name.
        port: TCP port.
        timeout_s: longest wait for one address, in seconds; None: none.

    Raises:
        SettingsError: an address of the host is no place for a server of ours.
        OSError: it has no address, or none of them answers.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for *_, place in found:
        check_ours(str(place[0]))
    failure = OSError("the host has no address")
    for family, kind, protocol, _, place in found:
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(timeout_s)
            sock.connect(place)
        except OSError as error:
            sock.close()
            failure = error
            continue
        return sock
    raise failure
