"""The bare loop that we are compared with."""

from __future__ import annotations

from pathlib import Path

from bench.data import CT, SR
from bench.measures.floor import LOOP
from bench.measures.stage import files
from bench.processes import free_port, transfer


def test_the_loop_moves_files_whole(tmp_path: Path) -> None:
    """A floor that loses bytes would be none: behind its header each file has what was sent, in order."""
    sent = [files(tmp_path, CT, 3), files(tmp_path, SR, 40)]
    for source in sent:
        kept, port = tmp_path / f"kept-{source.name}", free_port()
        kept.mkdir()
        transfer(LOOP("receive", port, kept), [LOOP("send", port, source)], port)
        expected = [path.read_bytes() for path in sorted(source.iterdir())]
        assert [(kept / str(number)).read_bytes()[400:] for number in range(len(expected))] == expected
        assert len(list(kept.iterdir())) == len(expected)
