"""What the practice site answers: one table of host → path → reply."""

import html

from triage.cli.practice import odd_files
from triage.cli.practice.catalogue import DRAWINGS, GALLERY_SIZE, Catalogue
from triage.cli.practice.replies import (
    Maker,
    Reply,
    Routes,
    answer_at_try,
    make_page,
    make_picture,
    picture_path,
    serve_pictures,
)
from triage.cli.practice.waiting_pages import serve_waiting
from triage.cli.practice.walls import SHUT_HOST, list_walls
from triage.cli.practice.wide_pages import serve_every_way, serve_forty, serve_refresh

OVERSIZED_BYTES = 96 * 2**20
"""Length of the oversized body, in bytes; above the fetcher's default limit of 64 MiB."""

CLAIMED_BYTES = 5 * 2**40
"""Length that the lying host claims, in bytes."""

SLOW_S = 3.0
"""Seconds between two pieces of the slow host's body."""


def build_routes(catalogue: Catalogue) -> Routes:
    """Return the whole site; replies are made when they are asked for.

    Args:
        catalogue: the files to serve.
    """
    return {
        "foto.shembull.example": _serve_photos(catalogue),
        "galeria.shembull.example": _serve_gallery(catalogue),
        "www.albumi.example": serve_pictures(catalogue, "album-single"),
        "lajme.shembull.example": {"/": lambda: make_page("Lajme", _NEWS), "/teksti.txt": _text},
        "kalo.praktike.example": {
            "/1": lambda: _redirect("/2", 301),
            "/2": lambda: _redirect("http://ndalesa.praktike.example/3", 302),
            "/rrotull": lambda: _redirect("/rrotull", 302),
            **serve_refresh(catalogue),
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
        "zhdukur.praktike.example": {"/ikur.jpg": lambda: make_page("Gone", "<p>Gone.</p>", status=410)},
        "kurth.nowhere.example": _serve_traps(catalogue),
        "video.nowhere.example": {
            "/v/known.mp4": lambda: Reply(catalogue.read("video-known"), content_type="video/mp4"),
            "/v/new.mp4": lambda: Reply(catalogue.read("video-new"), content_type="video/mp4"),
        },
        "ngadale.nowhere.example": {"/ngadale.jpg": lambda: _drip(catalogue.read("slow"))},
        "depo.nowhere.example": {
            "/arkivi.zip": lambda: Reply(catalogue.read("archive"), content_type="application/zip"),
            **serve_pictures(catalogue, "animated", "animated-webp", "truncated"),
        },
        "kornize.shembull.example": serve_every_way(catalogue),
        "dyzet.shembull.example": serve_forty(catalogue),
        "formate.shembull.example": serve_pictures(catalogue, *list_formats()),
        "www.prisni.example": _serve_after(catalogue, "after-wait", 2, _WAIT),
        "www.lodhur.example": _serve_after(catalogue, "after-errors", 3, _TIRED),
        **{host: dict(paths) for host, paths in list_walls().items()},
        **serve_waiting(catalogue),
    }


def build_routes_abroad(catalogue: Catalogue, home: Routes) -> Routes:
    """Return the site as it is seen from abroad: what is shut at home is open, all else is the same.

    Args:
        catalogue: the files to serve.
        home: the site as it is seen at home; the hosts that do not differ are shared with it.
    """
    shown = f'<h1>Foto</h1><img src="{picture_path("behind-wall")}" alt="">'
    is_open: dict[str, Maker] = {
        "/foto": lambda: make_page("Foto", shown),
        **serve_pictures(catalogue, "behind-wall"),
    }
    return {**home, SHUT_HOST: is_open}


def list_formats() -> tuple[str, ...]:
    """Return the names of the pictures that are files of uncommon kinds."""
    names = ("turned-served", "late-served", "four-inks", "sixteen-bits", "phone-picture")
    return tuple(name for name in names if name in DRAWINGS)


_WAIT = Reply(b"wait\n", 429, "text/plain", {"Retry-After": "1"})
_TIRED = Reply(b"tired\n", 503, "text/plain")


def _serve_after(catalogue: Catalogue, name: str, number: int, before: Reply) -> dict[str, Maker]:
    return {picture_path(name): answer_at_try(number, before, make_picture(catalogue, name))}


def _serve_photos(catalogue: Catalogue) -> dict[str, Maker]:
    names = ("new-single", "known-exact", "near-served", "redirect-target")
    more = ("spelled-single", "twice-reported", "mixed-lines")
    shown = "".join(f'<p><img src="{picture_path(name)}" alt=""></p>' for name in names[:2])
    return {"/": lambda: make_page("Foto", shown), **serve_pictures(catalogue, *names, *more)}


def _serve_gallery(catalogue: Catalogue) -> dict[str, Maker]:
    names = [f"gallery-{number}" for number in range(1, GALLERY_SIZE + 1)]
    routes = serve_pictures(catalogue, *names)
    parts = []
    for name in names:
        full, thumbnail = picture_path(name), f"/t/{name}.jpg"
        routes[thumbnail] = _make_thumbnail(catalogue, name)
        parts.append(
            f'<a href="{full}"><img src="{thumbnail}" srcset="{thumbnail} 200w, {full} 800w" alt=""></a>'
        )
    head = f'<meta property="og:image" content="http://galeria.shembull.example{picture_path(names[0])}">'
    routes["/"] = lambda: make_page("Galeri", "\n".join(parts), head)
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
        "/": lambda: make_page("Kurth", body),
        "/kalo-10": lambda: _redirect(targets[0], 302),
        "/kalo-127": lambda: _redirect(targets[1], 302),
        "/kalo-169": lambda: _redirect(targets[2], 302),
        **serve_pictures(catalogue, "behind-private"),
    }


_NEWS = "<h1>Lajme praktike</h1><p>Kjo faqe ka vetëm tekst. This page has only text.</p>"


def _text() -> Reply:
    return Reply(b"Tekst praktike. Practice text.\n", content_type="text/plain; charset=utf-8")


def _redirect(target: str, status: int) -> Reply:
    return Reply(b"", status, headers={"Location": target})


def _claim_length(length: int) -> Reply:
    start = b"".join(odd_files.stream_oversized(4096))
    return Reply(start, content_type="image/jpeg", headers={"Content-Length": str(length)})


def _drip(data: bytes) -> Reply:
    pieces = (data[start : start + 64] for start in range(0, len(data), 64))
    return Reply(pieces, content_type="image/jpeg", wait_s=SLOW_S)
