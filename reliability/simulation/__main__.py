"""`python -m reliability.simulation SEED`: one run again, with all that happens in it."""

from __future__ import annotations

import argparse
import sys
import traceback

from reliability.simulation.world import Failed, World


def main() -> int:
    """Runs it and prints its trace. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m reliability.simulation", description=__doc__)
    parser.add_argument("seed", type=int)
    world = World(parser.parse_args().seed)
    try:
        world.run()
    except Failed as failed:
        print(*failed.trace, sep="\n")
        traceback.print_exception(failed)
        return 1
    print(*world.trace, sep="\n")
    print(f"{world.steps} steps, {world.stored} instances acknowledged, {world.crashes} crashes; trace {world.digest}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
