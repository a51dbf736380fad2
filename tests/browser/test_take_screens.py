"""The command that takes the pictures of the README finds its pages, and what it keeps is small."""

from functools import partial

from PIL import Image

from tests.public_server import run_public_surface
from tests.take_screens import FOLDER, LOOKS, MAX_BYTES, take_public, take_staff

ONE_LOOK = (("sq", "light"),)


def test_each_picture_of_the_readme_can_be_taken_again(house, open_browser, database, tmp_path):
    open_one = partial(open_browser, width=1100, height=720)
    taken = tmp_path / "screens"
    taken.mkdir()
    take_staff(house, open_one, taken, looks=ONE_LOOK)
    with run_public_surface(tmp_path / "public", database.dsns["hotline_public"]) as public:
        take_public(public.url, open_one, taken, looks=ONE_LOOK)
    names = {file.name.removesuffix("-sq-light.png") for file in taken.iterdir()}
    kept = {f"{name}-{language}-{scheme}.png" for name in names for language, scheme in LOOKS}
    assert kept == {file.name for file in FOLDER.iterdir()}
    for file in taken.iterdir():
        assert file.stat().st_size <= MAX_BYTES
        with Image.open(file) as image:
            assert image.size == (1100, 720)
