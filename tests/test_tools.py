"""What tools/ makes is checked in, and current."""

import re
import subprocess
import sys
from pathlib import Path

from dicomnet.dimse.status import Status

ROOT = Path(__file__).parent.parent


def test_the_drawing_of_the_states_is_current() -> None:
    """docs/states.md is what tools/draw_states.py makes of the table."""
    check = subprocess.run([sys.executable, ROOT / "tools" / "draw_states.py", "--check"], check=False, timeout=30)
    assert check.returncode == 0, "run `python tools/draw_states.py`"


def test_the_tables_of_the_conformance_statement_are_current() -> None:
    """The tables in docs/conformance.md are what tools/draw_conformance.py makes of the registry and the limits."""
    check = subprocess.run([sys.executable, ROOT / "tools" / "draw_conformance.py", "--check"], check=False, timeout=30)
    assert check.returncode == 0, "run `python tools/draw_conformance.py`"


def test_the_conformance_statement_names_no_status_that_may_not_be_sent() -> None:
    """Each status in its tables is one that PS3.7 Annex C lets us send."""
    rows = re.findall(r"^\| ((?:[0-9A-F]{4}(?:, )?)+) \|", (ROOT / "docs" / "conformance.md").read_text(), re.MULTILINE)
    statuses = [Status(int(one, 16)) for row in rows for one in row.split(", ")]
    assert len(statuses) > 30
    assert all(status.is_defined for status in statuses)
