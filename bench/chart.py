"""Charts as SVG, drawn by hand: bars beside each other, and lines over two logarithmic axes."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

_BARS = (
    ("known, one worker", "known_a_cpu_second_1"),
    ("new, one worker", "new_a_cpu_second_1"),
    ("peer, no sandbox, nothing stored", "peer_a_cpu_second"),
)
_COLOURS = ("#4a7a8c", "#b3543f", "#6b8f4e", "#8a6aa8", "#c09030", "#555555")
_LEFT, _TOP, _WIDE, _HIGH = 90, 50, 460, 300


def write_chart(path: Path, found: Mapping[str, object]) -> None:
    """Write the chart of a result of `capture.py`."""
    bars = [(words, float(str(found[name]))) for words, name in _BARS]
    write_bars(path, "2-megapixel JPEGs a processor second, HTTP to stored match", bars)


def write_bars(path: Path, title: str, bars: Sequence[tuple[str, float]]) -> None:
    """Write one bar for each pair of words and value."""
    longest = max(value for _, value in bars)
    lines = []
    for place, (words, value) in enumerate(bars):
        top, width = 40 + place * 40, round(360 * value / longest)
        lines.append(f'<text x="10" y="{top + 18}">{escape(words)}</text>')
        lines.append(f'<rect x="240" y="{top}" width="{width}" height="26" fill="#4a7a8c"/>')
        lines.append(f'<text x="{248 + width}" y="{top + 18}">{value:g}</text>')
    _write(path, 680, 60 + 40 * len(bars), title, lines)


def write_lines(
    path: Path, title: str, axes: tuple[str, str], lines: Mapping[str, Sequence[tuple[float, float]]]
) -> None:
    """Write one line for each name over two logarithmic axes.

    Args:
        path: of the SVG.
        title: one line over the chart.
        axes: what is counted along and upwards.
        lines: points of each name, all above zero.
    """
    points = [point for each in lines.values() for point in each]
    low_x, high_x = _find_decades([x for x, _ in points])
    low_y, high_y = _find_decades([y for _, y in points])

    def place(x: float, y: float) -> tuple[float, float]:
        across = (math.log10(x) - low_x) / (high_x - low_x)
        up = (math.log10(y) - low_y) / (high_y - low_y)
        return round(_LEFT + _WIDE * across, 1), round(_TOP + _HIGH * (1 - up), 1)

    drawn = []
    for decade in range(low_x, high_x + 1):
        x, _ = place(10.0**decade, 10.0**low_y)
        drawn.append(f'<path d="M{x} {_TOP}V{_TOP + _HIGH}" stroke="#ddd"/>')
        drawn.append(f'<text x="{x}" y="{_TOP + _HIGH + 18}" text-anchor="middle">{10**decade:,}</text>')
    for decade in range(low_y, high_y + 1):
        _, y = place(10.0**low_x, 10.0**decade)
        drawn.append(f'<path d="M{_LEFT} {y}H{_LEFT + _WIDE}" stroke="#ddd"/>')
        drawn.append(f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{10.0**decade:,g}</text>')
    for number, (name, each) in enumerate(lines.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        places = [place(x, y) for x, y in sorted(each)]
        drawn.append(
            f'<polyline points="{" ".join(f"{x},{y}" for x, y in places)}" fill="none" stroke="{colour}"'
            ' stroke-width="2"/>'
        )
        drawn += [f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in places]
        top = _TOP + 14 + 20 * number
        drawn.append(
            f'<rect x="{_LEFT + _WIDE + 20}" y="{top - 10}" width="12" height="12" fill="{colour}"/>'
        )
        drawn.append(f'<text x="{_LEFT + _WIDE + 38}" y="{top}">{escape(name)}</text>')
    drawn.append(
        f'<text x="{_LEFT + _WIDE}" y="{_TOP + _HIGH + 38}" text-anchor="end">{escape(axes[0])}</text>'
    )
    drawn.append(f'<text x="10" y="{_TOP - 8}">{escape(axes[1])}</text>')
    _write(path, _LEFT + _WIDE + 260, _TOP + _HIGH + 55, title, drawn)


def _find_decades(values: Sequence[float]) -> tuple[int, int]:
    """Return the powers of ten around all values, at least one apart."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def _write(path: Path, width: int, height: int, title: str, lines: Sequence[str]) -> None:
    body = "\n".join(lines)
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        ' font-family="sans-serif" font-size="13">\n'
        '<rect width="100%" height="100%" fill="white"/>\n'
        f'<text x="10" y="24" font-weight="bold">{escape(title)}</text>\n'
        f"{body}\n</svg>\n"
    )
