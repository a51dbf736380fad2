"""What the practice site answers: one table of host → path → reply."""

import html
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from triage.cli.practice import odd_files
from triage.cli.practice.catalogue import DRAWINGS, GALLERY_SIZE, Catalogue

_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif"}
_ENDINGS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "GIF": "gif"}

OVERSIZED_BYTES = 96 * 2**20
"""Length of the oversized body, in bytes; above the fetcher's default limit of 64 MiB."""

CLAIMED_BYTES = 5 * 2**40
"""Length that the lying host claims, in bytes."""

SLOW_S = 3.0
"""Seconds between two pieces of the slow host's body."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer.

    Attributes:
        body: the whole body, or pieces that are sent chunked.
        status: HTTP status.
        content_type: value of the header.
        headers: further headers; they may lie.
        wait_s: seconds before each piece.
    """

    body: bytes | Iterator[bytes]
    status: int = 200
    content_type: str = "text/html; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    wait_s: float = 0.0


Maker = Callable[[], Reply]
Routes = dict[str, dict[str, Maker]]


def picture_path(name: str) -> str:
    """Return the path under which the site serves a picture file, such as `/p/new-single.jpg`."""
    return f"/p/{name}.{_ENDINGS[DRAWINGS[name].file_format]}"


def build_routes(catalogue: Catalogue) -> Routes:
    """Return the whole site; replies are made when they are asked for.

    Args:
        catalogue: the files to serve.
    """
    return {
        "foto.shembull.example": _serve_photos(catalogue),
        "galeria.shembull.example": _serve_gallery(catalogue),
        "www.albumi.example": _serve_pictures(catalogue, "album-single"),
        "lajme.shembull.example": {"/": lambda: _page("Lajme", _NEWS), "/teksti.txt": _text},
        "kalo.praktike.example": {
            "/1": lambda: _redirect("/2", 301),
            "/2": lambda: _redirect("http://ndalesa.praktike.example/3", 302),
            "/rrotull": lambda: _redirect("/rrotull", 302),
        },
        "ndalesa.praktike.example": {
            "/3": lambda: _redirect(f"http://foto.shembull.example{picture_path('redirect-target')}", 307)
        },
        "rende.praktike.example": {
            "/e-rende.jpg": lambda: Reply(
                odd_files.stream_oversized(OVERSIZED_BYTES), content_type="image/jpeg"
            ),
            "/thote-shume.jpg": lambda: _claim_length(CLAIMED_BYTES),
            "/thote-pak.jpg": lambda: _claim_length(10),
            "/bomba.html": lambda: Reply(odd_files.make_gzip_bomb(), headers={"Content-Encoding": "gzip"}),
            "/bomba.png": lambda: Reply(odd_files.make_bomb_png(), content_type="image/png"),
        },
        "zhdukur.praktike.example": {"/ikur.jpg": lambda: _page("Gone", "<p>Gone.</p>", status=410)},
        "kurth.nowhere.example": _serve_traps(catalogue),
        "video.nowhere.example": {
            "/v/known.mp4": lambda: Reply(catalogue.read("video-known"), content_type="video/mp4"),
            "/v/new.mp4": lambda: Reply(catalogue.read("video-new"), content_type="video/mp4"),
        },
        "ngadale.nowhere.example": {"/ngadale.jpg": lambda: _drip(catalogue.read("slow"))},
        "depo.nowhere.example": {
            "/arkivi.zip": lambda: Reply(catalogue.read("archive"), content_type="application/zip"),
            **_serve_pictures(catalogue, "animated", "animated-webp", "truncated"),
        },
    }


def _serve_pictures(catalogue: Catalogue, *names: str) -> dict[str, Maker]:
    def make(name: str) -> Maker:
        kind = _TYPES[DRAWINGS[name].file_format]
        return lambda: Reply(catalogue.read(name), content_type=kind)

    return {picture_path(name): make(name) for name in names}


def _serve_photos(catalogue: Catalogue) -> dict[str, Maker]:
    names = ("new-single", "known-exact", "near-served", "redirect-target")
    more = ("spelled-single", "twice-reported", "mixed-lines")
    shown = "".join(f'<p><img src="{picture_path(name)}" alt=""></p>' for name in names[:2])
    return {"/": lambda: _page("Foto", shown), **_serve_pictures(catalogue, *names, *more)}


def _serve_gallery(catalogue: Catalogue) -> dict[str, Maker]:
    names = [f"gallery-{number}" for number in range(1, GALLERY_SIZE + 1)]
    routes = _serve_pictures(catalogue, *names)
    parts = []
    for name in names:
        full, thumbnail = picture_path(name), f"/t/{name}.jpg"
        routes[thumbnail] = _make_thumbnail(catalogue, name)
        parts.append(
            f'<a href="{full}"><img src="{thumbnail}" srcset="{thumbnail} 200w, {full} 800w" alt=""></a>'
        )
    head = f'<meta property="og:image" content="http://galeria.shembull.example{picture_path(names[0])}">'
    routes["/"] = lambda: _page("Galeri", "\n".join(parts), head)
    return routes


def _make_thumbnail(catalogue: Catalogue, name: str) -> Maker:
    return lambda: Reply(catalogue.read_thumbnail(name), content_type="image/jpeg")


def _serve_traps(catalogue: Catalogue) -> dict[str, Maker]:
    """Links and redirects to addresses that no stranger may make us call."""
    targets = (
        "http://10.0.0.5/fshehur.jpg",
        "http://127.0.0.1/fshehur.jpg",
        "http://169.254.169.254/latest/",
    )
    pictures = [*targets, "http://[::1]/fshehur.jpg", picture_path("behind-private")]
    body = "".join(f'<img src="{html.escape(target)}" alt="">' for target in pictures)
    return {
        "/": lambda: _page("Kurth", body),
        "/kalo-10": lambda: _redirect(targets[0], 302),
        "/kalo-127": lambda: _redirect(targets[1], 302),
        "/kalo-169": lambda: _redirect(targets[2], 302),
        **_serve_pictures(catalogue, "behind-private"),
    }


_NEWS = "<h1>Lajme praktike</h1><p>Kjo faqe ka vetëm tekst. This page has only text.</p>"


def _text() -> Reply:
    return Reply(b"Tekst praktike. Practice text.\n", content_type="text/plain; charset=utf-8")


def _page(title: str, body: str, head: str = "", status: int = 200) -> Reply:
    text = (
        f'<!doctype html><html lang="sq"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"{head}</head><body>{body}</body></html>"
    )
    return Reply(text.encode(), status)


def _redirect(target: str, status: int) -> Reply:
    return Reply(b"", status, headers={"Location": target})


def _claim_length(length: int) -> Reply:
    start = b"".join(odd_files.stream_oversized(4096))
    return Reply(start, content_type="image/jpeg", headers={"Content-Length": str(length)})


def _drip(data: bytes) -> Reply:
    pieces = (data[start : start + 64] for start in range(0, len(data), 64))
    return Reply(pieces, content_type="image/jpeg", wait_s=SLOW_S)
