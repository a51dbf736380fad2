"""Pictures with bytes changed at random: decoded or refused, but the zygote lives and nothing looks hostile."""

import random

import pytest

from tests.counts import scale
from tests.drawn_images import SMALL, make_animation, make_jpeg, make_png
from triage.cli.practice.pictures import draw_picture, encode
from triage.errors import HostilePictureError, PictureRefusedError
from triage.sandbox.decoder import Decoder, DecoderLimits

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF", "ICO", "animation")
LIMITS = DecoderLimits(wall_s=10, cpu_s=8, memory_mb=512)


def draw(kind):
    if kind == "JPEG":
        return make_jpeg(3)
    if kind == "PNG":
        return make_png(3)
    if kind == "animation":
        return make_animation(3)
    return encode(draw_picture(3, "shapes", SMALL), kind)


def mutate(data, dice):
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


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", FORMATS)
def test_damaged_pictures_are_decoded_or_refused_and_nothing_else(kind):
    dice = random.Random(f"mutations of {kind}")
    data = draw(kind)
    with Decoder(LIMITS) as decoder:
        zygote = decoder.zygote_pid
        for number in range(scale(15)):
            try:
                with decoder.open_picture(f"mutation-{number}", mutate(data, dice)) as picture:
                    picture.read_view()
            except HostilePictureError:
                pytest.fail("a damaged picture was taken for a hostile one")
            except PictureRefusedError:
                continue
        assert decoder.zygote_pid == zygote
