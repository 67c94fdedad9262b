"""How much is tried: a little of everything with every change, all of it when asked."""

from __future__ import annotations

import os

WHOLE = os.environ.get("DICOMNET_RELIABILITY") == "whole"
"""Whether this is the long form."""

SEED = int(os.environ.get("DICOMNET_SEED", "20261"))
"""What everything random begins with: the same one makes the same run."""


def of(short: int, whole: int) -> int:
    """How many: the number for every change, or the one for the long form."""
    return whole if WHOLE else short


def needs_root() -> str | None:
    """Why what needs root cannot be done here; None if it can."""
    if not hasattr(os, "geteuid"):
        return "this system has no root"
    return None if os.geteuid() == 0 else "needs root, for mounts"
