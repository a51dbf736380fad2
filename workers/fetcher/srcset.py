"""The largest picture of a `srcset` (https://html.spec.whatwg.org/#parsing-a-srcset-attribute, read 2026-11)."""

import re
from dataclasses import dataclass

MAX_CHARACTERS = 1 << 17

_CANDIDATE = re.compile(r"[\s,]*+(\S++)")
_DESCRIPTORS = re.compile(r"[^,(]*+(?:\([^)]*+\)?[^,(]*+)*+")
_NUMBER = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)([wx])")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One picture of a srcset.

    Attributes:
        url: as written.
        width: pixels, or None when a density is given.
        density: pixels of the file for one of the page.
        replaces_src: whether a browser that reads the srcset never shows the `src` beside it.
    """

    url: str
    width: float | None
    density: float
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
    """Return the candidate with the greatest width or density.

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
        if candidate.width is not None or candidate.density == 1:
            takes_src = False
        if url and (best is None or _rank(candidate) > _rank(best)):
            best = candidate
    if best is not None and takes_src and src and _rank(best) < (0.0, 1.0):
        return Candidate(src, None, 1.0)
    return best


def _read_candidate(url: str, descriptor: str) -> Candidate:
    for word in descriptor.split():
        number = _NUMBER.fullmatch(word)
        if number is not None:
            value = float(number[1])
            return Candidate(url, value, 1.0) if number[2] == "w" else Candidate(url, None, value)
    return Candidate(url, None, 1.0)


def _rank(candidate: Candidate) -> tuple[float, float]:
    return (candidate.width or 0.0, candidate.density)
