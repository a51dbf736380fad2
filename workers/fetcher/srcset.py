"""The largest picture of a `srcset` (https://html.spec.whatwg.org/#parsing-a-srcset-attribute, read 2026-11)."""

import re
from dataclasses import dataclass, replace

MAX_CHARACTERS = 1 << 17

_CANDIDATE = re.compile(r"[\s,]*+(\S++)")
_DESCRIPTORS = re.compile(r"[^,(]*+(?:\([^)]*+\)?[^,(]*+)*+")
_WIDTH = re.compile(r"0*([1-9][0-9]{0,8})w")
_HEIGHT = re.compile(r"0*[1-9][0-9]{0,8}h")
_DENSITY = re.compile(r"([0-9]{0,9}\.?[0-9]{1,9}(?:[eE][+-]?[0-9]{1,2})?)x")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One picture of a srcset.

    Attributes:
        url: as written.
        width: pixels, or None when a density is given.
        density: pixels of the file for one of the page.
        is_valid: whether a browser takes it, by its descriptor.
        replaces_src: whether a browser never shows the `src` beside it.
    """

    url: str
    width: float | None
    density: float
    is_valid: bool = True
    replaces_src: bool = True

    def measure(self, area: float, *, is_sized: bool) -> float:
        """Return the area of the file in square pixels.

        Args:
            area: of the element.
            is_sized: whether the page says so, rather than we guess.
        """
        if self.width is None:
            return area * self.density * self.density
        return max(self.width * self.width * 0.75, area if is_sized else 0.0)


def find_largest(srcset: str, src: str | None) -> Candidate | None:
    """Return the candidate with the greatest width or density; one that no browser takes only for want of a better.

    Args:
        srcset: the attribute; at most 131,072 characters are read.
        src: stands for density 1 where no candidate gives a width or that density.
    """
    best: Candidate | None = None
    takes_src = True
    place = 0
    text = srcset[:MAX_CHARACTERS]
    while (match := _CANDIDATE.match(text, place)) is not None:
        url, place = match[1], match.end()
        descriptor = ""
        if url.endswith(","):
            url = url.rstrip(",")
        elif (rest := _DESCRIPTORS.match(text, place)) is not None:
            descriptor, place = rest[0], rest.end()
        candidate = _read_candidate(url, descriptor)
        if candidate.is_valid and (candidate.width is not None or candidate.density == 1):
            takes_src = False
        if url and (best is None or _rank(candidate) > _rank(best)):
            best = candidate
    if best is None or not best.is_valid:
        return None if best is None else replace(best, replaces_src=False)
    if takes_src and src and best.density < 1:
        return Candidate(src, None, 1.0)
    return best


def _read_candidate(url: str, descriptor: str) -> Candidate:
    words = descriptor.split()
    widths, densities = (
        [match[1] for match in map(kind.fullmatch, words) if match] for kind in (_WIDTH, _DENSITY)
    )
    heights = sum(_HEIGHT.fullmatch(word) is not None for word in words)
    return Candidate(
        url,
        float(widths[0]) if widths else None,
        float(densities[0]) if densities and not widths else 1.0,
        # A height stands beside a width only; anything else makes the candidate none.
        is_valid=len(widths) + len(densities) <= 1
        and heights <= len(widths)
        and len(widths) + len(densities) + heights == len(words),
    )


def _rank(candidate: Candidate) -> tuple[bool, float, float]:
    return (candidate.is_valid, candidate.width or 0.0, candidate.density)
