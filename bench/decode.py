"""Measure what the sandbox costs: a picture decoded in a locked child against the same code in this process.

1. Draw a few pictures of usual sizes.
2. For each, take turns: bare, sandboxed without and with the view, so that a busy machine slows all alike.
3. Print medians in milliseconds, their ratios, and the bare cost of fork and locks, as JSON.
"""

import argparse
import io
import json
import statistics
import time
from collections.abc import Callable

from PIL import Image

from triage.errors import PictureRefusedError
from triage.sandbox import pictures
from triage.sandbox.decoder import Decoder, DecoderLimits

SIZES = ((320, 240), (1200, 900), (4000, 3000))


def draw_file(width: int, height: int, kind: str) -> bytes:
    """Return a drawn picture with some detail as a file."""
    ramp = Image.linear_gradient("L").resize((width, height))
    noise = Image.effect_noise((width, height), 40)
    file = io.BytesIO()
    Image.merge("RGB", (ramp, noise, ramp.transpose(Image.Transpose.ROTATE_180))).save(file, kind)
    return file.getvalue()


def measure_ms(act: Callable[[], object]) -> float:
    """Return how long one call takes, in milliseconds."""
    begun = time.perf_counter()
    act()
    return (time.perf_counter() - begun) * 1000


def decode_bare(data: bytes) -> None:
    """Decode and fingerprint in this process."""
    pictures.decode_picture(io.BytesIO(data))


def decode_locked(decoder: Decoder, data: bytes, *, with_view: bool) -> None:
    """Decode and fingerprint in a locked child."""
    with decoder.open_picture("bench", data) as picture:
        if with_view:
            picture.read_view()


def refuse_locked(decoder: Decoder) -> None:
    """Have an empty file refused: nothing but fork, locks, two messages and the end."""
    try:
        with decoder.open_picture("bench", b""):
            pass
    except PictureRefusedError:
        return


def compare(decoder: Decoder, data: bytes, rounds: int) -> dict[str, float]:
    """Return the medians of all ways for one file, interleaved."""
    times: dict[str, list[float]] = {"bare": [], "locked": [], "locked_with_view": [], "fork_and_locks": []}
    for _ in range(rounds):
        times["bare"].append(measure_ms(lambda: decode_bare(data)))
        times["locked"].append(measure_ms(lambda: decode_locked(decoder, data, with_view=False)))
        times["locked_with_view"].append(measure_ms(lambda: decode_locked(decoder, data, with_view=True)))
        times["fork_and_locks"].append(measure_ms(lambda: refuse_locked(decoder)))
    medians = {f"{name}_ms": round(statistics.median(values), 2) for name, values in times.items()}
    return {**medians, "ratio": round(medians["locked_ms"] / medians["bare_ms"], 2)}


def main() -> None:
    """Run the comparison and print it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=31)
    rounds = parser.parse_args().rounds
    pictures.configure_pillow()
    found: dict[str, object] = {}
    begun = time.perf_counter()
    with Decoder(DecoderLimits()) as decoder:
        found["start_ms"] = round((time.perf_counter() - begun) * 1000, 1)
        found["layers"] = decoder.layers.as_dict()
        for width, height in SIZES:
            for kind in ("JPEG", "PNG"):
                data = draw_file(width, height, kind)
                found[f"{kind} {width}x{height}"] = compare(decoder, data, rounds)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
