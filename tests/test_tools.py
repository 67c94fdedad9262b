"""What tools/ makes is checked in, and current."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_drawing_of_the_states_is_current() -> None:
    """docs/states.md is what tools/draw_states.py makes of the table."""
    check = subprocess.run([sys.executable, ROOT / "tools" / "draw_states.py", "--check"], check=False, timeout=30)
    assert check.returncode == 0, "run `python tools/draw_states.py`"
