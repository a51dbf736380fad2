"""Files damaged on purpose, by seed: bytes anywhere, and the places where a format keeps its sizes and links."""

import random
import re
import struct
import zlib

_BOX_NAMES = re.compile(rb"[a-z]{4}")
_CHUNK_NAMES = re.compile(
    rb"IHDR|PLTE|tRNS|IDAT|IEND|acTL|fcTL|fdAT|eXIf|VP8[ LX]|ANIM|ANMF|ALPH|EXIF|XMP |RIFF|WEBP"
)
_JPEG_MARKS = re.compile(rb"\xff[\xc0-\xfe]")
_GIF_BLOCKS = re.compile(rb"\x21\xf9\x04|\x2c|\x21\xff\x0b|\x3b")
_ODD_NUMBERS = (
    0,
    1,
    2,
    0x7F,
    0x80,
    0xFF,
    0x100,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x10000,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
)
_HEADER_BYTES = 64


def find_joints(data: bytes) -> list[int]:
    """Return the places where a format's parts seem to begin; the head counts as one."""
    places = {0}
    for pattern in (_CHUNK_NAMES, _JPEG_MARKS, _GIF_BLOCKS):
        places.update(match.start() for match in pattern.finditer(data))
    if data[4:8] == b"ftyp":
        places.update(match.start() for match in _BOX_NAMES.finditer(data[:4096]))
    if data[:2] in {b"II", b"MM"}:
        order = "little" if data[:2] == b"II" else "big"
        table = int.from_bytes(data[4:8], order)
        places.update(range(table, min(table + 300, len(data)), 12))
    return sorted(places)


def mutate_anywhere(data: bytes, dice: random.Random) -> bytes:
    """Change, drop or insert a few bytes at random places."""
    changed = bytearray(data)
    for _ in range(dice.randint(1, 12)):
        place = dice.randrange(len(changed))
        way = dice.random()
        if way < 0.6:
            changed[place] = dice.randrange(256)
        elif way < 0.8:
            del changed[place : place + dice.randint(1, 40)]
        else:
            changed[place:place] = dice.randbytes(dice.randint(1, 40))
        if not changed:
            return b"\x00"
    return bytes(changed)


def mutate_cleverly(data: bytes, other: bytes, dice: random.Random) -> bytes:
    """Damage a file where it hurts: heads, sizes, links, whole parts.

    Args:
        data: a file.
        other: another file of any format, to be spliced in.
        dice: gives the same damage for the same seed.
    """
    joints = find_joints(data)
    place = dice.choice(joints)
    after = dice.choice([one for one in joints if one > place] or [len(data)])
    way = dice.randrange(7)
    if way == 0:  # a number that nobody expects, near the beginning of a part
        width = dice.choice((1, 2, 4))
        number = dice.choice(_ODD_NUMBERS) & (256**width - 1)
        at = max(0, min(place + dice.randint(-4, 24), len(data) - width))
        return data[:at] + number.to_bytes(width, dice.choice(("big", "little"))) + data[at + width :]
    if way == 1:  # the head
        head = bytearray(data[:_HEADER_BYTES])
        for _ in range(dice.randint(1, 4)):
            head[dice.randrange(len(head))] ^= 1 << dice.randrange(8)
        return bytes(head) + data[_HEADER_BYTES:]
    if way == 2:  # cut off
        return data[: dice.randrange(1, len(data))]
    if way == 3:  # a part twice, or many times
        return data[:after] + data[place:after] * dice.choice((1, 2, 50)) + data[after:]
    if way == 4:  # a part missing
        return data[:place] + data[after:] or b"\x00"
    if way == 5:  # two parts in the wrong order
        last = dice.choice([one for one in joints if one > after] or [len(data)])
        return data[:place] + data[after:last] + data[place:after] + data[last:]
    return data[:place] + other[dice.choice(find_joints(other)) :] or b"\x00"


def mend_png(data: bytes) -> bytes:
    """Return a damaged PNG with right check sums, as far as its chunks can be followed: else none is read further."""
    mended, place = bytearray(data), 8
    while place + 12 <= len(mended):
        length = int.from_bytes(mended[place : place + 4], "big")
        end = place + 8 + length
        if end + 4 > len(mended):
            break
        mended[end : end + 4] = struct.pack(">I", zlib.crc32(mended[place + 4 : end]))
        place = end + 4
    return bytes(mended)


def mutate(data: bytes, other: bytes, dice: random.Random) -> bytes:
    """Return a damaged copy of a file, one time in two cleverly damaged."""
    damaged = mutate_cleverly(data, other, dice) if dice.random() < 0.5 else mutate_anywhere(data, dice)
    return mend_png(damaged) if damaged.startswith(b"\x89PNG") and dice.random() < 0.8 else damaged
