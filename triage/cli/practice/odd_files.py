"""Practice files that are not plain pictures: bombs, cut-off files, uncommon pixels, videos, archives, endless bodies.

All bytes are made here by code; none of them shows anything but drawings.
"""

import functools
import importlib.util
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from triage.cli.practice.pictures import draw_picture, encode

_MIB = 2**20
_ORIENTATION, _TURN_RIGHT = 0x0112, 6


def make_bomb_png(side: int = 8900) -> bytes:
    """Make a small PNG that claims and holds side x side grey pixels (8900: 79 megapixels in about 80 kB).

    Args:
        side: width and height in pixels.
    """
    packer = zlib.compressobj(9)
    rows_at_once = 64
    block = b"\0" * ((side + 1) * rows_at_once)
    packed = b"".join(packer.compress(block) for _ in range(side // rows_at_once))
    packed += packer.compress(b"\0" * ((side + 1) * (side % rows_at_once))) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunks = _png_chunk(b"IHDR", header) + _png_chunk(b"IDAT", packed) + _png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def _png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


@functools.lru_cache(maxsize=2)
def make_gzip_bomb(expanded_mib: int = 256) -> bytes:
    """Make a valid gzip stream that expands about a thousandfold, to zeros.

    A block ended by a full flush does not depend on what came before, so one packed mebibyte is repeated.

    Args:
        expanded_mib: size after expansion, in MiB.
    """
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    zeros = bytes(_MIB)
    block = packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH)
    end = zlib.compressobj(9, zlib.DEFLATED, -15).flush()
    checksum = 0
    for _ in range(expanded_mib):
        checksum = zlib.crc32(zeros, checksum)
    trailer = struct.pack("<II", checksum, (expanded_mib * _MIB) & 0xFFFFFFFF)
    return b"\x1f\x8b\x08\0\0\0\0\0\x02\xff" + block * expanded_mib + end + trailer


def stream_oversized(total_bytes: int, piece_bytes: int = 64 * 1024) -> Iterator[bytes]:
    """Yield a body that starts like a JPEG and goes on with filler.

    Args:
        total_bytes: length of the whole body.
        piece_bytes: length of each piece but the last.
    """
    start = encode(draw_picture(0, "checkerboard", (64, 64)), "JPEG")
    piece = (start + bytes(piece_bytes))[:piece_bytes]
    sent = 0
    while sent < total_bytes:
        yield piece[: total_bytes - sent]
        sent += len(piece)
        piece = bytes(piece_bytes)


def cut_short(data: bytes, share: float = 0.5) -> bytes:
    """Keep the first share (0-1) of a file, as a broken transfer would."""
    return data[: max(1, int(len(data) * share))]


def make_tracker() -> bytes:
    """Make the picture of one pixel by which a page counts its readers."""
    return encode(Image.new("P", (1, 1)), "GIF")


def make_turned(image: Image.Image, quality: int) -> bytes:
    """Make a JPEG whose pixels lie on their side, with the EXIF note that a viewer turns it right by 90 degrees.

    Args:
        image: the picture as a viewer shows it.
        quality: of the JPEG, 1-95.
    """
    exif = Image.Exif()
    exif[_ORIENTATION] = _TURN_RIGHT
    return encode(image.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=quality, exif=exif)


def convert_mode(image: Image.Image, mode: str) -> Image.Image:
    """Hold the pixels of an RGB picture in another way: four inks (CMYK) or 16 bits of grey (I;16).

    Raises:
        ValueError: any other mode.
    """
    if mode == "CMYK":
        return image.convert("CMYK")
    if mode == "I;16":
        return Image.fromarray(np.asarray(image.convert("L"), np.uint16) * 257)
    raise ValueError(f"no picture is made in the mode {mode}")


def can_write_heic() -> bool:
    """Whether the extra that reads and writes HEIC files is installed."""
    return importlib.util.find_spec("pillow_heif") is not None


def make_heic(image: Image.Image) -> bytes:
    """Make a HEIC file, as telephones do; only where `can_write_heic`."""
    import pillow_heif

    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, quality=80)
    return buffer.getvalue()


def make_video_file(seed: int, kib: int = 96) -> bytes:
    """Make a file that is an MP4 by its first box and holds only noise.

    Args:
        seed: the same seed gives the same bytes.
        kib: length of the noise, in KiB.
    """
    noise = np.random.default_rng([seed, 4]).bytes(kib * 1024)
    brand = b"isom" + struct.pack(">I", 512) + b"isomiso2mp41"
    return _mp4_box(b"ftyp", brand) + _mp4_box(b"free", b"") + _mp4_box(b"mdat", noise)


def _mp4_box(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", 8 + len(data)) + name + data


def make_archive(seed: int) -> bytes:
    """Make a ZIP archive with one drawing and one text inside, the same bytes for the same seed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(
            zipfile.ZipInfo("drawing.png"), encode(draw_picture(seed, "shapes", (160, 120)), "PNG")
        )
        archive.writestr(zipfile.ZipInfo("read-me.txt"), "PRAKTIKË / PRACTICE\n")
    return buffer.getvalue()
