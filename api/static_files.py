"""Static files of a surface: each under a name that holds its content's hash, so that a browser may keep it for ever.

They are read once, when the process starts, and each has a route of its own: no path of a request ever reaches
the file system. Tags carry `integrity` (Subresource Integrity, W3C Recommendation of
2016-06-23), so what a cache in between has changed is not used.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources

from markupsafe import Markup

PREFIX = "/static/"
LONG_LIVED = "public, max-age=31536000, immutable"
"""Cache-Control of these files; everything else is `no-store`."""

MEDIA_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}
_HASH_DIGITS = 16
_COMMENT = re.compile(rb"/\*.*?\*/", re.DOTALL)
"""None of our stylesheets has a text with such signs in it."""


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file.

    Attributes:
        path: what pages ask for: `/static/console.0123456789abcdef.css`.
        integrity: `sha384-` and the digest in base64.
    """

    name: str
    path: str
    integrity: str
    media_type: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class StaticFiles:
    """The files of one surface, by their own names and by the paths they are served at."""

    by_name: Mapping[str, StaticFile]
    by_path: Mapping[str, StaticFile]

    def style(self, name: str) -> Markup:
        """Return the tag of a stylesheet."""
        file = self.by_name[name]
        return Markup('<link rel="stylesheet" href="{}" integrity="{}">').format(file.path, file.integrity)

    def script(self, name: str, *, at_once: bool = False) -> Markup:
        """Return the tag of a script, which runs when the page is read, or before anything of it is shown."""
        file, when = self.by_name[name], "" if at_once else " defer"
        return Markup('<script src="{}" integrity="{}"{}></script>').format(file.path, file.integrity, when)


def load_static_files(package: str, names: tuple[str, ...]) -> StaticFiles:
    """Read the listed files of a package's folder `static`.

    Args:
        package: the surface's package, such as `api.console`.
        names: file names; no other file of the folder is served.
    """
    folder = resources.files(package).joinpath("static")
    files = [_describe(name, folder.joinpath(name).read_bytes()) for name in names]
    return StaticFiles({file.name: file for file in files}, {file.path: file for file in files})


def _describe(name: str, body: bytes) -> StaticFile:
    stem, _, kind = name.rpartition(".")
    body = _strip_style(body) if kind == "css" else _strip_script(body)
    digest = hashlib.sha256(body).hexdigest()[:_HASH_DIGITS]
    integrity = "sha384-" + base64.b64encode(hashlib.sha384(body).digest()).decode()
    return StaticFile(name, f"{PREFIX}{stem}.{digest}.{kind}", integrity, MEDIA_TYPES[kind], body)


def _strip_style(body: bytes) -> bytes:
    """Return a stylesheet without comments, indents and empty lines: no browser has a use for those."""
    lines = (line.strip() for line in _COMMENT.sub(b"", body).splitlines())
    return b"\n".join(line for line in lines if line)


def _strip_script(body: bytes) -> bytes:
    """Return a script without lines of comment, indents and empty lines; a vendored one has none of them.

    None of our scripts has a text of several lines, in which an indent would be part of the text.
    """
    lines = (line.strip() for line in body.splitlines())
    return b"\n".join(line for line in lines if line and not line.startswith(b"//"))
