"""Draws docs/states.md from the protocol machine's table, so that it cannot go stale.

python tools/draw_states.py            writes docs/states.md
python tools/draw_states.py --check    fails if it is not current
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path

from dicomnet.ul.machine import TABLE, Action, Input, State

TARGET = Path(__file__).parent.parent / "docs" / "states.md"


def drawing() -> str:
    """The whole page."""
    return "\n".join([*_head(), *_diagram(), "", *_table(), ""])


def _head() -> list[str]:
    return [
        "# The protocol machine",
        "",
        "PS3.8 section 9.2 as `dicomnet.ul.machine` has it; made by `tools/draw_states.py`.",
        "",
        "The way of an association that goes well and ends well, and how it is refused. An abort, a lost connection and",
        "an invalid PDU lead from every state to the end; the table below has them.",
        "",
    ]


def _diagram() -> list[str]:
    steps: dict[tuple[State, State], list[str]] = defaultdict(list)
    for event, cells in TABLE.items():
        for state, (action, after) in cells.items():
            if _label(action).startswith("AA"):
                continue
            for follower in after if isinstance(after, tuple) else (after,):
                steps[state, follower].append(f"{_words(event)} ({_label(action)})")
    lines = ["```mermaid", "stateDiagram-v2"]
    lines += [f"    Sta{state.value}: Sta{state.value} {_words(state)}" for state in State]
    for (state, follower), labels in steps.items():
        if state is not follower:
            lines += [f"    Sta{state.value} --> Sta{follower.value}: {label}" for label in labels]
    return [*lines, "```"]


def _table() -> list[str]:
    lines = ["| event | " + " | ".join(f"Sta{state.value}" for state in State) + " |", "|---" * (len(State) + 1) + "|"]
    for event, cells in TABLE.items():
        row = [f"Evt{event.value} {_words(event)}"]
        for state in State:
            if state not in cells:
                row.append("")
                continue
            action, after = cells[state]
            followers = after if isinstance(after, tuple) else (after,)
            row.append(f"{_label(action)} " + "/".join(f"Sta{follower.value}" for follower in followers))
        lines.append("| " + " | ".join(row) + " |")
    return lines


def _label(action: Action) -> str:
    return action.__name__.upper().replace("_", "-")


def _words(member: State | Input) -> str:
    return member.name.lower().replace("_", " ")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, fail if the page is not current")
    if not parser.parse_args().check:
        TARGET.write_text(drawing(), encoding="utf-8")
        return 0
    return 0 if TARGET.read_text(encoding="utf-8") == drawing() else 1


if __name__ == "__main__":
    sys.exit(main())
