"""The tags and texts of an HTML page that matter here, read in time proportional to its length.

The standard's tree building (https://html.spec.whatwg.org/#tree-construction, read 2026-11) walks the open elements
for every tag: 4 MiB of nested `<div>` keep any parser of trees busy for minutes, and so do 100 000 attributes of one
element. No picture depends on that tree, so there is none:

1. `scan_page` finds where tags, comments and raw texts begin and end, as the standard's tokenizer does. Where a
   stranger could make two readers disagree (`noscript`, raw texts within `svg`), both readings are taken.
2. The tags that may name something are copied as a flat row of empty elements.
3. lexbor (selectolax) reads that row: attributes, their quotes, doubles and character references as a browser does.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from selectolax.lexbor import LexborHTMLParser, SelectolaxError

MAX_TAGS = 600_000
MAX_KEPT_TAGS = 60_000
MAX_ATTRIBUTES = 200  # of one element
MAX_ALL_ATTRIBUTES = 200_000
MAX_TEXT_CHARACTERS = 40_000
MAX_STYLE_CHARACTERS = 1 << 20
MAX_DATA_CHARACTERS = 1 << 20

# Elements whose attributes are read. Any other is kept when its attributes look as if they named something.
_KEPT = frozenset({"a", "amp-anim", "amp-img", "amp-video", "area", "base", "embed", "feimage", "frame", "iframe",
                   "image", "img", "input", "link", "meta", "object", "select", "source", "textarea",
                   "video"})  # fmt: skip
_MAY_NAME = re.compile(r"style|data-|background|poster|itemprop|srcset", re.IGNORECASE)
# Raw texts: no tag within counts until the end tag. Those of the second row hold markup for other readers.
_RAW = frozenset(["script", "style", "title", "textarea"])
_RAW_MARKUP = frozenset(["noscript", "noembed", "noframes", "xmp", "iframe"])
_FOREIGN = frozenset({"svg", "math"})
# Where HTML goes on within them.
_INTEGRATION = frozenset(
    ["foreignobject", "desc", "title", "annotation-xml", "mi", "mo", "mn", "ms", "mtext"]
)

# One tag from its name to its `>`, attribute by attribute. Possessive throughout: it never goes back. What does not
# match runs to the end of the page, and a browser drops it too.
_ATTRIBUTE = (
    r"""(?:=[^B/>=]*+|[^B/>=]++)(?:[B]*+=[B]*+(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|[^B>"'][^B>]*+|(?=>)|\Z))?+"""
).replace("B", r" \t\n\r\f")
_TAG = re.compile(rf"<(/?)([a-zA-Z][^ \t\n\r\f/>]*+)((?:[ \t\n\r\f/]++|{_ATTRIBUTE})*+)>")
_ONE_ATTRIBUTE = re.compile(rf"[ \t\n\r\f/]*+{_ATTRIBUTE}")
_COMMENT_END = re.compile(r"--!?>")
_RAW_ENDS = {
    name: re.compile(rf"</{name}(?=[ \t\n\r\f/>])", re.IGNORECASE | re.ASCII)
    for name in (*_RAW, *_RAW_MARKUP)
}
_STARTS_TAG = re.compile(r"</?[a-zA-Z]")
_CLOSES_ITSELF = re.compile(r"""(?:^|["' \t\n\r\f])/$""")
_MAX_READINGS = 4
_MAX_FOREIGN = 20
_LONG_TAG_CHARACTERS = 2 * MAX_ATTRIBUTES  # a shorter one cannot hold too many attributes


@dataclass(frozen=True, slots=True)
class Tag:
    """One element: its name in lower case (`/a` for the end of a link) and its attributes, names in lower case."""

    name: str
    attributes: Mapping[str, str | None]


@dataclass(slots=True)
class PageTags:
    """What `scan_page` found.

    Attributes:
        tags: the elements that may name something, in the order of the page.
        title: raw text of the first title.
        texts: what a reader would see, in pieces, with character references as written; cut.
        styles: texts of style elements; cut.
        data: texts of scripts that are JSON-LD; cut.
        scripts: number of script elements.
        is_complete: False when a cap ended the reading.
    """

    tags: list[Tag] = field(default_factory=list)
    title: str | None = None
    texts: list[str] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    scripts: int = 0
    is_complete: bool = True


@dataclass(slots=True)
class _Scan:
    found: PageTags
    is_xml: bool
    names: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    seen: int = 0
    text_left: int = MAX_TEXT_CHARACTERS
    style_left: int = MAX_STYLE_CHARACTERS
    data_left: int = MAX_DATA_CHARACTERS
    attributes_left: int = MAX_ALL_ATTRIBUTES
    is_open: bool = True

    def count(self) -> None:
        """Count one more thing that was read; close the scan when it has been enough."""
        self.seen += 1
        if self.seen > MAX_TAGS or len(self.names) >= MAX_KEPT_TAGS:
            self.is_open = self.found.is_complete = False


def scan_page(text: str, *, is_xml: bool = False) -> PageTags:
    """Read a page's tags and texts.

    Args:
        text: the decoded page; the caller bounds its length.
        is_xml: whether it came as XHTML, where `<script/>` is whole.
    """
    scan = _Scan(PageTags(), is_xml)
    _scan_markup(scan, text, foreign=(), readings=1)
    scan.found.tags = _read_attributes(scan)
    return scan.found


def _scan_markup(scan: _Scan, text: str, *, foreign: tuple[str, ...], readings: int) -> bool:
    """Walk over one text once.

    Args:
        scan: takes what is found.
        text: the page, or a part of it that one reader takes for text and another for markup.
        foreign: svg and math elements (and those in which HTML goes on) that may be open around it: within them only
            a tree would tell a raw text from markup, so both are read.
        readings: how often the characters of this text have been read, this time included.

    Returns:
        Whether nothing was open at its end: else another reader would go on reading behind it.
    """
    place = 0
    opened = list(foreign)
    can_leave = not foreign
    is_closed = True
    while scan.is_open:
        start = text.find("<", place)
        if start != place and scan.text_left > 0:
            _keep_text(scan, text, place, len(text) if start < 0 else start)
        if start < 0:
            return is_closed
        scan.count()
        match = _TAG.match(text, start)
        if match is None:
            if _STARTS_TAG.match(text, start):
                return False
            end = _find_end(text, start, is_xml=bool(opened) or scan.is_xml)
            if end is None:
                return False
            if opened and text.startswith("<![CDATA[", start):
                _read_again(scan, text[start + 9 : end].partition(">")[2], tuple(opened), readings)
            if end == start + 1:
                _keep_text(scan, text, start, end)
            place = end
            continue
        place = match.end()
        prefix, _, name = match[2].lower().rpartition(":") if scan.is_xml else ("", "", match[2].lower())
        if match[1]:
            if name == "a":
                _keep_tag(scan, "/a", "")
            elif can_leave and opened and opened[-1] == name:
                opened.pop()
            continue
        attributes = match[3]
        if opened and opened[-1] in _INTEGRATION:
            can_leave = False  # markup of HTML within: which end tag leads out is for a tree to say
        if name in _FOREIGN or (opened and name in _INTEGRATION):
            can_leave = can_leave or not opened
            if not _CLOSES_ITSELF.search(attributes):
                opened = [*opened[-_MAX_FOREIGN:], name]
        if name in _KEPT or (attributes and _MAY_NAME.search(attributes)):
            _keep_tag(scan, name, attributes)
        if name not in _RAW_ENDS or prefix or (scan.is_xml and attributes.endswith("/")):
            continue
        ending = _RAW_ENDS[name].search(text, place)
        raw = text[place : len(text) if ending is None else ending.start()]
        place += len(raw)
        is_closed = ending is not None
        if not (opened and name == "title"):
            _keep_raw(scan, name, attributes, raw)
        if opened or name in _RAW_MARKUP:
            _read_again(scan, raw, tuple(opened), readings, is_strict=bool(opened) or name == "noscript")
    return is_closed


def _read_again(
    scan: _Scan, raw: str, foreign: tuple[str, ...], readings: int, *, is_strict: bool = True
) -> None:
    """Read a raw text as markup too; the outer walk goes on behind it whatever it holds."""
    if "<" not in raw:
        return
    is_closed = readings < _MAX_READINGS and _scan_markup(scan, raw, foreign=foreign, readings=readings + 1)
    if is_strict and not is_closed:
        scan.found.is_complete = False


def _find_end(text: str, start: int, *, is_xml: bool) -> int | None:
    """Return where reading goes on after a `<` that starts no tag: a comment, a declaration, or just a sign.

    None when it has no end, so that all the rest belongs to it.
    """
    if text.startswith("<!--", start):
        if text.startswith((">", "->"), start + 4):
            return text.index(">", start) + 1
        match = _COMMENT_END.search(text, start + 4)
        return None if match is None else match.end()
    if not text.startswith(("<!", "<?", "</"), start):
        return start + 1
    end = text.find("]]>", start) if is_xml and text.startswith("<![CDATA[", start) else -1
    if end >= 0:
        return end + 3
    end = text.find(">", start)
    return None if end < 0 else end + 1


def _keep_text(scan: _Scan, text: str, start: int, end: int) -> None:
    if scan.text_left > 0:
        piece = text[start : min(end, start + scan.text_left)]
        if not piece.isspace():
            scan.found.texts.append(piece)
            scan.text_left -= len(piece)


def _keep_raw(scan: _Scan, name: str, attributes: str, raw: str) -> None:
    found = scan.found
    if name == "title":
        if found.title is None:
            found.title = raw[:MAX_TEXT_CHARACTERS]
    elif name == "script":
        found.scripts += 1
        if "ld+json" in attributes.lower():
            found.data.append(raw[: scan.data_left])
            found.is_complete &= len(raw) <= scan.data_left
            scan.data_left -= len(found.data[-1])
    elif name == "style":
        found.styles.append(raw[: scan.style_left])
        found.is_complete &= len(raw) <= scan.style_left
        scan.style_left -= len(found.styles[-1])


def _keep_tag(scan: _Scan, name: str, attributes: str) -> None:
    if len(attributes) > _LONG_TAG_CHARACTERS:
        end = 0
        for _ in range(MAX_ATTRIBUTES):
            match = _ONE_ATTRIBUTE.match(attributes, end)
            if match is None:
                break
            end = match.end()
        else:
            if attributes[end:].strip("/ \t\r\n\f"):
                attributes = attributes[:end]
                scan.found.is_complete = False
    # At most as many attributes as words.
    scan.attributes_left -= len(attributes.split(None, MAX_ATTRIBUTES))
    if scan.attributes_left < 0:
        scan.is_open = scan.found.is_complete = False
        return
    scan.names.append(name)
    scan.kept.append(attributes)


def _read_attributes(scan: _Scan) -> list[Tag]:
    """Let lexbor read the kept tags as one flat row of empty elements."""
    if not scan.names:
        return []
    # The blank keeps an unquoted value at the end from taking a slash that belonged to the tag.
    row = "".join(f"<wbr {attributes} >" for attributes in scan.kept)
    scan.kept.clear()
    try:
        nodes = LexborHTMLParser(row).tags("wbr")
    except SelectolaxError:
        nodes = []
    if len(nodes) != len(scan.names):
        scan.found.is_complete = False
    return [Tag(name, node.attributes) for name, node in zip(scan.names, nodes, strict=False)]
