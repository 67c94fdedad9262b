"""dcm4che's storescu and storescp: the only other ones with a window."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from bench.peers.base import HOME, Absent, Peer, Spot, program
from bench.processes import Command


@dataclass(frozen=True)
class Dcm4che(Peer):
    """With any number of operations outstanding."""

    name: ClassVar[str] = "dcm4che"
    settings: ClassVar[str] = (
        "storescu --max-ops-invoked 0, storescp --max-ops-performed 0, maximum PDU size 131072; it syncs nothing"
    )

    def version(self) -> str:
        _program("storescp")
        said = subprocess.run([_program("storescu"), "--version"], capture_output=True, text=True, check=False)
        return said.stdout.split()[-1] if said.stdout.split() else "unknown"

    def receiver(self, spot: Spot) -> Command:
        options = ["--max-ops-performed", "0", *_PDU, "--directory", str(spot.folder)]
        return Command([_program("storescp"), "-b", f"BENCH@127.0.0.1:{spot.port}", *options])

    def senders(self, spot: Spot) -> list[Command]:
        options = ["--max-ops-invoked", "0", *_PDU]
        return [Command([_program("storescu"), "-c", f"BENCH@127.0.0.1:{spot.port}", *options, str(spot.folder)])]


def _program(name: str) -> str:
    """Never the one that the shell finds, which is DCMTK's."""
    for home in (os.environ.get("DCM4CHE_HOME"), HOME / "dcm4che"):
        if home and (Path(home) / "bin" / name).is_file():
            return program(name, Path(home) / "bin")
    raise Absent("dcm4che is not installed (set DCM4CHE_HOME to where it is)")


_PDU = ("--max-pdulen-snd", "131072", "--max-pdulen-rcv", "131072")
