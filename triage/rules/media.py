"""What kind of file some bytes are, by their first bytes; only for files that are not pictures we decode."""

from triage.model import Media

SNIFF_BYTES = 512
CANNOT_BE_SHOWN = {
    Media.VIDEO: "a video: cannot be displayed here",
    Media.ARCHIVE: "an archive: cannot be displayed here",
    Media.OTHER: "a file that cannot be displayed here",
}
_ICON_SIDE = 48
_LINE_SIDE = 8
_ICON_PIXELS = 2_500
_STARTS: tuple[tuple[bytes, Media], ...] = (
    (b"\x1a\x45\xdf\xa3", Media.VIDEO),  # Matroska, WebM (EBML)
    (b"FLV\x01", Media.VIDEO),
    (b"\x00\x00\x01\xba", Media.VIDEO),  # MPEG program stream
    (b"\x00\x00\x01\xb3", Media.VIDEO),  # MPEG video
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Media.VIDEO),  # ASF, WMV
    (b"PK\x03\x04", Media.ARCHIVE),
    (b"PK\x05\x06", Media.ARCHIVE),
    (b"Rar!\x1a\x07", Media.ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", Media.ARCHIVE),
    (b"\x1f\x8b", Media.ARCHIVE),
    (b"BZh", Media.ARCHIVE),
    (b"\xfd7zXZ\x00", Media.ARCHIVE),
)
_PICTURE_STARTS = (
    *(b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"BM", b"II*\x00", b"MM\x00*"),
    b"\x00\x00\x01\x00",  # an icon
)
_PICTURE_BRANDS = (
    *(b"avif", b"avis", b"mif1", b"mif2", b"msf1"),
    *(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"),
)


def sniff_media(head: bytes) -> Media:
    """Tell the kind of file from its first bytes (SNIFF_BYTES are enough).

    A file that looks like a picture but could not be decoded stays a picture.
    """
    if head.startswith(_PICTURE_STARTS) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return Media.PICTURE
    if head[4:8] == b"ftyp":
        return Media.PICTURE if head[8:12] in _PICTURE_BRANDS else Media.VIDEO
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return Media.VIDEO
    for start, media in _STARTS:
        if head.startswith(start):
            return media
    if head[257:262] == b"ustar":
        return Media.ARCHIVE
    return Media.OTHER


def describe_refusal(media: Media, refusal: str, *, is_hostile: bool) -> str:
    """Say why a file cannot be shown; that it attacked its decoder is always said, whatever it looks like.

    Args:
        media: what its first bytes look like.
        refusal: what the decoder says.
        is_hostile: whether it made its decoder do something forbidden.
    """
    if is_hostile:
        return f"hostile: {refusal}"
    return refusal if media is Media.PICTURE else CANNOT_BE_SHOWN[media]


def is_page(content_type: str | None) -> bool:
    """Whether an answer is a page whose pictures are looked for."""
    return content_type in {"text/html", "application/xhtml+xml"}


def is_icon(width: int, height: int) -> bool:
    """Whether a picture of a page is too small to show anything: an icon, a line, a tracker's dot.

    Only for what a page draws in beside its own pictures; a picture that somebody reported is always looked at.

    Args:
        width: pixels, from 1.
        height: pixels, from 1.
    """
    return (
        max(width, height) <= _ICON_SIDE or min(width, height) <= _LINE_SIDE or width * height < _ICON_PIXELS
    )


_ENDINGS: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "jpg"),
    (b"\x89PNG", "png"),
    (b"GIF8", "gif"),
    (b"BM", "bmp"),
    (b"II*\x00", "tif"),
    (b"MM\x00*", "tif"),
)


def find_ending(head: bytes) -> str:
    """Return the ending of a file's name by its first bytes; "bin" where they say nothing."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp":
        return {b"avif": "avif", b"avis": "avif", b"heic": "heic", b"heix": "heic"}.get(head[8:12], "mp4")
    return next((ending for start, ending in _ENDINGS if head.startswith(start)), "bin")
