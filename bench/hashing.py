"""Measure hashing: JPEG bytes to fingerprints against the reference implementations, and that the bits are theirs.

1. Speed, in turns in this process, of drawn 2-megapixel JPEGs: ours (one decode, eight PDQ and a pHash, as in the
   sandbox but without its walls), `PdqSignal` of threatexchange (one PDQ), `pdqhash` with its eight, `imagehash.phash`,
   and the bare decode that all of them need.
2. Bits off, of pictures of many sizes: PDQ in eight orientations and quality against `pdqhash`, pHash against
   `imagehash`, each given the very same pixels.
3. Modes: one picture as CMYK, palette, grey with alpha and 16-bit grey, against the RGB pixels that the file shows; and
   what the peer makes of the file. What a palette of 256 colours itself costs is told apart: no reader can undo it.

    python -m bench.hashing [--rounds 15]      writes bench/results/hashing.json and hashing.svg
"""

import argparse
import io
import os
import statistics
import sys
from collections.abc import Callable

import imagehash
import numpy as np
import pdqhash
import simplejpeg
from numpy.typing import NDArray
from PIL import Image
from threatexchange.signal_type.pdq.pdq_hasher import pdq_from_bytes
from threatexchange.signal_type.pdq.signal import PdqSignal

from bench.capture_site import draw_bases
from bench.chart import write_bars
from bench.load import measure_s, write_result
from hashsets import kernels
from hashsets.compute import fingerprint_picture
from hashsets.model import DIHEDRAL, Algorithm, Fingerprint
from triage.cli.practice.pictures import KINDS, draw_picture, encode
from triage.sandbox import pictures

MS = 1000.0
OURS = "ours, eight PDQ and pHash"
PEER = "PdqSignal, one PDQ"
BARE = "decode alone"
SIZES = ((1632, 1224), (1001, 667), (512, 512), (640, 480), (127, 211), (64, 64), (257, 96))


# 1. Speed


def measure_speed(rounds: int) -> dict[str, object]:
    """Return the median milliseconds a picture of each way, and the ratios of the same turn."""
    decode = pictures.choose_decode("decoder", 15)
    ways: dict[str, Callable[[bytes], object]] = {
        OURS: lambda data: decode(io.BytesIO(data)).fingerprints,
        PEER: PdqSignal.hash_from_bytes,
        "Pillow and pdqhash, eight PDQ": lambda data: pdqhash.compute_dihedral(
            np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        ),
        "imagehash.phash": lambda data: imagehash.phash(Image.open(io.BytesIO(data))),
        BARE: lambda data: simplejpeg.decode_jpeg(data, colorspace="RGB"),
    }
    bases = draw_bases()
    for act in ways.values():
        act(bases[0])
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for data in bases:
            for name, act in ways.items():
                times[name].append(measure_s(lambda act=act, data=data: act(data)) * MS)

    def compare(other: str, *, over: str) -> float:
        pairs = zip(times[other], times[over], strict=True)
        return round(statistics.median(one / two for one, two in pairs), 2)

    return {
        "pictures": len(bases),
        "mean_kib": round(statistics.mean(len(data) for data in bases) / 1024),
        "ms": {name: round(statistics.median(values), 2) for name, values in times.items()},
        "pdqsignal_over_ours": compare(PEER, over=OURS),
        "imagehash_over_ours": compare("imagehash.phash", over=OURS),
        "ours_over_decode_alone": compare(OURS, over=BARE),
    }


# 2. Bits off


def _count_bits(one: str, two: str) -> int:
    return (int(one, 16) ^ int(two, 16)).bit_count()


def _pack(bits: NDArray[np.uint8]) -> str:
    return np.packbits(bits.astype(np.uint8)).tobytes().hex()


def _pick(fingerprints: list[Fingerprint], algorithm: Algorithm, orientation: str) -> Fingerprint:
    return next(
        each
        for each in fingerprints
        if each.algorithm is algorithm and each.orientation == orientation and each.frame == 0
    )


def count_bits_off(seeds: int) -> dict[str, int]:
    """Return the most bits (and points of quality) by which ours differ from the references on the same pixels."""
    worst = {"pdq": 0, "pdq_eight": 0, "quality": 0, "phash": 0, "pdqsignal_from_bytes": 0}
    drawn = [(seed, kind, size) for seed in range(seeds) for kind in KINDS for size in SIZES]
    for seed, kind, size in drawn:
        image = draw_picture(seed, kind, size)
        ours = fingerprint_picture(np.asarray(image), frame=0)
        vectors, quality = pdqhash.compute_dihedral(np.asarray(image))
        off = [
            _count_bits(_pick(ours, Algorithm.PDQ, name).value, _pack(vector))
            for name, vector in zip(DIHEDRAL, vectors, strict=True)
        ]
        phash = _pick(ours, Algorithm.PHASH, "r0").value
        found = {
            "pdq": off[0],
            "pdq_eight": max(off),
            "quality": abs(int(quality) - (_pick(ours, Algorithm.PDQ, "r0").quality or 0)),
            "phash": _count_bits(phash, str(imagehash.phash(image))),
        }
        worst = {name: max(value, found.get(name, 0)) for name, value in worst.items()}
    decode = pictures.choose_decode("decoder", 15)
    for data in draw_bases():
        value = _pick(decode(io.BytesIO(data)).fingerprints, Algorithm.PDQ, "r0").value
        theirs, _ = pdq_from_bytes(data)
        worst["pdqsignal_from_bytes"] = max(worst["pdqsignal_from_bytes"], _count_bits(value, theirs))
    return {"pictures": len(drawn), **worst}


# 3. Modes

_SHOWN_AS = {"LA": "L", "I;16": "L"}


def _write_modes(image: Image.Image) -> dict[str, tuple[bytes, Image.Image]]:
    """Return a file of each mode, and the RGB picture that it shows."""
    grey = image.convert("L")
    shown = grey.convert("RGB")
    with_alpha = Image.merge("LA", (grey, Image.new("L", grey.size, 255)))
    sixteen = Image.fromarray(np.asarray(grey, dtype=np.uint16) * 257)
    palette = image.quantize(256)
    return {
        "CMYK": (encode(image.convert("CMYK"), "JPEG", quality=95), image),
        "P": (encode(palette, "PNG"), palette.convert("RGB")),
        "LA": (encode(with_alpha, "PNG"), shown),
        "I;16": (encode(sixteen, "PNG"), shown),
    }


def measure_modes(seeds: int) -> dict[str, dict[str, int]]:
    """Return the most PDQ bits between a mode's file and the same picture as RGB, ours and the peer's."""
    decode = pictures.choose_decode("decoder", 15)
    found: dict[str, dict[str, int]] = {}
    for seed in range(seeds):
        for kind in KINDS:
            image = draw_picture(seed, kind)
            for mode, (data, shown) in _write_modes(image).items():
                if Image.open(io.BytesIO(data)).mode != mode:
                    raise SystemExit(f"the file drawn for {mode} is not of that mode")
                vector, _ = pdqhash.compute(np.asarray(shown))
                ours = _pick(decode(io.BytesIO(data)).fingerprints, Algorithm.PDQ, "r0").value
                theirs, _ = pdq_from_bytes(data)
                original, _ = pdqhash.compute(
                    np.asarray(image.convert(_SHOWN_AS.get(mode, "RGB")).convert("RGB"))
                )
                lost = _count_bits(_pack(vector), _pack(original))
                worst = found.setdefault(mode, {"ours": 0, "pdqsignal": 0, "lost_by_the_mode": 0})
                worst["lost_by_the_mode"] = max(worst["lost_by_the_mode"], lost)
                worst["ours"] = max(worst["ours"], _count_bits(ours, _pack(vector)))
                worst["pdqsignal"] = max(worst["pdqsignal"], _count_bits(theirs, _pack(vector)))
    return found


def main() -> int:
    """Run all three, print and keep them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument(
        "--seeds", type=int, default=2, help="pictures of each kind and size whose bits are compared"
    )
    options = parser.parse_args()
    pictures.configure_pillow()
    speed = measure_speed(options.rounds)
    found: dict[str, object] = {
        "processors": os.cpu_count(),
        "kernels_in_c": kernels.is_built(),
        "speed": speed,
        "bits_off": count_bits_off(options.seeds),
        "modes_bits_off_rgb": measure_modes(options.seeds),
    }
    path = write_result("hashing", found)
    rates = [(name, round(MS / float(value), 1)) for name, value in dict(speed["ms"]).items()]
    write_bars(path.with_suffix(".svg"), "2-megapixel JPEGs a second, one core", rates)
    print(path.read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
