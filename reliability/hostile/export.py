"""``python -m reliability.hostile.export DIR``: the bytes of each case in a file, for fuzzers to begin with."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from reliability.hostile.corpus import FAMILIES, SERVICES


def export(folder: Path) -> int:
    """Writes a file for each case below a folder for each family; returns how many."""
    count = 0
    for family, cases in (FAMILIES | SERVICES).items():
        place = folder / family
        place.mkdir(parents=True, exist_ok=True)
        for number, case in enumerate(cases):
            name = re.sub(r"\W+", "-", case.name.lower())[:60].strip("-")
            (place / f"{number:03}-{name}.bin").write_bytes(case.sent)
            count += 1
    return count


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(f"{export(Path(sys.argv[1]))} cases in {sys.argv[1]}")
