"""The text of a page's bytes, by the encodings that browsers know (https://encoding.spec.whatwg.org/, read 2026-11).

A label that is not in the table is not a browser's either: Python's other codecs never see a stranger's bytes.
"""

import codecs
import re

_CODECS: dict[str, tuple[str, ...]] = {
    "utf-8": ("utf-8", "utf8", "unicode-1-1-utf-8", "utf-16", "utf-16le", "utf-16be", "unicode"),
    "cp1252": ("windows-1252", "cp1252", "iso-8859-1", "iso8859-1", "latin1", "latin-1", "ascii", "us-ascii", "l1"),
    "cp1250": ("windows-1250", "cp1250"),
    "cp1251": ("windows-1251", "cp1251"),
    "cp1253": ("windows-1253", "cp1253"),
    "cp1254": ("windows-1254", "cp1254", "iso-8859-9", "iso8859-9", "latin5"),
    "cp1255": ("windows-1255", "cp1255"),
    "cp1256": ("windows-1256", "cp1256"),
    "cp1257": ("windows-1257", "cp1257"),
    "cp1258": ("windows-1258", "cp1258"),
    "iso8859-2": ("iso-8859-2", "iso8859-2", "latin2"),
    "iso8859-4": ("iso-8859-4", "iso8859-4", "latin4"),
    "iso8859-5": ("iso-8859-5", "iso8859-5", "cyrillic"),
    "iso8859-7": ("iso-8859-7", "iso8859-7", "greek"),
    "iso8859-15": ("iso-8859-15", "iso8859-15", "latin9"),
    "iso8859-16": ("iso-8859-16",),
    "cp866": ("ibm866", "cp866", "866"),
    "koi8-r": ("koi8-r", "koi8", "koi"),
    "koi8-u": ("koi8-u", "koi8-ru"),
    "mac-roman": ("macintosh", "mac", "x-mac-roman"),
    "mac-cyrillic": ("x-mac-cyrillic", "x-mac-ukrainian"),
    "cp874": ("windows-874", "tis-620", "iso-8859-11"),
    "cp932": ("shift_jis", "shift-jis", "sjis", "windows-31j", "x-sjis", "ms932"),
    "euc-jp": ("euc-jp", "x-euc-jp"),
    "iso2022_jp": ("iso-2022-jp",),
    "cp949": ("euc-kr", "ks_c_5601-1987", "windows-949", "korean"),
    "gb18030": ("gb18030", "gbk", "gb2312", "x-gbk", "chinese"),
    "big5hkscs": ("big5", "big5-hkscs", "x-x-big5"),
}  # fmt: skip
_BY_LABEL = {label: codec for codec, labels in _CODECS.items() for label in labels}
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_WIDE = {"utf-16": "utf-16-le", "utf-16le": "utf-16-le", "utf-16be": "utf-16-be"}  # by a header only
_PRESCAN_BYTES = 2048
_IN_BYTES = re.compile(
    rb"(?:charset|encoding)\s{0,8}=\s{0,8}[\"']?\s{0,8}([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE
)
_IN_HEADER = re.compile(r"charset\s{0,8}=\s{0,8}[\"']?\s{0,8}([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE)


def warm_up() -> None:
    """Import every codec of the table; Python would else look for its file at the first use."""
    for codec in (*_CODECS, *(name for _, name in _MARKS)):
        codecs.lookup(codec)


def decode_page(html: bytes, content_type: str) -> str:
    """Decode a page; bytes that fit nowhere become U+FFFD.

    Args:
        html: the page or its first part.
        content_type: the header with its parameters, empty when there was none.

    Returns:
        By its byte order mark, else the header, else the page's own word, else UTF-8 where that fits, else
        windows-1252.
    """
    for mark, marked in _MARKS:
        if html.startswith(mark):
            return html[len(mark) :].decode(marked, "replace")
    in_header = _IN_HEADER.search(content_type)
    label = in_header[1].lower() if in_header is not None else ""
    if label in _WIDE:
        return html.decode(_WIDE[label], "replace")
    codec = _BY_LABEL.get(label)
    if codec is None and (in_page := _IN_BYTES.search(html[:_PRESCAN_BYTES])) is not None:
        # A page whose own word can be read as ASCII is not UTF-16 whatever it says: the standard reads UTF-8 then.
        codec = _BY_LABEL.get(in_page[1].decode("ascii").lower())
    if codec is not None:
        return html.decode(codec, "replace")
    try:
        return html.decode("utf-8")
    except UnicodeDecodeError as error:
        # One sign cut in half at the end says nothing.
        is_cut = error.end == len(html) and len(html) - error.start < 4
        return html.decode("utf-8" if is_cut else "cp1252", "replace")
