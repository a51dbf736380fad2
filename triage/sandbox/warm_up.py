"""The zygote's exercise before it locks itself: one small drawn picture of every format and mode.

Imaging libraries import and build tables when they first need them. After the locks an import would be a
forbidden call, so every path is walked once here. The only place beside `views` that encodes pictures, and it
does so before the zygote has seen a stranger's byte.
"""

import contextlib
import io
from collections.abc import Callable, Iterator

from PIL import Image

from triage.sandbox import heic, pictures

_SIZE = (64, 48)


def _draw() -> Image.Image:
    """Return a small gradient, so that filters, palettes and hashes have something to work on."""
    ramp = Image.linear_gradient("L").resize(_SIZE)
    turned = Image.radial_gradient("L").resize(_SIZE)
    return Image.merge("RGB", (ramp, turned, ramp.transpose(Image.Transpose.ROTATE_180)))


def _save(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _draw_files() -> Iterator[bytes]:
    picture = _draw()
    other = picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    turned = Image.Exif()
    turned[0x0112] = 6
    for mode in ("RGB", "L", "CMYK"):
        yield _save(picture.convert(mode), "JPEG", exif=turned, progressive=mode == "L")
    for mode in ("RGB", "RGBA", "L", "LA", "P", "1", "I;16"):
        yield _save(picture.convert("I").convert("I;16") if mode == "I;16" else picture.convert(mode), "PNG")
    yield _save(picture.convert("P"), "PNG", transparency=0)
    yield _save(picture, "PNG", transparency=(1, 2, 3), exif=turned)
    for kind in ("GIF", "PNG", "WEBP", "AVIF", "TIFF"):
        yield _save(picture, kind, save_all=True, append_images=[other, picture], duration=10)
    yield _save(picture, "GIF", save_all=True, append_images=[other], disposal=2, transparency=0)
    yield _save(picture, "MPO", save_all=True, append_images=[other])
    for mode in ("RGB", "RGBA"):
        yield _save(picture.convert(mode), "WEBP", exif=turned)
        yield _save(picture.convert(mode), "AVIF", exif=turned)
        yield _save(picture.convert(mode), "ICO", sizes=[(32, 32)])
        yield _save(picture.convert(mode), "ICO", sizes=[(32, 32)], bitmap_format="bmp")
    for mode in ("RGB", "L", "P", "1"):
        yield _save(picture.convert(mode), "BMP")
    for mode in ("RGB", "RGBA", "CMYK", "YCbCr", "LAB", "L", "P", "1", "F", "I"):
        grey_first = picture.convert("L").convert(mode) if mode in {"F", "I"} else None
        lab = Image.new("LAB", _SIZE) if mode == "LAB" else None
        yield _save(grey_first or lab or picture.convert(mode), "TIFF")
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        yield _save(picture, "TIFF", compression=compression)


def draw_sample(profile: str) -> bytes:
    """Return one small picture of the kind that a profile meets most."""
    return heic.read_sample() if profile == heic.PROFILE else _save(_draw(), "JPEG")


def decode_everything(profile: str, decode: Callable[[io.BytesIO], pictures.DecodedPicture]) -> int:
    """Decode one picture of every format and mode, its first half, and bytes that are no picture.

    Args:
        profile: the zygote's: one of them decodes HEIC and nothing else.
        decode: the decoder that is warmed.

    Returns:
        How many pictures were decoded whole.
    """
    if profile == heic.PROFILE:
        heic.register()
    number = 0
    for file in [heic.read_sample()] if profile == heic.PROFILE else _draw_files():
        picture = decode(io.BytesIO(file))
        pictures.render_view(picture)
        if picture.frames > 1:
            pictures.render_sheet(picture)
        number += 1
        with contextlib.suppress(pictures.RefusedError):
            decode(io.BytesIO(file[: len(file) // 2]))
    for nonsense in (b"", b"<svg/>", b"%!PS-Adobe-3.0 EPSF-3.0\n", bytes(512)):
        with contextlib.suppress(pictures.RefusedError):
            decode(io.BytesIO(nonsense))
    return number
