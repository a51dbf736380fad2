"""HEIC pictures: an extra (`pip install hotline[heic]`), decoded in a zygote of their own.

Their decoder starts threads, which the locks of all other formats forbid: so `pillow_heif` is imported only in a
zygote of the profile "heic", and that one is started when the first such file comes.
"""

import base64
import importlib.util

from triage.sandbox import kernel

PROFILE = "heic"
NOT_INSTALLED = "a HEIC picture: its decoder is not installed"

PILLOW_FORMATS = ("HEIF",)
"""What Pillow calls the format once the extra is registered."""

_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_ANY_CODEC = frozenset({b"mif1", b"msf1", b"mif2"})  # the brands behind it tell the codec
_AVIF = frozenset({b"avif", b"avis"})
_MODULE = "pillow_heif"
_ARENA_MAX = -8  # M_ARENA_MAX of malloc.h: the most heaps of a process

# 64 x 64 pixels: three gradients.
_SAMPLE = (
    "0000SW^{RQXk}?*00000ZE0pPXk}?*ZE0a<00042ZDn*}000000000XXk=`10000000000aA{+700000000000000000000B"
    "57=IV*mgE07O6l0RRC200001dH?|c00000001=r001LtX>Mi!000000RR916=`l}WdZ;I000310BCk&F#rGn01j|zbZr0t00"
    "0010002iX>f9I0002DX>en20001ZXm(>m0RwOV0058x000009`FGC{rLC*01pFT0096PKmiN^|NjGU00093kN^M!000939=Z"
    "ZRVE_RDD?$MQ18@KU0|1Z!00RI30{|YNAb|yz>PacCZUPz%2mk;B0LTCU0{{p>VgLaE2SfqEa<C#m0000JV{dG7ZewhC0096"
    "E00w{n000zeb8uw<00000002M$002M$000nhX?SS>000032nYxO000+haBX1#00000000310R({p0|Wp706lGFVRQfh05K>5"
    "uLKzUd5kk$JnkXgMVHP<s=B1Oc}*x05X`X7OMPP2a&QF)o@@~UR1|@by;O7"
)


def is_heic(head: bytes) -> bool:
    """Whether a file's first bytes (64 are enough) say HEIC; an AVIF file of the same family is none.

    See ISO/IEC 23008-12:2022, clause 10: the first box names a brand and those that the file is compatible with.
    """
    if head[4:8] != b"ftyp":
        return False
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[place : place + 4] for place in range(16, end - 3, 4)}
    if head[8:12] in _BRANDS:
        return True
    return head[8:12] in _ANY_CODEC and not brands & _AVIF


def is_installed() -> bool:
    """Whether the extra is installed; it is not imported here."""
    return importlib.util.find_spec(_MODULE) is not None


def register() -> None:
    """Teach Pillow the format, in the process that is its own; pictures inside a picture are never decoded."""
    import pillow_heif

    # Threads with heaps of their own give memory back by the C library's leave, which opens a file: a forbidden call.
    kernel.libc.mallopt(_ARENA_MAX, 1)
    pillow_heif.register_heif_opener(decode_threads=1, thumbnails=False, depth_images=False, aux_images=False)


def read_sample() -> bytes:
    """Return a small drawn picture to warm the decoder with: no encoder of this format is ever run."""
    return base64.b85decode(_SAMPLE)
