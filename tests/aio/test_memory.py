"""What the memory of whole processes is at most, however large the objects or many the associations."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from large import LIMIT, SIZE, digest, ended, in_memory, started, write_large

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")


def test_half_a_gigabyte_passes_through_64_mib(tmp_path: Path) -> None:
    """From file to file, over two DicomNet objects in processes of their own, with everything they import."""
    script = Path(__file__).with_name("transfer.py")
    with in_memory(4 * SIZE, tmp_path) as folder:
        source = write_large(folder / "source.dcm")
        with started(script, "receive", folder) as receiver:
            assert receiver.stdout is not None
            with started(script, "send", receiver.stdout.readline().strip(), source) as sender:
                peaks = {"sender": ended(sender), "receiver": ended(receiver)}
        assert max(peaks.values()) < LIMIT, peaks
        assert digest(folder / "kept.dcm") == digest(source)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_an_idle_secure_association_costs_less_than_64_kib(loop: str) -> None:
    """All that one end of it has, OpenSSL's part included."""
    script = str(Path(__file__).with_name("idle.py"))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    idle = subprocess.run(
        [sys.executable, script, loop],
        env=environment,
        stdout=subprocess.PIPE,
        encoding="ascii",
        timeout=50,
        check=True,
    )
    print(f"{idle.stdout.strip()} KiB")
    assert 0 < int(idle.stdout) < 64
