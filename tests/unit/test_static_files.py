"""Static files: under names with their hash, unchanged from what was vendored, light, and nothing else is served."""

import base64
import hashlib
import re
from pathlib import Path

import pytest

import api.console
import api.public
from api.console.static_files import STATIC_FILES as STAFF_FILES
from api.public.pages import STATIC_FILES as PUBLIC_FILES
from api.static_files import load_static_files

HTMX = "htmx-4.0.1.min.js"
HTMX_SHA256 = "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130"
LICENCE_SHA256 = "d3d2456f76414f2456104660ebd65aff1c04cd7966b942bdabd63f3cdb316a38"
FOLDER = Path(api.console.__file__).parent / "static"


def test_htmx_is_what_was_published_and_its_licence_lies_beside_it() -> None:
    assert hashlib.sha256(STAFF_FILES.by_name[HTMX].body).hexdigest() == HTMX_SHA256
    licence = (FOLDER / f"{HTMX}.LICENSE").read_bytes()
    assert hashlib.sha256(licence).hexdigest() == LICENCE_SHA256


def test_our_own_scripts_are_at_most_10_kb_and_each_is_listed() -> None:
    own = {path.name: path.stat().st_size for path in FOLDER.glob("*.js") if path.name != HTMX}
    assert sum(own.values()) <= 10_000, own
    assert own.keys() | {HTMX, "alike.css", "console.css", "review.css"} == STAFF_FILES.by_name.keys()
    assert list((Path(api.public.__file__).parent / "static").iterdir()) == [
        Path(api.public.__file__).parent / "static" / "public.css"
    ], "the public surface has no script"


def test_a_name_changes_with_the_content_and_a_tag_names_the_content() -> None:
    for file in (*STAFF_FILES.by_path.values(), *PUBLIC_FILES.by_path.values()):
        assert hashlib.sha256(file.body).hexdigest()[:16] in file.path
        digest = base64.b64encode(hashlib.sha384(file.body).digest()).decode()
        assert file.integrity == f"sha384-{digest}"
    tag = STAFF_FILES.script(HTMX)
    file = STAFF_FILES.by_name[HTMX]
    assert tag == f'<script src="{file.path}" integrity="{file.integrity}" defer></script>'
    assert " defer" not in STAFF_FILES.script("panic.js", at_once=True)


def test_what_is_not_there_or_of_no_known_kind_is_a_mistake_at_the_start() -> None:
    for name in ("nothing.css", f"{HTMX}.LICENSE"):
        with pytest.raises((FileNotFoundError, KeyError)):
            load_static_files("api.console", (name,))


def test_a_stylesheet_is_served_without_comments_and_indents_and_says_the_same() -> None:
    written, served = (
        (FOLDER / "console.css").read_text("utf-8"),
        STAFF_FILES.by_name["console.css"].body.decode(),
    )
    assert "/*" in written
    assert "/*" not in served
    without = re.sub(r"/\*.*?\*/", "", written, flags=re.DOTALL)
    assert served.split() == without.split()
    assert len(served) < len(written)
