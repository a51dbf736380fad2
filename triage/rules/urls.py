"""The normal form of a URL: two spellings of one address become one text and one key.

Follows the URL Standard (https://url.spec.whatwg.org/, read 2026-11) for what a browser would open, and
RFC 3986 section 6 for what may be made equal, with three choices of our own: credentials are dropped, the
trailing dot of a host is dropped, and a fragment is kept only when it starts with `#!`, where it names the
page itself.

1. `url_repairs.repair_text` undoes disguises and prose (not for links that a machine wrote).
2. Scheme, host, port, path, query and fragment are made normal, each by one function.
3. The key is the SHA-256 of the normal form.
"""

import hashlib
import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes, urljoin

import idna

from triage.errors import InvalidUrlError
from triage.rules.url_repairs import MAX_TEXT, find_prose_end, repair_text, split_lines

__all__ = [
    "NormalUrl",
    "UrlParts",
    "normalise_link",
    "normalise_url",
    "resolve_link",
    "split_lines",
    "split_url",
]

MAX_URL_BYTES = 2048
DEFAULT_PORTS = {"http": 80, "https": 443}

_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_PATH_SAFE = _UNRESERVED | frozenset(b"!$&'()*+,;=:@/")
_QUERY_SAFE = _PATH_SAFE | frozenset(b"?")
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ud800-\udfff]")
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")


@dataclass(frozen=True, slots=True)
class NormalUrl:
    """A URL in its normal form.

    Attributes:
        url: ASCII, at most 2,048 bytes, http or https.
        key: SHA-256 of `url`, 64 hex digits.
        host: lower-case A-labels, dotted IPv4, or IPv6 without brackets.
        repaired: names of the repairs that were needed, in their order.
    """

    url: str
    key: str
    host: str
    repaired: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UrlParts:
    """What a client needs of a normal URL: `target` is path and query, `port` 1-65535."""

    scheme: str
    host: str
    port: int
    target: str


def normalise_url(text: str) -> NormalUrl:
    """Read an address as a person wrote it.

    Args:
        text: one address; `split_lines` cuts a pasted block into such texts.

    Returns:
        Its normal form; applying this to `url` again changes nothing.

    Raises:
        InvalidUrlError: it is no http or https address; the message does not repeat it.
    """
    if len(text) > MAX_TEXT:
        raise InvalidUrlError("the address is longer than 2,048 bytes")
    plain, repaired = repair_text(text)
    if not plain:
        raise InvalidUrlError("the address is empty")
    return _make_normal(plain, repaired)


def normalise_link(text: str) -> NormalUrl:
    """Read an address that a machine wrote (a redirect, a link): nothing is guessed or repaired.

    Args:
        text: an absolute http or https address.

    Raises:
        InvalidUrlError: it is none.
    """
    if len(text) > MAX_TEXT:
        raise InvalidUrlError("the address is longer than 2,048 bytes")
    scheme, mark, rest = text.partition(":")
    if not mark or scheme.lower() not in DEFAULT_PORTS:
        raise InvalidUrlError("only http and https addresses are accepted")
    return _make_normal(f"{scheme.lower()}://{rest.lstrip('/' + chr(92))}", ())


def resolve_link(base: str, reference: str) -> NormalUrl:
    """Read a reference found in a page or a redirect, relative to a normal URL.

    Args:
        base: a normal URL.
        reference: absolute or relative, as found.

    Raises:
        InvalidUrlError: together they are no http or https address.
    """
    reference = re.sub(r"[\t\r\n]", "", reference.strip("\x00\t\n\x0b\x0c\r "))
    if len(reference) > MAX_TEXT:
        raise InvalidUrlError("the address is longer than 2,048 bytes")
    scheme = base.partition(":")[0]
    cut = re.search(r"[?#]", reference)
    front, tail = (reference, "") if cut is None else (reference[: cut.start()], reference[cut.start() :])
    front = front.replace("\\", "/").replace(" ", "%20")
    if re.match(rf"{scheme}:(?!//)", front, re.IGNORECASE):
        front = front[len(scheme) + 1 :]  # as browsers do: the scheme of the page, and no host behind it
    if re.match(r"https?:", front, re.IGNORECASE):
        return normalise_link(front + tail.replace(" ", "%20"))
    if front.startswith("//"):
        return normalise_link(f"{scheme}:{front}{tail.replace(' ', '%20')}")
    try:
        joined = urljoin(base.partition("#")[0], front + tail.replace(" ", "%20"))
    except ValueError:
        raise InvalidUrlError("the link cannot be read") from None
    return normalise_link(joined)


def split_url(url: str) -> UrlParts:
    """Cut a normal URL into what a client needs.

    Args:
        url: the `url` of a NormalUrl; nothing else is understood.
    """
    scheme, _, rest = url.partition("://")
    authority, _, target = rest.partition("#")[0].partition("/")
    host, port = _split_port(authority)
    return UrlParts(scheme, host.strip("[]"), port or DEFAULT_PORTS[scheme], "/" + target)


def _make_normal(text: str, repaired: tuple[str, ...]) -> NormalUrl:
    if _FORBIDDEN.search(text):
        raise InvalidUrlError("the address holds a blank or a control character")
    scheme, mark, rest = text.partition("://")
    if not mark or scheme not in DEFAULT_PORTS:
        raise InvalidUrlError("only http and https addresses are accepted")
    rest, hash_mark, fragment = rest.partition("#")
    front, _, query = rest.partition("?")
    authority, _, path = front.replace("\\", "/").partition("/")
    userinfo, _, host_port = authority.rpartition("@")
    if userinfo:
        repaired += ("name and password",)
    host_text, port = _split_port(host_port)
    host = _make_host(host_text)
    if "missing scheme" in repaired and "." not in host_text and ":" not in host:
        raise InvalidUrlError("this is not a web address")
    url = f"{scheme}://[{host}]" if ":" in host else f"{scheme}://{host}"
    if port is not None and port != DEFAULT_PORTS[scheme]:
        url += f":{port}"
    url += _remove_dots(_encode(path, _PATH_SAFE))
    if query:
        url += "?" + _encode(query, _QUERY_SAFE)
    if fragment.startswith("!") and len(fragment) > 1:
        url += "#" + _encode(fragment, _QUERY_SAFE)
    elif hash_mark:
        repaired += ("fragment",)
    if find_prose_end(url) < len(url):  # must survive being read again as a person's text
        url = f"{url[:-1]}%{ord(url[-1]):02X}"
    if len(url) > MAX_URL_BYTES:
        raise InvalidUrlError("the address is longer than 2,048 bytes")
    return NormalUrl(url, hashlib.sha256(url.encode("ascii")).hexdigest(), host, repaired)


def _split_port(authority: str) -> tuple[str, int | None]:
    host, colon, port_text = authority.rpartition(":")
    if not colon or authority.endswith("]"):
        return authority, None
    if port_text == "":
        return host, None
    if not re.fullmatch(r"[0-9]{1,8}", port_text) or not 1 <= int(port_text) <= 65535:
        raise InvalidUrlError("the port of the address is not a number from 1 to 65535")
    return host, int(port_text)


def _make_host(text: str) -> str:
    if text.startswith("["):
        return _make_ipv6(text)
    if "%" in text:
        try:
            text = unquote_to_bytes(text).decode()
        except UnicodeDecodeError:
            raise InvalidUrlError("the host name of the address cannot be read") from None
    try:
        mapped = idna.uts46_remap(text, std3_rules=False)
    except idna.IDNAError:
        raise InvalidUrlError("the host name of the address holds a letter that is not allowed") from None
    labels = [_make_label(label) for label in mapped.removesuffix(".").split(".")]
    host = ".".join(labels)
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1]):
        return _make_ipv4(labels)
    if len(labels) < 2:
        raise InvalidUrlError("the host name of the address has no dot")
    if len(host) > 253:
        raise InvalidUrlError("the host name of the address is longer than 253 characters")
    return host


def _make_label(label: str) -> str:
    if not label.isascii():
        # Plain ToASCII, not the stricter IDNA 2008: browsers open emoji names too.
        label = "xn--" + label.encode("punycode").decode("ascii")
    if not _LABEL.fullmatch(label):
        raise InvalidUrlError("the host name of the address cannot be read")
    return label


def _make_ipv4(parts: list[str]) -> str:
    """Read every spelling that inet_aton knows: 1 to 4 parts, decimal, octal (0…) or hexadecimal (0x…)."""
    numbers = []
    for part in parts:
        if re.fullmatch(r"0x[0-9a-f]{0,16}", part):
            numbers.append(int(part[2:] or "0", 16))
        elif re.fullmatch(r"0[0-7]{0,22}", part):
            numbers.append(int(part, 8))
        elif re.fullmatch(r"[1-9][0-9]{0,19}", part):
            numbers.append(int(part))
        else:
            raise InvalidUrlError("the numeric address cannot be read")
    if len(numbers) > 4 or any(number > 255 for number in numbers[:-1]):
        raise InvalidUrlError("the numeric address cannot be read")
    if numbers[-1] >= 256 ** (5 - len(numbers)):
        raise InvalidUrlError("the numeric address cannot be read")
    value = numbers[-1] + sum(number << (24 - 8 * place) for place, number in enumerate(numbers[:-1]))
    return str(ipaddress.IPv4Address(value))


def _make_ipv6(text: str) -> str:
    if not text.endswith("]") or "%" in text:
        raise InvalidUrlError("the numeric address cannot be read")
    try:
        value = int(ipaddress.IPv6Address(text[1:-1]))
    except ValueError:
        raise InvalidUrlError("the numeric address cannot be read") from None
    # Not str(): Python 3.13 writes IPv4-mapped addresses in another way than 3.11, and keys must not change.
    groups = [f"{value >> shift & 0xFFFF:x}" for shift in range(112, -1, -16)]
    runs = sorted(
        re.finditer(r"\b0(?: 0)+\b", " ".join(groups)), key=lambda run: len(run.group()), reverse=True
    )
    if not runs:
        return ":".join(groups)
    joined = " ".join(groups)
    before, after = joined[: runs[0].start()].split(), joined[runs[0].end() :].split()
    return f"{':'.join(before)}::{':'.join(after)}"


def _encode(text: str, safe: frozenset[int]) -> str:
    """Percent-encode what is not safe; decode what never needed it; write the rest in upper case."""
    data = text.encode("utf-8")
    out: list[str] = []
    place = 0
    while place < len(data):
        byte = data[place]
        if byte == 0x25 and re.fullmatch(rb"[0-9A-Fa-f]{2}", data[place + 1 : place + 3]):
            value = int(data[place + 1 : place + 3], 16)
            out.append(chr(value) if value in _UNRESERVED else f"%{value:02X}")
            place += 3
            continue
        out.append(chr(byte) if byte in safe else f"%{byte:02X}")
        place += 1
    return "".join(out)


def _remove_dots(path: str) -> str:
    kept: list[str] = []
    segments = path.split("/")
    for place, segment in enumerate(segments):
        is_last = place == len(segments) - 1
        if segment == ".." and kept:
            kept.pop()
        if segment not in {".", ".."}:
            kept.append(segment)
        elif is_last:
            kept.append("")
    return "/" + "/".join(kept)


def defang(url: str) -> str:
    """Return a normal URL in a form that no program turns into a link: hxxp and [.] in the host."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme.replace('http', 'hxxp')}://{host.replace('.', '[.]')}{slash}{path}"
