"""Practice pictures: shapes, landscapes and checkerboards drawn by code from a seed.

The same seed, kind and size always give the same pixels. Each drawing has structure at many scales, so that
its PDQ quality is high and two unrelated drawings lie far apart (tests hold both).
"""

import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

KINDS = ("shapes", "landscape", "checkerboard")
"""What can be drawn."""

SIZE = (640, 480)
"""Width and height of a practice picture, in pixels."""

ANIMATION_SIZE = (320, 240)
"""Width and height of an animation, in pixels."""

LONG_FRAMES = 120
"""Frames of a long animation: more than are looked at."""

LATE_FRAMES = 6
"""Frames of a long animation that show another picture, near its end."""

Colour = tuple[int, int, int]
Floats = NDArray[np.float32]

_ENCODING: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 88},
    "WEBP": {"quality": 85, "method": 2},
    "PNG": {"compress_level": 3},
}


def draw_picture(seed: int, kind: str = "shapes", size: tuple[int, int] = SIZE) -> Image.Image:
    """Draw one RGB picture.

    Args:
        seed: any integer from 0; the same seed gives the same picture.
        kind: one of KINDS.
        size: width and height in pixels, each at least 16.

    Raises:
        ValueError: the kind is unknown or the size too small.
    """
    if kind not in KINDS:
        raise ValueError(f"no drawing is called {kind}")
    if min(size) < 16:
        raise ValueError("a drawing is at least 16 pixels wide and high")
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    drawing = {"shapes": _draw_shapes, "landscape": _draw_landscape, "checkerboard": _draw_checkerboard}[kind]
    return _add_grain(rng, drawing(rng, size))


def draw_animation(seed: int, frames: int = 6, size: tuple[int, int] = ANIMATION_SIZE) -> list[Image.Image]:
    """Draw a disc that crosses a drawn picture.

    Args:
        seed: as for `draw_picture`.
        frames: number of frames, at least 2.
        size: width and height in pixels.
    """
    background = draw_picture(seed, "landscape", size)
    width, height = size
    radius = max(4, height // 6)
    result = []
    for number in range(frames):
        frame = background.copy()
        x = round((number + 0.5) * width / frames)
        y = height // 2
        ImageDraw.Draw(frame).ellipse((x - radius, y - radius, x + radius, y + radius), fill=(250, 210, 60))
        result.append(frame)
    return result


def draw_long_animation(seed: int, late: Image.Image | None = None) -> list[Image.Image]:
    """Draw a disc that crosses a picture in many frames; a few of the last fifth show another picture.

    Args:
        seed: as for `draw_picture`.
        late: the other picture, as large as the frames; None leaves it out.
    """
    frames = draw_animation(seed, LONG_FRAMES)
    if late is None:
        return frames
    start = LONG_FRAMES * 4 // 5
    for number in range(start, start + LATE_FRAMES):
        frame = late.copy()
        # A dot moves, or the encoder would keep one frame for all of them.
        ImageDraw.Draw(frame).point((number, number), fill=(255, 255, 255))
        frames[number] = frame
    return frames


def encode(image: Image.Image, file_format: str, **options: Any) -> bytes:
    """Encode a picture as a file.

    Args:
        image: the pixels.
        file_format: a name Pillow knows, such as JPEG, PNG, WEBP, GIF, BMP or TIFF.
        options: passed to the encoder, stronger than our defaults (quality 88 for JPEG).
    """
    buffer = io.BytesIO()
    image.save(buffer, file_format, **{**_ENCODING.get(file_format, {}), **options})
    return buffer.getvalue()


def encode_animation(frames: Sequence[Image.Image], file_format: str = "GIF", frame_ms: int = 120) -> bytes:
    """Encode frames as one animated file that repeats for ever.

    Args:
        frames: at least two pictures of one size.
        file_format: GIF, WEBP or PNG.
        frame_ms: milliseconds each frame is shown.
    """
    first, *rest = frames
    return encode(first, file_format, save_all=True, append_images=rest, duration=frame_ms, loop=0)


def reencode(data: bytes, file_format: str = "JPEG", **options: Any) -> bytes:
    """Decode one of our own files and encode it again.

    Args:
        data: a file made by `encode`.
        file_format: format of the new file.
        options: as for `encode`.
    """
    with Image.open(io.BytesIO(data)) as image:
        return encode(image.convert("RGB"), file_format, **options)


def resize(image: Image.Image, factor: float) -> Image.Image:
    """Scale a picture; factor 0.5 halves both sides."""
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, Image.Resampling.LANCZOS)


def crop_slightly(image: Image.Image, share: float = 0.01) -> Image.Image:
    """Cut the same share (0-0.4) of the width and height off each edge."""
    x, y = round(image.width * share), round(image.height * share)
    return image.crop((x, y, image.width - x, image.height - y))


def _draw_clouds(rng: np.random.Generator, size: tuple[int, int], cells: int = 3, octaves: int = 4) -> Floats:
    """Return smooth noise of several scales: float32 (height, width) within 0-1."""
    width, height = size
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        grid = rng.random((cells << octave, cells << octave), dtype=np.float32)
        layer = Image.fromarray(grid).resize(size, Image.Resampling.BICUBIC)
        total += np.asarray(layer, np.float32) * 0.55**octave
    low, high = float(total.min()), float(total.max())
    return (total - low) / max(high - low, 1e-6)


def _mix(first: Colour, second: Colour, share: Floats) -> NDArray[np.uint8]:
    """Blend two colours; share is of any shape, within 0-1 of the second. Returns one axis more, of three channels."""
    mixed = np.empty((*share.shape, 3), np.uint8)
    for channel, (one, two) in enumerate(zip(first, second, strict=True)):
        blend = share * np.float32(two - one)
        blend += np.float32(one)
        mixed[..., channel] = blend.clip(0, 255, out=blend)
    return mixed


def _pick_colour(rng: np.random.Generator, low: int = 0, high: int = 256) -> Colour:
    red, green, blue = rng.integers(low, high, 3)
    return int(red), int(green), int(blue)


def _draw_shapes(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    image = Image.fromarray(_mix(_pick_colour(rng, 0, 110), _pick_colour(rng, 140), _draw_clouds(rng, size)))
    pen = ImageDraw.Draw(image)
    width, height = size
    for _ in range(int(rng.integers(22, 34))):
        x, y = float(rng.uniform(0, width)), float(rng.uniform(0, height))
        reach = float(rng.uniform(0.05, 0.2)) * min(size)
        colour = _pick_colour(rng)
        form = int(rng.integers(0, 3))
        if form == 0:
            tall = reach * float(rng.uniform(0.4, 1.6))
            pen.ellipse((x - reach, y - tall, x + reach, y + tall), fill=colour)
        else:
            corners = int(rng.integers(3, 5 if form == 1 else 9))
            turn = float(rng.uniform(0, math.tau))
            points = []
            for corner in range(corners):
                angle = turn + corner * math.tau / corners
                far = reach * (1.0 if form == 1 or corner % 2 else 0.5)
                points.append((x + far * math.cos(angle), y + far * math.sin(angle)))
            pen.polygon(points, fill=colour)
    return image


def _draw_landscape(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    width, height = size
    pixels = _mix(_pick_colour(rng, 60, 170), _pick_colour(rng, 150), _draw_clouds(rng, size)).copy()
    image = Image.fromarray(pixels)
    x, y = float(rng.uniform(0, width)), float(rng.uniform(0, height * 0.45))
    reach = float(rng.uniform(0.06, 0.14)) * height
    ImageDraw.Draw(image).ellipse((x - reach, y - reach, x + reach, y + reach), fill=(255, 244, 200))
    pixels = np.array(image)
    rows = np.arange(height)[:, None]
    grounds = []
    ridges = int(rng.integers(4, 7))
    for ridge in range(ridges):
        # Each ridge is one row of noise, so that every picture has its own skyline.
        line = _draw_clouds(rng, (width, 8), cells=int(rng.integers(2, 5)), octaves=5)[0]
        base = height * (0.3 + 0.6 * ridge / ridges)
        top = base - (line - 0.3) * height * 0.45
        low, high = _pick_colour(rng, 0, 120), _pick_colour(rng, 80, 230)
        grounds.append((rows > top[None, :], low, high, _draw_clouds(rng, size, cells=5)))
    is_sky = np.ones((height, width), np.bool_)
    for mask, low, high, share in reversed(grounds):  # the nearest first: what it hides is not painted
        mask &= is_sky
        pixels[mask] = _mix(low, high, share[mask])
        is_sky &= ~mask
    return Image.fromarray(pixels)


def _draw_checkerboard(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    width, height = size
    angle = float(rng.uniform(0, math.pi))
    cell = max(4.0, width / float(rng.uniform(4.5, 8.0)))
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    warp = (_draw_clouds(rng, size, cells=2, octaves=2) - 0.5) * cell * 1.5
    across = np.floor((x * math.cos(angle) + y * math.sin(angle) + warp) / cell).astype(np.int64)
    down = np.floor((y * math.cos(angle) - x * math.sin(angle) - warp) / cell).astype(np.int64)
    board = (across + down) % 2
    # Every field gets its own shade: two plain boards would look alike to a perceptual hash.
    shades = rng.random((64, 64), dtype=np.float32)[across % 64, down % 64]
    dark = _mix(_pick_colour(rng, 0, 60), _pick_colour(rng, 60, 150), shades)
    light = _mix(_pick_colour(rng, 120, 190), _pick_colour(rng, 190), shades)
    return Image.fromarray(np.where(board[..., None] == 0, dark, light))


def _add_grain(rng: np.random.Generator, image: Image.Image) -> Image.Image:
    """Add fine texture, as a camera would, so that an encoder has something to change."""
    pixels = np.asarray(image, np.int16)
    grain = rng.integers(-7, 8, pixels.shape[:2], dtype=np.int16)
    return Image.fromarray((pixels + grain[..., None]).clip(0, 255).astype(np.uint8))
