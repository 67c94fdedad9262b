"""``python limited.py MIB ARGUMENTS``: Python with so much address space and no more, 0 being as much as there is."""

from __future__ import annotations

import os
import resource
import sys


def main() -> None:
    """Becomes that Python."""
    space = int(sys.argv[1]) << 20
    if space:
        resource.setrlimit(resource.RLIMIT_AS, (space, space))
    os.execv(sys.executable, [sys.executable, *sys.argv[2:]])


if __name__ == "__main__":
    main()
