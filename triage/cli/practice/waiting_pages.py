"""The hosts and pages of the queue that the demo leaves: plain data, and drawings of the catalogue."""

from triage.cli.practice.catalogue import Catalogue
from triage.cli.practice.replies import Maker, Routes, make_page, picture_path, serve_pictures

AL, AL_TOO, ZZ = "radha.shembull.example", "radha.praktike.example", "radha.nowhere.example"
WAITING_HOSTS = (AL, AL_TOO, ZZ)
ALBUM_ADDRESS, HALF_ADDRESS = f"http://{AL}/albumi", f"http://{ZZ}/gjysma"

ALBUM = (
    *("queue-alike-1", "queue-alike-2", "queue-alike-3", "queue-alike-4"),
    *("queue-near", "queue-known", "queue-1", "queue-2", "queue-3", "queue-4", "queue-5", "queue-6"),
)
"""Twelve pictures of one page: four that are alike, one that is near a listed one, one that is known."""

LEFT_HALF = ("queue-7", "queue-8", "queue-9")
"""Pictures of the page that somebody left with a note."""

SINGLE = {
    "danger": ("queue-danger", ZZ),
    "late": ("queue-late", AL),
    "often": ("queue-often", AL_TOO),
    "near": ("queue-near-single", ZZ),
    "known": ("queue-known", AL_TOO),
    "second": ("queue-second", AL),
    "lead": ("queue-lead", AL_TOO),
    "held": ("queue-held", ZZ),
}
"""What an item stands for → its picture, and the host that shows it."""


def serve_waiting(catalogue: Catalogue) -> Routes:
    """Return the hosts of these items, as the practice site serves them."""

    def page(title: str, names: tuple[str, ...]) -> Maker:
        shown = "".join(f'<p><img src="{picture_path(name)}" alt=""></p>' for name in names)
        return lambda: make_page(title, shown)

    served = {
        host: serve_pictures(catalogue, *(name for name, other in SINGLE.values() if other == host))
        for host in WAITING_HOSTS
    }
    served[AL] |= {"/albumi": page("Album", ALBUM), **serve_pictures(catalogue, *ALBUM)}
    served[ZZ] |= {"/gjysma": page("Gjysma", LEFT_HALF), **serve_pictures(catalogue, *LEFT_HALF)}
    return served


def find_address(name: str) -> str:
    """Return the address of a picture that stands alone, by what it stands for."""
    drawing, host = SINGLE[name]
    return f"http://{host}{picture_path(drawing)}"
