"""Every file of the practice world by name: what is drawn, from which seed, and what it is made from.

The site, the hash lists and the scenario all read from here, so that they agree. Any file can be replaced
by one drawn from another seed, and the rest stays the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from PIL import Image

from triage.cli.practice import odd_files, pictures
from triage.errors import UnknownThingError

GALLERY_SIZE = 9
"""Pictures in the practice gallery."""

FORTY_FILES = 4
"""Files under the forty addresses of one page."""

ICONS = ("icon-1", "icon-2", "icon-3")
"""Pictures that are too small to be anything."""

SMALL = (480, 360)
"""Width and height of pictures of which there are many, in pixels."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """How one file is made.

    Attributes:
        kind: one of pictures.KINDS, or animation, long-animation, icon, tracker, video, archive.
        file_format: format of a picture file.
        like: name of the drawing this is a variation of; None for a drawing of its own.
        factor: both sides of a variation are scaled by this.
        crop: share cut off each edge of a variation.
        quality: JPEG quality of the file, 1-95.
        keep: share of the bytes that is kept; below 1 the file is cut off.
        size: width and height of a drawing of its own, in pixels.
        mode: how the file holds its pixels: RGB, CMYK, I;16, or turned (lying on its side, with a note to turn it).
    """

    kind: str = "shapes"
    file_format: str = "JPEG"
    like: str | None = None
    factor: float = 1.0
    crop: float = 0.0
    quality: int = 88
    keep: float = 1.0
    size: tuple[int, int] = pictures.SIZE
    mode: str = "RGB"


def _list_drawings() -> dict[str, Drawing]:
    drawings = {
        "new-single": Drawing("landscape"),
        "known-exact": Drawing("shapes"),
        "near-original": Drawing("landscape", "PNG"),
        "near-served": Drawing("landscape", like="near-original", factor=0.6, quality=55),
        "redirect-target": Drawing("checkerboard", "PNG"),
        "album-single": Drawing("landscape", "WEBP"),
        "spelled-single": Drawing("shapes", "PNG"),
        "twice-reported": Drawing("checkerboard"),
        "mixed-lines": Drawing("shapes"),
        "behind-private": Drawing("landscape"),
        "slow": Drawing("shapes"),
        "animated": Drawing("animation", "GIF"),
        "animated-webp": Drawing("animation", "WEBP"),
        "truncated": Drawing("landscape", keep=0.45),
        "upload-known": Drawing("checkerboard", "PNG"),
        "upload-new": Drawing("shapes"),
        "gallery-original": Drawing("shapes", "PNG"),
        "video-known": Drawing("video"),
        "video-new": Drawing("video"),
        "archive": Drawing("archive"),
    }
    for number in range(1, GALLERY_SIZE + 1):
        drawings[f"gallery-{number}"] = Drawing(pictures.KINDS[number % 3])
    # Two of the gallery's pictures are on the lists: number 4 by its bytes, number 7 as a variation.
    drawings["gallery-7"] = Drawing("shapes", like="gallery-original", crop=0.004, quality=60)
    return drawings


def _list_shown() -> dict[str, Drawing]:
    """Return what the pages of many pictures show, and what stands behind the patient servers and the walls."""
    ways = (
        "srcset",
        "lazy",
        "source",
        "noscript",
        "background",
        "og",
        "poster",
        "inside",
        "frame-1",
        "frame-2",
    )
    drawings = {f"shown-{way}": Drawing(pictures.KINDS[n % 3], size=SMALL) for n, way in enumerate(ways)}
    drawings |= {f"forty-{n}": Drawing(pictures.KINDS[n % 3], size=SMALL) for n in range(FORTY_FILES)}
    drawings |= {name: Drawing("icon", "PNG") for name in ICONS}
    drawings |= {
        name: Drawing("shapes", size=SMALL)
        for name in ("refreshed", "after-wait", "after-errors", "behind-wall")
    }
    drawings["tracker"] = Drawing("tracker", "GIF")
    return drawings


def _list_formats() -> dict[str, Drawing]:
    """Return files that are pictures in uncommon ways."""
    drawings = {
        "turned-original": Drawing("landscape", "PNG", size=SMALL),
        "turned-served": Drawing("landscape", like="turned-original", mode="turned"),
        "late-original": Drawing("shapes", "PNG", size=pictures.ANIMATION_SIZE),
        "late-served": Drawing("long-animation", "WEBP", like="late-original"),
        "four-inks": Drawing("landscape", size=SMALL, mode="CMYK"),
        "sixteen-bits": Drawing("landscape", "PNG", size=SMALL, mode="I;16"),
    }
    if odd_files.can_write_heic():
        drawings["phone-picture"] = Drawing("landscape", "HEIF", size=SMALL)
    return drawings


def _list_waiting() -> dict[str, Drawing]:
    """Return what the queue shows that the demo leaves."""
    drawings = {f"queue-{n}": Drawing(pictures.KINDS[n % 3], size=SMALL) for n in range(1, 10)}
    drawings |= {
        f"queue-{name}": Drawing(kind, size=SMALL)
        for name, kind in (
            ("danger", "landscape"), ("late", "shapes"), ("often", "landscape"), ("second", "checkerboard"),
            ("lead", "shapes"), ("held", "landscape"), ("known", "shapes"),
        )
    }  # fmt: skip
    drawings["queue-original"] = Drawing("landscape", "PNG", size=SMALL)
    drawings["queue-alike-1"] = Drawing("landscape", like="queue-original", quality=92)
    drawings["queue-alike-2"] = Drawing("landscape", like="queue-original", quality=80)
    drawings["queue-alike-3"] = Drawing("landscape", like="queue-original", factor=0.75, quality=85)
    drawings["queue-alike-4"] = Drawing("landscape", "PNG", like="queue-original")
    drawings["queue-near"] = Drawing("landscape", like="near-original", factor=0.5, quality=50)
    drawings["queue-near-single"] = Drawing("shapes", like="gallery-original", crop=0.006, quality=55)
    return drawings


_STORY, _WAITING = _list_drawings() | _list_shown() | _list_formats(), _list_waiting()
DRAWINGS = _STORY | _WAITING
"""Name → how the file is made."""

_NUMBERS = {name: number for number, name in enumerate([*sorted(_STORY), *sorted(_WAITING)])}
"""Each name's own seed; what waits comes last, so that the story is drawn as it ever was."""


class Catalogue:
    """The files of one practice world; each is made when it is first read and then kept.

    Args:
        seed: the world's seed, from 0.
        replaced: name → other seed (from 0); only these files change.

    Raises:
        UnknownThingError: a replaced name is not in DRAWINGS.
    """

    def __init__(self, seed: int = 1, replaced: Mapping[str, int] | None = None) -> None:
        self.seed = seed
        self.replaced = dict(replaced or {})
        for name in self.replaced:
            _find_drawing(name)
        self._files: dict[str, bytes] = {}

    def draw(self, name: str) -> Image.Image:
        """Return the pixels of a still picture before it is encoded.

        Raises:
            UnknownThingError: there is no such drawing, or it is not a still picture.
        """
        drawing = _find_drawing(name)
        if drawing.kind not in pictures.KINDS:
            raise UnknownThingError("this practice file is not a still picture")
        if drawing.like is not None and name not in self.replaced:
            image = self.draw(drawing.like)
        else:
            image = pictures.draw_picture(self._seed_of(name), drawing.kind, drawing.size)
        if drawing.crop:
            image = pictures.crop_slightly(image, drawing.crop)
        return image if drawing.factor == 1.0 else pictures.resize(image, drawing.factor)

    def read(self, name: str) -> bytes:
        """Return the bytes of a file.

        Raises:
            UnknownThingError: there is no such drawing.
        """
        data = self._files.get(name)
        if data is None:
            data = self._files[name] = self._make(name)
        return data

    def read_thumbnail(self, name: str) -> bytes:
        """Return a small JPEG of a still picture, a quarter as wide and high."""
        key = f"{name} thumbnail"
        data = self._files.get(key)
        if data is None:
            small = pictures.resize(self.draw(name), 0.25)
            data = self._files[key] = pictures.encode(small, "JPEG", quality=70)
        return data

    def _seed_of(self, name: str) -> int:
        # Far above the world's own seeds, or a replaced file could equal a file of another name.
        other = self.replaced.get(name)
        return self.seed * 1000 + _NUMBERS[name] if other is None else 10**9 + other

    def _make(self, name: str) -> bytes:
        drawing = _find_drawing(name)
        seed = self._seed_of(name)
        match drawing.kind:
            case "video":
                return odd_files.make_video_file(seed)
            case "archive":
                return odd_files.make_archive(seed)
            case "tracker":
                return odd_files.make_tracker()
            case "icon":
                return pictures.encode(pictures.draw_picture(seed, size=(16, 16)), drawing.file_format)
            case "animation":
                return pictures.encode_animation(pictures.draw_animation(seed), drawing.file_format)
            case "long-animation":
                late = self.draw(drawing.like) if drawing.like else None
                return pictures.encode_animation(
                    pictures.draw_long_animation(seed, late), drawing.file_format
                )
        data = self._encode(self.draw(name), drawing)
        return data if drawing.keep == 1.0 else odd_files.cut_short(data, drawing.keep)

    def _encode(self, image: Image.Image, drawing: Drawing) -> bytes:
        if drawing.file_format == "HEIF":
            return odd_files.make_heic(image)
        if drawing.mode == "turned":
            return odd_files.make_turned(image, drawing.quality)
        options = {"quality": drawing.quality} if drawing.file_format == "JPEG" else {}
        if drawing.mode != "RGB":
            image = odd_files.convert_mode(image, drawing.mode)
        return pictures.encode(image, drawing.file_format, **options)


def _find_drawing(name: str) -> Drawing:
    try:
        return DRAWINGS[name]
    except KeyError:
        raise UnknownThingError(f"no practice file is called {name}") from None
