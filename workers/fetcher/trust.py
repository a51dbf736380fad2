"""Certificates: who is believed, and what is said of one that cannot be.

A certificate that cannot be verified does not end a fetch: nothing secret is sent, and what stands there is what was
reported. The answer is taken and the fault is recorded in the words of this table.
"""

import ssl
from dataclasses import dataclass
from pathlib import Path

# Where systems keep the issuers that they believe, all in one file.
BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # BSD, macOS
)

UNVERIFIED = "the certificate cannot be verified"
# Code of OpenSSL (x509_vfy.h), what is said of it.
FAULTS: dict[int, str] = {
    9: "the certificate is not valid yet",
    10: "the certificate has expired",
    18: "the certificate is signed by itself",
    19: "the certificate comes from an unknown issuer",
    20: "the certificate comes from an unknown issuer",
    21: "the certificate comes from an unknown issuer",
    23: "the certificate was revoked",
    62: "the certificate is for another name",
    64: "the certificate is for another name",
    66: "the certificate has a weak key",
    67: "the certificate has a weak key",
    68: "the certificate has a weak signature",
}
ALL_FAULTS = frozenset({UNVERIFIED, *FAULTS.values()})


@dataclass(frozen=True, slots=True)
class Trust:
    """The two contexts of a fetcher: the first verifies issuer and name, the second takes any certificate."""

    verifying: ssl.SSLContext
    believing: ssl.SSLContext


def make_trust(bundle: str | None = None) -> Trust:
    """Make the contexts; all files are read now, none at a handshake.

    Args:
        bundle: file of the issuers that are believed; None: the one of this machine.
    """
    found = bundle or _find_bundle()
    verifying = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if found is not None:
        # Never a folder: OpenSSL would open its files during the handshake, which the locks do not let it.
        verifying.load_verify_locations(cafile=found)
    believing = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    believing.check_hostname = False
    believing.verify_mode = ssl.CERT_NONE
    for context in (verifying, believing):
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
    return Trust(verifying, believing)


def describe_fault(error: ssl.SSLCertVerificationError) -> str:
    """Return why a certificate could not be verified, in words of the table."""
    return FAULTS.get(error.verify_code, UNVERIFIED)


def _find_bundle() -> str | None:
    default = ssl.get_default_verify_paths().cafile
    return next((place for place in (default, *BUNDLES) if place and Path(place).is_file()), None)
