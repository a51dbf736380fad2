"""How far a long command is: a bar on a terminal, plain lines else; on stderr, so that answers stay clean."""

import sys
from dataclasses import dataclass

_BAR = 30


@dataclass(slots=True)
class Progress:
    """What a command says while it runs.

    Attributes:
        words: what is counted, such as "rows read".
    """

    words: str
    _is_open: bool = False

    def show(self, count: int, share: float | None = None) -> None:
        """Say how many there are so far.

        Args:
            share: of the whole, 0 to 1, where that is known.
        """
        if not sys.stderr.isatty():
            print(f"{count} {self.words}", file=sys.stderr, flush=True)
            return
        bar = ""
        if share is not None:
            part = min(share, 1.0)
            bar = f"[{'#' * round(part * _BAR):<{_BAR}}] {part:4.0%} "
        print(f"\r{bar}{count} {self.words}", end="", file=sys.stderr, flush=True)
        self._is_open = True

    def end(self) -> None:
        """Leave the line of the bar."""
        if self._is_open:
            print(file=sys.stderr)
            self._is_open = False
