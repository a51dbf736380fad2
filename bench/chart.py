"""A bar chart as SVG, drawn by hand: pictures a processor second, ours beside the peer's."""

from pathlib import Path
from xml.sax.saxutils import escape

_BARS = (
    ("known, one worker", "known_a_cpu_second_1"),
    ("new, one worker", "new_a_cpu_second_1"),
    ("peer, no sandbox, nothing stored", "peer_a_cpu_second"),
)


def write_chart(path: Path, found: dict[str, object]) -> None:
    """Write the chart of a result of `capture.py`."""
    values = [(words, float(str(found[name]))) for words, name in _BARS]
    longest = max(value for _, value in values)
    lines = []
    for place, (words, value) in enumerate(values):
        top, width = 40 + place * 40, round(360 * value / longest)
        lines.append(f'<text x="10" y="{top + 18}">{escape(words)}</text>')
        lines.append(f'<rect x="240" y="{top}" width="{width}" height="26" fill="#4a7a8c"/>')
        lines.append(f'<text x="{248 + width}" y="{top + 18}">{value:g}</text>')
    body = "\n".join(lines)
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="680" height="{60 + 40 * len(values)}"'
        ' font-family="sans-serif" font-size="13">\n'
        '<rect width="100%" height="100%" fill="white"/>\n'
        '<text x="10" y="24" font-weight="bold">2-megapixel JPEGs a processor second, HTTP to stored match</text>\n'
        f"{body}\n</svg>\n"
    )
