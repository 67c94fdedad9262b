"""`dicomnet recv` as a program of its own, and on a system that lacks something."""

from __future__ import annotations

import os
from pathlib import Path

from reliability.node import SOURCE

RECV = ("-m", "dicomnet")
"""The command."""

HIDDEN_NAMES = (
    "-c",
    """import sys
from dicomnet.storage import platform
platform.HAS_UNNAMED_FILES = False
from dicomnet.cli.main import main
sys.exit(main())""",
)
"""The command on a system that has no files without a name."""

ROOT = Path(__file__).parent.parent

ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join([SOURCE, str(ROOT / "tests"), str(ROOT)])}
"""For programs that use these modules, too."""


def recv(folder: Path, *options: str, program: tuple[str, ...] = RECV) -> tuple[str, ...]:
    """The arguments of Python for a receiver that keeps instances in a folder."""
    return (*program, "recv", "--port", "0", "--host", "127.0.0.1", "--output", str(folder), *options)
