"""What a reference names, by the ending of its path: pictures, videos, and what is surely neither."""

import re

from workers.fetcher.data_urls import is_data_url

PICTURE_ENDINGS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".webp", ".avif", ".heic", ".heif", ".bmp"),
    *(".tif", ".tiff", ".jxl"),
)
VIDEO_ENDINGS = (
    ".mp4",
    ".webm",
    ".mov",
    ".m4v",
    ".avi",
    ".mkv",
    ".3gp",
    ".mpg",
    ".mpeg",
    ".wmv",
    ".flv",
    ".ogv",
)
# What an element or a style may refer to without showing a picture.
OTHER_ENDINGS = (
    *(".css", ".js", ".mjs", ".json", ".woff", ".woff2", ".ttf", ".otf", ".eot"),
    *(".mp3", ".ogg", ".oga", ".wav", ".m4a", ".aac", ".flac", ".opus", ".vtt", ".srt", ".swf", ".pdf"),
)
MAX_PATH_CHARACTERS = 8192

_QUERY = re.compile(r"[?#]")


def ends_with(reference: str, endings: tuple[str, ...]) -> bool:
    """Say whether the path of a reference ends so, whatever query or fragment follows."""
    if is_data_url(reference):
        return False
    path = _QUERY.split(reference[:MAX_PATH_CHARACTERS], maxsplit=1)[0]
    return path.strip().lower().endswith(endings)


def is_picture_address(reference: str) -> bool:
    """Say whether a reference names a picture or video."""
    return ends_with(reference, PICTURE_ENDINGS + VIDEO_ENDINGS)
