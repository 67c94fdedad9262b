"""pynetdicom, by two small programs of ours."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar

from bench.peers.base import HOME, PROGRAMS, Absent, Peer, Spot
from bench.processes import Command


@dataclass(frozen=True)
class Pynetdicom(Peer):
    """In an environment of its own where there is one, otherwise in ours.

    Args:
        nodelay: sets TCP_NODELAY behind its back; otherwise it waits about 45 ms in each message.
    """

    name: ClassVar[str] = "pynetdicom"
    settings: ClassVar[str] = (
        "no logging, maximum PDU size 131072, files sent by path with STORE_SEND_CHUNKED_DATASET and kept by "
        "encoded_dataset(), the fastest of what its documentation offers; it syncs nothing"
    )
    nodelay: bool = False

    @property
    def label(self) -> str:
        return f"{self.name} with TCP_NODELAY" if self.nodelay else self.name

    def version(self) -> str:
        return _found()[1]

    def receiver(self, spot: Spot) -> Command:
        return self._command("pynetdicom_scp.py", spot)

    def senders(self, spot: Spot) -> list[Command]:
        return [self._command("pynetdicom_scu.py", spot)]

    def _command(self, script: str, spot: Spot) -> Command:
        return Command([_found()[0], str(PROGRAMS / script), str(spot.port), str(spot.folder), str(int(self.nodelay))])


@cache
def _found() -> tuple[str, str]:
    """The Python that has it, and its version."""
    for python in (HOME / "python" / "bin" / "python", Path(sys.executable)):
        if python.exists():
            asked = subprocess.run([python, "-c", _ASK], capture_output=True, text=True, check=False)
            if asked.returncode == 0:
                return str(python), asked.stdout.strip()
    raise Absent("pynetdicom is not installed")


_ASK = "import pynetdicom; print(pynetdicom.__version__)"
