"""`python -m reliability`: the long form of everything, and its figures as a table."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.host import Host, host
from reliability import figures, scale


def main() -> int:
    """Runs it; arguments that are not its own go to pytest. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m reliability", description=__doc__)
    parser.add_argument("--seed", type=int, default=scale.SEED, help="what everything random begins with")
    own, others = parser.parse_known_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder, "figures")
        kept.touch()
        environment = os.environ | {
            "DICOMNET_RELIABILITY": "whole",
            "DICOMNET_SEED": str(own.seed),
            "DICOMNET_FIGURES": str(kept),
        }
        # Of a test that hangs in the long form its own bounds tell, and at last this one.
        command = [sys.executable, "-m", "pytest", "reliability", "--timeout=3600", *others]
        code = subprocess.run(command, env=environment, check=False).returncode
        print(f"\n{_machine(host())}; seed {own.seed}; {time.monotonic() - began:.0f} s\n")
        print(figures.table(figures.read(kept)))
    return code


def _machine(here: Host) -> str:
    memory = here.memory / (1 << 30)
    return (
        f"{here.cores} cores of {here.processor}, {memory:.0f} GiB, {here.system}, Python {platform.python_version()}"
    )


if __name__ == "__main__":
    sys.exit(main())
