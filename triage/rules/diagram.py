"""Draws the tables of states as `docs/states.md`; a test holds the file to the tables."""

from triage.rules.states import FINAL, IMAGE_MOVES, ITEM_MOVES, SENDING_MOVES, Move

_TABLES: tuple[tuple[str, tuple[Move, ...]], ...] = (
    ("Item", ITEM_MOVES),
    ("Image", IMAGE_MOVES),
    ("Notice and referral", SENDING_MOVES),
)


def draw_states() -> str:
    """Return the whole page: one Mermaid diagram a table."""
    lines = ["# States", "", "Drawn from `triage/rules/states.py` by `python -m triage.rules.diagram`.", ""]
    for name, moves in _TABLES:
        lines += [f"## {name}", "", "```mermaid", "stateDiagram-v2"]
        lines += [f"    {move.before} --> {move.after}: {move.event} ({move.who})" for move in moves]
        finals = sorted({move.after for move in moves} & FINAL)
        lines += [f"    {state} --> [*]" for state in finals]
        lines += ["```", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    print(draw_states(), end="")
