"""What the memory of whole processes is at most that block while they send and retrieve."""

from __future__ import annotations

from pathlib import Path

import pytest

from large import LIMIT, SIZE, digest, ended, in_memory, started, write_large

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")


def test_half_a_gigabyte_passes_through_64_mib(tmp_path: Path) -> None:
    """To a server and back by C-GET, from file to file; the server is no larger."""
    script = Path(__file__).with_name("retrieval.py")
    with in_memory(5 * SIZE, tmp_path) as folder:
        source = write_large(folder / "source.dcm")
        (folder / "kept").mkdir()
        with started(script, "serve", source, folder / "kept") as server:
            assert server.stdout is not None
            port = server.stdout.readline().strip()
            peaks = {}
            for word, what in (("store", source), ("get", folder / "got")):
                with started(script, word, port, what) as process:
                    peaks[word] = ended(process)
            peaks["serve"] = ended(server)
        assert max(peaks.values()) < LIMIT, peaks
        for name in ("kept", "got"):
            (found,) = (folder / name).glob("*.dcm")
            assert digest(found) == digest(source)
