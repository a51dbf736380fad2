"""What people do to a web address before they send it, undone: spelling against clicks, prose, keyboards.

Pure text work; whether the result is an address is decided in `urls.py`. Every repair has a short name that
is kept with the item, so that a person can see what was changed.
"""

import re

INVISIBLE = (
    "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad"  # zero width, marks of direction, soft hyphen
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # embeddings of direction
)
MAX_TEXT = 8192
MAX_LINE = 1 << 19

_OPENERS = "<([{\"'`«“„‘‚"
_CLOSERS = {">": "<", ")": "(", "]": "[", "}": "{"}
_TRAILING = ".,;:!?…。\"'`»”“’‘"

_DISGUISED_SCHEME = re.compile(r"h(?:xx|\*\*|__|tt)p(s?)(?:\[://\]|(?:\[:\]|\(:\)|:)?/{2,})", re.IGNORECASE)
_BRACKETED_DOT = re.compile(r"\[(?:\.|dot|pike)\]|\[punkt\]", re.IGNORECASE)
_ROUND_DOT = re.compile(r"\s{0,3}(?:\((?:\.|dot|pike)\)|\{(?:\.|dot)\})\s{0,3}", re.IGNORECASE)
_SPOKEN_DOT = re.compile(r"(?<=[^\W_]) +(?:dot|DOT|\[\.\]|\[dot\]) +(?=[^\W_])")
_ALBANIAN_WWW = re.compile(r"^[ëË]{3}\.")
_NEXT_URL = re.compile(r"[,;|](?=h(?:tt|xx|\*\*|__)ps?:)", re.IGNORECASE)


def find_prose_end(text: str) -> int:
    """Return how many characters of `text` are left when the punctuation of prose at its end is taken off.

    A closing bracket only counts as prose when the text holds no matching opening one.
    """
    surplus = {closer: text.count(closer) - text.count(opener) for closer, opener in _CLOSERS.items()}
    end = len(text)
    while end:
        last = text[end - 1]
        if last in _CLOSERS:
            if surplus[last] <= 0:
                break
            surplus[last] -= 1
        elif last not in _TRAILING:
            break
        end -= 1
    return end


def repair_text(text: str) -> tuple[str, tuple[str, ...]]:
    """Undo what hides an address from clicks or came with it from prose.

    Args:
        text: one address as somebody wrote it; at most MAX_TEXT characters are looked at.

    Returns:
        The text with a scheme and plain dots, and the names of the repairs in the order they were made.
    """
    repairs: list[str] = []
    repaired = text[:MAX_TEXT].strip().strip(INVISIBLE).strip()
    bare = repaired.lstrip(_OPENERS)
    bare = bare[: find_prose_end(bare)]
    if bare != repaired:
        repairs.append("punctuation around it")
    repaired, made = _repair_scheme(bare)
    repairs += made
    scheme, mark, rest = repaired.partition("://")
    if mark:
        rest, made = _repair_rest(rest)
        repairs += made
        repaired = scheme + mark + rest
    return repaired, tuple(repairs)


def _repair_scheme(text: str) -> tuple[str, list[str]]:
    head = text[:16].replace("\\", "/")
    text = head + text[16:]
    plain = re.match(r"https?:/*", text, re.IGNORECASE)
    if plain is not None:
        scheme = plain.group().partition(":")[0].lower()
        return f"{scheme}://{text[plain.end() :]}", []
    disguised = _DISGUISED_SCHEME.match(text)
    if disguised is not None:
        return f"http{disguised.group(1).lower()}://{text[disguised.end() :]}", ["disguised scheme"]
    if text.startswith("//"):
        return f"http://{text.lstrip('/')}", ["missing scheme"]
    other = re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", text)
    is_port = (
        other is not None and "." in other.group() and re.match(r"\d{1,5}(?:[/?#]|$)", text[other.end() :])
    )
    if text and (other is None or is_port):
        return f"http://{text}", ["missing scheme"]
    return text, []


def _repair_rest(rest: str) -> tuple[str, list[str]]:
    repairs: list[str] = []
    cut = re.search(r"[?#]", rest)
    front, tail = (rest, "") if cut is None else (rest[: cut.start()], rest[cut.start() :])
    front = front.replace("\\", "/").replace("[/]", "/").replace("[:]", ":")
    host, slash, path = front.partition("/")
    spelled = _SPOKEN_DOT.sub(".", _ROUND_DOT.sub(".", re.sub(r"\s{0,3}\[\.\]\s{0,3}", ".", host)))
    spelled = _BRACKETED_DOT.sub(".", spelled)
    path = _BRACKETED_DOT.sub(".", path)
    if spelled + slash + path != rest[: len(rest) - len(tail)].replace("\\", "/"):
        repairs.append("disguised dots")
    typed = _ALBANIAN_WWW.sub("www.", spelled)
    if typed != spelled:
        repairs.append("www on an Albanian keyboard")
    return typed + slash + path + tail, repairs


def split_lines(text: str, most: int | None = None) -> list[str]:
    """Return the addresses of a pasted block, as written, in their order.

    One address a line is the rule; several on a line are told apart by blanks, or by a comma before the next
    scheme. Words of prose beside an address are left out; a line of nothing but prose is kept whole, so that
    whoever sent it is told that it is no address.

    Args:
        text: the pasted block, any length. A piece of over MAX_TEXT characters is kept as it is.
        most: stop after one address more than this, so that a flood costs no more than it must.

    Returns:
        Non-empty texts for `normalise_url`, not yet checked, repetitions included.
    """
    found: list[str] = []
    for line in text.splitlines():
        if most is not None and len(found) > most:
            break
        joined = line.strip().strip(INVISIBLE).strip()
        if len(joined) > MAX_LINE:
            found.append(joined)  # whoever sent it is told that it is too long
            continue
        if len(joined) <= MAX_TEXT:
            joined = _SPOKEN_DOT.sub(".", joined)
        tokens = [token for part in joined.split() for token in _split_token(part)]
        addresses = [token for token in tokens if _looks_like_address(token)]
        if addresses:
            found += addresses
        elif joined:
            found.append(joined)
    return found


def _split_token(part: str) -> list[str]:
    return [part] if len(part) > MAX_TEXT else [token for token in _NEXT_URL.split(part) if token]


def _looks_like_address(token: str) -> bool:
    if len(token) > MAX_TEXT:
        return True  # whoever sent it is told that it is too long
    core = token.strip(_OPENERS)
    core = core[: find_prose_end(core)]
    return "/" in core.strip("/") or "." in core.strip(".") or _BRACKETED_DOT.search(core) is not None
