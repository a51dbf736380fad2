"""Runs of damaged pictures through the real decoder; 20 000 of each format in a soak, shared by its kinds."""

import random
import time
from collections.abc import Callable

import pytest

from tests.counts import IS_SOAK
from tests.decoding import SIZE, ask_all, assert_none_lingers, draw_frames, draw_mode
from tests.drawn_images import draw_animation, draw_picture, encode, make_heic, make_jpeg, make_png
from tests.mutations import mutate
from triage.sandbox import heic
from triage.sandbox.decoder import Decoder, DecoderLimits

LIMITS = DecoderLimits(wall_s=10, cpu_s=8, memory_mb=512)
OF_EACH_FORMAT = 20_000

STILL = {
    "JPEG": lambda: make_jpeg(3, size=SIZE),
    "progressive JPEG": lambda: draw_mode("JPEG", "RGB", progressive=True),
    "CMYK JPEG": lambda: draw_mode("JPEG", "CMYK"),
    "PNG": lambda: make_png(3, size=SIZE),
    "palette PNG": lambda: draw_mode("PNG", "P", transparency=1),
    "GIF": lambda: draw_mode("GIF", "P"),
    "WEBP": lambda: draw_mode("WEBP", "RGBA"),
    "AVIF": lambda: draw_mode("AVIF", "RGBA", speed=8),
    "BMP": lambda: draw_mode("BMP", "P"),
    "TIFF": lambda: draw_mode("TIFF", "RGB", compression="tiff_lzw"),
    "old TIFF": lambda: draw_mode("TIFF", "CMYK"),
    "ICO": lambda: encode(draw_picture(3, "shapes", SIZE), "ICO"),
    "HEIC": lambda: make_heic(draw_picture(3, "shapes", SIZE)),
}
MOVING = {
    "animated GIF": lambda: draw_frames("GIF"),
    "animated PNG": lambda: draw_frames("PNG"),
    "animated WEBP": lambda: draw_frames("WEBP"),
    "animated AVIF": lambda: draw_frames("AVIF"),
    "TIFF of pages": lambda: draw_frames("TIFF"),
    "MPO": lambda: draw_frames("MPO"),
    "HEIC album": lambda: make_heic(*draw_animation(3, 3, (64, 48))),
}
KINDS: dict[str, Callable[[], bytes]] = STILL | MOVING


def find_format(kind: str) -> str:
    """Return the format of a kind: the one word of it in capitals."""
    word = next(word for word in kind.split() if word.isupper() and word != "CMYK")
    return "JPEG" if word == "MPO" else word


def count_tries(kind: str) -> int:
    """Return how many damaged files of a kind are tried: few, or its share of its format's number in a soak."""
    siblings = [one for one in KINDS if find_format(one) == find_format(kind)]
    return OF_EACH_FORMAT // len(siblings) if IS_SOAK else 40


def run_mutations(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Damage a picture again and again: decoded or refused, while the zygote lives and no child outlives its time."""
    if kind.startswith("HEIC") and not heic.is_installed():
        pytest.skip("the extra hotline[heic] is not installed")
    tries = count_tries(kind)
    dice = random.Random(f"mutations of {kind}")
    data, other = KINDS[kind](), KINDS[dice.choice(["JPEG", "PNG", "GIF", "animated WEBP", "TIFF"])]()
    found: dict[str, int] = {}
    begun = time.monotonic()
    with Decoder(LIMITS) as decoder:
        assert ask_all(decoder, "whole", data) == "decoded"
        zygotes = decoder.list_zygotes()
        for number in range(tries):
            end = ask_all(decoder, f"mutation-{number}", mutate(data, other, dice))
            found[end] = found.get(end, 0) + 1
            if number % 100 == 99:
                assert_none_lingers(decoder)
        assert_none_lingers(decoder)
        assert decoder.list_zygotes()[: len(zygotes)] == zygotes
    assert found.get("refused", 0) > 0
    assert found.get("over a limit", 0) <= tries // 20
    if IS_SOAK:
        with capsys.disabled():
            print(f"\n{kind}: {tries} mutations in {time.monotonic() - begun:.0f} s: {found}")
