"""What kind of file some bytes are, by their first bytes; only for files that are not pictures we decode."""

from triage.model import Media

SNIFF_BYTES = 512
CANNOT_BE_SHOWN = {
    Media.VIDEO: "a video: cannot be displayed here",
    Media.ARCHIVE: "an archive: cannot be displayed here",
    Media.OTHER: "a file that cannot be displayed here",
}
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
_PICTURE_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"BM", b"II*\x00", b"MM\x00*")
_PICTURE_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1")


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
