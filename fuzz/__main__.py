"""`python -m fuzz`: lets atheris look for bytes that a target fails with.

What it finds on the way is kept in .fuzz/, and gone on from the next time; a
file there that begins with `crash-`, `timeout-` or `oom-` is a finding, and
belongs into fuzz/corpus/ once what it found is mended.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
WORK = HERE.parent / ".fuzz"
NAMES = ("acceptor", "requestor", "pdus", "command_set", "file_head", "data_set", "certificate", "proxy_header")
"""Of the targets, which are not imported here: atheris has to see them being imported."""


def main() -> int:
    """Fuzzes each target in a process of its own, one for each core at a time. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", choices=[*NAMES, []], help="all, if there is none")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    given = parser.parse_args()
    try:
        import atheris  # noqa: F401
    except ImportError:
        print("atheris has no package for this Python or system; nothing is fuzzed")
        return 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = [
            name for name, good in pool.map(lambda name: _fuzz(name, given.seconds), given.targets or NAMES) if not good
        ]
    if found:
        print(f"findings in {WORK}: {', '.join(found)}")
    return 1 if found else 0


def one(name: str, arguments: list[str]) -> None:
    """Fuzzes a target in this process, until libFuzzer ends it."""
    import atheris

    with atheris.instrument_imports(include=["dicomnet", "fuzz"]):
        from fuzz.targets import TARGETS
    atheris.Setup([sys.argv[0], *arguments], TARGETS[name])
    atheris.Fuzz()


def _fuzz(name: str, seconds: int) -> tuple[str, bool]:
    found = WORK / name
    found.mkdir(parents=True, exist_ok=True)
    program = f"from fuzz.__main__ import one; import sys; one({name!r}, sys.argv[1:])"
    options = (
        f"-max_total_time={seconds}",
        "-max_len=65536",
        "-timeout=5",
        "-rss_limit_mb=1024",
        "-print_final_stats=1",
        f"-dict={HERE / 'dictionary.txt'}",
        f"-artifact_prefix={WORK / name}-",
    )
    command = [sys.executable, "-c", program, *options, str(found), str(HERE / "corpus" / name)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, cwd=HERE.parent)
    lines = done.stderr.splitlines()
    if done.returncode:
        told = [
            line for line in (*done.stdout.splitlines(), *lines) if line and not line.startswith(("#", "INFO", "\t"))
        ]
        print(f"{name}:", *told[-40:], sep="\n    ", flush=True)
    else:
        runs = next((line.split()[-1] for line in lines if "number_of_executed_units" in line), "?")
        print(f"{name}: {runs} runs, nothing found", flush=True)
    return name, not done.returncode


if __name__ == "__main__":
    sys.exit(main())
